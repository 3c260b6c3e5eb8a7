//! The `ssh` program as a line to the server: what it is started with, and what its complaints mean.
//!
//! Nothing that the user's `~/.ssh/config` could say is said here, but for what an unattended program needs: no questions, a limit to waiting,
//! nothing forwarded. Where a password is used, ssh asks for it through `SSH_ASKPASS` (OpenSSH 8.4 and later), which is this same
//! program with the password in its environment; any other question is left unanswered, above all the one whether an unknown host is to
//! be trusted. ssh is not asked on a terminal: it has none.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::child::Running;
use super::super::error::cleaned_end;
use super::super::{Access, ExchangeError, OpenError, Secret, Server};

/// The environment variable that holds the password for [`askpass_answer`]. Set for the ssh program only.
pub const ASKPASS_VARIABLE: &str = "FIELDPOST_SSH_PASSWORD";

/// ssh gives up on a server that does not take the connection for so long.
const CONNECT: Duration = Duration::from_secs(30);
/// ssh asks a silent server so often whether it is there, and gives up after [`ALIVE_COUNT`] questions without answer.
const ALIVE: Duration = Duration::from_secs(15);
const ALIVE_COUNT: u32 = 3;

/// What the program answers when ssh started it to ask for something: the password where the question is for that, else nothing.
#[must_use]
pub fn askpass_answer<'a>(question: &str, password: &'a str) -> Option<&'a str> {
    let question = question.to_lowercase();
    // `Enter passphrase for key …` and `… continue connecting (yes/no/[fingerprint])?` are none of ours.
    (question.contains("password") && !question.contains("passphrase") && !question.contains("(yes/no")).then_some(password)
}

/// How ssh is started.
#[derive(Clone, Debug)]
pub(super) struct Ssh {
    program: PathBuf,
    words: Vec<String>,
    /// What to type to meet the server for the first time.
    greeting: String,
    login: Option<(Secret, PathBuf)>,
}

