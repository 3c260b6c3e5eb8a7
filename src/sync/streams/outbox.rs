//! Packets that are on their way: put on the exchange, put there again, thrown away once acknowledged.
//!
//! The file in the outbox is the packet, byte for byte, until the neighbour's acknowledgement is applied. That it is
//! gone from the exchange says nothing (`DESIGN` invariant 8): the neighbour may have taken it, or it was lost.

use std::collections::BTreeSet;

use fs_err as fs;

use super::places::Place;
use super::plan::Stop;
use crate::exchange::{Content, Entry, ExchangeError, FileName, Folder, deposit, fetch, waiting};
use crate::keys::SealingRecipient;
use crate::ledger::{Direction, Neighbour, PacketRow};
use crate::model::{PacketNumber, SiteName, SiteNo};
use crate::packet::{Draft, Expectation, OpenError, PacketFileName, Sealed, inspect, open, seal};
use crate::sync::{Result, Session};
use crate::world::files;

/// Files beside our packets that one round looks into: others may be able to write there.
const MOST_SUSPECTS: usize = 10;

/// Stops the stream to a neighbour where a packet lies for it that this home signed and knows nothing of, under a number that it would use next:
/// it is an older home, or one of two.
///
/// # Errors
/// As exchange and ledger say.
pub(in crate::sync) fn stop_where_restored(session: &Session, place: &mut Place<'_>, to: SiteNo) -> Result<()> {
    let to = &session.ledger.neighbour(to)?;
    if to.problem.is_some() {
        return Ok(());
    }
    let folder = Folder::between(&to.card.name, session.name());
    let mut suspects = Vec::new();
    for entry in place.exchange.list(&session.world, &folder)? {
        let Ok(name) = entry.name.as_str().parse::<PacketFileName>() else { continue };
        if name.stream != to.stream_out || !name.matches(entry.bytes) {
            continue;
        }
        // Of what was put there before, its recipient says which it takes: a copy of this home may have been the second one.
        let known = session.ledger.packet(to.site, Direction::Out, name.number)?;
        let is_untold = |known: PacketRow| known.deposited.is_none() && known.name != entry.name.as_str();
        if name.number > to.sent || known.is_some_and(is_untold) {
            suspects.push((name, entry));
        }
    }
    suspects.sort();
    for (name, entry) in suspects.into_iter().take(MOST_SUSPECTS) {
        if is_ours(session, place, to, &folder, name, &entry)? {
            session.ledger.begin()?;
            session.ledger.set_problem(to.site, Some(&Stop::UnknownOfOurs.to_string()))?;
            session.ledger.commit(&session.world, "commit stop")?;
            break;
        }
    }
    Ok(())
}

/// Whether we signed a file that lies for a neighbour. A request to join carries the key that it is signed with, and proves nothing.
fn is_ours(session: &Session, place: &mut Place<'_>, to: &Neighbour, folder: &Folder, name: PacketFileName, entry: &Entry) -> Result<bool> {
    let path = match fetch(&session.world, &mut *place.exchange, folder, entry, &session.home.scratch()) {
        // Taken in this moment: its recipient tells of it.
        Err(ExchangeError::Missing { .. }) => return Ok(false),
        fetched => fetched?,
    };
    let ours = |site: &SiteName| (site == session.name()).then(|| session.signing.verifying_key());
    let expected = Expectation { to: to.card.name.clone(), trusted: &ours, name: Some(name) };
    let opened = open(&path, &expected, &session.sealing, &session.home.scratch(), &session.limits.packet);
    // Nobody but its recipient opens it: that is what comes behind the signature.
    let is_signed = matches!(opened, Ok(_) | Err(OpenError::Decrypt(_)));
    let ours = is_signed && inspect(&path).is_ok_and(|seen| seen.envelope.sender.is_none());
    files::remove(&session.world, &path)?;
    Ok(ours)
}

