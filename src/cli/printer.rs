//! Where does what go? Reports to standard output as text or JSON; notes, progress and errors to standard error.

use std::fmt;
use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::explain::Explanation;
use super::logged::Line;
use super::page::{self, Page};
use super::{Exit, Globals, arguments::HOME_VARIABLE, typable};

/// What a command ends with: data, and how it reads.
pub trait Report: Serialize {
    /// The text, without a line end after the last line. ANSI styles are taken out where nobody sees them.
    fn text(&self, page: &Page) -> String;

    /// What a quiet printer prints of it, where it is not simply done.
    fn brief(&self, page: &Page) -> String {
        self.text(page)
    }

    /// The exit code this report stands for.
    fn exit(&self) -> Exit {
        Exit::Done
    }

    /// What of it goes into the log of the home, where the command changed something. Times in it are as on the page.
    fn lines(&self, _: &Page) -> Vec<Line> {
        Vec::new()
    }
}

/// The two outlets and what goes through them.
#[derive(Clone, Debug)]
pub struct Printer {
    form: Form,
    loudness: Loudness,
    page: Page,
    progress: Progressing,
    out: Outlet,
    err: Outlet,
}

/// Text for people or JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Sentences and tables.
    Text,
    /// One JSON document on standard output.
    Json,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loudness {
    /// Only what failed or wants a person.
    Quiet,
    /// The report.
    Normal,
    /// The report in detail, and each step.
    Verbose,
    /// Everything.
    Debug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progressing {
    Shown,
    Hidden,
}

#[derive(Clone)]
enum Outlet {
    Stdout,
    Stderr,
    /// For tests.
    Memory(Arc<Mutex<String>>),
}

impl Printer {
    /// Prints to the terminal or wherever the two streams lead.
    #[must_use]
    pub fn for_terminal(globals: &Globals) -> Self {
        let form = if globals.json { Form::Json } else { Form::Text };
        let loudness = match (globals.quiet, globals.verbose) {
            (true, _) => Loudness::Quiet,
            (false, 0) => Loudness::Normal,
            (false, 1) => Loudness::Verbose,
            (false, _) => Loudness::Debug,
        };
        let watched = std::io::stderr().is_terminal() && form == Form::Text && loudness == Loudness::Normal;
        let progress = if watched { Progressing::Shown } else { Progressing::Hidden };
        // What comes from the environment is there for the next command too.
        let typed = globals.home.as_ref().filter(|home| std::env::var_os(HOME_VARIABLE).is_none_or(|set| set != home.as_os_str()));
        let home = typed.map(|home| typable::home(home));
        let page = Page { width: page::MAX_WIDTH, zone: TimeZone::system(), detail: page::Detail::from(loudness), home };
        Self { form, loudness, page, progress, out: Outlet::Stdout, err: Outlet::Stderr }
    }

    /// Prints into memory, without colours and in UTC; see [`Printer::captured_text`].
    #[must_use]
    pub fn captured(form: Form, loudness: Loudness) -> Self {
        let page = Page { width: page::MAX_WIDTH, zone: TimeZone::UTC, detail: page::Detail::from(loudness), home: None };
        let memory = || Outlet::Memory(Arc::default());
        Self { form, loudness, page, progress: Progressing::Hidden, out: memory(), err: memory() }
    }

    /// Prints as where this home was typed.
    #[must_use]
    pub fn at_home(mut self, typed: &str) -> Self {
        self.page.home = Some(typable::home(typed.as_ref()));
        self
    }

    /// What a captured printer got: standard output and standard error. Empty for any other.
    #[must_use]
    pub fn captured_text(&self) -> (String, String) {
        (self.out.text(), self.err.text())
    }

    /// Prints a report and gives its exit code. A quiet printer says nothing of one that is simply done.
    pub fn report(&self, report: &impl Report) -> Exit {
        let exit = report.exit();
        if self.loudness > Loudness::Quiet || exit != Exit::Done || self.form == Form::Json {
            let written = self.out.write(&match self.form {
                Form::Text if self.loudness == Loudness::Quiet => page::tame(&self.page.typable(&report.brief(&self.page))),
                Form::Text => page::tame(&self.page.typable(&report.text(&self.page))),
                Form::Json => serde_json::to_string_pretty(report).expect("reports are plain data"),
            });
            // A reader that went away (`| head`) is no failure of ours; half a report on a full disk would be taken for a whole one.
            if let Err(error) = written
                && error.kind() != std::io::ErrorKind::BrokenPipe
            {
                self.err.line(&format!("error: the report could not be written to standard output: {error}"));
                return Exit::Failed;
            }
        }
        exit
    }

    /// A line of a story between reports, for the demo; silent when quiet.
    pub fn tell(&self, text: &str) {
        if self.loudness > Loudness::Quiet && self.form == Form::Text {
            self.out.line(text);
        }
    }

    /// Something to know that is no error; silent when quiet.
    pub fn note(&self, text: &str) {
        if self.loudness > Loudness::Quiet {
            self.err.line(&format!(
                "{}note:{} {text}",
                page::DIM.render(),
                page::DIM.render_reset(),
                text = page::tame(&self.page.typable(text))
            ));
        }
    }

    /// A step that was taken, for `-v`.
    pub fn step(&self, text: &str) {
        if self.loudness >= Loudness::Verbose {
            self.err.line(&format!("{}{}{}", page::DIM.render(), page::tame(text), page::DIM.render_reset()));
        }
    }

    /// Whether somebody is there to answer.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.form == Form::Text && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// What a question is about.
    pub fn ask_about(&self, text: &str) {
        self.err.line(&page::tame(&self.page.typable(text)));
    }

    /// Asks, and gives the line that was typed; none where nobody answers any more.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn ask(&self, question: &str) -> std::io::Result<Option<String>> {
        self.err.line(&format!("{}{question}?{}", page::BOLD.render(), page::BOLD.render_reset()));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer)?;
        Ok((read > 0).then(|| answer.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Waits until whoever is there has read everything; where nobody is, not at all.
    pub fn wait_for_enter(&self, words: &str) {
        if self.can_ask() {
            self.err.line(&format!("\n{}{words}{}", page::BOLD.render(), page::BOLD.render_reset()));
            // A terminal that went away is an answer too.
            let _ = std::io::stdin().read_line(&mut String::new());
        }
    }

    /// Asks for something that is not shown while it is typed.
    ///
    /// # Errors
    /// As the terminal says.
    pub fn ask_secret(&self, question: &str) -> std::io::Result<String> {
        self.err.line(&format!("{}{question}?{}", page::BOLD.render(), page::BOLD.render_reset()));
        console::Term::stderr().read_secure_line()
    }

    /// What failed and what to do; with `--json` as a document on standard output too.
    pub fn explain(&self, explanation: &Explanation) {
        // Whoever wants quiet knows what to do about a share that is away, or has nothing to do.
        let known = self.loudness == Loudness::Quiet && explanation.exit == Exit::Unreachable;
        let hint = explanation.hint.as_ref().filter(|_| !known).map(|hint| self.page.typable(hint));
        let explanation = &Explanation { message: self.page.typable(&explanation.message), hint, ..explanation.clone() };
        if self.form == Form::Json {
            self.out.line(&serde_json::to_string_pretty(explanation).expect("texts are plain data"));
        }
        self.err.line(&page::tame(&explanation.text()));
    }

    /// Empties the screen before a report that is shown again and again; where there is no screen, nothing.
    pub fn clear(&self) {
        if std::io::stdout().is_terminal() {
            self.out.line("\u{1b}[2J\u{1b}[H");
        }
    }

    /// A progress display; hidden unless a person is watching.
    #[must_use]
    pub fn progress(&self, what: &'static str) -> Progress {
        let target = match self.progress {
            Progressing::Shown => ProgressDrawTarget::stderr(),
            Progressing::Hidden => ProgressDrawTarget::hidden(),
        };
        Progress::new(what, target)
    }

    /// How reports are laid out.
    #[must_use]
    pub const fn page(&self) -> &Page {
        &self.page
    }

    /// Text or JSON.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }
}

/// A line on the terminal that says how far we are; gone when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    const TICK: Duration = Duration::from_millis(120);

    fn new(what: &'static str, target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target).with_message(what);
        bar.set_style(ProgressStyle::with_template("{spinner} {msg} {prefix:.dim}").expect("the template is valid"));
        if !bar.is_hidden() {
            bar.enable_steady_tick(Self::TICK);
        }
        Self { bar }
    }

    /// Names what is being done now; `of` is how much there is to do, where that is known.
    pub fn stage(&self, what: &str, of: Option<u64>) {
        let template = if of.is_some() {
            "{spinner} {msg} {human_pos} of {human_len} {wide_bar} {prefix:.dim}"
        } else {
            "{spinner} {msg} {prefix:.dim}"
        };
        self.bar.set_style(ProgressStyle::with_template(template).expect("both templates are valid"));
        self.bar.set_message(what.to_owned());
        self.bar.set_position(0);
        match of {
            Some(of) => self.bar.set_length(of),
            None => self.bar.unset_length(),
        }
    }

    /// Shows beside the stage how much went over the line; none where nobody watches.
    #[must_use]
    pub fn traffic(&self) -> Option<Box<dyn Fn(u64) + Send + Sync>> {
        if self.bar.is_hidden() {
            return None;
        }
        let (bar, passed) = (self.bar.clone(), AtomicU64::new(0));
        Some(Box::new(move |bytes| {
            let all = passed.fetch_add(bytes, Ordering::Relaxed) + bytes;
            bar.set_prefix(page::size(all));
        }))
    }

    /// So much of the stage is done.
    pub fn done(&self, position: u64) {
        if self.bar.length().is_none() && self.bar.position() == 0 {
            self.bar.set_style(ProgressStyle::with_template("{spinner} {msg} {human_pos}").expect("the template is valid"));
        }
        self.bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Outlet {
    fn line(&self, text: &str) {
        // A reader that went away (`| head`) is no failure of ours.
        let _ = self.write(text);
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        match self {
            Self::Stdout => writeln!(anstream::stdout(), "{text}"),
            Self::Stderr => writeln!(anstream::stderr(), "{text}"),
            Self::Memory(memory) => {
                let plain = anstream::adapter::strip_str(text);
                fmt::Write::write_fmt(&mut *memory.lock().expect("no holder panics"), format_args!("{plain}\n"))
                    .map_err(std::io::Error::other)
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Memory(memory) => memory.lock().expect("no holder panics").clone(),
            Self::Stdout | Self::Stderr => String::new(),
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Memory(_) => "memory",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Told {
        #[serde(skip)]
        exit: Exit,
    }

    impl Report for Told {
        fn text(&self, _: &Page) -> String {
            format!("{}told{}", page::BOLD.render(), page::BOLD.render_reset())
        }
        fn exit(&self) -> Exit {
            self.exit
        }
    }

    #[test]
    fn a_quiet_run_speaks_only_when_it_must() {
        let printer = Printer::captured(Form::Text, Loudness::Quiet);
        printer.report(&Told { exit: Exit::Done });
        printer.note("x");
        assert_eq!(printer.captured_text(), (String::new(), String::new()));
        assert_eq!(printer.report(&Told { exit: Exit::Attention }), Exit::Attention);
        assert_eq!(printer.captured_text().0, "told\n");
    }

    #[test]
    fn notes_never_mix_with_the_report() {
        let printer = Printer::captured(Form::Json, Loudness::Verbose);
        printer.note("x");
        printer.step("y");
        printer.report(&Told { exit: Exit::Done });
        assert_eq!(printer.captured_text(), ("{}\n".to_owned(), "note: x\ny\n".to_owned()));
    }
}
