//! What the picker does with single requests: who may name a destination, sessions,
//! priorities, streams, and the count of requests in flight.

use futures_util::future::join_all;
use gateway_tests::{
    Answer, Call, Gateway, Load, Rest, ScriptedUpstream, Setup, Version, endless, eventually, run,
    unique,
};
use http_body_util::BodyExt;
use serde_json::json;
use simulator::FaultSettings;

const LLAMA: &str = "vllm-llama3-8b-instruct";
const LLAMA_MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";
const PHI: &str = "vllm-phi4-mini-instruct";
const PHI_MODEL: &str = "microsoft/Phi-4-mini-instruct";
const GEMMA_MODEL: &str = "google/gemma-3-4b-it";
const DESTINATION: &str = "x-gateway-destination-endpoint";

fn setup() -> Setup {
    Setup::guides().echo(json!({})).servers(|config| {
        endless(config);
        config.max_num_seqs = 2;
    })
}

#[test]
fn a_destination_from_the_client_is_ignored() {
    run(async {
        // The picker knows nothing of the pool of phi4.
        let gateway = Gateway::start(setup().picker_only(&[LLAMA])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let busy = gateway.server(&format!("{LLAMA}-0"));
        let load = Load::on(busy, LLAMA_MODEL, 8).await;
        gateway.wait_for_load(LLAMA, busy, 8).await;
        let foreign = gateway.server(&format!("{PHI}-0")).addr().to_string();
        for named in [busy.addr().to_string(), foreign.clone()] {
            for _ in 0..10 {
                let call = Gateway::echo_call(LLAMA_MODEL).header(DESTINATION, &named);
                let answer =
                    gateway.send(call.header("X-Gateway-Destination-Endpoint", &named)).await;
                answer.expect_route(LLAMA, Some(LLAMA_MODEL), Some(LLAMA_MODEL));
                assert_ne!(answer.pod(), Some(busy.name()), "{answer:?}");
                let got = answer.echoed(DESTINATION);
                assert_eq!(got, [answer.picker("candidates").unwrap()], "{answer:?}");
            }
        }
        let mut others = 0;
        for _ in 0..40 {
            let call = Gateway::echo_call(PHI_MODEL).header(DESTINATION, &foreign);
            let answer = gateway.send(call).await;
            answer.expect_route(PHI, Some(PHI_MODEL), Some(PHI_MODEL));
            assert!(answer.echoed(DESTINATION).is_empty(), "{answer:?}");
            assert_eq!(answer.header("x-gateway-picker"), None, "{answer:?}");
            others += usize::from(answer.pod() == Some(&*format!("{PHI}-1")));
        }
        assert!(others > 0, "the client's word decided");
        drop(load);
        gateway.check();
    });
}

#[test]
fn a_session_stays_where_it_began_until_that_is_saturated() {
    run(async {
        let setup = setup().picker_only(&[LLAMA]).picker(json!({"sessionHeader": "x-session"}));
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let first = gateway.echo(LLAMA_MODEL).await;
        let pod = first.pod().unwrap();
        let token = first.header("x-session").unwrap();
        let server = gateway.server(pod);
        let again = async || {
            let call = Gateway::echo_call(LLAMA_MODEL).header("x-session", token);
            let answer = gateway.send(call).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            answer
        };
        // Two run, none waits.
        let load = Load::on(server, LLAMA_MODEL, 2).await;
        gateway.wait_for_load(LLAMA, server, 2).await;
        for _ in 0..20 {
            let answer = again().await;
            assert_eq!(answer.pod(), Some(pod), "{answer:?}");
            assert_eq!(answer.header("x-session"), Some(token), "{answer:?}");
        }
        // Five wait.
        let more = Load::on(server, LLAMA_MODEL, 5).await;
        gateway.wait_for_load(LLAMA, server, 7).await;
        for _ in 0..20 {
            let answer = again().await;
            assert_ne!(answer.pod(), Some(pod), "{answer:?}");
            assert_ne!(answer.header("x-session"), Some(token), "{answer:?}");
        }
        // A token that names nothing, or an endpoint of nobody, is no error.
        for token in ["", "%%%", "MS4yLjMuNDo1", &"A".repeat(5_000)] {
            let call = Gateway::echo_call(LLAMA_MODEL).header("x-session", token);
            let answer = gateway.send(call).await;
            assert_eq!((answer.status, answer.picker("why")), (200, Some("picked")), "{answer:?}");
        }
        drop((load, more));
        gateway.check();
    });
}

#[track_caller]
fn expect_shed(answer: &Answer) {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
    assert_eq!(answer.pod(), None, "{answer:?}");
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1, "{answer:?}");
    assert_eq!(answer.picker("why"), Some("shed"), "{answer:?}");
    let json = answer.json();
    assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
    let error = &json["error"];
    assert_eq!(error.as_object().unwrap().len(), 4, "{json}");
    assert_eq!(error["code"], "overloaded", "{json}");
    assert_eq!(error["type"], "server_error", "{json}");
    assert!(error["param"].is_null(), "{json}");
    assert!(!error["message"].as_str().unwrap().is_empty(), "{json}");
}

