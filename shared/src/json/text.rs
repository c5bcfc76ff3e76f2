//! Decodes the strings that matter: top-level keys and the value of `model`.
//!
//! Strict where skipping is not. A server that drops a stray byte or a lone
//! surrogate would read `"mo\udc00del"` as `model`; so a body that is unclear
//! here is refused.

use super::error::ScanErrorKind;

/// Where decoded bytes go.
pub(super) trait Sink {
    /// Takes some bytes. An error tells the offset of the byte it is about.
    fn extend(&mut self, bytes: &[u8]) -> Result<(), (ScanErrorKind, usize)>;

    /// Takes one byte.
    fn push(&mut self, byte: u8) -> Result<(), ScanErrorKind> {
        self.extend(&[byte]).map_err(|(kind, _)| kind)
    }
}

/// Whether a byte inside a string stands for itself, whatever surrounds it.
#[inline]
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// The state inside a string, between two bytes.
#[derive(Debug, Default)]
pub(super) struct Text {
    escape: Escape,
    utf8: Utf8,
    /// The first half of a surrogate pair, until its second half is there.
    high: Option<u16>,
}

#[derive(Debug, Default, Clone, Copy)]
enum Escape {
    #[default]
    None,
    Backslash,
    Hex {
        missing: u8,
        unit: u16,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    Closed,
}

impl Text {
    /// Decodes `chunk` from `at` on, to the end of the string or of the chunk;
    /// tells where it stopped. An error tells the byte it is about.
    pub(super) fn decode(
        &mut self,
        chunk: &[u8],
        at: usize,
        sink: &mut impl Sink,
    ) -> Result<(usize, Progress), (ScanErrorKind, usize)> {
        let mut next = at;
        while let Some(&byte) = chunk.get(next) {
            if self.is_between_characters() {
                let rest = chunk.get(next..).unwrap_or_default();
                let run = rest.iter().position(|&byte| !is_plain(byte)).unwrap_or(rest.len());
                if run > 0 {
                    let run = rest.get(..run).unwrap_or_default();
                    sink.extend(run).map_err(|(kind, offset)| (kind, next + offset))?;
                    next += run.len();
                    continue;
                }
            }
            match self.step(byte, sink) {
                Ok(Progress::More) => next += 1,
                Ok(Progress::Closed) => return Ok((next + 1, Progress::Closed)),
                Err(kind) => return Err((kind, next)),
            }
        }
        Ok((next, Progress::More))
    }

    /// Whether the next byte starts a character or an escape of its own.
    #[inline]
    fn is_between_characters(&self) -> bool {
        matches!(self.escape, Escape::None) && self.utf8.missing == 0 && self.high.is_none()
    }

    fn step(&mut self, byte: u8, sink: &mut impl Sink) -> Result<Progress, ScanErrorKind> {
        match self.escape {
            Escape::None => return self.plain(byte, sink),
            Escape::Backslash => self.escaped(byte, sink)?,
            Escape::Hex { missing, unit } => {
                let digit = hex_digit(byte).ok_or(ScanErrorKind::BadEscape)?;
                let unit = unit << 4 | digit;
                if missing > 1 {
                    self.escape = Escape::Hex { missing: missing - 1, unit };
                } else {
                    self.escape = Escape::None;
                    self.unit(unit, sink)?;
                }
            }
        }
        Ok(Progress::More)
    }

    fn plain(&mut self, byte: u8, sink: &mut impl Sink) -> Result<Progress, ScanErrorKind> {
        if !self.utf8.step(byte) {
            return Err(ScanErrorKind::InvalidUtf8);
        }
        if byte == b'\\' {
            self.escape = Escape::Backslash;
            return Ok(Progress::More);
        }
        self.no_half_pair()?;
        match byte {
            b'"' => Ok(Progress::Closed),
            0..=0x1f => Err(ScanErrorKind::ControlCharacter),
            _ => sink.push(byte).map(|()| Progress::More),
        }
    }

    fn escaped(&mut self, byte: u8, sink: &mut impl Sink) -> Result<(), ScanErrorKind> {
        let decoded = match byte {
            b'u' => {
                self.escape = Escape::Hex { missing: 4, unit: 0 };
                return Ok(());
            }
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(ScanErrorKind::BadEscape),
        };
        self.escape = Escape::None;
        self.no_half_pair()?;
        sink.push(decoded)
    }

    /// Takes one UTF-16 unit of a `\uXXXX` escape.
    fn unit(&mut self, unit: u16, sink: &mut impl Sink) -> Result<(), ScanErrorKind> {
        let is_high = (0xd800..0xdc00).contains(&unit);
        if is_high && self.high.is_none() {
            self.high = Some(unit);
            return Ok(());
        }
        let units = self.high.take().into_iter().chain([unit]);
        for decoded in char::decode_utf16(units) {
            let decoded = decoded.map_err(|_| ScanErrorKind::LoneSurrogate)?;
            for byte in decoded.encode_utf8(&mut [0; 4]).bytes() {
                sink.push(byte)?;
            }
        }
        Ok(())
    }

    fn no_half_pair(&self) -> Result<(), ScanErrorKind> {
        if self.high.is_some() { Err(ScanErrorKind::LoneSurrogate) } else { Ok(()) }
    }
}

fn hex_digit(byte: u8) -> Option<u16> {
    char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok())
}

/// Checks UTF-8 byte by byte (the table of well-formed sequences in the Unicode
/// standard, section 3.9).
#[derive(Debug, Default)]
struct Utf8 {
    /// Continuation bytes still missing.
    missing: u8,
    /// The range of the next one, set when `missing` is above 0.
    low: u8,
    high: u8,
}

impl Utf8 {
    fn step(&mut self, byte: u8) -> bool {
        if self.missing > 0 {
            let fits = (self.low..=self.high).contains(&byte);
            *self = Self { missing: self.missing - 1, low: 0x80, high: 0xbf };
            return fits;
        }
        let (missing, low, high) = match byte {
            0..=0x7f => return true,
            0xc2..=0xdf => (1, 0x80, 0xbf),
            0xe0 => (2, 0xa0, 0xbf),
            0xed => (2, 0x80, 0x9f),
            0xe1..=0xef => (2, 0x80, 0xbf),
            0xf0 => (3, 0x90, 0xbf),
            0xf1..=0xf3 => (3, 0x80, 0xbf),
            0xf4 => (3, 0x80, 0x8f),
            _ => return false,
        };
        *self = Self { missing, low, high };
        true
    }
}

/// Compares a key with `model` without keeping it.
#[derive(Debug)]
pub(super) struct KeyIsModel {
    /// What of `model` the key has not spelled yet; `None` once it differs.
    missing: Option<&'static [u8]>,
}

impl KeyIsModel {
    pub(super) fn new() -> Self {
        Self { missing: Some(b"model") }
    }

    pub(super) fn verdict(&self) -> bool {
        self.missing == Some(b"")
    }
}

impl Sink for KeyIsModel {
    fn extend(&mut self, bytes: &[u8]) -> Result<(), (ScanErrorKind, usize)> {
        self.missing = self.missing.and_then(|missing| missing.strip_prefix(bytes));
        Ok(())
    }
}

/// Keeps the model name, up to a limit.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) bytes: Vec<u8>,
    pub(super) limit: usize,
}

impl Sink for Name {
    fn extend(&mut self, bytes: &[u8]) -> Result<(), (ScanErrorKind, usize)> {
        let room = self.limit.saturating_sub(self.bytes.len());
        if bytes.len() > room {
            return Err((ScanErrorKind::ModelTooLong { limit: self.limit }, room));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}
