//! What of a bundle concerns the database: schema steps and rows?
//!
//! All of it happens in the caller's transaction. What each row was before is kept with what it became, also where that is the same, so
//! that going back is exact, and a row that was changed since is seen: an upgrade keeps it, going back refuses. Only what the bundle gives
//! counts: whoever fills in another column of a row is in nobody's way, until the row would go. A row has one bundle, or each would take what
//! the other writes for a change made here. What triggers of the application do because of rows: `besides`; the way back: `back`.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use serde::Serialize;

use super::back::{Nowhere, line, target};
use super::row::{Columns, Kept, Place, RowChange, of_part, shown, texts};
use super::{Install, Refusal, Scope, Step, besides, rows_of, states, steps};
use crate::bundle::{BundleName, Mode, Opened, RowsEntry, Runs, Version, read_rows};
use crate::database::{Dangling, Renamed, SameText};
use crate::model::Value;
use crate::packet::ContentHash;
use crate::rules::Direction;
use crate::sync::{Result, Session, SyncError};

/// A row, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowName {
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: String,
}

/// What was done to the database.
#[derive(Clone, Debug, Default)]
pub(super) struct Done {
    pub steps: Vec<Step>,
    pub rows: Vec<RowChange>,
    /// Rows that stay as they were changed here.
    pub kept: usize,
    /// Tables that have exactly these rows.
    pub replaced: BTreeSet<String>,
    /// The version of the schema that the rows were noted by.
    pub schema: Option<i64>,
}

/// No list has so many rows.
const ALL: usize = 1 << 40;

impl Scope {
    pub(super) const fn runs(self) -> Runs {
        match self {
            Self::Shared => Runs::AtHost,
            Self::Site => Runs::AtEach,
        }
    }
}

/// What earlier versions of a bundle put, and what is in the way of the new one.
struct Known {
    /// What they made of each row, under one place for what columns take for the same.
    put: BTreeMap<Place, RowChange>,
    /// Which texts are one to the columns that say which row it is, by table and column.
    same: BTreeMap<(String, String), SameText>,
    /// Tables of which some version had a list.
    listed: BTreeSet<String>,
    claims: Claims,
    others: Others,
    /// The columns of tables that there were before the steps of the new version, by what they are called now.
    stood: BTreeMap<String, Vec<String>>,
    /// The tables that travelled before them, likewise.
    tracked: BTreeSet<String>,
    now: Columns,
}

/// What other bundles have: rows, and whole tables.
pub(super) struct Others(Vec<Other>);

struct Other {
    name: BundleName,
    replaced: BTreeSet<String>,
    /// Its rows by table and key columns.
    rows: BTreeMap<(String, Vec<String>), BTreeSet<Vec<String>>>,
}

impl Others {
    /// What others than a bundle have of these tables, as it is called now.
    pub(super) fn of(session: &Session, scope: Scope, name: &BundleName, renamed: &[Renamed], tables: &BTreeSet<String>) -> Result<Self> {
        let mut others = Vec::new();
        for (name, state) in states(session, scope)?.into_iter().filter(|(other, _)| other != name) {
            let replaced = replaced(state.top(), renamed);
            let mut rows: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
            for ((table, key), row) in latest(session, scope, &name, &state.installs, renamed, &RowChange::place)? {
                if row.after.is_some() && tables.contains(&table) {
                    rows.entry((table, row.key)).or_default().insert(key);
                }
            }
            others.push(Other { name, replaced, rows });
        }
        Ok(Self(others))
    }

    /// The other bundle that has a row, or the whole table.
    pub(super) fn owner(&self, row: &RowChange) -> Option<&BundleName> {
        let table = row.table.to_lowercase();
        let has = |other: &&Other| {
            let keys = other.rows.iter().filter(|((of, _), _)| *of == table);
            other.replaced.contains(&table) || keys.into_iter().any(|((_, key), rows)| rows.contains(&texts(&row.values_of(key))))
        };
        self.0.iter().find(has).map(|other| &other.name)
    }

