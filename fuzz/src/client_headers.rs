//! What the filters read from a client's headers.
//!
//! The input is a list of lines: name, space, value. Claims: no header makes a filter
//! panic; what a subset or a session names is an endpoint; a decoded model id is only
//! looked up.

use shared::bbr::{BodyKind, BodyReader, Plan, RequestHead, Settings, plan, plan_without_body};
use shared::picker::{parse_subset, session_endpoint, session_token};

/// Panics if the bytes show a bug.
pub fn check(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    let header = |line: &'_ [u8]| line.iter().position(|byte| *byte == b' ');
    let headers: Vec<(&[u8], &[u8])> = lines
        .map(|line| header(line).map_or((line, &b""[..]), |at| (&line[..at], &line[at + 1..])))
        .collect();
    let Ok(settings) = Settings::from_json(br#"{"serveModels":true,"paths":["*"]}"#) else {
        panic!("a sound configuration")
    };
    let head = RequestHead::from_headers(headers.iter().copied());
    if let Plan::Read(kind) = plan(&settings, &head) {
        assert!(head.content_encoding.is_none());
        assert!(BodyReader::new(kind, None).is_some(), "what is to be read can be read");
    }
    if let Plan::ShowModel(id) = plan_without_body(&settings, &head) {
        assert!(settings.catalog.get(&id).is_none());
    }
    for (_, value) in &headers {
        let _ = BodyKind::of(Some(value));
        let subset = parse_subset(value);
        assert!(subset.len() <= value.len() / "1.1.1.1:1".len().min("[::]:1".len()));
        for endpoint in subset.into_iter().chain(session_endpoint(value)) {
            assert_eq!(session_endpoint(session_token(endpoint).as_bytes()), Some(endpoint));
        }
    }
}
