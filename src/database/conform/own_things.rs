//! What of a database is only here, and is in the way of a change of the schema? It is set aside, and comes back where it still fits.
//!
//! **States** of a view, trigger or index of this site's own: there → *aside*, as its text, where a step would fail or take it along → there
//! again, or in [`Conformed::lost`] with its text. **Invariant**: none goes without one of the two. What stays there while names change is
//! rewritten by SQLite; what is aside is not. So only that goes aside first which SQLite says it cannot rewrite.

use super::super::error::Doing;
use super::super::expressions::words_of;
use super::super::facts::Facts;
use super::super::lacking::statements;
use super::super::{Database, quote};
use super::carry_out::{Conformed, Step, Stop, is_about_the_schema};
use super::inventory::{Inventory, Kind, Other};
use super::plan::Plan;
use super::{Refused, same_name};

/// Its kind and name.
pub(super) fn words(other: &Other) -> String {
    format!("{} `{}`", other.kind.word(), other.name)
}

/// Its text, in one line.
fn text(other: &Other) -> String {
    other.sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Views and triggers of an inventory.
pub(super) fn views_and_triggers(inventory: Inventory) -> impl Iterator<Item = Other> {
    inventory.others.into_iter().filter(|other| other.kind != Kind::Index)
}

impl Database {
    /// Makes room for what is told: sets aside what would go with a view that is told, and what has the name of a table that comes.
    pub(super) fn make_room(&self, plan: &Plan, is_told: impl Fn(&Other) -> bool, aside: &mut Vec<Other>) -> Step {
        let here = self.inventory()?.others;
        let comes = |name: &str| {
            plan.made.iter().any(|table| same_name(&table.name, name)) || plan.tables.iter().any(|table| same_name(&table.name, name))
        };
        let goes_with_a_view = |other: &Other| {
            let is_its_view = |view: &&Other| view.kind == Kind::View && same_name(&view.name, &other.table);
            other.kind == Kind::Trigger && here.iter().find(is_its_view).is_some_and(&is_told)
        };
        for other in here.iter().filter(|other| !is_told(other)) {
            if goes_with_a_view(other) || (other.kind != Kind::Trigger && comes(&other.name)) {
                self.move_aside(other, &here, aside)?;
            }
        }
        Ok(())
    }

    /// Runs a statement that gives a name. SQLite reads every view and trigger anew for it, and names one that it cannot read.
    pub(super) fn rename_around(&self, sql: &str, what: &str, aside: &mut Vec<Other>) -> Step {
        loop {
            let error = match self.connection.execute_batch(sql) {
                Err(error) if is_about_the_schema(&error) => error,
                done => return self.step(what, done),
            };
            let own: Vec<Other> = views_and_triggers(self.inventory()?).collect();
            let message = words_of(&error);
            let named = own.iter().filter(|other| message.contains(&format!("error in {} {}", other.kind.word(), other.name)));
            match named.max_by_key(|other| other.name.len()) {
                Some(other) => self.move_aside(other, &own, aside)?,
                None => return Err(Stop::Refused(Refused::Statement { what: what.to_owned(), message })),
            }
        }
    }

    /// Drops one, with the triggers on it, and keeps their texts.
    fn move_aside(&self, other: &Other, here: &[Other], aside: &mut Vec<Other>) -> Step {
        let on_it = |one: &&Other| other.kind == Kind::View && one.kind == Kind::Trigger && same_name(&one.table, &other.name);
        for one in here.iter().filter(on_it).chain(std::iter::once(other)) {
            if !aside.iter().any(|known| known.is(one)) {
                aside.push(one.clone());
            }
        }
        self.drop_other(other)
    }

    /// Makes again what had to be out of the way; what does not fit any more is lost, and said.
    pub(super) fn keep_local(&self, local: &[Other], done: &mut Conformed) -> Step {
        let there = self.inventory()?;
        let missing = |kind: Kind| local.iter().filter(move |other| other.kind == kind).filter(|other| there.other(other).is_none());
        let mut lose = |other: &Other, why: &str| {
            done.lost.push(format!(
                "{} of this site does not fit the new schema and is gone: {why}; it was: {}",
                words(other),
                text(other)
            ));
        };
        for index in missing(Kind::Index) {
            self.index(index).unwrap_or_else(|why| lose(index, &why));
        }
        // One may be over another one, in any order.
        let mut views = Vec::new();
        for view in missing(Kind::View) {
            match self.build(&view.sql) {
                Ok(()) => views.push(view),
                Err(error) => lose(view, &words_of(&error)),
            }
        }
        while let Some((at, why)) = views.iter().enumerate().find_map(|(at, view)| Some((at, self.runs(view).err()?))) {
            let view = views.remove(at);
            self.drop_other(view)?;
            lose(view, &why);
        }
        for trigger in missing(Kind::Trigger) {
            if let Err(error) = self.build(&trigger.sql) {
                lose(trigger, &words_of(&error));
            } else if let Err(why) = self.runs(trigger) {
                self.drop_other(trigger)?;
                lose(trigger, &why);
            }
        }
        Ok(())
    }

    /// Says what of this site's own had the name of something that is told from now on.
    pub(super) fn say_replaced(plan: &Plan, before: Option<&Inventory>, done: &mut Conformed) {
        let Some(before) = before else { return };
        for other in plan.others_dropped.iter().filter(|other| before.other(other).is_none()) {
            done.lost.push(format!("{} of this site makes room for the main office's of that name; it was: {}", words(other), text(other)));
        }
    }

    /// SQLite makes a view or trigger whatever it names, and complains when it runs: a trigger would stop every write to its table. What
    /// it calls of the application's is stood in for.
    fn runs(&self, other: &Other) -> std::result::Result<(), String> {
        let prepares = |sql: &str| self.with_stand_ins(|| self.connection.prepare(sql).map(drop).map_err(|error| words_of(&error)));
        match other.kind {
            Kind::Index => Ok(()),
            Kind::View => prepares(&format!("SELECT * FROM {}", quote(&other.name))),
            Kind::Trigger => {
                let facts = self.with_stand_ins(|| Facts::read(&self.connection, &other.table).map_err(|error| error.to_string()))?;
                // A view takes only what there is an INSTEAD OF trigger for.
                let refused = |sql: &String| prepares(sql).err().filter(|why| !why.starts_with("cannot modify "));
                statements(&other.table, &facts).iter().find_map(refused).map_or(Ok(()), Err)
            }
        }
    }

    /// What columns of this database's own hold in a table that goes stays, in a table of its own beside the key of each record.
    pub(super) fn keep_own(&self, plan: &Plan, before: Option<&Inventory>, done: &mut Conformed) -> Step {
        let here = self.inventory()?;
        for name in &plan.dropped {
            let (Some(table), Some(told)) = (here.table(name), before.and_then(|before| before.table(name))) else { continue };
            let own: Vec<String> =
                table.stored().filter(|column| told.column(&column.name).is_none()).map(|column| quote(&column.name)).collect();
            let filled = own.iter().map(|column| format!("{column} IS NOT NULL")).collect::<Vec<_>>().join(" OR ");
            let from = format!("FROM {} WHERE {filled}", quote(name));
            if own.is_empty() {
                continue;
            }
            let sql = format!("SELECT EXISTS (SELECT 1 {from})");
            let is_there: bool = self.connection.query_row(&sql, [], |row| row.get(0)).doing("look for what is only here")?;
            if !is_there {
                continue;
            }
            let names = std::iter::once(format!("{name}_own")).chain((2..).map(|number: u32| format!("{name}_own{number}")));
            // Also those that come with this very schema.
            let taken = |aside: &String| {
                let comes = plan.made.iter().map(|table| &table.name).chain(plan.tables.iter().map(|table| &table.name));
                here.table(aside).is_some() || comes.chain(here.others.iter().map(|other| &other.name)).any(|name| same_name(name, aside))
            };
            let aside = names.into_iter().find(|aside| !taken(aside)).expect("names do not run out");
            let columns: Vec<String> = table.key().iter().map(|column| quote(column)).chain(own).collect();
            self.execute("keep what is only here", &format!("CREATE TABLE {} AS SELECT {} {from}", quote(&aside), columns.join(", ")))?;
            done.lost.push(format!("table `{name}` goes; what this site has in columns of its own there is in table `{aside}` now"));
        }
        Ok(())
    }
}
