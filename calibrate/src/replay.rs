//! Sends a workload's requests at their times, and the next turns after their answers.
//!
//! Invariant: as in the simulation, a session's next turn is sent a pause after the end of
//! the last answer. Each session has a thread, so that none waits for another's answer.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use simulate::figures::Sample;
use simulate::workload::Session;
use simulate::world::Span;
use simulate::{Micros, SECOND};

use crate::client::{Answer, ask};
use crate::prompts::Conversation;
use crate::servers;

/// Load goes on after the last request that counts: it shares its server with some.
const AFTER: Micros = 3 * SECOND;

/// What a run brought.
#[derive(Debug, Default)]
pub struct Replay {
    /// The requests that count.
    pub samples: Vec<Sample>,
    /// How late they were sent.
    pub late: Vec<Duration>,
}

/// Sends all sessions to a gateway in front of so many servers.
pub fn replay(port: u16, sessions: &[Session], servers: usize, span: Span) -> Result<Replay> {
    let begin = Instant::now();
    let all = thread::scope(|scope| {
        let mut threads = Vec::with_capacity(sessions.len());
        for session in sessions {
            sleep_until(begin, session.start);
            threads.push(scope.spawn(move || hold(port, session, begin, servers, span)));
        }
        let ends = threads.into_iter().map(|one| one.join().map_err(|_| anyhow!("it panicked"))?);
        ends.collect::<Result<Vec<Replay>>>()
    });
    let mut whole = Replay::default();
    for part in all.context("a session")? {
        whole.samples.extend(part.samples);
        whole.late.extend(part.late);
    }
    whole.late.sort_unstable();
    Ok(whole)
}

fn hold(
    port: u16,
    session: &Session,
    begin: Instant,
    servers: usize,
    span: Span,
) -> Result<Replay> {
    let mut held = Replay::default();
    let mut conversation = Conversation::new(session);
    let mut ended = session.start;
    for turn in &session.turns {
        // The first turn has no pause.
        let due = ended + turn.pause;
        if due >= span.horizon + AFTER {
            break;
        }
        sleep_until(begin, due);
        let prompt = conversation.prompt(turn.prompt_tokens);
        let late = begin.elapsed().saturating_sub(Duration::from_micros(due));
        let answer = ask(port, session.adapter, prompt, turn.output_tokens)?;
        let bytes = turn.output_tokens as usize * simulator::engine::BYTES_PER_TOKEN;
        ensure!(answer.text.len() == bytes, "an answer of {} bytes", answer.text.len());
        ensure!(answer.prompt_tokens == turn.prompt_tokens, "a prompt was counted otherwise");
        conversation.answered(&answer.text);
        if (span.warm_up..span.horizon).contains(&due) {
            held.samples.push(sample(&answer, turn.output_tokens, servers)?);
            held.late.push(late);
        }
        ended = begin.elapsed().as_micros() as Micros;
    }
    Ok(held)
}

fn sample(answer: &Answer, output_tokens: u32, servers: usize) -> Result<Sample> {
    let server = (0..servers).find(|place| servers::name(*place) == answer.server);
    Ok(Sample {
        ttft: answer.ttft.as_micros() as Micros,
        total: answer.total.as_micros() as Micros,
        prompt_tokens: answer.prompt_tokens,
        cached_tokens: answer.cached_tokens,
        output_tokens,
        server: server.with_context(|| format!("{} is no server", answer.server))?,
    })
}

fn sleep_until(begin: Instant, at: Micros) {
    thread::sleep(Duration::from_micros(at).saturating_sub(begin.elapsed()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulate::server::Hardware;
    use simulate::workload::Turn;
    use simulator::{Config, Server};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_finds_the_turn_before_in_its_cache() {
        let config = servers::config(0, &Hardware::a10_8b());
        let server = Server::start(Config { time_scale: 0.0, ..config }).await.unwrap();
        let port = server.addr().port();
        let turn = |prompt_tokens| Turn { pause: 1_000, prompt_tokens, output_tokens: 20 };
        let turns = vec![turn(400), turn(600)];
        let session = Session { start: 0, chain: (1..50).collect(), turns, adapter: Some(3) };
        let span = Span { warm_up: 0, horizon: 60 * SECOND, patience: 60 * SECOND };
        let replayed = tokio::task::spawn_blocking(move || replay(port, &[session], 1, span));
        let samples = replayed.await.unwrap().unwrap().samples;
        server.stop().await;
        let cached: Vec<_> = samples.iter().map(|s| (s.prompt_tokens, s.cached_tokens)).collect();
        assert_eq!(cached, [(400, 0), (600, 416)], "whole blocks of 420 tokens");
    }
}
