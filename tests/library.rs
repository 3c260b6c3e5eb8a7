//! Documents between sites, on the lowest door that shows them: folders, rounds, an exchange in memory.

mod binary;
mod support;

#[path = "library/folders.rs"]
mod folders;

#[path = "library/commands.rs"]
mod commands;
#[path = "library/conflicts.rs"]
mod conflicts;
#[path = "library/crashes.rs"]
mod crashes;
#[path = "library/hostile.rs"]
mod hostile;
#[path = "library/left_out.rs"]
mod left_out;
#[path = "library/losers.rs"]
mod losers;
#[path = "library/questions.rs"]
mod questions;
#[path = "library/touches.rs"]
mod touches;
#[path = "library/travel.rs"]
mod travel;
