//! Can two edits of one value both be kept? Each merge gives the new value, or says that it cannot.
//!
//! A merge never writes what nobody meant: text that is no list, lines that were changed on both sides, sums that are no
//! numbers and overflows are left to the next criterion. Exact: integers stay integers, decimals in text add up digit by digit.

use std::cmp::Ordering;

use crate::model::Value;

/// What both sides made of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Three<'v> {
    /// What both had; [`Value::Absent`] where that is not known.
    pub base: &'v Value,
    /// What the parent has.
    pub parent: &'v Value,
    /// What the child has.
    pub child: &'v Value,
}

/// Most digits behind the point of a decimal that is added exactly.
const MOST_DECIMALS: usize = 12;

/// The parent's value and the child's difference. NULL counts as 0 where it was the base or is the parent's.
#[must_use]
pub fn sum(three: Three<'_>) -> Option<Value> {
    let zero = Value::Integer(0);
    let or_zero = |value: &'_ Value| if matches!(value, Value::Null) { zero.clone() } else { value.clone() };
    let (base, parent) = (or_zero(three.base), or_zero(three.parent));
    match (&parent, &base, three.child) {
        (Value::Integer(parent), Value::Integer(base), Value::Integer(child)) => {
            child.checked_sub(*base).and_then(|difference| parent.checked_add(difference)).map(Value::Integer)
        }
        (parent, base, child) if [parent, base, child].iter().any(|value| matches!(value, Value::Text(_))) => {
            let (parent, base, child) = (Decimal::of(parent)?, Decimal::of(base)?, Decimal::of(child)?);
            parent.plus(child.minus(base)?).map(|sum| Value::text(&sum.to_string()))
        }
        (parent, base, child) => {
            let sum = real(parent)? + (real(child)? - real(base)?);
            sum.is_finite().then_some(Value::Real(sum))
        }
    }
}

/// The smaller of both.
#[must_use]
pub fn least(three: Three<'_>) -> Option<Value> {
    let order = compare(three.parent, three.child)?;
    Some(if order == Ordering::Greater { three.child.clone() } else { three.parent.clone() })
}

/// The larger of both.
#[must_use]
pub fn greatest(three: Three<'_>) -> Option<Value> {
    let order = compare(three.parent, three.child)?;
    Some(if order == Ordering::Less { three.child.clone() } else { three.parent.clone() })
}

/// Two lists in text: the parent's order, without what the child took away, and with what it added behind.
///
/// NULL is an empty list. Blanks around an item do not count.
#[must_use]
pub fn union(three: Three<'_>, separator: &str) -> Option<Value> {
    let none = Value::Null;
    let known = if three.base.is_stated() { three.base } else { &none };
    let (base, parent, child) = (items(known, separator)?, items(three.parent, separator)?, items(three.child, separator)?);
    let mut merged: Vec<&str> = parent.iter().copied().filter(|item| child.contains(item) || !base.contains(item)).collect();
    for item in child {
        if !merged.contains(&item) && !base.contains(&item) {
            merged.push(item);
        }
    }
    if merged.is_empty() && matches!((three.parent, three.child), (Value::Null, _) | (_, Value::Null)) {
        return Some(Value::Null);
    }
    // As somebody wrote it: with the blank behind the separator that the longer list has.
    let spaced = format!("{separator} ");
    let blank = [three.parent, three.child].iter().any(|value| utf8(value).is_some_and(|text| text.contains(&spaced)));
    Some(Value::text(&merged.join(if blank { &spaced } else { separator })))
}

