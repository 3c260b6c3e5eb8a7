//! What has a person set for this site?

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Exchanges, LibrarySettings, Role, WatchSettings};
use crate::model::SiteName;
use crate::rules::reading::{At, Fault, Reading, quoted, span_text};

/// The content of `fieldpost.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// This site.
    pub name: SiteName,
    /// Its place in the tree.
    pub role: Role,
    /// The site at the root.
    pub host: SiteName,
    /// Whom it exchanges packets with upwards; none at the host, and only there.
    pub parent: Option<SiteName>,
    /// The application's database, seen from the home; see [`Settings::database_path`]. Text, because a path that is no
    /// text cannot be written into the file.
    pub database: String,
    /// Where packets are dropped.
    pub exchanges: Exchanges,
    /// When rounds run by themselves.
    pub watch: WatchSettings,
    /// A packet goes to every neighbour at least this often, in milliseconds, even if there is nothing to tell.
    pub heartbeat: i64,
    /// A neighbour that was silent for longer, in milliseconds, wants a person.
    pub alarm_after: i64,
    /// Where bundles put files, seen from the home; see [`Settings::bundles_path`].
    pub bundles_folder: String,
    /// How long the history of records is kept, at least [`Settings::LEAST_HISTORY_MILLIS`].
    pub history_millis: i64,
    /// The documents folder.
    pub library: LibrarySettings,
}

/// Why a text is no settings file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct SettingsError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl Settings {
    /// `groups` was written once, and says nothing: the roster does.
    const KEYS: [&str; 12] =
        ["groups", "name", "role", "host", "parent", "database", "watch", "heartbeat", "alarm_after", "history", "bundles", "library"];

    /// Of [`Settings::heartbeat`], where nothing is set: a day.
    pub const HEARTBEAT: i64 = 24 * 60 * 60 * 1000;
    /// Of [`Settings::alarm_after`], where nothing is set: two weeks.
    pub const ALARM_AFTER: i64 = 14 * Self::HEARTBEAT;
    /// Of [`Settings::bundles_folder`], where nothing is set.
    pub const BUNDLES_FOLDER: &str = "custom";
    /// How long history is kept where nobody says: last year's can be looked up until this one is over.
    pub const HISTORY_MILLIS: i64 = 400 * 86_400_000;
    /// The shortest time for history: the plot of `status` goes back so far.
    pub const LEAST_HISTORY_MILLIS: i64 = 30 * 86_400_000;

    /// Reads the text of a `fieldpost.toml`.
    ///
    /// # Errors
    /// [`SettingsError`] with the line.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        Self::read(text).map_err(|(line, fault)| SettingsError { line, fault })
    }

    /// The documents folder of the site in `home`.
    #[must_use]
    pub fn library_path(&self, home: &Path) -> PathBuf {
        home.join(self.library.folder())
    }

    /// The application's database of the site in `home`.
    #[must_use]
    pub fn database_path(&self, home: &Path) -> PathBuf {
        home.join(&self.database)
    }

    /// The folder for customizations of the site in `home`.
    #[must_use]
    pub fn bundles_path(&self, home: &Path) -> PathBuf {
        home.join(&self.bundles_folder)
    }

    fn read(text: &str) -> At<Self> {
        let root = Reading::parse(text)?;
        root.only(&[&Self::KEYS[..], &Exchanges::KEYS].concat())?;
        let site = |key: &'static str| SiteName::new(root.required(key)?).map_err(|error| root.refuse(key, error));
        let filled = |key: &'static str| match root.required(key)? {
            "" => Err(root.refuse(key, "may not be empty")),
            text => Ok(text.to_owned()),
        };
        let name = site("name")?;
        let role = root.word("role", &Role::WORDS)?.ok_or((1, Fault::Missing("role")))?;
        let host = site("host")?;
        let parent = root.text("parent")?.map(|_| site("parent")).transpose()?;
        match (role, &parent) {
            (Role::Host, Some(_)) => return Err(root.refuse("parent", "the host has none")),
            (Role::Host, None) if host != name => return Err(root.refuse("host", "at the host this is its own name")),
            (Role::Office | Role::Remote, None) => return Err((1, Fault::Missing("parent"))),
            (Role::Office | Role::Remote, Some(parent)) if *parent == name => {
                return Err(root.refuse("parent", "no site is its own parent"));
            }
            (Role::Host, None) | (Role::Office | Role::Remote, Some(_)) => {}
        }
        let heartbeat = root.span("heartbeat")?.unwrap_or(Self::HEARTBEAT);
        if heartbeat < 60_000 {
            return Err(root.refuse("heartbeat", "a minute is the shortest"));
        }
        let alarm_after = root.span("alarm_after")?.unwrap_or(Self::ALARM_AFTER);
        let watch = WatchSettings::read(&root)?;
        let bundles_folder = match root.table("bundles")? {
            None => Self::BUNDLES_FOLDER.to_owned(),
            Some(table) => {
                table.only(&["folder"])?;
                match table.text("folder")?.unwrap_or(Self::BUNDLES_FOLDER) {
                    "" => return Err(table.refuse("folder", "may not be empty")),
                    folder => folder.to_owned(),
                }
            }
        };
        let history_millis = root.span("history")?.unwrap_or(Self::HISTORY_MILLIS);
        if history_millis < Self::LEAST_HISTORY_MILLIS {
            return Err(root.refuse("history", format!("at least {}", span_text(Self::LEAST_HISTORY_MILLIS))));
        }
        Ok(Self {
            watch,
            heartbeat,
            alarm_after,
            name,
            role,
            host,
            parent,
            database: filled("database")?,
            exchanges: Exchanges::read(&root)?,
            bundles_folder,
            history_millis,
            library: LibrarySettings::read(&root)?,
        })
    }
}

