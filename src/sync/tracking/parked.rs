//! What becomes of a change for a table or field that is not here (yet)? It is kept, and taken when its place is made.
//!
//! **States of a parked change**: received (in a packet that is applied and acknowledged like any other) → *parked*, one entry per
//! neighbour and record, composed of all that came for it, in the slice that applied the rest → *taken* through the ordinary decision, in
//! the first run after the application made the table or field. **Crash points**: none of its own; parking and taking are
//! parts of slices. **Invariant**: exact values, times and sites are kept, under numbers that the table or field gets
//! as soon as a neighbour speaks of it (`foreign`) and keeps when it is made here ([`Session::shapes`] has only what is here).
//!
//! Meanwhile: of a record that is here everything else travels; the parked fields are neither told nor contradicted; a delete of the record
//! takes the parked entry with it. An office without a field passes on to its other neighbours what it parked
//! once it has the field. A site that keeps something parked is not settled.
//!
//! When the place is made, the migration has filled it. What nobody edited gives way to an edit that waited; what somebody edited here
//! meets it as any other edit would: the parent decides, a child keeps what it has not sent yet.

use std::collections::BTreeMap;

use crate::ledger::{CauseKind, EntryKind, NeighbourKind, Opinion, Parked, Record};
use crate::model::{Change, ChangeKind, FieldNo, Image, Key, Shape, SiteName, TableNo};
use crate::sync::apply::{Applying, Incoming, slice};
use crate::sync::deciding::{from_child, from_parent};
use crate::sync::known;
use crate::sync::{Result, Session};

/// Fields that are here and that the neighbour a record came from says nothing of.
pub(in crate::sync) struct Unsaid {
    table: TableNo,
    key: Key,
    fields: Vec<FieldNo>,
}

/// What a neighbour leaves unsaid of a record that comes; nothing where all is said.
pub(in crate::sync) fn unsaid(shape: &Shape, change: &Change) -> Option<Unsaid> {
    let after = change.after.as_ref().filter(|_| matches!(change.kind(), ChangeKind::Insert | ChangeKind::Replace))?;
    let fields: Vec<FieldNo> = shape.live_fields().filter(|field| !after.row.get(*field).is_stated()).collect();
    (!fields.is_empty()).then(|| Unsaid { table: change.table, key: change.key.clone(), fields })
}

/// Takes a change apart: what has its place in the table, and what has not. Of a table that is not here that is all of it.
pub(in crate::sync) fn split(here: &Shape, change: Change) -> (Option<Change>, Option<Change>) {
    if here.past.gone {
        return (None, Some(change));
    }
    let (live, rest): (Vec<FieldNo>, Vec<FieldNo>) = change.fields.iter().copied().partition(|field| here.is_live(*field));
    let parked = match (&change.after, rest.is_empty()) {
        (Some(after), false) => {
            let same = change.before.as_ref().filter(|before| before.born == after.born);
            let mut before = Image { born: after.born, ..Image::default() };
            let mut new = before.clone();
            for field in &rest {
                new.take(*field, after);
                if let Some(same) = same {
                    before.take(*field, same);
                }
            }
            Some(Change {
                before: Some(before),
                after: Some(new),
                fields: rest,
                whole: false,
                shared: None,
                aliases: Vec::new(),
                ..change.clone()
            })
        }
        _ => None,
    };
    let strip = |image: Image| {
        let mut live = Image { born: image.born, ..Image::default() };
        here.live_fields().filter(|field| image.row.get(*field).is_stated()).for_each(|field| live.take(field, &image));
        live
    };
    if change.kind() == ChangeKind::Update && live.is_empty() && change.aliases.is_empty() && !change.whole {
        return (None, parked);
    }
    let shared = change.shared.map(|row| strip(Image { row, ..Image::default() }).row);
    let here = Change { before: change.before.map(strip), after: change.after.map(strip), shared, fields: live, ..change };
    (Some(here), parked)
}

