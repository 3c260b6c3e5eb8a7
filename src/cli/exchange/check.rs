//! `fieldpost exchange check`: does an exchange do what will be asked of it?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::super::logged::Line;
use super::super::page::{Page, alert, count, heading, size};
use super::super::printer::Report;
use super::super::{Context, Exit, Failure, access, place, quoting};
use super::ExchangeLine;
use crate::exchange::{
    Access, Exchange, ExchangeError, Finding, Folder, Marked, MarkerFault, Put, Reached, Rename, Tried, mark, open_exchange, reach,
    try_out, waiting,
};
use crate::packet::PacketFileName;
use crate::site::{Exchanges, Level, Role};
use crate::sync::Session;
use crate::sync::streams::places::{self, Standing};

/// Arguments of `exchange check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// An address; without it every exchange of this site. Outside a home an address is needed
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Use what is there from now on, where this site never used it; the main office makes an exchange of it where it is none, and
    /// of a place where one was before only if its address is typed
    #[arg(long)]
    pub accept: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// By exchange, in the order in which they are tried.
    pub exchanges: Vec<Checked>,
}

/// What was found at one exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The exchange.
    #[serde(flatten)]
    pub line: ExchangeLine,
    /// The id in its marker; none where it is no exchange or was not reached.
    pub exchange_id: Option<String>,
    /// What was looked at, in order.
    pub steps: Vec<Step>,
    /// Whether the failure is one that passes by itself.
    pub passing: bool,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What.
    pub what: &'static str,
    /// Whether it is as it must be.
    pub good: bool,
    /// What was found, in words.
    pub found: String,
}

impl Checked {
    fn good(&mut self, what: &'static str, found: impl Into<String>) {
        self.steps.push(Step { what, good: true, found: found.into() });
    }

    fn bad(&mut self, what: &'static str, found: impl Into<String>) {
        self.steps.push(Step { what, good: false, found: found.into() });
    }

    fn failed(&mut self, what: &'static str, error: &ExchangeError) {
        self.passing |= error.retry_helps();
        let advice = error.advice().map_or_else(String::new, |advice| format!("; {advice}"));
        self.bad(what, format!("{error}{advice}"));
    }

    fn works(&self) -> bool {
        self.steps.iter().all(|step| step.good)
    }
}

pub(super) fn run(arguments: &CheckArgs, context: &Context) -> Result<Exit, Failure> {
    let home = match (context.discover(), &arguments.address) {
        (Ok(home), _) => Some(home),
        // Whoever looks for an exchange has no home yet.
        (Err(_), Some(_)) if context.home.is_none() && !arguments.accept => None,
        (Err(error), _) => return Err(error),
    };
    let Some(home) = home else {
        let exchanges = Exchanges::at(arguments.address.iter().cloned());
        let checked = exchanges.addresses.iter().map(|address| {
            let found = access::find(&exchanges, address, None)?;
            let mut checked = begun(address, &found)?;
            if let Some((_, reached)) = reached(&mut checked, address, &found.access, Unmarked::Stays, context)? {
                checked.good("marker", format!("it is exchange {}", reached.id));
            }
            Ok(checked)
        });
        let exchanges = checked.collect::<Result<_, Failure>>()?;
        return Ok(context.printer.report(&CheckReport { exchanges }));
    };
    let (_lock, session) = if arguments.accept {
        let (lock, session) = context.work()?;
        (Some(lock), session)
    } else {
        (None, context.look()?)
    };
    let mut exchanges = session.settings.exchanges.clone();
    if let Some(typed) = &arguments.address {
        exchanges.addresses.retain(|known| known == typed);
        if exchanges.addresses.is_empty() {
            exchanges.addresses.push(typed.clone());
        }
    }
    let unmarked = match session.settings.role {
        Role::Host if arguments.accept => Unmarked::IsMarked,
        Role::Host => Unmarked::CanBeMarked,
        Role::Office | Role::Remote => Unmarked::Stays,
    };
    let mut report = CheckReport { exchanges: Vec::new() };
    for address in &exchanges.addresses {
        let found = access::find(&session.settings.exchanges, address, Some(&home))?;
        let mut checked = begun(address, &found)?;
        let whole = place::exchange(home.folder(), address)?;
        if let Some(why) = place::exposes(home.folder(), &session.settings.database, &whole) {
            checked.bad("private", format!("{why}, and everybody reads what is there: give the exchange a folder of its own"));
        }
        let unmarked = match places::was_there(&session, &open_exchange(&whole, &found.access)?.place())? {
            true if arguments.address.is_none() || unmarked != Unmarked::IsMarked => Unmarked::WasThere(session.settings.role),
            true | false => unmarked,
        };
        if let Some((mut exchange, reached)) = reached(&mut checked, &whole, &found.access, unmarked, context)? {
            look(&mut checked, &session, &mut *exchange, &reached, arguments.accept, context)?;
        }
        report.exchanges.push(checked);
    }
    Ok(if arguments.accept { context.done(&home, &report) } else { context.printer.report(&report) })
}

