//! Documents between sites, on the lowest door that shows them: folders, rounds, an exchange in memory.

mod support;

#[path = "library/folders.rs"]
mod folders;

#[path = "library/conflicts.rs"]
mod conflicts;
#[path = "library/crashes.rs"]
mod crashes;
#[path = "library/travel.rs"]
mod travel;
