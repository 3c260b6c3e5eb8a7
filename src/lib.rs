//! Keeps databases, documents and customizations the same by exchanging files and nothing else.

pub mod database;
pub mod model;
pub mod world;
