//! What is a schema whose names come and go? Tables and columns have numbers that stay, which nobody but the simulation knows.
//!
//! `PRAGMA user_version` tells an application which schema it finds, as applications do that migrate by themselves.

use std::collections::BTreeSet;

use super::super::history::Dice;

/// A version of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    pub tables: Vec<Table>,
    extras: Vec<Extra>,
    /// The next number of a table or column.
    next: u32,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub number: u32,
    pub name: String,
    /// Whether the database hands out its keys.
    pub numbered: bool,
    /// In the order of the table.
    pub columns: Vec<Column>,
    /// The last figure of tags that no record may have: a site with such a record cannot have this version.
    pub barred: Option<u64>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub number: u32,
    pub name: String,
    pub role: Role,
    pub default: Option<String>,
    not_null: bool,
    no_case: bool,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Key,
    /// Set once by the insert: tells incarnations apart.
    Tag,
    Text,
    /// The number of the table that it refers to.
    Refers(u32),
}

/// An index, view or trigger on a column.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Extra {
    kind: ExtraKind,
    name: String,
    table: u32,
    column: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExtraKind {
    Index,
    View,
    Trigger,
}

/// Names that columns get: few, so that a name means one column after the other.
const COLUMNS: [&str; 10] = ["body", "city", "phone", "label", "alpha", "beta", "gamma", "Delta x", "Body", "ALPHA"];
/// Names that tables get.
const TABLES: [&str; 9] = ["customers", "notes", "items", "lines", "clients", "visits", "tags", "Group", "Visits"];
const MOST_TABLES: usize = 6;
const MOST_COLUMNS: usize = 8;

/// What triggers write to: without a key, so nobody tracks it.
const HEARD: &str = "heard";

/// The first version.
pub const FIRST: i64 = 1;

/// One change of the schema, and what an application does with it.
pub struct Migration {
    pub schema: Schema,
    /// SQL, and the column whose values it then writes to some records.
    pub sql: Vec<String>,
    pub fill: Vec<(u32, u32)>,
    /// Tables whose first records it makes.
    pub begin: Vec<u32>,
    /// Names that tables had since the main office looked last, in small letters.
    names: BTreeSet<String>,
}

/// A name in SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// The same name to SQLite, in other letters.
fn other_case(name: &str) -> String {
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) { name.to_ascii_uppercase() } else { name.to_ascii_lowercase() }
}

fn pick(dice: &mut Dice, end: usize) -> usize {
    usize::try_from(dice.below(end.max(1) as u64)).expect("a small number")
}

impl Column {
    fn new(number: u32, name: &str, role: Role) -> Self {
        Self { number, name: name.to_owned(), role, default: None, not_null: false, no_case: false }
    }

    fn sql(&self, table: &Table, schema: &Schema) -> String {
        let name = quoted(&self.name);
        let mut text = match self.role {
            Role::Key if table.numbered => return format!("{name} INTEGER PRIMARY KEY AUTOINCREMENT"),
            Role::Key => return format!("{name} TEXT PRIMARY KEY NOT NULL"),
            Role::Tag => match table.barred {
                Some(figure) => format!("{name} TEXT CHECK ({name} NOT LIKE '%{figure}.')"),
                None => format!("{name} TEXT"),
            },
            Role::Text => format!("{name} TEXT"),
            Role::Refers(target) => {
                let target = schema.table(target);
                let kind = if target.numbered { "INTEGER" } else { "TEXT" };
                format!("{name} {kind} REFERENCES {} ({})", quoted(&target.name), quoted(&target.key().name))
            }
        };
        if self.no_case {
            text += " COLLATE NOCASE";
        }
        if self.not_null {
            text += " NOT NULL";
        }
        if let Some(default) = &self.default {
            text += &format!(" DEFAULT '{default}'");
        }
        text
    }
}

impl Table {
    pub fn key(&self) -> &Column {
        self.columns.iter().find(|column| column.role == Role::Key).expect("every table has a key")
    }

    pub fn tag(&self) -> &Column {
        self.columns.iter().find(|column| column.role == Role::Tag).expect("every table has a tag")
    }

    /// The columns with texts, by place.
    pub fn texts(&self) -> Vec<&Column> {
        self.columns.iter().filter(|column| column.role == Role::Text).collect()
    }

    pub fn column(&self, number: u32) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    fn sql(&self, name: &str, schema: &Schema) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| column.sql(self, schema)).collect();
        format!("CREATE TABLE {} ({})", quoted(name), columns.join(", "))
    }

    fn refers_to(&self, other: u32) -> bool {
        self.columns.iter().any(|column| column.role == Role::Refers(other))
    }
}

