//! The BBR filter: holds a request's headers until its body has named a model,
//! then sets the headers that Envoy routes by.
//!
//! [`request`] is the state machine of one request; it speaks to Envoy only
//! through [`StreamHost`](filter_host::StreamHost). The module that calls Proxy-Wasm, `root`,
//! is compiled for Wasm alone, so that everything else is tested natively.
//!
//! Invariant: verdicts fall synchronously inside a body or trailers callback.
//! The alternative, to resume a held request later from another callback, loses
//! bytes on Envoy 1.35 to 1.37 (envoy issue 46841).

// A sum that wraps is a wrong answer, and a division by zero a trap: each says what it does.
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod learning;
pub mod metrics;
pub mod policy;
pub mod reporting;
pub mod request;
mod splice;
pub mod watch;

#[cfg(target_arch = "wasm32")]
mod root;

#[cfg(test)]
mod tests;

// The macro's function is the host's alone, hence the private module.
#[cfg(target_arch = "wasm32")]
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(|_| Box::new(super::root::Root::default()));
    }}
}
