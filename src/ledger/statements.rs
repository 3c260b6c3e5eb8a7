//! The one way to write the ledger: a numbered statement and its parameters.
//!
//! While a packet is applied, every write is also remembered as (statement, parameters). Those bytes go into the
//! application's database in the same transaction as the records: after a crash between the two commits the ledger
//! executes them again and is where it would have been (`DESIGN` section 3, "Two files, one commit point"). Replay
//! starts from the state the first execution started from, so it need not be idempotent by itself.
//! Statement numbers are part of what a crash leaves behind: append, never renumber.

use rusqlite::Connection;
use rusqlite::blob::ZeroBlob;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::LedgerError;
use crate::model::{Rope, RopeEnd, Row, Value, cells};
use crate::world::Prepared;

/// What a statement is given, still with whoever writes it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parameter<'p> {
    Null,
    Integer(i64),
    Text(&'p [u8]),
    Blob(&'p [u8]),
    /// A blob.
    Cells(&'p Rope),
}

impl<'p> Parameter<'p> {
    pub const fn text(text: &'p str) -> Self {
        Self::Text(text.as_bytes())
    }
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $sql:literal;)+) => {
        /// What can be written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Statement { $($(#[$doc])* $name = $number,)+ }

        impl Statement {
            const fn sql(self) -> &'static str {
                match self { $(Self::$name => $sql,)+ }
            }

            fn from_number(number: i64) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

statements! {
    SetMeta = 1, "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
    AddSite = 2, "INSERT INTO site VALUES (?, ?)";
    PutShape = 3, "INSERT INTO shape VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET rank = excluded.rank, shape = excluded.shape";
    SetSealed = 4, "UPDATE shape SET sealed = ?2 WHERE number = ?1";
    AddRecord = 5, "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    SetMirror = 6, "UPDATE record SET born_site = ?2, born_sequence = ?3, row = ?4, stamps = ?5, version = ?6 WHERE id = ?1";
    SetExtra = 7, "UPDATE record SET extra = ?2 WHERE id = ?1";
    AddJournal = 8, "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    AddCause = 9, "INSERT INTO cause VALUES (?, ?, ?, ?, ?)";
    AddNeighbour = 10, "INSERT INTO neighbour (site, kind, card, fresh, stream_out, sent, acknowledged, cursor, told_outcomes, told_documents, received, confirmed, settled_there, settled_here, owes) \
        VALUES (?, ?, ?, ?, ?, 0, 0, ?, ?, '{}', 0, 0, 0, 0, 0)";
    SetSent = 11, "UPDATE neighbour SET sent = ?2, sent_id = ?3, cursor = ?4, told_outcomes = ?5, told_documents = ?6, confirmed = ?7, settled_here = ?8, owes = 0, fresh = 0 WHERE site = ?1";
    SetReceived = 12, "UPDATE neighbour SET stream_in = ?2, received = ?3, received_id = ?4, settled_there = max(settled_there, ?5), owes = max(owes, ?6) WHERE site = ?1";
    SetAcknowledged = 13, "UPDATE neighbour SET acknowledged = ?2 WHERE site = ?1";
    SetOwes = 14, "UPDATE neighbour SET owes = 1 WHERE site = ?1";
    SetProblem = 15, "UPDATE neighbour SET problem = ?2 WHERE site = ?1";
    SetFresh = 16, "UPDATE neighbour SET fresh = 1 WHERE site = ?1";
    AddPacket = 18, "INSERT INTO packet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)";
    SetDeposited = 19, "UPDATE packet SET deposited = ?3 WHERE site = ?1 AND direction = 'out' AND number = ?2";
    AckPackets = 20, "UPDATE packet SET acknowledged = ?3 WHERE site = ?1 AND direction = 'out' AND number <= ?2 AND acknowledged IS NULL";
    AddPending = 21, "INSERT INTO pending VALUES (?, ?, ?, ?)";
    DropPending = 22, "DELETE FROM pending WHERE packet <= ?";
    PutAlias = 23, "INSERT INTO alias (site, sequence, to_site, to_sequence) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET to_site = excluded.to_site, to_sequence = excluded.to_sequence";
    AddConflict = 24, "INSERT INTO conflict VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (decider, decider_number) DO NOTHING";
    AddInvitation = 25, "INSERT INTO invitation VALUES (?, ?, ?, ?, NULL)";
    UseInvitation = 26, "UPDATE invitation SET used = ?2 WHERE id = ?1";
    PutGraveLast = 28, "INSERT INTO grave VALUES (?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE SET last = excluded.last";
    PutGraveShared = 29, "INSERT INTO grave VALUES (?, ?, ?, NULL, ?) ON CONFLICT DO UPDATE SET shared = excluded.shared";
    SetNames = 31, "UPDATE record SET key = ?2, place = ?3 WHERE id = ?1";
    AddFormer = 32, "INSERT INTO former (table_no, number, record, became, told, time) VALUES (?, ?, ?, ?, ?, ?)";
    TellFormer = 34, "UPDATE former SET told = 1, time = ?3 WHERE record = ?1 AND became = ?2 AND told = 0";
    SetShape = 33, "UPDATE shape SET shape = ?2 WHERE number = ?1";
    /// Of versions before: fields of a row that had nothing beside it.
    PatchMirror = 30, "UPDATE record SET row = patched(row, ?3), stamps = ?4, version = ?2 WHERE id = ?1";
    PutParked = 50, "INSERT INTO parked VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET packet = excluded.packet, since = excluded.since, content = excluded.content";
    DropParked = 51, "DELETE FROM parked WHERE site = ? AND table_no = ? AND key = ?";
    PutPastValue = 52, "INSERT INTO past_value VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, time = excluded.time";
    AddNobodys = 68, "INSERT INTO nobodys VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    DropNobodys = 69, "DELETE FROM nobodys WHERE table_no = ? AND number = ?";
    CloseTaken = 70, "UPDATE conflict SET state = 'decided' WHERE state = 'taken' AND decider_number = ?";
    AddSameEdit = 71, "INSERT INTO same_edit (record, field, our_site, our_place, site, time, journal, noted) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    ForgetSameEdits = 72, "DELETE FROM same_edit WHERE id IN (SELECT id FROM same_edit WHERE journal <= ? AND noted <= ? ORDER BY id LIMIT ?)";
    PutAliasUnder = 54, "INSERT INTO alias VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET to_site = excluded.to_site, to_sequence = excluded.to_sequence, record = excluded.record";
    ForgetEntry = 60, "DELETE FROM journal WHERE number = ?";
    ForgetGraves = 61, "DELETE FROM grave WHERE record = ?";
    ForgetAliases = 62, "DELETE FROM alias WHERE record = ?";
    ForgetRecord = 63, "DELETE FROM record WHERE id = ?1 AND row IS NULL AND extra IS NULL \
        AND NOT EXISTS (SELECT 1 FROM journal WHERE number = version) AND NOT EXISTS (SELECT 1 FROM grave WHERE record = ?1) \
        AND NOT EXISTS (SELECT 1 FROM alias WHERE record = ?1) AND NOT EXISTS (SELECT 1 FROM pending WHERE record = ?1) \
        AND NOT EXISTS (SELECT 1 FROM former WHERE record = ?1) AND NOT EXISTS (SELECT 1 FROM nobodys WHERE record = ?1)";
    ForgetPastValues = 67, "DELETE FROM past_value WHERE record = ?";
    ForgetCauses = 64, "DELETE FROM cause WHERE id <= ?";
    ForgetPackets = 65, "DELETE FROM packet WHERE site = ? AND direction = ? AND number <= ?";
    ForgetConflict = 66, "DELETE FROM conflict WHERE number = ?";
    SetTold = 90, "UPDATE neighbour SET told_documents = ?2 WHERE site = ?1";
    /// Of versions before, as [`Statement::PatchMirror`].
    FillMirror = 53, "UPDATE record SET row = ?2, stamps = ?3 WHERE id = ?1";
    PutSeen = 120, "INSERT INTO document_seen VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET content = excluded.content, look = excluded.look";
    DropSeen = 121, "DELETE FROM document_seen WHERE path = ?";
    PutRecipe = 122, "INSERT INTO document_recipe VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    AddChunk = 123, "INSERT INTO document_chunk VALUES (?, ?) ON CONFLICT DO NOTHING";
    DropRecipe = 124, "DELETE FROM document_recipe WHERE content = ?";
    DropChunks = 125, "DELETE FROM document_chunk WHERE content = ?";
    PutThere = 126, "INSERT INTO document_there VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET place = excluded.place";
    DropThere = 127, "DELETE FROM document_there WHERE site = ? AND content = ?";
    PutWanted = 128, "INSERT INTO document_wanted VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET chunks = excluded.chunks";
    DropWanted = 129, "DELETE FROM document_wanted WHERE site = ? AND content = ?";
    SetMissing = 130, "INSERT INTO document_missing VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET asked = excluded.asked, here = excluded.here";
    DropMissing = 131, "DELETE FROM document_missing WHERE content = ?";
    AddCopy = 132, "INSERT INTO document_copy (path, content, bytes, modified, executable, site, time) VALUES (?, ?, ?, ?, ?, ?, ?)";
    DropCopy = 133, "DELETE FROM document_copy WHERE id = ?";
    PutTrouble = 134, "INSERT INTO document_trouble VALUES (?, ?) ON CONFLICT DO UPDATE SET why = excluded.why";
    DropTroubles = 135, "DELETE FROM document_trouble";
    PutLatest = 140, "INSERT OR REPLACE INTO latest VALUES (?, ?, ?)";
    Retire = 150, "UPDATE neighbour SET retired = ?2, owes = 0, fresh = 0 WHERE site = ?1";
    ForgetUnacknowledged = 151, "DELETE FROM packet WHERE site = ? AND direction = 'out' AND acknowledged IS NULL";
    ForgetThere = 152, "DELETE FROM document_there WHERE site = ?";
    ForgetWanted = 153, "DELETE FROM document_wanted WHERE site = ?";
    Withdraw = 154, "DELETE FROM invitation WHERE name = ? AND used IS NULL";
    DropLatest = 141, "DELETE FROM latest WHERE id = ?";
    SetUndo = 143, "UPDATE journal SET undo = ?2 WHERE number = ?1";
    TakeUp = 142, "UPDATE record SET version = ?2, row = taken_up(row, ?3), stamps = stamped(stamps, ?3) WHERE id = ?1";
}

/// Teaches a connection the functions that statements call.
pub(super) fn teach(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    super::latest::teach(connection)?;
    connection.create_scalar_function("patched", 2, flags, |context| {
        let bytes = |place| context.get_raw(place).as_blob().map_err(|error| rusqlite::Error::UserFunctionError(error.into()));
        cells::patched(bytes(0)?, bytes(1)?).map_err(|error| rusqlite::Error::UserFunctionError(error.into()))
    })
}

/// Remembers writes as bytes: per write its length, then the row (statement number, parameters…).
#[derive(Debug, Default)]
pub(super) struct Recorder {
    written: Rope,
    /// The row of one write, kept for its room.
    row: Rope,
}

impl Recorder {
    fn note(&mut self, statement: Statement, parameters: &[Parameter<'_>]) {
        let row = &mut self.row;
        row.truncate(RopeEnd::default());
        cells::push_integer(row.bytes_mut(), statement as i64);
        for parameter in parameters {
            match parameter {
                Parameter::Null => cells::push_null(row.bytes_mut()),
                Parameter::Integer(number) => cells::push_integer(row.bytes_mut(), *number),
                Parameter::Text(text) => cells::push_text(row.bytes_mut(), text),
                Parameter::Blob(blob) => cells::push_blob(row.bytes_mut(), blob),
                Parameter::Cells(cells) => row.push_blob(cells),
            }
        }
        cells::push_varint(self.written.bytes_mut(), row.len() as u64);
        self.written.append(row);
    }

    pub(super) const fn end(&self) -> RopeEnd {
        self.written.end()
    }

    pub(super) fn truncate(&mut self, end: RopeEnd) {
        self.written.truncate(end);
    }

    pub(super) fn take(self) -> Rope {
        self.written
    }
}

/// Executes one write and remembers it where a recorder runs. Returns how many rows it changed.
pub(super) fn execute(
    connection: &Prepared,
    recorder: &mut Option<Recorder>,
    statement: Statement,
    parameters: &[Parameter<'_>],
) -> Result<usize, LedgerError> {
    if let Some(recorder) = recorder {
        recorder.note(statement, parameters);
    }
    run(connection, statement, parameters)
}

/// Executes remembered writes again, in order.
pub(super) fn replay(connection: &Prepared, mut bytes: &[u8]) -> Result<(), LedgerError> {
    while !bytes.is_empty() {
        let (length, taken) = cells::read_varint(bytes).ok_or(LedgerError::DamagedCommit)?;
        let end = usize::try_from(length).ok().and_then(|length| length.checked_add(taken)).ok_or(LedgerError::DamagedCommit)?;
        let row = bytes.get(taken..end).ok_or(LedgerError::DamagedCommit)?;
        let Row(values) = Row::decode(row).map_err(|_| LedgerError::DamagedCommit)?;
        let Some((Value::Integer(number), parameters)) = values.split_first() else { return Err(LedgerError::DamagedCommit) };
        let statement = Statement::from_number(*number).ok_or(LedgerError::DamagedCommit)?;
        let parameters = parameters.iter().map(parameter).collect::<Result<Vec<_>, _>>()?;
        run(connection, statement, &parameters)?;
        bytes = &bytes[end..];
    }
    Ok(())
}

fn parameter(value: &Value) -> Result<Parameter<'_>, LedgerError> {
    match value {
        Value::Null => Ok(Parameter::Null),
        Value::Integer(number) => Ok(Parameter::Integer(*number)),
        Value::Text(text) => Ok(Parameter::Text(text)),
        Value::Blob(blob) => Ok(Parameter::Blob(blob)),
        Value::Absent | Value::Real(_) => Err(LedgerError::DamagedCommit),
    }
}

fn run(connection: &Prepared, statement: Statement, parameters: &[Parameter<'_>]) -> Result<usize, LedgerError> {
    connection.with(statement.sql(), |prepared| run_prepared(connection, statement, prepared, parameters))?
}

fn run_prepared(
    connection: &Connection,
    statement: Statement,
    prepared: &mut rusqlite::Statement<'_>,
    parameters: &[Parameter<'_>],
) -> Result<usize, LedgerError> {
    let mut later = None;
    for (place, parameter) in (1..).zip(parameters) {
        let value = match parameter {
            Parameter::Null => ValueRef::Null,
            Parameter::Integer(number) => ValueRef::Integer(*number),
            Parameter::Text(text) => ValueRef::Text(text),
            Parameter::Blob(blob) => ValueRef::Blob(blob),
            Parameter::Cells(cells) if cells.is_large() && statement == Statement::AddJournal => {
                later = Some(*cells);
                prepared.raw_bind_parameter(place, ZeroBlob(cells.len() as u64))?;
                continue;
            }
            Parameter::Cells(cells) => {
                prepared.raw_bind_parameter(place, Bound(ValueRef::Blob(&cells.joined())))?;
                continue;
            }
        };
        prepared.raw_bind_parameter(place, Bound(value))?;
    }
    let changed = prepared.raw_execute()?;
    if let Some(cells) = later {
        // What is bound SQLite copies twice; what is written into the last column of a row it takes as it comes.
        let mut blob = connection.blob_open("main", "journal", "undo", connection.last_insert_rowid(), false)?;
        let mut place = 0;
        for piece in cells.pieces() {
            blob.write_at(piece, place)?;
            place += piece.len();
        }
        blob.close()?;
    }
    Ok(changed)
}

struct Bound<'v>(ValueRef<'v>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_replays_to_the_same_state() {
        let [first, second] = [(); 2].map(|()| Prepared::new(Connection::open_in_memory().unwrap()));
        for connection in [&first, &second] {
            connection.execute_batch(include_str!("schema.sql")).unwrap();
        }
        let mut recorder = Some(Recorder::default());
        let mut write = |statement, parameters: &[Parameter<'_>]| execute(&first, &mut recorder, statement, parameters).unwrap();
        write(Statement::SetMeta, &[Parameter::text("a"), Parameter::Text(&[0xff, 0, b'a'])]);
        write(Statement::SetMeta, &[Parameter::text("a"), Parameter::Integer(-5)]);
        let undo = Rope::from(&Row(vec![Value::text("small"), Value::Blob((0..100_000u32).map(|n| n.to_le_bytes()[1]).collect())]));
        let [one, none] = [Parameter::Integer(1), Parameter::Null];
        write(Statement::AddJournal, &[one, one, one, one, none, one, none, none, Parameter::Cells(&undo)]);
        replay(&second, &recorder.unwrap().take().joined()).unwrap();
        let read = |connection: &Connection| {
            let sql = "SELECT value, undo FROM meta, journal";
            connection.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap()
        };
        assert_eq!(read(&first), (-5, undo.joined().into_owned()));
        assert_eq!(read(&first), read(&second));
    }

    #[test]
    fn a_damaged_commit_record_is_refused() {
        let connection = Prepared::new(Connection::open_in_memory().unwrap());
        connection.execute_batch(include_str!("schema.sql")).unwrap();
        assert!(matches!(replay(&connection, &[9, 1]), Err(LedgerError::DamagedCommit)));
        // There is no statement -1.
        assert!(matches!(replay(&connection, &[2, 2, 1]), Err(LedgerError::DamagedCommit)));
    }
}
