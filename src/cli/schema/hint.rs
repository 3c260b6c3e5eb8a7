//! `fieldpost schema hint`: a person says what became of a column.

use serde::Serialize;

use super::HintArgs;
use crate::cli::logged::Line;
use crate::cli::page::{Page, count};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::site::Level;
use crate::sync::schema::{hints, home};

/// What was said, and what is still asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct HintReport {
    #[serde(flatten)]
    said: Said,
    /// Questions that are open; an answer may bring up another one.
    left: Vec<String>,
}

/// What was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Said {
    /// A column is called otherwise.
    Renamed { table: String, before: String, now: String },
    /// So many questions were answered: what came is another one.
    Another { answered: usize },
    /// What stayed home because it may be what the rules keep there travels: a column, or the table.
    Travels { table: String, column: Option<String> },
}

pub(super) fn run(arguments: &HintArgs, context: &Context) -> Result<Exit, Failure> {
    let (_lock, mut session) = context.work()?;
    let said = match (&arguments.table, &arguments.column, &arguments.now) {
        (Some(table), Some(before), Some(now)) => {
            hints::is_renamed(&mut session, table, before, now)?;
            Said::Renamed { table: table.clone(), before: before.clone(), now: now.clone() }
        }
        (Some(table), column, None) if column.is_some() || home::keeps_table(&session, table)? => {
            home::free(&mut session, table, column.as_deref())?;
            Said::Travels { table: table.clone(), column: column.clone() }
        }
        (table, ..) => Said::Another { answered: hints::is_another(&session, table.as_deref())? },
    };
    let kept: Vec<String> = home::asked(&session)?.iter().map(ToString::to_string).collect();
    let left = [hints::unclear(&session)?.iter().map(ToString::to_string).collect(), kept].concat();
    Ok(context.done(&session.home, &HintReport { said, left }))
}

impl Said {
    fn words(&self) -> String {
        match self {
            Self::Renamed { table, before, now } => format!("column `{before}` of `{table}` is called `{now}` now"),
            Self::Travels { table, column: None } => format!("table `{table}` travels from now on"),
            Self::Travels { table, column: Some(column) } => format!("column `{column}` of `{table}` travels from now on"),
            Self::Another { answered } => format!("{}: what came is new", count(*answered, "answer", "answers")),
        }
    }
}

impl Report for HintReport {
    fn text(&self, page: &Page) -> String {
        let noted = format!("Noted: {}.", self.said.words());
        if self.left.is_empty() {
            return format!("{noted} The next 'fieldpost sync' takes the schema to all sites.");
        }
        let left: String = self.left.iter().map(|question| format!("\n{}", page.wrapped(question))).collect();
        format!("{noted} Still to be told, before the schema goes:{left}")
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        vec![Line::new(Level::Info, self.said.words())]
    }
}
