//! Does every kind of reference to a handed-out number follow when the number changes?
//!
//! Each test: head and anna make the same things under the same numbers; then everything must hang together as each made it.

use super::{Role, THREE, TWO, Tree, loaded, settled, three, two};

/// The statements of a person: `WHO` is the site.
fn by(site: &str, sql: &str) -> String {
    sql.replace("WHO", site)
}

/// Both sites do the same to things of their own, offline.
fn both(schema: &str, rules: &str, sql: &str) -> super::Tree {
    let tree = two(schema, rules);
    for site in TWO {
        tree.edit(site, &by(site, sql));
    }
    settled(&tree, &TWO);
    tree
}

// ---- declared

#[test]
fn a_composite_foreign_key_follows_in_its_number_and_keeps_the_rest() {
    let tree = both(
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT, UNIQUE (kind, id));
         CREATE TABLE uses (token TEXT PRIMARY KEY, kind TEXT, part INTEGER, FOREIGN KEY (kind, part) REFERENCES parts (kind, id));",
        "",
        "INSERT INTO parts (kind, name) VALUES ('wheel', 'WHO 1'), ('axle', 'WHO 2');
         INSERT INTO uses SELECT 'use of ' || name, kind, id FROM parts;",
    );
    tree.assert_rows(
        &TWO,
        "SELECT u.token, p.name, p.kind FROM uses u LEFT JOIN parts p ON p.id = u.part AND p.kind = u.kind ORDER BY u.token",
        &["use of anna 1|anna 1|wheel", "use of anna 2|anna 2|axle", "use of head 1|head 1|wheel", "use of head 2|head 2|axle"],
    );
}

#[test]
fn self_references_follow_also_to_itself_and_in_a_circle() {
    let tree = both(
        "CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, boss INTEGER REFERENCES staff DEFERRABLE INITIALLY DEFERRED);",
        "",
        "BEGIN; INSERT INTO staff VALUES (1, 'WHO chief', 1), (2, 'WHO clerk', 1), (3, 'WHO one', 4), (4, 'WHO two', 3), (5, 'WHO free', NULL); COMMIT;",
    );
    let bosses = |site| {
        [("chief", "chief"), ("clerk", "chief"), ("one", "two"), ("two", "one")].map(|(name, boss)| format!("{site} {name}|{site} {boss}"))
    };
    let mut expected: Vec<String> = TWO.iter().flat_map(bosses).collect();
    expected.extend(TWO.map(|site| format!("{site} free|-")));
    expected.sort();
    for site in TWO {
        assert_eq!(tree.rows(site, "SELECT s.name, b.name FROM staff s LEFT JOIN staff b ON b.id = s.boss ORDER BY s.name"), expected);
    }
}

#[test]
fn a_circle_of_two_tables_follows() {
    let tree = both(
        "CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT, leader INTEGER NOT NULL REFERENCES people DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, team INTEGER NOT NULL REFERENCES teams DEFERRABLE INITIALLY DEFERRED);",
        "",
        "BEGIN; INSERT INTO teams VALUES (1, 'WHO team', 2); INSERT INTO people VALUES (1, 'WHO member', 1), (2, 'WHO leader', 1); COMMIT;",
    );
    tree.assert_rows(
        &TWO,
        "SELECT p.name, t.name, l.name FROM people p JOIN teams t ON t.id = p.team JOIN people l ON l.id = t.leader ORDER BY p.name",
        &[
            "anna leader|anna team|anna leader",
            "anna member|anna team|anna leader",
            "head leader|head team|head leader",
            "head member|head team|head leader",
        ],
    );
}

