//! Every value that SQLite can hold comes out as it went in: host, office, remote and back, whatever type its column declares.

mod support;

use std::collections::BTreeMap;

use fieldpost::site::Role;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params};
use support::Tree;

const SITES: [&str; 3] = ["head", "north", "anna"];

/// Host, office and remote.
fn three(application: impl FnOnce(&Connection)) -> Tree {
    let tree = Tree::of_application("", application);
    tree.add("head", "north", Role::Office);
    tree.settle(&["north", "head"]);
    tree.add("north", "anna", Role::Remote);
    settle(&tree);
    tree
}

fn settle(tree: &Tree) {
    tree.settle(&["anna", "north", "head"]);
    tree.assert_same(&SITES);
}

/// What a cell holds, told so that nothing different looks the same.
fn exact(value: ValueRef<'_>) -> String {
    let hex = |bytes: &[u8]| {
        if bytes.len() > 64 {
            return format!("{} bytes {}", bytes.len(), blake3::hash(bytes));
        }
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    match value {
        ValueRef::Null => "null".into(),
        ValueRef::Integer(number) => format!("integer {number}"),
        ValueRef::Real(number) => format!("real {:016x}", number.to_bits()),
        ValueRef::Text(text) => format!("text {}", hex(text)),
        ValueRef::Blob(blob) => format!("blob {}", hex(blob)),
    }
}

/// Every record of a table by its first column.
fn all(tree: &Tree, site: &str, table: &str) -> BTreeMap<String, Vec<String>> {
    let application = tree.application(site);
    let mut statement = application.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut all = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let cells: Vec<String> = (0..columns).map(|column| exact(row.get_ref(column).unwrap())).collect();
        all.insert(cells[0].clone(), cells);
    }
    all
}

fn assert_exact(tree: &Tree, tables: &[&str], from: &str) {
    for table in tables {
        let expected = all(tree, from, table);
        assert!(!expected.is_empty(), "{table} is empty");
        for site in SITES {
            assert_eq!(all(tree, site, table), expected, "{table} at {site}");
        }
    }
}

/// Values by name; what an application binds. The table may store something else, and that is what must arrive.
fn values() -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut values = vec![("null", Value::Null)];
    let integers = [0, 1, -1, 127, 128, i64::MAX, i64::MIN, (1 << 53) + 1, -(1 << 53) - 1, 1 << 47];
    values.extend(integers.map(|number| ("integer", Value::Integer(number))));
    let reals = [0.0, -0.0, 1.0, -1.0, 0.1, 0.1 + 0.2, 1e15, 1e16, 9_007_199_254_740_993.0, 9.3e18, -9.3e18];
    values.extend(reals.map(|number| ("real", Value::Real(number))));
    let extremes = [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, f64::INFINITY, f64::NEG_INFINITY, f64::EPSILON];
    values.extend(extremes.map(|number| ("extreme", Value::Real(number))));
    let texts = ["", "a", "1", "01", "1.0", "-0.0", "1e5", " 1", "1 ", "0x10", "12.340", "inf", "NaN", "123456789012345678901234567890"];
    values.extend(texts.map(|word| ("text", text(word))));
    values.extend(["a\0b", "\0", "1\0", "grün 日本 🦀", "\u{feff}bom", "\r\n\t\u{7f}", "\"\\/'"].map(|word| ("odd text", text(word))));
    let blobs: [&[u8]; 6] = [b"", b"a", b"1", b"\0", &[0xff, 0xfe], b"\x00\x00\x00\x0c\x00\x00\x04\xd2\x02"];
    values.extend(blobs.map(|blob| ("blob", Value::Blob(blob.to_vec()))));
    values
}

/// A table per declared type, each with every value; invalid UTF-8 too where the database can hold it.
const TYPES: [(&str, &str); 12] = [
    ("t_none", ""),
    ("t_integer", "INTEGER"),
    ("t_bigint", "UNSIGNED BIG INT"),
    ("t_real", "REAL"),
    ("t_double", "DOUBLE PRECISION"),
    ("t_numeric", "NUMERIC"),
    ("t_decimal", "DECIMAL(10,2)"),
    ("t_text", "TEXT"),
    ("t_varchar", "VARCHAR(3)"),
    ("t_blob", "BLOB"),
    ("t_boolean", "BOOLEAN"),
    ("t_datetime", "DATETIME"),
];

