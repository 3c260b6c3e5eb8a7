//! What does the Windows task scheduler want to know? A task of the user in XML: at logon, a watch or by the clock a sync.

use std::path::Path;

use super::super::Failure;
use super::super::quoting::{self, xml};
use super::plan::{Call, Encoding, Job, Piece, Place, Plan, Removal, Trace};

/// What an installation is, for that user. The file beside the task says later whether the task is the one we would make:
/// what the scheduler gives back is written anew.
///
/// # Errors
/// [`Failure::BadLine`] for a path that the scheduler would read as a variable: it knows no way to write it.
pub fn plan(job: &Job, task: &Path, user: &str) -> Result<Plan, Failure> {
    for path in [&job.binary, &job.home] {
        if path.matches('%').count() > 1 || path.contains("$(") {
            let why = "the task scheduler reads `%…%` and `$(…)` as variables and knows no way to write them";
            return Err(Failure::BadLine(format!("the path `{path}` cannot be in a task: {why}; rename the folder")));
        }
    }
    let name = job.name();
    let create = Call::new("schtasks", &["/Create", "/XML", &task.to_string_lossy(), "/TN", &name, "/F"]);
    let run = Call::new("schtasks", &["/Run", "/TN", &name]);
    let piece = Piece { place: Place::File(task.to_owned()), text: text(job, user), encoding: Encoding::Utf16 };
    Ok(Plan { does: job.words(), pieces: vec![piece], start: vec![create, run] })
}

/// What there may be of a job.
#[must_use]
pub fn removal(name: &str, task: &Path) -> Removal {
    let trace = Trace {
        place: Place::File(task.to_owned()),
        known: Some(known(name)),
        stop: Some(Call::new("schtasks", &["/Delete", "/TN", name, "/F"])),
        end: Some(Call::new("schtasks", &["/End", "/TN", name])),
    };
    Removal { traces: vec![trace], after: None }
}

/// What succeeds where the job is known.
#[must_use]
pub fn known(name: &str) -> Call {
    Call::new("schtasks", &["/Query", "/TN", name])
}

fn text(job: &Job, user: &str) -> String {
    let arguments = job.arguments().iter().map(|word| quoting::windows(word)).collect::<Vec<_>>().join(" ");
    let repetition = job.every.map_or_else(String::new, |every| {
        format!("      <Repetition>\n        <Interval>PT{}M</Interval>\n      </Repetition>\n", every.minutes())
    });
    let (user, description, command, arguments) = (xml(user), xml(&job.words()), xml(&job.binary), xml(&arguments));
    format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<!-- Made by 'fieldpost service install'; 'fieldpost service remove' takes it out again. -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{description}</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
{repetition}      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT5M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{command}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::super::plan::Every;
    use super::*;
    use crate::model::SiteName;

    fn job(home: &str, every: Option<&str>) -> Job {
        let every = every.map(|every| Every::parse(every).unwrap());
        Job::new(SiteName::new("anna").unwrap(), Path::new(r"C:\Program Files (x86)\R&D\fieldpost.exe"), Path::new(home), every).unwrap()
    }

    #[test]
    fn a_task_starts_a_watch_at_logon_in_a_form_the_scheduler_takes() {
        let job = job(r"D:\it's <50% done\", None);
        let plan = plan(&job, Path::new("task.xml"), r"OFFICE\Anna & Co").unwrap();
        let text = &plan.pieces[0].text;
        for part in [
            "<Command>C:\\Program Files (x86)\\R&amp;D\\fieldpost.exe</Command>\n",
            "<Arguments>\"--home\" \"D:\\it's &lt;50% done\\\\\" \"watch\" \"--quiet\"</Arguments>\n",
            "    <LogonTrigger>\n      <Enabled>true</Enabled>\n      <UserId>OFFICE\\Anna &amp; Co</UserId>\n",
            "<Description>Fieldpost watches 'anna'</Description>",
            "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let bytes = plan.pieces[0].bytes();
        assert_eq!(&bytes[..6], b"\xFF\xFE<\0?\0");
        let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(String::from_utf16(&units[1..]).unwrap(), *text);
        assert_eq!(plan.start[0].arguments, ["/Create", "/XML", "task.xml", "/TN", &job.name(), "/F"]);
    }

    #[test]
    fn a_timer_repeats_a_sync() {
        let text = text(&job(r"D:\a", Some("90m")), "u");
        assert!(text.contains("      <Repetition>\n        <Interval>PT90M</Interval>\n      </Repetition>\n      <UserId>"), "{text}");
        assert!(text.contains(r#""sync" "--quiet""#));
    }

    #[test]
    fn a_path_that_would_be_read_as_a_variable_is_refused() {
        for bad in [r"D:\%USERNAME%", r"D:\$(Arg0)"] {
            assert!(matches!(plan(&job(bad, None), Path::new("t"), "u"), Err(Failure::BadLine(_))), "{bad}");
        }
    }
}
