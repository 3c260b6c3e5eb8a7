//! What does a small company's customer database look like? Made up, and the same for the same number of customers.
//!
//! Customers, contacts, notes, products, orders and their lines: text keys, foreign keys down a chain, indexes, a view, and
//! no bookkeeping columns, because applications that know nothing of Fieldpost have none. Products have a number that
//! the database hands out; only the main office makes them. No application trigger: the demo is about data.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::{Connection, Transaction, params};

/// Most customers of one database.
pub const MAX_CUSTOMERS: u32 = 1_000_000;

const SCHEMA: &str = "
CREATE TABLE customers (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  street TEXT NOT NULL,
  zip TEXT NOT NULL,
  city TEXT NOT NULL,
  phone TEXT,
  email TEXT,
  credit_limit REAL NOT NULL DEFAULT 0,
  rating TEXT CHECK (rating IN ('A', 'B', 'C'))
);
CREATE TABLE contacts (
  id TEXT PRIMARY KEY NOT NULL,
  customer_id TEXT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  role TEXT,
  phone TEXT,
  email TEXT UNIQUE
);
CREATE TABLE notes (
  id TEXT PRIMARY KEY NOT NULL,
  customer_id TEXT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  written TEXT NOT NULL,
  author TEXT NOT NULL,
  body TEXT NOT NULL
);
CREATE TABLE products (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  unit TEXT NOT NULL,
  price REAL NOT NULL
);
CREATE TABLE orders (
  id TEXT PRIMARY KEY NOT NULL,
  customer_id TEXT NOT NULL REFERENCES customers (id),
  ordered TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open',
  remark TEXT
);
CREATE TABLE order_lines (
  order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  line INTEGER NOT NULL,
  product_id INTEGER NOT NULL REFERENCES products (id),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  price REAL NOT NULL,
  PRIMARY KEY (order_id, line)
) WITHOUT ROWID;
CREATE INDEX customers_by_city ON customers (city, name);
CREATE INDEX contacts_by_customer ON contacts (customer_id);
CREATE INDEX notes_by_customer ON notes (customer_id, written);
CREATE INDEX orders_by_customer ON orders (customer_id);
CREATE VIEW order_totals AS
  SELECT orders.id, customers.name AS customer, orders.ordered, orders.state,
         round(sum(order_lines.quantity * order_lines.price), 2) AS total
  FROM orders JOIN customers ON customers.id = orders.customer_id JOIN order_lines ON order_lines.order_id = orders.id
  GROUP BY orders.id;
PRAGMA user_version = 3;
";

/// Makes the database at `path`, in WAL mode; the same `customers` give the same records.
///
/// # Errors
/// As SQLite says; also where the file has tables of these names already.
pub fn build(path: &Path, customers: u32) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    fill(&transaction, customers.min(MAX_CUSTOMERS))?;
    transaction.commit()
}

fn fill(transaction: &Transaction<'_>, customers: u32) -> rusqlite::Result<()> {
    let mut dice = Dice(SEED);
    let prices = add_products(transaction, &mut dice)?;
    for number in 1..=customers {
        let customer = add_customer(transaction, &mut dice, number)?;
        for contact in 1..=1 + dice.below(3) {
            add_contact(transaction, &mut dice, &customer, contact)?;
        }
        for note in 1..=dice.below(4) {
            add_note(transaction, &mut dice, &customer, note)?;
        }
        for order in 1..=dice.below(4) {
            add_order(transaction, &mut dice, &customer, order, &prices)?;
        }
    }
    Ok(())
}

fn add_products(transaction: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<Vec<f64>> {
    let mut insert = transaction.prepare_cached("INSERT INTO products (code, name, unit, price) VALUES (?, ?, ?, ?)")?;
    let mut prices = Vec::new();
    for (kind, unit, from) in PRODUCTS {
        for (size, tenths) in [("small", 10), ("medium", 16), ("large", 24)] {
            let price = f64::from((from * 100 + dice.below(from * 40)) * tenths / 10) / 100.0;
            let code = format!("{}-{}", &kind[..3].to_uppercase(), &size[..1].to_uppercase());
            insert.execute(params![code, format!("{kind}, {size}"), unit, price])?;
            prices.push(price);
        }
    }
    Ok(prices)
}

/// A customer as the rest of its records needs it.
struct Customer {
    id: String,
    domain: String,
}

fn add_customer(transaction: &Transaction<'_>, dice: &mut Dice, number: u32) -> rusqlite::Result<Customer> {
    let owner = dice.pick(&LAST_NAMES);
    let trade = dice.pick(&TRADES);
    let name = match dice.below(3) {
        0 => format!("{owner} {trade}"),
        1 => format!("{owner} & {} {trade}", dice.pick(&LAST_NAMES)),
        _ => format!("{trade} {owner} Ltd"),
    };
    let (city, zip) = dice.pick(&CITIES);
    let street = format!("{} {}", dice.pick(&STREETS), 1 + dice.below(140));
    let zip = format!("{zip}{:02}", dice.below(100));
    let short: String = ascii(owner).chars().take(4).collect();
    let customer = Customer {
        id: format!("{}-{number:04}", short.to_uppercase()),
        domain: format!("{}-{}{number}.example", ascii(owner), ascii(trade)),
    };
    let phone = (dice.below(10) > 0).then(|| dice.phone());
    let email = (dice.below(10) > 1).then(|| format!("office@{}", customer.domain));
    let credit = f64::from(dice.below(40)) * 250.0;
    let rating = (dice.below(5) > 0).then(|| ["A", "B", "C"][dice.below(3) as usize]);
    transaction.prepare_cached("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        customer.id,
        name,
        street,
        zip,
        city,
        phone,
        email,
        credit,
        rating
    ])?;
    Ok(customer)
}