#[test]
fn keys_that_are_themselves_foreign_keys_move_with_the_record_they_extend() {
    // Multi-table inheritance, three tables deep, and something that refers to the last of them.
    let tree = both(
        "CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE restaurants (place INTEGER PRIMARY KEY REFERENCES places, kitchen TEXT);
         CREATE TABLE bars (restaurant INTEGER NOT NULL PRIMARY KEY REFERENCES restaurants (place) ON DELETE CASCADE, beer TEXT);
         CREATE TABLE visits (id INTEGER PRIMARY KEY, bar INTEGER REFERENCES bars, note TEXT);",
        "",
        "INSERT INTO places (name) VALUES ('WHO shed'), ('WHO bar');
         INSERT INTO restaurants SELECT id, 'kitchen of ' || name FROM places WHERE name = 'WHO bar';
         INSERT INTO bars SELECT id, 'beer of ' || name FROM places WHERE name = 'WHO bar';
         INSERT INTO visits (bar, note) SELECT id, 'visit to ' || name FROM places WHERE name = 'WHO bar';",
    );
    tree.assert_rows(
        &TWO,
        "SELECT p.name, r.kitchen, b.beer, v.note FROM places p LEFT JOIN restaurants r ON r.place = p.id
         LEFT JOIN bars b ON b.restaurant = r.place LEFT JOIN visits v ON v.bar = b.restaurant ORDER BY p.name",
        &[
            "anna bar|kitchen of anna bar|beer of anna bar|visit to anna bar",
            "anna shed|-|-|-",
            "head bar|kitchen of head bar|beer of head bar|visit to head bar",
            "head shed|-|-|-",
        ],
    );
    tree.assert_rows(&TWO, "SELECT count(*) FROM restaurants UNION ALL SELECT count(*) FROM bars", &["2", "2"]);
}

const EXTENDED: &str = "
    CREATE TABLE places (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE restaurants (place INTEGER PRIMARY KEY REFERENCES places, kitchen TEXT);
    INSERT INTO places VALUES (1, 'bar'), (2, 'shed'); INSERT INTO restaurants VALUES (1, 'old');";
const KITCHENS: &str = "SELECT p.name, r.kitchen FROM restaurants r JOIN places p ON p.id = r.place ORDER BY 1";

#[test]
fn an_extension_that_is_deleted_and_made_again_takes_the_place_of_the_old_one() {
    for site in TWO {
        let tree = two(EXTENDED, "");
        tree.edit(site, "DELETE FROM restaurants WHERE place = 1; INSERT INTO restaurants VALUES (1, 'new')");
        settled(&tree, &TWO);
        tree.assert_rows(&TWO, KITCHENS, &["bar|new"]);
    }
}

#[test]
fn an_extension_that_is_needed_comes_back_though_what_it_extends_never_went() {
    let tree =
        two(&format!("{EXTENDED} CREATE TABLE visits (note TEXT PRIMARY KEY, restaurant INTEGER REFERENCES restaurants (place));"), "");
    tree.edit("head", "DELETE FROM restaurants");
    tree.edit("anna", "INSERT INTO visits VALUES ('yesterday', 1)");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, KITCHENS, &["bar|old"]);
    tree.assert_rows(&TWO, "SELECT note, restaurant FROM visits", &["yesterday|1"]);
}

#[test]
fn two_sites_that_extend_one_record_made_one_extension_and_what_lost_is_listed() {
    let tree = two(EXTENDED, "");
    for site in TWO {
        tree.edit(site, &by(site, "INSERT INTO restaurants VALUES (2, 'of WHO')"));
    }
    settled(&tree, &TWO);
    let kitchens = tree.rows("head", KITCHENS);
    let loser = if kitchens[1] == "shed|of anna" { "of head" } else { "of anna" };
    assert_eq!(kitchens.len(), 2, "{kitchens:?}");
    let listed = tree.listed("head");
    assert!(listed.iter().any(|value| value.contains(loser)), "{kitchens:?} {listed:?}");
}

