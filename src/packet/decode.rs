//! Reads blocks back as changes, and says what of them has no place here.
//!
//! Only verified packets are read, so a line that is no block was written by a broken program: it is an error that names the line, and
//! nothing of that line is handed out. Members that are not known are left alone; whoever adds one that matters lists a feature in `requires`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use super::changes::{Vocabulary, kind_name, side_name, sides};
use super::column::{Borns, Column, Members, Sites, integer, list, read_numbers, read_places, read_steps, text, texts};
use super::error::CodecError;
use super::json_value::Json;
use super::limits::{Limit, Limits};
use crate::model::{Born, Change, ChangeKind, FieldNo, Image, Key, Meant, Millis, Row, Shape, Side, SiteNo, Stamp, TableNo, Value};

/// Bytes of a line whose room is kept for the next one.
const KEPT_BYTES: usize = 8 << 20;

/// Reads blocks, one line each. Ends after the first error.
#[derive(Debug)]
pub struct BlockReader<R> {
    input: R,
    limits: Limits,
    line: u64,
    done: bool,
    buffer: Vec<u8>,
}

/// One block as it was written: by names, of which some may not be known here.
#[derive(Debug)]
pub struct Block {
    line: u64,
    table: String,
    kind: ChangeKind,
    key: Vec<String>,
    fields: Vec<String>,
    stated: Vec<String>,
    numbers: Option<Numbers>,
    whole: bool,
    count: usize,
    keys: Vec<Column>,
    was: Option<Borns>,
    born: Option<Borns>,
    old: Vec<Column>,
    new: Vec<Column>,
    old_stamps: Vec<Stamps>,
    new_stamps: Vec<Stamps>,
    shared: Option<(Vec<usize>, Vec<Column>)>,
    aliases: Option<(Vec<usize>, Borns)>,
    meant: Vec<MeantColumn>,
}

/// The main office's numbers for what a block names.
#[derive(Debug)]
struct Numbers {
    table: TableNo,
    key: Vec<FieldNo>,
    fields: Vec<FieldNo>,
}

/// Stamps that some fields share.
#[derive(Debug)]
struct Stamps {
    /// Places in the block's fields.
    fields: Vec<usize>,
    records: Vec<usize>,
    times: Vec<i64>,
    by: Sites,
}

/// Whom one reference means.
#[derive(Debug)]
struct MeantColumn {
    side: Side,
    field: String,
    at: u16,
    records: Vec<usize>,
    born: Borns,
}

/// The changes of one block, and what of it has no place here.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The changes, by key.
    pub changes: Vec<Change>,
    /// The table, where it is not tracked here or has another key. Then there are no changes; the block still gives keys and values.
    pub unknown_table: Option<String>,
    /// Fields that the table does not have here, as the sender spells them; [`Block::values`] gives their values.
    pub unknown_fields: Vec<String>,
}

impl<R: BufRead> BlockReader<R> {
    /// Reads from `input`.
    pub fn new(input: R, limits: &Limits) -> Self {
        Self { input, limits: limits.clone(), line: 0, done: false, buffer: Vec::new() }
    }

    fn read_block(&mut self) -> Result<Option<Block>, CodecError> {
        self.buffer.clear();
        let most = self.limits.block_bytes;
        self.input.by_ref().take(most + 1).read_until(b'\n', &mut self.buffer)?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        Limits::hold(Limit::BlockBytes, most, self.buffer.len() as u64)?;
        let line = self.line;
        let wrong = |reason: String| CodecError::Block { line, reason };
        let Some((b'\n', json)) = self.buffer.split_last() else { return Err(wrong("the line has no end".into())) };
        let json: Json = serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
        let mut members = Members::of(json, "a block").map_err(wrong)?;
        let count = members.need("count").and_then(|count| integer(&count)).map_err(wrong)?;
        let count = u64::try_from(count).map_err(|_| wrong("a negative count".into()))?;
        Limits::hold(Limit::BlockRecords, self.limits.block_records, count)?;
        let count = usize::try_from(count).map_err(|_| wrong("too many records".into()))?;
        let block = Block::read(members, count, line).map_err(wrong)?;
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        Ok(Some(block))
    }
}

impl<R: BufRead> Iterator for BlockReader<R> {
    type Item = Result<Block, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let block = self.read_block().transpose();
        self.done = !matches!(block, Some(Ok(_)));
        block
    }
}

