//! What does it take to make a computer run a site by itself? Pure: from a site and what runs things here to texts and calls.
//!
//! Whatever is ours carries the [`Job::name`], which no other home on the machine has: taking out is looking for that name.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::{Serialize, Serializer};

use super::super::{Failure, quoting};
use super::{cron, launchd, systemd, windows};
use crate::model::SiteName;
use crate::rules::reading;

/// What on a computer starts things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A unit of the user in systemd: a watch, or with a timer a sync
    Systemd,
    /// A line in the crontab of the user: a sync every 15 minutes, or as the timer says
    Cron,
    /// A launch agent of macOS
    Launchd,
    /// A task of the Windows task scheduler
    Windows,
}

impl Kind {
    /// Those that a computer of this system can have.
    pub const HERE: &[Self] = if cfg!(windows) {
        &[Self::Windows]
    } else if cfg!(target_os = "macos") {
        &[Self::Launchd, Self::Cron]
    } else {
        &[Self::Systemd, Self::Cron]
    };

    /// The word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Cron => "cron",
            Self::Launchd => "launchd",
            Self::Windows => "windows",
        }
    }

    /// When it runs and when not, for whoever relies on it.
    #[must_use]
    pub const fn limits(self) -> &'static str {
        match self {
            Self::Systemd => "It runs while you are logged in; 'loginctl enable-linger' makes it run without.",
            Self::Cron => "It runs while the computer does, and mails what wants a person where the computer has mail.",
            Self::Launchd => "It runs while you are logged in.",
            Self::Windows => "It runs while you are logged on, in a window of its own that may be made small.",
        }
    }
}

/// How long from one sync to the next, in whole minutes: at least one, at most a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every(u32);

impl Every {
    /// Where somebody wants syncs and does not say how often.
    pub const USUAL: Self = Self(15);

    /// Reads `15m`, `2h`.
    ///
    /// # Errors
    /// Says what can be typed.
    pub fn parse(typed: &str) -> Result<Self, String> {
        const MINUTE: i64 = 60_000;
        let millis = reading::span_millis(typed).filter(|millis| millis % MINUTE == 0);
        let minutes = millis.and_then(|millis| u32::try_from(millis / MINUTE).ok()).filter(|minutes| (1..=24 * 60).contains(minutes));
        minutes.map(Self).ok_or_else(|| "type whole minutes or hours up to a day: 15m, 2h".to_owned())
    }

    /// In minutes.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.0
    }
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The site.
    pub site: SiteName,
    /// The program, whole; without control characters, as the home.
    pub binary: String,
    /// The folder of the site, whole.
    pub home: String,
    /// Syncs so often; none: a watch.
    pub every: Option<Every>,
}

impl Job {
    /// A job.
    ///
    /// # Errors
    /// As [`quoting::plain`].
    pub fn new(site: SiteName, binary: &Path, home: &Path, every: Option<Every>) -> Result<Self, Failure> {
        Ok(Self { site, binary: quoting::plain(binary)?.to_owned(), home: quoting::plain(home)?.to_owned(), every })
    }

    /// Names what is ours on this machine: several homes may have sites of one name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("fieldpost-{}-{}", self.site, &blake3::hash(self.home.as_bytes()).to_hex()[..8])
    }

    /// What follows the program.
    #[must_use]
    pub fn arguments(&self) -> [&str; 4] {
        ["--home", &self.home, if self.every.is_some() { "sync" } else { "watch" }, "--quiet"]
    }

    /// What it does, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.every {
            None => format!("Fieldpost watches '{}'", self.site),
            Some(every) => format!("Fieldpost syncs '{}' every {} min", self.site, every.minutes()),
        }
    }
}

/// What starts things on this computer, and where it wants its texts.
#[derive(Clone, Debug)]
pub enum Manager {
    /// systemd.
    Systemd {
        /// The folder of the user's units.
        units: PathBuf,
    },
    /// cron.
    Cron,
    /// launchd.
    Launchd {
        /// The folder of the user's agents.
        agents: PathBuf,
        /// The number of the user.
        user: String,
    },
    /// The task scheduler.
    Windows {
        /// Where the description of the task is kept.
        task: PathBuf,
        /// The user: `DOMAIN\name`.
        user: String,
    },
}

/// Where a text of ours stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file that is all ours.
    File(PathBuf),
    /// Between our two lines of the user's crontab.
    Crontab,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Crontab => f.write_str("your crontab"),
        }
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::File(path) => serializer.collect_str(&path.display()),
            Self::Crontab => serializer.serialize_str("crontab"),
        }
    }
}

/// A text and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Where.
    pub place: Place,
    /// The text.
    pub text: String,
    /// How it becomes bytes.
    #[serde(skip)]
    pub encoding: Encoding,
}

