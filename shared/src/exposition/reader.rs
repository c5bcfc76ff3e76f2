//! Cuts chunks into lines and reads the wanted ones.
//!
//! Invariant: what is kept between chunks is the start of one line that may be
//! wanted, at most [`MAX_LINE_BYTES`] of it. A line is judged by the same bytes
//! whether it came in one chunk or in many.

use std::mem;

use memchr::memchr;

use super::{Sample, Wanted};

/// The longest line that is read, in bytes, without its line feed: 64 KiB. A list of
/// 256 adapters with names of 100 bytes, running and waiting, fits.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// A page in the middle of being read.
#[derive(Debug)]
pub struct Reader<'w> {
    wanted: &'w Wanted,
    state: State,
    /// In [`State::Held`], the line's start.
    held: Vec<u8>,
    skipped: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    LineStart,
    /// Inside a line that may be wanted.
    Held,
    /// Inside a line that does not matter.
    Skipping,
}

impl<'w> Reader<'w> {
    /// A reader at the start of a page.
    #[must_use]
    pub fn new(wanted: &'w Wanted) -> Self {
        Self { wanted, state: State::LineStart, held: Vec::new(), skipped: 0 }
    }

    /// Reads the next bytes; tells each sample of a wanted family as its line ends.
    pub fn feed(&mut self, chunk: &[u8], mut on_sample: impl FnMut(Sample<'_>)) {
        let mut rest = chunk;
        if self.state != State::LineStart {
            let Some(end) = memchr(b'\n', rest) else { return self.hold(rest) };
            let (line_end, tail) = rest.split_at(end);
            self.hold(line_end);
            self.end_line(&mut on_sample);
            rest = tail.get(1..).unwrap_or_default();
        }
        while !rest.is_empty() {
            let ruled_out = self.wanted.rules_out(rest);
            let Some(end) = memchr(b'\n', rest) else {
                self.state = if ruled_out { State::Skipping } else { State::Held };
                return self.hold(rest);
            };
            let (line, tail) = rest.split_at(end);
            if !ruled_out {
                self.line(line, &mut on_sample);
            }
            rest = tail.get(1..).unwrap_or_default();
        }
    }

    /// Ends the page; its last line need not end with a line feed. The result is the
    /// number of lines of wanted families that could not be read: garbage behind the
    /// name, or longer than [`MAX_LINE_BYTES`]. Garbage elsewhere is not looked at.
    pub fn finish(mut self, mut on_sample: impl FnMut(Sample<'_>)) -> u32 {
        self.end_line(&mut on_sample);
        self.skipped
    }

    /// Keeps a part of a line that is not at its end, unless it does not matter.
    fn hold(&mut self, part: &[u8]) {
        if self.state != State::Held {
            return;
        }
        let room = MAX_LINE_BYTES.saturating_sub(self.held.len());
        self.held.extend_from_slice(part.get(..room).unwrap_or(part));
        if part.len() > room {
            let held = mem::take(&mut self.held);
            self.too_long(&held);
            self.state = State::Skipping;
        }
    }

    /// The line whose parts were held ends here.
    fn end_line(&mut self, on_sample: &mut impl FnMut(Sample<'_>)) {
        if self.state == State::Held {
            let mut held = mem::take(&mut self.held);
            self.line(&held, on_sample);
            held.clear();
            self.held = held;
        }
        self.state = State::LineStart;
    }

    /// Reads a line, without its line feed.
    #[inline(never)]
    fn line(&mut self, line: &[u8], on_sample: &mut impl FnMut(Sample<'_>)) {
        if line.len() > MAX_LINE_BYTES {
            return self.too_long(line.get(..MAX_LINE_BYTES).unwrap_or(line));
        }
        let wanted = self.wanted;
        let Some((family, rest)) = wanted.find(trim(line)) else { return };
        let Some(name) = wanted.names().get(family) else { return };
        match Sample::read(family, name.as_str(), rest) {
            Some(sample) => on_sample(sample),
            None => self.skip(),
        }
    }

    /// Drops a line of which only the start is known.
    fn too_long(&mut self, start: &[u8]) {
        if self.wanted.find(trim(start)).is_some() {
            self.skip();
        }
    }

    fn skip(&mut self) {
        self.skipped = self.skipped.saturating_add(1);
    }
}

/// A line without blanks at its ends, and without the carriage return of CRLF.
fn trim(line: &[u8]) -> &[u8] {
    let mut line = line;
    while let [b' ' | b'\t' | b'\r', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}
