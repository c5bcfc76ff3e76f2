use super::*;
use crate::bundle::Bundle;
use crate::bundle::tests::bundle;
use crate::module::tests::filter;

fn manifest(of: &crate::Manifest) -> OciImageManifest {
    serde_json::from_slice(of.blob.bytes()).unwrap()
}

/// What Istio would read from a bundle, without a registry between.
fn read(bundle: &Bundle, manifest: &OciImageManifest) -> Option<(Kind, Vec<u8>)> {
    kinds(manifest).iter().find_map(|&kind| {
        let layer = layer(manifest, kind).ok()?;
        let blob = bundle.blobs.values().find(|blob| blob.digest().as_str() == layer.digest)?;
        Some((kind, unwrap(kind, blob.bytes().to_vec()).ok()?))
    })
}

#[test]
fn each_form_is_read_as_what_it_is_and_gives_the_module() {
    let bundle = bundle(&[9; 70_000]);
    let module = filter(&[9; 70_000]);
    let read = |form| read(&bundle, &manifest(form)).unwrap();
    assert_eq!(read(&bundle.image), (Kind::Image, module.clone()));
    assert_eq!(read(&bundle.artifact), (Kind::Artifact, module));
}

#[test]
fn dockers_image_is_read_as_dockers_only() {
    let bundle = bundle(b"");
    let mut docker = manifest(&bundle.image);
    docker.media_type = Some(media::DOCKER_MANIFEST.to_owned());
    // OCI's layer in Docker's image.
    assert!(read(&bundle, &docker).is_none());
    docker.layers[0].media_type = media::DOCKER_LAYER.to_owned();
    assert_eq!(read(&bundle, &docker).unwrap(), (Kind::Docker, filter(b"")));
}

#[test]
fn only_the_last_layer_counts_in_an_image() {
    let bundle = bundle(b"");
    let mut image = manifest(&bundle.image);
    let mut other = image.layers[0].clone();
    other.media_type = media::CYCLONEDX.to_owned();
    image.layers.insert(0, other.clone());
    assert!(read(&bundle, &image).is_some());
    image.layers.push(other);
    assert!(matches!(layer(&image, Kind::Image), Err(Misfit::LastLayer { .. })));
}

#[test]
fn an_artifact_has_two_layers_no_more_and_no_less() {
    let bundle = bundle(b"");
    let mut artifact = manifest(&bundle.artifact);
    artifact.layers.push(artifact.layers[0].clone());
    assert!(matches!(layer(&artifact, Kind::Artifact), Err(Misfit::Layers { found: 3 })));
    artifact.layers.truncate(1);
    assert!(matches!(layer(&artifact, Kind::Artifact), Err(Misfit::Layers { found: 1 })));
    artifact.layers.push(artifact.layers[0].clone());
    assert!(matches!(layer(&artifact, Kind::Artifact), Err(Misfit::NoModule)));
    artifact.layers.clear();
    assert!(matches!(layer(&artifact, Kind::Image), Err(Misfit::NoLayer)));
}

#[test]
fn a_layer_without_the_module_is_refused() {
    assert!(matches!(unpack(b"no gzip"), Err(Misfit::Unpack(_))));
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    archive.append_data(&mut header, "other.wasm", b"x".as_slice()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut gzip, &archive.into_inner().unwrap()).unwrap();
    assert!(matches!(unpack(&gzip.finish().unwrap()), Err(Misfit::NoPlugin)));
}
