//! Wasm modules as OCI artifacts.
//!
//! From a module, the crates in it and the facts of its build this makes a [`Bundle`]:
//! the two forms in which Istio's agent accepts a module, an SBOM and a provenance
//! statement for each. A bundle is written as an OCI image layout ([`layout`]), pushed
//! to a registry ([`Registry`]), and pulled again by Istio's rules ([`pull`]).
//!
//! Invariant: the same input gives the same bytes, and so the same digests, on every
//! machine and at every time. Nothing here asks a clock, and no value is serialised from
//! a type without a fixed order of fields.
//! Rejected: calling `buildah` and `oras`; neither sets all that a digest depends on.

pub mod about;
mod artifact;
mod blob;
mod bundle;
pub mod crates;
pub mod credentials;
pub mod destination;
mod image;
pub mod layout;
pub mod media;
pub mod module;
pub mod provenance;
pub mod pull;
mod referrer;
pub mod registry;
pub mod sbom;

pub use about::About;
pub use blob::{Blob, Digest};
pub use bundle::{Bundle, BundleError, Form, Manifest, Release};
pub use crates::Crates;
pub use credentials::Credentials;
pub use destination::{Destination, Tag};
pub use module::Module;
pub use registry::Registry;
