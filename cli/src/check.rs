//! `igw check`: what is wrong with files before they are applied, and with a gateway that
//! runs.
//!
//! Invariant: a finding says what is wrong, where, and what to do, in one line; an error is
//! something that makes requests fail or go astray, a warning something that may. The rules
//! for plugins and proxies are the same for files and for a running Envoy. Rejected: asking
//! `envoy --mode validate`; it needs an Envoy, and it accepts a missing flag and a buffer
//! that is too small.

mod files;
mod finding;
mod plugin;
mod proxy;
mod resource;
mod running;
mod together;
mod versions;

pub use files::{Checked, files};
pub use finding::{Finding, FindingKind, Severity};
pub use plugin::PluginFault;
pub use proxy::ProxyFault;
pub use resource::ResourceFault;
pub use running::{RunningFault, Seen, running};
pub use together::SetFault;
pub use versions::VersionFault;
