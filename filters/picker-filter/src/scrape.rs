//! One scrape: how it is asked for and what its answer means.

use filter_host::Answer;
use shared::models::ModelName;
use shared::picker::PoolSettings;
use shared::refresh::Failure;
use shared::scheduling::{AdapterKey, Adapters, Observation};
use shared::server_metrics::{MetricsReader, ServerMetrics};

/// The header by which a cluster of type `ORIGINAL_DST` is told where to go.
const DESTINATION: &str = "x-envoy-original-dst-host";

/// Reads the answer to a scrape.
pub(crate) fn read(answer: &impl Answer, pool: &PoolSettings) -> Result<Observation, Failure> {
    match answer.status() {
        Some(200) => {
            let mut reader = MetricsReader::new(&pool.metrics);
            answer.read_body(&mut |piece| reader.feed(piece));
            let reading = reader.finish();
            if reading.metrics.is_empty() {
                return Err(Failure::NoMetrics);
            }
            let several_engines = reading.engines > 1;
            Ok(Observation { several_engines, ..observation(&reading.metrics) })
        }
        // Envoy's own answers to a call: nobody there, and nobody in time.
        Some(503) => Err(Failure::Unreachable),
        Some(504) => Err(Failure::Timeout),
        // One that began and broke off is from a server that lives.
        Some(_) | None => Err(Failure::NoMetrics),
    }
}

/// The headers of a GET to an endpoint.
pub(crate) fn headers<'a>(path: &'a str, endpoint: &'a str) -> [(&'static str, &'a str); 4] {
    [(":method", "GET"), (":path", path), (":authority", endpoint), (DESTINATION, endpoint)]
}

/// What scheduling keeps of a server's metrics.
fn observation(metrics: &ServerMetrics) -> Observation {
    let keys =
        |names: &[ModelName]| names.iter().map(|name| AdapterKey::of(name.as_str())).collect();
    let adapters = metrics.adapters.as_ref().map(|adapters| Adapters {
        max: adapters.max,
        running: keys(&adapters.running),
        waiting: keys(&adapters.waiting),
        loaded: adapters.loaded.iter().map(|l| AdapterKey::of(l.name.as_str())).collect(),
    });
    Observation {
        waiting: metrics.waiting,
        running: metrics.running,
        kv_usage: metrics.kv_usage,
        adapters: adapters.unwrap_or_default(),
        cache_tokens: metrics
            .blocks
            .zip(metrics.block_size)
            .map(|(n, size)| n.saturating_mul(size)),
        ..Observation::default()
    }
}
