//! Paths of this machine kept out of the modules: `--remap-path-prefix` for each.
//!
//! A panic's message holds the path of its source file, and rustc puts it into the
//! module. With these flags two machines, two folders and two target folders give the
//! same module, byte for byte.
//!
//! Invariant: every folder sources are compiled from has one name, the same on every
//! machine. Rejected: cargo's `trim-paths`, not stable yet; a container to build in, which
//! a developer would have to have.

use crate::toolchain::{Target, toml};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The arguments of cargo for a build of the workspace in `root` into `target_dir`.
pub(crate) fn arguments(root: &Path, target_dir: &Path) -> Vec<OsString> {
    let flags = folders(root, target_dir)
        .into_iter()
        .map(|(from, to)| toml(&format!("--remap-path-prefix={}={to}", from.display())));
    let flags = flags.collect::<Vec<_>>().join(",");
    // Given this way they are added to those of `.cargo/config.toml`.
    let triple = Target::Wasip1.triple();
    vec!["--config".into(), format!("target.{triple}.rustflags=[{flags}]").into()]
}

/// A folder of sources whose path stands in a module all the same.
pub(crate) fn leak(module: &[u8], root: &Path, target_dir: &Path) -> Option<PathBuf> {
    let folders = folders(root, target_dir).into_iter().map(|(from, _)| from);
    folders.chain([cargo_home()]).find(|folder| {
        let path = folder.as_os_str().as_encoded_bytes();
        !path.is_empty() && module.windows(path.len()).any(|window| window == path)
    })
}

/// Folders and the names they get. The last that fits is taken, so the narrower come later.
fn folders(root: &Path, target_dir: &Path) -> Vec<(PathBuf, String)> {
    let home = cargo_home();
    let mut folders = vec![
        (root.to_owned(), "/gateway".to_owned()),
        (target_dir.to_owned(), "/target".to_owned()),
        (home.join("git/checkouts"), "/cargo/git".to_owned()),
    ];
    folders.extend(registries(&home).into_iter().map(|folder| (folder, "/cargo".to_owned())));
    folders.extend(standard_library());
    folders
}

/// The folders crates are unpacked to, one per registry. Their names hold the registry's,
/// which is another one where crates come from a mirror.
fn registries(cargo_home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten();
    let mut folders: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    folders.sort();
    folders
}

fn cargo_home() -> PathBuf {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).unwrap_or_default()
}

/// Where the standard library's sources are installed, rustc names that folder in place
/// of the one its own build used; both become the latter.
fn standard_library() -> Option<(PathBuf, String)> {
    let rustc = || Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let run = |command: &mut Command| {
        let output = command.current_dir(crate::project::root()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let sysroot = run(rustc().args(["--print", "sysroot"]))?;
    let version = run(rustc().arg("-vV"))?;
    let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: "))?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
    Some((sources, format!("/rustc/{commit}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_registrys_folder_gets_the_same_name() {
        let home = tempfile::tempdir().unwrap();
        assert!(registries(home.path()).is_empty());
        for name in ["mirror-2", "index-1"] {
            fs::create_dir_all(home.path().join("registry/src").join(name)).unwrap();
        }
        let names: Vec<_> = registries(home.path())
            .iter()
            .map(|folder| folder.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["index-1", "mirror-2"]);
    }

    #[test]
    fn a_path_that_is_left_is_found() {
        let (root, target_dir) = (Path::new("/some/where"), Path::new("/t4rget"));
        let leaked = |module: &str| leak(module.as_bytes(), root, target_dir);
        assert_eq!(leaked("..panicked at /t4rget/a.rs..").as_deref(), Some(target_dir));
        assert_eq!(leaked("..panicked at /gateway/a.rs.."), None);
    }

    #[test]
    fn the_flags_are_added_to_those_of_the_target() {
        let arguments = arguments(Path::new("/a \"b\""), Path::new("/t"));
        let text = arguments[1].to_str().unwrap();
        assert_eq!(arguments[0], "--config");
        let begin = r#"target.wasm32-wasip1.rustflags=["--remap-path-prefix=/a \"b\"=/gateway""#;
        assert!(text.starts_with(begin), "{text}");
        assert!(text.contains(r#""--remap-path-prefix=/t=/target""#), "{text}");
        assert!(text.ends_with(']'), "{text}");
    }
}
