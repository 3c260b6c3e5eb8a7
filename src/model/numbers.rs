//! Fields that hold numbers of other records, and what they are called while nobody's number matters.
//!
//! A lone `INTEGER PRIMARY KEY` is handed out by each database: two sites give the same number to two records, and one of
//! the two gets another number later. So outside the application's database a reference is not a number but the record
//! meant. In packets that record is named by its incarnation ([`super::Meant`]). In the ledger and while deciding, the
//! number in such a field is replaced by a **stand-in**: an integer that names a row of our own ledger and stays the same
//! whatever number the record has. Two rows of one site can then be compared field by field as ever.
//!
//! Stand-ins lie in a range of integers far below everything that databases hand out. A number that names no record is
//! left as it is, and must not lie in that range: it is one 16 millionth of all integers, for programs that make numbers by chance. A number kept as a floating-point value, as a `REAL` column does, has a text for its stand-in (`-46….0`): such an
//! integer would not survive as a double, and the text says what the number is to be again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FieldNo, Row, TableNo, Value};

/// A field that holds numbers of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberField {
    /// The field.
    pub field: FieldNo,
    /// How it holds them.
    pub form: NumberForm,
}

/// How a field names records by number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NumberForm {
    /// The value is the number of a record of this table.
    Number {
        /// The table.
        table: TableNo,
    },
    /// Another field says which table the number is of.
    Typed {
        /// The field that says it.
        kind: FieldNo,
        /// What it says, as text, and the table meant by that.
        tables: BTreeMap<String, TableNo>,
    },
    /// A text of a word that says the table, a separator and the number: `customer,17`.
    Text {
        /// Between word and number.
        separator: String,
        /// The word and the table meant by it.
        tables: BTreeMap<String, TableNo>,
    },
    /// JSON that holds numbers at these places: `$.customer.id`, `$.lines[*].product`.
    Json {
        /// Each place with its table.
        paths: Vec<(String, TableNo)>,
    },
}

/// The first stand-in.
const FIRST: i64 = -(1 << 62);
/// How many there are: more than a file has rows for, and so few that no number that a program makes by chance is one.
const COUNT: i64 = 1 << 40;

/// The integer that stands for a row of the ledger.
#[must_use]
pub const fn stand_in(record: i64) -> i64 {
    FIRST + record
}

/// The row of the ledger that an integer stands for.
#[must_use]
pub const fn stands_for(number: i64) -> Option<i64> {
    if number >= FIRST && number < FIRST + COUNT { Some(number - FIRST) } else { None }
}

impl NumberField {
    /// A plain field of numbers.
    #[must_use]
    pub const fn plain(field: FieldNo, table: TableNo) -> Self {
        Self { field, form: NumberForm::Number { table } }
    }

    /// The table, where it is always the same one and the number is all of the value.
    #[must_use]
    pub const fn table(&self) -> Option<TableNo> {
        match self.form {
            NumberForm::Number { table } => Some(table),
            NumberForm::Typed { .. } | NumberForm::Text { .. } | NumberForm::Json { .. } => None,
        }
    }

    /// The field that says which table the number is of.
    #[must_use]
    pub const fn kind(&self) -> Option<FieldNo> {
        match self.form {
            NumberForm::Typed { kind, .. } => Some(kind),
            NumberForm::Number { .. } | NumberForm::Text { .. } | NumberForm::Json { .. } => None,
        }
    }

    /// Whether it can name records of a table.
    #[must_use]
    pub fn leads_to(&self, table: TableNo) -> bool {
        match &self.form {
            NumberForm::Number { table: only } => *only == table,
            NumberForm::Typed { tables, .. } | NumberForm::Text { tables, .. } => tables.values().any(|one| *one == table),
            NumberForm::Json { paths } => paths.iter().any(|(_, one)| *one == table),
        }
    }

    /// The numbers in a row's field, in a fixed order.
    #[must_use]
    pub fn numbers(&self, row: &Row) -> Vec<(TableNo, i64)> {
        let mut found = Vec::new();
        drop(self.replaced(row, &mut |table, number| {
            found.push((table, number));
            number
        }));
        found
    }

    /// The field's value with every number in it replaced; none where there is none.
    pub fn replaced(&self, row: &Row, with: &mut dyn FnMut(TableNo, i64) -> i64) -> Option<Value> {
        let value = row.get(self.field);
        match &self.form {
            NumberForm::Number { table } => renumbered(value, &mut |number| with(*table, number)),
            NumberForm::Typed { kind, tables } => {
                let word = match row.get(*kind) {
                    Value::Integer(number) => number.to_string(),
                    Value::Text(text) => std::str::from_utf8(text).ok()?.to_owned(),
                    Value::Absent | Value::Null | Value::Real(_) | Value::Blob(_) => return None,
                };
                let table = *tables.get(&word)?;
                renumbered(value, &mut |number| with(table, number))
            }
            NumberForm::Text { separator, tables } => {
                let Value::Text(text) = value else { return None };
                let text = std::str::from_utf8(text).ok()?;
                let (word, digits) = text.rsplit_once(separator.as_str())?;
                let table = *tables.get(word)?;
                let number = canonical(digits)?;
                Some(Value::text(&format!("{word}{separator}{}", with(table, number))))
            }
            NumberForm::Json { paths } => super::json_ids::replaced(value, paths, with),
        }
    }
}