impl Block {
    /// Name of the table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The main office's number for the table, where the block says it.
    #[must_use]
    pub fn told_table(&self) -> Option<TableNo> {
        self.numbers.as_ref().map(|numbers| numbers.table)
    }

    /// The main office's number for a field that the block names, where it says it.
    #[must_use]
    pub fn told_field(&self, name: &str) -> Option<FieldNo> {
        let numbers = self.numbers.as_ref()?;
        let place = |names: &[String]| names.iter().position(|one| one == name);
        place(&self.fields).map(|at| numbers.fields[at]).or_else(|| place(&self.key).map(|at| numbers.key[at]))
    }

    /// What happened to its records.
    #[must_use]
    pub const fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Number of records.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Every field of which anything is said.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// The fields that its records are changed in.
    #[must_use]
    pub fn stated(&self) -> &[String] {
        &self.stated
    }

    /// The key fields, as the sender spells them.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// The key of a record, value by value.
    ///
    /// # Panics
    /// Where `record` is not below [`Block::count`].
    #[must_use]
    pub fn key_values(&self, record: usize) -> Vec<Value> {
        self.keys.iter().map(|column| column.own(record).clone()).collect()
    }

    /// Old and new value of a field of a record, whether the field is known here or not.
    ///
    /// # Panics
    /// Where `record` is not below [`Block::count`].
    #[must_use]
    pub fn values(&self, record: usize, field: &str) -> (Value, Value) {
        let Some(place) = self.fields.iter().position(|name| name == field) else { return (Value::Absent, Value::Absent) };
        (self.old_value(record, place).clone(), self.new_value(record, place).clone())
    }

    /// The changes in this home's numbers.
    ///
    /// # Errors
    /// [`CodecError::Block`] where a key is none.
    pub fn changes(&self, vocabulary: &mut dyn Vocabulary) -> Result<Decoded, CodecError> {
        let unknown = || Ok(Decoded { unknown_table: Some(self.table.clone()), ..Decoded::default() });
        let Some(table) = vocabulary.table(&self.table, self.told_table()) else { return unknown() };
        let sites = SiteNumbers::learn(self, vocabulary);
        let shape = vocabulary.shape(table);
        let all = self.key.iter().chain(&self.fields).chain(&self.stated).chain(self.meant.iter().map(|meant| &meant.field));
        let known: BTreeMap<&str, Option<FieldNo>> =
            all.map(|name| (name.as_str(), vocabulary.field(table, name, self.told_field(name)))).collect();
        let field = |name: &String| known.get(name.as_str()).copied().flatten();
        let Some(key_order) = self.key_order(shape, field) else { return unknown() };
        let mut stated: Vec<FieldNo> = self.stated.iter().filter_map(field).collect();
        stated.sort_unstable();
        // A former name and the one of today may both be said.
        stated.dedup();
        let places: Vec<Option<FieldNo>> = self.fields.iter().map(field).collect();
        let width = places.iter().flatten().max().map_or(0, |field| field.index() + 1);
        Decoder { block: self, table, known: &known, sites, places, stated, width, key_order }.decode()
    }

    /// Per key field of the shape its place in this block's key; none where the keys are not the same fields.
    fn key_order(&self, shape: &Shape, known: impl Fn(&String) -> Option<FieldNo>) -> Option<Vec<usize>> {
        let place = |field: &FieldNo| self.key.iter().position(|name| known(name) == Some(*field));
        if shape.key.len() == self.key.len() { shape.key.iter().map(place).collect() } else { None }
    }

    fn old_value(&self, record: usize, place: usize) -> &Value {
        self.old.get(place).map_or(&Value::Absent, |column| self.resolve(column, record, place))
    }

    fn new_value(&self, record: usize, place: usize) -> &Value {
        match self.new.get(place) {
            None => &Value::Absent,
            Some(Column::Old) => self.old_value(record, place),
            Some(column) => self.resolve(column, record, place),
        }
    }

    fn resolve<'c>(&'c self, column: &'c Column, record: usize, place: usize) -> &'c Value {
        let Column::Key = column else { return column.own(record) };
        let key = self.key.iter().position(|name| *name == self.fields[place]);
        key.map_or(&Value::Absent, |key| self.keys[key].own(record))
    }

