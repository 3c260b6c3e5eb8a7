//! What a server wants to see before it lets us in, and how fast we may go. Never shown.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Meter;

/// A text that no message, log or debug output shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself: for the server, and for the file that keeps it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// All that an exchange is opened with beside its address.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Who logs in, where the address does not say it; the id of the key at an S3 store.
    pub user: Option<String>,
    /// The password; the secret key at an S3 store.
    pub password: Option<Secret>,
    /// The session token of a temporary login to an S3 store.
    pub token: Option<Secret>,
    /// A file of PEM certificates: the server's must be one of these or signed by one, and no others are trusted.
    pub certificate: Option<PathBuf>,
    /// The program that ssh asks for the password: this one, which knows the question by [`super::ASKPASS_VARIABLE`] in its environment.
    /// Without it SFTP logs in with keys only.
    pub askpass: Option<PathBuf>,
    /// Counts what goes over the line and slows it down.
    pub meter: Meter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let access = Access { password: Some(Secret::new("hunter2")), token: Some(Secret::new("hunter3")), ..Access::default() };
        assert!(!format!("{access:?}").contains("hunter"));
    }
}