    /// The other bundle that has anything of a table.
    fn in_table(&self, table: &str) -> Option<&BundleName> {
        let has = |other: &&Other| other.replaced.contains(table) || other.rows.keys().any(|(of, _)| of == table);
        self.0.iter().find(has).map(|other| &other.name)
    }

    /// What a version that would be back has, in words, and another bundle has by now.
    pub(super) fn had(
        &self,
        session: &Session,
        scope: Scope,
        name: &BundleName,
        stays: &[Install],
    ) -> Result<Option<(String, BundleName)>> {
        let whole = stays.last().into_iter().flat_map(|top| &top.replaced);
        for table in whole {
            if let Some(by) = self.in_table(table) {
                return Ok(Some((format!("the whole table `{table}`"), by.clone())));
            }
        }
        let rows = latest(session, scope, name, stays, &[], &RowChange::place)?;
        Ok(rows.values().filter(|row| row.after.is_some()).find_map(|row| {
            let by = self.owner(row)?;
            Some((format!("the row {} of `{}`", shown(&row.key_values()), row.table), by.clone()))
        }))
    }
}

/// The tables of which some of these versions of a bundle had a list.
pub(super) fn listed(session: &Session, scope: Scope, name: &BundleName, installs: &[Install]) -> Result<BTreeSet<String>> {
    let mut listed: BTreeSet<String> = installs.iter().flat_map(|install| install.replaced.clone()).collect();
    for install in installs.iter().filter(|install| install.rows > 0) {
        listed.extend(rows_of(session, scope, name, install.version)?.into_iter().map(|row| row.table.to_lowercase()));
    }
    Ok(listed)
}

/// The tables that an install has wholly, as they are called now.
fn replaced(install: Option<&Install>, renamed: &[Renamed]) -> BTreeSet<String> {
    let mut replaced = install.map(|install| install.replaced.clone()).unwrap_or_default();
    renamed.iter().for_each(|one| rename_tables(&mut replaced, std::slice::from_ref(one)));
    replaced
}

impl Known {
    /// `renamed`: what steps of the new version called otherwise; `stood`: the columns of tables before them.
    fn of(
        session: &Session,
        opened: &Opened,
        scope: Scope,
        before: &[Install],
        renamed: &[Renamed],
        stood: BTreeMap<String, Vec<String>>,
    ) -> Result<Self> {
        let name = &opened.manifest.name;
        let mut same = BTreeMap::new();
        for entry in &opened.manifest.rows {
            for column in &entry.key {
                let text = session.database()?.same_text(&entry.table, column)?;
                same.insert((entry.table.to_lowercase(), column.to_lowercase()), text);
            }
        }
        let put = latest(session, scope, name, before, renamed, &|row| place_of(&same, row))?;
        let tables: BTreeSet<String> = opened.manifest.rows.iter().map(|entry| entry.table.to_lowercase()).collect();
        let others = Others::of(session, scope, name, renamed, &tables)?;
        let mut listed = listed(session, scope, name, before)?;
        renamed.iter().for_each(|one| rename_tables(&mut listed, std::slice::from_ref(one)));
        let stood = stood.into_iter().map(|(table, columns)| {
            let mut row = RowChange { table, columns, ..RowChange::default() };
            renamed.iter().for_each(|one| row.rename(std::slice::from_ref(one)));
            (row.table.to_lowercase(), row.columns)
        });
        let mut tracked = session.shapes.iter().map(|shape| shape.name.to_lowercase()).collect();
        renamed.iter().for_each(|one| rename_tables(&mut tracked, std::slice::from_ref(one)));
        let claims = Claims::of(session, scope, name, renamed)?;
        Ok(Self { put, same, listed, claims, others, stood: stood.collect(), tracked, now: Columns::default() })
    }

    /// Takes what a list of the new version did for what versions put.
    fn follow(&mut self, rows: &[RowChange]) {
        for row in rows.iter().filter(|row| !row.listed) {
            let place = self.place(row);
            let earlier = self.put.remove(&place);
            self.put.insert(place, row.clone().over(earlier));
        }
    }

