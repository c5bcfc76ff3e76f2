//! One model server of a pool goes wrong; the others and the other pool must not notice.

use crate::evidence::Excuse;
use crate::fleet::Seen;
use crate::load::Load;
use crate::outcome::{Outcome, Sent};
use crate::report::Row;
use crate::scene::{LLAMA, Scene};
use fastrand::Rng;
use simulator::{FaultSettings, Stage};
use std::time::Duration;

/// Requests in a row that must leave a dead endpoint out: both workers know.
const LEFT_OUT: usize = 100;
/// As long as a test may take, and more.
const FOR_EVER: u64 = 3_600_000;

/// Whether this server had the request.
fn had(seen: &[Seen], server: &str) -> bool {
    seen.iter().any(|seen| seen.server == server)
}

/// One of the faulty pool's servers.
fn victim(scene: &Scene, rng: &mut Rng) -> String {
    let names = scene.fleet.names(LLAMA);
    rng.choice(names).expect("the pool has servers")
}

/// Changes the faults of a server.
pub(crate) fn strike(scene: &Scene, server: &str, change: impl FnOnce(&mut FaultSettings)) {
    scene.fleet.with(server, |server| server.faults().update(change).expect("in range"));
}

/// Ends the faults of a server.
pub(crate) fn heal(scene: &Scene, server: &str) {
    scene.fleet.with(server, |server| server.faults().clear());
}

/// Waits until a server gets requests and answers them.
async fn back(scene: &Scene, load: &Load, server: &str) -> u64 {
    let from = load.ended();
    let by = |sent: &Sent| {
        sent.is_good() && sent.told().and_then(|told| told.pod.as_deref()) == Some(server)
    };
    let answers = || load.look(from, |sent| sent.iter().any(by));
    scene.until("requests at a server that is well again", answers).await
}

pub(crate) async fn killed(scene: &Scene, rng: &mut Rng) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    let victim = victim(scene, rng);
    let address = scene.fleet.address(&victim);
    let dead = victim.clone();
    let mut excuse = Excuse::now(move |sent, seen| {
        // It had the request, or Envoy wrote it to a connection that nobody read any more.
        let sent_there = |told: &crate::outcome::Told| told.candidates.first() == Some(&address);
        let by_envoy = sent.told().is_some_and(|told| told.status == 503 && sent_there(told));
        had(seen, &dead) || by_envoy
    });
    let config = scene.fleet.kill(&victim).await;
    scene.through(&load).await;
    let noticed = scene.until("a dead endpoint", || scene.ready() == 2).await;
    let from = load.ended();
    scene
        .until("choices without the dead endpoint", || {
            load.look(from, |sent| {
                let picked = sent.iter().filter_map(Sent::told).filter(|told| told.why.is_some());
                let last = picked.rev().take(LEFT_OUT);
                sent.len() >= LEFT_OUT
                    && last.clone().all(|told| !told.candidates.contains(&address))
            })
        })
        .await;
    // From here on the server is as dead as before, and nobody may notice.
    excuse.over();
    scene.through(&load).await;
    scene.fleet.start(config).await;
    let recovery = back(scene, &load, &victim).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[excuse]).await;
    Row::new(judged, recovery).note(format!("{victim} left after {noticed} refreshes"))
}

pub(crate) async fn hung(scene: &Scene, rng: &mut Rng) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    let victim = victim(scene, rng);
    let hanging = victim.clone();
    let excuse =
        Excuse::now(move |sent, seen| sent.outcome == Outcome::GivenUp && had(seen, &hanging));
    strike(scene, &victim, |faults| (faults.hang, faults.metrics_delay_ms) = (true, FOR_EVER));
    let goal = load.ended() + 2 * scene.size.during();
    let mut most = 0;
    while load.ended() < goal {
        let stuck = scene.fleet.at(&victim);
        most = most.max(stuck.len());
        // Some clients lose their patience, others wait.
        let leaving: Vec<u64> = stuck.into_iter().filter(|_| rng.u8(0..8) == 0).collect();
        load.give_up(&leaving);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    heal(scene, &victim);
    let recovery = back(scene, &load, &victim).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[excuse]).await;
    Row::new(judged, recovery).note(format!("{victim} held {most} requests at once at most"))
}

pub(crate) async fn slow(scene: &Scene, rng: &mut Rng) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    let (victim, delay) = (victim(scene, rng), rng.u64(100..600));
    strike(scene, &victim, |faults| {
        (faults.delay_ms, faults.metrics_delay_ms) = (delay, delay);
    });
    scene.through(&load).await;
    heal(scene, &victim);
    let recovery = back(scene, &load, &victim).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[]).await;
    Row::new(judged, recovery).note(format!("{victim} was {delay} ms late"))
}

pub(crate) async fn reset(scene: &Scene, rng: &mut Rng) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    let (victim, after) = (victim(scene, rng), rng.usize(0..4));
    let breaking = victim.clone();
    let excuse = Excuse::now(move |sent, seen| {
        let broken_off = |seen: &Seen| seen.server == breaking && seen.stage == Stage::Aborted;
        sent.streamed && seen.iter().any(broken_off)
    });
    strike(scene, &victim, |faults| faults.reset_after_tokens = Some(after));
    scene.through(&load).await;
    heal(scene, &victim);
    let recovery = back(scene, &load, &victim).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[excuse]).await;
    Row::new(judged, recovery).note(format!("{victim} broke off after {after} tokens"))
}

pub(crate) async fn failing(scene: &Scene, rng: &mut Rng) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    let status = rng.choice([429, 500, 503]).expect("there are three");
    let victim = victim(scene, rng);
    let failing = victim.clone();
    let excuse = Excuse::now(move |sent, _| {
        let told = sent.told();
        told.is_some_and(|told| told.status == status && told.pod.as_ref() == Some(&failing))
    });
    strike(scene, &victim, |faults| (faults.error_rate, faults.error_status) = (0.5, status));
    scene.through(&load).await;
    heal(scene, &victim);
    let recovery = back(scene, &load, &victim).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[excuse]).await;
    Row::new(judged, recovery).note(format!("{victim} answered {status}"))
}
