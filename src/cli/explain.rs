//! What went wrong, in a sentence, and what to do about it? The one place that turns errors into words for people.
//!
//! A floor that can fail has an error enum; it gets one variant in [`Failure`] and one function here. What failed and
//! with which values is the enum's own sentence; this file adds where to go next and the exit code.

use std::io;

use serde::{Serialize, Serializer};

use super::{Exit, page};
use crate::rules::RulesError;
use crate::rules::reading::Fault;
use crate::site::{Home, HomeError, InvitationError, RosterError};

/// Anything that ends a command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The home folder or its settings.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// `rules.toml`.
    #[error("{}, {_0}", Home::RULES)]
    Rules(#[from] RulesError),
    /// An invitation file.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// The list of sites.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The operating system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A failure in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What failed: lower case, no full stop.
    #[serde(rename = "error")]
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code.
    #[serde(serialize_with = "exit_code")]
    pub exit: Exit,
}

/// Explains a failure.
#[must_use]
pub fn explain(failure: &Failure) -> Explanation {
    let (exit, hint) = match failure {
        Failure::Home(error) => home(error),
        Failure::Rules(error) => (Exit::Failed, fault(&error.fault)),
        Failure::Invitation(error) => (Exit::Failed, Some(invitation(error))),
        Failure::Roster(error) => (Exit::Failed, roster(error)),
        Failure::Io(error) => (Exit::Failed, operating_system(error)),
    };
    Explanation { message: failure.to_string(), hint, exit }
}

fn home(error: &HomeError) -> (Exit, Option<String>) {
    let hint = match error {
        HomeError::NotFound { .. } => {
            "go to the site's folder, or name it with --home DIR; 'fieldpost init' and 'fieldpost join' make one".to_owned()
        }
        HomeError::NotAHome { .. } => "'fieldpost init' sets up a main office there, 'fieldpost join' any other site".to_owned(),
        HomeError::SettingsLost { .. } => {
            format!("everything else is still there: write {} again, or restore it from a backup", Home::SETTINGS)
        }
        HomeError::Exists { .. } => "name another folder with --home DIR, or take this site apart with 'fieldpost detach'".to_owned(),
        HomeError::Busy { holder, .. } => {
            let who = holder.map(|holder| format!("process {} has it since {}: ", holder.process, utc(holder.since)));
            return (Exit::Busy, Some(format!("{}wait until it is done, then try again", who.unwrap_or_default())));
        }
        HomeError::Settings { error, .. } => return (Exit::Failed, fault(&error.fault)),
        HomeError::Io(error) => return (Exit::Failed, operating_system(error)),
        HomeError::Crash(_) => return (Exit::Failed, None),
    };
    (Exit::Failed, Some(hint))
}

