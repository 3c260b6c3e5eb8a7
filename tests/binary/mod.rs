//! Runs the real binary in a temporary folder.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

/// A folder to work in.
pub struct Office {
    folder: tempfile::TempDir,
}

/// What a command said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Standard output on one line: where it wraps depends on the folder's name.
    pub fn flat(&self) -> String {
        self.out.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Office {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A host `head` with this database and these rules, and its remote `anna`, both with the same data.
    pub fn pair(schema: &str, rules: &str) -> Self {
        let office = Self::new();
        ["share", "head"].iter().for_each(|folder| office.make(folder));
        office.sql("head", schema);
        office.write("head/rules.toml", rules);
        office.ok("init --home head --name head --database head/shop.db --exchange share");
        office.ok("invite anna --home head --out anna.invite");
        office.ok("join anna.invite --home anna --exchange share");
        for site in ["head", "anna", "head", "anna", "head"] {
            office.ok(&format!("sync --home {site}"));
        }
        office
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, line: &str) -> Ran {
        self.run_in("", line, &[])
    }

    pub fn run_in(&self, folder: &str, line: &str, environment: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
        command.args(words(line)).current_dir(self.path(folder)).env_remove("FIELDPOST_HOME");
        command.envs(environment.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs what must end with 0.
    pub fn ok(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran
    }

    pub fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(line).out).unwrap()
    }

    /// The hash of all tables of a site.
    pub fn digest(&self, site: &str) -> String {
        self.json(&format!("digest --json --home {site}"))["digest"].as_str().unwrap().to_owned()
    }

    /// Runs SQL as the application of a site.
    pub fn sql(&self, site: &str, sql: &str) {
        let connection = Connection::open(self.path(site).join("shop.db")).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    pub fn make(&self, name: &str) {
        std::fs::create_dir_all(self.path(name)).unwrap();
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_dir_all(self.path(name)).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The path of the one file in a folder.
    pub fn only_file(&self, folder: &str) -> String {
        let names: Vec<_> = std::fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        format!("{folder}/{}", names[0].to_string_lossy())
    }

    pub fn all_folders(&self, name: &str) -> Vec<PathBuf> {
        let mut found = vec![self.path(name)];
        let mut next = 0;
        while let Some(folder) = found.get(next).cloned() {
            next += 1;
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            found.extend(entries.filter(|path| path.is_dir()));
        }
        found
    }

    /// Every byte of every file, but who held which lock.
    pub fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut all = BTreeMap::new();
        for folder in self.all_folders("") {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                // SQLite's index of its log holds nothing and is made anew by whoever opens the file.
                let passing = path.file_name().is_some_and(|name| name == "holder" || name.to_string_lossy().ends_with("-shm"));
                if path.is_file() && !passing {
                    let bytes = if is_empty_log(&path) { continue } else { std::fs::read(&path).unwrap() };
                    all.insert(path, bytes);
                }
            }
        }
        all
    }
}

/// The words of a line; `"…"` is one.
pub fn words(line: &str) -> Vec<String> {
    let quoted = line.split('"').enumerate();
    quoted
        .flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// The lines of the `sh` blocks of a text, without comments.
pub fn commands(text: &str) -> Vec<&str> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line.starts_with("```sh");
        } else if inside {
            let command = line.split(" #").next().expect("a split has a first part").trim();
            found.extend((!command.is_empty()).then_some(command));
        }
    }
    found
}

fn is_empty_log(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-wal") && std::fs::metadata(path).is_ok_and(|file| file.len() == 0)
}