fn tables() -> Vec<&'static str> {
    TYPES.iter().map(|(table, _)| *table).collect()
}

fn make(connection: &Connection, utf8: bool) {
    for (table, declared) in TYPES {
        connection.execute_batch(&format!("CREATE TABLE {table}(id TEXT PRIMARY KEY, v {declared}, w {declared})")).unwrap();
        fill(connection, table, "first", utf8);
    }
}

/// One record per value, called `prefix`, kind and number.
fn fill(connection: &Connection, table: &str, prefix: &str, utf8: bool) {
    connection.execute_batch("BEGIN").unwrap();
    let mut insert = connection.prepare(&format!("INSERT INTO {table}(id, v) VALUES(?1, ?2)")).unwrap();
    for (number, (kind, value)) in values().into_iter().enumerate() {
        insert.execute(params![format!("{prefix} {number} {kind}"), value]).unwrap();
    }
    if utf8 {
        for invalid in ["80", "ff", "c3", "6100ff", "eda080", "f4908080"] {
            let sql = format!("INSERT INTO {table}(id, v) VALUES('{prefix} invalid {invalid}', CAST(x'{invalid}' AS TEXT))");
            connection.execute_batch(&sql).unwrap();
        }
    }
    connection.execute_batch("COMMIT").unwrap();
}

/// Moves every value into the other column, record by record, so that every old value is compared and every new one written.
fn swap(connection: &Connection) {
    for (table, _) in TYPES {
        connection.execute_batch(&format!("UPDATE {table} SET w = v, v = w")).unwrap();
    }
}

fn assert_every_value_travels(encoding: &str) {
    let utf8 = encoding == "UTF-8";
    let tree = three(|connection| {
        connection.execute_batch(&format!("PRAGMA encoding = '{encoding}'")).unwrap();
        make(connection, utf8);
    });
    assert_eq!(tree.text("anna", "PRAGMA encoding"), encoding);
    assert_exact(&tree, &tables(), "head");
    for (table, _) in TYPES {
        fill(&tree.application("anna"), table, "of anna", utf8);
        fill(&tree.application("head"), table, "of head", utf8);
    }
    settle(&tree);
    assert_exact(&tree, &tables(), "anna");
    for site in ["anna", "head"] {
        tree.tick(10);
        let before = all(&tree, site, "t_none");
        swap(&tree.application(site));
        assert_ne!(all(&tree, site, "t_none"), before);
        let expected: Vec<_> = TYPES.iter().map(|(table, _)| all(&tree, site, table)).collect();
        settle(&tree);
        for ((table, _), expected) in TYPES.iter().zip(expected) {
            assert_eq!(all(&tree, "head", table), expected, "{table}, swapped at {site}");
        }
        assert_exact(&tree, &tables(), site);
    }
    for site in SITES {
        assert_eq!(tree.session(site).ledger.last_conflict().unwrap(), 0, "{site}: nothing was in anybody's way");
    }
}

#[test]
fn every_value_travels_whatever_its_column_declares() {
    assert_every_value_travels("UTF-8");
}

#[test]
fn every_value_travels_between_databases_in_utf_16() {
    assert_every_value_travels("UTF-16le");
    assert_every_value_travels("UTF-16be");
}

#[test]
fn every_value_travels_as_a_key() {
    let sql = "CREATE TABLE one(k PRIMARY KEY, x); CREATE TABLE two(k BLOB, l TEXT, x, PRIMARY KEY(k, l)) WITHOUT ROWID";
    let tree = three(|connection| connection.execute_batch(sql).unwrap());
    let fill = |site: &str, nth: usize| {
        let application = tree.application(site);
        application.execute_batch("BEGIN").unwrap();
        for (number, (_, value)) in (0i64..).zip(values()).skip(nth).step_by(2).filter(|(_, (_, value))| *value != Value::Null) {
            // `1` and `1.0` are one key for SQLite.
            application.execute("INSERT OR IGNORE INTO one VALUES(?1, ?2)", params![value, number]).unwrap();
            application.execute("INSERT OR IGNORE INTO two VALUES(?1, ?2, ?3)", params![value, "", number]).unwrap();
        }
        application.execute_batch("COMMIT").unwrap();
    };
    fill("anna", 0);
    settle(&tree);
    fill("head", 1);
    settle(&tree);
    assert_exact(&tree, &["one", "two"], "head");
    tree.edit("anna", "UPDATE one SET x = x || 'a'; UPDATE two SET x = x || 'a'");
    let expected = (all(&tree, "anna", "one"), all(&tree, "anna", "two"));
    settle(&tree);
    assert_eq!((all(&tree, "head", "one"), all(&tree, "head", "two")), expected);
    tree.edit("north", "DELETE FROM one WHERE rowid % 2; DELETE FROM two WHERE typeof(k) <> 'blob'");
    settle(&tree);
    assert_exact(&tree, &["one", "two"], "north");
}

