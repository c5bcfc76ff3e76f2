//! Why an intent cannot be rendered.

/// Why an intent cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Nothing says where pools' endpoints are.
    #[error(
        "nothing says where the endpoints of {} are; add --endpoints POOL=IP:PORT,… (or HOST:PORT, or eds:FILE) for each, or the manifest of a headless Service with the pool's selector",
        pools.join(", ")
    )]
    NoEndpoints {
        /// The pools' ids.
        pools: Vec<String>,
    },
    /// There is no listener the target can make.
    #[error("there is no HTTP listener: {reason}")]
    NoListener {
        /// What there is instead.
        reason: &'static str,
    },
    /// Two listeners, or a listener and the admin interface, would have one port.
    #[error("port {port} would be used twice; choose others with --port and --admin-port")]
    PortTwice {
        /// The port.
        port: u16,
    },
    /// The target pulls modules from a registry, and nothing says from which.
    #[error(
        "nothing says where the modules are pulled from; add --registry oci://HOST/PATH and --digest {module}=sha256:…, as `cargo xtask publish` prints them"
    )]
    NoImage {
        /// The module.
        module: &'static str,
    },
    /// A value cannot be written.
    #[error("cannot write {what}: {reason}")]
    Write {
        /// What.
        what: &'static str,
        /// The reason.
        reason: String,
    },
}
