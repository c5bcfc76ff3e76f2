//! Finds the top-level `model` of a JSON body without building a tree.
//!
//! [`Scanner`] is fed the body chunk by chunk and looks at each byte once; what
//! it keeps between chunks is a few words and one bit per open bracket, whatever
//! the size of the body. It is a validating parser: a body it accepts has one
//! reading, so the gateway never routes by a `model` that the model server will
//! not see.
//!
//! Invariant: a body that `serde_json` accepts is accepted, with the same
//! `model`. Of what `serde_json` refuses, exactly these pass, since no parser
//! could read another `model` out of them and the model server judges them
//! anyway:
//!
//! * inside strings that are skipped (all but top-level keys and the value of
//!   `model`): lone surrogates (`"\ud800"`), bytes that are not UTF-8, raw
//!   control characters;
//! * numbers too large for an `f64` (`1e999`);
//! * nesting deeper than `serde_json`'s 128 levels, up to [`MAX_DEPTH`].
//!
//! Rejected alternatives: a tree (`serde_json::Value`) costs memory in
//! proportion to the body and a third of the speed; searching for `"model":` is
//! fast and wrong (it finds the key inside a prompt); a streaming `serde`
//! deserializer needs the whole body in one piece.

mod blocks;
mod document;
mod error;
mod escapes;
mod nesting;
mod number;
mod observer;
mod scanner;
mod skip;
mod text;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;

pub use document::{Document, ModelValue, Root, ValueKind};
pub use error::{Expected, ScanError, ScanErrorKind};
pub use nesting::MAX_DEPTH;
pub use observer::{Observer, Shape, Unobserved};
pub use scanner::Scanner;
