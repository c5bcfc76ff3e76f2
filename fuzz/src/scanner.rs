//! The scanner of JSON bodies, against two other parsers.
//!
//! Claims: where a body is cut changes nothing. What another parser reads is read with
//! the same models, unless it breaks a limit of ours. What is accepted here is read by
//! `serde_json` with the same models, once the bytes of skipped strings that only the
//! server judges are mended. A model that the filter would route by is the one that
//! parsers that take the first and parsers that take the last `model` see.

use shared::bbr::{BodyKind, BodyReader, Found, Place, Rejection};
use shared::json::{Document, ModelValue, Root, ScanError, ScanErrorKind, Scanner};
use shared::models::MAX_MODEL_NAME_BYTES;
use shared::prompt::{DigestSettings, RequestFacts};

use crate::cuts::cuts;
use crate::second_opinion::{self, Reading};

/// Panics if the bytes show a bug.
pub fn check(body: &[u8]) {
    check_facts(body);
    let ours = scan(&[body]);
    for cut in cuts(body) {
        assert_eq!(scan(&cut), ours, "cut {cut:?}");
    }
    let opinions = [second_opinion::serde_json(body), second_opinion::jiter(body)];
    for theirs in opinions.iter().flatten() {
        match &ours {
            Ok(document) => assert_same(document, theirs),
            Err(error) => assert!(is_limit(error), "they read {theirs:?}, ours: {error}"),
        }
    }
    if let Ok(document) = &ours {
        let mended = mend(body);
        let theirs = second_opinion::serde_json(&mended);
        let text = String::from_utf8_lossy(&mended);
        assert_same(document, &theirs.unwrap_or_else(|| panic!("serde_json refuses {text:?}")));
    }
    check_found(body);
}

fn scan(chunks: &[&[u8]]) -> Result<Document, ScanError> {
    let mut scanner = Scanner::new(MAX_MODEL_NAME_BYTES);
    for chunk in chunks {
        scanner.feed(chunk)?;
    }
    scanner.finish()
}

/// Limits that the other parsers do not have.
fn is_limit(error: &ScanError) -> bool {
    matches!(error.kind, ScanErrorKind::TooDeep | ScanErrorKind::ModelTooLong { .. })
}

fn assert_same(ours: &Document, theirs: &Reading) {
    match (ours.root, theirs) {
        (Root::Other, Reading::NotAnObject) => {}
        (Root::Object, Reading::Object(models)) => {
            let ours_first = ours.model.as_ref().map(|model| match model {
                ModelValue::Name { name, .. } => Some(name.clone()),
                ModelValue::Other(_) => None,
            });
            assert_eq!(ours_first.as_ref(), models.first());
            assert_eq!(ours.duplicate_at.is_some(), models.len() > 1, "{models:?}");
        }
        _ => panic!("{ours:?} is not {theirs:?}"),
    }
}

/// The body with what the scanner does not judge in skipped strings made harmless.
fn mend(body: &[u8]) -> Vec<u8> {
    let tame = body.iter().map(|byte| match byte {
        b'\n' | b'\r' | b'\t' => b' ',
        0..=0x1f => b'x',
        _ => *byte,
    });
    String::from_utf8_lossy(&tame.collect::<Vec<_>>()).into_owned().into_bytes()
}

/// What the reader of bodies finds, and the facts of the prompt.
fn read(
    chunks: &[&[u8]],
    digest: Option<DigestSettings>,
) -> Result<(Found, Option<RequestFacts>), Rejection> {
    let Some(mut reader) = BodyReader::new(BodyKind::Json, digest) else { panic!("JSON is read") };
    for chunk in chunks {
        reader.feed(chunk)?;
    }
    let (found, digest) = reader.finish()?;
    Ok((found, digest.and_then(|digest| digest.facts("m"))))
}

/// A digest changes no verdict, and does not depend on the cuts.
fn check_facts(body: &[u8]) {
    let Ok(settings) = DigestSettings::new(1, 16, 8) else { panic!("they are in bounds") };
    let verdict = read(&[body], None).map(|(found, _)| format!("{found:?}"));
    let whole = read(&[body], Some(settings));
    assert_eq!(
        whole.as_ref().map(|(found, _)| format!("{found:?}")).map_err(Clone::clone),
        verdict
    );
    let facts = whole.ok().and_then(|(_, facts)| facts);
    for cut in cuts(body) {
        let cut = read(&cut, Some(settings)).ok().and_then(|(_, facts)| facts);
        assert_eq!(cut, facts);
    }
}

/// The reader of bodies, which the filter uses: its verdict, and where the name stands.
fn check_found(body: &[u8]) {
    let found = read(&[body], None).map(|(found, _)| found);
    let whole = serde_json::from_slice::<serde_json::Value>(body);
    match (found, whole) {
        (Ok(Found::Model(named)), whole) => {
            let Place::Json(span) = named.place else { panic!("{:?}", named.place) };
            let raw = &body[span.start as usize..span.end as usize];
            assert_eq!(serde_json::from_slice::<String>(raw).ok().as_ref(), Some(&named.name));
            if let Ok(whole) = whole {
                // It keeps the last of several.
                assert_eq!(whole["model"], named.name.as_str());
            }
        }
        (Ok(Found::NoModel), Ok(whole)) => assert!(whole.get("model").is_none(), "{whole}"),
        (Ok(Found::NotOurs), _) => panic!("the type says that it is JSON"),
        (Err(Rejection::NotJson(error)), Ok(_)) => assert!(is_limit(&error), "{error}"),
        _ => {}
    }
}
