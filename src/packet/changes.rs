//! Writes changes as blocks: a line of JSON each, records of one table, kind and set of fields, by column.
//!
//! Columns of one kind of thing lie together, so they deflate to 0.8 of row-wise JSON and less, and `jq` reads them. A change is carried
//! whole: both images with incarnation and stamps, stated fields, shared row, absorbed incarnations and whom references mean. Names stand
//! for tables, fields and sites; this home's numbers never leave it. Where the schema of the main office travels its numbers stand beside
//! the names: they mean the same for ever, a name may come to mean something else. Dropped fields are not said.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::column::{ObjectWriter, push_key_values, push_list, push_numbers, push_sites, push_steps, push_values};
use super::error::CodecError;
use super::json_value::Line;
use super::limits::{Limit, Limits};
use crate::model::{Born, Change, ChangeKind, FieldNo, Image, Meant, Row, Shape, Side, SiteName, SiteNo, Stamp, TableNo, Value};

/// What a home knows tables and sites by.
pub trait Vocabulary {
    /// The shape of a tracked table.
    fn shape(&self, table: TableNo) -> &Shape;
    /// The number of a tracked table, by the name the database spells and, where it is said, the main office's number.
    fn table(&self, name: &str, told: Option<TableNo>) -> Option<TableNo>;
    /// The field of such a table, in it now, by its name and, where it is said, the main office's number.
    fn field(&self, table: TableNo, name: &str, told: Option<FieldNo>) -> Option<FieldNo>;
    /// Whether the main office's numbers are said: every site knows tables and fields by them.
    fn says_numbers(&self) -> bool;
    /// The name of a numbered site.
    fn site_name(&self, site: SiteNo) -> SiteName;
    /// The number of a site; one that was never heard of gets a new number.
    fn site_number(&mut self, name: &SiteName) -> SiteNo;
}

/// Most records of a written block.
pub const BLOCK_RECORDS: usize = 1000;
/// A block is written when its values weigh this much, about; one large record can weigh more.
pub const BLOCK_BYTES: usize = 1 << 20;
/// Blocks that are filled at the same time.
pub const OPEN_BLOCKS: usize = 64;
/// Weight of all blocks that are being filled.
pub const OPEN_BYTES: usize = 8 << 20;

/// Writes changes as blocks. Tables come out in the order in which they were pushed; within a table, changes of different
/// keys may change places, so a key is pushed at most once between two calls of [`BlockWriter::flush_table`].
#[derive(Debug)]
pub struct BlockWriter<W> {
    out: W,
    written: u64,
    table: Option<TableNo>,
    open: BTreeMap<Form, Filling>,
    open_bytes: usize,
    line: Line,
}

/// What all records of a block have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    kind: ChangeKind,
    whole: bool,
    stated: Vec<FieldNo>,
}

#[derive(Debug, Default)]
struct Filling {
    changes: Vec<Change>,
    bytes: usize,
}

