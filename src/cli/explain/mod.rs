//! What went wrong, in a sentence, and what to do about it? The one place that turns errors into words for people.
//!
//! A floor that can fail has an error enum; it gets one variant in [`Failure`] and one function here. What failed and
//! with which values is the enum's own sentence; this file adds where to go next and the exit code.

mod packets;

use std::io;

use serde::{Serialize, Serializer};

use self::packets::{codec, packet, sealing};
use super::failure::KeyHalf;
use super::{Exit, Failure, exchange, page, typable};
use crate::bundle::{Obstacle, OpenError as BundleError, SourceError};
use crate::database::DatabaseError;
use crate::exchange::{AddressError, OpenError as PlaceError};
use crate::keys::KeyError;
use crate::ledger::LedgerError;
use crate::library::LibraryError;
use crate::packet::ArchiveError;
use crate::rules::reading::Fault;
use crate::site::{Home, HomeError, InvitationError, Role, RosterError};
use crate::sync::SyncError;
use crate::sync::bundles::Refusal;
use crate::sync::mend::MendError;

/// A failure in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What failed: lower case, no full stop.
    #[serde(rename = "error")]
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code.
    #[serde(serialize_with = "exit_code")]
    pub exit: Exit,
}

/// Explains a failure.
#[must_use]
pub fn explain(failure: &Failure) -> Explanation {
    let (exit, hint) = match failure {
        Failure::Home(error) => home(error),
        Failure::Rules(error) => (Exit::Failed, rules(&error.fault)),
        Failure::RulesFile { error, .. } => (Exit::Failed, fault(&error.fault)),
        Failure::Invitation(error) => (Exit::Failed, Some(invitation(error))),
        Failure::Roster(error) => (Exit::Failed, roster(error)),
        Failure::Address(error) => (Exit::Failed, Some(address(error))),
        Failure::Bundle(error) => (Exit::Failed, source(error)),
        Failure::Sync(error) => sync(error),
        Failure::NotText(_) => (Exit::Failed, Some("rename the folder or file so that its name is UTF-8".to_owned())),
        Failure::FileExists(_) => {
            (Exit::Failed, Some("nothing was written; name another place, or move what is there out of the way".to_owned()))
        }
        Failure::NoDatabase { .. } => {
            (Exit::Failed, Some("nothing was made; --database names the SQLite file of the application, which is there already".to_owned()))
        }
        Failure::HasHome { .. } => (Exit::Failed, Some("nothing was done: 'fieldpost detach' takes both apart".to_owned())),
        Failure::Exposed { .. } => (Exit::Failed, Some("nothing was made; give the exchange a folder of its own".to_owned())),
        Failure::NoTable { meant: Some(meant), .. } | Failure::NoField { meant: Some(meant), .. } => {
            (Exit::Failed, Some(format!("did you mean `{meant}`?")))
        }
        Failure::LibraryAbove { .. } => {
            let hint = "'fieldpost library off' at the main office ends it for all sites; here `include` under [library] in fieldpost.toml says what is placed";
            (Exit::Failed, Some(hint.to_owned()))
        }
        Failure::NoTable { meant: None, .. } => (Exit::Failed, Some("'fieldpost digest' lists the tracked tables".to_owned())),
        Failure::NoField { meant: None, .. } => (Exit::Failed, None),
        Failure::NoNeighbour { .. } => (Exit::Failed, Some("'fieldpost status' lists the neighbours".to_owned())),
        Failure::KeyLength { table, fields } => {
            let typed: Vec<String> = fields.iter().map(|field| field.to_uppercase()).collect();
            (Exit::Failed, Some(format!("type one value for each: 'fieldpost history {} {}'", typable::word(table), typed.join(" "))))
        }
        Failure::NoRecord { .. } | Failure::NoHistory { .. } => (
            Exit::Failed,
            Some("'17' in quotes is the text, 17 the number; what was edited since the last 'fieldpost sync' is not seen yet".to_owned()),
        ),
        Failure::NoMoment { .. } => (Exit::Usage, Some(format!("type {}", super::when::FORMS))),
        Failure::Customization { refusal, .. } => (Exit::Failed, bundle(refusal)),
        Failure::PublisherKey { half, .. } => (Exit::Failed, Some(publisher_key(*half).to_owned())),
        Failure::NoPublisherKey => (
            Exit::Failed,
            Some(
                "go to the main office's home, or name a key with --key FILE; 'ssh-keygen -t ed25519 -N \"\" -f publisher' makes one"
                    .to_owned(),
            ),
        ),
        Failure::BadLine(_) => (Exit::Usage, None),
        Failure::Call { .. } => (
            Exit::Failed,
            Some("the rest was not done: 'fieldpost service show' says how it stands, and doing it again goes on from there".to_owned()),
        ),
        Failure::Served { by } => (Exit::Failed, Some(format!("'fieldpost service remove --kind {by}' first"))),
        Failure::Unsent { stopped: Some(neighbour), .. } => (
            Exit::Failed,
            Some(format!(
                "no sync sends them: nothing goes to and fro with '{neighbour}' any more, 'fieldpost status' says why; 'fieldpost detach --force' leaves them here"
            )),
        ),
        Failure::Unsent { stopped: None, .. } => {
            (Exit::Failed, Some("'fieldpost sync' sends them; 'fieldpost detach --force' leaves them here".to_owned()))
        }
        Failure::LostDatabase { .. } => (
            Exit::Failed,
            Some(
                "is the disk mounted? Where it is lost and will not come back: 'fieldpost detach --force' sets the rest of this site aside"
                    .to_owned(),
            ),
        ),
        Failure::Differ => (Exit::Failed, Some("this should not happen: please report it with what was printed above".to_owned())),
        Failure::Demo(_) => (Exit::Failed, None),
        Failure::Io(error) => (Exit::Failed, operating_system(error)),
    };
    Explanation { message: failure.to_string(), hint, exit }
}

