//! `fieldpost status --html`: the status as a page for a browser, all in one file, with a plot of the last days.
//!
//! Nothing is fetched and no script runs: the file can be mailed, and opens anywhere. Everything that comes from records, settings or
//! other sites is escaped.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::Path;

use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::date;

use super::{StatusReport, kind, report};
use crate::cli::page::{Moment, Page, number, one_line};
use crate::cli::printer::Report;
use crate::cli::{Context, Exit, Failure};
use crate::status::days::{Day, days};
use crate::status::tables::TableStatus;
use crate::sync::Session;
use crate::world::files::{self, Existing, FileError, Privacy};

/// Days in the plot.
const DAYS: u16 = 30;

/// What was written where.
#[derive(serde::Serialize)]
struct Written {
    file: std::path::PathBuf,
    #[serde(skip)]
    exit: Exit,
}

impl Report for Written {
    fn text(&self, _: &Page) -> String {
        format!("Written: {}", self.file.display())
    }

    fn exit(&self) -> Exit {
        self.exit
    }
}

/// Begins every page, and nothing else.
const BEGINNING: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Fieldpost: ";

pub(super) fn write(session: &Session, file: &Path, context: &Context) -> Result<Exit, Failure> {
    if !is_free(&context.here.join(file))? {
        return Err(Failure::FileExists(file.to_owned()));
    }
    let status = report(session)?;
    let page = context.printer.page();
    let now = Timestamp::from_millisecond(session.world.now().0).unwrap_or(Timestamp::UNIX_EPOCH);
    let offset = i64::from(page.zone.to_offset(now).seconds()) * 1000;
    let text = html(&status, &days(session, DAYS, offset)?, page);
    let file = context.here.join(file);
    match files::publish(&session.world, &file, text.as_bytes(), Existing::Replace, Privacy::Ordinary) {
        Ok(()) => Ok(context.printer.report(&Written { file, exit: status.exit() })),
        Err(FileError::Crash(crash)) => Err(Failure::Sync(crash.into())),
        Err(FileError::Io(error)) => Err(error.into()),
    }
}

/// Whether nothing is there, or a page of before. A slip of the hand must not cost anybody a database.
fn is_free(file: &Path) -> io::Result<bool> {
    match fs_err::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
        // Of a link it is looked at where it leads; a pipe or a device is read by nobody.
        Ok(_) if !file.is_file() => return Ok(false),
        Ok(_) => {}
    }
    let mut beginning = Vec::new();
    fs_err::File::open(file)?.take(BEGINNING.len() as u64).read_to_end(&mut beginning)?;
    Ok(beginning == BEGINNING.as_bytes())
}

/// The page.
fn html(status: &StatusReport, days: &[Day], page: &Page) -> String {
    let mut text = String::new();
    let now = page.moment(status.now);
    // Writing into a text does not fail.
    let _ = write!(
        text,
        "{BEGINNING}{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header><h1>{}</h1><p>{} · as of {}</p></header>\n",
        escaped(status.site.as_str()),
        escaped(status.site.as_str()),
        escaped(&place(status)),
        escaped(&now),
    );
    text.push_str(&tiles(status));
    text.push_str(&wants(status, page));
    text.push_str(&besides(status, page));
    text.push_str(&plot(days));
    text.push_str(&neighbours(status, page));
    text.push_str(&tables(status));
    let facts = [
        ("home", status.home.display().to_string()),
        ("database", status.database.display().to_string()),
        ("exchange", status.exchange.join(", ")),
    ];
    let rows: String = facts.iter().map(|(label, value)| format!("<tr><th>{label}</th><td>{}</td></tr>", escaped(value))).collect();
    let _ = write!(text, "<section><h2>This site</h2><table class=\"facts\">{rows}</table></section>\n</body>\n</html>\n");
    text
}

fn place(status: &StatusReport) -> String {
    match &status.parent {
        Some(parent) => format!("{} of '{parent}'", status.role),
        None => status.role.to_string(),
    }
}

/// The numbers that matter first.
fn tiles(status: &StatusReport) -> String {
    let TableStatus { not_complete, ready, sent, retries, failures, conflicts, successful, .. } = &status.totals;
    let tiles = [
        ("conflicts", *conflicts, *conflicts > 0),
        ("failures", *failures, *failures > 0),
        ("retries", *retries, false),
        ("ready", *ready, false),
        ("sent", *sent, false),
        ("not complete", *not_complete, false),
        ("successful", *successful, false),
    ];
    let tile = |(label, amount, alert): (&str, u64, bool)| {
        let class = if alert { " class=\"alert\"" } else { "" };
        format!("<div{class}><b>{}</b><span>{label}</span></div>", number(amount))
    };
    format!("<section class=\"tiles\">{}</section>\n", tiles.into_iter().map(tile).collect::<String>())
}

