//! What the background work of a VM asks of its host.

use std::time::Duration;

use crate::metric::MetricId;
use crate::stream::{Refused, StreamId};

/// The host, as a tick sees it.
pub trait BackgroundHost {
    /// The time since 1970.
    fn now(&self) -> Duration;

    /// What all VMs of the process share under a key, and its compare-and-set number.
    fn shared(&self, key: &str) -> Option<(Vec<u8>, Option<u32>)>;

    /// Shares a value under a key, if its compare-and-set number still is `unless`;
    /// in any case, if there is none. An empty value is as good as none.
    ///
    /// # Errors
    /// The number has moved: another VM was faster.
    fn share(&self, key: &str, value: &[u8], unless: Option<u32>) -> Result<(), Refused>;

    /// Sends a GET through a cluster; its answer comes back with this number.
    fn get(&self, cluster: &str, headers: &[(&str, &str)], timeout: Duration) -> Option<CallId>;

    /// Sets a gauge.
    fn set(&self, gauge: MetricId, value: u64);

    /// Adds to a counter; 0 adds nothing.
    fn add(&self, counter: MetricId, amount: u64);

    /// Adds a value to a histogram.
    fn record(&self, histogram: MetricId, value: u64);

    /// Whether any of the response's body went to the client of this stream of the VM.
    ///
    /// To be asked last in a callback: what is asked behind it is asked in that stream's
    /// name, until the callback ends.
    fn stream_has_answered(&self, stream: StreamId) -> bool;

    /// Writes to the host's log.
    fn info(&self, message: &str);

    /// Writes a warning to the host's log.
    fn warn(&self, message: &str);
}

/// The answer to a call, while its callback runs.
pub trait Answer {
    /// `:status`; none if the answer did not come to its end.
    fn status(&self) -> Option<u16>;

    /// Shows the body piece by piece, so that memory does not grow with it.
    fn read_body(&self, each: &mut dyn FnMut(&[u8]));
}

/// The host's number of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u32);
