//! Golden files: what every set of manifests becomes on every target, and what is said
//! about it. `IGW_BLESS=1 cargo test -p igw golden` writes them anew.

use super::cases;
use clap::ValueEnum;
use igw::diagnostics::Level;
use igw::render::Target;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Writes the files instead of comparing them.
const BLESS: &str = "IGW_BLESS";

#[test]
fn every_set_becomes_what_its_golden_files_say() {
    let golden = cases::folder().join("golden");
    let mut wanted = BTreeMap::new();
    for case in cases::all() {
        let (intent, notices) = cases::intent(&cases::sources(&case));
        let folder = PathBuf::from(&case);
        let word = |level| match level {
            Level::Understood => "understood",
            Level::Assumed => "assumed",
            Level::Warning => "warning",
        };
        let lines = notices.iter().map(|notice| {
            format!("{} {}: {}\n", word(notice.kind.level()), notice.origin, notice.kind)
        });
        wanted.insert(folder.join("notices.txt"), lines.collect::<String>());
        for target in Target::value_variants() {
            let name = target.to_possible_value().unwrap().get_name().to_owned();
            for file in cases::rendered(&intent, *target) {
                wanted.insert(folder.join(&name).join(file.path), file.text);
            }
        }
    }
    if env::var_os(BLESS).is_some() {
        let _ = fs::remove_dir_all(&golden);
        for (path, text) in &wanted {
            let path = golden.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let mut found = BTreeMap::new();
    collect(&golden, &golden, &mut found);
    let names = |files: &BTreeMap<PathBuf, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&wanted), "other files; {BLESS}=1 writes them anew");
    for (path, text) in wanted {
        assert!(
            found[&path] == text,
            "{} differs from what is rendered now; {BLESS}=1 writes it anew:\n{}",
            path.display(),
            first_difference(&found[&path], &text)
        );
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            files.insert(path.strip_prefix(root).unwrap().to_owned(), text);
        }
    }
}

fn first_difference(golden: &str, now: &str) -> String {
    let pairs = golden.lines().zip(now.lines()).enumerate();
    let different = pairs.filter(|(_, (old, new))| old != new);
    let show = |(line, (old, new))| format!("line {}:\n- {old}\n+ {new}", line + 1);
    different.map(show).next().unwrap_or_else(|| "one is longer".to_owned())
}