/// What wants a person, and what waits.
fn wants(status: &StatusReport, page: &Page) -> String {
    let mut lines: Vec<(bool, String)> = Vec::new();
    lines.extend(status.trouble.iter().map(|trouble| (true, format!("Stopped: {trouble}."))));
    let problems = status
        .neighbours
        .iter()
        .filter_map(|neighbour| neighbour.problem.as_ref().map(|problem| (true, format!("'{}': {problem}", neighbour.name))));
    lines.extend(problems);
    lines.extend(status.open(page).into_iter().map(|line| (false, line)));
    if lines.is_empty() {
        return "<section><h2>Open</h2><p class=\"calm\">Nothing wants anybody.</p></section>\n".to_owned();
    }
    let item = |(alert, line): &(bool, String)| {
        let class = if *alert { " class=\"alert\"" } else { "" };
        format!("<li{class}>{}</li>", escaped(&anstream::adapter::strip_str(line).to_string()))
    };
    format!("<section><h2>Open</h2><ul>{}</ul></section>\n", lines.iter().map(item).collect::<String>())
}

/// What is well or over: below what wants somebody, and not among it.
fn besides(status: &StatusReport, page: &Page) -> String {
    let lines = status.besides(page);
    if lines.is_empty() {
        return String::new();
    }
    let item = |line: &String| format!("<li>{}</li>", escaped(&anstream::adapter::strip_str(line).to_string()));
    format!("<section><h2>Besides</h2><ul>{}</ul></section>\n", lines.iter().map(item).collect::<String>())
}

/// Records and conflicts per day: two rows of columns over one axis of days, each with a scale of its own.
fn plot(days: &[Day]) -> String {
    const WIDTH: usize = 900;
    const HEIGHT: usize = 90;
    const LEFT: usize = 64;
    const GAP: usize = 34;
    let step = (WIDTH - LEFT) / days.len().max(1);
    let mut svg = String::new();
    let changes: Vec<u64> = days.iter().map(|day| day.changes).collect();
    let conflicts: Vec<u64> = days.iter().map(|day| day.conflicts).collect();
    for (row, (label, class, amounts)) in [("records", "changes", changes), ("conflicts", "conflicts", conflicts)].into_iter().enumerate() {
        let (top, most) = (row * (HEIGHT + GAP) + 16, amounts.iter().copied().max().unwrap_or(0));
        let bottom = top + HEIGHT;
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{}\" class=\"label\">{label}</text><text x=\"{}\" y=\"{}\" class=\"scale\">{}</text>\
             <text x=\"{}\" y=\"{bottom}\" class=\"scale\">0</text><line x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{WIDTH}\" y2=\"{bottom}\"/>",
            top - 4,
            LEFT - 8,
            top + 8,
            number(most),
            LEFT - 8,
        );
        for (place, (day, amount)) in days.iter().zip(amounts).enumerate() {
            // A day on which anything happened is seen, whatever the largest one is.
            let share = usize::try_from(amount.saturating_mul(HEIGHT as u64).checked_div(most).unwrap_or(0)).unwrap_or(HEIGHT);
            let height = if amount > 0 { share.max(2) } else { 0 };
            let (x, name) = (LEFT + place * step + 2, name_of(day.day, "%a %Y-%m-%d"));
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{height}\" rx=\"1.5\"/>\
                 <rect class=\"touch\" x=\"{x}\" y=\"{top}\" width=\"{step}\" height=\"{HEIGHT}\"><title>{name}, {label}: {}</title></rect>",
                bottom - height,
                step.saturating_sub(4).max(1),
                number(amount),
            );
        }
    }
    let bottom = 2 * HEIGHT + GAP + 34;
    for (place, day) in days.iter().enumerate().filter(|(place, _)| place % 7 == (days.len() - 1) % 7) {
        let _ =
            write!(svg, "<text x=\"{}\" y=\"{bottom}\" class=\"day\">{}</text>", LEFT + place * step + step / 2, name_of(day.day, "%d %b"));
    }
    format!(
        "<section><h2>The last {} days</h2><svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"Changed records and conflicts per day\">{svg}</svg></section>\n",
        days.len(),
        bottom + 6,
    )
}

/// A day in words.
fn name_of(day: i64, format: &str) -> String {
    date(1970, 1, 1).checked_add(day.days()).map_or_else(|_| day.to_string(), |date| date.strftime(format).to_string())
}

