//! `fieldpost schema status`: which version is where, what is refused and what waits.

use serde::Serialize;

use crate::cli::page::{Page, alert, count, one_line, paragraphs};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::sync::schema::refusals::Refusal;
use crate::sync::schema::view::{self, Child};

/// How the schema stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct StatusReport {
    /// Whether the rules let it travel.
    travels: bool,
    /// The version here; 0 before any was counted.
    version: u64,
    /// What the parent told and cannot be had here.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
    /// Indexes that records are in the way of.
    late: Vec<String>,
    /// What of this site's own did not fit this version, a sentence each.
    lost: Vec<String>,
    /// What waits for 'schema hint'.
    unclear: Vec<String>,
    /// What stays home because it may be what the rules keep there.
    home: Vec<String>,
    /// Children by name.
    children: Vec<Child>,
    /// What sites below this one cannot have.
    below: Vec<Refusal>,
    /// Virtual tables that are not as the main office has them.
    virtual_tables: Vec<String>,
    /// Whether the database is there.
    #[serde(skip)]
    has_database: bool,
}

/// A schema that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Refused {
    version: u64,
    why: String,
}

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.look()?;
    let standing = view::standing(&session)?;
    Ok(context.printer.report(&StatusReport {
        travels: standing.travels,
        version: standing.version,
        refused: standing.refused.map(|(version, why)| Refused { version, why }),
        late: standing.late,
        lost: standing.lost,
        unclear: standing.unclear.iter().map(ToString::to_string).collect(),
        home: standing.home.iter().map(ToString::to_string).collect(),
        children: standing.children,
        below: standing.below,
        has_database: session.has_database(),
        // Where nothing travels, nothing is compared.
        virtual_tables: if standing.travels { view::virtual_tables(&session)? } else { Vec::new() },
    }))
}

impl Report for StatusReport {
    fn text(&self, page: &Page) -> String {
        let here = match (self.travels, self.version) {
            (false, _) => "The schema does not travel: every site's own application changes its database.".to_owned(),
            (true, 0) if !self.has_database => "There is no database here yet: the schema comes with it.".to_owned(),
            (true, 0) => "No version of the schema is counted yet: the next 'fieldpost sync' counts the first.".to_owned(),
            (true, version) => format!("The schema is here in version {version}."),
        };
        let refused = self.refused.as_ref().map(|refused| {
            let line = format!("version {} cannot be had here: {}; 'fieldpost schema diff' shows it", refused.version, refused.why);
            page.wrapped(&alert(&line))
        });
        let list = |title: &str, lines: &[String]| {
            if lines.is_empty() { String::new() } else { format!("{}\n{}", alert(title), page.list(lines, "-v lists all")) }
        };
        let below: Vec<String> =
            self.below.iter().map(|one| format!("'{}': version {}: {}", one.site, one.version, one_line(&one.why))).collect();
        let children: Vec<String> = if self.travels { self.children.iter().map(|child| self.line(child)).collect() } else { Vec::new() };
        paragraphs([
            here,
            refused.unwrap_or_default(),
            list("Indexes that records here are in the way of", &self.late),
            list("It goes to nobody until 'fieldpost schema hint' tells", &self.unclear),
            list("What stays home until you say what it is", &self.home),
            if children.is_empty() {
                String::new()
            } else {
                format!("{}\n{}", count(children.len(), "child", "children"), page.list(&children, "-v lists all"))
            },
            list("Sites that cannot have it: mend there what stands in the way, or change the schema again here", &below),
            if self.lost.is_empty() {
                String::new()
            } else {
                format!("What of this site's own did not fit this version\n{}", page.list(&self.lost, "-v lists all"))
            },
            if self.virtual_tables.is_empty() {
                String::new()
            } else {
                format!("Virtual tables that are not as the main office has them\n{}", page.list(&self.virtual_tables, "-v lists all"))
            },
        ])
    }

    fn exit(&self) -> Exit {
        let fine =
            self.refused.is_none() && self.late.is_empty() && self.unclear.is_empty() && self.home.is_empty() && self.below.is_empty();
        if fine { Exit::Done } else { Exit::Attention }
    }
}

impl StatusReport {
    fn line(&self, child: &Child) -> String {
        let site = &child.site;
        match child.told {
            None => format!("'{site}' was told none yet"),
            Some(told) if told < self.version => {
                let has = if child.confirmed { "has" } else { "was told" };
                format!("'{site}' {has} version {told}; the next 'fieldpost sync' tells version {}", self.version)
            }
            Some(told) if child.confirmed => format!("'{site}' has version {told}"),
            Some(told) => format!("'{site}' was told version {told} and has not confirmed it yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{json, plain};
    use crate::model::SiteName;

    fn report() -> StatusReport {
        let child = |name: &str, told, confirmed| Child { site: SiteName::new(name).unwrap(), told, confirmed };
        StatusReport {
            has_database: true,
            travels: true,
            version: 4,
            refused: None,
            late: Vec::new(),
            lost: Vec::new(),
            unclear: Vec::new(),
            home: Vec::new(),
            children: vec![
                child("anna", Some(4), true),
                child("ben", Some(4), false),
                child("carl", Some(3), true),
                child("dora", None, false),
            ],
            below: Vec::new(),
            virtual_tables: Vec::new(),
        }
    }

    #[test]
    fn it_says_which_version_is_where() {
        let said = plain(&report());
        for words in [
            "The schema is here in version 4.",
            "4 children",
            "'anna' has version 4",
            "'ben' was told version 4 and has not confirmed it yet",
            "'carl' has version 3; the next 'fieldpost sync' tells version 4",
            "'dora' was told none yet",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
        assert_eq!(report().exit(), Exit::Done);
        assert_eq!(json(&report())["children"][0]["confirmed"], true);
    }

    #[test]
    fn what_wants_a_person_ends_with_attention() {
        let refused = StatusReport { refused: Some(Refused { version: 5, why: "because".into() }), ..report() };
        assert!(plain(&refused).contains("version 5 cannot be had here: because; 'fieldpost schema diff' shows it"));
        let unclear = StatusReport { unclear: vec!["is it?".into()], ..report() };
        let home = StatusReport { home: vec!["`b` of `c` stays home".into()], ..report() };
        assert!(plain(&home).contains("What stays home until you say what it is\n"), "{}", plain(&home));
        let late = StatusReport { late: vec!["index".into()], ..report() };
        let below = vec![Refusal { site: SiteName::new("ben").unwrap(), version: 4, why: "change\nECHO".into() }];
        let below = StatusReport { below, ..report() };
        assert!(plain(&below).contains("'ben': version 4: change⏎ECHO"), "{}", plain(&below));
        assert_eq!([refused, unclear, home, late, below].map(|report| report.exit()), [Exit::Attention; 5]);
    }
}
