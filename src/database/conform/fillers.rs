//! What stands in a column that must not be empty, until its value arrives? The same at every site that is told the same text.
//!
//! Its default, else as little as its type allows, else the first of some plain values that its `CHECK` allows, as far as that speaks of
//! this column alone. They are tried in memory: what a constraint means SQLite says.

use super::super::sql::tokens;
use super::super::{Database, quote_text};
use super::inventory::Column;
use super::text::Created;

/// The longest text that is tried where a constraint speaks of a length.
const LONGEST: i64 = 64;

/// Texts that applications ask for: JSON, dates and times, a number, an id.
const TEXTS: &[&str] = &[
    "{}",
    "[]",
    "null",
    "0",
    "1",
    "-",
    "1970-01-01",
    "1970-01-01 00:00:00",
    "1970-01-01T00:00:00Z",
    "00:00:00",
    "00000000-0000-0000-0000-000000000000",
];

/// As SQL. `table` is the text of its table, where that can be taken apart.
pub(super) fn filler(column: &Column, table: Option<&Created<'_>>) -> String {
    if let Some(default) = &column.default {
        return format!("({default})");
    }
    match (least(column), column.unique) {
        (least, false) => table.and_then(|table| allowed(column, table)).unwrap_or_else(|| least.to_owned()),
        ("0", true) => "-rowid".to_owned(),
        ("x''", true) => "CAST('#' || rowid AS BLOB)".to_owned(),
        (_, true) => "'#' || rowid".to_owned(),
    }
}

/// A value that the type of a column allows, as SQL.
pub(super) fn least(column: &Column) -> &'static str {
    let declared = column.declared.to_ascii_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if says(&["INT"]) {
        "0"
    } else if says(&["CHAR", "CLOB", "TEXT"]) {
        "''"
    } else if says(&["BLOB"]) {
        "x''"
    } else {
        "0"
    }
}

/// The first value that what is asked of this column allows; none where nothing is asked, or no value is found.
fn allowed(column: &Column, table: &Created<'_>) -> Option<String> {
    let definition = table.column(&column.name)?;
    let asks = |text: &str| tokens(text).iter().any(|token| token.is("check"));
    let constraints: Vec<&str> = table.constraints.iter().copied().filter(|text| asks(text)).collect();
    if !asks(definition) && constraints.is_empty() {
        return None;
    }
    let scratch = Database::scratch().ok()?;
    let build = |constraints: &[&str]| {
        let parts: Vec<&str> = std::iter::once(definition).chain(constraints.iter().copied()).collect();
        scratch.connection.execute_batch("DROP TABLE IF EXISTS t")?;
        scratch.build(&format!("CREATE TABLE t (\n{}\n)", parts.join(",\n")))
    };
    // One that speaks of other columns too cannot be built.
    let alone: Vec<&str> = constraints.into_iter().filter(|text| build(&[text]).is_ok()).collect();
    build(&alone).ok()?;
    let texts: Vec<&str> = std::iter::once(definition).chain(alone).collect();
    let takes = |value: &String| scratch.connection.execute_batch(&format!("INSERT INTO t VALUES ({value})")).is_ok();
    candidates(column, &texts.join(" ")).into_iter().find(takes)
}

/// Plain values of the type of a column, as SQL; those that a constraint names first.
fn candidates(column: &Column, constraint: &str) -> Vec<String> {
    let words = tokens(constraint);
    let named: Vec<i64> = words.iter().filter_map(|word| word.text.parse().ok()).collect();
    let near = named.iter().flat_map(|number| [*number, number.saturating_add(1), number.saturating_sub(1), -number]);
    let numbers = [0, 1, -1].into_iter().chain(near).map(|number| number.to_string());
    let lengths = || named.iter().copied().filter(|length| (1..=LONGEST).contains(length));
    let spelled = words.iter().filter(|word| word.text.starts_with('\'')).map(|word| word.text.to_owned());
    let long = lengths().map(|length| quote_text(&"-".repeat(usize::try_from(length).unwrap_or_default())));
    let texts = std::iter::once(quote_text("")).chain(spelled).chain(TEXTS.iter().map(|text| quote_text(text))).chain(long);
    let blobs = std::iter::once("x''".to_owned()).chain([1, 16].into_iter().chain(lengths()).map(|length| format!("zeroblob({length})")));
    match least(column) {
        "''" => texts.collect(),
        "x''" => blobs.collect(),
        _ if column.declared.to_ascii_uppercase().contains("INT") => numbers.collect(),
        _ => numbers.chain(texts).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::inventory::read_columns;
    use super::*;

    #[test]
    fn a_value_is_found_that_the_constraints_of_the_column_allow() {
        let cases = [
            ("v TEXT NOT NULL", "''"),
            ("v TEXT NOT NULL CHECK (json_valid(v) OR v IS NULL)", "'{}'"),
            ("v text NOT NULL CHECK (json_array_length(v) >= 0 AND json_type(v) = 'array')", "'[]'"),
            ("v VARCHAR(9) NOT NULL CHECK (v IN ('low', 'high'))", "'low'"),
            ("v INTEGER NOT NULL CHECK (v > 9)", "10"),
            ("v INTEGER NOT NULL CHECK (v BETWEEN -7 AND -3)", "-7"),
            ("v CHAR(3) NOT NULL CHECK (length(v) = 3)", "'---'"),
            ("v BLOB NOT NULL CHECK (length(v) = 32)", "zeroblob(32)"),
            ("v DATE NOT NULL CHECK (date(v) IS v)", "'1970-01-01'"),
            ("v INTEGER NOT NULL DEFAULT 4 CHECK (v > 3)", "(4)"),
            ("v INTEGER NOT NULL, CONSTRAINT positive CHECK (v > 0)", "1"),
            // Of two columns nobody can say what would do, and of a function of the application's neither.
            ("v INTEGER NOT NULL, w INTEGER, CHECK (v > w)", "0"),
            ("v TEXT NOT NULL CHECK (of_the_application(v))", "''"),
            ("v INTEGER NOT NULL UNIQUE CHECK (v <> 5)", "-rowid"),
        ];
        for (columns, words) in cases {
            let sql = format!("CREATE TABLE x (id TEXT PRIMARY KEY, {columns})");
            let scratch = Database::scratch().unwrap();
            scratch.build(&sql).unwrap();
            let column = read_columns(&scratch.connection, "x").unwrap().swap_remove(1);
            assert_eq!(filler(&column, Created::of(&sql).as_ref()), words, "{columns}");
        }
    }
}
