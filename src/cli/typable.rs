//! Can a command that is printed be typed as it is, where the home was named on the command line?
//!
//! Reports name commands as `'fieldpost sync'`. Where whoever reads them typed `--home anna`, the same command without it means another
//! home or none: so the home goes into every one, in this place and no other. A command that is for another site ("at 'head'", "there")
//! stays as it is: where its home lies nobody here knows. So does one in the comment of a file that is shown word for word.

use std::path::Path;

use super::quoting;

/// How a command begins in a text.
const COMMAND: &str = "'fieldpost";

/// What follows a command that is to be typed at another site.
const ELSEWHERE: [&str; 3] = ["at '", "at the main office", "there"];

/// The home as it was typed, as a shell reads it.
#[must_use]
pub fn home(typed: &Path) -> String {
    word(&typed.display().to_string())
}

/// A word of a command, as a shell reads it. In double quotes where they do: there are single ones around the command.
#[must_use]
pub fn word(word: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || "-_./:=@,+".contains(c) || cfg!(windows) && c == '\\';
    if !word.is_empty() && word.chars().all(harmless) {
        word.to_owned()
    } else if word.contains(['"', '$', '`', '\\', '!']) {
        quoting::shell(word)
    } else {
        format!("\"{word}\"")
    }
}

/// The text with the home in every command that is for this site.
#[must_use]
pub fn with_home(text: &str, home: &str) -> String {
    let mut typable = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(COMMAND) {
        let (before, command) = rest.split_at(at + COMMAND.len());
        typable.push_str(before);
        let line = typable.rsplit('\n').next().unwrap_or_default().trim_start();
        if is_for_here(command) && !line.starts_with('#') && !line.starts_with("<!--") {
            typable.push_str(" --home ");
            typable.push_str(home);
        }
        rest = command;
    }
    typable.push_str(rest);
    typable
}

/// Whether a command, from behind the name of the program on, has a word and is not for another site.
fn is_for_here(command: &str) -> bool {
    let word = command.trim_start();
    if word.len() == command.len() || !word.starts_with(|c: char| c.is_ascii_lowercase()) {
        return false;
    }
    // Where the line is wrapped between the words is no matter of theirs.
    let after = word.split_once('\'').map_or("", |(_, after)| after);
    let mut words = after.split_whitespace();
    let after = [words.next(), words.next(), words.next(), words.next()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    !ELSEWHERE.iter().any(|elsewhere| after.starts_with(elsewhere))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_that_was_typed_is_in_every_command_for_this_site() {
        let typable = |text: &str| with_home(text, "anna");
        assert_eq!(typable("'fieldpost sync' sends"), "'fieldpost --home anna sync' sends");
        assert_eq!(
            typable("'fieldpost conflicts show 7', or 'fieldpost\n    conflicts'"),
            "'fieldpost --home anna conflicts show 7', or 'fieldpost --home anna\n    conflicts'"
        );
        let elsewhere = "Next: 'fieldpost sync' at 'head'; 'fieldpost invite anna' there; 'fieldpost library on DIR'\n  at the main office";
        assert_eq!(typable(elsewhere), elsewhere);
        let wrapped = "'fieldpost init' at the main\n  office makes it one";
        assert_eq!(typable(wrapped), wrapped);
        let shown = "Into your crontab\n  # made by 'fieldpost service install'\n";
        assert_eq!(typable(shown), shown);
        let none = "'fieldpost' is 'fieldpost --home DIR sync', and fieldpost sync";
        assert_eq!(typable(none), none);
    }

    #[test]
    fn a_home_with_spaces_is_one_word() {
        assert_eq!(home(Path::new("sites/anna")), "sites/anna");
        assert_eq!(home(Path::new("Anna's shop")), "\"Anna's shop\"");
        assert_eq!(["Order Details", ""].map(word), ["\"Order Details\"", "\"\""]);
    }
}
