//! What do people do with the files that a bundle brought to their site? They change some, and have some of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::Simulation;
use super::super::application::CANARY;
use super::super::history::Dice;
use fieldpost::bundle::Loss;
use fieldpost::sync::bundles::undo::{Depth, undo};
use fieldpost::sync::bundles::{Scope, reports, states};

use super::super::sites::Stopped;
use super::forms::{FILES, Published, name};
use super::referee::Seen;
use super::{is_member, rows};

/// All that people did.
#[derive(Debug, Default)]
pub struct Deeds {
    next: u64,
    pub published: Published,
    /// Contents that somebody wrote: site and text.
    pub written: Vec<(usize, String)>,
    /// Those that the same person wrote over or deleted.
    pub superseded: BTreeSet<String>,
    /// Sites where somebody changed something.
    pub touched: BTreeSet<usize>,
    /// What was done to the list.
    pub rows: rows::Deeds,
}

/// Every file below a folder.
pub fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(below) = left.pop() {
        for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if let Ok(text) = std::fs::read_to_string(&path) {
                let name = path.strip_prefix(folder).expect("it is below").to_string_lossy().replace('\\', "/");
                found.insert(name, text);
            }
        }
    }
    found
}

impl Simulation {
    /// The main office publishes the next version, or takes the newest one back.
    pub fn bundle(&mut self, roll: u64) {
        let mut dice = Dice::new(roll);
        let published = &self.deeds.bundles.published;
        let next = published.0.len() as u64 + 1;
        let withdraws = published.current().is_some() && dice.hit(30);
        // A person who was told that rows were changed since says that it is meant all the same.
        let loss = if self.deeds.bundles.rows.is_touched() { Loss::KeepBeside } else { Loss::Refuse };
        let done = if withdraws { self.sites.withdraw(loss, None) } else { self.sites.publish(next, None) };
        let published = &mut self.deeds.bundles.published;
        match (done, withdraws) {
            (Ok(_), true) => {
                published.withdraw();
                self.say("head takes the newest version of the bundle back".into());
            }
            (Ok(_), false) => {
                published.0.push((next, false));
                self.say(format!("head publishes version {next} of the bundle"));
            }
            (Err(stopped), _) => self.fail(format!("FAILED {stopped:?}")),
        }
    }

    /// Somebody changes a file beside the program.
    pub fn customize(&mut self, site: usize, roll: u64) {
        let (folder, mut dice) = (self.sites.customs(site), Dice::new(roll));
        if !self.sites.home(site).join("shop.db").is_file() {
            return;
        }
        if dice.hit(50) {
            return self.edit_list(site, &mut dice);
        }
        let path = if dice.hit(70) { dice.pick(&FILES) } else { "own.txt" };
        let place = folder.join(path);
        let deeds = &mut self.deeds.bundles;
        deeds.touched.insert(site);
        if let Ok(before) = std::fs::read_to_string(&place) {
            deeds.superseded.insert(before);
        }
        let said = if dice.hit(20) {
            std::fs::remove_file(&place).ok();
            "deletes"
        } else {
            deeds.next += 1;
            let text = format!("{CANARY}custom-{}.", deeds.next);
            let made = place.parent().is_none_or(|folder| std::fs::create_dir_all(folder).is_ok());
            if made && std::fs::write(&place, &text).is_ok() {
                deeds.written.push((site, text));
            }
            "changes"
        };
        self.say(format!("{} {said} {path} of the customizations", self.sites.name(site)));
    }

    /// Takes the bundle away at every site: nothing of it stays, and all that people wrote is there, perhaps beside.
    pub(in super::super) fn remove_bundles(&mut self) {
        if !self.sites.setting.bundles {
            return;
        }
        self.say("-- the bundle is removed".into());
        for site in 0..self.sites.setting.tree.sites.len() {
            match self.remove_bundle(site) {
                Ok(()) => {}
                Err(stopped) => return self.fail(format!("FAILED {stopped:?}")),
            }
            let (name, there) = (self.sites.name(site), files(&self.sites.customs(site)));
            let left = there.iter().filter(|(_, text)| text.contains("form-"));
            let left: Vec<String> = left.map(|(path, _)| format!("BUNDLE {path} is left at {name}")).collect();
            let deeds = &self.deeds.bundles;
            let lost = deeds
                .written
                .iter()
                .filter(|(own, text)| *own == site && !deeds.superseded.contains(text) && !there.values().any(|there| there == text));
            let lost: Vec<String> = lost.map(|(_, text)| format!("CUSTOM LOST {text} at {name}")).collect();
            left.into_iter().chain(lost).for_each(|wrong| self.fail(wrong));
        }
        if !self.outcome.wrong.is_empty() {
            return;
        }
        match self.remove_list() {
            Ok(wrong) => wrong.into_iter().for_each(|wrong| self.fail(wrong)),
            Err(stopped) => self.fail(format!("FAILED {stopped:?}")),
        }
    }

    /// Takes every version back at the main office: what is shared goes there, and then everywhere.
    fn remove_list(&mut self) -> Result<Vec<String>, Stopped> {
        while self.sites.newest_published()?.is_some() {
            self.sites.withdraw(Loss::KeepBeside, None)?;
        }
        self.settle();
        let mut losers = BTreeSet::new();
        for site in 0..self.sites.setting.tree.sites.len() {
            let session = self.sites.session(site, None)?;
            let read = session.ledger.conflicts(0, &mut |_, _, _, conflict| {
                losers.extend(conflict.exact.0.iter().map(ToString::to_string));
                Ok(())
            });
            read.map_err(|error| Stopped::Failed(error.to_string()))?;
        }
        Ok(self.judge_lists_afterwards(&losers))
    }

    fn remove_bundle(&mut self, site: usize) -> Result<(), Stopped> {
        let failed = |error: &dyn std::fmt::Display| Stopped::Failed(error.to_string());
        let session = self.sites.session(site, None)?;
        let states = states(session, Scope::Site).map_err(|error| failed(&error))?;
        if states.get(&name()).and_then(|state| state.top()).is_none() {
            return Ok(());
        }
        undo(session, Scope::Site, &name(), Depth::All, Loss::KeepBeside).map(drop).map_err(|error| failed(&error))
    }

    /// What can be seen of bundles at every site.
    pub(in super::super) fn customizations(&mut self) -> Result<Vec<Seen>, Stopped> {
        let sites = self.sites.setting.tree.sites;
        let failed = |error: &dyn std::fmt::Display| Stopped::Failed(error.to_string());
        let reports = reports(self.sites.session(0, None)?).map_err(|error| failed(&error))?;
        let mut all = Vec::new();
        for (site, (called, _)) in sites.iter().enumerate() {
            let files = files(&self.sites.customs(site));
            let states = states(self.sites.session(site, None)?, Scope::Site).map_err(|error| failed(&error))?;
            let told = reports.iter().find(|report| report.site.as_str() == *called);
            let standing = told.and_then(|report| report.bundles.iter().find(|bundle| bundle.name == name()));
            all.push(Seen {
                site,
                name: called,
                member: is_member(site, sites.len()),
                version: states.get(&name()).and_then(|state| state.top()).map(|top| top.version.to_string()),
                waits: standing.and_then(|standing| standing.waits.as_ref()).map(|wait| format!("{wait:?}")),
                files,
            });
        }
        Ok(all)
    }
}
