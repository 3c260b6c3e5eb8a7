//! Customizations reach the sites they are for, go in whole, give way to what was changed there, and go out again exactly.
//!
//! | module | answers |
//! |---|---|
//! | (here) | how does a bundle travel, what does it wait for, what is refused? |
//! | `publishing` | who gets which version, when? |
//! | `told` | whose word do sites below an office follow? |
//! | `life` | is every byte as it was after publication, upgrade, rollback and removal? |
//! | `rows` | what becomes of rows that a site changed, or that two bundles want? |
//! | `back` | what goes back of rows and steps that others built on since? |
//! | `renames` | what becomes of rows whose table or columns are called otherwise by now? |
//! | `steps` | what may a schema step change, where, and is its way back exact? |
//! | `crashes` | what is left when a site dies at any moment? |

#[path = "bundles/back.rs"]
mod back;
#[path = "bundles/crashes.rs"]
mod crashes;
#[path = "bundles/life.rs"]
mod life;
#[path = "bundles/publishing.rs"]
mod publishing;
#[path = "bundles/renames.rs"]
mod renames;
#[path = "bundles/rows.rs"]
mod rows;
#[path = "bundles/steps.rs"]
mod steps;
mod support;
#[path = "bundles/told.rs"]
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fieldpost::bundle::{self, BundleName, Fate, Loss, Source};
use fieldpost::keys::SigningKey;
use fieldpost::site::Role;
use fieldpost::sync::bundles::{self, Refusal, Scope, install, undo};
use fieldpost::sync::{SyncError, join};
use fieldpost::world::World;
use support::{Tree, name};

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT);
    CREATE TABLE countries (code TEXT PRIMARY KEY, name TEXT, rate REAL);
    CREATE TABLE colours (code TEXT PRIMARY KEY, name TEXT);
    CREATE TABLE titles (id INTEGER PRIMARY KEY, text TEXT UNIQUE);
    CREATE TABLE shortcuts (key TEXT PRIMARY KEY, screen TEXT);
    INSERT INTO countries VALUES ('CH', 'Schweiz', 8.1), ('XX', 'Nowhere', 0);
    INSERT INTO colours VALUES ('r', 'red'), ('g', 'green');
    INSERT INTO shortcuts VALUES ('F1', 'help');";
const RULES: &str = "[tables.shortcuts]\ndirection = \"none\"\n[tables.favourites]\ndirection = \"none\"\n";
const CANARY: &str = "canary-7f3b";

/// A tree whose `sales` are anna, bert and carl; dora is in no group.
fn four() -> Tree {
    let tree = Tree::with_rules(SCHEMA, RULES);
    for site in ["anna", "bert", "carl"] {
        add(&tree, "head", site, Role::Remote, &["sales"]);
    }
    add(&tree, "head", "dora", Role::Remote, &[]);
    tree.settle(&["anna", "bert", "carl", "dora", "head"]);
    for site in ["anna", "bert", "carl", "dora"] {
        tree.edit(site, "CREATE TABLE IF NOT EXISTS shortcuts (key TEXT PRIMARY KEY, screen TEXT); INSERT OR IGNORE INTO shortcuts VALUES ('F1', 'help')");
    }
    tree.settle(&["anna", "bert", "carl", "dora", "head"]);
    tree
}

fn add(tree: &Tree, parent: &str, child: &str, role: Role, groups: &[&str]) {
    tree.tick(1);
    let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    let text = join::invite(&tree.session(parent), &name(child), role, &groups, join::INVITATION_MILLIS).unwrap();
    join::join(&tree.world(child), &tree.home(child), &text, fieldpost::site::Exchanges::only("memory"), None).unwrap();
}

/// A publisher's folder.
struct Folder(PathBuf);

impl Folder {
    fn new(tree: &Tree, toml: &str) -> Self {
        let folder = tree.folder.path().join(format!("source-{}", blake3::hash(toml.as_bytes()).to_hex()));
        std::fs::create_dir_all(&folder).unwrap();
        let it = Self(folder);
        it.with("bundle.toml", toml)
    }