impl Applying<'_> {
    /// Keeps what has no place here. `row_level`: the record came, ended or was replaced, so what was parked before is of the past.
    pub(in crate::sync) fn park(&mut self, incoming: &Incoming, change: Change) -> Result<()> {
        let ledger = &self.session.ledger;
        let site = incoming.link.site;
        let earlier = ledger.parked_of(site, change.table, &change.key)?;
        let since = earlier.as_ref().map_or(self.now, |earlier| earlier.since);
        let change = match (earlier, incoming.link.kind) {
            (None, _) => change,
            (Some(earlier), NeighbourKind::Child) => from_child::compose_child(&earlier.change, change),
            (Some(earlier), NeighbourKind::Parent) => from_parent::compose_parent(&earlier.change, change),
        };
        if incoming.link.kind == NeighbourKind::Child && change.before.is_none() && change.after.is_none() {
            // Inserted and deleted while it waited.
            return Ok(ledger.drop_parked(site, change.table, &change.key)?);
        }
        Ok(ledger.put_parked(&Parked { site, packet: incoming.number, since, change })?)
    }

    /// What was parked of a record that came anew, ended or was replaced at the neighbour is of the past.
    pub(in crate::sync) fn unpark_former(&mut self, incoming: &Incoming, change: &Change) -> Result<()> {
        if change.kind() == ChangeKind::Update {
            return Ok(());
        }
        Ok(self.session.ledger.drop_parked(incoming.link.site, change.table, &change.key)?)
    }

    /// A child edited a record in nothing that is here, so nothing is decided; but where it was told that the record is gone, it has not taken
    /// that (`DESIGN` section 4, rule 9): it is told again.
    pub(in crate::sync) fn hear_of(&mut self, incoming: &Incoming, change: &Change) -> Result<()> {
        let session = self.session;
        let is_here = session.shapes.iter().any(|shape| shape.number == change.table);
        let Some(after) = change.after.as_ref().filter(|_| is_here && incoming.link.kind == NeighbourKind::Child) else { return Ok(()) };
        let mut record = session.load(change.table, &change.key)?;
        let held = match known::opinion(&session.ledger, &record, incoming.link)? {
            Opinion::Known(Some(shadow)) => session.ledger.same(shadow.born, after.born)?,
            Opinion::Known(None) | Opinion::Unknown => false,
        };
        if held || change.kind() != ChangeKind::Update {
            return Ok(());
        }
        known::set_opinion(&session.ledger, &mut record, incoming.link, Opinion::Unknown)?;
        self.store_extra(&mut record)
    }

    /// A child without some of our fields says nothing of them when it deletes or replaces a record: it saw them as they were in the last of
    /// our packets that it had taken by then.
    pub(in crate::sync) fn complete(&mut self, incoming: &Incoming, change: &mut Change) -> Result<()> {
        let shape = self.session.shape(change.table);
        let row_level = matches!(change.kind(), ChangeKind::Delete | ChangeKind::Replace);
        let Some(before) = change.before.as_mut().filter(|_| row_level) else { return Ok(()) };
        let unsaid: Vec<FieldNo> = shape.live_fields().filter(|field| !before.row.get(*field).is_stated()).collect();
        if unsaid.is_empty() {
            return Ok(());
        }
        let record = self.session.load(change.table, &change.key)?;
        let Opinion::Known(Some(shadow)) = known::opinion(&self.session.ledger, &record, incoming.link)? else { return Ok(()) };
        if !self.session.ledger.same(shadow.born, before.born)? {
            return Ok(());
        }
        let acknowledged = self.session.ledger.neighbour(incoming.link.site)?.acknowledged;
        let heard = known::heard(&self.session.ledger, incoming.link.site, acknowledged)?.unwrap_or_default();
        let later = self.session.ledger.chain(&record, heard)?;
        for field in unsaid {
            before.take(field, &shadow);
            let edits = later.iter().map_while(|entry| match &entry.kind {
                EntryKind::Update(old, fields) => Some(fields.contains(&field).then_some(old)),
                EntryKind::Rename(_) => Some(None),
                EntryKind::Insert | EntryKind::Delete(_) | EntryKind::Replace(_) => None,
            });
            edits.flatten().last().into_iter().for_each(|old| before.take(field, old));
        }
        self.complete_filled(&record, change)
    }

    /// What only a migration here gave to a record that a child ends was never told, and nobody edited it: it ends with the record, also where the delete
    /// waits since before that migration.
    pub(in crate::sync) fn complete_filled(&self, record: &Record, change: &mut Change) -> Result<()> {
        let row_level = matches!(change.kind(), ChangeKind::Delete | ChangeKind::Replace);
        let (Some(before), Some(ours)) = (change.before.as_mut().filter(|_| row_level), &record.current) else { return Ok(()) };
        if self.session.ledger.same(ours.born, before.born)? {
            let shape = self.session.shape(record.table);
            let mut filled: Vec<FieldNo> = shape.live_fields().filter(|field| ours.stamp(*field).is_none()).collect();
            filled.retain(|field| !before.row.get(*field).is_stated());
            filled.into_iter().for_each(|field| before.take(field, ours));
        }
        Ok(())
    }

    /// A record came from a neighbour without some of our fields, and the column's default filled them: as every migration does, so the
    /// neighbour will hold the same without being told. Told under the field's former name it could undo what that neighbour has there.
    pub(in crate::sync) fn agree_on_defaults(&mut self, incoming: &Incoming, unsaid: Unsaid) -> Result<()> {
        let session = self.session;
        let shape = session.shape(unsaid.table);
        let mut record = session.load(unsaid.table, &unsaid.key)?;
        let (Some(ours), Opinion::Known(Some(mut theirs))) =
            (record.current.clone(), known::opinion(&session.ledger, &record, incoming.link)?)
        else {
            return Ok(());
        };
        for field in unsaid.fields {
            let filled = ours.stamp(field).is_none() && !theirs.row.get(field).is_stated();
            if filled && session.database()?.constant_default(shape, field)?.as_ref() == Some(ours.row.get(field)) {
                theirs.take(field, &ours);
            }
        }
        known::set_opinion(&session.ledger, &mut record, incoming.link, Opinion::Known(Some(theirs)))?;
        self.store_extra(&mut record)
    }

    /// What waited under a new name came out of order with what was told under the old one: both ends say what they hold.
    fn speak_out(&mut self, incoming: &Incoming, table: TableNo, key: &Key, fields: &[FieldNo]) -> Result<()> {
        let past = &self.session.shape(table).past;
        if past.names.is_empty() && !past.fields.values().any(|field| fields.contains(field)) {
            return Ok(());
        }
        let mut record = self.session.load(table, key)?;
        match (incoming.link.kind, record.current.is_some()) {
            (NeighbourKind::Child, _) => drop(record.extra.opinions.insert(incoming.link.site, Opinion::Unknown)),
            (NeighbourKind::Parent, true) => record.extra.report.extend(fields),
            (NeighbourKind::Parent, false) => record.extra.report_whole = true,
        }
        self.store_extra(&mut record)
    }

    fn take_parked(&mut self, parked: Parked) -> Result<()> {
        let session = self.session;
        let shape = session.shape(parked.change.table);
        session.ledger.drop_parked(parked.site, parked.change.table, &parked.change.key)?;
        let (here, rest) = split(shape, parked.change);
        if let Some(change) = rest {
            session.ledger.put_parked(&Parked { change, ..parked })?;
        }
        let link = self.links.iter().find(|link| link.site == parked.site).copied();
        let (Some(change), Some(link)) = (here, link) else { return Ok(()) };
        let mut change = session.inward(change, link)?;
        let incoming = Incoming { link, name: session.ledger.site_name(parked.site)?, number: parked.packet };
        let (table, key, fields) = (change.table, change.key.clone(), change.fields.clone());
        match link.kind {
            NeighbourKind::Parent => self.take_from_parent(&incoming, change, None)?,
            NeighbourKind::Child => {
                let current = session.load(change.table, &change.key)?.current;
                if let (Some(before), Some(after), Some(ours)) = (&mut change.before, &change.after, current)
                    && before.born == after.born
                {
                    let gives_way = |field: &&FieldNo| ours.stamp(**field).is_none() && after.stamp(**field).is_some();
                    change.fields.iter().filter(gives_way).for_each(|field| before.take(*field, &ours));
                }
                self.complete(&incoming, &mut change)?;
                self.take_from_child(&incoming, change, None)?;
            }
        }
        self.speak_out(&incoming, table, &key, &fields)
    }
}

