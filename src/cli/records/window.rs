//! `fieldpost records TABLE`: the synchronization window: how does every record stand?

use std::collections::{BTreeMap, BTreeSet};

use clap::ValueEnum as _;
use serde::{Serialize, Serializer};

use super::{ListArgs, MOST};
use crate::cli::history::shape_named;
use crate::cli::page::{Column, Page, count, heading, number, paragraphs};
use crate::cli::printer::Report;
use crate::cli::shown::{self, Shown};
use crate::cli::{Context, Exit, Failure};
use crate::model::{Key, Shape, SiteName, shown_table};
use crate::status::window::{State, Window};
use crate::sync::mend::MendError;
use crate::sync::{Session, SyncError};

/// Records by state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct WindowReport {
    /// Only as records stand with this neighbour.
    with: Option<SiteName>,
    /// The tables.
    tables: Vec<TableWindow>,
}

/// The records of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TableWindow {
    /// The table.
    table: String,
    /// How many stand how.
    #[serde(serialize_with = "by_word")]
    counts: BTreeMap<State, u64>,
    /// Single records, where a table was named.
    records: Vec<Stands>,
    /// How many more there are.
    more: u64,
}

/// How one record stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Stands {
    /// Its key.
    key: Vec<Shown>,
    /// How it stands.
    state: State,
    /// With which neighbour.
    with: Option<SiteName>,
    /// Why, as a sentence has it after "because".
    why: Option<String>,
}

fn by_word<S: Serializer>(counts: &BTreeMap<State, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts)
}

/// Keys looked at in one go.
const AT_ONCE: usize = 1_000;

pub(super) fn run(arguments: &ListArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let neighbours = session.ledger.neighbours()?;
    let with = arguments.with.as_ref().map(|name| {
        let neighbour = neighbours.iter().find(|neighbour| neighbour.card.name.as_str() == name);
        neighbour.map(|neighbour| (neighbour.site, neighbour.card.name.clone())).ok_or_else(|| Failure::NoNeighbour { typed: name.clone() })
    });
    let with = with.transpose()?;
    let (site, with) = with.map_or((None, None), |(site, name)| (Some(site), Some(name)));
    let tables = match &arguments.table {
        Some(table) => {
            let shape = shape_named(&session, table)?;
            let window = Window::look(&session, Some(shape.number), site)?;
            vec![one_table(&session, shape, &window, arguments)?]
        }
        None => {
            let window = Window::look(&session, None, site)?;
            let mut tables = Vec::new();
            for shape in &session.shapes {
                let counts = window.counts(&session, shape.number)?;
                tables.push(TableWindow { table: shown_table(&shape.name).to_owned(), counts, records: Vec::new(), more: 0 });
            }
            tables.sort_by(|a, b| a.table.cmp(&b.table));
            tables
        }
    };
    Ok(context.printer.report(&WindowReport { with, tables }))
}

fn one_table(session: &Session, shape: &Shape, window: &Window, arguments: &ListArgs) -> Result<TableWindow, Failure> {
    let wanted: BTreeSet<State> = match arguments.states.as_slice() {
        // The ordinary ones are counted and not listed, unless somebody asks.
        [] if arguments.where_sql.is_none() => State::ALL.into_iter().filter(|state| *state != window.rest.state()).collect(),
        [] => State::ALL.into(),
        states => states.iter().copied().collect(),
    };
    let mut listing =
        Listing { window, shape, wanted, limit: usize::try_from(arguments.lines).unwrap_or(usize::MAX), records: Vec::new(), more: 0 };
    let counts = match &arguments.where_sql {
        Some(sql) => {
            let keys = session.database()?.keys_where(shape, sql, MOST).map_err(SyncError::from)?;
            let mut counts = BTreeMap::new();
            for key in keys.map_err(|words| SyncError::from(MendError::BadSql(words)))? {
                *counts.entry(window.of(shape.number, &key).0).or_default() += 1;
                listing.add(&key);
            }
            counts
        }
        None => {
            let counts = window.counts(session, shape.number)?;
            let unusual: Vec<Key> = window.of_table(shape.number).map(|(key, _)| key.clone()).collect();
            unusual.iter().for_each(|key| listing.add(key));
            let rest = window.rest.state();
            if listing.wanted.contains(&rest) {
                listing.add_rest(session, &unusual)?;
                let unlisted = counts.get(&rest).copied().unwrap_or_default();
                let listed = listing.records.iter().filter(|stands| stands.state == rest).count() as u64;
                listing.more += unlisted.saturating_sub(listed);
            }
            counts
        }
    };
    let (records, more) = (listing.records, listing.more);
    Ok(TableWindow { table: shown_table(&shape.name).to_owned(), counts, records, more })
}

