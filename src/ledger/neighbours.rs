//! Neighbours and their streams: what was sent, what was acknowledged, what was received.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row as SqlRow};
use serde::{Deserialize, Serialize};

use super::statements::{Parameter, Statement};
use super::{Ledger, LedgerError, Result};
use crate::model::{JournalNumber, Millis, PacketNumber, SiteName, SiteNo, StreamId};

/// Which way a neighbour lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeighbourKind {
    /// Decides for us.
    Parent,
    /// We decide for it.
    Child,
}

/// Which way a packet went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// We built it.
    Out,
    /// We applied it.
    In,
}

impl Direction {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// Who a neighbour is, as admitted. Texts only: the layers above know what keys are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its name.
    pub name: SiteName,
    /// `host`, `office` or `remote`.
    pub role: String,
    /// Its signing key, one OpenSSH public key line.
    pub signing: String,
    /// Its sealing key, an age recipient.
    pub sealing: String,
}

/// One neighbour with both streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its number here.
    pub site: SiteNo,
    /// Which way it lies.
    pub kind: NeighbourKind,
    /// Who it is.
    pub card: Card,
    /// Holds nothing of ours yet (or is to be told everything again): the next change set is a snapshot.
    pub fresh: bool,
    /// Our stream to it.
    pub stream_out: StreamId,
    /// Last packet built.
    pub sent: PacketNumber,
    /// Its id, for the next one to name.
    pub sent_id: Option<String>,
    /// Last of ours that it acknowledged.
    pub acknowledged: PacketNumber,
    /// How far in the journal it was told.
    pub cursor: JournalNumber,
    /// How far in the list of conflicts it was told.
    pub told_outcomes: i64,
    /// Which version of what else it was told: schema, roster, rules (name → hash).
    pub told_documents: BTreeMap<String, String>,
    /// Its stream to us, known with its first packet.
    pub stream_in: Option<StreamId>,
    /// Last packet applied.
    pub received: PacketNumber,
    /// Its id.
    pub received_id: Option<String>,
    /// Last of its packets that a packet of ours acknowledged.
    pub confirmed: PacketNumber,
    /// Of a child: the last of our packets after which it kept nothing back.
    pub settled_there: PacketNumber,
    /// Towards the parent: the last of its packets after which we kept nothing back.
    pub settled_here: PacketNumber,
    /// It gets a packet even if there is nothing to tell.
    pub owes: bool,
    /// Why the stream stopped, in words; none while it flows.
    pub problem: Option<String>,
    /// Of a child: since when it is no neighbour any more.
    pub retired: Option<Millis>,
}

/// What building changes of a neighbour.
#[derive(Clone, Debug)]
pub struct SentState<'s> {
    /// Last packet built.
    pub sent: PacketNumber,
    /// Its id.
    pub id: &'s str,
    /// How far in the journal it tells.
    pub cursor: JournalNumber,
    /// How far in the conflicts it tells.
    pub told_outcomes: i64,
    /// Versions of documents it brings.
    pub told_documents: &'s BTreeMap<String, String>,
    /// What it acknowledges.
    pub confirmed: PacketNumber,
    /// How far it says we are settled.
    pub settled_here: PacketNumber,
}

/// A packet that was built or applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketRow {
    /// To or from whom.
    pub site: SiteNo,
    /// Which way.
    pub direction: Direction,
    /// Place in the stream.
    pub number: PacketNumber,
    /// Its id.
    pub id: String,
    /// File name.
    pub name: String,
    /// Size of the file.
    pub bytes: u64,
    /// Changes in it.
    pub changes: u64,
    /// Built: journal end it covers. Applied: journal end before it.
    pub journal: JournalNumber,
    /// When built or applied.
    pub time: Millis,
    /// When last put on the exchange.
    pub deposited: Option<Millis>,
    /// When the acknowledgement was applied.
    pub acknowledged: Option<Millis>,
    /// Whether it brings anything: one that only acknowledges is never answered, so its going missing is no reason to repeat it.
    pub wants_answer: bool,
}

fn site(site: SiteNo) -> Parameter<'static> {
    Parameter::Integer(site.0.into())
}

fn number(number: PacketNumber) -> Parameter<'static> {
    Parameter::Integer(number.0.cast_signed())
}

impl Ledger {
    /// Adds a neighbour with a new stream to it.
    pub fn add_neighbour(&self, kind: NeighbourKind, card: &Card, stream: StreamId, fresh: bool) -> Result<SiteNo> {
        let place = self.site_number(&card.name)?;
        let word = match kind {
            NeighbourKind::Parent => "parent",
            NeighbourKind::Child => "child",
        };
        let card = serde_json::to_vec(card).map_err(|_| LedgerError::Damaged("card"))?;
        let outcomes = self.last_conflict()?;
        self.write(
            Statement::AddNeighbour,
            &[
                site(place),
                Parameter::text(word),
                Parameter::Text(&card),
                Parameter::Integer(fresh.into()),
                Parameter::Integer(stream.0.cast_signed()),
                Parameter::Integer(self.journal_end().0),
                Parameter::Integer(outcomes),
            ],
        )?;
        Ok(place)
    }

