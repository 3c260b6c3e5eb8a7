//! Handed-out numbers: two sites give the same one to different records (`DESIGN` section 5, "Keys").
//!
//! | module | answers |
//! |---|---|
//! | `numbering` | which fields hold numbers of records? |
//! | `reword` | and what of what is kept where that changes? |
//! | `meaning` | which record does a number mean, towards a neighbour and back? |
//! | [`renumber`] | how does a record get its number, and another one? |
//! | `taken` | what if a number went from one record to another between two seals? |
//! | `early` | what if a row refers to a number that is nobody's yet? |
//! | `twins` | what of a record that two sites created, each under a number of its own? |

pub(super) mod early;
pub(super) mod meaning;
pub(super) mod numbering;
pub mod renumber;
mod reword;
pub(super) mod taken;
pub(super) mod twins;
