//! Load without a fault, for a while: what grows then grows for ever.

use crate::report::Row;
use crate::scene::Scene;
use fastrand::Rng;
use gateway_tests::memory;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Bytes that the last third may need more than the second: the allocator's own moods.
const MOODS: u64 = 6 << 20;
/// Samples of memory at least, however short the soak.
const SAMPLES: usize = 30;

pub(crate) async fn soak(scene: &Scene, rng: &mut Rng, time: Duration) -> Row {
    let load = scene.load(rng);
    let begin = Instant::now();
    let mut samples = Vec::new();
    while begin.elapsed() < time || samples.len() < SAMPLES {
        samples.push(memory(scene.gateway.envoy().pid()));
        sleep(Duration::from_millis(100)).await;
    }
    let (judged, _) = scene.judge(load, &[]).await;
    let third = samples.len() / 3;
    // Buffers come and go; what is kept shows in the least of many samples.
    let least = |from: usize| samples[from..from + third].iter().copied().min().unwrap_or(0);
    let (second, last) = (least(third), least(2 * third));
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let note = format!("memory {:.1} MiB, later {:.1} MiB", mib(second), mib(last));
    let mut row = Row::new(judged, None).note(note);
    if last > second + MOODS {
        row.failure = Some(format!("memory grows: {second} bytes, later {last}"));
    }
    row
}