    fn with(self, path: &str, text: &str) -> Self {
        let place = self.0.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
        self
    }

    fn build(&self, key: &SigningKey) -> PathBuf {
        bundle::build(&World::real(), &Source::read(&self.0).unwrap(), key, &self.0).unwrap().file
    }
}

const STEP: &str = "CREATE INDEX by_name ON customers (name); ALTER TABLE customers ADD COLUMN region TEXT DEFAULT 'none';
    CREATE TABLE regions (code TEXT PRIMARY KEY, name TEXT);";

/// Fifty files, three lists, a schema step; and a list that each site has for itself.
fn forms(tree: &Tree, version: &str) -> PathBuf {
    let toml = format!(
        "name = 'forms'\nversion = '{version}'\ntitle = 'Forms {CANARY}'\n\
         [[schema]]\nup = 'schema/1.sql'\ndown = 'schema/1-down.sql'\n\
         [[rows]]\nfile = 'rows/countries.csv'\ntable = 'countries'\nkey = ['code']\nmode = 'upsert'\n\
         [[rows]]\nfile = 'rows/colours.json'\ntable = 'colours'\nkey = ['code']\nmode = 'replace'\n\
         [[rows]]\nfile = 'rows/titles.csv'\ntable = 'titles'\nkey = ['text']\nmode = 'insert'\n\
         [[rows]]\nfile = 'rows/shortcuts.csv'\ntable = 'shortcuts'\nkey = ['key']\nmode = 'upsert'\nruns = 'at-each'\n"
    );
    let mut folder = Folder::new(tree, &toml)
        .with("schema/1.sql", STEP)
        .with("schema/1-down.sql", "DROP TABLE regions; ALTER TABLE customers DROP COLUMN region; DROP INDEX by_name;")
        .with("rows/countries.csv", &format!("code,name\nCH,Switzerland\nDE,Germany {version}\n"))
        .with("rows/colours.json", r#"[{"code": "b", "name": "blue"}, {"code": "r", "name": "red"}]"#)
        .with("rows/titles.csv", "text\nDr.\nProf.\n")
        .with("rows/shortcuts.csv", &format!("key,screen\nF1,help {version}\nF2,search\n"));
    for number in 0..50 {
        // A third of them differ between versions.
        let changes = if number % 3 == 0 { version } else { "" };
        folder =
            folder.with(&format!("files/Screens {}/form {number}.xml", number % 5), &format!("<form>{number} {changes} {CANARY}</form>"));
    }
    folder.build(&tree.session("head").signing)
}

fn publish(tree: &Tree, file: &Path, groups: &[&str]) -> install::Effects {
    let session = tree.session("head");
    let groups: BTreeSet<String> = groups.iter().map(|group| (*group).to_owned()).collect();
    let opened = bundles::verified(&session, file).unwrap();
    bundles::publish(&session, &opened, file, &groups, None).unwrap().1
}

/// All that a bundle could change at a site: files, how the database is made, and what is in it.
#[derive(Debug, PartialEq, Eq)]
struct Everything {
    files: BTreeMap<String, String>,
    /// Words of the schema by name: blanks and quotes around names are nobody's concern.
    made: BTreeMap<String, Vec<String>>,
    held: BTreeMap<String, Vec<String>>,
}

fn everything(tree: &Tree, site: &str) -> Everything {
    let schema = "SELECT name || char(10) || sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE '\\_fieldpost%' ESCAPE '\\'";
    let words = |text: &str| {
        let spaced: String =
            text.replace('"', "").chars().flat_map(|c| if "(),".contains(c) { vec![' ', c, ' '] } else { vec![c] }).collect();
        spaced.split_whitespace().map(str::to_owned).collect()
    };
    let made: BTreeMap<String, Vec<String>> =
        tree.rows(site, schema).iter().map(|row| row.split_once('\n').unwrap()).map(|(name, sql)| (name.to_owned(), words(sql))).collect();
    let tables = made.iter().filter(|(_, words)| words[1].eq_ignore_ascii_case("TABLE")).map(|(name, _)| name);
    let held = tables.map(|name| (name.clone(), tree.rows(site, &format!("SELECT * FROM \"{name}\" ORDER BY 1")))).collect();
    Everything { files: files(tree, site), made, held }
}

/// Every file below a folder.
fn files_in(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name, std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

/// What a site has of customizations.
fn files(tree: &Tree, site: &str) -> BTreeMap<String, String> {
    files_in(&custom(tree, site))
}

fn custom(tree: &Tree, site: &str) -> PathBuf {
    tree.home(site).join("custom")
}

fn source_files(file: &Path) -> BTreeMap<String, String> {
    files_in(&file.parent().unwrap().join("files"))
}

fn write(tree: &Tree, site: &str, path: &str, text: &str) {
    let place = custom(tree, site).join(path);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(place, text).unwrap();
}

fn version_of(tree: &Tree, site: &str, bundle: &str) -> Option<String> {
    let states = bundles::states(&tree.session(site), Scope::Site).unwrap();
    states.get(&named(bundle)).and_then(|state| state.top()).map(|top| top.version.to_string())
}

fn named(bundle: &str) -> BundleName {
    BundleName::new(bundle).unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, SyncError>) -> Refusal {
    match result {
        Err(SyncError::Bundle(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

const ALL: [&str; 5] = ["anna", "bert", "carl", "dora", "head"];
const LISTS: [&str; 4] = [
    "SELECT * FROM countries ORDER BY 1",
    "SELECT * FROM colours ORDER BY 1",
    "SELECT text FROM titles ORDER BY 1",
    "SELECT * FROM shortcuts ORDER BY 1",
];

#[test]
fn nothing_of_a_bundle_is_in_clear_on_the_way() {
    let tree = four();
    publish(&tree, &forms(&tree, "1.0.0"), &["sales"]);
    tree.sync("head");
    let everything = tree.exchange.everything();
    assert!(everything.len() >= 8, "the packets are there: {:?}", everything.keys());
    for (path, bytes) in everything {
        for secret in [CANARY, "forms", "Screens", "shortcuts"] {
            assert!(!path.contains(secret) && !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} in {path}");
        }
    }
}

#[test]
fn publishing_and_installing_twice_changes_nothing() {
    let tree = four();
    let one = forms(&tree, "1.0.0");
    publish(&tree, &one, &["sales"]);
    tree.settle(&ALL);
    let first = (files(&tree, "anna"), LISTS.map(|list| tree.rows("anna", list)));
    assert!(publish(&tree, &one, &["sales"]).already);
    let session = tree.session("anna");
    let opened = bundles::verified(&session, &one).unwrap();
    assert!(install::install(&session, &opened, Scope::Site).unwrap().already);
    drop(session);
    tree.settle(&ALL);
    assert_eq!((files(&tree, "anna"), LISTS.map(|list| tree.rows("anna", list))), first);
}

/// A few files, a list that each site has for itself, and from the second version on a table of the site's own.
fn small(tree: &Tree, version: &str) -> PathBuf {
    let mut toml = format!(
        "name = 'small'\nversion = '{version}'\n[[rows]]\nfile = 'rows/s.csv'\ntable = 'shortcuts'\nkey = ['key']\nmode = 'replace'\nruns = 'at-each'\n"
    );
    let first = version == "1.0.0";
    if !first {
        toml += "[[rows]]\nfile = 'rows/f.csv'\ntable = 'favourites'\nkey = ['id']\nmode = 'upsert'\nruns = 'at-each'\n\
             [[schema]]\nup = 'schema/1.sql'\ndown = 'schema/1-down.sql'\nruns = 'at-each'\n";
    }
    let folder = Folder::new(tree, &toml).with("rows/s.csv", &format!("key,screen\nF2,{version}\n")).with("files/b.txt", version);
    let folder = if first {
        folder.with("files/deep/a.txt", "a")
    } else {
        let step = "CREATE TABLE favourites (id INTEGER PRIMARY KEY, customer TEXT); CREATE INDEX by_name ON customers (name)";
        let folder = folder.with("files/c.txt", version).with("rows/f.csv", "id,customer\n1,A\n").with("schema/1.sql", step);
        folder.with("schema/1-down.sql", "DROP INDEX by_name; DROP TABLE favourites")
    };
    folder.build(&tree.session("head").signing)
}

#[test]
fn a_bundle_waits_for_what_it_needs_and_says_so() {
    let tree = four();
    let key = tree.session("head").signing.clone();
    let top = Folder::new(&tree, "name = 'top'\nversion = '1.0.0'\n[needs]\nbundles = { base = '1.1.0' }\n").with("files/top.txt", "x");
    let late = Folder::new(&tree, "name = 'late'\nversion = '1.0.0'\n[needs]\nschema = ['customers.region']\n").with("files/late.txt", "x");
    let base =
        |version: &str| Folder::new(&tree, &format!("name = 'base'\nversion = '{version}'\n")).with("files/base.txt", version).build(&key);
    publish(&tree, &base("1.0.0"), &["sales"]);
    let session = tree.session("head");
    let opened = bundles::verified(&session, &top.build(&key)).unwrap();
    let why = refusal(bundles::publish(&session, &opened, &top.0, &BTreeSet::new(), None));
    assert!(why.to_string().contains("needs the bundle base 1.1.0, which is 1.0.0"), "{why}");
    drop(session);
    publish(&tree, &late.build(&key), &["sales"]);
    publish(&tree, &base("1.1.0"), &[]);
    publish(&tree, &top.build(&key), &["sales"]);
    tree.sync("head");
    let report = tree.sync("anna");
    let waits: Vec<String> = report.waiting.iter().map(|waiting| format!("{}: {}", waiting.what, waiting.why)).collect();
    assert_eq!(waits, ["bundle late 1.0.0: it needs the field `customers.region` in the database"]);
    assert!(report.waiting.iter().all(|waiting| waiting.retried));
    assert_eq!(version_of(&tree, "anna", "top").as_deref(), Some("1.0.0"));
    // Taking the base away would leave the other without it.
    let session = tree.session("anna");
    let away = undo::undo(&session, Scope::Site, &named("base"), undo::Depth::All, Loss::Refuse);
    assert!(matches!(refusal(away), Refusal::NeededBy { .. }));
    drop(session);
    tree.settle(&ALL);
    let reports = bundles::reports(&tree.session("head")).unwrap();
    let anna = reports.iter().find(|report| report.site.as_str() == "anna").unwrap();
    let late = anna.bundles.iter().find(|standing| standing.name == named("late")).unwrap();
    assert!(late.installed.is_none() && late.waits.as_ref().unwrap().why.contains("customers.region"), "{late:?}");
    tree.edit("anna", "ALTER TABLE customers ADD COLUMN region TEXT");
    tree.sync("anna");
    assert_eq!(version_of(&tree, "anna", "late").as_deref(), Some("1.0.0"));
}

#[test]
fn a_day_a_publisher_and_a_version_are_minded() {
    let tree = four();
    let (key, stranger) = (tree.session("head").signing.clone(), SigningKey::generate(&tree.world("stranger")));
    let make = |version: &str, text: &str, key: &SigningKey| {
        Folder::new(&tree, &format!("name = 'x'\nversion = '{version}'\ntitle = '{text}'\n")).with("files/x.txt", text).build(key)
    };
    let session = tree.session("head");
    let unknown = make("1.0.0", "a", &stranger);
    assert!(matches!(refusal(bundles::verified(&session, &unknown)), Refusal::Open(bundle::OpenError::UnknownPublisher(_))));
    assert!(bundles::trust(&session, &stranger.verifying_key(), Some("stranger")).unwrap());
    let day = fieldpost::model::Millis(session.world.now().0 + 86_400_000);
    let opened = bundles::verified(&session, &unknown).unwrap();
    bundles::publish(&session, &opened, &unknown, &BTreeSet::new(), Some(day)).unwrap();
    drop(session);
    tree.settle(&ALL);
    assert_eq!(version_of(&tree, "anna", "x"), None);
    tree.tick(86_400_000);
    tree.settle(&ALL);
    assert_eq!((version_of(&tree, "anna", "x"), version_of(&tree, "head", "x")), (Some("1.0.0".into()), Some("1.0.0".into())));
    // Another file of that version, and an older one.
    let session = tree.session("anna");
    let try_it = |file: &Path| install::install(&session, &bundles::verified(&session, file).unwrap(), Scope::Site);
    assert!(matches!(refusal(try_it(&make("1.0.0", "b", &key))), Refusal::SameVersion { .. }));
    assert!(matches!(refusal(try_it(&make("0.9.0", "c", &key))), Refusal::Downgrade { .. }));
    // A file of another bundle is not taken.
    let other = Folder::new(&tree, "name = 'y'\nversion = '1.0.0'\n").with("files/X.txt", "y").build(&key);
    assert!(matches!(refusal(try_it(&other)), Refusal::Owned { .. }));
    drop(session);
    let session = tree.session("anna");
    let opened = bundles::verified(&session, &other).unwrap();
    assert!(matches!(refusal(bundles::publish(&session, &opened, &other, &BTreeSet::new(), None)), Refusal::NotHost(_)));
}

#[test]
fn an_office_passes_bundles_on_and_reports_of_its_sites_up() {
    let tree = Tree::with_rules(SCHEMA, RULES);
    add(&tree, "head", "north", Role::Office, &[]);
    tree.settle(&["north", "head"]);
    add(&tree, "north", "anna", Role::Remote, &["sales"]);
    let all = ["anna", "north", "head"];
    tree.settle(&all);
    let file = Folder::new(&tree, "name = 'x'\nversion = '1.0.0'\n").with("files/x.txt", "x").build(&tree.session("head").signing);
    publish(&tree, &file, &["sales"]);
    tree.settle(&all);
    assert_eq!((files(&tree, "anna").len(), files(&tree, "north").len()), (1, 0));
    let reports = bundles::reports(&tree.session("head")).unwrap();
    let installed: Vec<_> = reports.iter().filter(|report| !report.bundles.is_empty()).map(|report| report.site.to_string()).collect();
    assert_eq!(installed, ["anna"]);
    assert!(reports.iter().all(|report| report.wants.is_empty()), "{reports:?}");
    // A site that lost the file asks for it and gets it, once.
    let store = tree.home("north").join(".fieldpost/bundles/files");
    std::fs::remove_dir_all(&store).unwrap();
    tree.settle(&all);
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 1);
    bundles::withdraw(&tree.session("head"), &named("x"), Loss::Refuse).unwrap();
    tree.settle(&all);
    assert_eq!(files(&tree, "anna").len(), 0);
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0);
    publish(&tree, &file, &["sales"]);
    tree.settle(&all);
    assert_eq!(files(&tree, "anna").len(), 1, "what was withdrawn may come again");
}

#[cfg(unix)]
#[test]
fn the_right_to_run_travels_and_comes_and_goes_with_versions() {
    use std::os::unix::fs::PermissionsExt;
    let tree = four();
    let key = tree.session("head").signing.clone();
    let make = |version: &str, mode: u32| {
        let folder = Folder::new(&tree, &format!("name = 'x'\nversion = '{version}'\n")).with("files/run.sh", "#!/bin/sh\n");
        std::fs::set_permissions(folder.0.join("files/run.sh"), std::fs::Permissions::from_mode(mode)).unwrap();
        folder.build(&key)
    };
    let place = custom(&tree, "anna").join("run.sh");
    let runs = || std::fs::metadata(&place).unwrap().permissions().mode() & 0o100 != 0;
    write(&tree, "anna", "run.sh", "what anna had");
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o750)).unwrap();
    publish(&tree, &make("1.0.0", 0o755), &["sales"]);
    tree.settle(&ALL);
    assert!(runs());
    // Only the right changes.
    publish(&tree, &make("2.0.0", 0o644), &["sales"]);
    tree.settle(&ALL);
    assert!(!runs());
    assert!(bundles::look::drift(&tree.session("anna")).unwrap()[0].changed.is_empty());
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(bundles::look::drift(&tree.session("anna")).unwrap()[0].changed, ["run.sh"]);
    assert_eq!(bundles::look::changed(&tree.session("anna")).unwrap(), BTreeSet::from([named("x")]));
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o644)).unwrap();
    undo::undo(&tree.session("anna"), Scope::Site, &named("x"), undo::Depth::One, Loss::Refuse).unwrap();
    assert!(runs());
    undo::undo(&tree.session("anna"), Scope::Site, &named("x"), undo::Depth::All, Loss::Refuse).unwrap();
    assert_eq!(files(&tree, "anna"), BTreeMap::from([("run.sh".to_owned(), "what anna had".to_owned())]));
    assert!(runs(), "as it was before");
}

