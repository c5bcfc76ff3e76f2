//! The endpoint picker's place in the filter chain. It lets every request pass: the
//! choice of an endpoint is its own issue, and until then Envoy's load balancer makes
//! it.
//!
//! Invariant: no callback but the root context's runs, so it costs a stream nothing
//! but its presence. Rejected: leaving it out of the chain until it does something;
//! then its build, its place after the BBR filter and its configuration would be new
//! to everybody at once.

use log::{error, info};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{BufferType, ContextType};
use serde_json::{Map, Value};

/// What the host calls first. Private, because the function the macro makes is for the
/// host alone.
mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(|_| Box::new(super::Root));
    }}
}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        // The trait's own getter panics when the host answers anything unexpected.
        let text = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX);
        match check(&text.ok().flatten().unwrap_or_default()) {
            Ok(()) => {
                info!("picker: configured; requests pass as Envoy balances them");
                true
            }
            Err(reason) => {
                error!("picker: configuration: expected a JSON object: {reason}");
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(PassThrough))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct PassThrough;

impl Context for PassThrough {}
impl HttpContext for PassThrough {}

/// Accepts nothing at all or any JSON object.
fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    if text.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<Map<String, Value>>(text).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn any_object_and_nothing_are_accepted() {
        for text in ["", "{}", r#"{"pools":[{"name":"a"}]}"#] {
            assert!(check(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for text in ["[]", "1", "{", "{} {}", "\u{feff}{}"] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
        }
    }
}
