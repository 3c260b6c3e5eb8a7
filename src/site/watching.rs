//! When has a person said that rounds are to run? The table `[watch]` of the settings.
//!
//! Only texts and numbers that were checked: what they mean in time is `watch`'s business.

use std::fmt;

use jiff::civil::Time;

use crate::rules::reading::{At, Reading, quoted, span_text};

/// The settings of `fieldpost watch`. Spans are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchSettings {
    /// A round at least this often, whatever happens; none: only when there is a reason.
    pub every: Option<i64>,
    /// Rounds at these times of day.
    pub at: Vec<Time>,
    /// Rounds at these times, as cron writes them: five fields.
    pub cron: Vec<String>,
    /// Rounds for edits, for packets and by `every` only between these times of day; all day where they are the same.
    pub hours: (Time, Time),
    /// And only on these days, Monday first.
    pub days: [bool; 7],
    /// The time zone of all of these, by its IANA name; none: that of the machine.
    pub zone: Option<String>,
    /// How often an exchange is looked at where nothing tells that something came, and the database where nothing tells of edits.
    pub poll: i64,
    /// How long the application must be quiet before its edits are sent. Critical tables do not wait.
    pub settle: i64,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            every: None,
            at: Vec::new(),
            cron: Vec::new(),
            hours: (Time::midnight(), Time::midnight()),
            days: [true; 7],
            zone: None,
            poll: 60_000,
            settle: 5_000,
        }
    }
}

impl WatchSettings {
    const KEYS: [&str; 8] = ["every", "at", "cron", "hours", "days", "zone", "poll", "settle"];
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

    /// Shortest time between two looks or rounds by the clock.
    const SHORTEST: i64 = 1_000;

    pub(super) fn read(root: &Reading<'_>) -> At<Self> {
        let Some(table) = root.table("watch")? else { return Ok(Self::default()) };
        table.only(&Self::KEYS)?;
        let default = Self::default();
        let span = |key: &str| match table.span(key)? {
            Some(span) if span < Self::SHORTEST => Err(table.refuse(key, "a second is the shortest")),
            span => Ok(span),
        };
        let one_or_more = |key: &str| match table.text(key) {
            Ok(text) => Ok(text.into_iter().map(str::to_owned).collect()),
            Err(_) => Ok(table.texts(key)?.unwrap_or_default()),
        };
        let at = one_or_more("at")?.iter().map(|text| time(text)).collect::<Option<Vec<_>>>();
        let at = at.ok_or_else(|| table.refuse("at", "it takes times of day: \"18:00\", or a list of them"))?;
        let cron: Vec<String> = one_or_more("cron")?;
        for line in &cron {
            line.parse::<croner::Cron>().map_err(|error| table.refuse("cron", format!("`{line}`: {error}")))?;
        }
        let hours = match table.text("hours")? {
            None => default.hours,
            Some(text) => {
                let (from, to) = text.split_once('-').unwrap_or((text, ""));
                let both = time(from.trim()).zip(time(to.trim()));
                both.ok_or_else(|| table.refuse("hours", "it takes two times of day: \"07:00-19:00\""))?
            }
        };
        let days = match table.text("days")? {
            None => default.days,
            Some(text) => days(text).ok_or_else(|| table.refuse("days", "it takes days: \"mon-fri\", or \"mon, wed, sat\""))?,
        };
        let zone = table.text("zone")?.map(str::to_owned);
        if let Some(zone) = &zone {
            jiff::tz::TimeZone::get(zone)
                .map_err(|_| table.refuse("zone", format!("there is no time zone `{zone}`: such as \"Europe/Zurich\"")))?;
        }
        Ok(Self {
            every: span("every")?,
            at,
            cron,
            hours,
            days,
            zone,
            poll: span("poll")?.unwrap_or(default.poll),
            settle: table.span("settle")?.unwrap_or(default.settle),
        })
    }

    /// The table as we write it; nothing where all is as it is without.
    pub(super) fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        if *self == default {
            return Ok(());
        }
        let clock = |time: &Time| time.strftime("%H:%M").to_string();
        let list = |texts: Vec<String>| format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "));
        let days: Vec<&str> = Self::DAYS.into_iter().zip(self.days).filter_map(|(name, on)| on.then_some(name)).collect();
        let lines = [
            ("every", self.every.map(|every| quoted(&span_text(every)))),
            ("at", (!self.at.is_empty()).then(|| list(self.at.iter().map(clock).collect()))),
            ("cron", (!self.cron.is_empty()).then(|| list(self.cron.clone()))),
            ("hours", (self.hours != default.hours).then(|| quoted(&format!("{}-{}", clock(&self.hours.0), clock(&self.hours.1))))),
            ("days", (self.days != default.days).then(|| quoted(&days.join(", ")))),
            ("zone", self.zone.as_deref().map(quoted)),
            ("poll", (self.poll != default.poll).then(|| quoted(&span_text(self.poll)))),
            ("settle", (self.settle != default.settle).then(|| quoted(&span_text(self.settle)))),
        ];
        writeln!(f, "\n[watch]")?;
        lines
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value)))
            .try_for_each(|(key, value)| writeln!(f, "{key} = {value}"))
    }
}

/// A time of day, hour and minute.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    if text.len() != 5 || !text.chars().all(|c| c.is_ascii_digit() || c == ':') {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// `mon-fri`, `mon, wed`, `sat-mon`.
fn days(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| WatchSettings::DAYS.iter().position(|known| name.trim().eq_ignore_ascii_case(known));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (mut at, end) = (day(from)?, day(to)?);
        days[at] = true;
        while at != end {
            at = (at + 1) % 7;
            days[at] = true;
        }
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_read_as_people_write_them() {
        assert_eq!(days("mon-fri"), Some([true, true, true, true, true, false, false]));
        assert_eq!(days("Sat-Mon, wed"), Some([true, false, true, false, false, true, true]));
        for bad in ["", "mon-", "monday", "1-5"] {
            assert_eq!(days(bad), None, "{bad}");
        }
        assert_eq!(time("07:05"), Time::new(7, 5, 0, 0).ok());
        for bad in ["7:05", "24:00", "07:60", "+7:05", "", "0705"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }
}
