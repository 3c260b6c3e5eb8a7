//! What does launchd want to know? A property list among the user's agents: a watch that is kept alive, or a sync by the clock.

use std::path::Path;

use super::super::quoting::xml;
use super::plan::{Call, Job, Piece, Place, Plan, Removal, Trace};

/// What an installation is, for the user of that number.
#[must_use]
pub fn plan(job: &Job, agents: &Path, user: &str) -> Plan {
    let file = file(&job.name(), agents);
    let start = Call::new("launchctl", &["bootstrap", &format!("gui/{user}"), &file.to_string_lossy()]);
    Plan { does: job.words(), pieces: vec![Piece::file(file, text(job))], start: vec![start] }
}

/// What there may be of a job.
#[must_use]
pub fn removal(name: &str, agents: &Path, user: &str) -> Removal {
    let stop = Some(Call::new("launchctl", &["bootout", &format!("gui/{user}/{name}")]));
    let trace = Trace { place: Place::File(file(name, agents)), known: Some(known(name, user)), end: None, stop };
    Removal { traces: vec![trace], after: None }
}

/// What succeeds where the job is known.
#[must_use]
pub fn known(name: &str, user: &str) -> Call {
    Call::new("launchctl", &["print", &format!("gui/{user}/{name}")])
}

fn file(name: &str, agents: &Path) -> std::path::PathBuf {
    agents.join(format!("{name}.plist"))
}

fn text(job: &Job) -> String {
    let words: String =
        [job.binary.as_str()].into_iter().chain(job.arguments()).map(|word| format!("    <string>{}</string>\n", xml(word))).collect();
    let when = match job.every {
        // What ends well was told to end.
        None => {
            "  <key>KeepAlive</key>\n  <dict>\n    <key>SuccessfulExit</key>\n    <false/>\n  </dict>\n  <key>ThrottleInterval</key>\n  \
                 <integer>60</integer>\n"
                .to_owned()
        }
        Some(every) => format!("  <key>StartInterval</key>\n  <integer>{}</integer>\n", every.minutes() * 60),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <!-- Made by 'fieldpost service install'; 'fieldpost service remove' takes it out again. -->\n\
         <plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>{}</string>\n  <key>ProgramArguments</key>\n  <array>\n{words}  </array>\n  \
         <key>RunAtLoad</key>\n  <true/>\n{when}  <key>ProcessType</key>\n  <string>Background</string>\n</dict>\n</plist>\n",
        xml(&job.name())
    )
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::job;
    use super::*;
    use crate::cli::quoting::tests::NASTY;

    #[test]
    fn a_watch_is_kept_alive_and_xml_keeps_the_path() {
        let job = job(NASTY, None);
        let name = job.name();
        let plan = plan(&job, Path::new("/Users/anna/Library/LaunchAgents"), "501");
        assert_eq!(
            plan.pieces[0].text,
            format!(
                r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Made by 'fieldpost service install'; 'fieldpost service remove' takes it out again. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>{name}</string>
  <key>ProgramArguments</key>
  <array>
    <string>/usr/bin/fieldpost</string>
    <string>--home</string>
    <string>/srv/it's "50%" &amp; &lt;b&gt; $HOME `id` \n ; #!/é</string>
    <string>watch</string>
    <string>--quiet</string>
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>60</integer>
  <key>ProcessType</key>
  <string>Background</string>
</dict>
</plist>
"#
            )
        );
        assert_eq!(
            plan.start,
            [Call::new(
                "launchctl",
                &["bootstrap", "gui/501", &file(&name, Path::new("/Users/anna/Library/LaunchAgents")).to_string_lossy()]
            )]
        );
    }

    #[test]
    fn a_timer_is_in_seconds() {
        let text = text(&job("/a", Some("2h")));
        assert!(text.contains("<key>StartInterval</key>\n  <integer>7200</integer>") && !text.contains("KeepAlive"), "{text}");
        assert!(text.contains("<string>sync</string>"));
    }
}
