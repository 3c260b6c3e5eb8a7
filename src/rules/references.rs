//! Which references did nobody declare as a foreign key, as a person named them in `rules.toml`?
//!
//! | form | what the field holds |
//! |---|---|
//! | `"notes.customer" = "customers"` | a key of that table |
//! | `{ type = "kind", tables = { customer = "customers" } }` | a key of the table that the word (or number) in the field `kind` stands for |
//! | `{ separator = ",", tables = { customer = "customers" } }` | the word, the separator and the key in one text: `customer,17` |
//! | `{ json = ["$.lines[*].product"], tables = ["products"] }` | JSON with keys at these paths, one table per path |

use std::collections::BTreeMap;
use std::fmt;

use super::reading::{At, Fault, Reading, quoted};

/// How a field refers to records of other tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceRule {
    /// The field holds a key of `table`.
    Column {
        /// The table referred to.
        table: String,
    },
    /// The field holds a key, and `type_column` of the same record says of which table.
    Typed {
        /// The field with the word or integer.
        type_column: String,
        /// Table by word; an integer is written in decimal.
        tables: BTreeMap<String, String>,
    },
    /// The field holds a text: word, separator, key.
    Text {
        /// What stands between word and key; never empty.
        separator: String,
        /// Table by word.
        tables: BTreeMap<String, String>,
    },
    /// The field holds JSON.
    Json {
        /// Path (see [`json_path`]) and the table its values are keys of, in the order of the file.
        paths: Vec<(String, String)>,
    },
}

impl ReferenceRule {
    /// The tables referred to, with repetition.
    #[must_use]
    pub fn tables(&self) -> Vec<&str> {
        match self {
            Self::Column { table } => vec![table],
            Self::Typed { tables, .. } | Self::Text { tables, .. } => tables.values().map(String::as_str).collect(),
            Self::Json { paths } => paths.iter().map(|(_, table)| table.as_str()).collect(),
        }
    }

    /// Reads the value of `key` in `[references]`.
    pub(super) fn read(all: &Reading<'_>, key: &str) -> At<Self> {
        if let Ok(Some(table)) = all.text(key) {
            return Ok(Self::Column { table: filled(all, key, table)? });
        }
        let rule = all.table(key).map_err(|(line, fault)| (line, of_kind(fault, "text or table")))?.expect("the name was just listed");
        rule.only(&["type", "separator", "json", "tables"])?;
        let forms = ["type", "separator", "json"];
        let mut given = forms.into_iter().filter(|form| rule.has(form));
        match (given.next(), given.next()) {
            (Some(_), Some(second)) => Err(rule.refuse(second, "only one of `type`, `separator` and `json` can say how a field refers")),
            (Some("type"), None) => Ok(Self::Typed { type_column: required(&rule, "type")?, tables: words(&rule)? }),
            (Some("separator"), None) => Ok(Self::Text { separator: required(&rule, "separator")?, tables: words(&rule)? }),
            (Some(_), None) => Ok(Self::Json { paths: paths(&rule)? }),
            (None, _) => Err(all.refuse(key, "say how it refers: a table, or `type`, `separator` or `json` with `tables`")),
        }
    }
}

/// The value as `rules.toml` has it.
impl fmt::Display for ReferenceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |tables: &BTreeMap<String, String>| {
            let each: Vec<String> = tables.iter().map(|(word, table)| format!("{} = {}", quoted(word), quoted(table))).collect();
            each.join(", ")
        };
        match self {
            Self::Column { table } => f.write_str(&quoted(table)),
            Self::Typed { type_column, tables } => write!(f, "{{ type = {}, tables = {{ {} }} }}", quoted(type_column), words(tables)),
            Self::Text { separator, tables } => write!(f, "{{ separator = {}, tables = {{ {} }} }}", quoted(separator), words(tables)),
            Self::Json { paths } => {
                let (json, tables): (Vec<&str>, Vec<&str>) = paths.iter().map(|(path, table)| (path.as_str(), table.as_str())).unzip();
                write!(f, "{{ json = {}, tables = {} }}", list(&json), list(&tables))
            }
        }
    }
}

/// A TOML list of texts.
pub(super) fn list<T: AsRef<str>>(texts: &[T]) -> String {
    let each: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", each.join(", "))
}

/// `table.column`, split at the last dot: a table's name may hold dots, a column's may not.
pub(super) fn table_and_column(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(table, column)| !table.is_empty() && !column.is_empty())
}

