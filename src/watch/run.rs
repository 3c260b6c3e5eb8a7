//! Waits, looks, and has rounds run, until somebody wants it to end.

use std::time::Duration;

use super::Schedule;
use super::ears::{Ears, Noise, Places, Trace};
use super::plan::{self, Failure, FailureKind, Next, State, Why};
use crate::model::Millis;
use crate::world::World;

/// Longest wait at a stretch, in milliseconds: after a laptop slept or a clock was set, the plan is made anew soon.
const LONGEST_STRETCH: i64 = 60_000;
/// Wait after another run held the home, in milliseconds.
const BUSY_WAIT: i64 = 3_000;
/// No more than one look at the database in so many milliseconds.
const BREATH: i64 = plan::BLINK;
/// No more than one look through the documents in so many milliseconds.
const DOCUMENTS_BREATH: i64 = 2_000;
/// When to look again after somebody wrote to the database and nothing new could be read from it, in milliseconds.
const DOUBTS: [i64; 3] = [50, 500, 5_000];

/// The site that is watched. What it is asked for may take long; noises wait meanwhile.
pub trait Watched {
    /// Runs a round.
    fn round(&mut self, why: Why) -> Ended;

    /// Looks whether a packet lies on an exchange that was not there when the last round began.
    fn look(&mut self) -> Looked;

    /// Whether what kept the last round from going well may have passed, as far as it costs nothing to look: a folder is there again,
    /// somebody wrote settings or rules, or, where a person was wanted, worked at the database or at this site.
    fn is_mended(&mut self) -> bool;

    /// Looks whether something was edited since the last round.
    fn edited(&mut self) -> Option<Edited>;

    /// Looks whether documents are otherwise than the last round left them.
    fn documents(&mut self) -> Touched;

    /// Where noises come from.
    fn places(&mut self) -> Places;

    /// Is told what comes next, whenever that is something else than before.
    fn tell(&mut self, next: Option<Next>, state: &State);
}

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Done,
    /// Well but for an exchange that could not be used: that is tried again beside all else, later and later.
    Partly,
    /// The exchange is out of reach: it is tried again, later and later.
    Away,
    /// Another run holds the home.
    Busy,
    /// It failed for something that passes by itself: tried again as where the exchange is out of reach.
    Passing,
    /// It failed and wants a person; tried again all the same, once an hour.
    Failed,
    /// The watch is to end.
    Stopped,
}

/// What a look at the exchange found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Nothing new.
    Nothing,
    /// A packet.
    Packet,
    /// It is out of reach.
    Away,
}

/// What a look at the documents found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Nothing that a round would take.
    Nothing,
    /// Only files that are being written.
    Busy,
    /// Something that a round would take.
    Changed,
}

/// What was edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// Nothing that could not wait.
    Ordinary {
        /// Whether it is worth looking again for something critical.
        may_become_critical: bool,
    },
    /// Something that cannot wait.
    Critical,
}

/// Watches until a stop is heard. `ears` are given so that the caller can make that noise.
pub fn run(world: &World, watched: &mut dyn Watched, schedule: &Schedule, ears: &mut Ears) {
    let mut watch = Watch {
        world,
        state: State::default(),
        trace: None,
        places: Places::default(),
        looked_at_database: Millis(0),
        again: None,
        doubts: 0,
        may_wait: false,
        looked_at_documents: Millis(0),
        documents_again: None,
    };
    let mut told = None;
    let mut next_look = world.now();
    loop {
        let now = world.now();
        if now >= next_look || next_look.0 - now.0 > schedule.settings().poll {
            watch.look_around(watched, ears, schedule);
            next_look = Millis(world.now().0 + schedule.settings().poll);
        }
        let next = plan::next(world.now(), &watch.state, schedule);
        if told != Some(next) {
            watched.tell(next, &watch.state);
            told = Some(next);
        }
        let now = world.now();
        if let Some(next) = next.filter(|next| next.at <= now) {
            match watched.round(next.why) {
                Ended::Stopped => return,
                Ended::Busy => {
                    if ears.wait(millis(BUSY_WAIT)) == Some(Noise::Stop) {
                        return;
                    }
                    continue;
                }
                ended @ (Ended::Done | Ended::Partly | Ended::Away | Ended::Passing | Ended::Failed) => {
                    watch.after_round((next.why, ended), watched, ears);
                }
            }
            told = None;
            continue;
        }
        if watch.again.is_some_and(|again| again <= now) {
            watch.look_at_database(watched);
            continue;
        }
        if watch.documents_again.is_some_and(|again| again <= now) {
            watch.look_at_documents(watched);
            continue;
        }
        let soonest = [next.map(|next| next.at), watch.again, watch.documents_again].into_iter().flatten().fold(next_look, Millis::min);
        let until = soonest.0 - now.0;
        match ears.wait(millis(until.clamp(1, LONGEST_STRETCH))) {
            Some(Noise::Stop) => return,
            Some(Noise::Database) => watch.look_at_database(watched),
            Some(Noise::Documents) => watch.documents_were_touched(),
            Some(Noise::Exchange) => watch.look_at_exchange(watched),
            Some(Noise::Lost) => next_look = world.now(),
            None => {}
        }
    }
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

struct Watch<'a> {
    world: &'a World,
    state: State,
    /// What the database looked like when it was last looked at.
    trace: Option<Trace>,
    /// What is listened to.
    places: Places,
    looked_at_database: Millis,
    /// When the database is to be looked at again: a burst of writes was not looked at to its end.
    again: Option<Millis>,
    /// How often nothing was found since the database was written to last.
    doubts: usize,
    looked_at_documents: Millis,
    /// When the documents are to be looked at.
    documents_again: Option<Millis>,
    /// Edits are known already and none can become critical: nothing is learnt by looking again.
    may_wait: bool,
}

