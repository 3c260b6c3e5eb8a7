//! What of a run goes into the log of its home?
//!
//! Whatever changes something is logged: what it did, line by line, and how it ended, failures too. Commands that only read
//! are not. A trouble that stands (a change that is held, a record that stays home for want of another, a share that is
//! away) is logged when it comes and when it is over, whatever number of rounds meet it between.

use crate::model::{Millis, SiteName};
use crate::site::{Home, Level, LogEntry, Standing};

use super::explain::Explanation;
use super::printer::Report;
use super::shown::{self, Shown};
use super::{Context, Exit, Failure};

/// A line before anybody knows when and by which run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    level: Level,
    table: Option<String>,
    key: Option<String>,
    field: Option<String>,
    site: Option<String>,
    text: String,
    lasting: Lasting,
}

/// Whether a line tells of something that stays until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    Happened,
    Stands,
}

/// Whether a run looked at everything, so that a trouble it did not meet is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// At all of it.
    Everywhere,
    /// At a part.
    Partly,
}

impl Line {
    /// Something that happened.
    #[must_use]
    pub fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, table: None, key: None, field: None, site: None, text: text.into(), lasting: Lasting::Happened }
    }

    /// Something that stays until it is over: logged once.
    #[must_use]
    pub fn standing(self) -> Self {
        Self { lasting: Lasting::Stands, ..self }
    }

    /// About a table.
    #[must_use]
    pub fn of_table(self, table: &str) -> Self {
        Self { table: Some(table.to_owned()), ..self }
    }

    /// About a record.
    #[must_use]
    pub fn of_record(self, table: &str, key: &[Shown]) -> Self {
        Self { key: Some(shown::key(key)), ..self.of_table(table) }
    }

    /// About a record whose key is words already.
    #[must_use]
    pub fn of_key(self, table: &str, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.of_table(table) }
    }

    /// About a field.
    #[must_use]
    pub fn of_field(self, field: Option<&str>) -> Self {
        Self { field: field.map(str::to_owned), ..self }
    }

    /// About another site.
    #[must_use]
    pub fn of_site(self, site: Option<&SiteName>) -> Self {
        Self { site: site.map(ToString::to_string), ..self }
    }
}

/// Names a run: when it began, and which process it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The command; none for one that only reads.
    command: Option<&'static str>,
    began: Millis,
    id: String,
}

impl Run {
    /// A run that begins now of the command that is logged under a name; with none it is not logged.
    #[must_use]
    pub fn new(command: Option<&'static str>, began: Millis) -> Self {
        let stamp = jiff::Timestamp::from_millisecond(began.0).map(|began| began.strftime("%Y%m%dT%H%M%S%.3fZ").to_string());
        let id = format!("{}-{}", stamp.unwrap_or_default(), std::process::id());
        Self { command, began, id }
    }
}

impl Context {
    /// Ends a command that changed something: its report is printed, and logged in `home`.
    pub fn done(&self, home: &Home, report: &impl Report) -> Exit {
        self.done_looking(home, report, Looked::Partly)
    }

    /// As [`Context::done`], for a run that may have looked at everything.
    pub fn done_looking(&self, home: &Home, report: &impl Report, looked: Looked) -> Exit {
        self.log_end(home, report, looked, self.printer.report(report))
    }

    /// As [`Context::done_looking`] at everything, for a run with nothing to print.
    pub fn done_silently(&self, home: &Home, report: &impl Report) -> Exit {
        self.log_end(home, report, Looked::Everywhere, report.exit())
    }

    /// Logs the end of a command whose report was printed otherwise, or not at all.
    pub(super) fn log_end(&self, home: &Home, report: &impl Report, looked: Looked, exit: Exit) -> Exit {
        let Some(run) = RunNow::of(self) else { return exit };
        let took = (run.now.0 - self.run.began.0) as f64 / 1000.0;
        let end = format!("ended after {took:.1} s: {} (exit code {})", exit.meaning(), exit.code());
        let log = home.log();
        let (mut entries, standing) = run.news(report.lines(self.printer.page()).into_iter(), &log.standing(), looked);
        if entries.is_empty() {
            entries.push(run.entry(Line::new(Level::Info, "nothing to do")));
        }
        entries.push(run.entry(Line::new(Level::Info, end)));
        self.note_where_it_fails("the log could not be written", log.append(&entries));
        if let Some(standing) = standing {
            self.note_where_it_fails("what is open could not be noted for the log", log.set_standing(&standing));
        }
        exit
    }

