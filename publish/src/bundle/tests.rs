use super::*;
use crate::module::tests::filter;
use oci_client::manifest::OciManifest;
use serde_json::Value;

pub(crate) fn about() -> About {
    About {
        name: "bbr-filter".to_owned(),
        description: Some("A filter.".to_owned()),
        version: "0.1.0".to_owned(),
        revision: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        created: Some(About::time(1_700_000_000).unwrap()),
        source: Some("https://git.example/gateway".to_owned()),
        license: Some("Apache-2.0".to_owned()),
    }
}

pub(crate) fn build() -> Build {
    Build {
        package: "bbr-filter".to_owned(),
        target: "wasm32-wasip1".to_owned(),
        profile: "wasm".to_owned(),
        compiler: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
        builder: provenance::LOCAL_BUILDER.to_owned(),
        lock: Digest::of(b"lock"),
    }
}

pub(crate) fn bundle(padding: &[u8]) -> Bundle {
    let module = Module::new(filter(padding)).unwrap();
    let crates = crate::crates::tests::crates().within("bbr-filter").unwrap();
    let (about, build) = (about(), build());
    let release = Release { module: &module, about: &about, crates: &crates, build: &build };
    Bundle::assemble(release).unwrap()
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (one, two) = (bundle(b"same"), bundle(b"same"));
    assert_eq!(one.image.blob, two.image.blob);
    assert_eq!(one.artifact.blob, two.artifact.blob);
    let blobs =
        |bundle: &Bundle| bundle.referrers.iter().map(|m| m.blob.clone()).collect::<Vec<_>>();
    assert_eq!(blobs(&one), blobs(&two));
    assert_eq!(one.blobs, two.blobs);
}

#[test]
fn another_module_gives_other_digests_throughout() {
    let (one, two) = (bundle(b"one"), bundle(b"two"));
    assert_ne!(one.image.digest(), two.image.digest());
    assert_ne!(one.artifact.digest(), two.artifact.digest());
    for (one, two) in one.referrers.iter().zip(&two.referrers) {
        assert_ne!(one.digest(), two.digest());
    }
}

#[test]
fn every_digest_a_manifest_names_is_there() {
    let bundle = bundle(b"whole");
    let manifests: Vec<&Manifest> =
        [&bundle.image, &bundle.artifact].into_iter().chain(&bundle.referrers).collect();
    for manifest in &manifests {
        let parsed: OciManifest = serde_json::from_slice(manifest.blob.bytes()).unwrap();
        let OciManifest::Image(parsed) = parsed else { panic!("an index") };
        for named in parsed.layers.iter().chain([&parsed.config]) {
            let blob = bundle.blobs.values().find(|blob| blob.digest().as_str() == named.digest);
            assert_eq!(blob.unwrap().bytes().len() as i64, named.size, "{}", named.media_type);
        }
        if let Some(subject) = parsed.subject {
            let there = manifests.iter().any(|other| other.digest().as_str() == subject.digest);
            assert!(there, "{}", subject.digest);
        }
    }
    assert_eq!(manifests.len(), 6);
}

#[test]
fn each_form_has_one_sbom_and_one_provenance() {
    let bundle = bundle(b"");
    for form in [Form::Image, Form::Artifact] {
        let types: Vec<_> =
            bundle.referrers_of(form).map(|m| m.descriptor.artifact_type.as_deref()).collect();
        assert_eq!(types, [Some(media::CYCLONEDX), Some(media::IN_TOTO)]);
    }
}

#[test]
fn a_manifest_says_its_media_type_and_schema_and_carries_the_annotations() {
    let bundle = bundle(b"");
    for manifest in [&bundle.image, &bundle.artifact, &bundle.referrers[0]] {
        let json: Value = serde_json::from_slice(manifest.blob.bytes()).unwrap();
        assert_eq!(json["schemaVersion"], 2);
        assert_eq!(json["mediaType"], media::MANIFEST);
        let annotations = &json["annotations"];
        assert_eq!(annotations["org.opencontainers.image.version"], "0.1.0");
        assert_eq!(annotations["org.opencontainers.image.created"], "2023-11-14T22:13:20Z");
    }
}
