//! What does a path or an address on the command line mean once it is written into `fieldpost.toml`?
//!
//! On the command line a path is seen from the current folder; in the settings, from the home. So that a run from
//! anywhere means the same place, addresses are written down whole, and a database inside the home by its place there.

use std::io;
use std::path::{Path, PathBuf};

use super::printer::Progress;
use super::{Failure, access};
use crate::exchange::{Access, Address, DryRun, Exchange, Meter, Retrying, open_exchange};
use crate::site::{Exchanges, Home, Settings};

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

/// A typed path, whole, as the settings have it.
///
/// # Errors
/// [`Failure::NotText`].
pub fn path(here: &Path, typed: &Path) -> Result<String, Failure> {
    text(&whole(here, typed)?)
}

/// A typed exchange as the settings have it: addresses as they are, folders whole.
///
/// # Errors
/// [`Failure::NotText`].
pub fn exchange(here: &Path, typed: &str) -> Result<String, Failure> {
    if typed.is_empty() || typed.contains("://") || typed.starts_with("command:") {
        Ok(typed.to_owned())
    } else {
        path(here, Path::new(typed))
    }
}

/// Why a folder cannot be the exchange of the site in `home`, with `database` as the settings have it: everybody reads what is there.
pub fn exposes(home: &Path, database: &str, exchange: &str) -> Option<String> {
    let Ok(Address::Folder(folder)) = Address::parse(exchange) else { return None };
    let real = |path: PathBuf| {
        let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
        there.map_or_else(|| path.clone(), |(above, real)| real.join(path.strip_prefix(above).expect("it is above")))
    };
    let (folder, database) = (real(home.join(folder)), real(home.join(database)));
    let home = real(home.to_owned());
    if home.starts_with(&folder) {
        Some(format!("the home `{}` with the keys of this site lies in it", home.display()))
    } else if folder.starts_with(home.join(Home::INSIDE)) {
        Some("it lies among the keys of this site".to_owned())
    } else if database.starts_with(&folder) {
        Some(format!("the database `{}` lies in it", database.display()))
    } else {
        None
    }
}

/// The exchanges of a site, opened and not yet reached.
#[derive(Debug)]
pub struct Opened<E = Retrying<Box<dyn Exchange>>>(Vec<E>);

impl Opened {
    /// Opens them; a folder that a person wrote into the settings is seen from the home. They try again what may pass.
    ///
    /// # Errors
    /// [`crate::exchange::OpenError`] for the first that cannot be used; see also [`access::find`].
    pub fn of(settings: &Settings, home: &Home, progress: &Progress) -> Result<Self, Failure> {
        Self::with(&settings.exchanges, home.folder(), progress, |address| {
            Ok(access::find(&settings.exchanges, address, Some(home))?.access)
        })
    }

    /// Opens them with what `access` gives for each; folders are seen from `base`.
    ///
    /// # Errors
    /// As [`Opened::of`].
    pub fn with(
        exchanges: &Exchanges,
        base: &Path,
        progress: &Progress,
        access: impl Fn(&str) -> Result<Access, Failure>,
    ) -> Result<Self, Failure> {
        let meter = Meter::new(exchanges.transfer_limit, progress.traffic());
        let one = |address: &String| {
            let access = Access { meter: meter.clone(), ..access(address)? };
            Ok(Retrying::new(open_exchange(&exchange(base, address)?, &access)?))
        };
        exchanges.addresses.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Each as it is, without trying again: for a look.
    pub fn once(&mut self) -> impl Iterator<Item = &mut dyn Exchange> {
        self.0.iter_mut().map(|exchange| exchange.once() as &mut dyn Exchange)
    }

    /// The same, with nothing written to them.
    #[must_use]
    pub fn dry(self) -> Opened<DryRun<Retrying<Box<dyn Exchange>>>> {
        Opened(self.0.into_iter().map(DryRun::new).collect())
    }
}

impl<E: Exchange> Opened<E> {
    /// For a round.
    pub fn all(&mut self) -> Vec<&mut dyn Exchange> {
        self.0.iter_mut().map(|exchange| exchange as &mut dyn Exchange).collect()
    }
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