#[test]
fn junction_tables_follow_in_both_numbers_with_and_without_a_rowid() {
    for without in ["", "WITHOUT ROWID"] {
        let schema = "CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT);
             CREATE TABLE actors (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE cast_of (film INTEGER NOT NULL REFERENCES films, actor INTEGER NOT NULL REFERENCES actors, fee TEXT, PRIMARY KEY (film, actor)) OPTION;
             CREATE TABLE roles (film INTEGER, actor INTEGER, role TEXT, PRIMARY KEY (film, actor, role), FOREIGN KEY (film, actor) REFERENCES cast_of) OPTION;
             INSERT INTO films VALUES (1, 'old film'); INSERT INTO actors VALUES (1, 'old actor');";
        let tree = both(
            &schema.replace("OPTION", without),
            "",
            "INSERT INTO films (title) VALUES ('WHO film'); INSERT INTO actors (name) VALUES ('WHO actor');
             INSERT INTO cast_of SELECT f.id, a.id, f.title || ' & ' || a.name FROM films f, actors a WHERE f.title = 'WHO film' OR a.name = 'WHO actor';
             INSERT INTO roles SELECT film, actor, 'role in ' || fee FROM cast_of;",
        );
        let mut expected = Vec::new();
        for site in TWO {
            for (film, actor) in [("old film".into(), format!("{site} actor")), (format!("{site} film"), "old actor".into())] {
                expected.push(format!("{film}|{actor}|{film} & {actor}|role in {film} & {actor}"));
            }
            expected.push(format!("{site} film|{site} actor|{site} film & {site} actor|role in {site} film & {site} actor"));
        }
        expected.sort();
        for site in TWO {
            let found = tree.rows(
                site,
                "SELECT f.title, a.name, c.fee, r.role FROM cast_of c JOIN films f ON f.id = c.film JOIN actors a ON a.id = c.actor
                 LEFT JOIN roles r ON r.film = c.film AND r.actor = c.actor ORDER BY 1, 2, 3, 4",
            );
            assert_eq!(found, expected, "{site} {without}");
        }
    }
}

#[test]
fn a_junction_edited_while_its_numbers_are_provisional_follows_over_three_levels() {
    let tree = three(
        "CREATE TABLE films (id INTEGER PRIMARY KEY, title TEXT); CREATE TABLE actors (id INTEGER PRIMARY KEY, name TEXT);
         CREATE TABLE cast_of (film INTEGER REFERENCES films, actor INTEGER REFERENCES actors, fee TEXT, PRIMARY KEY (film, actor));",
        "",
    );
    let make = "INSERT INTO films (title) VALUES ('WHO film'); INSERT INTO actors (name) VALUES ('WHO actor');
        INSERT INTO cast_of SELECT f.id, a.id, 'fee' FROM films f, actors a WHERE f.title = 'WHO film' AND a.name = 'WHO actor';";
    for site in THREE {
        tree.edit(site, &by(site, make));
    }
    tree.sync("rosa");
    tree.edit("rosa", "UPDATE cast_of SET fee = 'rosa''s'");
    tree.sync("north");
    tree.sync("rosa");
    tree.edit("rosa", "DELETE FROM cast_of WHERE actor = (SELECT id FROM actors WHERE name = 'north actor')");
    settled(&tree, &THREE);
    tree.assert_rows(
        &THREE,
        "SELECT f.title, a.name, c.fee FROM cast_of c JOIN films f ON f.id = c.film JOIN actors a ON a.id = c.actor ORDER BY 1",
        &["head film|head actor|fee", "rosa film|rosa actor|rosa's"],
    );
}

#[test]
fn whatever_the_delete_action_nothing_goes_when_only_the_number_goes() {
    for action in ["NO ACTION", "CASCADE", "SET NULL", "RESTRICT", "SET DEFAULT"] {
        let schema = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE orders (id INTEGER PRIMARY KEY, token TEXT, customer INTEGER DEFAULT NULL REFERENCES customers ON DELETE ACTION ON UPDATE ACTION);";
        let tree = both(
            &schema.replace("ACTION", action),
            "",
            "INSERT INTO customers (name) VALUES ('WHO'); INSERT INTO orders (token, customer) SELECT 'of ' || name, id FROM customers;",
        );
        let owners = "SELECT o.token, c.name FROM orders o LEFT JOIN customers c ON c.id = o.customer ORDER BY 1";
        tree.assert_rows(&TWO, owners, &["of anna|anna", "of head|head"]);
    }
}

#[test]
fn a_number_stays_of_the_type_that_its_column_gives_it() {
    for (kind, stored) in [
        ("REAL", "real"),
        ("DOUBLE PRECISION", "real"),
        ("NUMERIC", "integer"),
        ("DECIMAL(10,2)", "integer"),
        ("TEXT", "text"),
        ("VARCHAR(9)", "text"),
    ] {
        for (references, rules) in
            [("REFERENCES customers", ""), ("", "[references]\n\"orders.customer\" = \"customers\"\n\"marks.customer\" = \"customers\"\n")]
        {
            let tree = both(
                &format!(
                    "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customers VALUES (1, 'old');
                     CREATE TABLE orders (token TEXT PRIMARY KEY, customer {kind} {references}, weight REAL);
                     CREATE TABLE marks (customer {kind} NOT NULL {references}, mark TEXT, PRIMARY KEY (customer, mark));"
                ),
                rules,
                "INSERT INTO customers (name) VALUES ('WHO'); INSERT INTO orders SELECT 'of ' || name, id, id FROM customers WHERE name = 'WHO';
                 INSERT INTO marks SELECT id, 'good' FROM customers WHERE name = 'WHO'; INSERT INTO orders VALUES ('WHO to old', 1, 1.5);",
            );
            let of = format!("{kind} {references}");
            for site in TWO {
                let orders = "SELECT o.token, c.name, typeof(o.customer), typeof(weight) FROM orders o LEFT JOIN customers c ON c.id = o.customer ORDER BY 1";
                let expected =
                    ["anna to old|old", "head to old|old", "of anna|anna", "of head|head"].map(|row| format!("{row}|{stored}|real"));
                assert_eq!(tree.rows(site, orders), expected, "{of}");
                let marks = "SELECT c.name, m.mark, typeof(m.customer) FROM marks m LEFT JOIN customers c ON c.id = m.customer ORDER BY 1";
                assert_eq!(tree.rows(site, marks), ["anna", "head"].map(|name| format!("{name}|good|{stored}")), "{of}");
            }
            tree.assert_rows(&TWO, "SELECT id, name FROM customers ORDER BY 1", &["1|old", "2|head", "3|anna"]);
            // And once the number is known the type is kept by an edit, too.
            tree.edit("anna", "UPDATE orders SET customer = (SELECT id FROM customers WHERE name = 'anna') WHERE token = 'of head'");
            settled(&tree, &TWO);
            tree.assert_rows(&TWO, "SELECT customer = 3, typeof(customer) FROM orders WHERE token = 'of head'", &[&format!("1|{stored}")]);
            for site in TWO {
                assert!(tree.held(site).is_empty() && tree.listed(site).is_empty(), "{of}: {:?} {:?}", tree.held(site), tree.listed(site));
            }
        }
    }
}

// ---- named in the rules

const PEOPLE: &str = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO customers VALUES (1, 'old'); INSERT INTO orders VALUES (1, 'old');";
const MAKE: &str = "INSERT INTO customers (name) VALUES ('WHO a'), ('WHO b'); INSERT INTO orders (name) VALUES ('WHO');";

#[test]
fn a_plain_column_that_the_rules_call_a_reference_follows() {
    let tree = both(
        &format!("{PEOPLE} CREATE TABLE notes (id INTEGER PRIMARY KEY, token TEXT, customer, other INTEGER);"),
        "[references]\n\"notes.customer\" = \"customers\"\n",
        &format!("{MAKE} INSERT INTO notes (token, customer, other) SELECT 'of ' || name, id, id FROM customers WHERE name LIKE 'WHO%'"),
    );
    tree.assert_rows(
        &TWO,
        "SELECT n.token, c.name FROM notes n LEFT JOIN customers c ON c.id = n.customer ORDER BY 1",
        &["of anna a|anna a", "of anna b|anna b", "of head a|head a", "of head b|head b"],
    );
    // Nobody called this one a reference: it is a number like any other.
    tree.assert_rows(&TWO, "SELECT group_concat(DISTINCT other) FROM (SELECT other FROM notes ORDER BY 1)", &["2,3"]);
}

#[test]
fn a_pair_of_type_and_number_follows_whatever_the_type_is_written_as() {
    let tree = both(
        &format!("{PEOPLE} CREATE TABLE tags (id INTEGER PRIMARY KEY, tag TEXT, object_type, object_id INTEGER);"),
        "[references]\n\"tags.object_id\" = { type = \"object_type\", tables = { customer = \"customers\", \"7\" = \"orders\" } }\n",
        &format!(
            "{MAKE} INSERT INTO tags (tag, object_type, object_id) SELECT 'on ' || name, 'customer', id FROM customers WHERE name LIKE 'WHO%';
             INSERT INTO tags (tag, object_type, object_id) SELECT 'on order ' || name, 7, id FROM orders WHERE name LIKE 'WHO%';
             INSERT INTO tags (tag, object_type, object_id) VALUES ('by WHO on something else', 'page', 2);"
        ),
    );
    tree.assert_rows(
        &TWO,
        "SELECT t.tag, c.name FROM tags t JOIN customers c ON c.id = t.object_id WHERE t.object_type = 'customer' ORDER BY 1",
        &["on anna a|anna a", "on anna b|anna b", "on head a|head a", "on head b|head b"],
    );
    tree.assert_rows(
        &TWO,
        "SELECT t.tag, o.name FROM tags t JOIN orders o ON o.id = t.object_id WHERE t.object_type = 7 ORDER BY 1",
        &["on order anna|anna", "on order head|head"],
    );
    tree.assert_rows(
        &TWO,
        "SELECT tag, object_id FROM tags WHERE object_type = 'page' ORDER BY 1",
        &["by anna on something else|2", "by head on something else|2"],
    );
}

#[test]
fn a_pair_whose_type_is_itself_a_record_under_a_handed_out_number_follows() {
    // As Django keeps generic relations: the type is the number of a record that says which table, and a CHECK guards the number.
    let tree = both(
        &format!(
            "{PEOPLE} CREATE TABLE kinds (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE);
             INSERT INTO kinds VALUES (1, 'customer'), (2, 'order');
             CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, tag TEXT, object_id INTEGER UNSIGNED NOT NULL CHECK (object_id >= 0),
                 kind INTEGER NOT NULL REFERENCES kinds (id) DEFERRABLE INITIALLY DEFERRED);"
        ),
        "[references]\n\"tags.object_id\" = { type = \"kind\", tables = { \"1\" = \"customers\", \"2\" = \"orders\" } }\n",
        &format!(
            "{MAKE} INSERT INTO tags (tag, kind, object_id) SELECT 'on ' || name, 1, id FROM customers WHERE name LIKE 'WHO%';
             INSERT INTO tags (tag, kind, object_id) SELECT 'on order ' || name, 2, id FROM orders WHERE name LIKE 'WHO%';"
        ),
    );
    tree.assert_rows(
        &TWO,
        "SELECT t.tag, k.name, iif(k.name = 'customer', c.name, o.name) FROM tags t JOIN kinds k ON k.id = t.kind
         LEFT JOIN customers c ON c.id = t.object_id LEFT JOIN orders o ON o.id = t.object_id ORDER BY 1",
        &[
            "on anna a|customer|anna a",
            "on anna b|customer|anna b",
            "on head a|customer|head a",
            "on head b|customer|head b",
            "on order anna|order|anna",
            "on order head|order|head",
        ],
    );
}

