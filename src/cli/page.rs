//! How do numbers, times, names and tables look on the page?

use anstyle::{Effects, Style};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};
use jiff::tz::TimeZone;
use serde::Serialize;

use super::printer::Loudness;
use super::typable;
use crate::model::Millis;

/// Widest text we print: fits a terminal beside another window, and a mail.
pub const MAX_WIDTH: u16 = 100;
/// Headings.
pub const BOLD: Style = Style::new().effects(Effects::BOLD);
/// What is beside the point.
pub const DIM: Style = Style::new().effects(Effects::DIMMED);
/// What wants a person.
pub const ALERT: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(anstyle::AnsiColor::Yellow)));
/// What failed.
pub const ERROR: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(anstyle::AnsiColor::Red))).effects(Effects::BOLD);

/// How a report is laid out.
#[derive(Clone, Debug)]
pub struct Page {
    /// Columns.
    pub width: u16,
    /// Times are shown in this zone.
    pub zone: TimeZone,
    /// How much is shown.
    pub detail: Detail,
    /// The home that was typed, where one was: for the commands that are printed.
    pub home: Option<String>,
}

/// How much of a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What most people want to know.
    Summary,
    /// All of it.
    Full,
}

impl From<Loudness> for Detail {
    fn from(loudness: Loudness) -> Self {
        match loudness {
            Loudness::Quiet | Loudness::Normal => Self::Summary,
            Loudness::Verbose | Loudness::Debug => Self::Full,
        }
    }
}

