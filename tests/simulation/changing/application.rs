//! What do applications do that find some version of a schema? Plain SQL; what it came to is read off the database.
//!
//! Before and after every transaction all records are read by the numbers of tables and columns: whatever differs is what the application did,
//! cascades included, whatever the names are by then.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::super::application::{CANARY, text_of};
use super::super::history::{Dice, Edit, What};
use super::own::{self, Made, Own, Thing};
use super::schema::{FIRST, Migration, Role, Schema, Table, quoted};

/// Keys that records get: few, so that two sites choose the same.
pub(super) const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// A record: the table's number, and its key; its tag where the database hands out the key.
pub type Identity = (u32, String);

/// A record in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub key: String,
    pub tag: String,
    /// Texts by the column's number.
    pub texts: BTreeMap<u32, String>,
    /// Keys of other records by the column's number.
    pub references: BTreeMap<u32, String>,
}

/// What a database has, by the schema of its version, and what it has of its site's own.
#[derive(Clone, Debug)]
pub struct Seen {
    pub schema: Schema,
    pub records: Records,
    pub own: Own,
}

/// All records of a database.
pub type Records = BTreeMap<Identity, Row>;

/// A value that an application wrote.
#[derive(Clone, Debug)]
pub struct Written {
    pub site: usize,
    pub identity: Identity,
    /// None: it is the tag.
    pub column: Option<u32>,
    /// What the column was called.
    pub name: String,
    pub value: String,
    /// It filled a column that the main office's run had not seen yet: as a migration does, which is nobody's edit.
    pub fills: bool,
}

/// A record that an application deleted.
#[derive(Clone, Debug)]
pub struct Deleted {
    pub site: usize,
    pub identity: Identity,
    pub tag: String,
}

/// A moment of a history.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment {
    version: i64,
    written: usize,
}

/// All that applications did.
#[derive(Debug)]
pub struct Deeds {
    next: u64,
    /// By `user_version`; the last one is what the main office has.
    pub versions: BTreeMap<i64, Schema>,
    /// Tables made anew, and tables renamed, with the version.
    remade: Vec<(u32, i64)>,
    renamed: Vec<(u32, i64)>,
    /// What the main office's run knows of: all before its last whole round.
    noticed: Moment,
    pub written: Vec<Written>,
    pub deleted: Vec<Deleted>,
    pub superseded: BTreeSet<String>,
    /// Every key that a record was seen under.
    pub keys: BTreeMap<Identity, BTreeSet<String>>,
    /// Columns of which the main office was asked whether they are others under a new name, and said yes: by table and column.
    pub asked: BTreeSet<(u32, u32)>,
    /// What people made for themselves, and typed there.
    pub own: own::Deeds,
    /// Databases that were not as their `user_version` says.
    pub wrong: Vec<String>,
}

impl Default for Deeds {
    fn default() -> Self {
        Self {
            next: 0,
            versions: BTreeMap::from([(FIRST, Schema::first())]),
            remade: Vec::new(),
            renamed: Vec::new(),
            noticed: Moment::default(),
            written: Vec::new(),
            deleted: Vec::new(),
            superseded: BTreeSet::new(),
            keys: BTreeMap::new(),
            asked: BTreeSet::new(),
            own: own::Deeds::default(),
            wrong: Vec::new(),
        }
    }
}

impl Deeds {
    /// The schema of the main office.
    pub fn schema(&self) -> &Schema {
        self.versions.last_key_value().expect("there is a first one").1
    }

    /// Takes what is there before anybody edits.
    pub fn begin(&mut self, records: &Records) {
        let seen = |records: &Records| Seen { schema: Schema::first(), records: records.clone(), own: Own::new() };
        self.count(0, &seen(&Records::new()), &seen(records));
        self.noticed = self.now();
    }