/// The file as we write it, with a line for each setting on what it means.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &SiteName| quoted(name.as_str());
        writeln!(f, "# Settings of this site. Read at the start of every run of fieldpost; change them with any editor.\n")?;
        writeln!(f, "# The name of this site and its place in the tree: host, office or remote. Fixed once others know it.")?;
        writeln!(f, "name = {}\nrole = \"{}\"\n", name(&self.name), self.role)?;
        writeln!(f, "# The main office{}.", if self.parent.is_some() { ", and the site this one exchanges with" } else { "" })?;
        writeln!(f, "host = {}", name(&self.host))?;
        if let Some(parent) = &self.parent {
            writeln!(f, "parent = {}", name(parent))?;
        }
        if (self.heartbeat, self.alarm_after) != (Self::HEARTBEAT, Self::ALARM_AFTER) {
            writeln!(f, "\n# A sign of life at least this often, and how long a neighbour may be silent.")?;
            writeln!(f, "heartbeat = \"{}\"\nalarm_after = \"{}\"", span_text(self.heartbeat), span_text(self.alarm_after))?;
        }
        writeln!(f, "\n# The application's database, seen from this folder.")?;
        writeln!(f, "database = {}\n", quoted(&self.database))?;
        writeln!(f, "# Where packets are dropped and collected: a folder, an address, or a list of them.\n{}", self.exchanges)?;
        writeln!(f, "# How long history and the list of conflicts are kept: at least {}.", span_text(Self::LEAST_HISTORY_MILLIS))?;
        writeln!(f, "history = {}", quoted(&span_text(self.history_millis)))?;
        self.exchanges.tables(f)?;
        self.watch.table(f)?;
        if self.bundles_folder != Self::BUNDLES_FOLDER {
            writeln!(f, "\n[bundles]\nfolder = {}", quoted(&self.bundles_folder))?;
        }
        self.library.table(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = 'anna'\nrole = 'remote'\nhost = 'head'\nparent = 'north'\n\
                        database = 'C:\\crm\\shop.db'\nexchange = '/mnt/share'\nhistory = '90d'\n";

    #[test]
    fn what_is_written_reads_back() {
        let settings = Settings::parse(GOOD).unwrap();
        let inside = Settings { database: "shop.db".to_owned(), ..settings.clone() };
        assert_eq!(inside.database_path(Path::new("home")), Path::new("home").join("shop.db"));
        assert_eq!(Settings::parse(&settings.to_string()).unwrap(), settings);
        let elsewhere = Settings { bundles_folder: "C:\\crm\\custom".to_owned(), ..settings.clone() };
        assert_eq!(Settings::parse(&elsewhere.to_string()).unwrap(), elsewhere);
        let text = settings.to_string();
        assert_eq!(Settings::parse(&text).unwrap().to_string(), text);
        assert_eq!(Settings::parse(&format!("groups = ['east']\n{GOOD}")).unwrap(), settings, "an older file is read");
    }

    #[test]
    fn what_is_set_of_exchanges_and_watching_reads_back() {
        let more = "heartbeat = '1h'\nalarm_after = '3d'\ntransfer_limit = '500 kB'\n\
                    [access.'ftps://anna@host/x']\npassword_command = 'pass show x'\ncertificate = 'ca.pem'\n\
                    [watch]\nevery = '15m'\nat = '18:00'\ncron = ['*/5 8-17 * * mon-fri']\nhours = '07:00-19:00'\n\
                    days = 'mon-fri'\nzone = 'Europe/Zurich'\npoll = '30s'\nsettle = '2s'\n";
        let text = GOOD.replace("exchange = '/mnt/share'", "exchange = ['/mnt/share', 'ftps://anna@host/x']") + more;
        let settings = Settings::parse(&text).unwrap();
        assert_eq!(settings.exchanges.addresses.len(), 2);
        assert_eq!(settings.exchanges.access["ftps://anna@host/x"].certificate.as_deref(), Some("ca.pem"));
        assert_eq!((settings.watch.every, settings.watch.poll), (Some(900_000), 30_000));
        assert_eq!(Settings::parse(&settings.to_string()).unwrap(), settings);
        for (from, to, expected) in [
            ("['/mnt/share', 'ftps://anna@host/x']", "[]", "`exchange`: may not be empty"),
            ("['/mnt/share', 'ftps://anna@host/x']", "['/mnt/share']", "it is none of the addresses"),
            ("password_command", "password", "unknown key `password`"),
            ("'18:00'", "'18'", "`at`: it takes times of day"),
            ("*/5 8-17 * * mon-fri", "*/5 8-17 * *", "`cron`: `*/5 8-17 * *`"),
            ("Europe/Zurich", "Europe/Bern", "there is no time zone `Europe/Bern`"),
            ("'30s'", "'0s'", "`poll`: a second is the shortest"),
            ("'1h'", "'1s'", "`heartbeat`: a minute is the shortest"),
            ("500 kB", "fast", "`transfer_limit`: it takes so many bytes"),
        ] {
            let error = Settings::parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to:?} gives {error:?}");
        }
    }

    #[test]
    fn what_is_set_of_documents_reads_back() {
        let more = "[library]\nfolder = 'D:\\docs'\nexclude = ['*.tmp']\ninclude = ['a/**']\nlargest = '3 MB'\nbudget = '1 GiB'\nbefore_rows = true\n";
        let settings = Settings::parse(&format!("{GOOD}{more}")).unwrap();
        assert_eq!(settings.library.folder(), "D:\\docs");
        assert_eq!(
            (settings.library.budget, settings.library.choice.largest, settings.library.before_rows),
            (1 << 30, Some(3_000_000), true)
        );
        assert_eq!(Settings::parse(&settings.to_string()).unwrap(), settings);
        assert_eq!(Settings::parse(GOOD).unwrap().library.folder(), "library");
        let error = Settings::parse(&format!("{GOOD}[library]\nbudget = '0'\n")).unwrap_err().to_string();
        assert!(error.starts_with("line 9: `budget`: it takes so many bytes"), "{error}");
    }

    #[test]
    fn every_fault_is_named_with_its_line() {
        let cases = [
            ("name = 'anna'", "name = 'Anna'", "line 1: `name`: a site name has only a-z"),
            ("name = 'anna'\n", "", "line 1: `name` is missing"),
            ("'remote'", "'remot'", "line 2: `role` is `remot`, but may only be host, office or remote"),
            ("role = 'remote'\n", "", "line 1: `role` is missing"),
            ("'remote'", "'host'", "line 4: `parent`: the host has none"),
            ("parent = 'north'\n", "", "line 1: `parent` is missing"),
            ("'north'", "'anna'", "line 4: `parent`: no site is its own parent"),
            ("database", "databse", "line 5: unknown key `databse`"),
            ("exchange = '/mnt/share'", "exchange = ''", "line 6: `exchange`: may not be empty"),
            ("'/mnt/share'", "['/mnt/share', 3]", "line 6: `exchange` takes a text, table or list of these, found integer"),
            ("'/mnt/share'", "'/mnt/share', ''", "line 6: "),
            ("'90d'", "'29d'", "line 7: `history`: at least 30d"),
            ("'90d'", "'long'", "line 7: `history`: it takes a length of time"),
        ];
        for (from, to, expected) in cases {
            let error = Settings::parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{to:?} gives {error:?}");
        }
    }

    #[test]
    fn the_host_names_itself() {
        let text = "name = 'a'\nrole = 'host'\nhost = 'b'\ndatabase = 'x'\nexchange = 'y'\n";
        assert_eq!(Settings::parse(text).unwrap_err().line, 3);
        Settings::parse(&text.replace("'b'", "'a'")).unwrap();
    }
}
