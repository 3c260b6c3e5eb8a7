//! `fieldpost sites retire`: what does a site leave behind that is none any more, and is that to be?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::logged::{Line, Looked};
use crate::cli::page::{Moment, Page, count, heading, number};
use crate::cli::place::Opened;
use crate::cli::printer::Report;
use crate::cli::rounds::one_round;
use crate::cli::sync::{Mode, SyncReport};
use crate::cli::{Context, Exit, Failure};
use crate::model::SiteName;
use crate::site::{Level, RosterError};
use crate::sync::retire::{self, Done, Farewell};
use crate::sync::round::Halves;
use crate::sync::{Session, SyncError};

/// Arguments of `sites retire`.
#[derive(Clone, Debug, Args)]
pub struct RetireArgs {
    /// The site
    #[arg(value_name = "NAME", value_parser = SiteName::new)]
    pub name: SiteName,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// What became of a site that was to be retired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RetireReport {
    /// The site.
    pub site: SiteName,
    /// Whether it was done.
    pub done: bool,
    /// Whether it had not joined, and all there was is an invitation.
    pub invitation: bool,
    /// Sites below it, which go with it.
    pub below: Vec<SiteName>,
    /// Packets of it that were taken by this run, before anything else.
    pub taken_first: u64,
    /// The number of the last packet of it that was taken; 0 for none.
    pub received: u64,
    /// When that was, as far as it is remembered.
    pub last_received: Option<Moment>,
    /// Packets of it that lay on the exchanges and could not be taken.
    pub not_taken: u64,
    /// Changes of it that waited here.
    pub held: u64,
    /// Of those, the ones that are listed as conflicts now.
    pub given_up: u64,
    /// Packets for it that it never confirmed.
    pub unconfirmed: u64,
    /// Changes in them.
    pub unconfirmed_changes: u64,
    /// Records that it was not told of.
    pub untold: u64,
    /// Documents that are not here whole.
    pub documents_coming: u64,
    /// Packets of it that were set aside.
    pub set_aside: u64,
    /// Where they are.
    pub quarantine: PathBuf,
    #[serde(skip)]
    rounds: Vec<SyncReport>,
}

/// What Fieldpost cannot do.
const LOGINS: &str = "Its name stays taken. Its login at the exchange is yours to take away.";

pub(super) fn run(arguments: &RetireArgs, context: &Context) -> Result<Exit, Failure> {
    let name = &arguments.name;
    let (_lock, mut session) = context.work()?;
    match retire::child(&session, name) {
        Ok(_) => {}
        Err(SyncError::Roster(RosterError::Unknown(_))) if retire::withdraw(&session, name)? => {
            let report = RetireReport { done: true, invitation: true, ..RetireReport::of(name, &session) };
            return Ok(context.done(&session.home, &report));
        }
        Err(error) => return Err(error.into()),
    }
    // What it sent while it was a site counts.
    let first = half(context, &mut session, Halves::Receive)?;
    let mut exchanges = Opened::of(&session.settings, &session.home, &context.printer.progress("looking for what it left"))?;
    let left = retire::look(&session, &mut exchanges.all(), name)?;
    let mut report = RetireReport::of(name, &session).leaving(left, first);
    if !arguments.yes {
        if !context.printer.can_ask() {
            return Ok(context.done(&session.home, &report));
        }
        context.printer.ask_about(&format!("{}\n", report.told(context.printer.page()).join("\n")));
        let answer = context.printer.ask(&format!("retire '{name}' for good (y/N)"))?;
        if !answer.is_some_and(|answer| ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())) {
            context.printer.note("nothing was done");
            context.log_end(&session.home, &report, Looked::Partly, Exit::Done);
            return Ok(Exit::Done);
        }
    }
    let Done { given_up, set_aside } = retire::retire(&session, &mut exchanges.all(), name)?;
    (report.done, report.given_up, report.set_aside) = (true, given_up, set_aside);
    report.rounds.push(half(context, &mut session, Halves::Send)?);
    Ok(context.done(&session.home, &report))
}

/// One half of a round.
fn half(context: &Context, session: &mut Session, halves: Halves) -> Result<SyncReport, Failure> {
    let progress = context.printer.progress("opening");
    let mut exchanges = Opened::of(&session.settings, &session.home, &progress)?;
    one_round(context, session, &mut exchanges.all(), halves, Mode::Done, progress)
}

impl RetireReport {
    fn of(site: &SiteName, session: &Session) -> Self {
        Self {
            site: site.clone(),
            done: false,
            invitation: false,
            below: Vec::new(),
            taken_first: 0,
            received: 0,
            last_received: None,
            not_taken: 0,
            held: 0,
            given_up: 0,
            unconfirmed: 0,
            unconfirmed_changes: 0,
            untold: 0,
            documents_coming: 0,
            set_aside: 0,
            quarantine: session.home.quarantine(),
            rounds: Vec::new(),
        }
    }

    fn leaving(self, left: Farewell, first: SyncReport) -> Self {
        Self {
            below: left.below,
            taken_first: first.applied.iter().filter(|packet| packet.from == self.site).count() as u64,
            received: left.received.0,
            last_received: left.received_at.map(Moment),
            not_taken: left.lying,
            held: left.held,
            unconfirmed: left.unconfirmed,
            unconfirmed_changes: left.unconfirmed_changes,
            untold: left.untold,
            documents_coming: left.documents_coming,
            rounds: vec![first],
            ..self
        }
    }