#[test]
fn sheddable_requests_get_429_while_the_pool_is_saturated() {
    run(async {
        let setup = setup().picker_only(&["gemma3"]).picker(json!({
            "models": [
                {"name": "english-bot", "criticality": "Sheddable"},
                {"name": "spanish-bot", "criticality": "Critical"}
            ],
            "objectives": [{"name": "batch", "priority": -5}, {"name": "chat", "priority": 2}]
        }));
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes("gemma3", 2).await;
        let objective = |model, objective: &str| {
            Gateway::echo_call(model).header("x-gateway-inference-objective", objective)
        };
        for call in [Gateway::echo_call("english-bot"), objective(GEMMA_MODEL, "batch")] {
            assert_eq!(gateway.send(call).await.status, 200, "before the pool is saturated");
        }
        // Two run and six wait on one endpoint: the mean is below saturation.
        let servers = [gateway.server("gemma3-0"), gateway.server("gemma3-1")];
        let mut loads = vec![Load::on(servers[0], GEMMA_MODEL, 8).await];
        gateway.wait_for_load("gemma3", servers[0], 8).await;
        assert_eq!(gateway.echo("english-bot").await.status, 200, "one endpoint is free");
        loads.push(Load::on(servers[1], GEMMA_MODEL, 8).await);
        gateway.wait_for_load("gemma3", servers[1], 8).await;
        for _ in 0..20 {
            expect_shed(&gateway.echo("english-bot").await);
            expect_shed(&gateway.send(objective(GEMMA_MODEL, "batch")).await);
            for call in [
                Gateway::echo_call(GEMMA_MODEL),
                Gateway::echo_call("spanish-bot"),
                // An objective goes before the model.
                objective("english-bot", "chat"),
            ] {
                let answer = gateway.send(call).await;
                let why = answer.picker("why");
                assert_eq!((answer.status, why), (200, Some("picked")), "{answer:?}");
            }
        }
        let shed = || gateway.picker_metric("requests", ("igw_outcome", "shed"));
        eventually("40 in the counter", || {
            let shed = shed();
            (shed.iter().map(|(_, n)| n).sum::<u64>() == 40).then_some(())
        })
        .await;
        drop(loads);
        for server in servers {
            gateway.wait_for_load("gemma3", server, 0).await;
        }
        assert_eq!(gateway.echo("english-bot").await.status, 200, "the load is gone");
        gateway.check();
    });
}

