//! What need a site not remember any more? `DESIGN` section 4, rule 13.
//!
//! Two reasons to remember: **streams** need it (a neighbour may still speak of it), or **people** may ask for it (`history`, `conflicts`,
//! the plot of `status`): that for as long as `history` in `fieldpost.toml` says. What serves both goes when neither needs it.
//!
//! | what grows | who needs it | when it goes |
//! |---|---|---|
//! | journal: an edit | what a neighbour holds is derived from entries after its cursor; `history` | all neighbours are past it, and it is old |
//! | journal: the end of a record, its *tombstone* | deciding about what others still say of that record; `history` | as above, and no neighbour can speak of it; where children only mark what is deleted, and where a table only goes up, never |
//! | graves (refused records, shared rows) | deciding, telling the parent | no neighbour can speak of the record; as above |
//! | aliases of absorbed records | deciding; naming them to neighbours | no neighbour can speak of the record; with handed-out numbers never |
//! | causes | the entries that name them; the time of a restored database | no entry is left that names it, and it is old |
//! | packets sent and received | acknowledgements, repeats, `history` | acknowledged and settled, or applied, and old |
//! | conflicts | telling them on; people | told to every neighbour, decided or settled, and old |
//! | edits that were made twice | telling both that one lost | all neighbours are past them, and they are old |
//! | records that ended | all of the above | nothing of the above is left; with handed-out numbers never |
//! | numbers that records gave up | nobody is given them again (`renumber`) | never |
//! | values of dropped columns | `history` | with the record: there are no more than records when a column was dropped |
//! | sites, shapes, invitations, notes | | never: they are few |
//! | pending fields, parked and held changes | | when acknowledged, placed, decided: not here |
//!
//! A **packet of long ago that comes once more** is known by its number alone: whatever is at most what was applied was applied (`plan`).
//! Files: the outbox keeps what is not acknowledged, the inbox what is not applied, the log closes its own; quarantine is for people.
//!
//! **How far a neighbour is past** ([`Past`]; who is retired is none, and is waited for no more): the parent, what its last acknowledged packet told; a child, what the last packet told
//! that it has *settled*, that is after which it kept nothing back. What the rules keep home at a child counts as kept back only where the parent
//! said that the record ended, or is another one, and was ignored: drafts that stay home for good are no reason to remember everything. Of several packets of one build only all of them count. A child that
//! never settled anything never heard of what was before its first packet. An office says that it settled a packet of its parent only
//! when its own children settled what came of it: else its parent could forget a record that a child of the office still edits.
//!
//! **No neighbour can speak of a record** ([`Forgetting::is_over`]) when with each of them: it holds what is here, as far as existence and
//! incarnation go; it is past the last entry by which the record began, ended or was renamed; and past the packet that told it
//! anything of that kind which no entry tells of (`Extra::told`): after a child's word of a record that it should not have, say. And nothing
//! at all is held, because what is held may refer to it. That covers the office's revived record: until its revival is sent up, the
//! parent holds another one.
//!
//! **Slices.** Each round looks at [`super::Limits::forget_rows`] of each kind, in their order, from where it was left; once through, it begins anew
//! when a neighbour has moved on. Entries are in the order of their time, so looking ends at the first that is not old. A time in the future
//! comes of a wrong clock, and such an entry waits for the next time through.
//!
//! **States**: looked at up to some place → forgotten in ONE commit of the ledger, with that place. **Crash point**: before it nothing happened,
//! and the next round does it. **Invariant**: of every record the entries that are left are its last ones without a gap, and no number of a
//! journal entry, record or packet is given again.
//!
//! The file does not shrink: SQLite uses the pages that become free for what comes next, so it stays as large as the most that was ever
//! kept. Giving them back would move pages about in every round, or need as much again on the disk for a while.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::known::{self, Link};
use super::{Result, Session};
use crate::ledger::{Direction, EntryKind, Neighbour, NeighbourKind, OldEntry, Record};
use crate::model::{Identity, JournalNumber, Millis, PacketNumber, SiteNo};
use crate::rules;

/// Note of how far the last round came.
const PLACE: &str = "forgetting";
/// Note of when entries of the journal were forgotten last, in milliseconds.
const LAST: &str = "forgotten";
/// The most that is not forgotten because of one neighbour before `status` speaks of it.
pub const MUCH: u64 = 10_000;

