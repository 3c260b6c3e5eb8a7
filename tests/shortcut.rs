//! Can somebody who knows no command line run a sync? An icon is put where desktops look, and what it runs speaks plainly.
#![cfg(all(unix, not(target_os = "macos")))]

mod binary;

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use binary::{Office, Ran};

const SCHEMA: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, phone TEXT);
    INSERT INTO customers VALUES ('A', '1'), ('B', '2'), ('C', '3');";

/// What a path can have in it that means something to a desktop.
const HOME: &str = "it's 50% \"$HOME\" `id` \\n %f";

fn run(office: &Office, line: &str) -> Ran {
    let text = |name: &str| office.path(name).to_str().unwrap().to_owned();
    let [user, config, data, home] = ["user", "user/.config", "data", HOME].map(text);
    let environment = [("HOME", &user), ("XDG_CONFIG_HOME", &config), ("XDG_DATA_HOME", &data), ("FIELDPOST_HOME", &home)];
    office.run_in("", line, &environment.map(|(name, value)| (name, value.as_str())))
}

/// An office whose remote lives in a folder of that name, with a desktop of another name.
fn office() -> Office {
    let office = Office::pair(SCHEMA, "");
    office.rename("anna", HOME);
    ["user/.config", "user/Schreibtisch"].iter().for_each(|folder| office.make(folder));
    office.write("user/.config/user-dirs.dirs", "XDG_DESKTOP_DIR=\"$HOME/Schreibtisch\"\n");
    office
}

/// The words that a desktop runs for an entry: the value unescaped, then taken apart, then the fields.
fn command(entry: &str) -> Vec<String> {
    let value = entry.lines().find_map(|line| line.strip_prefix("Exec=")).unwrap();
    let value = value.replace("\\\\", "\\");
    let (mut words, mut word, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for c in value.chars() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.iter().map(|word| word.replace("%%", "%")).collect()
}

#[test]
fn an_icon_is_on_the_desktop_and_in_the_menu_and_runs_a_sync() {
    let office = office();
    let put = run(&office, "shortcut --json");
    assert_eq!(put.code, 0, "{put:?}");
    let put: serde_json::Value = serde_json::from_str(&put.out).unwrap();
    let files: Vec<&str> = put["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    assert_eq!(files.len(), 2);
    assert!(
        files[0].contains("/user/Schreibtisch/fieldpost-anna-") && files[1].contains("/data/applications/fieldpost-anna-"),
        "{files:?}"
    );
    for file in &files {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o700, 0o700, "it can be launched");
    }
    let entry = std::fs::read_to_string(files[0]).unwrap();
    assert!(entry.starts_with("[Desktop Entry]\n") && entry.contains("\nTerminal=true\n"), "{entry}");
    let words = command(&entry);
    assert_eq!(words[1..], ["--home", office.path(HOME).canonicalize().unwrap().to_str().unwrap(), "sync", "--window"]);
    office.sql("head", "UPDATE customers SET phone = '11'");
    office.ok("sync --home head");
    let ran = Command::new(&words[0]).args(&words[1..]).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    assert_eq!((ran.status.code(), said.as_str()), (Some(0), "3 customers came from the main office. Everything is done.\n"));

    // A file of somebody else is neither replaced nor taken away.
    assert_eq!(run(&office, "shortcut").code, 0, "once more is no change");
    std::fs::write(files[0], "mine").unwrap();
    assert!(run(&office, "shortcut").err.contains("is there already"));
    assert_eq!(run(&office, "shortcut --remove").code, 0);
    assert_eq!(files.iter().map(|file| std::fs::exists(file).unwrap()).collect::<Vec<_>>(), [true, false]);
    assert!(run(&office, "shortcut --remove").out.contains("There is no icon"));

    office.make("elsewhere");
    assert_eq!(run(&office, "shortcut --to elsewhere").code, 0);
    assert!(office.only_file("elsewhere").ends_with(".desktop"));
    assert_eq!(run(&office, "shortcut --to elsewhere --remove").code, 0);
    assert_eq!(std::fs::read_dir(office.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn what_it_runs_says_what_was_not_kept_and_when_the_office_is_away() {
    let office = office();
    let sync = |office: &Office| run(office, "sync --window");
    office.sql(HOME, "UPDATE customers SET phone = 'hers' WHERE id = 'A'");
    std::thread::sleep(std::time::Duration::from_millis(20));
    office.sql("head", "UPDATE customers SET phone = 'theirs' WHERE id = 'A'");
    let sent = sync(&office);
    assert_eq!((sent.code, sent.out.as_str()), (0, "1 of your changes was sent. Everything is done.\n"));
    office.ok("sync --home head");
    let lost = sync(&office).flat();
    assert!(lost.contains("Your phone 'hers' for customers A was not kept: the main office's value 'theirs' stands."), "{lost}");
    assert!(
        lost.contains("tell the main office; 'fieldpost conflicts show 1' has both.") && !lost.contains("Everything is done"),
        "{lost}"
    );

    office.sql(HOME, "UPDATE customers SET phone = 'later' WHERE id = 'B'");
    office.rename("share", "away");
    let away = sync(&office);
    assert_eq!(
        (away.code, away.flat().as_str()),
        (4, "The office cannot be reached just now; your changes are safe and go out next time.")
    );
    office.rename("away", "share");
    assert_eq!(sync(&office).code, 0);
    let log = run(&office, "log").out;
    assert!(log.contains("sync"), "{log}");
    let failed = office.run("sync --window --home nowhere");
    assert!(failed.code == 1 && failed.flat().contains("Show this to whoever looks after Fieldpost"), "{failed:?}");
}
