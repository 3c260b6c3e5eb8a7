//! What `rules.toml` keeps at home goes by its name. What becomes of it when the application calls it otherwise? It stays home, and a person
//! is asked.
//!
//! Asked where this site's own database says what travels: at the main office, and at every site where schemas do not travel. Elsewhere only
//! what was told travels ([`super::own`]).
//!
//! **States**: at home by the rules → *missing*, and in the same look something came that was not there before (a column of that table; a table,
//! where a table is missing): that is *kept* home too, in the commit in which tracking follows, and asked about in every round → *named* in the
//! rules: those keep it; or *freed* by a person: the commit of the next look lets it travel. One that is gone is kept no longer; one that is called
//! otherwise again is what came then. The other way round, what was at home and is called otherwise in the rules before the application does so
//! is kept as well. **Crash points**: none beside that commit and the one of the answer.
//!
//! **Invariant**: what was at home at the last look, and what may be it under another name, does not travel before somebody says so: where nobody
//! answers, never. **Worst mistake this is built against**: a column of private notes is renamed, and every site has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::hints::Unclear;
use crate::database::Database;
use crate::ledger::Ledger;
use crate::model::FieldNo;
use crate::rules::{Direction, Rules};
use crate::site::Role;
use crate::sync::mend::MendError;
use crate::sync::report::Waiting;
use crate::sync::tracking::evolve::same_name;
use crate::sync::{Result, Session, SyncError};

/// Note of what was there, and what of it at home, at the last look; empty where the rules keep nothing at home.
const SEEN: &str = "home seen";
/// Note of what is kept.
const KEPT: &str = "home kept";

/// Why a table that is kept does not travel.
pub(in crate::sync) const WHY: &str = "what rules.toml keeps at home is gone, and this may be it";

/// A table, or one of its columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Named {
    /// The table.
    pub table: String,
    /// The column; none for the table itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// What stays home because it may be what the rules keep there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The table, of columns; none of tables.
    pub table: Option<String>,
    /// What the rules keep at home and is missing.
    pub gone: BTreeSet<Named>,
    /// What is kept.
    pub came: BTreeSet<String>,
    /// What a person let go, until the next look.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    freed: BTreeSet<String>,
    /// Columns that travelled and went in the same look: what is kept may as well be one of these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    went: BTreeSet<String>,
}

/// The last look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    tables: BTreeSet<String>,
    /// Tables at home.
    home: BTreeSet<String>,
    /// Tables that the rules keep at home, there or not.
    named: BTreeSet<String>,
    /// Tables with columns at home.
    columns: BTreeMap<String, SeenColumns>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SeenColumns {
    all: BTreeSet<String>,
    home: BTreeSet<String>,
    named: BTreeSet<String>,
    /// Those at home that travelled before, under the same name: as which fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, FieldNo>,
}

/// The application's tables with their columns.
pub(in crate::sync) type There = BTreeMap<String, Vec<String>>;

/// What tracking knows of a table.
#[derive(Clone, Debug, Default)]
pub(in crate::sync) struct Tracked {
    /// Columns that travel or cannot stay: those of before under whatever name, and the key.
    pub travel: Vec<String>,
    /// Columns that are gone, and nothing shows under which name.
    pub went: Vec<String>,
    /// Columns that may be others under the names of some that travelled.
    pub others: Vec<String>,
    /// Those of which records show it that nobody touched.
    pub untouched: Vec<String>,
}

/// Who asks what tracking knows.
pub(in crate::sync) trait Knows {
    /// The name at the last look, of a table that was tracked then.
    fn before(&self, table: &str) -> Option<&str>;
    /// Whether a table was tracked under this name and has another one now.
    fn has_left(&self, table: &str) -> bool;
    /// The fields of a table that travelled at the last look, by name.
    fn fields(&self, table: &str) -> BTreeMap<String, FieldNo>;
    /// Whether a table may be another one under the name of one that was tracked.
    fn is_other(&self, table: &str) -> Result<bool>;
    /// What is known of its columns.
    fn tracked(&self, table: &str) -> Result<Tracked>;
}

