//! What is there to say of the schema: which version is where, what waits and why. Reads only.

use serde::Serialize;

use super::hints::{Unclear, unclear};
use super::home::{self, Kept};
use super::refusals::{self, Refusal};
use super::{COMING, Here, LATE, LOST, SentSchema, TOLD_IN, Version, cannot_be_had, take, told, told_to, versions, wish};
use crate::database::conform::{Plan, Refused};
use crate::ledger::NeighbourKind;
use crate::model::SiteName;
use crate::site::Role;
use crate::sync::{Result, Session, SyncError};

/// How the schema stands at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the rules let it travel.
    pub travels: bool,
    /// The version that this site has; 0 before it counts any.
    pub version: u64,
    /// The version that the parent told and that cannot be had here, with why.
    pub refused: Option<(u64, String)>,
    /// Indexes that records are in the way of, a sentence each.
    pub late: Vec<String>,
    /// What of this site's own did not fit this version, with its text where it is gone, a sentence each.
    pub lost: Vec<String>,
    /// What waits for a hint.
    pub unclear: Vec<Unclear>,
    /// What stays home because it may be what the rules keep there.
    pub home: Vec<Kept>,
    /// Children by name.
    pub children: Vec<Child>,
    /// What sites below this one cannot have.
    pub below: Vec<Refusal>,
}

/// What a child was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Child {
    /// Who.
    pub site: SiteName,
    /// The last version that it was told; none before the first.
    pub told: Option<u64>,
    /// Whether it said that it has it.
    pub confirmed: bool,
}

/// How the schema stands here.
///
/// # Errors
/// As the ledger says.
pub fn standing(session: &Session) -> Result<Standing> {
    let mut children = Vec::new();
    for neighbour in session.ledger.neighbours()?.into_iter().filter(|one| one.kind == NeighbourKind::Child) {
        let number = |name: &str| neighbour.told_documents.get(name).and_then(|number| number.parse::<u64>().ok());
        let told = told_to(&neighbour);
        let confirmed = told.is_some() && number(TOLD_IN).is_some_and(|packet| packet <= neighbour.acknowledged.0);
        children.push(Child { site: neighbour.card.name, told, confirmed });
    }
    Ok(Standing {
        travels: session.rules.schema_travels(),
        version: told(session)?.map_or(0, |told| told.version),
        refused: take::refused(session)?,
        late: late(session)?,
        lost: session.ledger.note(LOST)?.unwrap_or_default().lines().map(str::to_owned).collect(),
        unclear: unclear(session)?,
        home: home::asked(session)?,
        children,
        below: refusals::below(session)?,
    })
}

/// Indexes that records are in the way of, a sentence each.
///
/// # Errors
/// As the ledger says.
pub fn late(session: &Session) -> Result<Vec<String>> {
    Ok(session.ledger.note(LATE)?.unwrap_or_default().lines().map(str::to_owned).collect())
}

/// What is not alike, a sentence each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// With which neighbour.
    pub site: SiteName,
    /// The version that is compared with.
    pub version: u64,
    /// What would have to be done to have it.
    pub what: Vec<String>,
    /// Why that cannot be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// Towards the parent: what would have to be done here to have its schema, the one that cannot be had where there is one, and what only
/// this site has. Towards children: what they have not said to have.
///
/// # Errors
/// As the database and the ledger say.
pub fn differences(session: &Session) -> Result<Vec<Difference>> {
    let mut all = Vec::new();
    if let Some(Compared { parent, new, plan, alone, own, empty: _ }) = compared(session)? {
        let (mut what, refused) = match plan {
            Ok(plan) => (plan.sentences(), take::refused(session)?.map(|(_, why)| why)),
            Err(refused) => (Vec::new(), Some(refused.to_string())),
        };
        what.extend(alone.into_iter().chain(own));
        if !what.is_empty() || refused.is_some() {
            all.push(Difference { site: parent, version: new, what, refused });
        }
    }
    let (here, log) = (standing(session)?, versions(session)?);
    for child in here.children {
        let from = child.told.map_or(0, |told| if child.confirmed { told } else { told.saturating_sub(1) });
        let newer = |one: &&Version| one.version > from && one.version <= here.version;
        let what: Vec<String> = log.iter().filter(newer).flat_map(|version| version.what.clone()).collect();
        if !what.is_empty() {
            let refused = here.below.iter().find(|refusal| refusal.site == child.site).map(|refusal| refusal.why.clone());
            all.push(Difference { site: child.site, version: from, what, refused });
        }
    }
    Ok(all)
}

/// Virtual tables that are not as the main office has them and stay so, and those that are empty, a sentence each; nothing at the main office.
///
/// # Errors
/// As the database and the ledger say.
pub fn virtual_tables(session: &Session) -> Result<Vec<String>> {
    let Some(compared) = compared(session)? else { return Ok(Vec::new()) };
    let stays = compared.plan.map(|plan| plan.stays().to_vec()).unwrap_or_default();
    Ok(stays.into_iter().chain(compared.alone).chain(compared.empty).collect())
}

/// What is here beside what the parent told.
struct Compared {
    parent: SiteName,
    /// The version that is compared with: the one that cannot be had where there is one.
    new: u64,
    plan: std::result::Result<Plan, Refused>,
    /// Virtual tables that only this site has, a sentence each.
    alone: Vec<String>,
    /// Other tables, and columns, that only this site has, a sentence each.
    own: Vec<String>,
    /// Virtual tables that only the application can fill, a sentence each.
    empty: Vec<String>,
}

fn compared(session: &Session) -> Result<Option<Compared>> {
    if session.settings.role == Role::Host || !session.has_database() {
        return Ok(None);
    }
    let (Some(parent), Some(old)) = (session.ledger.parent()?, told(session)?) else { return Ok(None) };
    let coming = session.ledger.note(COMING)?.filter(|text| !text.is_empty());
    let coming: Option<SentSchema> =
        coming.map(|text| serde_json::from_str(&text).map_err(|_| SyncError::Bug("a noted schema does not read"))).transpose()?;
    let new = coming.as_ref().unwrap_or(&old);
    let (wish, database) = (wish(new, Some(&old), Here::At(session))?, session.database()?);
    let plan = database.plan_to(&wish).map_err(cannot_be_had)?;
    let alone = database.virtual_only_here(&wish).map_err(cannot_be_had)?;
    let own = database.only_here(&wish).map_err(cannot_be_had)?;
    let empty = database.virtual_empty(&wish).map_err(cannot_be_had)?;
    Ok(Some(Compared { parent: parent.card.name, new: new.version, plan, alone, own, empty }))
}
