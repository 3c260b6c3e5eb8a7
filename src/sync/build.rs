//! What must a neighbour be told? The difference between the mirror and what the neighbour holds, as packets.
//!
//! **States of a packet**: spooled (changes in scratch files) → sealed (whole, in the outbox under `<number>.new`) → built
//! (the ledger has its number, its place in the journal and what it told; one ledger commit for all packets of a build) →
//! renamed to its final name → deposited. **Crash points**: before the ledger's commit nothing was built, `.new` files are
//! thrown away; after it, [`outbox::finish_renames`] gives them their names. The bytes never change from then on.
//! **Invariant**: a number that the ledger knows has exactly one file, and what it told is in the ledger.
//!
//! The acknowledgement rides in *every* packet of a build: the content of all of them comes from one state, which
//! includes what is acknowledged (`DESIGN` section 4, "Streams"). In the last one only, a child would still take its edit
//! for pending when the parent's word on it comes, ignore that word, and never hear it again.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::PathBuf;

use fs_err as fs;

use super::bundles;
use super::deciding::losses::{is_office, record_of, stood_at};
use super::documents::tell::Telling;
use super::known::{self, Link};
use super::numbers::meaning::Outward;
use super::papers;
use super::report::{self, Counts, Kept, PacketOut, carries_contents};
use super::roster;
use super::schema;
use super::standing;
use super::stays::Stays;
use super::streams::outbox;
use super::tracking::vocabulary::Spoken;
use super::urgency;
use super::{Result, Session, SyncError};
use crate::ledger::{Conflict, Direction, LedgerError, Neighbour, NeighbourKind, Opinion, PacketRow, Record, SentState};
use crate::model::{Change, FieldNo, Image, LIBRARY, PacketNumber, SiteName, SiteNo, Value};
use crate::packet::{Acknowledgement, BlockWriter, Draft, PacketId, PacketKind, Part, PartSource};
use crate::rules;

/// Note of a child that wants to be told everything again, until a packet says so.
pub(super) const WANT_FULL: &str = "want-full";
/// The part that says so.
pub(super) const FULL_PART: &str = "full.json";

/// Builds whatever a neighbour must be told. Nothing is written where there is nothing to tell and no answer is owed.
///
/// # Errors
/// As ledger and files say; then nothing was built.
pub fn build(session: &Session, to: &Neighbour, asks: &[PacketNumber]) -> Result<Built> {
    outbox::finish_renames(session, to)?;
    session.ledger.begin()?;
    let built = Building::new(session, to, asks).and_then(Building::run);
    match built {
        Ok(built) if !built.packets.is_empty() => {
            if let Err(error) = session.ledger.commit(&session.world, "commit build") {
                if !matches!(error, crate::ledger::LedgerError::Crash(_)) {
                    session.ledger.rollback()?;
                }
                return Err(error.into());
            }
            outbox::finish_renames(session, to)?;
            Ok(built)
        }
        Ok(built) => {
            session.ledger.rollback()?;
            Ok(built)
        }
        Err(error) => {
            if !error.is_crash() {
                session.ledger.rollback()?;
            }
            Err(error)
        }
    }
}

/// What a build came to.
#[derive(Debug, Default)]
pub struct Built {
    /// The packets, in order.
    pub packets: Vec<PacketOut>,
    /// What stays home.
    pub kept: Vec<Kept>,
}

struct Building<'s> {
    session: &'s Session,
    to: &'s Neighbour,
    link: Link,
    asks: &'s [PacketNumber],
    up: bool,
    office: bool,
    number: PacketNumber,
    /// Ids and names of packets already sealed, in order.
    sealed: Vec<Finished>,
    spool: Spool,
    spoken: Spoken<'s>,
    outward: Outward,
    /// Roster, rules and schema, as far as not told: they go in the first packet, because nobody may tell anything before it knows them.
    papers: Vec<Part>,
    /// Their versions once that packet is built.
    told: BTreeMap<String, String>,
    settled: bool,
    /// How far we are settled where nothing was kept back.
    may_settle: PacketNumber,
    /// Whether any rule or person keeps anything home.
    may_keep: bool,
    /// What stays home, by table and kind of reason.
    kept: BTreeMap<(String, &'static str), Kept>,
}