#[test]
fn a_text_of_table_and_number_follows() {
    let tree = both(
        &format!("{PEOPLE} CREATE TABLE log (id INTEGER PRIMARY KEY, said TEXT, target TEXT);"),
        "[references]\n\"log.target\" = { separator = \",\", tables = { customer = \"customers\" } }\n",
        &format!(
            "{MAKE} INSERT INTO log (said, target) SELECT 'WHO saw ' || name, 'customer,' || id FROM customers WHERE name LIKE 'WHO%';
             INSERT INTO log (said, target) VALUES ('WHO saw nobody', 'nobody,2'), ('WHO wrote something', 'a, b, customer'), ('WHO was silent', NULL);"
        ),
    );
    tree.assert_rows(
        &TWO,
        "SELECT l.said, c.name FROM log l JOIN customers c ON l.target = 'customer,' || c.id ORDER BY 1",
        &["anna saw anna a|anna a", "anna saw anna b|anna b", "head saw head a|head a", "head saw head b|head b"],
    );
    tree.assert_rows(
        &TWO,
        "SELECT target FROM log WHERE target IS NULL OR target NOT LIKE 'customer%' ORDER BY 1",
        &["-", "-", "a, b, customer", "a, b, customer", "nobody,2", "nobody,2"],
    );
}

