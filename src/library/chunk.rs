//! Cuts documents into chunks, and says of which chunks a document is made.
//!
//! Where a chunk ends is decided by the bytes before it (content-defined chunking), so an insertion moves no border but the next ones.
//! Small chunks make small edits cheap and long lists; documents of a size get chunks of a size, so that the list stays below two per
//! cent of the document and an edit costs about two chunks.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// blake3 hash of a whole document. In text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentId(pub [u8; 32]);

/// blake3 hash of a chunk, unpacked. In text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChunkId(pub [u8; 32]);

macro_rules! hex_id {
    ($name:ident) => {
        impl $name {
            /// The hash of these bytes.
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(blake3::hash(bytes).into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
                bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or_else(|| format!("`{text}` is no hash"))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

hex_id!(ContentId);
hex_id!(ChunkId);

/// How large the chunks of a document are: FastCDC of 2020 with normalized chunking of level 1 and the usual gear table, a quarter to four
/// times the average (Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based Storage Systems").
///
/// In packets and ledgers the average in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Cut {
    /// Its place in [`Cut::CLASSES`].
    class: usize,
}

impl Cut {
    /// From how many bytes on a document is cut how coarsely: first size, average chunk.
    const CLASSES: [(u64, u32); 4] = [(0, 2 << 10), (1 << 20, 8 << 10), (64 << 20, 32 << 10), (4 << 30, 256 << 10)];
    /// The longest chunk there is.
    pub const LONGEST: u32 = 1 << 20;

    /// How to cut a document of `bytes`; `before` is how its last version was cut. A document that grows or shrinks past a border is cut
    /// as before: cut otherwise it would travel whole.
    #[must_use]
    pub fn of(bytes: u64, before: Option<Self>) -> Self {
        let class = Self::CLASSES.iter().rposition(|(from, _)| bytes >= *from).unwrap_or_default();
        before.filter(|before| before.class.abs_diff(class) <= 1).unwrap_or(Self { class })
    }

    /// Average length of a chunk, in bytes.
    #[must_use]
    pub const fn average(self) -> u32 {
        Self::CLASSES[self.class].1
    }

    /// Shortest chunk that is not the last of its document.
    #[must_use]
    pub const fn shortest(self) -> u32 {
        self.average() / 4
    }

    /// Longest chunk.
    #[must_use]
    pub const fn longest(self) -> u32 {
        self.average() * 4
    }
}

impl TryFrom<u32> for Cut {
    type Error = String;
    fn try_from(average: u32) -> Result<Self, String> {
        let class = Self::CLASSES.iter().position(|(_, known)| *known == average);
        class.map(|class| Self { class }).ok_or_else(|| format!("no documents are cut into chunks of {average} bytes"))
    }
}

impl From<Cut> for u32 {
    fn from(cut: Cut) -> Self {
        cut.average()
    }
}

/// Reads documents: hash of the whole and chunks, in one pass and bounded memory.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// Kept from document to document.
    buffer: Vec<u8>,
}

impl Cutter {
    /// At least two of the longest chunks.
    const BUFFER_BYTES: usize = 2 << 20;

    /// Reads to the end. `go_on` is asked now and then.
    pub fn read<E: From<io::Error>>(
        &mut self,
        document: &mut impl Read,
        cut: Cut,
        go_on: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Recipe, E> {
        self.buffer.resize(Self::BUFFER_BYTES, 0);
        let (shortest, average, longest) = (cut.shortest() as usize, cut.average() as usize, cut.longest() as usize);
        let (short, long) = fastcdc::v2020::select_masks(average, fastcdc::v2020::Normalization::Level1);
        let mut whole = blake3::Hasher::new();
        let mut chunks = Vec::new();
        let (mut start, mut end, mut over) = (0, 0, false);
        loop {
            if !over && end - start < longest {
                go_on()?;
                self.buffer.copy_within(start..end, 0);
                (start, end) = (0, end - start);
                let filled = fill(document, &mut self.buffer[end..])?;
                whole.update(&self.buffer[end..end + filled]);
                over = end + filled < self.buffer.len();
                end += filled;
            }
            if start == end {
                break;
            }
            let ready = &self.buffer[start..end];
            let (_, length) = fastcdc::v2020::cut(ready, shortest, average, longest, short, long, short << 1, long << 1);
            // A document of one chunk need not be hashed twice.
            let only = over && chunks.is_empty() && start + length == end;
            let id = if only { ChunkId(whole.finalize().into()) } else { ChunkId::of(&ready[..length]) };
            chunks.push((id, u32::try_from(length).expect("a chunk is no longer than a buffer")));
            start += length;
        }
        Ok(Recipe { content: ContentId(whole.finalize().into()), cut, chunks })
    }
}

/// Reads until the buffer is full or nothing is left.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Of which chunks a document is made, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The document.
    pub content: ContentId,
    /// How it was cut.
    pub cut: Cut,
    /// Its chunks and their lengths. None for an empty document.
    pub chunks: Vec<(ChunkId, u32)>,
}

/// A recipe as it travels (a line of `documents/recipes.jsonl`): against that of a version the receiver has, so that it is as long as the edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The document.
    pub content: ContentId,
    /// How it was cut.
    pub cut: Cut,
    /// The version it is told against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ContentId>,
    /// Its chunks, in order.
    chunks: Vec<Step>,
}

/// Some chunks of a recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Step {
    /// As in the base: from which chunk on (counted from 0), how many.
    Kept(u32, u32),
    /// A chunk and its length.
    Chunk(ChunkId, u32),
}

