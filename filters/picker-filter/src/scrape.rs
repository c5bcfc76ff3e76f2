//! One scrape: how it is asked for and what its answer means.

use filter_host::Answer;
use shared::models::ModelName;
use shared::picker::PoolSettings;
use shared::refresh::Failure;
use shared::scheduling::{AdapterKey, Adapters, Observation};
use shared::server_metrics::{MetricsReader, ServerMetrics};

/// The header by which a cluster of type `ORIGINAL_DST` is told where to go.
pub(crate) const DESTINATION: &str = "x-envoy-original-dst-host";

/// Reads the answer to a scrape.
pub(crate) fn read(answer: &impl Answer, pool: &PoolSettings) -> Result<Observation, Failure> {
    match answer.status() {
        Some(200) => {
            let mut reader = MetricsReader::new(&pool.metrics);
            answer.read_body(&mut |piece| reader.feed(piece));
            let metrics = reader.finish().metrics;
            if metrics.is_empty() { Err(Failure::NoMetrics) } else { Ok(observation(&metrics)) }
        }
        // Envoy's own answers to a call: nobody there, and nobody in time.
        Some(503) | None => Err(Failure::Unreachable),
        Some(504) => Err(Failure::Timeout),
        Some(_) => Err(Failure::NoMetrics),
    }
}

/// What scheduling keeps of a server's metrics.
pub(crate) fn observation(metrics: &ServerMetrics) -> Observation {
    let mut observation = Observation::default();
    observe(&mut observation, metrics);
    observation
}

/// Takes over what the metrics say, and leaves the rest.
pub(crate) fn observe(observation: &mut Observation, metrics: &ServerMetrics) {
    observation.waiting = metrics.waiting.or(observation.waiting);
    observation.running = metrics.running.or(observation.running);
    observation.kv_usage = metrics.kv_usage.or(observation.kv_usage);
    if let Some(adapters) = &metrics.adapters {
        let keys =
            |names: &[ModelName]| names.iter().map(|name| AdapterKey::of(name.as_str())).collect();
        observation.adapters = Adapters {
            max: adapters.max,
            running: keys(&adapters.running),
            waiting: keys(&adapters.waiting),
            loaded: adapters
                .loaded
                .iter()
                .map(|loaded| AdapterKey::of(loaded.name.as_str()))
                .collect(),
        };
    }
}
