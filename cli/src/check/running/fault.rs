//! What may be wrong with a running gateway.

use crate::check::Severity;
use crate::proxy::Role;
use std::net::SocketAddr;

/// What is wrong with a running gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RunningFault {
    /// Envoy does not serve.
    #[error("Envoy is {state}, not LIVE")]
    NotLive {
        /// Its state.
        state: String,
    },
    /// A new version of a listener was refused, so the old one runs.
    #[error("Envoy refused a newer version and goes on with the old one: {reason}")]
    Refused {
        /// Envoy's reason.
        reason: String,
    },
    /// An old version still serves.
    #[error("an older version still serves its connections, with its old VMs")]
    Draining,
    /// A filter's configuration or module has not arrived.
    #[error(
        "the filter's configuration has not arrived, so the listener waits or lets requests pass"
    )]
    NotArrived,
    /// The agent put a filter that refuses everything in its place.
    #[error(
        "Istio's agent could not fetch the module and put a filter there that refuses every request"
    )]
    Replaced,
    /// The agent put a filter that does nothing in its place.
    #[error(
        "Istio's agent could not fetch the module and put a filter there that lets every request pass"
    )]
    ReplacedOpenly,
    /// A VM could not be loaded again.
    #[error("{plugin}: {count} reload(s) of a trapped VM failed")]
    ReloadsFailed {
        /// The plugin.
        plugin: String,
        /// How often.
        count: u64,
    },
    /// VMs trapped.
    #[error("{plugin}: VMs trapped and were loaded again {count} time(s)")]
    Reloads {
        /// The plugin.
        plugin: String,
        /// How often.
        count: u64,
    },
    /// There are fewer VMs than threads.
    #[error(
        "{active} Wasm VMs are active; {plugins} plugins on {workers} workers and the main thread need {wanted}"
    )]
    FewVms {
        /// How many there are.
        active: u64,
        /// How many plugins there are.
        plugins: u64,
        /// How many workers.
        workers: u64,
        /// How many VMs that makes.
        wanted: u64,
    },
    /// The filter shows no metrics at all.
    #[error("{role} shows no metrics: its VMs did not start, or Envoy is told to leave them out")]
    Silent {
        /// Which filter.
        role: Role,
    },
    /// The filter's module is older than this program.
    #[error("{role}: the module that runs is older than this igw: it does not have {missing}")]
    OldModule {
        /// Which filter.
        role: Role,
        /// The metric it does not have.
        missing: String,
    },
    /// The VMs run another configuration than the one in force.
    #[error("{role}: the VMs run an older configuration: they do not know {missing:?}")]
    OldVm {
        /// Which filter.
        role: Role,
        /// What the configuration names and the VMs do not count.
        missing: String,
    },
    /// Listeners have different modules.
    #[error("{role} comes from different modules: {}", modules.join(", "))]
    Modules {
        /// Which filter.
        role: Role,
        /// The modules.
        modules: Vec<String>,
    },
    /// The module that runs is not the expected one.
    #[error("{role} runs from {module}, which is not the same as {expected}")]
    OtherModule {
        /// Which filter.
        role: Role,
        /// What runs.
        module: String,
        /// What should.
        expected: String,
    },
    /// Envoy kept bodies to itself.
    #[error("{count} request(s) were answered 500 because Envoy kept their bodies from BBR")]
    BodiesWithheld {
        /// How many.
        count: u64,
    },
    /// No VM scrapes.
    #[error(
        "no VM holds the lease: nobody scraped in {seconds} s, so picks go by old metrics or none"
    )]
    NoLease {
        /// For how long it was watched.
        seconds: u64,
    },
    /// All scrapes of a pool fail.
    #[error("no fresh metrics: every scrape fails")]
    NoFreshMetrics,
    /// An endpoint's metrics are old.
    #[error("{endpoint}: its metrics are {age} ms old; from {limit} ms on they do not count")]
    Stale {
        /// The endpoint.
        endpoint: SocketAddr,
        /// In milliseconds.
        age: u64,
        /// `staleMs`.
        limit: u64,
    },
    /// An endpoint was never scraped.
    #[error("{endpoint}: no metrics were ever read from it")]
    NeverScraped {
        /// The endpoint.
        endpoint: SocketAddr,
    },
    /// The picker names an endpoint that Envoy does not have.
    #[error(
        "{endpoint} is known to the picker, but not to cluster {cluster:?}: picks of it go to any other endpoint"
    )]
    UnknownToCluster {
        /// The endpoint.
        endpoint: SocketAddr,
        /// The pool's cluster.
        cluster: String,
    },
    /// Envoy has an endpoint that the picker does not know.
    #[error(
        "{endpoint} is in cluster {cluster:?}, but the picker does not know it: it gets no requests"
    )]
    UnknownToPicker {
        /// The endpoint.
        endpoint: SocketAddr,
        /// The pool's cluster.
        cluster: String,
    },
    /// The cluster is empty or missing.
    #[error("cluster {cluster:?} has no endpoints: requests are answered 503")]
    NoEndpoints {
        /// The pool's cluster.
        cluster: String,
    },
    /// Envoy holds an endpoint for unhealthy.
    #[error("{endpoint} is unhealthy: {troubles}")]
    Unhealthy {
        /// The endpoint.
        endpoint: SocketAddr,
        /// Envoy's reasons.
        troubles: String,
    },
    /// The picker takes no endpoint for ready.
    #[error("no endpoint is ready: requests are answered {}", if *fails_open { "by any (failOpen)" } else { "503" })]
    NoneReady {
        /// Whether any endpoint is better than none.
        fails_open: bool,
    },
}

