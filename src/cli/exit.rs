//! What does the exit code tell a script?

use std::process::ExitCode;

/// How a run ended. The numbers are promised to scripts and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// It failed; nothing is half done.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Done, but something wants a person.
    Attention = 3,
    /// The exchange is out of reach; the next run tries again.
    Unreachable = 4,
    /// Another run holds the home.
    Busy = 5,
}

impl Exit {
    /// All of them, by number.
    pub const ALL: [Self; 6] = [Self::Done, Self::Failed, Self::Usage, Self::Attention, Self::Unreachable, Self::Busy];

    /// What it means, for the help, the manual and the JSON of a failure.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed; nothing is half done",
            Self::Usage => "the command line is wrong",
            Self::Attention => "done, but something wants a person",
            Self::Unreachable => "the exchange is out of reach; the next run tries again",
            Self::Busy => "another run holds the home",
        }
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The table for help texts.
    #[must_use]
    pub fn table() -> String {
        let lines = Self::ALL.iter().map(|exit| format!("  {}  {}\n", exit.code(), exit.meaning()));
        format!("Exit codes:\n{}", lines.collect::<String>().trim_end_matches('\n'))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_what_was_promised() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4, 5]);
        assert!(Exit::table().starts_with("Exit codes:\n  0  done\n  1  failed"));
    }
}
