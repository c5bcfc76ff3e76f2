//! What stands on the command line: files, folders, standard input.
//!
//! Invariant: the files of a folder are read in the order of their paths, and only those
//! that are called `.yaml`, `.yml` or `.json`.

use crate::diagnostics::{Fault, FaultKind, Origin};
use std::convert::Infallible;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::{fmt, fs};

/// Folders inside folders are read down to here; a loop of links ends.
const DEPTH: usize = 16;

/// One argument: a path, or `-`; before a chart's values, perhaps the release's name and `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name of the Helm release that a values file belongs to.
    pub release: Option<String>,
    /// The file or folder; `-` is standard input.
    pub path: PathBuf,
}

/// A text and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file's name, for messages.
    pub name: Arc<str>,
    /// The name of the Helm release, if the text is values of a chart.
    pub release: Option<String>,
    /// The text.
    pub text: String,
}

impl FromStr for Input {
    type Err = Infallible;

    /// `PATH` or `RELEASE=PATH`. A path that exists is a path, whatever is in its name.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        if !Path::new(text).exists()
            && let Some((release, path)) = text.split_once('=')
        {
            return Ok(Self { release: Some(release.to_owned()), path: path.into() });
        }
        Ok(Self { release: None, path: text.into() })
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

impl Input {
    /// Reads the file, or all files below the folder.
    ///
    /// # Errors
    /// A file cannot be read, or a folder has none.
    pub fn sources(&self) -> Result<Vec<Source>, Fault> {
        if self.path.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| unreadable(Path::new("-"), &error))?;
            return Ok(vec![self.source(Path::new("-"), text)]);
        }
        let mut files = Vec::new();
        collect(&self.path, true, DEPTH, &mut files)
            .map_err(|(path, error)| unreadable(&path, &error))?;
        if files.is_empty() {
            return Err(Fault { origin: place(&self.path), kind: FaultKind::Empty });
        }
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
            Ok(self.source(path, text))
        };
        files.iter().map(read).collect()
    }

    fn source(&self, path: &Path, text: String) -> Source {
        let release = self.release.clone().or_else(|| release_of(path));
        Source { name: path.display().to_string().into(), release, text }
    }
}

fn collect(
    path: &Path,
    named: bool,
    depth: usize,
    files: &mut Vec<PathBuf>,
) -> Result<(), (PathBuf, io::Error)> {
    let fail = |error| (path.to_owned(), error);
    if fs::metadata(path).map_err(fail)?.is_dir() {
        if depth == 0 {
            return Ok(());
        }
        let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(fail)?.collect();
        let mut paths: Vec<PathBuf> =
            entries.map_err(fail)?.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        return paths.iter().try_for_each(|path| collect(path, false, depth - 1, files));
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    if named || matches!(extension, Some("yaml" | "yml" | "json")) {
        files.push(path.to_owned());
    }
    Ok(())
}

/// The release a values file is for, by its name: `vllm-deepseek-r1.values.yaml`,
/// `vllm-deepseek-r1-values.yaml`, `values-vllm-deepseek-r1.yaml`, `vllm-deepseek-r1.yaml`,
/// or `values.yaml` in the folder `vllm-deepseek-r1`.
fn release_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let name = [".values", "-values", "_values"]
        .iter()
        .find_map(|end| stem.strip_suffix(end))
        .or_else(|| {
            ["values-", "values.", "values_"].iter().find_map(|start| stem.strip_prefix(start))
        })
        .unwrap_or(stem);
    let name = if name == "values" { path.parent()?.file_name()?.to_str()? } else { name };
    (!name.is_empty() && name != "-").then(|| name.to_owned())
}

fn place(path: &Path) -> Origin {
    Origin { file: path.display().to_string().into(), line: 1 }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault { origin: place(path), kind: FaultKind::Unreadable { reason: error.to_string() } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_values_file_names_its_release() {
        let cases = [
            ("a/pool-1.values.yaml", Some("pool-1")),
            ("pool-1-values.yaml", Some("pool-1")),
            ("values-pool-1.yaml", Some("pool-1")),
            ("pool-1.yaml", Some("pool-1")),
            ("pool-1/values.yaml", Some("pool-1")),
            ("values.yaml", None),
            ("-", None),
        ];
        for (path, release) in cases {
            assert_eq!(release_of(Path::new(path)).as_deref(), release, "{path}");
        }
    }

    #[test]
    fn a_folder_gives_its_manifests_in_order_and_an_empty_one_is_a_fault() {
        let folder = tempfile::tempdir().unwrap();
        let input = Input { release: None, path: folder.path().to_owned() };
        assert_eq!(input.sources().unwrap_err().kind, FaultKind::Empty);
        fs::create_dir(folder.path().join("b")).unwrap();
        for file in ["b/z.yml", "c.json", "a.yaml", "README.md"] {
            fs::write(folder.path().join(file), file).unwrap();
        }
        let texts: Vec<String> = input.sources().unwrap().into_iter().map(|s| s.text).collect();
        assert_eq!(texts, ["a.yaml", "b/z.yml", "c.json"]);
    }

    #[test]
    fn a_release_may_stand_before_the_path() {
        let input: Input = "pool-1=values.yaml".parse().unwrap();
        assert_eq!(input.release.as_deref(), Some("pool-1"));
        assert_eq!(input.path, Path::new("values.yaml"));
    }
}
