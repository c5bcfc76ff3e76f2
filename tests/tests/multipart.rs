//! Forms: the audio endpoints send them.

use crate::ECHO;
use gateway_tests::{Call, Version, unique};

const KIND: &str = "multipart/form-data; boundary=----b0-_x";
const BASE: Option<&str> = Some("google/gemma-3-4b-it");

/// A form of these parts; each is what follows `form-data; `, and the content.
fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content) in parts {
        body.extend_from_slice(b"------b0-_x\r\nContent-Disposition: form-data; ");
        body.extend_from_slice(disposition.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"------b0-_x--\r\n");
    body
}

const MODEL: (&str, &[u8]) = ("name=\"model\"", b"spanish-bot");

/// Sound that looks like a form, as far as it can.
fn sound() -> Vec<u8> {
    b"RIFF\0\xff\r\n--\r\n------b0-_\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nx"
        .repeat(4000)
}

fn file(sound: &[u8]) -> (&str, &[u8]) {
    ("name=\"file\"; filename=\"model.wav\"\r\nContent-Type: audio/wav", sound)
}

#[test]
fn the_model_is_read_before_and_after_the_file() {
    ECHO.run(async |gateway| {
        let sound = sound();
        let language: (&str, &[u8]) = ("name=\"language\"", b"es");
        for parts in [
            vec![MODEL, file(&sound)],
            vec![file(&sound), MODEL],
            vec![language, file(&sound), MODEL, ("name=\"models\"", b"chatbot")],
            vec![MODEL],
            vec![("name=model", b"spanish-bot")],
        ] {
            let body = form(&parts);
            for version in Version::BOTH {
                let call = Call::post("/v1/audio/transcriptions").header("content-type", KIND);
                let answer = gateway.send_over(version, call.body(body.clone())).await;
                answer.expect_route("gemma3", Some("spanish-bot"), BASE).expect_body(&body);
                let call = Call::post("/sim/echo").header("content-type", KIND);
                let call = call.pieces(body.chunks(777).map(<[u8]>::to_vec), &[]);
                let answer = gateway.send_over(version, call).await;
                answer.expect_route("gemma3", Some("spanish-bot"), BASE).expect_body(&body);
            }
        }
    });
}

#[test]
fn a_transcription_is_answered() {
    ECHO.run(async |gateway| {
        let body = form(&[file(b"RIFF"), MODEL]);
        let call = Call::post("/v1/audio/transcriptions").header("content-type", KIND).body(body);
        let answer = gateway.send(call).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json()["text"].is_string());
    });
}

#[test]
fn one_byte_at_a_time() {
    ECHO.run(async |gateway| {
        let body = form(&[file(b"\r\n------b0"), MODEL]);
        for version in Version::BOTH {
            let call = Call::post("/sim/echo").header("content-type", KIND);
            let call = call.pieces(body.iter().map(|byte| vec![*byte]), &[]);
            let answer = gateway.send_over(version, call).await;
            answer.expect_route("gemma3", Some("spanish-bot"), BASE).expect_body(&body);
        }
    });
}

#[test]
fn a_boundary_may_be_quoted() {
    ECHO.run(async |gateway| {
        let body = "--a b\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nspanish-bot\r\n\
                    --a b--\r\n";
        for kind in [
            "multipart/form-data; boundary=\"a b\"",
            "Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"",
        ] {
            let call = Call::post("/sim/echo").header("content-type", kind).body(body);
            let answer = gateway.send(call).await;
            answer.expect_route("gemma3", Some("spanish-bot"), BASE).expect_body(body);
        }
    });
}

#[test]
fn a_form_without_a_model_passes() {
    ECHO.run(async |gateway| {
        for body in [form(&[file(b"RIFF")]), form(&[])] {
            let call = Call::post("/sim/echo").header("content-type", KIND).body(body.clone());
            let answer = gateway.send(call).await;
            answer.expect_route("everything-else", None, None).expect_body(&body);
        }
    });
}

#[test]
fn wrong_forms_are_refused() {
    ECHO.run(async |gateway| {
        let as_file = "name=\"model\"; filename=\"m.txt\"";
        let long = [b'm'; 600];
        let invalid = (400, "invalid_multipart", None);
        let model = |code| (400, code, Some("model"));
        let mut cut = form(&[MODEL, file(b"RIFF")]);
        cut.truncate(cut.len() - 12);
        for (body, (status, code, param)) in [
            (form(&[MODEL, MODEL]), model("duplicate_parameter")),
            (
                form(&[MODEL, file(b"x"), ("name=\"model\"", b"chatbot")]),
                model("duplicate_parameter"),
            ),
            (form(&[(as_file, b"chatbot")]), model("invalid_type")),
            (form(&[("name=\"model\"", b"a\nb")]), model("invalid_value")),
            (form(&[("name=\"model\"", b"")]), model("invalid_value")),
            (form(&[("name=\"model\"", &long)]), model("invalid_value")),
            (form(&[("name=\"model\"", b"\xff")]), invalid),
            (b"{\"model\": \"chatbot\"}".to_vec(), invalid),
            (b"------other\r\n\r\n------other--".to_vec(), invalid),
            (cut, invalid),
        ] {
            println!("{}", body.escape_ascii());
            for version in Version::BOTH {
                let path = unique("/sim/echo");
                let call = Call::post(&path).header("content-type", KIND).body(body.clone());
                let answer = gateway.send_over(version, call).await;
                answer.expect_error(status, code, param);
                let call = Call::post(&path).header("content-type", KIND);
                let call = call.pieces(body.iter().map(|byte| vec![*byte]), &[]);
                let answer = gateway.send_over(version, call).await;
                answer.expect_error(status, code, param);
                gateway.expect_unseen(&path);
            }
        }
    });
}

#[test]
fn a_form_without_a_boundary_is_refused() {
    ECHO.run(async |gateway| {
        for kind in ["multipart/form-data", "multipart/form-data; charset=utf-8"] {
            let path = unique("/sim/echo");
            let call = Call::post(&path).header("content-type", kind).body(form(&[MODEL]));
            gateway.send(call).await.expect_error(400, "invalid_multipart", None);
            gateway.expect_unseen(&path);
        }
    });
}
