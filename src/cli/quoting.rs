//! How is a path or a word written down so that a shell, a unit file, a crontab, XML or an icon reads exactly it again?
//!
//! All of it is pure. Each form has its own characters that mean something: `%` alone is a specifier to systemd, a line end to cron, a
//! variable to a batch file and a field to a desktop entry. No form here can hold a line break: [`plain`] refuses it.

use std::path::Path;

use super::Failure;

/// A path as text without control characters.
///
/// # Errors
/// [`Failure::NotText`], [`Failure::BadLine`].
pub fn plain(path: &Path) -> Result<&str, Failure> {
    let text = path.to_str().ok_or_else(|| Failure::NotText(path.to_owned()))?;
    if text.chars().any(char::is_control) {
        let what = format!("the path {text:?} has a line break or another control character in it, which no file for this can hold");
        return Err(Failure::BadLine(format!("{what}: rename the folder")));
    }
    Ok(text)
}

/// A word of a POSIX shell, as short as it can be.
#[must_use]
pub fn shell(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(harmless) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A shell command as the sixth field of a crontab line. A bare `%` ends it. Cron takes a backslash away before `%` and, where it comes
/// from Vixie's, before another backslash; a backslash before anything else every cron leaves alone.
#[must_use]
pub fn cron(command: &str) -> String {
    let mut line = String::new();
    let mut rest = command.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '%' || c == '\\' && matches!(rest.peek(), Some('%' | '\\')) {
            line.push('\\');
        }
        line.push(c);
    }
    line
}

/// Whether a word stands in the place of the program, where systemd replaces no variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The program.
    Program,
    /// A word after it.
    Argument,
}

/// A word of `ExecStart=` in a systemd unit.
#[must_use]
pub fn systemd(word: &str, place: Place) -> String {
    let word = systemd_value(word).replace('\\', r"\\").replace('"', "\\\"");
    match place {
        Place::Program => format!("\"{word}\""),
        Place::Argument => format!("\"{}\"", word.replace('$', "$$")),
    }
}

/// A value in a systemd unit that is no command: only specifiers mean something.
#[must_use]
pub fn systemd_value(text: &str) -> String {
    text.replace('%', "%%")
}

/// Text of an XML element.
#[must_use]
pub fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A word of a Windows command line, as programs there take them apart: backslashes count only before a quote.
#[must_use]
pub fn windows(word: &str) -> String {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                quoted.push_str(&"\\".repeat(backslashes + 1));
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
        quoted.push(c);
    }
    quoted.push_str(&"\\".repeat(backslashes));
    quoted.push('"');
    quoted
}

/// The same in a batch file, which reads `%` as a variable also between quotes.
#[must_use]
pub fn batch(word: &str) -> String {
    windows(word).replace('%', "%%")
}

/// A word of `Exec=` in a desktop entry: quoted as a word, then escaped as a value, and `%` is a field.
#[must_use]
pub fn desktop(word: &str) -> String {
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '`' | '$' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted.replace('\\', r"\\")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What a path can have in it that means something somewhere.
    pub const NASTY: &str = r#"/srv/it's "50%" & <b> $HOME `id` \n ; #!/é"#;

    #[test]
    fn every_form_escapes_what_means_something_in_it() {
        assert_eq!(shell("/usr/bin/x"), "/usr/bin/x");
        assert_eq!(shell(""), "''");
        assert_eq!(shell(NASTY), r#"'/srv/it'\''s "50%" & <b> $HOME `id` \n ; #!/é'"#);
        assert_eq!(cron(r"a\b 50% it'\''s \% \\n"), r"a\b 50\% it'\''s \\\% \\\n");
        assert_eq!(systemd(NASTY, Place::Argument), r#""/srv/it's \"50%%\" & <b> $$HOME `id` \\n ; #!/é""#);
        assert_eq!(systemd("/a $b%h", Place::Program), r#""/a $b%%h""#);
        assert_eq!(xml("<a> & b"), "&lt;a&gt; &amp; b");
        assert_eq!(windows(r"C:\My Data\"), r#""C:\My Data\\""#);
        assert_eq!(windows(r#"a\"b"#), r#""a\\\"b""#);
        assert_eq!(batch(r"C:\100%\x"), r#""C:\100%%\x""#);
        assert_eq!(desktop(NASTY), r#""/srv/it's \\"50%%\\" & <b> \\$HOME \\`id\\` \\\\n ; #!/é""#);
    }

    #[test]
    fn a_line_break_in_a_path_is_refused() {
        assert!(plain(Path::new("/a b%")).is_ok());
        for bad in ["/a\nb", "/a\tb", "/a\u{7}"] {
            assert!(matches!(plain(Path::new(bad)), Err(Failure::BadLine(_))), "{bad:?}");
        }
    }

    /// The shell is asked, not our idea of it.
    #[cfg(unix)]
    #[test]
    fn a_shell_reads_exactly_the_word_again() {
        for word in [NASTY, "", "'", "a b", "-n", "~", "*", "é"] {
            let output = std::process::Command::new("sh").args(["-c", &format!("printf %s {}", shell(word))]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