#[test]
fn large_bundles_go_one_after_the_other_behind_the_records() {
    let mut tree = four();
    tree.limits.bundle_bytes = 1;
    let key = tree.session("head").signing.clone();
    for bundle in ["a", "b", "c"] {
        let file =
            Folder::new(&tree, &format!("name = '{bundle}'\nversion = '1.0.0'\n")).with(&format!("files/{bundle}"), bundle).build(&key);
        publish(&tree, &file, &["sales"]);
    }
    tree.edit("head", "INSERT INTO customers VALUES ('A', 'Acme')");
    let sizes = |report: &fieldpost::sync::report::Report| {
        let to_anna = report.built.iter().filter(|built| built.to.as_str() == "anna");
        to_anna.map(|built| built.tables.len()).collect::<Vec<_>>()
    };
    assert_eq!(sizes(&tree.sync("head")), [1, 0], "records first, then one bundle");
    let second = tree.sync("head");
    assert_eq!(sizes(&second), [0]);
    assert!(second.built.iter().all(|built| built.contents), "what is sent is told: {:?}", second.built);
    assert_eq!(sizes(&tree.sync("head")), [0]);
    assert_eq!(sizes(&tree.sync("head")), [0; 0]);
    let came = tree.sync("anna").applied;
    assert!(came.iter().any(|packet| packet.contents) && came.iter().any(|packet| !packet.contents), "{came:?}");
    tree.settle(&ALL);
    assert_eq!(files(&tree, "anna").len(), 3);
}

