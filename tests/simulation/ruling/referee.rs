//! Is what came out what these rules promise?
//!
//! Told from outside: from the rules, from what applications did, and from what each site holds.

use std::collections::BTreeMap;

use super::super::application::{TABLES, Written};
use super::super::referee::{Evidence, Held, Rows};
use super::goods::items;
use super::{MARK, Ruling, Travels, is_ready};

/// How far references are followed to a record that stays home.
const DEEPEST: usize = 8;

/// What the rules promise of some sites.
pub struct Promises<'e> {
    pub ruling: &'e Ruling,
    pub evidence: &'e Evidence<'e>,
    pub contents: &'e [BTreeMap<&'static str, Rows>],
}

impl Promises<'_> {
    /// Whether two neighbours hold the same records of a table.
    pub fn is_shared(&self, table: &str) -> bool {
        match self.ruling.table(table).travels {
            Travels::Both | Travels::Down => true,
            Travels::Up | Travels::Nowhere => false,
        }
    }

    /// A row without what never travels.
    pub fn travelling(&self, table: &str, row: &[String]) -> Vec<String> {
        let local = self.ruling.table(table).local.map(|column| place(table, column));
        row.iter().enumerate().filter(|(place, _)| Some(*place) != local).map(|(_, value)| value.clone()).collect()
    }

    /// Whether a record stays where it is, at this site.
    pub fn is_kept(&self, site: usize, table: &str, key: &str) -> bool {
        self.keeps(site, table, key, 0)
    }

    fn keeps(&self, site: usize, table: &str, key: &str, depth: usize) -> bool {
        let Some(row) = self.contents[site].get(table).and_then(|rows| rows.get(key)) else { return false };
        let drawn = self.ruling.table(table);
        let is = |column: Option<&str>, value: &dyn Fn(&str) -> bool| column.is_some_and(|column| value(&row[place(table, column)]));
        let own = is(drawn.ready, &|value| !is_ready(value))
            || is(drawn.required, &|value| value == "null")
            || (is(drawn.marked, &|value| value == MARK) && self.is_unknown_above(site, table, key))
            || (drawn.manual && !self.evidence.released);
        let references = TABLES.iter().find(|one| one.name == table).expect("a known table").references;
        own || (depth < DEEPEST
            && references.iter().any(|(column, target)| {
                let to = &row[place(table, column)];
                (*target, to.as_str()) != (table, key) && self.keeps(site, target, to, depth + 1)
            }))
    }

    fn is_unknown_above(&self, site: usize, table: &str, key: &str) -> bool {
        self.evidence.sites[site].1.is_some_and(|parent| !self.contents[parent][table].contains_key(key))
    }

    /// Whether a change is held for as long as others stay home, or for a person.
    pub fn may_wait(&self, held: &Held) -> bool {
        // What would put it right stays at its sender.
        if self.is_kept(held.from, &held.table, &held.key) {
            return true;
        }
        let Some((table, key)) = &held.other else { return false };
        // What only goes up is not taken back at the child when the parent could not take it.
        let up = self.ruling.table(table).travels == Travels::Up;
        up || [held.site, held.from].iter().any(|site| self.is_kept(*site, table, key))
    }

    /// Whether what somebody wrote stays at its site by the rules.
    pub fn is_local(&self, written: &Written) -> bool {
        let drawn = self.ruling.table(written.table);
        drawn.travels == Travels::Nowhere || drawn.local == Some(written.column)
    }

    /// Everything that is not as promised.
    pub fn judge(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for site in 0..self.contents.len() {
            wrong.extend(self.goods(site));
            wrong.extend(self.strangers(site));
        }
        wrong.extend(self.left_home());
        let local = self.evidence.deeds.written.iter().filter(|written| self.is_local(written));
        wrong.extend(local.filter(|written| self.is_gone(written)).map(|written| format!("LOST AT HOME {written:?}")));
        wrong
    }

    /// Whether a value that never travels is not where it was written, although its record is and nobody wrote over it.
    fn is_gone(&self, written: &Written) -> bool {
        let deeds = self.evidence.deeds;
        let ended = deeds.deleted.iter().any(|deleted| (deleted.table, &deleted.key) == (written.table, &written.key));
        let Some(row) = self.contents[written.site][written.table].get(&written.key) else { return false };
        !ended && !deeds.superseded.contains(&written.value) && !row.contains(&written.value)
    }

    /// Values at a site that the rules keep elsewhere.
    fn strangers(&self, site: usize) -> Vec<String> {
        let written = self.evidence.deeds.written.iter().filter(|written| {
            let strange = match self.ruling.table(written.table).travels {
                Travels::Up => !self.is_below(written.site, site),
                Travels::Nowhere => written.site != site,
                Travels::Both | Travels::Down => written.site != site && self.is_local(written),
            };
            let rows = || self.contents[site][written.table].values();
            strange && rows().any(|row| row[place(written.table, written.column)] == written.value)
        });
        written.map(|written| format!("STRANGE at {}: {written:?}", self.evidence.sites[site].0)).collect()
    }

    /// Records that were never ready, or never sent by hand, and went up all the same.
    fn left_home(&self) -> Vec<String> {
        let written = &self.evidence.deeds.written;
        let never_ready = |made: &Written, ready: &str| {
            let about = |other: &&Written| (other.table, other.key.as_str(), other.column) == (made.table, made.key.as_str(), ready);
            let mut values = written.iter().filter(about).peekable();
            values.peek().is_some() && !values.any(|other| is_ready(&other.value))
        };
        let left = written.iter().filter(|made| made.column == "tag").filter(|made| {
            let drawn = self.ruling.table(made.table);
            let by_hand = drawn.manual && !self.evidence.deeds.sent_by_hand.contains(&made.site);
            let stays = by_hand || drawn.ready.is_some_and(|ready| never_ready(made, ready));
            let above = self.evidence.sites[made.site].1.map(|parent| &self.contents[parent][made.table]);
            let there = |rows: &Rows| rows.values().any(|row| row[1] == made.value);
            stays && !self.evidence.released && above.is_some_and(there)
        });
        left.map(|made| format!("NOT AT HOME {made:?}")).collect()
    }

    /// Whether a site is another one or below it.
    fn is_below(&self, site: usize, above: usize) -> bool {
        site == above || self.evidence.sites[site].1.is_some_and(|parent| self.is_below(parent, above))
    }

    /// Stocks add up and lists unite.
    fn goods(&self, site: usize) -> Vec<String> {
        let mut wrong = Vec::new();
        let (goods, drawn) = (&self.evidence.deeds.goods, self.ruling.table("goods"));
        let waits = (drawn.ready.is_some() || drawn.manual) && !self.evidence.released;
        if drawn.travels != Travels::Both || waits {
            return wrong;
        }
        let name = self.evidence.sites[site].0;
        for (key, begun) in &goods.begun {
            let ended = self.evidence.deeds.deleted.iter().any(|deleted| deleted.table == "goods" && deleted.key == *key);
            // Where a record was made twice or ended, what both had before is not known, or not the same for all.
            let ([(stock, list)], false) = (begun.as_slice(), ended) else { continue };
            let Some(row) = self.contents[site]["goods"].get(key) else {
                wrong.push(format!("GONE goods[{key}] at {name}, which nobody deleted"));
                continue;
            };
            if drawn.sums.contains(&"stock") {
                let sum = stock + goods.differences.get(key).copied().unwrap_or_default();
                let there = row[2].strip_prefix('i').and_then(|number| number.parse::<i64>().ok()).unwrap_or_default();
                if sum != there {
                    wrong.push(format!("SUM goods[{key}] at {name} is {there} and not {sum}"));
                }
            }
            if drawn.unites.contains(&"list") {
                let mut wanted = list.clone();
                wanted.extend(goods.put.get(key).into_iter().flatten().cloned());
                wanted.retain(|item| goods.taken.get(key).is_none_or(|taken| !taken.contains(item)));
                let there = items(&row[3]);
                if wanted != there {
                    wrong.push(format!("LIST goods[{key}] at {name} is {there:?} and not {wanted:?}"));
                }
            }
        }
        wrong
    }
}

/// Where a column stands in a row.
fn place(table: &str, column: &str) -> usize {
    let columns = TABLES.iter().find(|one| one.name == table).expect("a known table").columns;
    columns.iter().position(|name| *name == column).expect("a known column")
}