    /// What a site ever made. A column of its own stays in a table that is dropped and made anew under the same name.
    pub fn made(&self, site: usize) -> Made {
        let mut made = self.own.made.get(&site).cloned().unwrap_or_default();
        let anew = |thing: &Thing| -> Vec<Thing> {
            match thing {
                Thing::Column(table, column) => self.heirs(*table).into_iter().map(|heir| Thing::Column(heir, column.clone())).collect(),
                // One that the main office has as well by now may be called otherwise since.
                Thing::Table(name) => {
                    let named = self.tables().filter(|table| table.name.eq_ignore_ascii_case(name));
                    let numbers: BTreeSet<u32> = named.map(|table| table.number).collect();
                    let theirs = self.tables().filter(|table| numbers.contains(&table.number));
                    theirs.map(|table| Thing::Table(table.name.to_ascii_lowercase())).collect()
                }
            }
        };
        made.extend(made.clone().iter().flat_map(anew));
        made
    }

    /// The tables that ever had a name of this one's.
    pub(super) fn heirs(&self, number: u32) -> BTreeSet<u32> {
        let names: BTreeSet<_> =
            self.tables().filter(|table| table.number == number).map(|table| table.name.to_ascii_lowercase()).collect();
        self.tables().filter(|table| names.contains(&table.name.to_ascii_lowercase())).map(|table| table.number).collect()
    }

    /// Every table in every version.
    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.versions.values().flat_map(|schema| &schema.tables)
    }

    /// Where things stand.
    pub fn now(&self) -> Moment {
        Moment { version: *self.versions.last_key_value().expect("there is a first one").0, written: self.written.len() }
    }

    /// The main office had a whole round, which began then: it knows what its schema was, and all that was written.
    pub fn noticed(&mut self, begun: Moment) {
        self.noticed = begun;
    }

    /// Tables to which that happened since.
    fn since_noticed(&self, happened: &[(u32, i64)]) -> Vec<u32> {
        happened.iter().filter(|(_, version)| *version > self.noticed.version).map(|(number, _)| *number).collect()
    }

    /// The names that tables have or had since the main office looked, in small letters.
    fn names_since_noticed(&self) -> BTreeSet<String> {
        let schemas =
            self.versions.range(..=self.noticed.version).next_back().into_iter().chain(self.versions.range(self.noticed.version..));
        schemas.flat_map(|(_, schema)| &schema.tables).map(|table| table.name.to_ascii_lowercase()).collect()
    }

    /// Whether a column was added to a table since the main office looked.
    fn is_unseen(&self, table: u32, column: u32) -> bool {
        let seen = self.versions.range(..=self.noticed.version).next_back();
        seen.and_then(|(_, schema)| schema.find(table)).is_some_and(|table| table.column(column).is_none())
    }

    /// What was written at the main office and never seen by a run there goes with its column or table: nobody but its application knows it.
    fn destroy(&mut self, schema: &Schema) {
        let is_gone = |written: &Written| {
            let table = schema.find(written.identity.0);
            table.is_none_or(|table| written.column.is_some_and(|column| table.column(column).is_none()))
        };
        let unseen = self.written[self.noticed.written..].iter().filter(|written| written.site == 0 && is_gone(written));
        let unseen: Vec<String> = unseen.map(|written| written.value.clone()).collect();
        self.superseded.extend(unseen);
    }

    /// Remembers under which keys records are.
    pub fn observe(&mut self, records: &Records) {
        for (identity, row) in records {
            self.keys.entry(identity.clone()).or_default().insert(row.key.clone());
        }
    }

    /// What a transaction came to.
    fn count(&mut self, site: usize, was: &Seen, is: &Seen) {
        let (before, new, after) = (&was.records, &is.schema, &is.records);
        self.observe(before);
        self.observe(after);
        self.superseded.extend(self.own.count(site, was, is));
        for (identity, row) in before {
            // What goes with its table or column is nobody's delete.
            let Some(table) = new.find(identity.0) else { continue };
            let now = after.get(identity).filter(|now| now.tag == row.tag);
            if now.is_none() {
                self.deleted.push(Deleted { site, identity: identity.clone(), tag: row.tag.clone() });
                self.superseded.insert(row.tag.clone());
            }
            for (column, value) in row.texts.iter().filter(|(column, _)| table.column(**column).is_some()) {
                if now.is_none_or(|now| now.texts[column] != *value) {
                    self.superseded.insert(value.clone());
                }
            }
        }
        for (identity, row) in after {
            let was = before.get(identity).filter(|was| was.tag == row.tag);
            let table = new.table(identity.0);
            let mut write = |column: Option<u32>, name: &str, value: &String| {
                let (name, value) = (name.to_owned(), value.clone());
                let fills = column.is_some_and(|column| site == 0 && self.is_unseen(identity.0, column));
                self.written.push(Written { site, identity: identity.clone(), column, name, value, fills });
            };
            if was.is_none() {
                write(None, &table.tag().name, &row.tag);
            }
            for (number, value) in &row.texts {
                let column = table.column(*number).expect("it was read by this schema");
                let known = |was: &Row| was.texts.get(number).is_some_and(|was| was == value);
                if value.starts_with(CANARY) && !was.is_some_and(known) {
                    write(Some(*number), &column.name, value);
                }
            }
        }
    }
}