fn fault(fault: &Fault) -> Option<String> {
    match fault {
        Fault::UnknownKey { meant: Some(meant), .. } | Fault::Word { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
        Fault::Toml(_) => Some("the file is TOML: texts stand in quotes, as in name = \"anna\"".to_owned()),
        Fault::UnknownKey { meant: None, .. }
        | Fault::Word { meant: None, .. }
        | Fault::TooLarge { .. }
        | Fault::Kind { .. }
        | Fault::Missing(_)
        | Fault::Value { .. } => None,
    }
}

fn invitation(error: &InvitationError) -> String {
    match error {
        InvitationError::Form(_) => "ask for the file again, and hand it over as a file: texts get lost in the clipboard".to_owned(),
        InvitationError::Format { .. } => "install the newest fieldpost here, or ask for an invitation made by this version".to_owned(),
        InvitationError::Expired { name, inviter, expired } => {
            format!("it was good until {}; ask '{inviter}' for a new one ('fieldpost invite {name}')", utc(*expired))
        }
    }
}

fn roster(error: &RosterError) -> Option<String> {
    match error {
        RosterError::NameTaken { .. } => Some("names are unique in the whole tree: choose another one".to_owned()),
        RosterError::ParentIsRemote { .. } => Some("only the host and offices can invite".to_owned()),
        RosterError::Format { .. } => Some("install the newest fieldpost here".to_owned()),
        RosterError::Unknown(_) => Some("'fieldpost status' lists the neighbours".to_owned()),
        RosterError::Form(_) | RosterError::NoParent { .. } | RosterError::Tree { .. } | RosterError::TooMany(_) => None,
    }
}

fn operating_system(error: &io::Error) -> Option<String> {
    let hint = if error.kind() == io::ErrorKind::StorageFull {
        "make room on the disk; nothing is half done, the next run goes on"
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "this user may not do that there: check the rights of the file and its folder"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn utc(time: crate::model::Millis) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| "an unknown time".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

impl Explanation {
    /// `error: …` and, where there is one, `hint: …` on the next line.
    #[must_use]
    pub fn text(&self) -> String {
        let label = |style: anstyle::Style, word: &str| format!("{}{word}:{}", style.render(), style.render_reset());
        let mut text = format!("{} {}", label(page::ERROR, "error"), self.message);
        if let Some(hint) = &self.hint {
            text += &format!("\n{} {hint}", label(page::BOLD, "hint"));
        }
        text
    }
}

fn exit_code<S: Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(exit.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::{Form, Loudness, Printer};
    use crate::model::Millis;
    use crate::rules::Rules;
    use crate::site::{Holder, Settings};

    fn told(failure: impl Into<Failure>) -> (Exit, String) {
        let printer = Printer::captured(Form::Text, Loudness::Quiet);
        let exit = crate::cli::finish(&printer, Err(failure.into()));
        (exit, printer.captured_text().1)
    }

    #[test]
    fn a_missing_home_says_how_to_get_one() {
        let (exit, text) = told(HomeError::NotFound { start: "/home/anna".into() });
        assert_eq!(exit, Exit::Failed);
        assert_eq!(
            text,
            "error: no home in `/home/anna` or any folder above it\n\
             hint: go to the site's folder, or name it with --home DIR; 'fieldpost init' and 'fieldpost join' make one\n"
        );
    }

    #[test]
    fn a_home_in_use_says_by_whom() {
        let holder = Some(Holder { process: 4711, since: Millis(1_795_334_400_000) });
        let (exit, text) = told(HomeError::Busy { folder: "/srv/shop".into(), holder });
        assert_eq!(exit, Exit::Busy);
        assert_eq!(
            text,
            "error: another run holds the home `/srv/shop`\n\
             hint: process 4711 has it since 2026-11-22 08:00 UTC: wait until it is done, then try again\n"
        );
    }

    #[test]
    fn a_slip_in_a_file_is_named_with_its_line_and_what_was_meant() {
        let (_, text) = told(Rules::parse("[tables.notes]\nconfict = 'child'\n").unwrap_err());
        assert_eq!(text, "error: rules.toml, line 2: unknown key `confict`\nhint: did you mean `conflict`?\n");
        let error = Box::new(Settings::parse("name = 'a'\nrole = 'hots'\n").unwrap_err());
        let (_, text) = told(HomeError::Settings { path: "shop/fieldpost.toml".into(), error });
        assert_eq!(
            text,
            "error: shop/fieldpost.toml, line 2: `role` is `hots`, but may only be host, office or remote\n\
             hint: did you mean `host`?\n"
        );
    }

    #[test]
    fn a_program_gets_the_same_as_json() {
        let printer = Printer::captured(Form::Json, Loudness::Normal);
        crate::cli::finish(&printer, Err(InvitationError::Format { found: 9 }.into()));
        let json: serde_json::Value = serde_json::from_str(&printer.captured_text().0).unwrap();
        assert_eq!(json["error"], "the invitation has format 9, this fieldpost knows 1");
        assert_eq!(json["exit"], 1);
    }
}
