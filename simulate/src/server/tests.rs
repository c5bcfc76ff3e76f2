use super::*;
use crate::chance::mix;
use crate::workload::Request;

fn request(id: u64, seed: u64, prompt_tokens: u32, output_tokens: u32) -> Request {
    let mut hash = seed;
    let blocks = (prompt_tokens + output_tokens) / BLOCK_TOKENS;
    let chain = (0..blocks).map(|_| {
        hash = mix(hash, 1);
        hash
    });
    Request {
        id,
        session: 0,
        turn: 0,
        chain: chain.collect(),
        prompt_tokens,
        output_tokens,
        adapter: None,
    }
}

/// Runs until idle; the times of first tokens and ends.
fn run(server: &mut Server) -> Vec<(u64, Micros, Micros)> {
    let (mut now, mut ends) = (0, Vec::new());
    while let Some(time) = server.begin_step() {
        now += time;
        for done in server.finish_step(now).done {
            ends.push((done.request.id, done.first_token, now));
        }
        assert!(now < 1_000 * crate::SECOND, "it never ends");
    }
    ends
}

#[test]
fn a_prompt_seen_before_is_not_computed_again() {
    let mut server = Server::new(Hardware::a100_8b());
    server.submit(request(1, 7, 2_000, 5));
    let first = run(&mut server)[0];
    server.submit(request(2, 7, 2_000, 5));
    let second = run(&mut server)[0];
    assert_eq!(server.cached_tokens, 1_984, "all but the last token's block");
    assert!(first.1 > 160_000 && second.1 < 15_000, "{first:?} {second:?}");
}

#[test]
fn long_prompts_are_computed_in_chunks_beside_those_that_decode() {
    let mut server = Server::new(Hardware::a100_8b());
    server.submit(request(1, 7, 100, 50));
    server.submit(request(2, 8, 10_000, 2));
    let ends = run(&mut server);
    let (first, second) = (ends[1], ends[0]);
    assert_eq!((first.0, second.0), (1, 2));
    assert!(first.1 < 200_000 && second.1 > 800_000, "{ends:?}");
}

#[test]
fn what_does_not_fit_waits_or_starts_over_and_all_end() {
    let hardware = Hardware { blocks: 200, ..Hardware::a100_8b() };
    let mut server = Server::new(hardware);
    for id in 0..6 {
        server.submit(request(id, id, 600, 500));
    }
    assert_eq!(run(&mut server).len(), 6);
    assert!(server.preemptions > 0);
    assert_eq!(server.metrics().kv_usage, 0.0);
}

#[test]
fn adapters_take_slots_and_time_to_load() {
    let mut server = Server::new(Hardware { max_adapters: 1, ..Hardware::a100_8b() });
    for (id, adapter) in [(1, 1), (2, 2), (3, 1)] {
        server.submit(Request { adapter: Some(adapter), ..request(id, id, 100, 10) });
    }
    let ends = run(&mut server);
    assert_eq!(ends.iter().map(|end| end.0).collect::<Vec<_>>(), [1, 3, 2]);
    assert_eq!(server.adapter_loads(), 2);
    assert!(ends[0].1 >= 300_000);
}
