//! Which moments does somebody mean who types "friday", "2026-11-27", "14:00" or "3h"?

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _, Zoned};

use crate::model::Millis;

/// What can be typed, for help texts.
pub const FORMS: &str = "2026-11-27, '2026-11-27 14:00', 14:00, today, yesterday, friday, or 90m, 3h, 2d, 4w ago";

/// From a moment to the one before which it ends; a point in time is both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub from: Millis,
    /// The first moment that is no more part of it.
    pub to: Millis,
}

/// The span that is meant, seen from `now` in the zone of the computer; none where nothing is.
///
/// A day of the week is the last one of that name, today included; a time is the last one.
#[must_use]
pub fn span(typed: &str, now: Millis, zone: &TimeZone) -> Option<Span> {
    let typed = typed.trim().to_lowercase();
    let now = Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone.clone());
    if let Some(ago) = ago(&typed) {
        let moment = millis(&now.checked_sub(ago).ok()?);
        return Some(Span { from: moment, to: moment });
    }
    if let Some(day) = day(&typed, now.date()) {
        let (start, end) = (day.to_zoned(zone.clone()).ok()?, day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?);
        return Some(Span { from: millis(&start), to: millis(&end) });
    }
    let moment = typed.parse::<Timestamp>().map(|moment| moment.to_zoned(zone.clone())).ok().or_else(|| {
        let point = |point: DateTime| point.to_zoned(zone.clone()).ok();
        if let Ok(point_typed) = typed.replacen(' ', "t", 1).parse::<DateTime>() {
            return point(point_typed);
        }
        let time: Time = typed.parse().ok()?;
        let last = point(now.date().to_datetime(time))?;
        if last <= now { Some(last) } else { point(now.date().yesterday().ok()?.to_datetime(time)) }
    })?;
    Some(Span { from: millis(&moment), to: millis(&moment) })
}

fn millis(moment: &Zoned) -> Millis {
    Millis(moment.timestamp().as_millisecond())
}

/// `90m`, `3h`, `2d`, `4w`.
fn ago(typed: &str) -> Option<SignedDuration> {
    let (amount, unit) = typed.split_at_checked(typed.len().checked_sub(1)?)?;
    let hours = match unit {
        "m" => return Some(SignedDuration::from_mins(amount.parse::<u32>().ok()?.into())),
        "h" => 1,
        "d" => 24,
        "w" => 24 * 7,
        _ => return None,
    };
    Some(SignedDuration::from_hours(i64::from(amount.parse::<u32>().ok()?) * hours))
}

fn day(typed: &str, today: Date) -> Option<Date> {
    const DAYS: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    match typed {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        _ => match DAYS.iter().find(|(name, _)| *name == typed) {
            Some((_, weekday)) => today.checked_sub(i32::from(weekday.until(today.weekday())).days()).ok(),
            // `parse` would take the day out of a moment.
            None => (typed.len() == "2026-11-27".len()).then(|| typed.parse().ok())?,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Sunday, 2026-11-22 08:00 UTC, which is nine o'clock there.
    const NOW: Millis = Millis(1_795_334_400_000);

    fn meant(typed: &str) -> Option<(String, String)> {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let shown =
            |moment: Millis| Timestamp::from_millisecond(moment.0).unwrap().to_zoned(zone.clone()).strftime("%m-%d %H:%M:%S").to_string();
        span(typed, NOW, &zone).map(|span| (shown(span.from), shown(span.to)))
    }

    fn some(from: &str, to: &str) -> Option<(String, String)> {
        Some((from.to_owned(), to.to_owned()))
    }

    #[test]
    fn days_are_whole_in_the_zone_of_the_computer() {
        assert_eq!(meant("today"), some("11-22 00:00:00", "11-23 00:00:00"));
        assert_eq!(meant("Yesterday"), some("11-21 00:00:00", "11-22 00:00:00"));
        assert_eq!(meant("friday"), some("11-20 00:00:00", "11-21 00:00:00"));
        assert_eq!(meant("sunday"), meant("today"));
        assert_eq!(meant("monday"), some("11-16 00:00:00", "11-17 00:00:00"));
        assert_eq!(meant("2026-11-01"), some("11-01 00:00:00", "11-02 00:00:00"));
    }

    #[test]
    fn moments_are_points() {
        assert_eq!(meant("2026-11-20 14:00"), some("11-20 14:00:00", "11-20 14:00:00"));
        assert_eq!(meant("2026-11-20T14:00"), meant("2026-11-20 14:00"));
        assert_eq!(meant("2026-11-20T14:00:30Z"), some("11-20 15:00:30", "11-20 15:00:30"));
        assert_eq!(meant("08:30"), some("11-22 08:30:00", "11-22 08:30:00"));
        assert_eq!(meant("14:00"), some("11-21 14:00:00", "11-21 14:00:00"));
        assert_eq!(meant("90m"), some("11-22 07:30:00", "11-22 07:30:00"));
        assert_eq!(meant("2d"), some("11-20 09:00:00", "11-20 09:00:00"));
        assert_eq!(meant("4w"), some("10-25 09:00:00", "10-25 09:00:00"));
    }

    #[test]
    fn nonsense_means_nothing() {
        for typed in ["", "m", "-1h", "soon", "2026-13-01", "25:00", "ä", "2026-11-2", "99999999999999h", "4294967295w"] {
            assert_eq!(meant(typed), None, "{typed}");
        }
    }
}
