//! What does systemd want to know? A unit of the user: a watch that is started again when it fails, or a sync and its timer.

use std::path::Path;

use super::super::quoting::{self, systemd, systemd_value};
use super::plan::{Call, Job, Piece, Place, Plan, Removal, Trace};

const MADE: &str = "# Made by 'fieldpost service install'; 'fieldpost service remove' takes it out again.\n";

/// What an installation is.
#[must_use]
pub fn plan(job: &Job, units: &Path) -> Plan {
    let name = job.name();
    let pieces = match job.every {
        None => vec![piece(units, &format!("{name}.service"), watch(job))],
        Some(every) => {
            vec![piece(units, &format!("{name}.service"), sync(job)), piece(units, &format!("{name}.timer"), timer(job, every.minutes()))]
        }
    };
    Plan { does: job.words(), pieces, start: vec![control(&["daemon-reload"]), control(&["enable", "--now", &unit(job)])] }
}

/// What there may be of a job. The timer first: it would start the service again.
#[must_use]
pub fn removal(name: &str, units: &Path) -> Removal {
    let trace = |unit: String| Trace {
        stop: Some(control(&["disable", "--now", &unit])),
        place: Place::File(units.join(unit)),
        known: None,
        end: None,
    };
    Removal { traces: vec![trace(format!("{name}.timer")), trace(format!("{name}.service"))], after: Some(control(&["daemon-reload"])) }
}

/// What succeeds where the job is known.
#[must_use]
pub fn known(job: &Job) -> Call {
    control(&["is-enabled", "--quiet", &unit(job)])
}

/// What succeeds where systemd runs units of this user.
#[must_use]
pub fn probe() -> Call {
    control(&["show", "--property=Version"])
}

fn control(words: &[&str]) -> Call {
    Call::new("systemctl", &[&["--user"], words].concat())
}

/// The unit that is enabled.
fn unit(job: &Job) -> String {
    format!("{}.{}", job.name(), if job.every.is_some() { "timer" } else { "service" })
}

fn piece(units: &Path, unit: &str, text: String) -> Piece {
    Piece::file(units.join(unit), format!("{MADE}{text}"))
}

fn command(job: &Job) -> String {
    let program = systemd(&job.binary, quoting::Place::Program);
    job.arguments().iter().fold(program, |line, word| format!("{line} {}", systemd(word, quoting::Place::Argument)))
}

fn watch(job: &Job) -> String {
    format!(
        "[Unit]\nDescription={}\n\n[Service]\nExecStart={}\nRestart=on-failure\nRestartSec=60\n\n[Install]\nWantedBy=default.target\n",
        systemd_value(&job.words()),
        command(job)
    )
}

/// A conflict for a person, an exchange that is away and another run are no failures of the unit.
fn sync(job: &Job) -> String {
    format!(
        "[Unit]\nDescription={}\n\n[Service]\nType=oneshot\nExecStart={}\nSuccessExitStatus=3 4 5\n",
        systemd_value(&job.words()),
        command(job)
    )
}

fn timer(job: &Job, minutes: u32) -> String {
    format!(
        "[Unit]\nDescription={}\n\n[Timer]\nOnStartupSec=1min\nOnUnitActiveSec={minutes}min\n\n[Install]\nWantedBy=timers.target\n",
        systemd_value(&job.words())
    )
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::job;
    use super::*;
    use crate::cli::quoting::tests::NASTY;

    fn texts(plan: &Plan) -> Vec<&str> {
        plan.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    #[test]
    fn a_watch_is_one_unit_that_is_started_again() {
        let plan = plan(&job(NASTY, None), Path::new("/u"));
        assert_eq!(
            texts(&plan),
            [r#"# Made by 'fieldpost service install'; 'fieldpost service remove' takes it out again.
[Unit]
Description=Fieldpost watches 'anna'

[Service]
ExecStart="/usr/bin/fieldpost" "--home" "/srv/it's \"50%%\" & <b> $$HOME `id` \\n ; #!/é" "watch" "--quiet"
Restart=on-failure
RestartSec=60

[Install]
WantedBy=default.target
"#]
        );
        let name = job(NASTY, None).name();
        assert_eq!(plan.pieces[0].place, Place::File(Path::new("/u").join(format!("{name}.service"))));
        let start: Vec<String> = plan.start.iter().map(ToString::to_string).collect();
        assert_eq!(start, ["systemctl --user daemon-reload".to_owned(), format!("systemctl --user enable --now {name}.service")]);
    }

    #[test]
    fn a_timer_starts_a_sync_whose_findings_are_no_failures() {
        let plan = plan(&job("/srv/a", Some("15m")), Path::new("/u"));
        assert_eq!(
            texts(&plan),
            [
                "# Made by 'fieldpost service install'; 'fieldpost service remove' takes it out again.
[Unit]
Description=Fieldpost syncs 'anna' every 15 min

[Service]
Type=oneshot
ExecStart=\"/usr/bin/fieldpost\" \"--home\" \"/srv/a\" \"sync\" \"--quiet\"
SuccessExitStatus=3 4 5
",
                "# Made by 'fieldpost service install'; 'fieldpost service remove' takes it out again.
[Unit]
Description=Fieldpost syncs 'anna' every 15 min

[Timer]
OnStartupSec=1min
OnUnitActiveSec=15min

[Install]
WantedBy=timers.target
"
            ]
        );
        assert!(plan.start[1].to_string().ends_with(".timer"));
    }
}
