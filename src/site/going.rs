//! How does a home end? Detaching sets it aside, whole, under another name.
//!
//! **States**: home → going (`.fieldpost/detaching`: our traces are being taken out of the database) → `.fieldpost` set aside → settings set
//! aside with it: no home any more. A home without a database goes without the second state. **Crash points**: each step can be repeated until the next
//! one is reached, and until the last one [`Home::is_going`] says that somebody has to. **Invariant**: what is set aside in part is never set aside
//! again under a second name.

use std::path::PathBuf;

use fs_err as fs;

use super::{Home, HomeError, lock};
use crate::model::Millis;
use crate::world::World;
use crate::world::files::{self, Existing, Privacy};

impl Home {
    const DETACHING: &str = "detaching";

    /// Notes that the traces in the database go from now on.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn begin_going(&self, world: &World) -> Result<(), HomeError> {
        Ok(files::publish(world, &self.inside().join(Self::DETACHING), b"", Existing::Replace, Privacy::Ordinary)?)
    }

    /// Takes [`Home::begin_going`] back: nothing went.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn stay(&self, world: &World) -> Result<(), HomeError> {
        Ok(files::remove(world, &self.inside().join(Self::DETACHING))?)
    }

    /// Whether a detach began and did not end.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn is_going(&self) -> Result<bool, HomeError> {
        Ok(self.inside().join(Self::DETACHING).exists() || self.set_aside_in_part()?.is_some())
    }

    /// Sets everything aside under the name it returns, as far as that has not happened. The settings go last: until then the folder is a
    /// home, and this can be repeated.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn set_aside(&self, world: &World, now: Millis) -> Result<PathBuf, HomeError> {
        let aside = match self.set_aside_in_part()? {
            Some(aside) => aside,
            None => {
                let aside = self.folder().join(format!("{}{}", Self::ASIDE, now.0));
                // Of a home that lost everything else the settings are left.
                if self.inside().exists() {
                    files::rename(world, &self.inside(), &aside)?
                } else {
                    lock::create_private_folder(&aside)?
                }
                aside
            }
        };
        // Whoever puts it back wants a home.
        files::remove(world, &aside.join(Self::DETACHING))?;
        files::rename(world, &self.settings_path(), &aside.join(Self::SETTINGS))?;
        Ok(aside)
    }

    const ASIDE: &str = ".fieldpost-detached-";

    /// Where everything but the settings is.
    fn set_aside_in_part(&self) -> Result<Option<PathBuf>, HomeError> {
        if self.inside().exists() {
            return Ok(None);
        }
        let mut last = None;
        for entry in fs::read_dir(self.folder())? {
            let entry = entry?;
            let time = entry.file_name().to_str().and_then(|name| name.strip_prefix(Self::ASIDE)?.parse::<i64>().ok());
            if let Some(time) = time
                && !entry.path().join(Self::SETTINGS).exists()
            {
                last = last.max(Some((time, entry.path())));
            }
        }
        Ok(last.map(|(_, path)| path))
    }
}
