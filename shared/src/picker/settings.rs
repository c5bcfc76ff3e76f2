//! The checked configuration of the picker filter.

use std::collections::BTreeMap;
use std::time::Duration;

use super::admission::Priority;
use super::pool_settings::{PoolSettings, pool_settings, retry_pools};
use super::schema::{Criticality, PickerConfig, ScrapeConfig};
use super::status_settings::{RequiredHeader, StatusSettings};
use crate::config::{ConfigError, from_json};

/// What the filter goes by. Cannot be wrong: [`Settings::from_json`] checked it.
#[derive(Debug)]
pub struct Settings {
    /// The pools.
    pub pools: Vec<PoolSettings>,
    /// How metrics are asked for.
    pub scrape: ScrapeSettings,
    /// Priorities by objective.
    pub objectives: BTreeMap<String, Priority>,
    /// Priorities by model.
    pub models: BTreeMap<String, Priority>,
    /// The header of session tokens.
    pub session_header: Option<String>,
    /// Whether a subset may stand in dynamic metadata.
    pub subset_metadata: bool,
    /// Whether the BBR filter is asked for what it knows of the prompt.
    pub request_facts: bool,
    /// Whether responses say why.
    pub explain: bool,
    /// Whether the access log can say why.
    pub access_log: bool,
    /// Whose responses say why in full.
    pub explain_for: Option<RequiredHeader>,
    /// The status page.
    pub status: Option<StatusSettings>,
}

/// How metrics are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeSettings {
    /// The cluster that reaches any endpoint by header.
    pub cluster: String,
    /// Between two scrapes of one endpoint.
    pub interval: Duration,
    /// Until a scrape is given up.
    pub timeout: Duration,
    /// Between two questions to one endpoint for its adapters.
    pub adapter_interval: Duration,
    /// How long an adapter counts that no server lists any more.
    pub adapter_grace: Duration,
    /// How many run at once.
    pub concurrency: usize,
}

impl Settings {
    /// Reads the plugin configuration.
    ///
    /// # Errors
    /// Names the field that is wrong and what was expected.
    pub fn from_json(json: &[u8]) -> Result<Self, ConfigError> {
        from_json::<PickerConfig>(json)?.try_into()
    }

    /// The pool of a cluster, and its place among the pools.
    #[must_use]
    pub fn pool_of(&self, cluster: &str) -> Option<(usize, &PoolSettings)> {
        let serves = |pool: &PoolSettings| pool.clusters().any(|own| own == cluster);
        self.pools.iter().enumerate().find(|(_, pool)| serves(pool))
    }

    /// A request's priority: its objective's, else its model's, else 0.
    #[must_use]
    pub fn priority(&self, objective: Option<&str>, model: Option<&str>) -> Priority {
        let objective = objective.and_then(|name| self.objectives.get(name));
        objective.or_else(|| self.models.get(model?)).copied().unwrap_or_default()
    }
}

impl TryFrom<PickerConfig> for Settings {
    type Error = ConfigError;

    fn try_from(config: PickerConfig) -> Result<Self, ConfigError> {
        let scrape = scrape_settings(&config.scrape)?;
        let mut pools: Vec<PoolSettings> = Vec::new();
        for (n, pool) in config.pools.iter().enumerate() {
            let field = format!("pools[{n}]");
            let mut pool = pool_settings(&field, pool, scrape.interval)?;
            pool.retry_pools = retry_pools(&config, n)?;
            if pools.iter().any(|other| other.name == pool.name) {
                return Err(ConfigError::new(
                    format!("{field}.name"),
                    format!("\"{}\" is already a pool", pool.name),
                ));
            }
            for (m, cluster) in pool.clusters().enumerate() {
                let field = match m.checked_sub(1) {
                    None => format!("{field}.cluster"),
                    Some(m) => format!("{field}.otherClusters[{m}]"),
                };
                if pool.clusters().take(m).any(|own| own == cluster) {
                    return Err(ConfigError::new(
                        field,
                        format!("\"{cluster}\" stands here twice"),
                    ));
                }
                let other = pools.iter().find(|other| other.clusters().any(|own| own == cluster));
                if let Some(other) = other {
                    let problem =
                        format!("\"{cluster}\" is already the cluster of \"{}\"", other.name);
                    return Err(ConfigError::new(field, problem));
                }
            }
            pools.push(pool);
        }
        let objectives = unique(
            "objectives",
            config
                .objectives
                .iter()
                .map(|objective| (&objective.name, Priority(objective.priority))),
        )?;
        let models = unique(
            "models",
            config.models.iter().map(|model| (&model.name, priority_of(model.criticality))),
        )?;
        let session_header = config.session_header.trim().to_ascii_lowercase();
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !session_header.bytes().all(is_token) {
            return Err(ConfigError::new("sessionHeader", "expected a header's name"));
        }
        Ok(Self {
            pools,
            scrape,
            objectives,
            models,
            session_header: Some(session_header).filter(|name| !name.is_empty()),
            subset_metadata: config.subset_metadata,
            request_facts: config.request_facts,
            explain: config.explain,
            access_log: config.access_log,
            explain_for: RequiredHeader::from_config("explainFor", config.explain_for.as_ref())?,
            status: config.status.as_ref().map(StatusSettings::from_config).transpose()?,
        })
    }
}

fn priority_of(criticality: Criticality) -> Priority {
    match criticality {
        Criticality::Critical => Priority(1),
        Criticality::Standard => Priority(0),
        Criticality::Sheddable => Priority(-1),
    }
}

fn unique<'a>(
    field: &str,
    entries: impl Iterator<Item = (&'a String, Priority)>,
) -> Result<BTreeMap<String, Priority>, ConfigError> {
    let mut map = BTreeMap::new();
    for (n, (name, priority)) in entries.enumerate() {
        let field = || format!("{field}[{n}].name");
        if name.trim().is_empty() {
            return Err(ConfigError::new(field(), "must not be empty"));
        }
        if map.insert(name.trim().to_owned(), priority).is_some() {
            return Err(ConfigError::new(field(), format!("\"{name}\" stands here twice")));
        }
    }
    Ok(map)
}

fn scrape_settings(scrape: &ScrapeConfig) -> Result<ScrapeSettings, ConfigError> {
    let between = |field: &str, value: u64, low: u64, high: u64| {
        if (low..=high).contains(&value) {
            return Ok(value);
        }
        Err(ConfigError::new(
            format!("scrape.{field}"),
            format!("{value} is not between {low} and {high}"),
        ))
    };
    if scrape.cluster.trim().is_empty() {
        return Err(ConfigError::new("scrape.cluster", "must not be empty"));
    }
    let concurrency = between("concurrency", scrape.concurrency as u64, 1, 1_024)?;
    Ok(ScrapeSettings {
        cluster: scrape.cluster.clone(),
        interval: Duration::from_millis(between("intervalMs", scrape.interval_ms, 10, 60_000)?),
        timeout: Duration::from_millis(between("timeoutMs", scrape.timeout_ms, 10, 60_000)?),
        adapter_interval: Duration::from_millis(between(
            "adapterIntervalMs",
            scrape.adapter_interval_ms,
            100,
            600_000,
        )?),
        adapter_grace: Duration::from_millis(between(
            "adapterGraceMs",
            scrape.adapter_grace_ms,
            1_000,
            3_600_000,
        )?),
        concurrency: usize::try_from(concurrency).unwrap_or(1),
    })
}