/// Why a recipe that came is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeFault {
    /// The recipe it is told against is not here.
    #[error("the version that document {content} is told against is not known here")]
    Base {
        /// The document.
        content: ContentId,
    },
    /// It keeps chunks that the base does not have.
    #[error("the recipe of document {content} names chunks that its base does not have")]
    Kept {
        /// The document.
        content: ContentId,
    },
    /// A chunk is empty or too long, or there are too many.
    #[error("the recipe of document {content} is beyond what a document may have")]
    Limit {
        /// The document.
        content: ContentId,
    },
}

impl Recipe {
    /// The most chunks a document may have.
    pub const MAX_CHUNKS: usize = 1 << 22;
    /// The largest document: its chunks stay below [`Self::MAX_CHUNKS`] even where all of them are the shortest.
    pub const LARGEST_DOCUMENT: u64 = (1 << 22) * (8 << 10);
    const BYTES_PER_CHUNK: usize = 36;

    /// Length of the document.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.iter().map(|(_, length)| u64::from(*length)).sum()
    }

    /// The chunks with their places in the document.
    pub fn places(&self) -> impl Iterator<Item = (ChunkId, u64, u32)> {
        let mut offset = 0;
        self.chunks.iter().map(move |(id, length)| {
            let place = (*id, offset, *length);
            offset += u64::from(*length);
            place
        })
    }

    /// As bytes for a ledger: the cut, then hash and length of every chunk; numbers of four bytes, the lowest first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 + self.chunks.len() * Self::BYTES_PER_CHUNK);
        bytes.extend(self.cut.average().to_le_bytes());
        for (id, length) in &self.chunks {
            bytes.extend(id.0);
            bytes.extend(length.to_le_bytes());
        }
        bytes
    }

    /// Back from [`Self::to_bytes`]; `None` for anything else.
    #[must_use]
    pub fn from_bytes(content: ContentId, bytes: &[u8]) -> Option<Self> {
        let (average, chunks) = bytes.split_first_chunk()?;
        let cut = Cut::try_from(u32::from_le_bytes(*average)).ok()?;
        let (chunks, rest) = chunks.as_chunks::<{ Self::BYTES_PER_CHUNK }>();
        let chunk = |chunk: &[u8; Self::BYTES_PER_CHUNK]| {
            let (id, length) = chunk.split_first_chunk()?;
            Some((ChunkId(*id), u32::from_le_bytes(length.try_into().ok()?)))
        };
        let chunks = chunks.iter().map(chunk).collect::<Option<_>>()?;
        rest.is_empty().then_some(Self { content, cut, chunks })
    }

    /// As it travels to a neighbour that has `base`, or has no earlier version.
    #[must_use]
    pub fn told(&self, base: Option<&Self>) -> Told {
        let known = base.map(|base| &base.chunks[..]).unwrap_or_default();
        let mut places = HashMap::new();
        for (place, chunk) in known.iter().enumerate() {
            places.entry(*chunk).or_insert(place);
        }
        let (mut steps, mut next) = (Vec::new(), None);
        for chunk in &self.chunks {
            // Where the base goes on in the same way that is the shortest to say, also where the chunk is in it more than once.
            let goes_on = next.filter(|next| known.get(*next) == Some(chunk));
            let place = goes_on.or_else(|| places.get(chunk).copied());
            match (steps.last_mut(), place.and_then(|place| u32::try_from(place).ok())) {
                (Some(Step::Kept(_, count)), Some(_)) if goes_on.is_some() => *count += 1,
                (_, Some(place)) => steps.push(Step::Kept(place, 1)),
                (_, None) => steps.push(Step::Chunk(chunk.0, chunk.1)),
            }
            next = place.map(|place| place + 1);
        }
        let base = base.filter(|_| steps.iter().any(|step| matches!(step, Step::Kept(..)))).map(|base| base.content);
        Told { content: self.content, cut: self.cut, base, chunks: steps }
    }
}

