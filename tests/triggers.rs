//! Triggers of the application: after an exchange the data is as if each edit had happened once.

mod support;

use fieldpost::site::Role;
use support::Tree;

const SITES: [&str; 3] = ["head", "north", "anna"];

/// Host, office and remote.
fn three(sql: &str) -> Tree {
    three_with("", sql)
}

fn three_with(rules: &str, sql: &str) -> Tree {
    let tree = Tree::of_application(rules, |connection| connection.execute_batch(sql).unwrap());
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

fn everywhere(tree: &Tree, sql: &str, expected: &str) {
    for site in SITES {
        assert_eq!(tree.text(site, sql), expected, "{site}: {sql}");
    }
}

fn conflicts(tree: &Tree) -> i64 {
    SITES.iter().map(|site| tree.session(site).ledger.last_conflict().unwrap()).sum()
}

#[test]
fn a_copy_that_a_trigger_keeps_is_kept_once() {
    let tree = three(
        "CREATE TABLE customers(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE copies(id TEXT PRIMARY KEY, name TEXT, edits INT DEFAULT 0);
        CREATE TRIGGER ci AFTER INSERT ON customers BEGIN INSERT INTO copies(id, name) VALUES(NEW.id, NEW.name); END;
        CREATE TRIGGER cu AFTER UPDATE ON customers BEGIN UPDATE copies SET id = NEW.id, name = NEW.name, edits = edits + 1 WHERE id = OLD.id; END;
        CREATE TRIGGER cd AFTER DELETE ON customers BEGIN DELETE FROM copies WHERE id = OLD.id; END;
        INSERT INTO customers VALUES('a', 'Anna'), ('b', 'Bob'), ('c', 'Carl')",
    );
    let copies = "SELECT group_concat(id || name || edits) FROM (SELECT * FROM copies ORDER BY id)";
    everywhere(&tree, copies, "aAnna0,bBob0,cCarl0");
    tree.edit("anna", "UPDATE customers SET name = 'Ann' WHERE id = 'a'; INSERT INTO customers VALUES('d', 'Dora')");
    tree.edit("north", "DELETE FROM customers WHERE id = 'c'");
    tree.edit("head", "UPDATE customers SET name = 'Rob' WHERE id = 'b'");
    settle(&tree);
    everywhere(&tree, copies, "aAnn1,bRob1,dDora0");
    assert_eq!(conflicts(&tree), 0);
}

#[test]
fn the_time_of_an_edit_is_that_of_the_site_that_made_it() {
    let tree = three(
        "CREATE TABLE notes(id TEXT PRIMARY KEY, text TEXT, updated_at TEXT, updates INT DEFAULT 0); CREATE TABLE here(site TEXT);
        INSERT INTO here VALUES('head'); INSERT INTO notes(id, text) VALUES('a', 'x'), ('b', 'x');
        CREATE TRIGGER stamp AFTER UPDATE OF text ON notes BEGIN
            UPDATE notes SET updated_at = (SELECT site FROM here), updates = updates + 1 WHERE id = NEW.id; END;
        CREATE TRIGGER born AFTER INSERT ON notes BEGIN UPDATE notes SET updated_at = (SELECT site FROM here) WHERE id = NEW.id; END",
    );
    for site in ["north", "anna"] {
        tree.edit(site, &format!("INSERT INTO here VALUES('{site}')"));
    }
    tree.edit("anna", "UPDATE notes SET text = 'y' WHERE id = 'a'; INSERT INTO notes(id, text) VALUES('c', 'z')");
    tree.edit("head", "UPDATE notes SET text = 'w' WHERE id = 'b'");
    settle(&tree);
    everywhere(
        &tree,
        "SELECT group_concat(id || text || ifnull(updated_at, '') || updates) FROM (SELECT * FROM notes ORDER BY id)",
        "ayanna1,bwhead1,czanna0",
    );
}

const COUNTED: &str = "CREATE TABLE orders(id TEXT PRIMARY KEY, customer TEXT);
    CREATE TRIGGER plus AFTER INSERT ON orders BEGIN UPDATE counts SET n = n + 1 WHERE name = NEW.customer; END;
    CREATE TRIGGER minus AFTER DELETE ON orders BEGIN UPDATE counts SET n = n - 1 WHERE name = OLD.customer; END;";

#[test]
fn a_counter_counts_each_edit_once() {
    let tree =
        three(&format!("CREATE TABLE counts(name TEXT PRIMARY KEY, n INT); INSERT INTO counts VALUES('acme', 0), ('bolt', 0); {COUNTED}"));
    tree.edit("anna", "INSERT INTO orders VALUES('a1', 'acme'), ('a2', 'acme')");
    tree.edit("head", "INSERT INTO orders VALUES('h1', 'bolt')");
    settle(&tree);
    tree.edit("north", "INSERT INTO orders VALUES('n1', 'acme'); DELETE FROM orders WHERE id = 'a1'");
    settle(&tree);
    tree.edit("head", "INSERT INTO orders VALUES('h2', 'acme')");
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(name || n) FROM counts", "acme3,bolt1");
    assert_eq!(conflicts(&tree), 0);
}

/// Two sites count up from the same number: as a field that is a conflict, and it is said.
#[test]
fn a_counter_that_two_sites_move_at_once_is_a_conflict_that_is_listed() {
    let tree = three(&format!("CREATE TABLE counts(name TEXT PRIMARY KEY, n INT); INSERT INTO counts VALUES('acme', 0); {COUNTED}"));
    tree.edit("head", "INSERT INTO orders VALUES('h1', 'acme'), ('h2', 'acme')");
    tree.edit("anna", "INSERT INTO orders VALUES('a1', 'acme')");
    settle(&tree);
    everywhere(&tree, "SELECT n || '' FROM counts", "1");
    assert!(conflicts(&tree) > 0);
}

#[test]
fn a_counter_that_does_not_travel_counts_at_every_site_what_is_there() {
    let tree = three(&format!("CREATE TABLE counts(name TEXT, n INT); INSERT INTO counts VALUES('acme', 0); {COUNTED}"));
    for site in ["north", "anna"] {
        tree.edit(site, "INSERT INTO counts VALUES('acme', 0)");
    }
    tree.edit("head", "INSERT INTO orders VALUES('h1', 'acme'), ('h2', 'acme')");
    tree.edit("anna", "INSERT INTO orders VALUES('a1', 'acme')");
    settle(&tree);
    tree.edit("north", "DELETE FROM orders WHERE id = 'h1'");
    settle(&tree);
    everywhere(&tree, "SELECT n || '' FROM counts", "2");
}

/// The rules say `run` for a trigger that computes a field anew from what is there: any order of arrival gives the same.
#[test]
fn a_total_that_the_rules_let_run_is_right_whoever_added_lines_at_once() {
    let tree = three_with(
        "[triggers]\ntotal_i = 'run'\ntotal_u = 'run'\n",
        "CREATE TABLE orders(id TEXT PRIMARY KEY, total INT DEFAULT 0);
        CREATE TABLE lines(id TEXT PRIMARY KEY, order_id TEXT REFERENCES orders(id), price INT);
        CREATE TRIGGER total_i AFTER INSERT ON lines BEGIN
            UPDATE orders SET total = (SELECT sum(price) FROM lines WHERE order_id = NEW.order_id) WHERE id = NEW.order_id; END;
        CREATE TRIGGER total_u AFTER UPDATE ON lines BEGIN
            UPDATE orders SET total = (SELECT sum(price) FROM lines WHERE order_id = NEW.order_id) WHERE id = NEW.order_id; END;
        INSERT INTO orders(id) VALUES('o'); INSERT INTO lines VALUES('l1', 'o', 1)",
    );
    tree.edit("head", "INSERT INTO lines VALUES('l2', 'o', 10); UPDATE lines SET price = 2 WHERE id = 'l1'");
    tree.edit("north", "INSERT INTO lines VALUES('l3', 'o', 100)");
    tree.edit("anna", "INSERT INTO lines VALUES('l4', 'o', 1000)");
    settle(&tree);
    everywhere(&tree, "SELECT total || '' FROM orders", "1112");
}

/// What such a trigger writes for an edit that arrived is written here, and nowhere else yet.
#[test]
fn what_a_trigger_that_may_run_writes_for_an_edit_that_arrived_travels_on() {
    let rules = "[triggers]\ncall = 'run'\n[schema]\ntravels = false\n";
    let tree = three_with(
        rules,
        "CREATE TABLE leads(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE tasks(id TEXT PRIMARY KEY, what TEXT);
        INSERT INTO leads VALUES('A', '')",
    );
    tree.edit(
        "head",
        "CREATE TRIGGER call AFTER INSERT ON leads BEGIN
            INSERT INTO tasks VALUES('call ' || NEW.id, 'call'); UPDATE leads SET name = name || '+' WHERE id = 'A'; END",
    );
    settle(&tree);
    tree.edit("anna", "INSERT INTO leads VALUES('new', 'New')");
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(id || what) FROM tasks", "call newcall");
    everywhere(&tree, "SELECT name FROM leads WHERE id = 'A'", "+");
    assert_eq!(conflicts(&tree), 0);
}

#[test]
fn an_audit_trail_that_travels_has_one_entry_per_edit() {
    let tree = three(
        "CREATE TABLE customers(id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE audit(id TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))), what TEXT);
        CREATE TRIGGER ai AFTER INSERT ON customers BEGIN INSERT INTO audit(what) VALUES('+' || NEW.id); END;
        CREATE TRIGGER au AFTER UPDATE ON customers BEGIN INSERT INTO audit(what) VALUES(OLD.name || '>' || NEW.name); END;
        CREATE TRIGGER ad AFTER DELETE ON customers BEGIN INSERT INTO audit(what) VALUES('-' || OLD.id); END;
        INSERT INTO customers VALUES('a', '1'), ('b', '1')",
    );
    tree.edit("anna", "UPDATE customers SET name = '2' WHERE id = 'a'; INSERT INTO customers VALUES('c', '1')");
    tree.edit("north", "DELETE FROM customers WHERE id = 'b'");
    tree.edit("head", "INSERT INTO customers VALUES('d', '1')");
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(what) FROM (SELECT what FROM audit ORDER BY what)", "+a,+b,+c,+d,-b,1>2");
}

#[test]
fn an_audit_trail_with_handed_out_numbers_has_one_entry_per_edit() {
    let tree = three(
        "CREATE TABLE customers(id TEXT PRIMARY KEY, name TEXT); CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);
        CREATE TRIGGER au AFTER UPDATE ON customers BEGIN INSERT INTO audit(what) VALUES(OLD.name || '>' || NEW.name); END;
        INSERT INTO customers VALUES('a', '1')",
    );
    for (site, step) in [("head", "2"), ("anna", "3"), ("north", "4"), ("anna", "5")] {
        tree.edit(site, &format!("UPDATE customers SET name = '{step}'"));
        settle(&tree);
    }
    everywhere(&tree, "SELECT group_concat(what) FROM (SELECT what FROM audit ORDER BY what)", "1>2,2>3,3>4,4>5");
}

#[test]
fn an_audit_trail_that_does_not_travel_is_kept_by_every_site_for_every_edit() {
    let tree = three(
        "CREATE TABLE customers(id TEXT PRIMARY KEY, name TEXT, mail TEXT); CREATE TABLE audit(what TEXT);
        CREATE TRIGGER au AFTER UPDATE ON customers BEGIN INSERT INTO audit VALUES(OLD.name || '>' || NEW.name); END;
        CREATE TRIGGER ad AFTER DELETE ON customers BEGIN INSERT INTO audit VALUES('-' || OLD.id); END;
        INSERT INTO customers VALUES('a', '1', ''), ('b', '1', '')",
    );
    tree.edit("anna", "UPDATE customers SET name = '2', mail = 'x' WHERE id = 'a'");
    tree.edit("north", "DELETE FROM customers WHERE id = 'b'");
    settle(&tree);
    // Nothing changes any more, whatever is told again.
    fieldpost::sync::round::full(&tree.session("anna")).unwrap();
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(what) FROM (SELECT what FROM audit ORDER BY what)", "-b,1>2");
}

#[test]
fn a_check_by_trigger_passed_where_the_edit_was_made_and_does_not_refuse_it_elsewhere() {
    let tree = three(
        "CREATE TABLE credit(name TEXT PRIMARY KEY, most INT); CREATE TABLE orders(id TEXT PRIMARY KEY, name TEXT, price INT);
        CREATE TRIGGER limited BEFORE INSERT ON orders WHEN NEW.price > (SELECT most FROM credit WHERE name = NEW.name)
            BEGIN SELECT RAISE(ABORT, 'too much'); END;
        CREATE TRIGGER kept BEFORE DELETE ON orders WHEN OLD.price > 0 BEGIN SELECT RAISE(ROLLBACK, 'kept'); END;
        INSERT INTO credit VALUES('acme', 100); INSERT INTO orders VALUES('h', 'acme', 0)",
    );
    assert!(tree.application("anna").execute_batch("INSERT INTO orders VALUES('x', 'acme', 101)").is_err(), "the check is there");
    tree.edit("anna", "INSERT INTO orders VALUES('a', 'acme', 90)");
    tree.edit("head", "UPDATE credit SET most = 50");
    tree.edit("north", "DELETE FROM orders WHERE id = 'h'");
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(id || price) FROM orders", "a90");
    everywhere(&tree, "SELECT most || '' FROM credit", "50");
    assert!(tree.application("head").execute_batch("INSERT INTO orders VALUES('x', 'acme', 51)").is_err(), "and still there");
}

/// Full-text indexes in all their forms, kept by triggers as the manuals of FTS3/4 and FTS5 have them.
const SEARCHED: &str = "CREATE TABLE films(id INTEGER PRIMARY KEY, title TEXT, plot TEXT);
    CREATE VIRTUAL TABLE own3 USING fts3(title, plot); CREATE VIRTUAL TABLE own4 USING fts4(title, plot); CREATE VIRTUAL TABLE own5 USING fts5(title, plot);
    CREATE VIRTUAL TABLE ext4 USING fts4(content='films', title, plot);
    CREATE VIRTUAL TABLE ext5 USING fts5(title, plot, content='films', content_rowid='id');
    CREATE VIRTUAL TABLE less5 USING fts5(title, plot, content='');
    CREATE VIRTUAL TABLE lessd5 USING fts5(title, plot, content='', contentless_delete=1);
    CREATE TRIGGER own_i AFTER INSERT ON films BEGIN
        INSERT INTO own3(docid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); INSERT INTO own4(docid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot);
        INSERT INTO own5(rowid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); INSERT INTO lessd5(rowid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); END;
    CREATE TRIGGER own_d AFTER DELETE ON films BEGIN DELETE FROM own3 WHERE docid = OLD.id; DELETE FROM own4 WHERE docid = OLD.id;
        DELETE FROM own5 WHERE rowid = OLD.id; DELETE FROM lessd5 WHERE rowid = OLD.id; END;
    CREATE TRIGGER own_u AFTER UPDATE ON films BEGIN
        UPDATE own3 SET docid = NEW.id, title = NEW.title, plot = NEW.plot WHERE docid = OLD.id;
        UPDATE own4 SET docid = NEW.id, title = NEW.title, plot = NEW.plot WHERE docid = OLD.id;
        UPDATE own5 SET rowid = NEW.id, title = NEW.title, plot = NEW.plot WHERE rowid = OLD.id;
        DELETE FROM lessd5 WHERE rowid = OLD.id; INSERT INTO lessd5(rowid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); END;
    CREATE TRIGGER ext4_bu BEFORE UPDATE ON films BEGIN DELETE FROM ext4 WHERE docid = OLD.id; END;
    CREATE TRIGGER ext4_bd BEFORE DELETE ON films BEGIN DELETE FROM ext4 WHERE docid = OLD.id; END;
    CREATE TRIGGER ext4_au AFTER UPDATE ON films BEGIN INSERT INTO ext4(docid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); END;
    CREATE TRIGGER ext4_ai AFTER INSERT ON films BEGIN INSERT INTO ext4(docid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); END;
    CREATE TRIGGER ext5_ai AFTER INSERT ON films BEGIN INSERT INTO ext5(rowid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot);
        INSERT INTO less5(rowid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); END;
    CREATE TRIGGER ext5_ad AFTER DELETE ON films BEGIN INSERT INTO ext5(ext5, rowid, title, plot) VALUES('delete', OLD.id, OLD.title, OLD.plot);
        INSERT INTO less5(less5, rowid, title, plot) VALUES('delete', OLD.id, OLD.title, OLD.plot); END;
    CREATE TRIGGER ext5_au AFTER UPDATE ON films BEGIN INSERT INTO ext5(ext5, rowid, title, plot) VALUES('delete', OLD.id, OLD.title, OLD.plot);
        INSERT INTO ext5(rowid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot);
        INSERT INTO less5(less5, rowid, title, plot) VALUES('delete', OLD.id, OLD.title, OLD.plot);
        INSERT INTO less5(rowid, title, plot) VALUES(NEW.id, NEW.title, NEW.plot); END;
    INSERT INTO films VALUES(1, 'The dog', 'barks'), (2, 'The cat', 'sleeps'), (3, 'The bird', NULL);";

const INDEXES: [(&str, &str); 7] = [
    ("own3", "docid"),
    ("own4", "docid"),
    ("own5", "rowid"),
    ("ext4", "docid"),
    ("ext5", "rowid"),
    ("less5", "rowid"),
    ("lessd5", "rowid"),
];

/// Every index finds exactly the films that have the word, at every site, and is whole.
fn assert_searchable(tree: &Tree, words: &[&str]) {
    for site in SITES {
        let application = tree.application(site);
        let text = |sql: &str| application.query_row::<String, _, _>(sql, [], |row| row.get(0)).unwrap();
        for (index, id) in INDEXES {
            for word in words {
                let found = format!(
                    "SELECT ifnull(group_concat({id}), '') FROM (SELECT {id} FROM {index} WHERE {index} MATCH '{word}' ORDER BY {id})"
                );
                let there = format!(
                    "SELECT ifnull(group_concat(id), '') FROM (SELECT id FROM films
                    WHERE ' ' || lower(title) || ' ' || lower(ifnull(plot, '')) || ' ' LIKE '% {word} %' ORDER BY id)"
                );
                assert_eq!(text(&found), text(&there), "{site}: {word} in {index}");
            }
        }
        for index in ["own4", "ext4"] {
            application.execute_batch(&format!("INSERT INTO {index}({index}) VALUES('integrity-check')")).unwrap();
        }
        for index in ["own5", "ext5"] {
            application.execute_batch(&format!("INSERT INTO {index}({index}, rank) VALUES('integrity-check', 1)")).unwrap();
        }
        assert_eq!(text("PRAGMA integrity_check"), "ok", "{site}");
    }
}

