//! Does a computer run a site by itself after `service install`, and no more after `service remove`? With programs that stand in for
//! `crontab` and `systemctl` and note what they are told.
#![cfg(all(unix, not(target_os = "macos")))]

mod binary;

use std::os::unix::fs::PermissionsExt as _;

use binary::{Office, Ran};

const SCHEMA: &str = "CREATE TABLE customers (id TEXT PRIMARY KEY, phone TEXT); INSERT INTO customers VALUES ('A', '1');";
/// What a path can have in it that means something to cron, to systemd or to a shell.
const HOME: &str = "it's 50% \"$HOME\" %h";
const THEIRS: &str = "MAILTO=anna\n0 1 * * * date +\\%F\n";

/// A `crontab` that keeps its table in a file, and tells that there is none as cron does.
const CRONTAB: &str = r#"#!/bin/sh
case "$1" in
-l) [ -e "$TABLE.broken" ] && { echo 'must be privileged to use -u' >&2; exit 1; }
    [ -e "$TABLE" ] || { echo "no crontab for anna" >&2; exit 1; }
    cat "$TABLE" ;;
-)  cat > "$TABLE.new" && mv "$TABLE.new" "$TABLE"; echo written >> "$TABLE.calls" ;;
esac
"#;

/// A `systemctl` that knows which units are enabled.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$@" >> "$TABLE.calls"
[ -e "$TABLE.nobus" ] && { echo 'Failed to connect to bus: No medium found' >&2; exit 1; }
for last; do :; done
case "$2" in
enable) [ -e "$XDG_CONFIG_HOME/systemd/user/$last" ] || exit 5; touch "$TABLE.$last" ;;
disable) [ -e "$TABLE.$last" ] || { echo "Unit $last does not exist" >&2; exit 1; }; rm "$TABLE.$last" ;;
is-enabled) [ -e "$TABLE.$last" ] ;;
esac
"#;

struct Machine {
    office: Office,
}

impl Machine {
    fn new() -> Self {
        let office = Office::new();
        ["share", "bin", "config", HOME].iter().for_each(|folder| office.make(folder));
        office.sql(HOME, SCHEMA);
        for (name, text) in [("crontab", CRONTAB), ("systemctl", SYSTEMCTL)] {
            office.write(&format!("bin/{name}"), text);
            std::fs::set_permissions(office.path(&format!("bin/{name}")), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let machine = Self { office };
        let begun = machine.office.run_in(HOME, "init --home . --name head --exchange ../share --database shop.db", &[]);
        assert_eq!(begun.code, 0, "{begun:?}");
        machine
    }

    fn run(&self, line: &str) -> Ran {
        let text = |name: &str| self.office.path(name).to_str().unwrap().to_owned();
        let path = format!("{}:{}", text("bin"), std::env::var("PATH").unwrap());
        let [home, table, config, user] = [HOME, "table", "config", "user"].map(text);
        let environment = [("PATH", &path), ("FIELDPOST_HOME", &home), ("TABLE", &table), ("XDG_CONFIG_HOME", &config), ("HOME", &user)];
        self.office.run_in("", line, &environment.map(|(name, value)| (name, value.as_str())))
    }

    fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {ran:?}");
        ran.out
    }

    fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(&format!("{line} --json"))).unwrap()
    }

    fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.office.path("table.calls")).unwrap_or_default();
        let _ = std::fs::remove_file(self.office.path("table.calls"));
        calls.lines().map(str::to_owned).collect()
    }

    fn units(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.office.path("config/systemd/user")).into_iter().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn cron_runs_a_sync_and_the_rest_of_the_crontab_is_left_as_it_was() {
    let machine = Machine::new();
    let table = || machine.office.read("table");
    machine.office.write("table", THEIRS);
    let show = "service show --kind cron";
    let shown = machine.json(show);
    assert_eq!(shown["state"], "absent");
    // Where nobody can be asked, nothing is done.
    let refused = machine.run("service install --kind cron");
    assert!(refused.code == 2 && refused.err.contains("--yes") && refused.err.contains("nothing was done"), "{refused:?}");
    assert_eq!(table(), THEIRS);

    let install = "service install --kind cron --yes";
    let did = machine.ok(install);
    let wanted = shown["writes"][0]["text"].as_str().unwrap();
    let (told, started) = (did.find(wanted.lines().nth(1).unwrap()), did.find("Installed and started."));
    assert!(told.is_some() && told < started && did.matches("# >>>").count() == 1, "{did}");
    assert_eq!(table(), format!("{THEIRS}{wanted}"), "what was shown is what is written");
    let line = wanted.lines().nth(1).unwrap();
    assert!(line.starts_with("*/15 * * * * /") && line.ends_with(" sync --quiet"), "{line}");
    assert_eq!(machine.calls(), ["written"]);
    assert_eq!(machine.json(show)["state"], "installed");

    assert!(machine.ok(install).contains("Installed, exactly so."));
    assert!(machine.calls().is_empty(), "doing it twice writes nothing");
    assert_eq!(machine.json("service show")["kind"], "cron", "what is installed is shown");
    let other = machine.run("service install --kind systemd --yes");
    assert!(other.code == 1 && other.err.contains("this site is run by cron"), "{other:?}");

    machine.office.write("table", &format!("{}# mine\n", table()));
    assert_eq!(machine.json("service show --kind cron --timer 1h")["state"], "different");
    machine.ok("service install --kind cron --timer 1h --yes");
    assert!(table().contains("\n0 * * * * /") && !table().contains("*/15") && table().contains("# mine\n"), "{}", table());

    // The line is run as cron would: it syncs.
    let line = table().lines().find(|line| line.starts_with("0 * * * *")).unwrap().replace("\\%", "%");
    let status = std::process::Command::new("sh").args(["-c", line.strip_prefix("0 * * * * ").unwrap()]).status().unwrap();
    assert_eq!(status.code(), Some(0), "{line}");

    let kept = machine.run("detach");
    assert!(
        kept.code == 1 && kept.err.contains("run by cron on this computer\nhint: 'fieldpost service remove --kind cron' first"),
        "{kept:?}"
    );
    assert!(machine.ok("service remove").contains("taken out of cron"));
    assert_eq!(table(), format!("{THEIRS}# mine\n"));
    assert!(machine.ok("service remove").contains("There is no service"));
    let log = machine.ok("log");
    assert!(log.contains("installed by cron as fieldpost-head-") && log.contains("taken out of cron"), "{log}");
}