fn neighbours(status: &StatusReport, page: &Page) -> String {
    if status.neighbours.is_empty() {
        return String::new();
    }
    let moment = |moment: Option<Moment>| moment.map_or_else(|| "never".to_owned(), |moment| page.moment(moment));
    let row = |neighbour: &super::NeighbourStatus| {
        let numbers = [neighbour.sent, neighbour.unconfirmed, neighbour.received, neighbour.waiting];
        let numbers: String = numbers.into_iter().map(|amount| format!("<td class=\"n\">{}</td>", number(amount))).collect();
        let words = [
            moment(neighbour.last_sent),
            moment(neighbour.last_received),
            neighbour.clock(),
            neighbour.version.as_deref().map_or_else(|| "unknown".to_owned(), one_line),
        ];
        let words: String = words.iter().map(|word| format!("<td>{}</td>", escaped(word))).collect();
        format!("<tr><th>{}</th><td>{}</td>{numbers}{words}</tr>", escaped(neighbour.name.as_str()), neighbour.role)
    };
    let rows: String = status.neighbours.iter().map(row).collect();
    let heads = ["neighbour", "role", "sent", "unconfirmed", "received", "to send", "last sent", "last heard", "clock", "version"];
    format!("<section><h2>Neighbours</h2>{}</section>\n", table(&heads, 2..6, &rows))
}

fn tables(status: &StatusReport) -> String {
    if status.tables.is_empty() {
        return String::new();
    }
    let row = |table: &TableStatus, last: &str, class: &str| {
        let TableStatus { not_complete, ready, sent, retries, failures, conflicts, successful, .. } = table;
        let numbers = [not_complete, ready, sent, retries, failures, conflicts, successful];
        let alerts = [false, false, false, false, true, true, false];
        let cell = |(amount, alert): (&u64, bool)| match (*amount, alert) {
            (0, _) => "<td class=\"n none\">·</td>".to_owned(),
            (amount, true) => format!("<td class=\"n alert\">{}</td>", number(amount)),
            (amount, false) => format!("<td class=\"n\">{}</td>", number(amount)),
        };
        let numbers: String = numbers.into_iter().zip(alerts).map(cell).collect();
        let kind = if class.is_empty() { kind(table) } else { String::new() };
        format!("<tr{class}><th>{}</th>{numbers}<td>{kind}</td><td>{last}</td></tr>", escaped(&table.table))
    };
    let mut rows: String = status.tables.iter().map(|line| row(&line.status, &status.ago(line.last_sync), "")).collect();
    rows.push_str(&row(&status.totals, "", " class=\"total\""));
    let heads = ["table", "not complete", "ready", "sent", "retries", "failures", "conflicts", "successful", "type", "last sync"];
    format!("<section><h2>Tables</h2>{}</section>\n", table(&heads, 1..8, &rows))
}

fn table(heads: &[&str], numbers: std::ops::Range<usize>, rows: &str) -> String {
    let head = |(place, head): (usize, &&str)| format!("<th{}>{head}</th>", if numbers.contains(&place) { " class=\"n\"" } else { "" });
    let heads: String = heads.iter().enumerate().map(head).collect();
    format!("<div class=\"wide\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>")
}

/// Text that means nothing to a browser.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2430;--dim:#667085;--line:#d9dee7;--back:#f6f7f9;--card:#fff;--blue:#2f6fdb;--red:#c8372d}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--dim:#97a1b3;--line:#333c4b;--back:#12161d;--card:#1a2029;--blue:#6ea0f5;--red:#f0746b}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1000px;padding:24px 20px 48px;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header h1{margin:0;font-size:28px}header p{margin:2px 0 20px;color:var(--dim)}
section{margin:0 0 18px;padding:16px 18px;background:var(--card);border:1px solid var(--line);border-radius:10px}
h2{margin:0 0 10px;font-size:15px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(110px,1fr));gap:10px;padding:0;background:none;border:0}
.tiles div{padding:12px 14px;background:var(--card);border:1px solid var(--line);border-radius:10px}
.tiles b{display:block;font-size:22px;font-variant-numeric:tabular-nums}.tiles span{color:var(--dim);font-size:13px}
.tiles .alert{border-color:var(--red)}.tiles .alert b,li.alert,td.alert{color:var(--red);font-weight:600}
ul{margin:0;padding-left:20px}.calm{margin:0;color:var(--dim)}
.wide{overflow-x:auto}table{width:100%;border-collapse:collapse;font-size:14px}
th,td{padding:6px 10px 6px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{color:var(--dim);font-weight:500}tbody th{font-weight:600}tr:last-child th,tr:last-child td{border-bottom:0}
.n{padding-right:20px;text-align:right;font-variant-numeric:tabular-nums}.none{color:var(--dim)}
.total th,.total td{border-top:2px solid var(--line);font-weight:600}
.facts th{width:90px;color:var(--dim);font-weight:500}.facts td{white-space:normal;word-break:break-all}
svg{display:block;width:100%;height:auto}svg line{stroke:var(--line)}
.changes{fill:var(--blue)}.conflicts{fill:var(--red)}.touch{fill:transparent}.touch:hover{fill:currentColor;fill-opacity:.07}
svg text{fill:var(--dim);font-size:12px}.label{fill:var(--ink)!important}.scale{text-anchor:end}.day{text-anchor:middle}
";
