//! `fieldpost packet`: what is in this file, and is it what it says?

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::page::{Column, Page, alert, and, heading, number, paragraphs, size};
use super::printer::Report;
use super::sync::Counts;
use super::{Context, Exit, Failure};
use crate::keys::{SealingKey, VerifyingKey};
use crate::model::{ChangeKind, SiteName};
use crate::packet::{BlockReader, Envelope, Expectation, Limits, OpenError, Opened, PacketKind, check_part_name, inspect, open};
use crate::site::HomeLock;
use crate::sync::report::papers;
use crate::sync::{Session, SyncError, roster};

/// Look into a packet
#[derive(Clone, Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct PacketArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: PacketCommand,
}

/// What to do with a packet.
#[derive(Clone, Debug, Subcommand)]
pub enum PacketCommand {
    /// Show what is in a packet, as far as the keys of this site allow
    #[command(after_help = "Examples:\n  fieldpost packet show anna/head/7d3f0a6c52e1b948-41-20731-9c1e….fpk")]
    Show(PacketShowArgs),
    /// Check signature, hashes and form; says nothing of the records
    #[command(after_help = "\
Examples:
  fieldpost packet verify 41.fpk
  fieldpost packet verify 41.fpk --signers allowed_signers      without a home")]
    Verify(PacketVerifyArgs),
    /// Unpack what is in a packet into a new folder
    ///
    /// Only for the site it was made for. What comes out is in clear: mind who can read the folder.
    #[command(after_help = "Examples:\n  fieldpost packet open 41.fpk --out opened")]
    Open(PacketOpenArgs),
}

/// A packet.
#[derive(Clone, Debug, Args)]
pub struct PacketShowArgs {
    /// The packet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// A packet and who may have signed it.
#[derive(Clone, Debug, Args)]
pub struct PacketVerifyArgs {
    /// The packet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Who may have signed it, as for 'ssh-keygen -Y verify'; without it the sites this home knows
    #[arg(long, value_name = "FILE")]
    pub signers: Option<PathBuf>,
}

/// A packet and where its content goes.
#[derive(Clone, Debug, Args)]
pub struct PacketOpenArgs {
    /// The packet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// What is in a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketReport {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Who made it.
    pub from: SiteName,
    /// Whom it is for.
    pub to: SiteName,
    /// What it is for.
    pub kind: PacketKind,
    /// The stream.
    pub stream: String,
    /// Its number in the stream.
    pub number: u64,
    /// Its id.
    pub id: String,
    /// The id of the one before; none for the first.
    pub previous: Option<String>,
    /// Up to which number it acknowledges packets of the other direction.
    pub acknowledges: u64,
    /// Whose signature it carries.
    pub signature: Signature,
    /// What is inside.
    pub payload: Payload,
}

/// What is known of a packet's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Signature {
    /// By the key of the site it names.
    Good {
        /// Fingerprint of the key.
        fingerprint: String,
    },
    /// Nobody here knows whose key it is; nothing more was checked.
    UnknownKey {
        /// Fingerprint of the key.
        fingerprint: String,
    },
    /// Not by the key it names, or over something else.
    Bad {
        /// Why, in half a sentence.
        why: String,
    },
}

/// What is known of a packet's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Payload {
    /// Opened and verified.
    Opened {
        /// The changes, by table.
        tables: BTreeMap<String, Counts>,
        /// The entries, in order.
        entries: Vec<Entry>,
        /// The folder they were unpacked to.
        unpacked: Option<PathBuf>,
    },
    /// Sealed for another site.
    NotForUs {
        /// Its size, sealed.
        bytes: u64,
    },
    /// Not opened: nobody asked, or there is no home.
    Sealed {
        /// Its size, sealed.
        bytes: u64,
    },
    /// Damaged.
    Bad {
        /// Why, in half a sentence.
        why: String,
    },
}

/// One entry of a packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// Runs the command.
///
/// # Errors
/// A file that is no packet at all, or is not for this site where it is to be unpacked.
pub fn run(arguments: &PacketArgs, context: &Context) -> Result<Exit, Failure> {
    let report = match &arguments.command {
        PacketCommand::Show(show) => Reading::new(context, &show.file, None)?.look(Want::Content)?,
        PacketCommand::Verify(verify) => Reading::new(context, &verify.file, verify.signers.as_deref())?.look(Want::Proof)?,
        PacketCommand::Open(open) => {
            let out = context.here.join(&open.out);
            if out.exists() {
                return Err(Failure::FileExists(open.out.clone()));
            }
            Reading::new(context, &open.file, None)?.look(Want::Files(&out))?
        }
    };
    Ok(context.printer.report(&report))
}

