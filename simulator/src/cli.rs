//! The flags, spelled like vLLM's where vLLM has them.

use clap::Parser;
use simulator::{Adapter, Config, FaultSettings, MetricsFlavor};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Simulates OpenAI-compatible model servers like vLLM, without a GPU.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Flags {
    /// The base model.
    #[arg(long, default_value = "meta-llama/Llama-3.1-8B-Instruct")]
    model: String,
    /// Names for the base model, instead of its own.
    #[arg(long, num_args = 1..)]
    served_model_name: Vec<String>,
    /// LoRA adapters: NAME or NAME=PATH.
    #[arg(long, num_args = 1..)]
    lora_modules: Vec<Adapter>,
    /// Adapters that run at once; 0 switches LoRA off.
    #[arg(long, default_value_t = Config::default().max_loras)]
    max_loras: usize,
    /// Requests that run at once.
    #[arg(long, default_value_t = Config::default().max_num_seqs)]
    max_num_seqs: usize,
    /// Tokens per KV block.
    #[arg(long, default_value_t = Config::default().block_size)]
    block_size: usize,
    /// KV blocks.
    #[arg(long, visible_alias = "num-gpu-blocks-override",
        default_value_t = Config::default().num_gpu_blocks)]
    num_gpu_blocks: usize,
    /// Longest prompt with its answer, in tokens.
    #[arg(long, default_value_t = Config::default().max_model_len)]
    max_model_len: usize,
    /// Answer 400 to longer prompts instead of looking at their end only.
    #[arg(long)]
    reject_long_prompts: bool,
    /// Where to listen.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The port; several start several servers, 0 takes a free one.
    #[arg(long, default_value = "8000")]
    port: Vec<u16>,
    /// Who serves (`x-inference-pod`), one per port; a single name for several
    /// ports gets a number.
    #[arg(long)]
    name: Vec<String>,
    /// Whose metric names to use.
    #[arg(long, value_enum, default_value_t = MetricsFlavor::Vllm)]
    metrics: MetricsFlavor,
    /// Show the proposed metric vllm:lora_adapter_loaded.
    #[arg(long)]
    lora_residency_metric: bool,
    /// Factor on all times: 0 answers at once, 10 is ten times slower.
    #[arg(long, default_value_t = 1.0)]
    time_scale: f64,
    /// Seed of jitter and fault dice.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Share of inference requests to answer with an error, 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    fault_error_rate: f64,
    /// The status of those errors.
    #[arg(long, default_value_t = FaultSettings::default().error_status)]
    fault_error_status: u16,
    /// Never answer inference requests.
    #[arg(long)]
    fault_hang: bool,
    /// Delay /metrics by so many milliseconds.
    #[arg(long, default_value_t = 0)]
    fault_metrics_delay_ms: u64,
    /// Begin inference requests after so many milliseconds
    #[arg(long, default_value_t = 0)]
    fault_delay_ms: u64,
    /// Answer garbage to /metrics.
    #[arg(long)]
    fault_metrics_garbage: bool,
    /// How many bytes of it; 0: once
    #[arg(long, default_value_t = 0)]
    fault_metrics_garbage_bytes: usize,
    /// Answer 503 to /health.
    #[arg(long)]
    fault_unhealthy: bool,
    /// Break streamed answers off after so many tokens.
    #[arg(long)]
    fault_reset_after_tokens: Option<usize>,
}

impl Flags {
    /// One configuration per port. Seeds differ, so that equal servers do not
    /// run in step.
    pub fn configs(&self) -> Vec<Config> {
        let ports = self.port.iter().enumerate();
        ports.map(|(index, port)| self.config(index, *port)).collect()
    }

    fn config(&self, index: usize, port: u16) -> Config {
        Config {
            name: self.name(index),
            model: self.model.clone(),
            served_model_names: self.served_model_name.clone(),
            adapters: self.lora_modules.clone(),
            listen: SocketAddr::new(self.host, port),
            max_num_seqs: self.max_num_seqs,
            max_loras: self.max_loras,
            block_size: self.block_size,
            num_gpu_blocks: self.num_gpu_blocks,
            max_model_len: self.max_model_len,
            reject_long_prompts: self.reject_long_prompts,
            metrics: self.metrics,
            lora_residency_metric: self.lora_residency_metric,
            time_scale: self.time_scale,
            seed: self.seed.wrapping_add(index as u64),
            faults: FaultSettings {
                error_rate: self.fault_error_rate,
                error_status: self.fault_error_status,
                hang: self.fault_hang,
                delay_ms: self.fault_delay_ms,
                metrics_delay_ms: self.fault_metrics_delay_ms,
                metrics_garbage: self.fault_metrics_garbage,
                metrics_garbage_bytes: self.fault_metrics_garbage_bytes,
                unhealthy: self.fault_unhealthy,
                reset_after_tokens: self.fault_reset_after_tokens,
            },
            ..Config::default()
        }
    }

    fn name(&self, index: usize) -> String {
        match self.name.as_slice() {
            [only] if self.port.len() == 1 => only.clone(),
            [only] => format!("{only}-{index}"),
            names => names
                .get(index)
                .cloned()
                .unwrap_or_else(|| format!("model-server-simulator-{index}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(flags: &str) -> Vec<Config> {
        Flags::parse_from(std::iter::once("sim").chain(flags.split_whitespace())).configs()
    }

    #[test]
    fn vllms_flags_are_understood() {
        let configs = configs(
            "--model m --served-model-name a b --lora-modules x y=path --max-loras 3 \
             --max-num-seqs 4 --block-size 32 --num-gpu-blocks 50 --port 9001 --name pod",
        );
        let [config] = configs.as_slice() else { panic!("one server") };
        assert_eq!(config.served_names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(config.adapters, [Adapter::from("x"), Adapter::from("y=path")]);
        let sizes = (config.max_loras, config.max_num_seqs, config.block_size);
        assert_eq!((sizes, config.num_gpu_blocks), ((3, 4, 32), 50));
        assert_eq!((config.listen.port(), config.name.as_str()), (9001, "pod"));
    }

    #[test]
    fn each_port_is_a_server_with_a_name_of_its_own() {
        let names = |flags| configs(flags).into_iter().map(|c| c.name).collect::<Vec<_>>();
        assert_eq!(names("--port 1 --port 2 --name pod"), ["pod-0", "pod-1"]);
        assert_eq!(names("--port 1 --port 2 --name a --name b"), ["a", "b"]);
    }
}