/// The version a database says that it has, and its records; in its place a complaint where it has another one. `made` is what may be there
/// beside it.
pub fn read(versions: &BTreeMap<i64, Schema>, made: &Made, connection: &Connection) -> rusqlite::Result<Result<Seen, String>> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let Some(schema) = versions.get(&version) else { return Ok(Err(format!("version {version}, which nobody made"))) };
    let mut there = tables(connection)?;
    let mut numbers: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
    let (mut records, mut own) = (Records::new(), Own::new());
    for table in &schema.tables {
        let wanted: BTreeSet<&String> = table.columns.iter().map(|column| &column.name).collect();
        let found = there.remove(&table.name).unwrap_or_default();
        let names = versions.values().filter_map(|schema| schema.find(table.number));
        let made_table = names.map(|table| table.name.to_ascii_lowercase()).any(|name| made.contains(&Thing::Table(name)));
        let is_own = |name: &String| made_table || made.contains(&Thing::Column(table.number, name.to_ascii_lowercase()));
        let more: Vec<&String> = found.iter().filter(|name| !wanted.contains(name)).collect();
        if wanted.iter().any(|name| !found.contains(name)) || !more.iter().all(|name| is_own(name)) {
            return Ok(Err(format!("version {version} with {found:?} in `{}` and not {wanted:?}", table.name)));
        }
        let names: Vec<String> =
            table.columns.iter().map(|column| &column.name).chain(more.iter().copied()).map(|name| quoted(name)).collect();
        let mut statement = connection.prepare(&format!("SELECT {} FROM {}", names.join(", "), quoted(&table.name)))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut record = Row { key: String::new(), tag: String::new(), texts: BTreeMap::new(), references: BTreeMap::new() };
            for (place, column) in table.columns.iter().enumerate() {
                let word = text_of(&row.get::<_, Value>(place)?);
                match column.role {
                    Role::Key => record.key = word,
                    Role::Tag => record.tag = word,
                    Role::Text => drop(record.texts.insert(column.number, word)),
                    Role::Refers(_) => drop(record.references.insert(column.number, word)),
                }
            }
            numbers.entry(table.number).or_default().insert(record.key.clone(), record.tag.clone());
            let name = if table.numbered { record.tag.clone() } else { record.key.clone() };
            for (place, column) in more.iter().enumerate() {
                let thing = Thing::Column(table.number, column.to_ascii_lowercase());
                own.insert((thing, name.clone(), (*column).clone()), text_of(&row.get::<_, Value>(wanted.len() + place)?));
            }
            records.insert((table.number, name), record);
        }
    }
    for (table, columns) in there {
        let thing = Thing::Table(table.to_ascii_lowercase());
        // What a site has in columns of its own stays where their table goes.
        if !made.contains(&thing) && !table.contains("_own") {
            return Ok(Err(format!("version {version} and a table `{table}`")));
        }
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let mut statement = connection.prepare(&format!("SELECT {}, {} FROM {}", names[0], names.join(", "), quoted(&table)))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for (place, column) in (1..).zip(&columns) {
                own.insert((thing.clone(), text_of(&row.get::<_, Value>(0)?), column.clone()), text_of(&row.get::<_, Value>(place)?));
            }
        }
    }
    // A reference to a handed-out number means the record that has it.
    for ((number, _), row) in &mut records {
        for column in &schema.table(*number).columns {
            if let Role::Refers(target) = column.role
                && schema.table(target).numbered
                && let Some(key) = row.references.get_mut(&column.number)
                && let Some(tag) = numbers.get(&target).and_then(|numbers| numbers.get(key))
            {
                key.clone_from(tag);
            }
        }
    }
    Ok(Ok(Seen { schema: schema.clone(), records, own }))
}

