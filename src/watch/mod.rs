//! When is a round to run? By itself, all day, for a site that nobody looks at.
//!
//! Five things ask for a round: a packet on the exchange, an edit in the application's database, an edit of a document, the clock, and a
//! failure that may be over. **The scan is the authority, events only wake it** ([`ears`]): a share that was unmounted, a queue of events that ran over, a file
//! system that tells nothing, all lead to a look at the exchange, the database and the documents, and a look at the usual interval finds what nobody told.
//!
//! [`plan`] says when the next round is, and why: pure, from what is known ([`State`]) and what a person set ([`Schedule`]).
//! [`run`] waits for that moment or for a noise, looks, and has the round run by whoever called it.
//!
//! **Crash points**: none of its own. A watcher that is killed loses only what it had heard; the next one begins with a round. A
//! stop that was asked for ends a running round at its next durable step, which is a death like any other and completed by the next run.

pub mod ears;
mod plan;
mod run;
mod schedule;

pub use plan::{Failure, FailureKind, LONGEST_WAIT, Next, State, Why, next};
pub use run::{Edited, Ended, Looked, Touched, Watched, run};
pub use schedule::Schedule;
