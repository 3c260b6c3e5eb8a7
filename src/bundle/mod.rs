//! Customizations in a file: made, signed, opened, and put into a folder so that it can be taken back exactly.
//!
//! A bundle (`NAME-VERSION.fpb`, `fieldpost-bundle(7)`) is one zip file: `bundle.json` (the [`Manifest`]), `bundle.json.sig` (an SSH
//! signature over its bytes in the namespace `bundle@fieldpost`) and `content/HASH`, every distinct content once, by its hash. The
//! manifest says where contents go; nothing in the zip does. The same folder and key give the same bytes.
//!
//! | module | answers |
//! |---|---|
//! | `source` | what does the publisher's folder with its `bundle.toml` say, and what is doubtful in it? |
//! | `make` | how does it become a file? |
//! | `open` | is a file whole, signed by a publisher who is trusted, and possible? |
//! | `paths` | which names are safe on every computer? |
//! | `rows` | which rows are in a CSV or JSON file? |
//! | `moves` | which files change in an install, an upgrade, a way back? (pure) |
//! | `place` | how do files get into the folder, and how are contents kept? |
//!
//! **Invariants**: verified first (nothing of a bundle is used before all of it is verified); no name leads out of the folder and no
//! link is followed; whatever a [`Move`] replaces was kept before as a content of the [`Store`].

mod make;
mod manifest;
mod moves;
mod names;
mod open;
mod paths;
mod place;
mod rows;
mod source;

pub use make::{Built, build};
pub use manifest::{Content, FORMAT, FileEntry, Form, Impossible, Manifest, Mode, Needs, RowsEntry, Runs, StepEntry};
pub use moves::{Base, Blocked, Done, Fate, Filed, Loss, Move, Moves, beside, by_path, is_inside, undo, upgrade};
pub use names::{BundleName, NameError, Version};
pub use open::{OpenError, Opened, open};
pub use paths::{PathFault, check_path, check_paths};
pub use place::{Folder, Obstacle, Store};
pub use rows::{Rows, read_rows};
pub use source::{Finding, Source, SourceError, begin};
