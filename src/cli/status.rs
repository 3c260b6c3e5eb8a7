//! `fieldpost status`: where do we stand with every neighbour?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::held::{self, Needs};
use super::invite::a_role;
use super::page::{Column, Moment, Page, alert, count, heading, number, paragraphs};
use super::printer::Report;
use super::{Context, Exit, Failure, conflicts};
use crate::database::DatabaseError;
use crate::ledger::{Direction, Neighbour};
use crate::model::{Millis, SiteName};
use crate::site::Role;
use crate::sync::{Session, SyncError, clocks, renumber};

/// Show what was sent, received, and is waiting or in conflict
///
/// Looks only at this computer: the exchange is not asked. Works while another run holds the home, as all commands do that
/// only read: conflicts, held, history, digest.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost status
  fieldpost status --json")]
pub struct StatusArgs {}

/// What is true now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// This site.
    pub site: SiteName,
    /// Its place.
    pub role: Role,
    /// Its parent; none at the host.
    pub parent: Option<SiteName>,
    /// Its folder.
    pub home: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The exchange.
    pub exchange: String,
    /// Parent first, then the children by name.
    pub neighbours: Vec<NeighbourStatus>,
    /// Conflicts that wait for a person's decision.
    pub conflicts_open: u64,
    /// Changes that could not be applied yet.
    pub held_open: u64,
    /// Of those, the ones that wait for a person.
    pub held_for_person: u64,
    /// Edits that were noted since the last run.
    pub unsealed: u64,
    /// Whether the database is there.
    pub has_database: bool,
    /// What keeps this site from working and wants a person.
    pub trouble: Option<String>,
    /// Names that are invited and have not joined.
    pub invited: Vec<Invited>,
    /// Records that have another number than they had, of the last 30 days, oldest first.
    pub renumbered: Vec<NewNumber>,
    /// Packets that did not verify and were set aside, with the reason beside each.
    pub set_aside: u64,
    /// Where they are.
    pub quarantine: PathBuf,
}

/// A record that has another number than it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewNumber {
    /// Its table.
    pub table: String,
    /// The number it had.
    pub from: i64,
    /// The number it has.
    pub to: i64,
    /// Whether the parent has yet to say its number.
    pub provisional: bool,
    /// Whether the number it had is another record's now.
    pub taken: bool,
    /// When it changed.
    pub when: Moment,
    #[serde(skip)]
    words: String,
}

/// An invitation that is neither used nor expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invited {
    /// Who.
    pub name: String,
    /// Until when it is good.
    pub expires: Moment,
}

/// Where we stand with one neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeighbourStatus {
    /// The neighbour.
    pub name: SiteName,
    /// Its place.
    pub role: Role,
    /// Number of the last packet made for it.
    pub sent: u64,
    /// Of those, packets that are not on the exchange yet.
    pub not_deposited: u64,
    /// Number of the last packet it says it has applied.
    pub acknowledged: u64,
    /// Number of its last packet applied here.
    pub received: u64,
    /// Records changed here that are in no packet for it yet.
    pub waiting: u64,
    /// When the last packet was made for it.
    pub last_sent: Option<Moment>,
    /// When its last packet was applied.
    pub last_received: Option<Moment>,
    /// By how many milliseconds its clock is ahead of ours at least; negative where it is behind, 0 where it may be right.
    pub clock_ahead: i64,
    /// What keeps the two apart and wants a person.
    pub problem: Option<String>,
}

/// How far back new numbers are told.
const RENUMBERED_DAYS: i64 = 30;

/// From here on a clock is worth a line, in milliseconds.
const WRONG_CLOCK: i64 = 60_000;

/// Most of them that are told one by one.
const MOST_NUMBERS: usize = 10;

/// Runs the command.
///
/// # Errors
/// As home and ledger say.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    Ok(context.printer.report(&report(&session)?))
}

