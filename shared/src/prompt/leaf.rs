//! One value of a body that is hashed as it stands, however deep it is.

use super::hash::{STRIPE, Stripes, fold, short, stripe};

/// How a value's bytes are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Stripe by stripe: blocks may end in it.
    Text,
    /// As a whole.
    Whole,
    /// As a whole, of which only a sample is read: the first [`HEAD`] bytes, and of each
    /// [`PERIOD`] the first stripe. For pictures, whose data a scanner passes faster
    /// than anything can hash; two of the same length that agree in all of this are
    /// taken for one.
    Sample,
    /// Not at all: only its length counts.
    Measure,
}

const HEAD: u64 = 1024;
const PERIOD: u64 = 1024;

/// A value under way.
#[derive(Debug)]
pub(super) struct Leaf {
    manner: Manner,
    stripes: Stripes,
    folded: u64,
    bytes: u64,
    /// The hash of a text that came in one piece.
    whole: Option<u64>,
}

impl Leaf {
    pub(super) fn new() -> Self {
        Self { manner: Manner::Measure, stripes: Stripes::new(), folded: 0, bytes: 0, whole: None }
    }

    pub(super) fn begin(&mut self, manner: Manner) {
        self.manner = manner;
        self.stripes.clear();
        self.folded = 0;
        self.bytes = 0;
        self.whole = None;
    }

    /// Begins a value of which only the length counts.
    #[inline]
    pub(super) fn begin_measure(&mut self) {
        self.manner = Manner::Measure;
        self.bytes = 0;
    }

    pub(super) fn manner(&self) -> Manner {
        self.manner
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes. Hashes of text go to `texts`, up to `limit` of them.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8], texts: &mut Vec<u64>, limit: usize) {
        let start = self.bytes;
        self.bytes += bytes.len() as u64;
        match self.manner {
            Manner::Measure => {}
            Manner::Text => {
                let (first, whole) = self.stripes.cut(bytes);
                let room = limit.saturating_sub(texts.len());
                let complete = usize::from(first.is_some()) + whole.len();
                texts.extend(first.into_iter().chain(whole.iter().map(stripe)).take(room));
                if complete > room {
                    self.manner = Manner::Measure;
                }
            }
            Manner::Whole => self.fold(bytes),
            Manner::Sample => self.sample(bytes, start),
        }
    }

    /// Takes the last bytes: if there were no others, without putting them together.
    #[inline]
    pub(super) fn end(&mut self, bytes: &[u8], texts: &mut Vec<u64>, limit: usize) {
        // `null` is looked at again.
        if self.manner != Manner::Text || self.bytes != 0 || bytes.len() <= b"null".len() {
            return self.push(bytes, texts, limit);
        }
        self.bytes = bytes.len() as u64;
        let (whole, rest) = bytes.as_chunks::<STRIPE>();
        let room = limit.saturating_sub(texts.len());
        texts.extend(whole.iter().take(room).map(stripe));
        if whole.len() > room {
            self.manner = Manner::Measure;
        } else {
            self.whole = Some(short(rest));
        }
    }

    fn fold(&mut self, bytes: &[u8]) {
        let (first, whole) = self.stripes.cut(bytes);
        let hashes = first.into_iter().chain(whole.iter().map(stripe));
        self.folded = hashes.fold(self.folded, fold);
    }

    fn sample(&mut self, mut bytes: &[u8], mut at: u64) {
        while !bytes.is_empty() {
            let within = at % PERIOD;
            let (length, counts) = if at < HEAD {
                (HEAD - at, true)
            } else if within < STRIPE as u64 {
                (STRIPE as u64 - within, true)
            } else {
                (PERIOD - within, false)
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(length);
            if counts {
                self.fold(now);
            }
            at += length as u64;
            bytes = later;
        }
    }

    /// The bytes behind the last stripe: all of a short value.
    pub(super) fn rest(&self) -> &[u8] {
        self.stripes.rest()
    }

    /// The hash of what was not handed out as text: of the value's end, or of all of it.
    pub(super) fn hash(&self) -> u64 {
        match self.manner {
            Manner::Measure => 0,
            Manner::Text => self.whole.unwrap_or_else(|| short(self.stripes.rest())),
            Manner::Whole | Manner::Sample => {
                fold(fold(self.folded, short(self.stripes.rest())), self.bytes)
            }
        }
    }
}
