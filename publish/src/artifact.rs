//! The artifact form: two layers, what runtime the module is for and the raw module.
//!
//! Invariant: exactly two layers, as Istio demands, and no blob twice. Its manifest's
//! configuration is OCI's empty one; with the runtime's description there, two
//! descriptors of different media types would share a digest, and a client that looks
//! blobs up by digest could take one for the other.

use crate::about::About;
use crate::blob::Blob;
use crate::image::PLUGIN;
use crate::media;
use crate::module::Module;
use oci_client::manifest::OciImageManifest;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Runtime {
    r#type: &'static str,
    abi_versions: [String; 1],
    config: RuntimeConfig,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeConfig {
    /// The SDK's filters answer to every root id; the empty one is what Istio sends.
    root_ids: [&'static str; 1],
}

/// OCI's empty configuration.
pub(crate) fn empty() -> Blob {
    Blob::new("{}")
}

/// Manifest and blobs of the artifact form.
pub(crate) fn wrap(
    module: &Module,
    about: &About,
) -> Result<(OciImageManifest, Vec<Blob>), serde_json::Error> {
    let runtime = Blob::json(&Runtime {
        r#type: "envoy_proxy",
        abi_versions: [format!("v{}", module.abi())],
        config: RuntimeConfig { root_ids: [""] },
    })?;
    let config = empty();
    let manifest = OciImageManifest {
        media_type: Some(media::MANIFEST.to_owned()),
        artifact_type: Some(media::WASM_LAYER.to_owned()),
        config: config.descriptor(media::EMPTY),
        layers: vec![
            runtime.titled(media::WASM_CONFIG, "runtime-config.json"),
            module.blob().titled(media::WASM_LAYER, PLUGIN),
        ],
        annotations: Some(about.annotations()),
        ..OciImageManifest::default()
    };
    Ok((manifest, vec![config, runtime, module.blob().clone()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::tests::filter;

    #[test]
    fn there_are_two_layers_and_one_is_the_module_as_it_is() {
        let module = Module::new(filter(b"x")).unwrap();
        let (manifest, blobs) = wrap(&module, &About::default()).unwrap();
        let types: Vec<_> = manifest.layers.iter().map(|layer| &layer.media_type).collect();
        assert_eq!(types, [media::WASM_CONFIG, media::WASM_LAYER]);
        assert_eq!(manifest.layers[1].digest, module.blob().digest().as_str());
        let runtime =
            r#"{"type":"envoy_proxy","abiVersions":["v0.2.1"],"config":{"rootIds":[""]}}"#;
        assert_eq!(blobs[1].bytes(), runtime);
    }
}
