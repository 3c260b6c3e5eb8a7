//! `fieldpost join`: how does a new site ask to be taken in?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::access::Entered;
use super::invite::a_role;
use super::page::{Page, alert, heading};
use super::printer::Report;
use super::{Context, Exit, Failure, library, place};
use crate::keys::VerifyingKey;
use crate::model::SiteName;
use crate::site::{Home, HomeError, InvitationFile, Role};
use crate::sync::{Session, join, round};
use crate::world::World;

/// Join with an invitation; makes this site's keys and asks to be taken in
///
/// The private keys are made here and never leave this computer. The request travels over the exchange; after the next
/// 'fieldpost sync' at the inviting site, 'fieldpost sync' here builds the database.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  fieldpost join anna.invite --home anna --exchange /mnt/share
  fieldpost join anna.invite --exchange 'E:\\exchange' --database 'C:\\crm\\shop.db'")]
pub struct JoinArgs {
    /// The invitation file
    #[arg(value_name = "FILE")]
    pub invitation: PathBuf,
    /// Where packets are dropped, as seen from this computer; several: --exchange A --exchange B
    #[arg(long, value_name = "PLACE", required = true)]
    pub exchange: Vec<String>,
    /// Certificates (PEM) to believe in place of this computer's: the server's own, or the one that signed it
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// Where documents are to be, where the others have any; without it 'library' in the home
    #[arg(long, value_name = "DIR")]
    pub library: Option<PathBuf>,
    /// Where the database is to be; without it a file of the host's name in the home
    #[arg(long, value_name = "FILE")]
    pub database: Option<PathBuf>,
}

/// The request that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JoinReport {
    /// The new site.
    pub site: SiteName,
    /// Its place.
    pub role: Role,
    /// Who was asked.
    pub parent: SiteName,
    /// The root of the tree.
    pub host: SiteName,
    /// Its folder.
    pub home: PathBuf,
    /// Where the database will be.
    pub database: PathBuf,
    /// The exchanges.
    pub exchange: Vec<String>,
    /// Where documents will be, where somebody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// Fingerprint of the key made here.
    pub fingerprint: String,
    /// Fingerprint of the key of who invited.
    pub parent_fingerprint: String,
    /// Why the request is not on the exchange yet; none where it is.
    pub waiting: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Then there is no home. An exchange that is out of reach is no failure: the request waits in the new home.
pub fn run(arguments: &JoinArgs, context: &Context) -> Result<Exit, Failure> {
    let folder = place::whole(&context.here, &context.new_home())?;
    if folder.join(Home::SETTINGS).exists() {
        return Err(HomeError::Exists { folder }.into());
    }
    let path = context.here.join(&arguments.invitation);
    let text = String::from_utf8_lossy(&fs_err::read(path)?).into_owned();
    let database = arguments.database.as_ref().map(|path| place::database(&context.here, &folder, path)).transpose()?;
    let named = InvitationFile::parse(&text)?.invitation().database.clone();
    let target = folder.join(database.as_deref().unwrap_or(&named));
    if target.exists() {
        return Err(Failure::FileExists(target));
    }
    let entered = Entered::of(context, &arguments.exchange, arguments.certificate.as_deref())?;
    entered.exposes_nothing(&folder, database.as_deref().unwrap_or(&named))?;
    let progress = context.printer.progress("asking to be taken in");
    let mut exchanges = entered.open(&progress)?;
    let settings = join::join(&context.world, &folder, &text, entered.exchanges.clone(), database.as_deref())?;
    let home = Home::discover(Some(&folder), &folder)?;
    entered.keep(context, &home)?;
    let _lock = home.lock(&context.world)?;
    let mut session = Session::open(World::real(), home, context.limits.clone())?;
    if let Some(folder) = &arguments.library {
        library::begin(context, &mut session, Some(folder))?;
    }
    let round = round::run(&mut session, &mut exchanges.all(), round::Halves::Both, &mut |what| progress.stage(what, None))?;
    drop(progress);
    let parent = session.ledger.parent()?.ok_or(crate::sync::SyncError::Bug("a child without a parent"))?;
    let dropped = !round.deposited.is_empty();
    let why = || round.waiting.first().map_or_else(|| "the exchange did not take it".to_owned(), |waiting| waiting.why.clone());
    Ok(context.printer.report(&JoinReport {
        site: settings.name.clone(),
        role: settings.role,
        parent: parent.card.name,
        host: settings.host.clone(),
        database: session.database_path(),
        home: folder,
        exchange: settings.exchanges.addresses,
        library: arguments.library.as_ref().map(|_| session.library_folder()),
        fingerprint: session.signing.verifying_key().fingerprint().to_string(),
        parent_fingerprint: VerifyingKey::parse(&parent.card.signing)?.fingerprint().to_string(),
        waiting: (!dropped).then(why),
    }))
}

impl Report for JoinReport {
    fn text(&self, _: &Page) -> String {
        let Self { site, parent, .. } = self;
        let width = "key of ''".len() + parent.as_str().len();
        let next = match &self.waiting {
            None => format!("Next: 'fieldpost sync' at '{parent}', then 'fieldpost sync' here."),
            Some(why) => format!(
                "{}\nNext: 'fieldpost sync' here as soon as it can be reached, then at '{parent}', then here again.",
                alert(&format!("The request waits here: {why}."))
            ),
        };
        let line = |label: &str, text: &str| format!("\n  {label:width$}  {text}");
        format!(
            "{}{}{}{}{}{}{}\n\n{next}",
            heading(&format!("Asked '{parent}' to take in '{site}', {}", a_role(self.role))),
            line("home", &self.home.display().to_string()),
            line("database", &format!("{}, built when '{parent}' has answered", self.database.display())),
            line("exchange", &self.exchange.join(", ")),
            self.library.as_ref().map_or_else(String::new, |library| line("documents", &library.display().to_string())),
            line("your key", &self.fingerprint),
            line(&format!("key of '{parent}'"), &self.parent_fingerprint),
        )
    }

    fn exit(&self) -> Exit {
        if self.waiting.is_some() { Exit::Unreachable } else { Exit::Done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::plain;

    #[test]
    fn it_says_whom_it_asked_and_what_comes_next() {
        let report = JoinReport {
            site: SiteName::new("anna").unwrap(),
            role: Role::Remote,
            parent: SiteName::new("head").unwrap(),
            host: SiteName::new("head").unwrap(),
            home: "/home/anna/crm".into(),
            database: "/home/anna/crm/shop.db".into(),
            exchange: vec!["/mnt/share".to_owned()],
            library: None,
            fingerprint: "SHA256:abc".to_owned(),
            parent_fingerprint: "SHA256:def".to_owned(),
            waiting: None,
        };
        assert_eq!(
            plain(&report),
            "\
Asked 'head' to take in 'anna', a remote
  home           /home/anna/crm
  database       /home/anna/crm/shop.db, built when 'head' has answered
  exchange       /mnt/share
  your key       SHA256:abc
  key of 'head'  SHA256:def

Next: 'fieldpost sync' at 'head', then 'fieldpost sync' here.
"
        );
    }
}