fn report(session: &Session) -> Result<StatusReport, Failure> {
    let ledger = &session.ledger;
    let mut held = held::all(session)?;
    held.extend(held::parked(session)?);
    let mut neighbours = Vec::new();
    for neighbour in ledger.neighbours()? {
        neighbours.push(of_neighbour(session, &neighbour)?);
    }
    let invited = ledger.invited(session.world.now())?;
    let open = neighbours.iter().map(|neighbour| neighbour.name.to_string()).collect::<Vec<_>>();
    let settings = &session.settings;
    let aside = fs_err::read_dir(session.home.quarantine())?.filter_map(Result::ok);
    let is_packet = |entry: &fs_err::DirEntry| entry.path().extension().is_some_and(|extension| extension != "txt");
    let amount = |amount: usize| u64::try_from(amount).unwrap_or(u64::MAX);
    let since = Millis(session.world.now().0 - RENUMBERED_DAYS * 24 * 60 * 60 * 1000);
    let renumbered = renumber::renumbered(session, since)?.into_iter().map(|moved| NewNumber {
        words: moved.words(settings.parent.as_ref(), &settings.host),
        table: moved.table,
        from: moved.from,
        to: moved.to,
        provisional: !moved.told,
        taken: moved.taken,
        when: Moment(moved.time),
    });
    Ok(StatusReport {
        renumbered: renumbered.collect(),
        site: settings.name.clone(),
        role: settings.role,
        parent: settings.parent.clone(),
        home: session.home.folder().to_owned(),
        database: session.database_path(),
        exchange: settings.exchange.clone(),
        neighbours,
        conflicts_open: amount(conflicts::all(session, 0)?.iter().filter(|conflict| conflict.open).count()),
        held_open: amount(held.len()),
        held_for_person: amount(held.iter().filter(|held| held.needs == Needs::Person).count()),
        unsealed: unsealed(session)?,
        has_database: session.has_database(),
        trouble: trouble(session)?,
        invited: invited
            .into_iter()
            .filter(|(name, _)| !open.contains(name))
            .map(|(name, expires)| Invited { name, expires: Moment(expires) })
            .collect(),
        set_aside: amount(aside.filter(is_packet).count()),
        quarantine: session.home.quarantine(),
    })
}

fn of_neighbour(session: &Session, neighbour: &Neighbour) -> Result<NeighbourStatus, SyncError> {
    let ledger = &session.ledger;
    let packets = ledger.all_packets(neighbour.site)?;
    let last = |direction: Direction| {
        let times = packets.iter().filter(|row| row.direction == direction).map(|row| match direction {
            Direction::Out => row.deposited,
            Direction::In => Some(row.time),
        });
        times.flatten().max().map(|time: Millis| Moment(time))
    };
    let on_exchange = packets.iter().filter(|row| row.direction == Direction::Out && row.deposited.is_none()).count();
    let waiting = if session.has_database() { ledger.candidates(neighbour.site, neighbour.cursor, neighbour.fresh)?.len() } else { 0 };
    Ok(NeighbourStatus {
        name: neighbour.card.name.clone(),
        role: Role::WORDS.iter().find(|(word, _)| *word == neighbour.card.role).map_or(Role::Remote, |(_, role)| *role),
        sent: neighbour.sent.0,
        not_deposited: on_exchange as u64,
        acknowledged: neighbour.acknowledged.0,
        received: neighbour.received.0,
        waiting: waiting as u64,
        last_sent: last(Direction::Out),
        last_received: last(Direction::In),
        clock_ahead: clocks::skew(session, neighbour)?.map_or(0, clocks::Skew::certain),
        problem: neighbour.problem.clone(),
    })
}

