//! `fieldpost rules explain`: which rules apply to a table or a field, and where they stand.

use serde::Serialize;

use super::{ExplainArgs, rules_in};
use crate::cli::history::shape_named;
use crate::cli::page::{Column, Page, heading};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::rules::{Criteria, Criterion, DeleteRule, Direction, Priority, Rules, Sending, TableRule, Unit, check, nearest};

/// The rules of a table or a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ExplainReport {
    /// The table.
    table: String,
    /// The field, where one was named.
    field: Option<String>,
    /// Whose rules they are.
    file: String,
    /// What applies, one thing after the other.
    rules: Vec<Applies>,
}

/// One thing that applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Applies {
    /// What it is about.
    about: &'static str,
    /// What it says, in sentences.
    says: Vec<String>,
    /// Where it stands: the line, and the keys; none for what is so without a rule.
    line: Option<usize>,
    /// Why this one.
    because: String,
}

pub(super) fn run(arguments: &ExplainArgs, context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let shape = shape_named(&session, &arguments.table)?;
    let (rules, text, file) = rules_in(None, &session, context)?;
    let rule = rules.table(&shape.name);
    let field = arguments.field.as_deref().map(|typed| {
        let known = || shape.live_fields().map(|field| shape.name_of(field)).chain(rule.local.iter().map(String::as_str));
        let exact = known().find(|name| *name == typed).or_else(|| known().find(|name| name.to_lowercase() == typed.to_lowercase()));
        exact.map(str::to_owned).ok_or_else(|| Failure::NoField {
            table: shape.name.clone(),
            typed: typed.to_owned(),
            meant: nearest(typed, known()).map(str::to_owned),
        })
    });
    let field = field.transpose()?;
    let explaining = Explaining { rules: &rules, text: &text, table: &shape.name, rule };
    let rules = match &field {
        Some(field) => explaining.field(field),
        None => explaining.table(),
    };
    Ok(context.printer.report(&ExplainReport { table: shape.name.clone(), field, file, rules }))
}

struct Explaining<'r> {
    rules: &'r Rules,
    text: &'r str,
    table: &'r str,
    rule: &'r TableRule,
}

