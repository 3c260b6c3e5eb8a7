//! What happened, as data for whoever tells it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::bundles::follow::Customized;
use super::documents::DocumentCounts;
use super::forget::Forgotten;
use super::session::RULES_PART;
use super::stays::Stays;
use super::{bundles, documents, schema};

use crate::exchange::Folder;
use crate::ledger::Conflict;
use crate::library::PackWriter;
use crate::model::{Millis, PacketNumber, SiteName};

/// Records by what happened to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// New here.
    pub inserted: u64,
    /// Changed here.
    pub updated: u64,
    /// Gone from here.
    pub deleted: u64,
}

impl Counts {
    /// Counts one record by whether it is there before and after.
    pub(super) const fn add_change(&mut self, before: bool, after: bool) {
        match (before, after) {
            (false, true) => self.inserted += 1,
            (true, true) => self.updated += 1,
            (true, false) => self.deleted += 1,
            (false, false) => {}
        }
    }
}

/// What one or more slices did.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By table.
    pub tables: BTreeMap<String, Counts>,
    /// Decided here, in order.
    pub conflicts: Vec<Conflict>,
    /// Decisions of others that were received.
    pub outcomes: u64,
    /// Differences that capture had missed.
    pub found: u64,
    /// Changes the packet had.
    pub changes: u64,
}

impl Tally {
    /// Counts one written record by whether it was there before and after.
    pub(super) fn count(&mut self, table: &str, before: bool, after: bool) {
        if !self.tables.contains_key(table) {
            self.tables.insert(table.to_owned(), Counts::default());
        }
        self.tables.get_mut(table).expect("it was just put there").add_change(before, after);
    }

    pub(super) fn add(&mut self, other: Self) {
        for (table, counts) in other.tables {
            let mine = self.tables.entry(table).or_default();
            mine.inserted += counts.inserted;
            mine.updated += counts.updated;
            mine.deleted += counts.deleted;
        }
        self.conflicts.extend(other.conflicts);
        self.outcomes += other.outcomes;
        self.found += other.found;
        self.changes += other.changes;
    }
}

/// One round.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Packets applied, in order.
    pub applied: Vec<PacketIn>,
    /// Packets built, in order.
    pub built: Vec<PacketOut>,
    /// Packets put on the exchange, also earlier ones again.
    pub deposited: Vec<(SiteName, PacketNumber)>,
    /// What waits, and why.
    pub waiting: Vec<Waiting>,
    /// Whether an exchange could not be used for all that was to go or to come, though another one may have taken its place.
    pub troubled: bool,
    /// What exchanges did not do, and what helps, where a person is wanted.
    pub refused: Vec<String>,
    /// Packets of others that were taken away from the exchanges: where they lie there again, somebody put them there again.
    pub removed: Vec<(Folder, String)>,
    /// Records that stay home.
    pub kept: Vec<Kept>,
    /// Sites admitted.
    pub admitted: Vec<SiteName>,
    /// Records sealed.
    pub sealed: u64,
    /// Differences that capture had missed.
    pub found: u64,
    /// Tables whose capture was repaired.
    pub rearmed: Vec<String>,
    /// What is not remembered any more.
    pub forgotten: Forgotten,
    /// What happened to documents.
    pub documents: DocumentCounts,
    /// What happened to customizations.
    pub customized: Customized,
    /// Things worth a line that fit nowhere else.
    pub notes: Vec<String>,
}

/// A packet that was applied.
#[derive(Clone, Debug)]
pub struct PacketIn {
    /// From whom.
    pub from: SiteName,
    /// Its number.
    pub number: PacketNumber,
    /// When it was made, by the sender's clock.
    pub sent: Millis,
    /// What it did.
    pub tally: Tally,
    /// Whether it brought contents of documents or bundles: [`carries_contents`].
    pub contents: bool,
    /// What it says besides: [`papers`].
    pub papers: Vec<&'static str>,
    /// Whether its sender wants to be told everything anew.
    pub wants_all: bool,
}

/// A packet that was built.
#[derive(Clone, Debug)]
pub struct PacketOut {
    /// To whom.
    pub to: SiteName,
    /// Its number.
    pub number: PacketNumber,
    /// Size of the file.
    pub bytes: u64,
    /// Changes by table.
    pub tables: BTreeMap<String, Counts>,
    /// Whether it is part of a first load.
    pub snapshot: bool,
    /// Whether it has contents of documents or bundles: [`carries_contents`].
    pub contents: bool,
    /// What it says besides: [`papers`].
    pub papers: Vec<&'static str>,
    /// Whether it says that we want to be told everything anew.
    pub wants_all: bool,
    /// Whether it is part of everything, told to a neighbour that had been told before.
    pub again: bool,
}

/// Whether a packet with parts of these names brings more than records and what is said about them.
pub(super) fn carries_contents<'n>(mut parts: impl Iterator<Item = &'n str>) -> bool {
    parts.any(|name| name == PackWriter::FRAMES || name.starts_with(bundles::travel::PART))
}

/// What a packet with parts of these names says besides records, in words.
#[must_use]
pub fn papers<'n>(parts: impl Iterator<Item = &'n str>) -> Vec<&'static str> {
    const ALL: [(&str, &str); 7] = [
        ("roster.json", "the list of sites"),
        (RULES_PART, "the rules"),
        (schema::PART, "the schema"),
        (schema::refusals::PART, "which sites cannot have the schema"),
        (bundles::PAPER_PART, "the list of bundles"),
        (bundles::REPORT_PART, "how bundles stand"),
        (documents::switch::PAPER, "whether there are documents"),
    ];
    let parts: BTreeSet<&str> = parts.collect();
    ALL.into_iter().filter(|(part, _)| parts.contains(part)).map(|(_, words)| words).collect()
}

/// Records of one table that were not told to a neighbour for one kind of reason: the rules or a person keep them home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The neighbour.
    pub to: SiteName,
    /// Their table.
    pub table: String,
    /// How many.
    pub records: u64,
    /// Some of them, as people read their keys, each with why it stays. Never none; with an error as many as [`Kept::NAMED`].
    pub named: Vec<(String, Stays)>,
}

impl Kept {
    /// Most records that are named where something is wrong with them.
    pub const NAMED: usize = 100;
}

/// Something that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// With which neighbour; none where the whole site waits.
    pub neighbour: Option<SiteName>,
    /// What waits.
    pub what: String,
    /// Why.
    pub why: String,
    /// Whether it is tried again by itself.
    pub retried: bool,
    /// Whether the exchange is what is missing.
    pub unreachable: bool,
}
