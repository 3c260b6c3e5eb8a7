//! Is what came out what was promised? `DESIGN` section 2 for a database whose schema changed while everybody edited.
//!
//! Tables and columns are known by the simulation's numbers. What nobody may lose is in its column, under whatever name, or listed as a loser or
//! held; what a dropped column or table held last is in the history of some site.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::super::application::CANARY;
use super::super::referee::{Evidence, Held, Listed, decided_once, sound};
use super::application::{Deeds, Identity, Records, Seen, Written, read};
use super::own::{OWN, Own, Thing, is_adopted};
use super::schema::{Column, Schema};

/// Everything that is not as promised. `history` is all that the sites' histories tell, in words; none where nothing is remembered.
pub fn judge(evidence: &Evidence<'_>, deeds: &Deeds, history: Option<&str>) -> Vec<String> {
    let mut wrong: Vec<String> = deeds.wrong.iter().map(|wrong| format!("SCHEMA {wrong}")).collect();
    let last = BTreeMap::from([(*deeds.versions.last_key_value().expect("there is a first one").0, deeds.schema().clone())]);
    let (mut contents, mut texts, mut owns) = (Vec::new(), Vec::new(), Vec::new());
    for (site, (name, _, path)) in evidence.sites.iter().enumerate() {
        let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let made = deeds.made(site);
        match opened.and_then(|connection| Ok((read(&last, &made, &connection)?, schema_text(&connection)?))) {
            Ok((Ok(Seen { records, own, .. }), text)) => {
                contents.push(records);
                texts.push(text);
                owns.push(own);
            }
            Ok((Err(said), _)) => return vec![format!("SCHEMA {name} has {said}")],
            Err(error) => return vec![format!("UNREADABLE {name}: {error}")],
        }
        wrong.extend(sound(name, path));
    }
    for (site, (name, ..)) in evidence.sites.iter().enumerate() {
        // What is of a site's own, and the tables that have columns of its own.
        let made = deeds.made(site);
        let own: BTreeSet<String> = owns[site].keys().map(|(thing, ..)| thing).chain(&made).map(|thing| own_table(deeds, thing)).collect();
        let odd = texts[site].symmetric_difference(&texts[0]);
        let odd: Vec<_> = odd.filter(|(kind, name, _)| kind != "table" || !own.contains(&name.to_ascii_lowercase())).collect();
        if !odd.is_empty() {
            wrong.push(format!("SCHEMA {name} differs in {odd:?}"));
        }
    }
    let judged = Judged { evidence, deeds, history, host: &contents[0], schema: deeds.schema() };
    wrong.extend(judged.own(&contents, &owns));
    wrong.extend(judged.same(&contents));
    wrong.extend(judged.nothing_lost());
    wrong.extend(judged.all_is_right());
    wrong.extend(judged.no_delete_lost());
    wrong.extend(losers_are_told(evidence));
    wrong.extend(decided_once(evidence));
    let waiting = evidence.held.iter().filter(|held| !held.lasting);
    wrong.extend(waiting.map(|held| format!("STILL HELD at {}: {held:?}", evidence.sites[held.site].0)));
    wrong
}

/// Every record by table and key, in words.
pub fn records(deeds: &Deeds, site: usize, path: &Path) -> BTreeMap<String, String> {
    let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let made = deeds.made(site);
    let Ok(Ok(Seen { schema, records, own })) = opened.and_then(|connection| read(&deeds.versions, &made, &connection)) else {
        return BTreeMap::new();
    };
    let own = own.into_iter().map(|((thing, record, column), value)| (format!("own {thing:?}[{record}].{column}"), value));
    let said = records.into_iter().map(|((number, name), row)| {
        let table = schema.table(number);
        let word = |column: &u32| table.column(*column).map(|column| format!("{}#{}", column.name, column.number)).unwrap_or_default();
        let values: Vec<String> =
            row.texts.iter().chain(&row.references).map(|(column, value)| format!("{} {value}", word(column))).collect();
        (format!("{}#{number}[{name}]", table.name), format!("[{}] {} {}", row.key, row.tag, values.join(", ")))
    });
    said.chain(own).collect()
}

