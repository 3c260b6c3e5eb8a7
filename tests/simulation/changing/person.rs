//! What does the person at the main office answer, and what can be read at every site of schemas and of what is gone?

use std::fmt::Write as _;

use fieldpost::model::{Key, Value};
use fieldpost::sync::history;
use fieldpost::sync::schema::{hints, view};
use fieldpost::sync::tracking::parked;

use super::super::Simulation;
use super::super::history::{Edit, What};
use super::super::sites::Stopped;
use super::schema::Schema;

fn failed(error: &dyn std::fmt::Display) -> Stopped {
    Stopped::Failed(error.to_string())
}

impl Simulation {
    /// The main office is asked whether a column is another one under a new name, and knows.
    pub fn answer(&mut self) {
        if !self.sites.setting.changing {
            return;
        }
        match self.answers() {
            Ok(said) => said.into_iter().for_each(|said| self.say(said)),
            Err(Stopped::Died(_) | Stopped::Moved) => {}
            Err(Stopped::Failed(said)) => self.fail(format!("FAILED {said}")),
        }
        for site in 1..self.sites.setting.tree.sites.len() {
            match self.refusal(site) {
                Ok(Some(why)) if why.contains("of its own") || why.contains("this site's own") => {
                    self.edit(site, Edit { what: What::MakeRoom, roll: 0 });
                }
                // Nobody mends the records: the main office takes back what bars them.
                Ok(Some(why)) if why.contains("CHECK constraint failed") => self.edit(0, Edit { what: What::Unbar, roll: 0 }),
                Ok(_) | Err(Stopped::Died(_) | Stopped::Moved) => {}
                Err(Stopped::Failed(said)) => self.fail(format!("FAILED {said}")),
            }
        }
    }

    /// Why a site cannot have the schema.
    fn refusal(&mut self, site: usize) -> Result<Option<String>, Stopped> {
        if !self.sites.home(site).join("shop.db").is_file() {
            return Ok(None);
        }
        let standing = view::standing(self.sites.session(site, None)?).map_err(|error| failed(&error))?;
        Ok(standing.refused.map(|(_, why)| why))
    }

    fn answers(&mut self) -> Result<Vec<String>, Stopped> {
        let deeds = &self.deeds.changing;
        let session = self.sites.session(0, None)?;
        let (mut said, mut asked) = (Vec::new(), Vec::new());
        // An answer may bring up another question.
        'answering: loop {
            for one in &hints::unclear(session).map_err(|error| failed(&error))? {
                let Some(column) = &one.column else { continue };
                let had = |schema: &Schema| {
                    // The question has the name that the table had when the main office looked last.
                    let named = deeds.versions.values().rev().find_map(|schema| schema.named(&one.table));
                    let table = named?.number;
                    schema.find(table)?.columns.iter().find(|of| of.name == *column).map(|of| (table, of.number))
                };
                // Whoever had the name last, of all that had it before the one that has it.
                let has = had(deeds.schema());
                let before = deeds.versions.values().rev().filter_map(had).find(|one| Some(*one) != has);
                let now = before.or(has).and_then(|(table, number)| deeds.schema().find(table)?.column(number).map(|of| of.name.clone()));
                if let Some(now) = now.filter(|now| one.came.contains(now)) {
                    hints::is_renamed(session, &one.table, column, &now).map_err(|error| failed(&error))?;
                    asked.extend(before);
                    said.push(format!("head says that `{column}` of `{}` is `{now}`", one.table));
                    continue 'answering;
                }
            }
            break;
        }
        if !hints::unclear(session).map_err(|error| failed(&error))?.is_empty() {
            hints::is_another(session, None).map_err(|error| failed(&error))?;
            said.push("head says that what came is another one".to_owned());
        }
        self.deeds.changing.asked.extend(asked);
        Ok(said)
    }

    /// What should wait for nothing any more, and does.
    pub(in super::super) fn waiting(&mut self) -> Result<Vec<String>, Stopped> {
        let mut wrong = Vec::new();
        if !self.sites.setting.changing {
            return Ok(wrong);
        }
        for site in 0..self.sites.setting.tree.sites.len() {
            let name = self.sites.name(site);
            let session = self.sites.session(site, None)?;
            let parked = parked::waiting(session).map_err(|error| failed(&error))?;
            wrong.extend(parked.iter().map(|waits| format!("PARKED at {name}: {waits:?}")));
            let standing = view::standing(session).map_err(|error| failed(&error))?;
            wrong.extend(standing.refused.iter().map(|refused| format!("REFUSED at {name}: {refused:?}")));
        }
        Ok(wrong)
    }

    /// What the histories of all records tell at all sites, in words; none where it is forgotten at once.
    pub(in super::super) fn histories(&mut self) -> Result<Option<String>, Stopped> {
        if !self.sites.setting.changing || !self.sites.setting.remembers {
            return Ok(None);
        }
        let mut told = String::new();
        let keys: std::collections::BTreeSet<String> = self.deeds.changing.keys.values().flatten().cloned().collect();
        let keys: Vec<Key> = keys
            .iter()
            .map(|key| match key.strip_prefix('i').and_then(|number| number.parse().ok()) {
                Some(number) => Key::new([&Value::Integer(number)]).expect("a number is a key"),
                None => Key::new([&Value::text(key)]).expect("a text is a key"),
            })
            .collect();
        for site in 0..self.sites.setting.tree.sites.len() {
            let session = self.sites.session(site, None)?;
            for shape in session.shapes.iter().chain(&session.former) {
                for key in &keys {
                    for record in history::under(session, shape, key).map_err(|error| failed(&error))? {
                        let events = history::of(session, &record).map_err(|error| failed(&error))?;
                        write!(told, "{events:?}").expect("a string takes all that is written to it");
                    }
                }
            }
        }
        Ok(Some(told))
    }
}