fn home(error: &HomeError) -> (Exit, Option<String>) {
    let hint = match error {
        HomeError::NotFound { .. } => {
            "go to the site's folder, or name it with --home DIR; 'fieldpost init' and 'fieldpost join' make one".to_owned()
        }
        HomeError::NoFolder { .. } => {
            "look how it is written; 'fieldpost init' makes it the home of a main office, 'fieldpost join' that of any other site"
                .to_owned()
        }
        HomeError::NotAHome { .. } => "'fieldpost init' sets up a main office there, 'fieldpost join' any other site".to_owned(),
        HomeError::SettingsLost { .. } => {
            format!("everything else is still there: write {} again, or restore it from a backup", Home::SETTINGS)
        }
        HomeError::Lost { role: Role::Host, .. } => {
            "this is the main office, and no other site goes on without it: put the whole folder back from a backup. Where there is none, \
             'fieldpost detach --force' takes Fieldpost out of the database, which keeps its records; then 'fieldpost init', and every other site joins anew"
                .to_owned()
        }
        HomeError::Lost { role: Role::Office | Role::Remote, .. } => {
            "put the whole folder back from a backup. Where there is none, 'fieldpost detach --force' takes Fieldpost out of the database, which keeps its \
             records: keep it elsewhere, what was edited and not sent is nowhere else. Then 'fieldpost join' anew in an empty folder, with a new invitation \
             ('fieldpost sites retire' at its parent frees the name)"
                .to_owned()
        }
        HomeError::Going { .. } => "run 'fieldpost detach' again: it goes on where it stopped".to_owned(),
        HomeError::Exists { .. } => "name another folder with --home DIR, or take this site apart with 'fieldpost detach'".to_owned(),
        HomeError::Busy { holder, .. } => {
            let who = holder.map(|holder| format!("process {} has it since {}: ", holder.process, utc(holder.since)));
            return (Exit::Busy, Some(format!("{}wait until it is done, then try again", who.unwrap_or_default())));
        }
        HomeError::Watched { watcher, .. } => {
            let who = watcher.as_ref().map(|watcher| format!("process {} since {}; ", watcher.process, utc(watcher.since)));
            return (Exit::Busy, Some(format!("{}one is enough; to detach, end it first", who.unwrap_or_default())));
        }
        HomeError::Settings { error, .. } => return (Exit::Failed, fault(&error.fault)),
        HomeError::Io(error) => return (Exit::Failed, operating_system(error)),
        HomeError::Crash(_) => return (Exit::Failed, None),
    };
    (Exit::Failed, Some(hint))
}

fn address(error: &PlaceError) -> String {
    match error {
        PlaceError::Address(AddressError::UnknownScheme { .. }) => {
            "mount it as a folder, or let a program that mirrors folders carry the files".to_owned()
        }
        PlaceError::Address(AddressError::BadFileUrl | AddressError::Empty) => {
            "name a folder that all sites reach, such as /mnt/share".to_owned()
        }
        PlaceError::Address(AddressError::Password) => {
            "leave the password out of the address; 'fieldpost exchange login' asks for it and keeps it apart".to_owned()
        }
        PlaceError::Address(AddressError::Bad { .. }) => "'man 7 fieldpost-exchange' has an example for each kind of server".to_owned(),
        PlaceError::BuiltWithout { feature, .. } => format!("build it with '--features {feature}', or take the binary that has all"),
        PlaceError::Access { .. } => "'fieldpost exchange check' tells what is used and where it comes from".to_owned(),
    }
}

