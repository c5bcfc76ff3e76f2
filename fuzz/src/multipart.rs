//! The `model` of a form, against another parser.
//!
//! The input is the value of `content-type`, a line feed, and the body; without a line
//! feed it is a body with the boundary `b`. Claims: where the body is cut changes
//! nothing; a form that is accepted here is one that `multer` reads with the same
//! boundary, the same number of parts called `model`, and the same text in it; and the
//! place of the text is where it says.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;
use shared::bbr::{BodyKind, BodyReader, Found, Place, Rejection, locate_part};

use crate::cuts::cuts;

/// How often `multer` is asked before it is given up; it answers at once.
const POLLS: usize = 100_000;

/// Panics if the bytes show a bug.
pub fn check(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n');
    let (content_type, body) = match line {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (&b"multipart/form-data; boundary=b"[..], data),
    };
    let BodyKind::Multipart { boundary } = BodyKind::of(Some(content_type)) else { return };
    let text = str::from_utf8(content_type).unwrap_or_default();
    // It wants no blank before a semicolon.
    if let Ok(theirs) = multer::parse_boundary(text) {
        assert_eq!(theirs, boundary, "{text:?}");
    }

    let ours = read(&boundary, &[body]);
    for cut in cuts(body) {
        assert_eq!(verdict(&read(&boundary, &cut)), verdict(&ours), "cut {cut:?}");
    }
    let Ok(found) = ours else { return };
    let name = match found {
        Found::NotOurs => panic!("the type says that it is a form"),
        Found::NoModel => None,
        Found::Model(named) => {
            let Place::Part { index, read, .. } = named.place else { panic!("{:?}", named.place) };
            let span = locate_part(&body[..read as usize], &boundary, index);
            let text = span.map(|span| &body[span.start as usize..span.end as usize]);
            assert_eq!(text, Some(named.name.as_bytes()));
            Some(named.name.into_bytes())
        }
    };
    let theirs = multer(&boundary, body);
    assert_eq!(theirs, Ok(name.into_iter().collect()), "{}", body.escape_ascii());
}

fn read(boundary: &str, chunks: &[&[u8]]) -> Result<Found, Rejection> {
    let kind = BodyKind::Multipart { boundary: boundary.to_owned() };
    let Some(mut reader) = BodyReader::new(kind, None) else { panic!("forms are read") };
    for chunk in chunks {
        reader.feed(chunk)?;
    }
    reader.finish().map(|(found, _)| found)
}

/// What must not depend on the cuts. Where the model's text stood counts chunks.
fn verdict(result: &Result<Found, Rejection>) -> Result<Option<&str>, &Rejection> {
    result.as_ref().map(|found| match found {
        Found::Model(named) => Some(named.name.as_str()),
        Found::NoModel | Found::NotOurs => None,
    })
}

/// The texts of all parts called `model`, as `multer` reads them.
fn multer(boundary: &str, body: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let body = Ok::<_, Infallible>(Bytes::copy_from_slice(body));
    let mut form = Multipart::new(stream::iter([body]), boundary);
    let models = async {
        let mut models = Vec::new();
        while let Some(field) = form.next_field().await? {
            let is_model = field.name() == Some("model");
            let text = field.bytes().await?;
            if is_model {
                models.push(text.to_vec());
            }
        }
        Ok::<_, multer::Error>(models)
    };
    let mut models = pin!(models);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        if let Poll::Ready(models) = models.as_mut().poll(&mut context) {
            return models.map_err(|error| error.to_string());
        }
    }
    Err("it never ends".to_owned())
}