#[test]
fn numbers_inside_json_follow_and_the_rest_of_the_text_stays() {
    let tree = both(
        &format!("{PEOPLE} CREATE TABLE docs (id INTEGER PRIMARY KEY, token TEXT, data TEXT);"),
        "[references]\n\"docs.data\" = { json = [\"$.customer.id\", \"$.lines[*].order\"], tables = [\"customers\", \"orders\"] }\n",
        &format!(
            "{MAKE} INSERT INTO docs (token, data)
             SELECT 'of ' || c.name, json_object('customer', json_object('id', c.id, 'size', 2), 'price', 1.10,
                 'lines', json_array(json_object('order', o.id, 'n', 2), json_object('order', 1)))
             FROM customers c, orders o WHERE c.name LIKE 'WHO%' AND o.name = 'WHO';
             INSERT INTO docs (token, data) VALUES ('broken', '{{no json'), ('empty', NULL);"
        ),
    );
    tree.assert_rows(
        &TWO,
        "WITH d AS MATERIALIZED (SELECT * FROM docs WHERE token LIKE 'of %')
         SELECT d.token, c.name, o.name, first.name, d.data ->> '$.customer.size', d.data ->> '$.lines[0].n', d.data -> '$.price'
         FROM d JOIN customers c ON c.id = d.data ->> '$.customer.id' JOIN orders o ON o.id = d.data ->> '$.lines[0].order'
         JOIN orders first ON first.id = d.data ->> '$.lines[1].order' ORDER BY 1",
        &[
            "of anna a|anna a|anna|old|2|2|1.1",
            "of anna b|anna b|anna|old|2|2|1.1",
            "of head a|head a|head|old|2|2|1.1",
            "of head b|head b|head|old|2|2|1.1",
        ],
    );
    tree.assert_rows(
        &TWO,
        "SELECT token, data FROM docs WHERE token NOT LIKE 'of %' ORDER BY 1",
        &["broken|{no json", "broken|{no json", "empty|-", "empty|-"],
    );
}

