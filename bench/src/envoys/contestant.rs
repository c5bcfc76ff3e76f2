//! An Envoy that is measured, with all that belongs to it.

use super::process::{self, Paused};
use super::{GATEWAY_CPU, Helper};
use anyhow::{Context, Result};
use envoy_runner::{Bootstrap, Envoy, EnvoyBinary, Options};
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// How long an Envoy may take to start; it compiles its Wasm modules first.
const START: Duration = Duration::from_secs(60);

/// A contestant's turn in one round.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Requests answered.
    pub requests: usize,
    /// Requests per second.
    pub rate: f64,
    /// CPU time per request, in microseconds: Envoy's, all threads, and its helpers'.
    pub cpu: f64,
    /// Share of the time that they ran, 0 to 1.
    pub busy: f64,
    /// Median time of a request, in microseconds.
    pub p50: u32,
    /// 90 of 100 requests took less, in microseconds.
    pub p90: u32,
    /// 99 of 100 requests took less, in microseconds.
    pub p99: u32,
    /// Peak of resident memory, in bytes.
    pub memory: u64,
}

/// A running Envoy and its helper, ready for load.
#[derive(Debug)]
pub struct Contestant {
    /// Its name in messages and tables.
    pub label: String,
    /// Where it takes requests.
    pub port: u16,
    /// Its Envoy.
    pub envoy: Envoy,
    helper: Option<Helper>,
}

impl Contestant {
    /// Starts Envoy with one worker on the gateway's core, and waits until it serves.
    ///
    /// # Errors
    /// It does not.
    pub fn start(
        binary: &EnvoyBinary,
        label: impl Into<String>,
        bootstrap: &Bootstrap,
        port: u16,
        helper: Option<Helper>,
    ) -> Result<Self> {
        let label = label.into();
        let options = Options {
            concurrency: 1,
            cpus: vec![GATEWAY_CPU],
            log_level: "warning".to_owned(),
            ..Options::default()
        };
        let mut envoy = Envoy::start(binary, bootstrap, options)?;
        envoy.wait_ready(START).with_context(|| format!("Envoy with {label}"))?;
        Ok(Self { label, port, envoy, helper })
    }

    fn pids(&self) -> impl Iterator<Item = u32> {
        [self.envoy.pid()].into_iter().chain(self.helper.as_ref().map(Helper::pid))
    }

    /// Stops all its processes until what is returned is dropped.
    ///
    /// # Errors
    /// One of them has ended.
    pub fn pause(&self) -> io::Result<Paused> {
        Paused::new(self.pids())
    }

    /// CPU time of all its processes so far.
    ///
    /// # Errors
    /// One of them has ended.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        self.pids().map(process::cpu_time).sum()
    }

    /// Peak of the resident memory of all its processes, in bytes.
    ///
    /// # Errors
    /// One of them has ended.
    pub fn peak_memory(&self) -> io::Result<u64> {
        self.pids().map(process::peak_memory).sum()
    }

    /// Lets the peak begin anew.
    ///
    /// # Errors
    /// One of them has ended.
    pub fn forget_peak(&self) -> io::Result<()> {
        self.pids().try_for_each(process::forget_peak)
    }

    /// The end of Envoy's log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.envoy.log_tail()
    }
}
