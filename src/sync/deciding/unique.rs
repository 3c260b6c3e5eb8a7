//! What of a unique value that another record has? Nobody's record is deleted to make room (`DESIGN` section 5).
//!
//! The change waits, here and, where both sites took the value, the other one's waits at the child: whichever gives it up, the rest
//! goes on by itself with the next seal or packet. What still waits once a packet is taken and everything held was tried again is
//! **one conflict**, listed open at the site that decides and, through it, at the child whose change waits. Of a chain in which each waits for
//! the next only the last is listed: the others go on when that one does.
//!
//! **States**: held → listed (the number of the conflict is in the held entry) → gone on or let go of → settled, an entry of its own that
//! travels after the first. A record may meet others in several fields: once it waits for another field than the listed one, that conflict is
//! settled and the next one listed. All in the ledger's part of one slice. **Invariant**: a conflict of this kind is unsettled at the site that
//! decides exactly as long as the change that it names is held.

use std::collections::{BTreeMap, BTreeSet};

use crate::database::{Refusal, RefusalKind};
use crate::ledger::{Conflict, ConflictKind, ConflictState, Held, HeldReason, NeighbourKind, Record};
use crate::model::{FieldNo, Image, Key, Row, Shape, SiteNo, TableNo, Value};
use crate::sync::apply::{Applying, Incoming};
use crate::sync::{Result, Session};

/// Characters of a value that a person needs to recognise a record.
const MOST_SHOWN: usize = 40;

/// Parts of names of fields by which people call a record, the best first.
const CALLED: [&str; 4] = ["name", "title", "label", "subject"];

