//! The compat form: an OCI image with one layer, a `tar.gz` that holds `plugin.wasm`.
//!
//! Every registry takes it, and `docker`, `podman` and `skopeo` handle it as any image.
//!
//! Invariant: the layer has no time, no user and no host in it. The archive's only file
//! has mtime 0, user and group 0 and mode 0644; gzip's header has neither time nor name
//! nor operating system.
//! Rejected: Docker's older media types; Istio takes them as well, and `skopeo copy
//! --format v2s2` makes them for whoever needs them. Rejected: zstd; Istio refuses it.

use crate::about::About;
use crate::blob::{Blob, Digest};
use crate::media;
use crate::module::Module;
use flate2::{Compression, GzBuilder};
use oci_client::manifest::OciImageManifest;
use serde::Serialize;
use std::io::{self, Write};

/// The file Istio looks for.
pub(crate) const PLUGIN: &str = "plugin.wasm";

/// Unknown, in gzip's header (RFC 1952).
const NO_SYSTEM: u8 = 255;

#[derive(Serialize)]
struct Config<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<&'a str>,
    architecture: &'static str,
    os: &'static str,
    config: Empty,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

/// Manifest and blobs of the compat form.
pub(crate) fn wrap(module: &Module, about: &About) -> io::Result<(OciImageManifest, Vec<Blob>)> {
    let archive = archive(module.blob().bytes())?;
    let layer = Blob::new(compress(&archive)?);
    let config = Blob::json(&Config {
        created: about.created.as_deref(),
        // Go's names, as OCI's image specification wants them.
        architecture: "wasm",
        os: "wasip1",
        config: Empty {},
        rootfs: RootFs { r#type: "layers", diff_ids: [Digest::of(&archive)] },
    })?;
    let mut annotations = about.annotations();
    annotations.insert(media::VARIANT.to_owned(), "compat".to_owned());
    let manifest = OciImageManifest {
        media_type: Some(media::MANIFEST.to_owned()),
        config: config.descriptor(media::IMAGE_CONFIG),
        layers: vec![layer.descriptor(media::IMAGE_LAYER)],
        annotations: Some(annotations),
        ..OciImageManifest::default()
    };
    Ok((manifest, vec![config, layer]))
}

fn archive(module: &[u8]) -> io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_path(PLUGIN)?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, module)?;
    archive.into_inner()
}

fn compress(archive: &[u8]) -> io::Result<Vec<u8>> {
    let mut gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(NO_SYSTEM)
        .write(Vec::new(), Compression::best());
    gzip.write_all(archive)?;
    gzip.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::tests::filter;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn layer() -> Blob {
        let module = Module::new(filter(&[7; 5_000])).unwrap();
        wrap(&module, &About::default()).unwrap().1.remove(1)
    }

    #[test]
    fn the_layers_file_has_no_time_and_no_user() {
        let layer = layer();
        let mut archive = tar::Archive::new(GzDecoder::new(layer.bytes().as_ref()));
        let mut entries = archive.entries().unwrap();
        let mut file = entries.next().unwrap().unwrap();
        let header = file.header();
        assert_eq!(header.path().unwrap().to_str(), Some("plugin.wasm"));
        assert_eq!(header.mtime().unwrap(), 0);
        assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
        assert_eq!(header.mode().unwrap(), 0o644);
        assert_eq!((header.username(), header.groupname()), (Ok(Some("")), Ok(Some(""))));
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, filter(&[7; 5_000]));
        assert!(entries.next().is_none());
    }

    #[test]
    fn gzips_header_has_no_time_no_name_and_no_system() {
        // Magic, deflate, no flags, four bytes of time, best compression, no system.
        assert_eq!(layer().bytes()[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    }

    #[test]
    fn the_configuration_names_the_archive_before_compression() {
        let module = Module::new(filter(&[])).unwrap();
        let (manifest, blobs) = wrap(&module, &About::default()).unwrap();
        let config: serde_json::Value = serde_json::from_slice(blobs[0].bytes()).unwrap();
        let mut archive = Vec::new();
        GzDecoder::new(blobs[1].bytes().as_ref()).read_to_end(&mut archive).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], Digest::of(&archive).as_str());
        assert_eq!(manifest.layers[0].digest, blobs[1].digest().as_str());
        assert_eq!(manifest.annotations.unwrap()[media::VARIANT], "compat");
    }
}
