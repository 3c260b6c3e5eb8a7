//! How is a TOML text that a person wrote read so that every fault is named with its line?
//!
//! Shared by `rules.toml` and `fieldpost.toml`: unknown keys are refused with the nearest known one, never ignored,
//! because a mistyped rule that silently does nothing is found only after somebody lost an edit.

use std::fmt::Write as _;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest;
use crate::model::Value;

/// What is wrong at some line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No TOML.
    #[error("{0}")]
    Toml(String),
    /// More than any such file has.
    #[error("{bytes} bytes are more than the {max} allowed")]
    TooLarge {
        /// Size of the text.
        bytes: usize,
        /// Most that is read.
        max: usize,
    },
    /// A key nobody reads.
    #[error("unknown key `{key}`")]
    UnknownKey {
        /// As typed.
        key: String,
        /// The known key it looks like.
        meant: Option<String>,
    },
    /// A number where a text should be, or the like.
    #[error("`{key}` takes a {wanted}, found {found}")]
    Kind {
        /// The key.
        key: String,
        /// What the key takes.
        wanted: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A text that is none of the known words.
    #[error("`{key}` is `{word}`, but may only be {allowed}")]
    Word {
        /// The key.
        key: String,
        /// As typed.
        word: String,
        /// The known words, as a sentence has them.
        allowed: String,
        /// The known word it looks like.
        meant: Option<String>,
    },
    /// A key that must be there and is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The file is not there any more, or has nothing in it, and it had.
    #[error(
        "there were rules, and now the file is not there or empty: put it back. What it kept at home would travel; where there are to be no \
         rules, write a comment into it, like '# none'"
    )]
    Gone,
    /// A value that its type refuses.
    #[error("`{key}`: {why}")]
    Value {
        /// The key.
        key: String,
        /// What the type says.
        why: String,
    },
}

/// A fault and its line, counted from 1.
pub type At<T> = Result<T, (usize, Fault)>;

/// One table of a TOML text, with the text for line numbers.
#[derive(Clone, Debug)]
pub struct Reading<'t> {
    text: &'t str,
    start: usize,
    table: DeTable<'t>,
}