    /// Which of the columns of a table steps of the new version made; none of a table that they made.
    fn made(&self, table: &str, columns: &[String]) -> Vec<String> {
        let Some(stood) = self.stood.get(&table.to_lowercase()) else { return Vec::new() };
        columns.iter().filter(|name| !stood.iter().any(|column| column.eq_ignore_ascii_case(name))).cloned().collect()
    }

    /// Where the records of a table go, in whatever case its name is typed, and also where a step has only just made it; none where there is no
    /// such table.
    fn direction(&self, session: &Session, typed: &str) -> Result<Option<Direction>> {
        let (database, table) = (session.database()?, typed.to_lowercase());
        let Some(name) = database.table_names()?.into_iter().find(|name| name.eq_ignore_ascii_case(typed)) else { return Ok(None) };
        let is_new = || Ok::<_, SyncError>(!self.stood.contains_key(&table) && database.has_key(&name, session.rules.key(&name))?);
        let travels = self.tracked.contains(&table) || is_new()?;
        Ok(Some(if travels { session.rules.table(&name).direction } else { Direction::None }))
    }

    /// Where a row is among its like.
    fn place(&self, row: &RowChange) -> Place {
        place_of(&self.same, row)
    }
}

/// Rows that other bundles list besides, where these only add.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<(String, Vec<String>), BTreeMap<Vec<String>, Claim>>);

/// A row that another bundle lists besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub bundle: BundleName,
    /// The version that noted it.
    pub version: Version,
    /// Where it is among its rows.
    pub place: Place,
}

impl Claims {
    /// Those on rows of a bundle.
    pub(super) fn of(session: &Session, scope: Scope, name: &BundleName, renamed: &[Renamed]) -> Result<Self> {
        let mut claims = Self::default();
        for (bundle, state) in states(session, scope)?.into_iter().filter(|(other, _)| other != name) {
            for version in state.installs.iter().map(|install| install.version) {
                for mut row in rows_of(session, scope, &bundle, version)?.into_iter().filter(|row| row.listed) {
                    let place = row.place();
                    renamed.iter().for_each(|one| row.rename(std::slice::from_ref(one)));
                    let (table, which) = row.place();
                    let claim = || Claim { bundle: bundle.clone(), version, place };
                    claims.0.entry((table, row.key)).or_default().entry(which).or_insert_with(claim);
                }
            }
        }
        Ok(claims)
    }

    /// The first one on a row.
    pub(super) fn on(&self, row: &RowChange) -> Option<&Claim> {
        let table = row.table.to_lowercase();
        let claims = self.0.iter().filter(|((of, _), _)| *of == table);
        claims.into_iter().find_map(|((_, key), rows)| rows.get(&texts(&row.values_of(key))))
    }
}

fn place_of(same: &BTreeMap<(String, String), SameText>, row: &RowChange) -> Place {
    let (table, texts) = row.place();
    // Rows that their key does not tell apart are told apart by all that is in them, in the case of letters too.
    if row.alike > 0 { (table, texts) } else { one_place(same, table, &row.key, texts) }
}

fn one_place(same: &BTreeMap<(String, String), SameText>, table: String, key: &[String], texts: Vec<String>) -> Place {
    let one =
        |(column, text): (&String, String)| same.get(&(table.clone(), column.to_lowercase())).map_or(text.clone(), |same| same.of(&text));
    let texts = key.iter().zip(texts).map(one).collect();
    (table, texts)
}

/// What installs of a bundle made of each row.
fn latest(
    session: &Session,
    scope: Scope,
    name: &BundleName,
    installs: &[Install],
    renamed: &[Renamed],
    place: &dyn Fn(&RowChange) -> Place,
) -> Result<BTreeMap<Place, RowChange>> {
    let mut latest = BTreeMap::new();
    for install in installs {
        for mut row in rows_of(session, scope, name, install.version)?.into_iter().filter(|row| !row.listed) {
            renamed.iter().for_each(|one| row.rename(std::slice::from_ref(one)));
            let place = place(&row);
            let earlier = latest.remove(&place);
            latest.insert(place, row.over(earlier));
        }
    }
    Ok(latest)
}