    /// All neighbours: the parent first, then the children by number. Who is retired is none.
    pub fn neighbours(&self) -> Result<Vec<Neighbour>> {
        self.neighbours_that("retired IS NULL")
    }

    /// Children that are retired, by number, as they were when they were.
    pub fn retired(&self) -> Result<Vec<Neighbour>> {
        self.neighbours_that("retired IS NOT NULL")
    }

    fn neighbours_that(&self, are: &str) -> Result<Vec<Neighbour>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT site, kind, card, fresh, stream_out, sent, sent_id, acknowledged, cursor, told_outcomes, told_documents, \
             stream_in, received, received_id, confirmed, settled_there, settled_here, owes, problem, retired \
             FROM neighbour WHERE {are} ORDER BY kind DESC, site"
        ))?;
        let rows = statement.query_map([], |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// One neighbour.
    pub fn neighbour(&self, site: SiteNo) -> Result<Neighbour> {
        self.neighbours()?.into_iter().find(|neighbour| neighbour.site == site).ok_or(LedgerError::UnknownSite(site))
    }

    /// The parent, where there is one.
    pub fn parent(&self) -> Result<Option<Neighbour>> {
        Ok(self.neighbours()?.into_iter().find(|neighbour| neighbour.kind == NeighbourKind::Parent))
    }

    /// Takes a child out of the neighbours, with what was on its way to it and what was noted of what it has. What is held of it is given up
    /// before.
    pub fn retire(&self, child: SiteNo, now: Millis) -> Result<()> {
        self.write(Statement::Retire, &[site(child), Parameter::Integer(now.0)])?;
        self.write(Statement::ForgetUnacknowledged, &[site(child)])?;
        if self.has_documents()? {
            self.write(Statement::ForgetThere, &[site(child)])?;
            self.write(Statement::ForgetWanted, &[site(child)])?;
        }
        self.exceptional(&mut |mut record| {
            let extra = &mut record.extra;
            let had = [
                extra.opinions.remove(&child).is_some(),
                extra.told.remove(&child).is_some(),
                extra.made_as.remove(&child).is_some(),
                extra.released.remove(&child),
            ];
            if had.contains(&true) { self.store_extra(&mut record) } else { Ok(()) }
        })
    }

    /// Notes that packets up to `state.sent` are built.
    pub fn set_sent(&self, to: SiteNo, state: &SentState<'_>) -> Result<()> {
        let documents = serde_json::to_vec(state.told_documents).map_err(|_| LedgerError::Damaged("documents"))?;
        self.write(
            Statement::SetSent,
            &[
                site(to),
                number(state.sent),
                Parameter::text(state.id),
                Parameter::Integer(state.cursor.0),
                Parameter::Integer(state.told_outcomes),
                Parameter::Text(&documents),
                number(state.confirmed),
                number(state.settled_here),
            ],
        )
        .map(drop)
    }

    /// Notes that a packet was applied. `owes`: it brought something, so it wants an answer.
    pub fn set_received(
        &self,
        from: SiteNo,
        stream: StreamId,
        packet: PacketNumber,
        id: &str,
        settled: PacketNumber,
        owes: bool,
    ) -> Result<()> {
        let stream = Parameter::Integer(stream.0.cast_signed());
        self.write(
            Statement::SetReceived,
            &[site(from), stream, number(packet), Parameter::text(id), number(settled), Parameter::Integer(owes.into())],
        )
        .map(drop)
    }

    /// Notes how far our stream is acknowledged.
    pub fn set_acknowledged(&self, by: SiteNo, packet: PacketNumber, now: Millis) -> Result<()> {
        self.write(Statement::SetAcknowledged, &[site(by), number(packet)])?;
        self.write(Statement::AckPackets, &[site(by), number(packet), Parameter::Integer(now.0)]).map(drop)
    }

    /// Corrects what a neighbour was told of what is no record.
    pub fn set_told(&self, to: SiteNo, told: &BTreeMap<String, String>) -> Result<()> {
        let text = serde_json::to_string(told).map_err(|_| LedgerError::Damaged("told documents"))?;
        self.write(Statement::SetTold, &[Parameter::Integer(to.0.into()), Parameter::text(&text)]).map(drop)
    }

    /// Makes sure the neighbour gets a packet, even one that only acknowledges.
    pub fn set_owes(&self, to: SiteNo) -> Result<()> {
        self.write(Statement::SetOwes, &[site(to)]).map(drop)
    }

    /// Makes the next change set a snapshot.
    pub fn set_fresh(&self, to: SiteNo) -> Result<()> {
        self.write(Statement::SetFresh, &[site(to)]).map(drop)
    }

    /// Stops a stream with words, or lets it flow again.
    pub fn set_problem(&self, with: SiteNo, problem: Option<&str>) -> Result<()> {
        self.write(Statement::SetProblem, &[site(with), problem.map_or(Parameter::Null, Parameter::text)]).map(drop)
    }

    /// Adds a packet to the list.
    pub fn add_packet(&self, packet: &PacketRow) -> Result<()> {
        self.write(
            Statement::AddPacket,
            &[
                site(packet.site),
                Parameter::text(packet.direction.word()),
                number(packet.number),
                Parameter::text(&packet.id),
                Parameter::text(&packet.name),
                Parameter::Integer(packet.bytes.cast_signed()),
                Parameter::Integer(packet.changes.cast_signed()),
                Parameter::Integer(packet.journal.0),
                Parameter::Integer(packet.time.0),
                packet.deposited.map_or(Parameter::Null, |time| Parameter::Integer(time.0)),
                Parameter::Integer(packet.wants_answer.into()),
            ],
        )
        .map(drop)
    }

    /// Notes when a packet was put on the exchange.
    pub fn set_deposited(&self, to: SiteNo, packet: PacketNumber, now: Millis) -> Result<()> {
        self.write(Statement::SetDeposited, &[site(to), number(packet), Parameter::Integer(now.0)]).map(drop)
    }

    /// Packets built for a neighbour and not acknowledged, in order.
    pub fn outbox(&self, to: SiteNo) -> Result<Vec<PacketRow>> {
        self.packets("site = ?1 AND direction = 'out' AND acknowledged IS NULL ORDER BY number", to)
    }

    /// One packet.
    pub fn packet(&self, with: SiteNo, direction: Direction, number: PacketNumber) -> Result<Option<PacketRow>> {
        let mut statement = self.connection.prepare_cached(&format!("{PACKETS} site = ? AND direction = ? AND number = ?"))?;
        statement.query_row((with.0, direction.word(), number.0.cast_signed()), |row| Ok(read_packet(row))).optional()?.transpose()
    }

    /// Every packet to or from a neighbour, oldest first.
    pub fn all_packets(&self, with: SiteNo) -> Result<Vec<PacketRow>> {
        self.packets("site = ?1 ORDER BY time, direction, number", with)
    }

    fn packets(&self, filter: &str, with: SiteNo) -> Result<Vec<PacketRow>> {
        let mut statement = self.connection.prepare_cached(&format!("{PACKETS} {filter}"))?;
        let rows = statement.query_map([with.0], |row| Ok(read_packet(row)))?;
        rows.map(|row| row?).collect()
    }
}

