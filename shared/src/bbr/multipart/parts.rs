//! Cuts a form, as it streams in, into the headers and the contents of its parts.
//!
//! Invariants: where chunks are cut changes nothing; what is held between chunks is the
//! headers of one part, at most [`MAX_HEAD_BYTES`], or as many bytes of a content as may
//! turn out to be a boundary; each byte is searched once. Wherever the boundary stands,
//! it delimits: parsers differ in what must stand before it (a line feed alone will do
//! for some) and behind it (blanks), so a form that has it anywhere else is refused.
//!
//! Rejected: `multer`, and any other parser that shows only what it has understood. A
//! filter that guards a parser it does not know has to see what another may understand.

use std::mem;

use memchr::memmem;

use super::{FormError, MAX_HEAD_BYTES};

/// What comes next in a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A part starts; its headers, with the empty line behind them.
    Head(&'a [u8]),
    /// Some of the part's content.
    Content(&'a [u8]),
    /// The part is over.
    End,
}

/// A form in the middle of being cut.
#[derive(Debug)]
pub(super) struct Parts {
    /// `--` and the boundary.
    delimiter: memmem::Finder<'static>,
    state: State,
    /// Bytes that cannot be judged yet.
    held: Vec<u8>,
    /// So many of them have been searched in vain.
    searched: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    BehindDelimiter,
    Head,
    Content,
    Ended,
}

const LINE_END: &[u8] = b"\r\n";
const EMPTY_LINE: &[u8] = b"\r\n\r\n";

impl Parts {
    pub(super) fn new(boundary: &str) -> Self {
        let delimiter = format!("--{boundary}");
        Self {
            delimiter: memmem::Finder::new(&delimiter).into_owned(),
            state: State::Start,
            held: Vec::new(),
            searched: 0,
        }
    }

    /// Takes the next chunk and tells its pieces. What stands behind the last boundary
    /// is ignored, as receivers must (RFC 2046, section 5.1.1).
    pub(super) fn feed<E: From<FormError>>(
        &mut self,
        chunk: &[u8],
        mut on_piece: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.state == State::Ended {
            return Ok(());
        }
        let mut held = mem::take(&mut self.held);
        held.extend_from_slice(chunk);
        let mut at = 0;
        while let Some(rest) = held.get(at..)
            && let Some(width) = self.step(rest, &mut on_piece)?
        {
            at += width;
        }
        held.drain(..at.min(held.len()));
        self.held = held;
        Ok(())
    }

    /// Ends the form.
    pub(super) fn finish(self) -> Result<(), FormError> {
        if self.state == State::Ended { Ok(()) } else { Err(FormError::CutShort) }
    }

    /// Judges the start of `rest`; how much of it is done with, or `None` if more must
    /// come first.
    fn step<E: From<FormError>>(
        &mut self,
        rest: &[u8],
        on_piece: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<Option<usize>, E> {
        match self.state {
            State::Start => Ok(self.start(rest)?),
            State::BehindDelimiter => Ok(self.behind_delimiter(rest)?),
            State::Head => self.head(rest, on_piece),
            State::Content => self.content(rest, on_piece),
            State::Ended => Ok(None),
        }
    }

    fn start(&mut self, rest: &[u8]) -> Result<Option<usize>, FormError> {
        // Some clients begin with an empty line.
        let empty = if rest.starts_with(LINE_END) { LINE_END.len() } else { 0 };
        let delimiter = self.delimiter.needle();
        let Some(start) = rest.get(empty..).and_then(|rest| rest.get(..delimiter.len())) else {
            return Ok(None);
        };
        if start != delimiter {
            return Err(FormError::Start);
        }
        self.state = State::BehindDelimiter;
        Ok(Some(empty.saturating_add(delimiter.len())))
    }

    fn behind_delimiter(&mut self, rest: &[u8]) -> Result<Option<usize>, FormError> {
        self.state = match rest.get(..2) {
            None => return Ok(None),
            Some(b"--") => State::Ended,
            Some(b"\r\n") => State::Head,
            Some(_) => return Err(FormError::Delimiter),
        };
        Ok(Some(2))
    }

    fn head<E: From<FormError>>(
        &mut self,
        rest: &[u8],
        on_piece: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<Option<usize>, E> {
        let end = if rest.starts_with(LINE_END) {
            Some(LINE_END.len())
        } else {
            let unsearched = rest.get(self.searched..).unwrap_or_default();
            let found = memmem::find(unsearched, EMPTY_LINE);
            found.map(|at| self.searched + at + EMPTY_LINE.len())
        };
        if end.unwrap_or(rest.len()) > MAX_HEAD_BYTES {
            return Err(FormError::HeadTooLong.into());
        }
        let Some(end) = end else {
            self.searched = rest.len().saturating_sub(EMPTY_LINE.len() - 1);
            return Ok(None);
        };
        self.searched = 0;
        self.state = State::Content;
        on_piece(Piece::Head(rest.get(..end).unwrap_or_default()))?;
        Ok(Some(end))
    }

    fn content<E: From<FormError>>(
        &mut self,
        rest: &[u8],
        on_piece: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<Option<usize>, E> {
        let Some(at) = self.delimiter.find(rest) else {
            // A delimiter may have begun, and what stands before it matters, too.
            let tail = LINE_END.len() + self.delimiter.needle().len() - 1;
            let Some((content, _)) = rest.split_at_checked(rest.len().saturating_sub(tail)) else {
                return Ok(None);
            };
            if content.is_empty() {
                return Ok(None);
            }
            on_piece(Piece::Content(content))?;
            return Ok(Some(content.len()));
        };
        let before = rest.get(..at).unwrap_or_default();
        let Some(content) = before.strip_suffix(LINE_END) else {
            // The content first: what is wrong with it comes first, however it is cut.
            on_piece(Piece::Content(before))?;
            return Err(FormError::StrayDelimiter.into());
        };
        on_piece(Piece::Content(content))?;
        on_piece(Piece::End)?;
        self.state = State::BehindDelimiter;
        Ok(Some(at + self.delimiter.needle().len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn cut_in(form: &[u8], width: usize) -> Result<Vec<String>, FormError> {
        let mut parts = Parts::new("b");
        let mut found: Vec<String> = Vec::new();
        let (mut content, mut held) = (Vec::new(), 0);
        for chunk in form.chunks(width) {
            parts.feed::<FormError>(chunk, |piece| {
                match piece {
                    Piece::Head(head) => found.push(head.escape_ascii().to_string()),
                    Piece::Content(some) => content.extend_from_slice(some),
                    Piece::End => {
                        found.push(mem::take(&mut content).escape_ascii().to_string());
                    }
                }
                Ok(())
            })?;
            held = held.max(parts.held.len());
        }
        parts.finish()?;
        Ok(found)
    }

    fn cut(form: &str) -> Result<Vec<String>, FormError> {
        let whole = cut_in(form.as_bytes(), form.len().max(1));
        for width in 1..20 {
            assert_eq!(cut_in(form.as_bytes(), width), whole, "in pieces of {width}");
        }
        whole
    }

    #[test]
    fn heads_and_contents_come_apart_however_the_form_is_cut() {
        let form = "--b\r\nA: 1\r\n\r\none\r\n-\r\n\r\n--b\r\n\r\n\r\n--b--\r\nepilogue --b";
        assert_eq!(
            cut(form),
            Ok(vec![
                r"A: 1\r\n\r\n".to_owned(),
                r"one\r\n-\r\n".to_owned(),
                r"\r\n".to_owned(),
                String::new()
            ])
        );
    }

    #[test]
    fn one_empty_line_may_stand_before_the_form() {
        assert_eq!(cut("\r\n--b--"), Ok(vec![]));
    }

    #[test]
    fn a_boundary_anywhere_else_is_refused() {
        let part = "--b\r\nA: 1\r\n\r\n";
        for (form, error) in [
            ("preamble\r\n--b--".to_owned(), FormError::Start),
            ("\r\n\r\n--b--".to_owned(), FormError::Start),
            (format!("{part}x\n--b\n"), FormError::StrayDelimiter),
            (format!("{part}x\r--b\r"), FormError::StrayDelimiter),
            (format!("{part}x--b"), FormError::StrayDelimiter),
            (format!("{part}--b--"), FormError::StrayDelimiter),
            (format!("{part}x\r\n--b \r\n"), FormError::Delimiter),
            (format!("{part}x\r\n--b\n\n"), FormError::Delimiter),
            (format!("{part}x\r\n--bc\r\n"), FormError::Delimiter),
            (format!("{part}x\r\n--b-"), FormError::CutShort),
            (format!("{part}x"), FormError::CutShort),
            ("--".to_owned(), FormError::CutShort),
            (String::new(), FormError::CutShort),
        ] {
            assert_eq!(cut(&form), Err(error), "{form:?}");
        }
    }

    #[test]
    fn the_longest_headers_are_the_same_for_all_cuts() {
        let head = |bytes: usize| format!("--b\r\nA: {}\r\n\r\nx\r\n--b--", "x".repeat(bytes - 7));
        for (bytes, fits) in [(MAX_HEAD_BYTES, true), (MAX_HEAD_BYTES + 1, false)] {
            let form = head(bytes);
            for width in [form.len(), 1000, 1] {
                let cut = cut_in(form.as_bytes(), width);
                assert_eq!(cut.is_ok(), fits, "{bytes} in pieces of {width}");
            }
        }
    }

    #[test]
    fn memory_does_not_grow_with_a_content() {
        let mut parts = Parts::new("b");
        let nothing = |_: Piece<'_>| Ok::<(), FormError>(());
        parts.feed(b"--b\r\nA: 1\r\n\r\n", nothing).expect("so far");
        for _ in 0..1000 {
            parts.feed(&[b'-'; 10_000], nothing).expect("so far");
            assert!(parts.held.len() < 8 && parts.held.capacity() < 30_000);
        }
    }
}