struct Finished {
    number: PacketNumber,
    id: PacketId,
    name: String,
    bytes: u64,
    changes: u64,
    tables: BTreeMap<String, Counts>,
    /// Changes or documents.
    brings: bool,
    contents: bool,
    papers: Vec<&'static str>,
    wants_all: bool,
}

/// Changes of the packet being filled; the file is there from the first one on.
struct Spool {
    path: PathBuf,
    writer: Option<BlockWriter<BufWriter<fs::File>>>,
    changes: u64,
    tables: BTreeMap<String, Counts>,
}

impl Spool {
    fn new(session: &Session, number: PacketNumber) -> Self {
        let path = session.home.scratch().join(format!("changes-{number}"));
        Self { path, writer: None, changes: 0, tables: BTreeMap::new() }
    }

    fn writer(&mut self) -> Result<&mut BlockWriter<BufWriter<fs::File>>> {
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none @ None => Ok(none.insert(BlockWriter::new(BufWriter::new(fs::File::create(&self.path)?)))),
        }
    }
}

impl<'s> Building<'s> {
    fn new(session: &'s Session, to: &'s Neighbour, asks: &'s [PacketNumber]) -> Result<Self> {
        let up = to.kind == NeighbourKind::Parent;
        let children = session.ledger.neighbours()?.iter().any(|neighbour| neighbour.kind == NeighbourKind::Child);
        let number = to.sent.next();
        let (papers, told) = papers::papers(session, to)?;
        Ok(Self {
            session,
            to,
            link: Link::from(to),
            asks,
            up,
            office: up && children,
            number,
            sealed: Vec::new(),
            spool: Spool::new(session, number),
            spoken: Spoken::new(session)?,
            outward: Outward::default(),
            papers,
            told,
            settled: !session.ledger.any_parked(to.site)?,
            may_settle: if up { super::forget::may_settle(session, to)? } else { to.received },
            may_keep: session.may_keep()?,
            kept: BTreeMap::new(),
        })
    }

    fn run(mut self) -> Result<Built> {
        if self.up && self.to.sent == PacketNumber(0) {
            return Err(SyncError::Bug("a child's first packet is its request to join"));
        }
        let candidates = self.session.ledger.candidates(self.to.site, self.to.cursor, self.to.fresh)?;
        let candidates = urgency::in_order(self.session, candidates)?;
        let mut telling = Telling::new(self.session, self.to)?;
        let before_rows = self.session.settings.library.before_rows;
        let first = before_rows && telling.is_some();
        if let Some(telling) = telling.as_mut().filter(|_| before_rows) {
            self.contents_first(telling, &candidates)?;
        }
        let mut deletes = Vec::new();
        for id in &candidates {
            let record = self.session.load_id(*id)?;
            if record.current.is_none() {
                deletes.push(*id);
            } else if !(first && self.session.shape(record.table).name == LIBRARY) {
                self.tell(record)?;
            }
        }
        // Children before parents, the other way round than they came.
        for id in deletes.into_iter().rev() {
            let record = self.session.load_id(id)?;
            self.tell(record)?;
        }
        if let Some(telling) = telling {
            self.contents(telling)?;
        }
        let kept = std::mem::take(&mut self.kept).into_values().collect();
        Ok(Built { packets: self.close()?, kept })
    }

    /// Tells contents, and then the list of documents, before everything else: no record arrives before the document that it speaks of.
    fn contents_first(&mut self, telling: &mut Telling<'_>, candidates: &[i64]) -> Result<()> {
        while let Some(pack) = telling.pack()? {
            self.seal(pack, false)?;
        }
        for id in candidates {
            let record = self.session.load_id(*id)?;
            if record.current.is_some() && self.session.shape(record.table).name == LIBRARY {
                self.tell(record)?;
            }
        }
        if self.spool.changes > 0 { self.seal(Vec::new(), false) } else { Ok(()) }
    }