/// One step of a path into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonStep {
    /// `.name` or `."any name"`: the member of an object.
    Member(String),
    /// `[3]`: the element of an array, from 0.
    Element(usize),
    /// `[*]`: every element of an array.
    Each,
}

/// Reads a path: `$`, then steps; nothing of filters, slices or recursion. None where it is no such path.
#[must_use]
pub fn json_path(path: &str) -> Option<Vec<JsonStep>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step;
        (step, rest) = if let Some(quoted) = rest.strip_prefix(".\"") {
            let (name, rest) = quoted.split_once('"')?;
            (JsonStep::Member(name.to_owned()), rest)
        } else if let Some(plain) = rest.strip_prefix('.') {
            let end = plain.find(['.', '[', '"', ']']).unwrap_or(plain.len());
            let (name, rest) = plain.split_at(end);
            (JsonStep::Member(Some(name).filter(|name| !name.is_empty() && *name != "*")?.to_owned()), rest)
        } else {
            let (inside, rest) = rest.strip_prefix('[')?.split_once(']')?;
            let digits = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit());
            let step = if inside == "*" { JsonStep::Each } else { JsonStep::Element(inside.parse().ok().filter(|_| digits)?) };
            (step, rest)
        };
        steps.push(step);
    }
    Some(steps)
}

fn required(rule: &Reading<'_>, key: &'static str) -> At<String> {
    filled(rule, key, rule.required(key)?)
}

fn filled(reading: &Reading<'_>, key: &str, text: &str) -> At<String> {
    if text.is_empty() { Err(reading.refuse(key, "it is empty")) } else { Ok(text.to_owned()) }
}

fn words(rule: &Reading<'_>) -> At<BTreeMap<String, String>> {
    let Some(tables) = rule.table("tables")? else { return Err(rule.missing("tables")) };
    let each = tables.keys().map(|word| {
        let table = tables.text(word)?.expect("the word was just listed");
        Ok((word.to_owned(), filled(&tables, word, table)?))
    });
    let words: BTreeMap<String, String> = each.collect::<At<_>>()?;
    if words.is_empty() { Err(rule.refuse("tables", "it names no table")) } else { Ok(words) }
}

fn paths(rule: &Reading<'_>) -> At<Vec<(String, String)>> {
    let paths = rule.texts("json")?.expect("it was looked for");
    let Some(tables) = rule.texts("tables")? else { return Err(rule.missing("tables")) };
    if let Some(bad) = paths.iter().find(|path| json_path(path).is_none_or(|steps| steps.is_empty())) {
        return Err(rule.refuse("json", format!("`{bad}` is no path such as `$.customer.id` or `$.lines[*].product`")));
    }
    if paths.is_empty() {
        return Err(rule.refuse("json", "it names no path"));
    }
    if paths.len() != tables.len() {
        return Err(rule.refuse("tables", format!("{} paths need as many tables, found {}", paths.len(), tables.len())));
    }
    if tables.iter().any(String::is_empty) {
        return Err(rule.refuse("tables", "it is empty"));
    }
    Ok(paths.into_iter().zip(tables).collect())
}

fn of_kind(fault: Fault, wanted: &'static str) -> Fault {
    if let Fault::Kind { key, found, .. } = fault { Fault::Kind { key, wanted, found } } else { fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_step_by_step_and_everything_else_refused() {
        use JsonStep::{Each, Element, Member};
        let member = |name: &str| Member(name.to_owned());
        assert_eq!(json_path("$.customer.id"), Some(vec![member("customer"), member("id")]));
        assert_eq!(json_path("$.lines[*].product"), Some(vec![member("lines"), Each, member("product")]));
        assert_eq!(json_path("$[0].\"a.b [\"[12]"), Some(vec![Element(0), member("a.b ["), Element(12)]));
        assert_eq!(json_path("$"), Some(vec![]));
        for bad in ["", "customer", "$customer", "$.", "$..a", "$.*", "$[", "$[]", "$[-1]", "$[+1]", "$[1:2]", "$.\"a", "$.a]", "$.a[*"] {
            assert_eq!(json_path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_last_dot_parts_table_and_column() {
        assert_eq!(table_and_column("notes.customer"), Some(("notes", "customer")));
        assert_eq!(table_and_column("a.b.c"), Some(("a.b", "c")));
        assert_eq!(table_and_column("notes"), None);
        assert_eq!(table_and_column(".c"), None);
        assert_eq!(table_and_column("notes."), None);
    }
}
