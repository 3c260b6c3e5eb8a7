//! What makes a noise: the application's database, the documents, the folder of an exchange, somebody who wants the watch to end.
//!
//! Noises are hints. A share over the network makes none, a queue of events can run over, a folder can be unmounted under the ear that
//! listens to it: so [`Ears::listen`] is called again at every usual interval, and what it misses is found by looking.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notify::event::ModifyKind;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::library::HIDDEN;

/// A hint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Somebody wrote to the database.
    Database,
    /// Something happened in the folder of documents.
    Documents,
    /// Something came to the folder of an exchange.
    Exchange,
    /// Something may have been missed: look everywhere.
    Lost,
    /// The watch is to end.
    Stop,
}

/// What to listen to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The database file.
    pub database: Option<PathBuf>,
    /// The folder of documents, with all that is in it.
    pub documents: Option<PathBuf>,
    /// Folders into which packets for this site come, and the roots of exchanges where these are not there yet.
    pub folders: Vec<PathBuf>,
}

/// Listens.
#[derive(Debug)]
pub struct Ears {
    sender: Sender<Noise>,
    receiver: Receiver<Noise>,
    watcher: Option<RecommendedWatcher>,
    listening: Vec<PathBuf>,
    places: Arc<Mutex<Places>>,
}

impl Ears {
    /// Listens to nothing yet. Where the system lends no ear, only looking is left.
    #[must_use]
    pub fn new() -> Self {
        let (sender, receiver) = channel();
        let places = Arc::new(Mutex::new(Places::default()));
        let (to, about) = (sender.clone(), places.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let noise = match &event {
                Ok(event) => meaning(event, &about.lock().expect("no holder panics")),
                Err(_) => Some(Noise::Lost),
            };
            if let Some(noise) = noise {
                // Nobody waits any more: the watch is over.
                let _ = to.send(noise);
            }
        });
        Self { sender, receiver, watcher: watcher.ok(), listening: Vec::new(), places }
    }

    /// Where others can make a noise, from any thread.
    #[must_use]
    pub fn sender(&self) -> Sender<Noise> {
        self.sender.clone()
    }

    /// Listens to these places from now on, and anew to those it listened to: what is mounted there may be another folder by now.
    pub fn listen(&mut self, places: &Places) {
        places.clone_into(&mut self.places.lock().expect("no holder panics"));
        let Some(watcher) = &mut self.watcher else { return };
        for path in self.listening.drain(..) {
            // It may be gone.
            let _ = watcher.unwatch(&path);
        }
        let around = places.database.as_ref().and_then(|database| database.parent()).map(Path::to_owned);
        for path in places.folders.iter().cloned().chain(around) {
            if !self.listening.contains(&path) && watcher.watch(&path, RecursiveMode::NonRecursive).is_ok() {
                self.listening.push(path);
            }
        }
        // Where there are more folders than the system lends ears for, looking is left.
        if let Some(documents) = &places.documents
            && watcher.watch(documents, RecursiveMode::Recursive).is_ok()
        {
            self.listening.push(documents.clone());
        }
    }

    /// Waits for a noise; none when the time is over. Noises that come in one burst are given one after the other.
    #[must_use]
    pub fn wait(&self, time: Duration) -> Option<Noise> {
        // The sender in `self` keeps the channel open.
        self.receiver.recv_timeout(time).ok()
    }
}

impl Default for Ears {
    fn default() -> Self {
        Self::new()
    }
}

/// What an event may mean; none: nothing that concerns us.
fn meaning(event: &Event, places: &Places) -> Option<Noise> {
    if event.need_rescan() {
        return Some(Noise::Lost);
    }
    let of_documents = |path: &PathBuf| places.documents.as_ref().is_some_and(|documents| is_of_documents(path, documents));
    if !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(of_documents) {
        return Some(Noise::Documents);
    }
    match event.kind {
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => return None,
        // A folder we listen to is gone: unmounted, or taken away.
        EventKind::Remove(_) => return event.paths.iter().any(|path| places.folders.contains(path)).then_some(Noise::Lost),
        EventKind::Any | EventKind::Create(_) | EventKind::Modify(_) | EventKind::Other => {}
    }
    let of_database = |path: &PathBuf| places.database.as_ref().is_some_and(|database| is_of_database(path, database));
    let of_exchange = |path: &PathBuf| {
        let inside = path.parent().is_some_and(|parent| places.folders.iter().any(|folder| folder == parent));
        inside && path.extension().is_none_or(|extension| extension != "part")
    };
    if event.paths.iter().any(of_database) {
        Some(Noise::Database)
    } else if event.paths.iter().any(of_exchange) {
        Some(Noise::Exchange)
    } else {
        None
    }
}

/// The file itself, its write-ahead log or its rollback journal; the shared memory beside them changes when somebody only reads.
fn is_of_database(path: &Path, database: &Path) -> bool {
    let (Some(name), Some(of)) = (path.file_name(), database.file_name()) else { return false };
    path.parent() == database.parent() && beside(of).any(|file| file == name)
}