/// Takes what was parked for tables and fields that are here by now.
pub(in crate::sync) fn retry(session: &Session) -> Result<()> {
    let tables = session.ledger.parked_tables()?;
    let mut due: Vec<&Shape> = session.shapes.iter().filter(|shape| tables.contains(&shape.number)).collect();
    due.sort_by_key(|shape| session.rank(shape.number));
    let mut ready = Vec::new();
    for shape in due {
        let has_place = |parked: &Parked| split(shape, parked.change.clone()).0.is_some();
        ready.extend(session.ledger.parked_in(shape.number)?.into_iter().filter(has_place));
    }
    let most = usize::try_from(session.limits.slice_changes).unwrap_or(usize::MAX).max(1);
    for chunk in ready.chunks(most) {
        slice(session, CauseKind::Retry, |applying| {
            chunk.iter().try_for_each(|parked| applying.take_parked(parked.clone()))?;
            applying.retry_held(crate::sync::deciding::held::Try::All)
        })?;
    }
    Ok(())
}

/// Changes of one neighbour that wait for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Who sent them.
    pub site: SiteName,
    /// The table.
    pub table: String,
    /// The key of one record.
    pub key: Key,
    /// The last packet that brought a part of it.
    pub packet: crate::model::PacketNumber,
    /// Since when.
    pub since: crate::model::Millis,
    /// The columns that this database does not have; none where it has no such table.
    pub columns: Vec<String>,
}

