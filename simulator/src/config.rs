//! What a simulated server is told at its start.
//!
//! Invariant: [`Config::check`] passed before anything is started, so the rest
//! of the crate never meets a zero block size or a name no header can carry.

use crate::engine::{Clockwork, Engine, Limits, Timings};
use crate::faults::{FaultError, FaultSettings};
use http::HeaderValue;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// A LoRA adapter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adapter {
    /// The name clients use as `model`.
    pub name: String,
    /// Where it would be loaded from; shown as `root` in the list of models.
    pub path: String,
}

impl From<&str> for Adapter {
    /// `name` or `name=path`, the forms of `--lora-modules`.
    fn from(text: &str) -> Self {
        let (name, path) = text.split_once('=').unwrap_or((text, text));
        Self { name: name.to_owned(), path: path.to_owned() }
    }
}

impl From<String> for Adapter {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Whose metric names `/metrics` uses.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum MetricsFlavor {
    /// vLLM 0.11, which has both the old and the new name of the KV usage.
    #[default]
    Vllm,
    /// SGLang.
    Sglang,
    /// TensorRT-LLM's own server, `trtllm-serve`.
    Trtllm,
    /// Triton with the TensorRT-LLM backend.
    Triton,
}

/// A server to start. Fields that vLLM knows mean what vLLM means by them.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who serves; the value of `x-inference-pod`.
    pub name: String,
    /// The base model.
    pub model: String,
    /// Names clients may use for the base model. As in vLLM these *replace*
    /// `model`, which then only shows as `root`; empty means `model` itself.
    pub served_model_names: Vec<String>,
    /// LoRA adapters served from the start.
    pub adapters: Vec<Adapter>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Requests that run at once, 1 or more.
    pub max_num_seqs: usize,
    /// Adapters that run at once; 0 switches LoRA off.
    pub max_loras: usize,
    /// Tokens per KV block, 1 or more.
    pub block_size: usize,
    /// KV blocks, 1 or more.
    pub num_gpu_blocks: usize,
    /// Longest prompt with its answer in tokens, 2 or more; never more than the
    /// KV blocks hold.
    pub max_model_len: usize,
    /// Answer 400 to a longer prompt, as vLLM does. Otherwise only its end is
    /// looked at, so that gateways can be tested with bodies of any size.
    pub reject_long_prompts: bool,
    /// Names in `/metrics`.
    pub metrics: MetricsFlavor,
    /// Adds `vllm:lora_adapter_loaded`, which is proposed and in no release.
    pub lora_residency_metric: bool,
    /// Load reports are JSON, whatever format was asked for.
    pub json_load_reports: bool,
    /// The GPU's speed.
    pub timings: Timings,
    /// Factor on all times: 1 as configured, 0 at once, 10 ten times slower.
    pub time_scale: f64,
    /// Seed of jitter and fault dice.
    pub seed: u64,
    /// Faults that are on from the start.
    pub faults: FaultSettings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "model-server-simulator-0".to_owned(),
            model: "meta-llama/Llama-3.1-8B-Instruct".to_owned(),
            served_model_names: Vec::new(),
            adapters: Vec::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            max_num_seqs: 256,
            // What the guides' deployments pass; vLLM's own default is 1.
            max_loras: 2,
            block_size: 16,
            // What an 80 GB GPU has left beside an 8B model, about 430,000 tokens.
            num_gpu_blocks: 27_000,
            // The context of Llama 3.1.
            max_model_len: 131_072,
            reject_long_prompts: false,
            metrics: MetricsFlavor::Vllm,
            lora_residency_metric: false,
            json_load_reports: false,
            timings: Timings::default(),
            time_scale: 1.0,
            seed: 0,
            faults: FaultSettings::default(),
        }
    }
}

