//! `fieldpost doctor`: what is this database, what becomes of it here, and what should a person do about it?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::init::{UntrackedTable, untracked_text};
use super::page::{Column, Page, alert, count, heading, number, paragraphs, size};
use super::printer::Report;
use super::{Context, Exit, Failure, place};
use crate::database::doctor::{Examination, Portrait, Trouble, Wish};
use crate::database::{Database, DatabaseError, UntrackedReason};
use crate::model::{KeyKind, Shape, SiteName};
use crate::rules::{Criteria, Rules};
use crate::site::{Home, Role};
use crate::sync::schema::home;
use crate::sync::{Session, SyncError, start};
use crate::world::World;

/// Look at a database and say what to know and what to write into rules.toml
///
/// Works on a site, and with '--database' on any database before there is one. What is tracked and by which key, what not and
/// why, what the application's triggers do while packets are applied, what could hurt, and the lines that rules.toml wants:
/// references that nobody declared, fields that make records the same at every site, keys of tables without one. These are
/// guesses by name and content. Nothing is written, not one byte.
#[derive(Clone, Debug, Default, Args)]
#[command(after_help = "\
Examples:
  fieldpost doctor
  fieldpost doctor --database shop.db      before 'fieldpost init', with the rules.toml of this folder
  fieldpost doctor --json")]
pub struct DoctorArgs {
    /// A database that is no site yet
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorReport {
    /// The site; none for a database that is none yet.
    pub site: Option<SiteName>,
    /// The database.
    pub database: PathBuf,
    /// Size of the database in bytes.
    pub bytes: u64,
    /// The file.
    #[serde(flatten)]
    pub portrait: Portrait,
    /// What is or would be tracked, by name.
    pub tracked: Vec<ExaminedTable>,
    /// What is not, by name.
    pub untracked: Vec<UntrackedTable>,
    /// The application's triggers, in the order of their making.
    pub triggers: Vec<ExaminedTrigger>,
    /// What could hurt; what wants a person first.
    pub troubles: Vec<ExaminedTrouble>,
    /// What could be written into `rules.toml`.
    pub suggestions: Vec<SuggestedLine>,
    /// Where `rules.toml` is written: at the host.
    pub rules: PathBuf,
}

/// A tracked table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExaminedTable {
    /// Its name.
    pub table: String,
    /// Records in it now.
    pub records: u64,
    /// Its key fields.
    pub key: Vec<String>,
    /// Whether the same key at two sites is the same record.
    pub key_kind: KeyKind,
    /// What decides conflicts.
    pub conflict: Criteria,
    /// Fields that make records the same at every site.
    pub identity: Vec<String>,
}

/// A trigger of the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExaminedTrigger {
    /// Its name.
    pub trigger: String,
    /// What it is on.
    pub table: String,
    /// Whether it runs, in part at least, while packets are applied.
    pub runs: bool,
    /// Why, as a sentence has it after "because".
    pub why: String,
}

/// Something that could hurt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExaminedTrouble {
    /// A person must do something, rather than know it.
    pub wants_person: bool,
    /// What.
    pub what: String,
}

/// A line for `rules.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SuggestedLine {
    /// The heading it stands under.
    pub heading: String,
    /// The line.
    pub line: String,
    /// Why it looks so.
    pub because: String,
    /// Without it a change of a number is not followed.
    pub wants_person: bool,
}

