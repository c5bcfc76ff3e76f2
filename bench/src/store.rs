//! Measured figures as JSON files beside the documentation, one per part.
//!
//! Invariant: a part that is measured again leaves the others' figures alone, and the
//! report is made of the files only; so its tables can change without measuring again.

use crate::machine::Machine;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Figures and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stored<T> {
    /// The machine at the measurement's begin.
    pub machine: Machine,
    /// What the user typed.
    pub command: String,
    /// The figures.
    pub figures: T,
}

/// A folder of figures.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// Figures cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("cannot use {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file holds something else; measuring the part again replaces it.
    #[error("{path} does not hold the figures of this version: measure this part again")]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl Store {
    /// In this folder, which may not exist yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a part's figures.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save<T: Serialize>(&self, part: &str, stored: &Stored<T>) -> Result<(), StoreError> {
        let path = self.path(part);
        let file = |source| StoreError::File { path: path.clone(), source };
        let mut text = serde_json::to_string_pretty(stored)
            .map_err(|source| StoreError::Json { path: path.clone(), source })?;
        text.push('\n');
        fs::create_dir_all(&self.folder).map_err(file)?;
        fs::write(&path, text).map_err(file)
    }

    /// A part's figures; none if it was never measured.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub fn load<T: DeserializeOwned>(&self, part: &str) -> Result<Option<Stored<T>>, StoreError> {
        let path = self.path(part);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|source| StoreError::Json { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::File { path, source }),
        }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_come_back_and_other_parts_stay() {
        let folder = std::env::temp_dir().join(format!("igw-bench-store-{}", std::process::id()));
        let store = Store::new(&folder);
        let stored = |figures| Stored { machine: Machine::here(), command: "c".into(), figures };
        assert_eq!(store.load::<u32>("a").unwrap(), None);
        let (a, b) = (stored(1), stored(2));
        store.save("a", &a).unwrap();
        store.save("b", &b).unwrap();
        let loaded = (store.load("a").unwrap(), store.load("b").unwrap());
        let other = store.load::<String>("a");
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(loaded, (Some(a), Some(b)));
        assert!(matches!(other, Err(StoreError::Json { .. })), "{other:?}");
    }
}