/// Three-way by lines; none where both changed the same lines or lines that touch.
#[must_use]
pub fn text(three: Three<'_>) -> Option<Value> {
    let texts = [lines_of(three.base)?, lines_of(three.parent)?, lines_of(three.child)?];
    // A last line without an end would differ from the same line with something behind it.
    let ended = texts.map(|text| if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") });
    let merged = similar::TextMerge::from_lines(ended[0].as_str(), ended[1].as_str(), ended[2].as_str());
    if merged.is_conflicted() {
        return None;
    }
    let merged = merged.to_string();
    let open = texts[1..].iter().any(|text| !text.is_empty() && !text.ends_with('\n'));
    Some(Value::text(if open { merged.strip_suffix('\n').unwrap_or(&merged) } else { &merged }))
}

/// Numbers among each other, and texts by their bytes.
fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Integer(one), Value::Integer(other)) => Some(one.cmp(other)),
        (Value::Integer(_) | Value::Real(_), Value::Integer(_) | Value::Real(_)) => real(one)?.partial_cmp(&real(other)?),
        (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
        (Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_), _) => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    match value {
        // Beyond 2^53 an integer is not the same as a float any more.
        Value::Integer(number) => i32::try_from(*number).ok().map(f64::from),
        Value::Real(number) => Some(*number),
        Value::Absent | Value::Null | Value::Text(_) | Value::Blob(_) => None,
    }
}

fn utf8(value: &Value) -> Option<&str> {
    match value {
        Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
        Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Blob(_) => None,
    }
}

fn lines_of(value: &Value) -> Option<&str> {
    if matches!(value, Value::Null) { Some("") } else { utf8(value) }
}

fn items<'v>(list: &'v Value, separator: &str) -> Option<Vec<&'v str>> {
    let text = lines_of(list)?;
    let mut found = Vec::new();
    for item in text.split(separator).map(str::trim).filter(|item| !item.is_empty()) {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    Some(found)
}

/// A number with a fixed point, as applications keep money in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: i128,
    decimals: usize,
}