#[test]
fn strict_tables_and_generated_columns() {
    let tree = three(|connection| {
        connection
            .execute_batch(
                "CREATE TABLE s(id TEXT PRIMARY KEY, a ANY, i INTEGER, r REAL, t TEXT, b BLOB) STRICT;
                CREATE TABLE w(k TEXT, n INT, a ANY, PRIMARY KEY(k, n)) STRICT, WITHOUT ROWID;
                CREATE TABLE g(id TEXT PRIMARY KEY, v AS (a || b), a TEXT, s AS (length(a)) STORED NOT NULL, b TEXT);
                CREATE UNIQUE INDEX gv ON g(v); CREATE INDEX gs ON g(s) WHERE s > 1;
                INSERT INTO g(id, a, b) VALUES('1', 'a', 'b'), ('2', 'aa', 'bb')",
            )
            .unwrap();
    });
    let anna = tree.application("anna");
    anna.execute_batch("BEGIN").unwrap();
    for (number, (_, value)) in (0i64..).zip(values()) {
        anna.execute("INSERT INTO s(id, a) VALUES(?1, ?2)", params![number.to_string(), value]).unwrap();
        anna.execute("INSERT INTO w VALUES('k', ?1, ?2)", params![number, value]).unwrap();
    }
    anna.execute_batch(
        "COMMIT; UPDATE s SET i = 5, r = 5, t = 5, b = x'05' WHERE id = '3'; UPDATE s SET r = -0.0, t = 'a' || char(0) WHERE id = '4'",
    )
    .unwrap();
    tree.edit("head", "UPDATE g SET a = 'ccc' WHERE id = '1'");
    tree.edit("anna", "UPDATE g SET b = 'z' WHERE id = '2'; INSERT INTO g(id, a, b) VALUES('3', '', '')");
    settle(&tree);
    assert_exact(&tree, &["s", "w", "g"], "anna");
    for site in SITES {
        assert_eq!(tree.text(site, "SELECT group_concat(v || s) FROM (SELECT * FROM g ORDER BY id)"), "cccb3,aaz2,0", "{site}");
        assert_eq!(tree.text(site, "PRAGMA integrity_check"), "ok", "{site}");
    }
}

#[test]
fn a_table_of_five_hundred_columns() {
    const COLUMNS: usize = 500;
    let columns: Vec<String> = (1..COLUMNS).map(|n| format!("c{n}")).collect();
    let tree = three(|connection| {
        connection.execute_batch(&format!("CREATE TABLE wide(id TEXT PRIMARY KEY, {})", columns.join(", "))).unwrap();
        let values: Vec<String> = (1..COLUMNS).map(|n| format!("'{n}'")).collect();
        connection.execute_batch(&format!("INSERT INTO wide VALUES('a', {0}), ('b', {0})", values.join(", "))).unwrap();
    });
    let odd: Vec<String> = columns.iter().step_by(2).map(|column| format!("{column} = {column} * 1.5")).collect();
    let even: Vec<String> = columns.iter().skip(1).step_by(2).map(|column| format!("{column} = zeroblob(3)")).collect();
    tree.edit("anna", &format!("UPDATE wide SET {} WHERE id = 'a'; INSERT INTO wide(id, c499) VALUES('c', 1)", odd.join(", ")));
    tree.edit("head", &format!("UPDATE wide SET {} WHERE id = 'a'; DELETE FROM wide WHERE id = 'b'", even.join(", ")));
    settle(&tree);
    assert_exact(&tree, &["wide"], "north");
    assert_eq!(tree.text("anna", "SELECT c1 || typeof(c2) || c499 || typeof(c498) FROM wide WHERE id = 'a'"), "1.5blob748.5blob");
}

