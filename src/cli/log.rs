//! `fieldpost log`: what did every run here do, and what went wrong?

use std::collections::VecDeque;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::page::{Moment, Page, alert, count, heading, number};
use super::printer::Report;
use super::when::{self, Span};
use super::{Context, Exit, Failure, page, shown};
use crate::model::Millis;
use crate::site::{Level, LogEntry};

/// Show what every run here did, and what went wrong
///
/// Every command that changes something is logged, failures too. Something that lasts, such as a change that is held, is
/// logged when it comes and when it is over. The newest lines are shown, oldest first. 'fieldpost history' has every edit
/// of a record; the log has what was decided about it, refused, or held.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost log
  fieldpost log --since friday --level warning
  fieldpost log customers ACME-0007
  fieldpost log --site anna --since 3h --json")]
pub struct LogArgs {
    /// Only lines about this table
    #[arg(value_name = "TABLE")]
    pub table: Option<String>,
    /// Only lines about this record: its key, a word per column
    #[arg(value_name = "KEY")]
    pub key: Vec<String>,
    /// Only lines about this other site
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
    /// Only lines that matter so much
    #[arg(long, value_enum, default_value = "info")]
    pub level: AtLeast,
    /// Only from then on: a day, a time, or how long ago, as 3h or 2d
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only until then; a day is meant with its evening
    #[arg(long, value_name = "WHEN")]
    pub until: Option<String>,
    /// Only this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// How many lines, the newest
    #[arg(short = 'n', long = "last", value_name = "COUNT", default_value_t = LogArgs::LINES, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub lines: u32,
}

impl LogArgs {
    /// A few screens.
    pub const LINES: u32 = 200;
}

/// How much a line must matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AtLeast {
    /// Everything
    Info,
    /// What was decided by a rule, waits, or failed
    Warning,
    /// What failed, or waits for a person
    Error,
}

impl AtLeast {
    const fn level(self) -> Level {
        match self {
            Self::Info => Level::Info,
            Self::Warning => Level::Warning,
            Self::Error => Level::Error,
        }
    }
}

/// Lines of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LogReport {
    /// The lines, oldest first.
    pub lines: Vec<LogEntry>,
    /// Earlier lines that would be shown too, were there room.
    pub earlier: u64,
    /// Lines that do not read.
    pub unread: u64,
}

/// Runs the command.
///
/// # Errors
/// [`Failure::NoMoment`]; else as the files of the log say.
pub fn run(arguments: &LogArgs, context: &Context) -> Result<Exit, Failure> {
    let home = context.discover_lost()?;
    let since = moment(arguments.since.as_deref(), context)?;
    let until = moment(arguments.until.as_deref(), context)?;
    let key = (!arguments.key.is_empty()).then(|| shown::typed_key(&arguments.key));
    let same = |wanted: &Option<String>, found: &Option<String>| {
        wanted.as_ref().is_none_or(|wanted| found.as_ref().is_some_and(|found| found.to_lowercase() == wanted.to_lowercase()))
    };
    let most = usize::try_from(arguments.lines).unwrap_or(usize::MAX);
    let (mut lines, mut earlier) = (VecDeque::new(), 0);
    let unread = home.log().read(&mut |entry| {
        let wanted = entry.level >= arguments.level.level()
            && since.is_none_or(|since| entry.time >= since.from)
            && until.is_none_or(|until| entry.time < until.to.max(Millis(until.from.0 + 1)))
            && arguments.run.as_ref().is_none_or(|run| entry.run == *run)
            && same(&arguments.table, &entry.table)
            && same(&arguments.site, &entry.site)
            && key.as_ref().is_none_or(|key| entry.key.as_ref() == Some(key));
        if wanted {
            lines.push_back(entry);
            if lines.len() > most {
                lines.pop_front();
                earlier += 1;
            }
        }
    })?;
    Ok(context.printer.report(&LogReport { lines: lines.into(), earlier, unread }))
}

/// The moment somebody typed.
///
/// # Errors
/// [`Failure::NoMoment`].
pub fn moment(typed: Option<&str>, context: &Context) -> Result<Option<Span>, Failure> {
    let span = |typed: &str| {
        let span = when::span(typed, context.world.now(), &context.printer.page().zone);
        span.ok_or_else(|| Failure::NoMoment { typed: typed.to_owned() })
    };
    typed.map(span).transpose()
}

impl Report for LogReport {
    fn text(&self, page: &Page) -> String {
        let mut text = Vec::new();
        if self.earlier > 0 {
            text.push(format!("… {} before: -n shows more", count(self.earlier, "line", "lines")));
        }
        for run in self.lines.chunk_by(|a, b| a.run == b.run) {
            let first = &run[0];
            text.push(format!(
                "{}   {}",
                heading(&format!("{}  {}", page.moment(Moment(first.time)), first.command)),
                page::dim(&first.run)
            ));
            text.extend(run.iter().map(|entry| page.wrapped(&line(entry))));
        }
        if self.lines.is_empty() {
            text.push("No lines.".to_owned());
        }
        if self.unread > 0 {
            text.push(format!("{} of the log cannot be read: cut off by a crash, or of a newer fieldpost", number(self.unread)));
        }
        text.join("\n")
    }
}

fn line(entry: &LogEntry) -> String {
    let text = page::one_line(&entry.text);
    match entry.level {
        Level::Info => text,
        Level::Warning => format!("{}: {text}", entry.level.word()),
        Level::Error => alert(&format!("{}: {text}", entry.level.word())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, json, plain};

    fn entry(minute: i64, run: &str, level: Level, text: &str) -> LogEntry {
        LogEntry {
            time: at(minute).0,
            run: run.to_owned(),
            command: "sync".to_owned(),
            level,
            table: Some("customers".to_owned()),
            key: None,
            field: None,
            site: None,
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_lines_of_a_run_stand_together_under_when_it_was() {
        let lines = vec![
            entry(0, "a-1", Level::Info, "received packet 4 from 'anna': customers 1 changed"),
            entry(0, "a-1", Level::Warning, "customers ACME: a\nb lost"),
            entry(15, "b-2", Level::Error, "failed: the disk is full"),
        ];
        let report = LogReport { lines, earlier: 2, unread: 1 };
        assert_eq!(
            plain(&report),
            "\
… 2 lines before: -n shows more
2026-11-22 08:00  sync   a-1
  received packet 4 from 'anna': customers 1 changed
  warning: customers ACME: a⏎b lost
2026-11-22 08:15  sync   b-2
  error: failed: the disk is full
1 of the log cannot be read: cut off by a crash, or of a newer fieldpost
"
        );
        assert_eq!(json(&report)["lines"][1]["level"], "warning");
        assert_eq!(plain(&LogReport::default()), "No lines.\n");
    }
}
