//! Body-based routing: from a request's headers and body to a model, a base
//! model, or an answer that says what is wrong.
//!
//! The order of a request: [`Settings`] (once), [`plan`] on its headers,
//! [`BodyReader`] on its body, [`route`](Settings::route) on what that found.

mod body;
mod content;
#[allow(
    clippy::arithmetic_side_effects,
    reason = "positions within a buffer, bounded by its length"
)]
mod multipart;
mod outcome;
mod parameters;
mod path;
mod plan;
mod rejection;
mod route;
mod scan;
mod schema;
mod settings;

#[cfg(test)]
mod tests;

pub use body::{BodyReader, Found, Named, Place, Progress};
pub use content::{BodyKind, FormTypeError};
pub use multipart::{FormError, locate_part};
pub use outcome::Outcome;
pub use path::PathPattern;
pub use plan::{Plan, RequestHead, plan, plan_without_body};
pub use rejection::Rejection;
pub use route::{Entropy, Route};
pub use scan::Scan;
pub use schema::{
    BaseModelConfig, BbrConfig, MissingModelPolicy, PromptDigestConfig, RewriteConfig,
    RewriteTargetConfig, RouteOn, SplitBy, UnknownModelPolicy,
};
pub use settings::{Rewrite, Settings};

/// Carries the requested model to Envoy's routes and to the model server.
pub const MODEL_HEADER: &str = "x-gateway-model-name";
/// Carries the base model that serves it.
pub const BASE_MODEL_HEADER: &str = "x-gateway-base-model-name";
