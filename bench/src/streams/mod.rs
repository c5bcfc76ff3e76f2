//! What lasts: responses that stream for long, and bodies that come slowly.

mod sse;
mod upload;

pub use sse::{Sse, sse};
pub use upload::{Upload, upload};
