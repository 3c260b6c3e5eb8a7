//! How a packet file and a part inside it may be called.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use super::error::OpenError;
use super::limits::Limits;
use super::structure;
use crate::model::{PacketNumber, SiteName, StreamId};

/// Name of a packet file: `<stream>-<number>-<bytes>-<hash>.fpk`. From the name alone a listing shows what is missing, what is
/// there twice and what is only half there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketFileName {
    /// The stream.
    pub stream: StreamId,
    /// Place in the stream.
    pub number: PacketNumber,
    /// Length of the file.
    pub bytes: u64,
    /// First half of the blake3 hash of the file's bytes.
    pub hash: [u8; 16],
}

/// A name that nothing is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a packet file's name.
    #[error("`{0}` is not the name of a packet")]
    PacketFile(String),
    /// Not a part's name: `a-z0-9._-` in segments between single `/`, none of them `.` or `..`.
    #[error("`{0}` is not a canonical entry name")]
    Part(String),
}

impl PacketFileName {
    /// Ending of every packet file.
    pub const EXTENSION: &'static str = "fpk";

    /// The folder on the exchange: recipient first, because a site lists only what is for it.
    #[must_use]
    pub fn folder(recipient: &SiteName, sender: &SiteName) -> String {
        format!("{recipient}/{sender}")
    }

    /// Whether a file of this length can be the whole packet.
    #[must_use]
    pub const fn matches(&self, bytes: u64) -> bool {
        self.bytes == bytes
    }

    /// Whether the bytes of `file` are the ones that were named.
    ///
    /// # Errors
    /// [`OpenError::Truncated`] for a shorter file, [`OpenError::NameMismatch`] for other bytes.
    pub fn check(&self, file: &Path) -> Result<(), OpenError> {
        let (bytes, hash) = structure::hash_file(&mut fs_err::File::open(file)?)?;
        if bytes < self.bytes {
            return Err(OpenError::Truncated);
        }
        if bytes > self.bytes || hash.as_bytes()[..16] != self.hash {
            return Err(OpenError::NameMismatch);
        }
        Ok(())
    }

    /// The name of an existing file.
    pub(super) fn of_file(stream: StreamId, number: PacketNumber, file: &mut impl io::Read) -> io::Result<Self> {
        let (bytes, hash) = structure::hash_file(file)?;
        let (hash, _) = hash.as_bytes().split_first_chunk().expect("a hash has 32 bytes");
        Ok(Self { stream, number, bytes, hash: *hash })
    }
}

impl fmt::Display for PacketFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = data_encoding::HEXLOWER.encode(&self.hash);
        write!(f, "{}-{}-{}-{hash}.{}", self.stream, self.number, self.bytes, Self::EXTENSION)
    }
}

impl FromStr for PacketFileName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let parse = || {
            let mut parts = text.strip_suffix(".fpk")?.split('-');
            let name = Self {
                stream: StreamId::try_from(parts.next()?.to_string()).ok()?,
                number: PacketNumber(parts.next()?.parse().ok()?),
                bytes: parts.next()?.parse().ok()?,
                hash: data_encoding::HEXLOWER.decode(parts.next()?.as_bytes()).ok()?.try_into().ok()?,
            };
            // One spelling only: no sign, no leading zero, nothing after.
            (name.number.0 > 0 && name.to_string() == text).then_some(name)
        };
        parse().ok_or_else(|| NameError::PacketFile(text.into()))
    }
}

/// Checks that a part of a payload may be called `name`.
///
/// # Errors
/// [`NameError::Part`] for anything that a file system could take for another place or another spelling.
pub fn check_part_name(name: &str) -> Result<(), NameError> {
    let canonical = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-');
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(canonical);
    if name.len() <= Limits::NAME_BYTES && name.split('/').all(segment) { Ok(()) } else { Err(NameError::Part(name.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "00000000000000ff-12-3456-000102030405060708090a0b0c0d0e0f.fpk";

    #[test]
    fn a_file_name_comes_back() {
        let name: PacketFileName = NAME.parse().unwrap();
        assert_eq!((name.stream, name.number, name.bytes, name.hash[15]), (StreamId(255), PacketNumber(12), 3456, 15));
        assert_eq!(name.to_string(), NAME);
        assert!(name.matches(3456) && !name.matches(3455));
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let wrong = [
            "",
            ".fpk",
            &NAME.replace(".fpk", ".FPK"),
            &NAME.replace(".fpk", ".fpk.part"),
            &NAME.replace("-12-", "-012-"),
            &NAME.replace("-12-", "-+12-"),
            &NAME.replace("-12-", "-0-"),
            &NAME.replace("ff-", "FF-"),
            &NAME.replace("0f.", "0F."),
            &NAME.replace("0f.", "."),
            &NAME.replace("0f.", "0f-1."),
            &NAME.replace("-12-", "-99999999999999999999-"),
            &format!("x/{NAME}"),
        ];
        for text in wrong {
            assert_eq!(text.parse::<PacketFileName>(), Err(NameError::PacketFile(text.into())));
        }
    }

    #[test]
    fn part_names_cannot_leave_their_folder_or_be_spelled_twice() {
        for good in ["changes.jsonl", "documents/0a1b", "a-b_c/d.e", "..a", "a"] {
            check_part_name(good).unwrap();
        }
        for bad in ["", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "A", "é", "a b", "a\0", "c:"] {
            assert!(check_part_name(bad).is_err(), "{bad:?}");
        }
        check_part_name(&"a".repeat(Limits::NAME_BYTES)).unwrap();
        assert!(check_part_name(&"a".repeat(Limits::NAME_BYTES + 1)).is_err());
    }
}