    fn read(mut members: Members<'_>, count: usize, line: u64) -> Result<Self, String> {
        let kind = read_kind(&text(members.need("kind")?)?)?;
        let key = names(members.need("key")?)?;
        let fields = names(members.need("fields")?)?;
        let stated = members.take("stated").map(names).transpose()?.unwrap_or_else(|| fields.clone());
        let numbers = members.take("numbers").map(|json| read_numbers_told(json, key.len(), fields.len())).transpose()?;
        let columns = |json: Json, number: usize, count: usize| {
            let columns = list(json)?.into_iter().map(|json| Column::read(json, count)).collect::<Result<Vec<_>, String>>()?;
            if columns.len() == number { Ok(columns) } else { Err(format!("{} columns, not {number}", columns.len())) }
        };
        let keys = columns(members.need("keys")?, key.len(), count)?;
        if keys.iter().any(|column| matches!(column, Column::Absent | Column::Key | Column::Old)) {
            return Err("a key column without values".into());
        }
        let (has_old, has_new) = sides(kind);
        let image = |members: &mut Members<'_>, name: &str| columns(members.need(name)?, fields.len(), count);
        let old = if has_old { image(&mut members, "old")? } else { Vec::new() };
        let new = if has_new { image(&mut members, "new")? } else { Vec::new() };
        let own = |column: &Column, field: &String| match column {
            Column::Key => key.contains(field),
            Column::Old => false,
            Column::Absent | Column::All(_) | Column::Each(_) => true,
        };
        let new_own = |column: &Column, field: &String| if *column == Column::Old { has_old } else { own(column, field) };
        if !old.iter().zip(&fields).all(|(c, f)| own(c, f)) || !new.iter().zip(&fields).all(|(c, f)| new_own(c, f)) {
            return Err("a column that points to nothing".into());
        }
        let was = if kind == ChangeKind::Replace { Some(Borns::read(members.need("was")?, count)?) } else { None };
        let born = if has_old || has_new { Some(Borns::read(members.need("born")?, count)?) } else { None };
        let shared = members.take("shared").map(|json| -> Result<_, String> {
            let mut shared = Members::of(json, "`shared`")?;
            let records = read_records(&mut shared, count)?;
            let values = columns(shared.need("values")?, fields.len(), records.len())?;
            let own = values.iter().all(|column| !matches!(column, Column::Key | Column::Old));
            if own { Ok((records, values)) } else { Err("a column that points to nothing".to_string()) }
        });
        Ok(Self {
            line,
            table: text(members.need("table")?)?.into_owned(),
            kind,
            whole: members.take("whole") == Some(Json::Bool(true)),
            count,
            keys,
            was,
            born,
            old,
            new,
            old_stamps: read_stamps(members.take("old_stamps"), &fields, count)?,
            new_stamps: read_stamps(members.take("stamps"), &fields, count)?,
            shared: shared.transpose()?,
            aliases: members.take("aliases").map(|json| read_aliases(json, count)).transpose()?,
            meant: read_meant(members.take("meant"), count)?,
            key,
            fields,
            stated,
            numbers,
        })
    }
}

fn read_kind(name: &str) -> Result<ChangeKind, String> {
    let kinds = [ChangeKind::Insert, ChangeKind::Update, ChangeKind::Delete, ChangeKind::Replace, ChangeKind::Absent];
    kinds.into_iter().find(|kind| kind_name(*kind) == name).ok_or_else(|| format!("`{name}` is no kind of change"))
}

fn read_numbers_told(json: Json, key: usize, fields: usize) -> Result<Numbers, String> {
    let mut members = Members::of(json, "`numbers`")?;
    let number = |json: &Json| u16::try_from(integer(json)?).map(FieldNo).map_err(|_| "a number that no field has".to_owned());
    let numbers = |json: Json, count: usize| {
        let all = list(json)?.iter().map(number).collect::<Result<Vec<_>, String>>()?;
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        if all.len() == count && distinct.len() == count { Ok(all) } else { Err("not one number for each field".to_owned()) }
    };
    let table = u32::try_from(integer(&members.need("table")?)?).map_err(|_| "a number that no table has")?;
    Ok(Numbers { table: TableNo(table), key: numbers(members.need("key")?, key)?, fields: numbers(members.need("fields")?, fields)? })
}

/// Names of fields, each once.
fn names(json: Json) -> Result<Vec<String>, String> {
    let names: Vec<String> = texts(json)?.into_iter().map(Cow::into_owned).collect();
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    if distinct.len() == names.len() { Ok(names) } else { Err("a field that is named twice".into()) }
}

/// Which records are meant; all where it is not said.
fn read_records(members: &mut Members, count: usize) -> Result<Vec<usize>, String> {
    members.take("records").map_or_else(|| Ok((0..count).collect()), |records| read_places(records, count))
}

