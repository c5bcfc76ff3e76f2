//! The memory of endpoints.

use super::plot::PlotError;
use super::{Part, Target, head, megabytes, spread};
use crate::pools::{Footprint, Kind, per_endpoint};
use crate::store::{Store, Stored};
use std::fmt::Write;

/// Bytes that an endpoint may take beyond what Envoy needs for it.
const TARGET: f64 = 4_000.0;
/// The pool by which it is judged.
const JUDGED: u16 = 1_000;

pub(super) fn footprint(stored: &Stored<Vec<Footprint>>, _: &Store) -> Result<Part, PlotError> {
    let all = &stored.figures;
    let mut tables = head(stored, "");
    tables.push_str(
        "\n| Envoy with | endpoints | resident, MB | of Envoy's allocator, MB | bytes per endpoint beyond Envoy's own | of these, of Envoy's allocator |\n\
         |---|---:|---:|---:|---:|---:|\n",
    );
    for found in all {
        let per = |of: fn(&Footprint) -> &[u64]| {
            let judged = found.kind != Kind::Without && found.endpoints > 0;
            spread(per_endpoint(all, found.kind, found.endpoints, of).filter(|_| judged))
        };
        // Writing into a `String` cannot fail.
        let _ = writeln!(
            tables,
            "| {} | {} | {:.1} | {:.1} | {} | {} |",
            found.kind.label(),
            found.endpoints,
            megabytes(&found.resident),
            megabytes(&found.allocated),
            per(|found| &found.resident),
            per(|found| &found.allocated),
        );
    }
    let judged = [Kind::Listed, Kind::Discovered, Kind::Closing];
    let targets = judged.into_iter().filter_map(|kind| {
        let reached = per_endpoint(all, kind, JUDGED, |found| &found.resident)?;
        let what = format!("memory per endpoint of {JUDGED}: {}", kind.label());
        Some(Target::below(what, reached, TARGET, " bytes"))
    });
    Ok(Part { targets: targets.collect(), tables })
}
