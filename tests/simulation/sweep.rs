//! Does a fixed history end the same, wherever it is killed?
//!
//! Three levels join, edit, disagree, delete. Run once whole, counting durable steps; then killed before one step,
//! opened again, the interrupted thing repeated, and everything after it done as before: records and lists must be the same.

use std::collections::BTreeMap;

use super::Simulation;
use super::history::{Setting, TREES};
use super::sites::{Sites, Stopped};

/// One thing that a person does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Init,
    Invite(usize),
    Join(usize),
    Round(usize),
    /// The application of a site runs SQL.
    Edit(usize, &'static str),
}

use Step::{Edit, Init, Invite, Join, Round};

const HISTORY: &[Step] = &[
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
pub fn run(death: Option<Death>) -> Swept {
    let tree = TREES[2];
    let setting = Setting { slice_changes: 2, packet_bytes: 300, ..Setting::plain(7, tree, "newest") };
    let mut simulation = Simulation::new(Sites::new(&setting));
    let mut invitations = vec![String::new(); tree.sites.len()];
    let mut swept = Swept { taken: Vec::new(), end: BTreeMap::new(), wrong: Vec::new(), died_at: None };
    for (place, step) in HISTORY.iter().enumerate() {
        simulation.sites.tick(1_000);
        let kill = death.filter(|death| death.0 == place).map(|death| death.1);
        let done = match take(&mut simulation.sites, *step, kill, &mut invitations) {
            Err(Stopped::Died(died_at)) => {
                swept.died_at = Some(died_at);
                match take(&mut simulation.sites, *step, None, &mut invitations) {
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
    swept
}

fn take(sites: &mut Sites, step: Step, kill: Option<u64>, invitations: &mut [String]) -> Result<u64, Stopped> {
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
    }
}

/// Every place to kill at, given a clean run.
pub fn deaths(clean: &Swept) -> Vec<Death> {
    clean.taken.iter().enumerate().flat_map(|(place, taken)| (1..=*taken).map(move |n| (place, n))).collect()
}

/// Kills at each of `deaths` and compares with the clean run. Gives what is wrong.
pub fn sweep(clean: &Swept, deaths: &[Death], threads: usize) -> Vec<String> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(death) = deaths.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let swept = run(Some(*death));
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
