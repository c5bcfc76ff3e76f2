use super::*;
use crate::bundle::tests::about;
use crate::crates::tests::crates;
use crate::module::tests::filter;
use serde_json::Value;

fn sbom(name: &str) -> Value {
    let module = Module::new(filter(b"sbom")).unwrap();
    let about = About { name: name.to_owned(), ..about() };
    let crates = crates().within(name).unwrap();
    let blob = write(&module, &about, &crates, "Debian's rustc 1.95.0 (abc), wasm").unwrap();
    serde_json::from_slice(blob.bytes()).unwrap()
}

fn of<'a>(sbom: &'a Value, name: &str) -> &'a Value {
    sbom["components"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn it_lists_the_modules_crates_and_the_standard_library_and_no_others() {
    let sbom = sbom("bbr-filter");
    let names: Vec<_> = sbom["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!("{} {}", one["name"].as_str().unwrap(), one["version"].as_str().unwrap())
        })
        .collect();
    assert_eq!(names, ["rust-std 1.95.0", "itoa 1.0.2", "serde_json 1.0.1", "shared 0.1.0"]);
    let module = Module::new(filter(b"sbom")).unwrap();
    let subject = &sbom["metadata"]["component"];
    assert_eq!(subject["name"], "bbr-filter");
    assert_eq!(subject["hashes"][0]["content"], module.blob().digest().hex());
}

#[test]
fn only_crates_of_a_registry_have_a_package_url_and_a_checksum() {
    let sbom = sbom("bbr-filter");
    let itoa = of(&sbom, "itoa");
    assert_eq!(itoa["purl"], "pkg:cargo/itoa@1.0.2");
    assert_eq!(itoa["hashes"][0]["alg"], "SHA-256");
    let shared = of(&sbom, "shared");
    assert_eq!((&shared["purl"], &shared["hashes"]), (&Value::Null, &Value::Null));
}

#[test]
fn licences_are_expressions_where_they_can_be() {
    let sbom = sbom("picker-filter");
    assert_eq!(of(&sbom, "itoa")["licenses"][0]["expression"], "MIT OR Apache-2.0");
    assert_eq!(of(&sbom, "odd")["licenses"][0]["license"]["name"], "our own terms");
}

#[test]
fn dependencies_refer_to_components() {
    let sbom = sbom("bbr-filter");
    let mut known: Vec<_> =
        sbom["components"].as_array().unwrap().iter().map(|one| &one["bom-ref"]).collect();
    known.push(&sbom["metadata"]["component"]["bom-ref"]);
    for dependency in sbom["dependencies"].as_array().unwrap() {
        assert!(known.contains(&&dependency["ref"]), "{dependency}");
        for need in dependency["dependsOn"].as_array().into_iter().flatten() {
            assert!(known.contains(&need), "{dependency}");
        }
    }
    assert_eq!(sbom["dependencies"].as_array().unwrap().len(), 4);
}

#[test]
fn the_serial_number_is_the_modules() {
    let serial = sbom("bbr-filter")["serialNumber"].as_str().unwrap().to_owned();
    let module = Module::new(filter(b"sbom")).unwrap();
    let hex = module.blob().digest().hex();
    assert_eq!(serial[..22], format!("urn:uuid:{}-{}", &hex[..8], &hex[8..12]));
}
