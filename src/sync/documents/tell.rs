//! Which contents does a neighbour lack?
//!
//! It has what it told of, what it was sent, and what the ledger says of both (`document_there`), written in the commit of the build: what is in
//! a packet of a stream comes, in order, once. So a content is told once per neighbour: its recipe (against that of a version the neighbour has),
//! and the chunks of it that are in no content the neighbour has. Where that guess is wrong, because the neighbour edited what it
//! had, it asks.
//!
//! What is missing here is asked of one neighbour that lists it at a time, and of each in its turn: who lists a content may have lost it as
//! well, and answers nothing. Who was asked is not taken to have it any more: once another one gave it, it hears of which chunks it is made, and
//! asks for those it lacks.
//!
//! Upwards every content goes that is in the folder or the list, also of an edit that lost: see [`super::place`]. Downwards what the list
//! says and the neighbour's groups get. A document that is only too large for them is in the list there all the same: else a site would work
//! on with an older version, and never hear of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use fs_err as fs;

use super::take::{MOST_WANTED, More, Wanted, more_comes};
use super::{Chunks, Known, patterns, switch};
use crate::database::DocumentRow;
use crate::ledger::{ASKED, ContentHash, Missing, Neighbour, NeighbourKind, Opinion, SiteThere, WHOLE, is_whole};
use crate::library::{ChunkId, ChunkStore, ContentId, DocumentPath, Library, PackWriter, Patterns, Recipe, Verdict};
use crate::model::{Key, LIBRARY, Row, Value};
use crate::packet::{Part, PartSource};
use crate::rules::library::Choice;
use crate::sync::known::{self, Link};
use crate::sync::{Result, Session, SyncError, roster};

/// The part with recipes, a line each.
pub(super) const RECIPES: &str = "documents/recipes.jsonl";
/// The part with what is asked for.
pub(super) const WANTED: &str = "documents/wanted.json";
/// The part in which a site without children says what it leaves out itself: that is not sent to it.
pub(super) const CHOICE: &str = "documents/choice.json";
/// The part that says whether more is to come.
pub(super) const MORE: &str = "documents/state.json";

/// Most chunks that one packet asks for by name.
const MOST_CHUNKS: usize = 50_000;

/// Most chunks in the recipes of one packet; the largest document stays below it.
pub(super) const MOST_TOLD_CHUNKS: usize = Recipe::MAX_CHUNKS;

/// What is to be told to one neighbour, in one build.
pub(in crate::sync) struct Telling<'s> {
    session: &'s Session,
    to: &'s Neighbour,
    library: Library,
    store: ChunkStore,
    listed: BTreeMap<DocumentPath, DocumentRow>,
    there: SiteThere,
    wanted: BTreeMap<ContentHash, BTreeSet<ContentHash>>,
    /// Contents to tell, in order.
    queue: VecDeque<ContentHash>,
    /// Chunks told in this build.
    told: BTreeSet<ChunkId>,
    /// Bytes told in this build.
    spent: u64,
    /// Packs made.
    packs: usize,
    /// Chunks in the recipes of the pack that is being made.
    recipe_chunks: usize,
    /// Some are left for another build, or not here yet.
    left: bool,
}

/// What became of one content.
enum Told {
    Whole,
    /// The packet is full; it goes on with the next.
    Part,
    /// Something of it is not here.
    Lacking,
}

impl<'s> Telling<'s> {
    /// None where there is no library, or its folder is away, or another's.
    pub(in crate::sync) fn new(session: &'s Session, to: &'s Neighbour) -> Result<Option<Self>> {
        if !session.has_library() || !session.ledger.has_documents()? {
            return Ok(None);
        }
        let Ok(library) = Library::look(&session.library_folder()) else { return Ok(None) };
        if !switch::is_ours(session, &library)? {
            return Ok(None);
        }
        let listed = session.listed(&mut BTreeMap::new())?;
        let there = session.ledger.there(to.site)?;
        let wanted = session.ledger.wanted_by(to.site)?;
        let choices = session.choices_of(to)?;
        let own = session.own_choice_of(to)?;
        let mut sizes: BTreeMap<ContentHash, u64> = BTreeMap::new();
        for (path, row) in &listed {
            let is_theirs = own.takes(path, row.bytes) == Verdict::Take;
            if is_theirs && choices.as_ref().is_none_or(|choices| verdict(choices, path, row.bytes) == Verdict::Take) {
                sizes.insert(row.content, row.bytes);
            }
        }
        if to.kind == NeighbourKind::Parent {
            for known in session.all_known()?.values() {
                sizes.insert(known.seen.content.0, known.seen.bytes);
            }
        }
        sizes.retain(|content, _| !is_whole(&there, content) || wanted.contains_key(content));
        let mut queue: Vec<(u64, ContentHash)> = sizes.into_iter().map(|(content, bytes)| (bytes, content)).collect();
        queue.sort_unstable();
        Ok(Some(Self {
            session,
            to,
            library,
            store: ChunkStore::open(&session.chunk_folder())?,
            listed,
            there,
            wanted,
            queue: queue.into_iter().map(|(_, content)| content).collect(),
            told: BTreeSet::new(),
            spent: 0,
            packs: 0,
            recipe_chunks: 0,
            left: false,
        }))
    }

