//! Employees from another system: a person picks per field which side is right.

use super::Case;

const BOTH: [&str; 2] = ["head", "personnel"];
const ONE: &str = "SELECT name, phone, department, room FROM employees WHERE id = 'E-1'";

fn case() -> Case {
    Case::new("employees", "rules.toml", "employees.db", &BOTH)
}

#[test]
fn a_person_picks_per_field_which_side_is_right() {
    let case = case();
    case.edit("personnel", "UPDATE employees SET name = 'Ann Roth', phone = '99', department = 'Stores', room = '9' WHERE id = 'E-1'");
    case.edit("head", "UPDATE employees SET name = 'Anne Keller', phone = '77', department = 'Buying' WHERE id = 'E-1'");
    case.settle();
    // Nobody decided yet: what the main office has stands, and what only one side changed is taken.
    case.assert_rows(&BOTH, ONE, &["Anne Keller|77|Buying|9"]);
    let status = case.report("head", "status");
    assert_eq!(status["conflicts_open"], 3);
    assert_eq!(case.office.run("status --home head").code, 3);
    let open = case.report("head", "conflicts employees --open");
    assert_eq!(open["conflicts"].as_array().unwrap().len(), 3, "{open}");

    let number = |field: &str| case.conflict("head", field)["number"].to_string();
    let name = case.conflict("head", "name");
    assert_eq!((&name["base"], &name["winner"], &name["loser"]), (&"Ann Keller".into(), &"Anne Keller".into(), &"Ann Roth".into()));
    assert_eq!((&name["winner_site"], &name["loser_site"], &name["open"]), (&"head".into(), &"personnel".into(), &true.into()));
    case.report("head", &format!("conflicts resolve {} --take lost", number("name")));
    case.report("head", &format!("conflicts resolve {} --take standing", number("phone")));
    case.report("head", &format!("conflicts resolve {} --value Board", number("department")));
    case.settle();
    case.assert_rows(&BOTH, ONE, &["Ann Roth|77|Board|9"]);
    case.assert_same("");
    for site in BOTH {
        assert_eq!(case.report(site, "status")["conflicts_open"], 0, "{site}");
        assert!(case.conflicts(site).iter().all(|conflict| conflict["open"] == false), "{site}: {:#?}", case.conflicts(site));
    }
    assert_eq!(case.office.run("status --home head").code, 0);
    let history = case.report("personnel", "history employees E-1").to_string();
    assert!(history.contains("Ann Roth") && history.contains("Anne Keller"), "{history}");
}

#[test]
fn the_person_may_sit_at_the_other_system() {
    let case = case();
    case.edit("personnel", "UPDATE employees SET room = '9' WHERE id = 'E-1'");
    case.edit("head", "UPDATE employees SET room = '7' WHERE id = 'E-1'");
    case.settle();
    case.assert_rows(&BOTH, "SELECT room FROM employees WHERE id = 'E-1'", &["7"]);
    let number = case.conflict("personnel", "room")["number"].clone();
    case.report("personnel", &format!("conflicts resolve {number} --take lost"));
    case.settle();
    case.assert_rows(&BOTH, "SELECT room FROM employees WHERE id = 'E-1'", &["9"]);
    for site in BOTH {
        assert_eq!(case.report(site, "status")["conflicts_open"], 0, "{site}");
    }
}

#[test]
fn what_moved_on_since_is_asked_about() {
    let case = case();
    case.edit("personnel", "UPDATE employees SET room = '9' WHERE id = 'E-1'");
    case.edit("head", "UPDATE employees SET room = '7' WHERE id = 'E-1'");
    case.settle();
    case.edit("head", "UPDATE employees SET room = '8' WHERE id = 'E-1'");
    let number = case.conflict("head", "room")["number"].clone();
    let asked = case.office.run(&format!("conflicts resolve {number} --take lost --home head"));
    assert!(asked.code == 1 && asked.err.contains("has changed since"), "{asked:?}");
    case.report("head", &format!("conflicts resolve {number} --take lost --anyway"));
    case.settle();
    case.assert_rows(&BOTH, "SELECT room FROM employees WHERE id = 'E-1'", &["9"]);
}

#[test]
fn a_record_is_taken_out_of_the_exchange_and_put_back() {
    let case = case();
    let out = case.report("head", "records deactivate employees E-2");
    assert_eq!(out["records"], 1, "{out}");
    case.edit("head", "UPDATE employees SET phone = '70', room = '002' WHERE id = 'E-2'");
    case.edit("personnel", "UPDATE employees SET department = 'Board', room = '003' WHERE id IN ('E-2', 'E-3')");
    case.settle();
    let two = "SELECT phone, department, room FROM employees WHERE id = 'E-2'";
    case.assert_rows(&["head"], two, &["70|Stores|002"]);
    case.assert_rows(&["personnel"], two, &["12|Board|003"]);
    // The others go on, and what came for this one waits and says so.
    case.assert_rows(&BOTH, "SELECT department FROM employees WHERE id = 'E-3'", &["Board"]);
    let held = case.held("head");
    let [waits] = &held[..] else { panic!("{held:#?}") };
    assert_eq!((&waits["key"][0], &waits["needs"]), (&"E-2".into(), &"activation".into()));
    assert_eq!(case.office.run("status --home head").code, 0, "it is wanted like that");

    case.report("head", "records activate employees E-2");
    case.settle();
    case.assert_rows(&BOTH, two, &["70|Board|002"]);
    assert!(case.held("head").is_empty());
    // What both edited meanwhile is for a person, as ever.
    let room = case.conflict("head", "room");
    assert_eq!((&room["winner"], &room["loser"], &room["open"]), (&"002".into(), &"003".into(), &true.into()));
    case.report("head", &format!("conflicts resolve {} --take lost", room["number"]));
    case.settle();
    case.assert_rows(&BOTH, two, &["70|Board|003"]);
    case.assert_same("");
}

#[test]
fn a_record_is_taken_out_at_the_other_system_too() {
    let case = case();
    case.report("personnel", "records deactivate employees E-2");
    case.edit("head", "UPDATE employees SET phone = '70' WHERE id = 'E-2'");
    case.edit("personnel", "UPDATE employees SET department = 'Board' WHERE id = 'E-2'");
    case.settle();
    let two = "SELECT phone, department FROM employees WHERE id = 'E-2'";
    case.assert_rows(&["head"], two, &["70|Stores"]);
    case.assert_rows(&["personnel"], two, &["12|Board"]);
    case.report("personnel", "records activate employees E-2");
    case.settle();
    case.assert_rows(&BOTH, two, &["70|Board"]);
    case.assert_same("");
}
