//! A day at a small company: what do four sites see when two edit one phone number, and when a file is lost?
//!
//! ```text
//! head (host) ─┬─ anna (remote)
//!              └─ north (office) ── ben (remote)
//! ```
//!
//! Every step runs the real command and prints its real report, without the sizes of packets: those depend on the
//! moment. So the story reads the same at every run; only keys, and with them fingerprints and file names, differ.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use rusqlite::Connection;
use serde::Serialize;

use super::data;
use crate::cli::digest::{self, DigestArgs, DigestReport};
use crate::cli::init::{self, InitArgs};
use crate::cli::invite::{self, InviteArgs, InvitedRole};
use crate::cli::join::{self, JoinArgs};
use crate::cli::page::{Column, Page, alert, heading, number};
use crate::cli::printer::{Form, Loudness, Printer, Report};
use crate::cli::rounds::{self, SyncArgs};
use crate::cli::{Context, Exit, Failure, Run};
use crate::model::SiteName;
use crate::world::World;

/// Rounds until everybody has heard everything: up the tree and down again, with answers, takes four.
const MOST_ROUNDS: usize = 12;
/// From the leaves to the root.
const SITES: [&str; 4] = ["ben", "anna", "north", "head"];
/// Between two edits, so that the later one is the later one by the clock.
const PAUSE: Duration = Duration::from_millis(20);
const SHARE: &str = "share";

/// What becomes of the folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It is a temporary one.
    Gone,
    /// Somebody wants to look around.
    Kept,
}

/// What the sites hold in the end.
#[derive(Debug, Serialize)]
struct DemoReport {
    /// Where the homes are; none where they are gone.
    folder: Option<PathBuf>,
    /// Whether all hold the same.
    same: bool,
    /// By site.
    sites: Vec<DigestReport>,
}

/// Plays the whole day.
///
/// # Errors
/// [`Failure::Differ`]; else as the commands say.
pub(super) fn play(folder: &Path, customers: u32, context: &Context, after: After) -> Result<Exit, Failure> {
    let day = Day { folder, context };
    day.morning(customers)?;
    day.edits_everywhere()?;
    day.one_phone_number()?;
    day.delete_against_edit()?;
    day.lost_packet()?;
    day.repeated_packet()?;
    day.evening(after)
}

struct Day<'d> {
    folder: &'d Path,
    context: &'d Context,
}

