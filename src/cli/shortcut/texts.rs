//! What does an icon say that runs a sync with one click? Pure: from a site to a file name and a text, per desktop.
//!
//! On Windows it is a batch file and no `.lnk`: that is a binary form which only COM objects write reliably, and nobody can read in an
//! editor what it runs.

use super::super::quoting::{batch, desktop, shell};
use super::super::service::Job;

/// Whose desktop it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desk {
    /// Linux and its relatives: a desktop entry.
    Xdg,
    /// macOS: a script that the Finder opens in a window.
    Mac,
    /// Windows: a batch file.
    Windows,
}

impl Desk {
    /// That of this computer.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::Mac
    } else {
        Self::Xdg
    };

    /// The name of the file. On Windows and macOS it is what people see; a desktop entry has its words inside.
    #[must_use]
    pub fn file_name(self, job: &Job) -> String {
        match self {
            Self::Xdg => format!("{}.desktop", job.name()),
            Self::Mac => format!("Fieldpost {}.command", job.site),
            Self::Windows => format!("Fieldpost {}.cmd", job.site),
        }
    }

    /// The text.
    #[must_use]
    pub fn text(self, job: &Job) -> String {
        let words = |quoted: &dyn Fn(&str) -> String| [&job.binary, "--home", &job.home, "sync", "--window"].map(quoted).join(" ");
        let mark = mark(job);
        match self {
            Self::Xdg => format!(
                "[Desktop Entry]\n# {mark}\nType=Application\nVersion=1.0\nName=Fieldpost {}\nComment=Send your changes and get what is \
                 new\nExec={}\nIcon=view-refresh\nTerminal=true\nCategories=Office;\n",
                job.site,
                words(&desktop)
            ),
            Self::Mac => format!("#!/bin/sh\n# {mark}\nclear\nexec {}\n", words(&shell)),
            // 65001 is UTF-8. Cmd reads a batch file line by line, so that it counts from the next one on.
            Self::Windows => [
                "@echo off",
                &format!("rem {mark}"),
                "setlocal DisableDelayedExpansion",
                "chcp 65001 >nul",
                &format!("title Fieldpost {}", job.site),
                &format!("if exist {} goto run", batch(&job.binary)),
                "echo Fieldpost is no longer where it was. Ask whoever looks after it.",
                "pause",
                "exit /b 1",
                ":run",
                &words(&batch),
                "",
            ]
            .join("\r\n"),
        }
    }
}

/// The line by which an icon of this site is known.
#[must_use]
pub fn mark(job: &Job) -> String {
    format!("{}: made by 'fieldpost shortcut', taken away by 'fieldpost shortcut --remove'", job.name())
}

/// The desktop folder that a `user-dirs.dirs` file names; none where it names none, or the folder of the user itself, which
/// means that there is no desktop.
#[must_use]
pub fn desktop_folder(user_dirs: &str, home: &str) -> Option<String> {
    let value = user_dirs.lines().filter_map(|line| line.trim().strip_prefix("XDG_DESKTOP_DIR=")).next_back()?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    let path = match value.strip_prefix("$HOME") {
        Some(rest) if rest.trim_matches('/').is_empty() => return None,
        Some(rest) => format!("{}{}", home.trim_end_matches('/'), unescaped(rest)),
        None => unescaped(value),
    };
    path.starts_with('/').then_some(path)
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut escaped) = (String::new(), false);
    for c in text.chars() {
        escaped = c == '\\' && !escaped;
        if !escaped {
            plain.push(c);
        }
    }
    plain
}

