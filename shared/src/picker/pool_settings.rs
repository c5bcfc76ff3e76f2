//! The checked configuration of one pool.

use std::time::Duration;

use super::schema::{
    EndpointsConfig, MetricsConfig, PickerConfig, PoolConfig, ProfileName, ScorersConfig,
};
use crate::config::ConfigError;
use crate::ordered;
use crate::pools::EndpointId;
use crate::scheduling::{MAX_RANKED, Profile, Scorer, Staleness, Weighted};
use crate::server_metrics::{Metric, MetricNames, Selector};

/// Metrics are fresh for as many scrapes' time, unless configured: some may be late.
const SCRAPES_FRESH: u32 = 5;

/// And for this long at least: servers that are busy answer late, however often they are
/// asked.
const LEAST_FRESH: Duration = Duration::from_secs(1);

/// Metrics count until they are as many times as old as fresh ones may be, unless configured.
const FADING: u32 = 5;

/// A pool.
#[derive(Debug)]
pub struct PoolSettings {
    /// Its name.
    pub name: String,
    /// Its Envoy cluster.
    pub cluster: String,
    /// Other clusters with the same endpoints.
    pub other_clusters: Vec<String>,
    /// Where its endpoints come from.
    pub endpoints: EndpointSource,
    /// What to look for on a page of metrics.
    pub metrics: MetricNames,
    /// Whether responses are asked for their server's load.
    pub orca: bool,
    /// Whether the servers are asked for their adapters.
    pub learn_adapters: bool,
    /// The places of the pools that retries may go to.
    pub retry_pools: Vec<usize>,
    /// Where that page is.
    pub metrics_path: String,
    /// How it chooses.
    pub profile: Profile,
    /// Whether any endpoint is better than none.
    pub fail_open: bool,
}

impl PoolSettings {
    /// The clusters whose requests are picked for.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.cluster).chain(&self.other_clusters).map(String::as_str)
    }
}

/// Where a pool's endpoints come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointSource {
    /// The configuration; sorted, each once.
    Listed(Vec<EndpointId>),
    /// Envoy's admin interface, behind this cluster.
    EnvoyAdmin(String),
}

/// A pool whose endpoints are scraped at this interval.
pub(super) fn pool_settings(
    field: &str,
    pool: &PoolConfig,
    interval: Duration,
) -> Result<PoolSettings, ConfigError> {
    let name = pool.name.trim().to_owned();
    if name.is_empty() {
        return Err(ConfigError::new(format!("{field}.name"), "must not be empty"));
    }
    if !pool.metrics_path.starts_with('/') {
        return Err(ConfigError::new(format!("{field}.metricsPath"), "must start with \"/\""));
    }
    let endpoints = match &pool.endpoints {
        EndpointsConfig::Discovered { envoy_admin } => {
            EndpointSource::EnvoyAdmin(envoy_admin.clone())
        }
        EndpointsConfig::List(list) => EndpointSource::Listed(endpoints(field, list)?),
    };
    Ok(PoolSettings {
        cluster: pool.cluster.clone().unwrap_or_else(|| name.clone()),
        other_clusters: pool.other_clusters.clone(),
        name,
        endpoints,
        metrics: metric_names(field, pool)?,
        orca: pool.orca,
        learn_adapters: pool.learn_adapters,
        retry_pools: Vec::new(),
        metrics_path: pool.metrics_path.clone(),
        profile: profile(field, pool, interval)?,
        fail_open: pool.fail_open,
    })
}

fn metric_names(field: &str, pool: &PoolConfig) -> Result<MetricNames, ConfigError> {
    let MetricsConfig { waiting, running, kv_usage, lora_requests, lora_loaded } = &pool.metrics;
    let own = [
        ("waiting", Metric::Waiting, waiting),
        ("running", Metric::Running, running),
        ("kvUsage", Metric::KvUsage, kv_usage),
        ("loraRequests", Metric::LoraRequests, lora_requests),
        ("loraLoaded", Metric::LoraLoaded, lora_loaded),
    ];
    let mut names = MetricNames::new(pool.server);
    for (name, metric, text) in own {
        let Some(text) = text else { continue };
        let selector: Selector = text
            .parse()
            .map_err(|error| ConfigError::new(format!("{field}.metrics.{name}"), error))?;
        names = names.with(metric, selector);
    }
    Ok(names)
}

