//! Which of two edits of a document is kept? Decided at the parent, as every conflict, but by the rules of documents.
//!
//! The same content is no conflict, whenever the two were written. `newest` goes by when the files were written, not by when they were
//! found. Where both are kept, the child's is noted in the commit of the decision, and listed under a name of its own by
//! [`super::place`]: so it is an edit of this site like any other.

use crate::database::DocumentRow;
use crate::ledger::{CopyDue, Record};
use crate::model::{Image, LIBRARY, Millis, Row, Shape, SiteName, Value};
use crate::rules::library::Keep;
use crate::rules::{Decided, Verdict};
use crate::sync::Session;

/// Two edits of one document.
pub(in crate::sync) struct Disputed {
    path: String,
    parent: State,
    child: State,
}

/// What the list says of a document.
pub(super) struct State {
    content: [u8; 32],
    bytes: u64,
    modified: Millis,
    executable: bool,
}

impl State {
    pub(super) fn of(shape: &Shape, row: &Row) -> Option<Self> {
        let value = |name: &str| shape.field(name).map(|field| row.get(field));
        let (Value::Blob(content), Value::Integer(bytes)) = (value("content")?, value("bytes")?) else { return None };
        let (Value::Integer(modified), Value::Integer(executable)) = (value("modified")?, value("executable")?) else { return None };
        Some(Self {
            content: content[..].try_into().ok()?,
            bytes: u64::try_from(*bytes).ok()?,
            modified: Millis(*modified),
            executable: *executable != 0,
        })
    }
}

impl State {
    pub(super) fn at(self, path: &str) -> DocumentRow {
        let Self { content, bytes, modified, executable } = self;
        DocumentRow { path: path.to_owned(), content, bytes, modified, executable }
    }
}

impl Disputed {
    /// None where the record is no document, or one of the two says what no document is.
    pub(in crate::sync) fn of(shape: &Shape, record: &Record, ours: &Image, theirs: &Image) -> Option<Self> {
        if shape.name != LIBRARY {
            return None;
        }
        let [Value::Text(path)] = &record.at().values().ok()?[..] else { return None };
        Some(Self {
            path: std::str::from_utf8(path).ok()?.to_owned(),
            parent: State::of(shape, &ours.row)?,
            child: State::of(shape, &theirs.row)?,
        })
    }

    /// Whether both hold the same.
    pub(in crate::sync) fn is_same(&self) -> bool {
        self.parent.content == self.child.content
    }

    /// Whether the child's is to be kept under another name.
    pub(in crate::sync) fn is_kept(&self, session: &Session) -> bool {
        !self.is_same() && self.keep(session) == Keep::Both
    }

    /// Whose stands under its name. An edit that is dated after `believed_until` does not win by its date.
    pub(in crate::sync) fn decide(&self, session: &Session, believed_until: Millis) -> Decided {
        let keep = if self.is_same() { Keep::Newest } else { self.keep(session) };
        let believed = |state: &State| state.modified <= believed_until;
        let newer = self.child.modified > self.parent.modified;
        let child = match keep {
            Keep::Both | Keep::Parent => false,
            Keep::Child => true,
            Keep::Newest => believed(&self.child) && (newer || !believed(&self.parent)),
        };
        Decided { verdict: if child { Verdict::Child } else { Verdict::Parent }, why: keep.word().into() }
    }

    /// When the two were written: the parent's, the child's.
    pub(in crate::sync) const fn written(&self) -> [Millis; 2] {
        [self.parent.modified, self.child.modified]
    }

    /// What is to be kept.
    pub(in crate::sync) fn copy(&self, site: SiteName, time: Millis) -> CopyDue {
        let State { content, bytes, modified, executable } = self.child;
        CopyDue { id: 0, path: self.path.clone(), content, bytes, modified, executable, site, time }
    }

    fn keep(&self, session: &Session) -> Keep {
        session.rules.library().keep(&self.path)
    }
}
