//! Packets that came: fetched whole, verified, applied in order, then removed.
//!
//! **States of a file**: on the exchange → in the inbox (whole) → applied → removed from the exchange → removed from the
//! inbox. A file is never removed from the exchange before what is in it is applied or known to be applied. What does not
//! verify is set aside with the reason beside it, and the stream asks for it again.
//! **Crash points**: after each arrow; every step finds what the one before left and goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::places::Place;
use crate::exchange::{Entry, ExchangeError, FileName, Folder, fetch, fetch_together, waiting};
use crate::keys::VerifyingKey;
use crate::ledger::{Direction, Neighbour};
use crate::model::{LIBRARY, PacketNumber, SiteName};
use crate::packet::{CodecError, Expectation, OpenError, Opened, PacketFileName, PacketKind, open};
use crate::sync::apply;
use crate::sync::build;
use crate::sync::bundles;
use crate::sync::documents::{self, Documents};
use crate::sync::join;
use crate::sync::report::{PacketIn, Report, Tally, Waiting, carries_contents, papers};
use crate::sync::retire;
use crate::sync::schema;
use crate::sync::schema::overtake::Looked;
use crate::sync::start;
use crate::sync::streams::plan::{self, Known, Step};
use crate::sync::streams::stops;
use crate::sync::{Result, Session, SyncError};
use crate::world::files;

/// Packets looked at in one go per neighbour: a flooded folder cannot keep a round from ending.
const MOST_PACKETS: usize = 10_000;

/// Packets brought at the same time, before the first of them is opened: so many lie in the inbox at the most.
const TOGETHER: usize = 16;

/// What came of collecting from one neighbour.
#[derive(Debug, Default)]
pub(in crate::sync) struct Collected {
    /// Packets of ours that it wants again.
    pub asked: BTreeSet<PacketNumber>,
    /// Packets of its that are missing here.
    pub missing: Vec<PacketNumber>,
    /// Packets that came too early to be applied.
    later: BTreeSet<PacketNumber>,
    /// All that came.
    came: BTreeSet<PacketNumber>,
}

