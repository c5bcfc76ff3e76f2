//! A host made of a map and a buffer, and one request's exchange with it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use filter_host::{Flow, Headers, MetricId, Refused, StreamHost, StreamId};
use shared::bbr::Settings;
use shared::prompt::{REQUEST_FACTS, RequestFacts};

use crate::metrics::Metrics;
use crate::policy::Policy;
use crate::request::Request;

/// What a request did to its host.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) headers: BTreeMap<String, Vec<u8>>,
    held: Vec<u8>,
    upstream: Vec<u8>,
    pub(super) answer: Option<(u16, serde_json::Value)>,
    kept: BTreeMap<String, Vec<u8>>,
    metrics: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) body_is_lost: bool,
}

/// Holds and releases a body as Envoy does.
pub(super) struct Fake {
    world: Rc<RefCell<World>>,
    names: Rc<Vec<String>>,
}

impl StreamHost for Fake {
    fn headers(&self) -> Headers {
        let world = self.world.borrow();
        world.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.world.borrow().headers.get(name).cloned()
    }
    fn set_header(&self, name: &str, value: &[u8]) {
        self.world.borrow_mut().headers.insert(name.to_owned(), value.to_vec());
    }
    fn remove_header(&self, name: &str) {
        self.world.borrow_mut().headers.remove(name);
    }
    fn response_header(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn set_response_header(&self, _: &str, _: &[u8]) {}
    fn remove_response_header(&self, _: &str) {}
    fn keep(&self, name: &str, value: &[u8]) {
        self.world.borrow_mut().kept.insert(name.to_owned(), value.to_vec());
    }
    fn property(&self, _: &[&str]) -> Option<Vec<u8>> {
        None
    }
    fn body(&self, start: usize, len: usize) -> Option<Vec<u8>> {
        let world = self.world.borrow();
        let held = world.held.get(start..)?;
        (!world.body_is_lost).then(|| held[..len.min(held.len())].to_vec())
    }
    fn replace_body_start(&self, len: usize, bytes: &[u8]) -> Result<(), Refused> {
        self.world.borrow_mut().held.splice(..len, bytes.iter().copied());
        Ok(())
    }
    fn respond_with(&self, _: u16, _: &[(&str, &str)], _: &[u8]) {}
    fn shared_value(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn respond(&self, status: u16, _: &[(&str, &str)], json: &[u8]) {
        let json = serde_json::from_slice(json).expect("answers are JSON");
        self.world.borrow_mut().answer = Some((status, json));
    }
    fn now(&self) -> Duration {
        Duration::from_secs(7)
    }
    fn record(&self, histogram: MetricId, value: u64) {
        let name = format!("{}={value}", self.names[histogram.0 as usize]);
        self.world.borrow_mut().metrics.push(name);
    }
    fn warn(&self, message: &str) {
        self.world.borrow_mut().warnings.push(message.to_owned());
    }
}

pub(super) struct Exchange {
    pub(super) world: Rc<RefCell<World>>,
    policy: Rc<Policy>,
    names: Rc<Vec<String>>,
    pub(super) request: Request<Fake>,
    released: bool,
}

const CONFIG: &str = r#"{"baseModels":[{"name":"base","adapters":["lora"]}],"serveModels":true,
    "maxBodyBytes":200,"modelRewrites":[{"model":"alias","targets":[{"model":"lora"}]}]"#;

impl Exchange {
    pub(super) fn new(more: &str, headers: &[(&str, &str)]) -> Self {
        let config = format!("{CONFIG}{more}}}");
        let settings = Settings::from_json(config.as_bytes()).expect("a configuration");
        let mut names = Vec::new();
        let metrics = Metrics::define(&settings, |_, name| {
            names.push(name.to_owned());
            u32::try_from(names.len() - 1).ok().map(MetricId)
        });
        let world = Rc::new(RefCell::new(World::default()));
        for (name, value) in headers {
            world.borrow_mut().headers.insert((*name).to_owned(), value.as_bytes().to_vec());
        }
        let names = Rc::new(names);
        let host = Fake { world: Rc::clone(&world), names: Rc::clone(&names) };
        let policy = Rc::new(Policy::new(settings, metrics, Duration::from_secs(5)));
        let request = Request::new(host, StreamId(1), Rc::clone(&policy));
        Self { world, policy, names, request, released: false }
    }

    pub(super) fn post(more: &str) -> Self {
        let headers = [
            (":method", "POST"),
            (":path", "/v1/chat/completions"),
            ("content-type", "application/json"),
            ("x-request-id", "id-1"),
            ("x-gateway-model-name", "spoofed"),
            ("x-gateway-base-model-name", "spoofed"),
        ];
        let mut exchange = Self::new(more, &headers);
        assert_eq!(exchange.request.on_headers(false), Flow::Hold);
        exchange
    }

    /// Shows the filter a part of the body as Envoy does, and moves on what it lets go.
    pub(super) fn body(&mut self, part: &str, end: bool) -> Flow {
        self.world.borrow_mut().held.extend_from_slice(part.as_bytes());
        let size = self.world.borrow().held.len();
        let flow = self.request.on_body(size, end);
        self.settle(flow);
        flow
    }

    pub(super) fn settle(&mut self, flow: Flow) {
        let mut world = self.world.borrow_mut();
        if flow == Flow::Continue {
            self.released = true;
            let held = std::mem::take(&mut world.held);
            world.upstream.extend(held);
        } else if self.released {
            // Only an answer stops what streams already.
            assert!(world.answer.is_some());
            world.held.clear();
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.world.borrow().headers.get(name).cloned()?;
        Some(String::from_utf8(value).expect("text"))
    }

    pub(super) fn routed(&self) -> (Option<String>, Option<String>) {
        (self.header("x-gateway-model-name"), self.header("x-gateway-base-model-name"))
    }

    pub(super) fn upstream(&self) -> String {
        String::from_utf8(self.world.borrow().upstream.clone()).expect("text")
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.world.borrow().answer.as_ref().map(|(status, _)| *status)
    }

    /// What the filters behind are told of the prompt.
    pub(super) fn facts(&self) -> Option<RequestFacts> {
        let world = self.world.borrow();
        world.kept.get(REQUEST_FACTS).map(|facts| RequestFacts::decode(facts).expect("facts"))
    }

    /// The metrics so far: counters by name, histograms with their value.
    pub(super) fn metrics(&self) -> Vec<String> {
        self.policy.metrics.flush(|id, amount| {
            let name = self.names[id.0 as usize].clone();
            let counted = (0..amount).map(|_| name.clone());
            self.world.borrow_mut().metrics.extend(counted);
        });
        self.world.borrow().metrics.clone()
    }

    pub(super) fn outcomes(&self) -> Vec<String> {
        let metrics = self.metrics();
        let outcomes = metrics.iter().filter_map(|m| m.strip_prefix("igw_bbr_requests.outcome."));
        outcomes.map(str::to_owned).collect()
    }
}
