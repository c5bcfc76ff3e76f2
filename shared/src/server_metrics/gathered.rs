//! What the samples of a page add up to.
//!
//! Invariant: a sample that makes no sense (NaN where a number of requests should be,
//! `None` where a number of blocks should be) is as if it were not there.

use super::ServerMetrics;
use super::adapters::{self, AdapterMetrics, Loaded};
use super::names::{Field, Reads, Source};
use crate::exposition::Sample;

/// What has been read of a page so far.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Per source: what its samples add up to.
    numbers: Vec<Option<f64>>,
    /// Per source: how many series that is.
    series: Vec<usize>,
    lora: Option<LoraRequests>,
    loaded: Option<Loaded>,
}

/// The most recent series of `lora_requests_info`, as written.
#[derive(Debug)]
struct LoraRequests {
    since: f64,
    max: String,
    running: String,
    waiting: String,
}

impl Gathered {
    pub(super) fn new(sources: &[Source]) -> Self {
        let count = sources.len();
        Self { numbers: vec![None; count], series: vec![0; count], lora: None, loaded: None }
    }

    pub(super) fn add(&mut self, sources: &[Source], sample: &Sample<'_>) {
        let sums = self.numbers.iter_mut().zip(&mut self.series);
        for (source, (number, series)) in sources.iter().zip(sums) {
            if source.family != sample.family || !source.selector.matches(sample) {
                continue;
            }
            match source.reads {
                Reads::Value(field) => {
                    let counted = usize::from(fold(number, field, sample.value));
                    *series = series.saturating_add(counted);
                }
                Reads::Label(label, field) => {
                    let value = sample.label(label).and_then(|value| value.parse().ok());
                    let counted = usize::from(fold(number, field, value.unwrap_or(f64::NAN)));
                    *series = series.saturating_add(counted);
                }
                Reads::LoraRequests => lora_requests(&mut self.lora, sample),
                Reads::LoraLoaded => lora_loaded(self.loaded.get_or_insert_default(), sample),
            }
        }
    }

    /// How many engines' requests or KV caches the numbers are of.
    pub(super) fn engines(&self) -> usize {
        self.series.iter().copied().max().unwrap_or(0)
    }

    pub(super) fn finish(self, sources: &[Source]) -> ServerMetrics {
        let number = |field| {
            sources.iter().zip(&self.numbers).find_map(|(source, number)| match source.reads {
                Reads::Value(of) | Reads::Label(_, of) if of == field => *number,
                _ => None,
            })
        };
        // Casts saturate.
        let count = |field| number(field).map(|value| value.round() as u32);
        ServerMetrics {
            waiting: count(Field::Waiting),
            running: count(Field::Running),
            kv_usage: number(Field::KvUsage).map(|usage| usage as f32),
            block_size: count(Field::BlockSize),
            blocks: count(Field::Blocks),
            adapters: adapters(self.lora, self.loaded),
        }
    }
}

/// A number as this field takes it; `None` if it makes no sense there.
pub(super) fn sane(field: Field, value: f64) -> Option<f64> {
    let least = match field {
        Field::Waiting | Field::Running | Field::KvUsage => 0.0,
        Field::BlockSize | Field::Blocks => 1.0,
    };
    (value.is_finite() && value >= least).then(|| match field {
        // All servers give a fraction. More than 1 is a full cache with something on top,
        // not percent: 1.5 would else be a nearly empty one. (Adding 0 turns -0 into it.)
        Field::KvUsage => value.min(1.0) + 0.0,
        _ => value,
    })
}

/// Adds a series: those of several engines count together, of their caches the fullest
/// or largest counts. Returns whether the value makes sense.
fn fold(number: &mut Option<f64>, field: Field, value: f64) -> bool {
    let Some(value) = sane(field, value) else { return false };
    *number = Some(match (*number, field) {
        (None, _) => value,
        (Some(sum), Field::Waiting | Field::Running) => sum + value,
        (Some(most), Field::KvUsage | Field::BlockSize | Field::Blocks) => most.max(value),
    });
    true
}

/// Keeps the series if it is the most recent yet. vLLM leaves every combination of
/// adapters it ever had on the page; the value is when it held.
fn lora_requests(current: &mut Option<LoraRequests>, sample: &Sample<'_>) {
    let since = sample.value;
    if !since.is_finite() || current.as_ref().is_some_and(|current| since < current.since) {
        return;
    }
    let label = |name| sample.label(name).unwrap_or_default().into_owned();
    *current = Some(LoraRequests {
        since,
        max: label("max_lora"),
        running: label("running_lora_adapters"),
        waiting: label("waiting_lora_adapters"),
    });
}

fn lora_loaded(loaded: &mut Loaded, sample: &Sample<'_>) {
    if sample.value > 0.0
        && let (Some(name), Some(level)) = (sample.label("adapter_name"), sample.label("level"))
    {
        loaded.add(&name, &level);
    }
}

fn adapters(lora: Option<LoraRequests>, loaded: Option<Loaded>) -> Option<AdapterMetrics> {
    if lora.is_none() && loaded.is_none() {
        return None;
    }
    let mut adapters = AdapterMetrics::default();
    if let Some(lora) = lora {
        adapters.max = lora.max.trim().parse().ok();
        adapters.running = adapters::names(&lora.running);
        adapters.waiting = adapters::names(&lora.waiting);
    }
    adapters.loaded = loaded.map(Loaded::finish).unwrap_or_default();
    Some(adapters)
}
