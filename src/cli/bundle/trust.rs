//! `fieldpost bundle trust`: whose keys may sign bundles?

use serde::Serialize;

use super::TrustArgs;
use crate::cli::failure::KeyHalf;
use crate::cli::logged::Line;
use crate::cli::page::{Column, Page};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::keys::{Fingerprint, VerifyingKey};
use crate::site::Level;
use crate::sync::{bundles, roster};

/// Who may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TrustReport {
    /// What was changed, in words; none where nothing was.
    changed: Option<String>,
    publishers: Vec<Signer>,
}

/// Somebody who may sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Signer {
    name: String,
    fingerprint: Fingerprint,
}

pub(super) fn run(arguments: &TrustArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(file) = &arguments.key else {
        let session = context.look()?;
        return Ok(context.printer.report(&TrustReport { changed: None, publishers: signers(&session)? }));
    };
    let (_lock, session) = context.work()?;
    let line = fs_err::read_to_string(context.here.join(file))?;
    let key = VerifyingKey::parse(line.trim()).map_err(KeyHalf::Public.of(file))?;
    let comment = line.split_whitespace().skip(2).collect::<Vec<_>>().join(" ");
    let name = arguments.name.clone().unwrap_or(comment);
    let print = key.fingerprint();
    let changed = bundles::trust(&session, &key, (!arguments.remove).then_some(name.as_str()))?;
    let words = if arguments.remove { format!("{print} may not sign bundles any more") } else { format!("{print} may sign bundles") };
    let report = TrustReport { changed: changed.then_some(words), publishers: signers(&session)? };
    Ok(context.done(&session.home, &report))
}

fn signers(session: &crate::sync::Session) -> Result<Vec<Signer>, Failure> {
    let known = roster::known(session)?;
    let host = bundles::host_key(session)?
        .map(|key| Signer { name: format!("main office '{}'", known.host().name), fingerprint: key.fingerprint() });
    let others = bundles::paper(session)?.publishers.into_iter();
    Ok(host.into_iter().chain(others.map(|publisher| Signer { fingerprint: publisher.key.fingerprint(), name: publisher.name })).collect())
}

impl Report for TrustReport {
    fn text(&self, page: &Page) -> String {
        let rows = self.publishers.iter().map(|signer| vec![signer.name.clone(), signer.fingerprint.to_string()]);
        let table = page.table(&[Column::Words("May sign bundles"), Column::Words("Key")], rows);
        match &self.changed {
            Some(changed) => format!("{changed}; 'fieldpost sync' tells the sites\n\n{table}"),
            None => table,
        }
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        self.changed.iter().map(|changed| Line::new(Level::Info, changed.clone())).collect()
    }
}