impl Told {
    /// The recipe, where that of [`Told::base`] is given.
    ///
    /// # Errors
    /// [`RecipeFault`]; nothing of it may be used then.
    pub fn read(&self, base: Option<&Recipe>) -> Result<Recipe, RecipeFault> {
        let content = self.content;
        let known = match (self.base, base) {
            (None, _) => &[][..],
            (Some(id), Some(base)) if base.content == id => &base.chunks,
            (Some(_), _) => return Err(RecipeFault::Base { content }),
        };
        let mut chunks = Vec::new();
        for step in &self.chunks {
            match step {
                Step::Kept(from, count) => {
                    let (from, count) = (*from as usize, *count as usize);
                    let kept = from.checked_add(count).and_then(|end| known.get(from..end)).filter(|kept| !kept.is_empty());
                    let kept = kept.ok_or(RecipeFault::Kept { content })?;
                    hold(content, chunks.len() + kept.len() <= Recipe::MAX_CHUNKS)?;
                    chunks.extend_from_slice(kept);
                }
                Step::Chunk(id, length) => {
                    hold(content, (1..=Cut::LONGEST).contains(length) && chunks.len() < Recipe::MAX_CHUNKS)?;
                    chunks.push((*id, *length));
                }
            }
        }
        Ok(Recipe { content, cut: self.cut, chunks })
    }
}