impl Applying<'_> {
    /// Why a change waits that the database refused. `new`: what the record was to be, as far as stated.
    pub(in crate::sync) fn why_refused(&self, record: &Record, new: Option<&Image>, refusal: Refusal) -> Result<HeldReason> {
        let taken = match (refusal.kind, new) {
            (RefusalKind::Unique, Some(new)) => self.taken_by(record, new, &refusal.fields)?,
            (
                RefusalKind::Unique
                | RefusalKind::NotNull
                | RefusalKind::Check
                | RefusalKind::Type
                | RefusalKind::Trigger
                | RefusalKind::Other,
                _,
            ) => None,
        };
        Ok(taken.unwrap_or(HeldReason::Refused { message: refusal.message }))
    }

    /// The record that has the values of these fields.
    fn taken_by(&self, record: &Record, new: &Image, fields: &[FieldNo]) -> Result<Option<HeldReason>> {
        let session = self.session;
        let shape = session.shape(record.table);
        let mut row = record.current.as_ref().map_or_else(Row::default, |image| image.row.clone());
        shape.live_fields().filter(|field| new.row.get(*field).is_stated()).for_each(|field| row.set(field, new.row.get(field).clone()));
        let row = session.numbered(shape, &row)?;
        let Some(place) = session.database()?.agreeing(shape, fields, &row)? else { return Ok(None) };
        let holder = session.load_at(shape, &place)?;
        let Some(image) = holder.current.as_ref().filter(|_| holder.key != record.key) else { return Ok(None) };
        let Some(id) = holder.id else { return Ok(None) };
        let name = called(shape, &session.numbered(shape, &image.row)?, fields).map_or_else(String::new, |name| format!(" '{name}'"));
        let words = |field: &FieldNo| (shape.name_of(*field).to_owned(), row.get(*field).to_string());
        Ok(Some(HeldReason::Taken {
            values: fields.iter().map(words).collect(),
            by: format!("{} {place}{name}", shape.name),
            record: id,
            by_site: self.site_of(fields.iter().filter_map(|field| image.stamp(*field)).max(), None)?,
        }))
    }

    /// Lists what waits for a unique value and is not listed yet, and settles what was listed and waits no more.
    pub(in crate::sync) fn list_taken(&mut self) -> Result<()> {
        let session = self.session;
        let (mut listed, mut unlisted, mut about) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut chain = Chain::default();
        session.ledger.exceptional(&mut |record| {
            for (site, held) in &record.extra.held {
                listed.extend(held.listed);
                if let (HeldReason::Taken { record: holder, values, .. }, Some(id)) = (&held.reason, record.id) {
                    let shape = session.shape(record.table);
                    let fields = values.iter().filter_map(|(name, _)| shape.field(name)).collect();
                    chain.0.insert(id, Waiting { holder: *holder, fields, gives_up: held.change.fields.clone() });
                    let place = (id, record.table, record.key.clone(), *site);
                    match held.listed {
                        Some(number) => about.push((number, values.clone(), place)),
                        None => unlisted.push(place),
                    }
                }
            }
            Ok(())
        })?;
        for number in session.ledger.taken()?.into_iter().filter(|number| !listed.contains(number)) {
            self.settle_taken(number, "it waits no more")?;
        }
        for (number, values, place) in about {
            let Some(field) = session.ledger.conflict(number)?.and_then(|conflict| conflict.field) else { continue };
            if values.iter().all(|(name, _)| *name != field) {
                let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
                self.settle_taken(number, &format!("it waits for its {} now", names.join(" with ")))?;
                let mut record = session.load(place.1, &place.2)?;
                record.extra.held.entry(place.3).and_modify(|held| held.listed = None);
                self.store_extra(&mut record)?;
                unlisted.push(place);
            }
        }
        unlisted.retain(|(id, ..)| !chain.goes_on_with_another(*id));
        unlisted.into_iter().try_for_each(|(_, table, key, site)| self.list_one(table, &key, site))
    }

    fn list_one(&mut self, table: TableNo, key: &Key, site: SiteNo) -> Result<()> {
        let session = self.session;
        let Some(link) = self.links.iter().find(|link| link.site == site && link.kind == NeighbourKind::Child).copied() else {
            return Ok(());
        };
        let mut record = session.load(table, key)?;
        let Some(held) = record.extra.held.get(&site).cloned() else { return Ok(()) };
        let incoming = Incoming { link, name: session.ledger.site_name(site)?, number: held.packet };
        let Some(conflict) = self.conflict_of(&record, &incoming, &held)? else { return Ok(()) };
        let number = session.ledger.last_conflict()? + 1;
        session.ledger.add_conflict(&conflict, None)?;
        self.tally.conflicts.push(conflict);
        record.extra.held.insert(site, Held { listed: Some(number), ..held });
        self.store_extra(&mut record)
    }

    fn conflict_of(&self, record: &Record, incoming: &Incoming, held: &Held) -> Result<Option<Conflict>> {
        let (HeldReason::Taken { values, by, by_site, .. }, Some(after)) = (&held.reason, &held.change.after) else { return Ok(None) };
        let session = self.session;
        let shape = session.shape(record.table);
        // Of several fields that are unique together the one that the child set is the one to set otherwise.
        let fields: Vec<FieldNo> = values.iter().filter_map(|(name, _)| shape.field(name)).collect();
        let set = |field: &&FieldNo| {
            let before = held.change.before.as_ref().map(|before| before.row.get(**field));
            held.change.fields.contains(*field) && before != Some(after.row.get(**field))
        };
        let Some(field) = fields.iter().find(set).or(fields.first()).copied() else { return Ok(None) };
        let rule = match &values[..] {
            [_] => "a unique value is one record's".to_owned(),
            several => {
                let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
                format!("{} together are one record's", names.join(" and "))
            }
        };
        let mut conflict = self.conflict(record, ConflictKind::Taken, Some(field), &rule, ConflictState::Open, incoming);
        conflict.key = self.key_said(record, after)?;
        let shown = |row: &Row| self.shown(record, field, row);
        let before = held.change.before.as_ref().filter(|before| before.born == after.born);
        let base = before.map_or(Ok(Value::Absent), |before| shown(&before.row))?;
        conflict.base = base.is_stated().then(|| base.to_string());
        conflict.winner = Some(by.clone());
        conflict.loser = Some(values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", "));
        conflict.winner_site = Some(by_site.clone());
        conflict.loser_site = Some(self.site_of(after.stamp(field), Some(incoming))?);
        conflict.loser_time = after.stamp(field).map(|stamp| stamp.time);
        // One that was deleted here meanwhile would come back as it was.
        let mut row = match (&record.current, session.ledger.former(record)?.into_iter().next()) {
            (Some(image), _) => image.row.clone(),
            (None, Some(last)) if held.change.before.as_ref().is_some_and(|before| before.born == after.born) => last.row,
            (None, _) => after.row.clone(),
        };
        held.change.fields.iter().for_each(|field| row.set(*field, after.row.get(*field).clone()));
        conflict.called = called(shape, &session.shown_row(shape, &row)?, &fields);
        conflict.exact = Row(vec![base, Value::Absent, shown(&row)?]);
        Ok(Some(conflict))
    }

    fn settle_taken(&self, number: i64, why: &str) -> Result<()> {
        let session = self.session;
        let (_, conflict) = crate::sync::mend::find(session, number)?;
        session.ledger.close_taken(number)?;
        session.ledger.add_conflict(
            &Conflict {
                kind: ConflictKind::Settled,
                settles: Some((session.name().clone(), number)),
                rule: why.to_owned(),
                time: self.now,
                state: ConflictState::Decided,
                ..conflict
            },
            None,
        )?;
        Ok(())
    }
}