/// What a round forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Entries of the journal.
    pub changes: u64,
    /// Graves and aliases.
    pub former: u64,
    /// Records that ended.
    pub records: u64,
    /// Packets in the list of packets.
    pub packets: u64,
    /// Conflicts in the list of conflicts.
    pub conflicts: u64,
}

/// How far looking came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    /// How far the neighbours were when this time through began.
    began: String,
    /// The last entry that was looked at.
    entry: i64,
    /// The record of the last grave that was looked at; none once through.
    grave: Option<i64>,
    /// The last record with aliases that was looked at; none once through.
    alias: Option<i64>,
    /// Whether the entries that are old and need no waiting for were all looked at.
    through: bool,
}

/// How far a neighbour is past what it may speak of.
struct Past {
    neighbour: Neighbour,
    /// The last entry that it needs no more.
    entry: JournalNumber,
    /// Of a child, the last packet that it settled; of the parent, the last one that it acknowledged.
    packet: PacketNumber,
}

struct Forgetting<'s> {
    session: &'s Session,
    past: Vec<Past>,
    /// Whether anything at all is held.
    held: bool,
    forgotten: Forgotten,
}

/// Forgets a slice of what nobody needs.
///
/// # Errors
/// As the ledger says; then nothing was forgotten.
pub fn forget(session: &Session) -> Result<Forgotten> {
    if !session.has_database() {
        return Ok(Forgotten::default());
    }
    session.ledger.begin()?;
    let done = slice(session).and_then(|(forgotten, moved)| {
        if forgotten == Forgotten::default() && !moved {
            session.ledger.rollback()?;
        } else {
            session.ledger.keep_counters()?;
            session.ledger.commit(&session.world, "commit forgetting")?;
        }
        Ok(forgotten)
    });
    if done.as_ref().is_err_and(|error| !error.is_crash()) {
        session.ledger.rollback()?;
    }
    done
}

/// Forgets in the open transaction. Says whether looking came further.
fn slice(session: &Session) -> Result<(Forgotten, bool)> {
    let mut forgetting = Forgetting { session, past: past(session)?, held: false, forgotten: Forgotten::default() };
    let told_is_settled = forgetting.settle_told()?;
    let noted = session.ledger.note(PLACE)?.unwrap_or_default();
    let before: Place = serde_json::from_str(&noted).unwrap_or_default();
    let now = session.world.now();
    let kept = session.settings.history_millis;
    let cutoff = Millis(now.0 - session.limits.history_millis.unwrap_or(kept));
    let began = forgetting.words();
    let mut place = before.clone();
    if began != place.began && place.through && place.grave.is_none() && place.alias.is_none() {
        place = Place { began, entry: 0, grave: Some(0), alias: Some(0), through: false };
    }
    forgetting.entries(&mut place, now, cutoff)?;
    forgetting.graves(&mut place)?;
    forgetting.aliases(&mut place)?;
    forgetting.packets(cutoff)?;
    forgetting.conflicts(now, Millis(now.0 - kept))?;
    session.ledger.forget_causes(cutoff, session.limits.forget_rows)?;
    let same_edits = session.ledger.forget_same_edits(forgetting.until(), cutoff, session.limits.forget_rows)?;
    if forgetting.forgotten.changes > 0 {
        session.ledger.set_note(LAST, &now.0.to_string())?;
    }
    if place != before {
        session.ledger.set_note(PLACE, &serde_json::to_string(&place).map_err(|_| super::SyncError::Bug("a place does not write"))?)?;
    }
    Ok((forgetting.forgotten, told_is_settled || same_edits > 0 || place != before))
}

fn past(session: &Session) -> Result<Vec<Past>> {
    let ledger = &session.ledger;
    let past = |neighbour: Neighbour| {
        let packet = match neighbour.kind {
            NeighbourKind::Parent => neighbour.acknowledged,
            NeighbourKind::Child => neighbour.settled_there,
        };
        Ok(Past { entry: ledger.told_up_to(neighbour.site, packet)?, packet, neighbour })
    };
    ledger.neighbours()?.into_iter().map(past).collect()
}

/// How far a site may say that it is settled, where it kept nothing back itself: as far as its own children are.
pub(super) fn may_settle(session: &Session, parent: &Neighbour) -> Result<PacketNumber> {
    let children = past(session)?.into_iter().filter(|past| past.neighbour.kind == NeighbourKind::Child);
    match children.map(|past| past.entry).min() {
        None => Ok(parent.received),
        Some(entry) => Ok(session.ledger.received_by(parent.site, entry)?.unwrap_or_default().min(parent.received)),
    }
}

