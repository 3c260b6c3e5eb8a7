//! Opens what an address means.

use super::{Access, Address, AddressError, CommandExchange, Exchange, FolderExchange, Scheme, Server, SftpExchange};

/// Why an address opens no exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// This binary was built without what it takes.
    #[error("this fieldpost was built without `{feature}`, which `{scheme}://` needs", scheme = .scheme.word())]
    BuiltWithout {
        /// The scheme of the address.
        scheme: Scheme,
        /// The feature of the build.
        feature: &'static str,
    },
    /// What it is to be opened with cannot be used: a missing login, a certificate that cannot be read.
    #[error("{place} cannot be used: {why}")]
    Access {
        /// The place.
        place: String,
        /// What is wrong or missing.
        why: String,
    },
}

/// Opens the exchange at an address. Reaches nothing yet.
///
/// # Errors
/// [`OpenError`] says what is wrong with the address or the access.
pub fn open_exchange(address: &str, access: &Access) -> Result<Box<dyn Exchange>, OpenError> {
    match Address::parse(address)? {
        Address::Folder(folder) => Ok(Box::new(FolderExchange::new(folder).with_meter(access.meter.clone()))),
        Address::Server(server) => open_server(server, access),
        Address::Command(words) => Ok(Box::new(CommandExchange::new(words, access))),
    }
}

fn open_server(server: Server, access: &Access) -> Result<Box<dyn Exchange>, OpenError> {
    match server.scheme {
        #[cfg(feature = "ftp")]
        Scheme::Ftp | Scheme::Ftps => Ok(Box::new(super::FtpExchange::new(server, access)?)),
        #[cfg(not(feature = "ftp"))]
        Scheme::Ftp | Scheme::Ftps => Err(OpenError::BuiltWithout { scheme: server.scheme, feature: "ftp" }),
        Scheme::Sftp => Ok(Box::new(SftpExchange::new(server, access)?)),
        #[cfg(feature = "webdav")]
        Scheme::Http | Scheme::Https => Ok(Box::new(super::WebDavExchange::new(server, access)?)),
        #[cfg(not(feature = "webdav"))]
        Scheme::Http | Scheme::Https => Err(OpenError::BuiltWithout { scheme: server.scheme, feature: "webdav" }),
        #[cfg(feature = "s3")]
        Scheme::S3 | Scheme::S3Http => Ok(Box::new(super::S3Exchange::new(server, access)?)),
        #[cfg(not(feature = "s3"))]
        Scheme::S3 | Scheme::S3Http => Err(OpenError::BuiltWithout { scheme: server.scheme, feature: "s3" }),
    }
}

/// Resolves `%` escapes; none where one is no escape, stands for a zero byte, or gives no text.
pub(super) fn unescape(text: &str) -> Option<String> {
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