    /// The next packet's worth of contents; none where all is told, or as much as the budget allows.
    pub(in crate::sync) fn pack(&mut self) -> Result<Option<Vec<Part>>> {
        let budget = match self.session.settings.library.before_rows {
            true => u64::MAX,
            false => self.session.settings.library.budget,
        };
        if self.queue.is_empty() {
            return Ok(None);
        }
        if self.spent >= budget {
            self.left = true;
            return Ok(None);
        }
        self.packs += 1;
        self.recipe_chunks = 0;
        let scratch = self.session.home.scratch();
        let file = |what: &str| scratch.join(format!("{what}-{}-{}", self.to.card.name, self.packs));
        let (frames, index, lines) = (file("chunks"), file("chunks-index"), file("recipes"));
        let mut pack = PackWriter::create(&frames, &index)?;
        let mut recipes = Vec::new();
        let most = self.session.limits.document_packet_bytes.min(budget - self.spent);
        while let Some(content) = self.queue.front().copied() {
            match self.tell(&content, &mut pack, &mut recipes, most)? {
                Told::Whole => {}
                Told::Lacking => {
                    // What a site without children leaves out never comes to it.
                    self.left |= self.to.kind == NeighbourKind::Child || self.session.passes_on();
                    self.miss(&content)?;
                }
                Told::Part => break,
            }
            self.queue.pop_front();
            if pack.bytes() >= most || recipes.len() as u64 >= most {
                break;
            }
        }
        let bytes = pack.finish()?;
        self.spent += bytes.max(1);
        let mut parts = Vec::new();
        if !recipes.is_empty() {
            fs::write(&lines, &recipes)?;
            parts.push(Part { name: RECIPES.into(), source: PartSource::File(lines) });
        }
        if bytes > 0 {
            parts.push(Part { name: PackWriter::INDEX.into(), source: PartSource::File(index) });
            parts.push(Part { name: PackWriter::FRAMES.into(), source: PartSource::File(frames) });
        }
        if parts.is_empty() {
            // Nothing of what is left is here: the rest of the queue was looked at as well.
            return Ok(None);
        }
        Ok(Some(parts))
    }

    /// What a site below is to get and this one has not either is asked for further on, also where it is not for this folder.
    fn miss(&self, content: &ContentHash) -> Result<()> {
        let ledger = &self.session.ledger;
        if self.to.kind == NeighbourKind::Child && !ledger.missing()?.contains_key(content) {
            ledger.set_missing(content, Missing { since: self.session.world.now(), asked: None, here: 0 })?;
        }
        Ok(())
    }

    /// Tells what a neighbour lacks of one content.
    fn tell(&mut self, content: &ContentHash, pack: &mut PackWriter, recipes: &mut Vec<u8>, most: u64) -> Result<Told> {
        let session = self.session;
        let Some(recipe) = session.recipe(content)? else { return Ok(Told::Lacking) };
        let wanted = self.wanted.get(content).cloned();
        let begun = self.there.get(content).copied().filter(|place| ![WHOLE, ASKED].contains(place)).unwrap_or_default();
        let (mut lacking, base) = self.lacking(&recipe, wanted.as_ref())?;
        let mut chunks = Chunks::new(session, &self.library, &mut self.store);
        for chunk in &lacking {
            if !chunks.has(chunk)? {
                return Ok(Told::Lacking);
            }
        }
        if self.there.get(content) == Some(&ASKED) && wanted.is_none() {
            // It may have it all the same: where it does not, it asks, now that it hears that the content is here.
            lacking.clear();
        }
        let before = (recipes.len(), self.recipe_chunks, self.told.len());
        if begun == 0 {
            if self.recipe_chunks > 0 && self.recipe_chunks + recipe.chunks.len() > MOST_TOLD_CHUNKS {
                return Ok(Told::Part);
            }
            self.recipe_chunks += recipe.chunks.len();
            let base = base.map(|base| session.recipe(&base)).transpose()?.flatten().filter(|_| wanted.is_none());
            let line = serde_json::to_vec(&recipe.told(base.as_ref())).map_err(|_| SyncError::Bug("a recipe does not write"))?;
            recipes.extend(line);
            recipes.push(b'\n');
        }
        for (place, (chunk, _)) in (0i64..).zip(&recipe.chunks) {
            if place < begun || !lacking.contains(chunk) || self.told.contains(chunk) {
                continue;
            }
            let Some(bytes) = chunks.get(chunk)? else {
                // The file was edited since it was looked at: what was told of it is enough to go on from here. The recipe alone would be answered
                // by a question, without end.
                if self.told.len() == before.2 {
                    recipes.truncate(before.0);
                    self.recipe_chunks = before.1;
                } else {
                    self.put_there(content, place)?;
                }
                return Ok(Told::Lacking);
            };
            pack.put(*chunk, &bytes)?;
            self.told.insert(*chunk);
            if pack.bytes() >= most {
                self.put_there(content, place + 1)?;
                return Ok(Told::Part);
            }
        }
        session.ledger.drop_wanted(self.to.site, content)?;
        self.put_there(content, WHOLE)?;
        Ok(Told::Whole)
    }