#[test]
fn full_text_indexes_find_at_every_site_what_is_there() {
    let tree = three(SEARCHED);
    let words = ["the", "dog", "cat", "bird", "barks", "sleeps", "wolf", "howls", "fish", "mouse", "sings", "new"];
    assert_searchable(&tree, &words);
    tree.edit(
        "anna",
        "UPDATE films SET title = 'The wolf', plot = 'howls' WHERE id = 1; INSERT INTO films VALUES(4, 'The fish', 'sleeps')",
    );
    tree.edit("north", "DELETE FROM films WHERE id = 2; INSERT INTO films VALUES(5, 'The mouse', 'sleeps')");
    tree.edit("head", "UPDATE films SET plot = 'sings' WHERE id = 3");
    settle(&tree);
    assert_searchable(&tree, &words);
    // A conflict: the loser's words must be gone from its index too.
    tree.edit("anna", "UPDATE films SET title = 'The dog' WHERE id = 3");
    tree.edit("head", "UPDATE films SET title = 'The new cat' WHERE id = 3; DELETE FROM films WHERE id = 4");
    settle(&tree);
    everywhere(&tree, "SELECT title FROM films WHERE id = 3", "The new cat");
    assert_searchable(&tree, &words);
    // A record that is deleted and made anew between two rounds.
    tree.edit("anna", "DELETE FROM films WHERE id = 5; INSERT INTO films VALUES(5, 'A new bird', 'sings')");
    settle(&tree);
    assert_searchable(&tree, &words);
}

