//! Envoy's counters.

use crate::gateway::Gateway;
use crate::shared::eventually;

impl Gateway {
    /// The value of a counter on the admin's `/stats`; 0 if it is not there yet.
    ///
    /// # Panics
    /// The admin does not answer.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        let stats = self.stats();
        let line = stats.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map_or(0, |value| value.trim().parse().expect("a number"))
    }

    /// How many requests ended with this outcome.
    #[must_use]
    pub fn outcome(&self, label: &str) -> u64 {
        self.counter(&format!("wasmcustom.igw_bbr_requests.outcome.{label}"))
    }

    /// Waits until so many requests ended with this outcome.
    pub async fn wait_for_outcome(&self, label: &str, count: u64) {
        let what = format!("outcome {label} = {count}");
        eventually(&what, || (self.outcome(label) == count).then_some(())).await;
    }

    /// The admin's `/stats`.
    ///
    /// # Panics
    /// The admin does not answer.
    #[must_use]
    pub fn stats(&self) -> String {
        self.envoy().admin_get("/stats").expect("the admin answers")
    }
}
