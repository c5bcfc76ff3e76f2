//! The tables and plots of `docs/benchmarks.md`.
//!
//! Invariant: only what stands between a section's markers is replaced; what people
//! wrote around them stays. A missing marker is an error, found before measuring. A part
//! that was never measured keeps what stands there.

mod footprint;
mod gateway;
mod picks;
mod plot;
mod pools;
mod scanner;
mod section;
mod start;
mod streams;
mod target;

pub use section::{NoMarker, Section, put};

use crate::machine::Machine;
use crate::stats::Spread;
use crate::store::{Store, StoreError, Stored};
use plot::PlotError;
use serde::de::DeserializeOwned;
use target::Target;

/// The report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The text has no place for a part.
    #[error(transparent)]
    Marker(#[from] NoMarker),
    /// Figures cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// What one part says: its tables, and which targets it judges.
struct Part {
    tables: String,
    targets: Vec<Target>,
}

/// Renders all stored figures into the text, and the plots into the store's folder.
///
/// # Errors
/// See [`ReportError`].
pub fn render(text: &str, store: &Store) -> Result<String, ReportError> {
    let mut text = text.to_owned();
    let mut targets = Vec::new();
    for section in Section::PARTS {
        let part = match section {
            Section::Picks => make(store, section, picks::picks)?,
            Section::Scanner => make(store, section, scanner::scanner)?,
            Section::Gateway => make(store, section, gateway::gateway)?,
            Section::Pools => make(store, section, pools::pools)?,
            Section::Refresh => make(store, section, pools::refresh)?,
            Section::Footprint => make(store, section, footprint::footprint)?,
            Section::Start => make(store, section, start::start)?,
            Section::Streams => make(store, section, streams::streams)?,
            Section::Uploads => make(store, section, streams::uploads)?,
            Section::Targets => None,
        };
        if let Some(mut part) = part {
            text = put(&text, section, &part.tables)?;
            targets.append(&mut part.targets);
        }
    }
    Ok(put(&text, Section::Targets, &target::table(&targets))?)
}

fn make<T: DeserializeOwned>(
    store: &Store,
    section: Section,
    make: impl FnOnce(&Stored<T>, &Store) -> Result<Part, PlotError>,
) -> Result<Option<Part>, ReportError> {
    let Some(stored) = store.load::<T>(section.name())? else { return Ok(None) };
    Ok(Some(make(&stored, store)?))
}

/// What every part opens with.
fn head<T>(stored: &Stored<T>, more: &str) -> String {
    let Machine { cpu, cores, kernel, date, load } = &stored.machine;
    format!(
        "`{}`\n\n{date}; {cpu}, {cores} cores, Linux {kernel}; load before the run {load}{more}.\n",
        stored.command
    )
}

/// `0.75 (0.70–0.80)`.
fn spread(spread: Option<Spread>) -> String {
    spread.map_or_else(
        || "–".to_owned(),
        |Spread { median, min, max }| {
            let digits = if median.abs() < 1_000.0 { 2 } else { 0 };
            format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
        },
    )
}

/// The middle of some rounds; 0 of none.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(values).map_or(0.0, |spread| spread.median)
}

/// The middle of some amounts of memory, in MB.
fn megabytes(bytes: &[u64]) -> f64 {
    median(bytes.iter().map(|bytes| *bytes as f64)) / 1e6
}

/// An image, as the text shows it.
fn image(store: &Store, file: &str, what: &str) -> String {
    let folder = store.folder().file_name().unwrap_or_default().to_string_lossy();
    format!("\n![{what}]({folder}/{file})\n")
}
