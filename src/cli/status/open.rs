//! What is open: what waits, for what, and what to type? And what else happened that is nobody's to do.

use super::StatusReport;
use crate::cli::page::{Page, alert, count, duration, number, one_line, size};
use crate::cli::quoting;
use crate::sync::forget;

/// From here on a clock is worth a line, in milliseconds.
const WRONG_CLOCK: i64 = 60_000;

/// Most new numbers that are told one by one.
const MOST_NUMBERS: usize = 10;

/// Most deleted records that others refer to that are told one by one.
const MOST_LEFT: usize = 3;

impl StatusReport {
    /// What waits for something or somebody, a line each.
    pub(super) fn open(&self, page: &Page) -> Vec<String> {
        let invited = self.invited.iter();
        let mut lines: Vec<String> = invited
            .map(|invited| format!("'{}' is invited until {} and has not joined yet", invited.name, page.moment(invited.expires)))
            .collect();
        lines.extend(self.asked_late.iter().map(|name| {
            alert(&format!("'{name}' asked to be taken in after its invitation had expired: 'fieldpost invite {name}' makes a new one, hand over that file"))
        }));
        lines.extend(self.asked_twice.iter().map(|(name, file)| {
            alert(&format!(
                "another computer asked to be taken in as '{name}', with the invitation that '{name}' has used: invite it under a name of its own, \
                 and take {} away",
                self.quarantine.join(file).display()
            ))
        }));
        let missing = self.neighbours.iter().filter_map(|neighbour| {
            let first = number(*neighbour.missing.first()?);
            Some(match neighbour.missing.len() {
                1 => format!("packet {first} of '{}' has not come yet: it is asked for, and what came after it waits", neighbour.name),
                several => format!(
                    "{} packets of '{}' have not come yet, packet {first} first: they are asked for, and what came after waits",
                    number(several),
                    neighbour.name
                ),
            })
        });
        lines.extend(missing);
        let unsent: u64 = self.neighbours.iter().map(|neighbour| neighbour.not_deposited).sum();
        let mut line = |amount: u64, one: &str, many: &str, hint: &str| {
            if amount > 0 {
                lines.push(format!("{} {hint}", count(amount, one, many)));
            }
        };
        let them = |amount: u64| if amount == 1 { "it" } else { "them" };
        line(
            self.unsealed,
            "record was",
            "records were",
            &format!("edited since the last run: 'fieldpost sync' sends {}", them(self.unsealed)),
        );
        let next = match self.exchange_refuses.as_slice() {
            [] => format!(": 'fieldpost sync' puts {} there", them(unsent)),
            _ => String::new(),
        };
        line(unsent, "packet is", "packets are", &format!("made and not on the exchange yet{next}"));
        line(self.conflicts_open, "conflict wants", "conflicts want", "a decision: 'fieldpost conflicts --open'");
        let deactivated = self.tables.iter().find(|line| line.status.deactivated > 0);
        let deactivated = deactivated.map_or_else(|| "TABLE".to_owned(), |line| quoting::shell(&line.status.table));
        line(
            self.totals.deactivated,
            "record is",
            "records are",
            &format!("taken out of the exchange: 'fieldpost records {deactivated} --state deactivated'"),
        );
        let coming = match self.documents_coming_bytes {
            0 => "not in the folder yet: 'fieldpost library' lists them".to_owned(),
            bytes => format!("on the way, {} still to come: 'fieldpost library' lists them", size(bytes)),
        };
        line(self.documents_coming, "document is", "documents are", &coming);
        line(self.documents_refused, "name of a document is", "names of documents are", "not taken: 'fieldpost library' says why");
        line(self.held_open, "change is", "changes are", "held: 'fieldpost held'");
        lines.extend(self.held_first.iter().map(|held| page.wrapped(held)));
        lines.extend(
            self.exchange_refuses.iter().map(|why| {
                page.wrapped(&alert(&format!("at the last run, {why}; 'fieldpost sync' tries it again"))).trim_start().to_owned()
            }),
        );
        lines.extend(self.sites_wrong.iter().chain(&self.rules_wrong).map(|why| alert(&one_line(why))));
        lines.extend(self.left_behind.iter().take(MOST_LEFT).map(|why| alert(&one_line(why))));
        let more = self.left_behind.len().saturating_sub(MOST_LEFT);
        if more > 0 {
            lines.push(format!("so it is with {more} more: 'fieldpost status --json' has them"));
        }
        lines.extend(self.documents_waiting.iter().map(|why| alert(&format!("documents: {}", one_line(why)))));
        lines.extend(self.bundles.line().filter(|_| !self.bundles.is_calm()));
        lines.extend(self.schema.lines(self.parent.as_ref()));
        if self.set_aside > 0 {
            let packets = count(self.set_aside, "packet", "packets");
            lines.push(format!("{packets} that did not verify: in {}, the reason beside each", self.quarantine.display()));
        }
        for neighbour in self.neighbours.iter().filter(|neighbour| neighbour.clock_ahead.abs() >= WRONG_CLOCK) {
            let off = duration(neighbour.clock_ahead.abs());
            let side = if neighbour.clock_ahead > 0 { "ahead of" } else { "behind" };
            lines.push(format!(
                "the clock of '{}' is {off} {side} this one, at least: 'newest' goes by clocks, so set the wrong one of the two right",
                neighbour.name
            ));
        }
        for neighbour in self.neighbours.iter().filter(|neighbour| neighbour.kept >= forget::MUCH) {
            let silent = neighbour.silence.map_or_else(String::new, |silence| format!(", silent for {}", duration(silence)));
            lines.push(format!("{} changes kept for '{}'{silent}", number(neighbour.kept), neighbour.name));
        }
        for neighbour in self.neighbours.iter().filter(|neighbour| neighbour.alarm) {
            let silence = neighbour.silence.map_or_else(String::new, duration);
            lines.push(alert(&format!("'{}' has been silent for {silence}: is it still there?", neighbour.name)));
        }
        lines.extend(self.watch.iter().filter(|watch| watch.failures > 0).map(|watch| watch.words(page)));
        lines
    }

    /// What is well or over, and worth knowing, a line each.
    pub(super) fn besides(&self, page: &Page) -> Vec<String> {
        let mut lines: Vec<String> = self.bundles.line().filter(|_| self.bundles.is_calm()).into_iter().collect();
        lines.extend(self.watch.iter().filter(|watch| watch.failures == 0).map(|watch| watch.words(page)));
        let skipped = self.renumbered.len().saturating_sub(MOST_NUMBERS);
        lines.extend(self.renumbered.iter().skip(skipped).map(|moved| moved.words.clone()));
        if skipped > 0 {
            lines.push(format!("{} more got another number: 'fieldpost status --json'", count(skipped, "record", "records")));
        }
        lines
    }
}
