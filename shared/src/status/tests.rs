//! Books of several workers become one view.

use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::models::ModelName;
use crate::picker::Settings;
use crate::pools::{EndpointId, Millis};
use crate::refresh::Failure;
use crate::scheduling::{AdapterKey, Adapters, Health, Observation, Pool, Update};
use crate::snapshot::{decode, encode};

const NOW: Millis = Millis(1_000_000);

fn id(n: u8) -> EndpointId {
    EndpointId::from(std::net::SocketAddr::from(([10, 0, 0, n], 8000)))
}

fn settings() -> Settings {
    let json = br#"{"pools": [{"name": "p", "endpoints": ["10.0.0.1:8000", "10.0.0.2:8000"]}]}"#;
    Settings::from_json(json).expect("a configuration")
}

fn pool() -> Pool {
    let update = |n, health, observation| Update {
        id: id(n),
        health,
        observation,
        others_in_flight: 3,
        others_fresh: 0,
        others_over: 0,
    };
    let adapters = Adapters {
        max: Some(2),
        running: vec![AdapterKey::of("known"), AdapterKey::of("nobody's")],
        ..Adapters::default()
    };
    let observation = Observation {
        at: Millis(NOW.0 - 200),
        waiting: Some(1),
        kv_usage: Some(0.4),
        adapters,
        ..Observation::default()
    };
    let mut pool = Pool::default();
    pool.update(vec![update(1, Health::Ready, Some(observation)), update(2, Health::Dead, None)]);
    pool
}

fn decision(at: Millis, endpoint: u8, model: &str) -> Decision {
    let candidates = vec![Candidate {
        endpoint: id(endpoint),
        score: 5.5,
        parts: vec![1.0, 0.5, 1.0, 0.0],
        trouble: 0.0,
    }];
    Decision {
        at,
        pool: 0,
        model: Some(model.to_owned()),
        adapter: true,
        objective: None,
        outcome: "picked".into(),
        saturation: Some(0.2),
        candidates,
    }
}

fn report(book: &mut Recorder) -> WorkerReport {
    let decisions = book.decisions().cloned().collect();
    WorkerReport { at: NOW, pools: vec![book.pool(0, NOW)], decisions }
}

#[test]
fn the_workers_parts_add_up() {
    let mut books = [Recorder::new(1), Recorder::new(1)];
    for n in 0..3_u64 {
        books[0].decided(decision(Millis(NOW.0 - 10 * n), 1, "a"));
        books[0].answered(0, id(1), Ok(Duration::from_millis(10 * (n + 1))), NOW);
    }
    books[1].decided(decision(Millis(NOW.0 - 5), 2, "b"));
    books[1].answered(0, id(2), Err(Failed), NOW);
    books[1].passed(0, "not_known_yet");
    let trouble = ScrapeTrouble { id: id(2), failures: 4, last: Failure::Unreachable };
    books[0].scraped(0, vec![trouble]);
    let [one, two] = books.each_mut().map(report);
    let reports = [(7 << 32, one), (8 << 32, two)];
    let mut mapping = ModelMapping::default();
    let name = |name: &str| ModelName::try_from(name.to_owned()).expect(name);
    mapping.models.insert(name("known"), Some(name("base")));

    let settings = settings();
    let parts = Parts::new(NOW, &reports, Some(&mapping));
    let view = parts.pool(0, &settings.pools[0], &pool());
    assert_eq!((view.minute.picks, view.minute.answers, view.minute.failures), (4, 4, 1));
    assert_eq!(view.outcomes.get("picked"), Some(&4));
    assert_eq!(view.outcomes.get("not_known_yet"), Some(&1));
    let [first, second] = view.endpoints.as_slice() else { panic!("two endpoints") };
    assert_eq!((first.share, second.share), (Some(0.75), Some(0.25)));
    assert_eq!((first.minute.ttft_p50_ms, first.minute.ttft_p90_ms), (Some(20.5), Some(30.5)));
    assert_eq!((first.minute.error_rate, second.minute.error_rate), (Some(0.0), Some(1.0)));
    assert_eq!((first.age_ms, first.in_flight, first.why.as_str()), (Some(200), 3, ""));
    assert_eq!(first.adapters.running[1], "known");
    assert!(first.adapters.running[0].starts_with('#'), "{:?}", first.adapters);
    assert!(second.why.contains("4 scrapes failed in a row: no connection"), "{}", second.why);
    assert_eq!(view.saturation, Some(0.5), "of the one that is ready");

    let decisions = parts.decisions(&settings.pools);
    let order: Vec<_> = decisions.iter().map(|d| (d.age_ms, d.worker.as_str())).collect();
    assert_eq!(order, [(0, "00000007"), (5, "00000008"), (10, "00000007"), (20, "00000007")]);
    let made = &decisions[0].candidates[0].parts;
    assert_eq!((made[0].scorer, made[0].score, made[0].weight), ("cost-scorer", 1.0, 3.0));
}

#[test]
fn a_book_keeps_the_latest_choices_and_cuts_what_clients_wrote() {
    let mut book = Recorder::new(1);
    let long = "é".repeat(1_000);
    for n in 0..200 {
        book.decided(decision(Millis(n), 1, &long));
    }
    let kept: Vec<_> = book.decisions().collect();
    assert_eq!(kept.len(), MOST_DECISIONS);
    assert_eq!((kept[0].at, kept[MOST_DECISIONS - 1].at), (Millis(150), Millis(199)));
    assert!(kept.iter().all(|d| d.model.as_ref().is_some_and(|m| m.len() <= LONGEST_NAME)));
}

#[test]
fn a_book_forgets_endpoints_that_are_quiet_and_never_grows_without_bound() {
    let mut book = Recorder::new(1);
    for n in 0..70_000_u32 {
        let id = EndpointId::from(std::net::SocketAddr::from((n.to_be_bytes(), 8000)));
        book.answered(0, id, Err(Failed), NOW);
    }
    assert_eq!(book.pool(0, NOW).endpoints.len(), 4_096);
    let later = NOW + Duration::from_secs(70);
    assert!(book.pool(0, later).endpoints.is_empty());
    book.answered(9, id(1), Err(Failed), NOW);
}

#[test]
fn reports_come_back_as_they_were_written() {
    let mut book = Recorder::new(1);
    book.decided(decision(NOW, 1, "a"));
    book.answered(0, id(1), Ok(Duration::from_millis(1_500)), NOW);
    let report = report(&mut book);
    assert_eq!(decode(&encode(&report)), Ok(report));
}
