//! Reads Prometheus' text exposition, and OpenMetrics', as it streams in.
//!
//! Made for pages of which almost nothing matters: a model server's page has 60 KB
//! of histogram buckets and a handful of gauges somebody wants. [`Wanted`] says
//! which; every other line is refused by its first eight bytes and skipped to its
//! end. Only wanted lines are parsed, each on its own, without a copy when it lies
//! in one chunk.
//!
//! Invariants: where chunks are cut changes nothing; memory is bounded by one line
//! of [`MAX_LINE_BYTES`]; no input fails the whole page, since a bad line costs
//! that line only.
//!
//! Both formats read the same, because families are asked for by the names of
//! their samples: a counter is `name_total` in either. `# EOF`, `HELP`, `TYPE` and
//! `UNIT` are comments, exemplars are left out. Quoted metric names (`{"a.b"} 1`)
//! are not read.
//!
//! Rejected alternatives: the `prometheus-parse` crate builds every sample of a
//! page, with regular expressions, does not know colons in names or escapes in
//! labels, and needs the whole text at once; a substring search for the names finds
//! them in comments and label values too and still has to find the line.

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod agreement;
mod labels;
mod name;
mod reader;
mod sample;
#[cfg(test)]
mod tests;
mod wanted;

pub use labels::Labels;
pub(crate) use labels::{is_label_name, quoted_value, skip_blanks, unescape};
pub use name::{FamilyName, InvalidFamilyName};
pub use reader::{MAX_LINE_BYTES, Reader};
pub use sample::Sample;
pub use wanted::Wanted;
