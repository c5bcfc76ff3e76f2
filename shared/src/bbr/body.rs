//! Reads a body of either kind for its model.

use std::ops::Range;

use super::content::BodyKind;
use super::multipart::ModelField;
use super::rejection::Rejection;
use super::scan::Scan;
use crate::json::{ModelValue, Root};
use crate::prompt::{DigestSettings, PromptDigest};

/// Reads one body, chunk by chunk.
#[derive(Debug)]
pub enum BodyReader {
    /// JSON, for certain.
    Json(Scan),
    /// JSON or not: nothing but white space has come yet.
    Sniff(Scan),
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
    /// A reader for a kind of body; `None` for kinds that are not read. Digests the
    /// prompt of JSON bodies, if settings for that are given.
    #[must_use]
    pub fn new(kind: BodyKind, digest: Option<DigestSettings>) -> Option<Self> {
        match kind {
            BodyKind::Json => Some(Self::Json(Scan::new(digest))),
            BodyKind::Sniff => Some(Self::Sniff(Scan::new(digest))),
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
        if let Self::Sniff(scan) = self {
            match chunk.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'{') => {
                    *self = Self::Json(std::mem::replace(scan, Scan::new(None)));
                }
                Some(_) => return Ok(Progress::NotOurs),
                None => {}
            }
        }
        match self {
            Self::Json(scan) | Self::Sniff(scan) => {
                scan.feed(chunk)?;
                if scan.duplicate_at().is_some() {
                    return Err(Rejection::DuplicateModel);
                }
                match scan.model() {
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
            Self::Json(scan) | Self::Sniff(scan) => match scan.model()? {
                ModelValue::Name { name, span } => {
                    Some(Named { name: name.clone(), place: Place::Json(span.clone()) })
                }
                ModelValue::Other(_) => None,
            },
            Self::Multipart(field) => field.found().cloned(),
        }
    }

    /// Ends the body: what it is, and what was digested of its prompt.
    ///
    /// # Errors
    /// The body is wrong or was cut short.
    pub fn finish(self) -> Result<(Found, Option<PromptDigest>), Rejection> {
        match self {
            Self::Sniff(_) => Ok((Found::NotOurs, None)),
            Self::Json(scan) if scan.consumed() == 0 => Err(Rejection::EmptyBody),
            Self::Json(scan) => {
                let (document, digest) = scan.finish()?;
                if document.root == Root::Other {
                    return Err(Rejection::NotAnObject);
                }
                if document.duplicate_at.is_some() {
                    return Err(Rejection::DuplicateModel);
                }
                let found = match document.model {
                    None => Found::NoModel,
                    Some(ModelValue::Name { name, span }) => {
                        Found::Model(Named { name, place: Place::Json(span) })
                    }
                    Some(ModelValue::Other(_)) => return Err(Rejection::ModelNotAString),
                };
                Ok((found, digest))
            }
            Self::Multipart(field) => {
                Ok((field.finish()?.map_or(Found::NoModel, Found::Model), None))
            }
        }
    }
}
