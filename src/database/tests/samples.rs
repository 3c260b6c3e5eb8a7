//! Databases that people use, where they are at hand.

use super::*;

fn sample(name: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../shared/data", "../../shared/data"].map(|folder| here.join(folder).join(name)).into_iter().find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: no sample database {name} beside the project");
    }
    found
}

fn is_taken_in_and_left_as_it_was(name: &str, tracked: usize) {
    let Some(original) = sample(name) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    // Not fs::copy: the original may be read-only.
    fs_err::write(&path, fs_err::read(original).unwrap()).unwrap();
    let world = World::real();
    let app = Connection::open(&path).unwrap();
    let before = schema_of(&app);
    let ours = Database::open(&path, WAIT).unwrap();
    let survey = ours.survey(&Rules::default()).unwrap();
    assert_eq!(survey.shapes.len(), tracked, "{:?}", survey.untracked);
    ours.arm(&world, &survey.shapes, &PAIR).unwrap();
    assert_eq!(ours.disarmed(&survey.shapes).unwrap(), []);
    let child = Database::create(&world, &folder.path().join("child.db"), &ours.dump_schema().unwrap(), WAIT).unwrap();
    assert_eq!(child.survey(&Rules::default()).unwrap().shapes, survey.shapes);
    child.begin_write().unwrap();
    for shape in &survey.shapes {
        let mut rows = Vec::new();
        ours.scan(shape, None, usize::MAX, &mut |_, bytes| rows.push(Row::decode(bytes).unwrap())).unwrap();
        for row in rows {
            assert_eq!(child.insert(shape, &row).unwrap(), Written::Done);
            for reference in &shape.references {
                let found = ours.referenced(&survey.shapes, reference, &row).unwrap();
                assert!(!matches!(found, Reference::Missing { .. }) || !ours.foreign_key_violations().unwrap().is_empty(), "{found:?}");
            }
        }
        assert_eq!(child.digest(shape).unwrap(), ours.digest(shape).unwrap(), "{}", shape.name);
    }
    child.commit(&world).unwrap();
    assert_eq!(child.foreign_key_violations().unwrap(), ours.foreign_key_violations().unwrap());
    assert_eq!(child.integrity().unwrap(), Vec::<String>::new());
    for shape in &survey.shapes {
        let field = shape.name_of(FieldNo(0));
        app.execute_batch(&format!("UPDATE {} SET {field} = {field}", quote(&shape.name), field = quote(field))).unwrap();
        assert_eq!(ours.notes(shape, 0, usize::MAX).unwrap().len() as u64, ours.count(shape).unwrap());
    }
    ours.detach(&world).unwrap();
    assert_eq!(schema_of(&app), before);
}

#[test]
fn chinook_is_taken_in_and_left_as_it_was() {
    is_taken_in_and_left_as_it_was("chinook.db", 11);
}

#[test]
fn northwind_is_taken_in_and_left_as_it_was() {
    is_taken_in_and_left_as_it_was("northwind.db", 13);
}
