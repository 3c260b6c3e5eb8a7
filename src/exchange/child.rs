//! A program that an exchange runs: it hears no Ctrl-C meant for us, what it complains of is kept, and it does not outlive its use.
//!
//! It gets a process group (on Windows a console) of its own: a person's Ctrl-C ends our round in good order, and a program that died of
//! it in the middle would look like a broken line. The whole group is killed when the value goes, what the program started included.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// So much of what it says on its error output is kept: the end of it.
const MOST_KEPT_BYTES: usize = 4 * 1024;
/// So long is waited for the rest of what a program that ended said: somebody it left behind may hold the line open.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(500);

/// A running program.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    said: Arc<Mutex<Said>>,
    /// Closed when its error output is.
    silent: Receiver<()>,
}

#[derive(Debug, Default)]
struct Said {
    end: VecDeque<u8>,
    bytes: u64,
}

impl Running {
    /// Starts a program whose input and output the command says; its error output is listened to.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        on_its_own(command);
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let said = Arc::<Mutex<Said>>::default();
        let (hearing, silent) = mpsc::channel();
        if let Some(mut stderr) = child.stderr.take() {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let _hearing: mpsc::Sender<()> = hearing;
                let mut buffer = [0; 1024];
                while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                    said.lock().expect("no holder panics").add(&buffer[..read]);
                }
            });
        }
        Ok(Self { child, said, silent })
    }

    /// Its input, where the command pipes it.
    pub(super) fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its output, where the command pipes it.
    pub(super) fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// How much it said so far on its error output: a sign of life.
    pub(super) fn bytes_said(&self) -> u64 {
        self.said.lock().expect("no holder panics").bytes
    }

    /// The end of what it said on its error output; of one that ended, it is complete.
    pub(super) fn last_words(&self) -> String {
        match self.silent.recv_timeout(LAST_WORDS) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        let said = self.said.lock().expect("no holder panics");
        String::from_utf8_lossy(&said.end.iter().copied().collect::<Vec<u8>>()).into_owned()
    }
}

impl Said {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.end.extend(bytes);
        let over = self.end.len().saturating_sub(MOST_KEPT_BYTES);
        self.end.drain(..over);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that was waited for has no number any more that could be killed: it may be somebody else's by now.
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_group(&self.child);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(unix)]
fn on_its_own(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(windows)]
fn on_its_own(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NO_WINDOW);
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    let _ = kill_process_group(group, Signal::KILL);
}

/// Windows knows no groups to kill: what the program started ends by itself.
#[cfg(windows)]
fn kill_group(_: &Child) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_it_says_is_kept_and_a_flood_of_it_is_not() {
        let flood = "i=0; while [ $i -lt 2000 ]; do echo 'a line that says little' >&2; i=$((i+1)); done; echo 'the reason' >&2";
        let running = Running::start(Command::new("sh").args(["-c", flood]).stdin(Stdio::null()).stdout(Stdio::null())).unwrap();
        let mut words = running.last_words();
        while !words.ends_with("the reason\n") {
            words = running.last_words();
        }
        assert!(words.len() <= MOST_KEPT_BYTES && running.bytes_said() > 40_000, "{words}");
    }

    #[test]
    fn what_a_program_started_ends_with_it() {
        let mut running =
            Running::start(Command::new("sh").args(["-c", "sleep 100 & wait"]).stdin(Stdio::null()).stdout(Stdio::piped())).unwrap();
        let mut stdout = running.output().unwrap();
        drop(running);
        // The sleeper holds the other end: this returns only when it is gone, too.
        assert_eq!(stdout.read(&mut [0; 8]).unwrap(), 0);
    }
}
