//! Three sites with a library each: what is in their folders, and edits of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use fieldpost::site::{Exchanges, Home, LibrarySettings, Role};
use fieldpost::sync::documents::{Freedom, switch};
use fieldpost::sync::report::Report;
use fieldpost::sync::{join, round};

use crate::support::Tree;

pub const SITES: [&str; 3] = ["head", "north", "anna"];

/// A tree of head, north and anna, whose documents are in `library` of each home.
pub fn library(rules: &str) -> Tree {
    let mut tree = Tree::with_rules("CREATE TABLE t (id TEXT PRIMARY KEY, x); INSERT INTO t VALUES ('a', 1);", rules);
    // A file is taken as soon as it is there: nobody writes while a test looks.
    tree.limits.document_settle_millis = 0;
    switch::on(&mut tree.session("head")).unwrap();
    tree.add("head", "north", Role::Office);
    tree.settle(&["head", "north"]);
    tree.add("north", "anna", Role::Remote);
    tree.settle(&SITES);
    tree
}

impl Tree {
    pub fn document(&self, site: &str, path: &str) -> PathBuf {
        self.home(site).join("library").join(path)
    }

    /// Writes a document; each later than the one before.
    pub fn write(&self, site: &str, path: &str, content: impl AsRef<[u8]>) {
        self.tick(10);
        let file = self.document(site, path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(self.time.load(std::sync::atomic::Ordering::Relaxed).unsigned_abs());
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    }

    pub fn read(&self, site: &str, path: &str) -> String {
        std::fs::read_to_string(self.document(site, path)).unwrap_or_else(|error| panic!("{path} at {site}: {error}"))
    }

    pub fn delete(&self, site: &str, path: &str) {
        std::fs::remove_file(self.document(site, path)).unwrap();
    }

    pub fn rename(&self, site: &str, from: &str, to: &str) {
        let to = self.document(site, to);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(self.document(site, from), to).unwrap();
    }

    /// Everything in the folder of a site: path and content.
    pub fn folder(&self, site: &str) -> BTreeMap<String, Vec<u8>> {
        let top = self.home(site).join("library");
        let mut found = BTreeMap::new();
        let mut left = vec![top.clone()];
        while let Some(folder) = left.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&top).unwrap().to_string_lossy().replace('\\', "/");
                if name.starts_with(".fieldpost") {
                    continue;
                }
                if path.is_symlink() && !path.exists() {
                    continue;
                }
                if path.is_dir() { left.push(path) } else { drop(found.insert(name, std::fs::read(&path).unwrap())) }
            }
        }
        found
    }

    /// Every site has these documents and no others, and the lists are the same.
    pub fn assert_documents(&self, sites: &[&str], expected: &[(&str, &str)]) {
        let expected: BTreeMap<String, String> =
            expected.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect();
        for site in sites {
            let folder = self.folder(site).into_iter();
            let folder: BTreeMap<String, String> =
                folder.map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned())).collect();
            assert_eq!(folder, expected, "at {site}");
        }
        self.assert_same(sites);
    }

    /// Adds a remote of these groups.
    pub fn add_in(&self, parent: &str, site: &str, groups: &[&str]) {
        self.tick(1);
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let session = self.session(parent);
        let text = join::invite(&session, &crate::support::name(site), Role::Remote, &groups, join::INVITATION_MILLIS).unwrap();
        join::join(&self.world(site), &self.home(site), &text, Exchanges::only("memory"), None).unwrap();
    }

    /// A link has the place of a document. Where tests make no links, a folder has.
    pub fn put_in_the_way(&self, site: &str, path: &str) {
        let path = self.document(site, path);
        drop(std::fs::remove_file(&path));
        #[cfg(unix)]
        std::os::unix::fs::symlink("elsewhere", path).unwrap();
        #[cfg(not(unix))]
        std::fs::create_dir(path).unwrap();
    }

    /// Changes the settings of a site's library.
    pub fn set_library(&self, site: &str, change: impl FnOnce(&mut LibrarySettings)) {
        let home = Home::discover(Some(&self.home(site)), &self.home(site)).unwrap();
        let mut settings = home.settings().unwrap();
        change(&mut settings.library);
        home.write_settings(&self.world(site), &settings).unwrap();
    }

    /// An edit at head that anna has in its list, and most of the content not before north sends more in a round.
    pub fn edit_on_its_way(&self, path: &str) -> Vec<u8> {
        let before = self.read("anna", path);
        self.set_library("north", |library| library.budget = 1);
        let edit = noise(1 << 20, 3);
        self.write("head", path, &edit);
        ["head", "north", "anna"].iter().for_each(|site| drop(self.sync(site)));
        assert_eq!(self.read("anna", path), before);
        assert!(self.session("anna").ledger.missing().unwrap().len() == 1, "the list of anna says what is on its way");
        edit
    }

    pub fn let_it_come(&self) {
        self.set_library("north", |library| library.budget = LibrarySettings::default().budget);
    }

    /// A round that sends nothing: what changed is in the list and sealed.
    pub fn receive(&self, site: &str) {
        self.tick(1_000);
        let mut session = self.session(site);
        round::run(&mut session, &mut [&mut self.exchange.clone()], round::Halves::Receive, &mut |_| {}).unwrap();
    }

    pub fn sync_allowing_deletions(&self, site: &str) -> Report {
        self.tick(1_000);
        let mut session = self.session(site);
        session.freedom = Freedom::AllowDeletions;
        round::run(&mut session, &mut [&mut self.exchange.clone()], round::Halves::Both, &mut |_| {}).unwrap()
    }

    /// Bytes that a site has put on the exchange in one round.
    pub fn sent(&self, site: &str) -> u64 {
        self.sync(site).built.iter().map(|packet| packet.bytes).sum()
    }
}

/// Bytes that no compression makes shorter.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = std::iter::from_fn(|| Some(next())).take(length / 8 + 1).flatten().collect();
    bytes.truncate(length);
    bytes
}
