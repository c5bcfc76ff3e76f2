//! Which models the server has: the base model's names and the adapters, which
//! come and go while it runs.
//!
//! Invariant: a name means one model. Errors carry vLLM's words.

use crate::config::{Adapter, Config};
use std::sync::{PoisonError, RwLock};

/// The model a request is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Served {
    /// The name the answer shows.
    pub name: String,
    /// The adapter, unless it is the base model.
    pub adapter: Option<String>,
}

/// A name that no model has, as vLLM says it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("The model `{0}` does not exist.")]
pub(crate) struct UnknownModel(pub String);

/// Why an adapter was not loaded or unloaded, as vLLM says it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum AdapterError {
    #[error("Both 'lora_name' and 'lora_path' must be provided.")]
    Incomplete,
    #[error(
        "The lora adapter '{0}' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True."
    )]
    Loaded(String),
    #[error("'lora_name' needs to be provided to unload a LoRA adapter.")]
    Nameless,
    #[error("The lora adapter '{0}' cannot be found.")]
    Unknown(String),
    #[error("LoRA is not enabled.")]
    Disabled,
}

/// The models.
#[derive(Debug)]
pub(crate) struct Registry {
    base_names: Vec<String>,
    root: String,
    max_loras: usize,
    adapters: RwLock<Vec<Adapter>>,
}

impl Registry {
    pub fn new(config: &Config) -> Self {
        Self {
            base_names: config.served_names().map(str::to_owned).collect(),
            root: config.model.clone(),
            max_loras: config.max_loras,
            adapters: RwLock::new(config.adapters.clone()),
        }
    }

    /// The model of that name; without a name, as in vLLM, the base model.
    pub fn find(&self, name: Option<&str>) -> Result<Served, UnknownModel> {
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Ok(Served { name: self.base_name().to_owned(), adapter: None });
        };
        let adapter = if self.base_names.iter().any(|base| base == name) {
            None
        } else if self.adapters().iter().any(|adapter| adapter.name == name) {
            Some(name.to_owned())
        } else {
            return Err(UnknownModel(name.to_owned()));
        };
        Ok(Served { name: name.to_owned(), adapter })
    }

    /// The base model's first name.
    pub fn base_name(&self) -> &str {
        self.base_names.first().map_or(self.root.as_str(), String::as_str)
    }

    /// All names of the base model.
    pub fn base_names(&self) -> &[String] {
        &self.base_names
    }

    /// Where the base model would be loaded from.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The adapters, in the order they were loaded.
    pub fn adapters(&self) -> Vec<Adapter> {
        self.adapters.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds an adapter.
    pub fn load(&self, adapter: Adapter, in_place: bool) -> Result<(), AdapterError> {
        if self.max_loras == 0 {
            return Err(AdapterError::Disabled);
        }
        if adapter.name.is_empty() || adapter.path.is_empty() {
            return Err(AdapterError::Incomplete);
        }
        let mut adapters = self.adapters.write().unwrap_or_else(PoisonError::into_inner);
        match adapters.iter_mut().find(|known| known.name == adapter.name) {
            Some(known) if in_place => *known = adapter,
            Some(_) => return Err(AdapterError::Loaded(adapter.name)),
            None if self.base_names.contains(&adapter.name) => {
                return Err(AdapterError::Loaded(adapter.name));
            }
            None => adapters.push(adapter),
        }
        Ok(())
    }

    /// Removes an adapter.
    pub fn unload(&self, name: &str) -> Result<(), AdapterError> {
        if name.is_empty() {
            return Err(AdapterError::Nameless);
        }
        let mut adapters = self.adapters.write().unwrap_or_else(PoisonError::into_inner);
        match adapters.iter().position(|adapter| adapter.name == name) {
            Some(at) => {
                adapters.remove(at);
                Ok(())
            }
            None => Err(AdapterError::Unknown(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        let config = Config {
            model: "base".to_owned(),
            adapters: vec!["sql=org/sql".into()],
            ..Config::default()
        };
        Registry::new(&config)
    }

    #[test]
    fn a_name_means_the_base_model_an_adapter_or_nothing() {
        let registry = registry();
        assert_eq!(registry.find(Some("base")).unwrap().adapter, None);
        assert_eq!(registry.find(None).unwrap().name, "base");
        assert_eq!(registry.find(Some("sql")).unwrap().adapter.as_deref(), Some("sql"));
        assert_eq!(registry.find(Some("org/sql")), Err(UnknownModel("org/sql".to_owned())));
    }

    #[test]
    fn adapters_come_and_go_once() {
        let registry = registry();
        registry.load("new".into(), false).unwrap();
        assert_eq!(registry.load("new".into(), false), Err(AdapterError::Loaded("new".to_owned())));
        assert_eq!(registry.load("new=elsewhere".into(), true), Ok(()));
        assert_eq!(registry.adapters()[1].path, "elsewhere");
        registry.unload("new").unwrap();
        assert_eq!(registry.unload("new"), Err(AdapterError::Unknown("new".to_owned())));
        assert_eq!(
            registry.load("base".into(), true),
            Err(AdapterError::Loaded("base".to_owned()))
        );
    }
}
