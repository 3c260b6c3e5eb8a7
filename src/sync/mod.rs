//! Seal, build, apply, exchange: how two databases become the same through files.
//!
//! | module | answers |
//! |---|---|
//! | [`round`] | in which order does one click do everything? |
//! | [`seal`] | what did the application change since the last time? |
//! | `taken` | what if a number went to another record in between? |
//! | `early` | what if a row refers to a number that is nobody's yet? |
//! | [`build`] | what must a neighbour be told? |
//! | `papers` | what goes with it beside changes? |
//! | [`apply`] | how do a packet's changes become records, once? |
//! | `from_child`, `from_parent` | what becomes of one incoming change? (`DESIGN` section 4, rules 1 to 12) |
//! | `policy`, `merge` | what do the rules say of a table, and of fields that both sides changed? |
//! | `revive` | what of a record that refers to one which is not here? |
//! | `unique` | what of a unique value that another record has? |
//! | `plain` | which changes need no deciding? |
//! | `meaning`, `renumber` | which record does a handed-out number mean, and how does it get another one? |
//! | [`documents`] | how do documents travel? |
//! | [`clocks`] | how wrong is a neighbour's clock? |
//! | `known` | what does a neighbour hold? |
//! | [`stays`] | which records stay home, although it does not hold them? |
//! | `upgrade`, `matching`, `evolve`, `guess` | what does a schema change mean for what is tracked? |
//! | [`schema`] | how does the main office's schema get to all sites? |
//! | [`parked`], `foreign` | what becomes of changes for a table or field that is not here? |
//! | [`forget`] | what need a site not remember any more? |
//! | [`mend`] | what can a person do about records, held changes and conflicts? |
//! | [`recover`] | how does a site go on whose database was restored? |
//! | [`bundles`] | how do customizations get to the sites, in, and out again? |
//! | [`join`], [`roster`] | how does a new site get in, and who else is there? |
//!
//! **The invariant of every function here**: whenever it returns, also with an error, and whenever the process dies,
//! [`Session::open`] brings database and ledger back to a state in which no edit is lost and none is applied twice.

pub mod apply;
pub mod build;
pub mod bundles;
pub mod clocks;
mod directions;
pub mod documents;
mod early;
mod error;
mod evolve;
mod foreign;
pub mod forget;
mod from_child;
mod from_parent;
mod guess;
mod held;
pub mod history;
pub mod inbox;
pub mod join;
mod known;
mod losses;
mod matching;
mod meaning;
pub mod mend;
mod merge;
mod news;
mod numbering;
pub mod outbox;
mod papers;
pub mod parked;
pub mod places;
mod plain;
pub mod plan;
mod policy;
mod put;
pub mod recover;
mod references;
pub mod renumber;
pub mod replay;
pub mod report;
mod revive;
pub mod roster;
pub mod round;
pub mod schema;
pub mod seal;
mod session;
pub mod standing;
pub mod start;
pub mod stays;
mod taken;
mod twins;
mod unique;
mod upgrade;
pub mod urgency;
mod vocabulary;

pub use error::SyncError;
pub use session::{Limits, Session};

/// Alias for this floor's results.
pub type Result<T> = std::result::Result<T, SyncError>;
