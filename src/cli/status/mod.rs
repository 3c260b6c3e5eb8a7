//! `fieldpost status`: where do we stand with every neighbour?

mod bundles;
mod html;
mod neighbours;
mod open;
mod schema;
mod watching;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

pub use bundles::BundlesStatus;
pub use neighbours::NeighbourStatus;
pub use schema::SchemaStatus;
pub use watching::WatchStatus;

use super::held::{self, Needs};
use super::invite::a_role;
use super::page::{Column, Detail, Moment, NO_NUMBER, Page, alert, count, duration, heading, number, one_line, paragraphs};
use super::printer::Report;
use super::{Context, Exit, Failure, conflicts, explain, rounds};
use crate::database::DatabaseError;
use crate::model::{Millis, SiteName};
use crate::rules;
use crate::site::Role;
use crate::status::tables::{TableStatus, tables};
use crate::status::window::{Window, noted};
use crate::sync::documents::look::waiting;
use crate::sync::documents::place::coming;
use crate::sync::join::Unanswered;
use crate::sync::numbers::renumber;
use crate::sync::streams::places;
use crate::sync::{Session, SyncError, join, left_behind, recover, roster, start};

/// Show what was sent, received, and is waiting or in conflict
///
/// A line per neighbour and a line per table, in which every record counts once, where it needs most: a change that failed before one
/// that is to be sent. 'fieldpost records TABLE' has the records. Looks only at this computer: the exchange is not asked. Works while
/// another run holds the home, as all commands do that only read.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  fieldpost status
  fieldpost status --watch
  fieldpost status --html status.html      a page to look at, with a plot of the last 30 days
  fieldpost status --json")]
pub struct StatusArgs {
    /// Show it again every so many seconds, until stopped
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5", conflicts_with_all = ["html", "json"], value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub watch: Option<u32>,
    /// Write it as a page for a browser, all in one file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// What is true now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusReport {
    /// When this was looked at.
    pub now: Moment,
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
    /// The exchanges.
    pub exchange: Vec<String>,
    /// The process that runs rounds by itself; none where nobody does.
    pub watch: Option<WatchStatus>,
    /// Parent first, then the children by name.
    pub neighbours: Vec<NeighbourStatus>,
    /// How the records of every tracked table stand, by name.
    pub tables: Vec<TableLine>,
    /// All tables together.
    pub totals: TableStatus,
    /// Conflicts that wait for a person's decision.
    pub conflicts_open: u64,
    /// Changes that could not be applied yet.
    pub held_open: u64,
    /// The first of them in words.
    #[serde(skip)]
    pub held_first: Vec<String>,
    /// Of those, the ones that wait for a person.
    pub held_for_person: u64,
    /// Edits that were noted since the last run.
    pub unsealed: u64,
    /// Whether the database is there.
    pub has_database: bool,
    /// What keeps this site from working and wants a person.
    pub trouble: Option<String>,
    /// What helps.
    pub trouble_next: Option<String>,
    /// Names that are invited and have not joined.
    pub invited: Vec<Invited>,
    /// Names that asked to be taken in after their invitation had expired.
    pub asked_late: Vec<SiteName>,
    /// Names of sites under which another computer asked as well, with the file of the request in the quarantine.
    pub asked_twice: Vec<(SiteName, String)>,
    /// When the invitation expired with which this site asked, where its parent has not answered.
    pub invitation_expired: Option<Moment>,
    /// Whether another computer joined with the invitation with which this site asked.
    pub invitation_taken: bool,
    /// Records that have another number than they had, of the last 30 days, oldest first.
    pub renumbered: Vec<NewNumber>,
    /// Packets that did not verify and were set aside, with the reason beside each.
    pub set_aside: u64,
    /// Where they are.
    pub quarantine: PathBuf,
    /// The folder of documents; none where the site has no library.
    pub library: Option<PathBuf>,
    /// Documents whose content is not in the folder yet.
    pub documents_coming: u64,
    /// Bytes of them that are still to come.
    pub documents_coming_bytes: u64,
    /// Why the last run left the documents alone, or some deletions of them; wants a person.
    pub documents_waiting: Option<String>,
    /// What an exchange did not let this site do at the last run, and what helps, a sentence each; wants a person.
    pub exchange_refuses: Vec<String>,
    /// What is wrong with the list of sites, a sentence each; wants a person.
    pub sites_wrong: Vec<String>,
    /// Rules that do not run here, a sentence each; wants a person.
    pub rules_wrong: Vec<String>,
    /// Records that were deleted here although others refer to them, and what a recovery that was cut off told nobody, a sentence each; wants a person.
    pub left_behind: Vec<String>,
    /// Names in the documents folder that are not taken or not placed.
    pub documents_refused: u64,
    /// Customizations.
    pub bundles: BundlesStatus,
    /// What of the schema wants a person.
    pub schema: SchemaStatus,
}

