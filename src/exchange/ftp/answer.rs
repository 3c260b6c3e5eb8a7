//! What an FTP server answered, and what that means for whoever asked.
//!
//! The number says little: 550 is "not there" as well as "not allowed", 451 and 426 stand for a full disk on some servers. So
//! [`Answer::sorted`] goes by number and text, and who can find out by looking (a listing) looks first.

use std::io;

use suppaftp::FtpError;
use suppaftp::types::Response;

use crate::exchange::ExchangeError;
use crate::exchange::error::Doing;

/// Longest text of a server in a message, in characters.
const MAX_TEXT: usize = 200;

/// A server that said no. The connection is good for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Three digits; 0 where it sent none.
    pub code: u16,
    /// What it said, fit to be shown.
    pub text: String,
}

/// Why a command came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server said no.
    No(Answer),
    /// The connection is of no use any more.
    Gone(String),
    /// The other end does not prove that it is the server.
    Untrusted(String),
}

impl Answer {
    fn of(response: &Response) -> Self {
        let body = String::from_utf8_lossy(&response.body);
        let last = body.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        // Not from the crate's status, which knows no 522.
        let code = last.get(..3).and_then(|code| code.parse().ok()).unwrap_or_default();
        Self { code, text: shown(&body) }
    }

    /// Whether the command itself is what the server does not know or do.
    pub(super) const fn is_not_understood(&self) -> bool {
        matches!(self.code, 500..=504)
    }

    /// Whether the server broke down over the command. vsftpd says so with the number of a command that it does not know, once for
    /// each of its processes: the second time in answer to whatever it is asked next.
    pub(super) fn is_breakdown(&self) -> bool {
        self.code == 500 && self.says(&["500 oops:"])
    }

    /// Whether it is about the file that was named.
    pub(super) const fn is_about_the_file(&self) -> bool {
        matches!(self.code, 550 | 553)
    }

    /// Whether it is about the data connection.
    pub(super) const fn is_about_data(&self) -> bool {
        matches!(self.code, 425 | 522)
    }

    fn says(&self, words: &[&str]) -> bool {
        let text = self.text.to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    }

    /// Some servers say so for a folder without files.
    pub(super) fn is_empty_listing(&self) -> bool {
        self.code == 226 || matches!(self.code, 450 | 550) && self.says(&["no files"])
    }

    /// As the error of an operation that was `doing` something.
    pub(super) fn sorted(&self, place: &str, doing: Doing) -> ExchangeError {
        let (place, reason) = (place.to_owned(), self.text.clone());
        if matches!(self.code, 452 | 552) || doing == Doing::Writing && self.says(&["space left", "quota", "disk full", "disk is full"]) {
            ExchangeError::Full { place, reason }
        } else if self.is_about_data() || (400..500).contains(&self.code) {
            ExchangeError::Unreachable { place, reason }
        } else if self.is_about_the_file() && doing == Doing::Writing {
            ExchangeError::ReadOnly { place, reason }
        } else {
            ExchangeError::Refused { place, reason }
        }
    }

    /// As the error of a login.
    pub(super) fn of_login(&self, place: &str, encrypted: bool) -> ExchangeError {
        let place = place.to_owned();
        if (400..500).contains(&self.code) && self.code != 430 || self.says(&["too many", "maximum number"]) {
            return ExchangeError::Unreachable { place, reason: self.text.clone() };
        }
        let hint = if !encrypted && self.says(&["tls", "ssl", "encrypt"]) {
            "the address must begin with `ftps://`"
        } else {
            "check the user and the password"
        };
        ExchangeError::Refused { place, reason: format!("it does not accept the login ({}): {hint}", self.text) }
    }
}