#[test]
fn triggers_upon_triggers_act_once() {
    let tree = three(
        "CREATE TABLE a(id TEXT PRIMARY KEY, n INT); CREATE TABLE b(id TEXT PRIMARY KEY, n INT); CREATE TABLE c(id TEXT PRIMARY KEY, n INT);
        CREATE TABLE seen(what TEXT); CREATE VIEW both AS SELECT a.id, a.n AS an, b.n AS bn FROM a JOIN b USING(id);
        CREATE TRIGGER ab AFTER INSERT ON a BEGIN INSERT INTO b VALUES(NEW.id, NEW.n + 1); END;
        CREATE TRIGGER bc AFTER INSERT ON b BEGIN INSERT INTO c VALUES(NEW.id, NEW.n + 1); INSERT INTO seen VALUES(NEW.id); END;
        CREATE TRIGGER bs AFTER INSERT ON b BEGIN INSERT INTO seen VALUES('b' || NEW.id); END;
        CREATE TRIGGER through INSTEAD OF INSERT ON both BEGIN INSERT INTO a VALUES(NEW.id, NEW.an); END",
    );
    tree.edit("anna", "INSERT INTO both(id, an) VALUES('x', 1)");
    tree.edit("head", "INSERT INTO a VALUES('y', 10)");
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(id || n) FROM (SELECT * FROM c ORDER BY id)", "x3,y12");
    // What keeps a local table is done everywhere, also where the same trigger writes a tracked one.
    everywhere(&tree, "SELECT group_concat(what) FROM (SELECT what FROM seen ORDER BY what)", "bx,by,x,y");
}

