//! Which exchanges has a person set for this site, and how are they entered? No password stands here: see [`super::Logins`].

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;

use crate::rules::reading::{At, Item, Reading, byte_count, quoted};

/// The settings `exchange`, `access` and `transfer_limit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchanges {
    /// Folders and addresses, at least one, in the order in which they are tried.
    pub addresses: Vec<String>,
    /// What more there is to say of some of them.
    pub access: BTreeMap<String, AccessSettings>,
    /// Most bytes a second, over all of them together.
    pub transfer_limit: Option<NonZeroU64>,
}

/// How an exchange is entered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessSettings {
    /// Who logs in, where the address does not say it.
    pub user: Option<String>,
    /// A program and its arguments that print the password.
    pub password_command: Option<String>,
    /// A file of certificates, seen from the home: the server's must be one of these or signed by one.
    pub certificate: Option<String>,
}

impl Exchanges {
    /// The keys it reads.
    pub(super) const KEYS: [&str; 3] = ["exchange", "access", "transfer_limit"];

    /// One exchange that needs nothing more.
    #[must_use]
    pub fn only(address: &str) -> Self {
        Self::at([address.to_owned()])
    }

    /// Several that need nothing more.
    #[must_use]
    pub fn at(addresses: impl IntoIterator<Item = String>) -> Self {
        Self { addresses: addresses.into_iter().collect(), ..Self::default() }
    }

    pub(super) fn read(root: &Reading<'_>) -> At<Self> {
        let mut addresses = Vec::new();
        for item in root.items("exchange")?.ok_or_else(|| root.missing("exchange"))? {
            match item {
                Item::Text { text, .. } if text.is_empty() => return Err(root.refuse("exchange", "may not be empty")),
                Item::Text { text, .. } if addresses.contains(&text) => {
                    return Err(root.refuse("exchange", format!("`{text}` stands there twice")));
                }
                Item::Text { text, .. } => addresses.push(text),
                Item::Table(_) => return Err(root.refuse("exchange", "takes an address or a list of addresses")),
            }
        }
        if addresses.is_empty() {
            return Err(root.refuse("exchange", "may not be empty"));
        }
        let mut access = BTreeMap::new();
        if let Some(table) = root.table("access")? {
            for address in table.keys() {
                if !addresses.iter().any(|known| known == address) {
                    return Err(table.refuse(address, "it is none of the addresses in `exchange`"));
                }
                let Some(one) = table.table(address)? else { continue };
                one.only(&["user", "password_command", "certificate"])?;
                let text = |key: &str| match one.text(key)? {
                    Some("") => Err(one.refuse(key, "may not be empty")),
                    text => Ok(text.map(str::to_owned)),
                };
                let settings =
                    AccessSettings { user: text("user")?, password_command: text("password_command")?, certificate: text("certificate")? };
                access.insert(address.to_owned(), settings);
            }
        }
        let speed =
            |text: &str| bytes(text).ok_or_else(|| root.refuse("transfer_limit", "it takes so many bytes a second: \"500 kB\", \"2 MB\""));
        let transfer_limit = root.text("transfer_limit")?.map(speed).transpose()?;
        Ok(Self { addresses, access, transfer_limit })
    }
}

/// The part of the settings file, as we write it.
impl fmt::Display for Exchanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.addresses.iter().map(|address| quoted(address)).collect();
        match &all[..] {
            [one] => writeln!(f, "exchange = {one}")?,
            all => writeln!(f, "exchange = [{}]", all.join(", "))?,
        }
        if let Some(limit) = self.transfer_limit {
            writeln!(f, "transfer_limit = \"{limit} B\"")?;
        }
        Ok(())
    }
}

impl Exchanges {
    /// The tables of the settings file that belong to it; they stand at its end.
    pub(super) fn tables(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (address, access) in &self.access {
            writeln!(f, "\n[access.{}]", quoted(address))?;
            let AccessSettings { user, password_command, certificate } = access;
            for (key, value) in [("user", user), ("password_command", password_command), ("certificate", certificate)] {
                if let Some(value) = value {
                    writeln!(f, "{key} = {}", quoted(value))?;
                }
            }
        }
        Ok(())
    }
}

/// A number of bytes such as `500 kB` or `2 MB`, with `/s` behind it or not; not 0.
fn bytes(text: &str) -> Option<NonZeroU64> {
    byte_count(text.trim().trim_end_matches("/s")).and_then(NonZeroU64::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read() {
        for (text, expected) in
            [("500 kB", 500_000), ("2MB/s", 2_000_000), ("64 KiB", 65_536), ("9", 9), ("1 MB / s", 0), ("0", 0), ("fast", 0), ("", 0)]
        {
            assert_eq!(bytes(text).map_or(0, NonZeroU64::get), expected, "{text:?}");
        }
    }
}
