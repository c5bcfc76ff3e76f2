//! Turns an [`Intent`] into the files a platform takes.
//!
//! Invariant: rendering is pure: the same intent and options give the same bytes, and no
//! target reads a file or a clock. To add a target: a variant of [`Target`], a module
//! `render/<target>.rs` with `fn render(&Intent, &Options) -> Result<Vec<RenderedFile>, RenderError>`,
//! and its arm in [`render`].

pub mod agentgateway;
pub mod envoy;
pub mod envoy_gateway;
mod error;
pub mod istio;
mod json;
mod options;
pub mod plugin;
pub mod routes;
pub mod template;

use crate::intent::Intent;
use std::path::PathBuf;

pub use error::RenderError;
pub use options::{Modules, Options, PortMap};

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// A static configuration for plain Envoy 1.36 or newer.
    Envoy,
    /// Istio 1.28 or newer.
    Istio,
    /// Envoy Gateway 1.6 or newer.
    EnvoyGateway,
    /// kgateway's agentgateway, which reads bodies itself.
    Agentgateway,
}

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    /// Its path, relative to the output folder.
    pub path: PathBuf,
    /// Its content, YAML, ending with a line feed.
    pub text: String,
}

/// Renders `intent` for `target`.
///
/// # Errors
/// The target cannot express the intent, or lacks something that the options could say.
pub fn render(
    target: Target,
    intent: &Intent,
    options: &Options,
) -> Result<Vec<RenderedFile>, RenderError> {
    match target {
        Target::Envoy => envoy::render(intent, options),
        Target::Istio => istio::render(intent, options),
        Target::Agentgateway => agentgateway::render(intent, options),
        Target::EnvoyGateway => envoy_gateway::render(intent, options),
    }
}