/// What is looked at.
struct Patient {
    site: Option<SiteName>,
    path: PathBuf,
    rules: Rules,
    rules_path: PathBuf,
    tracked: Option<Vec<Shape>>,
    /// What stays home because it may be what the rules keep there, a sentence each.
    home: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// As home and database say.
pub fn run(arguments: &DoctorArgs, context: &Context) -> Result<Exit, Failure> {
    let patient = match &arguments.database {
        Some(typed) => file(typed, context)?,
        None => site(context)?,
    };
    let database = Database::look(&patient.path, context.limits.lock_wait)?;
    let progress = context.printer.progress("looking at the database");
    let examination = database.examine(&patient.rules, patient.tracked.as_deref(), &mut |stage| progress.stage(stage, None))?;
    drop(progress);
    Ok(context.printer.report(&DoctorReport::of(patient, examination)))
}

fn file(typed: &Path, context: &Context) -> Result<Patient, Failure> {
    let folder = place::whole(&context.here, &context.new_home())?;
    Ok(Patient {
        site: None,
        path: place::whole(&context.here, typed)?,
        rules: start::written_rules(&folder)?,
        rules_path: folder.join(Home::RULES),
        tracked: None,
        home: Vec::new(),
    })
}

fn site(context: &Context) -> Result<Patient, Failure> {
    let session = Session::look_at_ledger(World::real(), context.discover()?, context.limits.clone())?;
    if session.shapes.is_empty() {
        let parent = session.settings.parent.clone().unwrap_or_else(|| session.settings.host.clone());
        return Err(SyncError::NoDatabase { parent }.into());
    }
    let path = session.database_path();
    if !path.is_file() {
        return Err(DatabaseError::Missing(path).into());
    }
    let rules_path = match session.settings.role {
        Role::Host => session.home.rules_path(),
        Role::Office | Role::Remote => PathBuf::from(format!("{} of '{}'", Home::RULES, session.settings.host)),
    };
    let home = home::asked(&session)?.iter().map(ToString::to_string).collect();
    Ok(Patient { site: Some(session.name().clone()), path, rules: session.rules.clone(), rules_path, tracked: Some(session.shapes), home })
}

impl DoctorReport {
    fn of(patient: Patient, examination: Examination) -> Self {
        let rules = &patient.rules;
        let table = |(shape, records): (Shape, u64)| ExaminedTable {
            records,
            key: shape.key.iter().map(|field| shape.name_of(*field).to_owned()).collect(),
            key_kind: shape.key_kind,
            conflict: rules.table_criteria(&shape.name).clone(),
            identity: rules.identity(&shape.name).to_vec(),
            table: shape.name,
        };
        let mut troubles: Vec<ExaminedTrouble> = examination.troubles.iter().map(ExaminedTrouble::of).collect();
        troubles.extend(patient.home.into_iter().map(|what| ExaminedTrouble { wants_person: true, what }));
        let bad_keys = examination.untracked.iter().filter(|one| matches!(one.reason, UntrackedReason::BadKey(_)));
        troubles.extend(bad_keys.map(|one| ExaminedTrouble { wants_person: true, what: format!("`{}`: {}", one.name, one.reason) }));
        troubles.extend(examination.warnings.iter().map(|warning| ExaminedTrouble { wants_person: false, what: warning.to_string() }));
        troubles.sort_by_key(|trouble| !trouble.wants_person);
        let mut suggestions: Vec<SuggestedLine> = examination
            .suggestions
            .into_iter()
            .map(|suggestion| {
                let (heading, line) = suggestion.what.lines();
                let wants_person = matches!(suggestion.what, Wish::Reference { .. });
                SuggestedLine { heading, line, because: suggestion.because, wants_person }
            })
            .collect();
        suggestions.sort_by(|a, b| (&a.heading, &a.line).cmp(&(&b.heading, &b.line)));
        Self {
            site: patient.site,
            database: patient.path,
            bytes: examination.portrait.bytes(),
            portrait: examination.portrait,
            tracked: examination.tracked.into_iter().map(table).collect(),
            untracked: examination
                .untracked
                .into_iter()
                .map(|one| UntrackedTable { table: one.name, reason: one.reason.to_string() })
                .collect(),
            triggers: examination
                .triggers
                .into_iter()
                .map(|plan| ExaminedTrigger { why: plan.reason.to_string(), trigger: plan.name, table: plan.table, runs: plan.runs })
                .collect(),
            troubles,
            suggestions,
            rules: patient.rules_path,
        }
    }

