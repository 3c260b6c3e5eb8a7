//! What is true now, as data: how every record stands, how many of each kind a table has, what happened on which day.
//!
//! Nothing here writes, waits or prints. Everything is derived from ledger and database as they are; a run that works at the same
//! time is only ever ahead.

pub mod days;
pub mod open;
pub mod tables;
pub mod waits;
pub mod window;