impl<'t> Reading<'t> {
    /// Reads a whole text.
    ///
    /// # Errors
    /// [`Fault::Toml`].
    pub fn parse(text: &'t str) -> At<Self> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { text, start: 0, table: table.into_inner() }),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                Err((line, Fault::Toml(error.message().to_owned())))
            }
        }
    }

    /// Refuses every key that is not in `known`.
    ///
    /// # Errors
    /// [`Fault::UnknownKey`] for the first one in the text.
    pub fn only(&self, known: &[&str]) -> At<()> {
        let unknown = self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        let Some(key) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
        let meant = nearest(key.get_ref(), known.iter().copied()).map(str::to_owned);
        Err((line_of(self.text, key.span().start), Fault::UnknownKey { key: key.get_ref().to_string(), meant }))
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(|key| key.get_ref().as_ref())
    }

    /// Line of a key; of the table where the key is missing.
    #[must_use]
    pub fn line(&self, key: &str) -> usize {
        line_of(self.text, self.table.get(key).map_or(self.start, |value| value.span().start))
    }

    /// Whether the key is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The fault of a key that must be there.
    #[must_use]
    pub fn missing(&self, key: &'static str) -> (usize, Fault) {
        (line_of(self.text, self.start), Fault::Missing(key))
    }

    /// A text, where the key is there.
    ///
    /// # Errors
    /// [`Fault::Kind`].
    pub fn text(&self, key: &str) -> At<Option<&str>> {
        self.get(key, "text", DeValue::as_str)
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Kind`].
    pub fn required(&self, key: &'static str) -> At<&str> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// A text that must be one of the words.
    ///
    /// # Errors
    /// [`Fault::Kind`], [`Fault::Word`].
    pub fn word<T: Copy>(&self, key: &str, words: &[(&'static str, T)]) -> At<Option<T>> {
        let Some(word) = self.text(key)? else { return Ok(None) };
        known_word(self.line(key), key, word, words, &[]).copied().map(Some)
    }

    /// A length of time as `90s`, `10m`, `4h` or `2d`, in milliseconds, where the key is there.
    ///
    /// # Errors
    /// [`Fault::Kind`], [`Fault::Value`].
    pub fn span(&self, key: &str) -> At<Option<i64>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        span_millis(text).map(Some).ok_or_else(|| self.refuse(key, "it takes a length of time such as \"90s\", \"10m\", \"4h\" or \"2d\""))
    }

    /// A number of bytes such as `500 kB` or `2 MB`, where the key is there; not 0.
    ///
    /// # Errors
    /// [`Fault::Kind`], [`Fault::Value`].
    pub fn bytes(&self, key: &str) -> At<Option<u64>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        byte_count(text).map(Some).ok_or_else(|| self.refuse(key, "it takes so many bytes: \"500 kB\", \"2 MB\""))
    }

    /// A text, a whole number, or yes or no (1 or 0), as SQLite would store it. Where the key is there.
    ///
    /// # Errors
    /// [`Fault::Kind`].
    pub fn scalar(&self, key: &str) -> At<Option<Value>> {
        let read = |value: &DeValue<'t>| match value {
            DeValue::String(text) => Some(Value::text(text)),
            DeValue::Integer(number) => number.as_str().parse().ok().map(Value::Integer),
            DeValue::Boolean(yes) => Some(Value::Integer((*yes).into())),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        };
        self.get(key, "text or whole number", read)
    }

    /// Yes or no, where the key is there.
    ///
    /// # Errors
    /// [`Fault::Kind`].
    pub fn flag(&self, key: &str) -> At<Option<bool>> {
        self.get(key, "true or false", DeValue::as_bool)
    }

    /// The items of a list that may be texts or tables; a lone text or table is a list of one. Where the key is there.
    ///
    /// # Errors
    /// [`Fault::Kind`].
    pub fn items(&self, key: &str) -> At<Option<Vec<Item<'t>>>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        let one = std::slice::from_ref(value);
        let list = value.get_ref().as_array().map_or(one, |list| list.as_ref());
        let item = |item: &Spanned<DeValue<'t>>| {
            let line = line_of(self.text, item.span().start);
            match item.get_ref() {
                DeValue::String(text) => Ok(Item::Text { line, text: text.to_string() }),
                DeValue::Table(table) => Ok(Item::Table(Self { text: self.text, start: item.span().start, table: table.clone() })),
                other @ (DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_)) => {
                    Err((line, kind(key, "text, table or list of these", other)))
                }
            }
        };
        list.iter().map(item).collect::<At<Vec<_>>>().map(Some)
    }

    /// Lists of texts in a list, each with its line; none where the key is missing.
    ///
    /// # Errors
    /// [`Fault::Kind`].
    pub fn lists(&self, key: &str) -> At<Vec<(usize, Vec<String>)>> {
        let Some(lists) = self.get(key, "list of lists", DeValue::as_array)? else { return Ok(Vec::new()) };
        let each = |list: &Spanned<DeValue<'t>>| {
            let line = line_of(self.text, list.span().start);
            let items = list.get_ref().as_array().ok_or_else(|| (line, kind(key, "list of lists", list.get_ref())))?;
            let text = |item: &Spanned<DeValue<'t>>| {
                item.get_ref().as_str().map(str::to_owned).ok_or_else(|| (line, kind(key, "list of lists of texts", item.get_ref())))
            };
            Ok((line, items.iter().map(text).collect::<At<Vec<_>>>()?))
        };
        lists.iter().map(each).collect()
    }

    /// A list of texts, where the key is there.
    ///
    /// # Errors
    /// [`Fault::Kind`].
    pub fn texts(&self, key: &str) -> At<Option<Vec<String>>> {
        let Some(list) = self.get(key, "list", DeValue::as_array)? else { return Ok(None) };
        let text = |item: &Spanned<DeValue<'t>>| {
            let item_line = line_of(self.text, item.span().start);
            item.get_ref().as_str().map(str::to_owned).ok_or_else(|| (item_line, kind(key, "list of texts", item.get_ref())))
        };
        list.iter().map(text).collect::<At<Vec<_>>>().map(Some)
    }

    /// A table inside this one, where the key is there.
    ///
    /// # Errors
    /// [`Fault::Kind`].
    pub fn table(&self, key: &str) -> At<Option<Self>> {
        let table = self.get(key, "table", DeValue::as_table)?;
        let start = self.table.get(key).map_or(self.start, |value| value.span().start);
        Ok(table.map(|table| Self { text: self.text, start, table: table.clone() }))
    }

    /// The fault of a value that its type refuses.
    pub fn refuse(&self, key: &str, why: impl ToString) -> (usize, Fault) {
        (self.line(key), Fault::Value { key: key.to_owned(), why: why.to_string() })
    }

    fn get<'s, T>(&'s self, key: &str, wanted: &'static str, read: impl Fn(&'s DeValue<'t>) -> Option<T>) -> At<Option<T>> {
        let Some(value) = self.table.get(key) else { return Ok(None) };
        read(value.get_ref()).map(Some).ok_or_else(|| (self.line(key), kind(key, wanted, value.get_ref())))
    }
}

/// One item of a list that may hold texts and tables.
#[derive(Clone, Debug)]
pub enum Item<'t> {
    /// A text.
    Text {
        /// Its line, counted from 1.
        line: usize,
        /// What it says.
        text: String,
    },
    /// A table.
    Table(Reading<'t>),
}

impl Item<'_> {
    /// Its line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Text { line, .. } => *line,
            Self::Table(table) => line_of(table.text, table.start),
        }
    }
}

/// What a word means; `beside` are further words that are known and cannot stand alone.
pub(super) fn known_word<'w, T>(line: usize, key: &str, word: &str, words: &'w [(&'static str, T)], beside: &[&'static str]) -> At<&'w T> {
    if let Some((_, meaning)) = words.iter().find(|(known, _)| *known == word) {
        return Ok(meaning);
    }
    let known: Vec<&str> = words.iter().map(|(known, _)| *known).chain(beside.iter().copied()).collect();
    let meant = nearest(word, known.iter().copied()).filter(|meant| !beside.contains(&word) || meant != &word).map(str::to_owned);
    Err((line, Fault::Word { key: key.to_owned(), word: word.to_owned(), allowed: one_of(&known), meant }))
}

/// A length of time such as `90s`, `10m`, `4h` or `2d`, in milliseconds.
#[must_use]
pub fn span_millis(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let millis: i64 = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        _ => return None,
    };
    let amount: u32 = text[..text.len() - 1].trim().parse().ok()?;
    millis.checked_mul(i64::from(amount))
}

/// A number of bytes such as `500 kB` or `2 MB`; not 0.
#[must_use]
pub fn byte_count(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[digits..].trim_start() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

/// The shortest text that [`byte_count`] reads as so much.
#[must_use]
pub fn byte_text(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1_000)];
    match units.into_iter().find(|(_, unit)| bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

/// The shortest text that [`span_millis`] reads as so much; less than a second is none.
#[must_use]
pub fn span_text(millis: i64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        _ if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        _ if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// A TOML basic string or key: quoted, with everything escaped that must be.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => write!(quoted, "\\u{:04X}", u32::from(c)).expect("a string takes all that is written to it"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn kind(key: &str, wanted: &'static str, found: &DeValue<'_>) -> Fault {
    let found = if found.is_str() { "text" } else { found.type_str() };
    Fault::Kind { key: key.to_owned(), wanted, found }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
