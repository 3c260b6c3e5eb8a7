//! Reads a line of a server's listing: what MLSD sends, and what LIST sends on Unix and on Windows.
//!
//! LIST is meant for people, so a line that is not understood beyond doubt gives nothing, and the caller asks another way.

/// One thing in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a> {
    /// As the server says it: anything.
    pub name: &'a str,
    /// What it is.
    pub kind: Kind,
}

/// What a thing in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A plain file of so many bytes.
    File(u64),
    /// A folder.
    Folder,
    /// A link, a device.
    Other,
}

/// A line of MLSD (RFC 3659, 7.2): `type=file;size=3;modify=…; name`. `None`: it cannot be used.
pub(super) fn mlsd(line: &str) -> Option<Item<'_>> {
    let (facts, name) = line.split_once(' ')?;
    let fact = |wanted: &str| {
        let mut facts = facts.split(';').filter_map(|fact| fact.split_once('='));
        facts.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    let kind = match fact("type")?.to_ascii_lowercase().as_str() {
        "file" => Kind::File(fact("size")?.parse().ok()?),
        "dir" | "cdir" | "pdir" => Kind::Folder,
        _ => Kind::Other,
    };
    Some(Item { name, kind })
}

/// A line of LIST. `None`: it cannot be used. A line that stands for nothing (`total 8`) is a nameless other.
pub(super) fn list(line: &str) -> Option<Item<'_>> {
    match line.bytes().next() {
        None => Some(Item { name: "", kind: Kind::Other }),
        Some(b'0'..=b'9') => windows(line),
        Some(b'-' | b'd' | b'l' | b'b' | b'c' | b'p' | b's') => unix(line),
        Some(_) => line.starts_with("total ").then_some(Item { name: "", kind: Kind::Other }),
    }
}

/// A line of NLST, which does not say what the name stands for.
pub(super) fn name(line: &str) -> Option<Item<'_>> {
    Some(Item { name: line, kind: Kind::Other })
}

/// `-rw-r--r-- 1 owner group 3 Nov 28 06:46 name`; owner and group may be absent or several words, the date may be ISO.
fn unix(line: &str) -> Option<Item<'_>> {
    let words = words(line);
    // The size is the number before the date, wherever that stands.
    let (size, date) = (1..words.len().saturating_sub(2)).find_map(|at| {
        let size = words[at].1.parse::<u64>().ok()?;
        let date = |n: usize| words.get(at + n).map_or("", |(_, word)| word);
        if is_month(date(1)) && is_number(date(2)) && is_time_or_year(date(3)) {
            Some((size, at + 3))
        } else if is_iso_date(date(1)) && is_time_or_year(date(2)) {
            Some((size, at + 2))
        } else {
            None
        }
    })?;
    let (start, last) = words[date];
    // One space, not more: a name may begin with one.
    let name = line.get(start + last.len() + 1..)?;
    let kind = match line.as_bytes()[0] {
        b'-' => Kind::File(size),
        b'd' => Kind::Folder,
        _ => Kind::Other,
    };
    (!name.is_empty()).then_some(Item { name, kind })
}

/// `11-28-26  06:46AM       <DIR>          name`, with the size in place of `<DIR>` for a file.
fn windows(line: &str) -> Option<Item<'_>> {
    let words = words(line);
    let [(_, date), (_, time), (start, size), ..] = words[..] else { return None };
    if date.split(['-', '/', '.']).count() != 3 || !time.contains(':') {
        return None;
    }
    let name = line.get(start + size.len()..)?.trim_start();
    let kind = match size {
        "<DIR>" => Kind::Folder,
        size if size.starts_with('<') => Kind::Other,
        size => Kind::File(size.parse().ok()?),
    };
    (!name.is_empty()).then_some(Item { name, kind })
}

/// The words of a line and where they begin.
fn words(line: &str) -> Vec<(usize, &str)> {
    let start = line.as_ptr() as usize;
    line.split(' ').filter(|word| !word.is_empty()).map(|word| (word.as_ptr() as usize - start, word)).collect()
}

fn is_month(word: &str) -> bool {
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"].contains(&&*word.to_ascii_lowercase())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_time_or_year(word: &str) -> bool {
    word.split(':').all(is_number)
}

fn is_iso_date(word: &str) -> bool {
    word.split('-').count() == 3 && word.split('-').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_mlsd_are_read() {
        let file = |name, bytes| Some(Item { name, kind: Kind::File(bytes) });
        assert_eq!(mlsd("modify=20261128064643;perm=adfrw;size=12;type=file;unique=1U2; a.fpk"), file("a.fpk", 12));
        assert_eq!(mlsd("Type=File;Size=0; two words"), file("two words", 0));
        assert_eq!(mlsd("type=cdir; ."), Some(Item { name: ".", kind: Kind::Folder }));
        assert_eq!(mlsd("type=OS.unix=slink:/etc/passwd;size=3; x"), Some(Item { name: "x", kind: Kind::Other }));
        for bad in ["", "a.fpk", "type=file; a", "type=file;size=x; a", "size=3; a"] {
            assert_eq!(mlsd(bad), None, "{bad}");
        }
    }

    #[test]
    fn lines_of_list_are_read() {
        let item = |name, kind| Some(Item { name, kind });
        for (line, expected) in [
            ("-rw-r--r--    1 1000     1000          123 Nov 28 06:46 a.fpk", item("a.fpk", Kind::File(123))),
            ("-rw-r--r--   1 field post  5000000000 Nov  5  2018 a.fpk", item("a.fpk", Kind::File(5_000_000_000))),
            ("-rw-r--r-- 1 Domain Users 7 Nov 28 06:46 a 8 Nov 28 06:46 b", item("a 8 Nov 28 06:46 b", Kind::File(7))),
            ("-rw-r--r-- 1 o g 7 2026-11-28 06:46 a.fpk", item("a.fpk", Kind::File(7))),
            ("-rwxrwxrwx 1 o g 7 Nov 28 06:46  a", item(" a", Kind::File(7))),
            ("drwxr-xr-x    2 0        0            4096 Nov 28 06:46 head", item("head", Kind::Folder)),
            ("lrwxrwxrwx 1 o g 7 Nov 28 06:46 a -> /etc/passwd", item("a -> /etc/passwd", Kind::Other)),
            ("11-28-26  06:46AM       <DIR>          head", item("head", Kind::Folder)),
            ("11-28-2026  06:46PM            123456 a b.fpk", item("a b.fpk", Kind::File(123_456))),
            ("total 12", item("", Kind::Other)),
        ] {
            assert_eq!(list(line), expected, "{line}");
        }
        for bad in
            ["a.fpk", "-rw-r--r-- 1 o g 7 28. Nov 06:46 a", "-rw-r--r-- 1 o g x Nov 28 06:46 a", "+i8388621.48594,m825718503,r,s280,", "12"]
        {
            assert_eq!(list(bad), None, "{bad}");
        }
    }
}
