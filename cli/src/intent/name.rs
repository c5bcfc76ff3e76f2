//! Names of objects.
//!
//! Invariant: a name has its namespace; documents without one got the default one
//! (`--namespace`) when they were read.

use std::fmt;

/// A namespaced object's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace; never empty.
    pub namespace: String,
    /// The name; never empty.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
