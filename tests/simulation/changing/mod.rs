//! Histories in which the main office changes its schema while everybody edits.
//!
//! | module | answers |
//! |---|---|
//! | `schema` | what is a schema whose names come and go, and how does an application change it? |
//! | `application` | what do applications do that find some version of it? |
//! | `own` | what do people make for themselves at their sites? |
//! | `person` | what is answered at the main office, and what can be read of it everywhere? |
//! | `referee` | is what came out what was promised? |

pub mod application;
mod own;
mod person;
pub mod referee;
pub mod schema;