    fn put_there(&mut self, content: &ContentHash, place: i64) -> Result<()> {
        self.there.insert(*content, place);
        Ok(self.session.ledger.put_there(self.to.site, content, place)?)
    }

    /// The chunks of a content that the neighbour is thought to lack, and the content that it has which shares most with it.
    fn lacking(&self, recipe: &Recipe, wanted: Option<&BTreeSet<ContentHash>>) -> Result<(BTreeSet<ChunkId>, Option<ContentHash>)> {
        if let Some(wanted) = wanted {
            // It asks for what it needs by name once it knows of which chunks it is made.
            let named = recipe.chunks.iter().map(|(chunk, _)| *chunk).filter(|chunk| wanted.contains(&chunk.0)).collect();
            return Ok((named, None));
        }
        let mut lacking = BTreeSet::new();
        let mut shared: BTreeMap<ContentHash, usize> = BTreeMap::new();
        for (chunk, _) in &recipe.chunks {
            let mut has = false;
            for content in self.session.ledger.contents_with(&chunk.0)? {
                if content != recipe.content.0 && is_whole(&self.there, &content) {
                    *shared.entry(content).or_default() += 1;
                    has = true;
                }
            }
            if !has {
                lacking.insert(*chunk);
            }
        }
        let base = shared.into_iter().max_by_key(|(_, count)| *count).map(|(content, _)| content);
        Ok((lacking, base))
    }