/// The desktop folder in what `reg query` prints for the value `Desktop`, with the variables it may hold looked up.
#[must_use]
pub fn registered_folder(printed: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let line = printed.lines().find(|line| line.trim_start().starts_with("Desktop "))?;
    let (_, value) = line.split_once("_SZ")?;
    let mut parts = value.trim().split('%');
    let mut path = parts.next()?.to_owned();
    while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
        path.push_str(&variable(name)?);
        path.push_str(rest);
    }
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cli::quoting::tests::NASTY;
    use crate::model::SiteName;

    fn job(binary: &str, home: &str) -> Job {
        Job::new(SiteName::new("anna").unwrap(), Path::new(binary), Path::new(home), None).unwrap()
    }

    #[test]
    fn a_desktop_entry_runs_a_sync_in_a_terminal() {
        let job = job("/usr/bin/fieldpost", NASTY);
        let name = job.name();
        assert_eq!(
            Desk::Xdg.text(&job),
            format!(
                r#"[Desktop Entry]
# {name}: made by 'fieldpost shortcut', taken away by 'fieldpost shortcut --remove'
Type=Application
Version=1.0
Name=Fieldpost anna
Comment=Send your changes and get what is new
Exec="/usr/bin/fieldpost" "--home" "/srv/it's \\"50%%\\" & <b> \\$HOME \\`id\\` \\\\n ; #!/é" "sync" "--window"
Icon=view-refresh
Terminal=true
Categories=Office;
"#
            )
        );
        assert_eq!(Desk::Xdg.file_name(&job), format!("{name}.desktop"));
    }

    #[test]
    fn a_script_of_macos_runs_a_sync() {
        let job = job("/usr/local/bin/fieldpost", "/Users/anna/it's mine");
        assert_eq!(
            Desk::Mac.text(&job),
            format!("#!/bin/sh\n# {}\nclear\nexec /usr/local/bin/fieldpost --home '/Users/anna/it'\\''s mine' sync --window\n", mark(&job))
        );
        assert_eq!(Desk::Mac.file_name(&job), "Fieldpost anna.command");
    }

    #[test]
    fn a_batch_file_runs_a_sync_and_says_when_the_program_is_gone() {
        let job = job(r"C:\Program Files (x86)\F & G\fieldpost.exe", r"D:\100% ä\");
        let text = Desk::Windows.text(&job);
        assert_eq!(
            text.replace("\r\n", "\n"),
            format!(
                r#"@echo off
rem {}
setlocal DisableDelayedExpansion
chcp 65001 >nul
title Fieldpost anna
if exist "C:\Program Files (x86)\F & G\fieldpost.exe" goto run
echo Fieldpost is no longer where it was. Ask whoever looks after it.
pause
exit /b 1
:run
"C:\Program Files (x86)\F & G\fieldpost.exe" "--home" "D:\100%% ä\\" "sync" "--window"
"#,
                mark(&job)
            )
        );
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        assert_eq!(Desk::Windows.file_name(&job), "Fieldpost anna.cmd");
    }

    #[test]
    fn the_desktop_is_where_the_system_says() {
        let xdg = |line: &str| desktop_folder(line, "/home/anna");
        assert_eq!(xdg("# x\nXDG_DESKTOP_DIR=\"$HOME/Schreib \\$ tisch\"\n").as_deref(), Some("/home/anna/Schreib $ tisch"));
        assert_eq!(xdg("XDG_DESKTOP_DIR=\"/data/desk\"").as_deref(), Some("/data/desk"));
        assert_eq!((xdg("XDG_DESKTOP_DIR=\"$HOME/\""), xdg("XDG_DOWNLOAD_DIR=\"$HOME/x\""), xdg("XDG_DESKTOP_DIR=x")), (None, None, None));
        let query =
            |value: &str| format!("\r\nHKEY_CURRENT_USER\\…\\User Shell Folders\r\n    Desktop    REG_EXPAND_SZ    {value}\r\n\r\n");
        let variable = |name: &str| (name == "USERPROFILE").then(|| r"C:\Users\Anna".to_owned());
        let registered = |value: &str| registered_folder(&query(value), variable);
        assert_eq!(registered(r"%USERPROFILE%\OneDrive\Desktop").as_deref(), Some(r"C:\Users\Anna\OneDrive\Desktop"));
        assert_eq!(registered(r"D:\Desk top").as_deref(), Some(r"D:\Desk top"));
        assert_eq!((registered("%NOTHING%\\x"), registered_folder("ERROR", variable)), (None, None));
    }
}