/// What somebody wants of a packet.
enum Want<'w> {
    Proof,
    Content,
    Files(&'w Path),
}

/// A packet file and the keys at hand.
struct Reading {
    file: PathBuf,
    shown: PathBuf,
    known: BTreeMap<SiteName, VerifyingKey>,
    /// Who we are and the key that opens; none without a home.
    us: Option<(SiteName, SealingKey)>,
    scratch: PathBuf,
    /// What is decrypted lies in the scratch folder, which belongs to whoever has the lock.
    _lock: Option<HomeLock>,
}

impl Reading {
    fn new(context: &Context, file: &Path, signers: Option<&Path>) -> Result<Self, Failure> {
        let session = match context.look() {
            Ok(session) => Some(session),
            Err(Failure::Home(crate::site::HomeError::NotFound { .. })) => None,
            Err(other) => return Err(other),
        };
        let known = match (signers, &session) {
            (Some(signers), _) => read_signers(&fs_err::read_to_string(context.here.join(signers))?),
            (None, Some(session)) => known_keys(session)?,
            (None, None) => BTreeMap::new(),
        };
        let scratch = session.as_ref().map_or_else(std::env::temp_dir, |session| session.home.scratch());
        let lock = session.as_ref().map(|session| session.home.lock(&context.world)).transpose()?;
        let us = session.map(|session| (session.settings.name.clone(), session.sealing));
        Ok(Self { file: context.here.join(file), shown: file.to_owned(), known, us, scratch, _lock: lock })
    }

    fn look(&self, want: Want<'_>) -> Result<PacketReport, Failure> {
        let seen = inspect(&self.file)?;
        let (id, envelope) = (seen.id.to_string(), seen.envelope);
        let trusted = |site: &SiteName| self.known.get(site).cloned();
        let name = self.file.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let expected = Expectation { to: envelope.to.clone(), trusted: &trusted, name };
        // Without a home a key that opens nothing: everything before the decryption is verified all the same.
        let nobody = || SealingKey::generate(&crate::world::World::real());
        let opened = match &self.us {
            Some((_, key)) => open(&self.file, &expected, key, &self.scratch, &Limits::STANDARD),
            None => open(&self.file, &expected, &nobody(), &self.scratch, &Limits::STANDARD),
        };
        if let (Want::Files(_), Err(OpenError::Decrypt(_))) = (&want, &opened)
            && self.us.as_ref().is_none_or(|(name, _)| *name != envelope.to)
        {
            return Err(OpenError::NotForUs { to: envelope.to }.into());
        }
        let (signature, payload) = self.judge(&envelope, opened, &want)?;
        Ok(PacketReport {
            bytes: fs_err::metadata(&self.file)?.len(),
            file: self.shown.clone(),
            from: envelope.from,
            to: envelope.to,
            kind: envelope.kind,
            stream: envelope.stream.to_string(),
            number: envelope.number.0,
            id,
            previous: envelope.previous.map(|previous| previous.to_string()),
            acknowledges: envelope.acknowledges.map_or(0, |acknowledged| acknowledged.number.0),
            signature,
            payload,
        })
    }

    fn judge(&self, envelope: &Envelope, opened: Result<Opened, OpenError>, want: &Want<'_>) -> Result<(Signature, Payload), Failure> {
        let fingerprint = envelope.keys.signer.to_string();
        let bytes = envelope.payload.bytes;
        let good = Signature::Good { fingerprint: fingerprint.clone() };
        let ours = self.us.as_ref().is_some_and(|(name, _)| *name == envelope.to);
        let error = match opened {
            Ok(opened) => return Ok((good, content(&opened, want)?)),
            Err(error) => error,
        };
        let why = error.to_string();
        Ok(match error {
            OpenError::Io(error) => return Err(error.into()),
            OpenError::Crash(crash) => return Err(SyncError::from(crash).into()),
            OpenError::NewerVersion { .. } => return Err(error.into()),
            OpenError::UnknownSigner { fingerprint, .. } => {
                (Signature::UnknownKey { fingerprint: fingerprint.to_string() }, Payload::Sealed { bytes })
            }
            OpenError::Truncated
            | OpenError::NotAPacket
            | OpenError::Structure { .. }
            | OpenError::NameMismatch
            | OpenError::BadSignature => (Signature::Bad { why }, Payload::Sealed { bytes }),
            OpenError::Decrypt(_) if self.us.is_none() => (good, Payload::Sealed { bytes }),
            OpenError::Decrypt(_) if !ours => (good, Payload::NotForUs { bytes }),
            OpenError::NotForUs { .. } => (good, Payload::NotForUs { bytes }),
            OpenError::PayloadHash
            | OpenError::Decrypt(_)
            | OpenError::ManifestMismatch
            | OpenError::EntryHash { .. }
            | OpenError::Limit { .. } => (good, Payload::Bad { why }),
        })
    }
}

