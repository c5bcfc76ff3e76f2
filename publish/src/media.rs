//! Media types and annotation keys.
//!
//! Invariant: each stands here once; the forms, the pull by Istio's rules and the tests
//! mean the same. Those that `oci-client` names are taken from there.

pub use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE as IMAGE_CONFIG, IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE as DOCKER_LAYER,
    IMAGE_LAYER_GZIP_MEDIA_TYPE as IMAGE_LAYER, IMAGE_MANIFEST_MEDIA_TYPE as DOCKER_MANIFEST,
    OCI_IMAGE_INDEX_MEDIA_TYPE as INDEX, OCI_IMAGE_MEDIA_TYPE as MANIFEST,
};

/// The raw module in the artifact form.
pub const WASM_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

/// What runtime the module of the artifact form is for.
pub const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";

/// The configuration of artifacts that have none: `{}` (OCI image specification 1.1).
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// An SBOM in CycloneDX's JSON.
pub const CYCLONEDX: &str = "application/vnd.cyclonedx+json";

/// An in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// Says on an image that it is the compat form; its value is `compat`.
pub const VARIANT: &str = "module.wasm.image/variant";

/// Says on an in-toto statement what it states.
pub const PREDICATE_TYPE: &str = "in-toto.io/predicate-type";

/// The name of a blob when it becomes a file.
pub const TITLE: &str = "org.opencontainers.image.title";

/// The tag of a manifest in an image layout's index.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