    /// Tells contents of documents: in packets of their own, after the changes, so that nothing waits for them.
    fn contents(&mut self, mut telling: Telling<'_>) -> Result<()> {
        let mut last: Option<Vec<Part>> = None;
        while let Some(pack) = telling.pack()? {
            match last.replace(pack) {
                Some(before) => self.seal(before, false)?,
                None if self.spool.changes > 0 => self.seal(Vec::new(), false)?,
                None => {}
            }
        }
        self.papers.extend(last.into_iter().flatten());
        let said = telling.finish(&mut self.told)?;
        self.papers.extend(said);
        Ok(())
    }

    /// Tells one record, where there is something to tell.
    fn tell(&mut self, mut record: Record) -> Result<()> {
        let ledger = &self.session.ledger;
        let opinion = known::opinion(ledger, &record, self.link)?;
        let before_extra = record.extra.clone();
        if record.extra.held.contains_key(&self.to.site) {
            // Neither told nor contradicted; the cursor moves past it, so what it holds must be said outright.
            self.settled = false;
            record.extra.opinions.insert(self.to.site, opinion);
        } else if !self.up && self.session.rules.schema_travels() && self.session.shape(record.table).past.gone {
            // The schema takes the table from the child, too. Should it come back, what the child had must be known.
            record.extra.opinions.insert(self.to.site, opinion);
        } else if let Some(why) = self.stays_home(&record, &opinion)? {
            // Not told, so what it holds must be said outright as well. It may be kept for good, and the parent need not remember everything
            // because of it: only if what the parent said of the record was ignored, the parent cannot know what we hold.
            self.settled &= why == Stays::Marked || !record.extra.full;
            self.keep(&record, why)?;
            record.extra.opinions.insert(self.to.site, opinion);
        } else {
            if let Some(made_as) = record.extra.made_as.get_mut(&self.to.site) {
                made_as.told.get_or_insert(self.number);
            }
            let explicit = record.extra.opinions.remove(&self.to.site).is_some();
            record.extra.released.remove(&self.to.site);
            if explicit && !self.up && known::differs_in_existence(&record, &opinion) {
                record.extra.told.insert(self.to.site, self.number);
            }
            if let Some(change) = self.change(&mut record, opinion)? {
                self.push(&mut record, change)?;
            }
            if self.up {
                record.extra.report.clear();
                record.extra.report_whole = false;
                record.extra.unmark();
            }
        }
        if record.extra != before_extra {
            ledger.store_extra(&mut record)?;
        }
        Ok(())
    }

    fn stays_home(&self, record: &Record, opinion: &Opinion) -> Result<Option<Stays>> {
        if let Some(why) = self.too_large(record, opinion) {
            return Ok(Some(why));
        }
        if !self.may_keep && !record.extra.marked {
            return Ok(None);
        }
        // Of what only goes up a child is told no more than numbers.
        if !self.up && self.session.policy(record.table).direction == rules::Direction::Up {
            return Ok(None);
        }
        let nothing = known::same(opinion, &Opinion::Known(record.current.clone()));
        if nothing && !record.extra.report_whole && record.extra.report.is_empty() {
            return Ok(None);
        }
        self.session.stays_home(record, self.link)
    }

    /// One record that no packet takes must not keep all others from travelling.
    fn too_large(&self, record: &Record, opinion: &Opinion) -> Option<Stays> {
        let Opinion::Known(theirs) = opinion else { return None };
        let (ours, theirs) = (record.current.as_ref(), theirs.as_ref());
        // In base64 everything takes a third more; the names beside it take little.
        let most = self.session.limits.packet.block_bytes / 4 * 3;
        let whole = |image: Option<&Image>| image.map_or(0, |image| image.row.0.iter().map(Value::weight).sum::<usize>());
        if ((whole(ours) + whole(theirs)) as u64) < most {
            return None;
        }
        let bytes = match (ours, theirs) {
            (Some(ours), Some(theirs)) if ours.born == theirs.born && !record.extra.report_whole => {
                let differing = ours.row.differing(&theirs.row);
                differing.map(|field| ours.row.get(field).weight() + theirs.row.get(field).weight()).sum()
            }
            _ => whole(ours) + whole(theirs),
        } as u64;
        (bytes >= most).then_some(Stays::TooLarge { megabytes: bytes / 1_000_000 })
    }