/// A record whose change waits for a unique value.
struct Waiting {
    /// Who has the value, as a row of the ledger.
    holder: i64,
    /// The fields that are unique.
    fields: Vec<FieldNo>,
    /// The fields that are others once its change is taken.
    gives_up: Vec<FieldNo>,
}

/// Who waits for whom, by row of the ledger.
#[derive(Default)]
struct Chain(BTreeMap<i64, Waiting>);

impl Chain {
    /// Whether the record that has the value gives it up with a change that waits itself, and that one's end does not lead back here.
    fn goes_on_with_another(&self, id: i64) -> bool {
        let next = |id: i64| {
            let waiting = self.0.get(&id)?;
            let holder = self.0.get(&waiting.holder)?;
            waiting.fields.iter().any(|field| holder.gives_up.contains(field)).then_some(waiting.holder)
        };
        let mut seen = BTreeSet::from([id]);
        let mut at = id;
        while let Some(further) = next(at) {
            if !seen.insert(further) {
                return false;
            }
            at = further;
        }
        at != id
    }
}

impl Session {
    /// The held change that a conflict of ours about a unique value is about: its row of the ledger, and who sent it.
    pub(in crate::sync) fn held_as(&self, number: i64) -> Result<Option<(i64, SiteNo)>> {
        let mut found = None;
        self.ledger.exceptional(&mut |record| {
            let held = record.extra.held.iter().find(|(_, held)| held.listed == Some(number));
            found = found.or(record.id.zip(held.map(|(site, _)| *site)));
            Ok(())
        })?;
        Ok(found)
    }
}

/// By what people know a record, besides its key: the text that sounds most like a name. `row` has numbers.
fn called(shape: &Shape, row: &Row, without: &[FieldNo]) -> Option<String> {
    let texts: Vec<FieldNo> = shape
        .live_fields()
        .filter(|field| !without.contains(field) && !shape.is_key(*field))
        .filter(|field| matches!(row.get(*field), Value::Text(text) if !text.is_empty()))
        .collect();
    let sounds = |part: &str| texts.iter().find(|field| shape.name_of(**field).to_ascii_lowercase().contains(part)).copied();
    let field = CALLED.into_iter().find_map(sounds).or(texts.first().copied())?;
    let text = row.get(field).to_string();
    let short: String = text.chars().take(MOST_SHOWN).collect();
    Some(if short.len() < text.len() { format!("{short}…") } else { text })
}
