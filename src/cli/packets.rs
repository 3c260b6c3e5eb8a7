//! What did the packets of each neighbour bring or take, in a paragraph?

use std::collections::{BTreeMap, BTreeSet};

use super::page::{Page, and, count, heading, number};
use super::sync::Counts;
use crate::model::SiteName;

/// What all packets of one neighbour add up to.
#[derive(Default)]
pub struct Sum {
    numbers: Vec<u64>,
    /// Bytes of what went, changes of what came.
    pub amount: u64,
    tables: BTreeMap<String, Counts>,
    pub besides: Besides,
}

/// What packets bring or say besides records.
#[derive(Clone, Debug, Default)]
pub struct Besides {
    contents: bool,
    papers: BTreeSet<&'static str>,
    wants_all: bool,
    again: bool,
}

impl Besides {
    pub fn of(contents: bool, papers: &[&'static str], wants_all: bool, again: bool) -> Self {
        Self { contents, papers: papers.iter().copied().collect(), wants_all, again }
    }
}

pub type OnePacket<'r> = (&'r SiteName, u64, u64, &'r BTreeMap<String, Counts>, Besides);

/// One paragraph per neighbour: a title, then what changed by table.
pub fn sections<'r>(
    page: &Page,
    packets: impl Iterator<Item = OnePacket<'r>>,
    title: impl Fn(&SiteName, &str, Counts, &Sum) -> String,
) -> String {
    let mut sums: BTreeMap<&SiteName, Sum> = BTreeMap::new();
    for (neighbour, number, amount, tables, besides) in packets {
        let sum = sums.entry(neighbour).or_default();
        sum.numbers.push(number);
        sum.amount += amount;
        sum.besides.contents |= besides.contents;
        sum.besides.papers.extend(besides.papers);
        sum.besides.wants_all |= besides.wants_all;
        sum.besides.again |= besides.again;
        tables.iter().for_each(|(table, counts)| sum.tables.entry(table.clone()).or_default().add(*counts));
    }
    let paragraph = |(neighbour, sum): (&SiteName, Sum)| {
        let mut counts = Counts::default();
        sum.tables.values().for_each(|table| counts.add(*table));
        let width = sum.tables.keys().map(|table| table.chars().count()).max().unwrap_or(0).min(30);
        // What is told anew is mostly there.
        let text = |counts: &Counts| if sum.besides.again { number(counts.total()) } else { counts.text() };
        let lines: Vec<String> = sum.tables.iter().map(|(table, counts)| format!("{table:width$}  {}", text(counts))).collect();
        let title = heading(&title(neighbour, &packet_numbers(&sum.numbers), counts, &sum));
        if lines.is_empty() { title } else { format!("{title}\n{}", page.list(&lines, "-v lists all")) }
    };
    sums.into_iter().map(paragraph).collect::<Vec<_>>().join("\n")
}

pub fn records(counts: Counts, besides: &Besides) -> String {
    let Besides { contents, ref papers, wants_all, again } = *besides;
    let brought = match counts.total() {
        0 if contents => "no records, but contents of documents or bundles".to_owned(),
        0 if !papers.is_empty() => format!("no records, but {}", and(papers)),
        0 if wants_all => "no records".to_owned(),
        0 => "no records, only word of what arrived".to_owned(),
        total => {
            let anew = if again { "everything anew, " } else { "" };
            format!("{anew}{}", count(total, "record", "records"))
        }
    };
    if wants_all { format!("{brought}, and the wish to be told everything anew") } else { brought }
}

/// "packet 7", "packets 7 to 9": the packets of a stream are applied and made in order.
fn packet_numbers(numbers: &[u64]) -> String {
    match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) if first != last => format!("packets {} to {}", number(*first), number(*last)),
        (first, _) => format!("packet {}", number(first.copied().unwrap_or(0))),
    }
}
