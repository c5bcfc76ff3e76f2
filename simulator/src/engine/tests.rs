//! The engine's behaviour on a clock the tests turn by hand.

use super::*;

const MS: Duration = Duration::from_millis(1);

fn timings() -> Timings {
    Timings {
        prefill_base: 10 * MS,
        prefill_per_token: MS,
        decode_base: 2 * MS,
        decode_per_running: MS,
        lora_load: 100 * MS,
        jitter: 0.0,
    }
}

fn engine(max_num_seqs: usize, num_gpu_blocks: usize, max_loras: usize) -> Engine {
    let limits = Limits { max_num_seqs, block_size: 16, num_gpu_blocks, max_loras };
    Engine::new(limits, Clockwork::new(timings(), 1.0, 1))
}

fn job(prompt: &str, output_tokens: usize) -> Job {
    Job {
        adapter: None,
        prompt_tokens: count_tokens(prompt.as_bytes()),
        output_tokens,
        blocks: block_hashes("", prompt.as_bytes(), 16),
        finish: Finish::Length,
        max_tokens_param: None,
    }
}

fn with_adapter(adapter: &str) -> Job {
    Job { adapter: Some(adapter.to_owned()), ..job("hello you", 4) }
}

fn start(engine: &mut Engine, now: Time, job: Job) -> Admission {
    let id = engine.submit(now, job).unwrap();
    let admitted = engine.admit(now);
    assert_eq!(admitted.len(), 1);
    assert_eq!(admitted[0].id, id);
    admitted[0]
}

#[test]
fn requests_beyond_the_batch_wait_and_start_in_order() {
    let mut engine = engine(1, 100, 0);
    let first = start(&mut engine, Time::ZERO, job("one", 1));
    let second = engine.submit(MS, job("two", 1)).unwrap();
    let third = engine.submit(2 * MS, job("three", 1)).unwrap();
    assert_eq!(engine.admit(2 * MS), []);
    assert_eq!((engine.load().running, engine.load().waiting), (1, 2));
    for next in [second, third] {
        let running = if next == second { first.id } else { second };
        engine.finish(50 * MS, running, Finish::Length);
        let admitted = engine.admit(50 * MS);
        assert_eq!(admitted.iter().map(|a| a.id).collect::<Vec<_>>(), [next]);
    }
    assert_eq!(engine.load().waiting, 0);
}

#[test]
fn one_who_leaves_the_queue_is_passed_over() {
    let mut engine = engine(1, 100, 0);
    let first = start(&mut engine, Time::ZERO, job("one", 1));
    let leaver = engine.submit(MS, job("two", 1)).unwrap();
    let third = engine.submit(MS, job("three", 1)).unwrap();
    engine.finish(2 * MS, leaver, Finish::Abort);
    assert_eq!(engine.load().waiting, 1);
    engine.finish(3 * MS, first.id, Finish::Length);
    assert_eq!(engine.admit(3 * MS)[0].id, third);
}

#[test]
fn prefills_share_one_gpu() {
    let mut engine = engine(8, 100, 0);
    let one = start(&mut engine, Time::ZERO, job("abcdabcd", 1));
    let two = start(&mut engine, Time::ZERO, job("efghefgh", 1));
    assert_eq!(one.first_token_at, 12 * MS);
    assert_eq!(two.first_token_at, 24 * MS);
}

#[test]
fn a_cached_prefix_makes_the_first_token_come_sooner() {
    let mut engine = engine(8, 100, 0);
    let prompt = "x".repeat(16 * 4 * 5 + 4);
    let cold = start(&mut engine, Time::ZERO, job(&prompt, 1));
    engine.finish(Duration::from_secs(1), cold.id, Finish::Length);
    let at = Duration::from_secs(2);
    let warm = start(&mut engine, at, job(&prompt, 1));
    assert_eq!((cold.cached_tokens, warm.cached_tokens), (0, 80));
    assert_eq!(cold.first_token_at, 91 * MS);
    assert_eq!(warm.first_token_at - at, 11 * MS);
    assert_eq!(engine.stats().prefix_cache_hits, 80);
    assert_eq!(engine.stats().prefix_cache_queries, 162);
}

#[test]
fn a_prompt_wholly_in_the_cache_still_computes_its_last_block() {
    let mut engine = engine(8, 100, 0);
    let prompt = "x".repeat(16 * 4 * 2);
    let cold = start(&mut engine, Time::ZERO, job(&prompt, 1));
    engine.finish(MS, cold.id, Finish::Length);
    assert_eq!(start(&mut engine, MS, job(&prompt, 1)).cached_tokens, 16);
}

#[test]
fn an_answer_becomes_part_of_the_next_turns_prefix() {
    let mut engine = engine(8, 100, 0);
    let question = "q".repeat(16 * 4);
    let dialogue = format!("{question}{}", "a".repeat(16 * 4));
    let mut first = job(&question, 16);
    first.blocks = block_hashes("", dialogue.as_bytes(), 16);
    let admitted = start(&mut engine, Time::ZERO, first);
    assert!(engine.advance(Duration::from_secs(9), admitted.id).unwrap().done);
    engine.finish(Duration::from_secs(9), admitted.id, Finish::Length);
    let next_turn = format!("{dialogue} and then?");
    assert_eq!(start(&mut engine, Duration::from_secs(9), job(&next_turn, 1)).cached_tokens, 32);
}

