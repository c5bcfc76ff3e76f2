//! The state machine over a body's bytes.

use super::document::{Document, ModelValue, Root, ValueKind};
use super::error::{Expected, ScanError, ScanErrorKind};
use super::escapes::Escapes;
use super::nesting::{Container, Full, Nesting};
use super::number::{Number, Step};
use super::observer::{Observer, Shape, Unobserved};
use super::skip::{BadEscape, Pending, Skipped, skip};
use super::text::{KeyIsModel, Name, Progress, Sink, Text};

/// Scans one body; see the [module](super).
#[derive(Debug)]
pub struct Scanner<O = Unobserved> {
    state: State,
    nesting: Nesting,
    escapes: Escapes,
    /// Bytes of earlier chunks.
    consumed: u64,
    root: Option<Root>,
    /// The top-level key just read was `model`.
    model_is_next: bool,
    text: Text,
    key: KeyIsModel,
    name: Name,
    name_start: u64,
    model: Option<ModelValue>,
    duplicate_at: Option<u64>,
    failure: Option<ScanError>,
    observer: O,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Value,
    ElementOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    AfterValue,
    /// Inside a string that does not matter, a key or a value.
    Skipping(Pending, StringRole),
    TopKey,
    ModelName,
    Number(Number),
    /// What is left of `true`, `false` or `null`.
    Literal(&'static [u8]),
    Done,
}

#[derive(Debug, Clone, Copy)]
enum StringRole {
    Key,
    Value,
}

/// An error at an offset of the current chunk.
struct Fault(ScanErrorKind, usize);

/// Shows an observer what is decoded of a key.
struct TopKey<'a, O> {
    key: &'a mut KeyIsModel,
    observer: &'a mut O,
}

impl<O: Observer> Sink for TopKey<'_, O> {
    fn extend(&mut self, bytes: &[u8]) -> Result<(), (ScanErrorKind, usize)> {
        self.observer.top_key(bytes);
        self.key.extend(bytes)
    }
}

impl Scanner {
    /// A scanner that keeps at most `max_model_bytes` of a model name and
    /// refuses longer ones.
    #[must_use]
    pub fn new(max_model_bytes: usize) -> Self {
        Self::observed(max_model_bytes, Unobserved)
    }
}

impl<O: Observer> Scanner<O> {
    /// The same as [`new`](Scanner::new), with somebody looking on.
    #[must_use]
    pub fn observed(max_model_bytes: usize, observer: O) -> Self {
        Self {
            observer,
            state: State::Value,
            nesting: Nesting::new(),
            escapes: Escapes::new(),
            consumed: 0,
            root: None,
            model_is_next: false,
            text: Text::default(),
            key: KeyIsModel::new(),
            name: Name { bytes: Vec::new(), limit: max_model_bytes },
            name_start: 0,
            model: None,
            duplicate_at: None,
            failure: None,
        }
    }

    /// Takes the next chunk of the body.
    ///
    /// # Errors
    /// The body is not JSON, whatever follows; every later call says the same.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<(), ScanError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        match self.scan(chunk) {
            Ok(()) => {
                self.consumed += chunk.len() as u64;
                Ok(())
            }
            Err(Fault(kind, offset)) => Err(self.fail(kind, self.consumed + offset as u64)),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    /// The body was cut short, or was wrong before.
    pub fn finish(mut self) -> Result<Document, ScanError> {
        let root = self.end()?;
        Ok(Document { root, model: self.model, duplicate_at: self.duplicate_at })
    }

