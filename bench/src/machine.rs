//! What the figures were measured on.

use serde::{Deserialize, Serialize};
use std::fs;
use std::time::SystemTime;

/// The machine at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// CPU model as the kernel names it.
    pub cpu: String,
    /// Cores, whichever of them this process may use.
    pub cores: usize,
    /// The kernel's release.
    pub kernel: String,
    /// Date and time, as in HTTP.
    pub date: String,
    /// Runnable processes over the last minute, before the measurement.
    pub load: String,
}

impl Machine {
    /// Looks at this machine. What the kernel does not say is called unknown.
    #[must_use]
    pub fn here() -> Self {
        let read = |path| fs::read_to_string(path).ok();
        let unknown = || "unknown".to_owned();
        let model = read("/proc/cpuinfo").and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        // Not `available_parallelism`: the load's thread is pinned to one core.
        let cores = read("/proc/cpuinfo")
            .map_or(0, |info| info.lines().filter(|line| line.starts_with("processor")).count());
        let kernel = read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
        let load = read("/proc/loadavg").and_then(|text| Some(text.split(' ').next()?.to_owned()));
        Self {
            cpu: model.unwrap_or_else(unknown),
            cores,
            kernel: kernel.unwrap_or_else(unknown),
            date: httpdate::fmt_http_date(SystemTime::now()),
            load: load.unwrap_or_else(unknown),
        }
    }
}