    /// Notes for the report what stays home.
    fn keep(&mut self, record: &Record, why: Stays) -> Result<()> {
        // That it is gone at the parent was told when it was marked, and stays so for good; so does what is for other groups.
        if matches!(why, Stays::Marked | Stays::OtherGroup) {
            return Ok(());
        }
        let table = self.session.shape(record.table).name.clone();
        let empty = || Kept { to: self.to.card.name.clone(), table: table.clone(), records: 0, named: Vec::new() };
        let kept = self.kept.entry((table.clone(), why.kind())).or_insert_with(empty);
        kept.records += 1;
        if kept.named.len() < if why.is_error() { Kept::NAMED } else { 1 } {
            kept.named.push((self.session.shown_key(record)?.to_string(), why));
        }
        Ok(())
    }

    fn change(&mut self, record: &mut Record, opinion: Opinion) -> Result<Option<Change>> {
        let ledger = &self.session.ledger;
        let (held_there, unknown) = match opinion {
            Opinion::Known(image) => (image, false),
            Opinion::Unknown => (None, true),
        };
        let report = self.up && (record.extra.report_whole || !record.extra.report.is_empty());
        let ours = record.current.clone();
        if !report && !unknown && known::same_image(ours.as_ref(), held_there.as_ref()) {
            return Ok(None);
        }
        let same = match (&ours, &held_there) {
            (Some(ours), Some(theirs)) if self.up => ours.born == theirs.born,
            (Some(ours), Some(theirs)) => ledger.same(ours.born, theirs.born)?,
            (None | Some(_), None) | (None, Some(_)) => false,
        };
        let shape = self.session.shape(record.table);
        if !self.up && self.session.policy(record.table).direction == rules::Direction::Up {
            return number_alone(self.session, record, ours, held_there, same);
        }
        let all: Vec<FieldNo> = shape.live_fields().collect();
        let fields = match (&ours, &held_there) {
            (Some(ours), Some(theirs)) if same && ours.born == theirs.born && !record.extra.report_whole => {
                let mut fields: Vec<FieldNo> = ours.row.differing(&theirs.row).collect();
                if self.up {
                    fields.extend(&record.extra.report);
                    fields.sort_unstable();
                    fields.dedup();
                    // A number is the parent's to give.
                    fields.retain(|field| shape.number_field() != Some(*field));
                }
                shape.close(&mut fields);
                self.session.policy(record.table).close(&mut fields);
                fields
            }
            _ => all,
        };
        // What a field held before the application dropped it is no news for anybody.
        let fields: Vec<FieldNo> = fields.into_iter().filter(|field| self.session.shape(record.table).is_live(*field)).collect();
        if same && fields.is_empty() {
            return Ok(None);
        }
        let mut shared = None;
        if self.office {
            let ended = held_there.as_ref().filter(|theirs| ours.as_ref().is_none_or(|ours| ours.born != theirs.born));
            if let Some(ours) = &ours
                && held_there.as_ref().is_none_or(|theirs| theirs.born != ours.born)
            {
                shared = ledger.shared(record, ours.born)?;
            }
            if let Some(theirs) = ended {
                ledger.bury_shared(record, theirs.born, &theirs.row)?;
            }
        }
        let whole = self.up && (record.extra.report_whole || record.extra.full);
        let aliases = match &ours {
            Some(ours) => ledger.absorbed_by(ours.born)?,
            None => Vec::new(),
        };
        // A record that goes by another incarnation now is the same one: the receiver knows both by the alias.
        let before = match (held_there, &ours) {
            (Some(theirs), Some(ours)) if same && !self.up => Some(Image { born: ours.born, ..theirs }),
            (None, None) if unknown => ledger.former(record)?.into_iter().next(),
            (theirs, _) => theirs,
        };
        let before = before.map(|image| if same { partial(&image, &fields) } else { image });
        let after = ours.map(|image| if same && !whole { partial(&image, &fields) } else { image });
        Ok(Some(Change { table: record.table, key: record.key.clone(), before, after, fields, whole, shared, aliases, meant: Vec::new() }))
    }