/// What a look found.
#[derive(Debug, Default)]
pub(in crate::sync) struct Look {
    there: There,
    kept: Vec<Kept>,
    /// Columns at home that travelled before, and those that do so again: by table, as which fields.
    fields: BTreeMap<String, BTreeMap<String, FieldNo>>,
    back: BTreeMap<String, Vec<(FieldNo, String)>>,
    /// What is asked about columns that travelled, now that something is kept no more.
    pub unclear: Vec<Unclear>,
}

impl Named {
    fn column(table: &str, column: &str) -> Self {
        Self { table: table.to_owned(), column: Some(column.to_owned()) }
    }

    fn table(table: &str) -> Self {
        Self { table: table.to_owned(), column: None }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "`{column}` of `{}`", self.table),
            None => write!(f, "table `{}`", self.table),
        }
    }
}

impl Kept {
    fn is_named(&self, came: &str, written: &Rules) -> bool {
        match &self.table {
            Some(table) => has(&written.table(table).local, came),
            None => written.table(came).direction == Direction::None || !written.table(came).local.is_empty(),
        }
    }

    /// Whether the rules name as much of what came as is gone: then the rest is something else.
    fn is_answered(&self, written: &Rules) -> bool {
        self.came.iter().filter(|came| self.is_named(came, written)).count() >= self.gone.len()
    }

    /// What it keeps beside what the rules do.
    fn keeps(&self, written: &Rules) -> Vec<String> {
        if self.is_answered(written) {
            return Vec::new();
        }
        self.came.iter().filter(|came| !self.is_named(came, written)).cloned().collect()
    }

    /// As a person reads what is kept.
    fn what(&self) -> Vec<String> {
        let named = |came: &String| match &self.table {
            Some(table) => Named::column(table, came).to_string(),
            None => Named::table(came).to_string(),
        };
        self.came.iter().map(named).collect()
    }

    /// Where the rules would name it: the keys that lead there, outermost first.
    #[must_use]
    pub fn place(&self) -> Vec<String> {
        let table = self.table.as_deref().or_else(|| self.gone.first().map(|gone| gone.table.as_str())).unwrap_or_default();
        ["tables", table, "local"].map(str::to_owned).to_vec()
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gone: Vec<String> = self.gone.iter().map(ToString::to_string).collect();
        let is = if gone.len() == 1 { "may have another name" } else { "may have other names" };
        let (gone, what, first) = (gone.join(" and "), self.what().join(" and "), self.came.first().cloned().unwrap_or_default());
        let stay = if self.came.len() == 1 { "stays" } else { "stay" };
        write!(f, "rules.toml keeps {gone} at home, which {is}: {what} {stay} home too, until you say which it is: ")?;
        match &self.table {
            Some(table) => write!(
                f,
                "name it in rules.toml ([tables.{table}] local = [\"{first}\"]), or 'fieldpost schema hint --new {table} {first}' lets it travel"
            ),
            None => {
                write!(f, "name it in rules.toml ([tables.{first}] local = true), or 'fieldpost schema hint --new {first}' lets it travel")
            }
        }
    }
}

impl Look {
    /// What stays home from now on.
    ///
    /// # Errors
    /// As database and ledger say.
    pub(in crate::sync) fn of(session: &Session, there: There, knows: &dyn Knows) -> Result<Self> {
        let ledger = &session.ledger;
        let (seen, before, written) = (seen(ledger)?, kept(ledger)?, &session.written_rules);
        let mut look = Self { there, ..Self::default() };
        for table in look.there.keys() {
            let columns = Columns { table, here: &look.there[table], written, seen: &seen, before: &before };
            let (kept, unclear) = columns.look(knows)?;
            look.kept.extend(kept);
            look.unclear.extend(unclear);
        }
        look.kept.extend(tables(&look.there, written, &seen, &before, knows)?);
        look.remember(&seen, written, knows);
        // Where the schema does not travel no child drops a column because of another one.
        if session.settings.role != Role::Host || !session.rules.schema_travels() {
            look.unclear.clear();
            look.kept.iter_mut().for_each(|kept| kept.went.clear());
        }
        Ok(look)
    }

    /// Where what was told says what travels, nothing else is kept.
    pub(in crate::sync) fn of_told(there: There) -> Self {
        Self { there, ..Self::default() }
    }