/// Most memory this process ever held, in bytes; none where the system does not say.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// What cannot be compressed, and what can be without end. The bench `memory` says how often a value is in memory at once.
#[test]
fn a_large_blob_travels_whole() {
    const BYTES: u64 = 16 << 20;
    let tree = three(|connection| connection.execute_batch("CREATE TABLE files(id TEXT PRIMARY KEY, content BLOB)").unwrap());
    let before = peak();
    tree.edit("anna", &format!("INSERT INTO files VALUES('random', randomblob({BYTES}))"));
    settle(&tree);
    tree.edit("head", &format!("INSERT INTO files VALUES('zeros', zeroblob({BYTES}))"));
    settle(&tree);
    assert_exact(&tree, &["files"], "anna");
    if let (Some(before), Some(after)) = (before, peak()) {
        println!("peak: {} MB before, {} MB after a blob of {} MB", before >> 20, after >> 20, BYTES >> 20);
        assert!(after - before < 8 * BYTES + (96 << 20), "more copies of a record are held than when this was written");
    }
}

/// No packet takes it: it stays home, is listed, and keeps nothing else from travelling; made smaller, it travels.
#[test]
fn a_record_that_is_too_large_for_a_packet_stays_home_alone() {
    let mut tree =
        three(|connection| connection.execute_batch("CREATE TABLE files(id TEXT PRIMARY KEY, name TEXT, content BLOB)").unwrap());
    tree.limits.packet.block_bytes = 1 << 20;
    tree.edit("anna", "INSERT INTO files VALUES('large', 'one', randomblob(900000)), ('small', 'two', randomblob(900))");
    let report = tree.sync("anna");
    let [kept] = &report.kept[..] else { panic!("{:?}", report.kept) };
    assert!(kept.records == 1 && kept.named[0].1.to_string().contains("too large for a packet"), "{kept:?}");
    ["north", "head"].iter().for_each(|site| drop(tree.sync(site)));
    assert_eq!(tree.rows("head", "SELECT id FROM files"), ["small"]);
    tree.edit("anna", "UPDATE files SET content = randomblob(600000) WHERE id = 'large'");
    settle(&tree);
    assert_exact(&tree, &["files"], "anna");
    // The large value is the same at both ends: only what changed beside it has to be told. Another value in its place is too much again.
    tree.edit("anna", "UPDATE files SET name = 'three' WHERE id = 'large'");
    settle(&tree);
    assert_eq!(tree.rows("head", "SELECT name FROM files WHERE id = 'large'"), ["three"]);
    tree.edit("anna", "UPDATE files SET content = randomblob(600000) WHERE id = 'large'");
    assert_eq!(tree.sync("anna").kept.len(), 1);
    tree.edit("anna", "DELETE FROM files WHERE id = 'large'");
    settle(&tree);
    assert_exact(&tree, &["files"], "anna");
}

#[test]
fn a_large_value_outlives_edits_and_deletes() {
    let sql = "CREATE TABLE files(id TEXT PRIMARY KEY, name TEXT, content BLOB, text TEXT)";
    let tree = three(|connection| connection.execute_batch(sql).unwrap());
    tree.edit("head", "INSERT INTO files VALUES('a', 'one', randomblob(3000000), hex(randomblob(1000000)))");
    settle(&tree);
    for edit in ["name = 'two'", "content = randomblob(3000001), name = 'three'", "text = hex(content), name = 'four'"] {
        for site in ["anna", "head"] {
            tree.tick(10);
            tree.edit(site, &format!("UPDATE files SET {edit} || '{site}'"));
            let expected = all(&tree, site, "files");
            settle(&tree);
            assert_exact(&tree, &["files"], site);
            assert_eq!(all(&tree, "north", "files"), expected, "{edit} at {site}");
        }
    }
    // An edit wins: the record comes back from what the journal keeps of it.
    tree.tick(10);
    tree.edit("head", "DELETE FROM files");
    tree.edit("anna", "UPDATE files SET name = 'five'");
    let expected = all(&tree, "anna", "files");
    settle(&tree);
    for site in SITES {
        assert_eq!(all(&tree, site, "files"), expected, "{site}");
    }
}
