//! When is the next round, and why? Pure: from what is known now.
//!
//! Rules, the first that applies:
//! 1. After a failure nothing else matters: the wait doubles from a minute to an hour, each shortened by a little chance,
//!    so that a hundred sites do not come back to a server in one second. Only what is seen ends that sooner: a packet, a folder that is
//!    there again, settings and rules that somebody wrote, or, where a person was wanted, that somebody wrote to the database or ran a command. Where only one exchange of several failed, or all but one packet went, the same wait brings a
//!    round, and nothing else waits for it.
//! 2. An edit in a critical table goes after the blink in which an application writes what belongs together, at any hour.
//! 3. A time of day or a cron line is a round at that time, at any hour.
//! 4. Within working hours: a packet at once; edits once the application was quiet for a while, and after a minute in any case, documents in
//!    the same way; a round every so often. Outside of them these wait for the next opening.

use super::Schedule;
use crate::model::Millis;

/// How long edits of a critical table wait for what belongs to them, in milliseconds.
pub const BLINK: i64 = 200;
/// Edits wait no longer for quiet than this, in milliseconds.
pub const LONGEST_UNREST: i64 = 60_000;
/// Wait after the first failure, in milliseconds; it doubles.
pub const FIRST_WAIT: i64 = 60_000;
/// Longest wait after a failure, in milliseconds.
pub const LONGEST_WAIT: i64 = 60 * 60_000;

/// What is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// When the last round ended; none before the first.
    pub last_round: Option<Millis>,
    /// When the first and the last edit that is not sent yet were seen.
    pub edited: Option<(Millis, Millis)>,
    /// When the first and the last change of documents that are not taken yet was seen; not of those that are being written.
    pub documents: Option<(Millis, Millis)>,
    /// When an edit that cannot wait was seen.
    pub critical: Option<Millis>,
    /// Whether a packet was seen.
    pub arrived: bool,
    /// Whether what kept the last round from going well may have passed: an exchange was seen again, settings or rules were written, somebody worked here.
    pub back: bool,
    /// The failures in a row, where the last round failed.
    pub failure: Option<Failure>,
}

/// Failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the last one was.
    pub kind: FailureKind,
    /// How many, at least 1.
    pub times: u32,
    /// When the last one was.
    pub last: Millis,
    /// A die from 0 to 255: shortens the wait by up to a quarter.
    pub die: u8,
}

/// Whether a failure passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// One exchange could not be used, and all else went well: nothing else waits for it.
    Partly,
    /// The exchange is out of reach, and will be back.
    Away,
    /// A lock, a full disk, a schema that moved on: it passes by itself.
    Passing,
    /// Nothing but a person helps: there is no use in hurrying.
    Person,
}

/// A round to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When; the past means now.
    pub at: Millis,
    /// Why.
    pub why: Why,
}

/// Why a round runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The watcher has just begun.
    Begin,
    /// The last one failed.
    Retry,
    /// An exchange that was out of reach is back.
    Back,
    /// Something was edited in a critical table.
    Critical,
    /// A packet lies on the exchange.
    Packet,
    /// Something was edited.
    Edit,
    /// Documents are new, edited or gone.
    Documents,
    /// It is the time for it.
    Clock,
}

impl Why {
    /// For the log and for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Begin => "the watch begins",
            Self::Retry => "trying again",
            Self::Back => "the exchange is back",
            Self::Critical => "an edit in a critical table",
            Self::Packet => "a packet came",
            Self::Edit => "edits",
            Self::Documents => "documents were edited",
            Self::Clock => "it is time",
        }
    }
}

