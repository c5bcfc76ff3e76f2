//! The least a Wasm filter does that looks at bodies: holds the headers, copies each
//! chunk out of Envoy, sets one header at the end.
//!
//! It says how much of a filter's cost is Proxy-Wasm's own, on the machine of the
//! measurement. Invariant: it never looks into a byte of the body.
#![cfg(target_arch = "wasm32")]

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, MapType};

mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(super::Root));
    }}
}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { read: 0 }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream {
    /// Bytes of the body copied so far.
    read: usize,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        if end_of_stream { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if size > self.read {
            let new = size - self.read;
            let chunk = hostcalls::get_buffer(BufferType::HttpRequestBody, self.read, new);
            self.read += chunk.ok().flatten().map_or(0, |chunk| chunk.len());
        }
        if !end_of_stream {
            return Action::Pause;
        }
        let name = "x-gateway-model-name";
        let _ = hostcalls::set_map_value(MapType::HttpRequestHeaders, name, Some("copied"));
        Action::Continue
    }
}
