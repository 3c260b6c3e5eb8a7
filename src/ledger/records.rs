//! Records: the mirror of one key with its exceptions, and the fields told upward but not acknowledged.

use std::borrow::Cow;

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row as SqlRow};

use super::statements::{Parameter, Statement};
use super::{Extra, Ledger, LedgerError, Result, latest};
use crate::model::{
    Born, FieldNo, Identity, Image, JournalNumber, Key, Millis, PacketNumber, Rope, Row, RowError, Shape, SiteNo, Stamp, TableNo, cells,
};

/// All that is known of one key. A key never met is a record without `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Row of the ledger; given by the first write.
    pub id: Option<i64>,
    /// The table.
    pub table: TableNo,
    /// Which record it is: its key, or what stays when the handed-out numbers in the key change ([`crate::model::Identity`]).
    pub key: Key,
    /// Its key in the database, where that is another one than `key` and the record is there.
    pub place: Option<Key>,
    /// The mirror: the record as last sealed or applied; none where there is no such record.
    pub current: Option<Image>,
    /// The last journal entry of this key.
    pub version: JournalNumber,
    /// The exceptions.
    pub extra: Extra,
    /// Whether exceptions are in the ledger: where there are none before and after, nothing need be written.
    extra_stored: bool,
    /// Bytes of the mirror's row, as it was written whole.
    row_bytes: usize,
    /// The fields that changed since ([`super::latest`]).
    since: Vec<u8>,
}

impl Record {
    /// A record that was never met.
    #[must_use]
    pub fn unmet(table: TableNo, key: &Key) -> Self {
        Self {
            id: None,
            table,
            key: key.clone(),
            place: None,
            current: None,
            version: JournalNumber(0),
            extra: Extra::default(),
            extra_stored: false,
            row_bytes: 0,
            since: Vec::new(),
        }
    }

    /// The key under which the database has it.
    #[must_use]
    pub const fn at(&self) -> &Key {
        match &self.place {
            Some(place) => place,
            None => &self.key,
        }
    }
}

/// What was told to the parent and not acknowledged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// An insert, a delete or a replace.
    pub whole: bool,
    /// Fields.
    pub fields: Vec<FieldNo>,
}

/// What [`read_with`] reads, with what says which.
macro_rules! load {
    ($which:literal) => {
        concat!(
            "SELECT record.id, table_no, key, born_site, born_sequence, row, stamps, ifnull(latest.version, record.version), extra, place, fields \
            FROM record LEFT JOIN latest ON latest.id = record.id WHERE ",
            $which
        )
    };
}

const LOAD: &str = load!("table_no = ? AND key = ?");
const LOAD_AT: &str = load!("table_no = ? AND place = ?");
const PEEK: &str = "SELECT row, fields FROM record LEFT JOIN latest ON latest.id = record.id WHERE table_no = ? AND key = ?";
const PEEK_AT: &str = "SELECT row, fields FROM record LEFT JOIN latest ON latest.id = record.id WHERE table_no = ? AND place = ?";
const LOAD_ID: &str = load!("record.id = ?");

/// By what a record is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// By what it is.
    Key,
    /// By the key under which the database has it.
    Place,
}

impl By {
    /// How the records of a table are found by their key in the database.
    fn place_in(shape: &Shape) -> Self {
        match shape.identity() {
            Identity::Key => Self::Key,
            Identity::Birth | Identity::Meaning => Self::Place,
        }
    }

    const fn load(self) -> &'static str {
        match self {
            Self::Key => LOAD,
            Self::Place => LOAD_AT,
        }
    }

    const fn peek(self) -> &'static str {
        match self {
            Self::Key => PEEK,
            Self::Place => PEEK_AT,
        }
    }

    const fn column(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Place => "place",
        }
    }
}

impl Ledger {
    /// The record of a key.
    pub fn load(&self, table: TableNo, key: &Key) -> Result<Record> {
        self.connection.with(LOAD, |statement| {
            let found = statement.query_row((table.0, key.as_bytes()), |row| Ok(read(row))).optional()?;
            found.unwrap_or_else(|| Ok(Record::unmet(table, key)))
        })?
    }

