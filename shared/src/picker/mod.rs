//! Endpoint picking: what the picker filter is configured to do, whom it admits,
//! and the protocol's small texts (subset hints, session tokens).

mod admission;
mod pool_settings;
mod schema;
mod session;
mod settings;
mod status_settings;
mod subset;

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;

pub use admission::{Admission, Priority};
pub use pool_settings::{EndpointSource, PoolSettings};
pub use schema::{
    Criticality, EndpointsConfig, HeaderConfig, MetricsConfig, ModelCriticalityConfig,
    ObjectiveConfig, PickerConfig, PoolConfig, ScorerConfig, ScorersConfig, ScrapeConfig,
    StatusConfig,
};
pub use session::{session_endpoint, session_token};
pub use settings::{ScrapeSettings, Settings};
pub use status_settings::{RequiredHeader, StatusResource, StatusSettings};
pub use subset::parse_subset;

/// Names the endpoints to Envoy's `override_host` policy, best first.
pub const DESTINATION_HEADER: &str = "x-gateway-destination-endpoint";
/// Names the only endpoints a request may go to.
pub const SUBSET_HEADER: &str = "x-gateway-destination-endpoint-subset";
/// Names a request's objective.
pub const OBJECTIVE_HEADERS: [&str; 2] =
    ["x-gateway-inference-objective", "x-llm-d-inference-objective"];
