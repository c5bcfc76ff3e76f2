//! Which names are base models and which are adapters, of which base.

use std::collections::BTreeMap;

use super::learned::LearnedAdapters;
use super::name::ModelName;

/// Every model that the configuration names.
///
/// A sorted map: look-ups compare a few short strings, listings come out in one
/// order, and no random hash seed is asked of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    roles: BTreeMap<ModelName, Role>,
}

/// What a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// A base model.
    Base,
    /// A LoRA adapter of this base model.
    Adapter(ModelName),
}

/// A name has a role already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is already {}", describe(.existing))]
pub struct Conflict {
    /// The name given twice.
    pub name: ModelName,
    /// The role it has.
    pub existing: Role,
}

/// A model server gives a configured name another meaning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("a model server lists \"{name}\" as an adapter of \"{base}\", the configuration does not")]
pub struct Clash {
    /// The name.
    pub name: ModelName,
    /// The base model that the server names.
    pub base: ModelName,
}

fn describe(role: &Role) -> String {
    match role {
        Role::Base => "a base model".to_owned(),
        Role::Adapter(base) => format!("an adapter of \"{base}\""),
    }
}

impl Catalog {
    /// Adds a model.
    ///
    /// # Errors
    /// The name is taken.
    pub fn add(&mut self, name: ModelName, role: Role) -> Result<(), Conflict> {
        if let Some(existing) = self.roles.get(&name) {
            return Err(Conflict { name, existing: existing.clone() });
        }
        self.roles.insert(name, role);
        Ok(())
    }

    /// Adds adapters that model servers list; the configuration wins over them, and each
    /// name that has another meaning there is returned.
    pub fn learn(&mut self, learned: &LearnedAdapters) -> Vec<Clash> {
        let mut clashes = Vec::new();
        for (name, base) in learned.iter() {
            match self.roles.get(name) {
                None => {
                    self.roles.insert(name.clone(), Role::Adapter(base.clone()));
                }
                Some(Role::Adapter(configured)) if configured == base => {}
                Some(_) => clashes.push(Clash { name: name.clone(), base: base.clone() }),
            }
        }
        clashes
    }

    /// A model and its role; `None` when the configuration does not name it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<(&ModelName, &Role)> {
        self.roles.get_key_value(name)
    }

    /// All models, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ModelName, &Role)> {
        self.roles.iter()
    }

    /// The number of base models and of adapters.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let bases = self.roles.values().filter(|role| **role == Role::Base).count();
        (bases, self.roles.len().saturating_sub(bases))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn name(name: &str) -> ModelName {
        ModelName::try_from(name.to_owned()).expect(name)
    }

    #[test]
    fn a_name_has_one_role_only() {
        let mut catalog = Catalog::default();
        catalog.add(name("llama"), Role::Base).expect("free");
        catalog.add(name("food"), Role::Adapter(name("llama"))).expect("free");
        let error = catalog.add(name("food"), Role::Adapter(name("phi"))).expect_err("taken");
        assert_eq!(error.to_string(), "\"food\" is already an adapter of \"llama\"");
        assert!(catalog.add(name("llama"), Role::Base).is_err());
        assert_eq!(catalog.counts(), (1, 1));
        assert_eq!(catalog.get("food").map(|(_, role)| role), Some(&Role::Adapter(name("llama"))));
        assert_eq!(catalog.get("Food"), None);
    }

    #[test]
    fn the_configuration_wins_over_what_servers_list() {
        let mut catalog = Catalog::default();
        catalog.add(name("llama"), Role::Base).expect("free");
        catalog.add(name("food"), Role::Adapter(name("llama"))).expect("free");
        let mut learned = LearnedAdapters::default();
        for (adapter, base) in
            [("food", "llama"), ("new", "llama"), ("llama", "phi"), ("other", "phi")]
        {
            learned.see(name(adapter), name(base), crate::pools::Millis(0));
        }
        let clashes = catalog.learn(&learned);
        assert_eq!(clashes, [Clash { name: name("llama"), base: name("phi") }]);
        assert_eq!(catalog.get("llama").map(|(_, role)| role), Some(&Role::Base));
        assert_eq!(catalog.get("new").map(|(_, role)| role), Some(&Role::Adapter(name("llama"))));
        assert_eq!(catalog.get("other").map(|(_, role)| role), Some(&Role::Adapter(name("phi"))));
    }
}
