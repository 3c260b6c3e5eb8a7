//! What is remembered of documents: what was seen in the folder, of which chunks contents are made, and what neighbours have of them.
//!
//! Tables of their own, made when the site gets a library, and emptied when it has none any more:
//!
//! | table | holds |
//! |---|---|
//! | `document_seen` | per path the file that is accounted for: what the list says of it came from it, or was placed there |
//! | `document_recipe`, `document_chunk` | per content its chunks in order; per chunk the contents that have it |
//! | `document_there` | per neighbour the contents it has, or how many of their chunks it was sent, or that it was asked for them |
//! | `document_wanted`, `document_missing` | contents that a neighbour asked for; that are missing here, and when they were asked for |
//! | `document_copy` | documents that lost a conflict and are to be kept under a name of their own |
//! | `document_trouble` | names that are not taken or placed, each with the reason |
//!
//! **Invariant.** A file is never changed or removed before what it holds is accounted for: in the list under some name, or on its way
//! to the parent.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::OptionalExtension;

use super::statements::{Parameter, Statement};
use super::{Ledger, LedgerError, Result};
use crate::model::{Millis, SiteName, SiteNo};

/// blake3 of the whole content of a document, or of a chunk of one.
pub type ContentHash = [u8; 32];

/// In the place of a number of chunks: all of them.
pub const WHOLE: i64 = -1;

