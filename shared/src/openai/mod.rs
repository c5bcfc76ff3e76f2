//! OpenAI's wire formats, as far as the gateway answers by itself.

mod error;
mod models;

pub use error::{ErrorObject, ErrorType};
pub use models::{ModelList, ModelObject};
