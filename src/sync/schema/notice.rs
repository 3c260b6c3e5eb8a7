//! Did the schema change? Then another age begins ([`ages`]), and that of the host is the next version, which children are told.

use super::at_home::AtHome;
use super::{Here, LATE, SentSchema, TOLD, add_version, ages, fills, told, wish};
use crate::database::SchemaDump;
use crate::model::{FieldNo, TableNo};
use crate::site::Role;
use crate::sync::tracking::upgrade;
use crate::sync::{Result, Session};

/// Note of what the schema was found to be, in few words: while they are true it is not read again.
const SEEN: &str = "schema seen";

/// Forgets that it was seen, in the open transaction of the ledger: what is told of it became otherwise.
pub(super) fn look_again(session: &Session) -> Result<()> {
    Ok(session.ledger.set_note(SEEN, "")?)
}

/// The schema, where it is the surveyed one and not the one that was seen last; beside it in few words what is seen.
fn look(session: &Session, surveyed: i64) -> Result<Option<(String, SchemaDump)>> {
    let database = session.database()?;
    if database.schema_version()? != surveyed {
        return Ok(None);
    }
    // Neither of the two changes what SQLite counts as the version of the schema.
    let words = format!("{} {}", upgrade::version_words(session, surveyed)?, database.version_words()?);
    if session.ledger.note(SEEN)?.as_ref() == Some(&words) {
        return Ok(None);
    }
    Ok(Some((words, database.dump_schema()?)))
}

/// Compares what the database has with what was noted last. `surveyed` is the schema that the session's tables are of: one that
/// moved on since is looked at by the next run.
pub(in crate::sync) fn notice(session: &Session, surveyed: i64) -> Result<()> {
    let database = session.database()?;
    database.begin_read()?;
    let seen = look(session, surveyed);
    database.end_read()?;
    let Some((words, schema)) = seen? else { return Ok(()) };
    ages::note(session, &schema)?;
    if session.settings.role != Role::Host {
        return session.set_note(SEEN, &words);
    }
    let before = told(session)?;
    let number = before.as_ref().map_or(0, |before| before.version);
    let mut now = SentSchema { version: number, ..SentSchema::made_of(session, schema) }.without_sequences();
    now.at_home = AtHome::of(&now, before.as_ref())?;
    if before.as_ref() == Some(&now) {
        return session.set_note(SEEN, &words);
    }
    let what = match &before {
        None => vec!["as it was when versions began to be counted".to_owned()],
        Some(before) => differences(before, &now)?,
    };
    now.version = number + 1;
    session.ledger.begin()?;
    let noted = add_version(session, now.version, what)
        .and_then(|()| before.as_ref().map_or(Ok(()), |before| fills::forget_unlike(session, before, &now)))
        .and_then(|()| Ok(session.ledger.set_note(TOLD, &now.text()?)?))
        .and_then(|()| Ok(session.ledger.set_note(LATE, "")?))
        .and_then(|()| Ok(session.ledger.set_note(SEEN, &words)?))
        .and_then(|()| Ok(session.ledger.commit(&session.world, "commit schema version")?));
    if let Err(error) = &noted
        && !error.is_crash()
    {
        session.ledger.rollback()?;
    }
    noted
}

/// The columns of a table in the order in which they were at the last look that all was settled after; nothing where that is not known.
pub(in crate::sync) fn columns_noticed(session: &Session, table: TableNo) -> Result<Vec<String>> {
    let (seen, settled) = (session.ledger.note(SEEN)?.unwrap_or_default(), upgrade::settled(session)?);
    let is_last = settled.is_some_and(|settled| seen.strip_prefix(&settled).is_some_and(|rest| rest.starts_with(' ')));
    if is_last { ages::columns(session, table) } else { Ok(Vec::new()) }
}

/// What became otherwise from one schema to the next, a sentence each.
fn differences(before: &SentSchema, now: &SentSchema) -> Result<Vec<String>> {
    let wish = wish(now, Some(before), Here::AsTold)?;
    let mut what = match wish.differences()? {
        Ok(plan) => plan.sentences(),
        Err(refused) => vec![refused.to_string()],
    };
    for (number, is) in &now.names {
        let known = |one: &FieldNo| before.names.get(number).is_some_and(|was| was.same.contains_key(one));
        let joined = is.same.iter().filter(|(one, _)| !known(one)).filter_map(|(_, field)| is.fields.get(field));
        what.extend(joined.map(|name| format!("column `{name}` of `{}` is the one that had another name, as a person said", is.name)));
    }
    if what.is_empty() {
        what.push("which tables and columns travel".to_owned());
    }
    Ok(what)
}
