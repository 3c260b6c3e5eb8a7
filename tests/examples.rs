//! The examples are read by the code they are for, and what they tell people to type is typed.

mod binary;

use std::path::{Path, PathBuf};

use binary::{Office, commands, words};
use clap::Parser as _;
use fieldpost::cli::{Cli, Command};
use fieldpost::rules::Rules;

/// Folders that are a schema, rules, and commands to try.
const WALKED: [&str; 4] = ["field-sales", "two-systems", "survey", "employees"];

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(examples().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Files of all examples whose name ends like this, as `folder/name`.
fn files(end: &str) -> Vec<String> {
    let folders = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let name = |path: PathBuf| {
        let words: Vec<String> = path.iter().rev().take(2).map(|part| part.to_string_lossy().into_owned()).collect();
        format!("{}/{}", words[1], words[0])
    };
    files.map(name).filter(|name| name.ends_with(end)).collect()
}

#[test]
fn the_rules_of_the_office_server_are_rules() {
    let rules = Rules::parse(&text("office-server/rules.toml")).unwrap();
    let of = |table| rules.table_criteria(table).to_string();
    assert_eq!([of("products"), of("visits"), of("credit"), of("anything")], ["parent", "child", "review", "newest"]);
}

#[test]
fn all_rules_are_rules() {
    let all = files(".toml");
    for name in &all {
        Rules::parse(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    assert_eq!(all.len(), 7, "{all:?}");
}

#[test]
fn the_crontabs_call_commands_that_exist() {
    let mut calls = 0;
    for name in files("crontab") {
        for call in text(&name).lines().filter(|line| !line.starts_with('#')).flat_map(|line| line.split("fieldpost ").skip(1)) {
            let words = call.split_whitespace().map(|word| word.trim_end_matches(';'));
            Cli::try_parse_from(std::iter::once("fieldpost").chain(words)).unwrap_or_else(|error| panic!("{name}: {call}: {error}"));
            calls += 1;
        }
    }
    assert_eq!(calls, 4);
}

#[test]
fn what_a_page_says_of_the_rules_stands_in_them() {
    for example in WALKED {
        let rules = files(".toml").iter().filter(|name| name.starts_with(example)).map(|name| text(name)).collect::<String>();
        let page = text(&format!("{example}/README.md"));
        let rows = page.lines().filter_map(|line| line.strip_prefix('|')?.split('|').nth(1));
        let said: Vec<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).filter(|words| words.contains(" = ")).collect();
        assert!(!said.is_empty(), "{example}");
        for words in said {
            assert!(rules.contains(words), "{example}: `{words}` is not in its rules");
        }
    }
}

#[test]
fn everything_can_be_tried_as_the_pages_tell() {
    for example in WALKED {
        let office = Office::new();
        for name in files("").iter().filter(|name| name.starts_with(&format!("{example}/"))) {
            office.write(name.split_once('/').unwrap().1, &text(name));
        }
        let mut digests = Vec::new();
        for line in commands(&text(&format!("{example}/README.md"))) {
            walk(&office, line, &mut digests);
        }
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{example}: {digests:?}");
    }
}

/// Does what one line of a page says.
fn walk(office: &Office, line: &str, digests: &mut Vec<String>) {
    let words = words(line);
    match words[0].as_str() {
        "mkdir" => words[1..].iter().for_each(|name| office.make(name)),
        "cp" => office.write(&words[2], &office.read(&words[1])),
        // The tool is what people have at hand; the test does not need it.
        "sqlite3" => {
            let database = rusqlite::Connection::open(office.path(&words[1])).unwrap();
            let sql = words[2].strip_prefix(".read ").map_or_else(|| words[2].clone(), |file| office.read(file));
            database.execute_batch(&sql).unwrap_or_else(|error| panic!("{line}: {error}"));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        "fieldpost" => {
            let told = office.run(line.strip_prefix("fieldpost ").expect("it is the first word"));
            assert!([0, 3].contains(&told.code), "{line}: {told:?}");
            println!("$ {line}\n{}", told.out);
            if let Command::Digest(_) = Cli::try_parse_from(&words).unwrap().command {
                digests.extend(told.out.split_whitespace().last().map(str::to_owned));
            }
        }
        other => panic!("a page uses `{other}`"),
    }
}
