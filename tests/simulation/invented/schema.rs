//! Which tables, keys, references and triggers does the database of a seed have?

use std::fmt::Write as _;

use super::super::application::CANARY;
use super::super::history::Dice;

/// A database that somebody invented.
#[derive(Debug)]
pub struct Invented {
    /// What it was drawn from.
    pub seed: u64,
    pub tables: Vec<Table>,
    /// Whether two sites may hand out the same number.
    pub clashes: bool,
    /// Whether applications move unique values between records.
    pub swaps: bool,
}

#[derive(Debug)]
pub struct Table {
    pub name: String,
    pub key: Key,
    pub references: Vec<Refers>,
    /// Columns with texts that are used once.
    pub texts: Vec<&'static str>,
    /// Whether there is a column `code` whose values no two records share.
    pub unique: bool,
    /// Whether records are deleted: not where undeclared references would be left behind.
    pub deletable: bool,
    strict: bool,
    without_rowid: bool,
    /// Sets `touched` on every edit.
    touched: bool,
    /// Counts itself in the table of this reference.
    counted: Option<usize>,
    indexed: bool,
}

/// What names a record.
#[derive(Debug)]
pub enum Key {
    /// The database hands out a number.
    Number { auto: bool },
    /// Values of the world, or of the records it belongs to.
    Parts(Vec<Part>),
}