impl Explaining<'_> {
    fn table(&self) -> Vec<Applies> {
        let mut all = vec![self.decides(None)];
        all.extend(self.together(None));
        for (field, criteria) in &self.rule.fields {
            let because = format!("`{field}` has a rule of its own");
            all.push(self.from(&["fields", field], "a field", vec![format!("{field}: {criteria}")], because));
        }
        all.extend([self.deletes(), self.direction(), self.sending()]);
        let lists: [(&'static str, &[String], &'static str); 5] = [
            ("fixed", &self.rule.fixed, "a child sets them when it makes a record, and never changes them"),
            ("required", &self.rule.required, "what they refer to must be there, until then the record stays home"),
            ("local", &self.rule.local, "they never travel"),
            ("identity", &self.rule.identity, "records that agree here are one record"),
            ("key", &self.rule.key, "they name the records"),
        ];
        for (key, fields, says) in lists {
            if !fields.is_empty() {
                all.push(self.from(&[key], key, vec![format!("{}: {says}", fields.join(", "))], String::new()));
            }
        }
        all
    }

    fn field(&self, field: &str) -> Vec<Applies> {
        if self.rule.local.iter().any(|local| local == field) {
            return vec![self.from(&["local"], "local", vec!["it never travels".to_owned()], String::new())];
        }
        let mut all = vec![self.decides(Some(field))];
        all.extend(self.together(Some(field)));
        let lists: [(&'static str, &[String], &'static str); 3] = [
            ("fixed", &self.rule.fixed, "a child sets it when it makes a record; a later change by a child is refused"),
            ("required", &self.rule.required, "what it refers to must be there, until then the record stays home"),
            ("identity", &self.rule.identity, "records that agree in it (and in what stands beside it) are one record"),
        ];
        for (key, fields, says) in lists {
            if fields.iter().any(|one| one == field) {
                all.push(self.from(&[key], key, vec![says.to_owned()], String::new()));
            }
        }
        all.push(self.direction());
        all
    }

    /// What decides a conflict.
    fn decides(&self, field: Option<&str>) -> Applies {
        let rule = self.rule;
        let group = field.and_then(|field| rule.groups.iter().find(|group| group.iter().any(|one| one == field)));
        let own = |field: &str| rule.fields.contains_key(field).then(|| field.to_owned());
        let by = match (field, group) {
            (Some(_), Some(group)) => group.iter().find_map(|member| own(member)),
            (Some(field), None) => own(field),
            (None, _) => None,
        };
        let criteria = field.map_or_else(|| self.rules.table_criteria(self.table), |field| self.rules.criteria(self.table, field));
        let says = self.says(criteria);
        match (by, &rule.conflict) {
            (Some(by), _) if Some(by.as_str()) == field => self.from(
                &["fields", &by],
                "conflict",
                says,
                "the field has a rule of its own, which comes before that of its table".to_owned(),
            ),
            (Some(by), _) => {
                self.from(&["fields", &by], "conflict", says, format!("it wins or loses with `{by}`, which has a rule of its own"))
            }
            (None, Some(_)) => {
                self.from(&["conflict"], "conflict", says, "the table has a rule, which comes before the default".to_owned())
            }
            (None, None) => {
                let line = check::line(self.text, &["default".to_owned()]).filter(|_| self.text.contains("default"));
                let because = if line.is_some() { "the table has no rule, so the default decides" } else { "nobody said anything else" };
                Applies { about: "conflict", says, line, because: because.to_owned() }
            }
        }
    }

    /// What each criterion asks, in turn.
    fn says(&self, criteria: &Criteria) -> Vec<String> {
        let mut says: Vec<String> = criteria.iter().map(|criterion| self.asks(criterion)).collect();
        if criteria.iter().last().is_some_and(|last| !last.is_final()) {
            says.push("where that is equal: what the parent has stands".to_owned());
        }
        says
    }

    fn asks(&self, criterion: &Criterion) -> String {
        let words = match criterion {
            Criterion::Owner => {
                let owner = self.rule.owner.as_deref().unwrap_or("owner");
                return format!("owner: the site, or a site of the group, that `{owner}` names wins");
            }
            Criterion::SitePriority if self.rules.sites().is_empty() => "[sites] priority names no site, so it is a tie",
            Criterion::SitePriority => return format!("site-priority: whoever stands first wins: {}", self.rules.sites().join(", ")),
            Criterion::Newest => "the later edit wins, by the clocks of the sites; one dated in the future does not win by its date",
            Criterion::Oldest => "the earlier edit wins, by the clocks of the sites",
            Criterion::Parent => "what the parent has wins",
            Criterion::Child => "what the child sent wins",
            Criterion::Review => "a person decides; what the parent has stands meanwhile",
            Criterion::Sum => "both differences are added up, where all are numbers",
            Criterion::Min => "the smaller value stands",
            Criterion::Max => "the larger value stands",
            Criterion::Union { separator } => {
                return format!("union: a list of items with `{separator}` between them; what either added is there");
            }
            Criterion::Text => "both edits of a text are merged line by line, where they do not touch the same lines",
        };
        format!("{}: {words}", criterion.word())
    }

    fn together(&self, field: Option<&str>) -> Option<Applies> {
        if self.rule.unit == Unit::Record {
            return Some(self.from(&["unit"], "together", vec!["the whole record wins or loses as one".to_owned()], String::new()));
        }
        let groups = self.rule.groups.iter().filter(|group| field.is_none_or(|field| group.iter().any(|one| one == field)));
        let says: Vec<String> = groups.map(|group| format!("{} win or lose together", group.join(", "))).collect();
        (!says.is_empty()).then(|| self.from(&["groups"], "together", says, String::new()))
    }

    fn deletes(&self) -> Applies {
        let deletes = &self.rule.deletes;
        let mark = |mark: &crate::rules::Mark| format!("sets `{}` to {} instead", mark.field, mark.value);
        let mut says = vec![match &deletes.up {
            DeleteRule::EditWins => "edit-wins: an edit that the other side did not know of keeps the record".to_owned(),
            DeleteRule::DeleteWins => "delete-wins: the record goes, whoever edited it".to_owned(),
            DeleteRule::Review => "review: a person decides; what the parent has stands meanwhile".to_owned(),
            DeleteRule::OriginOnly => "origin-only: only the site that made a record may delete it".to_owned(),
            DeleteRule::Mark(to) => format!("a delete by a child {}", mark(to)),
        }];
        says.extend(deletes.down.as_ref().map(|to| format!("a delete by the parent {}, at the children", mark(to))));
        if *deletes == crate::rules::Deletes::default() {
            return Applies { about: "deletes", says, line: None, because: "nobody said anything else".to_owned() };
        }
        self.from(&["deletes"], "deletes", says, String::new())
    }

    fn direction(&self) -> Applies {
        let says = match self.rule.direction {
            Direction::Both => "both: records travel both ways",
            Direction::Up => "up: records travel from children to parents only; a parent tells a child no more than its number",
            Direction::Down => "down: records travel from parents to children only; what a child changes is refused",
            Direction::None => "none: the table stays where it is",
        };
        if self.rule.direction == Direction::Both {
            return Applies {
                about: "direction",
                says: vec![says.to_owned()],
                line: None,
                because: "nobody said anything else".to_owned(),
            };
        }
        self.from(&["direction"], "direction", vec![says.to_owned()], String::new())
    }

    fn sending(&self) -> Applies {
        let mut says = Vec::new();
        let mut place = "send";
        if self.rule.send == Sending::Manual {
            says.push(format!("manual: records go when somebody says so: fieldpost records send {} --where …", self.table));
        }
        if let Some(sql) = &self.rule.ready_when {
            says.push(format!("a record stays home until this is true: {sql}"));
            place = if says.len() == 1 { "ready_when" } else { place };
        }
        match self.rule.priority {
            Priority::Critical => says.push("critical: its records go first where not all fit into one packet".to_owned()),
            Priority::Low => says.push("low: its records go last where not all fit into one packet".to_owned()),
            Priority::Normal => {}
        }
        if says.len() == 1 && self.rule.priority != Priority::Normal {
            place = "priority";
        }
        if says.is_empty() {
            let says = vec!["automatic: records go with the next round".to_owned()];
            return Applies { about: "sending", says, line: None, because: "nobody said anything else".to_owned() };
        }
        self.from(&[place], "sending", says, String::new())
    }

    fn from(&self, keys: &[&str], about: &'static str, says: Vec<String>, because: String) -> Applies {
        let place: Vec<String> = ["tables", self.table].iter().chain(keys).map(|key| (*key).to_owned()).collect();
        Applies { about, says, line: check::line(self.text, &place), because }
    }
}

impl Report for ExplainReport {
    fn text(&self, page: &Page) -> String {
        let subject = self.field.as_ref().map_or_else(|| self.table.clone(), |field| format!("{}, {field}", self.table));
        let place = |rule: &Applies| match (rule.line, rule.because.as_str()) {
            (Some(line), "") => format!("{}, line {line}", self.file),
            (Some(line), because) => format!("{}, line {line}: {because}", self.file),
            (None, because) => because.to_owned(),
        };
        let rows = self.rules.iter().flat_map(|rule| {
            let first = |at: usize, text: &str| if at == 0 { text.to_owned() } else { String::new() };
            let place = place(rule);
            let row = |(at, says): (usize, &String)| vec![first(at, rule.about), says.clone(), first(at, &place)];
            rule.says.iter().enumerate().map(row).collect::<Vec<_>>()
        });
        let columns = [Column::Words("about"), Column::Words("what the rules say"), Column::Words("where and why")];
        format!("{}\n{}", heading(&subject), page.table(&columns, rows))
    }
}