/// Collects and applies whatever a neighbour sent.
pub(in crate::sync) fn collect(
    session: &mut Session,
    place: &mut Place<'_>,
    neighbour: &Neighbour,
    collected: &mut Collected,
    documents: &mut Option<Documents>,
    report: &mut Report,
    progress: &mut dyn FnMut(&str),
) -> Result<()> {
    // Where our own numbers are in doubt nothing is taken, but heard whether it goes on.
    let only_hears = stops::only_hears(neighbour);
    if neighbour.problem.is_some() && !only_hears {
        return Ok(());
    }
    let folder = Folder::between(session.name(), &neighbour.card.name);
    let mut partial = Vec::new();
    let files = find(session, place, &folder, &session.home.inbox(&neighbour.card.name), &mut partial)?;
    for (name, bytes) in partial.into_iter().filter(|(name, _)| name.number > neighbour.received) {
        let why = if bytes < name.bytes {
            format!("only {bytes} of its {} bytes are on the exchange: it is still being copied, or the copy broke off", name.bytes)
        } else {
            // No copy that is under way is too long; its sender puts a whole one in its place.
            collected.missing.push(name.number);
            format!("it has {bytes} bytes on the exchange and was made with {}: it is asked for again", name.bytes)
        };
        report.waiting.push(wait(neighbour, name.number, &why, true));
    }
    collected.came.extend(files.iter().map(|file| file.name.number));
    let mut files = unlying(session, place, neighbour, &folder, files)?;
    files.truncate(MOST_PACKETS);
    for (at, file) in files.iter().enumerate() {
        progress(&format!("packet {} from '{}'", file.name.number, neighbour.card.name));
        if at % TOGETHER == 0 {
            let next = files[at..].iter().take(TOGETHER);
            let entries: Vec<&Entry> = next.filter(|file| file.local.is_none()).filter_map(|file| file.entry.as_ref()).collect();
            fs::create_dir_all(&file.inbox)?;
            fetch_together(&session.world, &mut *place.exchange, &folder, &entries, &file.inbox);
        }
        let path = file.bring(session, place, &folder)?;
        let now = session.ledger.neighbour(neighbour.site)?;
        let opened = match open_from(session, &now, &path, file.name) {
            Ok(opened) => opened,
            Err(error) if error.retry_helps() => {
                report.waiting.push(wait(&now, file.name.number, &error.to_string(), true));
                continue;
            }
            Err(error @ OpenError::NewerVersion { .. }) => {
                report.waiting.push(wait(&now, file.name.number, &error.to_string(), false));
                continue;
            }
            // Whole and signed, but not for our key: it belongs to another machine under our name, so it stays where it is.
            Err(OpenError::Decrypt(_)) => {
                let why = "it is sealed for another key: two computers joined with one invitation, and the other one was taken in. Have this one invited under another name";
                join::note_taken(session, &now)?;
                report.waiting.push(wait(&now, file.name.number, why, false));
                files::remove(&session.world, &path)?;
                break;
            }
            Err(error) => {
                // A name holds the hash of its content: the very same file is no better the second time.
                let whole = !matches!(error, OpenError::NameMismatch);
                let again = whole && session.home.quarantine().join(file.name.to_string()).exists();
                set_aside(session, &path, &error.to_string())?;
                file.remove(session, place, &folder)?;
                let why = match again {
                    false => format!("it was set aside: {error}"),
                    true => {
                        format!("it was set aside as before, and came again just as it was: {error}; ask whoever looks after that site")
                    }
                };
                report.waiting.push(wait(&now, file.name.number, &why, !again));
                if file.name.number > now.received {
                    collected.missing.push(file.name.number);
                }
                continue;
            }
        };
        let envelope = &opened.envelope;
        if opened.signer.to_string() != now.card.signing {
            // Only a request to join verifies with another key than the neighbour's: somebody else holds its invitation.
            let why = join::Refused::Used.to_string();
            set_aside(session, &path, &why)?;
            join::note_twice(session, &now.card.name, &file.name.to_string())?;
            file.remove(session, place, &folder)?;
            report.waiting.push(wait(&now, envelope.number, &why, false));
            continue;
        }
        if retire::hear(session, &now, envelope)? {
            file.remove(session, place, &folder)?;
            files::remove(&session.world, &path)?;
            continue;
        }
        let ids = Known {
            applied: session.ledger.packet(now.site, Direction::In, envelope.number)?.map(|row| row.id),
            acknowledged: match envelope.acknowledges {
                Some(acknowledged) => session.ledger.packet(now.site, Direction::Out, acknowledged.number)?.map(|row| row.id),
                None => None,
            },
        };
        let step = plan::judge(&now, envelope, &opened.id, &ids);
        if !matches!(step, Step::Stop(_)) {
            stops::hear(session, &now, envelope)?;
        }
        if only_hears {
            continue;
        }
        match step {
            Step::Apply => {
                collected.asked.extend(&envelope.asks);
                let mut taken = apply_one(session, &now, &opened, &path);
                if matches!(taken, Err(SyncError::SchemaBrought(_))) {
                    match overtake(session, place, &now, &opened, &files[at + 1..], &mut collected.missing) {
                        Ok(None) => {}
                        Ok(Some(early)) => {
                            taken = apply_one(session, &now, &opened, &path).map(|tally| with_early(tally, early));
                        }
                        Err(error) => taken = Err(error),
                    }
                }
                match taken {
                    Ok(tally) => {
                        report.found += tally.found;
                        // At once: the records of the next packet may speak of them.
                        if let Some(documents) = documents
                            && tally.tables.contains_key(LIBRARY)
                        {
                            documents::place::place(session, documents, report)?;
                        }
                        place.is_repeat(session, &now.card.name, envelope.number)?;
                        stops::follows(session, &now)?;
                        report.applied.push(PacketIn {
                            from: now.card.name.clone(),
                            number: envelope.number,
                            sent: envelope.sent,
                            tally,
                            contents: carries_contents(opened.entry_names()),
                            papers: papers(opened.entry_names()),
                            wants_all: opened.entry_bytes(build::FULL_PART).is_some(),
                        });
                        file.take_away(session, place, &folder, &now)?;
                        files::remove(&session.world, &path)?;
                    }
                    Err(
                        error @ (SyncError::UnknownTable { .. }
                        | SyncError::BadPart(_)
                        | SyncError::Codec(CodecError::Block { .. } | CodecError::Key { .. } | CodecError::Limit { .. })
                        | SyncError::Exists(_)
                        | SyncError::RulesBrought(_)
                        | SyncError::SchemaBrought(_)),
                    ) => {
                        report.waiting.push(wait(&now, envelope.number, &error.to_string(), false));
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            Step::Duplicate => {
                // Who has stopped reads no answer. What only lies there still was answered.
                let again = envelope.number > place.lying(session, &folder)?;
                if again && place.is_repeat(session, &now.card.name, envelope.number)? && !envelope.stopped {
                    session.ledger.begin()?;
                    session.ledger.set_owes(now.site)?;
                    session.ledger.commit(&session.world, "commit duplicate")?;
                }
                file.take_away(session, place, &folder, &now)?;
                files::remove(&session.world, &path)?;
            }
            Step::Wait { .. } => {
                collected.asked.extend(&envelope.asks);
                collected.later.insert(envelope.number);
            }
            Step::Stop(stop) if stops::is_going_on(session, &now)? => {
                set_aside(session, &path, &stop.to_string())?;
                file.remove(session, place, &folder)?;
                stops::wait_for_what_follows(session, &now, envelope.number)?;
                report.waiting.push(wait(&now, envelope.number, "it does not follow what came before, and was set aside", false));
            }
            Step::Stop(stop) => {
                session.ledger.begin()?;
                session.ledger.set_problem(now.site, Some(&stop.to_string()))?;
                session.ledger.commit(&session.world, "commit stop")?;
                break;
            }
        }
    }
    Ok(())
}

/// The files without those that were taken and lie there for others, or could not be deleted: that is tried again, and nothing else done with them.
fn unlying(session: &Session, place: &mut Place<'_>, from: &Neighbour, folder: &Folder, files: Vec<Found>) -> Result<Vec<Found>> {
    let lying = place.lying(session, folder)?;
    let mut others = Vec::new();
    for file in files {
        if file.local.is_none() && stops::is_heard(session, from, file.name.number)? && file.was_taken(session, from)? {
            continue;
        }
        if file.name.number <= lying && file.local.is_none() && file.was_taken(session, from)? {
            file.remove(session, place, folder)?;
        } else {
            others.push(file);
        }
    }
    Ok(others)
}

/// Says which packets of a neighbour are missing, once every exchange was looked at.
pub(in crate::sync) fn gaps(session: &Session, neighbour: &Neighbour, collected: &mut Collected, report: &mut Report) -> Result<()> {
    let received = session.ledger.neighbour(neighbour.site)?.received;
    // What was missing on one exchange may have come over another.
    collected.later.retain(|number| *number > received);
    collected.missing.retain(|number| *number > received);
    if let Some(last) = collected.later.last() {
        let gap = (received.0 + 1..last.0).map(PacketNumber).filter(|number| !collected.came.contains(number));
        collected.missing.extend(gap.take(crate::packet::Limits::ASKS));
        let first = received.next();
        report.waiting.push(Waiting {
            neighbour: Some(neighbour.card.name.clone()),
            what: if collected.later.len() == 1 { "1 packet".into() } else { format!("{} packets", collected.later.len()) },
            why: format!("packet {first} has not come yet; it is asked for"),
            retried: true,
            unreachable: false,
        });
    }
    collected.missing.sort_unstable();
    collected.missing.dedup();
    Ok(())
}

/// Looks for requests to join under every invitation, and admits; one that comes too late is told once.
pub(in crate::sync) fn admissions(session: &mut Session, place: &mut Place<'_>, report: &mut Report) -> Result<()> {
    for name in join::asked_for(session)? {
        let folder = Folder::between(session.name(), &name);
        for file in find(session, place, &folder, &session.home.inbox(&name), &mut Vec::new())? {
            if file.name.number != PacketNumber(1) {
                continue;
            }
            let path = file.bring(session, place, &folder)?;
            let (mut late, mut damaged) = (None, false);
            let refused = match open_with(session, &path, file.name, &|_| None) {
                Ok(opened) if opened.envelope.kind == PacketKind::Join => {
                    let file_name = file.name.to_string();
                    match join::admit(session, &opened, &file_name, file.name.bytes)? {
                        Ok(name) => {
                            report.admitted.push(name);
                            None
                        }
                        Err(refused @ join::Refused::Expired(_)) => {
                            late = join::note_late(session, &name, &opened.id.to_string())?.then(|| refused.to_string());
                            None
                        }
                        Err(refused) => Some(refused.to_string()),
                    }
                }
                Ok(_) => Some("it is no request to join".to_owned()),
                Err(error) if error.retry_helps() => continue,
                Err(error) => {
                    damaged = true;
                    Some(format!("{error}; it is set aside, and whoever asks sends it again"))
                }
            };
            match &refused {
                Some(why) => set_aside(session, &path, why)?,
                None => files::remove(&session.world, &path)?,
            }
            if let Some(why) = refused.or(late) {
                report.waiting.push(Waiting {
                    neighbour: Some(name.clone()),
                    what: "a request to join".into(),
                    why,
                    retried: damaged,
                    unreachable: false,
                });
            }
            file.remove(session, place, &folder)?;
        }
    }
    Ok(())
}

/// How many packets of a neighbour lie here that were not taken.
pub(in crate::sync) fn untaken(session: &Session, place: &mut Place<'_>, from: &Neighbour) -> Result<u64> {
    let folder = Folder::between(session.name(), &from.card.name);
    let mut partial = Vec::new();
    let mut untaken = 0;
    for file in find(session, place, &folder, &session.home.inbox(&from.card.name), &mut partial)? {
        untaken += u64::from(!file.was_taken(session, from)?);
    }
    Ok(untaken + partial.len() as u64)
}

/// Sets aside what lies here of a retired site; what had been taken of it or set aside before, and came again, is only removed. Gives how much
/// there was, and how much of it was set aside.
pub(in crate::sync) fn refuse(session: &Session, place: &mut Place<'_>, from: &Neighbour) -> Result<(u64, u64)> {
    let folder = Folder::between(session.name(), &from.card.name);
    let mut files = find(session, place, &folder, &session.home.inbox(&from.card.name), &mut Vec::new())?;
    files.truncate(MOST_PACKETS);
    let mut aside = 0;
    for file in &files {
        if file.was_taken(session, from)? || session.home.quarantine().join(file.name.to_string()).exists() {
            if let Some(path) = &file.local {
                files::remove(&session.world, path)?;
            }
        } else {
            let path = file.bring(session, place, &folder)?;
            set_aside(session, &path, &retired_words(from))?;
            aside += 1;
        }
        file.remove(session, place, &folder)?;
    }
    Ok((files.len() as u64, aside))
}

/// Why nothing is taken of a site that is retired.
pub(in crate::sync) fn retired_words(site: &Neighbour) -> String {
    let since = site.retired.map_or_else(String::new, |since| format!(" on {}", since.date()));
    format!("this site was retired{since}: nothing of it is taken, and what comes is set aside")
}

/// A packet file on the exchange, in the inbox, or both.
struct Found {
    name: PacketFileName,
    entry: Option<Entry>,
    local: Option<PathBuf>,
    inbox: PathBuf,
}

impl Found {
    /// Makes sure it is in the inbox.
    fn bring(&self, session: &Session, place: &mut Place<'_>, folder: &Folder) -> Result<PathBuf> {
        match (&self.local, &self.entry) {
            (Some(path), _) => Ok(path.clone()),
            (None, Some(entry)) => {
                fs::create_dir_all(&self.inbox)?;
                Ok(fetch(&session.world, &mut *place.exchange, folder, entry, &self.inbox)?)
            }
            (None, None) => Err(SyncError::Bug("a file that is nowhere")),
        }
    }

    /// Whether this very packet was applied.
    fn was_taken(&self, session: &Session, from: &Neighbour) -> Result<bool> {
        let taken = session.ledger.packet(from.site, Direction::In, self.name.number)?;
        Ok(taken.is_some_and(|taken| taken.name == self.name.to_string()))
    }

    /// Removes a packet that was taken, unless every copy of this site is to hear what it says.
    fn take_away(&self, session: &Session, place: &mut Place<'_>, folder: &Folder, from: &Neighbour) -> Result<()> {
        if stops::is_heard(session, from, self.name.number)? { Ok(()) } else { self.remove(session, place, folder) }
    }

    fn remove(&self, session: &Session, place: &mut Place<'_>, folder: &Folder) -> Result<()> {
        let packet = self.name.to_string();
        let name = FileName::new(&packet)?;
        // Read-only or gone for the moment: applied is applied, and the next round finds a duplicate.
        match place.exchange.delete(&session.world, folder, &name) {
            Ok(()) => place.lies_no_more(session, folder, packet),
            Err(error @ ExchangeError::Crash(_)) => Err(error.into()),
            Err(error) if error.retry_helps() => Ok(()),
            Err(error) => place.lies_still(session, folder, self.name.number, &error),
        }
    }
}

/// Whole packet files for us, in the order of their streams. Those whose size is not the one they are named by go to `partial`.
fn find(
    session: &Session,
    place: &mut Place<'_>,
    folder: &Folder,
    inbox: &Path,
    partial: &mut Vec<(PacketFileName, u64)>,
) -> Result<Vec<Found>> {
    let parse = |name: &str| name.parse::<PacketFileName>().ok();
    let mut found: BTreeMap<(PacketNumber, String), Found> = BTreeMap::new();
    for entry in waiting(&session.world, &mut *place.exchange, folder, |entry| parse(entry.name.as_str()).is_some())? {
        let Some(name) = parse(entry.name.as_str()) else { continue };
        if !name.matches(entry.bytes) {
            partial.push((name, entry.bytes));
            continue;
        }
        found.insert((name.number, name.to_string()), Found { name, entry: Some(entry), local: None, inbox: inbox.to_owned() });
    }
    if inbox.is_dir() {
        for entry in fs::read_dir(inbox)? {
            let entry = entry?;
            let Some(name) = parse(&entry.file_name().to_string_lossy()) else { continue };
            let slot = found.entry((name.number, name.to_string()));
            let slot = slot.or_insert(Found { name, entry: None, local: None, inbox: inbox.to_owned() });
            slot.local = Some(entry.path());
        }
    }
    Ok(found.into_values().collect())
}

fn open_from(session: &Session, from: &Neighbour, path: &Path, name: PacketFileName) -> std::result::Result<Opened, OpenError> {
    let key = VerifyingKey::parse(&from.card.signing).ok();
    let trusted = |site: &SiteName| if *site == from.card.name { key.clone() } else { None };
    open_with(session, path, name, &trusted)
}

fn open_with(
    session: &Session,
    path: &Path,
    name: PacketFileName,
    trusted: &dyn Fn(&SiteName) -> Option<VerifyingKey>,
) -> std::result::Result<Opened, OpenError> {
    let expected = Expectation { to: session.name().clone(), trusted, name: Some(name) };
    open(path, &expected, &session.sealing, &session.home.scratch(), &session.limits.packet)
}

fn apply_one(session: &mut Session, from: &Neighbour, opened: &Opened, path: &Path) -> Result<Tally> {
    session.take_rules(from, opened)?;
    let early = match session.take_schema(from, opened) {
        // The records that it allows may come with it: as far as they have a place they are taken first.
        Err(SyncError::SchemaBrought(refused)) if refused.is_about_records() => {
            if let Some(refused) = session.refusal_after_changes(from, opened)? {
                return Err(SyncError::SchemaBrought(refused));
            }
            let early = apply::apply_changes(session, from, opened)?;
            session.take_schema(from, opened)?;
            early
        }
        taken => {
            taken?;
            Tally::default()
        }
    };
    bundles::travel::keep(session, from, opened)?;
    if !session.has_database() {
        let most = session.limits.document_bytes;
        let Some(bytes) = opened.bytes(schema::PART, most)? else { return Err(SyncError::BadPart(schema::PART)) };
        let sent = serde_json::from_slice(&bytes).map_err(|_| SyncError::BadPart(schema::PART))?;
        start::build_database(session, &sent)?;
    }
    documents::switch::hear(session, from, opened)?;
    documents::take::take(session, from, opened)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let bytes = fs::metadata(path)?.len();
    Ok(with_early(apply::apply(session, from, opened, &name, bytes)?, early))
}

/// What was applied of a packet before its schema counts with the rest, but for the number of changes, which is that of the whole packet.
fn with_early(mut tally: Tally, early: Tally) -> Tally {
    let changes = tally.changes;
    tally.add(early);
    Tally { changes, ..tally }
}

/// Takes on the newest schema that packets behind a refused one bring. None where there is none; else what was applied of the refused one for it.
/// What is not there, or does not open, is `missing`: while nothing else of the stream is taken, nobody else would ask for it.
fn overtake(
    session: &mut Session,
    place: &mut Place<'_>,
    from: &Neighbour,
    refused: &Opened,
    behind: &[Found],
    missing: &mut Vec<PacketNumber>,
) -> Result<Option<Tally>> {
    let folder = Folder::between(session.name(), &from.card.name);
    let mut looked = Looked::behind(session, refused)?;
    let mut newest = None;
    for file in behind {
        let number = file.name.number;
        if number > looked.next() {
            let gap = (looked.next().0..number.0).map(PacketNumber);
            missing.extend(gap.take(crate::packet::Limits::ASKS));
            break;
        }
        if number < looked.next() && looked.newest() != Some(number) {
            continue;
        }
        let path = file.bring(session, place, &folder)?;
        match open_from(session, from, &path, file.name) {
            Ok(opened) if opened.signer.to_string() == from.card.signing => {
                looked.take(&opened);
                if looked.is_newest(&opened) {
                    newest = Some(opened);
                }
            }
            // Of those, when their turn comes.
            Ok(_) | Err(OpenError::NewerVersion { .. } | OpenError::Decrypt(_)) => {}
            Err(error) if error.retry_helps() => {}
            Err(error) => {
                set_aside(session, &path, &error.to_string())?;
                file.remove(session, place, &folder)?;
                missing.push(number);
            }
        }
    }
    looked.note(session)?;
    newest.map(|newer| session.overtake(from, refused, &newer)).transpose()
}

/// Moves a file out of the way for a person to look at, with the reason beside it.
fn set_aside(session: &Session, path: &Path, why: &str) -> Result<()> {
    let Some(name) = path.file_name() else { return Ok(()) };
    let to = session.home.quarantine().join(name);
    let mut reason = to.clone().into_os_string();
    reason.push(".txt");
    files::publish(&session.world, Path::new(&reason), format!("{why}\n").as_bytes(), files::Existing::Replace, files::Privacy::Ordinary)?;
    Ok(files::rename(&session.world, path, &to)?)
}

fn wait(neighbour: &Neighbour, number: PacketNumber, why: &str, retried: bool) -> Waiting {
    Waiting {
        neighbour: Some(neighbour.card.name.clone()),
        what: format!("packet {number}"),
        why: why.to_owned(),
        retried,
        unreachable: false,
    }
}
