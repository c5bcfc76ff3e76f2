//! Large bodies arrive byte for byte, whatever their form.

use bytes::Bytes;
use gateway_tests::{Call, Gateway, Setup, Shared, Version, sha256};
use serde_json::{Value, json};

const MIB: usize = 1 << 20;

fn setup(route_on: &str) -> Setup {
    let plugin = json!({"routeOn": route_on, "maxBodyBytes": 64 * MIB});
    Setup::bbr().echo(plugin).buffer_limit(80 << 20)
}

static COMPLETE: Shared = Shared::new(|| setup("complete"));
static FIRST_MODEL: Shared = Shared::new(|| setup("firstModel"));

/// JSON of about this size with quotes, escapes and more than ASCII.
fn body(bytes: usize, model_first: bool) -> Bytes {
    let text = r#"He said: \"a \\ model\": \u00e9\ud83d\ude00 é 😀 {\"model\": 1}\n"#;
    let prompt = text.repeat(bytes / text.len());
    Bytes::from(if model_first {
        format!(r#"{{"model": "ski-resorts", "prompt": "{prompt}"}}"#)
    } else {
        format!(r#"{{"prompt": "{prompt}", "model": "ski-resorts"}}"#)
    })
}

async fn send(gateway: &Gateway, version: Version, body: &Bytes, hash: &Value, pieces: bool) {
    let call = if pieces {
        // Of a size that no buffer has.
        let pieces = (0..body.len()).step_by(70_001);
        let piece = |at: usize| body.slice(at..body.len().min(at + 70_001));
        Call::json("/sim/echo", "").pieces(pieces.map(piece).collect::<Vec<_>>(), &[])
    } else {
        Call::json("/sim/echo", body.clone())
    };
    let answer = gateway.send_over(version, call).await;
    let base = "deepseek/vllm-deepseek-r1";
    answer.expect_route("vllm-deepseek-r1", Some("ski-resorts"), Some(base));
    let seen = answer.json();
    assert_eq!(seen["body_bytes"], body.len(), "{version:?}");
    assert_eq!(&seen["body_sha256"], hash, "{version:?}");
}

async fn send_all(gateway: &Gateway, bytes: usize) {
    for model_first in [true, false] {
        let body = body(bytes, model_first);
        let hash = Value::from(sha256(&body));
        for version in Version::BOTH {
            for pieces in [false, true] {
                send(gateway, version, &body, &hash, pieces).await;
            }
        }
    }
}

#[test]
fn five_megabytes_at_once() {
    COMPLETE.run(async |gateway| send_all(gateway, 5_000_000).await);
}

#[test]
fn five_megabytes_from_the_first_model_on() {
    FIRST_MODEL.run(async |gateway| send_all(gateway, 5_000_000).await);
}

#[test]
fn fifty_megabytes_at_once() {
    COMPLETE.run(async |gateway| send_all(gateway, 50_000_000).await);
}

#[test]
fn fifty_megabytes_from_the_first_model_on() {
    FIRST_MODEL.run(async |gateway| send_all(gateway, 50_000_000).await);
}

#[test]
fn sizes_around_a_megabyte() {
    // Where Envoy may deliver the last chunk twice (envoy issue 46237).
    for shared in [&COMPLETE, &FIRST_MODEL] {
        shared.run(async |gateway| {
            for bytes in [MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 1] {
                let mut text = r#"{"model": "ski-resorts", "prompt": ""#.to_owned();
                text += &"x".repeat(bytes - text.len() - 2);
                let body = Bytes::from(text + "\"}");
                let hash = Value::from(sha256(&body));
                for version in Version::BOTH {
                    for pieces in [false, true] {
                        send(gateway, version, &body, &hash, pieces).await;
                    }
                }
            }
        });
    }
}
