//! `fieldpost invite`: how does a site get the file that lets another one join?

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::logged::Line;
use super::page::{Moment, Page, heading};
use super::printer::Report;
use super::{Context, Exit, Failure, quoting};
use crate::model::SiteName;
use crate::site::{InvitationFile, Level, Role};
use crate::sync::join;
use crate::world::files::{self, Existing, FileError, Privacy};

/// Invite a new site; writes a file to hand over
///
/// Whoever has the file can join once, in the name of the site it is for: hand it over on a stick, in person or
/// encrypted. The host and offices invite; what is invited becomes their child.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost invite anna --group sales --out anna.invite
  fieldpost invite north --role office --days 30")]
pub struct InviteArgs {
    /// The name the new site gets, unique in the whole tree: a-z, 0-9, - and _
    #[arg(value_name = "NAME", value_parser = SiteName::new)]
    pub name: SiteName,
    /// A group the new site is in; may be given several times
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Its place in the tree
    #[arg(long, value_enum, default_value_t = InvitedRole::Remote)]
    pub role: InvitedRole,
    /// The file to write; without it NAME.invite in the current folder
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How many days the invitation is good for
    #[arg(long, value_name = "DAYS", default_value_t = InviteArgs::DAYS, value_parser = clap::value_parser!(u16).range(1..=i64::from(InviteArgs::MAX_DAYS)))]
    pub days: u16,
}

impl InviteArgs {
    /// Good for two weeks where nothing else is said.
    pub const DAYS: u16 = 14;
    /// Good for a year at most.
    pub const MAX_DAYS: u16 = 366;
}

/// The places that can be given away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InvitedRole {
    /// A site of one person
    Remote,
    /// A site that can invite remotes of its own
    Office,
}

impl From<InvitedRole> for Role {
    fn from(role: InvitedRole) -> Self {
        match role {
            InvitedRole::Remote => Self::Remote,
            InvitedRole::Office => Self::Office,
        }
    }
}

/// The invitation that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InviteReport {
    /// Names the invitation.
    pub id: String,
    /// Who invites.
    pub inviter: SiteName,
    /// Who is invited.
    pub name: SiteName,
    /// As what.
    pub role: Role,
    /// Into which groups.
    pub groups: Vec<String>,
    /// The file.
    pub file: PathBuf,
    /// Until when it is good.
    pub expires: Moment,
    /// The exchange of the inviter, for the line to type.
    pub exchange: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Then nobody is invited.
pub fn run(arguments: &InviteArgs, context: &Context) -> Result<Exit, Failure> {
    const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
    let (lock, session) = context.work()?;
    let file = arguments.out.clone().unwrap_or_else(|| format!("{}.invite", arguments.name).into());
    let path = context.here.join(&file);
    if path.exists() {
        return Err(Failure::FileExists(file));
    }
    let valid = i64::from(arguments.days) * DAY_MILLIS;
    let text = join::invite(&session, &arguments.name, arguments.role.into(), &arguments.groups, valid)?;
    let written = InvitationFile::parse(&text)?;
    let invitation = written.invitation();
    match files::publish(&session.world, &path, text.as_bytes(), Existing::Keep, Privacy::Secret) {
        Ok(()) => {}
        Err(FileError::Crash(crash)) => return Err(Failure::Sync(crash.into())),
        Err(FileError::Io(error)) => {
            // Nobody can have it, so it must not keep the name.
            session.ledger.begin()?;
            session.ledger.use_invitation(&String::from(invitation.id), session.world.now())?;
            session.ledger.commit(&session.world, "commit withdrawn invitation")?;
            return Err(error.into());
        }
    }
    let report = InviteReport {
        id: invitation.id.into(),
        inviter: invitation.inviter.clone(),
        name: invitation.name.clone(),
        role: invitation.role,
        groups: invitation.groups.iter().cloned().collect(),
        file,
        expires: Moment(invitation.expires),
        exchange: session.settings.exchanges.addresses.clone(),
    };
    drop(lock);
    Ok(context.done(&session.home, &report))
}

impl Report for InviteReport {
    fn text(&self, page: &Page) -> String {
        let file = self.file.display();
        let typed = quoting::shell(&file.to_string());
        let exchange: Vec<String> = self.exchange.iter().map(|exchange| quoting::shell(exchange)).collect();
        let groups = if self.groups.is_empty() { String::new() } else { format!(" in {}", self.groups.join(", ")) };
        let title = heading(&format!("Invitation for '{}', {}{groups}, is in {file}", self.name, a_role(self.role)));
        format!(
            "{title}\n  Good once, until {}. Whoever has the file can join as '{}': keep it secret.\n\n\
             Over there: fieldpost join {typed} --home {} --exchange {}\n\
             Then here:  'fieldpost sync'",
            page.moment(self.expires),
            self.name,
            self.name,
            exchange.join(" --exchange ")
        )
    }

    fn lines(&self, page: &Page) -> Vec<Line> {
        let text = format!("invited '{}', {}, until {}", self.name, a_role(self.role), page.moment(self.expires));
        vec![Line::new(Level::Info, text).of_site(Some(&self.name))]
    }
}

/// "an office", "a remote".
pub(super) const fn a_role(role: Role) -> &'static str {
    match role {
        Role::Host => "the host",
        Role::Office => "an office",
        Role::Remote => "a remote",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{at, plain};

    #[test]
    fn it_says_what_to_do_with_the_file() {
        let report = InviteReport {
            id: "00".to_owned(),
            inviter: SiteName::new("head").unwrap(),
            name: SiteName::new("anna").unwrap(),
            role: Role::Remote,
            groups: vec!["sales".to_owned()],
            file: "anna.invite".into(),
            expires: at(0),
            exchange: vec!["/mnt/share".to_owned()],
        };
        assert_eq!(
            plain(&report),
            "\
Invitation for 'anna', a remote in sales, is in anna.invite
  Good once, until 2026-11-22 08:00. Whoever has the file can join as 'anna': keep it secret.

Over there: fieldpost join anna.invite --home anna --exchange /mnt/share
Then here:  'fieldpost sync'
"
        );
    }
}
