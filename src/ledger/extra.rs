//! What is known of a key beyond its mirror and its journal: exceptions, kept only while they last.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{Change, FieldNo, Image, Key, Millis, PacketNumber, Row, SiteName, SiteNo, TableNo};

/// The exceptions of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extra {
    /// To the parent: state the whole record in the next change set, though nothing was edited (an incoming change of it was ignored).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub report_whole: bool,
    /// To the parent: state these fields in the next change set, for the same reason.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub report: BTreeSet<FieldNo>,
    /// To the parent: send full rows until a row-level change of the parent was taken.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
    /// What a neighbour holds, where the journal cannot tell.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub opinions: BTreeMap<SiteNo, Opinion>,
    /// The last packet to a child that told it that the record is there, or is not, or is another one, where no entry of the journal
    /// tells of that; until the child has settled it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<SiteNo, PacketNumber>,
    /// Under which number a child made it, where that is another one here, until the child has settled the packet that told it ours.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub made_as: BTreeMap<SiteNo, MadeAs>,
    /// A person took it out of the exchange: it is told to nobody, and what comes of it is held.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deactivated: bool,
    /// The parent deleted it, and here it is only marked: it is told no more while the mark stands.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
    /// With what it was marked, whatever the rules have come to say: the field of the mark, and no other; empty: [`Self::stays_for_others`]; none from a program that did not keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Row>,
    /// A person sent it by hand: the neighbours that have not been told since.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub released: BTreeSet<SiteNo>,
    /// A change of a neighbour that could not be applied.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<SiteNo, Held>,
}

/// The number of a record at the child that made it, or at the parent where it was never here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeAs {
    /// The number.
    pub number: i64,
    /// The packet that told the child our number; none yet.
    pub told: Option<PacketNumber>,
}

/// What a neighbour holds of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opinion {
    /// It spoke of an incarnation that it should not hold: tell it everything.
    Unknown,
    /// This, or no such record.
    Known(Option<Image>),
}

/// A change that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The change, composed of all that came since.
    pub change: Change,
    /// Why it waits.
    pub reason: HeldReason,
    /// The packet it came in first.
    pub packet: PacketNumber,
    /// When it was held first.
    pub since: Millis,
    /// How often it was tried again.
    pub attempts: u32,
    /// When it was tried last.
    #[serde(default)]
    pub tried: Millis,
    /// The conflict of ours that lists it, where it waits for a unique value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<i64>,
    /// The records to which it refers by values: those may be others' by the time that it is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub means: Vec<Means>,
}

/// Whom a change that waits means by values of its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    /// The fields of the reference.
    pub fields: Vec<FieldNo>,
    /// The record.
    pub to: (TableNo, Key),
}

impl std::fmt::Display for HeldReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { table, key } => write!(f, "it refers to {table} {key}, which has not come yet"),
            Self::OtherRecord { table, key } => {
                write!(f, "it refers to {table} {key}, which is no record at the site of the edit but one here")
            }
            Self::Twin { key } => write!(f, "{key} here is the same record, and not all is known of that one yet"),
            Self::Dependants { table, key } => write!(f, "{table} {key} refers to it"),
            Self::Refused { message } => write!(f, "the database refused it: {message}"),
            Self::Taken { values, by, .. } => {
                let values: Vec<String> = values.iter().map(|(field, value)| format!("{field} {value}")).collect();
                write!(f, "its {} is taken by {by}", values.join(" with "))
            }
            Self::Deactivated => write!(f, "the record is taken out of the exchange here"),
        }
    }
}

/// Why a change waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldReason {
    /// It refers to a record that nobody here has seen: waits for it.
    Missing {
        /// Table referred to.
        table: String,
        /// Values referred to, as a person reads them.
        key: String,
    },
    /// It refers to a number that is no record at the sender and one here: nobody knows whether that one is meant.
    OtherRecord {
        /// Table referred to.
        table: String,
        /// The number.
        key: String,
    },
    /// A record of ours has the identity that the rules name, under another number. At a child: the parent has not said yet that they are
    /// one. At the parent: what else the child did to ours waits.
    Twin {
        /// The number of ours.
        key: String,
    },
    /// A delete that would orphan a record which the sender did not know.
    Dependants {
        /// Table of one such record.
        table: String,
        /// Its key.
        key: String,
    },
    /// A person took the record out of the exchange.
    Deactivated,
    /// Another record has values that are unique.
    Taken {
        /// Fields with their values, as a person reads them.
        values: Vec<(String, String)>,
        /// The other record: table, key, and what people call it.
        by: String,
        /// Its row of the ledger.
        record: i64,
        /// The site at which that record got them.
        by_site: SiteName,
    },
    /// The database refused the values.
    Refused {
        /// Its words.
        message: String,
    },
}

impl Extra {
    /// Whether nothing is exceptional.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { report_whole, report, full, opinions, told, made_as, deactivated, marked, mark, released, held } = self;
        let flags = *report_whole || *full || *deactivated || *marked || mark.is_some();
        let lists = [opinions.is_empty(), told.is_empty(), made_as.is_empty(), held.is_empty(), report.is_empty(), released.is_empty()];
        !flags && !lists.contains(&false)
    }

    /// Whether it is marked without a field: others that are marked need it, and it comes back with the first of them.
    #[must_use]
    pub fn stays_for_others(&self) -> bool {
        self.marked && self.mark.as_ref().is_some_and(|mark| mark.0.iter().all(|value| !value.is_stated()))
    }

    /// It is not marked as deleted any more.
    pub fn unmark(&mut self) {
        (self.marked, self.mark) = (false, None);
    }
}