impl Extra {
    fn create(&self, schema: &Schema) -> String {
        let table = schema.table(self.table);
        let column = quoted(&table.column(self.column).expect("what is on a column goes before it").name);
        let (name, on) = (quoted(&self.name), quoted(&table.name));
        match self.kind {
            ExtraKind::Index => format!("CREATE INDEX {name} ON {on} ({column})"),
            ExtraKind::View => format!("CREATE VIEW {name} AS SELECT {}, {column} FROM {on}", quoted(&table.key().name)),
            ExtraKind::Trigger => {
                format!("CREATE TRIGGER {name} AFTER UPDATE OF {column} ON {on} BEGIN INSERT INTO {HEARD} VALUES (NEW.{column}); END")
            }
        }
    }

    fn drop(&self) -> String {
        let kind = match self.kind {
            ExtraKind::Index => "INDEX",
            ExtraKind::View => "VIEW",
            ExtraKind::Trigger => "TRIGGER",
        };
        format!("DROP {kind} {}", quoted(&self.name))
    }
}

impl Schema {
    /// The first version.
    pub fn first() -> Self {
        let mut schema = Self { tables: Vec::new(), extras: Vec::new(), next: 0 };
        let customers = schema.add("customers", false, &["name", "city", "phone"], None);
        let notes = schema.add("notes", false, &["body", "label"], Some(customers));
        schema.add("items", true, &["label"], Some(customers));
        schema.add("lines", false, &["body"], Some(notes));
        schema
    }

    /// The SQL of the first version.
    pub fn sql(&self) -> String {
        let tables: Vec<String> = self.tables.iter().map(|table| table.sql(&table.name, self)).collect();
        format!("{}; CREATE TABLE {HEARD} (line TEXT); PRAGMA user_version = {FIRST};", tables.join("; "))
    }

    pub fn table(&self, number: u32) -> &Table {
        self.find(number).expect("a table that is there")
    }

    pub fn find(&self, number: u32) -> Option<&Table> {
        self.tables.iter().find(|table| table.number == number)
    }

    pub fn named(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn add(&mut self, name: &str, numbered: bool, texts: &[&str], refers: Option<u32>) -> u32 {
        let number = self.number();
        let mut columns = vec![Column::new(self.number(), "id", Role::Key), Column::new(self.number(), "tag", Role::Tag)];
        for text in texts {
            let column = Column::new(self.number(), text, Role::Text);
            columns.push(column);
        }
        if let Some(target) = refers {
            let column = Column::new(self.number(), "refers", Role::Refers(target));
            columns.push(column);
        }
        self.tables.push(Table { number, name: name.to_owned(), numbered, columns, barred: None });
        number
    }

    /// A name that no column of a table has.
    pub(super) fn column_name(table: &Table, dice: &mut Dice) -> Option<String> {
        let is_free = |name: &&str| table.columns.iter().all(|column| !column.name.eq_ignore_ascii_case(name));
        let free: Vec<&str> = COLUMNS.iter().copied().filter(is_free).collect();
        (!free.is_empty()).then(|| free[pick(dice, free.len())].to_owned())
    }

    pub(super) fn table_name(&self, dice: &mut Dice) -> Option<String> {
        let is_free = |name: &&str| self.tables.iter().all(|table| !table.name.eq_ignore_ascii_case(name));
        let free: Vec<&str> = TABLES.iter().copied().filter(is_free).collect();
        (!free.is_empty()).then(|| free[pick(dice, free.len())].to_owned())
    }

    /// Takes away what is on a table, or on one of its columns.
    fn clear(&mut self, table: u32, column: Option<u32>, sql: &mut Vec<String>) -> Vec<Extra> {
        let (gone, left): (Vec<Extra>, Vec<Extra>) =
            self.extras.drain(..).partition(|extra| extra.table == table && column.is_none_or(|column| extra.column == column));
        self.extras = left;
        sql.extend(gone.iter().map(Extra::drop));
        gone
    }
}

impl Migration {
    /// Nothing yet, on this version.
    pub fn on(schema: &Schema, names: BTreeSet<String>) -> Self {
        Self { schema: schema.clone(), sql: Vec::new(), fill: Vec::new(), begin: Vec::new(), names }
    }

