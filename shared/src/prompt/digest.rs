//! Looks on while a body is scanned, and keeps what concerns its prompt.
//!
//! Follows a prompt's structure down to the parts of a message's content; what is
//! below, or beside it, is one [`Leaf`] each, whose bytes come in pieces as long as the
//! scanner's chunks and the body's white space allow.

mod observe;

use super::blocks::Blocks;
use super::facts::RequestFacts;
use super::hash::{STRIPE, bytes as hash, finish, fold};
use super::leaf::{Leaf, Manner};
use super::names::{Key, Media, PARTS, SEEDS, Target};
use super::record::{Place, Record, Records};
use super::settings::DigestSettings;
use crate::json::Shape;

/// Depths, counted from the body's own bracket.
const PART: usize = 1;
const MESSAGE: usize = 2;
const FIELD: usize = 3;
const ITEM: usize = 4;
const ITEM_FIELD: usize = 5;

/// Bytes of a token id with its comma. Ids of 100,000 words have five digits, most.
const ID_BYTES: u64 = 6;

/// Bytes of text that stand for as many tokens as ids of this length.
fn ids_weight(bytes: u64, settings: DigestSettings) -> u64 {
    bytes * u64::from(settings.characters_per_token) / ID_BYTES
}

/// A digest under way.
#[derive(Debug)]
pub struct PromptDigest {
    settings: DigestSettings,
    parts: [Option<Blocks>; PARTS.len()],
    seeds: [u64; SEEDS.len()],
    max_tokens: Option<u32>,
    stream: bool,
    user: Option<u64>,
    prompt_bytes: u64,
    prompt_tokens: u64,
    /// Top-level keys that have come.
    seen: u32,
    /// A key came twice.
    ambiguous: bool,

    /// The top-level key, while it is read.
    top_key: Key,
    target: Target,
    /// What happens at more open brackets is none of the digest's business.
    watch: usize,
    key: Key,
    place: Place,
    media: Option<Media>,
    records: Records,
    /// Bytes of text that blocks may still end in.
    missing: u64,
    /// Stripes that one message may have.
    limit: usize,

    leaf: Leaf,
    /// Where the leaf stands: its depth, or 0 if there is none.
    leaf_depth: usize,
    leaf_shape: Shape,
    leaf_first: usize,
    /// Where in the chunk the leaf's next bytes begin.
    run: usize,
}

impl PromptDigest {
    /// A digest that has seen nothing.
    #[must_use]
    pub fn new(settings: DigestSettings) -> Self {
        Self {
            settings,
            parts: Default::default(),
            seeds: Default::default(),
            max_tokens: None,
            stream: false,
            user: None,
            prompt_bytes: 0,
            prompt_tokens: 0,
            seen: 0,
            ambiguous: false,
            top_key: Key::EMPTY,
            target: Target::Nothing,
            watch: 0,
            key: Key::EMPTY,
            place: Place::default(),
            media: None,
            records: Records::default(),
            missing: 0,
            limit: 0,
            leaf: Leaf::new(),
            leaf_depth: 0,
            leaf_shape: Shape::Literal,
            leaf_first: 0,
            run: 0,
        }
    }

    /// What the body said of its prompt, for the model that will read it; nothing if it
    /// has no prompt. Only of a body that was scanned to its end.
    #[must_use]
    pub fn facts(&self, model: &str) -> Option<RequestFacts> {
        if self.parts.iter().all(Option::is_none) {
            return None;
        }
        let blocks = self.parts.iter().flatten().map(Blocks::len).sum::<usize>();
        let mut chain = Vec::with_capacity(blocks.min(self.settings.max_blocks));
        if !self.ambiguous {
            let seed = self.seeds.iter().fold(hash(model.as_bytes()), |seed, one| fold(seed, *one));
            self.parts.iter().zip(PARTS).fold(finish(seed), |state, (part, name)| match part {
                Some(part) => {
                    let state = fold(state, name.number());
                    part.join(state, &mut chain, self.settings.max_blocks)
                }
                None => state,
            });
        }
        let characters = u64::from(self.settings.characters_per_token);
        let tokens = self.prompt_tokens.div_ceil(characters);
        Some(RequestFacts {
            prompt_bytes: self.prompt_bytes,
            prompt_tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
            block_tokens: self.settings.block_tokens,
            max_tokens: self.max_tokens,
            stream: self.stream,
            user: self.user,
            chain,
        })
    }

    fn is_outside(&self, depth: usize) -> bool {
        // Depth 0, the body itself, becomes the largest number.
        depth.wrapping_sub(1) >= self.watch
    }

    /// Whether a value is a message's text behind the last block: the most of a long
    /// conversation, of which only the length counts.
    #[inline]
    fn is_only_measured(&self, depth: usize, shape: Shape) -> bool {
        self.missing == 0 && depth == FIELD && shape == Shape::String
    }

    fn is_row(&self) -> bool {
        self.leaf_shape == Shape::Number && matches!(self.leaf_depth, MESSAGE | ITEM)
    }

    fn begin_part(&mut self, part: usize) {
        let before = self.parts.iter().take(part).flatten().map(Blocks::len).sum();
        let room = self.settings.max_blocks.saturating_sub(before);
        if let Some(part) = self.parts.get_mut(part) {
            *part = Some(Blocks::new(room, self.settings));
        }
        self.place = Place::default();
        self.media = None;
        self.begin_message();
    }

