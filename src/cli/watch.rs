//! `fieldpost watch`: rounds by themselves, all day, for a site that nobody looks at.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::explain::Explanation;
use super::page::{Moment, Page};
use super::place::Opened;
use super::printer::{Progress, Report};
use super::{Context, Exit, Failure, Run, explain, rounds};
use crate::exchange::{Access, Address, Entry, ExchangeError, Folder, reach, waiting};
use crate::library::Glance;
use crate::model::{Millis, SiteName};
use crate::packet::PacketFileName;
use crate::site::{Exchanges, Home, WatchLock, Watcher};
use crate::sync::documents::look;
use crate::sync::start;
use crate::sync::urgency::{self, Unsealed};
use crate::watch::ears::{Ears, Noise, Places, Trace};
use crate::watch::{self, Edited, Ended, FailureKind, LONGEST_WAIT, Looked, Next, Schedule, State, Touched, Watched, Why};

/// Run rounds by itself: for packets, for edits, for documents, and by the clock
///
/// Stays until it is told to end (Ctrl-C, or a signal) and stops cleanly in the middle of anything. A packet in a folder and an edit in a
/// critical table are on their way within a second; where nothing tells of them, every minute is looked. Documents go once they are
/// left alone for a while. The table [watch]
/// in fieldpost.toml sets rounds by the clock, working hours and a time zone. An exchange that is away is tried again, later and later, up to once
/// an hour. What stands in fieldpost.toml counts from the next start of the watch. 'fieldpost status' says what comes next; 'fieldpost service' starts a watch with the computer.
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost watch
  fieldpost --home /srv/shop watch --quiet

In fieldpost.toml, all of it optional:
  [watch]
  every = \"15m\"                        a round at least so often
  at = [\"07:30\", \"18:00\"]              rounds at these times, at any hour
  cron = \"*/10 8-17 * * mon-fri\"       the same, as cron writes it
  hours = \"07:00-19:00\"                for edits and packets; critical edits go at any hour
  days = \"mon-fri\"
  zone = \"Europe/Zurich\"
  poll = \"1m\"                          how often to look where nothing tells
  settle = \"5s\"                        how long application and documents must be quiet before edits go")]
pub struct WatchArgs {}

/// What stands above the report of a round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WatchReport {
    /// When the round ran.
    pub when: Moment,
    /// Why.
    pub why: &'static str,
}

impl Report for WatchReport {
    fn text(&self, page: &Page) -> String {
        super::page::dim(&format!("{} {}", page.moment(self.when), self.why))
    }
}

/// Runs the command.
///
/// # Errors
/// No home, another watcher, or settings that cannot be read. What fails later is told and tried again.
pub fn run(_: WatchArgs, context: &Context) -> Result<Exit, Failure> {
    let home = context.discover()?;
    let settings = home.settings()?;
    let lock = home.watch(&context.world)?;
    let mut ears = Ears::new();
    let (stop, sender) = (context.world.stopper(), ears.sender());
    let mut asked = false;
    let heard = ctrlc::try_set_handler(move || {
        // Whoever asks twice does not want to wait: dying is safe at any moment.
        if std::mem::replace(&mut asked, true) {
            std::process::exit(i32::from(Exit::Done.code()));
        }
        stop();
        // Where nobody listens any more the watch is over.
        let _ = sender.send(Noise::Stop);
    });
    if let Err(error) = heard {
        context.printer.note(&format!("signals cannot be heard, the watch ends when it is killed: {error}"));
    }
    let progress = context.printer.progress("beginning");
    let since = context.world.now();
    let schedule = Schedule::new(&settings.watch, TimeZone::system());
    let mut site = Site {
        context,
        home,
        lock,
        since,
        progress,
        opened: None,
        known: BTreeSet::new(),
        folders: Vec::new(),
        glance: None,
        differ: BTreeSet::new(),
        scene: Scene::default(),
        told: None,
    };
    watch::run(&context.world, &mut site, &schedule, &mut ears);
    Ok(Exit::Done)
}

/// A packet file that lies on an exchange: which exchange, which folder, which name.
type Lying = (usize, Folder, String);

type Papers = [Option<Vec<u8>>; 2];