    fn file_text(&self, page: &Page) -> String {
        let portrait = &self.portrait;
        let free =
            if portrait.free_pages > 0 { format!(" ({} free)", size(portrait.free_pages * portrait.page_size)) } else { String::new() };
        let mut lines = vec![format!(
            "{}{free}, {} pages of {} bytes, {}, journal mode {}",
            size(self.bytes),
            number(portrait.pages),
            portrait.page_size,
            portrait.encoding,
            portrait.journal_mode
        )];
        let numbers = [("user_version", portrait.user_version), ("application_id", portrait.application_id)];
        let told: Vec<String> =
            numbers.iter().filter(|(_, number)| *number != 0).map(|(name, number)| format!("{name} {number}")).collect();
        lines.push(portrait.features.iter().cloned().chain(told).collect::<Vec<_>>().join(", "));
        lines.retain(|line| !line.is_empty());
        let title = match &self.site {
            Some(site) => format!("'{site}': {}", self.database.display()),
            None => self.database.display().to_string(),
        };
        format!("{}\n{}", heading(&title), page.list(&lines, ""))
    }

    fn tracked_text(&self, page: &Page) -> String {
        if self.tracked.is_empty() {
            return heading("No table can be tracked");
        }
        let records: u64 = self.tracked.iter().map(|table| table.records).sum();
        let title = format!("Tracked: {}, {}", count(self.tracked.len(), "table", "tables"), count(records, "record", "records"));
        let rows = self.tracked.iter().map(|table| {
            let kind = match table.key_kind {
                KeyKind::Natural => "natural",
                KeyKind::Assigned => "number handed out",
            };
            let same = if table.identity.is_empty() { String::new() } else { table.identity.join(", ") };
            vec![table.table.clone(), number(table.records), table.key.join(", "), kind.to_owned(), table.conflict.to_string(), same]
        });
        let columns = [
            Column::Words("table"),
            Column::Numbers("records"),
            Column::Words("key"),
            Column::Words(""),
            Column::Words("conflicts"),
            Column::Words("identity"),
        ];
        format!("{}\n{}", heading(&title), page.table(&columns, rows))
    }

    fn triggers_text(&self, page: &Page) -> String {
        if self.triggers.is_empty() {
            return String::new();
        }
        let line = |trigger: &ExaminedTrigger| {
            let does = if trigger.runs { "runs" } else { "stays still" };
            format!("{} (on {}) {does}: {}", trigger.trigger, trigger.table, trigger.why)
        };
        let lines: Vec<String> = self.triggers.iter().map(line).collect();
        format!("{}\n{}", heading("Triggers, while packets are applied"), page.list(&lines, "-v lists all"))
    }

    fn troubles_text(&self, page: &Page) -> String {
        if self.troubles.is_empty() {
            return String::new();
        }
        let line = |trouble: &ExaminedTrouble| if trouble.wants_person { alert(&trouble.what) } else { trouble.what.clone() };
        let lines: Vec<String> = self.troubles.iter().map(line).collect();
        format!("{}\n{}", heading("What could hurt"), page.list(&lines, "-v lists all"))
    }

    /// Exactly as they are written: never wrapped, never counted away.
    fn suggestions_text(&self) -> String {
        if self.suggestions.is_empty() {
            return String::new();
        }
        let mut sections: BTreeMap<&str, Vec<&SuggestedLine>> = BTreeMap::new();
        for suggestion in &self.suggestions {
            sections.entry(&suggestion.heading).or_default().push(suggestion);
        }
        let mut text = heading(&format!("If that is so, write into {}", self.rules.display()));
        for (place, (title, lines)) in sections.into_iter().enumerate() {
            if place > 0 {
                text.push('\n');
            }
            text.push_str(&format!("\n  {title}"));
            let asks = lines.iter().any(|line| line.wants_person);
            for line in lines {
                text.push_str(&format!("\n  # {}\n  {}", line.because, line.line));
            }
            if asks {
                text.push_str("\n  # what refers to nothing: \"table.field\" = false, and it is asked about no more");
            }
        }
        text
    }
}

impl Report for DoctorReport {
    fn text(&self, page: &Page) -> String {
        let well = if self.troubles.is_empty() && self.suggestions.is_empty() { "Nothing wants a person." } else { "" };
        paragraphs([
            self.file_text(page),
            self.tracked_text(page),
            untracked_text(&self.untracked, page),
            self.triggers_text(page),
            self.troubles_text(page),
            self.suggestions_text(),
            well.to_owned(),
        ])
    }

