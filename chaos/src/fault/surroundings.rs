//! What the picker asks goes wrong, and what clients do; no request may fail of it.

use super::endpoints::{heal, strike};
use crate::admin::Road;
use crate::load::Load;
use crate::outcome::Sent;
use crate::report::Row;
use crate::scene::{LLAMA, Scene};
use fastrand::Rng;
use gateway_tests::{Raw, memory};
use tokio::task::block_in_place;

/// Bytes of a page of nonsense. Envoy itself refuses answers above 32 MiB.
const GARBAGE: usize = 20_000_000;
/// Connections that never end their bodies.
const HALF_OPEN: usize = 300;
/// Connections that never end their headers.
const HEADLESS: usize = 100;

/// Whether one of the requests that are over since `from` was chosen so.
fn was_chosen(load: &Load, from: usize, why: &str) -> bool {
    let so = |sent: &Sent| {
        sent.pool == LLAMA && sent.told().and_then(|told| told.why.as_deref()) == Some(why)
    };
    load.look(from, |sent| sent.iter().any(so))
}

pub(crate) async fn garbage(scene: &Scene, rng: &mut Rng) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    let before = memory(scene.gateway.envoy().pid());
    let servers = scene.fleet.names(LLAMA);
    let from = load.ended();
    for server in &servers {
        strike(scene, server, |faults| {
            (faults.metrics_garbage, faults.metrics_garbage_bytes) = (true, GARBAGE);
        });
    }
    scene.until("stale metrics", || was_chosen(&load, from, "picked_without_metrics")).await;
    scene.through(&load).await;
    let grown = memory(scene.gateway.envoy().pid()).saturating_sub(before) >> 20;
    let from = load.ended();
    servers.iter().for_each(|server| heal(scene, server));
    let recovery = scene.until("fresh metrics", || was_chosen(&load, from, "picked")).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[]).await;
    Row::new(judged, recovery).note(format!("{grown} MiB more in Envoy meanwhile"))
}

pub(crate) async fn admin(scene: &Scene, rng: &mut Rng, road: Road) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    scene.admin.set(road);
    let answers = scene.admin.answers();
    // Several questions of the picker's, which come once a second, or wait as long.
    scene.refreshed(15).await;
    scene.through(&load).await;
    let came = scene.admin.answers() - answers;
    scene.admin.set(Road::Open);
    let answers = scene.admin.answers();
    let recovery =
        scene.until("answers to the picker", || scene.admin.answers() > answers + 2).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[]).await;
    Row::new(judged, recovery).note(format!("{came} pieces of answers came meanwhile"))
}

pub(crate) async fn flood(scene: &Scene, rng: &mut Rng) -> Row {
    let load = scene.load(rng);
    scene.calm(&load).await;
    let aborted = block_in_place(|| scene.gateway.outcome("aborted"));
    let mut open = Vec::new();
    for n in 0..HALF_OPEN + HEADLESS {
        let mut raw = Raw::connect(scene.gateway.address()).await;
        let head = "POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
        let rest = "content-length: 1000000\r\n\r\n{\"model\": \"food-rev";
        let whole = [head, rest].concat();
        let bytes = if n < HALF_OPEN { &whole } else { &head[..rng.usize(1..head.len())] };
        raw.write(bytes).await.expect("Envoy takes it");
        open.push(raw);
    }
    scene.through(&load).await;
    // Some leave in peace, others by a reset.
    for raw in open {
        if rng.bool() { raw.reset() } else { drop(raw) }
    }
    let gone = || block_in_place(|| scene.gateway.outcome("aborted")) >= aborted + HALF_OPEN as u64;
    let recovery = scene.until("no half-open body", gone).await;
    scene.calm(&load).await;
    let (judged, _) = scene.judge(load, &[]).await;
    Row::new(judged, recovery).note(format!("{HALF_OPEN} half bodies, {HEADLESS} half headers"))
}