/// The places of the pools named in `retryPools`.
pub(super) fn retry_pools(config: &PickerConfig, n: usize) -> Result<Vec<usize>, ConfigError> {
    let Some(pool) = config.pools.get(n) else { return Ok(Vec::new()) };
    let mut places = Vec::with_capacity(pool.retry_pools.len());
    for (m, name) in pool.retry_pools.iter().enumerate() {
        let error = |problem| Err(ConfigError::new(format!("pools[{n}].retryPools[{m}]"), problem));
        match config.pools.iter().position(|other| other.name.trim() == name.trim()) {
            None => return error(format!("\"{name}\" is no pool")),
            Some(place) if place == n => return error(format!("\"{name}\" is this pool itself")),
            Some(place) if places.contains(&place) => {
                return error(format!("\"{name}\" stands here twice"));
            }
            Some(place) => places.push(place),
        }
    }
    Ok(places)
}

fn endpoints(field: &str, list: &[String]) -> Result<Vec<EndpointId>, ConfigError> {
    let mut endpoints = Vec::with_capacity(list.len());
    for (n, text) in list.iter().enumerate() {
        let field = || format!("{field}.endpoints[{n}]");
        let id: EndpointId = text
            .parse()
            .map_err(|error| ConfigError::new(field(), format!("\"{text}\": {error}")))?;
        if endpoints.contains(&id) {
            return Err(ConfigError::new(field(), format!("\"{id}\" stands here twice")));
        }
        endpoints.push(id);
    }
    Ok(ordered(endpoints, |id| *id))
}

fn profile(field: &str, pool: &PoolConfig, interval: Duration) -> Result<Profile, ConfigError> {
    let base = Profile::recommended();
    let mut profile = match &pool.scorers {
        ScorersConfig::Named(ProfileName::Recommended) => base,
        ScorersConfig::Named(ProfileName::Reference) => Profile::reference(),
        ScorersConfig::List(list) => {
            let scorers = list.iter().enumerate().map(|(n, scorer)| {
                let known = Scorer::from_name(&scorer.name)
                    .ok_or_else(|| unknown_scorer(field, n, &scorer.name))?;
                Ok(Weighted { scorer: known, weight: scorer.weight })
            });
            base.with_scorers(scorers.collect::<Result<_, _>>()?)
                .map_err(|error| ConfigError::new(format!("{field}.scorers"), error))?
        }
    };
    if !(1..=MAX_RANKED).contains(&pool.ranked) {
        return Err(ConfigError::new(
            format!("{field}.ranked"),
            format!("{} is not between 1 and {MAX_RANKED}", pool.ranked),
        ));
    }
    profile.ranked = pool.ranked;
    profile.staleness = staleness(field, pool, interval)?;
    Ok(profile)
}

/// What is left out follows the interval: with fixed ages, metrics that are scraped rarely
/// would be old before the next scrape, and picks mostly go by what is in flight.
fn staleness(field: &str, pool: &PoolConfig, interval: Duration) -> Result<Staleness, ConfigError> {
    let fresh_for = pool.fresh_ms.map_or_else(
        || interval.saturating_mul(SCRAPES_FRESH).max(LEAST_FRESH),
        Duration::from_millis,
    );
    let stale_after = pool.stale_ms.map_or_else(
        || fresh_for.saturating_mul(FADING).max(LEAST_FRESH.saturating_mul(FADING)),
        Duration::from_millis,
    );
    if stale_after <= fresh_for {
        let (stale, fresh) = (stale_after.as_millis(), fresh_for.as_millis());
        let problem = format!("{stale} is not above freshMs, {fresh}");
        return Err(ConfigError::new(format!("{field}.staleMs"), problem));
    }
    Ok(Staleness { fresh_for, stale_after })
}

fn unknown_scorer(field: &str, n: usize, name: &str) -> ConfigError {
    let known: Vec<_> = Scorer::ALL.iter().map(|scorer| scorer.name()).collect();
    ConfigError::new(
        format!("{field}.scorers[{n}].name"),
        format!("unknown scorer \"{name}\", expected one of {}", known.join(", ")),
    )
}