impl Ssh {
    pub(super) fn new(server: &Server, access: &Access) -> Result<Self, OpenError> {
        let cannot = |why: &str| OpenError::Access { place: server.to_string(), why: why.to_owned() };
        if access.certificate.is_some() {
            return Err(cannot("a certificate is for servers with TLS; an SFTP server is known by its key in `~/.ssh/known_hosts`"));
        }
        if access.token.is_some() {
            return Err(cannot("a session token is for S3 stores"));
        }
        let host = server.host.trim_start_matches('[').trim_end_matches(']');
        let user = server.user.as_ref().or(access.user.as_ref());
        // The user's ssh configuration may put these into a command line of a shell (`ProxyCommand … %h`).
        if host.starts_with('-') || !host.chars().all(|c| c.is_alphanumeric() || "-._:".contains(c)) {
            return Err(cannot("the name of the server has characters that no server has"));
        }
        if let Some(user) = user
            && (user.is_empty() || user.starts_with('-') || user.chars().any(|c| c.is_control() || "'\"`$;&|<>(){}*?!# ".contains(c)))
        {
            return Err(cannot("the name of the user has characters that ssh does not take"));
        }
        let login = match (&access.password, &access.askpass) {
            (None, _) => None,
            (Some(password), Some(askpass)) => Some((password.clone(), askpass.clone())),
            (Some(_), None) => return Err(cannot("here SFTP logs in with keys only: leave the password out, and put a key on the server")),
        };
        let mut words: Vec<String> = ["-T", "-x", "-a"].map(str::to_owned).to_vec();
        let mut option = |text: String| words.extend(["-o".to_owned(), text]);
        // Without a password nothing is asked at all; with one, only for it and once.
        let questions = if login.is_some() { vec!["BatchMode=no", "NumberOfPasswordPrompts=1"] } else { vec!["BatchMode=yes"] };
        questions.into_iter().for_each(|text| option(text.to_owned()));
        option(format!("ConnectTimeout={}", CONNECT.as_secs()));
        option(format!("ServerAliveInterval={}", ALIVE.as_secs()));
        option(format!("ServerAliveCountMax={ALIVE_COUNT}"));
        option("ClearAllForwardings=yes".to_owned());
        option("PermitLocalCommand=no".to_owned());
        let mut reach = Vec::new();
        if let Some(port) = server.port {
            reach.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(user) = user {
            reach.extend(["-l".to_owned(), user.clone()]);
        }
        let greeting = format!("ssh {} {host}", reach.join(" ")).replace("  ", " ");
        words.extend(reach);
        // Behind `--` a name is a name.
        words.extend(["-s", "--", host, "sftp"].map(str::to_owned));
        Ok(Self { program: "ssh".into(), words, greeting, login })
    }

    /// By another program than the `ssh` that is found first.
    pub(super) fn by(self, program: PathBuf) -> Self {
        Self { program, ..self }
    }

    pub(super) fn start(&self) -> io::Result<Running> {
        let mut command = Command::new(&self.program);
        command.args(&self.words).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some((password, askpass)) = &self.login {
            command.env("SSH_ASKPASS", askpass).env("SSH_ASKPASS_REQUIRE", "force").env(ASKPASS_VARIABLE, password.reveal());
        }
        Running::start(&mut command)
    }

    /// What it means that ssh could not be started.
    pub(super) fn absent(place: String, error: &io::Error) -> ExchangeError {
        let reason = if error.kind() == io::ErrorKind::NotFound {
            "there is no program `ssh` on this machine: install OpenSSH's client".to_owned()
        } else {
            format!("the program `ssh` cannot be started: {error}")
        };
        ExchangeError::Refused { place, reason }
    }

    /// What the end of the line means: `said` is what ssh complained of, `seen` what was seen here.
    pub(super) fn broken(&self, place: String, said: &str, seen: &str) -> ExchangeError {
        let has = |words: &str| said.contains(words);
        let (greeting, last) = (&self.greeting, cleaned_end(said.as_bytes()));
        let advice = if has("HOST IDENTIFICATION HAS CHANGED") {
            format!(
                "the server has another key than the one this machine knows: ask who runs it, and only then follow what `{greeting}` says"
            )
        } else if has("Host key verification failed") || has("host key is known for") {
            format!("this machine does not know the server's key yet: run `{greeting}` once and compare the fingerprint")
        } else if has("Permission denied (") || has("Too many authentication failures") || has("No more authentication methods") {
            match self.login {
                Some(_) => format!("it does not accept the login with this password (`{greeting}` tells more): {last}"),
                None => format!("it accepts none of this machine's keys (`{greeting}` tells more): {last}"),
            }
        } else if has("subsystem request failed") {
            format!("the server has ssh but no SFTP: {last}")
        } else if has("Bad configuration option") || has("Bad owner or permissions") || has("bad configuration options") {
            format!("the ssh program cannot use its configuration: {last}")
        } else {
            let reason = if last.is_empty() { seen.to_owned() } else { format!("{seen}; ssh says: {last}") };
            return ExchangeError::Unreachable { place, reason };
        };
        ExchangeError::Refused { place, reason: advice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Address;

    fn server(address: &str) -> Server {
        match Address::parse(address) {
            Ok(Address::Server(server)) => server,
            other => panic!("{other:?}"),
        }
    }

    fn words(address: &str, access: &Access) -> String {
        Ssh::new(&server(address), access).unwrap().words.join(" ")
    }

    #[test]
    fn an_alias_stays_an_alias_and_only_what_the_address_says_is_said() {
        let line = words("sftp://Office/path", &Access::default());
        assert!(line.ends_with("-s -- Office sftp") && line.contains("BatchMode=yes"), "{line}");
        assert!(!line.contains("-p ") && !line.contains("-l ") && !line.contains("StrictHostKeyChecking"), "{line}");
        let access = Access { user: Some("anna".to_owned()), ..Access::default() };
        assert!(words("sftp://[::1]:2222", &access).ends_with("-p 2222 -l anna -s -- ::1 sftp"));
        assert!(words("sftp://berta@host", &access).ends_with("-l berta -s -- host sftp"), "the address is nearer");
    }

    #[test]
    fn names_that_could_become_options_or_commands_are_refused() {
        for bad in
            ["sftp://-oProxyCommand=x/p", "sftp://-l@host", "sftp://a%60id%60@host", "sftp://$(id)/x", "sftp://a;b/x", "sftp://%2d%6f/x"]
        {
            let refused = Ssh::new(&server(bad), &Access::default());
            assert!(matches!(refused, Err(OpenError::Access { .. })), "{bad}: {refused:?}");
        }
    }

    #[test]
    fn a_password_needs_somebody_to_answer_and_is_on_no_command_line() {
        let mut access = Access { password: Some(Secret::new("hunter2")), ..Access::default() };
        let refused = Ssh::new(&server("sftp://host"), &access).unwrap_err().to_string();
        assert!(refused.contains("keys only") && !refused.contains("hunter2"), "{refused}");
        access.askpass = Some("/usr/bin/fieldpost".into());
        let ssh = Ssh::new(&server("sftp://host"), &access).unwrap();
        assert!(!format!("{ssh:?}").contains("hunter2"));
        assert!(ssh.words.contains(&"NumberOfPasswordPrompts=1".to_owned()));
    }

    #[test]
    fn only_the_question_for_the_password_is_answered() {
        for question in ["anna@host's password: ", "(anna@host) Password: "] {
            assert_eq!(askpass_answer(question, "post"), Some("post"), "{question}");
        }
        for question in [
            "Enter passphrase for key '/home/anna/.ssh/password_key': ",
            "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
            "Host password.example: continue (yes/no)? ",
            "Confirm user presence for key",
        ] {
            assert_eq!(askpass_answer(question, "post"), None, "{question}");
        }
    }

    #[test]
    fn complaints_of_ssh_are_sorted_by_whether_trying_again_helps() {
        let ssh = Ssh::new(&server("sftp://anna@host:22"), &Access::default()).unwrap();
        for (said, retry, words) in [
            (
                "No ED25519 host key is known for host and you have requested strict checking. Host key verification failed.",
                false,
                "`ssh -p 22 -l anna host` once",
            ),
            ("WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! … Host key verification failed.", false, "another key"),
            ("anna@host: Permission denied (publickey,password).", false, "none of this machine's keys"),
            ("subsystem request failed on channel 0", false, "no SFTP"),
            ("ssh: connect to host host port 22: Connection refused", true, "Connection refused"),
            ("ssh: Could not resolve hostname host: Name or service not known", true, "resolve"),
            ("", true, "the connection was closed"),
        ] {
            let error = ssh.broken("sftp://host".to_owned(), said, "the connection was closed");
            assert_eq!(error.retry_helps(), retry, "{said}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
