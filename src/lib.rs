//! Keeps databases, documents and customizations the same by exchanging files and nothing else.

pub mod cli;
pub mod model;
pub mod rules;
pub mod site;
pub mod world;