impl Day<'_> {
    fn morning(&self, customers: u32) -> Result<(), Failure> {
        self.title("Morning: four sites, and nothing between them but a folder");
        self.say(&format!("The head office has a customer database, {} customers with contacts, notes and orders.", number(customers)));
        for folder in ["head", SHARE] {
            fs::create_dir_all(self.folder.join(folder))?;
        }
        data::build(&self.database("head"), customers)?;
        let init = InitArgs {
            name: name("head"),
            database: self.database("head"),
            exchange: vec![self.path(SHARE)],
            certificate: None,
            library: None,
        };
        self.run("init --name head --database head/shop.db --exchange share", "head", |context| init::run(&init, context))?;
        self.say("It invites an office and Anna; the office invites Ben. Each invitation is a file that is handed over.");
        self.take_in("head", "north", InvitedRole::Office)?;
        self.take_in("head", "anna", InvitedRole::Remote)?;
        self.take_in("north", "ben", InvitedRole::Remote)?;
        self.settle(Telling::Nothing)?;
        self.say("Now all four hold the same, and each works in a database of its own.");
        Ok(())
    }

    fn edits_everywhere(&self) -> Result<(), Failure> {
        self.title("All of them edit");
        let (first, second) = (self.customer(0)?, self.customer(1)?);
        self.edit(
            "head",
            &format!("raises the credit limit of {first}"),
            "UPDATE customers SET credit_limit = 12500 WHERE id = ?1",
            &first,
        )?;
        self.edit(
            "ben",
            &format!("corrects the street of {first}: another field of the same record"),
            "UPDATE customers SET street = 'Harbour Street 7' WHERE id = ?1",
            &first,
        )?;
        self.edit(
            "north",
            &format!("writes a note on {first}"),
            "INSERT INTO notes VALUES (?1 || '-N90', ?1, '2026-11-22', 'Ingrid', 'Moves to the harbour in spring')",
            &first,
        )?;
        self.edit(
            "anna",
            &format!("takes an order from {second}"),
            "INSERT INTO orders VALUES (?1 || '-O90', ?1, '2026-11-22', 'open', NULL)",
            &second,
        )?;
        self.edit("anna", "adds a line to it", "INSERT INTO order_lines VALUES (?1 || '-O90', 1, 4, 12, 8.5)", &second)?;
        self.settle(Telling::All)?;
        self.say("Four edits, three of them of one customer, and no conflict: they are merged field by field.");
        Ok(())
    }

    fn one_phone_number(&self) -> Result<(), Failure> {
        self.title("Two people change one phone number");
        let customer = self.customer(1)?;
        self.edit(
            "anna",
            &format!("types 040 555 0111 as the phone of {customer}"),
            "UPDATE customers SET phone = '040 555 0111' WHERE id = ?1",
            &customer,
        )?;
        self.edit(
            "ben",
            "types 040 555 0222 a little later; neither knows of the other",
            "UPDATE customers SET phone = '040 555 0222' WHERE id = ?1",
            &customer,
        )?;
        self.settle(Telling::All)?;
        self.say("The head office decided, by its rule: the newest edit stands. Anna was told, and her value is kept in the list.");
        Ok(())
    }

    fn delete_against_edit(&self) -> Result<(), Failure> {
        self.title("One deletes what another edits");
        let contact: String =
            self.open("head")?.query_row("SELECT id FROM contacts ORDER BY rowid LIMIT 1 OFFSET 2", [], |row| row.get(0))?;
        self.edit("head", &format!("deletes the contact {contact}"), "DELETE FROM contacts WHERE id = ?1", &contact)?;
        self.edit(
            "ben",
            "meanwhile writes down that person's new role",
            "UPDATE contacts SET role = 'managing director' WHERE id = ?1",
            &contact,
        )?;
        self.settle(Telling::All)?;
        self.say("An edit is never lost to a delete: the contact is back at the head office, with Ben's edit.");
        Ok(())
    }

    fn lost_packet(&self) -> Result<(), Failure> {
        self.title("A file gets lost on the way");
        let customer = self.customer(2)?;
        self.edit(
            "ben",
            &format!("notes that {customer} is a customer to keep"),
            "UPDATE customers SET rating = 'A' WHERE id = ?1",
            &customer,
        )?;
        self.sync("ben", Telling::All)?;
        let lost = self.waiting("north", "ben")?;
        fs::remove_file(lost)?;
        self.say("Somebody tidies up the share and deletes that file. Ben goes on:");
        self.edit("ben", "sets the credit limit", "UPDATE customers SET credit_limit = 20000 WHERE id = ?1", &customer)?;
        for site in ["ben", "north", "ben", "north"] {
            self.sync(site, Telling::All)?;
        }
        self.say("The office saw the gap and asked; Ben's site had kept the file, byte for byte, and put it there again.");
        self.settle(Telling::Nothing)
    }

    fn repeated_packet(&self) -> Result<(), Failure> {
        self.title("A file comes twice");
        let customer = self.customer(3)?;
        self.edit(
            "anna",
            &format!("adds to what {customer} may spend"),
            "UPDATE customers SET credit_limit = credit_limit + 500 WHERE id = ?1",
            &customer,
        )?;
        self.sync("anna", Telling::All)?;
        let file = self.waiting("head", "anna")?;
        let copy = self.folder.join("copy");
        fs::copy(&file, &copy)?;
        self.sync("head", Telling::All)?;
        fs::rename(&copy, &file)?;
        self.say("A program that mirrors the share brings the file back:");
        self.sync("head", Telling::Always)?;
        self.say("A packet takes effect once, however often it comes.");
        self.settle(Telling::Nothing)
    }

    fn evening(&self, after: After) -> Result<Exit, Failure> {
        self.title("Evening: who holds what?");
        let mut sites = Vec::new();
        for site in SITES.iter().rev() {
            let context = self.at(site, Printer::captured(Form::Text, Loudness::Normal), None);
            sites.push(digest::of(&context.look()?, &DigestArgs::default(), &context.printer)?);
        }
        let same = sites.iter().all(|site| site.digest == sites[0].digest);
        let folder = (after == After::Kept).then(|| self.folder.to_owned());
        Ok(self.context.printer.report(&DemoReport { folder, same, sites }))
    }

    // ---- the four sites

    fn take_in(&self, parent: &str, child: &str, role: InvitedRole) -> Result<(), Failure> {
        let file = PathBuf::from(format!("{child}.invite"));
        let office = if role == InvitedRole::Office { " --role office" } else { "" };
        let invite = InviteArgs { name: name(child), groups: Vec::new(), role, out: Some(file.clone()), days: InviteArgs::DAYS };
        self.quietly(&format!("--home {parent} invite {child}{office} --out {child}.invite"), parent, |context| {
            invite::run(&invite, context)
        })?;
        let join = JoinArgs { invitation: file, exchange: vec![self.path(SHARE)], certificate: None, database: None, library: None };
        self.quietly(&format!("--home {child} join {child}.invite --exchange share"), child, |context| join::run(&join, context))?;
        // The office has its database before it takes in others.
        for site in [parent, child, parent, child] {
            self.sync(site, Telling::Nothing)?;
        }
        Ok(())
    }

    /// An edit as the application makes it: plain SQL.
    fn edit(&self, site: &str, what: &str, sql: &str, key: &str) -> Result<(), Failure> {
        self.say(&format!("{site} {what}."));
        self.open(site)?.execute(sql, [key])?;
        self.context.world.sleep(PAUSE);
        Ok(())
    }

    fn open(&self, site: &str) -> Result<Connection, Failure> {
        Ok(Connection::open(self.database(site))?)
    }

    fn customer(&self, place: u32) -> Result<String, Failure> {
        let sql = "SELECT id FROM customers ORDER BY rowid LIMIT 1 OFFSET ?1";
        Ok(self.open("head")?.query_row(sql, [place], |row| row.get(0))?)
    }

    /// Rounds at all sites until nothing moves.
    fn settle(&self, telling: Telling) -> Result<(), Failure> {
        for _ in 0..MOST_ROUNDS {
            let mut busy = false;
            for site in SITES {
                busy |= self.sync(site, telling)? == Moved::Something;
            }
            if !busy {
                return Ok(());
            }
        }
        Err(Failure::Differ)
    }

    fn sync(&self, site: &str, telling: Telling) -> Result<Moved, Failure> {
        let printer = Printer::captured(Form::Text, Loudness::Normal).at_home(site);
        rounds::run(&SyncArgs::default(), &self.at(site, printer.clone(), Some("sync")))?;
        let (text, notes) = printer.captured_text();
        if (text.starts_with("All in step") || text.starts_with("Nothing new")) && telling != Telling::Always {
            return Ok(Moved::Nothing);
        }
        // Word of what arrived is what keeps the streams going; told each time it would bury the story.
        let worth_telling = text.lines().any(|line| !line.is_empty() && !line.contains("only word of what arrived"));
        if telling == Telling::Always || telling == Telling::All && worth_telling {
            self.show(&format!("--home {site} sync"), &format!("{notes}{text}"));
        }
        Ok(Moved::Something)
    }

    fn run(&self, line: &str, site: &str, command: impl FnOnce(&Context) -> Result<Exit, Failure>) -> Result<(), Failure> {
        let printer = Printer::captured(Form::Text, Loudness::Normal).at_home(site);
        command(&self.at(site, printer.clone(), None))?;
        self.show(&format!("--home {site} {line}"), &printer.captured_text().0);
        Ok(())
    }

    fn quietly(&self, line: &str, site: &str, command: impl FnOnce(&Context) -> Result<Exit, Failure>) -> Result<(), Failure> {
        command(&self.at(site, Printer::captured(Form::Text, Loudness::Quiet), None))?;
        self.context.printer.tell(&format!("    $ fieldpost {line}"));
        Ok(())
    }

    fn at(&self, site: &str, printer: Printer, logged_as: Option<&'static str>) -> Context {
        let (world, limits) = (World::real(), self.context.limits.clone());
        let run = Run::new(logged_as, world.now());
        Context { world, printer, home: Some(self.folder.join(site)), here: self.folder.to_owned(), limits, run }
    }

    fn database(&self, site: &str) -> PathBuf {
        self.folder.join(site).join("shop.db")
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// The only packet that lies there for `to` from `from`.
    fn waiting(&self, to: &str, from: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.join(SHARE).join(to).join(from);
        let entry = fs::read_dir(folder)?.next().ok_or(Failure::Differ)?;
        Ok(entry?.path())
    }

    // ---- the page

    fn title(&self, text: &str) {
        self.context.printer.tell(&format!("\n{}\n", heading(text)));
    }

    fn say(&self, text: &str) {
        self.context.printer.tell(text);
    }

    fn show(&self, line: &str, text: &str) {
        let folder = format!("{}{}", self.folder.display(), std::path::MAIN_SEPARATOR);
        self.context.printer.tell(&format!("    $ fieldpost {line}"));
        for line in text.replace(&folder, "").lines() {
            self.context.printer.tell(format!("    {}", without_size(line)).trim_end());
        }
        self.context.printer.tell("");
    }
}

