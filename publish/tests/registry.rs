//! The built filters pushed to a real registry, and pulled by Istio's rules and by
//! `skopeo`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests; a panic there is a failed test"
)]

mod support;

use gateway_publish::pull::{Kind, PullError};
use gateway_publish::registry::{Authority, Options, RegistryError};
use gateway_publish::{Bundle, Credentials, Digest, Form, Registry, layout, media};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Programs, Server, bundle, client, closed_port, module, programs, tag};

const FILTERS: [&str; 2] = ["bbr-filter", "picker-filter"];

/// What `skopeo` prints.
fn skopeo(programs: &Programs, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(&programs.skopeo);
    let output = command.arg("--insecure-policy").args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "skopeo {arguments:?}: {stderr}");
    output.stdout
}

/// An image as `skopeo` brings it: a folder with the manifest and every blob.
fn copied(programs: &Programs, from: &str, to: &Path) {
    let to = format!("dir:{}", to.display());
    skopeo(programs, &["copy", "--src-tls-verify=false", from, &to]);
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

async fn pushed(server: &Server, name: &str) -> (Registry, Bundle) {
    let (registry, bundle) = (client(&server.host(), Credentials::none()), bundle(name));
    registry.push(&bundle, &tag()).await.unwrap();
    (registry, bundle)
}

#[tokio::test]
async fn istio_gets_the_module_from_both_forms_by_tag_and_by_digest() {
    let Some(programs) = programs("a pull by Istio's rules") else { return };
    let server = Server::open(&programs);
    for name in FILTERS {
        let (registry, bundle) = pushed(&server, name).await;
        registry.verify(&bundle, &tag()).await.unwrap();
        let forms =
            [(Form::Image, Kind::Image, "v1.2"), (Form::Artifact, Kind::Artifact, "v1.2-artifact")];
        for (form, kind, tag) in forms {
            let digest = bundle.form(form).digest();
            for reference in [tag, digest.as_str()] {
                let pulled = registry.pull(name, reference).await.unwrap();
                assert_eq!(pulled.kind, kind, "{name} {reference}");
                assert_eq!(&pulled.digest, digest, "{name} {reference}");
                assert!(*pulled.module.bytes() == module(name), "{name} {reference}");
            }
        }
    }
}

#[tokio::test]
async fn skopeo_gets_every_byte_that_was_pushed() {
    let Some(programs) = programs("reading back with skopeo") else { return };
    let server = Server::open(&programs);
    let folder = tempfile::tempdir().unwrap();
    for name in FILTERS {
        let (_, bundle) = pushed(&server, name).await;
        for (form, tag) in [(Form::Image, "v1.2"), (Form::Artifact, "v1.2-artifact")] {
            let to = folder.path().join(format!("{name}-{tag}"));
            let from = format!("docker://{}/team/gateway/{name}:{tag}", server.host());
            copied(&programs, &from, &to);
            let manifest = fs::read(to.join("manifest.json")).unwrap();
            assert_eq!(manifest, *bundle.form(form).blob.bytes());
            let manifest = json(&manifest);
            let layers = manifest["layers"].as_array().unwrap();
            for named in layers.iter().chain([&manifest["config"]]) {
                let digest = named["digest"].as_str().unwrap();
                let hex = digest.strip_prefix("sha256:").unwrap();
                let blob = bundle.blobs.values().find(|blob| blob.digest().hex() == hex).unwrap();
                assert!(fs::read(to.join(hex)).unwrap() == *blob.bytes(), "{name} {tag} {hex}");
            }
        }
        // In the artifact form the module is a blob as it is.
        let raw = folder.path().join(format!("{name}-v1.2-artifact")).join(bundle.module.hex());
        assert!(fs::read(raw).unwrap() == module(name), "{name}");
    }
}

#[tokio::test]
async fn a_layout_that_skopeo_pushes_keeps_its_digests_and_istio_can_pull_it() {
    let Some(programs) = programs("pushing a layout with skopeo") else { return };
    let server = Server::open(&programs);
    let folder = tempfile::tempdir().unwrap();
    let name = "bbr-filter";
    let bundle = bundle(name);
    let layout = folder.path().join("layout");
    layout::write(&bundle, &tag(), &layout).unwrap();
    let registry = client(&server.host(), Credentials::none());
    for (form, tag) in [(Form::Image, "v1.2"), (Form::Artifact, "v1.2-artifact")] {
        let from = format!("oci:{}:{tag}", layout.display());
        let to = format!("docker://{}/team/gateway/{name}:{tag}", server.host());
        skopeo(&programs, &["copy", "--dest-tls-verify=false", &from, &to]);
        let pulled = registry.pull(name, tag).await.unwrap();
        assert_eq!(&pulled.digest, bundle.form(form).digest(), "{tag}");
        assert!(*pulled.module.bytes() == module(name), "{tag}");
    }
    // Docker's media types are the third kind that Istio takes.
    let from = format!("oci:{}:v1.2", layout.display());
    let to = format!("docker://{}/team/gateway/{name}:docker", server.host());
    skopeo(&programs, &["copy", "--dest-tls-verify=false", "--format", "v2s2", &from, &to]);
    let pulled = registry.pull(name, "docker").await.unwrap();
    assert_eq!(pulled.kind, Kind::Docker);
    assert!(*pulled.module.bytes() == module(name));
}

#[tokio::test]
async fn sbom_and_provenance_are_listed_once_however_often_they_are_pushed() {
    let Some(programs) = programs("referrers") else { return };
    let server = Server::open(&programs);
    let (registry, bundle) = pushed(&server, "bbr-filter").await;
    registry.push(&bundle, &tag()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let repository = format!("docker://{}/team/gateway/bbr-filter", server.host());
    for form in [Form::Image, Form::Artifact] {
        let subject = bundle.form(form).digest();
        let list = format!("{repository}:sha256-{}", subject.hex());
        let list = skopeo(&programs, &["inspect", "--raw", "--tls-verify=false", &list]);
        let list = json(&list);
        let listed = list["manifests"].as_array().unwrap();
        let types: Vec<_> = listed.iter().map(|one| one["artifactType"].as_str()).collect();
        assert_eq!(types, [Some(media::CYCLONEDX), Some(media::IN_TOTO)]);
        for one in listed {
            let digest = one["digest"].as_str().unwrap();
            let to = folder.path().join(digest.replace(':', "-"));
            copied(&programs, &format!("{repository}@{digest}"), &to);
            let manifest = fs::read(to.join("manifest.json")).unwrap();
            assert_eq!(Digest::of(&manifest).as_str(), digest);
            let manifest = json(&manifest);
            assert_eq!(manifest["subject"]["digest"], subject.as_str());
            let blob = manifest["layers"][0]["digest"].as_str().unwrap();
            let blob = json(&fs::read(to.join(blob.strip_prefix("sha256:").unwrap())).unwrap());
            // Either document names the module it is about.
            let named = [
                &blob["metadata"]["component"]["hashes"][0]["content"],
                &blob["subject"][0]["digest"]["sha256"],
            ];
            assert!(named.contains(&&Value::from(bundle.module.hex())), "{blob}");
        }
    }
}

#[tokio::test]
async fn a_list_of_images_is_refused_as_istio_refuses_it() {
    let Some(programs) = programs("a list in place of an image") else { return };
    let server = Server::open(&programs);
    let (registry, bundle) = pushed(&server, "bbr-filter").await;
    let list = format!("sha256-{}", bundle.image.digest().hex());
    let error = registry.pull("bbr-filter", &list).await.unwrap_err();
    assert!(matches!(error, PullError::Manifest { .. }), "{error}");
}

#[tokio::test]
async fn what_is_attached_to_a_module_is_no_module() {
    let Some(programs) = programs("a pull of an SBOM") else { return };
    let server = Server::open(&programs);
    let (registry, bundle) = pushed(&server, "bbr-filter").await;
    let sbom = bundle.referrers[0].digest().as_str();
    let error = registry.pull("bbr-filter", sbom).await.unwrap_err();
    assert!(matches!(&error, PullError::NoKind { tried, .. } if tried.len() == 2), "{error}");
    let error = registry.pull("bbr-filter", "no-such-tag").await.unwrap_err();
    let PullError::Registry(error) = error else { panic!("{error}") };
    assert!(matches!(error, RegistryError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_registry_that_wants_a_login_gets_one_or_says_no() {
    let Some(programs) = programs("a registry with a login") else { return };
    let server = Server::guarded(&programs);
    let bundle = bundle("bbr-filter");
    let push = async |credentials| client(&server.host(), credentials).push(&bundle, &tag()).await;
    let error = push(Credentials::none()).await.unwrap_err();
    assert!(matches!(error, RegistryError::LoginNeeded { .. }), "{error}");
    let wrong = Credentials::user("me".to_owned(), "guess".to_owned());
    let error = push(wrong).await.unwrap_err();
    assert!(matches!(error, RegistryError::Refused { .. }), "{error}");

    let docker = tempfile::tempdir().unwrap();
    // base64 of `me:open-sesame`.
    let auth = r#"{"auth":"bWU6b3Blbi1zZXNhbWU="}"#;
    let config = format!(r#"{{"auths":{{"{}":{auth}}}}}"#, server.host());
    fs::write(docker.path().join("config.json"), config).unwrap();
    let right = Credentials::docker(docker.path(), &server.host()).unwrap();
    push(right.clone()).await.unwrap();
    client(&server.host(), right).verify(&bundle, &tag()).await.unwrap();
}

#[tokio::test]
async fn a_registry_that_is_not_there_or_speaks_no_tls_is_said_to_be_unreachable() {
    let bundle = bundle("bbr-filter");
    let nobody = client(&format!("127.0.0.1:{}", closed_port()), Credentials::none());
    let error = nobody.push(&bundle, &tag()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");

    let Some(programs) = programs("TLS to a registry without") else { return };
    let server = Server::open(&programs);
    let destination = format!("{}/team", server.host()).parse().unwrap();
    let tls = Registry::new(destination, Credentials::none(), Options::default()).unwrap();
    let error = tls.push(&bundle, &tag()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("--plain-http"), "{error}");
}

#[tokio::test]
async fn a_registry_with_an_authority_of_its_own_is_trusted_once_it_is_named() {
    let Some(programs) = programs("a registry with TLS") else { return };
    let (server, certificate) = Server::tls(&programs);
    let bundle = bundle("bbr-filter");
    let connect = |authorities| {
        let destination = format!("{}/team", server.host()).parse().unwrap();
        let options = Options { authorities, plain_http: false };
        Registry::new(destination, Credentials::none(), options).unwrap()
    };
    let error = connect(Vec::new()).push(&bundle, &tag()).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
    let trusting = connect(vec![Authority::pem(certificate.into_bytes()).unwrap()]);
    trusting.push(&bundle, &tag()).await.unwrap();
    trusting.verify(&bundle, &tag()).await.unwrap();
}
