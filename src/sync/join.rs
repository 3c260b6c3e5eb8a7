//! How does a new site get in?
//!
//! **States of an invitation**: given out → used, or expired. **States of a joining site**: home made (keys, parent,
//! invitation noted) → request built (packet 1 of its stream, kind `join`) → admitted at the parent, in one ledger commit
//! with the use of the invitation and the new place in the roster → first load.
//!
//! The request is signed with the new site's own key and sealed for the inviter; the secret of the invitation inside
//! proves that it comes from who got the file. **Invariant**: one invitation admits one site, once.
//!
//! A request that comes too late is looked for as well ([`asked_for`]): it is noted by its id, so that it is told once however often the
//! site puts it there again, and stays in the status until its name is invited anew. The site that asks knows when its own invitation
//! expired ([`own_expired`]); nobody tells it, for its keys are nobody's yet.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::roster;
use super::start::make_keys;
use super::streams::outbox;
use super::{Result, Session, SyncError};
use crate::keys::{Namespace, VerifyingKey};
use crate::ledger::{Card, Direction, Ledger, Neighbour, NeighbourKind, PacketRow, SentState};
use crate::model::{Millis, PacketNumber, SiteName, StreamId};
use crate::packet::{Draft, Opened, PacketKind, Part, PartSource, SenderKeys};
use crate::site::{
    Exchanges, Home, Invitation, InvitationError, InvitationFile, InvitationId, InvitationSecret, LibrarySettings, Role, Settings, Site,
    WatchSettings,
};
use crate::world::World;

/// How long an invitation is good: 14 days.
pub const INVITATION_MILLIS: i64 = 14 * 24 * 60 * 60 * 1000;

/// How long after an invitation expired a request with it is still looked for: 90 days.
const LATE_MILLIS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Note of a site that waits to be taken in: another computer was, in its place.
const TAKEN: &str = "invitation taken";

/// What a joining site sends, sealed for the inviter.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    invitation: InvitationId,
    secret: InvitationSecret,
}

/// Why a request was not granted. Nothing of it is kept but the file, set aside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nobody gave out such an invitation, or the secret is wrong.
    #[error("it does not prove that it comes from who got the invitation")]
    NotInvited,
    /// The invitation's time is over.
    #[error("it asks with an invitation that has expired: 'fieldpost invite {0}' makes a new one, hand over that file")]
    Expired(SiteName),
    /// It admitted somebody already.
    #[error("it asks with an invitation that was used already: invite it under another name")]
    Used,
    /// It asks for another name than it was invited under.
    #[error("it was invited under another name")]
    OtherName,
    /// The name was taken meanwhile.
    #[error("the name is taken meanwhile: invite again under another name")]
    NameTaken,
}

/// Makes an invitation and gives the text of its file.
///
/// # Errors
/// [`SyncError::NotAnOffice`], [`SyncError::NameTaken`] also by an open invitation, [`SyncError::Retired`] where it was a site's, or this site is.
pub fn invite(session: &Session, name: &SiteName, role: Role, groups: &[String], valid_millis: i64) -> Result<String> {
    if session.settings.role == Role::Remote {
        return Err(SyncError::NotAnOffice(session.name().clone()));
    }
    let now = session.world.now();
    let invited = session.ledger.invited(now)?;
    let known = roster::known(session)?;
    for site in [session.name(), name] {
        if let Some(retired) = known.find(site).and_then(|site| site.retired.clone()) {
            return Err(SyncError::Retired { site: site.clone(), retired, here: session.name().clone() });
        }
    }
    if known.name_taken(name) || invited.iter().any(|(open, _)| open == name.as_str()) {
        return Err(SyncError::NameTaken(name.clone()));
    }
    let path = session.database_path();
    let database = path.file_name().map_or_else(|| "database.db".into(), |name| name.to_string_lossy().into_owned());
    let invitation = Invitation {
        format: Invitation::FORMAT,
        id: InvitationId(session.world.random()),
        secret: InvitationSecret(session.world.random()),
        inviter: session.name().clone(),
        inviter_signing: session.signing.verifying_key().to_string(),
        inviter_sealing: session.sealing.recipient().to_string(),
        host: session.settings.host.clone(),
        name: name.clone(),
        role,
        groups: groups.iter().cloned().collect(),
        database,
        created: now,
        expires: Millis(now.0 + valid_millis),
    };
    let document = invitation.to_document();
    let signature = session.signing.sign(Namespace::Invitation, document.as_bytes());
    session.ledger.begin()?;
    session.ledger.add_invitation(&String::from(invitation.id), name, &document, invitation.expires)?;
    session.ledger.commit(&session.world, "commit invitation")?;
    Ok(InvitationFile::new(invitation, signature).to_string())
}

