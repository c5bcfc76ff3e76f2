//! How commands ask the gateway, model servers and what stands beside them.

use std::time::Duration;
use ureq::Agent;

/// A client with connections of its own. A status is an answer, whichever it is; none within
/// `patience` is an error.
pub(crate) fn agent(patience: Duration) -> Agent {
    let config = Agent::config_builder().proxy(None).http_status_as_error(false);
    config.timeout_global(Some(patience)).build().into()
}
