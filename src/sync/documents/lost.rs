//! Where is the content of a document that lost a conflict, and how does it come back?
//!
//! The list of conflicts names contents by their hash. **Invariant**: the content that lost in a conflict is kept, in the store of the home, for as
//! long as a site lists the conflict and had the content: at the site that decided, at the site of the edit, and on the way between. It goes
//! with the entry of the conflict (`history` in the settings). [`super::place`] saves it before the file that has it goes.
//!
//! Whoever brings it back edits the document like anybody: nothing of it is special once it is in the list. Nor is it where somebody gives up a
//! content that nobody has any more ([`give_up`]): that is an edit, or a deletion, of this site.

use std::collections::{BTreeMap, BTreeSet};

use super::look::write;
use super::{Chunks, DocumentPath, Known, Library, Recipe};
use crate::database::DocumentRow;
use crate::ledger::{ASKED, Conflict, ContentHash, WHOLE};
use crate::library::ChunkStore;
use crate::model::{FieldNo, LIBRARY, Row, Shape, SiteName, Value};
use crate::sync::{Result, Session};

/// Where the content is that lost in a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// In the folder, as the document of this path.
    File(String),
    /// Kept in the home.
    Kept {
        /// Its length.
        bytes: u64,
    },
    /// Not here, but at this neighbour, who is asked once the document has it again.
    At(SiteName),
    /// Nowhere that this site knows of.
    Nowhere,
}

/// The content that lost in a conflict, where it is about that of a document.
#[must_use]
pub fn content_lost(conflict: &Conflict) -> Option<ContentHash> {
    /// Where the side that lost is in [`Conflict::exact`].
    const LOST: FieldNo = FieldNo(2);
    if conflict.table != LIBRARY || conflict.field.as_deref() != Some("content") {
        return None;
    }
    match conflict.exact.get(LOST) {
        Value::Blob(content) => content[..].try_into().ok(),
        Value::Absent | Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) => None,
    }
}

/// What became of a document whose content was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// It is again what the folder of this site has.
    Back,
    /// It is off the list.
    Gone,
}

/// Why the content of a document is not given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotGivenUp {
    /// No such document.
    #[error("no document of that name is in the list: 'fieldpost library' lists what is on its way, with its folder")]
    Unlisted,
    /// Nothing of it is missing, as far as the last run knows.
    #[error("its content is here, or is not asked for: 'fieldpost library' lists what is on its way")]
    Here,
    /// Nobody had the time to answer.
    #[error("its content is missed for less than an hour: let 'fieldpost sync' run, here and where it may be")]
    Lately,
}

/// Gives up the content that the list announces of a document and that does not come: the document is again what the folder of this site has of it,
/// or goes, at all sites. Who still has that content loses it with the next round, as by any edit or deletion.
///
/// # Errors
/// As database and ledger say.
pub fn give_up(session: &Session, path: &str) -> Result<std::result::Result<GivenUp, NotGivenUp>> {
    if !session.has_library() || !session.ledger.has_documents()? {
        return Ok(Err(NotGivenUp::Unlisted));
    }
    let Some((path, row)) = session.listed(&mut BTreeMap::new())?.remove_entry(path) else {
        return Ok(Err(NotGivenUp::Unlisted));
    };
    let known = session.all_known()?.remove(&path);
    let missing = session.ledger.missing()?.remove(&row.content).filter(|_| known.is_none_or(|known| !known.has_content_of(&row)));
    let Some(missing) = missing else { return Ok(Err(NotGivenUp::Here)) };
    // As long as it takes until each is asked.
    if !missing.since.is_past(session.limits.redeposit_millis, session.world.now()) {
        return Ok(Err(NotGivenUp::Lately));
    }
    write(session, |database| match known {
        Some(Known { seen, modified, executable, .. }) => {
            database.put_document(&DocumentRow { content: seen.content.0, bytes: seen.bytes, modified, executable, ..row })
        }
        None => database.remove_document(path.as_str()),
    })?;
    Ok(Ok(if known.is_some() { GivenUp::Back } else { GivenUp::Gone }))
}

impl Session {
    /// The contents that lost in a conflict of the list.
    pub(super) fn lost_contents(&self) -> Result<BTreeSet<ContentHash>> {
        let mut lost = BTreeSet::new();
        self.ledger.conflicts_of(LIBRARY, &mut |_, conflict| lost.extend(content_lost(&conflict)))?;
        Ok(lost)
    }

    /// Where a content is. What is only in part here is not.
    ///
    /// # Errors
    /// As folder and ledger say.
    pub fn whereabouts(&self, content: &ContentHash) -> Result<Whereabouts> {
        if !self.has_library() || !self.ledger.has_documents()? {
            return Ok(Whereabouts::Nowhere);
        }
        let library = Library::look(&self.library_folder()).ok();
        // Of a folder that is away nothing is known but what was seen.
        let is_there =
            |(path, known): &(DocumentPath, Known)| library.as_ref().is_none_or(|library| library.is_unchanged(path, &known.seen));
        if let Some((path, _)) = self.known_with(content)?.into_iter().find(is_there) {
            return Ok(Whereabouts::File(path.as_str().to_owned()));
        }
        let Some(recipe) = self.recipe(content)? else { return Ok(Whereabouts::Nowhere) };
        if let Some(library) = library {
            let mut store = ChunkStore::look(&self.chunk_folder())?;
            let mut chunks = Chunks::new(self, &library, &mut store);
            let mut all = recipe.chunks.iter();
            if all.try_fold(true, |here, (chunk, _)| Ok::<_, crate::sync::SyncError>(here && chunks.has(chunk)?))? {
                return Ok(Whereabouts::Kept { bytes: recipe.bytes() });
            }
        }
        for neighbour in self.ledger.neighbours()? {
            if self.ledger.place_there(neighbour.site, content)?.is_some_and(|place| [WHOLE, ASKED].contains(&place)) {
                return Ok(Whereabouts::At(neighbour.card.name));
            }
        }
        Ok(Whereabouts::Nowhere)
    }

    /// The fields of a document that gets this content again, edited now. `None` where the content cannot be had.
    pub(in crate::sync) fn with_content(&self, shape: &Shape, value: &Value) -> Result<Option<(Vec<FieldNo>, Row)>> {
        let Value::Blob(content) = value else { return Ok(None) };
        let Ok(content) = ContentHash::try_from(&content[..]) else { return Ok(None) };
        if self.whereabouts(&content)? == Whereabouts::Nowhere {
            return Ok(None);
        }
        let Some(bytes) = self.recipe(&content)?.as_ref().map(Recipe::bytes) else { return Ok(None) };
        let (mut fields, mut row) = (Vec::new(), Row::default());
        let values =
            [("content", value.clone()), ("bytes", Value::Integer(bytes.cast_signed())), ("modified", Value::Integer(self.world.now().0))];
        for (name, value) in values {
            let Some(field) = shape.field(name) else { return Ok(None) };
            row.set(field, value);
            fields.push(field);
        }
        Ok(Some((fields, row)))
    }
}