    fn push(&mut self, record: &mut Record, change: Change) -> Result<()> {
        if self.up {
            let whole = match (&change.before, &change.after) {
                (Some(before), Some(after)) => before.born != after.born,
                (None, Some(_)) | (Some(_), None) | (None, None) => true,
            };
            let id = self.session.ledger.anchor(record)?;
            self.session.ledger.add_pending(id, self.number, whole, &change.fields)?;
        }
        self.spool
            .tables
            .entry(self.session.shape(record.table).name.clone())
            .or_default()
            .add_change(change.before.is_some(), change.after.is_some());
        self.spool.changes += 1;
        let change = self.outward.change(self.session, record, change)?;
        let writer = self.spool.writer()?;
        writer.push(&self.spoken, change)?;
        if writer.bytes_written() >= self.session.limits.packet_bytes {
            self.seal(Vec::new(), false)?;
        }
        Ok(())
    }

    /// Seals the last packet, where there is anything to say, and writes down what all of them told.
    fn close(mut self) -> Result<Vec<PacketOut>> {
        let (parts, outcomes) = self.documents()?;
        let silent = parts.is_empty() && self.papers.is_empty();
        let nothing = self.spool.changes == 0 && silent && self.asks.is_empty() && !self.to.owes && !self.to.fresh;
        if !(nothing && self.sealed.is_empty()) {
            self.seal(parts, true)?;
        }
        // Behind everything else: a file takes as long as it takes.
        for due in bundles::travel::due(self.session, self.to)? {
            self.told.insert(due.told, self.number.to_string());
            self.seal(vec![due.part], false)?;
        }
        if self.sealed.is_empty() {
            return Ok(Vec::new());
        }
        let ledger = &self.session.ledger;
        let last = self.sealed.last().ok_or(SyncError::Bug("a build without packets"))?;
        ledger.set_sent(
            self.to.site,
            &SentState {
                sent: last.number,
                id: &last.id.to_string(),
                cursor: ledger.journal_end(),
                told_outcomes: outcomes,
                told_documents: &self.told,
                confirmed: self.to.received,
                settled_here: self.settled_number(),
            },
        )?;
        for finished in &self.sealed {
            standing::note_sync(self.session, finished.tables.keys(), self.session.world.now())?;
            ledger.add_packet(&PacketRow {
                site: self.to.site,
                direction: Direction::Out,
                number: finished.number,
                id: finished.id.to_string(),
                name: finished.name.clone(),
                bytes: finished.bytes,
                changes: finished.changes,
                journal: ledger.journal_end(),
                time: self.session.world.now(),
                deposited: None,
                acknowledged: None,
                wants_answer: finished.brings,
            })?;
        }
        let (to, fresh) = (self.to.card.name.clone(), self.to.fresh);
        let again = fresh && !self.up && self.to.sent > PacketNumber(0);
        let out = |finished: Finished| PacketOut {
            to: to.clone(),
            number: finished.number,
            bytes: finished.bytes,
            tables: finished.tables,
            snapshot: fresh,
            contents: finished.contents,
            papers: finished.papers,
            wants_all: finished.wants_all,
            again,
        };
        Ok(self.sealed.into_iter().map(out).collect())
    }

    /// A child says how far it is settled: it kept nothing back when it built this, and its own children kept nothing back either.
    fn settled_number(&self) -> PacketNumber {
        if self.settled { self.may_settle.max(self.to.settled_here) } else { self.to.settled_here }
    }

