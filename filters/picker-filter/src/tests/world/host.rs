//! What the filter calls Envoy for, answered from the maps.

use std::rc::Rc;
use std::time::Duration;

use filter_host::{BackgroundHost, CallId, MetricId, Refused, StreamHost, StreamId};
use shared::picker::SUBSET_HEADER;
use shared::prompt::REQUEST_FACTS;

use super::{Headers, World};

#[derive(Clone)]
pub(in crate::tests) struct Host {
    pub(super) world: Rc<World>,
    pub(super) vm: usize,
    pub(super) stream: Option<StreamId>,
}

fn owned(headers: &[(&str, &str)]) -> Headers {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl BackgroundHost for Host {
    fn now(&self) -> Duration {
        Duration::from_millis(self.world.now.get())
    }
    fn shared(&self, key: &str) -> Option<(Vec<u8>, Option<u32>)> {
        let shared = self.world.shared.borrow();
        shared
            .get(key)
            .filter(|(value, _)| !value.is_empty())
            .map(|(value, cas)| (value.clone(), Some(*cas)))
    }
    fn share(&self, key: &str, value: &[u8], unless: Option<u32>) -> Result<(), Refused> {
        let mut shared = self.world.shared.borrow_mut();
        let cas = shared.get(key).map(|(_, cas)| *cas);
        if let (Some(unless), Some(cas)) = (unless, cas)
            && unless != cas
        {
            return Err(Refused);
        }
        shared.insert(key.to_owned(), (value.to_vec(), cas.unwrap_or(0) + 1));
        Ok(())
    }
    fn get(&self, cluster: &str, headers: &[(&str, &str)], timeout: Duration) -> Option<CallId> {
        let world = &self.world;
        let destination = headers.iter().find(|(name, _)| *name == "x-envoy-original-dst-host");
        let asked = destination.map_or(cluster, |(_, value)| *value).to_owned();
        let id = CallId(world.call_count.get() + 1);
        world.call_count.set(id.0);
        let until = world.now.get() + u64::try_from(timeout.as_millis()).expect("short");
        world.calls.borrow_mut().push((self.vm, id, asked, until));
        world.scrapes.set(world.scrapes.get() + usize::from(destination.is_some()));
        world.most_under_way.set(world.most_under_way.get().max(world.calls.borrow().len()));
        Some(id)
    }
    fn set(&self, gauge: MetricId, value: u64) {
        self.world.gauges.borrow_mut().insert(gauge.0, value);
    }
    fn add(&self, _: MetricId, _: u64) {}
    fn record(&self, _: MetricId, _: u64) {}
    fn stream_has_answered(&self, stream: StreamId) -> bool {
        self.world.answered.borrow().contains(&stream)
    }
    fn info(&self, _: &str) {}
    fn warn(&self, _: &str) {
        self.world.warnings.set(self.world.warnings.get() + 1);
    }
}

impl StreamHost for Host {
    fn headers(&self) -> filter_host::Headers {
        let headers = self.world.headers.borrow();
        headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.world.headers.borrow().get(name).cloned()
    }
    fn set_header(&self, name: &str, value: &[u8]) {
        self.world.headers.borrow_mut().insert(name.to_owned(), value.to_vec());
    }
    fn remove_header(&self, name: &str) {
        self.world.headers.borrow_mut().remove(name);
    }
    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        self.world.response.borrow().get(name).cloned()
    }
    fn set_response_header(&self, name: &str, value: &[u8]) {
        self.world.response.borrow_mut().insert(name.to_owned(), value.to_vec());
    }
    fn remove_response_header(&self, name: &str) {
        self.world.response.borrow_mut().remove(name);
    }
    fn keep(&self, name: &str, value: &[u8]) {
        let value = String::from_utf8(value.to_vec()).expect("text");
        self.world.kept.borrow_mut().insert(name.to_owned(), value);
    }
    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        let value = match path {
            ["xds", "cluster_name"] => Some(self.world.cluster.borrow().clone()),
            ["upstream", "address"] => {
                self.world.origins_asked.set(self.world.origins_asked.get() + 1);
                self.world.upstream.borrow().clone()
            }
            ["upstream", "request_attempt_count"] => {
                return self.world.attempts.get().map(|count| count.to_le_bytes().to_vec());
            }
            ["response", "size"] => {
                let answered = self.stream.is_some_and(|id| self.stream_has_answered(id));
                return Some(u64::from(answered).to_le_bytes().to_vec());
            }
            [REQUEST_FACTS] => {
                self.world.facts_asked.set(self.world.facts_asked.get() + 1);
                return self.world.facts.borrow().clone();
            }
            ["xds", "route_name"] => self.world.route.borrow().clone(),
            [.., SUBSET_HEADER] => self.world.subset.borrow().clone(),
            _ => None,
        };
        value.map(String::into_bytes)
    }
    fn body(&self, _: usize, _: usize) -> Option<Vec<u8>> {
        None
    }
    fn replace_body_start(&self, _: usize, _: &[u8]) -> Result<(), Refused> {
        Err(Refused)
    }
    fn respond(&self, status: u16, headers: &[(&str, &str)], json: &[u8]) {
        let json = serde_json::from_slice(json).expect("answers are JSON");
        *self.world.answer.borrow_mut() = Some((status, owned(headers), json));
    }
    fn respond_with(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        *self.world.page.borrow_mut() = Some((status, owned(headers), body.to_vec()));
    }
    fn shared_value(&self, key: &str) -> Option<Vec<u8>> {
        self.shared(key).map(|(value, _)| value)
    }
    fn now(&self) -> Duration {
        self.world.times_asked.set(self.world.times_asked.get() + 1);
        BackgroundHost::now(self)
    }
    fn record(&self, _: MetricId, _: u64) {}
    fn warn(&self, _: &str) {}
}