    /// A column that was at home and is there under the same name is the one that travelled before it was: no other name ever had it.
    fn remember(&mut self, seen: &Seen, written: &Rules, knows: &dyn Knows) {
        let rules = self.rules(written);
        for (table, here) in &self.there {
            let former = seen.columns.get(knows.before(table).unwrap_or(table));
            let mut known = former.map(|was| was.fields.clone()).unwrap_or_default();
            known.extend(knows.fields(table));
            known.retain(|name, _| here.contains(name));
            let (home, back): (BTreeMap<_, _>, BTreeMap<_, _>) =
                known.into_iter().partition(|(name, _)| has(&rules.table(table).local, name));
            let was_home = |name: &String| former.is_some_and(|was| was.fields.contains_key(name));
            let back: Vec<(FieldNo, String)> =
                back.into_iter().filter(|(name, _)| was_home(name)).map(|(name, field)| (field, name)).collect();
            self.fields.insert(table.clone(), home);
            self.back.insert(table.clone(), back);
        }
    }

    /// Fields of a table that travel again.
    pub(in crate::sync) fn back(&self, table: &str) -> &[(FieldNo, String)] {
        self.back.get(table).map_or(&[], Vec::as_slice)
    }

    /// The rules with what is kept.
    pub(in crate::sync) fn rules(&self, written: &Rules) -> Rules {
        over(written, &self.kept)
    }

    /// Whether a table is kept.
    pub(in crate::sync) fn keeps(&self, table: &str) -> bool {
        self.kept.iter().any(|kept| kept.table.is_none() && kept.came.contains(table))
    }

    /// Writes it down in the open transaction of the ledger.
    pub(in crate::sync) fn note(&self, session: &Session) -> Result<()> {
        let written = &session.written_rules;
        let mut seen = Seen::of(&self.there, &self.rules(written), written);
        for (table, columns) in &mut seen.columns {
            columns.fields = self.fields.get(table).cloned().unwrap_or_default();
        }
        note_seen(&session.ledger, &seen)?;
        set_kept(&session.ledger, &self.kept)
    }
}

impl Seen {
    fn of(there: &There, rules: &Rules, written: &Rules) -> Self {
        let is_home = |table: &&String| rules.table(table).direction == Direction::None;
        let home: BTreeSet<String> = there.keys().filter(is_home).cloned().collect();
        let columns = there.iter().filter_map(|(table, columns)| {
            let local = &rules.table(table).local;
            let home: BTreeSet<String> = columns.iter().filter(|column| has(local, column)).cloned().collect();
            let named = written.table(table).local.iter().cloned().collect();
            (!home.is_empty())
                .then(|| (table.clone(), SeenColumns { all: columns.iter().cloned().collect(), home, named, fields: BTreeMap::new() }))
        });
        let columns: BTreeMap<String, SeenColumns> = columns.collect();
        if home.is_empty() && columns.is_empty() {
            return Self::default();
        }
        let named = written.tables().filter(|(_, rule)| rule.direction == Direction::None).map(|(table, _)| table.to_owned()).collect();
        Self { tables: there.keys().cloned().collect(), home, named, columns }
    }
}

/// A look at the columns of a table.
struct Columns<'l> {
    table: &'l String,
    here: &'l [String],
    written: &'l Rules,
    seen: &'l Seen,
    before: &'l [Kept],
}

