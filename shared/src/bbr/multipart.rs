//! The `model` field of a form: the audio endpoints send forms.
//!
//! `multer` parses; it is made for asynchronous servers, so here it is polled by
//! hand: chunks go into a queue that its input stream reads from, and it runs
//! until the queue is empty. Parts are drained as they come, so memory does not
//! grow with the file that a form carries.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use multer::{Field, Multipart};

use super::body::{Named, Place};
use super::rejection::Rejection;
use crate::models::{InvalidModelName, MAX_MODEL_NAME_BYTES};

/// The longest headers of a part, and the longest text before the first part, in
/// bytes. `multer` keeps them whole, so they need a bound; real ones have a few
/// hundred bytes.
const MAX_PART_HEADERS: usize = 64 << 10;

/// Reads one form for its `model`.
pub struct ModelField {
    boundary: String,
    input: Input,
    parser: Multipart<'static>,
    part: Option<Part>,
    /// Parts started so far.
    parts: usize,
    found: Option<Named>,
    ended: bool,
    /// Bytes fed so far.
    read: u64,
    /// Bytes fed since a part or its headers last ended.
    outside: usize,
}

struct Part {
    field: Field<'static>,
    /// What came of the field, if it is `model`.
    model: Option<Vec<u8>>,
}

/// The parser's input: chunks that wait, and whether more will come.
#[derive(Clone, Default)]
struct Input(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    chunks: VecDeque<Bytes>,
    closed: bool,
}

impl Input {
    fn with<T>(&self, f: impl FnOnce(&mut Queue) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream for Input {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.with(|queue| match queue.chunks.pop_front() {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None if queue.closed => Poll::Ready(None),
            None => Poll::Pending,
        })
    }
}

impl ModelField {
    pub(super) fn new(boundary: String) -> Self {
        let input = Input::default();
        Self {
            parser: Multipart::new(input.clone(), boundary.clone()),
            boundary,
            input,
            part: None,
            parts: 0,
            found: None,
            ended: false,
            read: 0,
            outside: 0,
        }
    }

    pub(super) fn found(&self) -> Option<&Named> {
        self.found.as_ref()
    }