/// What failed in a run, and what to do about it.
fn sync(error: &SyncError) -> (Exit, Option<String>) {
    let hint = match error {
        SyncError::Database(error) => return (Exit::Failed, database(error)),
        SyncError::Ledger(error) => return (Exit::Failed, ledger(error)),
        SyncError::Exchange(error) => return exchange::explain(error),
        SyncError::Open(error) => return (Exit::Failed, packet(error)),
        SyncError::Seal(error) => return (Exit::Failed, sealing(error)),
        SyncError::Codec(error) => return (Exit::Failed, codec(error)),
        SyncError::Home(error) => return home(error),
        SyncError::Key(error) => return (Exit::Failed, key(error)),
        SyncError::Rules(error) => return (Exit::Failed, rules(&error.fault)),
        SyncError::RulesBrought(error) => return (Exit::Failed, fault(&error.fault)),
        SyncError::SchemaBrought(_) => "'fieldpost schema diff' shows what it wants to change".to_owned(),
        SyncError::Roster(error) => return (Exit::Failed, roster(error)),
        SyncError::Invitation(error) => return (Exit::Failed, Some(invitation(error))),
        SyncError::Io(error) => return (Exit::Failed, operating_system(error)),
        SyncError::Crash(_) => return (Exit::Failed, None),
        SyncError::NoDatabase { parent } => {
            format!("run 'fieldpost sync' at '{parent}', then here; nothing is wrong where '{parent}' has not answered yet")
        }
        SyncError::Moved { .. } => "run it again: whatever was not done yet is done then".to_owned(),
        SyncError::CannotRenumber { .. } => {
            "nothing is half done: change the record, or the rule of the database, that is in the way, then run it again".to_owned()
        }
        SyncError::UnknownTable { .. } => {
            "the parent's schema needs something that only its application has; the packet waits and is tried again at every run".to_owned()
        }
        SyncError::SchemaMoves => "nothing is lost: run again once the migration is through".to_owned(),
        SyncError::OtherPair => {
            "the settings name another database, or the home or the database is a copy of another site's: put back the pair that belongs together. \
             A backup of before this site began ('init', 'join') knows nothing of it either: put a later one in its place. Where there is none, a site below the main office \
             joins anew under another name; at the main office every site has to join anew, and what they know is in their databases".to_owned()
        }
        SyncError::OtherName { known, .. } => {
            format!("write name = \"{known}\" back: the others know it by that, and a site keeps its name as long as it lives")
        }
        SyncError::DatabaseRestored => {
            "nothing was sent: a restored backup would go out as edits. 'fieldpost recover' brings it forward to what this site knows; or put the newest database back".to_owned()
        }
        SyncError::OlderSchema { .. } => {
            "start the application once, so that it brings the database to its newest schema; what of it no application does ('fieldpost schema log' says it) change by hand. Then 'fieldpost recover' again. \
             Where something was changed since the backup was put in its place, put it there once more and run 'fieldpost recover' before anything else".to_owned()
        }
        SyncError::StateRestored => {
            "nothing was done: this home no longer knows what it has sent. Put the newest home back, or join this site anew".to_owned()
        }
        SyncError::Library(error) => return (Exit::Failed, library(error)),
        SyncError::LibraryPlace(_) => "take a folder of its own: 'fieldpost library on DIR'".to_owned(),
        SyncError::Pattern(_) => "patterns are written as 'reports/**' or '*.docx': mend it in rules.toml or fieldpost.toml".to_owned(),
        SyncError::Mend(error) => return (Exit::Failed, mend(error)),
        SyncError::Bundle(error) => return (Exit::Failed, bundle(error)),
        SyncError::NameTaken(_) => "names are unique in the whole tree, and an open invitation has one too: choose another one".to_owned(),
        SyncError::NotAnOffice(_) => "ask its parent to invite, or join this site anew as an office ('--role office')".to_owned(),
        SyncError::NotItsParent { site, .. } => {
            format!("a site's groups are the word of whoever invited it: run 'fieldpost sites groups {site}' there, and the roster takes it to all")
        }
        SyncError::Retired { retired, here, .. } => {
            let at = if retired.by == *here { String::new() } else { format!(" at '{}'", retired.by) };
            format!("its name stays taken; whoever works there joins anew under another one: 'fieldpost invite NAME'{at}")
        }
        SyncError::RetiredElsewhere { site, parent } => {
            format!("whoever admitted a site retires it: run 'fieldpost sites retire {site}' at '{parent}'")
        }
        SyncError::Uncollected { .. } => {
            "nothing was changed: run it again once the exchange can be reached, or take one that is gone for good out of fieldpost.toml".to_owned()
        }
        SyncError::Exists(_) => "nothing is put over it; the packet waits, and is taken once the place is free".to_owned(),
        SyncError::NothingToTrack => {
            "a table needs a primary key, or unique columns that are never empty; without one nothing names its records".to_owned()
        }
        SyncError::ExchangeName(_) | SyncError::BadPart(_) | SyncError::Bug(_) => {
            "this should not happen: nothing was lost; please report it with what was printed".to_owned()
        }
    };
    (Exit::Failed, Some(hint))
}

