//! Puts another model's name into a held body.
//!
//! Every other byte stays as it is. Proxy-Wasm can only replace the start of a
//! body, so what stands before the name is read back and written again: the one
//! place where memory grows with a body, and only when a model is rewritten and
//! stands at its end.

use std::ops::Range;

use filter_host::{Refused, StreamHost};
use shared::bbr::{Place, locate_part};
use shared::models::ModelName;

/// How a body's length changed, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    pub(crate) added: u64,
    pub(crate) removed: u64,
}

pub(crate) fn splice(
    host: &impl StreamHost,
    place: &Place,
    model: &ModelName,
) -> Result<Splice, Refused> {
    let (before, span, name) = match place {
        Place::Json(span) => {
            let name = serde_json::to_vec(model.as_str()).map_err(|_| Refused)?;
            (start_of_body(host, span.start)?, span.clone(), name)
        }
        Place::Part { boundary, index, read } => {
            let read = start_of_body(host, *read)?;
            let span = locate_part(&read, boundary, *index).ok_or(Refused)?;
            (read, span, model.as_str().as_bytes().to_vec())
        }
    };
    let Range { start, end } = span;
    let removed = end.checked_sub(start).ok_or(Refused)?;
    let mut bytes = before;
    bytes.truncate(usize::try_from(start).map_err(|_| Refused)?);
    bytes.extend_from_slice(&name);
    host.replace_body_start(usize::try_from(end).map_err(|_| Refused)?, &bytes)?;
    Ok(Splice { added: name.len() as u64, removed })
}

fn start_of_body(host: &impl StreamHost, len: u64) -> Result<Vec<u8>, Refused> {
    match usize::try_from(len).map_err(|_| Refused)? {
        0 => Ok(Vec::new()),
        len => host.body(0, len).filter(|bytes| bytes.len() == len).ok_or(Refused),
    }
}
