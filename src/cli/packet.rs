//! `fieldpost packet`: what is in this file, and is it what it says?

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Exit;
use super::page::{Column, Page, alert, heading, number, paragraphs, size};
use super::printer::Report;
use super::sync::Counts;
use crate::model::SiteName;

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
    /// Whole, but nobody here knows whose key it is.
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
        paragraphs([format!("{}\n{}", heading(&title), head.join("\n")), self.payload.tables_text(page)])
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
            Self::UnknownKey { fingerprint } => alert(&format!("whole, by a key nobody here knows ({fingerprint})")),
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

    fn tables_text(&self, page: &Page) -> String {
        let Self::Opened { tables, .. } = self else { return String::new() };
        if tables.is_empty() {
            return "No records.".to_owned();
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
