//! The plugin's life: reads the configuration, opens a context per request.

use std::rc::Rc;
use std::time::Duration;

use filter_host::envoy::{
    Envoy, action, add_to_metric, define_metric, log, now, plugin_configuration,
};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use shared::bbr::{RouteOn, Settings};

use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::request::Request;

#[derive(Default)]
pub(crate) struct Root {
    policy: Option<Rc<Policy>>,
}

impl Context for Root {
    /// The plugin is replaced or shut down.
    fn on_done(&mut self) -> bool {
        self.flush();
        true
    }
}

/// How often the host is told what was counted.
const FLUSH_PERIOD: Duration = Duration::from_secs(1);

impl Root {
    fn flush(&self) {
        if let Some(policy) = &self.policy {
            policy.metrics.flush(add_to_metric);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let settings = match Settings::from_json(&plugin_configuration()) {
            Ok(settings) => settings,
            Err(error) => {
                log(LogLevel::Error, &format!("bbr configuration: {error}"));
                return false;
            }
        };
        log(LogLevel::Info, &summary(&settings));
        let metrics = Metrics::define(&settings, define_metric);
        self.policy = Some(Rc::new(Policy::new(settings, metrics, now())));
        let _ = hostcalls::set_tick_period(FLUSH_PERIOD);
        true
    }

    fn on_tick(&mut self) {
        self.flush();
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let policy = self.policy.as_ref().map(Rc::clone)?;
        Some(Box::new(Stream(Request::new(Envoy, policy))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

fn summary(settings: &Settings) -> String {
    let (bases, adapters) = settings.catalog.counts();
    let route_on = match settings.route_on {
        RouteOn::Complete => "the complete body",
        RouteOn::FirstModel => "the first model",
    };
    format!(
        "bbr: {bases} base models, {adapters} adapters, {} rewrites; routes on {route_on}, bodies up to {} bytes",
        settings.rewrites.len(),
        settings.max_body_bytes,
    )
}

struct Stream(Request<Envoy>);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        action(self.0.on_headers(end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        action(self.0.on_body(size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        action(self.0.on_trailers())
    }

    fn on_log(&mut self) {
        self.0.on_done();
    }
}
