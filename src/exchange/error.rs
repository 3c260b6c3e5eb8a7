//! What can go wrong with an exchange, and whether trying again can help.

use std::io;

use super::{FileName, Folder, Marker};
use crate::world::Crash;
use crate::world::files::FileError;

/// Why an operation on the exchange failed. Each says the place or the file, and none holds a password.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The share, the server or the way to it is not there. Says nothing about what lies on it.
    #[error("exchange `{place}` is out of reach: {reason}")]
    Unreachable {
        /// The exchange.
        place: String,
        /// What was seen.
        reason: String,
    },
    /// The place is there, but nothing says that it is a Fieldpost exchange: an unmounted share, a wrong path.
    #[error("`{place}` is not a fieldpost exchange: {why}")]
    NotAnExchange {
        /// The place.
        place: String,
        /// What about the marker.
        why: MarkerFault,
    },
    /// It may be read but not written.
    #[error("exchange `{place}` is read-only: {reason}")]
    ReadOnly {
        /// The exchange.
        place: String,
        /// What was seen.
        reason: String,
    },
    /// No room left, or a quota used up.
    #[error("exchange `{place}` is full: {reason}")]
    Full {
        /// The exchange.
        place: String,
        /// What was seen.
        reason: String,
    },
    /// The far side does not let us, or what lies there is nothing we touch (a link, a folder in place of a file).
    #[error("exchange `{place}` refuses: {reason}")]
    Refused {
        /// The exchange.
        place: String,
        /// What was seen.
        reason: String,
    },
    /// No file of that name is there now. Never proof that somebody took it.
    #[error("`{folder}/{name}` is not on the exchange")]
    Missing {
        /// Its folder.
        folder: Folder,
        /// Its name.
        name: FileName,
    },
    /// The name is taken.
    #[error("`{folder}/{name}` is on the exchange already")]
    Exists {
        /// Its folder.
        folder: Folder,
        /// Its name.
        name: FileName,
    },
    /// Another number of bytes arrived than was sent or listed.
    #[error("`{folder}/{name}` should have {expected} bytes and has {found}")]
    SizeDiffers {
        /// Its folder.
        folder: Folder,
        /// Its name.
        name: FileName,
        /// Bytes it should have.
        expected: u64,
        /// Bytes it has.
        found: u64,
    },
    /// Something else over there, as the operating system or the server says.
    #[error("exchange `{place}`: {source}")]
    Io {
        /// The exchange.
        place: String,
        /// What was said.
        source: io::Error,
    },
    /// The home's side of a transfer: the local file cannot be read or written.
    #[error(transparent)]
    Local(io::Error),
    /// The simulation killed the process.
    #[error(transparent)]
    Crash(#[from] Crash),
}

/// What is wrong with the marker of a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkerFault {
    /// There is none.
    #[error("it has no file `{name}`", name = super::MARKER_NAME)]
    Absent,
    /// It is not what we write.
    #[error("its file `{name}` cannot be read as a marker", name = super::MARKER_NAME)]
    Unreadable,
    /// A newer Fieldpost made it.
    #[error("its format is version {0}, this fieldpost knows up to {known}", known = Marker::VERSION)]
    Newer(u32),
}

impl ExchangeError {
    /// Whether the same call may succeed a moment later without anybody doing anything.
    #[must_use]
    pub const fn retry_helps(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::SizeDiffers { .. } | Self::Io { .. } => true,
            Self::NotAnExchange { .. }
            | Self::ReadOnly { .. }
            | Self::Full { .. }
            | Self::Refused { .. }
            | Self::Missing { .. }
            | Self::Exists { .. }
            | Self::Local(_)
            | Self::Crash(_) => false,
        }
    }

    /// What a person can do about it, where it is one that waits for a person.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::ReadOnly { .. } => Some("whoever looks after it has to give this user the right to write there: every site does"),
            Self::Refused { .. } => Some("look what is in the way there, and whether this user may read and write there: every site does"),
            Self::Full { .. } => Some("make room there; what is to be sent waits here"),
            Self::Local(error) => advice_at_home(error),
            Self::Unreachable { .. }
            | Self::NotAnExchange { .. }
            | Self::Missing { .. }
            | Self::Exists { .. }
            | Self::SizeDiffers { .. }
            | Self::Io { .. }
            | Self::Crash(_) => None,
        }
    }

    /// Sorts what the operating system says about a place; `NotFound` and `AlreadyExists` are for the caller to tell apart first.
    pub(super) fn from_io(place: String, doing: Doing, source: io::Error) -> Self {
        use io::ErrorKind as K;
        let reason = source.to_string();
        let kind = source.kind();
        let refused = kind == K::PermissionDenied;
        if kind == K::ReadOnlyFilesystem || refused && doing == Doing::Writing {
            Self::ReadOnly { place, reason }
        } else if matches!(kind, K::StorageFull | K::QuotaExceeded) {
            Self::Full { place, reason }
        } else if refused || matches!(kind, K::FileTooLarge | K::IsADirectory | K::NotADirectory | K::InvalidFilename | K::Unsupported) {
            Self::Refused { place, reason }
        } else if is_away(kind) {
            Self::Unreachable { place, reason }
        } else {
            Self::Io { place, source }
        }
    }
}