/// Anything in the folder but what is hidden there by us.
fn is_of_documents(path: &Path, documents: &Path) -> bool {
    path.strip_prefix(documents).is_ok_and(|inside| inside.components().next().is_some_and(|first| first.as_os_str() != HIDDEN))
}

fn beside(name: &OsStr) -> impl Iterator<Item = std::ffi::OsString> {
    ["", "-wal", "-journal"].into_iter().map(move |end| {
        let mut file = name.to_owned();
        file.push(end);
        file
    })
}

/// What a database looks like from outside: whoever writes to it changes this, whoever reads does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace(Vec<(u64, Option<u128>)>);

impl Trace {
    /// Looks at the files. A write-ahead log that is empty is like none: a reader makes and removes one.
    #[must_use]
    pub fn of(database: &Path) -> Self {
        let Some(name) = database.file_name() else { return Self(Vec::new()) };
        let files = beside(name).map(|file| match fs_err::metadata(database.with_file_name(file)) {
            Ok(data) if data.len() > 0 => {
                let time = data.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                (data.len(), time.map(|time| time.as_nanos()))
            }
            Ok(_) | Err(_) => (0, None),
        });
        Self(files.collect())
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessKind, CreateKind, DataChange, MetadataKind, RemoveKind};

    use super::*;

    fn places() -> Places {
        Places {
            database: Some("/srv/shop.db".into()),
            documents: Some("/srv/documents".into()),
            folders: vec!["/mnt/share/head/anna".into()],
        }
    }

    fn noise(kind: EventKind, path: &str) -> Option<Noise> {
        meaning(&Event::new(kind).add_path(path.into()), &places())
    }

    #[test]
    fn only_what_concerns_us_is_heard() {
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        for file in ["shop.db", "shop.db-wal", "shop.db-journal"] {
            assert_eq!(noise(written, &format!("/srv/{file}")), Some(Noise::Database), "{file}");
        }
        for file in ["/srv/shop.db-shm", "/srv/other.db", "/srv/x/shop.db", "/mnt/share/head/anna/a.fpk.part"] {
            assert_eq!(noise(written, file), None, "{file}");
        }
        assert_eq!(noise(EventKind::Create(CreateKind::File), "/mnt/share/head/anna/a.fpk"), Some(Noise::Exchange));
        assert_eq!(noise(EventKind::Access(AccessKind::Read), "/srv/shop.db"), None);
        assert_eq!(noise(EventKind::Remove(RemoveKind::File), "/mnt/share/head/anna/a.fpk"), None, "we took it");
        assert_eq!(noise(EventKind::Remove(RemoveKind::Folder), "/mnt/share/head/anna"), Some(Noise::Lost));
        for kind in [written, EventKind::Remove(RemoveKind::File), EventKind::Modify(ModifyKind::Metadata(MetadataKind::Permissions))] {
            assert_eq!(noise(kind, "/srv/documents/a/b.txt"), Some(Noise::Documents));
            assert_eq!(noise(kind, "/srv/documents/.fieldpost-library/x.part"), None, "we put one together");
        }
        assert_eq!(noise(EventKind::Access(AccessKind::Read), "/srv/documents/a/b.txt"), None);
        assert_eq!(noise(EventKind::Other, "/x"), None);
        assert_eq!(meaning(&Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan), &places()), Some(Noise::Lost));
    }

    #[test]
    fn a_file_that_comes_is_heard_and_reading_a_database_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let database = root.join("shop.db");
        let application = rusqlite::Connection::open(&database).unwrap();
        application.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE a (b); INSERT INTO a VALUES (1)").unwrap();
        drop(application);
        let before = Trace::of(&database);
        let reader = rusqlite::Connection::open(&database).unwrap();
        assert_eq!(reader.query_row("SELECT count(*) FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        drop(reader);
        assert_eq!(Trace::of(&database), before);
        let inbox = root.join("inbox");
        fs_err::create_dir(&inbox).unwrap();
        let mut ears = Ears::new();
        let documents = root.join("documents");
        fs_err::create_dir_all(documents.join("deep")).unwrap();
        ears.listen(&Places { database: Some(database.clone()), documents: Some(documents.clone()), folders: vec![inbox.clone()] });
        fs_err::write(inbox.join("a.fpk"), "x").unwrap();
        assert_eq!(ears.wait(Duration::from_secs(10)), Some(Noise::Exchange));
        fs_err::write(documents.join("deep/a.txt"), "x").unwrap();
        while ears.wait(Duration::from_secs(10)).expect("a document is heard") != Noise::Documents {}
        rusqlite::Connection::open(&database).unwrap().execute_batch("INSERT INTO a VALUES (2)").unwrap();
        while ears.wait(Duration::from_secs(10)).expect("the database is heard") != Noise::Database {}
        assert_ne!(Trace::of(&database), before);
    }
}