    /// Ends the body; the observer has been told all of it.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_observed(mut self) -> Result<(Document, O), ScanError> {
        let root = self.end()?;
        let Self { model, duplicate_at, observer, .. } = self;
        Ok((Document { root, model, duplicate_at }, observer))
    }

    fn end(&mut self) -> Result<Root, ScanError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let complete = match self.state {
            State::Done => true,
            State::Number(number) => number.is_complete() && self.nesting.depth() == 0,
            _ => false,
        };
        match self.root {
            Some(root) if complete => Ok(root),
            _ => Err(self.fail(ScanErrorKind::Truncated(self.expected()), self.consumed)),
        }
    }

    /// The first top-level `model`, as soon as its value is known: behind the
    /// last byte of a string, at the first byte of anything else.
    #[must_use]
    pub fn model(&self) -> Option<&ModelValue> {
        self.model.as_ref()
    }

    /// Where the value of a second top-level `model` starts, once seen.
    #[must_use]
    pub fn duplicate_at(&self) -> Option<u64> {
        self.duplicate_at
    }

    /// Bytes scanned so far.
    #[must_use]
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    fn fail(&mut self, kind: ScanErrorKind, at: u64) -> ScanError {
        let failure = ScanError { kind, at };
        self.failure = Some(failure);
        failure
    }

    fn scan(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            at = match self.state {
                State::Skipping(pending, role) => self.skip_string(chunk, at, pending, role)?,
                State::Number(number) => self.number(number, chunk, at)?,
                State::Literal(rest) => self.literal(rest, byte, chunk, at)?,
                State::TopKey => self.top_key(chunk, at)?,
                State::ModelName => self.model_name(chunk, at)?,
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => {
                    self.observer.gap(chunk, at);
                    at + 1
                }
                _ => self.structure(byte, chunk, at)?,
            };
        }
        self.observer.chunk_ends(chunk);
        Ok(())
    }

    /// A byte outside of strings, numbers and literals that is not white space.
    fn structure(&mut self, byte: u8, chunk: &[u8], at: usize) -> Result<usize, Fault> {
        match (self.state, byte) {
            (State::ElementOrEnd, b']') | (State::KeyOrEnd, b'}') => self.close(chunk, at),
            (State::Value | State::ElementOrEnd, _) => return self.value(byte, chunk, at),
            (State::Key | State::KeyOrEnd, b'"') if self.nesting.depth() == 1 => {
                self.text = Text::default();
                self.key = KeyIsModel::new();
                self.state = State::TopKey;
            }
            (State::Key | State::KeyOrEnd, b'"') => {
                self.state = State::Skipping(Pending::Nothing, StringRole::Key);
            }
            (State::Colon, b':') => self.state = State::Value,
            (State::AfterValue, _) => match (self.nesting.innermost(), byte) {
                (Some(Container::Object), b',') => self.state = State::Key,
                (Some(Container::Array), b',') => self.state = State::Value,
                (Some(Container::Object), b'}') | (Some(Container::Array), b']') => {
                    self.close(chunk, at);
                }
                _ => return Err(self.unexpected(byte, at)),
            },
            _ => return Err(self.unexpected(byte, at)),
        }
        Ok(at + 1)
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, chunk: &[u8], at: usize) -> Result<usize, Fault> {
        let (state, kind) = match byte {
            b'"' => return Ok(self.string_value(chunk, at)),
            b'{' => (State::KeyOrEnd, ValueKind::Object),
            b'[' => (State::ElementOrEnd, ValueKind::Array),
            b't' => (State::Literal(b"rue"), ValueKind::Bool),
            b'f' => (State::Literal(b"alse"), ValueKind::Bool),
            b'n' => (State::Literal(b"ull"), ValueKind::Null),
            _ => match Number::start(byte) {
                Some(number) => (State::Number(number), ValueKind::Number),
                None => return Err(self.unexpected(byte, at)),
            },
        };
        self.observer.value(chunk, at, Shape::of(kind), self.nesting.depth());
        self.note_root(if kind == ValueKind::Object { Root::Object } else { Root::Other });
        if self.takes_model(at) {
            self.model = Some(ModelValue::Other(kind));
        }
        let opened = match kind {
            ValueKind::Object => self.nesting.push(Container::Object),
            ValueKind::Array => self.nesting.push(Container::Array),
            _ => Ok(()),
        };
        opened.map_err(|Full| Fault(ScanErrorKind::TooDeep, at))?;
        self.state = state;
        Ok(at + 1)
    }

    fn string_value(&mut self, chunk: &[u8], at: usize) -> usize {
        self.note_root(Root::Other);
        self.observer.value(chunk, at, Shape::String, self.nesting.depth());
        self.state = if self.takes_model(at) {
            self.text = Text::default();
            self.name_start = self.consumed + at as u64;
            State::ModelName
        } else {
            State::Skipping(Pending::Nothing, StringRole::Value)
        };
        at + 1
    }

    /// Whether the value that starts here is that of the first `model`.
    fn takes_model(&mut self, at: usize) -> bool {
        if !std::mem::take(&mut self.model_is_next) {
            return false;
        }
        if self.model.is_some() {
            self.duplicate_at.get_or_insert(self.consumed + at as u64);
            return false;
        }
        true
    }

    fn note_root(&mut self, root: Root) {
        self.root.get_or_insert(root);
    }

    /// A bracket closes the innermost container.
    #[inline]
    fn close(&mut self, chunk: &[u8], at: usize) {
        self.nesting.pop();
        self.value_ended(chunk, at + 1);
    }

    /// A value ended before `end`.
    #[inline]
    fn value_ended(&mut self, chunk: &[u8], end: usize) {
        self.observer.ended(chunk, end, self.nesting.depth());
        self.state = if self.nesting.depth() == 0 { State::Done } else { State::AfterValue };
    }

    fn skip_string(
        &mut self,
        chunk: &[u8],
        at: usize,
        pending: Pending,
        role: StringRole,
    ) -> Result<usize, Fault> {
        let input = chunk.get(at..).unwrap_or_default();
        match skip(input, pending, &mut self.escapes) {
            Ok(Skipped::Closed(width)) => {
                match role {
                    StringRole::Key => {
                        let key = input.get(..width - 1).unwrap_or_default();
                        self.observer.key(key, self.nesting.depth());
                        self.state = State::Colon;
                    }
                    StringRole::Value => self.value_ended(chunk, at + width),
                }
                Ok(at + width)
            }
            Ok(Skipped::Open(pending)) => {
                if matches!(role, StringRole::Key) {
                    self.observer.key(input, self.nesting.depth());
                }
                self.state = State::Skipping(pending, role);
                Ok(chunk.len())
            }
            Err(BadEscape(offset)) => Err(Fault(ScanErrorKind::BadEscape, at + offset)),
        }
    }

    fn top_key(&mut self, chunk: &[u8], at: usize) -> Result<usize, Fault> {
        let mut sink = TopKey { key: &mut self.key, observer: &mut self.observer };
        match self.text.decode(chunk, at, &mut sink) {
            Ok((next, Progress::More)) => Ok(next),
            Ok((next, Progress::Closed)) => {
                self.observer.top_key_ends();
                self.model_is_next = self.key.verdict();
                self.state = State::Colon;
                Ok(next)
            }
            Err((kind, at)) => Err(Fault(kind, at)),
        }
    }

    fn model_name(&mut self, chunk: &[u8], at: usize) -> Result<usize, Fault> {
        match self.text.decode(chunk, at, &mut self.name) {
            Ok((next, Progress::More)) => Ok(next),
            Ok((next, Progress::Closed)) => {
                // `Text` let only UTF-8 through, so this cannot fail.
                let name = String::from_utf8(std::mem::take(&mut self.name.bytes))
                    .map_err(|_| Fault(ScanErrorKind::InvalidUtf8, at))?;
                let span = self.name_start..self.consumed + next as u64;
                self.model = Some(ModelValue::Name { name, span });
                self.value_ended(chunk, next);
                Ok(next)
            }
            Err((kind, at)) => Err(Fault(kind, at)),
        }
    }

    /// Reads a number, and in an array the numbers that follow it: prompts also come
    /// as arrays of token ids.
    fn number(&mut self, number: Number, chunk: &[u8], at: usize) -> Result<usize, Fault> {
        let in_array = self.nesting.innermost() == Some(Container::Array);
        let mut number = number;
        let mut at = at;
        while let Some(&byte) = chunk.get(at) {
            match number.step(byte) {
                Step::Continues(next) => number = next,
                Step::Ended if in_array && byte == b',' => {
                    // White space and other values go the long way.
                    match chunk.get(at + 1).and_then(|&next| Number::start(next)) {
                        Some(next) => number = next,
                        None => {
                            self.state = State::Value;
                            return Ok(at + 1);
                        }
                    }
                    at += 1;
                }
                Step::Ended => {
                    self.value_ended(chunk, at);
                    return Ok(at);
                }
                Step::DigitMissing => {
                    self.state = State::Number(number);
                    return Err(self.unexpected(byte, at));
                }
            }
            at += 1;
        }
        self.state = State::Number(number);
        Ok(at)
    }

    fn literal(
        &mut self,
        rest: &'static [u8],
        byte: u8,
        chunk: &[u8],
        at: usize,
    ) -> Result<usize, Fault> {
        match rest.split_first() {
            Some((&expected, rest)) if expected == byte => {
                if rest.is_empty() {
                    self.value_ended(chunk, at + 1);
                } else {
                    self.state = State::Literal(rest);
                }
                Ok(at + 1)
            }
            _ => Err(self.unexpected(byte, at)),
        }
    }

    fn expected(&self) -> Expected {
        match self.state {
            State::Value | State::ElementOrEnd | State::Done => Expected::Value,
            State::Key => Expected::Key,
            State::KeyOrEnd => Expected::KeyOrEnd,
            State::Colon => Expected::Colon,
            State::AfterValue | State::Number(_) => match (self.state, self.nesting.innermost()) {
                (State::Number(number), _) if !number.is_complete() => Expected::Digit,
                (_, Some(Container::Array)) => Expected::CommaOrBracket,
                _ => Expected::CommaOrBrace,
            },
            State::Skipping(..) | State::TopKey | State::ModelName => Expected::StringEnd,
            State::Literal(_) => Expected::Literal,
        }
    }

    fn unexpected(&self, byte: u8, at: usize) -> Fault {
        let kind = match (self.state, byte) {
            // JSON has no raw zero byte; UTF-16 and UTF-32 text is full of them.
            (_, 0) => ScanErrorKind::WideEncoding,
            (State::Done, _) => ScanErrorKind::TrailingData,
            (_, 0xfe | 0xff) if self.root.is_none() => ScanErrorKind::WideEncoding,
            (_, 0xef) if self.root.is_none() => ScanErrorKind::ByteOrderMark,
            _ => ScanErrorKind::Unexpected(self.expected()),
        };
        Fault(kind, at)
    }
}