impl Columns<'_> {
    fn look(&self, knows: &dyn Knows) -> Result<(Option<Kept>, Vec<Unclear>)> {
        let sources: BTreeSet<&str> = [self.table.as_str()].into_iter().chain(knows.before(self.table)).collect();
        let earlier: Vec<&Kept> = self.before.iter().filter(|kept| kept.table.as_deref().is_some_and(|of| sources.contains(of))).collect();
        let was_asked = |column: &String| earlier.iter().any(|kept| has(&kept.came, column) || has(&kept.freed, column));
        let open = || earlier.iter().filter(|kept| !kept.is_answered(self.written));
        let is_open = |column: &String| open().any(|kept| has(&kept.came, column));
        let is_here = |column: &&String| has(self.here, column);
        let named = &self.written.table(self.table).local;
        let mut one = Kept { table: Some(self.table.clone()), ..Kept::default() };
        let mut freed: BTreeSet<String> = BTreeSet::new();
        let mut went: BTreeSet<String> = BTreeSet::new();
        for kept in &earlier {
            freed.extend(kept.freed.iter().filter(is_here).cloned());
            went.extend(kept.went.iter().cloned());
            let came = kept.came.iter().filter(is_here).cloned();
            if kept.is_answered(self.written) {
                freed.extend(came);
            } else {
                one.gone.extend(kept.gone.iter().cloned());
                one.came.extend(came);
            }
        }
        let mut tracked: Option<Tracked> = None;
        for source in sources {
            let Some(was) = self.seen.columns.get(source) else { continue };
            let (here, missing): (Vec<&String>, Vec<&String>) = was.home.iter().partition(is_here);
            if !missing.is_empty() {
                let known = match tracked.take() {
                    Some(known) => known,
                    None => knows.tracked(self.table)?,
                };
                let is_new = |column: &&String| !has(&was.all, column) && !has(&known.travel, column);
                let mut came: Vec<&String> = self.here.iter().filter(is_new).collect();
                if came.len() < missing.len() {
                    came.extend(self.here.iter().filter(|column| has(&known.others, column)));
                }
                if !came.is_empty() {
                    one.gone.extend(missing.into_iter().filter(|column| !is_open(column)).map(|column| Named::column(source, column)));
                    one.came.extend(came.into_iter().cloned());
                    one.went.extend(known.went.iter().cloned());
                }
                tracked = Some(known);
            } else if !here.is_empty() && source == self.table {
                // One that travels may have exchanged its name with one that does not.
                let known = knows.tracked(self.table)?;
                let came: Vec<&String> = known.untouched.iter().filter(|column| !was_asked(column) && !has(named, column)).collect();
                if !came.is_empty() {
                    one.gone.extend(here.iter().map(|column| Named::column(source, column)));
                    one.came.extend(came.iter().copied().cloned());
                    one.went.extend(came.into_iter().cloned());
                }
            }
            let stays = here.into_iter().filter(|column| !was_asked(column));
            if source != self.table {
                // The rules name another table.
                let stays: Vec<&String> = stays.collect();
                one.gone.extend(stays.iter().map(|column| Named::column(source, column)));
                one.came.extend(stays.into_iter().cloned());
                continue;
            }
            // Named otherwise in the rules, and not here yet.
            let stays: Vec<&String> = stays.filter(|column| !has(named, column)).collect();
            let absent = named.iter().filter(|column| !has(self.here, column) && !has(&was.named, column));
            let mut absent: Vec<Named> = absent.map(|column| Named::column(source, column)).collect();
            // Or of a table that is not here yet.
            let elsewhere = self.written.tables().filter(|(table, _)| !self.seen.tables.contains(*table));
            absent.extend(elsewhere.flat_map(|(table, rule)| {
                rule.local.iter().filter(|column| has(stays.iter().copied(), column)).map(|column| Named::column(table, column))
            }));
            if !stays.is_empty() && !absent.is_empty() {
                one.gone.extend(absent);
                one.came.extend(stays.into_iter().cloned());
            }
        }
        freed.retain(|column| !has(named, column) && !has(&one.came, column));
        let came: Vec<String> = freed.into_iter().collect();
        let ask = |went: String| Unclear::new(self.table.clone(), Some(went), came.clone());
        let unclear = if came.is_empty() {
            one.went.extend(went);
            Vec::new()
        } else {
            went.into_iter().filter(|went| !has(&came, went)).map(ask).collect()
        };
        Ok(((!one.keeps(self.written).is_empty()).then_some(one), unclear))
    }
}

