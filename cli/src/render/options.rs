//! What rendering needs to know beside the intent.

use super::RenderError;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// How to render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the Wasm modules are.
    pub modules: Modules,
    /// The largest request body in bytes that is read, 1 to 1 GiB; buffers follow from it.
    pub max_body_bytes: u32,
    /// Answer 404 to models the gateway does not know, instead of leaving it to the routes.
    pub reject_unknown_models: bool,
    /// Add response headers that say what was chosen and why.
    pub explain: bool,
    /// Where plain Envoy listens.
    pub address: IpAddr,
    /// Other ports than the Gateways', for plain Envoy.
    pub ports: PortMap,
    /// Port of plain Envoy's admin interface, on loopback.
    pub admin_port: u16,
}

/// Ports that replace those of the Gateways.
pub type PortMap = BTreeMap<u16, u16>;

/// Where the Wasm modules are. Targets that take URLs get `oci`, plain Envoy `folder`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules {
    /// The folder of `bbr-filter.wasm` and `picker-filter.wasm`, as Envoy will see it.
    pub folder: PathBuf,
    /// Prefix of the modules' OCI references, such as `oci://registry.example/igw`; the
    /// target appends the module's name and the digest.
    pub oci: String,
    /// Manifest digests (`sha256:` and 64 hexadecimal digits) by module (`bbr-filter`,
    /// `picker-filter`).
    pub digests: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            modules: Modules::default(),
            max_body_bytes: 16 << 20,
            reject_unknown_models: false,
            explain: true,
            address: Ipv4Addr::UNSPECIFIED.into(),
            ports: PortMap::new(),
            admin_port: 9901,
        }
    }
}

impl Default for Modules {
    fn default() -> Self {
        Self { folder: "dist".into(), oci: String::new(), digests: BTreeMap::new() }
    }
}

impl Modules {
    /// A module's OCI reference, pinned by its digest.
    ///
    /// # Errors
    /// Registry or digest are not known.
    pub fn image(&self, module: &'static str) -> Result<String, RenderError> {
        match self.digests.get(module) {
            Some(digest) if !self.oci.is_empty() => {
                Ok(format!("{}/{module}@{digest}", self.oci.trim_end_matches('/')))
            }
            _ => Err(RenderError::NoImage { module }),
        }
    }
}

impl Options {
    /// What Envoy must be able to buffer: 4 MiB above the largest body, so that the
    /// filter's own 413 comes first.
    #[must_use]
    pub fn buffer_bytes(&self) -> u32 {
        self.max_body_bytes.saturating_add(4 << 20)
    }
}
