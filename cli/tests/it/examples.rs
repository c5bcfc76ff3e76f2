//! The examples that stand in the project: what `igw import` makes of `examples/guides.yaml`.
//! `IGW_BLESS=1 cargo test -p igw examples` writes them anew.

use super::cases;
use igw::manifests::{Input, Source};
use igw::render::Target;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

/// The targets' folders.
const FOLDERS: [(Target, &str); 3] = [
    (Target::Envoy, "envoy-config"),
    (Target::Istio, "istio"),
    (Target::EnvoyGateway, "envoy-gateway"),
];

/// What a rendered file is called in the project: `envoy-config/` has a configuration that
/// is written by hand, too.
fn name(rendered: &Path) -> &Path {
    if rendered == Path::new("envoy.yaml") { Path::new("imported.yaml") } else { rendered }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources() -> Vec<Source> {
    let input = Input { release: None, path: root().join("examples/guides.yaml") };
    let mut sources = input.sources().unwrap();
    for source in &mut sources {
        source.name = Arc::from("examples/guides.yaml");
    }
    sources
}

#[test]
fn the_examples_are_what_the_import_writes() {
    let (intent, _) = cases::intent(&sources());
    for (target, folder) in FOLDERS {
        for file in cases::rendered(&intent, target) {
            let path = root().join(folder).join(name(&file.path));
            if env::var_os("IGW_BLESS").is_some() {
                fs::write(&path, &file.text).unwrap();
            }
            let found = fs::read_to_string(&path).unwrap_or_default();
            let place = path.display();
            assert!(found == file.text, "{place} is another now; IGW_BLESS=1 writes it anew");
        }
    }
}
