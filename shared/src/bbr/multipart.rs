//! The `model` field of a form: the audio endpoints send forms.
//!
//! Invariant: a form that is accepted has one reading. The server behind the gateway has
//! another parser than this one; so wherever parsers are known to differ (boundaries in
//! odd places, two names for one part, charsets), the form is refused instead of read.
//! Contents are passed over as they come, so memory does not grow with the file that a
//! form carries.

mod error;
mod head;
mod parts;

use std::ops::Range;

use super::body::{Named, Place};
use super::rejection::Rejection;
use crate::models::{InvalidModelName, MAX_MODEL_NAME_BYTES};

pub use error::FormError;
use head::Head;
pub(super) use head::is_utf8;
use parts::{Parts, Piece};

/// The longest headers of a part, in bytes. They are kept whole, so they need a bound;
/// real ones have a few hundred bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// Reads one form for its `model`.
#[derive(Debug)]
pub struct ModelField {
    boundary: String,
    form: Parts,
    /// Parts started so far.
    parts: usize,
    /// The model's text so far, inside its part.
    text: Option<Text>,
    found: Option<Named>,
    /// Bytes fed so far.
    read: u64,
}

#[derive(Debug)]
struct Text {
    bytes: Vec<u8>,
    must_be_ascii: bool,
}

impl ModelField {
    pub(super) fn new(boundary: String) -> Self {
        Self { form: Parts::new(&boundary), boundary, parts: 0, text: None, found: None, read: 0 }
    }

    pub(super) fn found(&self) -> Option<&Named> {
        self.found.as_ref()
    }

    pub(super) fn feed(&mut self, chunk: &[u8]) -> Result<(), Rejection> {
        self.read = self.read.saturating_add(chunk.len() as u64);
        let Self { boundary, form, parts, text, found, read } = self;
        form.feed(chunk, |piece| match piece {
            Piece::Head(head) => {
                *parts = parts.saturating_add(1);
                *text = start_part(Head::read(head)?, found.is_some())?;
                Ok(())
            }
            Piece::Content(content) => text.as_mut().map_or(Ok(()), |text| extend(text, content)),
            Piece::End => {
                let Some(text) = text.take() else { return Ok(()) };
                if text.must_be_ascii && !text.bytes.is_ascii() {
                    return Err(FormError::EncodedModel.into());
                }
                let name = String::from_utf8(text.bytes).map_err(|_| FormError::EncodedModel)?;
                let index = parts.saturating_sub(1);
                let place = Place::Part { boundary: boundary.clone(), index, read: *read };
                *found = Some(Named { name, place });
                Ok(())
            }
        })
    }

    pub(super) fn finish(self) -> Result<Option<Named>, Rejection> {
        self.form.finish()?;
        Ok(self.found)
    }
}

/// Room for the part's text, if it is the model's.
fn start_part(head: Head, is_known: bool) -> Result<Option<Text>, Rejection> {
    match head {
        Head { is_model: true, .. } if is_known => Err(Rejection::DuplicateModel),
        Head { is_model: true, is_file: true, .. } => Err(Rejection::ModelIsAFile),
        Head { is_model, must_be_ascii, .. } => {
            Ok(is_model.then_some(Text { bytes: Vec::new(), must_be_ascii }))
        }
    }
}

fn extend(text: &mut Text, content: &[u8]) -> Result<(), Rejection> {
    if content.len() > MAX_MODEL_NAME_BYTES.saturating_sub(text.bytes.len()) {
        return Err(InvalidModelName::TooLong.into());
    }
    text.bytes.extend_from_slice(content);
    Ok(())
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
            assert!(matches!(read(form), Err(Rejection::NotMultipart(_))), "{form:?}");
        }
        let endless = format!("--b\r\nX-Header: {}", "x".repeat(MAX_HEAD_BYTES));
        assert_eq!(read_in(&endless, 1000), Err(FormError::HeadTooLong.into()));
        let long = MODEL.replace("whisper-1", &"w".repeat(MAX_MODEL_NAME_BYTES + 1)) + "--b--";
        assert_eq!(read_in(&long, 9), Err(InvalidModelName::TooLong.into()));
    }

    #[test]
    fn a_model_in_another_charset_is_read_if_it_is_ascii() {
        let old_java = "Content-Type: text/plain; charset=ISO-8859-1\r\n\
                        Content-Transfer-Encoding: 8bit\r\n\r\n";
        let form = format!("{}--b--", MODEL.replacen("\r\n\r\n", &format!("\r\n{old_java}"), 1));
        assert!(matches!(read(&form), Ok(Some(_))), "{form}");
        let umlaut = form.replace("whisper", "wh\u{ef}sper");
        assert_eq!(read(&umlaut), Err(FormError::EncodedModel.into()));
    }

    #[test]
    fn the_model_s_place_is_its_content() {
        let form = format!("{FILE}{FILE}{MODEL}{FILE}--b--");
        let named = read_in(&form, 11).expect("a form").expect("a model");
        let Place::Part { boundary, index, read } = named.place else { panic!("no part") };
        let read = &form.as_bytes()[..usize::try_from(read).expect("small")];
        let span = locate_part(read, &boundary, index).expect("it is there");
        assert_eq!(&form[span.start as usize..span.end as usize], "whisper-1");
    }

    #[test]
    fn a_form_that_another_parser_reads_differently_is_refused() {
        let part = |disposition: &str| {
            format!("--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\nB\r\n")
        };
        let twice = part("name=\"x\"; name=\"model\"");
        assert_eq!(read(&format!("{MODEL}{twice}--b--")), Err(FormError::Disposition.into()));
        let bare = "y\n--b\nContent-Disposition: form-data; name=\"model\"\n\nB";
        let form = format!("{}{MODEL}--b--", FILE.replace("RIFF", bare));
        assert_eq!(read(&form), Err(FormError::StrayDelimiter.into()));
        // A search for ` name=` finds another name in here.
        let quoted = part("x=\" name=y\"; name=\"model\"");
        assert_eq!(read(&format!("{MODEL}{quoted}--b--")), Err(FormError::Disposition.into()));
    }
}
