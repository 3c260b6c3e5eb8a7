//! Random work of an application on three kinds of tables: every record that differs afterwards was noted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TABLES: &str =
    "CREATE TABLE i(id INTEGER PRIMARY KEY, u COLLATE NOCASE UNIQUE, x); CREATE TABLE n(id TEXT PRIMARY KEY COLLATE NOCASE, u, x);
    CREATE UNIQUE INDEX nu ON n(u COLLATE NOCASE, x); CREATE TABLE w(id TEXT, x INTEGER, u TEXT UNIQUE, PRIMARY KEY(id, x)) WITHOUT ROWID";

/// Few values, so that records meet: other case, other type, NULL.
fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["1", "2", "3", "-1", "1.0", "'1'", "'a'", "'A'", "'b'", "'B'", "NULL"])
}

fn table() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["i", "n", "w"])
}

fn statement() -> impl Strategy<Value = String> {
    let or = || prop::sample::select(vec!["", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK"]);
    let column = || prop::sample::select(vec!["id", "u", "x"]);
    prop_oneof![
        4 => (or(), table(), value(), value(), value()).prop_map(|(or, t, id, u, x)| format!("INSERT {or} INTO {t}(id, u, x) VALUES({id}, {u}, {x})")),
        1 => (or(), table(), value()).prop_map(|(or, t, u)| format!("INSERT {or} INTO {t}(u) VALUES({u})")),
        3 => (or(), table(), column(), value(), column(), value()).prop_map(|(or, t, c, v, w, is)| format!("UPDATE {or} {t} SET {c} = {v} WHERE {w} = {is}")),
        1 => (or(), table(), column(), value()).prop_map(|(or, t, c, v)| format!("UPDATE {or} {t} SET {c} = {v}")),
        1 => (or(), value(), value()).prop_map(|(or, v, is)| format!("UPDATE {or} i SET rowid = {v} WHERE id = {is}")),
        1 => (or(), value(), value()).prop_map(|(or, id, u)| format!("UPDATE {or} w SET id = {id}, u = {u} WHERE x = 1")),
        2 => (table(), column(), value()).prop_map(|(t, w, is)| format!("DELETE FROM {t} WHERE {w} = {is}")),
        1 => (value(), value(), value()).prop_map(|(id, u, x)| format!(
            "INSERT INTO i VALUES({id}, {u}, {x}) ON CONFLICT(u) DO UPDATE SET x = excluded.x, id = id + 1 ON CONFLICT(id) DO NOTHING")),
        1 => (value(), value(), value()).prop_map(|(id, u, x)| format!(
            "INSERT INTO n VALUES({id}, {u}, {x}) ON CONFLICT(id) DO UPDATE SET id = excluded.id, u = excluded.u")),
        1 => table().prop_map(|t| format!("REPLACE INTO {t} SELECT * FROM {t} ORDER BY id DESC LIMIT 2")),
    ]
}

fn records(shop: &Shop, shape: &Shape) -> BTreeMap<Key, Vec<u8>> {
    let mut records = BTreeMap::new();
    shop.ours.scan(shape, None, usize::MAX, &mut |key, bytes| drop(records.insert(key, bytes.to_vec()))).unwrap();
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_that_differs_was_noted(recursive in any::<bool>(), before in prop::collection::vec(statement(), 8), work in prop::collection::vec(statement(), 1..12)) {
        let shop = shop(TABLES);
        shop.app.pragma_update(None, "recursive_triggers", recursive).unwrap();
        // What is refused changes nothing, or (OR FAIL) what it did until then.
        let run = |statements: &[String]| statements.iter().for_each(|sql| drop(shop.app.execute_batch(sql)));
        run(&before);
        let old: Vec<_> = shop.survey.shapes.iter().map(|shape| (shape, records(&shop, shape), shop.ours.last_note(shape).unwrap())).collect();
        run(&work);
        for (shape, old, last) in old {
            let new = records(&shop, shape);
            let noted: BTreeSet<Key> = shop.ours.notes(shape, last, usize::MAX).unwrap().into_iter().filter_map(|note| note.key.ok()).collect();
            for key in old.keys().chain(new.keys()).filter(|key| old.get(*key) != new.get(*key)) {
                prop_assert!(noted.contains(key), "{key} of {} changed unnoted", shape.name);
            }
        }
        prop_assert_eq!(shop.ours.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn capture_changes_nothing_for_the_application(work in prop::collection::vec(statement(), 1..16)) {
        let (with, without) = (shop(TABLES), plain_shop(TABLES));
        for sql in &work {
            let said = |shop: &Shop| (shop.app.execute(sql, []).map_err(|error| error.to_string()), shop.app.last_insert_rowid());
            prop_assert_eq!(said(&with), said(&without), "{}", sql);
        }
        for (a, b) in with.survey.shapes.iter().zip(&without.survey.shapes) {
            prop_assert_eq!(with.ours.digest(a).unwrap(), without.ours.digest(b).unwrap());
        }
    }
}