/// Makes a child's home in `folder` from the text of an invitation. The request goes out with the first round.
///
/// # Errors
/// [`InvitationError`] for a text that was changed or is too old, or as the home says; then there is no home.
pub fn join(world: &World, folder: &std::path::Path, text: &str, exchanges: Exchanges, database: Option<&str>) -> Result<Settings> {
    let file = InvitationFile::parse(text)?;
    let invitation = file.invitation();
    let signing = VerifyingKey::parse(&invitation.inviter_signing)?;
    signing
        .verify(Namespace::Invitation, file.signed_bytes(), file.signature())
        .map_err(|_| InvitationError::Form("its signature is not the inviter's: it was changed on the way".into()))?;
    invitation.check_time(world.now())?;
    let settings = Settings {
        name: invitation.name.clone(),
        role: invitation.role,
        host: invitation.host.clone(),
        parent: Some(invitation.inviter.clone()),
        database: database.map_or_else(|| invitation.database.clone(), str::to_owned),
        exchanges,
        watch: WatchSettings::default(),
        heartbeat: Settings::HEARTBEAT,
        alarm_after: Settings::ALARM_AFTER,
        bundles_folder: Settings::BUNDLES_FOLDER.to_owned(),
        history_millis: Settings::HISTORY_MILLIS,
        library: LibrarySettings::default(),
    };
    let draft = Home::prepare(world, folder)?;
    let home = draft.home();
    make_keys(world, home)?;
    let ledger = Ledger::open(world, &home.state(), &invitation.name)?;
    ledger.begin()?;
    let role = if invitation.inviter == invitation.host { Role::Host } else { Role::Office };
    let card = Card {
        name: invitation.inviter.clone(),
        role: word(role).into(),
        signing: invitation.inviter_signing.clone(),
        sealing: invitation.inviter_sealing.clone(),
    };
    ledger.add_neighbour(NeighbourKind::Parent, &card, StreamId(u64::from_le_bytes(world.random())), false)?;
    ledger.set_note("invitation", &invitation.to_document())?;
    ledger.commit(world, "commit parent")?;
    drop(ledger);
    draft.finish(world, &settings)?;
    Ok(settings)
}

/// Builds the request to join, where it is not built yet.
pub(super) fn request(session: &Session, parent: &Neighbour) -> Result<()> {
    outbox::finish_renames(session, parent)?;
    if parent.sent > PacketNumber(0) {
        return Ok(());
    }
    let document = session.ledger.note("invitation")?.ok_or(SyncError::Bug("a child without its invitation"))?;
    let invitation: Invitation = serde_json::from_str(&document).map_err(|_| SyncError::Bug("a noted invitation does not read"))?;
    let request = Request { invitation: invitation.id, secret: invitation.secret };
    let bytes = serde_json::to_vec(&request).map_err(|_| SyncError::Bug("a request does not write"))?;
    let draft = Draft {
        kind: PacketKind::Join,
        from: session.name().clone(),
        to: parent.card.name.clone(),
        stream: parent.stream_out,
        number: PacketNumber(1),
        previous: None,
        sent: session.world.now(),
        requires: Vec::new(),
        acknowledges: None,
        settled: None,
        more: false,
        asks: Vec::new(),
        stopped: false,
        sender: Some(sender_keys(session)),
        parts: vec![Part { name: "request.json".into(), source: PartSource::Bytes(bytes) }],
    };
    let sealed = outbox::seal_into_outbox(session, parent, &draft)?;
    let ledger = &session.ledger;
    ledger.begin()?;
    let id = sealed.id.to_string();
    ledger.add_packet(&PacketRow {
        site: parent.site,
        direction: Direction::Out,
        number: PacketNumber(1),
        id: id.clone(),
        name: sealed.name.to_string(),
        bytes: sealed.bytes,
        changes: 0,
        journal: ledger.journal_end(),
        time: session.world.now(),
        deposited: None,
        acknowledged: None,
        wants_answer: true,
    })?;
    ledger.set_sent(
        parent.site,
        &SentState {
            sent: PacketNumber(1),
            id: &id,
            cursor: parent.cursor,
            told_outcomes: parent.told_outcomes,
            told_documents: &parent.told_documents,
            confirmed: PacketNumber(0),
            settled_here: PacketNumber(0),
        },
    )?;
    ledger.commit(&session.world, "commit request")?;
    outbox::finish_renames(session, parent)?;
    outbox::tidy(session, parent)
}