impl<W: Write> BlockWriter<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, written: 0, table: None, open: BTreeMap::new(), open_bytes: 0, line: Line::default() }
    }

    /// Takes one change; writes a block where one is full.
    ///
    /// # Errors
    /// As writing a block fails.
    pub fn push(&mut self, vocabulary: &dyn Vocabulary, change: Change) -> Result<(), CodecError> {
        if self.table != Some(change.table) {
            self.flush_table(vocabulary)?;
            self.table = Some(change.table);
        }
        let shape = vocabulary.shape(change.table);
        let kind = change.kind();
        let stated = change.fields.iter().copied().filter(|field| is_live(shape, *field)).collect();
        let form = Form { kind, whole: change.whole, stated };
        let bytes = weight(&change);
        let filling = self.open.entry(form.clone()).or_default();
        filling.changes.push(change);
        filling.bytes += bytes;
        self.open_bytes += bytes;
        if filling.changes.len() >= BLOCK_RECORDS || filling.bytes >= BLOCK_BYTES {
            return self.write(vocabulary, &form);
        }
        if self.open.len() > OPEN_BLOCKS || self.open_bytes > OPEN_BYTES {
            let fullest = self.open.iter().max_by_key(|(_, filling)| filling.bytes).map(|(form, _)| form.clone());
            return fullest.map_or(Ok(()), |form| self.write(vocabulary, &form));
        }
        Ok(())
    }

    /// Writes what is open of the current table.
    ///
    /// # Errors
    /// [`CodecError::Limit`] for a record that no block can hold, [`CodecError::Key`] for one whose key is not of its table, or as `out` says.
    pub fn flush_table(&mut self, vocabulary: &dyn Vocabulary) -> Result<(), CodecError> {
        while let Some(form) = self.open.keys().next().cloned() {
            self.write(vocabulary, &form)?;
        }
        Ok(())
    }

    /// Bytes written, and about those still open: what the part would have if it were finished now.
    #[must_use]
    pub const fn bytes_written(&self) -> u64 {
        self.written + self.open_bytes as u64
    }

    /// Writes everything and gives `out` back, flushed.
    ///
    /// # Errors
    /// As [`BlockWriter::flush_table`].
    pub fn finish(mut self, vocabulary: &dyn Vocabulary) -> Result<W, CodecError> {
        self.flush_table(vocabulary)?;
        self.out.flush()?;
        Ok(self.out)
    }

    #[cfg(test)]
    pub(super) const fn open_bytes_for_test(&self) -> usize {
        self.open_bytes
    }

    fn write(&mut self, vocabulary: &dyn Vocabulary, form: &Form) -> Result<(), CodecError> {
        let (Some(filling), Some(table)) = (self.open.remove(form), self.table) else { return Ok(()) };
        self.open_bytes -= filling.bytes;
        let shape = vocabulary.shape(table);
        let block = BlockEncoder::new(vocabulary, shape, form, filling.changes)?;
        block.encode(&mut self.line);
        self.line.push(b'\n');
        let bytes = self.line.write_to(&mut self.out)?;
        self.line.clear();
        self.written += bytes;
        Ok(Limits::hold(Limit::BlockBytes, Limits::STANDARD.block_bytes, bytes)?)
    }
}

/// About what a change takes in memory and in the file.
fn weight(change: &Change) -> usize {
    let row = |row: &Row| row.0.iter().map(Value::weight).sum::<usize>();
    let image = |image: &Image| row(&image.row) + image.stamps.len() * 4;
    let images = [&change.before, &change.after].into_iter().flatten().map(image).sum::<usize>();
    16 + images + change.shared.as_ref().map_or(0, row) + (change.aliases.len() + change.meant.len()) * 16
}

fn is_live(shape: &Shape, field: FieldNo) -> bool {
    shape.fields.get(field.index()).is_some_and(|field| !field.dropped)
}

/// One block on its way to a line.
struct BlockEncoder<'b> {
    vocabulary: &'b dyn Vocabulary,
    shape: &'b Shape,
    form: &'b Form,
    /// Sorted by key.
    changes: Vec<Change>,
    /// Per record.
    keys: Vec<Vec<Value>>,
    /// Every field of which anything is said.
    fields: Vec<FieldNo>,
}

/// Which image of a change.
#[derive(Clone, Copy)]
enum State {
    Old,
    New,
}

impl State {
    const fn of(self, change: &Change) -> Option<&Image> {
        match self {
            Self::Old => change.before.as_ref(),
            Self::New => change.after.as_ref(),
        }
    }
}

impl<'b> BlockEncoder<'b> {
    fn new(vocabulary: &'b dyn Vocabulary, shape: &'b Shape, form: &'b Form, mut changes: Vec<Change>) -> Result<Self, CodecError> {
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        let wrong = || CodecError::Key { table: shape.name.clone() };
        let mut keys = Vec::with_capacity(changes.len());
        let mut fields: BTreeSet<FieldNo> = form.stated.iter().copied().collect();
        for change in &changes {
            let key = change.key.values().map_err(|_| wrong())?;
            if key.len() != shape.key.len() {
                return Err(wrong());
            }
            keys.push(key);
            for image in [&change.before, &change.after].into_iter().flatten() {
                add_stated(&mut fields, &image.row);
                fields.extend((0u16..).zip(&image.stamps).filter(|(_, stamp)| stamp.is_some()).map(|(place, _)| FieldNo(place)));
            }
            change.shared.iter().for_each(|row| add_stated(&mut fields, row));
        }
        let fields = fields.into_iter().filter(|field| is_live(shape, *field)).collect();
        Ok(Self { vocabulary, shape, form, changes, keys, fields })
    }