/// What of the reports is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Always,
    /// What more than answers.
    All,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    Something,
    Nothing,
}

fn name(text: &str) -> SiteName {
    SiteName::new(text).expect("the names of the story are site names")
}

/// Takes the size of a packet out of a line: `, 1.8 kB` or ` (1.8 kB)`.
fn without_size(line: &str) -> String {
    for unit in [" kB", " MB", " bytes"] {
        let Some(end) = line.find(unit) else { continue };
        let start = line[..end].trim_end_matches(|c: char| c.is_ascii_digit() || ".,".contains(c)).len();
        let (before, after) = (&line[..start], &line[end + unit.len()..]);
        if let (Some(before), Some(after)) = (before.strip_suffix(" ("), after.strip_prefix(')')) {
            return format!("{before}{after}");
        }
        return format!("{}{after}", before.trim_end_matches([' ', ',']));
    }
    line.to_owned()
}

impl Report for DemoReport {
    fn text(&self, page: &Page) -> String {
        let rows = self.sites.iter().map(|site| {
            let records: u64 = site.tables.iter().map(|table| table.records).sum();
            vec![site.site.to_string(), number(records), site.spoken()]
        });
        let table = page.table(&[Column::Words("site"), Column::Numbers("records"), Column::Words("digest")], rows);
        let end = match self.same {
            true => "All four hold the same data.".to_owned(),
            false => alert("The sites hold different data: this should not happen, please report it."),
        };
        let folder = self
            .folder
            .as_ref()
            .map_or_else(String::new, |folder| format!("\nLook around in {0}: fieldpost --home {0}/head conflicts", folder.display()));
        format!("{table}\n\n{end}{folder}")
    }