/// What the next run would stop at. Seen without the lock: a run that works here at the same time is only ever ahead in the database.
fn trouble(session: &Session) -> Result<Option<String>, SyncError> {
    if !session.has_begun() {
        return Ok(None);
    }
    if !session.has_database() {
        return Ok(Some(DatabaseError::Missing(session.database_path()).to_string()));
    }
    let stop = match session.database()?.counters()? {
        Some(counters) if counters.pair != session.ledger.pair()? => Some(SyncError::OtherPair),
        Some(counters) if counters.commits < session.ledger.commits()? => Some(SyncError::DatabaseRestored),
        Some(_) => None,
        None => Some(SyncError::OtherPair),
    };
    Ok(stop.map(|stop| stop.to_string()))
}

/// Edits that capture noted and no seal has seen.
fn unsealed(session: &Session) -> Result<u64, SyncError> {
    /// More are counted as this many: the number is for people.
    const MOST: usize = 100_000;
    if !session.has_database() {
        return Ok(0);
    }
    let mut keys = std::collections::BTreeSet::new();
    for shape in &session.shapes {
        let sealed = session.ledger.sealed(shape.number)?;
        // A table whose log is gone (rebuilt by the application) is compared whole by the next run.
        let Ok(notes) = session.database()?.notes(shape, sealed, MOST) else { continue };
        keys.extend(notes.into_iter().filter_map(|note| note.key.ok()).map(|key| (shape.number, key)));
    }
    Ok(keys.len() as u64)
}

impl Report for StatusReport {
    fn text(&self, page: &Page) -> String {
        let place = match &self.parent {
            Some(parent) => format!("{} of '{parent}'", a_role(self.role)),
            None => a_role(self.role).to_owned(),
        };
        let head = format!(
            "{}\n  home      {}\n  database  {}\n  exchange  {}",
            heading(&format!("{}, {place}", self.site)),
            self.home.display(),
            self.database.display(),
            self.exchange
        );
        let coming = match (&self.trouble, &self.parent) {
            (Some(trouble), _) => alert(&format!("Stopped: {trouble}. 'fieldpost sync' says what to do.")),
            (None, Some(parent)) if !self.has_database => {
                format!("There is no database here yet: '{parent}' sends it when it has taken '{}' in. Next: 'fieldpost sync'.", self.site)
            }
            (None, _) => String::new(),
        };
        let problems = self.neighbours.iter().filter_map(|neighbour| {
            neighbour.problem.as_ref().map(|problem| format!("{} {problem}", alert(&format!("'{}':", neighbour.name))))
        });
        let problems = problems.collect::<Vec<_>>().join("\n");
        paragraphs([head, coming, self.neighbours_text(page), problems, self.open_text(page)])
    }

    fn exit(&self) -> Exit {
        let stopped = self.trouble.is_some() || self.neighbours.iter().any(|neighbour| neighbour.problem.is_some());
        if stopped || self.conflicts_open + self.held_for_person > 0 { Exit::Attention } else { Exit::Done }
    }
}

impl StatusReport {
    fn neighbours_text(&self, page: &Page) -> String {
        if self.neighbours.is_empty() {
            if !self.invited.is_empty() {
                return String::new();
            }
            return "No neighbours yet: 'fieldpost invite NAME' makes the first one.".to_owned();
        }
        let columns = [
            Column::Words("neighbour"),
            Column::Words("role"),
            Column::Numbers("sent"),
            Column::Numbers("arrived"),
            Column::Numbers("received"),
            Column::Numbers("to send"),
            Column::Words("last sent"),
            Column::Words("last received"),
        ];
        let moment = |moment: Option<Moment>| moment.map_or_else(|| "never".to_owned(), |moment| page.moment(moment));
        let rows = self.neighbours.iter().map(|neighbour| {
            vec![
                neighbour.name.to_string(),
                neighbour.role.to_string(),
                number(neighbour.sent),
                number(neighbour.acknowledged),
                number(neighbour.received),
                number(neighbour.waiting),
                moment(neighbour.last_sent),
                moment(neighbour.last_received),
            ]
        });
        page.table(&columns, rows)
    }