#[derive(Clone, Debug)]
pub enum Part {
    Text(&'static str),
    Integer(&'static str),
    /// The key of another record: a place in [`Table::references`].
    Refers(usize),
}

/// A reference from one table to another.
#[derive(Debug)]
pub struct Refers {
    /// One per key column of the target, in order; of a pair the type first.
    pub columns: Vec<String>,
    pub target: Target,
    pub required: bool,
    pub action: &'static str,
    pub deferred: bool,
}

/// How a reference says whom it means.
#[derive(Debug)]
pub enum Target {
    /// A foreign key.
    Declared(usize),
    /// A column with a number, called a reference by the rules alone, as are all that follow.
    Plain(usize),
    /// A word for the table and a number, in two columns.
    Typed(Vec<(&'static str, usize)>),
    /// The same in one text.
    Separated(Vec<(&'static str, usize)>),
    /// A number in a JSON text.
    Json(usize),
}

impl Target {
    /// The tables it can mean, each with its word.
    pub fn tables(&self) -> Vec<(&'static str, usize)> {
        match self {
            Self::Declared(table) | Self::Plain(table) | Self::Json(table) => vec![("", *table)],
            Self::Typed(tables) | Self::Separated(tables) => tables.clone(),
        }
    }
}

/// Words for a pair's type; a number among them, as some frameworks have it.
const WORDS: [&str; 2] = ["kind", "7"];
/// Values of natural keys: few, so that two sites choose the same.
pub const TEXT_KEYS: [&str; 6] = ["ka", "kb", "kc", "kd", "ke", "kf"];
pub const INTEGER_KEYS: i64 = 4;
const COUNT: u64 = 3;

impl Table {
    /// The key columns, in order.
    pub fn key_columns(&self) -> Vec<String> {
        let Key::Parts(parts) = &self.key else { return vec!["id".into()] };
        let columns = parts.iter().flat_map(|part| match part {
            Part::Text(name) | Part::Integer(name) => vec![(*name).to_owned()],
            Part::Refers(place) => self.references[*place].columns.clone(),
        });
        columns.collect()
    }

    /// Whether a reference is part of the key.
    pub fn in_key(&self, reference: usize) -> bool {
        matches!(&self.key, Key::Parts(parts) if parts.iter().any(|part| matches!(part, Part::Refers(place) if *place == reference)))
    }

    /// Whether its key is a lone number, its own or somebody else's.
    fn numbered(&self) -> bool {
        match &self.key {
            Key::Number { .. } => true,
            Key::Parts(parts) => matches!(parts.as_slice(), [Part::Refers(place)] if self.references[*place].columns.len() == 1),
        }
    }
}

impl Invented {
    /// The database of a seed.
    pub fn new(seed: u64, clashes: bool) -> Self {
        let mut dice = Dice::new(seed ^ 0x1ce_b00da);
        let count = COUNT + dice.below(4);
        let mut invented = Self { seed, tables: Vec::new(), clashes, swaps: dice.hit(20) };
        for _ in 0..count {
            let table = invented.table(&mut dice);
            invented.tables.push(table);
        }
        // References that could not be drawn before: to itself and to what comes later, in a circle.
        for place in 0..invented.tables.len() {
            if dice.hit(40) {
                let target = index(&mut dice, invented.tables.len());
                let reference = invented.refers(&mut dice, &invented.tables[place], target, false);
                invented.tables[place].references.push(reference);
            }
        }
        if clashes && dice.hit(40) {
            invented.undeclared(&mut dice);
        }
        invented
    }

    fn table(&self, dice: &mut Dice) -> Table {
        let number = self.tables.len();
        let mut table = Table {
            name: format!("t{number}"),
            key: Key::Number { auto: dice.hit(40) },
            references: Vec::new(),
            texts: if dice.hit(50) { vec!["text"] } else { vec!["text", "other"] },
            unique: dice.hit(25),
            deletable: true,
            strict: dice.hit(20),
            without_rowid: false,
            touched: dice.hit(25),
            counted: None,
            indexed: dice.hit(30),
        };
        let numbered: Vec<usize> = (0..number).filter(|other| self.tables[*other].numbered()).collect();
        let shape = if number == 0 { 0 } else { dice.below(100) };
        match shape {
            0..=44 => {}
            45..=52 => table.key = Key::Parts(vec![Part::Text("k")]),
            53..=59 => table.key = Key::Parts(vec![Part::Text("k"), Part::Integer("n")]),
            _ => {
                let target = if shape < 75 { dice.pick(&numbered) } else { index(dice, number) };
                let first = self.key_part(dice, &table, target);
                table.references.push(first);
                table.key = Key::Parts(match shape {
                    60..=74 => vec![Part::Refers(0)],
                    75..=84 => vec![Part::Refers(0), Part::Integer("n")],
                    _ => {
                        let other = index(dice, number);
                        let second = self.key_part(dice, &table, other);
                        table.references.push(second);
                        vec![Part::Refers(0), Part::Refers(1)]
                    }
                });
            }
        }
        table.without_rowid = !table.numbered() && dice.hit(35);
        for _ in 0..dice.below(3) {
            if number > 0 {
                let required = dice.hit(35);
                let target = index(dice, number);
                let reference = self.refers(dice, &table, target, required);
                table.references.push(reference);
            }
        }
        if !table.references.is_empty() && dice.hit(25) {
            table.counted = Some(index(dice, table.references.len()));
        }
        table
    }

    fn key_part(&self, dice: &mut Dice, table: &Table, target: usize) -> Refers {
        Refers { action: if dice.hit(60) { "CASCADE" } else { "NO ACTION" }, ..self.refers(dice, table, target, true) }
    }

    fn refers(&self, dice: &mut Dice, table: &Table, target: usize, required: bool) -> Refers {
        let place = table.references.len();
        let width = self.tables.get(target).map_or_else(|| table.key_columns().len(), |target| target.key_columns().len());
        let action = match dice.below(4) {
            0 => "CASCADE",
            1 if !required => "SET NULL",
            _ => "NO ACTION",
        };
        let columns = (0..width).map(|column| format!("r{place}_{column}")).collect();
        Refers { columns, target: Target::Declared(target), required, action, deferred: dice.hit(50) }
    }

    /// References that only the rules know.
    fn undeclared(&mut self, dice: &mut Dice) {
        let numbers: Vec<usize> = (0..self.tables.len()).filter(|table| matches!(self.tables[*table].key, Key::Number { .. })).collect();
        let place = index(dice, self.tables.len());
        let pair: Vec<(&str, usize)> = WORDS.iter().map(|word| (*word, dice.pick(&numbers))).collect();
        let (columns, target) = match dice.below(4) {
            0 => (vec!["u"], Target::Plain(pair[0].1)),
            1 => (vec!["u_type", "u"], Target::Typed(pair)),
            2 => (vec!["u"], Target::Separated(pair)),
            _ => (vec!["u"], Target::Json(pair[0].1)),
        };
        let columns = columns.into_iter().map(str::to_owned).collect();
        for (_, target) in target.tables() {
            self.tables[target].deletable = false;
            self.tables[target].references.iter_mut().for_each(|reference| reference.action = "NO ACTION");
        }
        self.tables[place].references.push(Refers { columns, target, required: false, action: "NO ACTION", deferred: false });
    }

    /// The text of `rules.toml`.
    pub fn rules(&self, default: &str) -> String {
        let mut text = format!("default = \"{default}\"\n");
        let quoted = |tables: &[(&str, usize)]| -> String {
            let each: Vec<String> = tables.iter().map(|(word, table)| format!("\"{word}\" = \"{}\"", self.tables[*table].name)).collect();
            each.join(", ")
        };
        let mut lines = String::new();
        for table in &self.tables {
            for reference in &table.references {
                let column = format!("\"{}.{}\"", table.name, reference.columns.last().expect("a reference has columns"));
                let value = match &reference.target {
                    Target::Declared(_) => continue,
                    Target::Plain(target) => format!("\"{}\"", self.tables[*target].name),
                    Target::Typed(tables) => format!("{{ type = \"u_type\", tables = {{ {} }} }}", quoted(tables)),
                    Target::Separated(tables) => format!("{{ separator = \",\", tables = {{ {} }} }}", quoted(tables)),
                    Target::Json(target) => format!("{{ json = [\"$.to\"], tables = [\"{}\"] }}", self.tables[*target].name),
                };
                writeln!(lines, "{column} = {value}").expect("a string takes all that is written to it");
            }
        }
        if !lines.is_empty() {
            text += &format!("\n[references]\n{lines}");
        }
        text += &self.table_rules();
        text
    }

    /// Tables, indexes and triggers.
    pub fn sql(&self) -> String {
        self.tables.iter().map(|table| self.sql_of(table)).chain(self.tables.iter().map(|table| self.triggers(table))).collect()
    }

    fn sql_of(&self, table: &Table) -> String {
        let key = table.key_columns();
        let mut columns = Vec::new();
        match &table.key {
            Key::Number { auto } => columns.push(format!("id INTEGER PRIMARY KEY{}", if *auto { " AUTOINCREMENT" } else { "" })),
            Key::Parts(parts) => columns.extend(parts.iter().filter_map(|part| match part {
                Part::Text(name) => Some(format!("{name} TEXT NOT NULL")),
                Part::Integer(name) => Some(format!("{name} INTEGER NOT NULL")),
                Part::Refers(_) => None,
            })),
        }
        for reference in &table.references {
            for (place, column) in reference.columns.iter().enumerate() {
                let alone = table.numbered() && key.len() == 1 && key[0] == *column;
                let kind = match &reference.target {
                    Target::Declared(target) => self.type_of(*target, place),
                    Target::Plain(_) => "INTEGER",
                    Target::Typed(_) if place == 1 => "INTEGER",
                    Target::Typed(_) | Target::Separated(_) | Target::Json(_) => "TEXT",
                };
                let more = if alone {
                    " PRIMARY KEY"
                } else if reference.required {
                    " NOT NULL"
                } else {
                    ""
                };
                columns.push(format!("{column} {kind}{more}"));
            }
        }
        columns.push("token TEXT NOT NULL".into());
        columns.extend(table.texts.iter().map(|name| format!("{name} TEXT")));
        if table.unique {
            columns.push("code TEXT UNIQUE".into());
        }
        columns.push("touched REAL".into());
        columns.push("made INTEGER NOT NULL DEFAULT 0".into());
        if !table.numbered() {
            columns.push(format!("PRIMARY KEY ({})", key.join(", ")));
        }
        for reference in &table.references {
            if let Target::Declared(target) = reference.target {
                let target = &self.tables[target];
                let deferred = if reference.deferred { " DEFERRABLE INITIALLY DEFERRED" } else { "" };
                columns.push(format!(
                    "FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {}{deferred}",
                    reference.columns.join(", "),
                    target.name,
                    target.key_columns().join(", "),
                    reference.action
                ));
            }
        }
        let options: Vec<&str> =
            [(table.strict, "STRICT"), (table.without_rowid, "WITHOUT ROWID")].iter().filter(|one| one.0).map(|one| one.1).collect();
        let mut sql = format!("CREATE TABLE {} ({}) {};\n", table.name, columns.join(", "), options.join(", "));
        if table.indexed {
            sql += &format!(
                "CREATE INDEX {0}_lower ON {0} (lower(text), made); CREATE UNIQUE INDEX {0}_token ON {0} (lower(token)) WHERE made >= 0;\n",
                table.name
            );
        }
        sql
    }

    fn triggers(&self, table: &Table) -> String {
        let mut sql = String::new();
        let same = |names: &[String], row: &str, values: &[String]| -> String {
            names.iter().zip(values).map(|(name, value)| format!("{name} = {row}.{value}")).collect::<Vec<_>>().join(" AND ")
        };
        let key = table.key_columns();
        if table.touched {
            sql += &format!(
                "CREATE TRIGGER {0}_touched AFTER UPDATE OF {1} ON {0} BEGIN UPDATE {0} SET touched = julianday('now') WHERE {2}; END;\n",
                table.name,
                table.texts.join(", "),
                same(&key, "new", &key)
            );
        }
        if let Some(reference) = table.counted.map(|place| &table.references[place])
            && let Target::Declared(target) = reference.target
        {
            let target = &self.tables[target];
            sql += &format!(
                "CREATE TRIGGER {0}_counted AFTER INSERT ON {0} BEGIN UPDATE {1} SET made = made + 1 WHERE {2}; END;\n",
                table.name,
                target.name,
                same(&target.key_columns(), "new", &reference.columns)
            );
        }
        sql
    }

    /// The type of a key column.
    fn type_of(&self, table: usize, place: usize) -> &'static str {
        let table = &self.tables[table];
        let Key::Parts(parts) = &table.key else { return "INTEGER" };
        let types = parts.iter().flat_map(|part| match part {
            Part::Text(_) => vec!["TEXT"],
            Part::Integer(_) => vec!["INTEGER"],
            Part::Refers(reference) => {
                let reference = &table.references[*reference];
                let Target::Declared(target) = reference.target else { return Vec::new() };
                (0..reference.columns.len()).map(|place| self.type_of(target, place)).collect()
            }
        });
        types.collect::<Vec<_>>()[place]
    }
}

fn index(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.below(end as u64)).expect("a small number")
}

/// A token nobody else has.
pub fn token(table: &str, number: u64) -> String {
    format!("{CANARY}{table}-{number}.")
}