#[test]
fn of_a_trigger_that_does_both_only_the_local_part_is_done_again() {
    let tree = three(
        "CREATE TABLE notes(id TEXT PRIMARY KEY, body TEXT, edits INT DEFAULT 0); CREATE VIRTUAL TABLE found USING fts5(id UNINDEXED, body);
        CREATE TABLE audit(id TEXT PRIMARY KEY, n INT); INSERT INTO audit VALUES('edits', 0);
        CREATE TRIGGER both_i AFTER INSERT ON notes BEGIN SELECT RAISE(ABORT, 'empty') WHERE NEW.body = '';
            INSERT INTO found(id, body) VALUES(NEW.id, NEW.body); UPDATE audit SET n = n + 1; END;
        CREATE TRIGGER both_u AFTER UPDATE OF body ON notes BEGIN UPDATE notes SET edits = edits + 1 WHERE id = NEW.id;
            DELETE FROM found WHERE id = OLD.id; UPDATE audit SET n = n + 1; INSERT INTO found(id, body) VALUES(NEW.id, NEW.body); END;
        INSERT INTO notes(id, body) VALUES('a', 'old words')",
    );
    tree.edit("anna", "UPDATE notes SET body = 'new words' WHERE id = 'a'; INSERT INTO notes(id, body) VALUES('b', 'more words')");
    settle(&tree);
    tree.edit("head", "UPDATE notes SET body = 'no' WHERE id = 'b'");
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(id) FROM (SELECT id FROM found WHERE found MATCH 'words' ORDER BY id)", "a");
    everywhere(&tree, "SELECT group_concat(id) FROM (SELECT id FROM found WHERE found MATCH 'no' ORDER BY id)", "b");
    everywhere(&tree, "SELECT n || (SELECT group_concat(edits) FROM (SELECT edits FROM notes ORDER BY id)) FROM audit", "41,1");
    assert!(
        tree.application("head").execute_batch("INSERT INTO notes(id, body) VALUES('c', '')").is_err(),
        "the whole trigger is there again"
    );
}