/// Everything that waits for a table or column.
///
/// # Errors
/// As the ledger says.
pub fn waiting(session: &Session) -> Result<Vec<Waits>> {
    let mut all = Vec::new();
    let tables = session.ledger.parked_tables()?;
    for shape in session.ledger.shapes_ever()?.into_iter().filter(|shape| tables.contains(&shape.number)) {
        for parked in session.ledger.parked_in(shape.number)? {
            let missing = parked.change.fields.iter().filter(|field| !shape.past.gone && !shape.is_live(**field));
            all.push(Waits {
                site: session.ledger.site_name(parked.site)?,
                table: shape.name.clone(),
                columns: missing.map(|field| shape.name_of(*field).to_owned()).collect(),
                key: parked.shown_key(&shape),
                packet: parked.packet,
                since: parked.since,
            });
        }
    }
    Ok(all)
}

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.columns.as_slice() {
            [] => write!(f, "it waits until this database has a table `{}` with the same key", self.table),
            [one] => write!(f, "it waits until this database has column `{one}`"),
            several => write!(
                f,
                "it waits until this database has columns {}",
                several.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

/// What waits, a line per table and neighbour.
pub(in crate::sync) fn lines(session: &Session) -> Result<Vec<String>> {
    let mut counts: BTreeMap<(String, SiteName, Vec<String>), usize> = BTreeMap::new();
    for waits in waiting(session)? {
        *counts.entry((waits.table, waits.site, waits.columns)).or_default() += 1;
    }
    let line = |((table, site, columns), count): ((String, SiteName, Vec<String>), usize)| {
        let records = if count == 1 { "1 record".to_owned() } else { format!("{count} records") };
        let what = match columns.as_slice() {
            [] => format!("table `{table}`"),
            columns => format!("column `{}` of table `{table}`", columns.join("`, `")),
        };
        format!("changes of {records} from '{site}' are kept until this database has {what}: 'fieldpost held'")
    };
    Ok(counts.into_iter().map(line).collect())
}

impl Parked {
    /// The key of the record as its sender has it.
    pub(in crate::sync) fn shown_key(&self, shape: &Shape) -> Key {
        let image = self.change.after.as_ref().or(self.change.before.as_ref());
        let said = image.filter(|_| self.change.key.is_birth()).and_then(|image| shape.key_of(&image.row).ok());
        said.unwrap_or_else(|| self.change.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Born, Field, KeyKind, Past, Row, SiteNo, Value};

    fn here() -> Shape {
        let field = |name: &str, dropped| Field { name: name.into(), dropped };
        let mut shape = Shape { past: Past::default(), ..phantom_of("t", &["id"]) };
        shape.fields = vec![field("id", false), field("a", false), field("b", true)];
        shape
    }

    fn phantom_of(name: &str, key: &[&str]) -> Shape {
        Shape {
            number: TableNo(0),
            name: name.into(),
            fields: key.iter().map(|name| Field { name: (*name).into(), dropped: true }).collect(),
            key: vec![FieldNo(0)],
            key_kind: KeyKind::Natural,
            references: Vec::new(),
            uniques: Vec::new(),
            without_rowid: false,
            numbers: Vec::new(),
            identity_fields: Vec::new(),
            past: Past { gone: true, ..Past::default() },
        }
    }

    fn change(before: Option<[Value; 3]>, after: Option<[Value; 3]>, fields: &[u16]) -> Change {
        let image =
            |values: [Value; 3]| Image { born: Born { site: SiteNo(1), sequence: 1 }, row: Row(values.to_vec()), stamps: Vec::new() };
        Change {
            table: TableNo(0),
            key: Key::new([&Value::text("k")]).unwrap(),
            before: before.map(image),
            after: after.map(image),
            fields: fields.iter().map(|field| FieldNo(*field)).collect(),
            whole: false,
            shared: None,
            aliases: Vec::new(),
            meant: Vec::new(),
        }
    }

    #[test]
    fn an_insert_goes_on_without_the_field_that_is_not_here_and_the_field_waits_as_an_update() {
        let (k, one, two) = (Value::text("k"), Value::Integer(1), Value::Integer(2));
        let (now, later) = split(&here(), change(None, Some([k.clone(), one.clone(), two.clone()]), &[0, 1, 2]));
        let (now, later) = (now.unwrap(), later.unwrap());
        assert_eq!((now.kind(), now.after.unwrap().row), (ChangeKind::Insert, Row(vec![k, one])));
        assert_eq!((later.kind(), later.fields), (ChangeKind::Update, vec![FieldNo(2)]));
        assert_eq!(later.after.unwrap().row.get(FieldNo(2)), &two);
    }

    #[test]
    fn an_update_of_nothing_that_is_here_only_waits() {
        let (k, one, two) = (Value::text("k"), Value::Integer(1), Value::Integer(2));
        let update = change(Some([k.clone(), Value::Absent, one]), Some([k, Value::Absent, two]), &[2]);
        let (now, later) = split(&here(), update);
        assert!(now.is_none());
        assert_eq!(later.unwrap().fields, [FieldNo(2)]);
    }
}