fn begun(address: &str, found: &access::Found) -> Result<Checked, Failure> {
    Ok(Checked { line: ExchangeLine::of(address, found)?, exchange_id: None, steps: Vec::new(), passing: false })
}

/// What happens to a place that is no exchange yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unmarked {
    /// It stays so: only the main office makes exchanges.
    Stays,
    /// It could be made one here.
    CanBeMarked,
    /// It is made one.
    IsMarked,
    /// It stays so, for this site used an exchange there: an empty folder is mostly a share that is not mounted.
    WasThere(Role),
}

/// An exchange that was reached.
type Open = (Box<dyn Exchange>, Reached);

/// Opens and reaches an exchange once, without trying again: whoever checks wants to see what happens.
fn reached(checked: &mut Checked, address: &str, access: &Access, unmarked: Unmarked, context: &Context) -> Result<Option<Open>, Failure> {
    let _progress = context.printer.progress("reaching the exchange");
    let mut exchange = open_exchange(address, access)?;
    let done = match (reach(&context.world, &mut *exchange), unmarked) {
        (Err(ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. }), Unmarked::IsMarked) => mark(&context.world, &mut *exchange)
            .map(|marked| match marked {
                Marked::New(reached) | Marked::Already(reached) => reached,
            }),
        (done, _) => done,
    };
    match done {
        Ok(reached) => {
            checked.exchange_id = Some(reached.id.to_string());
            checked.good("reached", "yes");
            Ok(Some((exchange, reached)))
        }
        Err(ExchangeError::NotAnExchange { why: MarkerFault::Absent, .. }) => {
            if let Unmarked::WasThere(role) = unmarked {
                checked.passing = true;
                let at = if role == Role::Host { "" } else { " at the main office" };
                let found = format!(
                    "no exchange is there, and this site used one there: the share may not be mounted. Where it is gone for good, \
                     'fieldpost exchange check {} --accept'{at} makes a new one",
                    quoting::shell(address)
                );
                checked.bad("reached", found);
                return Ok(None);
            }
            checked.good("reached", "yes");
            let who = match unmarked {
                Unmarked::Stays => "'fieldpost init' at the main office makes it one, or 'fieldpost exchange check --accept' there",
                Unmarked::CanBeMarked | Unmarked::IsMarked | Unmarked::WasThere(_) => "'fieldpost exchange check --accept' makes it one",
            };
            checked.bad("marker", format!("it is no exchange. Where a share belongs there, mount it first; else {who}"));
            Ok(None)
        }
        Err(error) => {
            checked.failed("reached", &error);
            Ok(None)
        }
    }
}

