//! The sets of manifests that are imported as one.

use igw::diagnostics::Notice;
use igw::intent::{Endpoints, Intent, Settings, build};
use igw::manifests::{Input, Source, parse};
use igw::render::{Modules, Options, PortMap, RenderedFile, Target, render};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the manifests are, below the crate's folder.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// All sets, as folders below [`folder`].
pub fn all() -> Vec<String> {
    let mut cases: Vec<String> =
        ["guides/000", "guides/001/example-1", "guides/001/example-2"].map(str::to_owned).into();
    cases.extend(["guides/002", "guides/003", "guides/004"].map(str::to_owned));
    for group in ["manifests", "more"] {
        for entry in fs::read_dir(folder().join(group)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            cases.push(format!("{group}/{name}"));
        }
    }
    cases.sort();
    cases
}

/// The files of a set, with names that do not depend on where the project is.
pub fn sources(case: &str) -> Vec<Source> {
    let input = Input { release: None, path: folder().join(case) };
    let mut sources = input.sources().unwrap();
    for source in &mut sources {
        let path = Path::new(&*source.name).strip_prefix(folder()).unwrap();
        source.name = Arc::from(path.to_str().unwrap());
    }
    sources
}

/// Builds the intent, and gives pools without endpoints some.
pub fn intent(sources: &[Source]) -> (Intent, Vec<Notice>) {
    let manifests = parse(sources, "default").unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut notices = manifests.notices;
    let (mut intent, more) = build(manifests.documents, &Settings::default())
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    notices.extend(more);
    notices.sort();
    for (index, pool) in intent.pools.iter_mut().enumerate() {
        if pool.endpoints == Endpoints::Unknown {
            let address = |host| format!("10.0.{index}.{host}:{}", pool.ports[0]).parse().unwrap();
            pool.endpoints = Endpoints::Addresses(vec![address(1), address(2)]);
        }
    }
    (intent, notices)
}

/// What the target gets.
pub fn rendered(intent: &Intent, target: Target) -> Vec<RenderedFile> {
    let digest =
        |module: &str, digit: &str| (module.to_owned(), format!("sha256:{}", digit.repeat(64)));
    let modules = Modules {
        oci: "oci://registry.example.com/igw".to_owned(),
        digests: [digest("bbr-filter", "1"), digest("picker-filter", "2")].into(),
        ..Modules::default()
    };
    let options = Options { ports: PortMap::from([(80, 8080)]), modules, ..Options::default() };
    render(target, intent, &options).unwrap_or_else(|error| panic!("{target:?}: {error}"))
}
