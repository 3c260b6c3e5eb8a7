//! Keeps databases, documents and customizations the same by exchanging files and nothing else.

pub mod keys;
pub mod model;
pub mod packet;
pub mod world;