impl Decimal {
    fn of(value: &Value) -> Option<Self> {
        if let Value::Integer(number) = value {
            return Some(Self { digits: (*number).into(), decimals: 0 });
        }
        let text = utf8(value)?;
        let (sign, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let plain = !whole.is_empty() && whole.len() <= 20 && fraction.len() <= MOST_DECIMALS && all_digits(whole) && all_digits(fraction);
        if !plain || (unsigned.contains('.') && fraction.is_empty()) {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { digits: sign * digits, decimals: fraction.len() })
    }

    fn with_decimals(self, decimals: usize) -> Option<i128> {
        let more = u32::try_from(decimals.checked_sub(self.decimals)?).ok()?;
        self.digits.checked_mul(10i128.checked_pow(more)?)
    }

    fn plus(self, other: Self) -> Option<Self> {
        let decimals = self.decimals.max(other.decimals);
        let digits = self.with_decimals(decimals)?.checked_add(other.with_decimals(decimals)?)?;
        Some(Self { digits, decimals })
    }

    fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self { digits: other.digits.checked_neg()?, ..other })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = format!("{:0width$}", self.digits.unsigned_abs(), width = self.decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.decimals);
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with<T>(merge: impl Fn(Three<'_>) -> T, base: impl Into<Word>, parent: impl Into<Word>, child: impl Into<Word>) -> T {
        let (base, parent, child) = (base.into().0, parent.into().0, child.into().0);
        merge(Three { base: &base, parent: &parent, child: &child })
    }

    struct Word(Value);

    impl From<&str> for Word {
        fn from(text: &str) -> Self {
            Self(Value::text(text))
        }
    }

    impl From<i64> for Word {
        fn from(number: i64) -> Self {
            Self(Value::Integer(number))
        }
    }

    impl From<f64> for Word {
        fn from(number: f64) -> Self {
            Self(Value::Real(number))
        }
    }

    impl From<Value> for Word {
        fn from(value: Value) -> Self {
            Self(value)
        }
    }

    #[test]
    fn differences_add_up_exactly() {
        assert_eq!(with(sum, 10, 8, 13), Some(Value::Integer(11)));
        assert_eq!(with(sum, Value::Null, 8, 5), Some(Value::Integer(13)));
        assert_eq!(with(sum, 10, Value::Null, 13), Some(Value::Integer(3)));
        assert_eq!(with(sum, 1.5, 2.5, 1.0), Some(Value::Real(2.0)));
        assert_eq!(with(sum, 1, 2.5, 3), Some(Value::Real(4.5)));
        assert_eq!(with(sum, "10.00", "9.90", "10.05"), Some(Value::text("9.95")));
        assert_eq!(with(sum, "0.1", "0", "-0.25"), Some(Value::text("-0.35")));
        assert_eq!(with(sum, Value::Null, "1.20", "0.05"), Some(Value::text("1.25")));
    }

    #[test]
    fn what_is_no_number_or_too_large_is_left_to_the_next_criterion() {
        assert_eq!(with(sum, i64::MAX, i64::MAX, 0), Some(Value::Integer(0)));
        assert_eq!(with(sum, 0, i64::MAX, 1), None);
        assert_eq!(with(sum, 1, 2, Value::Null), None);
        assert_eq!(with(sum, Value::Absent, 2, 3), None);
        assert_eq!(with(sum, "1.", "2", "3"), None);
        assert_eq!(with(sum, "1,5", "2", "3"), None);
        assert_eq!(with(sum, 1.0, f64::MAX, f64::INFINITY), None);
    }

    #[test]
    fn the_smaller_and_the_larger() {
        assert_eq!(with(least, Value::Null, 3, 2), Some(Value::Integer(2)));
        assert_eq!(with(greatest, Value::Null, 3, 2.5), Some(Value::Integer(3)));
        assert_eq!(with(greatest, "a", "2026-01-02", "2026-01-10"), Some(Value::text("2026-01-10")));
        assert_eq!(with(least, 1, "a", 1), None);
        assert_eq!(with(greatest, 1, 2, Value::Null), None);
    }

    #[test]
    fn a_list_has_what_either_added_and_not_what_either_took_away() {
        let union = |base: &str, parent: &str, child: &str| with(|three| union(three, ";"), base, parent, child);
        assert_eq!(union("a;b", "a;b;c", "b;d"), Some(Value::text("b;c;d")));
        assert_eq!(union("a; b", "a; b", "b; a; x"), Some(Value::text("a; b; x")));
        assert_eq!(with(|three| super::union(three, ","), Value::Null, Value::Null, "a,b"), Some(Value::text("a,b")));
        assert_eq!(with(|three| super::union(three, ","), "a", Value::Null, "b"), Some(Value::text("b")));
        assert_eq!(with(|three| super::union(three, ","), "a", "a", 1), None);
    }

    #[test]
    fn text_merges_by_lines_and_never_writes_conflict_markers() {
        assert_eq!(with(text, "a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n"), Some(Value::text("A\nb\nC\n")));
        assert_eq!(with(text, "Visit 1", "Visit 1\nVisit 2", "Intro\nVisit 1"), Some(Value::text("Intro\nVisit 1\nVisit 2")));
        assert_eq!(with(text, Value::Null, Value::Null, "new"), Some(Value::text("new")));
        assert_eq!(with(text, "a\nb\n", "a\nX\n", "a\nY\n"), None);
        assert_eq!(with(text, Value::Absent, "x", "y"), None);
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_the_order(base in -1000i64..1000, parent in -1000i64..1000, one in -1000i64..1000, two in -1000i64..1000) {
            let add = |parent: Value, child: i64| with(sum, base, parent, child).unwrap();
            prop_assert_eq!(add(add(Value::Integer(parent), one), two), add(add(Value::Integer(parent), two), one));
        }

        #[test]
        fn a_decimal_reads_back(digits in -10_000_000i128..10_000_000, decimals in 0usize..6) {
            let decimal = Decimal { digits, decimals };
            let read = Decimal::of(&Value::text(&decimal.to_string())).unwrap();
            prop_assert_eq!(read, decimal);
        }

        #[test]
        fn whoever_changed_nothing_takes_the_others_list(base in "[a-d](;[a-d]){0,3}", other in "[a-f](;[a-f]){0,3}") {
            let ends = with(|three| union(three, ";"), base.as_str(), base.as_str(), other.as_str()).unwrap();
            let set = |text: &str| text.split(';').map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(set(&ends.to_string()), set(&other));
        }
    }
}