    fn exit(&self) -> Exit {
        let wanted = self.troubles.iter().any(|trouble| trouble.wants_person) || self.suggestions.iter().any(|line| line.wants_person);
        if wanted { Exit::Attention } else { Exit::Done }
    }
}

impl ExaminedTrouble {
    fn of(trouble: &Trouble) -> Self {
        Self { wants_person: trouble.wants_a_person(), what: trouble.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{json, plain};

    fn report() -> DoctorReport {
        let table = |table: &str, records, key_kind, identity: &[&str]| ExaminedTable {
            table: table.to_owned(),
            records,
            key: vec!["id".to_owned()],
            key_kind,
            conflict: Criteria::default(),
            identity: identity.iter().map(|&field| field.to_owned()).collect(),
        };
        let line = |heading: &str, line: &str, because: &str, wants_person| SuggestedLine {
            heading: heading.to_owned(),
            line: line.to_owned(),
            because: because.to_owned(),
            wants_person,
        };
        DoctorReport {
            site: None,
            database: "/srv/shop.db".into(),
            bytes: 81_920,
            portrait: Portrait {
                application_id: 0,
                user_version: 12,
                encoding: "UTF-8".to_owned(),
                journal_mode: "wal".to_owned(),
                page_size: 4096,
                pages: 20,
                free_pages: 1,
                features: vec!["3 tables".to_owned(), "1 trigger".to_owned()],
            },
            tracked: vec![table("countries", 40, KeyKind::Assigned, &["code"]), table("notes", 1_200, KeyKind::Natural, &[])],
            untracked: vec![UntrackedTable { table: "log".to_owned(), reason: UntrackedReason::NoKey.to_string() }],
            triggers: vec![ExaminedTrigger {
                trigger: "notes_ai".to_owned(),
                table: "notes".to_owned(),
                runs: true,
                why: "it keeps `notes_fts`, which does not travel".to_owned(),
            }],
            troubles: vec![
                ExaminedTrouble { wants_person: true, what: "3 records of `notes` refer to records that are not there".to_owned() },
                ExaminedTrouble { wants_person: false, what: "no index begins with `country` of `notes`".to_owned() },
            ],
            suggestions: vec![
                line("[references]", "\"notes.country\" = \"countries\"", "1,200 of 1,200 values are numbers of `countries`", true),
                line("[tables.log]", "key = [\"day\", \"line\"]", "no two of its records agree there, and all are filled", false),
            ],
            rules: "/srv/rules.toml".into(),
        }
    }

    #[test]
    fn one_page_says_everything() {
        let expected = "\
/srv/shop.db
  81.9 kB (4.0 kB free), 20 pages of 4096 bytes, UTF-8, journal mode wal
  3 tables, 1 trigger, user_version 12

Tracked: 2 tables, 1,240 records
  table      records  key                     conflicts  identity
  countries       40  id   number handed out  newest     code
  notes        1,200  id   natural            newest

Not tracked, because
  it has no primary key and no unique columns that are never empty: log

Triggers, while packets are applied
  notes_ai (on notes) runs: it keeps `notes_fts`, which does not travel

What could hurt
  3 records of `notes` refer to records that are not there
  no index begins with `country` of `notes`

If that is so, write into /srv/rules.toml
  [references]
  # 1,200 of 1,200 values are numbers of `countries`
  \"notes.country\" = \"countries\"
  # what refers to nothing: \"table.field\" = false, and it is asked about no more

  [tables.log]
  # no two of its records agree there, and all are filled
  key = [\"day\", \"line\"]
";
        assert_eq!(plain(&report()), expected);
        assert_eq!(report().exit(), Exit::Attention);
    }

    #[test]
    fn what_is_only_to_know_wants_nobody() {
        let mut calm = report();
        calm.troubles.remove(0);
        calm.suggestions.remove(0);
        assert_eq!(calm.exit(), Exit::Done);
        calm.troubles.clear();
        calm.suggestions.clear();
        assert!(plain(&calm).ends_with("Nothing wants a person.\n"));
    }

    #[test]
    fn programs_get_the_same() {
        let json = json(&report());
        assert_eq!(json["user_version"], 12);
        assert_eq!(json["tracked"][0]["key_kind"], "assigned");
        assert_eq!(json["suggestions"][0]["line"], "\"notes.country\" = \"countries\"");
        assert_eq!(json["triggers"][0]["runs"], true);
    }
}
