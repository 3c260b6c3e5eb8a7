//! Does the command line understand every command that the README shows?

use clap::Parser as _;
use fieldpost::cli::Cli;

const README: &str = include_str!("../README.md");

#[test]
fn every_command_of_the_readme_is_understood() {
    let mut inside = false;
    let mut seen = 0;
    for line in README.lines() {
        if line.starts_with("```") {
            inside = line.starts_with("```sh");
        }
        let command = line.split(" #").next().expect("a split has a first part").trim();
        if inside && command.starts_with("fieldpost ") {
            Cli::try_parse_from(command.split_whitespace()).unwrap_or_else(|error| panic!("{command}: {error}"));
            seen += 1;
        }
    }
    assert!(seen >= 9, "only {seen} commands found: has the form of the page changed?");
}