/// A look at the tables themselves.
fn tables(there: &There, written: &Rules, seen: &Seen, before: &[Kept], knows: &dyn Knows) -> Result<Vec<Kept>> {
    let earlier: Vec<&Kept> = before.iter().filter(|kept| kept.table.is_none()).collect();
    let was_asked = |table: &String| earlier.iter().any(|kept| kept.came.contains(table) || kept.freed.contains(table));
    let is_open = |table: &String| earlier.iter().any(|kept| kept.came.contains(table) && !kept.is_answered(written));
    let is_here = |table: &&String| there.contains_key(*table);
    let is_new = |table: &&String| knows.before(table).is_none() && (!seen.tables.contains(*table) || knows.has_left(table));
    let mut one = Kept::default();
    for kept in earlier.iter().filter(|kept| !kept.is_answered(written)) {
        one.gone.extend(kept.gone.iter().cloned());
        one.came.extend(kept.came.iter().filter(is_here).cloned());
    }
    // A table that was tracked may have its name.
    let (here, missing): (Vec<&String>, Vec<&String>) =
        seen.home.iter().partition(|table| is_here(table) && knows.before(table).is_none_or(|before| before == *table));
    let goes_on = |table: &str| there.keys().filter(move |now| *now == table || knows.before(now) == Some(table)).collect::<Vec<_>>();
    let columns = |(table, was): (&String, &SeenColumns)| {
        // Where columns went with their table, or into one of their own.
        let gone = was.home.iter().filter(|column| !goes_on(table).iter().any(|now| has(&there[*now], column)));
        gone.map(|column| Named::column(table, column)).collect::<Vec<_>>()
    };
    let columns: Vec<Named> = seen.columns.iter().flat_map(columns).collect();
    // One that was set aside under another name, or a copy, has them too.
    for (table, was) in &seen.columns {
        let is_copy = |copy: &&String| is_new(copy) && was.all.iter().all(|column| has(&there[*copy], column));
        let copies: Vec<&String> = there.keys().filter(is_copy).collect();
        if !copies.is_empty() {
            one.gone.extend(was.home.iter().take(1).map(|column| Named::column(table, column)));
            one.came.extend(copies.into_iter().cloned());
        }
    }
    let may_be = |table: &String, gone: &Named| {
        let column = gone.column.as_ref();
        column.is_none_or(|column| goes_on(&gone.table).is_empty() || has(&there[table], column))
    };
    let is_asked = |gone: &Named| gone.column.is_none() && is_open(&gone.table);
    for gone in missing.into_iter().map(|table| Named::table(table)).chain(columns) {
        let mut came: Vec<&String> = there.keys().filter(is_new).filter(|table| may_be(table, &gone)).collect();
        if came.is_empty() && gone.column.is_none() {
            for table in there.keys() {
                if knows.is_other(table)? {
                    came.push(table);
                }
            }
        }
        if !came.is_empty() {
            one.came.extend(came.into_iter().cloned());
            one.gone.extend(Some(gone).filter(|gone| !is_asked(gone)));
        }
    }
    let is_home = |table: &str| written.table(table).direction == Direction::None;
    let stays: Vec<&String> = here.into_iter().filter(|table| !was_asked(table) && !is_home(table)).collect();
    let named = written.tables().map(|(table, _)| table.to_owned()).filter(|table| is_home(table));
    let absent: Vec<String> = named.filter(|table| !there.contains_key(table) && !seen.named.contains(table)).collect();
    if !stays.is_empty() && !absent.is_empty() {
        one.gone.extend(absent.iter().map(|table| Named::table(table)));
        one.came.extend(stays.into_iter().cloned());
    }
    Ok(if one.keeps(written).is_empty() { Vec::new() } else { vec![one] })
}

fn has<'n>(names: impl IntoIterator<Item = &'n String>, name: &str) -> bool {
    names.into_iter().any(|one| same_name(one, name))
}

/// These rules with what is kept.
fn over(written: &Rules, kept: &[Kept]) -> Rules {
    let mut rules = written.clone();
    for one in kept {
        let keeps = one.keeps(written);
        rules = match &one.table {
            Some(table) => {
                let all = [rules.table(table).local.clone(), keeps].concat();
                rules.with_local(table, &all)
            }
            None => keeps.iter().fold(rules, |rules, table| rules.with_home(table)),
        };
    }
    rules
}

/// These rules, and what this site keeps home beside them.
pub(in crate::sync) fn rules_over(ledger: &Ledger, written: &Rules) -> Result<Rules> {
    Ok(over(written, &kept(ledger)?))
}

/// What is kept and asked about.
///
/// # Errors
/// As the ledger says.
pub fn asked(session: &Session) -> Result<Vec<Kept>> {
    let mut all = kept(&session.ledger)?;
    for one in &mut all {
        one.came = one.keeps(&session.written_rules).into_iter().collect();
    }
    all.retain(|one| !one.came.is_empty());
    Ok(all)
}

/// Whether something is kept that may be a column which children would drop.
pub(super) fn holds_up(session: &Session) -> Result<bool> {
    Ok(asked(session)?.iter().any(|one| !one.went.is_empty()))
}

