//! Which exchange an address means.

use std::path::PathBuf;

use super::{Exchange, FolderExchange};

/// Why an address is no exchange this version can open. Says only the scheme: the rest may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another way than this version knows.
    #[error("this fieldpost cannot use `{scheme}://` as an exchange, only a folder: a path or `file:///path`")]
    UnsupportedScheme {
        /// What stands before `://`.
        scheme: String,
    },
    /// `file://` with something that is no local path behind it.
    #[error("`file://` must be followed by an absolute path of this machine: `file:///path`")]
    BadFileUrl,
    /// Nothing.
    #[error("the address of the exchange is empty")]
    Empty,
}

/// Opens the exchange at an address: a path as it is, or `file:///path` with `%` escapes. Reaches nothing yet.
///
/// # Errors
/// [`OpenError`] says what this version can do.
pub fn open_exchange(address: &str) -> Result<Box<dyn Exchange>, OpenError> {
    Ok(Box::new(FolderExchange::new(folder_of(address)?)))
}

fn folder_of(address: &str) -> Result<PathBuf, OpenError> {
    if address.is_empty() {
        return Err(OpenError::Empty);
    }
    let Some((scheme, rest)) = address.split_once("://") else { return Ok(address.into()) };
    let is_scheme =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !is_scheme {
        return Ok(address.into());
    }
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(OpenError::UnsupportedScheme { scheme: scheme.to_ascii_lowercase() });
    }
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err(OpenError::BadFileUrl);
    }
    let path = unescape(path).ok_or(OpenError::BadFileUrl)?;
    // `file:///C:/share` on Windows.
    let drive = cfg!(windows) && path.as_bytes().get(2) == Some(&b':');
    Ok(if drive { path[1..].into() } else { path.into() })
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(hex, 16).ok().filter(|byte| *byte != 0 && !hex.starts_with('+'))?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_file_addresses_are_folders() {
        for (address, path) in [
            ("/mnt/share", "/mnt/share"),
            ("share", "share"),
            ("C:\\share", "C:\\share"),
            ("file:///mnt/my%20share", "/mnt/my share"),
            ("FILE://localhost/x", "/x"),
        ] {
            assert_eq!(folder_of(address).unwrap(), PathBuf::from(path), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_named_without_their_password() {
        let error = open_exchange("ftp://anna:secret@host/x").unwrap_err();
        assert_eq!(error, OpenError::UnsupportedScheme { scheme: "ftp".into() });
        assert!(!error.to_string().contains("secret"));
        for bad in ["file://server/x", "file://", "file:///a%0", "file:///a%zz", "file:///a%00", "file:///%+1"] {
            assert_eq!(folder_of(bad), Err(OpenError::BadFileUrl), "{bad}");
        }
        assert_eq!(folder_of(""), Err(OpenError::Empty));
    }
}