/// The next round; none: only a noise brings one.
#[must_use]
pub fn next(now: Millis, state: &State, schedule: &Schedule) -> Option<Next> {
    let Some(last_round) = state.last_round else { return Some(Next { at: now, why: Why::Begin }) };
    let again = state.failure.map(|failure| again(now, state.back, failure));
    if again.is_some() && !state.arrived && state.failure.is_some_and(|failure| failure.kind != FailureKind::Partly) {
        return again;
    }
    let open = |at: i64| schedule.within_hours(Millis(at.max(last_round.0)));
    let settings = schedule.settings();
    let critical = state.critical.map(|seen| Next { at: Millis(seen.0 + BLINK), why: Why::Critical });
    let named = schedule.next_named(last_round).map(|at| Next { at, why: Why::Clock });
    let packet = state.arrived.then(|| Next { at: open(now.0), why: Why::Packet });
    let quiet = |(first, last): (Millis, Millis)| open((last.0 + settings.settle).min(first.0 + LONGEST_UNREST.max(settings.settle)));
    let edit = state.edited.map(|seen| Next { at: quiet(seen), why: Why::Edit });
    let documents = state.documents.map(|seen| Next { at: quiet(seen), why: Why::Documents });
    let every = settings.every.map(|every| Next { at: open(last_round.0 + every), why: Why::Clock });
    [critical, named, packet, edit, documents, every, again].into_iter().flatten().min_by_key(|next| next.at)
}

fn again(now: Millis, back: bool, failure: Failure) -> Next {
    if !back {
        return Next { at: Millis(failure.last.0 + wait(failure)), why: Why::Retry };
    }
    let why = match failure.kind {
        FailureKind::Partly | FailureKind::Away => Why::Back,
        FailureKind::Passing | FailureKind::Person => Why::Retry,
    };
    Next { at: now, why }
}

fn wait(failure: Failure) -> i64 {
    let full = match failure.kind {
        FailureKind::Partly | FailureKind::Away | FailureKind::Passing => {
            FIRST_WAIT.saturating_mul(1 << failure.times.saturating_sub(1).min(20)).min(LONGEST_WAIT)
        }
        FailureKind::Person => LONGEST_WAIT,
    };
    full - full / 4 * i64::from(failure.die) / 255
}

#[cfg(test)]
mod tests {
    use jiff::civil::Time;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::site::WatchSettings;

    /// 2026-11-27 is a Friday; noon in UTC.
    const NOON: i64 = 1_795_780_800_000;
    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    fn schedule(change: impl FnOnce(&mut WatchSettings)) -> Schedule {
        let mut settings = WatchSettings::default();
        change(&mut settings);
        Schedule::new(&settings, TimeZone::UTC)
    }

    fn office() -> Schedule {
        schedule(|settings| settings.hours = (Time::new(7, 0, 0, 0).unwrap(), Time::new(19, 0, 0, 0).unwrap()))
    }

    fn state() -> State {
        State { last_round: Some(Millis(NOON - HOUR)), ..State::default() }
    }

    fn at(state: &State, schedule: &Schedule) -> Option<(i64, Why)> {
        next(Millis(NOON), state, schedule).map(|next| (next.at.0 - NOON, next.why))
    }

    #[test]
    fn it_begins_with_a_round_and_is_quiet_when_nothing_happens() {
        assert_eq!(at(&State::default(), &schedule(|_| {})), Some((0, Why::Begin)));
        assert_eq!(at(&state(), &schedule(|_| {})), None);
        assert_eq!(at(&state(), &schedule(|settings| settings.every = Some(90 * MINUTE))), Some((30 * MINUTE, Why::Clock)));
    }

    #[test]
    fn edits_wait_for_quiet_but_not_for_ever_and_critical_ones_for_a_blink() {
        let plain = schedule(|_| {});
        let edited = |first: i64, last: i64| State { edited: Some((Millis(NOON + first), Millis(NOON + last))), ..state() };
        assert_eq!(at(&edited(-1_000, 0), &plain), Some((5_000, Why::Edit)));
        assert_eq!(at(&edited(-58_000, 0), &plain), Some((2_000, Why::Edit)));
        let critical = State { critical: Some(Millis(NOON)), ..edited(0, 0) };
        assert_eq!(at(&critical, &plain), Some((BLINK, Why::Critical)));
        let documents = |first: i64, last: i64| State { documents: Some((Millis(NOON + first), Millis(NOON + last))), ..state() };
        assert_eq!(at(&documents(-1_000, 0), &plain), Some((5_000, Why::Documents)));
        assert_eq!(at(&documents(-59_000, 0), &plain), Some((1_000, Why::Documents)), "a file that is written all day holds up no other");
    }

