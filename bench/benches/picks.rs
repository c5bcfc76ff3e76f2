//! A pick among 10, 100 and 1,000 endpoints, for work on the scheduler.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gateway_bench::picks::{Asking, Case, POOLS};

fn picks(criterion: &mut Criterion) {
    for asking in Asking::ALL {
        let mut group = criterion.benchmark_group(format!("pick, {}", asking.label()));
        for endpoints in POOLS {
            let mut case = Case::new(asking, endpoints);
            assert!(case.run(), "among {endpoints}");
            group.throughput(Throughput::Elements(endpoints.into()));
            group.bench_function(BenchmarkId::from_parameter(endpoints), |bencher| {
                bencher.iter(|| case.run());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, picks);
criterion_main!(benches);
