//! Does the README tell the truth? Its commands are understood, and those of the tour are run.

mod binary;

use binary::{Office, commands, words};
use clap::Parser as _;
use fieldpost::cli::{Cli, Exit};
use rusqlite::Connection;

const README: &str = include_str!("../README.md");

fn section(title: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("\n## {title}\n")).expect("the section is there");
    rest.split("\n## ").next().expect("a split has a first part")
}

#[test]
fn every_command_of_the_readme_is_understood() {
    let all = commands(README);
    let ours: Vec<&&str> = all.iter().filter(|command| command.starts_with("fieldpost ")).collect();
    for command in &ours {
        Cli::try_parse_from(words(command)).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
    assert!(ours.len() >= 9, "only {} commands found: has the form of the page changed?", ours.len());
}

#[test]
fn the_tour_can_be_walked() {
    let office = Office::new();
    let mut here = String::new();
    let mut digests = Vec::new();
    let mut ran = 0;
    for line in commands(section("Five minutes")) {
        let words = words(line);
        match words[0].as_str() {
            "mkdir" => words[1..].iter().for_each(|name| office.make(&format!("{here}{name}"))),
            "cd" => here = format!("{here}{}/", words[1]),
            // The tool is what people have at hand; the test does not need it.
            "sqlite3" => {
                let database = Connection::open(office.path(&format!("{here}{}", words[1]))).unwrap();
                assert_eq!(database.execute(&words[2], []).unwrap(), 1, "{line}");
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            "fieldpost" => {
                let told = office.run_in(&here, line.strip_prefix("fieldpost ").expect("it is the first word"), &[]);
                assert_eq!(told.code, 0, "{line}: {told:?}");
                if line.contains("conflicts") {
                    assert!(told.out.contains("stands  '040 555 0222'") && told.out.contains("lost    '040 555 0111'"), "{}", told.out);
                }
                if line.contains("digest") {
                    digests.push(told.out.split_whitespace().last().map(str::to_owned));
                }
                ran += 1;
            }
            other => panic!("the tour uses `{other}`"),
        }
    }
    assert!(ran >= 12, "only {ran} commands were run");
    assert_eq!(digests.len(), 2);
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn every_exit_code_is_in_the_table() {
    for exit in Exit::ALL {
        assert!(README.contains(&format!("| {} | {}", exit.code(), exit.meaning())), "{exit:?}");
    }
}