/// A whole value that is a number, in digits, as an integer or as a double, replaced by one of the same type.
fn renumbered(value: &Value, with: &mut dyn FnMut(i64) -> i64) -> Option<Value> {
    match value {
        Value::Integer(number) => Some(Value::Integer(with(*number))),
        Value::Real(double) => {
            let number = whole(*double)?;
            let new = with(number);
            Some(if new == number { value.clone() } else { as_double(new) })
        }
        Value::Text(text) => {
            let text = std::str::from_utf8(text).ok()?;
            if let Some(number) = text.strip_suffix(DOUBLE).and_then(canonical).filter(|number| stands_for(*number).is_some()) {
                return Some(as_double(with(number)));
            }
            Some(Value::text(&with(canonical(text)?).to_string()))
        }
        Value::Absent | Value::Null | Value::Blob(_) => None,
    }
}

/// What follows the digits of a stand-in whose number is a double.
const DOUBLE: &str = ".0";
/// Beyond this not every integer is a double.
const MOST_EXACT: i64 = 1 << 53;

/// The integer that a double is exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "within what is exact")]
fn whole(double: f64) -> Option<i64> {
    (double.fract() == 0.0 && double.abs() <= MOST_EXACT as f64).then_some(double as i64)
}

/// A number, or a stand-in, in a place where doubles are.
#[expect(clippy::cast_precision_loss, reason = "stand-ins are no doubles, and numbers of records that large were none before")]
fn as_double(number: i64) -> Value {
    match stands_for(number) {
        Some(_) => Value::text(&format!("{number}{DOUBLE}")),
        None => Value::Real(number as f64),
    }
}

/// The number that these digits write, where they write it as everybody does.
fn canonical(digits: &str) -> Option<i64> {
    let number: i64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMERS: TableNo = TableNo(1);

    fn after(form: NumberForm, row: Vec<Value>) -> Option<Value> {
        NumberField { field: FieldNo(0), form }.replaced(&Row(row), &mut |_, number| number + 100)
    }

    #[test]
    fn a_number_keeps_its_type_through_its_stand_in() {
        let plain = NumberForm::Number { table: CUSTOMERS };
        let number = NumberField { field: FieldNo(0), form: plain };
        for value in [Value::Integer(7), Value::Real(7.0), Value::text("7")] {
            let meant = number.replaced(&Row(vec![value.clone()]), &mut |_, number| stand_in(number + 1)).unwrap();
            let row = Row(vec![meant]);
            assert_eq!(number.numbers(&row), [(CUSTOMERS, stand_in(8))], "{value}");
            let again = number.replaced(&row, &mut |_, number| stands_for(number).unwrap() + 1).unwrap();
            assert_eq!(
                (std::mem::discriminant(&again), again.to_string()),
                (std::mem::discriminant(&value), value.to_string().replace('7', "9"))
            );
        }
    }

    #[test]
    fn a_plain_field_is_followed_as_number_and_as_digits_and_nothing_else() {
        let plain = NumberForm::Number { table: CUSTOMERS };
        assert_eq!(after(plain.clone(), vec![Value::Integer(7)]), Some(Value::Integer(107)));
        assert_eq!(after(plain.clone(), vec![Value::text("7")]), Some(Value::text("107")));
        assert_eq!(after(plain.clone(), vec![Value::Real(7.0)]), Some(Value::Real(107.0)));
        for other in
            [Value::text("07"), Value::text("7a"), Value::text("7.0"), Value::Null, Value::Real(7.5), Value::Blob(b"7".as_slice().into())]
        {
            assert_eq!(after(plain.clone(), vec![other]), None);
        }
        for other in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300] {
            assert_eq!(after(plain.clone(), vec![Value::Real(other)]), None);
        }
    }

    #[test]
    fn a_typed_field_is_followed_where_its_word_is_known() {
        let tables = BTreeMap::from([("customer".to_owned(), CUSTOMERS), ("9".to_owned(), CUSTOMERS)]);
        let typed = NumberForm::Typed { kind: FieldNo(1), tables };
        assert_eq!(after(typed.clone(), vec![Value::Integer(7), Value::text("customer")]), Some(Value::Integer(107)));
        assert_eq!(after(typed.clone(), vec![Value::Integer(7), Value::Integer(9)]), Some(Value::Integer(107)));
        assert_eq!(after(typed, vec![Value::Integer(7), Value::text("order")]), None);
    }

    #[test]
    fn a_text_keeps_its_word() {
        let tables = BTreeMap::from([("customer".to_owned(), CUSTOMERS)]);
        let text = NumberForm::Text { separator: ",".into(), tables };
        assert_eq!(after(text.clone(), vec![Value::text("customer,7")]), Some(Value::text("customer,107")));
        assert_eq!(after(text, vec![Value::text("order,7")]), None);
    }

    #[test]
    fn stand_ins_are_none_of_the_numbers_that_databases_hand_out() {
        assert_eq!(stands_for(stand_in(7)), Some(7));
        for number in [0, 1, -1, i64::MAX, i64::MIN, i64::from(i32::MIN), FIRST - 1, FIRST + COUNT, -4_000_000_000_000_000_000] {
            assert_eq!(stands_for(number), None);
        }
    }
}