impl Forgetting<'_> {
    /// The last entry that no neighbour needs.
    fn until(&self) -> JournalNumber {
        self.past.iter().map(|past| past.entry).min().unwrap_or_else(|| self.session.ledger.journal_end())
    }

    /// How far all neighbours are: as long as this is the same, what could not be forgotten cannot be.
    fn words(&self) -> String {
        let mut words = if self.held { "held".to_owned() } else { String::new() };
        for past in &self.past {
            let _ = write!(words, " {}:{}:{}", past.neighbour.site.0, past.packet, past.entry.0);
        }
        words
    }

    /// Takes back what was noted of packets that are settled, and looks whether anything is held. Says whether anything was taken back.
    fn settle_told(&mut self) -> Result<bool> {
        let ledger = &self.session.ledger;
        let (past, mut held, mut settled) = (&self.past, false, Vec::new());
        ledger.exceptional(&mut |mut record| {
            held |= !record.extra.held.is_empty();
            let before = (record.extra.told.len(), record.extra.made_as.len());
            let waits = |site: &SiteNo, packet: PacketNumber| past.iter().any(|past| past.neighbour.site == *site && past.packet < packet);
            record.extra.told.retain(|site, packet| waits(site, *packet));
            record.extra.made_as.retain(|site, made_as| made_as.told.is_none_or(|packet| waits(site, packet)));
            settled.extend(((record.extra.told.len(), record.extra.made_as.len()) != before).then_some(record));
            Ok(())
        })?;
        self.held = held;
        for record in &mut settled {
            ledger.store_extra(record)?;
        }
        Ok(!settled.is_empty())
    }

    /// Whether no neighbour can speak of an incarnation of a record that is not here now.
    fn is_over(&self, record: &Record) -> Result<bool> {
        // A child may take up again what it only marked as deleted, with what that needs, and goes on with what was refused where a table only goes up.
        let policy = self.session.policy(record.table);
        let kept = self.session.may_stay_for_marked(record.table) || policy.direction == rules::Direction::Up;
        if self.held || kept || !record.extra.told.is_empty() {
            return Ok(false);
        }
        let ledger = &self.session.ledger;
        for past in &self.past {
            let link = Link::from(&past.neighbour);
            if known::differs_in_existence(record, &known::opinion(ledger, record, link)?)
                || ledger.unnoted(past.neighbour.site)? > past.packet
                || ledger.chain(record, past.entry)?.iter().any(|entry| !matches!(entry.kind, EntryKind::Update(..)))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn entries(&mut self, place: &mut Place, now: Millis, cutoff: Millis) -> Result<()> {
        let ledger = &self.session.ledger;
        let most = self.session.limits.forget_rows;
        let entries = ledger.old_entries(JournalNumber(place.entry), self.until(), most)?;
        let mut young = (entries.len() as u64) < most;
        for entry in entries {
            if entry.time > cutoff && entry.time <= now {
                young = true;
                break;
            }
            place.entry = entry.number.0;
            if entry.time <= cutoff {
                self.entry(&entry)?;
            }
        }
        place.through |= young;
        Ok(())
    }

    fn entry(&mut self, entry: &OldEntry) -> Result<()> {
        let ledger = &self.session.ledger;
        // Looked up again where its own predecessor went in this very slice.
        if entry.follows && ledger.follows_another(entry.number)? {
            return Ok(());
        }
        let record = ledger.load_id(entry.record)?;
        // What was edited since it was marked is listed once the record comes back.
        if record.extra.marked || (entry.tombstone && !self.is_over(&record)?) {
            return Ok(());
        }
        ledger.forget_entry(entry.number)?;
        self.forgotten.changes += 1;
        if record.version == entry.number { self.record(&record) } else { Ok(()) }
    }

    /// Forgets a record that ended, where nothing else is kept of it. A handed-out number goes on meaning it.
    fn record(&mut self, record: &Record) -> Result<()> {
        if record.current.is_none() && self.session.shape(record.table).identity() != Identity::Birth {
            self.forgotten.records += u64::from(record.id.map_or(Ok(false), |id| self.session.ledger.forget_record(id))?);
        }
        Ok(())
    }

    fn graves(&mut self, place: &mut Place) -> Result<()> {
        let Some(after) = place.grave else { return Ok(()) };
        let most = self.session.limits.forget_rows;
        let mut ids: Vec<i64> = self.session.ledger.graves(after, most)?.into_iter().map(|(record, _)| record).collect();
        place.grave = if (ids.len() as u64) < most { None } else { ids.last().copied() };
        ids.dedup();
        for id in ids {
            let record = self.session.ledger.load_id(id)?;
            if self.is_over(&record)? {
                self.forgotten.former += self.session.ledger.forget_graves(id)?;
                self.record(&record)?;
            }
        }
        Ok(())
    }

    fn aliases(&mut self, place: &mut Place) -> Result<()> {
        let Some(after) = place.alias else { return Ok(()) };
        let most = self.session.limits.forget_rows;
        let ids = self.session.ledger.absorbers(after, most)?;
        place.alias = if (ids.len() as u64) < most { None } else { ids.last().copied() };
        for id in ids {
            let record = self.session.ledger.load_id(id)?;
            // What refers to a number goes by the record that had it, absorbed or not.
            if self.session.shape(record.table).identity() != Identity::Birth && self.is_over(&record)? {
                self.forgotten.former += self.session.ledger.forget_aliases(id)?;
                self.record(&record)?;
            }
        }
        Ok(())
    }

    fn packets(&mut self, cutoff: Millis) -> Result<()> {
        let (ledger, most) = (&self.session.ledger, self.session.limits.forget_rows);
        for past in &self.past {
            let neighbour = &past.neighbour;
            let needed = past.packet.min(neighbour.acknowledged);
            self.forgotten.packets += ledger.forget_packets(neighbour.site, Direction::Out, needed, cutoff, most)?;
            self.forgotten.packets += ledger.forget_packets(neighbour.site, Direction::In, self.answered(neighbour), cutoff, most)?;
        }
        for site in ledger.retired()? {
            // The last word is told again as long as somebody there has not heard it.
            self.forgotten.packets += ledger.forget_packets(site.site, Direction::Out, site.sent, cutoff, most)?;
            self.forgotten.packets += ledger.forget_packets(site.site, Direction::In, site.received, cutoff, most)?;
        }
        Ok(())
    }

    /// Packets of a neighbour below this are of no more use. How far the parent's are settled is told by what came of them.
    fn answered(&self, neighbour: &Neighbour) -> PacketNumber {
        match neighbour.kind {
            NeighbourKind::Parent => neighbour.received.min(neighbour.settled_here),
            NeighbourKind::Child => neighbour.received,
        }
    }

    fn conflicts(&mut self, now: Millis, cutoff: Millis) -> Result<()> {
        let ledger = &self.session.ledger;
        let told = self.past.iter().map(|past| past.neighbour.told_outcomes).min().unwrap_or(i64::MAX);
        let mut old = Vec::new();
        ledger.old_conflicts(told, &mut |conflict| {
            let young = conflict.time > cutoff && conflict.time <= now;
            if conflict.time <= cutoff {
                old.extend([Some(conflict.number), conflict.settles].into_iter().flatten());
            }
            !young && (old.len() as u64) < self.session.limits.forget_rows
        })?;
        for number in &old {
            ledger.forget_conflict(*number)?;
        }
        self.forgotten.conflicts += old.len() as u64;
        Ok(())
    }
}

/// How much is kept for a neighbour and nobody else.
///
/// # Errors
/// As the ledger says.
pub fn kept_for(session: &Session, neighbour: &Neighbour) -> Result<u64> {
    let all = past(session)?;
    let Some(own) = all.iter().find(|past| past.neighbour.site == neighbour.site) else { return Ok(0) };
    let others = all.iter().filter(|past| past.neighbour.site != neighbour.site).map(|past| past.entry).min();
    let old = session.ledger.last_entry_before(Millis(session.world.now().0 - session.settings.history_millis))?;
    let unneeded = others.unwrap_or_else(|| session.ledger.journal_end()).min(old);
    Ok(unneeded.0.saturating_sub(own.entry.0).max(0).unsigned_abs())
}

/// When entries of the journal were forgotten last; none where all are there since the beginning.
///
/// # Errors
/// As the ledger says.
pub fn last_forgotten(session: &Session) -> Result<Option<Millis>> {
    Ok(session.ledger.note(LAST)?.and_then(|text| text.parse().ok()).map(Millis))
}
