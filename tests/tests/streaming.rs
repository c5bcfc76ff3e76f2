//! Streamed answers pass through as they are produced.

use gateway_tests::{Call, Gateway, Rest, ScriptedUpstream, Setup, Version, run};
use http_body_util::BodyExt;

#[test]
fn each_event_arrives_before_the_next_is_produced() {
    run(async {
        let mut upstream = ScriptedUpstream::start().await;
        let rest = Rest::Address(upstream.address());
        let gateway = Gateway::start(Setup::guides().rest(rest)).await;
        for version in Version::BOTH {
            let mut client = gateway.connect(version).await;
            let call = Call::json("/v1/completions", r#"{"model": "scripted", "stream": true}"#);
            let (answer, mut script) = tokio::join!(client.start(call), upstream.next());
            let mut body = answer.unwrap().into_body();
            for n in 0..5 {
                // The next one is written only after this one was read.
                let event = format!("data: {{\"n\": {n}}}\n\n");
                script.send_data(event.clone().into()).await.unwrap();
                let frame = body.frame().await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), event, "{version:?}");
            }
            drop(script);
            let rest = body.collect().await.unwrap().to_bytes();
            assert!(rest.is_empty(), "{version:?}: {rest:?}");
        }
        gateway.check();
    });
}

#[test]
fn a_client_that_leaves_ends_the_stream_upstream() {
    run(async {
        let mut upstream = ScriptedUpstream::start().await;
        let rest = Rest::Address(upstream.address());
        let gateway = Gateway::start(Setup::guides().rest(rest)).await;
        for version in Version::BOTH {
            let mut client = gateway.connect(version).await;
            let call = Call::json("/v1/completions", r#"{"model": "scripted", "stream": true}"#);
            let (answer, mut script) = tokio::join!(client.start(call), upstream.next());
            script.send_data("data: 1\n\n".into()).await.unwrap();
            let mut body = answer.unwrap().into_body();
            body.frame().await.unwrap().unwrap();
            drop((body, client));
            // Fails once the gateway has closed its side.
            while script.send_data("data: 2\n\n".into()).await.is_ok() {}
        }
        gateway.check();
    });
}