#[test]
fn what_cannot_be_done_to_the_database_leaves_every_file_as_it_was() {
    let tree = four();
    let key = tree.session("head").signing.clone();
    let bad = |rows: &str, runs: &str, csv: &str| {
        let toml = format!(
            "name = 'x'\nversion = '1.0.0'\n[[rows]]\nfile = 'rows/a.csv'\ntable = '{rows}'\nkey = ['key']\nmode = 'upsert'\nruns = '{runs}'\n"
        );
        Folder::new(&tree, &toml).with("files/x.txt", "x").with("rows/a.csv", csv).build(&key)
    };
    let session = tree.session("anna");
    for (file, expected) in [
        (bad("nowhere", "at-each", "key\na\n"), "there is no table `nowhere`"),
        (bad("shortcuts", "at-each", "key,colour\na,b\n"), "no column named colour"),
        (bad("customers", "at-each", "key\na\n"), "travels by itself"),
    ] {
        let opened = bundles::verified(&session, &file).unwrap();
        let why = refusal(install::install(&session, &opened, Scope::Site)).to_string();
        assert!(why.contains(expected), "{why}");
        assert!(refusal(install::plan(&session, &opened, Scope::Site)).to_string().contains(expected));
    }
    drop(session);
    assert_eq!(files(&tree, "anna"), BTreeMap::new());
    let session = tree.session("head");
    let file = bad("shortcuts", "at-host", "key\na\n");
    let opened = bundles::verified(&session, &file).unwrap();
    let why = refusal(bundles::publish(&session, &opened, &file, &BTreeSet::new(), None));
    assert!(matches!(why, Refusal::Stays { .. }), "{why}");
    assert!(bundles::paper(&session).unwrap().bundles.is_empty());
}

