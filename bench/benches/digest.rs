//! The scanner without and with the prompt digest, for work on either.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gateway_bench::digest::{Chat, bodies, digest, scan};
use shared::prompt::DigestSettings;
use std::hint::black_box;

fn shares(criterion: &mut Criterion) {
    let Ok(settings) = DigestSettings::new(4, 64, 128) else { return };
    for chat in Chat::ALL {
        let mut group = criterion.benchmark_group(chat.label());
        for size in [300, 8_000, 100_000, 1_000_000] {
            let bodies = bodies(chat, size);
            assert!(scan(&bodies) && digest(&bodies, settings), "{} of {size}", chat.label());
            group.throughput(Throughput::Bytes(bodies.iter().map(|body| body.len() as u64).sum()));
            group.bench_function(BenchmarkId::new("scan", size), |bencher| {
                bencher.iter(|| scan(black_box(&bodies)));
            });
            group.bench_function(BenchmarkId::new("digest", size), |bencher| {
                bencher.iter(|| digest(black_box(&bodies), settings));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, shares);
criterion_main!(benches);