const PACKETS: &str =
    "SELECT site, direction, number, id, name, bytes, changes, journal, time, deposited, acknowledged, wants_answer FROM packet WHERE";

fn read_packet(row: &SqlRow<'_>) -> Result<PacketRow> {
    Ok(PacketRow {
        site: SiteNo(row.get(0)?),
        direction: if row.get::<_, String>(1)? == "out" { Direction::Out } else { Direction::In },
        number: PacketNumber(row.get::<_, i64>(2)?.cast_unsigned()),
        id: row.get(3)?,
        name: row.get(4)?,
        bytes: row.get::<_, i64>(5)?.cast_unsigned(),
        changes: row.get::<_, i64>(6)?.cast_unsigned(),
        journal: JournalNumber(row.get(7)?),
        time: Millis(row.get(8)?),
        deposited: row.get::<_, Option<i64>>(9)?.map(Millis),
        acknowledged: row.get::<_, Option<i64>>(10)?.map(Millis),
        wants_answer: row.get(11)?,
    })
}

fn read(row: &SqlRow<'_>) -> Result<Neighbour> {
    let packet = |place: usize| row.get::<_, i64>(place).map(|number| PacketNumber(number.cast_unsigned()));
    Ok(Neighbour {
        site: SiteNo(row.get(0)?),
        kind: if row.get::<_, String>(1)? == "parent" { NeighbourKind::Parent } else { NeighbourKind::Child },
        card: serde_json::from_str(&row.get::<_, String>(2)?).map_err(|_| LedgerError::Damaged("card"))?,
        fresh: row.get(3)?,
        stream_out: StreamId(row.get::<_, i64>(4)?.cast_unsigned()),
        sent: packet(5)?,
        sent_id: row.get(6)?,
        acknowledged: packet(7)?,
        cursor: JournalNumber(row.get(8)?),
        told_outcomes: row.get(9)?,
        told_documents: serde_json::from_str(&row.get::<_, String>(10)?).map_err(|_| LedgerError::Damaged("documents"))?,
        stream_in: row.get::<_, Option<i64>>(11)?.map(|id| StreamId(id.cast_unsigned())),
        received: packet(12)?,
        received_id: row.get(13)?,
        confirmed: packet(14)?,
        settled_there: packet(15)?,
        settled_here: packet(16)?,
        owes: row.get(17)?,
        problem: row.get(18)?,
        retired: row.get::<_, Option<i64>>(19)?.map(Millis),
    })
}