/// How the records of a table stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableLine {
    /// The numbers.
    #[serde(flatten)]
    pub status: TableStatus,
    /// When a packet last brought or took records of it.
    pub last_sync: Option<Moment>,
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

/// How far back new numbers are told.
const RENUMBERED_DAYS: i64 = 30;

/// Most held changes that are told one by one.
const MOST_HELD: usize = 3;

/// Runs the command.
///
/// # Errors
/// As home and ledger say.
pub fn run(arguments: &StatusArgs, context: &Context) -> Result<Exit, Failure> {
    let look = || Session::look_past_rules(context.world.another(), context.discover()?, context.limits.clone()).map_err(Failure::from);
    if let Some(file) = &arguments.html {
        return html::write(&look()?, file, context);
    }
    loop {
        let report = report(&look()?)?;
        let Some(seconds) = arguments.watch else { return Ok(context.printer.report(&report)) };
        context.printer.clear();
        context.printer.report(&report);
        context.world.sleep(Duration::from_secs(seconds.into()));
    }
}

fn report(session: &Session) -> Result<StatusReport, Failure> {
    let ledger = &session.ledger;
    let mut held = held::all(session)?;
    held.extend(held::parked(session)?);
    let window = Window::look(session, None, None)?;
    let mut neighbours = Vec::new();
    for neighbour in ledger.neighbours()? {
        neighbours.push(NeighbourStatus::of(session, &neighbour, window.to_tell.get(&neighbour.site).copied().unwrap_or(0))?);
    }
    let mut totals = TableStatus { table: "all".to_owned(), ..TableStatus::default() };
    let mut lines = Vec::new();
    for status in tables(session, &window)? {
        totals.add(&status);
        lines.push(TableLine { last_sync: status.last_sync.map(Moment), status });
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
    let documents = if session.has_database() { coming(session)? } else { Vec::new() };
    Ok(StatusReport {
        now: Moment(session.world.now()),
        renumbered: renumbered.collect(),
        site: settings.name.clone(),
        role: settings.role,
        parent: settings.parent.clone(),
        home: session.home.folder().to_owned(),
        database: session.database_path(),
        exchange: settings.exchanges.addresses.clone(),
        watch: session.home.watcher()?.map(WatchStatus::of),
        neighbours,
        tables: lines,
        totals,
        conflicts_open: amount(conflicts::all(session, 0)?.iter().filter(|conflict| conflict.open).count()),
        held_open: amount(held.len()),
        held_first: held.iter().take(MOST_HELD).map(held::HeldChange::sentence).collect(),
        held_for_person: amount(held.iter().filter(|held| held.needs == Needs::Person).count()),
        unsealed: unsealed(session)?,
        has_database: session.has_database(),
        trouble: trouble(session)?,
        trouble_next: session.rules_fault.as_ref().and_then(|fault| explain::rules(&fault.fault)),
        invited: invited
            .into_iter()
            .filter(|(name, _)| !open.contains(name))
            .map(|(name, expires)| Invited { name, expires: Moment(expires) })
            .collect(),
        asked_late: join::asked_late(session)?,
        asked_twice: join::asked_twice(session)?,
        invitation_expired: join::own_expired(session)?.map(Moment),
        invitation_taken: join::unanswered(session)? == Some(Unanswered::Taken),
        set_aside: amount(aside.filter(is_packet).count()),
        quarantine: session.home.quarantine(),
        library: session.has_library().then(|| session.library_folder()),
        documents_coming: amount(documents.len()),
        documents_coming_bytes: documents.iter().fold(0, |sum, one| sum.saturating_add(one.bytes.saturating_sub(one.here))),
        documents_waiting: waiting(session)?,
        exchange_refuses: places::refused(session)?,
        sites_wrong: roster::problems(session)?,
        rules_wrong: rounds::stuck_rules(session)?,
        left_behind: {
            let untold = recover::untold(session)?.map(|untold| (untold.what, untold.why));
            left_behind::told(session)?.into_iter().chain(untold).map(|(what, why)| format!("{what}: {why}")).collect()
        },
        documents_refused: if session.ledger.has_documents()? { amount(session.ledger.document_troubles()?.len()) } else { 0 },
        bundles: BundlesStatus::of(session)?,
        schema: SchemaStatus::of(session)?,
    })
}

/// What the next run would stop at. Seen without the lock: a run that works here at the same time is only ever ahead in the database.
fn trouble(session: &Session) -> Result<Option<String>, SyncError> {
    if let Some(fault) = &session.rules_fault {
        return Ok(Some(format!("rules.toml: {fault} (what follows is as under the rules before)")));
    }
    if !session.has_begun() {
        let path = session.database_path();
        return Ok(start::in_the_way(session)?.then(|| SyncError::Exists(path.display().to_string()).to_string()));
    }
    if !session.has_database() {
        return Ok(Some(DatabaseError::Missing(session.database_path()).to_string()));
    }
    let stop = match session.database()?.counters()? {
        Some(counters) if counters.pair != session.ledger.pair()? => Some(SyncError::OtherPair),
        Some(_) => start::restored(session)?,
        None => Some(SyncError::OtherPair),
    };
    Ok(stop.map(|stop| stop.to_string()))
}

/// Records that were edited since the last seal.
fn unsealed(session: &Session) -> Result<u64, SyncError> {
    if !session.has_database() {
        return Ok(0);
    }
    let mut records = 0;
    for shape in &session.shapes {
        records += noted(session, shape)?.len() as u64;
    }
    Ok(records)
}

impl Report for StatusReport {
    fn text(&self, page: &Page) -> String {
        let place = match &self.parent {
            Some(parent) => format!("{} of '{parent}'", a_role(self.role)),
            None => a_role(self.role).to_owned(),
        };
        let head = format!(
            "{}\n  home       {}\n  database   {}\n  exchange   {}{}",
            heading(&format!("{}, {place}", self.site)),
            self.home.display(),
            self.database.display(),
            self.exchange.join("\n             "),
            self.library.as_ref().map_or_else(String::new, |library| format!("\n  documents  {}", library.display())),
        );
        let coming = match (&self.trouble, &self.parent) {
            (Some(trouble), _) => {
                let next = self
                    .trouble_next
                    .as_ref()
                    .map_or_else(|| "'fieldpost sync' says what to do.".to_owned(), |next| format!("Next: {next}"));
                alert(page.wrapped(&format!("Stopped: {trouble}. {next}")).trim_start())
            }
            (None, Some(parent)) if !self.has_database => match self.unanswered() {
                Some(why) => {
                    let why = rounds::unanswered(&self.site, parent, why, page);
                    alert(page.wrapped(&format!("There is no database here: {why}")).trim_start())
                }
                // What is told of the parent below says that none will come.
                None if self.neighbours.iter().any(|neighbour| neighbour.problem.is_some()) => "There is no database here.".to_owned(),
                None => format!(
                    "There is no database here yet: '{parent}' sends it when it has taken '{}' in. Next: 'fieldpost sync'.",
                    self.site
                ),
            },
            (None, _) => String::new(),
        };
        let problems = self.neighbours.iter().filter_map(|neighbour| {
            neighbour
                .problem
                .as_ref()
                .map(|problem| page.wrapped(&format!("{} {problem}", alert(&format!("'{}':", neighbour.name)))).trim_start().to_owned())
        });
        let problems = problems.collect::<Vec<_>>().join("\n");
        paragraphs([
            head,
            coming,
            self.neighbours_text(page),
            problems,
            self.tables_text(page),
            self.open(page).join("\n"),
            self.besides(page).join("\n"),
        ])
    }

    fn exit(&self) -> Exit {
        let silent = self.neighbours.iter().any(|neighbour| neighbour.alarm);
        let stuck = self.watch.as_ref().is_some_and(|watch| watch.wants_person);
        let stopped = silent
            || stuck
            || self.trouble.is_some()
            || !self.asked_late.is_empty()
            || !self.asked_twice.is_empty()
            || self.unanswered().is_some()
            || self.documents_waiting.is_some()
            || !self.exchange_refuses.is_empty()
            || !self.sites_wrong.is_empty()
            || !self.rules_wrong.is_empty()
            || !self.left_behind.is_empty()
            || self.bundles.wants_person()
            || self.schema.wants_person()
            || self.neighbours.iter().any(|neighbour| neighbour.problem.is_some());
        if stopped || self.conflicts_open + self.held_for_person > 0 { Exit::Attention } else { Exit::Done }
    }
}

impl StatusReport {
    fn unanswered(&self) -> Option<Unanswered> {
        let expired = self.invitation_expired.map(|expired| Unanswered::Expired(expired.0));
        if self.invitation_taken { Some(Unanswered::Taken) } else { expired }
    }

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
            Column::Numbers("unconfirmed"),
            Column::Numbers("received"),
            Column::Numbers("to send"),
            Column::Words("last sent"),
            Column::Words("last heard"),
            Column::Words("clock"),
            Column::Words("version"),
        ];
        let rows = self.neighbours.iter().map(|neighbour| {
            vec![
                neighbour.name.to_string(),
                neighbour.role.to_string(),
                number(neighbour.sent),
                number(neighbour.unconfirmed),
                number(neighbour.received),
                number(neighbour.waiting),
                self.ago(neighbour.last_sent),
                self.ago(neighbour.last_received),
                neighbour.clock(),
                neighbour.version.as_deref().map_or_else(|| "unknown".to_owned(), one_line),
            ]
        });
        page.table(&columns, rows)
    }

    /// How long ago something was.
    fn ago(&self, moment: Option<Moment>) -> String {
        moment.map_or_else(|| "never".to_owned(), |moment| format!("{} ago", duration(self.now.0.0 - moment.0.0)))
    }

    fn tables_text(&self, page: &Page) -> String {
        /// More tables than this are listed where there is something to say of them.
        const MOST_TABLES: usize = 20;
        if self.neighbours.is_empty() || !self.has_database {
            return String::new();
        }
        let columns = [
            Column::Words("table"),
            Column::Numbers("not complete"),
            Column::Numbers("ready"),
            Column::Numbers("sent"),
            Column::Numbers("retries"),
            Column::Numbers("failures"),
            Column::Numbers("conflicts"),
            Column::Numbers("in step"),
            Column::Words("type"),
            Column::Words("last sync"),
        ];
        let all = self.tables.len() <= MOST_TABLES || page.detail == Detail::Full;
        let (shown, rest): (Vec<&TableLine>, Vec<&TableLine>) = self.tables.iter().partition(|line| all || !line.is_in_step());
        let row = |status: &TableStatus, last: String| {
            let TableStatus { not_complete, ready, sent, retries, failures, conflicts, successful, .. } = status;
            let numbers = [not_complete, ready, sent, retries, failures, conflicts, successful];
            let kind = kind(status);
            let mut row = vec![status.table.clone()];
            row.extend(numbers.into_iter().map(|amount| if *amount == 0 { NO_NUMBER.to_owned() } else { number(*amount) }));
            row.extend([kind, last]);
            row
        };
        let mut rows: Vec<Vec<String>> = shown.iter().map(|line| row(&line.status, self.ago(line.last_sync))).collect();
        if self.tables.len() > 1 {
            let mut totals = row(&self.totals, String::new());
            totals[8].clear();
            rows.push(totals);
        }
        let more = match rest.len() {
            0 => String::new(),
            rest => format!("\n  {} in step: -v lists all", count(rest, "more table is", "more tables are")),
        };
        format!("{}{more}", page.table(&columns, rows))
    }
}

