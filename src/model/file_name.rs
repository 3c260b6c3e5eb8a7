//! Names of files that are safe and mean the same on every computer: for whatever comes from elsewhere and becomes a file here.
//!
//! A part of a path is taken only where Windows, macOS and Unix agree on what it means: no way out of the folder, no device, no second stream
//! of a file, nothing that is cut off or folded silently, nothing unseen, composed characters (NFC). What differs only in case is one name
//! ([`collision_key`]).

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Why a text is no safe name of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// Empty, or a part of it is: `a//b`, `a/`.
    #[error("a part of the name is empty")]
    Empty,
    /// Starts with `/`.
    #[error("it does not start in its folder")]
    Absolute,
    /// `.` or `..` as a part.
    #[error("`{0}` leads to another folder")]
    Dots(String),
    /// A character that means something else on another system: `\`, `:` and the other ones Windows forbids.
    #[error("`{0}` cannot be in a name on Windows")]
    Character(char),
    /// A character that shows nothing, or turns the reading direction and so hides what a name ends in.
    #[error("it has the invisible character U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// Windows cuts it off.
    #[error("`{0}` ends in a dot or a space, which Windows drops")]
    Ending(String),
    /// A device on Windows, whatever it ends in.
    #[error("`{0}` is a device on Windows")]
    Device(String),
    /// Named like our own folder, or like the short name Windows gives it.
    #[error("`{0}` is kept for fieldpost")]
    Ours(String),
    /// Not NFC: looks like another name and is none.
    #[error("its accents are written as separate characters, `{0}` is the name to give it")]
    NotComposed(String),
    /// Not Unicode at all.
    #[error("it is not valid Unicode")]
    NotUnicode,
    /// A part has more than [`NameFault::MAX_PART_BYTES`].
    #[error("a part has {0} bytes, the most is {max}", max = Self::MAX_PART_BYTES)]
    LongPart(usize),
    /// More bytes than this kind of path may have.
    #[error("the whole path has {0} bytes, the most is {1}")]
    Long(usize, usize),
    /// More folders in one another than this kind of path may have.
    #[error("it is {0} levels deep, the most is {1}")]
    Deep(usize, usize),
}

impl NameFault {
    /// Longest part between two `/`: what file systems take.
    pub const MAX_PART_BYTES: usize = 255;
}

/// Letters that differ only in case are the same, accents composed. Coarser than any one system: better one name too few than one file lost.
#[must_use]
pub fn collision_key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Letter by letter: `str::to_lowercase` knows a last sigma, which a file system does not.
    text.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

/// The composed spelling, where `text` is not it.
#[must_use]
pub fn composed(text: &str) -> Option<String> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return None;
    }
    let composed: String = text.nfc().collect();
    (composed != text).then_some(composed)
}

/// Checks one part of a path.
///
/// # Errors
/// Says which rule it breaks.
pub fn check_part(part: &str) -> Result<(), NameFault> {
    if part.is_empty() {
        return Err(NameFault::Empty);
    }
    if matches!(part, "." | "..") {
        return Err(NameFault::Dots(part.into()));
    }
    for c in part.chars() {
        if matches!(c, '\\' | ':' | '<' | '>' | '"' | '|' | '?' | '*') {
            return Err(NameFault::Character(c));
        }
        if c.is_control() || is_unseen(c) {
            return Err(NameFault::Invisible(c));
        }
    }
    if part.ends_with(['.', ' ']) {
        return Err(NameFault::Ending(part.into()));
    }
    if is_device(part) {
        return Err(NameFault::Device(part.into()));
    }
    if is_ours(part) {
        return Err(NameFault::Ours(part.into()));
    }
    if let Some(composed) = composed(part) {
        return Err(NameFault::NotComposed(composed));
    }
    if part.len() > NameFault::MAX_PART_BYTES {
        return Err(NameFault::LongPart(part.len()));
    }
    Ok(())
}

/// Windows keeps these with any ending and with spaces before it (`nul .txt`), the digits also written high.
fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end_matches(' ').to_ascii_lowercase();
    let numbered = ["com", "lpt"].iter().filter_map(|port| stem.strip_prefix(port));
    let mut digits = numbered.map(|rest| {
        let mut rest = rest.chars();
        matches!((rest.next(), rest.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    digits.any(|digit| digit) || ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem.as_str())
}

/// What fieldpost keeps for itself (`.fieldpost` in a home, `.fieldpost-library` in a documents folder) in any case, and its short names on Windows:
/// `FIELDP~1`, and from the fifth on `FI` with four digits of a hash.
fn is_ours(part: &str) -> bool {
    let folded = collision_key(part);
    let short = |rest: &str| rest.strip_prefix('~').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let hashed = |rest: &str| {
        let (hash, rest) = rest.split_at_checked(4).unwrap_or(("", rest));
        !hash.is_empty() && hash.bytes().all(|b| b.is_ascii_hexdigit()) && short(rest)
    };
    folded.starts_with(".fieldpost") || folded.strip_prefix("fieldp").is_some_and(short) || folded.strip_prefix("fi").is_some_and(hashed)
}

/// Shows nothing, or turns the direction of reading. Joiners (U+200C, U+200D) are letters to some languages and parts of some signs.
const fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}
