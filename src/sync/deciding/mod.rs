//! What becomes of a change that came? Between a packet that was read and a record that is written.
//!
//! | module | answers |
//! |---|---|
//! | `plain` | which changes need no deciding? |
//! | `from_child`, `from_parent` | what becomes of one that a child or the parent sent? (`DESIGN` section 4, rules 1 to 12) |
//! | `ends` | what does a child end that deletes a record which is here? |
//! | `shadow` | and what does the child hold then? |
//! | `policy`, `merge` | what do the rules say of a table, and of fields that both sides changed? |
//! | `document` | and of a document? |
//! | `references`, `revive` | are the records that a row refers to here, and what if one is not? |
//! | `referring` | who refers to it, so that it may not go? |
//! | `by_value` | which references lead to a record by values of it? |
//! | `meant` | whom did its site mean by a value? |
//! | `following` | what of those who refer to a record by a value that changes? |
//! | `rekeyed` | where does an edit go whose record got another key by that? |
//! | `unique` | what of a unique value that another record has? |
//! | `held` | what waits, and when is it tried again? |
//! | `knot` | and what of changes of every kind that wait for each other? |
//! | `losses` | how is what lost written down? |
//! | `put` | how does what was decided get into the record? |

pub(super) mod by_value;
pub(super) mod document;
mod ends;
pub(super) mod following;
pub(super) mod from_child;
pub(super) mod from_parent;
pub(super) mod held;
mod knot;
pub(super) mod losses;
pub(super) mod meant;
pub(super) mod merge;
pub(super) mod plain;
pub(super) mod policy;
pub(super) mod put;
pub(super) mod references;
pub(super) mod referring;
pub(super) mod rekeyed;
pub(super) mod revive;
pub(super) mod shadow;
pub(super) mod unique;
