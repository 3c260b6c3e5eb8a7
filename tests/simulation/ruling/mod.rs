//! Histories under rules that somebody drew: which `rules.toml` does the host of a seed write?
//!
//! | module | answers |
//! |---|---|
//! | `drawing` | how is one drawn? |
//! | `goods` | what does an application do to records whose numbers add up, lists unite and texts merge? |
//! | `release` | what happens once nothing stays home any more? |
//! | `referee` | is what came out what these rules promise? |
//!
//! A rules file is drawn for several histories in a row: making its sites ready takes longer than a history.

mod drawing;
pub mod goods;
pub mod referee;
mod release;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use drawing::Drawing;

/// A rules file, and what the referee asks about it.
#[derive(Debug)]
pub struct Ruling {
    /// What it was drawn from.
    pub number: u64,
    /// As the host writes it.
    pub text: String,
    tables: BTreeMap<&'static str, Drawn>,
}

/// What the rules say of one table, as far as it shows from outside.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// Columns whose first criterion is `sum`.
    pub sums: Vec<&'static str>,
    /// Columns whose first criterion is `union`.
    pub unites: Vec<&'static str>,
    pub travels: Travels,
    /// A column that never travels.
    pub local: Option<&'static str>,
    /// A column whose text says whether the record is ready.
    pub ready: Option<&'static str>,
    /// A column that must refer to something.
    pub required: Option<&'static str>,
    /// Records travel when somebody sends them.
    pub manual: bool,
    /// The column in which the parent's delete leaves a mark at a child.
    pub marked: Option<&'static str>,
}

/// Which way records travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Travels {
    #[default]
    Both,
    Up,
    Down,
    Nowhere,
}

/// What a delete that only marks sets.
pub const MARK: &str = "deleted";

/// Whether a value, in words, says that its record is ready: what [`ready_sql`] says.
pub fn is_ready(value: &str) -> bool {
    let mut from_behind = value.chars().rev();
    let last = from_behind.next();
    value == "null" || from_behind.next().or(last).is_none_or(|character| u32::from(character) % 4 != 1)
}

/// SQL that is true of about two thirds of the values that applications write.
pub fn ready_sql(column: &str) -> String {
    format!("{column} IS NULL OR unicode(substr({column}, -2)) % 4 <> 1")
}

impl Ruling {
    /// The rules of a number.
    pub fn new(number: u64) -> Self {
        let drawing = Drawing::of(number);
        Self { number, text: drawing.text, tables: drawing.tables }
    }

    /// Rules under which one column adds up, and nothing else is special.
    pub fn adding_up() -> Self {
        let drawn = Drawn { sums: vec!["stock"], ..Drawn::default() };
        let text = "[tables.goods]\nfields = { stock = \"sum\" }\n".to_owned();
        Self { number: u64::MAX, text, tables: [("goods", drawn)].into() }
    }

    /// What they say of a table.
    pub fn table(&self, name: &str) -> &Drawn {
        static NOTHING: LazyLock<Drawn> = LazyLock::new(Drawn::default);
        self.tables.get(name).unwrap_or(&NOTHING)
    }

    /// Whether a person sends records of some table.
    pub fn sends_by_hand(&self) -> bool {
        self.tables.values().any(|drawn| drawn.manual)
    }

    /// Whether some records stay home until somebody does something about it.
    pub fn keeps_home(&self) -> bool {
        self.tables.values().any(|drawn| drawn.ready.is_some() || drawn.required.is_some() || drawn.manual)
    }
}