    /// What else is to be said: whether more is to come, and what is asked for. `told` is what the neighbour knows.
    pub(in crate::sync) fn finish(mut self, told: &mut BTreeMap<String, String>) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let bytes = |value: serde_json::Result<Vec<u8>>| value.map(PartSource::Bytes).map_err(|_| SyncError::Bug("a part does not write"));
        let more = self.left || !self.queue.is_empty();
        let state = if more { "more" } else { "whole" };
        if told.get(MORE).map_or("whole", String::as_str) != state {
            told.insert(MORE.into(), state.into());
            parts.push(Part { name: MORE.into(), source: bytes(serde_json::to_vec(&More { more }))? });
        }
        if self.to.kind == NeighbourKind::Parent {
            let choice = self.session.own_choice()?;
            if told.get(CHOICE).map_or("{}", String::as_str) != choice {
                told.insert(CHOICE.into(), choice.clone());
                parts.push(Part { name: CHOICE.into(), source: PartSource::Bytes(choice.into()) });
            }
        }
        let wanted = self.wants()?;
        if !wanted.is_empty() {
            parts.push(Part { name: WANTED.into(), source: bytes(serde_json::to_vec(&wanted))? });
        }
        if !more && self.packs > 0 {
            self.forget_unlisted()?;
        }
        Ok(parts)
    }

    /// What the neighbour has and nobody lists any more is of no use for later documents.
    fn forget_unlisted(&self) -> Result<()> {
        let mut used: BTreeSet<ContentHash> = self.listed.values().map(|row| row.content).collect();
        used.extend(self.session.all_known()?.values().map(|known| known.seen.content.0));
        used.extend(self.session.lost_contents()?);
        let unused = self.there.keys().filter(|content| !used.contains(*content));
        unused.into_iter().try_for_each(|content| Ok(self.session.ledger.drop_there(self.to.site, content)?))
    }

    /// Contents that are missing here, that the neighbour has, and that it will not send unasked.
    fn wants(&mut self) -> Result<Vec<Wanted>> {
        let session = self.session;
        let missing = session.ledger.missing()?;
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let now = session.world.now();
        let comes = more_comes(session, self.to)?;
        let long_ago = |time: crate::model::Millis| time.is_past(session.limits.redeposit_millis, now);
        let is_due = |missing: &Missing| missing.asked.map_or(!comes || long_ago(missing.since), long_ago);
        let mut wanted = Vec::new();
        let mut chunks_named = 0;
        for (content, missing) in missing.into_iter().filter(|(_, missing)| is_due(missing)) {
            // Who asks for it has it no more, whatever it lists: somebody else may.
            let asks_too = self.wanted.contains_key(&content);
            if wanted.len() >= MOST_WANTED || chunks_named >= MOST_CHUNKS || asks_too || !self.lists(self.to, &content)? {
                continue;
            }
            if self.there.get(&content) == Some(&ASKED) && !self.begins_anew(&content)? {
                continue;
            }
            let mut chunks = BTreeSet::new();
            if let Some(recipe) = session.recipe(&content)? {
                let mut here = Chunks::new(session, &self.library, &mut self.store);
                for (chunk, _) in &recipe.chunks {
                    if !here.has(chunk)? {
                        chunks.insert(*chunk);
                    }
                }
                if chunks.is_empty() {
                    chunks.extend(here.unreadable(&recipe)?.into_keys());
                }
                if chunks.is_empty() {
                    continue;
                }
            }
            chunks_named += chunks.len();
            wanted.push(Wanted { content: ContentId(content), chunks });
            session.ledger.set_missing(&content, Missing { asked: Some(now), ..missing })?;
            self.put_there(&content, ASKED)?;
        }
        Ok(wanted)
    }

    /// Whether everybody was asked for a content who may have it: then each may be asked again. Not while one was not asked.
    fn begins_anew(&self, content: &ContentHash) -> Result<bool> {
        let ledger = &self.session.ledger;
        let mut others = Vec::new();
        for other in ledger.neighbours()?.iter().filter(|other| other.site != self.to.site) {
            if ledger.wanted_by(other.site)?.contains_key(content) || !self.lists(other, content)? {
                continue;
            }
            if ledger.place_there(other.site, content)? != Some(ASKED) {
                return Ok(false);
            }
            others.push(other.site);
        }
        others.into_iter().try_for_each(|other| ledger.drop_there(other, content))?;
        Ok(true)
    }

    /// Whether a neighbour lists a document of this content.
    fn lists(&self, neighbour: &Neighbour, content: &ContentHash) -> Result<bool> {
        let session = self.session;
        let Some(shape) = session.shapes.iter().find(|shape| shape.name == LIBRARY) else { return Ok(false) };
        let Some(field) = shape.field("content") else { return Ok(false) };
        let link = Link::from(neighbour);
        for (path, _) in self.listed.iter().filter(|(_, row)| row.content == *content) {
            let Ok(key) = Key::new([&Value::text(path.as_str())]) else { continue };
            let record = session.load(shape.number, &key)?;
            if let Opinion::Known(Some(image)) = known::opinion(&session.ledger, &record, link)?
                && *image.row.get(field) == Value::Blob(content.as_slice().into())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// That a neighbour is told more with the next rounds, in words, where it was told contents in this one.
pub(in crate::sync) fn rest(session: &Session, to: &Neighbour, contents: bool) -> Result<Option<String>> {
    let more = contents && session.ledger.neighbour(to.site)?.told_documents.get(MORE).is_some_and(|state| state == "more");
    Ok(more.then(|| format!("More contents of documents for '{}' follow with the next runs.", to.card.name)))
}

/// The note of what a child leaves out.
pub(super) fn choice_note(of: &Neighbour) -> String {
    format!("documents left out:{}", of.card.name)
}

/// What several choices say of a document, any of which may take it. Excluded where there is none.
fn verdict(choices: &[Patterns], path: &DocumentPath, bytes: u64) -> Verdict {
    let kindness = |verdict: &Verdict| match verdict {
        Verdict::Excluded => None,
        Verdict::TooLarge(largest) => Some(*largest),
        Verdict::Take => Some(u64::MAX),
    };
    choices.iter().map(|patterns| patterns.takes(path, bytes)).max_by_key(kindness).unwrap_or(Verdict::Excluded)
}

/// What of the list is for the folder of this site.
pub(super) struct Choices {
    own: Patterns,
    groups: Vec<Patterns>,
}

impl Choices {
    /// By what this site chooses, and the sizes that its groups get.
    pub(super) fn of(session: &Session, own: Patterns) -> Result<Self> {
        if session.passes_on() || session.rules.library().groups.is_empty() {
            return Ok(Self { own, groups: Vec::new() });
        }
        let known = roster::known(session)?;
        let groups = known.find(session.name()).map(|site| session.choices_in(&site.groups)).transpose()?.flatten();
        Ok(Self { own, groups: groups.unwrap_or_default() })
    }

    /// What they say of a document of the list. One that is here is not too large for a group: it was made here.
    pub(super) fn say(&self, path: &DocumentPath, row: &DocumentRow, known: Option<&Known>) -> Verdict {
        let own = self.own.takes(path, row.bytes);
        if own != Verdict::Take || known.is_some_and(|known| known.has_content_of(row)) {
            return own;
        }
        match verdict(&self.groups, path, row.bytes) {
            Verdict::TooLarge(largest) => Verdict::TooLarge(largest),
            // Somebody cleared it away that got it once, and nobody sends it again.
            Verdict::Excluded if known.is_none() && !self.groups.is_empty() => Verdict::Excluded,
            Verdict::Take | Verdict::Excluded => Verdict::Take,
        }
    }

    /// Whether the groups of this site do not get a document.
    pub(super) fn groups_leave_out(&self, path: &DocumentPath, bytes: u64) -> bool {
        !self.groups.is_empty() && verdict(&self.groups, path, bytes) != Verdict::Take
    }
}

impl Session {
    /// What this site leaves out, as it tells its parent. An office leaves out nothing: its children may want it.
    fn own_choice(&self) -> Result<String> {
        let choice = if self.passes_on() { Choice::default() } else { self.settings.library.choice.clone() };
        serde_json::to_string(&choice).map_err(|_| SyncError::Bug("a choice does not write"))
    }

    /// What a child said that it takes; everything where it said nothing.
    fn own_choice_of(&self, to: &Neighbour) -> Result<Patterns> {
        let said = self.ledger.note(&choice_note(to))?.unwrap_or_default();
        // It was read before it was noted.
        serde_json::from_str(&said).map_or_else(|_| Ok(Patterns::default()), |choice| patterns(&choice))
    }

    /// What a neighbour gets of documents by its groups; none where everything.
    pub(in crate::sync) fn choices_of(&self, to: &Neighbour) -> Result<Option<Vec<Patterns>>> {
        let groups = &self.rules.library().groups;
        if to.kind == NeighbourKind::Parent || to.card.role == "office" {
            return Ok(None);
        }
        let known = roster::known(self)?;
        // Of a site that is in no list nobody knows the groups: it may be of one that gets little.
        let Some(site) = known.find(&to.card.name).filter(|site| site.parent.as_ref() == Some(self.name())) else {
            return Ok(if groups.is_empty() { None } else { Some(Vec::new()) });
        };
        self.choices_in(&site.groups)
    }

    /// What sites of these groups get of documents; none where everything.
    fn choices_in(&self, of: &BTreeSet<String>) -> Result<Option<Vec<Patterns>>> {
        let groups = &self.rules.library().groups;
        let choices: Vec<Patterns> = of.iter().filter_map(|group| groups.get(group)).map(patterns).collect::<Result<_>>()?;
        Ok((!choices.is_empty()).then_some(choices))
    }
}

impl Session {
    /// Whether a neighbour's groups get the document of this row, or would if it were smaller. What is no document is for everybody: nobody places it.
    pub(in crate::sync) fn gets_document(&self, link: Link, row: &Row) -> Result<bool> {
        if link.kind == NeighbourKind::Parent {
            return Ok(true);
        }
        if !self.policies.documents.borrow().contains_key(&link.site) {
            let choices = self.choices_of(&self.ledger.neighbour(link.site)?)?;
            self.policies.documents.borrow_mut().insert(link.site, choices);
        }
        let all = self.policies.documents.borrow();
        let Some(Some(choices)) = all.get(&link.site) else { return Ok(true) };
        let Some(shape) = self.shapes.iter().find(|shape| shape.name == LIBRARY) else { return Ok(true) };
        let value = |name: &str| shape.field(name).map(|field| row.get(field));
        let (Some(Value::Text(path)), Some(Value::Integer(bytes))) = (value("path"), value("bytes")) else { return Ok(true) };
        let path = std::str::from_utf8(path).ok().and_then(|path| DocumentPath::new(path).ok());
        Ok(path.is_none_or(|path| verdict(choices, &path, bytes.cast_unsigned()) != Verdict::Excluded))
    }
}