/// Why a folder is no bundle's, and what to do about it.
fn source(error: &SourceError) -> Option<String> {
    let hint = match error {
        SourceError::Toml { .. } => "'man 7 fieldpost-bundle' explains every line",
        SourceError::Path(_) | SourceError::NotText(_) => "rename it in the bundle's folder: it must mean the same file on every computer",
        SourceError::NoFile(_) => "put the file itself there",
        SourceError::Rows { .. } => "mend the file; 'man 7 fieldpost-bundle' says what rows look like",
        SourceError::Exists(_) => "nothing was written; choose another name",
        SourceError::Seal(error) => return sealing(error),
        SourceError::NoBundle(_) => "'fieldpost bundle new NAME' makes such a folder",
        SourceError::Io(error) => return operating_system(error),
        SourceError::Name(_) | SourceError::Impossible(_) | SourceError::Crash(_) => return None,
    };
    Some(hint.to_owned())
}

/// Why nothing was done with a bundle, and what to do about it.
fn bundle(error: &Refusal) -> Option<String> {
    let hint = match error {
        Refusal::Open(BundleError::UnknownPublisher(_)) => {
            "compare the fingerprint with the publisher's by phone, then 'fieldpost bundle trust KEYFILE' at the main office"
        }
        Refusal::Open(BundleError::NewerFormat { .. }) | Refusal::NewerPaper => "install the newest fieldpost here",
        // What the system says of a file is enough.
        Refusal::Open(BundleError::Archive(ArchiveError::Io(_))) => return None,
        Refusal::Open(_) | Refusal::OtherBundle(_) => "it was changed on the way or is not whole: get it again from whoever made it",
        Refusal::Obstacle(Obstacle::Io(error)) => return operating_system(error),
        Refusal::Obstacle(Obstacle::Lost(_)) => "restore .fieldpost/bundles from a backup; without it this way back is gone",
        Refusal::Obstacle(Obstacle::Crash(_)) => return None,
        Refusal::Obstacle(_) => "nothing was changed: move it out of the way, then run again",
        Refusal::Blocked(_) | Refusal::RowsChanged { .. } => {
            "nothing was changed: 'fieldpost bundle drift' lists what differs; --force goes back all the same, and keeps changed files beside"
        }
        Refusal::RowsReferred { .. } => {
            "nothing was changed: change or delete what refers to them first; to go back all the same, --force leaves these rows"
        }
        Refusal::BadFolder(_) | Refusal::OverDatabase(_) => "name another one in fieldpost.toml: [bundles] folder",
        Refusal::Downgrade { .. } => "to go back to the version before: 'fieldpost bundle rollback'",
        Refusal::OlderThanPublished { .. } => {
            "nothing was changed: build it again with a higher version; 'fieldpost bundle withdraw' takes the newest back at all sites"
        }
        Refusal::ColumnStays { .. } => "nothing was changed: leave that column out of the list",
        Refusal::SameVersion { .. } => "raise the version in bundle.toml, and build it again",
        Refusal::StepChanged(_) => "leave a step that was carried out as it was, and put what is to be different into a new one",
        Refusal::Needs(_) => "nothing was changed; a published bundle goes in by itself once it is there",
        Refusal::BelowNeeds { .. } => "nothing was changed: publish that one again, or a newer version of this one",
        Refusal::BelowOwned { .. } => {
            "nothing was changed: publish a newer version, or take that bundle away first; 'fieldpost bundle remove' takes all versions away"
        }
        Refusal::OtherDay => {
            "without --from the other groups get it on that day too; to move the day, publish it for the groups that it is for"
        }
        Refusal::GoesUp { .. } => {
            "nothing was changed: let rules.toml of the main office bring that table down as well, or leave the list out"
        }
        Refusal::Owned { .. } => "nothing was changed: take that bundle away first, or let one of the two use another name",
        Refusal::RowOwned { .. } => {
            "nothing was changed: a row has one bundle; let one of the two leave it out, or take that bundle away first"
        }
        Refusal::NotInstalled(_) | Refusal::NotPublished(_) => "'fieldpost bundle status' lists them",
        Refusal::NeededBy { .. } => "take that one back first",
        Refusal::NoWayBack(_) => "nothing was changed; publish a newer version that undoes what is to be undone",
        Refusal::Database { .. } => {
            "nothing was changed; 'fieldpost bundle plan' tries an install without doing it, and on the way back --force leaves what cannot be taken back"
        }
        Refusal::WayBack { .. } => {
            "nothing was changed: mend its 'down', or leave 'down' out to say that there is no way back from this version"
        }
        Refusal::RowsWayBack { .. } => "nothing was changed: let the publisher leave the list out, or the application its triggers",
        Refusal::StepLoses { .. } | Refusal::RowsLose { .. } => {
            "nothing was changed: copy it elsewhere first; --force goes back all the same, and it is lost"
        }
        Refusal::StepAtHost(_) => {
            "publish it to groups that the main office is not in; a step for all sites runs at-host, and its changes travel"
        }
        Refusal::StepHere(_) => "nothing was changed: with runs = \"at-each\" every site carries it out",
        Refusal::StepNumbers(_) => "nothing was changed: leave them out of a step that runs at each site",
        Refusal::FolderAway(_) => {
            "nothing was changed: mount it, or bring it back; where its files are gone for good, 'fieldpost bundle remove NAME --force', then install again"
        }
        Refusal::RowsOfAll(_) => "nothing was changed: let that table travel once more first; --force goes back all the same",
        Refusal::Travels { .. } | Refusal::StepTravels { .. } | Refusal::WouldTravel(_) | Refusal::Stays { .. } => {
            "nothing was changed; see 'man 7 fieldpost-bundle', RUNS"
        }
        Refusal::NotHost(_) => "go to the main office's home, or name it with --home DIR",
        Refusal::OtherGroups { .. } => "name some of its groups with --group, or change 'groups' in bundle.toml",
        Refusal::NotNow(error) => return database(error),
        Refusal::NoDatabase => "run 'fieldpost sync' until the first load is through",
    };
    Some(hint.to_owned())
}

