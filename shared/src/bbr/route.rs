//! From a model's name to headers.

use std::borrow::Cow;

use super::outcome::Outcome;
use super::rejection::Rejection;
use super::schema::{SplitBy, UnknownModelPolicy};
use super::settings::Settings;
use crate::models::{ModelName, Role};

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route<'a> {
    /// The model header: the model asked for, or the one it stands for.
    pub model: Cow<'a, ModelName>,
    /// The base model header; none for a model that the configuration does not name.
    pub base: Option<&'a ModelName>,
    /// Whether the body must name `model` instead of what it names.
    pub rewritten: bool,
    /// How the request is counted.
    pub outcome: Outcome,
}

/// What a choice between several targets is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entropy {
    /// The request's id.
    RequestId(Vec<u8>),
    /// A number that differs from request to request.
    Random(u64),
}

impl Settings {
    /// Routes by the name a body gave. `entropy` is asked only when the name
    /// stands for several models.
    ///
    /// # Errors
    /// The name cannot be a model's, or must be known and is not.
    pub fn route(
        &self,
        name: String,
        entropy: impl FnOnce(SplitBy) -> Entropy,
    ) -> Result<Route<'_>, Rejection> {
        let asked = ModelName::try_from(name)?;
        let target = self.rewrites.get(&asked).and_then(|rewrite| {
            match (rewrite.split.targets(), rewrite.split_by) {
                ([only], _) => Some(&only.model),
                (_, by) => match entropy(by) {
                    Entropy::RequestId(id) => rewrite.split.choose_by_id(&id),
                    Entropy::Random(number) => rewrite.split.choose(number),
                },
            }
        });
        let rewritten = target.is_some_and(|target| *target != asked);
        let model = target.map_or(Cow::Owned(asked), Cow::Borrowed);
        let (base, outcome) = match self.catalog.get(model.as_str()) {
            Some((name, Role::Base)) => (Some(name), Outcome::BaseModel),
            Some((_, Role::Adapter(base))) => (Some(base), Outcome::Adapter),
            None if self.on_unknown_model == UnknownModelPolicy::Reject => {
                return Err(Rejection::UnknownModel { model: model.to_string() });
            }
            None => (None, Outcome::UnknownModel),
        };
        Ok(Route { model, base, rewritten, outcome })
    }
}
