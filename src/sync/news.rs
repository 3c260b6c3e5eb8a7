//! What came into the database that does not travel? A later version will carry schema changes; this one says them.
//!
//! Looked at only when the schema moved; what was found is kept as a note and said with every round until it is gone.

use super::{Result, Session};

const VERSION: &str = "schema version";
const NEWS: &str = "schema news";

/// Compares the tables with what is tracked, where the schema moved since the last look.
pub(super) fn look(session: &Session) -> Result<()> {
    let version = session.database()?.schema_version()?.to_string();
    if session.ledger.note(VERSION)?.as_ref() == Some(&version) {
        return Ok(());
    }
    let mut news = Vec::new();
    for found in session.database()?.survey(&session.rules)?.shapes {
        match session.shapes.iter().find(|shape| shape.name == found.name) {
            None => news.push(format!("table `{}` is new: its records do not travel", found.name)),
            Some(tracked) => {
                let new = found.live_fields().map(|field| found.name_of(field)).filter(|name| tracked.field(name).is_none());
                news.extend(new.map(|name| format!("column `{name}` of table `{}` is new: its values do not travel", found.name)));
            }
        }
    }
    session.ledger.begin()?;
    session.ledger.set_note(VERSION, &version)?;
    session.ledger.set_note(NEWS, &news.join("\n"))?;
    Ok(session.ledger.commit(&session.world, "commit news")?)
}

/// What was found, a line each.
pub(super) fn lines(session: &Session) -> Result<Vec<String>> {
    Ok(session.ledger.note(NEWS)?.unwrap_or_default().lines().map(str::to_owned).collect())
}