#[test]
fn what_the_rules_name_follows_when_it_is_edited_while_the_number_is_provisional() {
    let tree = two(
        &format!(
            "{PEOPLE} CREATE TABLE notes (id INTEGER PRIMARY KEY, token TEXT, customer INTEGER); INSERT INTO notes VALUES (1, 'first', 1);"
        ),
        "[references]\n\"notes.customer\" = \"customers\"\n",
    );
    for site in TWO {
        tree.edit(site, &by(site, MAKE));
    }
    tree.sync("anna");
    tree.edit("anna", "UPDATE notes SET customer = (SELECT id FROM customers WHERE name = 'anna b') WHERE token = 'first'");
    tree.sync("head");
    tree.edit("anna", "INSERT INTO notes (token, customer) SELECT 'second', id FROM customers WHERE name = 'anna a'");
    settled(&tree, &TWO);
    tree.assert_rows(
        &TWO,
        "SELECT n.token, c.name FROM notes n JOIN customers c ON c.id = n.customer ORDER BY 1",
        &["first|anna b", "second|anna a"],
    );
}

#[test]
fn a_pair_of_type_and_number_follows_to_a_record_of_its_own_table_too() {
    let schema = "CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT, of TEXT, object INTEGER)";
    let rules = "[references]\n\"tags.object\" = { type = \"of\", tables = { tag = \"tags\" } }\n";
    let tree = crate::support::Tree::with_rules(schema, rules);
    tree.add("head", "anna", fieldpost::site::Role::Remote);
    // Her very first edit, before any other run has seen the rules.
    ["anna", "head", "anna"].iter().for_each(|site| drop(tree.sync(site)));
    tree.edit(
        "anna",
        "INSERT INTO tags (token) VALUES ('a');
         INSERT INTO tags (token, of, object) SELECT 'b', 'tag', id FROM tags WHERE token = 'a';",
    );
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, "SELECT t.token, o.token FROM tags t LEFT JOIN tags o ON o.id = t.object ORDER BY 1", &["a|-", "b|a"]);
}