/// Looks at an exchange that was reached, from a site.
fn look(
    checked: &mut Checked,
    session: &Session,
    exchange: &mut dyn Exchange,
    reached: &Reached,
    accept: bool,
    context: &Context,
) -> Result<(), Failure> {
    let _progress = context.printer.progress("trying what will be needed");
    match places::standing(session, &exchange.place(), reached.id)? {
        Standing::Used => checked.good("marker", "it is the exchange this site uses"),
        Standing::First => checked.good("marker", "it is an exchange; this site has used none yet"),
        Standing::AnotherWay => checked.good("marker", "it is an exchange this site uses, under another address"),
        Standing::Unknown | Standing::Exchanged if accept => {
            places::accept(session, &exchange.place(), reached.id)?;
            checked.good("marker", "it was not used before, and is used from now on");
        }
        Standing::Unknown | Standing::Exchanged => {
            checked.bad(
                "marker",
                "it is an exchange, but none that this site ever used. Where it is the right one: 'fieldpost exchange check --accept'",
            );
            return Ok(());
        }
    }
    for folder in places::undeletable(session, reached.id)? {
        checked.bad(
            "taken",
            format!("this site could not delete what it had taken from `{folder}`: whoever looks after the share gives it that right"),
        );
    }
    let neighbours = session.ledger.neighbours()?;
    let mut came = (0, 0);
    for neighbour in &neighbours {
        let folder = Folder::between(session.name(), &neighbour.card.name);
        let is_packet = |name: &str| name.parse::<PacketFileName>().is_ok();
        match waiting(&context.world, exchange, &folder, |entry| is_packet(entry.name.as_str())) {
            Ok(found) => came = (came.0 + found.len(), came.1 + found.iter().map(|entry| entry.bytes).sum::<u64>()),
            Err(error) => {
                checked.failed("waiting", &error);
                return Ok(());
            }
        }
    }
    checked.good(
        "waiting",
        match came.0 {
            0 => "no packets for this site".to_owned(),
            packets => format!("{} for this site, {}", count(packets, "packet", "packets"), size(came.1)),
        },
    );
    // Where a packet of ours would go: rights may differ from folder to folder.
    let to = neighbours.first().map_or_else(|| session.name().clone(), |neighbour| neighbour.card.name.clone());
    let scratch = tempfile::tempdir().map_err(Failure::Io)?;
    let folder = Folder::between(&to, session.name());
    for finding in try_out(&context.world, exchange, reached, &folder, &PathBuf::from(scratch.path())) {
        tell(checked, &finding);
    }
    match reached.capabilities().rename {
        Rename::Unsupported => {
            checked.good("rename", "it has none that can be relied on: files get their names at once, and their sizes are compared")
        }
        Rename::MayReplace => checked.good("overwrite", "a rename may replace a file; names are looked for before"),
        Rename::Refuses => {}
    }
    if reached.capabilities().put == Put::MayBeShort {
        checked.good("success", "is not believed: the size of every file is looked up after it was put there");
    }
    Ok(())
}

fn tell(checked: &mut Checked, finding: &Finding) {
    let (what, good) = match finding.tried {
        Tried::Write => ("write", "yes"),
        Tried::List => ("list", "yes, with the right size"),
        Tried::Read => ("read", "yes, byte for byte"),
        Tried::Rename => ("rename", "yes"),
        Tried::KeepOnRename => ("overwrite", "a rename never replaces a file"),
        Tried::Delete => ("delete", "yes"),
    };
    match &finding.error {
        None => checked.good(what, good),
        Some(error) => checked.failed(what, error),
    }
}

impl Report for CheckReport {
    fn text(&self, page: &Page) -> String {
        let one = |checked: &Checked| {
            let mut text = format!("{}\n  {:10} {}", heading(&checked.line.address), "entered", checked.line.entered());
            for step in &checked.steps {
                let found = page.wrapped(&step.found).trim_start().replace('\n', "\n             ");
                text.push_str(&format!("\n  {:10} {}", step.what, if step.good { found } else { alert(&found) }));
            }
            text
        };
        let all: Vec<String> = self.exchanges.iter().map(one).collect();
        let verdict = match self.exchanges.iter().filter(|checked| !checked.works()).count() {
            0 if all.len() == 1 => "It does all that is needed.".to_owned(),
            1 if all.len() == 1 => alert("It does not do what is needed."),
            0 => "They do all that is needed.".to_owned(),
            bad => alert(&format!("{} not do what is needed.", if bad == 1 { "One does".to_owned() } else { format!("{bad} do") })),
        };
        format!("{}\n\n{verdict}", all.join("\n\n"))
    }

    fn exit(&self) -> Exit {
        let bad: Vec<&Checked> = self.exchanges.iter().filter(|checked| !checked.works()).collect();
        match &bad[..] {
            [] => Exit::Done,
            bad if bad.iter().all(|checked| checked.passing) => Exit::Unreachable,
            _ => Exit::Attention,
        }
    }

    fn lines(&self, _: &Page) -> Vec<Line> {
        let of = |checked: &Checked| {
            let marker = checked.steps.iter().find(|step| step.what == "marker");
            marker.map(|step| Line::new(Level::Info, format!("{}: {}", checked.line.address, step.found)))
        };
        self.exchanges.iter().filter_map(of).collect()
    }
}