    /// Seals what is spooled as the next packet. Only the `last` one of a build says how far we are settled.
    fn seal(&mut self, mut parts: Vec<Part>, last: bool) -> Result<()> {
        let session = self.session;
        let spool = std::mem::replace(&mut self.spool, Spool::new(session, self.number.next()));
        parts.append(&mut self.papers);
        if let Some(writer) = spool.writer {
            drop(writer.finish(&self.spoken)?);
            parts.push(Part { name: "changes/0001.jsonl".into(), source: PartSource::File(spool.path.clone()) });
        }
        if let Some(schema) = self.schema(last)? {
            parts.insert(0, schema);
        }
        let acknowledges = match (self.to.stream_in, &self.to.received_id) {
            (Some(stream), Some(id)) => {
                let id = PacketId::try_from(id.clone()).map_err(|_| SyncError::Bug("a stored packet id does not read"))?;
                Some(Acknowledgement { stream, number: self.to.received, id })
            }
            (Some(_) | None, _) => None,
        };
        let previous = match self.sealed.last() {
            Some(finished) => Some(finished.id),
            None => self
                .to
                .sent_id
                .clone()
                .map(PacketId::try_from)
                .transpose()
                .map_err(|_| SyncError::Bug("a stored packet id does not read"))?,
        };
        let brings = !parts.is_empty();
        let contents = carries_contents(parts.iter().map(|part| part.name.as_str()));
        let papers = report::papers(parts.iter().map(|part| part.name.as_str()));
        let wants_all = parts.iter().any(|part| part.name == FULL_PART);
        let draft = Draft {
            kind: PacketKind::Changes,
            from: session.name().clone(),
            to: self.to.card.name.clone(),
            stream: self.to.stream_out,
            number: self.number,
            previous,
            sent: session.world.now(),
            requires: Vec::new(),
            acknowledges,
            settled: (self.up && last).then(|| self.settled_number()),
            more: !self.up && !last,
            asks: if last { self.asks.to_vec() } else { Vec::new() },
            stopped: false,
            sender: None,
            parts,
        };
        let finished = outbox::seal_into_outbox(session, self.to, &draft)?;
        // What was written only for this packet; the file of a bundle goes to other sites too.
        let scratch = session.home.scratch();
        for part in draft.parts {
            match part.source {
                PartSource::File(path) if path.starts_with(&scratch) => fs::remove_file(path)?,
                PartSource::File(_) | PartSource::Bytes(_) => {}
            }
        }
        self.sealed.push(Finished {
            number: self.number,
            id: finished.id,
            name: finished.name.to_string(),
            bytes: finished.bytes,
            changes: spool.changes,
            tables: spool.tables,
            brings,
            contents,
            papers,
            wants_all,
        });
        self.number = self.number.next();
        Ok(())
    }

    /// The schema: whole in the first packet of a snapshot, and the state of handed-out numbers in its last.
    fn schema(&self, last: bool) -> Result<Option<Part>> {
        let first = self.sealed.is_empty();
        if !self.to.fresh || self.up || !(first || last) {
            return Ok(None);
        }
        let sent = super::schema::SentSchema::of(self.session)?;
        let bytes = serde_json::to_vec(&sent).map_err(|_| SyncError::Bug("a schema does not write"))?;
        Ok(Some(Part { name: schema::PART.into(), source: PartSource::Bytes(bytes) }))
    }

