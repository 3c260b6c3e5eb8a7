//! Seal, build, apply, exchange: how two databases become the same through files.
//!
//! | module | answers |
//! |---|---|
//! | [`session`](Session) | what is open, and is it in one state? |
//! | [`round`] | in which order does one click do everything? |
//! | [`streams`] | which packets came, which are on their way, and over which exchanges? |
//! | [`seal`], `noticed` | what did the application change since the last time? |
//! | [`apply`] | how do a packet's changes become records, once? |
//! | `deciding` | what becomes of each of them? |
//! | [`numbers`] | which record does a handed-out number mean, and how does it get another one? |
//! | [`tracking`] | what does a schema change mean for what is tracked, and for changes that name what is not here? |
//! | [`build`], `known`, [`stays`], [`urgency`] | what must a neighbour be told, what does it hold, what stays home, and what goes first? |
//! | `papers`, [`schema`], [`documents`], [`bundles`] | what travels beside records? |
//! | [`join`], [`roster`], [`start`], [`retire`] | how does a new site get in and begin, who else is there, and how does one go? |
//! | [`forget`], [`recover`] | what need a site not remember, and how does one go on whose database was restored? |
//! | [`mend`], [`history`], [`standing`], [`left_behind`], [`replay`], [`report`] | what can a person do, and what is a person told? |
//!
//! **The invariant of every function here**: whenever it returns, also with an error, and whenever the process dies,
//! [`Session::open`] brings database and ledger back to a state in which no edit is lost and none is applied twice.

pub mod apply;
pub mod build;
pub mod bundles;
mod deciding;
mod directions;
pub mod documents;
mod error;
pub mod forget;
pub mod history;
pub mod join;
mod known;
pub mod left_behind;
mod limits;
pub mod mend;
mod noticed;
pub mod numbers;
mod papers;
pub mod recover;
pub mod replay;
pub mod report;
pub mod retire;
pub mod roster;
pub mod round;
pub mod schema;
pub mod seal;
mod session;
pub mod standing;
pub mod start;
pub mod stays;
pub mod streams;
pub mod tracking;
pub mod urgency;

pub use error::SyncError;
pub use limits::Limits;
pub use session::Session;

/// Alias for this floor's results.
pub type Result<T> = std::result::Result<T, SyncError>;