/// Names under which a request to join is looked for: all that are invited, and those whose invitation expired not long ago.
pub(super) fn asked_for(session: &Session) -> Result<BTreeSet<SiteName>> {
    let now = session.world.now();
    let open = session.ledger.invited(now)?.into_iter().map(|(name, _)| name);
    let names = open.chain(expired(session, now)?).filter_map(|name| SiteName::new(&name).ok());
    let known: BTreeSet<SiteName> = session.ledger.neighbours()?.into_iter().map(|neighbour| neighbour.card.name).collect();
    Ok(names.filter(|name| !known.contains(name)).collect())
}

fn expired(session: &Session, now: Millis) -> Result<Vec<String>> {
    Ok(session.ledger.expired(Millis(now.0 - LATE_MILLIS), now)?)
}

/// Notes that a request came too late; says whether that is new.
pub(super) fn note_late(session: &Session, name: &SiteName, request: &str) -> Result<bool> {
    let note = late_note(name);
    if session.ledger.note(&note)?.as_deref() == Some(request) {
        return Ok(false);
    }
    session.set_note(&note, request)?;
    Ok(true)
}

fn late_note(name: &SiteName) -> String {
    format!("asked late:{name}")
}

/// Sites that asked to be taken in after their invitation had expired, and that are not invited anew, by name.
///
/// # Errors
/// As the ledger says.
pub fn asked_late(session: &Session) -> Result<Vec<SiteName>> {
    let now = session.world.now();
    let open: BTreeSet<String> = session.ledger.invited(now)?.into_iter().map(|(name, _)| name).collect();
    let all = roster::known(session)?;
    let mut late = Vec::new();
    for name in expired(session, now)?.iter().filter_map(|name| SiteName::new(name).ok()) {
        if !open.contains(name.as_str()) && !all.name_taken(&name) && session.ledger.note(&late_note(&name))?.is_some() {
            late.push(name);
        }
    }
    Ok(late)
}

/// When this site's own invitation expired, where it did before the parent answered.
///
/// # Errors
/// As the ledger says.
pub fn own_expired(session: &Session) -> Result<Option<Millis>> {
    let Some(parent) = session.ledger.parent()?.filter(|parent| parent.received == PacketNumber(0)) else { return Ok(None) };
    let invitation: Option<Invitation> = session.ledger.note("invitation")?.and_then(|text| serde_json::from_str(&text).ok());
    let expires = invitation.filter(|invitation| invitation.inviter == parent.card.name).map(|invitation| invitation.expires);
    Ok(expires.filter(|expires| *expires <= session.world.now()))
}

/// Why a request to join has no answer to hope for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Its invitation expired before the parent answered.
    Expired(Millis),
    /// The parent has taken in another computer that asked with the same invitation.
    Taken,
}

/// Notes, at a site that waits to be taken in, that what the parent sent under its name is sealed for another key.
pub(super) fn note_taken(session: &Session, parent: &Neighbour) -> Result<()> {
    let waits = parent.kind == NeighbourKind::Parent && parent.received == PacketNumber(0);
    if waits && session.ledger.note(TAKEN)?.is_none() { session.set_note(TAKEN, &session.world.now().0.to_string()) } else { Ok(()) }
}

/// Whether, and why, this site waits in vain for its parent to take it in.
///
/// # Errors
/// As the ledger says.
pub fn unanswered(session: &Session) -> Result<Option<Unanswered>> {
    let waits = session.ledger.parent()?.is_some_and(|parent| parent.received == PacketNumber(0));
    if waits && session.ledger.note(TAKEN)?.is_some() {
        return Ok(Some(Unanswered::Taken));
    }
    Ok(own_expired(session)?.map(Unanswered::Expired))
}

