//! `fieldpost join`: how does a new site ask to be taken in?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::invite::a_role;
use super::page::{Page, heading};
use super::printer::Report;
use crate::model::SiteName;
use crate::site::Role;

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
    /// Where packets are dropped, as seen from this computer
    #[arg(long, value_name = "PLACE")]
    pub exchange: String,
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
    /// The exchange.
    pub exchange: String,
    /// Fingerprint of the key made here.
    pub fingerprint: String,
    /// Fingerprint of the key of who invited.
    pub parent_fingerprint: String,
}

impl Report for JoinReport {
    fn text(&self, _: &Page) -> String {
        let Self { site, parent, .. } = self;
        format!(
            "{}\n  home      {}\n  database  {}, built when '{parent}' has answered\n  exchange  {}\n  \
             your key  {}\n  key of '{parent}'  {}\n\n\
             Next: 'fieldpost sync' at '{parent}', then 'fieldpost sync' here.",
            heading(&format!("Asked '{parent}' to take in '{site}', {}", a_role(self.role))),
            self.home.display(),
            self.database.display(),
            self.exchange,
            self.fingerprint,
            self.parent_fingerprint
        )
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
            exchange: "/mnt/share".to_owned(),
            fingerprint: "SHA256:abc".to_owned(),
            parent_fingerprint: "SHA256:def".to_owned(),
        };
        assert_eq!(
            plain(&report),
            "\
Asked 'head' to take in 'anna', a remote
  home      /home/anna/crm
  database  /home/anna/crm/shop.db, built when 'head' has answered
  exchange  /mnt/share
  your key  SHA256:abc
  key of 'head'  SHA256:def

Next: 'fieldpost sync' at 'head', then 'fieldpost sync' here.
"
        );
    }
}