    /// One more change. `remade` are tables that were made anew since the main office looked last, `renamed` those that have another name
    /// since: who does both at once is not understood (README, honest limits).
    pub fn step(&mut self, dice: &mut Dice, remade: &mut Vec<u32>, renamed: &mut Vec<u32>) {
        let place = pick(dice, self.schema.tables.len());
        let number = self.schema.tables[place].number;
        match dice.below(100) {
            0..=21 => self.add_column(place, dice),
            22..=37 => self.rename_column(place, dice),
            38..=49 => self.drop_column(place, dice),
            50..=60 => self.new_table(dice),
            61..=67 => self.drop_table(place),
            68..=76 if !remade.contains(&number) => {
                if self.rename_table(place, dice) {
                    renamed.push(number);
                }
            }
            77..=87 if !renamed.contains(&number) => {
                self.remake(place, dice);
                remade.push(number);
            }
            _ => self.extra(place, dice),
        }
    }

    /// Bars records from a table, or from none any more. Made anew for it, as SQLite wants; `remade` and `renamed` are as for [`Migration::step`].
    pub fn bar(&mut self, dice: &mut Dice, remade: &mut Vec<u32>, renamed: &[u32]) {
        let place = pick(dice, self.schema.tables.len());
        let number = self.schema.tables[place].number;
        if !renamed.contains(&number) {
            self.schema.tables[place].barred = dice.hit(80).then(|| dice.below(10));
            self.remake(place, dice);
            remade.push(number);
        }
    }

    /// Takes back whatever is barred.
    pub fn unbar(&mut self, dice: &mut Dice, remade: &mut Vec<u32>, renamed: &[u32]) {
        for place in 0..self.schema.tables.len() {
            let number = self.schema.tables[place].number;
            if self.schema.tables[place].barred.is_some() && !renamed.contains(&number) {
                self.schema.tables[place].barred = None;
                self.remake(place, dice);
                remade.push(number);
            }
        }
    }

    fn add_column(&mut self, place: usize, dice: &mut Dice) {
        let Some(name) = Schema::column_name(&self.schema.tables[place], dice) else { return };
        if self.schema.tables[place].columns.len() >= MOST_COLUMNS {
            return;
        }
        let number = self.schema.number();
        let mut column = Column::new(number, &name, Role::Text);
        if dice.hit(60) {
            column.default = Some(format!("filled{number}"));
            column.not_null = dice.hit(50);
        }
        let table = &self.schema.tables[place];
        self.sql.push(format!("ALTER TABLE {} ADD COLUMN {}", quoted(&table.name), column.sql(table, &self.schema)));
        if dice.hit(50) {
            self.fill.push((table.number, number));
        }
        self.schema.tables[place].columns.push(column);
    }

    fn rename_column(&mut self, place: usize, dice: &mut Dice) {
        let table = &mut self.schema.tables[place];
        let Some(name) = Schema::column_name(table, dice) else { return };
        let at = pick(dice, table.columns.len());
        let name = if dice.hit(20) { other_case(&table.columns[at].name) } else { name };
        let column = &mut table.columns[at];
        self.sql.push(format!("ALTER TABLE {} RENAME COLUMN {} TO {}", quoted(&table.name), quoted(&column.name), quoted(&name)));
        column.name = name;
    }

    fn drop_column(&mut self, place: usize, dice: &mut Dice) {
        let table = &self.schema.tables[place];
        let texts = table.texts();
        if texts.len() < 2 {
            return;
        }
        let (number, column) = (table.number, texts[pick(dice, texts.len())].clone());
        let name = quoted(&table.name);
        self.schema.clear(number, Some(column.number), &mut self.sql);
        self.sql.push(format!("ALTER TABLE {name} DROP COLUMN {}", quoted(&column.name)));
        self.schema.tables[place].columns.retain(|one| one.number != column.number);
        self.fill.retain(|fill| *fill != (number, column.number));
    }

    fn new_table(&mut self, dice: &mut Dice) {
        let Some(name) = self.schema.table_name(dice).filter(|_| self.schema.tables.len() < MOST_TABLES) else { return };
        let target = self.schema.tables[pick(dice, self.schema.tables.len())].number;
        let texts = if dice.hit(50) { &["alpha"][..] } else { &["body", "phone"] };
        // README, honest limits: it is the one before, and what referred to one table cannot refer to another one.
        let refers = dice.hit(60) && !self.names.contains(&name.to_ascii_lowercase());
        let number = self.schema.add(&name, dice.hit(40), texts, refers.then_some(target));
        self.sql.push(self.schema.table(number).sql(&name, &self.schema));
        self.begin.push(number);
    }

