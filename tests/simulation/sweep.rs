//! Does a fixed history end the same, wherever it is killed?
//!
//! In one, three levels join, edit, disagree, delete; in the other the main office changes its schema and publishes bundles while documents
//! are edited everywhere. Run once whole, counting durable steps; then killed before one step, opened again, the interrupted thing
//! repeated, and everything after it done as before: schemas, records, lists, documents and customizations must be the same.

use std::collections::BTreeMap;

use fieldpost::bundle::Loss;
use rusqlite::Connection;

use super::documents::Keeping;
use super::history::{Setting, TREES};
use super::sites::{Sites, Stopped};
use super::{Simulation, bundles, documents};

/// One thing that a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Init,
    Invite(usize),
    Join(usize),
    Round(usize),
    /// The application of a site runs SQL.
    Edit(usize, &'static str),
    /// A document is written: its number, and about how long it is.
    Write(usize, &'static str, u64, usize),
    /// A document is moved, or deleted.
    Move(usize, &'static str, Option<&'static str>),
    /// The main office publishes a version of the bundle.
    Publish(u64),
    /// It takes the newest one back.
    Withdraw,
}

use Step::{Edit, Init, Invite, Join, Move, Publish, Round, Withdraw, Write};

/// Which history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Sites join and edit records.
    Edits,
    /// The schema changes, documents and bundles travel.
    Changes,
}

impl Story {
    const fn steps(self) -> &'static [Step] {
        match self {
            Self::Edits => EDITS,
            Self::Changes => CHANGES,
        }
    }

    /// The sites before the first step.
    fn begin(self) -> Simulation {
        let setting = Setting { slice_changes: 2, packet_bytes: 300, ..Setting::plain(7, TREES[2], "newest") };
        match self {
            Self::Edits => Simulation::new(Sites::new(&setting)),
            Self::Changes => {
                let keeping = Keeping { packet_bytes: 8_000, ..Keeping::PLAIN };
                let setting = Setting { library: Some(keeping), bundles: true, ..setting };
                let mut simulation = Simulation::new(Sites::joined(&setting));
                let folder = simulation.sites.library(0);
                simulation.deeds.documents.begin(&folder);
                simulation
            }
        }
    }
}

const EDITS: &[Step] = &[
    Init,
    Invite(1),
    Join(1),
    Round(1),
    Round(0),
    Round(1),
    Invite(2),
    Join(2),
    Round(2),
    Round(1),
    Round(2),
    Round(0),
    Round(1),
    Edit(2, "UPDATE customers SET name = 'canary-rosa' WHERE id = 'a'; UPDATE notes SET body = 'canary-edited' WHERE id = 'm'"),
    Edit(0, "UPDATE customers SET name = 'canary-head', city = 'canary-city' WHERE id = 'a'; DELETE FROM notes WHERE id = 'm'"),
    Edit(
        1,
        "DELETE FROM customers WHERE id = 'b'; INSERT INTO customers VALUES ('c', 't9', 'canary-new', NULL, x'00'); \
             INSERT INTO notes VALUES ('p', 't10', 'canary-note', 2.5, 'c', 'n')",
    ),
    Round(2),
    Round(1),
    Round(0),
    Edit(2, "INSERT INTO notes VALUES ('q', 't11', 'canary-late', 3, 'a', NULL)"),
    Round(1),
    Edit(1, "UPDATE notes SET customer = NULL, extra = 'canary-moved' WHERE id = 'n'"),
    Round(2),
    Round(1),
    Round(0),
    Round(1),
    Round(2),
];