/// The site that is watched.
struct Site<'a> {
    context: &'a Context,
    home: Home,
    lock: WatchLock,
    since: Millis,
    progress: Progress,
    /// The exchanges, kept open between looks; closed while a round runs, which opens its own.
    opened: Option<Opened>,
    /// What lay there when the last round began and was not taken away by it: what lies there still waits for something else.
    known: BTreeSet<Lying>,
    /// Where packets for this site come.
    folders: Vec<Folder>,
    /// The last look at the documents, where no round ran since.
    glance: Option<Glance>,
    /// What of the documents was otherwise before the last round: what is so still was not taken, and waits for somebody.
    differ: BTreeSet<String>,
    /// Settings and rules as they were before the last round, and the rest as it was after one that did not go well.
    scene: Scene,
    /// The failure that was told last, until a round goes well.
    told: Option<Told>,
}

/// What may keep a round from going well, as far as it costs nothing to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Scene {
    /// How many folders can be reached.
    near: usize,
    /// Settings and rules.
    papers: Papers,
    /// The database, and what this site knows: whoever mends something by hand leaves a trace there. Only where a person is wanted: while an
    /// exchange is away people work on.
    traces: Option<[Trace; 2]>,
}

impl Scene {
    /// Whether what kept the last round from going well then may have passed.
    fn is_mended(&self, now: &Self) -> bool {
        let traces = self.traces.is_some() && self.traces != now.traces;
        now.near > self.near || now.papers != self.papers || traces
    }
}

/// A failure as it was told.
struct Told {
    explanation: Explanation,
    papers: Papers,
    at: Millis,
}

impl Told {
    /// Where people work on beside what wants one of them, the same comes of every look: it is told once an hour, and to whoever wrote the
    /// papers anew.
    fn says(&self, explanation: &Explanation, papers: &Papers, now: Millis) -> bool {
        let lately = now.0.abs_diff(self.at.0) < LONGEST_WAIT.unsigned_abs() / 2;
        lately && self.explanation == *explanation && self.papers == *papers
    }
}

impl Site<'_> {
    /// What lies on the exchanges for this site, and whether any exchange was reached.
    fn lying(&mut self) -> Result<(BTreeSet<Lying>, bool), Failure> {
        let session = self.context.look()?;
        self.folders = folders(&session)?;
        if self.opened.is_none() {
            self.opened = Some(Opened::of(&session.settings, &self.home, &self.progress)?);
        }
        drop(session);
        let (mut lying, mut reached) = (BTreeSet::new(), false);
        let is_packet = |entry: &Entry| entry.name.as_str().parse::<PacketFileName>().is_ok_and(|name| name.matches(entry.bytes));
        for (at, exchange) in self.opened.iter_mut().flat_map(Opened::once).enumerate() {
            let mut look = || -> Result<(), ExchangeError> {
                reach(&self.context.world, exchange)?;
                for folder in &self.folders {
                    let found = waiting(&self.context.world, exchange, folder, is_packet)?;
                    lying.extend(found.into_iter().map(|entry| (at, folder.clone(), entry.name.to_string())));
                }
                Ok(())
            };
            reached |= look().is_ok();
        }
        if !reached {
            self.opened = None;
        }
        Ok((lying, reached))
    }

    /// How many exchanges can be reached of those that cost nothing to look at: folders.
    fn near(&self) -> usize {
        let Ok(settings) = self.home.settings() else { return 0 };
        let near = settings.exchanges.addresses.iter().filter(|address| matches!(Address::parse(address), Ok(Address::Folder(_))));
        let folders = Exchanges::at(near.cloned());
        let opened = Opened::with(&folders, self.home.folder(), &self.progress, |_| Ok(Access::default()));
        opened.map_or(0, |mut opened| opened.once().filter_map(|exchange| reach(&self.context.world, exchange).ok()).count())
    }

    /// Settings and rules as they stand.
    fn papers(&self) -> Papers {
        [self.home.settings_path(), self.home.rules_path()].map(|path| fs_err::read(path).ok())
    }

    /// What the database and this site's own state look like from outside.
    fn traces(&self) -> Option<[Trace; 2]> {
        let settings = self.home.settings().ok()?;
        Some([settings.database_path(self.home.folder()), self.home.state()].map(|path| Trace::of(&path)))
    }

    /// What of the documents is otherwise than a round left it; a round says what is wrong with them.
    fn glance(&self) -> Glance {
        self.context.look().ok().and_then(|session| look::glance(&session).ok()).unwrap_or_default()
    }

    /// The context of one round: a run of its own in the log.
    fn for_round(&self) -> Context {
        let Context { world, printer, here, limits, .. } = self.context;
        Context {
            world: world.another(),
            printer: printer.clone(),
            home: Some(self.home.folder().to_owned()),
            here: here.clone(),
            limits: limits.clone(),
            run: Run::new(Some("watch"), world.now()),
        }
    }

    /// Says why a round failed, and when it is worth trying again.
    fn failed(&mut self, context: &Context, failure: &Failure) -> Ended {
        let explanation = explain::explain(failure);
        if explanation.exit == Exit::Busy {
            return Ended::Busy;
        }
        let passes = matches!(failure, Failure::Sync(error) if error.retry_helps());
        let ended = if explanation.exit == Exit::Unreachable {
            Ended::Away
        } else if passes {
            Ended::Passing
        } else {
            Ended::Failed
        };
        let (papers, at) = (self.scene.papers.clone(), context.world.now());
        let known = self.told.as_ref().is_some_and(|told| told.says(&explanation, &papers, at));
        if ended == Ended::Failed && known {
            return ended;
        }
        context.printer.explain(&explanation);
        context.failed(failure, &explanation);
        self.told = Some(Told { explanation, papers, at });
        ended
    }
}