/// The tables of an application, and their columns.
fn tables(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Vec<String>>> {
    let sql = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
        AND m.name NOT LIKE '\\_fieldpost\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.name <> 'heard'";
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(found)
}

/// Makes the tables and what all sites begin with.
pub fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let schema = Schema::first();
    connection.execute_batch(&schema.sql())?;
    let mut next = 0;
    let mut doing = Doing { connection, schema: &schema, dice: Dice::new(1), next: &mut next, made: Made::new(), said: Vec::new() };
    schema.tables.iter().try_for_each(|table| (0..2).try_for_each(|_| doing.insert(table, None, "INSERT OR IGNORE")))
}

/// Values made while the database was filled are below this.
const FIRST_VALUE: u64 = 1_000;

/// Does one edit, all or nothing. Gives the SQL, or why it did not happen.
pub fn edit(site: usize, connection: &Connection, edit: Edit, deeds: &mut Deeds) -> String {
    let migrates = matches!(edit.what, What::Migrate | What::Unbar);
    if migrates && site > 0 {
        return "(the schema is the main office's)".into();
    }
    if matches!(edit.what, What::Own | What::MakeRoom) && site == 0 {
        return "(whatever the main office makes is everybody's)".into();
    }
    // Only outside of a transaction, and migration tools do so.
    let enforce = |on: &str| connection.execute_batch(&format!("PRAGMA foreign_keys = {on}"));
    if enforce(if migrates { "off" } else { "on" }).and_then(|()| connection.execute_batch("BEGIN IMMEDIATE")).is_err() {
        return "(not done: it is locked)".into();
    }
    let mut next = deeds.next.max(FIRST_VALUE);
    let mut said = Vec::new();
    let done = transaction(site, connection, edit, deeds, &mut next, &mut said).and_then(|done| {
        connection.execute_batch("COMMIT")?;
        Ok(done)
    });
    deeds.next = next;
    let said = said.join("; ");
    match done {
        Ok(Ok((before, after, made, migrated))) => {
            deeds.own.made.insert(site, made);
            deeds.count(site, &before, &after);
            if let Some((version, remade, renamed)) = migrated {
                deeds.destroy(&after.schema);
                deeds.versions.insert(version, after.schema);
                deeds.remade.extend(remade.into_iter().map(|number| (number, version)));
                deeds.renamed.extend(renamed.into_iter().map(|number| (number, version)));
            }
            if said.is_empty() { "(nothing to do)".into() } else { said }
        }
        Ok(Err(wrong)) => {
            deeds.wrong.push(format!("site {site} has {wrong}"));
            format!("(it has {wrong})")
        }
        Err(error) => {
            connection.execute_batch("ROLLBACK").ok();
            format!("(refused: {said}: {error})")
        }
    }
}

/// What was there before and after, what is the site's own, and what a migration made.
type Done = (Seen, Seen, Made, Option<Migrated>);
/// The next version, and what became of tables since the main office looked.
type Migrated = (i64, Vec<u32>, Vec<u32>);

