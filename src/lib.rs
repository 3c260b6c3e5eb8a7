//! Keeps databases, documents and customizations the same by exchanging files and nothing else.

pub mod bundle;
pub mod cli;
pub mod database;
pub mod exchange;
pub mod keys;
pub mod ledger;
pub mod library;
pub mod model;
pub mod packet;
pub mod rules;
pub mod site;
pub mod status;
pub mod sync;
pub mod watch;
pub mod world;