struct Listing<'w> {
    window: &'w Window,
    shape: &'w Shape,
    wanted: BTreeSet<State>,
    limit: usize,
    records: Vec<Stands>,
    more: u64,
}

impl Listing<'_> {
    fn add(&mut self, key: &Key) {
        let (state, unusual) = self.window.of(self.shape.number, key);
        if !self.wanted.contains(&state) {
            return;
        }
        if self.records.len() >= self.limit {
            self.more += 1;
            return;
        }
        let (with, why) = unusual.map_or((None, None), |unusual| (unusual.with.clone(), unusual.why.clone()));
        self.records.push(Stands { key: shown::of_key(key), state, with, why });
    }

    /// The ordinary records, as far as there is room.
    fn add_rest(&mut self, session: &Session, unusual: &[Key]) -> Result<(), SyncError> {
        let unusual: BTreeSet<&Key> = unusual.iter().collect();
        let mut after = None;
        while self.records.len() < self.limit {
            let keys = session.ledger.places(self.shape, after.as_ref(), AT_ONCE)?;
            for key in keys.iter().filter(|key| !unusual.contains(key)).take(self.limit - self.records.len()) {
                self.add(key);
            }
            match keys.last() {
                Some(last) if keys.len() == AT_ONCE => after = Some(last.clone()),
                Some(_) | None => break,
            }
        }
        Ok(())
    }
}

/// The word of a state, as it is typed.
fn word(state: State) -> String {
    state.to_possible_value().map_or_else(String::new, |value| value.get_name().replace('-', " "))
}

impl Report for WindowReport {
    fn text(&self, page: &Page) -> String {
        let with = self.with.as_ref().map_or_else(String::new, |with| format!(", as they stand with '{with}'"));
        let columns = [Column::Words("table"), Column::Words("state"), Column::Numbers("records")];
        let rows = self.tables.iter().flat_map(|table| {
            let name = |place: usize| if place == 0 { table.table.clone() } else { String::new() };
            let rows: Vec<Vec<String>> =
                table.counts.iter().enumerate().map(|(place, (state, count))| vec![name(place), word(*state), number(*count)]).collect();
            if rows.is_empty() { vec![vec![table.table.clone(), "no records".to_owned(), String::new()]] } else { rows }
        });
        let counts = format!("{}\n{}", heading(&format!("Records{with}")), page.table(&columns, rows));
        let lists = self.tables.iter().map(|table| table.list(page));
        paragraphs(std::iter::once(counts).chain(lists))
    }
}

impl TableWindow {
    fn list(&self, page: &Page) -> String {
        if self.records.is_empty() {
            return String::new();
        }
        let columns = [Column::Words(""), Column::Words("state"), Column::Words("with"), Column::Words("because")];
        let rows = self.records.iter().map(|stands| {
            let with = stands.with.as_ref().map_or_else(String::new, ToString::to_string);
            vec![shown::key(&stands.key), word(stands.state), with, stands.why.clone().unwrap_or_default()]
        });
        let more = match self.more {
            0 => String::new(),
            more => format!("\n  … and {}: -n lists more", count(more, "more", "more")),
        };
        format!("{}{more}", page.table(&columns, rows))
    }
}
