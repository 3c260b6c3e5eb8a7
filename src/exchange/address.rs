//! What an address says: which kind of place, where, and nothing secret.
//!
//! | address | place |
//! |---|---|
//! | `/mnt/share`, `E:\share`, `file:///mnt/share` | a folder |
//! | `ftp://anna@host:21/path` | FTP; `ftps://` with TLS: at once on port 990, else after `AUTH TLS` |
//! | `sftp://anna@host:22/path` | SFTP, by the `ssh` program of this machine with its keys and `known_hosts` |
//! | `https://host/path` | WebDAV; `http://` without TLS |
//! | `s3://host/bucket/prefix?region=eu-central-1` | an S3 store; `s3+http://` without TLS |
//! | `command:program argument …` | a program that does the six operations |
//!
//! An FTP or SFTP path is seen from the folder the login leads to; `//path` is one from the server's root. Options stand behind `?`.
//! A password in an address is refused: addresses are shown, logged and kept in a file that anybody may read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use url::Url;

/// Why a text is no address. Never holds the text behind the scheme where a password could stand in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing.
    #[error("the address of the exchange is empty")]
    Empty,
    /// A scheme nobody here knows.
    #[error("`{scheme}://` is no exchange that fieldpost knows: take a folder, {known} or command:", known = Scheme::known())]
    UnknownScheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// `file://` with something that is no local path behind it.
    #[error("`file://` must be followed by an absolute path of this machine: `file:///path`")]
    BadFileUrl,
    /// A password, which has no place there.
    #[error("the address of the exchange holds a password, which everybody could read there: leave it out")]
    Password,
    /// Cannot be read, or lacks something.
    #[error("the address `{scheme}://…` cannot be used: {why}")]
    Bad {
        /// The scheme.
        scheme: &'static str,
        /// What is wrong with the rest.
        why: String,
    },
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain FTP.
    Ftp,
    /// FTP over TLS.
    Ftps,
    /// SFTP.
    Sftp,
    /// WebDAV without TLS.
    Http,
    /// WebDAV.
    Https,
    /// An S3 store.
    S3,
    /// An S3 store without TLS.
    S3Http,
}

impl Scheme {
    const ALL: [(&'static str, Self); 7] = [
        ("ftp", Self::Ftp),
        ("ftps", Self::Ftps),
        ("sftp", Self::Sftp),
        ("https", Self::Https),
        ("http", Self::Http),
        ("s3", Self::S3),
        ("s3+http", Self::S3Http),
    ];

    /// As it stands in an address.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, scheme)| *scheme == self).map_or("", |(word, _)| word)
    }

    /// Whether the server shows a certificate.
    #[must_use]
    pub const fn has_tls(self) -> bool {
        match self {
            Self::Ftps | Self::Https | Self::S3 => true,
            Self::Ftp | Self::Sftp | Self::Http | Self::S3Http => false,
        }
    }

    fn known() -> String {
        let all: Vec<String> = Self::ALL.iter().map(|(word, _)| format!("{word}://")).collect();
        all.join(", ")
    }

    /// What may stand behind `?`.
    const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Ftps => &["tls"],
            Self::S3 | Self::S3Http => &["region", "style"],
            Self::Ftp | Self::Sftp | Self::Http | Self::Https => &[],
        }
    }
}

/// A place on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Who logs in, where the address says it.
    pub user: Option<String>,
    /// Name or number of the machine; a number of IPv6 stands in brackets.
    pub host: String,
    /// Where it is not the scheme's own.
    pub port: Option<u16>,
    /// The folder, without a slash at its end; empty: the one the login leads to. Escapes are resolved.
    pub path: String,
    options: BTreeMap<String, String>,
}

impl Server {
    /// What the address says for an option of its scheme.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    fn parse(scheme: Scheme, text: &str) -> Result<Self, AddressError> {
        let word = scheme.word();
        let bad = |why: &str| AddressError::Bad { scheme: word, why: why.to_owned() };
        // The crate reads what stands behind the schemes of the web in their own way (`\` as `/`, say); ours are read alike.
        let rest = &text[text.find("://").map_or(0, |at| at + 3)..];
        let url = Url::parse(&format!("fieldpost://{rest}")).map_err(|error| bad(&error.to_string()))?;
        if url.password().is_some() {
            return Err(AddressError::Password);
        }
        if url.fragment().is_some() {
            return Err(bad("a `#` must be written `%23`"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("it names no server"))?.to_owned();
        let plain = |text: &str| super::open::unescape(text).ok_or_else(|| bad("an escape with `%` in it cannot be read"));
        let user = match url.username() {
            "" => None,
            user => Some(plain(user)?),
        };
        let path = plain(url.path())?;
        if path.chars().any(char::is_control) || user.iter().flat_map(|user| user.chars()).any(char::is_control) {
            return Err(bad("it holds a control character"));
        }
        let path = path.strip_prefix('/').unwrap_or(&path).trim_end_matches('/').to_owned();
        if path.split('/').any(|level| level == ".." || level == ".") {
            return Err(bad("the path may not hold `.` or `..`"));
        }
        let mut options = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            if !scheme.options().contains(&&*name) {
                let known = scheme.options();
                let may = if known.is_empty() { "nothing may stand behind `?`".to_owned() } else { format!("known: {}", known.join(", ")) };
                return Err(bad(&format!("it has no option `{name}`; {may}")));
            }
            options.insert(name.into_owned(), value.into_owned());
        }
        let server = Self { scheme, user, host, port: url.port(), path, options };
        for (option, words) in [("tls", ["explicit", "implicit"]), ("style", ["path", "virtual"])] {
            if server.option(option).is_some_and(|value| !words.contains(&value)) {
                return Err(bad(&format!("`{option}` is {} or {}", words[0], words[1])));
            }
        }
        if matches!(scheme, Scheme::S3 | Scheme::S3Http) && server.path.is_empty() {
            return Err(bad("it names no bucket: `s3://host/bucket/prefix`"));
        }
        Ok(server)
    }
}

