//! What does cron want to know? A line in the user's crontab, between two lines that mark it as ours.
//!
//! The crontab is the user's. Nothing outside our two marks is ever changed, byte for byte, whatever encoding it is in; marks that do not
//! come in a pair are left alone and told, because nobody can say any more what between them is ours.

use super::super::{Failure, quoting};
use super::plan::{Encoding, Every, Job, Piece, Place, Plan};

/// What an installation is.
///
/// # Errors
/// [`Failure::BadLine`] for an interval that does not divide an hour or a day: cron begins to count anew with each.
pub fn plan(job: &Job) -> Result<Plan, Failure> {
    let job = Job { every: Some(job.every.unwrap_or(Every::USUAL)), ..job.clone() };
    let minutes = job.every.map_or(0, Every::minutes);
    let when = when(minutes).ok_or_else(|| {
        let good = "minutes that divide an hour, or hours that divide a day: 15m, 30m, 1h, 2h, 12h";
        Failure::BadLine(format!("cron cannot run something every {minutes} min evenly: type {good}"))
    })?;
    let command = [job.binary.as_str()].into_iter().chain(job.arguments()).map(quoting::shell).collect::<Vec<_>>().join(" ");
    let name = job.name();
    let text = format!("{}\n{when} {}\n{}\n", first(&name), quoting::cron(&command), last(&name));
    Ok(Plan { does: job.words(), pieces: vec![Piece { place: Place::Crontab, text, encoding: Encoding::Utf8 }], start: Vec::new() })
}

fn when(minutes: u32) -> Option<String> {
    match minutes {
        1 => Some("* * * * *".to_owned()),
        60 => Some("0 * * * *".to_owned()),
        1440 => Some("0 0 * * *".to_owned()),
        2..60 if 60 % minutes == 0 => Some(format!("*/{minutes} * * * *")),
        61..1440 if minutes.is_multiple_of(60) && 24 % (minutes / 60) == 0 => Some(format!("0 */{} * * *", minutes / 60)),
        _ => None,
    }
}

fn first(name: &str) -> String {
    format!("# >>> {name}: made by 'fieldpost service install', taken out by 'fieldpost service remove'")
}

fn last(name: &str) -> String {
    format!("# <<< {name}")
}

/// Our part of a crontab with its marks; none where there is none.
///
/// # Errors
/// [`Failure::BadLine`] for marks that come in no pair.
pub fn part<'a>(crontab: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, Failure> {
    Ok(split(crontab, name)?.map(|(_, ours, _)| ours))
}

/// A crontab with another part of ours, or with none.
///
/// # Errors
/// As [`part`].
pub fn replaced(crontab: &[u8], name: &str, text: Option<&str>) -> Result<Vec<u8>, Failure> {
    let (before, after) = split(crontab, name)?.map_or((crontab, &[][..]), |(before, _, after)| (before, after));
    let mut whole = before.to_vec();
    if let Some(text) = text {
        // A last line without an end is one that cron may not even read.
        if whole.last().is_some_and(|last| *last != b'\n') {
            whole.push(b'\n');
        }
        whole.extend_from_slice(text.as_bytes());
    }
    whole.extend_from_slice(after);
    Ok(whole)
}

type Parts<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn split<'a>(crontab: &'a [u8], name: &str) -> Result<Option<Parts<'a>>, Failure> {
    let (begins, ends) = (format!("# >>> {name}:"), last(name));
    let (mut at, mut from, mut to) = (0, Vec::new(), Vec::new());
    for line in crontab.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(begins.as_bytes()) {
            from.push(at);
        }
        at += line.len();
        if line.trim_ascii_end() == ends.as_bytes() {
            to.push(at);
        }
    }
    match (&from[..], &to[..]) {
        ([], []) => Ok(None),
        (&[from], &[to]) if from < to => Ok(Some((&crontab[..from], &crontab[from..to], &crontab[to..]))),
        _ => Err(Failure::BadLine(format!(
            "your crontab has lines that begin or end a part named {name}, but not as a pair; nothing was changed: mend it with 'crontab -e'"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::job;
    use super::*;
    use crate::cli::quoting::tests::NASTY;

    fn text(home: &str, every: Option<&str>) -> String {
        plan(&job(home, every)).unwrap().pieces.remove(0).text
    }

    #[test]
    fn a_line_runs_a_sync_and_percent_signs_do_not_end_it() {
        let name = job(NASTY, None).name();
        assert_eq!(
            text(NASTY, None),
            format!(
                "# >>> {name}: made by 'fieldpost service install', taken out by 'fieldpost service remove'\n\
                 */15 * * * * /usr/bin/fieldpost --home '/srv/it'\\''s \"50\\%\" & <b> $HOME `id` \\n ; #!/é' sync --quiet\n\
                 # <<< {name}\n"
            )
        );
    }

    #[test]
    fn an_interval_that_cron_would_not_keep_is_refused() {
        for (every, when) in
            [("1m", "* * * * * /"), ("20m", "*/20 * * * * /"), ("1h", "0 * * * * /"), ("12h", "0 */12 * * * /"), ("1d", "0 0 ")]
        {
            assert!(text("/a", Some(every)).contains(&format!("\n{when}")), "{every}");
        }
        for every in ["7m", "45m", "90m", "5h"] {
            assert!(matches!(plan(&job("/a", Some(every))), Err(Failure::BadLine(_))), "{every}");
        }
    }

    #[test]
    fn only_our_part_changes_whatever_else_the_crontab_holds() {
        let (name, ours, newer) = (job("/a", None).name(), text("/a", None), text("/a", Some("1h")));
        let other = text("/b", None);
        for (before, after) in [(&b""[..], &b""[..]), (b"MAILTO=\xE9\n0 1 * * * x % y\n", b"# end"), (other.as_bytes(), b"\n\n")] {
            let theirs = [before, after].concat();
            let with = [before, ours.as_bytes(), after].concat();
            assert_eq!(part(&theirs, &name).unwrap(), None);
            assert_eq!(part(&with, &name).unwrap(), Some(ours.as_bytes()));
            assert_eq!(replaced(&with, &name, Some(&newer)).unwrap(), [before, newer.as_bytes(), after].concat());
            assert_eq!(replaced(&with, &name, None).unwrap(), theirs);
            assert_eq!(replaced(&theirs, &name, None).unwrap(), theirs);
        }
        assert_eq!(replaced(b"x", &name, Some(&ours)).unwrap(), [b"x\n", ours.as_bytes()].concat());
    }

    #[test]
    fn marks_without_a_pair_are_left_alone() {
        let (name, ours) = (job("/a", None).name(), text("/a", None));
        let lines: Vec<&str> = ours.lines().collect();
        for broken in [lines[0].to_owned(), lines[2].to_owned(), format!("{}\n{}\n", lines[2], lines[0]), ours.repeat(2)] {
            assert!(matches!(replaced(broken.as_bytes(), &name, None), Err(Failure::BadLine(_))), "{broken}");
        }
    }
}