impl RunningFault {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Draining
            | Self::Reloads { .. }
            | Self::FewVms { .. }
            | Self::Silent { .. }
            | Self::OldModule { .. }
            | Self::Modules { .. }
            | Self::Stale { .. }
            | Self::NeverScraped { .. }
            | Self::UnknownToPicker { .. }
            | Self::Unhealthy { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NotLive { .. } => "wait until it is ready, or look at its log",
            Self::Refused { .. } => "correct the configuration; igw check FILES says what is wrong with it",
            Self::Draining => "wait for the drain time, then check again",
            Self::NotArrived | Self::Replaced | Self::ReplacedOpenly => {
                "look at the image's URL, its digest and the pull secret in the EnvoyFilter or WasmPlugin"
            }
            Self::ReloadsFailed { .. } | Self::Reloads { .. } => {
                "Envoy's log has the trap; please report it, with the log"
            }
            Self::FewVms { .. } => "look for \"wasm\" in Envoy's log; a restart brings all VMs back",
            Self::Silent { .. } => {
                "look for \"wasm\" in Envoy's log, and whether its stats_matcher keeps wasmcustom"
            }
            Self::OldModule { .. } => "deploy the modules that belong to this igw",
            Self::OldVm { .. } => "look in Envoy's log for why it did not take the new configuration, or restart it",
            Self::Modules { .. } => "give all listeners the same module, by digest",
            Self::OtherModule { .. } => "deploy that module, and restart Envoy",
            Self::BodiesWithheld { .. } => "set allow_on_headers_stop_iteration: true (Envoy 1.35, Istio 1.28 or newer)",
            Self::NoLease { .. } => "look for \"picker\" and \"wasm\" in Envoy's log; the picker's VMs may have trapped",
            Self::NoFreshMetrics => "ask a model server for the pool's metricsPath from Envoy's place; is the port right?",
            Self::Stale { .. } | Self::NeverScraped { .. } => "is the server up, and does it serve metrics on this port?",
            Self::UnknownToCluster { .. } | Self::UnknownToPicker { .. } => {
                "give cluster and pool the same endpoints; endpoints: {envoyAdmin: …} does it by itself"
            }
            Self::NoEndpoints { .. } => "start model servers, or look at the pool's selector, DNS name or EDS file",
            Self::Unhealthy { .. } => "look at the model server's log and its health check",
            Self::NoneReady { .. } => "are the model servers up, and reachable from Envoy?",
        }
        .to_owned()
    }
}