/// The table that a thing of a site's own is, or is in.
fn own_table(deeds: &Deeds, thing: &Thing) -> String {
    match thing {
        Thing::Column(table, _) => deeds.schema().find(*table).map(|table| table.name.to_ascii_lowercase()).unwrap_or_default(),
        Thing::Table(name) => name.clone(),
    }
}

/// What the application made: kind, name, and its text in one spelling.
fn schema_text(connection: &Connection) -> rusqlite::Result<BTreeSet<(String, String, String)>> {
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' \
        AND tbl_name NOT LIKE '\\_fieldpost%' ESCAPE '\\' AND name NOT LIKE '\\_fieldpost%' ESCAPE '\\'";
    let mut statement = connection.prepare(sql)?;
    let spelled = |sql: String| sql.replace('"', "").split_whitespace().collect::<String>();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, spelled(row.get(2)?))))?.collect()
}

struct Judged<'e> {
    evidence: &'e Evidence<'e>,
    deeds: &'e Deeds,
    /// None where nothing is remembered.
    history: Option<&'e str>,
    host: &'e Records,
    schema: &'e Schema,
}

impl Judged<'_> {
    /// Invariant 1.
    fn same(&self, contents: &[Records]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (child, (name, parent, _)) in self.evidence.sites.iter().enumerate() {
            let Some(parent) = *parent else { continue };
            let between = |held: &&Held| (held.site, held.from) == (child, parent) || (held.site, held.from) == (parent, child);
            let held: Vec<&Held> = self.evidence.held.iter().filter(between).collect();
            let (here, there) = (&contents[child], &contents[parent]);
            let identities: BTreeSet<&Identity> = here.keys().chain(there.keys()).collect();
            for identity in identities {
                let (ours, theirs) = (here.get(identity), there.get(identity));
                let waits = || held.iter().any(|held| self.is_about(identity, &held.table, &held.key));
                if ours != theirs && !waits() {
                    wrong.push(format!("DIVERGE {identity:?}: {name} has {ours:?}, {} has {theirs:?}", self.evidence.sites[parent].0));
                }
            }
        }
        wrong
    }

    /// Whether a list means a record, under any name that its table had and any key that it was seen under.
    fn is_about(&self, identity: &Identity, table: &str, key: &str) -> bool {
        let named = |schema: &Schema| schema.find(identity.0).is_some_and(|known| known.name == table);
        let seen = self.deeds.keys.get(identity).is_some_and(|keys| keys.contains(key));
        (seen || identity.1 == key) && self.deeds.versions.values().any(named)
    }

    /// Invariant 2, for values; the tag of a record is one.
    fn nothing_lost(&self) -> Vec<String> {
        let there: BTreeSet<&String> = self.host.values().flat_map(|row| row.texts.values().chain([&row.tag])).collect();
        let listed: BTreeSet<&String> = self.evidence.conflicts.iter().flat_map(|listed| &listed.losers).collect();
        let held: BTreeSet<&String> = self.evidence.held.iter().flat_map(|held| &held.values).collect();
        let lost = self.deeds.written.iter().filter(|written| {
            let value = &written.value;
            let known = there.contains(value) || self.deeds.superseded.contains(value) || listed.contains(value) || held.contains(value);
            let past = || self.history.is_none_or(|history| history.contains(value.as_str()));
            !(known || self.gave_way(written) || self.is_dropped(written) && past())
        });
        lost.map(|written| {
            let gone = if self.is_dropped(written) { " (dropped since)" } else { "" };
            let site = self.evidence.sites[written.site].0;
            format!("LOST {} of {:?}.{}{gone} edited at {site}", written.value, written.identity, written.name)
        })
        .collect()
    }

    /// README: what a migration fills into a new column is nobody's edit and never wins over one.
    fn gave_way(&self, written: &Written) -> bool {
        let edits = self.deeds.written.iter().filter(|other| other.identity == written.identity && other.value != written.value);
        let edited = edits.filter(|other| other.column == written.column || other.column.is_none()).count() > 0;
        // README, honest limits: until a person said what a column was called before, what is typed there counts as filled in.
        let named = |column: u32| {
            let is_it = |schema: &Schema| Some(schema.find(written.identity.0)?.column(column)?.name.eq_ignore_ascii_case(&written.name));
            self.deeds.versions.values().any(|schema| is_it(schema) == Some(true))
        };
        // The tag of a record has no number here.
        let is_it = |column: u32| written.column.map_or_else(|| named(column), |known| known == column);
        let asked = written.site == 0 && self.deeds.asked.iter().any(|(table, column)| *table == written.identity.0 && is_it(*column));
        (written.fills || asked) && (edited || self.deeds.deleted.iter().any(|deleted| deleted.identity == written.identity))
    }

    /// What somebody typed into something of their own is there, or wherever it went when the main office got the name; before that nobody
    /// else has it. It goes with its record, and with its table.
    fn own(&self, contents: &[Records], owns: &[Own]) -> Vec<String> {
        let mut wrong = Vec::new();
        let texts = |records: &Records| -> BTreeSet<String> {
            records.values().flat_map(|row| row.texts.values().chain([&row.tag])).cloned().collect()
        };
        let texts: Vec<BTreeSet<String>> = contents.iter().map(texts).collect();
        let listed = || self.evidence.conflicts.iter().flat_map(|listed| &listed.losers);
        let held = || self.evidence.held.iter().flat_map(|held| &held.values);
        for ((site, value), places) in &self.deeds.own.written {
            let name = self.evidence.sites[*site].0;
            let is_own = |own: &Own| own.values().any(|there| there == value);
            let adopted = is_adopted(&self.deeds.versions, places);
            let leaked =
                (0..owns.len()).filter(|other| other != site && !adopted && (is_own(&owns[*other]) || texts[*other].contains(value)));
            wrong.extend(leaked.map(|other| format!("LEAK {value} of {places:?} at {name} is at {}", self.evidence.sites[other].0)));
            let here = is_own(&owns[*site]) || texts[*site].contains(value) || self.deeds.superseded.contains(value);
            let everywhere = || texts[0].contains(value) || listed().chain(held()).any(|known| known == value);
            let record = |place: &(Thing, String, String)| match &place.0 {
                Thing::Column(table, _) => {
                    let identity = (*table, place.1.clone());
                    // A table that is dropped and made anew keeps its columns and loses its records.
                    self.deeds.heirs(*table).iter().any(|heir| heir != table)
                        || self.deeds.deleted.iter().any(|deleted| deleted.identity == identity)
                }
                Thing::Table(_) => false,
            };
            let dropped = || adopted && self.history.is_none_or(|history| history.contains(value.as_str()));
            if !here && !everywhere() && !dropped() && !places.iter().any(record) {
                wrong.push(format!("OWN LOST {value} of {places:?} at {name}"));
            }
        }
        wrong
    }

    /// Whether a value was typed into something of a site's own that became this column.
    fn was_own(&self, table: u32, column: u32, value: &str) -> bool {
        let named = |name: &str| {
            let had = |schema: &Schema| {
                schema.find(table).and_then(|table| table.column(column)).is_some_and(|one| one.name.eq_ignore_ascii_case(name))
            };
            self.deeds.versions.values().any(had)
        };
        let was_table = |name: &str| {
            let had = |schema: &Schema| schema.find(table).is_some_and(|table| table.name.eq_ignore_ascii_case(name));
            self.deeds.versions.values().any(had)
        };
        let written = self.deeds.own.written.iter().filter(|((_, other), _)| other == value).flat_map(|(_, places)| places);
        written.into_iter().any(|(thing, _, column)| match thing {
            Thing::Column(number, name) => *number == table && named(name),
            Thing::Table(name) => was_table(name) && named(column),
        })
    }

    /// Whether somebody had a column of their own under a name of this one's.
    fn had_own(&self, table: u32, column: u32) -> bool {
        let names = self.deeds.versions.values().filter_map(|schema| schema.find(table)?.column(column)).map(|column| &column.name);
        let things: Vec<Thing> = names.map(|name| Thing::Column(table, name.to_ascii_lowercase())).collect();
        (0..self.evidence.sites.len()).any(|site| things.iter().any(|thing| self.deeds.made(site).contains(thing)))
    }

    /// Whether the table or column of a value is there no more.
    fn is_dropped(&self, written: &Written) -> bool {
        let table = self.schema.find(written.identity.0);
        table.is_none_or(|table| written.column.is_some_and(|column| table.column(column).is_none()))
    }

    /// Every value is one that somebody wrote into this field, or what the column is filled with.
    fn all_is_right(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (identity, row) in self.host {
            for (column, value) in &row.texts {
                let right = if value.starts_with(CANARY) {
                    self.was_own(identity.0, *column, value)
                        || self.deeds.written.iter().filter(|written| written.value == *value).any(|written| {
                            written.column.is_some_and(|other| {
                                written.identity == *identity && other == *column || self.took_the_name(identity, *column, written)
                            })
                        })
                } else {
                    value == "null" || *value == format!("filled{column}") || value == OWN && self.had_own(identity.0, *column)
                };
                if !right {
                    wrong.push(format!("MIXED UP {value} is in column {column} of {identity:?}"));
                }
            }
        }
        wrong
    }

    /// README, honest limits: a column or table that goes and is made anew under its name while the main office does not look is the same one.
    fn took_the_name(&self, identity: &Identity, column: u32, written: &Written) -> bool {
        let is_named = |one: &Column| one.name.eq_ignore_ascii_case(&written.name);
        let named = |schema: &Schema| schema.find(identity.0).and_then(|table| table.column(column)).is_some_and(is_named);
        let is_it = written.identity.1 == identity.1 && self.deeds.heirs(written.identity.0).contains(&identity.0);
        written.site > 0 && is_it && self.deeds.versions.values().any(named)
    }

    /// Whether a record's tag had that name.
    fn is_tag(&self, identity: &Identity, name: &str) -> bool {
        self.deeds.versions.values().any(|schema| schema.find(identity.0).is_some_and(|table| table.tag().name == name))
    }

    /// Invariant 2, for deletes.
    fn no_delete_lost(&self) -> Vec<String> {
        let lost = self.deeds.deleted.iter().filter(|deleted| {
            let told = |listed: &Listed| match &listed.field {
                None => matches!(listed.kind.as_str(), "Delete" | "Dependants" | "Refused"),
                Some(field) => listed.kind == "Delete" || self.is_tag(&deleted.identity, field),
            };
            let about = |listed: &Listed| self.is_about(&deleted.identity, &listed.table, &listed.key) && told(listed);
            let listed = || self.evidence.conflicts.iter().any(about);
            self.host.get(&deleted.identity).is_some_and(|row| row.tag == deleted.tag) && !listed()
        });
        lost.map(|deleted| {
            format!("DELETE LOST {:?} ({}) deleted at {}", deleted.identity, deleted.tag, self.evidence.sites[deleted.site].0)
        })
        .collect()
    }
}

/// Invariant 7; names of tables and columns, and numbers, are what they were when it was told.
fn losers_are_told(evidence: &Evidence<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for listed in &evidence.conflicts {
        let Some(site) = listed.loser_site.as_ref().and_then(|name| evidence.sites.iter().position(|site| site.0 == name)) else {
            continue;
        };
        let told = |other: &&Listed| other.site == site && (&other.kind, &other.losers) == (&listed.kind, &listed.losers);
        if evidence.conflicts.iter().find(told).is_none() {
            wrong.push(format!("NOT TOLD {}: {listed:?}", evidence.sites[site].0));
        }
    }
    wrong
}
