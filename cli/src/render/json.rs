//! JSON as people write it: the outer levels on lines of their own, the inner ones in one.
//!
//! Invariant: the same bytes for the same value; the order of fields is the type's.
//! Rejected: `serde_json`'s pretty form, which spends seven lines on a model and its adapter.

use serde::Serialize;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// So many levels of brackets open lines.
const OPEN: usize = 2;

/// Writes `value`.
///
/// # Errors
/// The value cannot be JSON.
pub(super) fn write(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    let formatter = Shallow { depth: 0, filled: false };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

struct Shallow {
    depth: usize,
    /// Whether the innermost bracket has something in it.
    filled: bool,
}

impl Shallow {
    fn open<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        let lines = self.depth <= OPEN && self.filled;
        self.depth -= 1;
        self.filled = true;
        if lines {
            self.line(out)?;
        }
        out.write_all(bracket)
    }

    fn next<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if !first {
            out.write_all(b",")?;
        }
        if self.depth <= OPEN {
            return self.line(out);
        }
        if first { Ok(()) } else { out.write_all(b" ") }
    }

    fn line<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        write!(out, "\n{:1$}", "", self.depth * 2)
    }
}

impl Formatter for Shallow {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn inner_levels_stand_in_one_line_and_nothing_is_lost() {
        let value = json!({"a": [{"b": ["c", "d"], "e": {}}, {"f": []}], "g": [], "h": true});
        let text = write(&value).unwrap();
        let lines = [
            "{",
            "  \"a\": [",
            "    {\"b\": [\"c\", \"d\"], \"e\": {}},",
            "    {\"f\": []}",
            "  ],",
            "  \"g\": [],",
            "  \"h\": true",
            "}",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
