//! Which line of `rules.toml` would say what the schema does not?

use crate::rules::ReferenceRule;
use crate::rules::reading::quoted;

/// One thing a person could write down, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What to write.
    pub what: Wish,
    /// Why it looks so.
    pub because: String,
}

/// What could be written into `rules.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A field refers to records and nobody declared it.
    Reference {
        /// The table.
        table: String,
        /// The field.
        column: String,
        /// How it refers.
        rule: ReferenceRule,
    },
    /// These fields make a record the same record at every site.
    Identity {
        /// The table.
        table: String,
        /// The fields.
        columns: Vec<String>,
    },
    /// These fields name the records of a table without a key.
    Key {
        /// The table.
        table: String,
        /// The fields.
        columns: Vec<String>,
    },
}

impl Wish {
    /// The heading it stands under in `rules.toml`, and its line.
    #[must_use]
    pub fn lines(&self) -> (String, String) {
        let list = |columns: &[String]| columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
        match self {
            Self::Reference { table, column, rule } => {
                ("[references]".into(), format!("{} = {rule}", quoted(&format!("{table}.{column}"))))
            }
            Self::Identity { table, columns } => (heading(table), format!("identity = [{}]", list(columns))),
            Self::Key { table, columns } => (heading(table), format!("key = [{}]", list(columns))),
        }
    }
}

fn heading(table: &str) -> String {
    let bare = !table.is_empty() && table.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { format!("[tables.{table}]") } else { format!("[tables.{}]", quoted(table)) }
}