/// Since when this site asks to be taken in, where it does.
///
/// # Errors
/// As the ledger says.
pub fn asked(session: &Session) -> Result<Option<Millis>> {
    let Some(parent) = session.ledger.parent()?.filter(|parent| parent.received == PacketNumber(0)) else { return Ok(None) };
    Ok(session.ledger.packet(parent.site, Direction::Out, PacketNumber(1))?.map(|request| request.time))
}

/// Notes that somebody else asked under the name of a site that has joined, in a file that was set aside.
pub(super) fn note_twice(session: &Session, name: &SiteName, file: &str) -> Result<()> {
    session.set_note(&twice_note(name), file)
}

fn twice_note(name: &SiteName) -> String {
    format!("asked twice:{name}")
}

/// Sites under whose names somebody else asked to be taken in, with the file of the request; until that is taken out of the quarantine.
///
/// # Errors
/// As the ledger says.
pub fn asked_twice(session: &Session) -> Result<Vec<(SiteName, String)>> {
    let mut twice = Vec::new();
    for neighbour in session.ledger.neighbours()? {
        let file = session.ledger.note(&twice_note(&neighbour.card.name))?;
        twice.extend(file.filter(|file| session.home.quarantine().join(file).exists()).map(|file| (neighbour.card.name, file)));
    }
    Ok(twice)
}

/// Admits the sender of a verified request, or says why not.
pub(super) fn admit(session: &Session, opened: &Opened, file_name: &str, bytes: u64) -> Result<std::result::Result<SiteName, Refused>> {
    let envelope = &opened.envelope;
    let name = envelope.from.clone();
    let part = opened.bytes("request.json", session.limits.document_bytes)?.ok_or(SyncError::BadPart("request.json"))?;
    let Ok(request) = serde_json::from_slice::<Request>(&part) else { return Ok(Err(Refused::NotInvited)) };
    let Some(keys) = &envelope.sender else { return Ok(Err(Refused::NotInvited)) };
    let ledger = &session.ledger;
    let Some((document, expires, used)) = ledger.invitation(&String::from(request.invitation))? else {
        return Ok(Err(Refused::NotInvited));
    };
    let invitation: Invitation = serde_json::from_str(&document).map_err(|_| SyncError::Bug("a noted invitation does not read"))?;
    // Hashes, so that the time of the comparison says nothing about the secret.
    if blake3::hash(&invitation.secret.0) != blake3::hash(&request.secret.0) {
        return Ok(Err(Refused::NotInvited));
    }
    let now = session.world.now();
    if used.is_some() {
        return Ok(Err(Refused::Used));
    }
    if now >= expires {
        return Ok(Err(Refused::Expired(invitation.name)));
    }
    if invitation.name != name {
        return Ok(Err(Refused::OtherName));
    }
    let mut all = roster::known(session)?;
    let site = Site {
        name: name.clone(),
        role: invitation.role,
        parent: Some(session.name().clone()),
        groups: invitation.groups.clone(),
        signing: keys.signing.to_string(),
        sealing: keys.sealing.to_string(),
        retired: None,
    };
    if all.add(site.clone()).is_err() {
        return Ok(Err(Refused::NameTaken));
    }
    let card = Card { name: name.clone(), role: word(invitation.role).into(), signing: site.signing, sealing: site.sealing };
    ledger.begin()?;
    ledger.use_invitation(&String::from(request.invitation), now)?;
    let site = ledger.add_neighbour(NeighbourKind::Child, &card, StreamId(u64::from_le_bytes(session.world.random())), true)?;
    let id = opened.id.to_string();
    ledger.set_received(site, envelope.stream, envelope.number, &id, PacketNumber(0), true)?;
    ledger.add_packet(&PacketRow {
        site,
        direction: Direction::In,
        number: envelope.number,
        id,
        name: file_name.to_owned(),
        bytes,
        changes: 0,
        journal: ledger.journal_end(),
        time: now,
        deposited: Some(envelope.sent),
        acknowledged: None,
        wants_answer: true,
    })?;
    roster::keep(session, &all)?;
    ledger.commit(&session.world, "commit admission")?;
    Ok(Ok(name))
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Host => "host",
        Role::Office => "office",
        Role::Remote => "remote",
    }
}

/// The keys of a request to join.
fn sender_keys(session: &Session) -> SenderKeys {
    SenderKeys { signing: session.signing.verifying_key(), sealing: session.sealing.recipient() }
}
