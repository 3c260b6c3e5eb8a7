//! What does a site know about itself and the others: its home folder, settings, invitations, roster?
//!
//! ```text
//! shop/
//!   fieldpost.toml      settings, for people to read and change          Settings
//!   rules.toml          what decides conflicts, names records (at the host) rules::Rules
//!   .fieldpost/         everything of ours                                Home
//!     keys/             signing, signing.pub, sealing, sealing.pub, logins (Logins)
//!     state.db          the ledger
//!     outbox/NEIGHBOUR/ sealed packets until they are acknowledged, byte for byte
//!     inbox/NEIGHBOUR/  packets fetched and not yet applied
//!     quarantine/       packets that do not verify, each with the reason beside it
//!     bundles/          files of bundles on their way, and contents that going back needs
//!     scratch/          files that are being worked on; whoever holds the lock may empty it
//!     log/              what every run did, for people           Log
//!     lock, holder      held by the run that works here, and who that is
//!     watch, watcher    held by the process that watches, and what it says of itself
//! ```

mod exchanges;
mod going;
mod home;
mod invitation;
mod library;
mod lock;
mod log;
mod logins;
mod roster;
mod settings;
mod watching;

pub use exchanges::{AccessSettings, Exchanges};
pub use home::{Draft, Home, HomeError, Lost};
pub use invitation::{Invitation, InvitationError, InvitationFile, InvitationId, InvitationSecret};
pub use library::LibrarySettings;
pub use lock::{Holder, HomeLock, WatchLock, Watcher};
pub use log::{Entry as LogEntry, Level, Log, Standing};
pub use logins::{Login, Logins};
pub use roster::{OfficePart, Retired, Role, Roster, RosterError, Site};
pub use settings::{Settings, SettingsError};
pub use watching::WatchSettings;