#[test]
fn a_crontab_that_cannot_be_read_is_never_written() {
    let machine = Machine::new();
    machine.office.write("table", THEIRS);
    machine.office.write("table.broken", "");
    let failed = machine.run("service install --kind cron --yes");
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.err.contains("`crontab -l` failed: must be privileged"), "{failed:?}");
    assert_eq!((machine.office.read("table").as_str(), machine.calls()), (THEIRS, vec![]));
    // A user without one gets one.
    std::fs::remove_file(machine.office.path("table.broken")).unwrap();
    std::fs::remove_file(machine.office.path("table")).unwrap();
    machine.ok("service install --kind cron --yes");
    machine.ok("service remove --kind cron");
    assert_eq!(machine.office.read("table"), "");
}

#[test]
fn systemd_runs_a_watch_or_a_timer_and_never_both() {
    let machine = Machine::new();
    let shown = machine.json("service show");
    assert_eq!((&shown["kind"], &shown["state"]), (&"systemd".into(), &"absent".into()), "it answers, so it is what is usual here");
    let name = shown["name"].as_str().unwrap();
    let (service, timer) = (format!("{name}.service"), format!("{name}.timer"));
    assert!(machine.units().is_empty());
    machine.calls();

    machine.ok("service install --yes");
    assert_eq!(machine.units(), std::slice::from_ref(&service));
    assert_eq!(machine.office.read(&format!("config/systemd/user/{service}")), shown["writes"][0]["text"].as_str().unwrap());
    let did = machine.calls();
    assert_eq!(did[did.len() - 2..], ["--user daemon-reload".to_owned(), format!("--user enable --now {service}")]);
    assert_eq!(machine.json("service show")["state"], "installed");
    machine.calls();
    machine.ok("service install --yes");
    assert!(machine.calls().iter().all(|call| call.contains("is-enabled") || call.contains("show")), "doing it twice does nothing");

    // The watch ends before the timer begins.
    machine.ok("service install --timer 15m --yes");
    assert_eq!(machine.units(), [service.clone(), timer.clone()]);
    let did = machine.calls();
    let at = |words: &str| did.iter().position(|call| call == words).unwrap_or_else(|| panic!("{words}: {did:?}"));
    assert!(at(&format!("--user disable --now {service}")) < at(&format!("--user enable --now {timer}")));
    assert!(machine.office.read(&format!("config/systemd/user/{service}")).contains("\"sync\" \"--quiet\""));

    std::fs::remove_file(machine.office.path(&format!("table.{timer}"))).unwrap();
    assert_eq!(machine.json("service show --timer 15m")["state"], "stopped");
    machine.ok("service install --timer 15m --yes");
    machine.office.write("config/systemd/user/theirs.service", "");
    machine.office.write(&format!("table.{service}"), "");
    machine.ok("service remove");
    assert_eq!(machine.units(), ["theirs.service"]);
}

#[test]
fn where_systemd_does_not_answer_nothing_is_written_and_cron_is_taken() {
    let machine = Machine::new();
    machine.office.write("table.nobus", "");
    let failed = machine.run("service install --kind systemd --yes");
    assert!(failed.err.contains("`systemctl --user show --property=Version` failed: Failed to connect to bus"), "{failed:?}");
    assert!(machine.units().is_empty());
    assert_eq!(machine.json("service show")["kind"], "cron");
}