/// Puts on the exchange what was never there, what the neighbour asks for, and what is long unacknowledged and gone.
/// `rows` are those of the outbox before anything was put anywhere in this round; what is put there goes into `done`.
///
/// # Errors
/// As the exchange says; what was put there before stays noted.
pub(in crate::sync) fn deposit_due(
    session: &Session,
    place: &mut Place<'_>,
    rows: &[PacketRow],
    to: &Neighbour,
    asked: &BTreeSet<PacketNumber>,
    done: &mut BTreeSet<PacketNumber>,
) -> Result<()> {
    let folder = Folder::between(&to.card.name, session.name());
    let now = session.world.now();
    let overdue = |deposited: crate::model::Millis| deposited.is_past(session.limits.redeposit_millis, now);
    let mut listed: Option<Vec<Entry>> = None;
    let last_put = place.last_put(session, &to.card.name)?;
    for row in rows {
        let due = match row.deposited {
            None => true,
            Some(_) if row.number > last_put => true,
            Some(_) if asked.contains(&row.number) => true,
            Some(deposited) if row.wants_answer && overdue(deposited) => {
                if listed.is_none() {
                    listed = Some(place.exchange.list(&session.world, &folder)?);
                }
                let there = listed.iter().flatten().any(|entry| entry.name.as_str() == row.name && entry.bytes == row.bytes);
                !there
            }
            Some(_) => false,
        };
        if !due {
            continue;
        }
        let file = session.home.outbox(&to.card.name).join(&row.name);
        let name = FileName::new(&row.name)?;
        deposit(&session.world, &mut *place.exchange, &place.reached, &folder, &name, Content::File(&file))?;
        session.ledger.begin()?;
        session.ledger.set_deposited(to.site, row.number, now)?;
        if row.number > last_put {
            place.set_put(session, &to.card.name, row.number)?;
        }
        session.ledger.commit(&session.world, "commit deposit")?;
        done.insert(row.number);
    }
    Ok(())
}

/// Takes back what is acknowledged and lies on one of several exchanges still: its recipient may only ever look at another. Of what lies for
/// a retired site all but the last word.
///
/// # Errors
/// As the exchange says.
pub(in crate::sync) fn take_back(session: &Session, place: &mut Place<'_>, to: &Neighbour) -> Result<()> {
    let until = if to.retired.is_some() { PacketNumber(to.sent.0.saturating_sub(1)) } else { to.acknowledged };
    if !place.is_to_be_swept(session, to, until)? {
        return Ok(());
    }
    let folder = Folder::between(&to.card.name, session.name());
    let done = |name: &str| name.parse::<PacketFileName>().is_ok_and(|name| name.stream == to.stream_out && name.number <= until);
    for entry in waiting(&session.world, &mut *place.exchange, &folder, |entry| done(entry.name.as_str()))? {
        place.exchange.delete(&session.world, &folder, &entry.name)?;
    }
    place.set_swept(session, &to.card.name, until)
}

/// Throws away the files of acknowledged packets.
pub(in crate::sync) fn tidy(session: &Session, to: &Neighbour) -> Result<()> {
    let folder = session.home.outbox(&to.card.name);
    if !folder.is_dir() {
        return Ok(());
    }
    let waiting: BTreeSet<String> = session.ledger.outbox(to.site)?.into_iter().map(|row| row.name).collect();
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_packet = entry.path().extension().is_some_and(|extension| extension == PacketFileName::EXTENSION);
        if is_packet && !waiting.contains(&*name.to_string_lossy()) {
            files::remove(&session.world, &entry.path())?;
        }
    }
    Ok(())
}

/// Gives sealed files of known numbers their names, and throws away those that no number knows.
pub(in crate::sync) fn finish_renames(session: &Session, to: &Neighbour) -> Result<()> {
    let folder = session.home.outbox(&to.card.name);
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "new") {
            continue;
        }
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).map(PacketNumber);
        let row = match number {
            Some(number) => session.ledger.packet(to.site, Direction::Out, number)?,
            None => None,
        };
        match row {
            Some(row) => files::rename(&session.world, &path, &folder.join(row.name))?,
            None => files::remove(&session.world, &path)?,
        }
    }
    Ok(())
}

/// Seals a draft as the outbox file of its number that is not named yet.
pub(in crate::sync) fn seal_into_outbox(session: &Session, to: &Neighbour, draft: &Draft) -> Result<Sealed> {
    let folder = session.home.outbox(&to.card.name);
    fs::create_dir_all(&folder)?;
    let recipient = SealingRecipient::parse(&to.card.sealing)?;
    let out = folder.join(format!("{}.new", draft.number));
    Ok(seal(&session.world, draft, &session.signing, &[recipient], &out, &session.home.scratch())?)
}