/// A moment: in JSON RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Millis);

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Words, from the left.
    Words(&'static str),
    /// Numbers, from the right.
    Numbers(&'static str),
}

impl Page {
    /// Most lines of one kind in a summary; the rest is counted.
    pub const MAX_LINES: usize = 12;

    /// A text whose commands can be typed as they stand. Before it is wrapped, so that no line is too long.
    #[must_use]
    pub fn typable(&self, text: &str) -> String {
        self.home.as_ref().map_or_else(|| text.to_owned(), |home| typable::with_home(text, home))
    }

    /// A moment in the page's zone, to the minute; with seconds in full detail.
    #[must_use]
    pub fn moment(&self, moment: Moment) -> String {
        let Ok(timestamp) = jiff::Timestamp::from_millisecond(moment.0.0) else { return "beyond the calendar".to_owned() };
        let format = match self.detail {
            Detail::Summary => "%Y-%m-%d %H:%M",
            Detail::Full => "%Y-%m-%d %H:%M:%S",
        };
        timestamp.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    /// Two moments, as exactly as it takes to tell them apart.
    #[must_use]
    pub fn apart(&self, a: Moment, b: Moment) -> [String; 2] {
        let shown = |format: &str| {
            [a, b].map(|moment| match jiff::Timestamp::from_millisecond(moment.0.0) {
                Ok(timestamp) => timestamp.to_zoned(self.zone.clone()).strftime(format).to_string(),
                Err(_) => "beyond the calendar".to_owned(),
            })
        };
        let [day_a, day_b] = shown("%Y-%m-%d");
        if day_a != day_b {
            return shown("%Y-%m-%d %H:%M");
        }
        let all = ["%H:%M", "%H:%M:%S"].map(shown);
        all.into_iter().find(|[a, b]| a != b).unwrap_or_else(|| shown("%H:%M:%S%.3f"))
    }

    /// A table, indented by two, never wider than the page. Where it would be, a summary leaves out the columns of
    /// numbers that have [`NO_NUMBER`] in every row, and all of it does so where words would break else; cells that are still too long wrap.
    #[must_use]
    pub fn table(&self, columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
        let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.iter().map(|cell| self.typable(&one_line(cell))).collect()).collect();
        let width = |place: usize| {
            let cells = rows.iter().map(|row| row[place].chars().count());
            cells.chain([columns[place].title().chars().count()]).max().unwrap_or(0) + 2
        };
        let word = |place: usize| {
            let cells = rows.iter().map(|row| row[place].as_str()).chain([columns[place].title()]);
            cells.flat_map(|cell| cell.split(' ')).map(|word| word.chars().count()).max().unwrap_or(0) + 2
        };
        let too_wide = (0..columns.len()).map(width).sum::<usize>() > usize::from(self.width);
        let breaks = (0..columns.len()).map(word).sum::<usize>() >= usize::from(self.width);
        let tells = |place: &usize| {
            let is_empty = matches!(columns[*place], Column::Numbers(_)) && rows.iter().all(|row| row[*place] == NO_NUMBER);
            !(is_empty && too_wide && (self.detail == Detail::Summary || breaks))
        };
        let places: Vec<usize> = (0..columns.len()).filter(tells).collect();
        let text = self.laid_out(columns, &places, &rows, &[]);
        let is_whole = |place: &usize| rows.iter().all(|row| row[*place].split(' ').all(|word| text.contains(word)));
        if places.iter().all(is_whole) {
            return text;
        }
        let [full, least] = [places.iter().copied().map(width).collect::<Vec<_>>(), places.iter().copied().map(word).collect()];
        self.laid_out(columns, &places, &rows, &whole_words(&full, &least, usize::from(self.width) - 1))
    }

    /// A table of some columns, at these widths where any are said.
    fn laid_out(&self, columns: &[Column], places: &[usize], rows: &[Vec<String>], widths: &[(usize, usize)]) -> String {
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.width - 1).set_header(places.iter().map(|place| columns[*place].title()));
        for row in rows {
            table.add_row(places.iter().map(|place| &row[*place]));
        }
        for (place, column) in places.iter().map(|place| columns[*place]).enumerate() {
            if let (Column::Numbers(_), Some(column)) = (column, table.column_mut(place)) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for (place, width) in widths {
            if let (Some(column), Ok(width)) = (table.column_mut(*place), u16::try_from(*width)) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        let lines = table.lines().enumerate().map(|(number, line)| match number {
            0 => format!(" {}{}{}", DIM.render(), line.trim_end(), DIM.render_reset()),
            _ => format!(" {}", line.trim_end()),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Lines indented by two and wrapped; a summary shows [`Page::MAX_LINES`] and counts the rest.
    #[must_use]
    pub fn list(&self, lines: &[String], where_is_the_rest: &str) -> String {
        let shown = match self.detail {
            Detail::Full => lines.len(),
            Detail::Summary if lines.len() <= Self::MAX_LINES + 1 => lines.len(),
            Detail::Summary => Self::MAX_LINES,
        };
        let mut text: Vec<String> = lines[..shown].iter().map(|line| self.wrapped(line)).collect();
        if shown < lines.len() {
            text.push(format!("  … and {} more ({where_is_the_rest})", number(lines.len() - shown)));
        }
        text.join("\n")
    }

    /// Indented by two, what goes on the next line by four. A word that is longer than the page stays whole, and a line break in it is none.
    #[must_use]
    pub fn wrapped(&self, line: &str) -> String {
        let visible = |text: &str| anstream::adapter::strip_str(text).to_string().chars().count();
        let mut wrapped = String::from(" ");
        let mut column = 1;
        for word in self.typable(&line.replace('\n', "⏎")).split(' ') {
            let width = visible(word);
            if column > 4 && column + 1 + width > usize::from(self.width) {
                wrapped.push_str("\n   ");
                column = 3;
            }
            wrapped.push(' ');
            wrapped.push_str(word);
            column += 1 + width;
        }
        wrapped
    }
}

/// Widths at which no word breaks, by column: where the columns at their full widths are too wide together, and that is possible at all. What is
/// left over goes to those that need least to be as wide as they would be.
fn whole_words(full: &[usize], least: &[usize], most: usize) -> Vec<(usize, usize)> {
    let Some(mut left) = most.checked_sub(least.iter().sum()).filter(|_| full.iter().sum::<usize>() > most) else { return Vec::new() };
    let mut widths: Vec<(usize, usize)> = least.iter().copied().enumerate().collect();
    widths.sort_by_key(|(column, least)| full[*column] - least);
    let last = widths.len().saturating_sub(1);
    for (rank, (column, width)) in widths.iter_mut().enumerate() {
        let needs = full[*column] - *width;
        let given = if needs <= left || rank == last { needs.min(left) } else { 0 };
        (*width, left) = (*width + given, left - given);
    }
    widths
}

/// What stands in a column of numbers where there is nothing to count.
pub const NO_NUMBER: &str = "·";

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Words(title) | Self::Numbers(title) => title,
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_millisecond(self.0.0) {
            Ok(timestamp) => serializer.collect_str(&format_args!("{timestamp:.3}")),
            Err(_) => serializer.serialize_i64(self.0.0),
        }
    }
}

/// A heading.
#[must_use]
pub fn heading(text: &str) -> String {
    format!("{}{text}{}", BOLD.render(), BOLD.render_reset())
}

/// Something beside the point.
#[must_use]
pub fn dim(text: &str) -> String {
    format!("{}{text}{}", DIM.render(), DIM.render_reset())
}

/// A heading over something that wants a person.
#[must_use]
pub fn alert(text: &str) -> String {
    format!("{}{text}{}", ALERT.render(), ALERT.render_reset())
}

/// `1 record`, `2,345 records`.
#[must_use]
pub fn count(amount: impl TryInto<u64>, one: &str, many: &str) -> String {
    let digits = number(amount);
    let noun = if digits == "1" { one } else { many };
    format!("{digits} {noun}")
}

/// A whole number in groups of three.
#[must_use]
pub fn number(amount: impl TryInto<u64>) -> String {
    let digits = amount.try_into().unwrap_or(u64::MAX).to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A duration of so many milliseconds, in its largest unit: `40 s`, `7 min`, `3 h`, `12 d`.
#[must_use]
pub fn duration(millis: i64) -> String {
    let seconds = millis.max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", number(seconds / 86_400)),
    }
}

/// A size: bytes up to 999, then one decimal with kB, MB, GB, TB (powers of a thousand).
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        // The last digit is cut, not rounded: 999,999 is not yet a megabyte.
        Some((unit, name)) => format!("{}.{} {name}", number(bytes / unit), bytes % unit * 10 / unit),
        None => count(usize::try_from(bytes).expect("below a thousand"), "byte", "bytes"),
    }
}

/// Nothing a record holds may move the cursor, ring a bell, start a new line or turn the direction of reading.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '⏎' } else { harmless(c) }).collect()
}

