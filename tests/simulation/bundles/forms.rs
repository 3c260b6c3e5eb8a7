//! What is in a version of the bundle, and how is it published? Told from its number alone.

use std::collections::{BTreeMap, BTreeSet};

use fieldpost::bundle::{self, BundleName, Loss, Source};
use fieldpost::sync::bundles;
use fieldpost::world::World;

use super::super::application::CANARY;
use super::super::history::Dice;
use super::super::sites::{Sites, Stopped};
use super::{GROUP, rows};

/// Files that some version has.
pub const FILES: [&str; 6] = ["Screens/0.xml", "Screens/1.xml", "Reports/2.txt", "Reports/old/3.txt", "menu.json", "Screens/5.xml"];

/// What the main office published: versions in order, each with whether it was taken back.
#[derive(Debug, Default)]
pub struct Published(pub Vec<(u64, bool)>);

impl Published {
    /// The newest one is taken back.
    pub fn withdraw(&mut self) {
        if let Some(newest) = self.0.iter_mut().rfind(|(_, withdrawn)| !withdrawn) {
            newest.1 = true;
        }
    }

    /// The version that members should have.
    pub fn current(&self) -> Option<u64> {
        self.0.iter().rev().find(|(_, withdrawn)| !withdrawn).map(|(version, _)| *version)
    }
}

/// The files of a version. Some are in every version and never differ, some come and go.
pub fn files(version: u64) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (place, path) in (0_u64..).zip(FILES) {
        let mut dice = Dice::new(version * 100 + place);
        if place < 2 || dice.hit(70) {
            let text = if place == 0 { 0 } else { version };
            files.insert(path.to_owned(), format!("{CANARY}form-{place}-{text}."));
        }
    }
    files
}

pub fn name() -> BundleName {
    BundleName::new("forms").expect("it is a name")
}

/// The words of a version.
pub fn word(version: u64) -> String {
    format!("{version}.0.0")
}

impl Sites {
    /// Publishes a version at the main office, dying before the `kill`-th durable step. Gives the steps taken.
    pub fn publish(&mut self, version: u64, kill: Option<u64>) -> Result<u64, Stopped> {
        let folder = self.folder.path().join(format!("source-{version}"));
        let failed = |error: &dyn std::fmt::Display| Stopped::Failed(error.to_string());
        for (path, text) in files(version) {
            let place = folder.join("files").join(path);
            std::fs::create_dir_all(place.parent().expect("it is below")).map_err(|error| failed(&error))?;
            std::fs::write(place, text).map_err(|error| failed(&error))?;
        }
        let (csv, mode) = rows::csv(version);
        std::fs::create_dir_all(folder.join("rows")).map_err(|error| failed(&error))?;
        std::fs::write(folder.join("rows/list.csv"), csv).map_err(|error| failed(&error))?;
        let list = format!("[[rows]]\nfile = 'rows/list.csv'\ntable = 'list'\nkey = ['id']\nmode = '{mode}'\nruns = 'at-host'\n");
        let manifest = format!("name = 'forms'\nversion = '{}'\ntitle = 'Forms'\n{list}", word(version));
        std::fs::write(folder.join("bundle.toml"), manifest).map_err(|error| failed(&error))?;
        let session = self.session(0, None)?;
        let source = Source::read(&folder).map_err(|error| failed(&error))?;
        let built = bundle::build(&World::real(), &source, &session.signing, &folder).map_err(|error| failed(&error))?;
        let opened = bundles::verified(session, &built.file).map_err(|error| failed(&error))?;
        session.world.faults().kill_before(kill);
        let done = bundles::publish(session, &opened, &built.file, &BTreeSet::from([GROUP.to_owned()]), None).map(drop);
        self.ended(0, done)
    }

    /// The newest version that the main office publishes, by its number.
    pub fn newest_published(&mut self) -> Result<Option<u64>, Stopped> {
        let paper = bundles::paper(self.session(0, None)?).map_err(|error| Stopped::Failed(error.to_string()))?;
        let newest = paper.bundles.iter().rfind(|bundle| !bundle.withdrawn).map(|bundle| bundle.version.to_string());
        Ok(newest.and_then(|version| version.split('.').next().and_then(|number| number.parse().ok())))
    }

    /// Takes the newest version back at the main office.
    pub fn withdraw(&mut self, loss: Loss, kill: Option<u64>) -> Result<u64, Stopped> {
        let session = self.session(0, None)?;
        session.world.faults().kill_before(kill);
        let done = bundles::withdraw(session, &name(), loss).map(drop);
        self.ended(0, done)
    }
}
