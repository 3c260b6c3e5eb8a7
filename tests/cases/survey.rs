//! Survey answers: a main office asks, interviewers answer.

use super::Case;

const ALL: [&str; 3] = ["head", "anna", "bert"];
const ANSWERS: &str = "SELECT respondent, question, answer FROM answers ORDER BY 1, 2";

fn case(rules: &str) -> Case {
    Case::new("survey", rules, "survey.db", &ALL)
}

/// An answer of a day of November.
fn answer(respondent: &str, question: &str, day: u8, answer: &str, complete: bool) -> String {
    format!(
        "INSERT INTO answers (respondent, question, taken, answer, complete)
         VALUES ('{respondent}', '{question}', '2026-11-{day:02}', '{answer}', {});",
        u8::from(complete)
    )
}

#[test]
fn incomplete_answers_stay_home_and_complete_ones_go_by_themselves() {
    let case = case("rules.toml");
    case.edit("anna", &(answer("R-1", "Q-1", 3, "A friend", true) + &answer("R-1", "Q-2", 3, "Per", false)));
    assert_eq!(Case::stays(&case.sync("anna")), [("answers".to_owned(), 1, "it is not ready yet".to_owned())]);
    case.settle();
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-1|A friend"]);
    case.edit("anna", "UPDATE answers SET answer = 'Perhaps', complete = 1 WHERE question = 'Q-2'");
    case.settle();
    case.assert_rows(&["head", "anna"], ANSWERS, &["R-1|Q-1|A friend", "R-1|Q-2|Perhaps"]);
    case.assert_rows(&["bert"], ANSWERS, &[]);
    // Questions go down only.
    case.edit("head", "INSERT INTO questions VALUES ('Q-3', 'Your age?')");
    case.edit("bert", "UPDATE questions SET words = 'mine'");
    case.settle();
    case.assert_same("questions");
    case.assert_rows(&["bert"], "SELECT count(*) FROM questions WHERE words = 'mine'", &["0"]);
}

#[test]
fn complete_answers_go_by_hand_for_a_selection_and_a_range_of_days() {
    let case = case("by-hand.toml");
    let all = [("R-1", 3), ("R-2", 10), ("R-3", 11)];
    for (respondent, day) in all {
        case.edit("anna", &answer(respondent, "Q-1", day, "A friend", true));
    }
    case.edit("anna", &answer("R-1", "Q-2", 10, "", false));
    case.settle();
    case.assert_rows(&["head"], ANSWERS, &[]);
    // Days and region, through the respondent: of those that were chosen the incomplete one goes on waiting.
    let chosen = "taken BETWEEN '2026-11-08' AND '2026-11-14' \
        AND respondent IN (SELECT code FROM respondents WHERE region = 'north')";
    let sent = case.report("anna", &format!("records send answers --where \"{chosen}\""));
    assert_eq!(sent["records"], 2, "{sent}");
    case.settle();
    case.assert_rows(&["head"], ANSWERS, &["R-2|Q-1|A friend"]);
    case.edit("anna", "UPDATE answers SET answer = 'Yes', complete = 1 WHERE question = 'Q-2'");
    case.settle();
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-2|Yes", "R-2|Q-1|A friend"]);
    // What is corrected later is chosen again.
    case.edit("anna", "UPDATE answers SET answer = 'A poster' WHERE respondent = 'R-2'");
    case.settle();
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-2|Yes", "R-2|Q-1|A friend"]);
    case.report("anna", "records send answers --where \"complete = 1\"");
    case.settle();
    case.assert_rows(&["head", "anna"], ANSWERS, &["R-1|Q-1|A friend", "R-1|Q-2|Yes", "R-2|Q-1|A poster", "R-3|Q-1|A friend"]);
    let wrong = case.office.run("records send answers --where \"tken = 1\" --home anna");
    assert!(wrong.code == 1 && wrong.err.contains("tken"), "{wrong:?}");
}