/// Follows what is called otherwise by now, all of it at once.
pub(super) fn rename_tables(tables: &mut BTreeSet<String>, renamed: &[Renamed]) {
    let now = |table: &String| renamed.iter().find(|one| one.before.eq_ignore_ascii_case(table)).map(|one| one.now.to_lowercase());
    *tables = tables.iter().map(|table| now(table).unwrap_or_else(|| table.clone())).collect();
}

/// Carries out steps and rows of a scope; `before` are the installs below.
pub(super) fn carry_out(session: &Session, opened: &Opened, scope: Scope, before: &[Install]) -> Result<Done> {
    let manifest = &opened.manifest;
    if !manifest.runs(scope.runs()) {
        return Ok(Done::default());
    }
    let database = session.database()?;
    let counted =
        |all: Vec<Dangling>| all.into_iter().map(|one| ((one.table.clone(), target(&one)), one.count)).collect::<BTreeMap<_, _>>();
    let (dangling, mut nowhere) = (counted(database.dangling_records()?), Nowhere::of(session)?);
    loop {
        database.begin_attempt()?;
        let done = write_all(session, opened, scope, before)?;
        let is_more = |one: &Dangling| dangling.get(&(one.table.clone(), target(one))).is_none_or(|before| *before < one.count);
        if let Some(first) = database.dangling_records()?.into_iter().find(is_more) {
            let words = format!("{}, the first is {}", super::DANGLING, line(&first));
            return Err(Refusal::Database { part: manifest.name.to_string(), words }.into());
        }
        let by_rules = nowhere.more(session)?;
        if by_rules.is_empty() {
            database.keep_attempt()?;
            return Ok(done);
        }
        database.undo_attempt()?;
        let led = nowhere.led(session, by_rules)?;
        if let Some(first) = led.first() {
            return Err(Refusal::RowsReferred { count: led.len(), first: line(first) }.into());
        }
    }
}

fn write_all(session: &Session, opened: &Opened, scope: Scope, before: &[Install]) -> Result<Done> {
    let (manifest, database, mut done) = (&opened.manifest, session.database()?, Done::default());
    let stood = database.ordinary_tables()?;
    let mut renamed = Vec::new();
    for entry in manifest.steps.iter().filter(|step| step.runs == scope.runs()) {
        match before.iter().flat_map(|install| &install.steps).find(|carried| carried.file == entry.file) {
            Some(carried) if ContentHash::of(carried.up.as_bytes()) == entry.up.hash => continue,
            Some(_) => return Err(Refusal::StepChanged(entry.file.clone()).into()),
            None => {}
        }
        let text = |content| -> Result<String> {
            let bytes = opened.bytes(content).map_err(Refusal::from)?;
            Ok(String::from_utf8(bytes).map_err(|_| Refusal::Database { part: entry.file.clone(), words: "it is no text".to_owned() })?)
        };
        let step = Step { file: entry.file.clone(), up: text(entry.up)?, down: entry.down.map(text).transpose()? };
        renamed.extend(steps::carry_out(session, scope, &step)?);
        done.steps.push(step);
    }
    let mut known = Known::of(session, opened, scope, before, &renamed, stood)?;
    let entries: Vec<&RowsEntry> = manifest.rows.iter().filter(|entry| entry.runs == scope.runs()).collect();
    let mut listed: BTreeMap<String, Listed> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        let (file, table) = (entry.file.clone(), entry.table.clone());
        match (scope, known.direction(session, &entry.table)?) {
            (Scope::Site, Some(Direction::Both | Direction::Up | Direction::Down)) => return Err(Refusal::Travels { file, table }.into()),
            (Scope::Shared, Some(Direction::None)) => return Err(Refusal::Stays { file, table }.into()),
            (Scope::Shared, Some(Direction::Up)) => return Err(Refusal::GoesUp { file, table }.into()),
            (Scope::Shared, Some(Direction::Both | Direction::Down) | None) | (Scope::Site, Some(Direction::None) | None) => {}
        }
        // What no list of the table has goes with its last one.
        let of_table = |one: &&&RowsEntry| one.table.eq_ignore_ascii_case(&entry.table);
        let is_last = !entries[place + 1..].iter().any(|one| of_table(&one));
        let whole = entries.iter().filter(of_table).find(|one| is_last && one.mode == Mode::Replace).copied();
        let start = done.rows.len();
        List { session, opened, entry, known: &known, whole }.carry_out(&mut done, listed.entry(table.to_lowercase()).or_default())?;
        if !is_last {
            known.follow(&done.rows[start..]);
        }
    }
    done.schema = Some(database.schema_version()?);
    Ok(done)
}