#[test]
fn a_site_that_gets_the_rules_and_a_new_number_in_one_round_follows_what_only_the_rules_name() {
    // Seed 100939.
    let tree = Tree::with_rules(
        "CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
         CREATE TABLE notes (token TEXT PRIMARY KEY, about INTEGER);
         INSERT INTO customers VALUES (1, 'shared');",
        "[references]\n'notes.about' = 'customers'\n",
    );
    tree.add("head", "north", Role::Office);
    loaded(&tree, &["head", "north"]);
    tree.add("north", "rosa", Role::Remote);
    tree.edit(
        "north",
        "INSERT INTO customers (name) VALUES ('new'); INSERT INTO notes SELECT 'of new', id FROM customers WHERE name = 'new'",
    );
    for site in ["rosa", "north", "head", "north"] {
        tree.sync(site);
    }
    assert!(tree.sync("rosa").applied.len() > 1, "the new number comes in a packet of its own");
    settled(&tree, &THREE);
    tree.assert_rows(&THREE, "SELECT token, name, id FROM notes LEFT JOIN customers ON id = about", &["of new|new|2"]);
}

/// Nobody else sees what stays at home, but it refers to records that get other numbers.
#[test]
fn what_does_not_travel_follows_a_number_by_its_foreign_key() {
    let schema = "
        CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO customers VALUES (1, 'old');
        CREATE TABLE visits (id TEXT PRIMARY KEY, mine INTEGER REFERENCES customers);
        CREATE TABLE drafts (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), text TEXT);
        CREATE TABLE keyless (customer INTEGER REFERENCES customers, text TEXT);";
    let tree = Tree::with_rules(schema, "[tables.drafts]\nlocal = true\n[tables.visits]\nlocal = ['mine']\n");
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    tree.edit("head", "INSERT INTO customers VALUES (2, 'of head'); INSERT INTO drafts VALUES (1, 2, 'of head')");
    tree.edit(
        "anna",
        "INSERT INTO customers VALUES (2, 'of anna'); INSERT INTO drafts VALUES (7, 2, 'a'); INSERT INTO keyless VALUES (2, 'b'), (1, 'c');
         INSERT INTO visits VALUES ('v', 2)",
    );
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, name FROM customers ORDER BY id", &["1|old", "2|of head", "3|of anna"]);
    let referring = "SELECT d.text, c.name FROM (SELECT customer, text FROM drafts UNION ALL SELECT customer, text FROM keyless
        UNION ALL SELECT mine, id FROM visits WHERE mine IS NOT NULL) d LEFT JOIN customers c ON c.id = d.customer ORDER BY 1";
    tree.assert_rows(&["anna"], referring, &["a|of anna", "b|of anna", "c|old", "v|of anna"]);
    tree.assert_rows(&["head"], referring, &["of head|of head"]);
}