    fn exit(&self) -> Exit {
        if self.same { Exit::Done } else { Exit::Failed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_go_and_the_rest_stays() {
        assert_eq!(without_size("Sent packet 1 to 'a': 1,000 records, 110.8 kB"), "Sent packet 1 to 'a': 1,000 records");
        assert_eq!(without_size("Packet 3 for 'a', made earlier (2.1 kB), was put"), "Packet 3 for 'a', made earlier, was put");
        assert_eq!(without_size("  notes  1 new"), "  notes  1 new");
    }

    #[test]
    fn the_day_ends_with_the_same_data_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let printer = Printer::captured(Form::Text, Loudness::Normal);
        let here = folder.path().to_owned();
        let (limits, run) = (crate::sync::Limits::default(), Run::new(None, crate::model::Millis(0)));
        let context = Context { world: World::real(), printer: printer.clone(), home: None, here, limits, run };
        let exit = play(folder.path(), 8, &context, After::Gone).unwrap();
        let story = printer.captured_text().0;
        assert_eq!(exit, Exit::Done, "{story}");
        let flat = story.split_whitespace().collect::<Vec<_>>().join(" ");
        for fact in [
            "phone: '040 555 0222' of 'ben' stands (newest), '040 555 0111' of 'anna' lost",
            "it is kept (edit wins over delete)",
            "has not come yet; it is asked for",
            "made earlier, was put on the exchange",
            "All four hold the same data.",
        ] {
            assert!(flat.contains(fact), "`{fact}` is missing:\n{story}");
        }
    }
}
