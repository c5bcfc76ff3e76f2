//! The page `/metrics`, in the words of several model servers.
//!
//! Invariant: the values come from one look at the engine, so that a page is
//! consistent in itself.

mod page;
mod sglang;
mod trtllm;
mod vllm;

use crate::config::{Adapter, MetricsFlavor};
use crate::driver::{Driver, LoraSeries};
use crate::engine::{Limits, Load, Stats};

/// The content type of Prometheus' text format as Python's client sends it.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What `/metrics` answers while that fault is on: bytes that are no exposition
/// and no UTF-8, with lines that begin like one.
pub(crate) const GARBAGE: &[u8] =
    b"vllm:num_requests_waiting{model_name=\"\xff\xfe} NaN?\n\x00\x01<html>502</html>\nvllm:kv_cache_usage_perc 1e999x\n{{{{";

/// One look at a server.
pub(crate) struct View {
    pub model_name: String,
    pub limits: Limits,
    pub load: Load,
    pub stats: Stats,
    pub lora_series: Vec<LoraSeries>,
    pub adapters: Vec<Adapter>,
    pub started_unix: f64,
    pub lora_residency: bool,
}

impl View {
    pub fn new(
        driver: &Driver,
        model_name: &str,
        adapters: Vec<Adapter>,
        lora_residency: bool,
    ) -> Self {
        let (limits, load, stats) =
            driver.with_engine(|engine| (engine.limits(), engine.load(), engine.stats().clone()));
        Self {
            model_name: model_name.to_owned(),
            limits,
            load,
            stats,
            lora_series: driver.lora_series(),
            adapters,
            started_unix: driver.started_unix(),
            lora_residency,
        }
    }

    fn kv_tokens(&self) -> usize {
        self.limits.block_size * self.limits.num_gpu_blocks
    }

    fn kv_blocks_in_use(&self) -> f64 {
        (self.load.kv_usage * self.limits.num_gpu_blocks as f64).round()
    }
}

/// The whole page.
pub(crate) fn render(flavor: MetricsFlavor, view: &View) -> String {
    match flavor {
        MetricsFlavor::Vllm => vllm::render(view),
        MetricsFlavor::Sglang => sglang::render(view),
        MetricsFlavor::Trtllm => trtllm::render_serve(view),
        MetricsFlavor::Triton => trtllm::render_triton(view),
    }
}

#[cfg(test)]
mod tests;