/// Whether records of a table travel by themselves, and which way where it is one only.
fn kind(status: &TableStatus) -> String {
    match (status.direction, status.sending.word()) {
        (rules::Direction::Both | rules::Direction::None, sending) => sending.to_owned(),
        (rules::Direction::Up, sending) => format!("{sending} ↑"),
        (rules::Direction::Down, sending) => format!("{sending} ↓"),
    }
}

impl TableLine {
    /// Whether every record is the same on both sides.
    fn is_in_step(&self) -> bool {
        let TableStatus { not_complete, deactivated, ready, sent, retries, failures, conflicts, .. } = &self.status;
        [not_complete, deactivated, ready, sent, retries, failures, conflicts].into_iter().all(|amount| *amount == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, json, plain};

    fn report() -> StatusReport {
        StatusReport {
            now: at(7),
            site: SiteName::new("anna").unwrap(),
            role: Role::Remote,
            parent: Some(SiteName::new("head").unwrap()),
            home: "/home/anna".into(),
            database: "/home/anna/shop.db".into(),
            exchange: vec!["/mnt/share".to_owned()],
            watch: None,
            neighbours: vec![NeighbourStatus {
                name: SiteName::new("head").unwrap(),
                role: Role::Host,
                sent: 12,
                not_deposited: 0,
                acknowledged: 11,
                unconfirmed: 1,
                received: 1_041,
                missing: vec![1_042],
                waiting: 3,
                last_sent: Some(at(0)),
                last_received: None,
                silence: Some(45 * 86_400_000),
                alarm: false,
                kept: 12_431,
                version: Some("0.1.0".to_owned()),
                clock_ahead: 0,
                problem: None,
            }],
            tables: vec![
                TableLine {
                    status: TableStatus {
                        table: "customers".to_owned(),
                        not_complete: 2,
                        ready: 3,
                        successful: 1_200,
                        ..TableStatus::default()
                    },
                    last_sync: Some(at(-600)),
                },
                TableLine {
                    status: TableStatus {
                        table: "orders".to_owned(),
                        retries: 1,
                        direction: rules::Direction::Up,
                        sending: rules::Sending::Manual,
                        ..TableStatus::default()
                    },
                    last_sync: None,
                },
            ],
            totals: TableStatus {
                table: "all".to_owned(),
                not_complete: 2,
                ready: 3,
                retries: 1,
                successful: 1_200,
                ..TableStatus::default()
            },
            conflicts_open: 0,
            held_open: 1,
            held_first: vec!["orders O-17 from 'head': it waits for customers C-3; goes on by itself with a later packet".to_owned()],
            held_for_person: 0,
            unsealed: 3,
            has_database: true,
            trouble: None,
            trouble_next: None,
            invited: Vec::new(),
            asked_late: Vec::new(),
            asked_twice: Vec::new(),
            invitation_expired: None,
            invitation_taken: false,
            renumbered: Vec::new(),
            set_aside: 0,
            quarantine: "/home/anna/.fieldpost/quarantine".into(),
            library: Some("/home/anna/library".into()),
            documents_coming: 3,
            documents_coming_bytes: 4_200_000,
            documents_waiting: None,
            exchange_refuses: Vec::new(),
            sites_wrong: Vec::new(),
            rules_wrong: Vec::new(),
            left_behind: Vec::new(),
            documents_refused: 0,
            bundles: BundlesStatus::default(),
            schema: SchemaStatus::default(),
        }
    }

    #[test]
    fn it_tells_where_we_stand_with_every_neighbour() {
        assert_eq!(
            plain(&report()),
            "\
anna, a remote of 'head'
  home       /home/anna
  database   /home/anna/shop.db
  exchange   /mnt/share
  documents  /home/anna/library

  neighbour  role  sent  unconfirmed  received  to send  last sent  last heard  clock  version
  head       host    12            1     1,041        3  7 min ago  never       right  0.1.0

  table      not complete  ready  sent  retries  failures  conflicts  in step  type       last sync
  customers             2      3     ·        ·         ·          ·    1,200  automatic  10 h ago
  orders                ·      ·     ·        1         ·          ·        ·  manual ↑   never
  all                   2      3     ·        1         ·          ·    1,200

packet 1,042 of 'head' has not come yet: it is asked for, and what came after it waits
3 records were edited since the last run: 'fieldpost sync' sends them
3 documents are on the way, 4.2 MB still to come: 'fieldpost library' lists them
1 change is held: 'fieldpost held'
  orders O-17 from 'head': it waits for customers C-3; goes on by itself with a later packet
12,431 changes kept for 'head', silent for 45 d
"
        );
        assert_eq!(report().exit(), Exit::Done);
        assert_eq!(json(&report())["neighbours"][0]["last_sent"], "2026-11-22T08:00:00.000Z");
    }

    #[test]
    fn what_is_over_is_told_and_is_not_open() {
        let words = "orders 7 is now 9, as 'head' says".to_owned();
        let moved =
            NewNumber { table: "orders".to_owned(), from: 7, to: 9, provisional: false, taken: false, when: at(0), words: words.clone() };
        let report = StatusReport { renumbered: vec![moved], ..report() };
        let page = crate::cli::conflicts::tests::page();
        assert_eq!(report.besides(&page).as_slice(), std::slice::from_ref(&words));
        assert!(!report.open(&page).contains(&words) && plain(&report).ends_with(&format!("\n\n{words}\n")), "{}", plain(&report));
    }

    #[test]
    fn a_stream_that_stopped_wants_a_person() {
        let mut report = report();
        report.neighbours[0].problem = Some("its last packet does not follow the one before".to_owned());
        assert_eq!(report.exit(), Exit::Attention);
        assert!(plain(&report).contains("\n'head': its last packet does not follow the one before\n"));
    }
}