#[test]
fn streams_pass_unchanged_and_event_by_event() {
    run(async {
        let mut upstream = ScriptedUpstream::start().await;
        let endpoint = upstream.address().to_string();
        let setup = Setup::guides().rest(Rest::Address(upstream.address()));
        let setup = setup
            .picker_only(&[])
            .picker_pool_added(json!({"name": "scripted", "endpoints": [endpoint]}));
        let gateway = Gateway::start(setup).await;
        gateway.wait_for_scrapes("scripted", 1).await;
        for version in Version::BOTH {
            let mut client = gateway.connect(version).await;
            let call = Call::json("/v1/completions", r#"{"model": "scripted", "stream": true}"#);
            let (answer, mut script) = tokio::join!(client.start(call), upstream.next());
            let answer = answer.unwrap();
            let why = answer.headers()["x-gateway-picker"].to_str().unwrap();
            assert!(why.starts_with("pool=scripted; why=picked"), "{why}");
            assert!(why.ends_with(&format!("candidates={endpoint}")), "{why}");
            assert_eq!(answer.headers()["content-type"], "text/event-stream");
            let mut body = answer.into_body();
            for n in 0..5 {
                // The next one is written only after this one was read.
                let event = format!("data: {{\"n\": {n}, \"text\": \"é\\n\"}}\n\n");
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

/// The sum of the gauges of requests in flight.
fn in_flight(gateway: &Gateway, pool: &str) -> u64 {
    let gauges = gateway.picker_metric("endpoint_in_flight", ("igw_pool", pool));
    gauges.iter().map(|(_, n)| n).sum()
}

#[test]
fn what_is_in_flight_is_counted_down_however_it_ends() {
    run(async {
        let setup = Setup::guides().echo(json!({})).servers(endless);
        let gateway = Gateway::start(setup.picker_only(&[LLAMA, PHI])).await;
        gateway.wait_for_scrapes(LLAMA, 3).await;
        let faults = |change: fn(&mut FaultSettings)| {
            gateway.servers().iter().for_each(|s| s.faults().update(change).unwrap());
        };
        let mut begun = Vec::new();
        for n in 0..6 {
            let mut client = gateway.connect(Version::BOTH[n % 2]).await;
            let answer = client.start(Load::call(LLAMA_MODEL)).await.unwrap();
            begun.push((client, answer));
        }
        faults(|faults| faults.hang = true);
        let mut waiting = Vec::new();
        for n in 0..6 {
            let mut client = gateway.connect(Version::BOTH[n % 2]).await;
            let path = unique("/v1/completions");
            let call = Load::call(LLAMA_MODEL).path(path.clone());
            waiting.push(tokio::spawn(async move { client.start(call).await.map(drop) }));
            eventually("the request", || gateway.seen(&path).pop()).await;
        }
        eventually("12 in flight", || (in_flight(&gateway, LLAMA) == 12).then_some(())).await;
        // Those that end by themselves.
        join_all((0..20).map(|_| gateway.echo(LLAMA_MODEL))).await;
        // Those whose clients leave at once.
        let mut aborted = Vec::new();
        for _ in 0..20 {
            let mut client = gateway.connect(Version::H1).await;
            aborted.push(tokio::spawn(async move {
                client.start(Load::call(LLAMA_MODEL)).await.map(drop)
            }));
        }
        eventually("32 in flight", || (in_flight(&gateway, LLAMA) == 32).then_some(())).await;
        aborted.iter().for_each(tokio::task::JoinHandle::abort);
        eventually("12 again", || (in_flight(&gateway, LLAMA) == 12).then_some(())).await;
        // Clients that leave, before the answer began and after.
        drop(begun);
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
        eventually("none in flight", || (in_flight(&gateway, LLAMA) == 0).then_some(())).await;
        // Errors of the model server.
        faults(|faults| (faults.hang, faults.error_rate) = (false, 1.0));
        for _ in 0..20 {
            assert_eq!(gateway.send(Load::call(LLAMA_MODEL)).await.status, 500);
        }
        // A gauge is set once a second: this is about the time after.
        let gauged = gateway.picker_metric("scrapes", ("igw_pool", LLAMA));
        eventually("two seconds of scrapes", || {
            let scrapes = gateway.picker_metric("scrapes", ("igw_pool", LLAMA));
            (scrapes[0].1 > gauged[0].1 + 40).then_some(())
        })
        .await;
        eventually("none in flight", || (in_flight(&gateway, LLAMA) == 0).then_some(())).await;
        assert_eq!(in_flight(&gateway, PHI), 0);
        gateway.check();
    });
}
