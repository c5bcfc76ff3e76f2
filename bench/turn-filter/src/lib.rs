//! The least that a Wasm filter does that names endpoints: asks Envoy for the route's
//! cluster, the request's headers and the response's status, as the picker does, and names
//! the endpoints of its configuration in turn.
//!
//! It says how much of the picker's cost are calls between Envoy and the VM, on the machine
//! of the measurement. Without endpoints it asks nothing, and says what Proxy-Wasm costs
//! that is entered and left again. Invariant: it decides nothing by what Envoy answers.
#![cfg(target_arch = "wasm32")]

use std::cell::Cell;
use std::hint::black_box;
use std::rc::Rc;

use filter_host::StreamHost;
use filter_host::envoy::{Envoy, plugin_configuration};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};
use shared::picker::DESTINATION_HEADER;

mod entry {
    proxy_wasm::main! {{
        proxy_wasm::set_root_context(|_| Box::new(super::Root(None)));
    }}
}

/// The endpoints, and whose turn it is.
struct Turns {
    endpoints: Vec<String>,
    next: Cell<usize>,
}

impl Turns {
    /// None where there are no endpoints.
    fn next(&self) -> Option<&str> {
        let place = self.next.get().checked_rem(self.endpoints.len())?;
        self.next.set(place.wrapping_add(1));
        self.endpoints.get(place).map(String::as_str)
    }
}

struct Root(Option<Rc<Turns>>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let endpoints = serde_json::from_slice(&plugin_configuration());
        self.0 = endpoints.ok().map(|endpoints| Rc::new(Turns { endpoints, next: Cell::new(0) }));
        self.0.is_some()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(Rc::clone(self.0.as_ref()?))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream(Rc<Turns>);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if let Some(endpoint) = self.0.next() {
            black_box(Envoy.property(&["xds", "cluster_name"]));
            black_box(Envoy.headers());
            Envoy.set_header(DESTINATION_HEADER, endpoint.as_bytes());
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        if !self.0.endpoints.is_empty() {
            black_box(Envoy.response_header(":status"));
        }
        Action::Continue
    }
}
