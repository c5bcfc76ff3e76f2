//! The plugin's life: reads the configuration, opens a context per request.

use std::rc::Rc;
use std::time::Duration;

use filter_host::envoy::{
    Envoy, action, add_to_metric, define_metric, log, now, plugin_configuration,
};
use filter_host::{StreamHost, StreamId};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use shared::bbr::{Rejection, RouteOn, Settings};

use crate::learning::Learning;
use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::reporting::Reporting;
use crate::request::{Request, received};

#[derive(Default)]
pub(crate) struct Root {
    policy: Option<Rc<Policy>>,
    /// If adapters are to be learned.
    learning: Option<Learning>,
    reporting: Reporting,
    /// Whether the log says that bodies are withheld.
    told_withheld: bool,
}

impl Context for Root {}

/// The plugin is replaced or shut down. Not in `on_done`, which Envoy calls just before:
/// a callback that a module exports is entered for every request, too.
impl Drop for Root {
    fn drop(&mut self) {
        self.flush();
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

    /// Answers the requests whose bodies Envoy keeps to itself.
    fn answer_withheld(&mut self) {
        let Some(policy) = &self.policy else { return };
        for id in policy.watch.overdue(now()) {
            // What follows concerns that request, until this callback ends.
            if hostcalls::set_effective_context(id.0).is_err()
                || !policy.watch.is_withheld(id, received(&Envoy))
            {
                continue;
            }
            let rejection = Rejection::BodyWithheld;
            if !std::mem::replace(&mut self.told_withheld, true) {
                log(LogLevel::Error, &format!("bbr: {rejection}"));
            }
            Envoy.respond(rejection.status(), &[], &rejection.error_object().to_json());
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
        self.learning = settings.learn_adapters.then(|| Learning::new(settings.catalog.clone()));
        let metrics = Metrics::define(&settings, define_metric);
        self.policy = Some(Rc::new(Policy::new(settings, metrics, now())));
        let _ = hostcalls::set_tick_period(FLUSH_PERIOD);
        true
    }

    fn on_tick(&mut self) {
        if let Some(policy) = &self.policy {
            self.reporting.note(&policy.metrics);
        }
        self.flush();
        self.answer_withheld();
        if let Some(policy) = &self.policy {
            self.reporting.on_tick(&Envoy, &policy.settings.catalog);
        }
        if let (Some(learning), Some(policy)) = (&mut self.learning, &mut self.policy)
            && let Some(next) = learning.on_tick(&Envoy, policy)
        {
            *policy = next;
        }
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        let policy = self.policy.as_ref().map(Rc::clone)?;
        Some(Box::new(Stream(Request::new(Envoy, StreamId(id), policy))))
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

/// The request is over. Not in `on_log` or `on_done`: see [`Root`].
impl Drop for Stream {
    fn drop(&mut self) {
        self.0.on_done();
    }
}

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
}
