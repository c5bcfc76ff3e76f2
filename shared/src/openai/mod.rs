//! OpenAI's wire formats, as far as the gateway answers by itself, or asks.

mod error;
mod listing;
mod models;

pub use error::{ErrorObject, ErrorType};
pub use listing::{ListingError, adapters};
pub use models::{ModelList, ModelObject};