/// What came out, as far as it is wanted.
fn content(opened: &Opened, want: &Want<'_>) -> Result<Payload, Failure> {
    if matches!(want, Want::Proof) {
        return Ok(Payload::Sealed { bytes: opened.envelope.payload.bytes });
    }
    let names: Vec<&str> = opened.entry_names().collect();
    let mut tables: BTreeMap<String, Counts> = BTreeMap::new();
    for name in names.iter().filter(|name| name.starts_with("changes/")) {
        for block in BlockReader::new(BufReader::new(opened.read(name)?), &Limits::STANDARD) {
            let block = block.map_err(SyncError::from)?;
            let counts = tables.entry(block.table().to_owned()).or_default();
            let amount = block.count() as u64;
            match block.kind() {
                ChangeKind::Insert => counts.inserted += amount,
                ChangeKind::Update | ChangeKind::Replace => counts.updated += amount,
                ChangeKind::Delete => counts.deleted += amount,
                ChangeKind::Absent => {}
            }
        }
    }
    let entries = names.iter().map(|name| Entry { name: (*name).to_owned(), bytes: opened.entry_bytes(name).unwrap_or(0) }).collect();
    let unpacked = match want {
        Want::Proof | Want::Content => None,
        Want::Files(folder) => {
            unpack(opened, &names, folder)?;
            Some((*folder).to_owned())
        }
    };
    Ok(Payload::Opened { tables, entries, unpacked })
}

/// Writes the parts below a new folder. Their names have only letters, digits and single slashes; this is checked here too.
fn unpack(opened: &Opened, names: &[&str], folder: &Path) -> Result<(), Failure> {
    fs_err::create_dir(folder)?;
    for name in names {
        check_part_name(name).map_err(|error| std::io::Error::other(error.to_string()))?;
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        let mut file = fs_err::OpenOptions::new().write(true).create_new(true).open(&path)?;
        std::io::copy(&mut opened.read(name)?, &mut file)?;
    }
    Ok(())
}

/// The keys this home knows: the roster's, the neighbours' and its own.
fn known_keys(session: &Session) -> Result<BTreeMap<SiteName, VerifyingKey>, Failure> {
    let mut known = BTreeMap::new();
    let roster = roster::known(session)?;
    let sites = roster.sites().iter().map(|site| (site.name.clone(), site.signing.clone()));
    let neighbours = session.ledger.neighbours().map_err(SyncError::from)?;
    let cards = neighbours.into_iter().map(|neighbour| (neighbour.card.name, neighbour.card.signing));
    for (name, key) in sites.chain(cards) {
        if let Ok(key) = VerifyingKey::parse(&key) {
            known.insert(name, key);
        }
    }
    known.insert(session.name().clone(), session.signing.verifying_key());
    Ok(known)
}

/// The lines of an `allowed_signers` file: name, perhaps options, key. Lines that are no site's are for others.
fn read_signers(text: &str) -> BTreeMap<SiteName, VerifyingKey> {
    let line = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        let start = rest.find("ssh-ed25519 ")?;
        Some((SiteName::new(name).ok()?, VerifyingKey::parse(rest[start..].trim()).ok()?))
    };
    text.lines().filter_map(line).collect()
}

impl Report for PacketReport {
    fn text(&self, page: &Page) -> String {
        let title = format!("Packet {} from '{}' to '{}', {}", number(self.number), self.from, self.to, size(self.bytes));
        let lines = [
            ("id", self.id.clone()),
            ("after", self.previous.clone().unwrap_or_else(|| "nothing: the first of its stream".to_owned())),
            ("stream", self.stream.clone()),
            ("acknowledges", self.acknowledges_text()),
            ("signature", self.signature.text(&self.from)),
            ("content", self.payload.text(&self.to)),
        ];
        let head: Vec<String> = lines.iter().map(|(label, text)| format!("  {label:12}  {text}")).collect();
        paragraphs([format!("{}\n{}", heading(&title), head.join("\n")), self.payload.tables_text(self.kind, page)])
    }

    /// A packet that is not what it says is a failure; one whose signer is not known wants a person.
    fn exit(&self) -> Exit {
        match (&self.signature, &self.payload) {
            (Signature::Bad { .. }, _) | (_, Payload::Bad { .. }) => Exit::Failed,
            (Signature::UnknownKey { .. }, Payload::Opened { .. } | Payload::NotForUs { .. } | Payload::Sealed { .. }) => Exit::Attention,
            (Signature::Good { .. }, Payload::Opened { .. } | Payload::NotForUs { .. } | Payload::Sealed { .. }) => Exit::Done,
        }
    }
}