fn hold(content: ContentId, held: bool) -> Result<(), RecipeFault> {
    if held { Ok(()) } else { Err(RecipeFault::Limit { content }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that repeat nothing.
    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn recipe(mut bytes: &[u8]) -> Recipe {
        let cut = Cut::of(bytes.len() as u64, None);
        Cutter::default().read::<io::Error>(&mut bytes, cut, &mut || Ok(())).unwrap()
    }

    /// Gives a few bytes at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(7001).min(self.0.len());
            let (now, later) = self.0.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.0 = later;
            Ok(length)
        }
    }

    #[test]
    fn a_recipe_has_all_bytes_in_order_however_they_are_read() {
        for length in [0, 1, 1023, 1024, 16_384, 100_000, 1 << 20, (1 << 20) + 1, 5_000_000] {
            let bytes = noise(length, 1);
            let recipe = recipe(&bytes);
            assert_eq!((recipe.content, recipe.bytes()), (ContentId::of(&bytes), length as u64));
            for (id, offset, length) in recipe.places() {
                let at = usize::try_from(offset).unwrap();
                assert_eq!(ChunkId::of(&bytes[at..at + length as usize]), id);
                assert!(length <= recipe.cut.longest());
            }
            let slowly = Cutter::default().read::<io::Error>(&mut Trickle(&bytes), recipe.cut, &mut || Ok(())).unwrap();
            assert_eq!(slowly, recipe);
            assert_eq!(Recipe::from_bytes(recipe.content, &recipe.to_bytes()).unwrap(), recipe);
            assert_eq!(recipe.told(None).read(None).unwrap(), recipe);
        }
    }

    /// The borders are part of the format: other borders would send every document again.
    #[test]
    fn the_borders_stay_where_they_were() {
        let recipe = recipe(&noise(100_000, 2));
        let lengths: Vec<u32> = recipe.chunks.iter().map(|(_, length)| *length).collect();
        assert_eq!(lengths[..6], BORDERS, "{lengths:?}");
        let average = lengths.iter().sum::<u32>() as usize / lengths.len();
        assert!((1500..3500).contains(&average), "{average}");
    }

    const BORDERS: [u32; 6] = [2670, 2125, 2635, 1881, 2864, 1291];

    #[test]
    fn an_insertion_costs_a_few_chunks_and_its_recipe_is_as_long() {
        let before = noise(3_000_000, 3);
        let mut after = before.clone();
        after.splice(1_234_567..1_234_567, *b"a few new words");
        let (before, after) = (recipe(&before), recipe(&after));
        let known: std::collections::BTreeSet<_> = before.chunks.iter().collect();
        let new = after.chunks.iter().filter(|chunk| !known.contains(chunk)).count();
        assert!((1..=3).contains(&new), "{new} of {}", after.chunks.len());
        let told = after.told(Some(&before));
        let text = serde_json::to_string(&told).unwrap();
        assert!(text.len() < 600, "{text}");
        let back: Told = serde_json::from_str(&text).unwrap();
        assert_eq!(back.read(Some(&before)).unwrap(), after);
        assert_eq!(back.read(None), Err(RecipeFault::Base { content: after.content }));
        assert_eq!(back.read(Some(&after)), Err(RecipeFault::Base { content: after.content }));
    }

    #[test]
    fn what_repeats_is_told_in_runs() {
        let block = noise(200_000, 4);
        let (once, thrice) = (recipe(&block), recipe(&block.repeat(3)));
        assert_eq!(thrice.told(Some(&once)).read(Some(&once)).unwrap(), thrice);
        assert_eq!(thrice.told(Some(&thrice)).chunks, [Step::Kept(0, u32::try_from(thrice.chunks.len()).unwrap())]);
        assert_eq!(once.told(Some(&recipe(&noise(200_000, 5)))).base, None);
    }

    #[test]
    fn a_document_that_grows_is_cut_as_before_until_that_is_far_off() {
        let fine = Cut::of(1000, None);
        assert_eq!(fine.average(), 2048);
        assert_eq!(Cut::of(2 << 20, Some(fine)), fine);
        assert_eq!(Cut::of(2 << 20, None).average(), 8 << 10);
        assert_eq!(Cut::of(100 << 20, Some(fine)).average(), 32 << 10);
        assert_eq!(Cut::of(u64::MAX, None).longest(), Cut::LONGEST);
        assert!(serde_json::from_str::<Cut>("2049").is_err() && serde_json::from_str::<Cut>("0").is_err());
        assert_eq!(serde_json::from_str::<Cut>("2048").unwrap(), fine);
        let largest = Recipe::LARGEST_DOCUMENT;
        for before in [None, Some(fine), Some(Cut::of(largest / 100, None))] {
            assert!(largest / u64::from(Cut::of(largest, before).shortest()) <= Recipe::MAX_CHUNKS as u64);
        }
    }

    /// One fault each.
    #[test]
    fn recipes_that_are_out_of_bounds_are_refused() {
        let base = recipe(&noise(20_000, 6));
        let count = base.chunks.len();
        let (content, id) = (base.content, base.chunks[0].0);
        let read = |chunks: &str| {
            let json = format!("{{\"content\":\"{content}\",\"cut\":2048,\"base\":\"{content}\",\"chunks\":{chunks}}}");
            serde_json::from_str::<Told>(&json).map(|told| told.read(Some(&base)))
        };
        assert_eq!(read(&format!("[[0,{count}]]")).unwrap().unwrap(), base);
        for kept in [format!("[[0,{}]]", count + 1), format!("[[{count},1]]"), "[[4294967295,4294967295]]".into(), "[[0,0]]".into()] {
            assert_eq!(read(&kept).unwrap(), Err(RecipeFault::Kept { content }), "{kept}");
        }
        for limit in [format!("[[\"{id}\",0]]"), format!("[[\"{id}\",{}]]", Cut::LONGEST + 1)] {
            assert_eq!(read(&limit).unwrap(), Err(RecipeFault::Limit { content }), "{limit}");
        }
        for bad in ["[[-1,1]]", "[[0]]", "[[\"ab\",1]]", "[[0,1,2]]", "{}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        // Small on the way, large in memory.
        let many = Recipe { content, cut: base.cut, chunks: vec![(id, 1); 1000] };
        let bomb = Told { content, cut: base.cut, base: Some(content), chunks: vec![Step::Kept(0, 1000); Recipe::MAX_CHUNKS / 1000 + 1] };
        assert_eq!(bomb.read(Some(&many)), Err(RecipeFault::Limit { content }));
    }

    #[test]
    fn bytes_of_a_ledger_that_are_no_recipe_are_none() {
        let recipe = recipe(&noise(20_000, 7));
        let bytes = recipe.to_bytes();
        for bad in [&bytes[..bytes.len() - 1], &bytes[..3], &[], &[1; 40]] {
            assert_eq!(Recipe::from_bytes(recipe.content, bad), None);
        }
    }
}
