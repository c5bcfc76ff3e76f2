//! The demo's servers with the simulation's sizes and speed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use simulate::BLOCK_TOKENS;
use simulate::server::Hardware;
use simulate::workload::SMALL_ADAPTERS;
use simulator::{Config, Timings};

/// The base model.
pub const MODEL: &str = "meta-llama/Llama-3.1-8B-Instruct";

/// An adapter's name.
#[must_use]
pub fn adapter(number: u16) -> String {
    format!("adapter-{number}")
}

/// All adapters.
pub fn adapters() -> impl Iterator<Item = String> {
    (0..SMALL_ADAPTERS).map(adapter)
}

/// A server's name.
#[must_use]
pub fn name(place: usize) -> String {
    format!("server-{place}")
}

/// What a step takes with nothing but a prompt, or nothing but one request that decodes, in
/// it. Without jitter, which the simulation does not have.
#[must_use]
pub fn timings(hardware: &Hardware) -> Timings {
    let time = |micros: f64| Duration::from_nanos((micros * 1_000.0) as u64);
    Timings {
        prefill_base: time(hardware.step_base),
        prefill_per_token: time(hardware.per_prompt_token),
        decode_base: time(hardware.step_base + hardware.per_decode),
        decode_per_running: time(hardware.per_decode),
        lora_load: Duration::from_micros(hardware.adapter_load),
        jitter: 0.0,
    }
}

/// A server on a free port.
#[must_use]
pub fn config(place: usize, hardware: &Hardware) -> Config {
    Config {
        name: name(place),
        model: MODEL.to_owned(),
        adapters: adapters().map(Into::into).collect(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        max_num_seqs: hardware.max_running,
        max_loras: hardware.max_adapters,
        block_size: BLOCK_TOKENS as usize,
        num_gpu_blocks: hardware.blocks,
        timings: timings(hardware),
        ..Config::default()
    }
}
