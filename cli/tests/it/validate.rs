//! Envoy accepts every configuration that is rendered for it; the filters read theirs.

use super::cases;
use envoy_runner::{Bootstrap, obtain, validate};
use igw::intent::{Address, Endpoints};
use igw::render::Target;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn envoy_and_both_filters_accept_every_rendered_configuration() {
    let binary = obtain(None).unwrap();
    let modules = modules();
    // Sets without routes give one and the same configuration; once is enough.
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for case in cases::all() {
        let (intent, _) = cases::intent(&cases::sources(&case));
        let mut files = cases::rendered(&intent, Target::Envoy);
        texts.insert(files.remove(0).text, case);
    }
    for (text, case) in texts {
        let mut bootstrap = Bootstrap::parse(&text).unwrap();
        let bbr = bootstrap.plugin_configuration("bbr").unwrap().to_string();
        shared::bbr::Settings::from_json(bbr.as_bytes()).unwrap();
        let picker = bootstrap.plugin_configuration("picker").unwrap().to_string();
        shared::picker::Settings::from_json(picker.as_bytes()).unwrap();
        bootstrap.with_modules(&modules);
        validate(&binary, &bootstrap).unwrap_or_else(|error| panic!("{case}: {error}"));
    }
}

#[test]
fn envoy_accepts_endpoints_by_name_and_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("eds.yaml");
    let resource = "resources:\n- \"@type\": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n  cluster_name: gemma3\n";
    std::fs::write(&file, resource).unwrap();
    let (mut intent, _) = cases::intent(&cases::sources("guides/004"));
    intent.pools[0].endpoints = Endpoints::Dns(vec![
        Address { host: "localhost".to_owned(), port: 8000 },
        Address { host: "127.0.0.1".to_owned(), port: 8001 },
    ]);
    intent.pools[1].endpoints = Endpoints::EdsFile(file);
    let text = cases::rendered(&intent, Target::Envoy).remove(0).text;
    assert!(text.contains("STRICT_DNS") && text.contains("type: EDS"));
    let mut bootstrap = Bootstrap::parse(&text).unwrap();
    bootstrap.with_modules(&modules());
    validate(&obtain(None).unwrap(), &bootstrap).unwrap();
}

fn modules() -> PathBuf {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("dist");
    assert!(modules.join("bbr-filter.wasm").is_file(), "run `cargo xtask build`");
    modules
}
