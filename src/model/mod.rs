//! The words everything else is said in: sites, values, keys, rows, shapes and changes. Pure data, no input or output.
//!
//! A **record** is named by its table and its [`Key`]; what it holds is a [`Row`], one [`Value`] per field. Who inserted
//! it is its [`Born`] (the incarnation of `DESIGN` section 4, rule 7): two records that use the same key one after the
//! other are told apart by it. A [`Change`] is what travels: the state before and after, as far as it must be said.

mod change;
mod file_name;
mod ids;
mod json_ids;
mod key;
mod numbers;
mod rope;
mod row;
mod shape;
mod value;

pub use change::{Change, ChangeKind, Meant, Side};
pub use file_name::{NameFault, check_part, collision_key, composed};
pub use ids::{Born, FieldNo, JournalNumber, Millis, PacketNumber, PairId, SiteName, SiteNameError, SiteNo, Stamp, StreamId, TableNo};
pub use key::{Key, KeyError};
pub use numbers::{NumberField, NumberForm, stand_in, stands_for};
pub use rope::{Rope, RopeEnd};
pub use row::{Image, Row, RowError, cells};
pub use shape::{Field, ForeignKey, Identity, KeyKind, LIBRARY, OnDelete, Past, Shape, Told, UniqueSet, shown_table};
pub use value::Value;
