//! The real program: a library from `init` to `detach`.

use std::time::{Duration, SystemTime};

use crate::binary::Office;

/// Writes a document that nobody has touched for an hour.
fn document(office: &Office, path: &str, text: &str) {
    office.write(path, text);
    let file = std::fs::File::options().write(true).open(office.path(path)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3_600)).unwrap();
}

fn beginning() -> Office {
    let office = Office::new();
    ["share", "head", "documents"].iter().for_each(|folder| office.make(folder));
    office.sql("head", "CREATE TABLE t (id TEXT PRIMARY KEY)");
    document(&office, "documents/plan.txt", "first");
    office.ok("init --home head --name head --database head/shop.db --exchange share --library documents");
    office.ok("invite anna --home head --out anna.invite");
    office.ok("join anna.invite --home anna --exchange share --library annas");
    for site in ["head", "anna", "head", "anna"] {
        office.ok(&format!("sync --home {site}"));
    }
    office
}

#[test]
fn a_library_from_init_to_detach() {
    let office = beginning();
    assert_eq!(office.read("annas/plan.txt"), "first");
    let library = office.json("library --home anna --json");
    assert_eq!((library["documents"].as_u64(), library["bytes"].as_u64()), (Some(1), Some(5)), "{library}");
    assert_eq!(office.digest("head"), office.digest("anna"));
    assert!(office.ok("digest documents --home anna").out.contains("documents"));
    assert!(office.ok("history documents plan.txt --home anna").out.contains("plan.txt"));
    // A file that was written just now is left for the next run.
    office.write("annas/draft.txt", "being written");
    assert!(office.ok("sync --home anna").out.contains("1 being written: left for the next run"));
    document(&office, "annas/draft.txt", "written");
    let said = office.ok("sync --home anna").out;
    assert!(said.contains("\n  1 new or changed here\n") && said.contains("documents  1 new"), "{said}");
    office.ok("sync --home head");
    assert_eq!(office.read("documents/draft.txt"), "written");
    // Only the main office ends it.
    let refused = office.run("library off --home anna");
    assert!(refused.code == 1 && refused.err.contains("the library comes from 'head'"), "{refused:?}");
    let doctor = office.ok("doctor --home head").out;
    assert!(!doctor.contains("_fieldpost_"), "{doctor}");
    office.ok("detach --home anna --force");
    let tables = rusqlite::Connection::open(office.path("anna/shop.db")).unwrap();
    let ours = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%fieldpost%'";
    assert_eq!(tables.query_row(ours, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(office.read("annas/plan.txt"), "first", "files stay");
}

#[test]
fn a_rehearsal_touches_no_document_and_a_folder_that_is_away_wants_a_person() {
    let office = beginning();
    document(&office, "documents/plan.txt", "second");
    document(&office, "documents/new.txt", "new");
    office.ok("sync --home head");
    document(&office, "annas/of anna.txt", "x");
    let before = office.everything();
    let said = office.ok("sync --dry-run --home anna").out;
    assert!(said.contains("documents folder is not looked at"), "{said}");
    assert_eq!(office.everything(), before);
    office.rename("annas", "away");
    let away = office.run("sync --home anna");
    assert_eq!(away.code, 3, "{away:?}");
    assert!(away.out.contains("nothing of it is taken for deleted"), "{away:?}");
    office.rename("away", "annas");
    office.ok("sync --home anna");
    assert_eq!((office.read("annas/plan.txt"), office.read("annas/new.txt")), ("second".into(), "new".into()));
    office.remove("annas/.fieldpost-library");
    let unmarked = office.run("sync --home anna");
    assert!(unmarked.code == 3 && unmarked.out.contains("is not marked as a library"), "{unmarked:?}");
    office.ok("library on --home anna");
    office.ok("sync --home anna");
}

#[test]
fn a_folder_that_cannot_be_the_library_leaves_the_one_there_is() {
    let office = beginning();
    office.write("a-file", "x");
    for (folder, why) in
        [("a-file", "is not a folder"), ("head/.fieldpost/x", "cannot be the library"), ("share/documents", "cannot be the library")]
    {
        let refused = office.run(&format!("library on {folder} --home head"));
        assert!(refused.code == 1 && refused.err.contains(why), "{refused:?}");
        office.ok("sync --home head");
    }
    document(&office, "documents/new.txt", "new");
    office.ok("sync --home head");
    office.ok("sync --home anna");
    assert_eq!(office.read("annas/new.txt"), "new");
}