    fn open_text(&self, page: &Page) -> String {
        let invited = self.invited.iter();
        let mut lines: Vec<String> = invited
            .map(|invited| format!("'{}' is invited until {} and has not joined yet", invited.name, page.moment(invited.expires)))
            .collect();
        let unsent: u64 = self.neighbours.iter().map(|neighbour| neighbour.not_deposited).sum();
        let mut line = |amount: u64, one: &str, many: &str, hint: &str| {
            if amount > 0 {
                lines.push(format!("{} {hint}", count(usize::try_from(amount).unwrap_or(usize::MAX), one, many)));
            }
        };
        line(self.unsealed, "record was", "records were", "edited since the last run: 'fieldpost sync' sends");
        line(unsent, "packet is", "packets are", "made and not on the exchange yet: 'fieldpost sync' puts it there");
        line(self.conflicts_open, "conflict wants", "conflicts want", "a decision: 'fieldpost conflicts --open'");
        line(self.held_open, "change is", "changes are", "held: 'fieldpost held' says why");
        if self.set_aside > 0 {
            let packets = count(usize::try_from(self.set_aside).unwrap_or(usize::MAX), "packet", "packets");
            lines.push(format!("{packets} that did not verify: in {}, the reason beside each", self.quarantine.display()));
        }
        for neighbour in self.neighbours.iter().filter(|neighbour| neighbour.clock_ahead.abs() >= WRONG_CLOCK) {
            let (seconds, side) = (neighbour.clock_ahead.abs() / 1000, if neighbour.clock_ahead > 0 { "ahead" } else { "behind" });
            lines.push(format!("the clock of '{}' is {seconds} s {side} of this one, at least: 'newest' goes by clocks", neighbour.name));
        }
        let skipped = self.renumbered.len().saturating_sub(MOST_NUMBERS);
        lines.extend(self.renumbered.iter().skip(skipped).map(|moved| moved.words.clone()));
        if skipped > 0 {
            lines.push(format!("{} more got another number: 'fieldpost status --json'", count(skipped, "record", "records")));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, json, plain};

    fn report() -> StatusReport {
        StatusReport {
            site: SiteName::new("anna").unwrap(),
            role: Role::Remote,
            parent: Some(SiteName::new("head").unwrap()),
            home: "/home/anna".into(),
            database: "/home/anna/shop.db".into(),
            exchange: "/mnt/share".to_owned(),
            neighbours: vec![NeighbourStatus {
                name: SiteName::new("head").unwrap(),
                role: Role::Host,
                sent: 12,
                not_deposited: 0,
                acknowledged: 11,
                received: 1_041,
                waiting: 3,
                last_sent: Some(at(0)),
                last_received: None,
                clock_ahead: 0,
                problem: None,
            }],
            conflicts_open: 0,
            held_open: 1,
            held_for_person: 0,
            unsealed: 3,
            has_database: true,
            trouble: None,
            invited: Vec::new(),
            renumbered: Vec::new(),
            set_aside: 0,
            quarantine: "/home/anna/.fieldpost/quarantine".into(),
        }
    }

    #[test]
    fn it_tells_where_we_stand_with_every_neighbour() {
        assert_eq!(
            plain(&report()),
            "\
anna, a remote of 'head'
  home      /home/anna
  database  /home/anna/shop.db
  exchange  /mnt/share

  neighbour  role  sent  arrived  received  to send  last sent         last received
  head       host    12       11     1,041        3  2026-11-22 08:00  never

3 records were edited since the last run: 'fieldpost sync' sends
1 change is held: 'fieldpost held' says why
"
        );
        assert_eq!(report().exit(), Exit::Done);
        assert_eq!(json(&report())["neighbours"][0]["last_sent"], "2026-11-22T08:00:00.000Z");
    }

    #[test]
    fn a_stream_that_stopped_wants_a_person() {
        let mut report = report();
        report.neighbours[0].problem = Some("its last packet does not follow the one before".to_owned());
        assert_eq!(report.exit(), Exit::Attention);
        assert!(plain(&report).contains("\n'head': its last packet does not follow the one before\n"));
    }
}
