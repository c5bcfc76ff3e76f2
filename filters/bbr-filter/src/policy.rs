//! What all requests of one configuration have in common.

use std::rc::Rc;
use std::time::Duration;

use shared::bbr::Settings;
use shared::models::Catalog;
use shared::openai::ModelList;

use crate::metrics::Metrics;
use crate::watch::BodyWatch;

/// A configuration with its metrics, shared by all requests.
///
/// Never changes: adapters that are learned later make another one, for later requests.
#[derive(Debug)]
pub struct Policy {
    /// The configuration.
    pub settings: Settings,
    /// Its metrics.
    pub metrics: Rc<Metrics>,
    /// Whether bodies come at all.
    pub watch: Rc<BodyWatch>,
    /// When it was read; the creation date of the models it names.
    started: Duration,
}

impl Policy {
    /// Binds a configuration to its metrics. `started` is the time since 1970.
    #[must_use]
    pub fn new(settings: Settings, metrics: Metrics, started: Duration) -> Self {
        Self { settings, metrics: Rc::new(metrics), watch: Rc::default(), started }
    }

    /// The same with another catalog.
    #[must_use]
    pub fn with_catalog(&self, catalog: Catalog) -> Self {
        Self {
            settings: Settings { catalog, ..self.settings.clone() },
            metrics: Rc::clone(&self.metrics),
            watch: Rc::clone(&self.watch),
            started: self.started,
        }
    }

    /// The answer to `GET /v1/models`.
    #[must_use]
    pub fn models_json(&self) -> Vec<u8> {
        self.models().to_json(self.settings.rewrites.keys())
    }

    /// The answer to `GET /v1/models/{id}`; `None` if there is no such model.
    #[must_use]
    pub fn model_json(&self, id: &str) -> Option<Vec<u8>> {
        let role = self.catalog().get(id).map(|(_, role)| role);
        (role.is_some() || self.settings.rewrites.contains_key(id))
            .then(|| self.models().model_to_json(id, role))
    }

    fn models(&self) -> ModelList<'_> {
        ModelList { catalog: self.catalog(), created: self.started.as_secs() }
    }

    fn catalog(&self) -> &Catalog {
        &self.settings.catalog
    }
}
