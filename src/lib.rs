//! Keeps databases, documents and customizations the same by exchanging files and nothing else.

pub mod ledger;
pub mod model;
pub mod rules;
pub mod site;
pub mod world;