fn read_stamps(json: Option<Json>, fields: &[String], count: usize) -> Result<Vec<Stamps>, String> {
    let read = |json: Json| {
        let mut group = Members::of(json, "a group of stamps")?;
        let stamped = match group.take("fields") {
            None => (0..fields.len()).collect(),
            Some(json) => {
                let place = |name: String| {
                    fields.iter().position(|field| *field == name).ok_or_else(|| format!("`{name}` has a stamp and no column"))
                };
                names(json)?.into_iter().map(place).collect::<Result<Vec<_>, _>>()?
            }
        };
        let records = read_records(&mut group, count)?;
        let times = read_numbers(group.need("time")?, records.len())?;
        let by = Sites::read(group.need("by")?, records.len())?;
        Ok(Stamps { fields: stamped, records, times, by })
    };
    json.map_or_else(|| Ok(Vec::new()), |json| list(json)?.into_iter().map(read).collect())
}

/// A record can have absorbed several others, so its place can repeat.
fn read_aliases(json: Json, count: usize) -> Result<(Vec<usize>, Borns), String> {
    let mut members = Members::of(json, "`aliases`")?;
    let records = read_steps(members.need("records")?)?;
    let records: Vec<usize> = records.into_iter().map(|place| super::column::place_below(place, count)).collect::<Result<_, _>>()?;
    let born = Borns::read(members.need("born")?, records.len())?;
    Ok((records, born))
}

fn read_meant(json: Option<Json>, count: usize) -> Result<Vec<MeantColumn>, String> {
    let read = |json: Json| {
        let mut members = Members::of(json, "a number that means a record")?;
        let records = read_records(&mut members, count)?;
        let born = Borns::read(members.need("born")?, records.len())?;
        let side = text(members.need("side")?)?;
        let side = [Side::Key, Side::Old, Side::New, Side::Shared].into_iter().find(|one| side_name(*one) == side);
        let at = members.take("at").map_or(Ok(0), |at| integer(&at))?;
        Ok(MeantColumn {
            side: side.ok_or("an unknown side")?,
            field: text(members.need("field")?)?.into_owned(),
            at: u16::try_from(at).map_err(|_| "a place that no value has")?,
            records,
            born,
        })
    };
    json.map_or_else(|| Ok(Vec::new()), |json| list(json)?.into_iter().map(read).collect())
}

/// This home's numbers of the sites that a block names, in the order in which the block's parts name them.
struct SiteNumbers {
    was: Vec<SiteNo>,
    born: Vec<SiteNo>,
    old_stamps: Vec<Vec<SiteNo>>,
    new_stamps: Vec<Vec<SiteNo>>,
    aliases: Vec<SiteNo>,
    meant: Vec<Vec<SiteNo>>,
}

impl SiteNumbers {
    fn learn(block: &Block, vocabulary: &mut dyn Vocabulary) -> Self {
        let mut numbers = |sites: &Sites| -> Vec<SiteNo> { sites.names.iter().map(|name| vocabulary.site_number(name)).collect() };
        Self {
            was: block.was.as_ref().map_or_else(Vec::new, |was| numbers(&was.sites)),
            born: block.born.as_ref().map_or_else(Vec::new, |born| numbers(&born.sites)),
            old_stamps: block.old_stamps.iter().map(|stamps| numbers(&stamps.by)).collect(),
            new_stamps: block.new_stamps.iter().map(|stamps| numbers(&stamps.by)).collect(),
            aliases: block.aliases.as_ref().map_or_else(Vec::new, |(_, born)| numbers(&born.sites)),
            meant: block.meant.iter().map(|meant| numbers(&meant.born.sites)).collect(),
        }
    }
}

/// One block on its way to changes.
struct Decoder<'d> {
    block: &'d Block,
    table: TableNo,
    /// The block's names of fields, with their numbers here.
    known: &'d BTreeMap<&'d str, Option<FieldNo>>,
    sites: SiteNumbers,
    /// Per field of the block its number here.
    places: Vec<Option<FieldNo>>,
    /// The stated fields of the block by their numbers here, ascending.
    stated: Vec<FieldNo>,
    /// Length of a row that has the last of the fields.
    width: usize,
    key_order: Vec<usize>,
}

