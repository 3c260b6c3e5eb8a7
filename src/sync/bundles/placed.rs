//! Is the folder for customizations another one than it was?
//!
//! Settings name the folder, and a person may name another one, with the files moved along or not. Moved along, everything is as it was. Else what
//! bundles have in the former folder is put into the new one as it is there, also where somebody changed it; what is deleted there stays so, and
//! what lies in the way in the new one stays as well. The former folder is left alone. **States**: named → put, file by file → noted, one commit
//! of the ledger. **Crash points**: before "noted" the next run puts what is not there yet.

use super::{Refusal, Scope, folder, states, store, stored};
use crate::bundle::{Filed, Folder, Move, Opened};
use crate::site::Settings;
use crate::sync::{Result, Session};

const FOLDER: &str = "bundle folder";

/// Puts the files of bundles into the folder that the settings name now, where it was another one; says so where that was to be done.
pub(super) fn settle(session: &Session) -> Result<Option<String>> {
    let (noted, named) = (session.ledger.note(FOLDER)?, &session.settings.bundles_folder);
    if noted.as_ref() == Some(named) || states(session, Scope::Site)?.values().all(|state| state.installs.is_empty()) {
        return Ok(None);
    }
    let now = folder(session)?;
    let mut said = None;
    if let Some(former) = noted {
        let settings = Settings { bundles_folder: former, ..session.settings.clone() };
        let former = Folder::at(settings.bundles_path(session.home.folder()));
        if super::whole(former.root()) != super::whole(now.root()) {
            let put = put_all(session, &former, &now)?;
            said = (put > 0).then(|| {
                let (now, former) = (now.root().display(), former.root().display());
                format!("`{now}` is the folder for customizations now: what bundles have in `{former}` was put there too, which is not looked at any more")
            });
        }
    }
    session.set_note(FOLDER, named)?;
    Ok(said)
}

/// Notes where the files of bundles are. Inside the open transaction of the ledger.
pub(super) fn note(session: &Session) -> Result<()> {
    Ok(session.ledger.set_note(FOLDER, &session.settings.bundles_folder)?)
}

/// Puts what is missing; gives how many files that were.
fn put_all(session: &Session, former: &Folder, now: &Folder) -> Result<usize> {
    let (is_there, store, mut count) = (former.root().is_dir(), store(session), 0);
    let installed = || -> Result<_> { Ok(states(session, Scope::Site)?.into_values().filter_map(|mut state| state.installs.pop())) };
    let has = |path: &String| !matches!(now.filed(path), Ok(None));
    if !is_there && installed()?.any(|top| top.put.keys().any(has)) {
        // Moved along.
        return Ok(0);
    }
    for top in installed()? {
        let opened = if is_there { None } else { stored(session, top.id).ok().flatten() };
        for (path, put) in top.put.iter().filter(|(path, _)| !has(path)) {
            let Some(filed) = keep(session, former, opened.as_ref(), path, *put)? else { continue };
            let moved = Move { path: path.clone(), before: None, after: Some(filed) };
            now.carry_out(&session.world, &moved, &store).map_err(Refusal::from)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Keeps what is to stand at a path: what does in the former folder; where that one is gone, what the bundle has.
fn keep(session: &Session, former: &Folder, opened: Option<&Opened>, path: &str, put: Filed) -> Result<Option<Filed>> {
    let store = store(session);
    if let Ok(Some(filed)) = former.filed(path) {
        former.keep(&session.world, path, filed, &store).map_err(Refusal::from)?;
        return Ok(Some(filed));
    }
    let Some(opened) = opened else { return Ok(None) };
    let Some(file) = opened.manifest.files.iter().find(|file| file.path == path) else { return Ok(None) };
    store.keep(&session.world, file.content.hash, &mut opened.reader(file.content)?).map_err(Refusal::from)?;
    Ok(Some(put))
}