/// Who is one version behind, who is two; what is edited under old names; what lies in the way of a bundle.
const CHANGES: &[Step] = &[
    Edit(
        0,
        "ALTER TABLE customers ADD COLUMN level TEXT NOT NULL DEFAULT 'canary-level'; UPDATE customers SET level = 'canary-gold' WHERE id = 'a'; \
             CREATE TABLE visits (id TEXT PRIMARY KEY, customer TEXT REFERENCES customers, what TEXT, more TEXT); \
             INSERT INTO visits VALUES ('v', 'a', 'canary-visit', 'canary-more'); PRAGMA user_version = 2",
    ),
    Edit(
        2,
        "UPDATE customers SET city = 'canary-rosa' WHERE id = 'a'; INSERT INTO customers (id, tag, name) VALUES ('r', 't9', 'canary-new')",
    ),
    Write(0, "plan.txt", 100, 20_000),
    Write(2, "plan.txt", 101, 5_000),
    Write(1, "visits/new", 102, 10),
    Publish(1),
    Round(0),
    Round(1),
    Round(2),
    Edit(2, "UPDATE visits SET what = 'canary-seen', more = 'canary-lost' WHERE id = 'v'"),
    Edit(
        0,
        "ALTER TABLE visits RENAME COLUMN what TO done; ALTER TABLE visits DROP COLUMN more; ALTER TABLE visits RENAME TO calls; \
             CREATE INDEX calls_done ON calls (done); PRAGMA user_version = 3",
    ),
    Move(0, "notes", Some("archive/notes")),
    Move(1, "visits/monday.txt", None),
    Write(2, "visits/monday.txt", 103, 10),
    Publish(2),
    Round(0),
    Round(2),
    Round(1),
    Round(2),
    Withdraw,
    Round(0),
    Round(1),
    Round(2),
    Round(1),
    Round(0),
];

/// Where to kill: the step of the history, and before which of its durable steps (from 1).
pub type Death = (usize, u64);

/// How a run ended.
#[derive(Debug)]
pub struct Swept {
    /// Durable steps of each step of the history.
    pub taken: Vec<u64>,
    /// What can be seen of every site.
    pub end: BTreeMap<String, String>,
    pub wrong: Vec<String>,
    /// The durable step that did not happen.
    pub died_at: Option<&'static str>,
}

/// Runs the history, killed once where `death` says.
pub fn run(story: Story, death: Option<Death>) -> Swept {
    let mut simulation = story.begin();
    let mut invitations = vec![String::new(); simulation.sites.setting.tree.sites.len()];
    let mut swept = Swept { taken: Vec::new(), end: BTreeMap::new(), wrong: Vec::new(), died_at: None };
    for (place, step) in story.steps().iter().enumerate() {
        simulation.sites.tick(1_000);
        let kill = death.filter(|death| death.0 == place).map(|death| death.1);
        let done = match take(&mut simulation, *step, kill, &mut invitations) {
            Err(Stopped::Died(died_at)) => {
                swept.died_at = Some(died_at);
                match take(&mut simulation, *step, None, &mut invitations) {
                    // It died after the last step that matters: the home is there.
                    Err(Stopped::Failed(said)) if matches!(step, Init | Join(_)) && said.contains("is a home already") => Ok(0),
                    done => done,
                }
            }
            done => done,
        };
        match done {
            Ok(taken) => swept.taken.push(taken),
            Err(stopped) => {
                swept.wrong.push(format!("{step:?} after death {death:?} at {:?}: {stopped:?}", swept.died_at));
                return swept;
            }
        }
    }
    simulation.settle();
    simulation.judge();
    swept.wrong.extend(simulation.outcome.wrong.drain(..).map(|wrong| format!("after death {death:?} at {:?}: {wrong}", swept.died_at)));
    swept.end = simulation.end();
    for site in 0..invitations.len() {
        swept.end.extend(everything(&simulation.sites, site));
    }
    swept
}