impl Decoder<'_> {
    fn decode(&self) -> Result<Decoded, CodecError> {
        let block = self.block;
        let mut changes = (0..block.count).map(|record| self.change(record)).collect::<Result<Vec<_>, _>>()?;
        stamp(&mut changes, &block.old_stamps, &self.sites.old_stamps, &self.places, |change| change.before.as_mut());
        stamp(&mut changes, &block.new_stamps, &self.sites.new_stamps, &self.places, |change| change.after.as_mut());
        for (row, record) in block.shared.iter().flat_map(|(records, _)| records.iter().enumerate()) {
            let columns = block.shared.as_ref().map_or(&[][..], |(_, columns)| columns);
            changes[*record].shared = Some(self.row(|place| columns[place].own(row)));
        }
        if let Some((records, borns)) = &block.aliases {
            for (place, record) in records.iter().enumerate() {
                changes[*record].aliases.push(born_at(borns, &self.sites.aliases, place));
            }
        }
        self.mean(&mut changes);
        let unknown = block.fields.iter().chain(&block.stated).filter(|name| self.field(name).is_none()).cloned();
        let unknown_fields: std::collections::BTreeSet<String> = unknown.collect();
        Ok(Decoded { changes, unknown_table: None, unknown_fields: unknown_fields.into_iter().collect() })
    }

    fn field(&self, name: &str) -> Option<FieldNo> {
        self.known.get(name).copied().flatten()
    }

    fn change(&self, record: usize) -> Result<Change, CodecError> {
        let block = self.block;
        let key = Key::new(self.key_order.iter().map(|place| block.keys[*place].own(record)));
        let key = key.map_err(|error| CodecError::Block { line: block.line, reason: error.to_string() })?;
        let born = block.born.as_ref().map_or(Born::default(), |born| born_at(born, &self.sites.born, record));
        let was = block.was.as_ref().map_or(born, |was| born_at(was, &self.sites.was, record));
        let stamps = |groups: &[Stamps]| Vec::with_capacity(if groups.is_empty() { 0 } else { self.width });
        let old = || Some(Image { born: was, row: self.row(|place| block.old_value(record, place)), stamps: stamps(&block.old_stamps) });
        let new = || Some(Image { born, row: self.row(|place| block.new_value(record, place)), stamps: stamps(&block.new_stamps) });
        let (before, after) = match block.kind {
            ChangeKind::Insert => (None, new()),
            ChangeKind::Update | ChangeKind::Replace => (old(), new()),
            ChangeKind::Delete => (old(), None),
            ChangeKind::Absent => (None, None),
        };
        Ok(Change {
            table: self.table,
            key,
            before,
            after,
            fields: self.stated.clone(),
            whole: block.whole,
            shared: None,
            aliases: Vec::new(),
            meant: Vec::new(),
        })
    }

    fn row<'v>(&self, value: impl Fn(usize) -> &'v Value) -> Row {
        let mut row = Row(Vec::with_capacity(self.width));
        for (place, field) in self.places.iter().enumerate() {
            let value = value(place);
            if let Some(field) = field
                && value.is_stated()
            {
                row.set(*field, value.clone());
            }
        }
        row
    }

    fn mean(&self, changes: &mut [Change]) {
        for (column, sites) in self.block.meant.iter().zip(&self.sites.meant) {
            // A field that is not here is said of the block as a whole.
            let Some(field) = self.field(&column.field) else { continue };
            for (place, record) in column.records.iter().enumerate() {
                let born = born_at(&column.born, sites, place);
                changes[*record].meant.push(Meant { side: column.side, field, at: column.at, born });
            }
        }
        changes.iter_mut().for_each(|change| change.meant.sort_unstable());
    }
}

fn born_at(borns: &Borns, sites: &[SiteNo], record: usize) -> Born {
    Born { site: sites[borns.sites.at[record]], sequence: borns.sequences[record].cast_unsigned() }
}

fn stamp(
    changes: &mut [Change],
    groups: &[Stamps],
    sites: &[Vec<SiteNo>],
    places: &[Option<FieldNo>],
    image: impl Fn(&mut Change) -> Option<&mut Image>,
) {
    for (group, sites) in groups.iter().zip(sites) {
        for (at, record) in group.records.iter().enumerate() {
            let stamp = Stamp { time: Millis(group.times[at]), site: sites[group.by.at[at]] };
            let Some(image) = image(&mut changes[*record]) else { continue };
            for field in group.fields.iter().filter_map(|place| places[*place]) {
                image.set_stamp(field, Some(stamp));
            }
        }
    }
}