fn add_contact(transaction: &Transaction<'_>, dice: &mut Dice, customer: &Customer, number: u32) -> rusqlite::Result<()> {
    let (first, last) = (dice.pick(&FIRST_NAMES), dice.pick(&LAST_NAMES));
    let role = (dice.below(6) > 0).then(|| dice.pick(&ROLES));
    let email = (dice.below(8) > 0).then(|| format!("{}.{}{number}@{}", ascii(first), ascii(last), customer.domain));
    transaction.prepare_cached("INSERT INTO contacts VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(params![
        format!("{}-C{number}", customer.id),
        customer.id,
        first,
        last,
        role,
        dice.phone(),
        email
    ])?;
    Ok(())
}

fn add_note(transaction: &Transaction<'_>, dice: &mut Dice, customer: &Customer, number: u32) -> rusqlite::Result<()> {
    let mut body = dice.pick(&NOTE_STARTS).to_owned();
    let _ = write!(body, " {}", dice.pick(&NOTE_ENDS));
    transaction.prepare_cached("INSERT INTO notes VALUES (?, ?, ?, ?, ?)")?.execute(params![
        format!("{}-N{number}", customer.id),
        customer.id,
        dice.day(),
        dice.pick(&FIRST_NAMES),
        body
    ])?;
    Ok(())
}

fn add_order(transaction: &Transaction<'_>, dice: &mut Dice, customer: &Customer, number: u32, prices: &[f64]) -> rusqlite::Result<()> {
    let id = format!("{}-O{number}", customer.id);
    let remark = (dice.below(4) == 0).then(|| dice.pick(&NOTE_ENDS));
    transaction.prepare_cached("INSERT INTO orders VALUES (?, ?, ?, ?, ?)")?.execute(params![
        id,
        customer.id,
        dice.day(),
        dice.pick(&["open", "shipped", "paid"]),
        remark
    ])?;
    for line in 1..=1 + dice.below(5) {
        let product = dice.below(u32::try_from(prices.len()).expect("a few dozen products"));
        transaction.prepare_cached("INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)")?.execute(params![
            id,
            line,
            product + 1,
            1 + dice.below(24),
            prices[product as usize]
        ])?;
    }
    Ok(())
}

/// Splitmix64 (Steele, Lea and Flood 2014): a few lines that give the same numbers everywhere.
struct Dice(u64);

