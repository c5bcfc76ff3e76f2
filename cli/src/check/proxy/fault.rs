//! What may be wrong with a proxy's configuration.

use super::ROOM;
use crate::check::Severity;
use crate::proxy::Role;

/// What is wrong with a proxy's configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ProxyFault {
    /// No listener has any of this project's filters.
    #[error("no listener has the BBR or the picker filter")]
    NoFilters,
    /// A listener has one filter and not the other.
    #[error("the listener has {there}, but not {missing}")]
    OneFilter {
        /// The filter that is there.
        there: Role,
        /// The one that is not.
        missing: Role,
    },
    /// A filter stands where it cannot work.
    #[error("{first} stands behind {second}")]
    Order {
        /// What must stand first.
        first: &'static str,
        /// What must stand behind it.
        second: &'static str,
    },
    /// Nothing between BBR and picker asks for the route.
    #[error(
        "the picker stands right behind BBR: nothing asks for the new route, and the picker goes by the old one"
    )]
    NothingBetween,
    /// An external processor is still there.
    #[error("the external processor {name:?} is still in the chain")]
    ExternalProcessor {
        /// The filter's name.
        name: String,
    },
    /// Envoy refuses bodies that BBR would take.
    #[error(
        "Envoy buffers {limit} bytes of a request, BBR takes bodies up to {body}: larger ones get Envoy's plain 413"
    )]
    BufferTooSmall {
        /// The limit in bytes.
        limit: u64,
        /// `maxBodyBytes`.
        body: u64,
    },
    /// An HTTP/2 stream's window is too small for a body that is held.
    #[error(
        "the HTTP/2 stream window is {window} bytes, BBR takes bodies up to {body}: larger ones stall"
    )]
    WindowTooSmall {
        /// The window in bytes.
        window: u64,
        /// `maxBodyBytes`.
        body: u64,
    },
    /// A configuration names a cluster that is not there.
    #[error("picker: {field} is {cluster:?}, and there is no such cluster")]
    UnknownCluster {
        /// The field that names it.
        field: &'static str,
        /// The name.
        cluster: String,
    },
    /// A pool's cluster does not take the picker's word.
    #[error(
        "cluster {cluster:?} of pool {pool:?} has no override_host policy, so picks are ignored"
    )]
    NoOverride {
        /// The cluster.
        cluster: String,
        /// The pool.
        pool: String,
    },
    /// The scrape cluster cannot reach one endpoint and no other.
    #[error(
        "scrape cluster {cluster:?} is not of type ORIGINAL_DST with use_http_header, so metrics may be another endpoint's"
    )]
    ScrapeCluster {
        /// The cluster.
        cluster: String,
    },
    /// What the picker learns does not reach BBR.
    #[error(
        "learnAdapters is on, but BBR has vm_id {bbr:?} and the picker {picker:?}: what the picker learns does not reach BBR"
    )]
    VmIds {
        /// BBR's.
        bbr: String,
        /// The picker's.
        picker: String,
    },
    /// No route takes requests for a model.
    #[error("no route to a pool takes requests for {model:?}")]
    NoRoute {
        /// The model.
        model: String,
    },
}

impl ProxyFault {
    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::OneFilter { .. }
            | Self::ExternalProcessor { .. }
            | Self::VmIds { .. }
            | Self::ScrapeCluster { .. }
            | Self::NoRoute { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::NoFilters => "render the gateway's configuration with igw import".to_owned(),
            Self::OneFilter { missing, .. } => {
                format!("add {missing}, if this listener's models are in pools (igw import)")
            }
            Self::Order { first, second } => format!("put {first} before {second}"),
            Self::NothingBetween => "put a set_filter_state filter between them, as igw import does".to_owned(),
            Self::ExternalProcessor { .. } => {
                "remove the external body-based router or endpoint picker, which this gateway replaces".to_owned()
            }
            Self::BufferTooSmall { body, .. } => {
                let room = body.saturating_add(ROOM);
                format!("set per_connection_buffer_limit_bytes to {room} or more, or lower maxBodyBytes")
            }
            Self::WindowTooSmall { .. } => "raise initial_stream_window_size above maxBodyBytes".to_owned(),
            Self::UnknownCluster { .. } => "add the cluster, or correct the name".to_owned(),
            Self::NoOverride { .. } => {
                "give it the load balancing policy override_host with the header x-gateway-destination-endpoint".to_owned()
            }
            Self::ScrapeCluster { .. } => "make it ORIGINAL_DST with original_dst_lb_config.use_http_header".to_owned(),
            Self::VmIds { .. } => "give both the same vm_config.vm_id".to_owned(),
            Self::NoRoute { .. } => "add an HTTPRoute for it, or remove it from baseModels".to_owned(),
        }
    }
}