/// How a text becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As everywhere.
    Utf8,
    /// With a byte order mark, little end first: what the Windows task scheduler takes for certain.
    Utf16,
}

impl Piece {
    /// A file.
    #[must_use]
    pub const fn file(path: PathBuf, text: String) -> Self {
        Self { place: Place::File(path), text, encoding: Encoding::Utf8 }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 => self.text.clone().into_bytes(),
            Encoding::Utf16 => std::iter::once(0xFEFF).chain(self.text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
        }
    }
}

/// A program that is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The program.
    pub program: &'static str,
    /// What follows it.
    pub arguments: Vec<String>,
}

impl Call {
    /// From words.
    #[must_use]
    pub fn new(program: &'static str, arguments: &[&str]) -> Self {
        Self { program, arguments: arguments.iter().map(|&argument| argument.to_owned()).collect() }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoting::shell(argument)))
    }
}

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an installation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What it does, in words.
    pub does: String,
    /// What is written, in order.
    pub pieces: Vec<Piece>,
    /// What is run then, in order.
    pub start: Vec<Call>,
}

/// A place in which something of ours may be, and what stops it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The place.
    pub place: Place,
    /// What succeeds where there is something to stop; none: there is, wherever the text is.
    pub known: Option<Call>,
    /// What is run first, and may fail: what it ends may have ended already.
    pub end: Option<Call>,
    /// What is run before the place is cleared; a failure ends the removal.
    pub stop: Option<Call>,
}

/// How a site is taken out again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Every place any plan of this job may have used.
    pub traces: Vec<Trace>,
    /// What is run at the end.
    pub after: Option<Call>,
}

impl Manager {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Systemd { .. } => Kind::Systemd,
            Self::Cron => Kind::Cron,
            Self::Launchd { .. } => Kind::Launchd,
            Self::Windows { .. } => Kind::Windows,
        }
    }

    /// What an installation is here.
    ///
    /// # Errors
    /// [`Failure::BadLine`] for what this kind cannot do.
    pub fn plan(&self, job: &Job) -> Result<Plan, Failure> {
        match self {
            Self::Systemd { units } => Ok(systemd::plan(job, units)),
            Self::Cron => cron::plan(job),
            Self::Launchd { agents, user } => Ok(launchd::plan(job, agents, user)),
            Self::Windows { task, user } => windows::plan(job, task, user),
        }
    }

    /// What there may be of a job, installed with a timer or without.
    #[must_use]
    pub fn removal(&self, name: &str) -> Removal {
        match self {
            Self::Systemd { units } => systemd::removal(name, units),
            Self::Cron => Removal { traces: vec![Trace { place: Place::Crontab, known: None, end: None, stop: None }], after: None },
            Self::Launchd { agents, user } => launchd::removal(name, agents, user),
            Self::Windows { task, .. } => windows::removal(name, task),
        }
    }

    /// What succeeds where the job is known to what starts it; none where the text is all.
    #[must_use]
    pub fn known(&self, job: &Job) -> Option<Call> {
        match self {
            Self::Systemd { .. } => Some(systemd::known(job)),
            Self::Cron => None,
            Self::Launchd { user, .. } => Some(launchd::known(&job.name(), user)),
            Self::Windows { .. } => Some(windows::known(&job.name())),
        }
    }

    /// What succeeds where this kind is at work on the computer; none where there is nothing to ask.
    #[must_use]
    pub fn probe(&self) -> Option<Call> {
        match self {
            Self::Systemd { .. } => Some(systemd::probe()),
            Self::Cron | Self::Launchd { .. } | Self::Windows { .. } => None,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn job(home: &str, every: Option<&str>) -> Job {
        let every = every.map(|every| Every::parse(every).unwrap());
        Job::new(SiteName::new("anna").unwrap(), Path::new("/usr/bin/fieldpost"), Path::new(home), every).unwrap()
    }

    #[test]
    fn homes_of_one_site_name_have_different_names() {
        assert_eq!(job("/srv/a", None).name(), "fieldpost-anna-80b340da");
        assert_ne!(job("/srv/a", None).name(), job("/srv/b", None).name());
        assert_eq!(job("/srv/a", None).name(), job("/srv/a", Some("1h")).name(), "remove need not know of the timer");
    }

    #[test]
    fn a_timer_is_whole_minutes_up_to_a_day() {
        assert_eq!(["1m", "15m", "2h", "24h", "1d"].map(|typed| Every::parse(typed).unwrap().minutes()), [1, 15, 120, 1440, 1440]);
        for bad in ["", "0m", "30s", "90s", "25h", "2d", "15", "x"] {
            assert!(Every::parse(bad).is_err(), "{bad}");
        }
    }
}
