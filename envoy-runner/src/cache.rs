//! Where fetched Envoys stay between runs.
//!
//! Invariant: only this user's cache folder is written, never the project's tree.
//! Rejected: `target/`; `cargo clean` would throw away a 100 MB download.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// No folder for the cache is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no place for the cache: set IGW_CACHE to a folder this user may write")]
pub struct CacheError;

/// `$IGW_CACHE`, else `$XDG_CACHE_HOME/inference-gateway`, else
/// `$HOME/.cache/inference-gateway`. The folder need not exist yet.
///
/// # Errors
/// None of the three variables is set.
pub fn cache_dir() -> Result<PathBuf, CacheError> {
    choose(|name| env::var_os(name))
}

fn choose(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, CacheError> {
    let folder = |name: &str| variable(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    folder("IGW_CACHE")
        // The XDG base directory specification calls a relative value invalid.
        .or_else(|| {
            let xdg = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
            xdg.map(|path| path.join("inference-gateway"))
        })
        .or_else(|| folder("HOME").map(|home| home.join(".cache/inference-gateway")))
        .ok_or(CacheError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<PathBuf, CacheError> {
        choose(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, v)| OsString::from(v)))
    }

    #[test]
    fn the_projects_own_variable_comes_first() {
        let all = [("IGW_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        assert_eq!(with(&all), Ok("/a".into()));
        assert_eq!(with(&all[1..]), Ok("/b/inference-gateway".into()));
        assert_eq!(with(&all[2..]), Ok("/c/.cache/inference-gateway".into()));
    }

    #[test]
    fn empty_and_relative_values_count_as_unset() {
        let odd = [("IGW_CACHE", ""), ("XDG_CACHE_HOME", "b"), ("HOME", "/c")];
        assert_eq!(with(&odd), Ok("/c/.cache/inference-gateway".into()));
        assert_eq!(with(&[]), Err(CacheError));
    }
}