impl Watch<'_> {
    /// The look at the usual interval: everything, and with new ears.
    fn look_around(&mut self, watched: &mut dyn Watched, ears: &mut Ears, schedule: &Schedule) {
        self.listen(watched, ears);
        self.look_at_database(watched);
        if self.state.last_round.is_some() {
            self.look_at_documents(watched);
        }
        let now = self.world.now();
        // Out of reach: the plan says when that is tried. Out of hours: nothing would come of it.
        let waits = self.state.failure.is_some_and(|failure| failure.kind != FailureKind::Partly);
        if !waits && self.state.last_round.is_some() && schedule.within_hours(now) <= now {
            self.look_at_exchange(watched);
        }
        // A share that is mounted again tells nobody.
        self.state.back = self.state.failure.is_some() && watched.is_mended();
    }

    fn listen(&mut self, watched: &mut dyn Watched, ears: &mut Ears) {
        self.places = watched.places();
        ears.listen(&self.places);
    }

    fn look_at_exchange(&mut self, watched: &mut dyn Watched) {
        match watched.look() {
            Looked::Nothing => {}
            Looked::Packet => self.state.arrived = true,
            Looked::Away => self.failed(FailureKind::Away),
        }
    }

    fn look_at_database(&mut self, watched: &mut dyn Watched) {
        let now = self.world.now();
        let Some(database) = &self.places.database else { return };
        let trace = Trace::of(database);
        if self.trace.as_ref() != Some(&trace) {
            self.doubts = 0;
        } else if self.again.is_none_or(|again| again > now) {
            return;
        }
        if let Some((_, last)) = &mut self.state.edited
            && self.may_wait
        {
            *last = now;
            self.trace = Some(trace);
            self.again = None;
            return;
        }
        // A burst of writes is not looked at for every write.
        if self.state.edited.is_some() && (0..BREATH).contains(&(now.0 - self.looked_at_database.0)) {
            self.again = Some(Millis(self.looked_at_database.0 + BREATH));
            return;
        }
        self.again = None;
        self.looked_at_database = now;
        self.trace = Some(trace);
        let Some(edited) = watched.edited() else {
            // A commit is heard while it is written and can be read a little later, which leaves no further trace.
            self.again = DOUBTS.get(self.doubts).map(|wait| Millis(now.0 + wait));
            self.doubts += 1;
            return;
        };
        let (first, _) = self.state.edited.unwrap_or((now, now));
        self.state.edited = Some((first, now));
        match edited {
            Edited::Critical => {
                self.state.critical.get_or_insert(now);
                self.may_wait = true;
            }
            Edited::Ordinary { may_become_critical } => self.may_wait = !may_become_critical,
        }
    }

    /// Where changes are known already nothing is learnt by looking again; else it is looked soon, and once for a burst of noises.
    fn documents_were_touched(&mut self) {
        let now = self.world.now();
        match &mut self.state.documents {
            Some((_, last)) => *last = now,
            None => {
                let soon = Millis((self.looked_at_documents.0 + DOCUMENTS_BREATH).max(now.0));
                self.documents_again.get_or_insert(soon);
            }
        }
    }

    fn look_at_documents(&mut self, watched: &mut dyn Watched) {
        let now = self.world.now();
        (self.looked_at_documents, self.documents_again) = (now, None);
        if self.state.documents.is_some() {
            return;
        }
        match watched.documents() {
            Touched::Nothing => {}
            Touched::Busy => self.documents_again = Some(Millis(now.0 + DOCUMENTS_BREATH)),
            Touched::Changed => self.state.documents = Some((now, now)),
        }
    }

    fn failed(&mut self, kind: FailureKind) {
        let before = self.state.failure.filter(|failure| (failure.kind == FailureKind::Partly) == (kind == FailureKind::Partly));
        let times = before.map_or(0, |failure| failure.times).saturating_add(1);
        let [die] = self.world.random();
        self.state.failure = Some(Failure { kind, times, last: self.world.now(), die });
        self.state.arrived = false;
    }

    fn after_round(&mut self, (why, ended): (Why, Ended), watched: &mut dyn Watched, ears: &mut Ears) {
        let failure = self.state.failure;
        self.state = State { last_round: Some(self.world.now()), failure, ..State::default() };
        match ended {
            Ended::Done => self.state.failure = None,
            // Rounds for something else try it as well, and say nothing of how long it lasts.
            Ended::Partly if why != Why::Retry && failure.is_some_and(|failure| failure.kind == FailureKind::Partly) => {}
            Ended::Partly => self.failed(FailureKind::Partly),
            Ended::Away => self.failed(FailureKind::Away),
            Ended::Passing => self.failed(FailureKind::Passing),
            Ended::Failed => self.failed(FailureKind::Person),
            Ended::Busy | Ended::Stopped => {}
        }
        self.trace = None;
        self.again = None;
        self.may_wait = false;
        // New ears are a walk through all folders of documents; the usual look takes them in any case.
        let places = watched.places();
        if places != self.places {
            ears.listen(&places);
            self.places = places;
        }
        self.look_at_database(watched);
        self.look_at_documents(watched);
    }
}
