//! The home's side of a transfer: what is put, where a get goes on, and how long a listing may be.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use fs_err as fs;

use super::{Entry, ExchangeError, MAX_LISTING, Meter};
use crate::world::World;

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
    pub(super) fn write_to(
        &self,
        world: &World,
        meter: &Meter,
        to: &mut impl Write,
        far: impl Fn(io::Error) -> ExchangeError,
    ) -> Result<(), ExchangeError> {
        let mut from = self.reader(world, meter, 0)?;
        match io::copy(&mut from, to) {
            Ok(_) => Ok(()),
            Err(error) => Err(from.failure().unwrap_or_else(|| far(error))),
        }
    }

    /// Gives the bytes from an offset on to who pulls them.
    pub(super) fn reader<'a>(&'a self, world: &'a World, meter: &'a Meter, offset: u64) -> Result<ContentReader<'a>, ExchangeError> {
        let from: Box<dyn Read + Send + 'a> = match self {
            Self::File(path) => {
                let mut file = fs::File::open(path).map_err(ExchangeError::Local)?;
                file.seek(SeekFrom::Start(offset)).map_err(ExchangeError::Local)?;
                Box::new(file)
            }
            Self::Bytes(bytes) => Box::new(&bytes[bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX))..]),
        };
        Ok(ContentReader { from, world, meter, failed: None })
    }
}

/// Content that is being sent. It is counted as it is read.
pub(super) struct ContentReader<'a> {
    from: Box<dyn Read + Send + 'a>,
    world: &'a World,
    meter: &'a Meter,
    failed: Option<ExchangeError>,
}

impl ContentReader<'_> {
    /// Why the home's side failed or stopped, where it did: the far side's code only sees that its source failed.
    pub(super) fn failure(&mut self) -> Option<ExchangeError> {
        self.failed.take()
    }
}

impl Read for ContentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.from.read(buffer) {
            Ok(bytes) => {
                if let Err(crash) = self.world.go_on() {
                    self.failed = Some(crash.into());
                    return Err(io::ErrorKind::Other.into());
                }
                self.meter.passed(self.world, bytes as u64);
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let seen = error.kind().into();
                self.failed = Some(ExchangeError::Local(error));
                Err(seen)
            }
        }
    }
}

/// Appends to the local file `to` what it lacks of a far file of `there` bytes; `open` gives that file from an offset on.
pub(super) fn receive<R: Read>(
    world: &World,
    meter: &Meter,
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
    // Not `io::copy`, which does not say which side failed.
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                world.go_on()?;
                file.write_all(&buffer[..read]).map_err(ExchangeError::Local)?;
                meter.passed(world, read as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(far(error)),
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