    /// Outcomes for sites that lie this way, as far as not told, and the wish for everything: parts, last outcome.
    fn documents(&self) -> Result<(Vec<Part>, i64)> {
        let ledger = &self.session.ledger;
        let mut parts = Vec::new();
        let mut outcomes: Vec<(i64, i64, Conflict)> = Vec::new();
        let mut last = self.to.told_outcomes;
        // A remote has told us of every edit that it made as well.
        let may_know = is_office(self.to) && (self.office || !self.up);
        let mut perhaps = Vec::new();
        ledger.outcomes(self.to.told_outcomes, &mut |number, decider_number, loser, conflict| {
            last = number;
            if self.concerns(loser, &conflict)? {
                outcomes.push((number, decider_number, Conflict { listed_at: None, passing: false, ..conflict }));
            } else if may_know && stood_at(self.session.name(), &conflict) && !self.leads_to_decider(&conflict)? {
                perhaps.push((number, decider_number, Conflict { listed_at: None, passing: true, ..conflict }));
            }
            Ok(())
        })?;
        for outcome in perhaps {
            if self.is_told_of(&outcome.2)? {
                outcomes.push(outcome);
            }
        }
        outcomes.sort_by_key(|(number, ..)| *number);
        let outcomes: Vec<(i64, Conflict)> = outcomes.into_iter().map(|(_, at_decider, conflict)| (at_decider, conflict)).collect();
        if !outcomes.is_empty() {
            let bytes = serde_json::to_vec(&outcomes).map_err(|_| SyncError::Bug("outcomes do not write"))?;
            parts.push(Part { name: "outcomes.json".into(), source: PartSource::Bytes(bytes) });
        }
        if self.up && ledger.note(WANT_FULL)?.is_some_and(|wish| !wish.is_empty()) {
            parts.push(Part { name: FULL_PART.into(), source: PartSource::Bytes(b"{}\n".to_vec()) });
            ledger.set_note(WANT_FULL, "")?;
        }
        Ok((parts, last))
    }

    /// Whether the way to the site of a losing edit leads through this neighbour, and it is not where this was decided.
    fn concerns(&self, loser: Option<SiteNo>, conflict: &Conflict) -> std::result::Result<bool, LedgerError> {
        let loser = loser.map(|loser| self.session.ledger.site_name(loser)).transpose()?;
        for site in loser.iter().chain(conflict.also.iter().map(|(site, _)| site)) {
            if self.is_the_way_to(site)? {
                return Ok(!self.leads_to_decider(conflict)?);
            }
        }
        Ok(false)
    }

    /// Whether this neighbour had it from whoever decided, or is that site.
    fn leads_to_decider(&self, conflict: &Conflict) -> std::result::Result<bool, LedgerError> {
        if conflict.decider == *self.session.name() {
            return Ok(false);
        }
        let known = roster::known(self.session).is_ok_and(|roster| roster.find(&conflict.decider).is_some());
        Ok(conflict.decider == self.to.card.name || (known && self.is_the_way_to(&conflict.decider)?))
    }

    /// Whether this neighbour is told of the record that a conflict is about.
    fn is_told_of(&self, conflict: &Conflict) -> Result<bool> {
        let Some(record) = record_of(self.session, conflict)? else { return Ok(false) };
        let policy = self.session.policy(record.table);
        let travels = if self.up { rules::Direction::Down } else { rules::Direction::Up } != policy.direction;
        Ok(travels && self.session.stays_home(&record, self.link)?.is_none())
    }

    fn is_the_way_to(&self, site: &SiteName) -> std::result::Result<bool, LedgerError> {
        if site == self.session.name() {
            return Ok(false);
        }
        Ok(match roster::way_down(self.session, site)? {
            Some(child) => !self.up && child == self.to.card.name,
            None => self.up,
        })
    }
}

/// What a child is told of a record that only goes up: the number that its parent gave it, and nothing else.
fn number_alone(session: &Session, record: &Record, ours: Option<Image>, held_there: Option<Image>, same: bool) -> Result<Option<Change>> {
    let own = session.shape(record.table).number_field();
    let (Some(ours), Some(theirs), Some(own)) = (ours, held_there, own) else { return Ok(None) };
    if !same || (ours.born == theirs.born && ours.row.get(own) == theirs.row.get(own)) {
        return Ok(None);
    }
    let fields = vec![own];
    Ok(Some(Change {
        table: record.table,
        key: record.key.clone(),
        before: Some(partial(&Image { born: ours.born, ..theirs }, &fields)),
        after: Some(partial(&ours, &fields)),
        fields,
        whole: false,
        shared: None,
        aliases: session.ledger.absorbed_by(ours.born)?,
        meant: Vec::new(),
    }))
}

/// Only these fields of an image.
fn partial(image: &Image, fields: &[FieldNo]) -> Image {
    let mut part = Image { born: image.born, ..Image::default() };
    fields.iter().for_each(|field| part.take(*field, image));
    part
}