impl PacketReport {
    fn acknowledges_text(&self) -> String {
        match self.acknowledges {
            0 => "nothing yet".to_owned(),
            upto => format!("up to packet {} from '{}'", number(upto), self.to),
        }
    }
}

impl Signature {
    fn text(&self, from: &SiteName) -> String {
        match self {
            Self::Good { fingerprint } => format!("good, by '{from}' ({fingerprint})"),
            Self::UnknownKey { fingerprint } => alert(&format!("by a key nobody here knows ({fingerprint}), so not checked")),
            Self::Bad { why } => alert(&format!("bad: {why}")),
        }
    }
}

impl Payload {
    fn text(&self, to: &SiteName) -> String {
        match self {
            Self::Opened { entries, unpacked, .. } => {
                let bytes = size(entries.iter().map(|entry| entry.bytes).sum());
                let place = unpacked.as_ref().map_or_else(String::new, |folder| format!(", unpacked to {}", folder.display()));
                format!("whole, {bytes} in {}{place}", super::page::count(entries.len(), "entry", "entries"))
            }
            Self::NotForUs { bytes } => format!("{}, sealed: only '{to}' can open it", size(*bytes)),
            Self::Sealed { bytes } => format!("{}, sealed", size(*bytes)),
            Self::Bad { why } => alert(&format!("damaged: {why}")),
        }
    }

    fn tables_text(&self, kind: PacketKind, page: &Page) -> String {
        let Self::Opened { tables, entries, .. } = self else { return String::new() };
        if tables.is_empty() {
            let papers = papers(entries.iter().map(|entry| entry.name.as_str()));
            return match kind {
                PacketKind::Join => "A request to join: no records.".to_owned(),
                PacketKind::Retired => "The last word to a site that is retired: no records.".to_owned(),
                PacketKind::Changes if papers.is_empty() => "No records.".to_owned(),
                PacketKind::Changes => format!("No records, but {}.", and(&papers)),
            };
        }
        let columns = [Column::Words("table"), Column::Numbers("new"), Column::Numbers("changed"), Column::Numbers("deleted")];
        let row = |(table, counts): (&String, &Counts)| {
            vec![table.clone(), number(counts.inserted), number(counts.updated), number(counts.deleted)]
        };
        page.table(&columns, tables.iter().map(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::tests::{json, plain};

    fn report() -> PacketReport {
        PacketReport {
            file: "41.fpk".into(),
            bytes: 20_731,
            from: SiteName::new("head").unwrap(),
            to: SiteName::new("anna").unwrap(),
            kind: PacketKind::Changes,
            stream: "7d3f0a6c52e1b948".to_owned(),
            number: 41,
            id: "9c1e".to_owned(),
            previous: None,
            acknowledges: 11,
            signature: Signature::Good { fingerprint: "SHA256:abc".to_owned() },
            payload: Payload::Opened {
                tables: BTreeMap::from([("customers".to_owned(), Counts { inserted: 3, updated: 12, deleted: 1 })]),
                entries: vec![Entry { name: "manifest.json".to_owned(), bytes: 900 }, Entry { name: "changes".to_owned(), bytes: 4_100 }],
                unpacked: None,
            },
        }
    }

    #[test]
    fn a_packet_for_us_is_shown_whole() {
        assert_eq!(
            plain(&report()),
            "\
Packet 41 from 'head' to 'anna', 20.7 kB
  id            9c1e
  after         nothing: the first of its stream
  stream        7d3f0a6c52e1b948
  acknowledges  up to packet 11 from 'anna'
  signature     good, by 'head' (SHA256:abc)
  content       whole, 5.0 kB in 2 entries

  table      new  changed  deleted
  customers    3       12        1
"
        );
        assert_eq!(json(&report())["payload"]["state"], "opened");
    }

    #[test]
    fn one_for_somebody_else_or_damaged_says_so_and_the_exit_code_too() {
        let other = PacketReport { payload: Payload::NotForUs { bytes: 19_000 }, ..report() };
        assert!(plain(&other).ends_with("\n  content       19.0 kB, sealed: only 'anna' can open it\n"));
        assert_eq!(other.exit(), Exit::Done);
        let unknown = PacketReport { signature: Signature::UnknownKey { fingerprint: "SHA256:x".to_owned() }, ..other.clone() };
        assert_eq!(unknown.exit(), Exit::Attention);
        let bad = PacketReport { signature: Signature::Bad { why: "the header was changed".to_owned() }, ..other };
        assert!(plain(&bad).contains("signature     bad: the header was changed\n"));
        assert_eq!(bad.exit(), Exit::Failed);
    }
}