/// In the place of a number of chunks: it is missing here, and this neighbour, which lists it, was asked. Whether it has it is not known before it
/// tells of it; once the content is here, it is told so.
pub const ASKED: i64 = -2;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS document_seen (path TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL, look TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS document_seen_content ON document_seen (content);
    CREATE TABLE IF NOT EXISTS document_recipe (content BLOB NOT NULL PRIMARY KEY, recipe BLOB NOT NULL, came INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS document_chunk (chunk BLOB NOT NULL, content BLOB NOT NULL, PRIMARY KEY (chunk, content)) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS document_chunk_content ON document_chunk (content);
    CREATE TABLE IF NOT EXISTS document_there (site INTEGER NOT NULL, content BLOB NOT NULL, place INTEGER NOT NULL,
        PRIMARY KEY (site, content)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS document_wanted (site INTEGER NOT NULL, content BLOB NOT NULL, chunks BLOB NOT NULL,
        PRIMARY KEY (site, content)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS document_missing (content BLOB NOT NULL PRIMARY KEY, since INTEGER NOT NULL, asked INTEGER,
        here INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS document_copy (id INTEGER PRIMARY KEY, path TEXT NOT NULL, content BLOB NOT NULL, bytes INTEGER NOT NULL,
        modified INTEGER NOT NULL, executable INTEGER NOT NULL, site TEXT NOT NULL, time INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS document_trouble (name TEXT NOT NULL PRIMARY KEY, why TEXT NOT NULL) WITHOUT ROWID;";

const NAMES: [&str; 8] = [
    "document_seen",
    "document_recipe",
    "document_chunk",
    "document_there",
    "document_wanted",
    "document_missing",
    "document_copy",
    "document_trouble",
];

/// What a neighbour has of contents: how many of their first chunks it was sent, or [`WHOLE`], or [`ASKED`].
pub type SiteThere = BTreeMap<ContentHash, i64>;

/// Whether a neighbour has a content.
#[must_use]
pub fn is_whole(there: &SiteThere, content: &ContentHash) -> bool {
    there.get(content) == Some(&WHOLE)
}

/// A content that is not here: since when that is known, and when it was last asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// When it was found to be missing.
    pub since: Millis,
    /// When a neighbour was last asked.
    pub asked: Option<Millis>,
    /// Bytes of it that are here.
    pub here: u64,
}

/// A document that lost a conflict, to be kept under a name of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyDue {
    /// Of the entry.
    pub id: i64,
    /// The path for which it lost.
    pub path: String,
    /// Hash of its content.
    pub content: ContentHash,
    /// Size.
    pub bytes: u64,
    /// When it was last written.
    pub modified: Millis,
    /// Whether it can be run.
    pub executable: bool,
    /// The site whose it is.
    pub site: SiteName,
    /// When it was decided.
    pub time: Millis,
}

impl Ledger {
    /// Makes the tables, where they are not there. Inside the open transaction.
    pub fn make_documents(&self) -> Result<()> {
        Ok(self.connection.execute_batch(TABLES)?)
    }

    /// Forgets everything of documents. Inside the open transaction.
    pub fn forget_documents(&self) -> Result<()> {
        let drop = |name: &&str| format!("DROP TABLE IF EXISTS {name};");
        Ok(self.connection.execute_batch(&NAMES.iter().map(drop).collect::<String>())?)
    }

    /// Whether the tables are there.
    pub fn has_documents(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'document_seen')";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    // ---- files

    /// All files that are accounted for: path and look, by path.
    pub fn all_seen(&self) -> Result<Vec<(String, String)>> {
        let mut statement = self.connection.prepare_cached("SELECT path, look FROM document_seen ORDER BY path")?;
        Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
    }

    /// The files with this content that are accounted for: path and look, by path.
    pub fn seen_with(&self, content: &ContentHash) -> Result<Vec<(String, String)>> {
        let mut statement = self.connection.prepare_cached("SELECT path, look FROM document_seen WHERE content = ? ORDER BY path")?;
        Ok(statement.query_map([content], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
    }

    /// A file with this content is accounted for from now on; `look` is the caller's.
    pub fn put_seen(&self, path: &str, content: &ContentHash, look: &str) -> Result<()> {
        self.write(Statement::PutSeen, &[Parameter::text(path), hash(content), Parameter::text(look)]).map(drop)
    }

    /// There is no file of this path to account for.
    pub fn drop_seen(&self, path: &str) -> Result<()> {
        self.write(Statement::DropSeen, &[Parameter::text(path)]).map(drop)
    }

    // ---- contents

    /// Of which chunks a content is made: what [`Ledger::put_recipe`] was given.
    pub fn recipe(&self, content: &ContentHash) -> Result<Option<Vec<u8>>> {
        let sql = "SELECT recipe FROM document_recipe WHERE content = ?";
        Ok(self.connection.prepare_cached(sql)?.query_row([content], |row| row.get(0)).optional()?)
    }

    /// Of which chunks a content is made; the bytes are the caller's. What is known already stays.
    pub fn put_recipe(
        &self,
        content: &ContentHash,
        recipe: &[u8],
        chunks: impl IntoIterator<Item = ContentHash>,
        now: Millis,
    ) -> Result<()> {
        if self.write(Statement::PutRecipe, &[hash(content), Parameter::Blob(recipe), Parameter::Integer(now.0)])? == 0 {
            return Ok(());
        }
        chunks.into_iter().try_for_each(|chunk| self.write(Statement::AddChunk, &[hash(&chunk), hash(content)]).map(drop))
    }

    /// The contents that have a chunk.
    pub fn contents_with(&self, chunk: &ContentHash) -> Result<Vec<ContentHash>> {
        let mut statement = self.connection.prepare_cached("SELECT content FROM document_chunk WHERE chunk = ?")?;
        Ok(statement.query_map([chunk], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Contents whose recipe came before `before`.
    pub fn recipes_before(&self, before: Millis) -> Result<Vec<ContentHash>> {
        let mut statement = self.connection.prepare_cached("SELECT content FROM document_recipe WHERE came < ?")?;
        Ok(statement.query_map([before.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
    }

    /// Forgets of which chunks a content is made.
    pub fn drop_recipe(&self, content: &ContentHash) -> Result<()> {
        self.write(Statement::DropChunks, &[hash(content)])?;
        self.write(Statement::DropRecipe, &[hash(content)]).map(drop)
    }

    // ---- neighbours

    /// The contents of which a neighbour has something: how many of their first chunks it was sent, or [`WHOLE`], or [`ASKED`].
    pub fn there(&self, site: SiteNo) -> Result<SiteThere> {
        let mut statement = self.connection.prepare_cached("SELECT content, place FROM document_there WHERE site = ?")?;
        Ok(statement.query_map([site.0], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
    }

    /// The same of one content.
    pub fn place_there(&self, site: SiteNo, content: &ContentHash) -> Result<Option<i64>> {
        let mut statement = self.connection.prepare_cached("SELECT place FROM document_there WHERE site = ? AND content = ?")?;
        Ok(statement.query_row((site.0, content), |row| row.get(0)).optional()?)
    }

    /// A neighbour has the first `place` chunks of a content, or the [`WHOLE`], or was [`ASKED`].
    pub fn put_there(&self, site: SiteNo, content: &ContentHash, place: i64) -> Result<()> {
        self.write(Statement::PutThere, &[Parameter::Integer(site.0.into()), hash(content), Parameter::Integer(place)]).map(drop)
    }

    /// A neighbour is not known to have anything of a content.
    pub fn drop_there(&self, site: SiteNo, content: &ContentHash) -> Result<()> {
        self.write(Statement::DropThere, &[Parameter::Integer(site.0.into()), hash(content)]).map(drop)
    }

    /// Contents that a neighbour asked for, each with the chunks that it lacks; without any it lacks all, and the recipe.
    pub fn wanted_by(&self, site: SiteNo) -> Result<BTreeMap<ContentHash, BTreeSet<ContentHash>>> {
        let mut statement = self.connection.prepare_cached("SELECT content, chunks FROM document_wanted WHERE site = ?")?;
        let rows = statement.query_map([site.0], |row| {
            let chunks: Vec<u8> = row.get(1)?;
            Ok((row.get(0)?, chunks.as_chunks::<32>().0.iter().copied().collect()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A neighbour asks for these chunks of a content, or for all of it.
    pub fn put_wanted(&self, site: SiteNo, content: &ContentHash, chunks: &BTreeSet<ContentHash>) -> Result<()> {
        let chunks: Vec<u8> = chunks.iter().flatten().copied().collect();
        self.write(Statement::PutWanted, &[Parameter::Integer(site.0.into()), hash(content), Parameter::Blob(&chunks)]).map(drop)
    }

    /// A neighbour was given what it asked for.
    pub fn drop_wanted(&self, site: SiteNo, content: &ContentHash) -> Result<()> {
        self.write(Statement::DropWanted, &[Parameter::Integer(site.0.into()), hash(content)]).map(drop)
    }

    /// Contents that are missing here.
    pub fn missing(&self) -> Result<BTreeMap<ContentHash, Missing>> {
        let mut statement = self.connection.prepare_cached("SELECT content, since, asked, here FROM document_missing")?;
        let rows = statement.query_map([], |row| {
            let (asked, here) = (row.get::<_, Option<i64>>(2)?.map(Millis), row.get::<_, i64>(3)?.cast_unsigned());
            Ok((row.get(0)?, Missing { since: Millis(row.get(1)?), asked, here }))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// A content is missing here.
    pub fn set_missing(&self, content: &ContentHash, missing: Missing) -> Result<()> {
        let asked = missing.asked.map_or(Parameter::Null, |asked| Parameter::Integer(asked.0));
        let here = Parameter::Integer(missing.here.cast_signed());
        self.write(Statement::SetMissing, &[hash(content), Parameter::Integer(missing.since.0), asked, here]).map(drop)
    }

    /// A content is here, or wanted no more.
    pub fn drop_missing(&self, content: &ContentHash) -> Result<()> {
        self.write(Statement::DropMissing, &[hash(content)]).map(drop)
    }

    // ---- conflicts and troubles

    /// A document that lost a conflict is to be kept; the id is not looked at.
    pub fn add_copy(&self, copy: &CopyDue) -> Result<()> {
        let values = [
            Parameter::text(&copy.path),
            hash(&copy.content),
            Parameter::Integer(copy.bytes.cast_signed()),
            Parameter::Integer(copy.modified.0),
            Parameter::Integer(copy.executable.into()),
            Parameter::text(copy.site.as_str()),
            Parameter::Integer(copy.time.0),
        ];
        self.write(Statement::AddCopy, &values).map(drop)
    }

    /// Documents that are to be kept, in order.
    pub fn copies_due(&self) -> Result<Vec<CopyDue>> {
        let sql = "SELECT id, path, content, bytes, modified, executable, site, time FROM document_copy ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let mut due = Vec::new();
        while let Some(row) = rows.next()? {
            due.push(CopyDue {
                id: row.get(0)?,
                path: row.get(1)?,
                content: row.get(2)?,
                bytes: row.get::<_, i64>(3)?.cast_unsigned(),
                modified: Millis(row.get(4)?),
                executable: row.get(5)?,
                site: SiteName::new(&row.get::<_, String>(6)?).map_err(|_| LedgerError::Damaged("site of a document"))?,
                time: Millis(row.get(7)?),
            });
        }
        Ok(due)
    }

    /// A document is kept.
    pub fn drop_copy(&self, id: i64) -> Result<()> {
        self.write(Statement::DropCopy, &[Parameter::Integer(id)]).map(drop)
    }

    /// Names that are not taken or placed, each with the reason.
    pub fn document_troubles(&self) -> Result<BTreeMap<String, String>> {
        let mut statement = self.connection.prepare_cached("SELECT name, why FROM document_trouble")?;
        Ok(statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
    }

    /// These are the names that are not taken or placed; what was known before is of the past.
    pub fn set_document_troubles(&self, troubles: &BTreeMap<String, String>) -> Result<()> {
        self.write(Statement::DropTroubles, &[])?;
        let put =
            |(name, why): (&String, &String)| self.write(Statement::PutTrouble, &[Parameter::text(name), Parameter::text(why)]).map(drop);
        troubles.iter().try_for_each(put)
    }
}

fn hash(content: &ContentHash) -> Parameter<'_> {
    Parameter::Blob(content.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn everything_reads_back_and_is_forgotten_together() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::real();
        let ledger = Ledger::open(&world, &folder.path().join("state.db"), &SiteName::new("head").unwrap()).unwrap();
        assert!(!ledger.has_documents().unwrap());
        ledger.begin().unwrap();
        ledger.make_documents().unwrap();
        ledger.put_seen("a/b", &[0; 32], "x").unwrap();
        ledger.put_seen("a/b", &[1; 32], "y").unwrap();
        ledger.put_recipe(&[1; 32], b"recipe", [[7; 32], [8; 32], [7; 32]], Millis(10)).unwrap();
        ledger.put_there(SiteNo(3), &[1; 32], 1).unwrap();
        ledger.put_there(SiteNo(3), &[1; 32], WHOLE).unwrap();
        let copy = CopyDue {
            id: 1,
            path: "a/b".into(),
            content: [2; 32],
            bytes: 1,
            modified: Millis(5),
            executable: false,
            site: SiteName::new("anna").unwrap(),
            time: Millis(6),
        };
        ledger.add_copy(&copy).unwrap();
        ledger.commit(&world, "test").unwrap();
        let seen = [("a/b".to_owned(), "y".to_owned())];
        assert_eq!((ledger.all_seen().unwrap(), ledger.seen_with(&[1; 32]).unwrap()), (seen.to_vec(), seen.to_vec()));
        assert_eq!(ledger.recipe(&[1; 32]).unwrap().unwrap(), b"recipe");
        assert_eq!(ledger.contents_with(&[8; 32]).unwrap(), [[1; 32]]);
        assert_eq!(ledger.there(SiteNo(3)).unwrap(), BTreeMap::from([([1; 32], WHOLE)]));
        assert_eq!(ledger.copies_due().unwrap(), [copy]);
        assert_eq!(ledger.recipes_before(Millis(11)).unwrap(), [[1; 32]]);
        ledger.drop_recipe(&[1; 32]).unwrap();
        assert_eq!(ledger.contents_with(&[8; 32]).unwrap(), [[0u8; 32]; 0]);
        ledger.begin().unwrap();
        ledger.forget_documents().unwrap();
        ledger.commit(&world, "test").unwrap();
        assert!(!ledger.has_documents().unwrap());
    }
}
