//! The names and passwords with which this site enters its exchanges, in a file that only its user can read.
//!
//! It lies with the keys of the site and goes the same way: never shown, never sent, gone with `detach`. One table per address.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use fs_err as fs;

use super::HomeError;
use crate::exchange::Secret;
use crate::rules::reading::{At, Reading, quoted};
use crate::world::World;
use crate::world::files::{self, Existing, Privacy};

/// A name and a password, either of which may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: Option<String>,
    /// With what.
    pub password: Option<Secret>,
}

/// All that are kept, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logins(BTreeMap<String, Login>);

impl Logins {
    /// Reads the file; one that is not there holds none.
    ///
    /// # Errors
    /// As the operating system says. A file that is not what we write is named with its line and none of its content.
    pub fn load(path: &Path) -> Result<Self, HomeError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        Self::parse(&text).map_err(|(line, _)| {
            let why = format!("`{}` cannot be read, line {line}: delete it and log in again", path.display());
            HomeError::Io(std::io::Error::new(std::io::ErrorKind::InvalidData, why))
        })
    }

    fn parse(text: &str) -> At<Self> {
        let root = Reading::parse(text)?;
        let mut all = BTreeMap::new();
        for address in root.keys() {
            let Some(table) = root.table(address)? else { continue };
            let user = table.text("user")?.map(str::to_owned);
            all.insert(address.to_owned(), Login { user, password: table.text("password")?.map(Secret::new) });
        }
        Ok(Self(all))
    }

    /// The one for an address.
    #[must_use]
    pub fn of(&self, address: &str) -> Option<&Login> {
        self.0.get(address)
    }

    /// Keeps one, in place of what was there; none: forgets it. Says whether anything changed.
    pub fn set(&mut self, address: &str, login: Option<Login>) -> bool {
        match login {
            Some(login) => self.0.insert(address.to_owned(), login.clone()) != Some(login),
            None => self.0.remove(address).is_some(),
        }
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn save(&self, world: &World, path: &Path) -> Result<(), HomeError> {
        let mut text = String::from("# Written by 'fieldpost exchange login'. Keep it to yourself.\n");
        for (address, login) in &self.0 {
            write!(text, "\n[{}]\n", quoted(address)).expect("a string takes all that is written to it");
            let password = login.password.as_ref().map(Secret::reveal);
            for (key, value) in [("user", login.user.as_deref()), ("password", password)] {
                if let Some(value) = value {
                    writeln!(text, "{key} = {}", quoted(value)).expect("a string takes all that is written to it");
                }
            }
        }
        Ok(files::publish(world, path, text.as_bytes(), Existing::Replace, Privacy::Secret)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_read_back_and_a_spoilt_file_shows_nothing_of_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logins");
        let mut logins = Logins::load(&path).unwrap();
        let login = Login { user: Some("anna".to_owned()), password: Some(Secret::new("a \"b\"\\\n")) };
        assert!(logins.set("ftp://host/x", Some(login.clone())) && !logins.set("ftp://host/x", Some(login)));
        logins.save(&World::real(), &path).unwrap();
        assert_eq!(Logins::load(&path).unwrap(), logins);
        assert!(logins.set("ftp://host/x", None) && !logins.set("ftp://host/x", None));
        fs::write(&path, "['x']\npassword = 'secret\n").unwrap();
        let error = Logins::load(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("secret"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logins");
        Logins::default().save(&World::real(), &path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