/// Rows of a table that lists have, by the columns that say which row it is.
type Listed = BTreeMap<Vec<String>, BTreeSet<Place>>;

/// One list of rows on its way into the database.
struct List<'l> {
    session: &'l Session,
    opened: &'l Opened,
    entry: &'l RowsEntry,
    known: &'l Known,
    /// The list with which the table has only what is listed, where this is the table's last list.
    whole: Option<&'l RowsEntry>,
}

/// What a list writes into.
struct Into {
    columns: Vec<String>,
    made: Vec<String>,
    given: Vec<String>,
}

/// A row that the database does not take yet.
struct Late {
    words: String,
    place: Place,
}

/// A row of a list, its key, and what the columns make of that.
type Cells<'c> = (&'c [Value], &'c [Value], &'c [Value]);

impl List<'_> {
    fn carry_out(&self, done: &mut Done, listed: &mut Listed) -> Result<()> {
        let trial = || -> Result<Vec<RowChange>> {
            let mut trial = Done::default();
            self.write(&mut trial, &mut listed.clone())?;
            Ok(trial.rows)
        };
        if let Some(what) = besides::there_and_back(self.session, &self.entry.table, trial)? {
            return Err(Refusal::RowsWayBack { file: self.entry.file.clone(), what }.into());
        }
        self.write(done, listed)
    }

    fn write(&self, done: &mut Done, listed: &mut Listed) -> Result<()> {
        let (database, entry) = (self.session.database()?, self.entry);
        let bytes = self.opened.bytes(entry.content).map_err(Refusal::from)?;
        let list = read_rows(entry.form, &bytes, &entry.key).map_err(|words| self.refusal(words))?;
        let columns = database.writable_columns(&entry.table)?;
        let columns = columns.ok_or_else(|| self.refusal(format!("there is no table `{}`", entry.table)))?;
        if entry.runs == Runs::AtHost {
            self.travel_all(&list.columns)?;
        }
        let into = Into { made: self.known.made(&entry.table, &columns), columns, given: list.columns };
        let place = |name: &String| into.given.iter().position(|column| column == name);
        let keys: Vec<Vec<Value>> =
            list.rows.iter().map(|values| entry.key.iter().filter_map(|name| Some(values[place(name)?].clone())).collect()).collect();
        // Of a row that is not there the database cannot say what its columns make of the key.
        let stored = if self.known.put.is_empty() { keys.clone() } else { database.as_stored(&entry.table, &entry.key, &keys)? };
        let cells = |number: usize| (list.rows[number].as_slice(), keys[number].as_slice(), stored[number].as_slice());
        let (mut own, mut late) = (BTreeSet::new(), Vec::new());
        for number in 0..list.rows.len() {
            late.extend(self.put(&into, cells(number), &mut own, done)?.err().map(|late| (number, late)));
        }
        let places = listed.entry(entry.key.clone()).or_default();
        places.append(&mut own);
        places.extend(late.iter().map(|(_, late)| late.place.clone()));
        if let Some(whole) = self.whole {
            List { entry: whole, ..*self }.take_away(&into, listed, done)?;
            done.replaced.insert(entry.table.to_lowercase());
        }
        // A value that only one row may have changes hands: as long as one more row gets in, the others may, too.
        while !late.is_empty() {
            let before = late.len();
            let mut again = Vec::new();
            for (number, _) in late {
                again.extend(self.put(&into, cells(number), &mut own, done)?.err().map(|late| (number, late)));
            }
            if again.len() == before {
                return Err(self.refusal(again.remove(0).1.words));
            }
            late = again;
        }
        Ok(())
    }

    /// Writes a row of the list, unless it stays as it is; inside, why the database does not take it.
    fn put(
        &self,
        into: &Into,
        (values, key, would): Cells<'_>,
        own: &mut BTreeSet<Place>,
        done: &mut Done,
    ) -> Result<std::result::Result<(), Late>> {
        let (database, entry) = (self.session.database()?, self.entry);
        let key: Vec<(String, Value)> = entry.key.iter().cloned().zip(key.iter().cloned()).collect();
        let mut row = RowChange {
            table: entry.table.clone(),
            key: entry.key.clone(),
            given: into.given.clone(),
            columns: into.columns.clone(),
            before: self.find(&into.columns, &key)?.map(Kept),
            made: into.made.clone(),
            ..RowChange::default()
        };
        let stored = match &row.before {
            Some(_) => self.known.place(&row),
            None => {
                let place = |texts| one_place(&self.known.same, entry.table.to_lowercase(), &entry.key, texts);
                let would = place(would.iter().map(ToString::to_string).collect());
                // A column of a STRICT table that takes anything makes nothing of it.
                if self.known.put.contains_key(&would) { would } else { place(texts(&key)) }
            }
        };
        if !own.insert(stored.clone()) {
            return Err(self.refusal(format!("has the key {} twice, as `{}` sees it", shown(&key), entry.table)));
        }
        let last = self.known.put.get(&stored);
        if let Some(last) = last
            && !last.is_as_put(self.session, &self.known.now, &row)?
        {
            if row.before.is_some() && of_part(&entry.file, database.row_holds(&entry.table, &key, &into.given, values)?)? {
                // Somebody made it what this version has: the version's from now on, as a file is.
                self.unowned(&row)?;
                row.after.clone_from(&row.before);
                done.rows.push(row);
            } else {
                done.kept += 1;
            }
            return Ok(Ok(()));
        }
        if row.before.is_some() && entry.mode == Mode::Insert {
            if last.is_none() {
                row.after.clone_from(&row.before);
                row.listed = true;
                done.rows.push(row);
            }
            return Ok(Ok(()));
        }
        let said = match &row.before {
            Some(_) => self.unowned(&row).map(|()| database.set_row(&entry.table, &into.given, values, &key))?,
            None => database.add_row(&entry.table, &into.given, values),
        };
        let of_row = |words| format!("the row {} of `{}`: {words}", shown(&key), entry.table);
        if let Err(words) = said? {
            own.remove(&stored);
            return Ok(Err(Late { words: of_row(words), place: stored }));
        }
        row.after = self.find(&into.columns, &key)?.map(Kept);
        if row.after.is_none() {
            return Err(
                self.refusal(of_row("once it is written it is not there: a trigger of the application gives it another key".to_owned()))
            );
        }
        if row.before.is_none() {
            self.unowned(&row)?;
        }
        own.insert(self.known.place(&row));
        done.rows.push(row);
        Ok(Ok(()))
    }

    /// Rows that the list does not have. Once some version had a list of the table, only what versions put goes, where nobody changed it: what
    /// else is there was added by others, and nobody can say when.
    fn take_away(&self, into: &Into, listed: &Listed, done: &mut Done) -> Result<()> {
        let (database, table, columns) = (self.session.database()?, &self.entry.table, &into.columns);
        let mut goes: Vec<RowChange> = Vec::new();
        // Rows that their key does not tell apart, by all that is in them, with their place among those that go.
        let mut known: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for values in of_part(&self.entry.file, database.rows_of(table, columns, &[], ALL)?)? {
            let mut gone = RowChange {
                table: table.clone(),
                key: self.entry.key.clone(),
                columns: columns.clone(),
                before: Some(Kept(values)),
                made: into.made.clone(),
                ..RowChange::default()
            };
            let place = self.known.place(&gone);
            let is_of = |(key, places): (&Vec<String>, &BTreeSet<Place>)| {
                let by_key = || one_place(&self.known.same, place.0.clone(), key, texts(&gone.values_of(key)));
                places.contains(&if *key == gone.key { place.clone() } else { by_key() })
            };
            if listed.iter().any(is_of) {
                continue;
            }
            self.unowned(&gone)?;
            let ours = match self.known.put.get(&place) {
                Some(last) => last.is_all_of(self.session, &self.known.now, &gone, |_| true)?,
                None => !self.known.listed.contains(&table.to_lowercase()),
            };
            if !ours || self.known.claims.on(&gone).is_some() {
                done.kept += 1;
                continue;
            }
            let same = of_part(&self.entry.file, database.rows_of(table, columns, &gone.key_values(), 2)?)?.len();
            if same > 1 {
                match known.entry(gone.bytes()) {
                    Entry::Occupied(first) => {
                        goes[*first.get()].alike += 1;
                        continue;
                    }
                    Entry::Vacant(first) => drop(first.insert(goes.len())),
                }
                gone.alike = 1;
            }
            goes.push(gone);
        }
        for gone in &goes {
            of_part(&self.entry.file, gone.take_away(self.session)?)?;
        }
        done.rows.append(&mut goes);
        Ok(())
    }

    /// Refuses columns that the rules keep at each site: only the main office would get what the list gives for them.
    fn travel_all(&self, given: &[String]) -> Result<()> {
        let (file, table) = (&self.entry.file, &self.entry.table);
        let name = self.session.database()?.table_names()?.into_iter().find(|name| name.eq_ignore_ascii_case(table));
        let local = name.map(|name| self.session.rules.table(&name).local.clone()).unwrap_or_default();
        match given.iter().find(|column| local.iter().any(|local| local.eq_ignore_ascii_case(column))) {
            Some(column) => Err(Refusal::ColumnStays { file: file.clone(), table: table.clone(), column: column.clone() }.into()),
            None => Ok(()),
        }
    }

    /// The one row with a key, if there is one.
    fn find(&self, columns: &[String], key: &[(String, Value)]) -> Result<Option<Vec<Value>>> {
        let table = &self.entry.table;
        let mut found = of_part(&self.entry.file, self.session.database()?.rows_of(table, columns, key, 2)?)?;
        let one = found.pop();
        if found.is_empty() { Ok(one) } else { Err(self.refusal(format!("several rows of `{table}` have the key {}", shown(key)))) }
    }

    /// Two bundles would each take the other's row for a change made here.
    fn unowned(&self, row: &RowChange) -> Result<()> {
        let Some(by) = self.known.others.owner(row) else { return Ok(()) };
        let (file, table, key) = (self.entry.file.clone(), self.entry.table.clone(), shown(&row.key_values()));
        Err(Refusal::RowOwned { file, table, key, by: by.clone() }.into())
    }

    fn refusal(&self, words: String) -> SyncError {
        Refusal::Database { part: self.entry.file.clone(), words }.into()
    }
}

/// Rows that were changed since installs put them, as table and key.
pub(super) fn changed(session: &Session, scope: Scope, name: &BundleName, installs: &[Install]) -> Result<Vec<RowName>> {
    let (mut found, now) = (Vec::new(), Columns::default());
    for row in latest(session, scope, name, installs, &[], &RowChange::place)?.into_values() {
        if !row.stands(session, &now)? {
            found.push(RowName { key: shown(&row.key_values()), table: row.table });
        }
    }
    Ok(found)
}
