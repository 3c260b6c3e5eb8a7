//! Did the host's schema change? Then it is the next version, and children are told.

use super::{Here, LATE, SentSchema, TOLD, add_version, told, wish};
use crate::site::Role;
use crate::sync::{Result, Session};

/// Compares what the host's database has with what was noted last. `surveyed` is the schema that the session's tables are of: one that
/// moved on since is looked at by the next run.
pub(in crate::sync) fn notice(session: &Session, surveyed: i64) -> Result<()> {
    if session.settings.role != Role::Host {
        return Ok(());
    }
    let database = session.database()?;
    database.begin_read()?;
    let seen = database.schema_version().and_then(|version| Ok((version, database.dump_schema()?)));
    database.end_read()?;
    let (version, schema) = seen?;
    if version != surveyed {
        return Ok(());
    }
    let before = told(session)?;
    let number = before.as_ref().map_or(0, |before| before.version);
    let mut now = SentSchema { version: number, ..SentSchema::made_of(session, schema) }.without_sequences();
    if before.as_ref() == Some(&now) {
        return Ok(());
    }
    let what = match &before {
        None => vec!["as it was when versions began to be counted".to_owned()],
        Some(before) => differences(before, &now)?,
    };
    now.version = number + 1;
    session.ledger.begin()?;
    let noted = add_version(session, now.version, what)
        .and_then(|()| Ok(session.ledger.set_note(TOLD, &now.text()?)?))
        .and_then(|()| Ok(session.ledger.set_note(LATE, "")?))
        .and_then(|()| Ok(session.ledger.commit(&session.world, "commit schema version")?));
    if let Err(error) = &noted
        && !error.is_crash()
    {
        session.ledger.rollback()?;
    }
    noted
}

/// What became otherwise from one schema to the next, a sentence each.
fn differences(before: &SentSchema, now: &SentSchema) -> Result<Vec<String>> {
    let wish = wish(now, Some(before), Here::AsTold)?;
    let mut what = match wish.differences()? {
        Ok(plan) => plan.sentences(),
        Err(refused) => vec![refused.to_string()],
    };
    if what.is_empty() {
        what.push("which tables and columns travel".to_owned());
    }
    Ok(what)
}
