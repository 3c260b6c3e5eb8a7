//! What does a path or an address on the command line mean once it is written into `fieldpost.toml`?
//!
//! On the command line a path is seen from the current folder; in the settings, from the home. So that a run from
//! anywhere means the same place, addresses are written down whole, and a database inside the home by its place there.

use std::io;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::exchange::{Access, Exchange, Retrying, open_exchange};
use crate::site::{Home, Settings};

/// A typed path, whole. `..` is followed as the operating system does, where what it leads to is there.
///
/// # Errors
/// Where there is no current folder.
pub fn whole(here: &Path, typed: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(here.join(typed))?;
    let climbs = path.components().any(|component| component == std::path::Component::ParentDir);
    if climbs
        && let (Some(folder), Some(name)) = (path.parent(), path.file_name())
        && let Ok(folder) = folder.canonicalize()
    {
        return Ok(folder.join(name));
    }
    Ok(path)
}

/// A typed database path as the settings of `home` have it.
///
/// # Errors
/// [`Failure::NotText`] for a path that no text file can hold.
pub fn database(here: &Path, home: &Path, typed: &Path) -> Result<String, Failure> {
    let path = whole(here, typed)?;
    let inside = path.strip_prefix(whole(here, home)?).unwrap_or(&path);
    text(inside)
}

/// A typed exchange as the settings have it: addresses as they are, folders whole.
///
/// # Errors
/// [`Failure::NotText`].
pub fn exchange(here: &Path, typed: &str) -> Result<String, Failure> {
    if typed.is_empty() || typed.contains("://") || typed.starts_with("command:") {
        Ok(typed.to_owned())
    } else {
        text(&whole(here, Path::new(typed))?)
    }
}

/// Opens the exchange of a site; a folder that a person wrote into the settings is seen from the home. Tries again what may pass.
///
/// # Errors
/// [`crate::exchange::OpenError`].
pub fn open(settings: &Settings, home: &Home) -> Result<Retrying<Box<dyn Exchange>>, Failure> {
    let address = exchange(home.folder(), &settings.exchange)?;
    Ok(Retrying::new(open_exchange(&address, &Access::default())?))
}

fn text(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| Failure::NotText(path.to_owned()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_database_in_the_home_is_named_from_there_and_any_other_whole() {
        let (here, home) = (Path::new("/srv"), Path::new("shop"));
        assert_eq!(database(here, home, Path::new("shop/./a.db")).unwrap(), "a.db");
        assert_eq!(database(here, home, Path::new("a.db")).unwrap(), "/srv/a.db");
        assert_eq!(database(here, home, Path::new("/var/a.db")).unwrap(), "/var/a.db");
        assert_eq!(exchange(here, "share").unwrap(), "/srv/share");
        assert_eq!(exchange(here, "file:///share").unwrap(), "file:///share");
    }
}