fn transaction(
    site: usize,
    connection: &Connection,
    edit: Edit,
    deeds: &Deeds,
    next: &mut u64,
    said: &mut Vec<String>,
) -> rusqlite::Result<Result<Done, String>> {
    let made = deeds.made(site);
    let before = match read(&deeds.versions, &made, connection)? {
        Ok(before) => before,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let mut dice = Dice::new(edit.roll);
    if !matches!(edit.what, What::Migrate | What::Unbar) {
        let mut doing = Doing { connection, schema: &before.schema, dice, next, made, said: Vec::new() };
        let done = doing.edit(edit.what);
        said.append(&mut doing.said);
        done?;
        let made = doing.made;
        return Ok(read(&deeds.versions, &made, connection)?.map(|after| (before, after, made, None)));
    }
    let (mut remade, mut renamed) = (deeds.since_noticed(&deeds.remade), deeds.since_noticed(&deeds.renamed));
    let mut migration = Migration::on(&before.schema, deeds.names_since_noticed());
    if edit.what == What::Unbar {
        migration.unbar(&mut dice, &mut remade, &renamed);
    } else {
        for _ in 0..=dice.below(3) {
            migration.step(&mut dice, &mut remade, &mut renamed);
        }
        if dice.hit(15) {
            migration.bar(&mut dice, &mut remade, &renamed);
        }
    }
    for sql in &migration.sql {
        said.push(sql.clone());
        connection.execute_batch(sql)?;
    }
    let schema = migration.schema;
    let mut doing = Doing { connection, schema: &schema, dice, next, made: Made::new(), said: Vec::new() };
    let done = doing.fill(&migration.begin, &migration.fill);
    said.append(&mut doing.said);
    done?;
    let version = deeds.versions.last_key_value().expect("there is a first one").0 + 1;
    connection.execute_batch(&format!("PRAGMA user_version = {version}"))?;
    let versions = BTreeMap::from([(version, schema)]);
    Ok(read(&versions, &made, connection)?.map(|after| (before, after, made, Some((version, remade, renamed)))))
}

/// An edit in the making.
pub(super) struct Doing<'a> {
    pub connection: &'a Connection,
    pub schema: &'a Schema,
    pub dice: Dice,
    pub next: &'a mut u64,
    /// What this site made for itself.
    pub made: Made,
    pub said: Vec<String>,
}

