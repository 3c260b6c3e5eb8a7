//! What does a neighbour hold of a record? Derived from the mirror, the journal and how far the neighbour was told.
//!
//! Towards a **child** this is the *shadow*: what it holds once it has taken all we sent. Rewind the mirror to the
//! cursor, stopping at an entry that came from the child itself. Towards the **parent** it is the *base*: the parent's
//! value last written into the record, or the value last sent up. Undo our own entries since the cursor and keep the
//! parent's: those never touch a field with an unsent edit (`DESIGN` section 4, rules 1 and 5).
//! Where the journal cannot tell, the record's [`Extra`](crate::ledger::Extra) says it and is believed.

use std::collections::BTreeSet;

use crate::ledger::{Direction, EntryKind, Ledger, LedgerError, Neighbour, NeighbourKind, Opinion, Record};
use crate::model::{Image, JournalNumber, PacketNumber, SiteNo};

/// As much of a neighbour as deriving needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub site: SiteNo,
    pub kind: NeighbourKind,
    pub cursor: JournalNumber,
    pub fresh: bool,
}

impl From<&Neighbour> for Link {
    fn from(neighbour: &Neighbour) -> Self {
        Self { site: neighbour.site, kind: neighbour.kind, cursor: neighbour.cursor, fresh: neighbour.fresh }
    }
}

/// What the neighbour holds.
pub(super) fn opinion(ledger: &Ledger, record: &Record, link: Link) -> Result<Opinion, LedgerError> {
    match record.extra.opinions.get(&link.site) {
        Some(opinion) => Ok(opinion.clone()),
        None => derived(ledger, record, link),
    }
}

/// What the neighbour holds as far as the journal tells.
pub(super) fn derived(ledger: &Ledger, record: &Record, link: Link) -> Result<Opinion, LedgerError> {
    if link.fresh && link.kind == NeighbourKind::Child {
        return Ok(Opinion::Unknown);
    }
    let mut image = record.current.clone();
    // Fields the parent wrote since: an older edit of ours that was taken back before must not be undone over them.
    let mut written = BTreeSet::new();
    for entry in ledger.chain(record, link.cursor)? {
        let its_own = entry.known_to == Some(link.site);
        match (link.kind, entry.kind) {
            (NeighbourKind::Child, _) if its_own => break,
            (NeighbourKind::Parent, EntryKind::Update(_, fields)) if its_own => written.extend(fields),
            (NeighbourKind::Parent, EntryKind::Rename(_)) if its_own => {}
            (NeighbourKind::Parent, _) if its_own => break,
            (NeighbourKind::Parent, EntryKind::Update(old, mut fields)) => {
                fields.retain(|field| !written.contains(field));
                image = EntryKind::Update(old, fields).undo(image);
            }
            (NeighbourKind::Child | NeighbourKind::Parent, kind) => image = kind.undo(image),
        }
    }
    Ok(Opinion::Known(image))
}

/// How far in the journal a neighbour has heard us that took this packet; none where that cannot be told.
pub(super) fn heard(ledger: &Ledger, site: SiteNo, taken: PacketNumber) -> Result<Option<JournalNumber>, LedgerError> {
    let Some(packet) = ledger.packet(site, Direction::Out, taken)? else { return Ok(None) };
    let mut next = taken.next();
    while let Some(more) = ledger.packet(site, Direction::Out, next)?.filter(|more| more.journal == packet.journal) {
        if more.changes > 0 {
            // Several packets told this stretch of the journal, and not all of them are taken.
            return Ok(None);
        }
        next = next.next();
    }
    Ok(Some(packet.journal))
}

/// How far in the journal a child had heard us, all of it, that had taken this packet and all before: what of several packets that belong together it has
/// taken does not count before the last one. All of the journal where nobody knows any more what the last packet that it took told.
pub(super) fn heard_whole(ledger: &Ledger, child: SiteNo, mut taken: PacketNumber) -> Result<JournalNumber, LedgerError> {
    while taken > PacketNumber(0) {
        if ledger.packet(child, Direction::Out, taken)?.is_none() {
            return Ok(JournalNumber(i64::MAX));
        }
        if let Some(whole) = heard(ledger, child, taken)? {
            return Ok(whole);
        }
        taken = PacketNumber(taken.0 - 1);
    }
    Ok(JournalNumber(0))
}

/// Whether a neighbour holds another incarnation than is here, or only one of the two holds any.
pub(super) fn differs_in_existence(record: &Record, opinion: &Opinion) -> bool {
    let born = |image: &Option<Image>| image.as_ref().map(|image| image.born);
    match opinion {
        Opinion::Known(image) => born(image) != born(&record.current),
        Opinion::Unknown => true,
    }
}

/// Keeps `opinion` explicitly where the journal would tell something else, and only there.
pub(super) fn set_opinion(ledger: &Ledger, record: &mut Record, link: Link, opinion: Opinion) -> Result<(), LedgerError> {
    // A child that is told everything is told what there is: that something it may hold is not there, it hears only if we say so.
    let unheard = opinion == Opinion::Unknown && record.current.is_none();
    if !unheard && same(&derived(ledger, record, link)?, &opinion) {
        record.extra.opinions.remove(&link.site);
    } else {
        record.extra.opinions.insert(link.site, opinion);
    }
    Ok(())
}

/// The same statement, whenever values were edited.
pub(super) fn same(a: &Opinion, b: &Opinion) -> bool {
    match (a, b) {
        (Opinion::Known(a), Opinion::Known(b)) => same_image(a.as_ref(), b.as_ref()),
        (Opinion::Unknown, Opinion::Unknown) => true,
        (Opinion::Unknown, Opinion::Known(_)) | (Opinion::Known(_), Opinion::Unknown) => false,
    }
}

/// The same record with the same values, or none on both sides.
pub(super) fn same_image(a: Option<&Image>, b: Option<&Image>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.same_data(b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}
