//! The plugin's life: reads the configuration, ticks, opens a context per request.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;

use filter_host::envoy::{CallAnswer, Envoy, action, define_metric, log, plugin_configuration};
use filter_host::{CallId, StreamId};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use shared::picker::Settings;

use crate::background::Background;
use crate::metrics::Metrics;
use crate::request::Request;
use crate::vm::Vm;

#[derive(Default)]
pub(crate) struct Root {
    configured: Option<Configured>,
}

struct Configured {
    vm: Rc<Vm>,
    background: Background<Envoy>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _trailers: usize) {
        if let Some(configured) = &mut self.configured {
            configured.background.on_answer(CallId(token), &CallAnswer { headers, body });
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = plugin_configuration();
        let settings = match Settings::from_json(&configuration) {
            Ok(settings) => settings,
            Err(error) => {
                log(LogLevel::Error, &format!("picker configuration: {error}"));
                return false;
            }
        };
        let (pools, interval) = (settings.pools.len(), settings.scrape.interval.as_millis());
        log(LogLevel::Info, &format!("picker: {pools} pools, scraped every {interval} ms"));
        let metrics = Metrics::define(&settings, define_metric);
        // The host's random numbers seed this hasher; VMs of one process must differ.
        let token = RandomState::new().build_hasher().finish().max(1);
        let vm = Rc::new(Vm::new(settings, &configuration, metrics, token));
        let background = Background::new(Envoy, Rc::clone(&vm), define_metric);
        if pools > 0 {
            let _ = hostcalls::set_tick_period(background.tick_period());
        }
        self.configured = Some(Configured { vm, background });
        true
    }

    fn on_tick(&mut self) {
        if let Some(configured) = &mut self.configured {
            configured.background.on_tick();
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let vm = Rc::clone(&self.configured.as_ref()?.vm);
        Some(Box::new(Stream(Request::new(Envoy, StreamId(id), vm))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream(Request<Envoy>);

impl Context for Stream {}

/// The request is over. Not in `on_done` or `on_log`: a callback that a module exports is
/// entered for every request.
impl Drop for Stream {
    fn drop(&mut self) {
        self.0.on_done();
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        action(self.0.on_headers())
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.0.on_response_headers();
        Action::Continue
    }
}
