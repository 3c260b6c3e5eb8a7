//! In which order is a conflict looked at, and by what? One field's rule as a person wrote it.
//!
//! A rule is a word, or a list of words that are asked in turn: each says win, lose or tie, and a tie goes on to the next.
//! After the last one the parent's value stands.
//!
//! | word | asks |
//! |---|---|
//! | `owner` | which of the two sites owns the record (`owner` of the table names it)? |
//! | `newest`, `oldest` | which edit was made later, earlier? |
//! | `parent`, `child` | which side is it? |
//! | `site-priority` | which site stands first in `[sites] priority`? |
//! | `sum`, `min`, `max`, `{ union = ";" }`, `text` | can both be kept in one value? |
//! | `review` | a person; the parent's value stands meanwhile |

use std::fmt;

use super::reading::{At, Item, Reading, quoted};

/// One question of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criterion {
    /// The site that owns the record, or whose group does.
    Owner,
    /// The later edit, by the clocks of the sites of the edits.
    Newest,
    /// The earlier edit.
    Oldest,
    /// What the parent holds.
    Parent,
    /// What the child sent.
    Child,
    /// The site that stands first in the list of sites.
    SitePriority,
    /// A person decides; the parent's value stands meanwhile.
    Review,
    /// The differences of both add up.
    Sum,
    /// The smaller value.
    Min,
    /// The larger value.
    Max,
    /// A list in one text: what either added is there, what either took away is not.
    Union {
        /// What stands between two items; never empty.
        separator: String,
    },
    /// Text, merged line by line.
    Text,
}

/// What decides a conflict: criteria, asked in turn. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Criteria(Vec<Criterion>);

impl Criterion {
    /// The criteria that are a word. `union` is none: it wants its separator.
    pub(super) const WORDS: [(&'static str, Self); 11] = [
        ("owner", Self::Owner),
        ("newest", Self::Newest),
        ("oldest", Self::Oldest),
        ("parent", Self::Parent),
        ("child", Self::Child),
        ("site-priority", Self::SitePriority),
        ("review", Self::Review),
        ("sum", Self::Sum),
        ("min", Self::Min),
        ("max", Self::Max),
        ("text", Self::Text),
    ];

    /// The word that stands for it in `rules.toml`, in reports and in packets.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Parent => "parent",
            Self::Child => "child",
            Self::SitePriority => "site-priority",
            Self::Review => "review",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Union { .. } => "union",
            Self::Text => "text",
        }
    }

    /// Whether it always has an answer, so that nothing after it is ever asked.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Parent | Self::Child | Self::Review => true,
            Self::Owner
            | Self::Newest
            | Self::Oldest
            | Self::SitePriority
            | Self::Sum
            | Self::Min
            | Self::Max
            | Self::Union { .. }
            | Self::Text => false,
        }
    }

    /// Whether it makes one value of two.
    #[must_use]
    pub const fn is_merge(&self) -> bool {
        match self {
            Self::Sum | Self::Min | Self::Max | Self::Union { .. } | Self::Text => true,
            Self::Owner | Self::Newest | Self::Oldest | Self::Parent | Self::Child | Self::SitePriority | Self::Review => false,
        }
    }

    fn read(item: &Item<'_>, key: &str) -> At<Self> {
        match item {
            Item::Text { line, text } => super::reading::known_word(*line, key, text, &Self::WORDS, &["union"]).cloned(),
            Item::Table(table) => {
                table.only(&["union"])?;
                let separator = table.required("union")?.to_owned();
                if separator.is_empty() {
                    return Err(table.refuse("union", "say what stands between two items, such as \";\""));
                }
                Ok(Self::Union { separator })
            }
        }
    }

    fn toml(&self) -> String {
        if let Self::Union { separator } = self { format!("{{ union = {} }}", quoted(separator)) } else { quoted(self.word()) }
    }
}

impl Criteria {
    /// Reads a rule, where the key is there.
    pub(super) fn read(from: &Reading<'_>, key: &str) -> At<Option<Self>> {
        let Some(items) = from.items(key)? else { return Ok(None) };
        let mut criteria: Vec<Criterion> = Vec::new();
        for item in &items {
            let criterion = Criterion::read(item, key)?;
            let refuse = |why: String| Err((item.line(), super::reading::Fault::Value { key: key.to_owned(), why }));
            if criteria.contains(&criterion) {
                return refuse(format!("it asks `{}` twice", criterion.word()));
            }
            if let Some(last) = criteria.last().filter(|last| last.is_final()) {
                return refuse(format!("`{}` is never asked: `{}` before it always decides", criterion.word(), last.word()));
            }
            criteria.push(criterion);
        }
        if criteria.is_empty() {
            return Err(from.refuse(key, "it names no criterion"));
        }
        Ok(Some(Self(criteria)))
    }

    /// The criteria in the order in which they are asked.
    pub fn iter(&self) -> impl Iterator<Item = &Criterion> {
        self.0.iter()
    }

    /// Whether one of them is this.
    #[must_use]
    pub fn asks(&self, criterion: &Criterion) -> bool {
        self.0.contains(criterion)
    }

    /// As `rules.toml` has it.
    #[must_use]
    pub fn toml(&self) -> String {
        match self.0.as_slice() {
            [one] => one.toml(),
            several => format!("[{}]", several.iter().map(Criterion::toml).collect::<Vec<_>>().join(", ")),
        }
    }
}

impl Default for Criteria {
    fn default() -> Self {
        Self(vec![Criterion::Newest])
    }
}

/// As a person reads it: `owner, then newest`.
impl fmt::Display for Criteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.iter().map(Criterion::word).collect::<Vec<_>>().join(", then "))
    }
}

impl serde::Serialize for Criteria {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Criterion::word))
    }
}