    pub(super) fn feed(&mut self, chunk: &[u8]) -> Result<(), Rejection> {
        self.read += chunk.len() as u64;
        if self.ended {
            // Behind the last boundary: receivers must ignore it (RFC 2046, section 5.1.1).
            return Ok(());
        }
        self.outside += chunk.len();
        self.input.with(|queue| queue.chunks.push_back(Bytes::copy_from_slice(chunk)));
        self.run()?;
        if self.part.is_none() && self.outside > MAX_PART_HEADERS {
            return Err(Rejection::NotMultipart {
                reason: format!("no part begins within {MAX_PART_HEADERS} bytes"),
            });
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Option<Named>, Rejection> {
        self.input.with(|queue| queue.closed = true);
        self.run()?;
        Ok(self.found)
    }

    /// Parses until the input is used up or the form ends.
    fn run(&mut self) -> Result<(), Rejection> {
        let mut context = Context::from_waker(Waker::noop());
        while !self.ended {
            let more = match &mut self.part {
                Some(part) => match Pin::new(&mut part.field).poll_next(&mut context) {
                    Poll::Pending => false,
                    Poll::Ready(Some(data)) => {
                        take_data(part.model.as_mut(), &data.map_err(broken)?)?;
                        true
                    }
                    Poll::Ready(None) => {
                        self.end_part()?;
                        true
                    }
                },
                None => match self.parser.poll_next_field(&mut context) {
                    Poll::Pending => false,
                    Poll::Ready(next) => {
                        match next.map_err(broken)? {
                            Some(field) => self.start_part(field)?,
                            None => self.ended = true,
                        }
                        true
                    }
                },
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn start_part(&mut self, field: Field<'static>) -> Result<(), Rejection> {
        self.outside = 0;
        self.parts += 1;
        let is_model = field.name() == Some("model");
        if is_model && self.found.is_some() {
            return Err(Rejection::DuplicateModel);
        }
        if is_model && field.file_name().is_some() {
            return Err(Rejection::ModelIsAFile);
        }
        self.part = Some(Part { field, model: is_model.then(Vec::new) });
        Ok(())
    }

    fn end_part(&mut self) -> Result<(), Rejection> {
        self.outside = 0;
        let Some(name) = self.part.take().and_then(|part| part.model) else {
            return Ok(());
        };
        let name = String::from_utf8(name).map_err(|_| Rejection::NotMultipart {
            reason: "the field \"model\" is not UTF-8".to_owned(),
        })?;
        let place = Place::Part {
            boundary: self.boundary.clone(),
            index: self.parts.saturating_sub(1),
            read: self.read,
        };
        self.found = Some(Named { name, place });
        Ok(())
    }
}

fn take_data(model: Option<&mut Vec<u8>>, data: &[u8]) -> Result<(), Rejection> {
    let Some(model) = model else { return Ok(()) };
    if model.len() + data.len() > MAX_MODEL_NAME_BYTES {
        return Err(InvalidModelName::TooLong.into());
    }
    model.extend_from_slice(data);
    Ok(())
}

fn broken(error: multer::Error) -> Rejection {
    Rejection::NotMultipart { reason: error.to_string() }
}

impl fmt::Debug for ModelField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelField").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Where the content of part `index` stands in `body`, the start of a form that
/// was read without an error and holds that part's end.
#[must_use]
pub fn locate_part(body: &[u8], boundary: &str, index: usize) -> Option<Range<u64>> {
    let first = format!("--{boundary}");
    let delimiter = format!("\r\n{first}");
    let find = |needle: &str, from: usize| {
        let at = memchr::memmem::find(body.get(from..)?, needle.as_bytes())?;
        Some((from + at, from + at + needle.len()))
    };
    let (_, mut behind) = find(&first, 0)?;
    for _ in 0..index {
        (_, behind) = find(&delimiter, behind)?;
    }
    let (_, start) = find("\r\n\r\n", behind)?;
    let (end, _) = find(&delimiter, start)?;
    Some(start as u64..end as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const MODEL: &str =
        "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n";
    const FILE: &str = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                        Content-Type: audio/wav\r\n\r\nRIFF\r\n--not-b \r\nmodel\r\n\r\n\r\n";

    fn read_in(form: &str, width: usize) -> Result<Option<Named>, Rejection> {
        let mut field = ModelField::new("b".to_owned());
        for chunk in form.as_bytes().chunks(width) {
            field.feed(chunk)?;
        }
        field.finish()
    }

    /// Reads the form whole and in pieces of every width.
    fn read(form: &str) -> Result<Option<String>, Rejection> {
        let name = |result: Result<Option<Named>, Rejection>| result.map(|n| n.map(|n| n.name));
        let whole = name(read_in(form, form.len().max(1)));
        for width in 1..40 {
            assert_eq!(name(read_in(form, width)), whole, "in pieces of {width}");
        }
        whole
    }

    #[test]
    fn the_model_is_found_before_and_behind_a_file() {
        assert_eq!(read(&format!("{MODEL}{FILE}--b--\r\n")), Ok(Some("whisper-1".to_owned())));
        assert_eq!(read(&format!("{FILE}{MODEL}--b--")), Ok(Some("whisper-1".to_owned())));
        assert_eq!(read(&format!("{FILE}--b--\r\n")), Ok(None));
    }

    #[test]
    fn what_stands_behind_the_last_boundary_is_ignored() {
        assert_eq!(
            read(&format!("{MODEL}--b--\r\nepilogue {MODEL}")),
            Ok(Some("whisper-1".to_owned()))
        );
    }

    #[test]
    fn two_models_and_models_in_files_are_refused() {
        assert_eq!(read(&format!("{MODEL}{MODEL}--b--")), Err(Rejection::DuplicateModel));
        let file = MODEL.replace("name=\"model\"", "name=\"model\"; filename=\"m\"");
        assert_eq!(read(&format!("{file}--b--")), Err(Rejection::ModelIsAFile));
    }

    #[test]
    fn broken_forms_are_refused() {
        for form in ["", "x", "--b", MODEL, &MODEL[..40], "--b\r\n\r\nx"] {
            assert!(matches!(read(form), Err(Rejection::NotMultipart { .. })), "{form:?}");
        }
        let endless = format!("--b\r\nX-Header: {}", "x".repeat(MAX_PART_HEADERS + 1));
        assert!(matches!(read_in(&endless, 1000), Err(Rejection::NotMultipart { .. })));
        let long = MODEL.replace("whisper-1", &"w".repeat(MAX_MODEL_NAME_BYTES + 1));
        assert_eq!(read_in(&long, 9), Err(InvalidModelName::TooLong.into()));
    }

    #[test]
    fn the_model_s_place_is_its_content() {
        let form = format!("preamble\r\n{FILE}{FILE}{MODEL}{FILE}--b--");
        let named = read_in(&form, 11).expect("a form").expect("a model");
        let Place::Part { boundary, index, read } = named.place else { panic!("no part") };
        let read = &form.as_bytes()[..usize::try_from(read).expect("small")];
        let span = locate_part(read, &boundary, index).expect("it is there");
        assert_eq!(&form[span.start as usize..span.end as usize], "whisper-1");
    }

    #[test]
    fn memory_does_not_grow_with_the_file() {
        let mut field = ModelField::new("b".to_owned());
        field.feed(&FILE.as_bytes()[..100]).expect("so far");
        for _ in 0..1000 {
            field.feed(&[b'x'; 10_000]).expect("so far");
            field.input.with(|queue| assert!(queue.chunks.is_empty()));
        }
    }
}
