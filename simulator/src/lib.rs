//! A model server without a model: it answers OpenAI's API as vLLM does, with
//! deterministic words, and behaves like a server under load, with a queue, a
//! prefix cache, KV blocks, LoRA slots and the metrics that show them.
//!
//! Invariant: what the API, the metrics and the timing say comes from one
//! engine, so they never disagree. Canned answers are rejected: a scheduler
//! tested against them proves nothing.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = simulator::Server::start(simulator::Config {
//!     name: "vllm-llama3-8b-instruct-0".into(),
//!     adapters: vec!["food-review-1".into()],
//!     ..Default::default()
//! })
//! .await?;
//! println!("http://{}/v1/models", server.addr());
//! server.faults().update(|faults| faults.error_rate = 0.5)?;
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod config;
mod driver;
pub mod engine;
mod faults;
mod http;
mod metrics;
mod models;
mod requests;
mod server;
#[cfg(test)]
mod tests;
mod text;

pub use config::{Adapter, Config, ConfigError, MetricsFlavor};
pub use engine::{Load, Timings};
pub use faults::{FaultError, FaultSettings, Faults};
pub use requests::{CAPACITY as REMEMBERED_REQUESTS, RequestRecord, Stage};
pub use server::{Server, StartError};