fn harmless(c: char) -> char {
    match c {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if c.is_control() => '\u{fffd}',
        _ => c,
    }
}

/// A whole text in which only our own styles, line ends and tabs do anything: whatever got into it from a record does not.
#[must_use]
pub fn tame(text: &str) -> String {
    // The longest first: it begins like another one.
    let styles = [ERROR, BOLD, DIM, ALERT].map(|style| [style.render().to_string(), style.render_reset().to_string()]);
    let mut tamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let style = styles.iter().flatten().find(|style| c == '\u{1b}' && rest.starts_with(style.as_str()));
        let (taken, left) = rest.split_at(style.map_or(c.len_utf8(), String::len));
        match style.is_some() || matches!(c, '\n' | '\t') {
            true => tamed.push_str(taken),
            false => tamed.push(harmless(c)),
        }
        rest = left;
    }
    tamed
}

/// Paragraphs with an empty line between them; empty ones vanish.
#[must_use]
pub fn paragraphs(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// "the list of sites and the rules".
#[must_use]
pub fn and<'w>(words: impl IntoIterator<Item = &'w &'w str>) -> String {
    let mut words: Vec<&str> = words.into_iter().copied().collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last.to_owned() } else { format!("{} and {last}", words.join(", ")) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cli::printer::{Form, Printer, Report};

    /// The text of a report as a test sees it.
    pub fn plain(report: &impl Report) -> String {
        let printer = Printer::captured(Form::Text, Loudness::Normal);
        printer.report(report);
        let text = printer.captured_text().0;
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(MAX_WIDTH)), "too wide:\n{text}");
        assert!(text.lines().all(|line| !line.ends_with(' ')), "blank at a line's end:\n{text}");
        text
    }

    /// The JSON of a report.
    pub fn json(report: &impl Report) -> serde_json::Value {
        serde_json::to_value(report).unwrap()
    }

    /// 2026-11-22 08:00 UTC and some minutes.
    pub fn at(minutes: i64) -> Moment {
        Moment(Millis(1_795_334_400_000 + minutes * 60_000))
    }

    #[test]
    fn a_table_that_is_too_wide_leaves_out_columns_without_a_number_before_it_breaks_names() {
        let columns = [Column::Words("table"), Column::Numbers("failures"), Column::Numbers("sent"), Column::Words("type")];
        let table = |width: u16, detail: Detail, failures: &str| {
            let rows = [["CustomerDemographics", NO_NUMBER, "1", "by hand"], ["Orders", failures, "2", "by hand"]];
            Page { width, zone: TimeZone::UTC, detail, home: None }.table(&columns, rows.map(|row| row.map(str::to_owned).to_vec()))
        };
        let narrow = table(45, Detail::Summary, NO_NUMBER);
        assert!(narrow.contains("CustomerDemographics") && !narrow.contains("failures") && narrow.contains("sent"), "{narrow}");
        for whole in [table(45, Detail::Summary, "1"), table(45, Detail::Full, NO_NUMBER), table(60, Detail::Summary, NO_NUMBER)] {
            assert!(whole.contains("failures") && whole.contains("CustomerDemographics"), "{whole}");
        }
        let titles = ["not complete", "ready", "sent", "retries", "failures", "conflicts", "in step"];
        let columns: Vec<Column> = [Column::Words("table")]
            .into_iter()
            .chain(titles.map(Column::Numbers))
            .chain([Column::Words("type"), Column::Words("last sync")])
            .collect();
        let row =
            |name: &str| [[name].as_slice(), &["·"; 6], &["3,316", "automatic", "never"]].concat().into_iter().map(str::to_owned).collect();
        let page = Page { width: MAX_WIDTH, zone: TimeZone::UTC, detail: Detail::Full, home: None };
        let wide = page.table(&columns, [row("CustomerCustomerDemo"), row("Orders")]);
        assert!(wide.contains("CustomerCustomerDemo") && wide.contains("automatic") && !wide.contains("failures"), "{wide}");
        assert!(
            wide.lines().all(|line| anstream::adapter::strip_str(line).to_string().chars().count() <= usize::from(MAX_WIDTH)),
            "{wide}"
        );
    }

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!(number(1_234_567usize), "1,234,567");
        assert_eq!(number(999usize), "999");
        assert_eq!(count(1, "record", "records"), "1 record");
        assert_eq!(
            [size(1), size(999), size(1_000), size(999_999), size(12_340_000)],
            ["1 byte", "999 bytes", "1.0 kB", "999.9 kB", "12.3 MB"]
        );
    }

    #[test]
    fn what_a_record_holds_cannot_play_with_the_terminal() {
        assert_eq!(one_line("a\nb\u{1b}[31mc\u{7}"), "a⏎b\u{fffd}[31mc\u{fffd}");
    }

    #[test]
    fn a_line_of_a_list_is_one_line_whatever_a_record_in_it_holds() {
        let page = Page { width: MAX_WIDTH, zone: TimeZone::UTC, detail: Detail::Full, home: None };
        assert_eq!(page.list(&["its name is taken by 'a\n2 changes held'".to_owned()], "x"), "  its name is taken by 'a⏎2 changes held'");
    }

    #[test]
    fn of_a_whole_text_only_our_own_styles_reach_the_terminal() {
        let title = format!("{}{ERROR}error{ERROR:#}", alert("title"));
        let text = format!("{title}\n\tä\u{1b}[2J\u{1b}[31m\r\u{202e}");
        assert_eq!(tame(&text), format!("{title}\n\tä\u{fffd}[2J\u{fffd}[31m\u{fffd}\u{fffd}"));
    }

    #[test]
    fn a_summary_counts_what_it_leaves_out() {
        let page = |detail| Page { width: MAX_WIDTH, zone: TimeZone::UTC, detail, home: None };
        let lines: Vec<String> = (0..20).map(|line| line.to_string()).collect();
        assert!(page(Detail::Summary).list(&lines, "x").ends_with("\n  11\n  … and 8 more (x)"));
        assert_eq!(page(Detail::Full).list(&lines, "x").lines().count(), 20);
        assert_eq!(page(Detail::Summary).list(&lines[..13], "x").lines().count(), 13);
    }

    #[test]
    fn a_long_line_goes_on_below_and_keeps_its_blanks() {
        let page = Page { width: 20, zone: TimeZone::UTC, detail: Detail::Summary, home: None };
        let line = format!("a  b {} end", alert("0123456789 01234"));
        let text = anstream::adapter::strip_str(&page.list(&[line], "x")).to_string();
        assert_eq!(text, "  a  b 0123456789\n    01234 end");
        assert_eq!(page.list(&["w".repeat(30)], "x"), format!("  {}", "w".repeat(30)));
    }

    #[test]
    fn times_are_local_on_the_page_and_utc_in_json() {
        let page = Page { width: MAX_WIDTH, zone: TimeZone::fixed(jiff::tz::offset(1)), detail: Detail::Summary, home: None };
        assert_eq!(page.moment(at(5)), "2026-11-22 09:05");
        assert_eq!(serde_json::to_string(&at(5)).unwrap(), "\"2026-11-22T08:05:00.000Z\"");
    }
}