    fn encode(&self, out: &mut Line) {
        let mut block = ObjectWriter::new(out);
        block.member("table").push_text(&self.shape.name);
        block.member("kind").push_text(kind_name(self.form.kind));
        self.push_names(block.member("key"), &self.shape.key);
        self.push_names(block.member("fields"), &self.fields);
        self.push_numbers_told(&mut block);
        if self.form.whole {
            block.member("whole").push_str("true");
        }
        if self.form.stated != self.fields {
            self.push_names(block.member("stated"), &self.form.stated);
        }
        block.member("count").push_str(&self.changes.len().to_string());
        let key_columns = 0..self.shape.key.len();
        push_list(block.member("keys"), key_columns, |out, place| {
            push_key_values(out, &self.keys.iter().map(|key| &key[place]).collect::<Vec<_>>());
        });
        self.push_images(&mut block);
        self.push_extras(&mut block);
        block.end();
    }

    /// The main office's numbers for what is named, where all of it has one.
    fn push_numbers_told(&self, block: &mut ObjectWriter<'_>) {
        let Some(told) = self.shape.past.told.as_ref().filter(|_| self.vocabulary.says_numbers()) else { return };
        let numbers = |fields: &[FieldNo]| fields.iter().map(|field| told.number(*field)).collect::<Option<Vec<_>>>();
        let (Some(key), Some(fields)) = (numbers(&self.shape.key), numbers(&self.fields)) else { return };
        let mut object = ObjectWriter::new(block.member("numbers"));
        object.member("table").push_str(&told.table.0.to_string());
        push_list(object.member("key"), key, |out, number| out.push_str(&number.0.to_string()));
        push_list(object.member("fields"), fields, |out, number| out.push_str(&number.0.to_string()));
        object.end();
    }

    fn push_images(&self, block: &mut ObjectWriter<'_>) {
        let borns = |side: State| self.changes.iter().filter_map(|change| side.of(change)).map(|image| image.born).collect::<Vec<_>>();
        match self.form.kind {
            ChangeKind::Insert | ChangeKind::Update => self.push_borns(block.member("born"), &borns(State::New)),
            ChangeKind::Delete => self.push_borns(block.member("born"), &borns(State::Old)),
            ChangeKind::Replace => {
                self.push_borns(block.member("was"), &borns(State::Old));
                self.push_borns(block.member("born"), &borns(State::New));
            }
            ChangeKind::Absent => {}
        }
        let (has_old, has_new) = sides(self.form.kind);
        if has_old {
            push_list(block.member("old"), &self.fields, |out, field| self.push_column(out, State::Old, *field));
            self.push_stamps(block, "old_stamps", State::Old);
        }
        if has_new {
            push_list(block.member("new"), &self.fields, |out, field| self.push_column(out, State::New, *field));
            self.push_stamps(block, "stamps", State::New);
        }
    }

    fn push_column(&self, out: &mut Line, side: State, field: FieldNo) {
        let values = self.values(side, field);
        let stated = values.iter().any(|value| value.is_stated());
        let key_place = self.shape.key.iter().position(|key| *key == field);
        if key_place.is_some_and(|place| values.iter().zip(&self.keys).all(|(value, key)| **value == key[place])) {
            return out.push_str("\"key\"");
        }
        if let State::New = side
            && stated
            && values == self.values(State::Old, field)
        {
            return out.push_str("\"old\"");
        }
        push_values(out, &values);
    }

    fn values(&self, side: State, field: FieldNo) -> Vec<&Value> {
        self.changes.iter().map(|change| side.of(change).map_or(&Value::Absent, |image| image.row.get(field))).collect()
    }

    /// Fields whose stamps agree in every record share one pair of columns.
    fn push_stamps(&self, block: &mut ObjectWriter<'_>, name: &str, side: State) {
        let mut groups: Vec<(Vec<FieldNo>, Vec<Option<Stamp>>)> = Vec::new();
        for &field in &self.fields {
            let stamps: Vec<_> = self.changes.iter().map(|change| side.of(change).and_then(|image| image.stamp(field))).collect();
            match groups.iter_mut().find(|(_, others)| *others == stamps) {
                Some((fields, _)) => fields.push(field),
                None => groups.push((vec![field], stamps)),
            }
        }
        groups.retain(|(_, stamps)| stamps.iter().any(Option::is_some));
        if groups.is_empty() {
            return;
        }
        push_list(block.member(name), &groups, |out, (fields, stamps)| {
            let mut group = ObjectWriter::new(out);
            if *fields != self.fields {
                self.push_names(group.member("fields"), fields);
            }
            push_records(&mut group, stamps);
            let stamps: Vec<Stamp> = stamps.iter().copied().flatten().collect();
            push_numbers(group.member("time"), &stamps.iter().map(|stamp| stamp.time.0).collect::<Vec<_>>());
            push_sites(group.member("by"), &stamps.iter().map(|stamp| self.vocabulary.site_name(stamp.site)).collect::<Vec<_>>());
            group.end();
        });
    }