#[test]
fn no_bundle_brings_settings_rules_or_keys() {
    let tree = four();
    let file = Folder::new(&tree, "name = 'x'\nversion = '1.0.0'\n").with("files/fieldpost.toml", "x").build(&tree.session("head").signing);
    let before = std::fs::read(tree.home("anna").join("fieldpost.toml")).unwrap();
    for folder in [".", "..", ".fieldpost", ".fieldpost/x", "custom/.."] {
        let session = tree.session("anna");
        let settings = fieldpost::site::Settings { bundles_folder: folder.to_owned(), ..session.settings.clone() };
        std::fs::create_dir_all(tree.home("anna").join("custom")).unwrap();
        session.home.write_settings(&session.world, &settings).unwrap();
        drop(session);
        let session = tree.session("anna");
        let opened = bundles::verified(&session, &file).unwrap();
        let why = refusal(install::install(&session, &opened, Scope::Site));
        assert!(matches!(why, Refusal::BadFolder(_)), "{folder}: {why}");
    }
    let session = tree.session("anna");
    let settings = fieldpost::site::Settings { bundles_folder: "custom".to_owned(), ..session.settings.clone() };
    session.home.write_settings(&session.world, &settings).unwrap();
    assert_eq!(std::fs::read(tree.home("anna").join("fieldpost.toml")).unwrap(), before);
}