/// Where packets for a site come: from its neighbours, and from those it has invited.
fn folders(session: &crate::sync::Session) -> Result<Vec<Folder>, Failure> {
    let name = session.name().clone();
    let neighbours = session.ledger.neighbours()?.into_iter().map(|neighbour| neighbour.card.name);
    let invited = session.ledger.invited(session.world.now())?.into_iter().filter_map(|(name, _)| SiteName::new(&name).ok());
    let all: BTreeSet<SiteName> = neighbours.chain(invited).collect();
    Ok(all.iter().map(|from| Folder::between(&name, from)).collect())
}

impl Watched for Site<'_> {
    fn round(&mut self, why: Why) -> Ended {
        if let Ok((lying, true)) = self.lying() {
            self.known = lying;
        }
        self.opened = None;
        self.scene.papers = self.papers();
        // What came since the last look and is not taken either is asked about once more.
        self.differ = self.glance.take().unwrap_or_else(|| self.glance()).differ;
        self.progress.stage(why.words(), None);
        let context = self.for_round();
        let ended = match rounds::run_watched(&context, why.words()) {
            _ if self.context.world.go_on().is_err() => Ended::Stopped,
            Ok((exit, report)) => {
                self.told = None;
                // A damaged one is put there again under the very same name, perhaps while this round still ran.
                self.known.retain(|(_, folder, name)| !report.removed.iter().any(|(from, packet)| (from, packet) == (folder, name)));
                match (exit, report.troubled) {
                    (Exit::Unreachable, _) => Ended::Away,
                    (_, true) => Ended::Partly,
                    (_, false) => Ended::Done,
                }
            }
            Err(failure) => self.failed(&context, &failure),
        };
        if ended != Ended::Done {
            self.scene.near = self.near();
        }
        self.scene.traces = if ended == Ended::Failed { self.traces() } else { None };
        ended
    }

    fn look(&mut self) -> Looked {
        match self.lying() {
            Ok((_, false)) => {
                self.scene = Scene { near: self.near(), traces: None, papers: self.scene.papers.clone() };
                Looked::Away
            }
            Ok((lying, true)) if lying.is_subset(&self.known) => Looked::Nothing,
            Ok((_, true)) => Looked::Packet,
            // What passes by itself needs no round.
            Err(Failure::Sync(error)) if error.retry_helps() => Looked::Nothing,
            // A look keeps quiet of what is wrong with settings and rules: a round says it, and is tried again as one that failed.
            Err(_) => Looked::Packet,
        }
    }

    fn is_mended(&mut self) -> bool {
        self.scene.is_mended(&Scene { near: self.near(), papers: self.papers(), traces: self.traces() })
    }

    fn edited(&mut self) -> Option<Edited> {
        let session = self.context.look().ok()?;
        match urgency::unsealed(&session).ok()? {
            // The log of a backup is behind what was sealed, whatever is edited in it: a round says that it is one.
            Unsealed::Nothing => start::restored(&session).ok()?.map(|_| Edited::Ordinary { may_become_critical: false }),
            Unsealed::Ordinary => Some(Edited::Ordinary { may_become_critical: urgency::any_critical(&session) }),
            Unsealed::Critical => Some(Edited::Critical),
        }
    }

    fn documents(&mut self) -> Touched {
        let seen = self.glance();
        let glance = self.glance.insert(seen);
        match (glance.differ.is_subset(&self.differ), glance.busy) {
            (false, _) => Touched::Changed,
            (true, true) => Touched::Busy,
            (true, false) => Touched::Nothing,
        }
    }

    fn places(&mut self) -> Places {
        let Ok(session) = self.context.look() else { return Places::default() };
        let roots = session.settings.exchanges.addresses.iter().filter_map(|address| match Address::parse(address) {
            Ok(Address::Folder(root)) => Some(self.home.folder().join(root)),
            Ok(Address::Server(_) | Address::Command(_)) | Err(_) => None,
        });
        let roots: Vec<PathBuf> = roots.collect();
        let folders = folders(&session).unwrap_or_default();
        let inside = |root: &PathBuf| {
            let all = folders.iter().map(|folder| folder.levels().fold(root.clone(), |path, level| path.join(level)));
            // Where a folder is not there yet, the one above it tells when it comes.
            let there = |path: PathBuf| path.ancestors().find(|path| path.is_dir()).map(PathBuf::from);
            all.filter_map(there).filter(|path| path.starts_with(root)).collect::<Vec<_>>()
        };
        let folders: BTreeSet<PathBuf> = roots.iter().flat_map(inside).collect();
        let documents = session.has_library().then(|| session.library_folder()).filter(|folder| folder.is_dir());
        Places { database: Some(session.database_path()), documents, folders: folders.into_iter().collect() }
    }

    fn tell(&mut self, next: Option<Next>, state: &State) {
        let watcher = Watcher {
            process: std::process::id(),
            since: self.since,
            next: next.map(|next| next.at),
            why: next.map(|next| next.why.words().to_owned()),
            failures: state.failure.filter(|failure| failure.kind != FailureKind::Partly).map_or(0, |failure| failure.times),
            wants_person: state.failure.is_some_and(|failure| failure.kind == FailureKind::Person),
        };
        if let Err(error) = self.lock.tell(&watcher) {
            self.context.printer.note(&format!("what comes next could not be noted for 'fieldpost status': {error}"));
        }
        let page = self.context.printer.page();
        self.progress.stage(
            &match next {
                Some(next) => format!("next round {}: {}", page.moment(Moment(next.at)), next.why.words()),
                None => "waiting for packets and edits".to_owned(),
            },
            None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_back_and_papers_that_were_written_may_have_mended_it() {
        let before = Scene { near: 1, papers: [Some(b"a".to_vec()), None], traces: None };
        assert!(!before.is_mended(&before));
        assert!(before.is_mended(&Scene { near: 2, ..before.clone() }));
        assert!(!before.is_mended(&Scene { near: 0, ..before.clone() }), "one more went away");
        assert!(before.is_mended(&Scene { papers: [Some(b"b".to_vec()), None], ..before.clone() }), "settings");
        assert!(before.is_mended(&Scene { papers: [Some(b"a".to_vec()), Some(Vec::new())], ..before.clone() }), "rules");
        assert!(before.is_mended(&Scene { papers: [None, None], ..before.clone() }));
    }

    #[test]
    fn a_database_that_is_there_again_or_was_written_to_counts_where_a_person_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let traces = || Some([Trace::of(&path), Trace::of(&folder.path().join("state.db"))]);
        let gone = Scene { traces: traces(), ..Scene::default() };
        assert!(!gone.is_mended(&gone));
        fs_err::write(&path, "x").unwrap();
        let there = Scene { traces: traces(), ..Scene::default() };
        assert!(gone.is_mended(&there) && there.is_mended(&gone));
        fs_err::write(folder.path().join("state.db"), "x").unwrap();
        assert!(there.is_mended(&Scene { traces: traces(), ..Scene::default() }), "a run by hand");
        let away = Scene::default();
        assert!(!away.is_mended(&there), "people work on while an exchange is away");
    }

    #[test]
    fn what_wants_a_person_is_told_once_an_hour_and_to_whoever_wrote_the_papers() {
        let explanation = |message: &str| Explanation { message: message.to_owned(), hint: None, exit: Exit::Failed };
        let (papers, other) = (Papers::default(), [Some(Vec::new()), None]);
        let told = Told { explanation: explanation("a"), papers: papers.clone(), at: Millis(0) };
        assert!(told.says(&explanation("a"), &papers, Millis(60_000)));
        assert!(!told.says(&explanation("b"), &papers, Millis(60_000)));
        assert!(!told.says(&explanation("a"), &other, Millis(60_000)));
        assert!(!told.says(&explanation("a"), &papers, Millis(LONGEST_WAIT / 4 * 3)), "the shortest wait for the next try");
        assert!(!told.says(&explanation("a"), &papers, Millis(-LONGEST_WAIT)), "a clock that was set back");
    }
}
