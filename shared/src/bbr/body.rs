//! Reads a body of either kind for its model.

use std::ops::Range;

use super::content::BodyKind;
use super::multipart::ModelField;
use super::rejection::Rejection;
use crate::json::{ModelValue, Root, Scanner};
use crate::models::MAX_MODEL_NAME_BYTES;

/// Reads one body, chunk by chunk.
#[derive(Debug)]
pub enum BodyReader {
    /// JSON, for certain.
    Json(Scanner),
    /// JSON or not: nothing but white space has come yet.
    Sniff(Scanner),
    /// A form.
    Multipart(Box<ModelField>),
}

/// Where reading stands after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No model yet.
    Searching,
    /// The first model is known, see [`BodyReader::model`]; what follows is read to
    /// be checked.
    Named,
    /// This is no body to read; it passes.
    NotOurs,
}

/// What a whole body turned out to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A model.
    Model(Named),
    /// Well-formed, without a model.
    NoModel,
    /// This is no body to read; it passes.
    NotOurs,
}

/// A model name from a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name, as decoded from the body; it may be anything.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// Where a model name stands in its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A JSON string, with its quotes.
    Json(Range<u64>),
    /// The content of a form's part; [`locate_part`](super::locate_part) finds it.
    Part {
        /// The form's boundary.
        boundary: String,
        /// Which part, counted from 0.
        index: usize,
        /// How much of the body had been read when the part was complete.
        read: u64,
    },
}

impl BodyReader {
    /// A reader for a kind of body; `None` for kinds that are not read.
    #[must_use]
    pub fn new(kind: BodyKind) -> Option<Self> {
        let scanner = || Scanner::new(MAX_MODEL_NAME_BYTES);
        match kind {
            BodyKind::Json => Some(Self::Json(scanner())),
            BodyKind::Sniff => Some(Self::Sniff(scanner())),
            BodyKind::Multipart { boundary } => {
                Some(Self::Multipart(Box::new(ModelField::new(boundary))))
            }
            BodyKind::BrokenMultipart(_) | BodyKind::Other => None,
        }
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// The body is wrong, whatever follows.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Progress, Rejection> {
        if let Self::Sniff(scanner) = self {
            match chunk.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'{') => {
                    let empty = Scanner::new(MAX_MODEL_NAME_BYTES);
                    *self = Self::Json(std::mem::replace(scanner, empty));
                }
                Some(_) => return Ok(Progress::NotOurs),
                None => {}
            }
        }
        match self {
            Self::Json(scanner) | Self::Sniff(scanner) => {
                scanner.feed(chunk)?;
                if scanner.duplicate_at().is_some() {
                    return Err(Rejection::DuplicateModel);
                }
                match scanner.model() {
                    None => Ok(Progress::Searching),
                    Some(ModelValue::Name { .. }) => Ok(Progress::Named),
                    Some(ModelValue::Other(_)) => Err(Rejection::ModelNotAString),
                }
            }
            Self::Multipart(field) => {
                field.feed(chunk)?;
                Ok(if field.found().is_some() { Progress::Named } else { Progress::Searching })
            }
        }
    }

    /// The first model, once it is known.
    #[must_use]
    pub fn model(&self) -> Option<Named> {
        match self {
            Self::Json(scanner) | Self::Sniff(scanner) => match scanner.model()? {
                ModelValue::Name { name, span } => {
                    Some(Named { name: name.clone(), place: Place::Json(span.clone()) })
                }
                ModelValue::Other(_) => None,
            },
            Self::Multipart(field) => field.found().cloned(),
        }
    }

    /// Ends the body.
    ///
    /// # Errors
    /// The body is wrong or was cut short.
    pub fn finish(self) -> Result<Found, Rejection> {
        match self {
            Self::Sniff(_) => Ok(Found::NotOurs),
            Self::Json(scanner) if scanner.consumed() == 0 => Err(Rejection::EmptyBody),
            Self::Json(scanner) => {
                let document = scanner.finish()?;
                if document.root == Root::Other {
                    return Err(Rejection::NotAnObject);
                }
                if document.duplicate_at.is_some() {
                    return Err(Rejection::DuplicateModel);
                }
                match document.model {
                    None => Ok(Found::NoModel),
                    Some(ModelValue::Name { name, span }) => {
                        Ok(Found::Model(Named { name, place: Place::Json(span) }))
                    }
                    Some(ModelValue::Other(_)) => Err(Rejection::ModelNotAString),
                }
            }
            Self::Multipart(field) => Ok(field.finish()?.map_or(Found::NoModel, Found::Model)),
        }
    }
}
