//! Histories in which the main office publishes versions of a bundle, and takes some back.
//!
//! | module | answers |
//! |---|---|
//! | `forms` | what is in a version, and how is it published? |
//! | `person` | what do people do with the files at their site? |
//! | `rows` | what of the list that it brings along? |
//! | `referee` | is what came out what was promised? |

pub mod forms;
pub mod person;
pub mod referee;
pub mod rows;

/// The group that it is for.
pub const GROUP: &str = "sales";

/// Whether a site of a tree is in the group: an office is not, and of two remotes of one office only one.
pub fn is_member(site: usize, sites: usize) -> bool {
    site >= 2 || site + 1 == sites && site > 0
}
