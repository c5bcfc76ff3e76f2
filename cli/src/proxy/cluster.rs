//! A cluster, as far as the picker depends on it.

use super::{list, text};
use crate::diagnostics::Origin;
use serde_json::Value;

/// The header through which the picker names endpoints.
const DESTINATION: &str = "x-gateway-destination-endpoint";

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Where it is defined.
    pub origin: Origin,
    /// Whether its load balancing takes the picker's word.
    pub overrides_host: bool,
    /// Whether it reaches any address named in a header (`ORIGINAL_DST`).
    pub reaches_any: bool,
}

impl Cluster {
    pub(super) fn read(value: &Value, origin: Origin) -> Option<Self> {
        let policies = list(value, "/load_balancing_policy/policies");
        let overrides_host = policies.iter().any(|policy| {
            let config = policy.pointer("/typed_extension_config/typed_config");
            config.is_some_and(|config| {
                super::is_type(config, "OverrideHost")
                    && list(config, "/override_host_sources").iter().any(names_destination)
            })
        });
        let by_header = value.pointer("/original_dst_lb_config/use_http_header");
        Some(Self {
            name: text(value, "/name")?.to_owned(),
            origin,
            overrides_host,
            reaches_any: text(value, "/type") == Some("ORIGINAL_DST")
                && by_header.and_then(Value::as_bool) == Some(true),
        })
    }
}

/// A source of override hosts that carries the picker's word: its header, or metadata that
/// `header_to_metadata` fills from it.
fn names_destination(source: &Value) -> bool {
    let header = text(source, "/header").is_some_and(|name| name.eq_ignore_ascii_case(DESTINATION));
    header || source.get("metadata").is_some()
}
