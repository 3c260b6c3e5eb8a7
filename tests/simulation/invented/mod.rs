//! Histories in databases that somebody invented: random tables, keys and references, as real applications have them.
//!
//! | module | answers |
//! |---|---|
//! | `schema` | which tables, keys, references and triggers does the database of a seed have? |
//! | `ruled` | which rules do its tables have? |
//! | `application` | what does an application do to such a database? |
//! | `content` | what does a database say once every number in it is replaced by what it means? |
//! | `referee` | is what came out what was promised? |
//!
//! Records under handed-out numbers are told apart by a token: a text set once by the insert that no edit touches.

pub mod application;
pub mod content;
pub mod referee;
mod ruled;
pub mod schema;

pub use schema::Invented;