fn database(error: &DatabaseError) -> Option<String> {
    let hint = match error {
        DatabaseError::Missing(_) => {
            "is the disk mounted? Where the file is lost, put any backup of it that was made since this site began in its place, leave the home as it is, and run 'fieldpost recover'; \
             'database' in fieldpost.toml names the file"
        }
        DatabaseError::Exists(_) => "it is left as it is: move it out of the way, then run again",
        DatabaseError::NotADatabase(_) => {
            "name the SQLite file itself; an encrypted one cannot be read. Where it is a site's and damaged, stop the application, put a backup of it in its place, \
             leave the home as it is, and run 'fieldpost recover'"
        }
        DatabaseError::Busy => "nothing is half done: end what holds it (a long edit, a backup), then type the same again",
        DatabaseError::Moved => {
            "nothing is half done; run it again: it says whether the file that is there now is older than what this home knows"
        }
        DatabaseError::ReadOnly => "check the rights of the file and of its folder: SQLite writes beside the file too",
        DatabaseError::Full => "make room on the disk; nothing is half done, the next run goes on",
        DatabaseError::Damaged(_) => {
            "stop the application, put a backup of the database in its place, leave the home as it is, and run 'fieldpost recover'"
        }
        DatabaseError::OutOfStep { .. } => {
            "the file is sound: rebuild the index that the words name, with `INSERT INTO name(name) VALUES('rebuild')` for a full-text index `name`, then run again"
        }
        DatabaseError::ShapeMoved { .. } => "its schema was changed meanwhile: 'fieldpost sync' looks at it anew",
        DatabaseError::PairedElsewhere(_) => {
            "run fieldpost in the home it belongs to, or 'fieldpost detach' there takes it out; a copied file belongs to the original's home. Where that home is lost: 'fieldpost detach --force --database FILE'"
        }
        DatabaseError::Bookkeeping(_) => {
            "put a backup of the database in its place, leave the home as it is, and run 'fieldpost recover'; or join this site anew under another name"
        }
        DatabaseError::Schema { .. } => "the parent's database uses something that this SQLite does not know: please report it",
        DatabaseError::Sqlite { .. } | DatabaseError::Crash(_) => return None,
    };
    Some(hint.to_owned())
}

fn library(error: &LibraryError) -> Option<String> {
    let hint = match error {
        LibraryError::Missing(_) | LibraryError::NotAFolder(_) => "is the disk mounted? 'fieldpost library on DIR' names another folder",
        LibraryError::NoMarker(_) => "is the right disk mounted? Where it is the right folder, 'fieldpost library on' marks it",
        LibraryError::Full { .. } => "make room on the disk; nothing is half done, the next run goes on",
        LibraryError::Changed(_) | LibraryError::ChunkMissing { .. } | LibraryError::Content(_) => {
            "nothing is half done: the next run looks at it anew, and asks for what is missing"
        }
        LibraryError::Io(error) => return operating_system(error),
        LibraryError::Crash(_) => return None,
    };
    Some(hint.to_owned())
}

