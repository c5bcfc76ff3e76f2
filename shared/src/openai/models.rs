//! `GET /v1/models` and `GET /v1/models/{id}`.

use serde::Serialize;

use crate::models::{Catalog, ModelName, Role};

/// One model, as OpenAI lists it, with `root` and `parent` as vLLM adds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ModelObject<'a> {
    id: &'a str,
    object: &'static str,
    /// Seconds since 1970.
    created: u64,
    owned_by: &'static str,
    root: &'a str,
    /// The base model of an adapter.
    parent: Option<&'a str>,
}

/// Answers about models.
#[derive(Debug, Clone, Copy)]
pub struct ModelList<'a> {
    /// Base models and adapters.
    pub catalog: &'a Catalog,
    /// Seconds since 1970; the gateway has no better date than its own start.
    pub created: u64,
}

impl<'a> ModelList<'a> {
    /// The body of `GET /v1/models`: `catalog`, and the names in `aliases` that
    /// it does not have.
    #[must_use]
    pub fn to_json(&self, aliases: impl Iterator<Item = &'a ModelName>) -> Vec<u8> {
        #[derive(Serialize)]
        struct List<'a> {
            object: &'static str,
            data: Vec<ModelObject<'a>>,
        }
        let known = self.catalog.iter().map(|(name, role)| self.object(name.as_str(), Some(role)));
        let aliases = aliases
            .filter(|name| self.catalog.get(name.as_str()).is_none())
            .map(|name| self.object(name.as_str(), None));
        let list = List { object: "list", data: known.chain(aliases).collect() };
        serde_json::to_vec(&list).unwrap_or_default()
    }

    /// The body of `GET /v1/models/{id}` for a model with this role; an alias has none.
    #[must_use]
    pub fn model_to_json(&self, id: &'a str, role: Option<&'a Role>) -> Vec<u8> {
        serde_json::to_vec(&self.object(id, role)).unwrap_or_default()
    }

    fn object(&self, id: &'a str, role: Option<&'a Role>) -> ModelObject<'a> {
        let parent = match role {
            Some(Role::Adapter(base)) => Some(base.as_str()),
            Some(Role::Base) | None => None,
        };
        ModelObject {
            id,
            object: "model",
            created: self.created,
            owned_by: "inference-gateway",
            root: id,
            parent,
        }
    }
}