#[test]
fn blocks_are_counted_while_an_answer_grows_and_freed_after_it() {
    let mut engine = engine(8, 10, 0);
    let admitted = start(&mut engine, Time::ZERO, job(&"x".repeat(16 * 4), 20));
    assert_eq!(engine.load().kv_usage, 0.1);
    let first = engine.advance(admitted.first_token_at, admitted.id).unwrap();
    assert_eq!((first.generated, first.done), (1, false));
    assert_eq!(engine.load().kv_usage, 0.2);
    assert!(engine.advance(Duration::from_secs(9), admitted.id).unwrap().done);
    assert_eq!(engine.load().kv_usage, 0.3);
    engine.finish(Duration::from_secs(9), admitted.id, Finish::Length);
    assert_eq!(engine.load(), Load::default());
}

#[test]
fn a_full_cache_makes_requests_wait_even_with_room_in_the_batch() {
    let mut engine = engine(8, 4, 0);
    let big = start(&mut engine, Time::ZERO, job(&"x".repeat(16 * 4 * 2), 16));
    let next = engine.submit(MS, job(&"y".repeat(16 * 4 * 2), 1)).unwrap();
    assert_eq!(engine.admit(MS), []);
    engine.finish(2 * MS, big.id, Finish::Abort);
    assert_eq!(engine.admit(2 * MS)[0].id, next);
}

#[test]
fn a_request_larger_than_the_cache_is_refused_at_once() {
    let mut engine = engine(8, 4, 0);
    let refused = engine.submit(Time::ZERO, job(&"x".repeat(16 * 4 * 4), 1));
    assert_eq!(refused, Err(NeverFits { needed: 5, capacity: 4 }));
}

#[test]
fn a_larger_batch_makes_each_request_slower() {
    let mut engine = engine(8, 100, 0);
    let alone = start(&mut engine, Time::ZERO, job("one", 3));
    let at = alone.first_token_at;
    assert_eq!(engine.advance(at, alone.id).unwrap().next_at, at + 2 * MS);
    start(&mut engine, at, job("two", 3));
    assert_eq!(engine.advance(at + 2 * MS, alone.id).unwrap().next_at, at + 5 * MS);
}

#[test]
fn an_adapter_is_loaded_before_its_first_request_only() {
    let mut engine = engine(8, 100, 2);
    let cold = start(&mut engine, Time::ZERO, with_adapter("a"));
    assert_eq!(cold.first_token_at, 113 * MS);
    engine.finish(200 * MS, cold.id, Finish::Length);
    let warm = start(&mut engine, 200 * MS, with_adapter("a"));
    assert_eq!(warm.first_token_at, 213 * MS);
    assert_eq!(engine.load().resident_adapters, ["a"]);
}

#[test]
fn a_request_without_a_slot_for_its_adapter_waits_and_others_pass() {
    let mut engine = engine(8, 100, 1);
    let running = start(&mut engine, Time::ZERO, with_adapter("a"));
    let blocked = engine.submit(MS, with_adapter("b")).unwrap();
    assert_eq!(engine.admit(MS), []);
    start(&mut engine, 2 * MS, job("base model", 1));
    start(&mut engine, 3 * MS, with_adapter("a"));
    let load = engine.load();
    assert_eq!(load.running_adapters, ["a"]);
    assert_eq!(load.waiting_adapters, ["b"]);
    engine.finish(4 * MS, running.id, Finish::Length);
    assert_eq!(engine.admit(4 * MS), [], "the second request with adapter a still runs");
    engine.finish(5 * MS, JobId(3), Finish::Length);
    assert_eq!(engine.admit(5 * MS)[0].id, blocked);
    assert_eq!(engine.load().resident_adapters, ["b"]);
}

#[test]
fn an_unfinished_request_is_counted_as_aborted_and_in_no_histogram() {
    let mut engine = engine(8, 100, 0);
    let admitted = start(&mut engine, Time::ZERO, job("one", 10));
    engine.advance(admitted.first_token_at, admitted.id);
    engine.finish(admitted.first_token_at, admitted.id, Finish::Abort);
    assert_eq!(engine.stats().aborted, 1);
    assert_eq!(engine.stats().e2e_request_latency.count(), 0);
    assert_eq!(engine.stats().time_to_first_token.count(), 1);
    assert_eq!(engine.advance(Duration::from_secs(1), admitted.id), None);
}

#[test]
fn an_embedding_is_done_with_its_prefill() {
    let mut engine = engine(8, 100, 0);
    let admitted = start(&mut engine, Time::ZERO, job("abcd", 0));
    assert!(!engine.advance(10 * MS, admitted.id).unwrap().done);
    assert!(engine.advance(11 * MS, admitted.id).unwrap().done);
}