    /// The record that the database has under a key; one never met where there is none. `shape` is its table's.
    pub fn load_at(&self, shape: &Shape, place: &Key) -> Result<Record> {
        let load = By::place_in(shape).load();
        self.connection.with(load, |statement| {
            let found = statement.query_row((shape.number.0, place.as_bytes()), |row| Ok(read(row))).optional()?;
            found.unwrap_or_else(|| Ok(Record::unmet(shape.number, place)))
        })?
    }

    /// The ledger's row of the record that the database has under a key.
    pub fn id_at(&self, table: TableNo, place: &Key) -> Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM record WHERE table_no = ? AND place = ?")?;
        Ok(statement.query_row((table.0, place.as_bytes()), |row| row.get(0)).optional()?)
    }

    /// The last key below `limit` that a record of a table has, or is to have, in the database.
    pub fn last_place(&self, table: TableNo, limit: &Key) -> Result<Option<Key>> {
        let sql = "SELECT max(place) FROM record WHERE table_no = ? AND place < ?";
        let last: Option<Vec<u8>> = self.connection.prepare_cached(sql)?.query_row((table.0, limit.as_bytes()), |row| row.get(0))?;
        Ok(last.map(Key::from_bytes))
    }

    /// The ledger's row of a record by what it is.
    pub fn id_of(&self, table: TableNo, key: &Key) -> Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM record WHERE table_no = ? AND key = ?")?;
        Ok(statement.query_row((table.0, key.as_bytes()), |row| row.get(0)).optional()?)
    }

    /// What a row of the ledger is: table, key, and the key in the database where there is such a record now.
    pub fn names(&self, id: i64) -> Result<Option<(TableNo, Key, Option<Key>)>> {
        let mut statement = self.connection.prepare_cached("SELECT table_no, key, place FROM record WHERE id = ?")?;
        let read = |row: &SqlRow<'_>| {
            Ok((TableNo(row.get(0)?), Key::from_bytes(row.get(1)?), row.get::<_, Option<Vec<u8>>>(2)?.map(Key::from_bytes)))
        };
        Ok(statement.query_row([id], read).optional()?)
    }

    /// The record that the database has under a key, with as much of its row as `decode` makes of the mirror's bytes (`None` where there is no such
    /// record); none where `decode` says that nobody needs it. Spares the decoding of what did not change. Such a record is
    /// stored by [`Ledger::store_row`] or [`Ledger::store_fields`].
    pub fn load_part(
        &self,
        shape: &Shape,
        key: &Key,
        decode: impl FnOnce(Option<&[u8]>) -> std::result::Result<Option<Row>, RowError>,
    ) -> Result<Option<Record>> {
        let damaged = |_| LedgerError::Damaged("row");
        self.connection.with(By::place_in(shape).load(), |statement| {
            match statement.query((shape.number.0, key.as_bytes()))?.next()? {
                Some(row) => {
                    let mirror = mirror_bytes(row, 5, 10)?;
                    let part = decode(mirror.as_deref()).map_err(damaged)?;
                    part.map(|part| read_with(row, mirror.is_some().then_some(part))).transpose()
                }
                None => Ok(decode(None).map_err(damaged)?.map(|_| Record::unmet(shape.number, key))),
            }
        })?
    }

    /// The record of a ledger row.
    pub fn load_id(&self, id: i64) -> Result<Record> {
        self.connection.with(LOAD_ID, |statement| statement.query_row([id], |row| Ok(read(row)))?)?
    }

    /// Hands the mirror's row bytes of what the database has under a key to `look`; `None` where there is no such record.
    /// Spares sealing the decoding.
    pub fn peek<T>(&self, shape: &Shape, key: &Key, look: impl FnOnce(Option<&[u8]>) -> T) -> Result<T> {
        self.connection.with(By::place_in(shape).peek(), |statement| {
            match statement.query((shape.number.0, key.as_bytes()))?.next()? {
                Some(row) => Ok(look(mirror_bytes(row, 0, 1)?.as_deref())),
                None => Ok(look(None)),
            }
        })?
    }

    /// How many records of a table the mirror holds.
    pub fn count(&self, table: TableNo) -> Result<u64> {
        let count: i64 =
            self.connection.query_row("SELECT count(*) FROM record WHERE table_no = ? AND row IS NOT NULL", [table.0], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    /// Up to `limit` keys after `after` under which the database has the records of a table's mirror, in their order.
    pub fn places(&self, shape: &Shape, after: Option<&Key>, limit: usize) -> Result<Vec<Key>> {
        let column = By::place_in(shape).column();
        let sql = format!("SELECT {column} FROM record WHERE table_no = ? AND {column} > ? AND row IS NOT NULL ORDER BY {column} LIMIT ?");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let table = shape.number;
        let after = after.map_or(&[][..], Key::as_bytes);
        let rows =
            statement.query_map((table.0, after, i64::try_from(limit).unwrap_or(i64::MAX)), |row| row.get(0).map(Key::from_bytes))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Rows of the ledger with the records of a table that are there.
    pub fn living(&self, table: TableNo) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM record WHERE table_no = ? AND row IS NOT NULL ORDER BY id")?;
        let rows = statement.query_map([table.0], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Rows of the records of a table that ended and are remembered.
    pub fn gone_from(&self, table: TableNo) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM record WHERE table_no = ? AND row IS NULL ORDER BY id")?;
        let rows = statement.query_map([table.0], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Every record of a table that is not here, those whose end is latest last.
    pub fn gone(&self, table: TableNo) -> Result<Vec<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT id FROM record WHERE table_no = ? AND row IS NULL ORDER BY version")?;
        Ok(statement.query_map([table.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Every record with exceptions, by table and key.
    pub fn exceptional(&self, each: &mut dyn FnMut(Record) -> Result<()>) -> Result<()> {
        let ids: Vec<i64> = {
            let mut statement = self.connection.prepare_cached("SELECT id FROM record WHERE extra IS NOT NULL ORDER BY table_no, key")?;
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
        };
        ids.into_iter().try_for_each(|id| each(self.load_id(id)?))
    }

    /// Whether any record is taken out of the exchange.
    pub fn any_deactivated(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM record WHERE extra IS NOT NULL AND instr(extra, '\"deactivated\":true') > 0)";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// Makes sure the record has a row in the ledger and gives its number.
    pub fn anchor(&self, record: &mut Record) -> Result<i64> {
        if let Some(id) = record.id {
            return Ok(id);
        }
        let id = self.next_record.get();
        self.next_record.set(id + 1);
        let none = Parameter::Null;
        self.write(
            Statement::AddRecord,
            &[
                Parameter::Integer(id),
                Parameter::Integer(record.table.0.into()),
                Parameter::Blob(record.key.as_bytes()),
                none,
                none,
                none,
                none,
                Parameter::Integer(0),
                none,
                none,
            ],
        )?;
        record.id = Some(id);
        Ok(id)
    }

    /// Writes a record that is in the database under `place` when it is taken in: a mirror without a journal entry. `meaning`
    /// is its key by what it means, in a table whose keys have numbers of other records in them. Gives its row of the ledger.
    pub fn take_in(&self, shape: &Shape, place: &Key, meaning: Option<&Key>, row: &[u8]) -> Result<i64> {
        let id = self.next_record.get();
        self.next_record.set(id + 1);
        let born = self.give_birth();
        let key = match (shape.identity(), meaning) {
            (Identity::Birth, _) => Key::of_birth(born),
            (Identity::Meaning, Some(meaning)) => meaning.clone(),
            (Identity::Key | Identity::Meaning, _) => place.clone(),
        };
        let place = match shape.identity() {
            Identity::Key => Parameter::Null,
            Identity::Birth | Identity::Meaning => Parameter::Blob(place.as_bytes()),
        };
        let table = shape.number;
        self.write(
            Statement::AddRecord,
            &[
                Parameter::Integer(id),
                Parameter::Integer(table.0.into()),
                Parameter::Blob(key.as_bytes()),
                Parameter::Integer(born.site.0.into()),
                Parameter::Integer(born.sequence.cast_signed()),
                Parameter::Blob(row),
                Parameter::Null,
                Parameter::Integer(0),
                Parameter::Null,
                place,
            ],
        )?;
        Ok(id)
    }

    /// Writes `key` and `place`; anchors the record.
    pub fn store_names(&self, record: &mut Record) -> Result<()> {
        let id = self.anchor(record)?;
        let place = record.place.as_ref().map_or(Parameter::Null, |place| Parameter::Blob(place.as_bytes()));
        self.write(Statement::SetNames, &[Parameter::Integer(id), Parameter::Blob(record.key.as_bytes()), place]).map(drop)
    }

    /// Writes `current` and `version`, with `row` as the row that the database has; anchors the record.
    pub fn store_mirror(&self, record: &mut Record, row: Option<&Row>) -> Result<()> {
        let before = record.id;
        let id = self.anchor(record)?;
        let version = Parameter::Integer(record.version.0);
        let (cells, stamps);
        record.row_bytes = 0;
        let parameters = match &record.current {
            Some(image) => {
                cells = Rope::from(row.unwrap_or(&image.row));
                record.row_bytes = cells.len();
                stamps = stamps_bytes(&image.stamps);
                [
                    Parameter::Integer(id),
                    Parameter::Integer(image.born.site.0.into()),
                    Parameter::Integer(image.born.sequence.cast_signed()),
                    Parameter::Cells(&cells),
                    stamps_parameter(&stamps),
                    version,
                ]
            }
            None => [Parameter::Integer(id), Parameter::Null, Parameter::Null, Parameter::Null, Parameter::Null, version],
        };
        self.write(Statement::SetMirror, &parameters)?;
        record.since.clear();
        before.map_or(Ok(()), |id| self.drop_latest(id))
    }

    fn drop_latest(&self, id: i64) -> Result<()> {
        self.write(Statement::DropLatest, &[Parameter::Integer(id)]).map(drop)
    }

    /// As [`Ledger::store_mirror`] for a record that was there, of which `row` is the bytes; `image` says the rest.
    pub fn store_row(&self, record: &Record, image: &Image, row: &[u8]) -> Result<()> {
        self.write_row(record, image, Parameter::Blob(row))
    }

    pub(super) fn write_row(&self, record: &Record, image: &Image, row: Parameter<'_>) -> Result<()> {
        let Some(id) = record.id else { return Err(LedgerError::Damaged("record")) };
        let stamps = stamps_bytes(&image.stamps);
        let parameters = [
            Parameter::Integer(id),
            Parameter::Integer(image.born.site.0.into()),
            Parameter::Integer(image.born.sequence.cast_signed()),
            row,
            stamps_parameter(&stamps),
            Parameter::Integer(record.version.0),
        ];
        self.write(Statement::SetMirror, &parameters)?;
        self.drop_latest(id)
    }

    /// As [`Ledger::store_mirror`] for a record that was there and becomes `image`, of the same incarnation and different in `fields` only,
    /// which ascend: these are written beside the row, or taken up into it where that grows too much.
    pub fn store_fields(&self, record: &Record, image: &Image, fields: &[FieldNo]) -> Result<()> {
        let Some(id) = record.id else { return Err(LedgerError::Damaged("record")) };
        let changed = latest::encode(image, fields);
        let changed = if record.since.is_empty() {
            changed.joined()
        } else {
            latest::merged(&record.since, &changed.joined()).map_err(|_| LedgerError::Damaged("latest fields"))?.into()
        };
        let parameters = [Parameter::Integer(id), Parameter::Integer(record.version.0), Parameter::Blob(&changed)];
        if latest::stays_beside(changed.len(), record.row_bytes) {
            return self.write(Statement::PutLatest, &parameters).map(drop);
        }
        self.write(Statement::TakeUp, &parameters)?;
        self.drop_latest(id)
    }

    /// Writes `extra`; anchors the record unless there is and was nothing to write.
    pub fn store_extra(&self, record: &mut Record) -> Result<()> {
        if record.extra.is_empty() && !record.extra_stored {
            return Ok(());
        }
        let id = self.anchor(record)?;
        record.extra_stored = !record.extra.is_empty();
        if record.extra.is_empty() {
            return self.write(Statement::SetExtra, &[Parameter::Integer(id), Parameter::Null]).map(drop);
        }
        let text = serde_json::to_vec(&record.extra).map_err(|_| LedgerError::Damaged("extra"))?;
        self.write(Statement::SetExtra, &[Parameter::Integer(id), Parameter::Text(&text)]).map(drop)
    }

    /// What of a record is on its way to the parent.
    pub fn pending(&self, record: &Record) -> Result<Pending> {
        let mut pending = Pending::default();
        let Some(id) = record.id else { return Ok(pending) };
        let mut statement = self.connection.prepare_cached("SELECT whole, fields FROM pending WHERE record = ?")?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            pending.whole |= row.get::<_, bool>(0)?;
            let bytes: Vec<u8> = row.get(1)?;
            pending.fields.extend(bytes.chunks_exact(2).map(|pair| FieldNo(u16::from_le_bytes([pair[0], pair[1]]))));
        }
        Ok(pending)
    }

    /// Notes what packet `number` tells the parent of a record.
    pub fn add_pending(&self, record: i64, number: PacketNumber, whole: bool, fields: &[FieldNo]) -> Result<()> {
        let bytes: Vec<u8> = fields.iter().flat_map(|field| field.0.to_le_bytes()).collect();
        let number = Parameter::Integer(number.0.cast_signed());
        self.write(Statement::AddPending, &[Parameter::Integer(record), number, Parameter::Integer(whole.into()), Parameter::Blob(&bytes)])
            .map(drop)
    }

    /// Whether anything at all is on its way to the parent.
    pub fn any_pending(&self) -> Result<bool> {
        Ok(self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM pending)")?.query_row([], |row| row.get(0))?)
    }

    /// Forgets what packets up to `number` told.
    pub fn drop_pending(&self, number: PacketNumber) -> Result<()> {
        self.write(Statement::DropPending, &[Parameter::Integer(number.0.cast_signed())]).map(drop)
    }
}

/// The mirror's row, of which one column of the result has the bytes and another one the fields that changed since.
fn mirror_bytes<'r>(row: &'r SqlRow<'_>, whole: usize, since: usize) -> Result<Option<Cow<'r, [u8]>>> {
    let damaged = || LedgerError::Damaged("row");
    let Some(bytes) = row.get_ref(whole)?.as_bytes_or_null().map_err(|_| damaged())? else { return Ok(None) };
    let since = row.get_ref(since)?.as_bytes_or_null().map_err(|_| damaged())?.unwrap_or_default();
    latest::row(bytes, since).map(Some).map_err(|_| damaged())
}

fn read(row: &SqlRow<'_>) -> Result<Record> {
    let decoded = mirror_bytes(row, 5, 10)?.map(|bytes| Row::decode(&bytes)).transpose();
    read_with(row, decoded.map_err(|_| LedgerError::Damaged("row"))?)
}

/// The record of a row of the result, of which the values are read already.
fn read_with(row: &SqlRow<'_>, values: Option<Row>) -> Result<Record> {
    let since = row.get_ref(10)?.as_bytes_or_null().map_err(|_| LedgerError::Damaged("latest fields"))?.unwrap_or_default();
    let current = match values {
        Some(values) => {
            let mut image = Image {
                born: Born { site: SiteNo(row.get(3)?), sequence: row.get::<_, i64>(4)?.cast_unsigned() },
                row: values,
                stamps: read_stamps(row.get_ref(6)?.as_bytes_or_null().map_err(|_| LedgerError::Damaged("stamps"))?)?,
            };
            latest::put_stamps(&mut image, since).map_err(|_| LedgerError::Damaged("latest fields"))?;
            Some(image)
        }
        None => None,
    };
    let extra_stored = row.get_ref(8)? != ValueRef::Null;
    let extra = match row.get_ref(8)?.as_bytes_or_null().map_err(|_| LedgerError::Damaged("extra"))? {
        Some(text) => serde_json::from_slice(text).map_err(|_| LedgerError::Damaged("extra"))?,
        None => Extra::default(),
    };
    Ok(Record {
        id: Some(row.get(0)?),
        table: TableNo(row.get(1)?),
        key: Key::from_bytes(row.get(2)?),
        place: row.get::<_, Option<Vec<u8>>>(9)?.map(Key::from_bytes),
        current,
        version: JournalNumber(row.get(7)?),
        extra,
        extra_stored,
        row_bytes: row.get_ref(5)?.as_bytes_or_null().map_err(|_| LedgerError::Damaged("row"))?.map_or(0, <[u8]>::len),
        since: since.to_vec(),
    })
}

/// Per stamped field: its number, time and site as varints.
pub(super) fn stamps_bytes(stamps: &[Option<Stamp>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (place, stamp) in stamps.iter().enumerate() {
        if let Some(stamp) = stamp {
            cells::push_varint(&mut bytes, place as u64);
            cells::push_varint(&mut bytes, stamp.time.0.cast_unsigned());
            cells::push_varint(&mut bytes, stamp.site.0.into());
        }
    }
    bytes
}

/// As the ledger has them: NULL where there are none.
pub(super) const fn stamps_parameter(bytes: &[u8]) -> Parameter<'_> {
    if bytes.is_empty() { Parameter::Null } else { Parameter::Blob(bytes) }
}

pub(super) fn read_stamps(bytes: Option<&[u8]>) -> Result<Vec<Option<Stamp>>> {
    let mut rest = bytes.unwrap_or_default();
    let mut image = Image::default();
    let next = |rest: &mut &[u8]| -> Result<u64> {
        let (number, taken) = cells::read_varint(rest).ok_or(LedgerError::Damaged("stamps"))?;
        *rest = &rest[taken..];
        Ok(number)
    };
    while !rest.is_empty() {
        let field = u16::try_from(next(&mut rest)?).map_err(|_| LedgerError::Damaged("stamps"))?;
        let time = Millis(next(&mut rest)?.cast_signed());
        let site = SiteNo(u32::try_from(next(&mut rest)?).map_err(|_| LedgerError::Damaged("stamps"))?);
        image.set_stamp(FieldNo(field), Some(Stamp { time, site }));
    }
    Ok(image.stamps)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{SiteName, Value};
    use crate::world::World;

    /// One write of a record of four fields.
    #[derive(Clone, Debug)]
    enum Write {
        /// These fields alone.
        Fields(std::collections::BTreeMap<u16, u8>),
        /// The whole row; none ends the record.
        Whole(Option<[u8; 4]>),
    }

    fn write() -> impl Strategy<Value = Write> {
        let fields = proptest::collection::btree_map(0u16..4, 0u8..60, 1..4).prop_map(Write::Fields);
        prop_oneof![3 => fields, 1 => any::<Option<[u8; 4]>>().prop_map(Write::Whole)]
    }

    /// Short and long ones: some stay beside the row, some do not.
    fn value(number: u8) -> Value {
        Value::text(&"x".repeat(usize::from(number)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn however_a_record_was_written_it_is_read_the_same(writes in proptest::collection::vec(write(), 1..12)) {
            let folder = tempfile::tempdir().unwrap();
            let name = SiteName::new("head").unwrap();
            let ledger = Ledger::open(&World::real(), &folder.path().join("state.db"), &name).unwrap();
            let (table, key) = (TableNo(0), Key::new([&Value::Integer(1)]).unwrap());
            let mut expected: Option<Image> = None;
            for (version, write) in (1..).zip(writes) {
                let mut record = ledger.load(table, &key).unwrap();
                prop_assert_eq!(&record.current, &expected);
                record.version = JournalNumber(version);
                let stamp = Some(Stamp { time: Millis(version), site: SiteNo(0) });
                match (write, &mut expected) {
                    (Write::Fields(_), None) => continue,
                    (Write::Fields(fields), Some(image)) => {
                        for (field, number) in &fields {
                            image.row.set(FieldNo(*field), value(*number));
                            image.set_stamp(FieldNo(*field), stamp);
                        }
                        let fields: Vec<FieldNo> = fields.into_keys().map(FieldNo).collect();
                        ledger.store_fields(&record, image, &fields).unwrap();
                    }
                    (Write::Whole(values), _) => {
                        expected = values.map(|values| Image {
                            born: Born { site: SiteNo(0), sequence: version.cast_unsigned() },
                            row: Row(values.into_iter().map(value).collect()),
                            stamps: vec![stamp; 4],
                        });
                        record.current = expected.clone();
                        ledger.store_mirror(&mut record, None).unwrap();
                    }
                }
                let record = ledger.load(table, &key).unwrap();
                prop_assert_eq!((&record.current, record.version), (&expected, JournalNumber(version)));
                let bytes: Vec<u8> = ledger.connection.query_row(PEEK, (table.0, key.as_bytes()), |row| {
                    Ok(mirror_bytes(row, 0, 1).unwrap().map(Cow::into_owned).unwrap_or_default())
                }).unwrap();
                prop_assert_eq!(bytes, expected.as_ref().map(|image| image.row.to_bytes()).unwrap_or_default());
            }
        }
    }
}
