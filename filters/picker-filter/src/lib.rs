//! The picker filter: knows every endpoint of a pool and names the best one for
//! each request.
//!
//! [`vm`] is what one VM knows, [`request`] the way of one request, [`background`]
//! the ticks: lease, scrapes, snapshots. They speak to Envoy only through the
//! traits of `filter_host`; `root`, which calls Proxy-Wasm, is compiled for Wasm
//! alone.
//!
//! Invariant: a request's callbacks neither read nor write shared data and make
//! no calls; all that happens on ticks. The alternative, asking for metrics while
//! a request waits, would put the slowest model server into every request's way.

// A sum that wraps is a wrong answer, and a division by zero a trap: each says what it does.
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod background;
pub mod metrics;
pub mod request;
pub mod vm;

mod call;
mod first_tokens;
mod keys;
mod pace;
mod scrape;

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