/// At every round of it: nothing is taken for an edit, and nothing goes out.
fn assert_quiet(tree: &Tree) {
    for _ in 0..2 {
        for site in SITES {
            let report = tree.sync(site);
            assert_eq!((report.sealed, report.found, report.built.len()), (0, 0, 0), "{site}");
        }
    }
}

#[test]
fn a_column_that_does_not_travel_is_filled_by_its_trigger_at_every_site() {
    let tree = three_with(
        "[tables.items]\nlocal = ['search', 'sums']\n",
        "CREATE TABLE items(id TEXT PRIMARY KEY, name TEXT, price INTEGER, edits INT DEFAULT 0, search TEXT, sums INT);
        CREATE TABLE parts(id INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT REFERENCES items, n INT);
        CREATE TRIGGER s1 AFTER INSERT ON items BEGIN UPDATE items SET search = lower(NEW.name) WHERE id = NEW.id; END;
        CREATE TRIGGER s2 AFTER UPDATE OF name ON items BEGIN
            UPDATE items SET edits = edits + 1 WHERE id = NEW.id; UPDATE items SET search = lower(NEW.name) WHERE id = NEW.id; END;
        CREATE TRIGGER p1 AFTER INSERT ON parts BEGIN UPDATE items SET sums = coalesce(sums, 0) + NEW.n WHERE id = NEW.item; END;
        CREATE TRIGGER p2 AFTER DELETE ON parts BEGIN UPDATE items SET sums = sums - OLD.n WHERE id = OLD.item; END;
        INSERT INTO items(id, name, price) VALUES('a', 'A', 1)",
    );
    everywhere(&tree, "SELECT search || '' FROM items", "a");
    tree.edit("anna", "INSERT INTO items(id, name) VALUES('n', 'New'); INSERT INTO parts(item, n) VALUES('n', 3), ('n', 4)");
    tree.edit("head", "UPDATE items SET name = 'Head' WHERE id = 'a'; INSERT INTO parts(item, n) VALUES('a', 5)");
    settle(&tree);
    assert_quiet(&tree);
    tree.edit("north", "UPDATE items SET price = 7; DELETE FROM parts WHERE n = 3");
    settle(&tree);
    let items = "SELECT group_concat(id || name || price || edits || search || sums) FROM (SELECT * FROM items ORDER BY id)";
    everywhere(&tree, items, "aHead71head5,nNew70new4");
    assert_quiet(&tree);
    // Two names at once: what wins is what is searched.
    tree.edit("anna", "UPDATE items SET name = 'Anna' WHERE id = 'a'");
    tree.edit("head", "UPDATE items SET name = 'Boss' WHERE id = 'a'");
    settle(&tree);
    everywhere(&tree, "SELECT search || '' FROM items WHERE lower(name) = search AND id = 'a'", "boss");
    assert_quiet(&tree);
    tree.assert_sound(&SITES);
}