    fn drop_table(&mut self, place: usize) {
        let number = self.schema.tables[place].number;
        let others = self.schema.tables.iter().filter(|table| table.number != number);
        if self.schema.tables.len() < 3 || others.clone().any(|table| table.refers_to(number)) {
            return;
        }
        self.schema.clear(number, None, &mut self.sql);
        let table = self.schema.tables.remove(place);
        self.sql.push(format!("DROP TABLE {}", quoted(&table.name)));
        self.fill.retain(|fill| fill.0 != number);
        self.begin.retain(|begun| *begun != number);
    }

    fn rename_table(&mut self, place: usize, dice: &mut Dice) -> bool {
        let Some(name) = self.schema.table_name(dice) else { return false };
        let table = &mut self.schema.tables[place];
        let mut rename = |from: &str, to: &str| self.sql.push(format!("ALTER TABLE {} RENAME TO {}", quoted(from), quoted(to)));
        // SQLite takes a table's name in other letters for a name that is taken.
        let name = if dice.hit(20) {
            let name = other_case(&table.name);
            rename(&table.name, "between");
            rename("between", &name);
            name
        } else {
            rename(&table.name, &name);
            name
        };
        table.name = name;
        true
    }

    /// As migration tools do what SQLite has no statement for: another table, all records copied, the old one dropped, the new one renamed.
    fn remake(&mut self, place: usize, dice: &mut Dice) {
        let number = self.schema.tables[place].number;
        let mut extras = self.schema.clear(number, None, &mut self.sql);
        let before = self.schema.tables[place].clone();
        let table = &mut self.schema.tables[place];
        if dice.hit(50) {
            let by = pick(dice, table.columns.len());
            table.columns.rotate_left(by);
        }
        for column in &mut table.columns {
            if column.role != Role::Text {
                continue;
            }
            if dice.hit(20) {
                column.no_case = !column.no_case;
            }
            if dice.hit(20) {
                column.default = column.default.is_none().then(|| format!("filled{}", column.number));
            }
            // What must not be empty needs a filler where it is, so only what has one may become so.
            column.not_null = column.default.is_some() && dice.hit(40);
        }
        if table.texts().len() > 2 && dice.hit(30) {
            let gone = table.texts()[0].number;
            table.columns.retain(|column| column.number != gone);
            extras.retain(|extra| extra.column != gone);
            self.fill.retain(|fill| *fill != (number, gone));
        }
        // As tools do that make the table anew for every change.
        let texts: Vec<u32> = self.schema.tables[place].texts().iter().map(|column| column.number).collect();
        let renamed = dice.hit(25).then(|| texts[pick(dice, texts.len())]);
        let fresh = format!("fresh{}", self.schema.number());
        for column in &mut self.schema.tables[place].columns {
            if Some(column.number) == renamed {
                column.name.clone_from(&fresh);
            }
        }
        let table = &self.schema.tables[place];
        let names = |into: bool| -> String {
            let name = |column: &Column| {
                let from = if into { column } else { before.column(column.number).expect("it was there before") };
                let name = quoted(&from.name);
                match column.default.as_ref().filter(|_| column.not_null && !into) {
                    Some(default) => format!("ifnull({name}, '{default}')"),
                    None => name,
                }
            };
            table.columns.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        self.sql.push(table.sql("remade", &self.schema));
        self.sql.push(format!("INSERT INTO remade ({}) SELECT {} FROM {}", names(true), names(false), quoted(&table.name)));
        self.sql.push(format!("DROP TABLE {}", quoted(&table.name)));
        self.sql.push(format!("ALTER TABLE remade RENAME TO {}", quoted(&table.name)));
        self.sql.extend(extras.iter().map(|extra| extra.create(&self.schema)));
        self.schema.extras.extend(extras);
    }

    fn extra(&mut self, place: usize, dice: &mut Dice) {
        if !self.schema.extras.is_empty() && dice.hit(30) {
            let extra = self.schema.extras.remove(pick(dice, self.schema.extras.len()));
            self.sql.push(extra.drop());
            return;
        }
        let table = &self.schema.tables[place];
        let texts = table.texts();
        let (table, column) = (table.number, texts[pick(dice, texts.len())].number);
        let kind = dice.pick(&[ExtraKind::Index, ExtraKind::View, ExtraKind::Trigger]);
        let extra = Extra { kind, name: format!("extra{}", self.schema.number()), table, column };
        self.sql.push(extra.create(&self.schema));
        self.schema.extras.push(extra);
    }
}
