//! What of a database is its site's own? Tables and columns that the parent's schema does not have: they stay, and do not travel.

use std::collections::BTreeMap;

use super::Identity;
use crate::model::{FieldNo, Shape};
use crate::sync::tracking::evolve::same_name;

/// Why it does not travel.
pub(in crate::sync) const WHY: &str = "only this site has it, and the main office says which tables and columns travel";

/// Why what the main office has as well does not travel.
pub(in crate::sync) const AT_HOME: &str = "what is in it stays at every site, the main office's too";

/// The columns of a found table that are neither told nor tracked: this site's own, where no tracked one has that name now. `old` is the table
/// as tracking knows it, of which some fields are `renamed`.
pub(in crate::sync) fn columns(told: &Identity, found: &Shape, old: Option<&Shape>, renamed: &[(FieldNo, String)]) -> Vec<String> {
    let now = |old: &Shape, field: FieldNo| {
        let renamed = renamed.iter().find(|(one, _)| *one == field).map(|(_, name)| name.clone());
        renamed.unwrap_or_else(|| old.name_of(field).to_owned())
    };
    // One that goes on here under another name left its own to whatever has it.
    let here = |number: FieldNo| {
        let old = old?;
        let field = old.past.told.as_ref()?.fields.get(&number).copied().filter(|field| old.is_live(*field))?;
        Some(now(old, field))
    };
    let is_it = |number: FieldNo, name: &str| here(number).is_none_or(|now| same_name(&now, name));
    let is_told = |name: &str| told.fields.iter().any(|(number, field)| same_name(field, name) && is_it(*number, name));
    // One without a number was taken in when no schema travelled.
    let is_numbered = |old: &Shape, field: FieldNo| old.past.told.as_ref().is_some_and(|told| told.number(field).is_some());
    let is_it = |old: &Shape, field: FieldNo, name: &str| same_name(&now(old, field), name) && is_numbered(old, field);
    let is_tracked = |name: &str| old.is_some_and(|old| old.live_fields().any(|field| is_it(old, field, name)));
    let names = found.live_fields().filter(|field| !found.is_key(*field)).map(|field| found.name_of(field));
    names.filter(|name| !is_told(name) && !is_tracked(name)).map(str::to_owned).collect()
}

/// Columns by table, with those that the rules keep home.
pub(in crate::sync) type Own = BTreeMap<String, Vec<String>>;