/// As an address, without options: names the place in messages.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme.word())?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        f.write_str(&self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

/// What an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A folder of this machine, or mounted here.
    Folder(PathBuf),
    /// A place on a server.
    Server(Server),
    /// A program and its arguments; at least one word.
    Command(Vec<String>),
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(line) = text.strip_prefix("command:") {
            return words(line).map(Self::Command);
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::Folder(text.into())) };
        let is_scheme =
            scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !is_scheme {
            return Ok(Self::Folder(text.into()));
        }
        if scheme.eq_ignore_ascii_case("file") {
            return file_url(rest).map(Self::Folder);
        }
        match Scheme::ALL.iter().find(|(word, _)| scheme.eq_ignore_ascii_case(word)) {
            Some((_, scheme)) => Server::parse(*scheme, text).map(Self::Server),
            None => Err(AddressError::UnknownScheme { scheme: scheme.to_ascii_lowercase() }),
        }
    }
}

fn file_url(rest: &str) -> Result<PathBuf, AddressError> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(AddressError::BadFileUrl);
    }
    let path = super::open::unescape(path).ok_or(AddressError::BadFileUrl)?;
    // `file:///C:/share` on Windows.
    let drive = cfg!(windows) && path.as_bytes().get(2) == Some(&b':');
    Ok(if drive { path[1..].into() } else { path.into() })
}

/// The words of a command line, at least one: split at spaces, `"…"` and `'…'` keep them. No other meaning, no shell.
///
/// # Errors
/// [`AddressError::Bad`] for a quote that is not closed, and for no word at all.
pub fn words(line: &str) -> Result<Vec<String>, AddressError> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => word.get_or_insert_default().push(c),
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(AddressError::Bad { scheme: "command", why: "a quote is not closed".to_owned() });
    }
    words.extend(word);
    if words.is_empty() { Err(AddressError::Bad { scheme: "command", why: "it names no program".to_owned() }) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        match Address::parse(text) {
            Ok(Address::Server(server)) => server,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn paths_and_file_addresses_are_folders() {
        for (address, path) in [
            ("/mnt/share", "/mnt/share"),
            ("share", "share"),
            ("C:\\share", "C:\\share"),
            ("file:///mnt/my%20share", "/mnt/my share"),
            ("FILE://localhost/x", "/x"),
        ] {
            assert_eq!(Address::parse(address), Ok(Address::Folder(path.into())), "{address}");
        }
        for bad in ["file://server/x", "file://", "file:///a%0", "file:///a%zz", "file:///a%00", "file:///%+1"] {
            assert_eq!(Address::parse(bad), Err(AddressError::BadFileUrl), "{bad}");
        }
        assert_eq!(Address::parse(""), Err(AddressError::Empty));
    }

    #[test]
    fn servers_are_read_whole_and_shown_without_options() {
        let found = server("FTPS://an%40na@ftp.example.com:2121/field%20post/?tls=implicit");
        assert_eq!(found.scheme, Scheme::Ftps);
        assert_eq!((found.user.as_deref(), &*found.host, found.port), (Some("an@na"), "ftp.example.com", Some(2121)));
        assert_eq!((&*found.path, found.option("tls")), ("field post", Some("implicit")));
        assert_eq!(found.to_string(), "ftps://an@na@ftp.example.com:2121/field post");
        assert_eq!(server("sftp://host//srv/x").path, "/srv/x");
        assert_eq!(server("ftp://host").path, "");
        assert_eq!(server("https://[::1]:8443/dav").host, "[::1]");
        let store = server("s3+http://127.0.0.1:9000/bucket/a/b?region=eu-central-1&style=path");
        assert_eq!((&*store.path, store.option("region")), ("bucket/a/b", Some("eu-central-1")));
    }

    #[test]
    fn what_cannot_be_used_is_named_and_a_password_is_not_repeated() {
        for (bad, expected) in [
            ("gopher://x/y", "`gopher://` is no exchange"),
            ("ftp://anna:secret@host/x", "holds a password"),
            ("s3://host", "names no bucket"),
            ("ftp:///x", "names no server"),
            ("ftp://host/a/..%2f..%2fb", "`..`"),
            ("ftp://host/a%0ab", "control character"),
            ("ftp://host/x?mode=active", "no option `mode`"),
            ("ftps://host/x?tls=maybe", "explicit or implicit"),
            ("ftp://host/x#y", "%23"),
            ("command:", "names no program"),
            ("command:a 'b", "not closed"),
        ] {
            let error = Address::parse(bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_command_is_split_into_words_and_nothing_else_happens_to_it() {
        let line = "command:/opt/my\\tool 'a b' --to=\"$HOME c\" ''";
        let expected = ["/opt/my\\tool", "a b", "--to=$HOME c", ""];
        assert_eq!(Address::parse(line), Ok(Address::Command(expected.map(str::to_owned).to_vec())));
    }
}
