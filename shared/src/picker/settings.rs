//! The checked configuration of the picker filter.

use std::collections::BTreeMap;
use std::time::Duration;

use super::admission::Priority;
use super::schema::{
    Criticality, EndpointsConfig, PickerConfig, PoolConfig, ProfileName, ScorersConfig,
    ScrapeConfig,
};
use crate::config::{ConfigError, from_json};
use crate::pools::EndpointId;
use crate::scheduling::{MAX_RANKED, Profile, Scorer, Staleness, Weighted};
use crate::server_metrics::{MetricNames, ServerKind};

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
    /// Whether responses say why.
    pub explain: bool,
}

/// A pool.
#[derive(Debug)]
pub struct PoolSettings {
    /// Its name.
    pub name: String,
    /// Its Envoy cluster.
    pub cluster: String,
    /// Where its endpoints come from.
    pub endpoints: EndpointSource,
    /// What to look for on a page of metrics.
    pub metrics: MetricNames,
    /// Where that page is.
    pub metrics_path: String,
    /// How it chooses.
    pub profile: Profile,
    /// Whether any endpoint is better than none.
    pub fail_open: bool,
}

/// Where a pool's endpoints come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointSource {
    /// The configuration; sorted, each once.
    Listed(Vec<EndpointId>),
    /// Envoy's admin interface, behind this cluster.
    EnvoyAdmin(String),
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
        self.pools.iter().enumerate().find(|(_, pool)| pool.cluster == cluster)
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
        let mut pools: Vec<PoolSettings> = Vec::new();
        for (n, pool) in config.pools.iter().enumerate() {
            let field = format!("pools[{n}]");
            let pool = pool_settings(&field, pool)?;
            if pools.iter().any(|other| other.name == pool.name) {
                return Err(ConfigError::new(
                    format!("{field}.name"),
                    format!("\"{}\" is already a pool", pool.name),
                ));
            }
            if let Some(other) = pools.iter().find(|other| other.cluster == pool.cluster) {
                return Err(ConfigError::new(
                    format!("{field}.cluster"),
                    format!("\"{}\" is already the cluster of \"{}\"", pool.cluster, other.name),
                ));
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
            scrape: scrape_settings(&config.scrape)?,
            objectives,
            models,
            session_header: Some(session_header).filter(|name| !name.is_empty()),
            explain: config.explain,
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

fn pool_settings(field: &str, pool: &PoolConfig) -> Result<PoolSettings, ConfigError> {
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
        name,
        endpoints,
        metrics: metric_names(pool.server),
        metrics_path: pool.metrics_path.clone(),
        profile: profile(field, pool)?,
        fail_open: pool.fail_open,
    })
}

fn metric_names(server: ServerKind) -> MetricNames {
    MetricNames::new(server)
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
    endpoints.sort_unstable();
    Ok(endpoints)
}

fn profile(field: &str, pool: &PoolConfig) -> Result<Profile, ConfigError> {
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
    if pool.stale_ms <= pool.fresh_ms {
        return Err(ConfigError::new(
            format!("{field}.staleMs"),
            format!("{} is not above freshMs, {}", pool.stale_ms, pool.fresh_ms),
        ));
    }
    profile.ranked = pool.ranked;
    profile.staleness = Staleness {
        fresh_for: Duration::from_millis(pool.fresh_ms),
        stale_after: Duration::from_millis(pool.stale_ms),
    };
    Ok(profile)
}

fn unknown_scorer(field: &str, n: usize, name: &str) -> ConfigError {
    let known: Vec<_> = Scorer::ALL.iter().map(|scorer| scorer.name()).collect();
    ConfigError::new(
        format!("{field}.scorers[{n}].name"),
        format!("unknown scorer \"{name}\", expected one of {}", known.join(", ")),
    )
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
        concurrency: usize::try_from(concurrency).unwrap_or(1),
    })
}
