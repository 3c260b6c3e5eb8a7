//! The examples are read by the code they are for.

use std::path::Path;

use fieldpost::rules::Rules;

#[test]
fn the_rules_of_the_office_server_are_rules() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/office-server/rules.toml")).unwrap();
    let rules = Rules::parse(&text).unwrap();
    let of = |table| rules.table_criteria(table).to_string();
    assert_eq!([of("products"), of("visits"), of("credit"), of("anything")], ["parent", "child", "review", "newest"]);
}

#[test]
fn the_crontab_calls_commands_that_exist() {
    use clap::CommandFactory as _;
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/office-server/crontab")).unwrap();
    let mut calls = 0;
    for call in text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split("fieldpost ").skip(1)) {
        let words: Vec<&str> = call.trim_end_matches([';', ' ']).split_whitespace().collect();
        let arguments = std::iter::once("fieldpost").chain(words.iter().map(|word| word.trim_end_matches(';')));
        fieldpost::cli::Cli::command().try_get_matches_from(arguments).unwrap_or_else(|error| panic!("{call}: {error}"));
        calls += 1;
    }
    assert_eq!(calls, 3);
}