#[test]
fn no_bundle_takes_the_place_of_the_database() {
    let tree = four();
    let session = tree.session("anna");
    let database = session.database_path();
    let beside = custom(&tree, "anna");
    std::fs::create_dir_all(&beside).unwrap();
    // As where the folder for customizations is the application's own.
    let settings = fieldpost::site::Settings { database: "custom/data/Shop.db".to_owned(), ..session.settings.clone() };
    session.home.write_settings(&session.world, &settings).unwrap();
    drop(session);
    std::fs::create_dir_all(beside.join("data")).unwrap();
    for end in ["", "-wal", "-shm"] {
        let from = PathBuf::from(format!("{}{end}", database.display()));
        if from.exists() {
            std::fs::rename(from, beside.join(format!("data/Shop.db{end}"))).unwrap();
        }
    }
    let session = tree.session("anna");
    let installing = |path: &str| {
        let toml = format!("name = 'x'\nversion = '1.0.0'\n# {path}\n");
        let file = Folder::new(&tree, &toml).with(&format!("files/{path}"), "x").build(&tree.session("head").signing);
        install::install(&session, &bundles::verified(&session, &file).unwrap(), Scope::Site)
    };
    for path in ["data/Shop.db", "data/shop.DB", "data/Shop.db-wal", "data/Shop.db-journal", "data/Shop.db-shm"] {
        let why = refusal(installing(path));
        assert!(matches!(&why, Refusal::OverDatabase(there) if there == path), "{path}: {why}");
    }
    installing("data/Shop.db.txt").unwrap();
}

#[test]
fn a_plan_says_what_would_change_and_changes_nothing() {
    let tree = four();
    let file = forms(&tree, "1.0.0");
    write(&tree, "anna", "Screens 0/form 0.xml", "old");
    let before = (files(&tree, "anna"), LISTS.map(|list| tree.rows("anna", list)));
    let session = tree.session("anna");
    let opened = bundles::verified(&session, &file).unwrap();
    let plan = install::plan(&session, &opened, Scope::Site).unwrap();
    let fates = |fate: &Fate| plan.files.iter().filter(|(_, found)| found == fate).count();
    assert_eq!((fates(&Fate::Added), fates(&Fate::Replaced)), (49, 1));
    assert_eq!(plan.rows, BTreeMap::from([("shortcuts".into(), install::RowCounts { added: 1, changed: 1, removed: 0 })]));
    assert_eq!(install::install(&session, &opened, Scope::Site).unwrap(), plan, "and it is what is done");
    drop(session);
    assert_ne!((files(&tree, "anna"), LISTS.map(|list| tree.rows("anna", list))), before);
}
