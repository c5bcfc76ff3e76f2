//! Where in the user's files something stands.

use std::fmt;
use std::sync::Arc;

/// A place in the user's files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The file as it was named on the command line, or found below a folder named
    /// there; `-` is standard input.
    pub file: Arc<str>,
    /// The line, from 1; 0 for what is no file.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}