const SEED: u64 = 0x6669_656c_6470_6f73;

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end - 1`.
    fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end)).expect("a remainder is below its divisor")
    }

    fn pick<T: Copy>(&mut self, words: &[T]) -> T {
        words[self.below(u32::try_from(words.len()).expect("short lists")) as usize]
    }

    fn phone(&mut self) -> String {
        format!("0{} 555 {:04}", 20 + self.below(70), self.below(10_000))
    }

    fn day(&mut self) -> String {
        format!("{}-{:02}-{:02}", 2024 + self.below(3), 1 + self.below(12), 1 + self.below(28))
    }
}

/// For mail addresses: small letters, no accents.
fn ascii(name: &str) -> String {
    let plain = |c: char| match c {
        'ä' | 'á' => 'a',
        'é' | 'è' => 'e',
        'í' => 'i',
        'ö' | 'ø' => 'o',
        'ü' => 'u',
        'ß' => 's',
        other => other,
    };
    name.to_lowercase().chars().map(plain).filter(char::is_ascii_alphabetic).collect()
}

const FIRST_NAMES: [&str; 32] = [
    "Anna", "Bert", "Carla", "Dominik", "Eva", "Frank", "Greta", "Hannes", "Ida", "Jonas", "Katrin", "Luis", "Marta", "Nils", "Olga",
    "Paul", "Rosa", "Stefan", "Tina", "Ulrich", "Vera", "Walter", "Yvonne", "Zoé", "Bjørn", "Céline", "Dörte", "Emre", "Fatima", "Goran",
    "Ingrid", "Jörg",
];
const LAST_NAMES: [&str; 32] = [
    "Adler",
    "Brandt",
    "Conrad",
    "Dietz",
    "Ebner",
    "Fischer",
    "Graf",
    "Huber",
    "Imhof",
    "Jensen",
    "Keller",
    "Lindner",
    "Moser",
    "Novak",
    "Olsen",
    "Petersen",
    "Quandt",
    "Richter",
    "Sommer",
    "Thaler",
    "Ullmann",
    "Vogt",
    "Weiss",
    "Young",
    "Zimmer",
    "Müller",
    "Schröder",
    "Dubois",
    "Rossi",
    "García",
    "Nielsen",
    "Böhm",
];
const TRADES: [&str; 12] = [
    "Joinery",
    "Bakery",
    "Printing",
    "Electrics",
    "Gardens",
    "Roofing",
    "Logistics",
    "Metalworks",
    "Pharmacy",
    "Textiles",
    "Optics",
    "Cycles",
];
const STREETS: [&str; 14] = [
    "Station Road",
    "Mill Lane",
    "High Street",
    "Church Row",
    "Harbour Street",
    "Garden Way",
    "Market Square",
    "Castle Street",
    "North Ring",
    "Brewery Yard",
    "Linden Avenue",
    "Quarry Road",
    "Bridge Street",
    "Old Post Road",
];
const CITIES: [(&str, &str); 16] = [
    ("Aarhus", "80"),
    ("Basel", "40"),
    ("Bern", "30"),
    ("Bremen", "28"),
    ("Dresden", "01"),
    ("Freiburg", "79"),
    ("Graz", "80"),
    ("Innsbruck", "60"),
    ("Köln", "50"),
    ("Linz", "40"),
    ("Lübeck", "23"),
    ("Metz", "57"),
    ("Odense", "50"),
    ("Salzburg", "50"),
    ("Ulm", "89"),
    ("Zürich", "80"),
];
const ROLES: [&str; 7] = ["owner", "buyer", "accounts", "workshop", "front desk", "warehouse", "managing director"];
const PRODUCTS: [(&str, &str, u32); 12] = [
    ("Screws", "box", 4),
    ("Hinge", "piece", 7),
    ("Varnish", "can", 19),
    ("Cable", "roll", 35),
    ("Lamp", "piece", 42),
    ("Glove", "pair", 6),
    ("Drill bit", "set", 23),
    ("Ladder", "piece", 89),
    ("Paper", "pallet", 240),
    ("Toner", "piece", 64),
    ("Battery", "pack", 12),
    ("Workbench", "piece", 310),
];
const NOTE_STARTS: [&str; 8] = [
    "Called about the last invoice:",
    "Met at the trade fair,",
    "Wants a quote for a yearly contract;",
    "Delivery came a day late,",
    "Asked for samples,",
    "New premises since spring,",
    "Complaint settled on the phone,",
    "Prefers e-mail;",
];
const NOTE_ENDS: [&str; 8] = [
    "call again next month",
    "send the price list",
    "discount of 3 % agreed",
    "gate code at the warehouse, ask for it",
    "delivery only before noon",
    "decision after the summer break",
    "speak to the owner, nobody else",
    "all good",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(connection: &Connection, table: &str) -> Vec<Vec<rusqlite::types::Value>> {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|place| row.get(place)).collect();
        statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    }

    const TABLES: [&str; 6] = ["customers", "contacts", "notes", "products", "orders", "order_lines"];

    #[test]
    fn the_same_number_of_customers_gives_the_same_sound_database() {
        let folder = tempfile::tempdir().unwrap();
        let made = ["a.db", "b.db"].map(|name| {
            build(&folder.path().join(name), 120).unwrap();
            Connection::open(folder.path().join(name)).unwrap()
        });
        for table in TABLES {
            let records = rows(&made[0], table);
            assert!(records.len() >= 36, "{table}");
            assert_eq!(records, rows(&made[1], table));
        }
        assert_eq!(rows(&made[0], "customers").len(), 120);
        assert!(!made[0].prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap());
        let sound: String = made[0].query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        assert!(!rows(&made[0], "order_totals").is_empty());
    }

    #[test]
    fn more_customers_leave_the_first_ones_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let customers = [3, 50].map(|customers| {
            let path = folder.path().join(customers.to_string());
            build(&path, customers).unwrap();
            let connection = Connection::open(path).unwrap();
            let mut statement = connection.prepare("SELECT id FROM customers ORDER BY rowid LIMIT 3").unwrap();
            statement.query_map([], |row| row.get::<_, String>(0)).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
        });
        assert_eq!(customers[0], customers[1]);
    }

    #[test]
    fn the_dice_are_splitmix64() {
        let mut dice = Dice(1_234_567);
        assert_eq!([dice.next(), dice.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
