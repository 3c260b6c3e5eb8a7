//! The clock's part: times of day, cron lines, working hours, in a time zone. Pure.

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::model::Millis;
use crate::site::WatchSettings;

/// What a person set, ready to be asked.
#[derive(Clone, Debug)]
pub struct Schedule {
    settings: WatchSettings,
    zone: TimeZone,
    crons: Vec<Cron>,
}

impl Schedule {
    /// Takes settings that were checked when they were read; `machine` is the zone where they name none.
    #[must_use]
    pub fn new(settings: &WatchSettings, machine: TimeZone) -> Self {
        let zone = settings.zone.as_deref().and_then(|zone| TimeZone::get(zone).ok()).unwrap_or(machine);
        let crons = settings.cron.iter().filter_map(|line| line.parse().ok()).collect();
        Self { settings: settings.clone(), zone, crons }
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> &WatchSettings {
        &self.settings
    }

    /// The first moment after `after` that a time of day or a cron line names.
    #[must_use]
    pub fn next_named(&self, after: Millis) -> Option<Millis> {
        let start = self.zoned(after)?;
        let of_day = self.settings.at.iter().filter_map(|time| {
            let today = start.date().to_zoned(self.zone.clone()).ok()?.with().time(*time).build().ok()?;
            // On the day the clocks go forward a time may not be there: the zone's rules take the one after the gap.
            let next = if today > start {
                today
            } else {
                start.date().checked_add(1.day()).ok()?.to_datetime(*time).to_zoned(self.zone.clone()).ok()?
            };
            Some(millis(&next))
        });
        let of_cron = self.crons.iter().filter_map(|cron| cron.find_next_occurrence(&start, false).ok().map(|next| millis(&next)));
        of_day.chain(of_cron).min()
    }

    /// The first moment from `from` on that lies within the working hours: `from` itself where it does.
    #[must_use]
    pub fn within_hours(&self, from: Millis) -> Millis {
        let Some(start) = self.zoned(from) else { return from };
        let (open, close) = self.settings.hours;
        let mut date = start.date();
        // Eight days: the hours of one day may end on the next.
        for _ in 0..8 {
            // What began yesterday may still be open.
            for day in [date.yesterday().ok(), Some(date)].into_iter().flatten() {
                if !self.settings.days[usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())] {
                    continue;
                }
                let Ok(opens) = day.to_datetime(open).to_zoned(self.zone.clone()) else { continue };
                let last = if close <= open { day.tomorrow().unwrap_or(day) } else { day };
                let Ok(closes) = last.to_datetime(close).to_zoned(self.zone.clone()) else { continue };
                if start < closes {
                    return millis(&opens).max(from);
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        from
    }

    fn zoned(&self, at: Millis) -> Option<Zoned> {
        Timestamp::from_millisecond(at.0).ok().map(|at| at.to_zoned(self.zone.clone()))
    }
}

fn millis(at: &Zoned) -> Millis {
    Millis(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use jiff::civil::Time;

    use super::*;

    fn schedule(change: impl FnOnce(&mut WatchSettings)) -> Schedule {
        let mut settings = WatchSettings { zone: Some("Europe/Zurich".to_owned()), ..WatchSettings::default() };
        change(&mut settings);
        Schedule::new(&settings, TimeZone::UTC)
    }

    fn at(text: &str) -> Millis {
        Millis(format!("{text}[Europe/Zurich]").parse::<Zoned>().unwrap().timestamp().as_millisecond())
    }

    fn time(hour: i8) -> Time {
        Time::new(hour, 0, 0, 0).unwrap()
    }

    #[test]
    fn times_of_day_are_those_of_the_zone_also_when_its_clocks_move() {
        let evening = schedule(|settings| settings.at = vec![time(18), time(7)]);
        assert_eq!(evening.next_named(at("2026-11-27T12:00")), Some(at("2026-11-27T18:00")));
        assert_eq!(evening.next_named(at("2026-11-27T18:00")), Some(at("2026-11-28T07:00")), "not the same moment again");
        assert_eq!(evening.next_named(at("2026-10-24T20:00")), Some(at("2026-10-25T07:00")), "a day of 25 hours");
        let gap = schedule(|settings| settings.at = vec![Time::new(2, 30, 0, 0).unwrap()]);
        assert_eq!(gap.next_named(at("2026-03-28T12:00")), Some(at("2026-03-29T03:30")), "02:30 is not there that night");
        assert_eq!(schedule(|_| {}).next_named(at("2026-11-27T12:00")), None);
    }

    #[test]
    fn cron_lines_are_read_as_cron_reads_them() {
        let cron = schedule(|settings| settings.cron = vec!["*/20 8-17 * * mon-fri".to_owned(), "0 3 1 * *".to_owned()]);
        assert_eq!(cron.next_named(at("2026-11-27T17:45")), Some(at("2026-11-30T08:00")), "over the weekend");
        assert_eq!(cron.next_named(at("2026-11-30T17:40")), Some(at("2026-12-01T03:00")));
    }

    #[test]
    fn outside_the_hours_everything_waits_for_the_next_opening() {
        let office = schedule(|settings| {
            settings.hours = (time(7), time(19));
            settings.days = [true, true, true, true, true, false, false];
        });
        assert_eq!(office.within_hours(at("2026-11-27T12:00")), at("2026-11-27T12:00"));
        assert_eq!(office.within_hours(at("2026-11-27T05:00")), at("2026-11-27T07:00"));
        assert_eq!(office.within_hours(at("2026-11-27T19:00")), at("2026-11-30T07:00"), "Friday evening to Monday");
        let night = schedule(|settings| {
            settings.hours = (time(22), time(4));
            settings.days = [true, false, false, false, false, false, false];
        });
        assert_eq!(night.within_hours(at("2026-11-24T03:00")), at("2026-11-24T03:00"), "Monday night goes into Tuesday");
        assert_eq!(night.within_hours(at("2026-11-24T05:00")), at("2026-11-30T22:00"));
        let always = schedule(|_| {});
        assert_eq!(always.within_hours(at("2026-11-28T03:00")), at("2026-11-28T03:00"));
        assert_eq!(schedule(|settings| settings.days = [false; 7]).within_hours(Millis(5)), Millis(5), "no day at all would be never");
    }
}