fn ledger(error: &LedgerError) -> Option<String> {
    let hint = match error {
        LedgerError::OtherFormat(_) => "install the newest fieldpost here",
        LedgerError::Damaged(_) | LedgerError::DamagedCommit | LedgerError::UnknownSite(_) => {
            "nothing was changed: have this site invited anew under another name; what it has not sent yet is in its database. An older home is of no \
             use: the others notice that it has forgotten what it sent"
        }
        error if error.is_corrupt() => {
            "nothing was sent. Where this home was put back from a backup: put it back once more, whole, into an empty folder (a 'state.db-wal' that was left \
             there spoils it). Else have this site invited anew under another name; what it has not sent yet is in its database"
        }
        LedgerError::Sqlite(_) => "is the disk full or the home read-only? Nothing is half done, the next run goes on",
        LedgerError::Crash(_) => return None,
    };
    Some(hint.to_owned())
}

const fn publisher_key(half: KeyHalf) -> &'static str {
    match half {
        KeyHalf::Private => {
            "take the file without .pub, of a key without a passphrase; 'ssh-keygen -t ed25519 -N \"\" -f publisher' makes one"
        }
        KeyHalf::Public => "take the file that ends in .pub; the other one is for nobody's eyes",
    }
}

fn key(error: &KeyError) -> Option<String> {
    let hint = match error {
        KeyError::NoSigningKey | KeyError::NoSealingKey => {
            "restore the keys folder of this home from a backup; without them this site must join anew"
        }
        KeyError::NoFingerprint(_) => "copy it whole, from SHA256: on",
        KeyError::NoSignature | KeyError::BadSignature => "it was changed on the way, or somebody else made it",
        KeyError::Io(error) => return operating_system(error),
        KeyError::Crash(_) => return None,
    };
    Some(hint.to_owned())
}

