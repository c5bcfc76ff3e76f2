//! The scanner beside `serde_json` and `memchr`, for work on the scanner.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gateway_bench::bodies::{Kind, Place, Size, varied};
use gateway_bench::contenders::Contender;
use std::hint::black_box;

fn scanner(criterion: &mut Criterion) {
    for kind in Kind::ALL {
        let mut group = criterion.benchmark_group(kind.label());
        for size in Size::ALL {
            let bodies = varied(kind, size, Place::Last);
            group.throughput(Throughput::Bytes(size.0 as u64));
            for contender in Contender::ALL {
                let right = bodies.iter().all(|body| contender.run(body));
                assert!(right, "{} reads {size} wrongly", contender.label());
                group.bench_with_input(
                    BenchmarkId::new(contender.label(), size),
                    &bodies,
                    |bencher, bodies| {
                        let mut next = bodies.iter().cycle();
                        bencher.iter(|| next.next().map(|body| contender.run(black_box(body))));
                    },
                );
            }
        }
        group.finish();
    }
}

criterion_group!(benches, scanner);
criterion_main!(benches);