fn take(simulation: &mut Simulation, step: Step, kill: Option<u64>, invitations: &mut [String]) -> Result<u64, Stopped> {
    let sites = &mut simulation.sites;
    match step {
        Init => sites.init(kill),
        Invite(child) => {
            let (text, taken) = sites.invite(child, kill)?;
            invitations[child] = text;
            Ok(taken)
        }
        Join(child) => sites.join(child, &invitations[child], kill),
        Round(site) => sites.run(site, kill),
        Edit(site, sql) => {
            sites.start_application(site).map_err(Stopped::Failed)?;
            let application = sites.applications[site].as_ref().ok_or_else(|| Stopped::Failed("no database".into()))?;
            application.execute(sql).map(|()| 0).map_err(|error| Stopped::Failed(error.to_string()))
        }
        Write(site, path, content, length) => {
            simulation.hand(site).lay(path, content, length);
            Ok(0)
        }
        Move(site, from, to) => {
            simulation.hand(site).take_away(from, to);
            Ok(0)
        }
        Publish(version) => {
            let taken = sites.publish(version, kill)?;
            simulation.deeds.bundles.published.0.push((version, false));
            Ok(taken)
        }
        Withdraw => {
            // A person who does not know whether it is done says it of a version, and not of whatever is the newest by now.
            if sites.newest_published()? == simulation.deeds.bundles.published.current() {
                let taken = sites.withdraw(Loss::Refuse, kill)?;
                simulation.deeds.bundles.published.withdraw();
                return Ok(taken);
            }
            simulation.deeds.bundles.published.withdraw();
            Ok(0)
        }
    }
}

/// Schema and records of all tables of a site's application, its documents and its customizations, in words.
fn everything(sites: &Sites, site: usize) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let name = sites.name(site);
    let mut add = |what: String, text: String| drop(all.insert(format!("{name} {what}"), text));
    if let Ok(connection) = Connection::open(sites.home(site).join("shop.db")) {
        let tables = texts(
            &connection,
            "SELECT name || ' ' || sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '%fieldpost%' ORDER BY 1",
        );
        for table in tables {
            let named = table.split(' ').next().unwrap_or_default().to_owned();
            let rows = texts(
                &connection,
                &format!("SELECT quote(id) || ' ' || json_array({}) FROM \"{named}\" ORDER BY 1", columns(&connection, &named)),
            );
            add(table, rows.join("\n"));
        }
    }
    for (path, (bytes, _)) in documents::folder::files(&sites.library(site)) {
        add(format!("document {path}"), format!("{} bytes of {:?}", bytes.len(), documents::folder::number(&bytes)));
    }
    for (path, text) in bundles::person::files(&sites.customs(site)) {
        add(format!("custom {path}"), text);
    }
    all
}

fn columns(connection: &Connection, table: &str) -> String {
    texts(connection, &format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')")).join(", ")
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let read =
        |mut statement: rusqlite::Statement<'_>| statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>();
    connection.prepare(sql).and_then(read).unwrap_or_default()
}

/// Every place to kill at, given a clean run.
pub fn deaths(clean: &Swept) -> Vec<Death> {
    clean.taken.iter().enumerate().flat_map(|(place, taken)| (1..=*taken).map(move |n| (place, n))).collect()
}

/// Kills at each of `deaths` and compares with the clean run. Gives what is wrong.
pub fn sweep(story: Story, clean: &Swept, deaths: &[Death], threads: usize) -> Vec<String> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(death) = deaths.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let swept = run(story, Some(*death));
                    let mut found = swept.wrong;
                    if found.is_empty() && swept.died_at.is_none() {
                        found.push(format!("{death:?} did not kill"));
                    }
                    if found.is_empty() {
                        found.extend(
                            differences(&clean.end, &swept.end).into_iter().map(|said| format!("{death:?} at {:?}: {said}", swept.died_at)),
                        );
                    }
                    wrong.lock().expect("no holder panics").extend(found);
                }
            });
        }
    });
    wrong.into_inner().expect("no holder panics")
}

fn differences(wanted: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> Vec<String> {
    let keys: std::collections::BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    let differing = keys.into_iter().filter(|key| wanted.get(*key) != found.get(*key));
    differing.map(|key| format!("{key}: {:?} instead of {:?}", found.get(key), wanted.get(key))).collect()
}