#[test]
fn a_failure_shows_its_message_and_since_when_and_is_edited_and_sent_again() {
    let case = case("rules.toml");
    twice(&case);
    let held = case.held("head");
    let [failure] = &held[..] else { panic!("{held:#?}") };
    assert_eq!((&failure["table"], &failure["from"], &failure["needs"]), (&"answers".into(), &"bert".into(), &"person".into()));
    assert!(failure["why"].as_str().unwrap().contains("respondent"), "{failure}");
    assert!(failure["since"].as_str().unwrap().starts_with("20"), "{failure}");
    assert_eq!(case.office.run("status --home head").code, 3);
    // The interviewer sees it too, with the reason.
    case.settle();
    let told: Vec<String> = case.conflicts("bert").iter().map(ToString::to_string).collect();
    let [told] = &told[..] else { panic!("{told:#?}") };
    assert!(told.contains("\"taken\"") && told.contains("respondent and question together") && told.contains("\"open\":true"), "{told}");

    case.report("head", &format!("held edit {} respondent=R-2", failure["number"]));
    assert!(case.held("head").is_empty());
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-1|A friend", "R-2|Q-1|A poster"]);
    case.settle();
    assert_eq!(case.office.run("status --home head").code, 0);
}

#[test]
fn a_failure_is_sent_again_once_its_reason_is_gone() {
    let case = case("rules.toml");
    twice(&case);
    let again = case.report("head", "held retry");
    assert_eq!(again["held"].as_array().unwrap().len(), 1, "{again}");
    case.edit("head", "DELETE FROM answers WHERE answer = 'A friend'");
    let again = case.report("head", "held retry");
    assert!(again["held"].as_array().unwrap().is_empty(), "{again}");
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-1|A poster"]);
}

#[test]
fn a_failure_is_sent_again_when_the_interviewer_corrects_it() {
    let case = case("rules.toml");
    twice(&case);
    case.edit("bert", "UPDATE answers SET respondent = 'R-3'");
    case.settle();
    assert!(case.held("head").is_empty());
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-1|A friend", "R-3|Q-1|A poster"]);
}

#[test]
fn a_failure_is_deleted_with_a_reason_that_the_interviewer_reads() {
    let case = case("rules.toml");
    twice(&case);
    let number = case.held("head")[0]["number"].clone();
    case.report("head", &format!("held drop {number} --reason \"asked twice\""));
    case.settle();
    assert!(case.held("head").is_empty());
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-1|A friend"]);
    for site in ["head", "bert"] {
        let dropped = case.conflict(site, "answer");
        assert_eq!((&dropped["about"]["what"], &dropped["rule"]), (&"dropped".into(), &"asked twice".into()), "{site}");
        assert_eq!((&dropped["loser"], &dropped["loser_site"]), (&"A poster".into(), &"bert".into()), "{site}");
    }
    let told = case.office.run("conflicts answers --home bert").flat();
    assert!(told.contains(", answer: 'A poster' of 'bert' was dropped at 'head': asked twice"), "{told}");
    assert!(told.contains("answers 1500000000, respondent: 'R-1'"), "under the number it has there: {told}");
    // Corrected, it is a new try.
    case.edit("bert", "UPDATE answers SET respondent = 'R-3', answer = 'A poster at last'");
    case.settle();
    case.assert_rows(&["head"], ANSWERS, &["R-1|Q-1|A friend", "R-3|Q-1|A poster at last"]);
}

#[test]
fn what_may_come_yet_is_tried_hourly_for_four_hours_before_it_wants_a_person() {
    let case = case("rules.toml");
    // The respondent is entered later; nothing at the interviewer's keeps the answer back.
    case.edit("anna", &answer("R-9", "Q-1", 3, "A friend", true));
    case.settle();
    let held = case.held("head");
    assert_eq!((held.len(), &held[0]["needs"]), (1, &"packet".into()), "{held:#?}");
    assert_eq!(case.office.run("status --home head").code, 0);
    // As after four hours.
    case.rule(&case.file("rules.toml").replace("\"4h\"", "\"0s\""));
    case.settle();
    assert_eq!(case.held("head")[0]["needs"], "person");
    assert_eq!(case.office.run("status --home head").code, 3);
    // It is taken all the same when what it needs comes.
    case.edit("anna", "INSERT INTO respondents VALUES ('R-9', 'east')");
    case.settle();
    assert!(case.held("head").is_empty());
    case.assert_rows(&["head"], ANSWERS, &["R-9|Q-1|A friend"]);
}

/// Two interviewers asked the same person the same question: the second answer cannot be taken.
fn twice(case: &Case) {
    case.edit("anna", &answer("R-1", "Q-1", 3, "A friend", true));
    case.sync("anna");
    case.sync("head");
    case.edit("bert", &answer("R-1", "Q-1", 4, "A poster", true));
    case.sync("bert");
    case.sync("head");
}
