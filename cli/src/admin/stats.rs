//! `/stats`: what the filters count and show.
//!
//! Invariant: a name is read as the filters write it; `stats_tags` change Prometheus' names
//! only, so this needs none.

use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Counters and gauges, by name. Histograms have no one value and are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats(BTreeMap<String, u64>);

/// What the picker shows of an endpoint; none: it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointGauges {
    /// Requests that wait.
    pub waiting: Option<u64>,
    /// Requests that run.
    pub running: Option<u64>,
    /// The KV cache in use, in thousandths.
    pub kv_permille: Option<u64>,
    /// Requests of this gateway under way.
    pub in_flight: Option<u64>,
    /// Age of the metrics in milliseconds, when it was last shown (every second).
    pub age_milliseconds: Option<u64>,
    /// Whether the picker takes it for ready.
    pub ready: Option<bool>,
}

/// Envoy puts this before the names of a Wasm filter's own metrics.
const OWN: &str = "wasmcustom.";

impl Stats {
    pub(crate) fn read(text: &str) -> Self {
        // Names may have colons (endpoints), values do not.
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        Self(
            lines
                .filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?)))
                .collect(),
        )
    }

    /// The value of Envoy's own counter or gauge.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// The value of a filter's counter or gauge.
    #[must_use]
    pub fn own(&self, name: &str) -> Option<u64> {
        self.get(&format!("{OWN}{name}"))
    }

    /// Whether there is any metric of a filter whose name begins so.
    #[must_use]
    pub fn has_own(&self, prefix: &str) -> bool {
        let prefix = format!("{OWN}{prefix}");
        self.0.range(prefix.clone()..).next().is_some_and(|(name, _)| name.starts_with(&prefix))
    }

    /// The VMs' counters of this name, such as `vm_reload_failure`, by plugin.
    pub fn of_vms(&self, counter: &str) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().filter_map(move |(name, value)| {
            let plugin = name.strip_prefix("wasm.")?.strip_suffix(counter)?.strip_suffix('.')?;
            Some((plugin, *value))
        })
    }

    /// The endpoints the picker shows for a pool.
    #[must_use]
    pub fn endpoints(&self, pool: &str) -> BTreeMap<SocketAddr, EndpointGauges> {
        let mut endpoints: BTreeMap<SocketAddr, EndpointGauges> = BTreeMap::new();
        let middle = format!(".pool.{pool}.endpoint.");
        for (name, value) in &self.0 {
            let Some(name) =
                name.strip_prefix(OWN).and_then(|n| n.strip_prefix("igw_picker_endpoint_"))
            else {
                continue;
            };
            let Some((what, endpoint)) = name.split_once(&middle) else { continue };
            let Ok(endpoint) = endpoint.parse() else { continue };
            let gauges = endpoints.entry(endpoint).or_default();
            match what {
                "waiting" => gauges.waiting = Some(*value),
                "running" => gauges.running = Some(*value),
                "kv_permille" => gauges.kv_permille = Some(*value),
                "in_flight" => gauges.in_flight = Some(*value),
                "age_milliseconds" => gauges.age_milliseconds = Some(*value),
                "ready" => gauges.ready = Some(*value == 1),
                _ => {}
            }
        }
        endpoints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pickers_gauges_are_read_by_endpoint() {
        let stats = Stats::read(
            "wasmcustom.igw_picker_endpoint_waiting.pool.a.b.endpoint.[::1]:80: 4\n\
             wasmcustom.igw_picker_endpoint_ready.pool.a.b.endpoint.[::1]:80: 1\n\
             wasmcustom.igw_picker_endpoint_ready.pool.a.endpoint.10.0.0.1:80: 0\n\
             wasmcustom.igw_picker_pick_microseconds.pool.a: No recorded values\n\
             wasm.bbr.vm_reload_failure: 2\n",
        );
        let endpoints = stats.endpoints("a.b");
        assert_eq!(endpoints.len(), 1);
        let gauges = endpoints[&"[::1]:80".parse().unwrap()];
        assert_eq!((gauges.waiting, gauges.ready, gauges.running), (Some(4), Some(true), None));
        assert_eq!(stats.endpoints("a").len(), 1);
        assert_eq!(stats.of_vms("vm_reload_failure").collect::<Vec<_>>(), [("bbr", 2)]);
        assert!(stats.has_own("igw_picker_") && !stats.has_own("igw_bbr_"));
    }
}