    /// Logs a failure, where there is a home to log it in.
    pub fn failed(&self, failure: &Failure, explanation: &Explanation) {
        let (Some(run), Ok(home)) = (RunNow::of(self), self.discover()) else { return };
        let level = if explanation.exit == Exit::Failed { Level::Error } else { Level::Warning };
        let mut text = format!("failed: {}", explanation.message);
        text.extend(explanation.hint.iter().flat_map(|hint| ["; ", hint.as_str()]));
        let line = failure.record().map_or_else(|| Line::new(level, &text), |(table, key)| Line::new(level, &text).of_key(table, key));
        self.note_where_it_fails("the log could not be written", home.log().append(&[run.entry(line)]));
    }

    fn note_where_it_fails(&self, what: &str, done: std::io::Result<()>) {
        if let Err(error) = done {
            self.printer.note(&format!("{what}: {error}"));
        }
    }
}

/// A run that is logged, and the time it is.
struct RunNow<'r> {
    command: &'static str,
    id: &'r str,
    now: Millis,
}

impl<'r> RunNow<'r> {
    fn of(context: &'r Context) -> Option<Self> {
        Some(Self { command: context.run.command?, id: &context.run.id, now: context.world.now() })
    }

    fn entry(&self, line: Line) -> LogEntry {
        let Line { level, table, key, field, site, text, lasting: _ } = line;
        LogEntry { time: self.now, run: self.id.to_owned(), command: self.command.to_owned(), level, table, key, field, site, text }
    }

    /// What is to be logged: without the troubles that were logged before, and with those that are over. And the troubles that
    /// stand now, where they are others than before.
    fn news(&self, lines: impl Iterator<Item = Line>, before: &Standing, looked: Looked) -> (Vec<LogEntry>, Option<Standing>) {
        let mut after = if looked == Looked::Everywhere { Standing::new() } else { before.clone() };
        let mut told = Vec::new();
        for line in lines {
            let lasting = line.lasting;
            let entry = self.entry(line);
            if lasting == Lasting::Stands {
                let known = before.get(&entry.text);
                after.insert(entry.text.clone(), known.unwrap_or(&entry).clone());
                if known.is_some() {
                    continue;
                }
            }
            told.push(entry);
        }
        let over = before.values().filter(|entry| !after.contains_key(&entry.text));
        told.extend(over.map(|entry| LogEntry {
            time: self.now,
            run: self.id.to_owned(),
            command: self.command.to_owned(),
            level: Level::Info,
            text: format!("over: {}", entry.text),
            ..entry.clone()
        }));
        let changed = after != *before;
        (told, changed.then_some(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(entries: &[LogEntry]) -> Vec<(&str, Level)> {
        entries.iter().map(|entry| (entry.text.as_str(), entry.level)).collect()
    }

    fn run() -> RunNow<'static> {
        RunNow { command: "sync", id: "r", now: Millis(7) }
    }

    #[test]
    fn a_trouble_that_stands_is_logged_when_it_comes_and_when_it_is_over() {
        let missing = || Line::new(Level::Error, "C7 stays").of_key("contacts", "C7").standing();
        let happened = || Line::new(Level::Info, "it ran");
        let (first, standing) = run().news([missing(), happened()].into_iter(), &Standing::new(), Looked::Everywhere);
        assert_eq!(texts(&first), [("C7 stays", Level::Error), ("it ran", Level::Info)]);
        let standing = standing.unwrap();
        let (second, changed) = run().news([missing(), happened()].into_iter(), &standing, Looked::Everywhere);
        assert_eq!((texts(&second), changed), (vec![("it ran", Level::Info)], None));
        let (third, over) = run().news([happened()].into_iter(), &standing, Looked::Everywhere);
        assert_eq!(texts(&third), [("it ran", Level::Info), ("over: C7 stays", Level::Info)]);
        assert_eq!(third[1].key.as_deref(), Some("C7"));
        assert_eq!(over, Some(Standing::new()));
    }

    #[test]
    fn a_run_that_looked_at_a_part_ends_no_trouble() {
        let (_, standing) = run().news([Line::new(Level::Error, "a").standing()].into_iter(), &Standing::new(), Looked::Partly);
        let (entries, changed) = run().news([].into_iter(), &standing.unwrap(), Looked::Partly);
        assert_eq!((entries.len(), changed), (0, None));
    }
}
