//! Whose requests go first.

use super::{ObjectName, Origin};

/// An InferenceObjective: requests name it in `x-gateway-inference-objective`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// Its name. Requests give it without a namespace.
    pub name: ObjectName,
    /// Its priority; below 0 requests are refused while their pool is saturated.
    pub priority: i32,
    /// The pool it is for.
    pub pool: ObjectName,
    /// Where it is defined.
    pub origin: Origin,
}

/// A model's priority, for requests that name no objective.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPriority {
    /// The model's name.
    pub model: String,
    /// How critical it is.
    pub criticality: Criticality,
    /// Where it is defined.
    pub origin: Origin,
}

/// How critical a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criticality {
    /// Refused while its pool is saturated.
    Sheddable,
    /// The default.
    Standard,
    /// First.
    Critical,
}