    /// What it leaves behind, a line each.
    fn told(&self, page: &Page) -> Vec<String> {
        let amount = |amount: u64, one: &str, many: &str| count(amount, one, many);
        let packets = |packets: u64| amount(packets, "packet", "packets");
        let when = self.last_received.map_or_else(String::new, |at| format!(", on {}", page.moment(at)));
        let mut lines = vec![match self.received {
            0 => "nothing of it was ever taken".to_owned(),
            received => format!("packet {} is the last of it that was taken{when}", number(received)),
        }];
        let mut say = |amount: u64, line: String| lines.extend((amount > 0).then_some(line));
        say(self.taken_first, format!("{} of it had not been taken yet: done", packets(self.taken_first)));
        // Once it is done, that is told of what became of them.
        let to_come = |amount: u64| if self.done { 0 } else { amount };
        say(to_come(self.not_taken), format!("{} of it cannot be taken, and will be set aside", packets(self.not_taken)));
        let waits = amount(self.held, "change of it waits", "changes of it wait");
        say(to_come(self.held), format!("{waits} here ('fieldpost held'): tried once more, and else listed as conflicts"));
        let changes = amount(self.unconfirmed_changes, "change", "changes");
        say(self.unconfirmed, format!("{} for it, with {changes}, it never confirmed", packets(self.unconfirmed)));
        say(self.untold, format!("it was not told of {} yet", amount(self.untold, "record", "records")));
        let documents = amount(self.documents_coming, "document is", "documents are");
        say(self.documents_coming, format!("{documents} not here whole ('fieldpost library'): what only it has of them never comes"));
        let below = self.below.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let sites = amount(self.below.len() as u64, "site below it goes", "sites below it go");
        say(self.below.len() as u64, format!("{sites} with it: {below}"));
        lines
    }

    /// What was done, a line each.
    fn done_lines(&self) -> Vec<String> {
        let amount = |amount: u64, one: &str, many: &str| count(amount, one, many);
        let mut lines = Vec::new();
        let mut say = |amount: u64, line: String| lines.extend((amount > 0).then_some(line));
        let changes = amount(self.given_up, "change that waited is", "changes that waited are");
        say(self.given_up, format!("{changes} given up and listed: 'fieldpost conflicts --site {}'", self.site));
        let packets = amount(self.set_aside, "packet of it was", "packets of it were");
        say(self.set_aside, format!("{packets} set aside in {}", self.quarantine.display()));
        lines
    }

    fn title(&self) -> String {
        match (self.invitation, self.done) {
            (true, _) => format!("'{}' had not joined: its invitation is withdrawn, and lets nobody in", self.site),
            (false, true) => format!("'{}' is retired: nothing is made for it or taken of it any more", self.site),
            (false, false) => format!("'{}' would be retired for good", self.site),
        }
    }
}

impl Report for RetireReport {
    fn text(&self, page: &Page) -> String {
        let title = heading(&self.title());
        if self.invitation {
            return title;
        }
        let mut lines = self.told(page);
        lines.extend(self.done_lines());
        let sent = self.rounds.last().is_some_and(|round| round.waiting.is_empty());
        let next = match (self.done, sent) {
            (false, _) => {
                format!("Nobody is here to be asked, and nothing was done yet:\n'fieldpost sites retire {} --yes' does it", self.site)
            }
            (true, true) => format!("The others are told.\n{LOGINS}"),
            (true, false) => format!("The next 'fieldpost sync' goes on telling the others.\n{LOGINS}"),
        };
        format!("{title}\n{}\n\n{next}", lines.iter().map(|line| page.wrapped(line)).collect::<Vec<_>>().join("\n"))
    }

    fn lines(&self, page: &Page) -> Vec<Line> {
        let mut lines: Vec<Line> = self.rounds.iter().flat_map(|round| round.log_lines(page)).collect();
        if self.done {
            let told = if self.invitation { Vec::new() } else { self.told(page) };
            let all = [vec![self.title()], told, self.done_lines()].concat();
            lines.extend(all.into_iter().map(|text| Line::new(Level::Info, text).of_site(Some(&self.site))));
        }
        lines
    }

    fn exit(&self) -> Exit {
        match (self.done, self.rounds.last()) {
            (true, Some(round)) => round.exit(),
            (true, None) => Exit::Done,
            (false, _) => Exit::Usage,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, plain};

    #[test]
    fn it_says_what_is_left_behind_before_it_is_done() {
        let name = |text: &str| SiteName::new(text).unwrap();
        let report = RetireReport {
            site: name("north"),
            done: false,
            invitation: false,
            below: vec![name("bert"), name("carl")],
            taken_first: 1,
            received: 17,
            last_received: Some(at(0)),
            not_taken: 2,
            held: 1,
            given_up: 0,
            unconfirmed: 3,
            unconfirmed_changes: 14,
            untold: 5,
            documents_coming: 0,
            set_aside: 0,
            quarantine: "/srv/shop/.fieldpost/quarantine".into(),
            rounds: Vec::new(),
        };
        assert_eq!(
            plain(&report),
            "\
'north' would be retired for good
  packet 17 is the last of it that was taken, on 2026-11-22 08:00
  1 packet of it had not been taken yet: done
  2 packets of it cannot be taken, and will be set aside
  1 change of it waits here ('fieldpost held'): tried once more, and else listed as conflicts
  3 packets for it, with 14 changes, it never confirmed
  it was not told of 5 records yet
  2 sites below it go with it: bert, carl

Nobody is here to be asked, and nothing was done yet:
'fieldpost sites retire north --yes' does it
"
        );
        assert_eq!(report.exit(), Exit::Usage);
        let done = plain(&RetireReport { done: true, given_up: 1, set_aside: 2, ..report });
        for words in ["'north' is retired", "1 change that waited is given up and listed", "2 packets of it were set aside in /srv/shop"] {
            assert!(done.contains(words), "{words}: {done}");
        }
    }
}
