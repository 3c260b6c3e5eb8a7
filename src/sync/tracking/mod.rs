//! What is tracked, under which numbers, and what of a change that names something else?
//!
//! | module | answers |
//! |---|---|
//! | `upgrade` | what happens here when the application changes its schema? |
//! | `matching`, `evolve`, `guess` | which table and column is which known one, and what does it look like now? |
//! | `news` | what was not said yet about it? |
//! | `vocabulary` | what do packets call tables, fields and sites? |
//! | `foreign`, [`parked`] | what becomes of changes for a table or field that is not here? |

pub(super) mod evolve;
pub(super) mod foreign;
pub(super) mod guess;
pub(super) mod matching;
pub(super) mod news;
pub mod parked;
pub(super) mod upgrade;
pub(super) mod vocabulary;