fn fault(fault: &Fault) -> Option<String> {
    match fault {
        Fault::UnknownKey { meant: Some(meant), .. } | Fault::Word { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
        Fault::Toml(_) => Some("the file is TOML: texts stand in quotes, as in name = \"anna\"".to_owned()),
        Fault::UnknownKey { meant: None, .. }
        | Fault::Word { meant: None, .. }
        | Fault::TooLarge { .. }
        | Fault::Kind { .. }
        | Fault::Missing(_)
        | Fault::Gone
        | Fault::Value { .. } => None,
    }
}

/// As [`fault`], of the `rules.toml` that is here.
pub(super) fn rules(slip: &Fault) -> Option<String> {
    let check = "'fieldpost rules check' says whether it is right";
    Some(match fault(slip) {
        Some(question) if question.ends_with('?') => format!("{question} {check}"),
        Some(hint) => format!("{hint}; {check}"),
        None => format!("mend it there; {check}"),
    })
}

fn mend(error: &MendError) -> Option<String> {
    Some(match error {
        MendError::NothingUnclear => "'fieldpost schema status' lists what does".to_owned(),
        MendError::RenamedTable { table, now } => format!(
            "give `{now}` its name `{table}` back in the database, run 'fieldpost sync', then rename it with ALTER TABLE alone; \
             'fieldpost schema hint --new' says that it is another table"
        ),
        MendError::NoConflict(_) | MendError::Settled(_) => "'fieldpost conflicts' lists them with their numbers".to_owned(),
        MendError::MovedOn { .. } => "look at it again; '--anyway' goes on all the same".to_owned(),
        MendError::OtherRecord { .. } => "look at it again; '--anyway' does it to the one that is there now".to_owned(),
        MendError::NoSuchSide { .. } | MendError::NoRecord { .. } | MendError::BadSql(_) | MendError::NotFromHere { .. } => return None,
        MendError::NoField { fields, .. } => format!("it has {}", fields.join(", ")),
        MendError::Several(_) => "say whose with '--from SITE'".to_owned(),
        MendError::Missing { .. } => "bring that record back first".to_owned(),
        MendError::NotHeld(_) => "'fieldpost held' lists what is held, with its number".to_owned(),
        MendError::OfTheParent(parent) => format!("edit the record here as it should be, or ask whoever looks after '{parent}'"),
        MendError::Refused(_) => "choose another value, or change the record with the program itself".to_owned(),
        MendError::Dependant { .. } => "delete the records that refer to it first".to_owned(),
        MendError::NotManual(table) => format!("to send {table} by hand, write send = \"manual\" into its rules"),
    })
}

fn invitation(error: &InvitationError) -> String {
    match error {
        InvitationError::Form(_) => "ask for the file again, and hand it over as a file: texts get lost in the clipboard".to_owned(),
        InvitationError::Format { .. } => "install the newest fieldpost here, or ask for an invitation made by this version".to_owned(),
        InvitationError::Expired { name, inviter, expired } => {
            format!("it was good until {}; ask '{inviter}' for a new one: 'fieldpost invite {name}' there", utc(*expired))
        }
    }
}

fn roster(error: &RosterError) -> Option<String> {
    match error {
        RosterError::NameTaken { .. } => Some("names are unique in the whole tree: choose another one".to_owned()),
        RosterError::ParentIsRemote { .. } => Some("only the host and offices can invite".to_owned()),
        RosterError::Format { .. } => Some("install the newest fieldpost here".to_owned()),
        RosterError::Unknown(_) => Some("'fieldpost sites' lists all that have joined".to_owned()),
        RosterError::Host(_) => Some("'fieldpost detach' takes Fieldpost out of a database".to_owned()),
        RosterError::Form(_) | RosterError::NoParent { .. } | RosterError::Tree { .. } | RosterError::TooMany(_) => None,
    }
}

pub(super) fn operating_system(error: &io::Error) -> Option<String> {
    crate::exchange::advice_at_home(error).map(str::to_owned)
}

fn utc(time: crate::model::Millis) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| "an unknown time".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

impl Explanation {
    /// `error: …` and, where there is one, `hint: …` on the next line.
    #[must_use]
    pub fn text(&self) -> String {
        let label = |style: anstyle::Style, word: &str| format!("{}{word}:{}", style.render(), style.render_reset());
        let mut text = format!("{} {}", label(page::ERROR, "error"), self.message);
        if let Some(hint) = &self.hint {
            text += &format!("\n{} {hint}", label(page::BOLD, "hint"));
        }
        text
    }
}

fn exit_code<S: Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(exit.code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::{Form, Loudness, Printer};
    use crate::exchange::{ExchangeError, MarkerFault};
    use crate::model::Millis;
    use crate::packet::{CodecError, OpenError, SealError};
    use crate::rules::Rules;
    use crate::site::{Holder, Lost, Retired, Settings};

    fn told(failure: impl Into<Failure>) -> (Exit, String) {
        let printer = Printer::captured(Form::Text, Loudness::Quiet);
        let exit = end(&printer, failure.into());
        (exit, printer.captured_text().1)
    }

    fn end(printer: &Printer, failure: Failure) -> Exit {
        let explanation = explain(&failure);
        printer.explain(&explanation);
        explanation.exit
    }

    #[test]
    fn a_missing_home_says_how_to_get_one() {
        let (exit, text) = told(HomeError::NotFound { start: "/home/anna".into() });
        assert_eq!(exit, Exit::Failed);
        assert_eq!(
            text,
            "error: no home in `/home/anna` or any folder above it\n\
             hint: go to the site's folder, or name it with --home DIR; 'fieldpost init' and 'fieldpost join' make one\n"
        );
    }

    #[test]
    fn a_home_in_use_says_by_whom() {
        let holder = Some(Holder { process: 4711, since: Millis(1_795_334_400_000) });
        let (exit, text) = told(HomeError::Busy { folder: "/srv/shop".into(), holder });
        assert_eq!(exit, Exit::Busy);
        assert_eq!(
            text,
            "error: another run holds the home `/srv/shop`\n\
             hint: process 4711 has it since 2026-11-22 08:00 UTC: wait until it is done, then try again\n"
        );
    }

    #[test]
    fn a_slip_in_a_file_is_named_with_its_line_and_what_was_meant() {
        let (_, text) = told(Rules::parse("[tables.notes]\nconfict = 'child'\n").unwrap_err());
        assert_eq!(
            text,
            "error: rules.toml, line 2: unknown key `confict`\nhint: did you mean `conflict`? 'fieldpost rules check' says whether it is right\n"
        );
        let error = Box::new(Settings::parse("name = 'a'\nrole = 'hots'\n").unwrap_err());
        let (_, text) = told(HomeError::Settings { path: "shop/fieldpost.toml".into(), error });
        assert_eq!(
            text,
            "error: shop/fieldpost.toml, line 2: `role` is `hots`, but may only be host, office or remote\n\
             hint: did you mean `host`?\n"
        );
    }

    #[test]
    fn every_failure_of_a_run_says_what_happened_and_what_to_do_now() {
        let name = || crate::model::SiteName::new("head").unwrap();
        let place = || "/mnt/share".to_owned();
        let reason = || "no such folder".to_owned();
        let table = || "customers".to_owned();
        let all: Vec<(SyncError, Exit)> = vec![
            (DatabaseError::Missing("shop.db".into()).into(), Exit::Failed),
            (DatabaseError::Exists("shop.db".into()).into(), Exit::Failed),
            (DatabaseError::NotADatabase("shop.db".into()).into(), Exit::Failed),
            (DatabaseError::Busy.into(), Exit::Failed),
            (DatabaseError::ReadOnly.into(), Exit::Failed),
            (DatabaseError::Moved.into(), Exit::Failed),
            (DatabaseError::Full.into(), Exit::Failed),
            (DatabaseError::Damaged("page 3".into()).into(), Exit::Failed),
            (DatabaseError::OutOfStep { doing: "commit", message: "malformed".into() }.into(), Exit::Failed),
            (DatabaseError::ShapeMoved { table: table() }.into(), Exit::Failed),
            (DatabaseError::PairedElsewhere(crate::model::PairId([1; 16])).into(), Exit::Failed),
            (DatabaseError::Bookkeeping("no row".into()).into(), Exit::Failed),
            (LedgerError::OtherFormat(9).into(), Exit::Failed),
            (LedgerError::Damaged("key").into(), Exit::Failed),
            (LedgerError::DamagedCommit.into(), Exit::Failed),
            (ExchangeError::Unreachable { place: place(), reason: reason() }.into(), Exit::Unreachable),
            (ExchangeError::NotAnExchange { place: place(), why: MarkerFault::Absent }.into(), Exit::Unreachable),
            (ExchangeError::NotAnExchange { place: place(), why: MarkerFault::Unreadable }.into(), Exit::Failed),
            (ExchangeError::NotAnExchange { place: place(), why: MarkerFault::Newer(2) }.into(), Exit::Failed),
            (ExchangeError::ReadOnly { place: place(), reason: reason() }.into(), Exit::Failed),
            (ExchangeError::Full { place: place(), reason: reason() }.into(), Exit::Failed),
            (ExchangeError::Refused { place: place(), reason: reason() }.into(), Exit::Failed),
            (OpenError::Truncated.into(), Exit::Failed),
            (OpenError::NotAPacket.into(), Exit::Failed),
            (OpenError::BadSignature.into(), Exit::Failed),
            (OpenError::NotForUs { to: name() }.into(), Exit::Failed),
            (SealError::Changed("changes".into()).into(), Exit::Failed),
            (SealError::Library("age".into()).into(), Exit::Failed),
            (CodecError::Key { table: table() }.into(), Exit::Failed),
            (KeyError::NoSigningKey.into(), Exit::Failed),
            (KeyError::NoSealingKey.into(), Exit::Failed),
            (KeyError::BadSignature.into(), Exit::Failed),
            (HomeError::Busy { folder: "/srv".into(), holder: None }.into(), Exit::Busy),
            (HomeError::Going { folder: "/srv".into() }.into(), Exit::Failed),
            (HomeError::Lost { folder: "/srv".into(), lost: Lost::State, role: Role::Host }.into(), Exit::Failed),
            (SyncError::NoDatabase { parent: name() }, Exit::Failed),
            (SyncError::Moved { table: table(), key: "1".into() }, Exit::Failed),
            (SyncError::UnknownTable { table: table() }, Exit::Failed),
            (SyncError::SchemaMoves, Exit::Failed),
            (SyncError::BadPart("roster.json"), Exit::Failed),
            (SyncError::OtherPair, Exit::Failed),
            (SyncError::OtherName { settings: name(), known: crate::model::SiteName::new("anna").unwrap() }, Exit::Failed),
            (SyncError::DatabaseRestored, Exit::Failed),
            (SyncError::OlderSchema { table: Some(table()) }, Exit::Failed),
            (SyncError::StateRestored, Exit::Failed),
            (SyncError::NameTaken(name()), Exit::Failed),
            (SyncError::NotAnOffice(name()), Exit::Failed),
            (SyncError::NotItsParent { site: name(), parent: name() }, Exit::Failed),
            (SyncError::Retired { site: name(), retired: Retired { time: Millis(0), by: name() }, here: name() }, Exit::Failed),
            (SyncError::RetiredElsewhere { site: name(), parent: name() }, Exit::Failed),
            (SyncError::Uncollected { site: name(), why: "the share is away".into() }, Exit::Failed),
            (SyncError::Exists("shop.db".into()), Exit::Failed),
            (SyncError::NothingToTrack, Exit::Failed),
            (SyncError::Bug("a proof that was none"), Exit::Failed),
        ];
        for (error, exit) in all {
            let explanation = explain(&error.into());
            assert_eq!(explanation.exit, exit, "{explanation:?}");
            let hint = explanation.hint.as_deref().unwrap_or_default();
            assert!(hint.len() > 10 && !hint.ends_with('.'), "{explanation:?}");
            assert!(!explanation.message.ends_with('.') && !explanation.message.starts_with(char::is_uppercase), "{explanation:?}");
        }
    }

    #[test]
    fn a_program_gets_the_same_as_json() {
        let printer = Printer::captured(Form::Json, Loudness::Normal);
        end(&printer, InvitationError::Format { found: 9 }.into());
        let json: serde_json::Value = serde_json::from_str(&printer.captured_text().0).unwrap();
        assert_eq!(json["error"], "the invitation has format 9, this fieldpost knows 1");
        assert_eq!(json["exit"], 1);
    }
}