impl Doing<'_> {
    fn edit(&mut self, what: What) -> rusqlite::Result<()> {
        let schema = self.schema;
        let table = &schema.tables[usize::try_from(self.dice.below(schema.tables.len() as u64)).expect("a small number")];
        match what {
            What::Insert | What::Line | What::Numbered | What::Together => self.insert(table, None, "INSERT"),
            What::Field | What::Undo => {
                let Some(key) = self.some_key(table)? else { return Ok(()) };
                let texts = table.texts();
                let column = texts[usize::try_from(self.dice.below(texts.len() as u64)).expect("a small number")];
                let value = self.fresh();
                self.update(table, &key, &column.name, value)
            }
            What::Many => {
                let texts = table.texts();
                let column = texts[usize::try_from(self.dice.below(texts.len() as u64)).expect("a small number")].name.clone();
                for key in self.keys(table)? {
                    let value = self.fresh();
                    self.update(table, &key, &column, value)?;
                }
                Ok(())
            }
            What::Reference | What::Swap => {
                let Some(key) = self.some_key(table)? else { return Ok(()) };
                for column in &table.columns {
                    if let Role::Refers(target) = column.role {
                        let value = if self.dice.hit(20) { None } else { self.some_key(schema.table(target))? };
                        self.update(table, &key, &column.name, value.unwrap_or(Value::Null))?;
                    }
                }
                Ok(())
            }
            What::Delete => {
                let Some(key) = self.some_key(table)? else { return Ok(()) };
                self.delete(table, &key)
            }
            What::Recreate => {
                let Some(key) = self.some_key(table)?.filter(|_| !table.numbered) else { return Ok(()) };
                self.delete(table, &key)?;
                self.insert(table, Some(key), "INSERT")
            }
            What::Replace => {
                let Some(key) = self.some_key(table)?.filter(|_| !table.numbered) else { return Ok(()) };
                self.insert(table, Some(key), "INSERT OR REPLACE")
            }
            What::Own => self.own(),
            What::MakeRoom => self.make_room(),
            // Of other databases, and what is not done here.
            What::MoveKey | What::Goods | What::Add | What::Migrate | What::Unbar => Ok(()),
        }
    }

    /// The first records of new tables, and what a migration writes into new columns.
    fn fill(&mut self, begin: &[u32], fill: &[(u32, u32)]) -> rusqlite::Result<()> {
        let schema = self.schema;
        for table in begin {
            for _ in 0..self.dice.below(3) {
                self.insert(schema.table(*table), None, "INSERT OR IGNORE")?;
            }
        }
        for (number, column) in fill {
            let table = schema.table(*number);
            let name = table.column(*column).expect("it was just made").name.clone();
            for key in self.keys(table)? {
                if self.dice.hit(50) {
                    let value = self.fresh();
                    self.update(table, &key, &name, value)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn fresh(&mut self) -> Value {
        *self.next += 1;
        Value::Text(format!("{CANARY}{}.", self.next))
    }

    pub(super) fn keys(&self, table: &Table) -> rusqlite::Result<Vec<Value>> {
        let key = quoted(&table.key().name);
        let mut statement = self.connection.prepare(&format!("SELECT {key} FROM {} ORDER BY 1", quoted(&table.name)))?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    pub(super) fn some_key(&mut self, table: &Table) -> rusqlite::Result<Option<Value>> {
        let keys = self.keys(table)?;
        let roll = self.dice.roll();
        Ok(if keys.is_empty() { None } else { Some(keys[usize::try_from(roll % keys.len() as u64).expect("a small number")].clone()) })
    }

    pub(super) fn update(&mut self, table: &Table, key: &Value, column: &str, value: Value) -> rusqlite::Result<()> {
        self.said.push(format!("{}[{}].{column} = {}", table.name, text_of(key), text_of(&value)));
        let (name, id) = (quoted(&table.name), quoted(&table.key().name));
        self.connection.execute(&format!("UPDATE {name} SET {} = ?1 WHERE {id} = ?2", quoted(column)), [&value, key]).map(drop)
    }

    fn delete(&mut self, table: &Table, key: &Value) -> rusqlite::Result<()> {
        self.said.push(format!("DELETE {}[{}]", table.name, text_of(key)));
        let (name, id) = (quoted(&table.name), quoted(&table.key().name));
        self.connection.execute(&format!("DELETE FROM {name} WHERE {id} = ?1"), [key]).map(drop)
    }

    /// Inserts a record; what it leaves out gets its default.
    fn insert(&mut self, table: &Table, key: Option<Value>, verb: &str) -> rusqlite::Result<()> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for column in &table.columns {
            let value = match column.role {
                Role::Key if table.numbered => continue,
                Role::Key => key.clone().unwrap_or_else(|| Value::Text(self.dice.pick(&KEYS).into())),
                Role::Tag => self.fresh(),
                Role::Text if self.dice.hit(70) => self.fresh(),
                Role::Text => continue,
                Role::Refers(target) if self.dice.hit(60) => self.some_key(self.schema.table(target))?.unwrap_or(Value::Null),
                Role::Refers(_) => continue,
            };
            names.push(quoted(&column.name));
            values.push(value);
        }
        let said: Vec<String> = names.iter().zip(&values).map(|(name, value)| format!("{name} {}", text_of(value))).collect();
        self.said.push(format!("{verb} {}({})", table.name, said.join(", ")));
        let marks = vec!["?"; values.len()].join(", ");
        let sql = format!("{verb} INTO {} ({}) VALUES ({marks})", quoted(&table.name), names.join(", "));
        self.connection.execute(&sql, params_from_iter(&values)).map(drop)
    }
}
