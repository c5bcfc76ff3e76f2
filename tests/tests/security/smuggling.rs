//! Bodies that two parsers read in two ways: the gateway by one model, the server by
//! another. All are refused before a server sees them.

use crate::ECHO;
use gateway_tests::{Call, Gateway, Version, unique};

/// Whole over HTTP/1.1, in single bytes over HTTP/2: refused, and seen by nobody.
async fn expect_refused(gateway: &Gateway, kind: &str, body: &[u8], code: &str) {
    println!("{kind}: {}", body.escape_ascii());
    let path = unique("/sim/echo");
    let call = || Call::post(&path).header("content-type", kind);
    let answer = gateway.send(call().body(body.to_vec())).await;
    let param = (code == "duplicate_parameter").then_some("model");
    answer.expect_error(400, code, param);
    let pieces = call().pieces(body.iter().map(|byte| vec![*byte]), &[]);
    gateway.send_over(Version::H2, pieces).await.expect_error(400, code, param);
    gateway.expect_unseen(&path);
}

fn part(head: &str, content: &str) -> String {
    format!("--b\r\n{head}\r\n\r\n{content}\r\n")
}

const MODEL: &str = "Content-Disposition: form-data; name=\"model\"";
const FORM: &str = "multipart/form-data; boundary=b";

#[test]
fn json_in_encodings_that_some_servers_guess_is_refused() {
    ECHO.run(async |gateway| {
        let text = r#"{"model": "chatbot"}"#;
        let units: Vec<u16> = text.encode_utf16().collect();
        let wide: Vec<u32> = text.chars().map(u32::from).collect();
        let mark = |bom: &[u8], bytes: Vec<u8>| [bom, &bytes].concat();
        let utf16_le: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let utf16_be: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let utf32_le: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let utf32_be: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        for body in [
            mark(b"\xef\xbb\xbf", text.into()),
            mark(b"\xff\xfe", utf16_le.clone()),
            mark(b"\xfe\xff", utf16_be.clone()),
            mark(b"\xff\xfe\0\0", utf32_le.clone()),
            utf16_le,
            utf16_be,
            utf32_le,
            utf32_be,
        ] {
            expect_refused(gateway, "application/json", &body, "invalid_json").await;
        }
    });
}

#[test]
fn keys_that_lenient_parsers_take_for_model_are_refused_or_other_keys() {
    ECHO.run(async |gateway| {
        for body in [
            // A parser that drops what is no character reads a second `model` here.
            &b"{\"model\": \"chatbot\", \"mo\\udc00del\": \"recommender\"}"[..],
            b"{\"model\": \"chatbot\", \"mod\xffel\": \"recommender\"}",
            b"{\"model\": \"chatbot\", \"mod\x00el\": \"recommender\"}",
            b"{\"model\": \"chatbot\", \"mod\\el\": \"recommender\"}",
            b"{\"model\": \"chatbot\", /*\"*/ \"model\": \"recommender\"}",
        ] {
            expect_refused(gateway, "application/json", body, "invalid_json").await;
        }
        let twice = br#"{"model": "chatbot", "\u006dodel": "recommender"}"#;
        expect_refused(gateway, "application/json", twice, "duplicate_parameter").await;
        // JSON's keys differ by case; so do Python's. See the document about Go's.
        let body = r#"{"model": "chatbot", "MODEL": "recommender"}"#;
        let answer = gateway.send(Call::json("/sim/echo", body)).await;
        answer.expect_route("gemma3", Some("chatbot"), Some("chatbot")).expect_body(body);
    });
}

#[test]
fn parts_whose_name_has_two_readings_are_refused() {
    ECHO.run(async |gateway| {
        let sound = part(MODEL, "chatbot");
        for head in [
            "Content-Disposition: form-data; x=\" name=y\"; name=\"model\"",
            "Content-Disposition: form-data; name=\"x\"; name=\"model\"",
            "Content-Disposition: form-data; Name=\"model\"",
            "Content-Disposition: form-data; name*=utf-8''model",
            "Content-Disposition: form-data; name*0=\"mo\"; name*1=\"del\"",
            "Content-Disposition: form-data; name=\"mod\\el\"",
            "Content-Disposition: form-data; name=\"x\"\r\n\
             Content-Disposition: form-data; name=\"model\"",
            "X: y\nContent-Disposition: form-data; name=\"model\"",
            "Content-Disposition: form-data;\r\n name=\"model\"",
            "X: y",
        ] {
            let form = format!("{sound}{}--b--\r\n", part(head, "recommender"));
            expect_refused(gateway, FORM, form.as_bytes(), "invalid_multipart").await;
        }
        let encoded = format!("{MODEL}\r\nContent-Transfer-Encoding: base64");
        let form = format!("{}--b--\r\n", part(&encoded, "Y2hhdGJvdA=="));
        expect_refused(gateway, FORM, form.as_bytes(), "invalid_multipart").await;
    });
}

#[test]
fn boundaries_that_only_some_parsers_see_are_refused() {
    ECHO.run(async |gateway| {
        let sound = part(MODEL, "chatbot");
        let hidden = format!("--b\n{MODEL}\n\nrecommender\n");
        let field = |content: &str| part("Content-Disposition: form-data; name=\"x\"", content);
        for form in [
            format!("{}{sound}--b--\r\n", field(&format!("y\n{hidden}"))),
            format!("{}{sound}--b--\r\n", field(&format!("y{hidden}"))),
            format!("preamble {sound}{sound}--b--\r\n"),
            format!("{}--b--\r\n", sound.replacen("--b\r", "--b \t\r", 1)),
            format!("{sound}--bb\r\n\r\n{sound}--b--\r\n"),
        ] {
            expect_refused(gateway, FORM, form.as_bytes(), "invalid_multipart").await;
        }
    });
}

#[test]
fn form_types_with_two_readings_are_refused() {
    ECHO.run(async |gateway| {
        let form = format!("{}--b--\r\n", part(MODEL, "chatbot"));
        for kind in [
            "multipart/form-data; boundary=b; boundary=c",
            "multipart/form-data; boundary=b; BOUNDARY=c",
            "multipart/form-data; boundary=b; boundary*=utf-8''c",
            "multipart/form-data; boundary=\"b\\\"; x=\"",
            "multipart/form-data; boundary =b",
            // Names and texts would be read as something else than they seem.
            "multipart/form-data; boundary=b; charset=utf-7",
            "multipart/form-data; boundary=b; charset=cp037",
        ] {
            expect_refused(gateway, kind, form.as_bytes(), "invalid_multipart").await;
        }
    });
}