/// What stands in a report as long as it is asked.
pub(in crate::sync) fn waiting(session: &Session) -> Result<Vec<Waiting>> {
    let one =
        |one: Kept| Waiting { neighbour: None, what: one.what().join(" and "), why: one.to_string(), retried: false, unreachable: false };
    Ok(asked(session)?.into_iter().map(one).collect())
}

/// A person says that what is kept is something else: it travels from now on. A column of the table, or the table itself.
///
/// # Errors
/// [`MendError::NothingUnclear`] where it is not kept; else as database and ledger say.
pub fn free(session: &mut Session, table: &str, column: Option<&str>) -> Result<()> {
    let mut all = kept(&session.ledger)?;
    let name = column.unwrap_or(table);
    let is_it = |one: &Kept| match (&one.table, column) {
        (Some(of), Some(_)) => same_name(of, table),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let found = all.iter_mut().filter(|one| is_it(one)).find_map(|one| {
        let came = one.came.iter().find(|came| same_name(came, name))?.clone();
        Some((one, came))
    });
    let Some((one, came)) = found else { return Err(MendError::NothingUnclear.into()) };
    one.came.remove(&came);
    one.freed.insert(came);
    session.ledger.begin()?;
    set_kept(&session.ledger, &all)?;
    session.ledger.commit(&session.world, "commit hint")?;
    session.keep_home()?;
    session.follow().map(drop)
}

/// Whether a table is kept and asked about.
///
/// # Errors
/// As the ledger says.
pub fn keeps_table(session: &Session, table: &str) -> Result<bool> {
    Ok(asked(session)?.iter().any(|one| one.table.is_none() && has(&one.came, table)))
}

/// Notes what is at home in a database that is taken in, in the open transaction of the ledger.
pub(in crate::sync) fn note_first(ledger: &Ledger, database: &Database, rules: &Rules) -> Result<()> {
    note_seen(ledger, &Seen::of(&database.ordinary_tables()?, rules, rules))
}

/// Columns of tables that are gone and were at home there: a table that came may be one of those.
pub(in crate::sync) fn with_columns_of_gone(session: &Session, there: &There, rules: Rules) -> Result<Rules> {
    let seen = seen(&session.ledger)?;
    let gone = seen.columns.iter().filter(|(table, _)| !there.contains_key(*table));
    let columns: BTreeSet<&String> = gone.flat_map(|(_, was)| &was.home).collect();
    let came = there.iter().filter(|(table, _)| !seen.tables.contains(*table) && !columns.is_empty());
    Ok(came.fold(rules, |rules, (table, here)| {
        let local = here.iter().filter(|column| has(columns.iter().copied(), column));
        let all: Vec<String> = rules.table(table).local.iter().chain(local).cloned().collect();
        rules.with_local(table, &all)
    }))
}

fn seen(ledger: &Ledger) -> Result<Seen> {
    let Some(text) = ledger.note(SEEN)?.filter(|text| !text.is_empty()) else { return Ok(Seen::default()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("what was at home does not read"))
}

fn note_seen(ledger: &Ledger, seen: &Seen) -> Result<()> {
    let text = serde_json::to_string(seen).map_err(|_| SyncError::Bug("what is at home does not write"))?;
    let text = if *seen == Seen::default() { String::new() } else { text };
    if ledger.note(SEEN)?.unwrap_or_default() == text { Ok(()) } else { Ok(ledger.set_note(SEEN, &text)?) }
}

fn kept(ledger: &Ledger) -> Result<Vec<Kept>> {
    let Some(text) = ledger.note(KEPT)?.filter(|text| !text.is_empty()) else { return Ok(Vec::new()) };
    serde_json::from_str(&text).map_err(|_| SyncError::Bug("what is kept home does not read"))
}

fn set_kept(ledger: &Ledger, kept: &[Kept]) -> Result<()> {
    let text = serde_json::to_string(kept).map_err(|_| SyncError::Bug("what is kept home does not write"))?;
    let text = if kept.is_empty() { String::new() } else { text };
    if ledger.note(KEPT)?.unwrap_or_default() == text { Ok(()) } else { Ok(ledger.set_note(KEPT, &text)?) }
}