    fn blocks(&mut self) -> Option<&mut Blocks> {
        match self.target {
            Target::Part(part) => self.parts.get_mut(part)?.as_mut(),
            _ => None,
        }
    }

    fn begin_message(&mut self) {
        let settings = self.settings;
        self.missing = self.blocks().map_or(0, |blocks| blocks.missing(settings));
    }

    fn end_message(&mut self) {
        let settings = self.settings;
        if self.missing > 0 {
            if let Target::Part(part) = self.target
                && let Some(Some(blocks)) = self.parts.get_mut(part)
            {
                self.records.flush(blocks, settings);
            }
            self.begin_message();
        }
        self.place = Place::default();
    }

    /// Stripes that fill the blocks, and one for what they leave of the last.
    fn stripes(&self, ids: bool) -> usize {
        let stripes = if ids {
            self.missing / ids_weight(STRIPE as u64, self.settings).clamp(1, STRIPE as u64)
        } else {
            self.missing / STRIPE as u64
        };
        usize::try_from(stripes).unwrap_or(usize::MAX).saturating_add(2)
    }

    fn begin_leaf(&mut self, at: usize, shape: Shape, depth: usize) {
        let manner = match (self.target, self.media) {
            (Target::Part(_), _) if self.missing == 0 => Manner::Measure,
            (Target::Part(_), Some(_)) => Manner::Sample,
            (Target::Part(_), None) => Manner::Text,
            _ => Manner::Whole,
        };
        self.leaf.begin(manner);
        self.leaf_depth = depth;
        self.leaf_shape = shape;
        self.leaf_first = self.records.stripes.len();
        self.limit = self.stripes(self.is_ids(depth));
        self.watch = depth;
        // A string without its quotes: a longer prompt has none where a shorter one ends.
        self.run = at + usize::from(shape == Shape::String);
    }

    /// Takes the leaf's bytes up to `end`.
    #[inline]
    fn take(&mut self, chunk: &[u8], end: usize) {
        if let Some(bytes) = chunk.get(self.run..end)
            && !bytes.is_empty()
        {
            self.leaf.push(bytes, &mut self.records.stripes, self.limit);
        }
    }

    fn end_leaf(&mut self, chunk: &[u8], end: usize) {
        let bytes = chunk.get(self.run..end).unwrap_or_default();
        self.leaf.end(bytes, &mut self.records.stripes, self.limit);
        let depth = std::mem::take(&mut self.leaf_depth);
        self.watch = ITEM_FIELD;
        match self.target {
            Target::Part(_) => self.end_text(depth),
            Target::Seed(seed) => {
                let hash = self.leaf.hash();
                self.seeds.iter_mut().skip(seed).take(1).for_each(|seed| *seed = hash);
            }
            Target::MaxTokens => self.max_tokens = self.small_value().parse().ok(),
            Target::Stream => self.stream = self.small_value() == "true",
            Target::User if self.leaf_shape == Shape::String => self.user = Some(self.leaf.hash()),
            Target::User | Target::Nothing => {}
        }
        if depth == PART {
            self.watch = 0;
        }
    }

    /// The leaf, if it is shorter than a stripe.
    fn small_value(&self) -> &str {
        let is_small = self.leaf.bytes() < STRIPE as u64 && self.leaf_shape != Shape::String;
        let bytes = if is_small { self.leaf.rest() } else { b"" };
        str::from_utf8(bytes).unwrap_or_default()
    }

    fn end_text(&mut self, depth: usize) {
        let bytes = self.leaf.bytes();
        let characters = u64::from(self.settings.characters_per_token);
        // Numbers in rows are token ids, and so are rows of rows.
        let ids = self.is_ids(depth);
        let weight = match self.media {
            Some(media) => media.tokens(bytes) * characters,
            None if ids => ids_weight(bytes, self.settings),
            None => bytes,
        };
        self.prompt_bytes += bytes;
        self.prompt_tokens += weight;
        if self.missing == 0 || (self.leaf_shape == Shape::Literal && self.leaf.rest() == b"null") {
            return;
        }
        let stripe_weight =
            if ids { ids_weight(STRIPE as u64, self.settings) } else { STRIPE as u64 };
        let stripes = self.records.stripes.len() - self.leaf_first;
        let (stripes, rest_weight) = match self.leaf.manner() {
            Manner::Sample | Manner::Whole => (0, weight),
            _ => (stripes, weight.saturating_sub(stripes as u64 * stripe_weight)),
        };
        let open = depth <= MESSAGE;
        self.records.push(Record {
            place: self.place,
            shape: self.leaf_shape as u64,
            first: self.leaf_first,
            stripes,
            stripe_weight,
            rest: self.leaf.hash(),
            rest_weight,
            open,
            cut: self.leaf.manner() == Manner::Measure,
        });
        if self.records.is_full() {
            let place = self.place;
            self.end_message();
            self.place = place;
        }
    }

    fn is_ids(&self, depth: usize) -> bool {
        depth == MESSAGE && matches!(self.leaf_shape, Shape::Number | Shape::Array)
    }
}