    #[test]
    fn outside_the_hours_only_what_is_critical_or_named_runs() {
        let now = Millis(NOON + 8 * HOUR);
        let state = State { last_round: Some(Millis(NOON + 7 * HOUR)), edited: Some((now, now)), arrived: true, ..State::default() };
        let morning = Some(Next { at: Millis(NOON + 19 * HOUR), why: Why::Packet });
        assert_eq!(next(now, &state, &office()), morning);
        let critical = State { critical: Some(now), ..state };
        assert_eq!(next(now, &critical, &office()).unwrap().why, Why::Critical);
        let mut settings = office().settings().clone();
        settings.at = vec![Time::new(22, 0, 0, 0).unwrap()];
        let named = next(now, &state, &Schedule::new(&settings, TimeZone::UTC));
        assert_eq!(named, Some(Next { at: Millis(NOON + 10 * HOUR), why: Why::Clock }));
    }

    #[test]
    fn what_one_exchange_keeps_back_is_tried_again_and_nothing_else_waits_for_it() {
        let plain = schedule(|_| {});
        let failure = Failure { kind: FailureKind::Partly, times: 3, last: Millis(NOON), die: 0 };
        let partly = State { failure: Some(failure), ..state() };
        assert_eq!(at(&partly, &plain), Some((4 * MINUTE, Why::Retry)));
        let edited = State { edited: Some((Millis(NOON), Millis(NOON))), ..partly };
        assert_eq!(at(&edited, &plain), Some((5_000, Why::Edit)));
        assert_eq!(at(&State { back: true, ..edited }, &plain), Some((0, Why::Back)));
    }

    #[test]
    fn failures_wait_longer_and_longer_up_to_an_hour_and_a_packet_ends_that() {
        let plain = schedule(|settings| settings.every = Some(MINUTE));
        let failed = |times, die| State {
            failure: Some(Failure { kind: FailureKind::Away, times, last: Millis(NOON), die }),
            critical: Some(Millis(NOON)),
            ..state()
        };
        for (times, minutes) in [(1, 1), (2, 2), (4, 8), (7, 60), (1_000, 60)] {
            assert_eq!(at(&failed(times, 0), &plain), Some((minutes * MINUTE, Why::Retry)));
            let shortest = minutes * MINUTE - minutes * MINUTE / 4;
            assert_eq!(at(&failed(times, 255), &plain), Some((shortest, Why::Retry)));
        }
        let lasting = State { failure: Some(Failure { kind: FailureKind::Person, times: 1, last: Millis(NOON), die: 0 }), ..state() };
        assert_eq!(at(&lasting, &plain), Some((HOUR, Why::Retry)), "a person is not quicker");
        let passing = State { failure: Some(Failure { kind: FailureKind::Passing, times: 2, last: Millis(NOON), die: 0 }), ..state() };
        assert_eq!(at(&passing, &plain), Some((2 * MINUTE, Why::Retry)), "a locked database is soon free");
        assert_eq!(at(&State { back: true, ..failed(7, 0) }, &plain), Some((0, Why::Back)));
        assert_eq!(at(&State { back: true, ..lasting }, &plain), Some((0, Why::Retry)), "somebody wrote the rules anew");
        let back = State { arrived: true, critical: None, ..failed(7, 0) };
        assert_eq!(at(&back, &schedule(|_| {})), Some((0, Why::Packet)));
    }
}