#[test]
fn a_column_that_only_one_site_has_is_filled_by_its_trigger_there() {
    let tree = three("CREATE TABLE items(id TEXT PRIMARY KEY, name TEXT); INSERT INTO items VALUES('a', 'A')");
    tree.edit(
        "anna",
        "ALTER TABLE items ADD COLUMN mark TEXT;
        CREATE TRIGGER m1 AFTER INSERT ON items BEGIN UPDATE items SET mark = 'seen ' || NEW.name WHERE id = NEW.id; END;
        CREATE TRIGGER m2 AFTER UPDATE OF name ON items BEGIN UPDATE items SET mark = 'seen ' || NEW.name WHERE id = NEW.id; END",
    );
    settle(&tree);
    tree.edit("head", "UPDATE items SET name = 'A2' WHERE id = 'a'; INSERT INTO items VALUES('b', 'B')");
    settle(&tree);
    assert_eq!(tree.rows("anna", "SELECT mark FROM items ORDER BY id"), ["seen A2", "seen B"]);
    assert_quiet(&tree);
}

#[test]
fn a_record_that_a_trigger_keeps_out_of_an_index_is_in_it_nowhere() {
    let tree = three(
        "CREATE TABLE notes(id TEXT PRIMARY KEY, body TEXT, hidden INTEGER); CREATE TABLE found(k TEXT, body TEXT);
        CREATE TRIGGER n1 AFTER INSERT ON notes BEGIN SELECT RAISE(IGNORE) WHERE NEW.hidden; INSERT INTO found VALUES(NEW.id, NEW.body); END;
        CREATE TRIGGER n2 AFTER UPDATE ON notes BEGIN DELETE FROM found WHERE k = OLD.id;
            SELECT CASE WHEN NEW.hidden THEN RAISE(IGNORE) END; INSERT INTO found VALUES(NEW.id, NEW.body); END;
        INSERT INTO notes VALUES('a', 'A', 0)",
    );
    tree.edit("anna", "INSERT INTO notes VALUES('h', 'secret', 1), ('p', 'public', 0)");
    tree.edit("head", "UPDATE notes SET hidden = 1 WHERE id = 'a'");
    settle(&tree);
    everywhere(&tree, "SELECT group_concat(k || body) FROM found", "ppublic");
    assert_quiet(&tree);
}