    fn push_borns(&self, out: &mut Line, borns: &[Born]) {
        let mut object = ObjectWriter::new(out);
        push_sites(object.member("site"), &borns.iter().map(|born| self.vocabulary.site_name(born.site)).collect::<Vec<_>>());
        push_numbers(object.member("sequence"), &borns.iter().map(|born| born.sequence.cast_signed()).collect::<Vec<_>>());
        object.end();
    }

    fn push_extras(&self, block: &mut ObjectWriter<'_>) {
        let shared: Vec<Option<&Row>> = self.changes.iter().map(|change| change.shared.as_ref()).collect();
        if shared.iter().any(Option::is_some) {
            let mut object = ObjectWriter::new(block.member("shared"));
            push_records(&mut object, &shared);
            push_list(object.member("values"), &self.fields, |out, field| {
                push_values(out, &shared.iter().copied().flatten().map(|row| row.get(*field)).collect::<Vec<_>>());
            });
            object.end();
        }
        self.push_aliases(block);
        self.push_meant(block);
    }

    fn push_aliases(&self, block: &mut ObjectWriter<'_>) {
        let numbered = (0i64..).zip(&self.changes);
        let aliases: Vec<(i64, Born)> =
            numbered.flat_map(|(record, change)| change.aliases.iter().map(move |born| (record, *born))).collect();
        if aliases.is_empty() {
            return;
        }
        let mut object = ObjectWriter::new(block.member("aliases"));
        push_steps(object.member("records"), &aliases.iter().map(|(record, _)| *record).collect::<Vec<_>>());
        self.push_borns(object.member("born"), &aliases.iter().map(|(_, born)| *born).collect::<Vec<_>>());
        object.end();
    }

    /// A column per side, field and place in the value.
    fn push_meant(&self, block: &mut ObjectWriter<'_>) {
        let place = |meant: &Meant| (meant.side, meant.field, meant.at);
        let places: BTreeSet<_> = self.changes.iter().flat_map(|change| &change.meant).map(place).collect();
        if places.is_empty() {
            return;
        }
        push_list(block.member("meant"), places, |out, here| {
            let born = |change: &Change| change.meant.iter().find(|meant| place(meant) == here).map(|meant| meant.born);
            let borns: Vec<Option<Born>> = self.changes.iter().map(born).collect();
            let (side, field, at) = here;
            let mut object = ObjectWriter::new(out);
            object.member("side").push_text(side_name(side));
            object.member("field").push_text(self.shape.name_of(field));
            if at > 0 {
                object.member("at").push_str(&at.to_string());
            }
            push_records(&mut object, &borns);
            self.push_borns(object.member("born"), &borns.into_iter().flatten().collect::<Vec<_>>());
            object.end();
        });
    }

    fn push_names(&self, out: &mut Line, fields: &[FieldNo]) {
        push_list(out, fields, |out, field| out.push_text(self.shape.name_of(*field)));
    }
}

/// Which records have something, where not all have.
fn push_records<T>(object: &mut ObjectWriter<'_>, somethings: &[Option<T>]) {
    let numbered = (0i64..).zip(somethings);
    let records: Vec<i64> = numbered.filter(|(_, something)| something.is_some()).map(|(record, _)| record).collect();
    if records.len() < somethings.len() {
        push_steps(object.member("records"), &records);
    }
}

fn add_stated(fields: &mut BTreeSet<FieldNo>, row: &Row) {
    fields.extend((0u16..).zip(&row.0).filter(|(_, value)| value.is_stated()).map(|(place, _)| FieldNo(place)));
}

/// Whether a kind has an image before and one after.
pub(super) const fn sides(kind: ChangeKind) -> (bool, bool) {
    match kind {
        ChangeKind::Insert => (false, true),
        ChangeKind::Update | ChangeKind::Replace => (true, true),
        ChangeKind::Delete => (true, false),
        ChangeKind::Absent => (false, false),
    }
}

/// As blocks spell it.
pub(super) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Key => "key",
        Side::Old => "old",
        Side::New => "new",
        Side::Shared => "shared",
    }
}

/// As blocks spell it.
pub(super) const fn kind_name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Insert => "insert",
        ChangeKind::Update => "update",
        ChangeKind::Delete => "delete",
        ChangeKind::Replace => "replace",
        ChangeKind::Absent => "absent",
    }
}
