//! Which table does a name speak of? `customer_id`, `CustomerId`, `billing_customer`, `App\Models\Customer`, `shop.customer`.
//!
//! Names are taken apart into words and compared in the singular. A match is only a guess; the content must agree.

/// Words at the end of a column's name that say "a number of", not of what.
const MARKS: [&str; 9] = ["id", "fk", "ref", "key", "no", "nr", "num", "number", "pk"];
/// Words that say that a column tells which table another one refers into.
const KINDS: [&str; 8] = ["type", "kind", "class", "model", "table", "entity", "resource", "target"];

/// A name in words, in lower case: `OrderLine_ID` is order, line, id.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let begins = c.is_uppercase() && before.is_lowercase();
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("there is one from the start").extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// English, and good enough to compare with: both sides are treated alike.
fn singular(word: &str) -> String {
    let cut = |end: &str| word.strip_suffix(end).filter(|rest| rest.chars().count() > 1);
    if let Some(rest) = cut("ies") {
        return format!("{rest}y");
    }
    for end in ["sses", "xes", "ches", "shes", "uses"] {
        if word.ends_with(end) {
            return word.strip_suffix("es").expect("it ends so").to_owned();
        }
    }
    cut("s").filter(|rest| !rest.ends_with('s')).unwrap_or(word).to_owned()
}

/// Words written together, the last one in the singular.
fn together(words: &[String]) -> String {
    let Some((last, first)) = words.split_last() else { return String::new() };
    format!("{}{}", first.concat(), singular(last))
}

/// What a column's name is about: its words without what only says "number of".
pub(super) fn subject(column: &str) -> Vec<String> {
    let mut all = words(column);
    if let [one] = all.as_slice()
        && let Some(rest) = one.strip_suffix("id").filter(|rest| rest.len() > 2)
    {
        return vec![rest.to_owned()];
    }
    while all.len() > 1 && all.last().is_some_and(|word| MARKS.contains(&word.as_str())) {
        all.pop();
    }
    if all.len() > 1 && MARKS.contains(&all[0].as_str()) {
        all.remove(0);
    }
    all
}

/// Whether a column's name says that it holds a number of something.
pub(super) fn is_marked(column: &str) -> bool {
    subject(column) != words(column)
}

/// How well words speak of a table, larger is better; none where they do not. The end of the words must be the table's
/// name or the end of it: tables often begin with the name of a part of the application.
pub(super) fn speaks_of(subject: &[String], table: &str) -> Option<usize> {
    let table = words(table);
    let mut best = None;
    for from in 0..table.len() {
        let name = together(&table[from..]);
        for start in 0..subject.len() {
            if name.len() > 1 && together(&subject[start..]) == name {
                let whole = usize::from(start == 0) + usize::from(from == 0);
                best = best.max(Some(name.len() * 4 + whole));
            }
        }
    }
    best
}

/// The table that words speak of best.
pub(super) fn table_of<'t>(subject: &[String], tables: impl Iterator<Item = &'t str>) -> Option<&'t str> {
    let scored = tables.filter_map(|table| Some((speaks_of(subject, table)?, std::cmp::Reverse(table.len()), table)));
    scored.max().map(|(_, _, table)| table)
}

/// The table that a value names: `customers`, `Customer`, `shop.customer`, `App\Models\Customer`. Only the whole name counts.
pub(super) fn table_named<'t>(value: &str, tables: impl Iterator<Item = &'t str> + Clone) -> Option<&'t str> {
    let whole = words(value);
    let last = words(value.rsplit(['\\', '.', ':', '/']).next().unwrap_or(value));
    [whole, last].into_iter().find_map(|words| {
        let name = together(&words);
        let is = |table: &&str| (0..self::words(table).len()).any(|from| together(&self::words(table)[from..]) == name);
        // The shortest one is named most exactly.
        (!name.is_empty()).then(|| tables.clone().filter(is).min_by_key(|table| table.len())).flatten()
    })
}

/// For a column that tells the type of what another one refers to: the words both begin with.
pub(super) fn kind_of_what(column: &str) -> Option<Vec<String>> {
    let mut all = words(column);
    if all.len() > 1 && all.last().is_some_and(|word| MARKS.contains(&word.as_str())) {
        all.pop();
    }
    all.last().is_some_and(|word| KINDS.contains(&word.as_str())).then(|| {
        all.pop();
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(words("OrderLine_ID"), ["order", "line", "id"]);
        assert_eq!(words("customerID"), ["customer", "id"]);
        assert_eq!(words("app\\Models\\User"), ["app", "models", "user"]);
        assert_eq!(subject("customer_id"), ["customer"]);
        assert_eq!(subject("customerid"), ["customer"]);
        assert_eq!(subject("fk_order_no"), ["order"]);
        assert_eq!(subject("id"), ["id"]);
        assert_eq!(subject("paid"), ["paid"], "too short to be a number of something");
    }

    #[test]
    fn a_column_speaks_of_a_table() {
        let tables = ["customers", "shop_order", "categories", "addresses", "order_lines", "boxes"];
        let of = |column: &str| table_of(&subject(column), tables.into_iter());
        assert_eq!(of("customer_id"), Some("customers"));
        assert_eq!(of("CustomerId"), Some("customers"));
        assert_eq!(of("customer"), Some("customers"));
        assert_eq!(of("billing_customer_id"), Some("customers"));
        assert_eq!(of("order"), Some("shop_order"));
        assert_eq!(of("CategoryID"), Some("categories"));
        assert_eq!(of("address_no"), Some("addresses"));
        assert_eq!(of("order_line_id"), Some("order_lines"));
        assert_eq!(of("box"), Some("boxes"));
        assert_eq!(of("name"), None);
        assert_eq!(of("id"), None);
    }

    #[test]
    fn a_value_names_a_table() {
        let tables = ["customers", "shop_order", "auth_user"];
        let of = |value: &str| table_named(value, tables.into_iter());
        assert_eq!(of("customer"), Some("customers"));
        assert_eq!(of("App\\Models\\Customer"), Some("customers"));
        assert_eq!(of("shop.order"), Some("shop_order"));
        assert_eq!(of("Order"), Some("shop_order"));
        assert_eq!(of("invoice"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn a_type_is_of_what_its_name_begins_with() {
        assert_eq!(kind_of_what("object_type"), Some(vec!["object".to_owned()]));
        assert_eq!(kind_of_what("content_type_id"), Some(vec!["content".to_owned()]));
        assert_eq!(kind_of_what("commentableType"), Some(vec!["commentable".to_owned()]));
        assert_eq!(kind_of_what("type"), Some(vec![]));
        assert_eq!(kind_of_what("typed_by"), None);
    }
}
