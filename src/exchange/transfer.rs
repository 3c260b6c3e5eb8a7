//! The home's side of a transfer: what is put, where a get goes on, and how long a listing may be.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use fs_err as fs;

use super::{Entry, ExchangeError, MAX_LISTING};

/// What is to be put. Can be read again from the start as often as an attempt needs.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// A local file that does not change meanwhile.
    File(&'a Path),
    /// A few bytes.
    Bytes(&'a [u8]),
}

impl Content<'_> {
    /// How many bytes it has.
    ///
    /// # Errors
    /// [`ExchangeError::Local`] where the file cannot be asked.
    pub fn bytes(&self) -> Result<u64, ExchangeError> {
        match self {
            Self::File(path) => Ok(fs::metadata(path).map_err(ExchangeError::Local)?.len()),
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Writes all of it; the two sides' failures stay apart.
    pub(super) fn write_to(&self, to: &mut impl Write, far: impl Fn(io::Error) -> ExchangeError) -> Result<(), ExchangeError> {
        match self {
            Self::File(path) => pump(&mut fs::File::open(path).map_err(ExchangeError::Local)?, to, ExchangeError::Local, far),
            Self::Bytes(bytes) => to.write_all(bytes).map_err(far),
        }
    }
}

/// Appends to the local file `to` what it lacks of a far file of `there` bytes; `open` gives that file from an offset on.
pub(super) fn receive<R: Read>(
    entry: &Entry,
    there: u64,
    to: &Path,
    open: impl FnOnce(u64) -> io::Result<R>,
    far: impl Fn(io::Error) -> ExchangeError,
) -> Result<(), ExchangeError> {
    let mut file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(to).map_err(ExchangeError::Local)?;
    let mut have = file.metadata().map_err(ExchangeError::Local)?.len();
    if have > there {
        file.set_len(0).map_err(ExchangeError::Local)?;
        have = 0;
    }
    file.seek(SeekFrom::Start(have)).map_err(ExchangeError::Local)?;
    let room = entry.bytes.saturating_add(1).saturating_sub(have);
    let mut from = open(have).map_err(&far)?.take(room);
    pump(&mut from, &mut file, far, ExchangeError::Local)
}

/// Copies all; unlike [`io::copy`] it knows which side failed.
fn pump(
    from: &mut impl Read,
    to: &mut impl Write,
    reading: impl Fn(io::Error) -> ExchangeError,
    writing: impl Fn(io::Error) -> ExchangeError,
) -> Result<(), ExchangeError> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(&buffer[..read]).map_err(&writing)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(reading(error)),
        }
    }
}

/// A listing under construction: takes [`MAX_LISTING`] files and not one more.
#[derive(Debug, Default)]
pub(super) struct Listing(Vec<Entry>);

impl Listing {
    pub(super) fn push(&mut self, place: &str, entry: Entry) -> Result<(), ExchangeError> {
        if self.0.len() == MAX_LISTING {
            return Err(ExchangeError::Refused { place: place.into(), reason: format!("more than {MAX_LISTING} files in one folder") });
        }
        self.0.push(entry);
        Ok(())
    }

    pub(super) fn done(self) -> Vec<Entry> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::FileName;

    #[test]
    fn a_listing_ends_at_its_cap_with_an_error() {
        let mut listing = Listing::default();
        let entry = Entry { name: FileName::new("a").unwrap(), bytes: 1 };
        for _ in 0..MAX_LISTING {
            listing.push("here", entry.clone()).unwrap();
        }
        assert!(matches!(listing.push("here", entry), Err(ExchangeError::Refused { .. })));
        assert_eq!(listing.done().len(), MAX_LISTING);
    }
}