impl From<FtpError> for Failure {
    fn from(error: FtpError) -> Self {
        match error {
            // The server takes its leave with it.
            FtpError::UnexpectedResponse(response) => match Answer::of(&response) {
                Answer { code: 421 | 0, text } => Self::Gone(text),
                answer => Self::No(answer),
            },
            FtpError::ConnectionError(error) => error.into(),
            FtpError::SecureError(reason) => Self::Gone(shown(&reason)),
            FtpError::BadResponse => Self::Gone("it answered what is no FTP".to_owned()),
            FtpError::InvalidAddress(_) | FtpError::DataConnectionAlreadyOpen => Self::Gone(error.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match (error.kind(), tls) {
            (_, Some(rustls::Error::InvalidCertificate(why))) => Self::Untrusted(shown(&why.to_string())),
            (io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut, _) => Self::Gone("it does not answer".to_owned()),
            (io::ErrorKind::UnexpectedEof, _) => Self::Gone("it broke the connection off".to_owned()),
            (_, _) => Self::Gone(shown(&error.to_string())),
        }
    }
}

impl Failure {
    /// As an error, where nothing better is known.
    pub(super) fn sorted(self, place: &str, doing: Doing) -> ExchangeError {
        let place = place.to_owned();
        match self {
            Self::No(answer) => answer.sorted(&place, doing),
            Self::Gone(reason) => ExchangeError::Unreachable { place, reason },
            Self::Untrusted(why) => ExchangeError::Refused {
                place,
                reason: format!(
                    "its certificate is not trusted ({why}): if this is the right server, save its certificate as a PEM file and name that as the one to trust"
                ),
            },
        }
    }
}

/// Without anything that could move a cursor, and not too long.
fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect();
    let mut text = words.join(" ");
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use suppaftp::Status;

    use super::*;

    fn answer(text: &str) -> Answer {
        Answer::of(&Response::new(Status::Unknown, text.as_bytes().to_vec()))
    }

    #[test]
    fn the_number_is_that_of_the_last_line_and_the_text_is_fit_to_be_shown() {
        let long = "x".repeat(500);
        let found = answer(&format!("550-a \x1b[2Jb\r\n522 {long}\r\n"));
        assert_eq!(found.code, 522);
        assert!(found.text.starts_with("550-a [2Jb 522 xxx") && found.text.chars().count() == MAX_TEXT + 1, "{}", found.text);
        assert_eq!(answer("").code, 0);
    }

    #[test]
    fn full_read_only_refused_and_away_are_told_apart() {
        let sorted = |text: &str, doing| answer(text).sorted("here", doing);
        assert!(matches!(sorted("552 over", Doing::Writing), ExchangeError::Full { .. }));
        assert!(matches!(sorted("451 No space left on device", Doing::Writing), ExchangeError::Full { .. }));
        assert!(matches!(sorted("553 Could not create file.", Doing::Writing), ExchangeError::ReadOnly { .. }));
        assert!(matches!(sorted("550 Failed to open file.", Doing::Reading), ExchangeError::Refused { .. }));
        assert!(matches!(sorted("425 No data connection", Doing::Reading), ExchangeError::Unreachable { .. }));
        assert!(matches!(sorted("522 session reuse required", Doing::Writing), ExchangeError::Unreachable { .. }));
        assert!(matches!(sorted("502 no", Doing::Writing), ExchangeError::Refused { .. }));
    }

    #[test]
    fn a_breakdown_is_no_unknown_command() {
        assert!(answer("500 OOPS: child died\r\n").is_breakdown());
        assert!(!answer("500 Unknown command.\r\n").is_breakdown());
        assert!(!answer("550 no such file: 500 OOPS: \r\n").is_breakdown());
    }

    #[test]
    fn a_refused_login_is_final_and_a_crowded_server_is_not() {
        let login = |text: &str| answer(text).of_login("here", false);
        let wrong = login("530 Login incorrect.");
        assert!(matches!(wrong, ExchangeError::Refused { .. }) && wrong.to_string().contains("password"), "{wrong}");
        let plain = login("530 Non-anonymous sessions must use encryption.");
        assert!(plain.to_string().contains("ftps://"), "{plain}");
        assert!(login("530 Sorry, the maximum number of clients (5) for this user already connected.").retry_helps());
    }
}
