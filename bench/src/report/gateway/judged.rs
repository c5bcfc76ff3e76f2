//! The targets of body reading.

use super::super::target::Target;
use super::ratio::Under;
use crate::bodies::Size;
use crate::gateway::Variant;
use crate::stats::Spread;

/// What our filter is to reach of the `buffer` filter, by the body's size.
const FLOOR: [(usize, f64); 4] = [(300, 0.78), (8_000, 0.66), (100_000, 0.58), (1_000_000, 0.50)];
/// From this size on, `firstModel` is to beat the `buffer` filter, and `complete` is to be
/// [`TIMES`] cheaper than what Envoy offers.
const LARGE: usize = 100_000;
const TIMES: f64 = 5.0;
/// At this size, `complete` is to be so many times cheaper than `ext_proc`, and to add so
/// many times less to the 99th percentile.
const EXT_PROC: (usize, f64, f64) = (8_000, 3.0, 5.0);

pub(super) fn targets(load: &Under<'_>) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut at_least = |what: String, reached: Option<Spread>, limit| {
        targets.extend(reached.map(|reached| Target::at_least(what, reached, limit)));
    };
    for (size, limit) in FLOOR {
        let what = format!("{}, `complete`: share of `buffer`'s requests per core", Size(size));
        at_least(what, load.cheaper(Variant::Complete, Variant::Buffer, size), limit);
    }
    for size in load.sizes().into_iter().filter(|size| *size >= LARGE) {
        let what = format!("{}, `firstModel`: times `buffer`'s requests per core", Size(size));
        at_least(what, load.cheaper(Variant::FirstModel, Variant::Buffer, size), 1.0);
        for rival in [Variant::Lua, Variant::JsonToMetadata] {
            let what = format!("{}, `complete`: times cheaper than {}", Size(size), rival.label());
            at_least(what, load.cheaper(Variant::Complete, rival, size), TIMES);
        }
    }
    let (size, cheaper, less) = EXT_PROC;
    for rival in [Variant::ExtProcBuffered, Variant::ExtProcDuplex] {
        let name = rival.label();
        let what = format!("{}, `complete`: times the requests per core of {name}", Size(size));
        at_least(what, load.cheaper(Variant::Complete, rival, size), cheaper);
        let what = format!("{}, `complete`: times less added p99 than {name}", Size(size));
        at_least(what, load.adds_less(Variant::Complete, rival, size), less);
    }
    targets
}