/// What a person can do about what the operating system says of a file of this computer.
#[must_use]
pub fn advice_at_home(error: &io::Error) -> Option<&'static str> {
    use io::ErrorKind as K;
    let kind = error.kind();
    if matches!(kind, K::StorageFull | K::QuotaExceeded) {
        Some("make room on the disk; nothing is half done, the next run goes on")
    } else if kind == K::ReadOnlyFilesystem {
        Some("the disk may only be read: mount it so that it can be written, then run again")
    } else if kind == K::PermissionDenied {
        Some("this user may not do that there: check the rights of the file and its folder")
    } else {
        None
    }
}

/// The kinds that mean the way or the far side is gone, not that the file is.
const fn is_away(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as K;
    matches!(
        kind,
        K::HostUnreachable
            | K::NetworkUnreachable
            | K::NetworkDown
            | K::TimedOut
            | K::NotConnected
            | K::ConnectionRefused
            | K::ConnectionReset
            | K::ConnectionAborted
            | K::BrokenPipe
            | K::StaleNetworkFileHandle
    )
}

/// What an operation was at when the operating system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Reading,
    Writing,
}

impl From<FileError> for ExchangeError {
    /// The durable files of `world` are the home's side.
    fn from(error: FileError) -> Self {
        match error {
            FileError::Io(error) => Self::Local(error),
            FileError::Crash(crash) => Self::Crash(crash),
        }
    }
}

/// Most characters of a far side's text in a message.
const MOST_WORDS: usize = 300;

/// What a server or program says, fit for a message: one line without control characters, the beginning of a long one.
pub(super) fn cleaned(text: &[u8]) -> String {
    shortened(text, |line, over| format!("{}…", line[..line.len() - over].iter().collect::<String>()))
}

/// As [`cleaned`], but the end of a long one.
pub(super) fn cleaned_end(text: &[u8]) -> String {
    shortened(text, |line, over| format!("…{}", line[over..].iter().collect::<String>()))
}

fn shortened(text: &[u8], cut: impl Fn(&[char], usize) -> String) -> String {
    let text = String::from_utf8_lossy(text);
    // Marks that turn the direction of writing can make a message read as another one.
    let odd = |c: char| {
        c.is_control() || c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let line: Vec<char> = text.split(odd).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").chars().collect();
    match line.len().checked_sub(MOST_WORDS) {
        None | Some(0) => line.into_iter().collect(),
        Some(over) => cut(&line, over),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_far_side_says_fits_a_message() {
        assert_eq!(cleaned(b"550 \x1b[31mno\r\n such\0file \xff"), "550 [31mno such file \u{fffd}");
        assert_eq!(cleaned("a\u{202e}b".as_bytes()), "a b");
        let long = format!("first {} last", "x".repeat(2 * MOST_WORDS));
        let (first, last) = (cleaned(long.as_bytes()), cleaned_end(long.as_bytes()));
        assert!(first.starts_with("first ") && first.ends_with("x…") && last.starts_with("…x") && last.ends_with(" last"));
        assert_eq!((first.chars().count(), last.chars().count()), (MOST_WORDS + 1, MOST_WORDS + 1));
    }

    fn sorted(doing: Doing, kind: io::ErrorKind) -> ExchangeError {
        ExchangeError::from_io("here".into(), doing, kind.into())
    }

    #[test]
    fn full_read_only_refused_and_away_are_told_apart() {
        use io::ErrorKind as K;
        assert!(matches!(sorted(Doing::Writing, K::StorageFull), ExchangeError::Full { .. }));
        assert!(matches!(sorted(Doing::Writing, K::QuotaExceeded), ExchangeError::Full { .. }));
        assert!(matches!(sorted(Doing::Writing, K::ReadOnlyFilesystem), ExchangeError::ReadOnly { .. }));
        assert!(matches!(sorted(Doing::Writing, K::PermissionDenied), ExchangeError::ReadOnly { .. }));
        assert!(matches!(sorted(Doing::Reading, K::PermissionDenied), ExchangeError::Refused { .. }));
        assert!(matches!(sorted(Doing::Reading, K::StaleNetworkFileHandle), ExchangeError::Unreachable { .. }));
        assert!(matches!(sorted(Doing::Reading, K::Other), ExchangeError::Io { .. }));
    }
}