#[test]
fn what_does_not_travel_follows_a_number_by_way_of_other_tables() {
    let schema = "
        CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE staff (id INTEGER PRIMARY KEY REFERENCES people (id), title TEXT);
        CREATE TABLE lines (person INTEGER REFERENCES people, n INTEGER, what TEXT, PRIMARY KEY (person, n));
        CREATE TABLE notes (text TEXT, staff INTEGER UNIQUE REFERENCES staff);
        CREATE TABLE pages (note TEXT, staff INTEGER, FOREIGN KEY (staff) REFERENCES notes (staff));
        CREATE TABLE shipped (text TEXT, p INTEGER, n INTEGER, FOREIGN KEY (p, n) REFERENCES lines);";
    let local = ["notes", "pages", "shipped"].map(|table| format!("[tables.{table}]\nlocal = true\n"));
    let tree = Tree::with_rules(schema, &local.concat());
    tree.add("head", "anna", Role::Remote);
    tree.settle(&["anna", "head"]);
    for site in ["head", "anna"] {
        // What is no number of a person stays, however it looks.
        tree.edit(
            site,
            &by(
                site,
                "INSERT INTO people VALUES (1, 'WHO'); INSERT INTO staff VALUES (1, 'boss WHO'); INSERT INTO lines VALUES (1, 1, 'bread WHO');
                 INSERT INTO notes VALUES ('note', 1); INSERT INTO pages VALUES ('page', 1); INSERT INTO shipped VALUES ('sent', 1, 1)",
            ),
        );
    }
    tree.settle(&["head", "anna"]);
    tree.assert_rows(&["head", "anna"], "SELECT id, name FROM people ORDER BY id", &["1|head", "2|anna"]);
    for site in ["head", "anna"] {
        let boss = format!("boss {site}");
        tree.assert_rows(&[site], "SELECT title FROM notes JOIN staff ON staff.id = notes.staff", &[&boss]);
        tree.assert_rows(&[site], "SELECT title FROM pages JOIN staff ON staff.id = pages.staff", &[&boss]);
        let bread = format!("bread {site}|1");
        tree.assert_rows(&[site], "SELECT what, s.n FROM shipped AS s JOIN lines AS l ON l.person = s.p AND l.n = s.n", &[&bread]);
    }
}

// ---- merged by the rules

#[test]
fn a_number_of_a_record_is_never_merged_with_another_whatever_the_rules_say() {
    for rules in ["[tables.orders.fields]\ncustomer = 'sum'\n", "default = ['max']\n", "[tables.orders]\nconflict = ['min', 'child']\n"] {
        let tree = two(super::SHOP, rules);
        // Anna's Zoe is the first of hers, and a later one at the head.
        tree.edit("head", "INSERT INTO customers (name) VALUES ('Abe'), ('Bea')");
        tree.edit("anna", "INSERT INTO customers (name) VALUES ('Zoe')");
        settled(&tree, &TWO);
        for (site, name) in [("head", "Bea"), ("anna", "Zoe")] {
            tree.edit(site, &format!("UPDATE orders SET customer = (SELECT id FROM customers WHERE name = '{name}')"));
        }
        tree.sync("anna");
        settled(&tree, &TWO);
        let stands = if rules.contains("child") { "first|Zoe" } else { "first|Bea" };
        tree.assert_rows(&TWO, super::OWNERS, &[stands]);
        let lost = if rules.contains("child") { "3" } else { "4" };
        assert_eq!(tree.listed("head"), [lost], "{rules}");
    }
}

#[test]
fn two_who_choose_the_same_record_agree_where_the_rules_would_add_up() {
    let tree = two(super::SHOP, "[tables.orders.fields]\ncustomer = 'sum'\n");
    tree.edit("head", "INSERT INTO customers (name) VALUES ('Abe')");
    settled(&tree, &TWO);
    for site in TWO {
        tree.edit(site, "UPDATE orders SET customer = 2");
    }
    tree.sync("anna");
    settled(&tree, &TWO);
    tree.assert_rows(&TWO, super::OWNERS, &["first|Abe"]);
    assert!(tree.listed("head").is_empty(), "{:?}", tree.listed("head"));
}