/// A configuration no server can be started with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// A number is below what makes sense.
    #[error("{field}: {value} is less than {least}")]
    TooSmall {
        /// The field.
        field: &'static str,
        /// Its value.
        value: usize,
        /// The least it may be.
        least: usize,
    },
    /// A factor is negative or no number.
    #[error("{field}: {value} is not a number from 0 to {most}")]
    NotAFactor {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The most it may be.
        most: f64,
    },
    /// A name is empty or cannot be a header's value.
    #[error("{field}: {value:?} is empty or has characters a header cannot carry")]
    Name {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// Two models have one name.
    #[error("the name {0:?} is given to two models")]
    Duplicate(String),
    /// Adapters without a slot to run in.
    #[error("max_loras is 0 but adapters are given")]
    NoSlots,
    /// A fault's setting.
    #[error("faults: {0}")]
    Faults(#[from] FaultError),
}

impl Config {
    /// Can a server be started with this?
    pub fn check(&self) -> Result<(), ConfigError> {
        let least = [
            ("max_num_seqs", self.max_num_seqs, 1),
            ("block_size", self.block_size, 1),
            ("num_gpu_blocks", self.num_gpu_blocks, 1),
            ("max_model_len", self.context_tokens(), 2),
        ];
        for (field, value, least) in least {
            if value < least {
                return Err(ConfigError::TooSmall { field, value, least });
            }
        }
        let factors =
            [("time_scale", self.time_scale, 1e6), ("timings.jitter", self.timings.jitter, 1.0)];
        for (field, value, most) in factors {
            if !(0.0..=most).contains(&value) {
                return Err(ConfigError::NotAFactor { field, value, most });
            }
        }
        let adapters = self.adapters.iter().map(|adapter| ("adapters", adapter.name.as_str()));
        let names = self.served_names().map(|name| ("served_model_names", name));
        for (field, value) in names.clone().chain(adapters.clone()).chain([("name", &*self.name)]) {
            if value.is_empty() || HeaderValue::from_str(value).is_err() {
                return Err(ConfigError::Name { field, value: value.to_owned() });
            }
        }
        let mut seen = BTreeSet::new();
        if let Some((_, name)) = names.chain(adapters).find(|(_, name)| !seen.insert(*name)) {
            return Err(ConfigError::Duplicate(name.to_owned()));
        }
        if self.max_loras == 0 && !self.adapters.is_empty() {
            return Err(ConfigError::NoSlots);
        }
        Ok(self.faults.check()?)
    }

    /// The names of the base model, the first of which labels the metrics.
    pub fn served_names(&self) -> impl Iterator<Item = &str> + Clone {
        let own = self.served_model_names.is_empty().then_some(self.model.as_str());
        own.into_iter().chain(self.served_model_names.iter().map(String::as_str))
    }

    /// The longest prompt with its answer, in tokens.
    pub fn context_tokens(&self) -> usize {
        self.max_model_len.min(self.num_gpu_blocks.saturating_mul(self.block_size))
    }

    pub(crate) fn engine(&self) -> Engine {
        let limits = Limits {
            max_num_seqs: self.max_num_seqs,
            block_size: self.block_size,
            num_gpu_blocks: self.num_gpu_blocks,
            max_loras: self.max_loras,
        };
        Engine::new(limits, Clockwork::new(self.timings, self.time_scale, self.seed))
    }
}

impl FromStr for Adapter {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_can_be_started() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn a_bad_field_is_named() {
        let refused = [
            (Config { block_size: 0, ..Config::default() }, "block_size: 0 is less than 1"),
            (Config { time_scale: f64::NAN, ..Config::default() }, "time_scale: NaN"),
            (Config { time_scale: -1.0, ..Config::default() }, "time_scale: -1"),
            (Config { name: "a\nb".to_owned(), ..Config::default() }, "name: "),
            (Config { model: String::new(), ..Config::default() }, "served_model_names: \"\""),
            (
                Config { adapters: vec!["a".into(), "a".into()], ..Config::default() },
                "the name \"a\" is given to two models",
            ),
            (
                Config { max_loras: 0, adapters: vec!["a".into()], ..Config::default() },
                "max_loras is 0",
            ),
        ];
        for (config, message) in refused {
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn an_adapter_may_name_its_path() {
        let adapter = Adapter::from("sql=org/sql-lora");
        assert_eq!((adapter.name.as_str(), adapter.path.as_str()), ("sql", "org/sql-lora"));
        assert_eq!(Adapter::from("sql").path, "sql");
    }

    #[test]
    fn served_names_replace_the_models_own() {
        let mut config = Config { model: "m".to_owned(), ..Config::default() };
        assert_eq!(config.served_names().collect::<Vec<_>>(), ["m"]);
        config.served_model_names = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(config.served_names().collect::<Vec<_>>(), ["a", "b"]);
    }
}
