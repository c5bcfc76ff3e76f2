//! A process made of maps: VMs, shared data, servers, one stream at a time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use filter_host::{Answer, BackgroundHost, CallId, MetricId, Refused, StreamHost, StreamId};
use shared::picker::{SUBSET_HEADER, Settings};
use shared::pools::Millis;
use shared::prompt::REQUEST_FACTS;

use crate::background::Background;
use crate::metrics::Metrics;
use crate::request::Request;
use crate::vm::Vm;

pub(super) type PickerRequest = Request<Host>;
type Headers = Vec<(String, String)>;

pub(super) const TICK_MS: u64 = 100;

/// How a server answers its scrapes.
#[derive(Clone)]
pub(super) enum Server {
    Page(String),
    /// Never; the host gives up at the call's timeout.
    Hangs,
}

pub(super) fn page(waiting: u32, running: u32, kv: f32) -> String {
    format!(
        "vllm:num_requests_waiting {waiting}\nvllm:num_requests_running {running}\nvllm:kv_cache_usage_perc {kv}\n"
    )
}

#[derive(Default)]
struct World {
    now: Cell<u64>,
    shared: RefCell<BTreeMap<String, (Vec<u8>, u32)>>,
    servers: RefCell<BTreeMap<String, Server>>,
    hosts: RefCell<Option<Vec<String>>>,
    /// Calls with the VM that made them, what they ask, and when they are given up.
    calls: RefCell<Vec<(usize, CallId, String, u64)>>,
    call_count: Cell<u32>,
    scrapes: Cell<usize>,
    most_under_way: Cell<usize>,
    warnings: Cell<usize>,
    cluster: RefCell<String>,
    subset: RefCell<Option<String>>,
    facts: RefCell<Option<Vec<u8>>>,
    facts_asked: Cell<usize>,
    upstream: RefCell<Option<String>>,
    attempts: Cell<Option<u64>>,
    headers: RefCell<BTreeMap<String, Vec<u8>>>,
    response: RefCell<BTreeMap<String, Vec<u8>>>,
    kept: RefCell<BTreeMap<String, String>>,
    answer: RefCell<Option<(u16, Headers, serde_json::Value)>>,
    page: RefCell<Option<(u16, Headers, Vec<u8>)>>,
    streams: Cell<u32>,
    /// The streams whose clients have some of the response's body.
    answered: RefCell<BTreeSet<StreamId>>,
    origins_asked: Cell<usize>,
    times_asked: Cell<usize>,
    route: RefCell<Option<String>>,
    gauges: RefCell<BTreeMap<u32, u64>>,
}

/// The number of a metric: the same for the same name (FNV-1a).
fn metric(name: &str) -> MetricId {
    let mix = |id: u32, byte| (id ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    MetricId(name.bytes().fold(0x811c_9dc5, mix))
}

#[derive(Clone)]
pub(super) struct Host {
    world: Rc<World>,
    vm: usize,
    stream: Option<StreamId>,
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
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let json = serde_json::from_slice(json).expect("answers are JSON");
        *self.world.answer.borrow_mut() = Some((status, headers, json));
    }
    fn respond_with(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        *self.world.page.borrow_mut() = Some((status, headers, body.to_vec()));
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

struct Text(u16, String);

impl Answer for Text {
    fn status(&self) -> Option<u16> {
        Some(self.0)
    }
    fn read_body(&self, each: &mut dyn FnMut(&[u8])) {
        self.1.as_bytes().chunks(11).for_each(each);
    }
}

pub(super) struct Process {
    world: Rc<World>,
    vms: Vec<Option<(Rc<Vm>, Background<Host>)>>,
}

impl Process {
    pub(super) fn new(config: &str, vms: usize) -> Self {
        let world = Rc::new(World::default());
        world.now.set(1_000_000);
        *world.cluster.borrow_mut() = "p".to_owned();
        let vm = |n: usize| {
            let settings = Settings::from_json(config.as_bytes()).expect("a configuration");
            let token = 0x9e37_79b9 * (n as u64 + 1);
            let vm = Rc::new(Vm::new(settings, config.as_bytes(), Metrics::default(), token));
            let host = Host { world: Rc::clone(&world), vm: n, stream: None };
            Some((Rc::clone(&vm), Background::new(host, vm, |_, name| Some(metric(name)))))
        };
        let vms = (0..vms).map(vm).collect();
        Self { world, vms }
    }

    pub(super) fn run_for(&mut self, millis: u64) {
        for _ in 0..millis / TICK_MS {
            self.world.now.set(self.world.now.get() + TICK_MS);
            for (_, background) in self.vms.iter_mut().flatten() {
                background.on_tick();
            }
            self.answer_calls();
        }
    }

    /// What the clock says.
    pub(super) fn now(&self) -> u64 {
        self.world.now.get()
    }

    /// The clock jumps.
    pub(super) fn jump_to(&self, millis: u64) {
        self.world.now.set(millis);
    }

    fn answer_calls(&mut self) {
        let now = self.world.now.get();
        let calls = std::mem::take(&mut *self.world.calls.borrow_mut());
        for (vm, id, asked, until) in calls {
            let server = self.world.servers.borrow().get(&asked).cloned();
            let answer = match server {
                Some(Server::Page(page)) => Text(200, page),
                Some(Server::Hangs) if now < until => {
                    self.world.calls.borrow_mut().push((vm, id, asked, until));
                    continue;
                }
                Some(Server::Hangs) => Text(504, String::new()),
                None if asked == "admin" => self.clusters(),
                None => Text(503, String::new()),
            };
            if let Some((_, background)) = &mut self.vms[vm] {
                background.on_answer(id, &answer);
            }
        }
    }

    fn clusters(&self) -> Text {
        let hosts = self.world.hosts.borrow();
        let Some(hosts) = hosts.as_ref() else { return Text(503, String::new()) };
        let hosts: Vec<_> = hosts
            .iter()
            .map(|host| {
                let (address, port) = host.rsplit_once(':').expect("a port");
                format!(r#"{{"address":{{"socket_address":{{"address":"{address}","port_value":{port}}}}}}}"#)
            })
            .collect();
        Text(
            200,
            format!(
                r#"{{"cluster_statuses":[{{"name":"p","host_statuses":[{}]}}]}}"#,
                hosts.join(",")
            ),
        )
    }

    /// What a gauge was set to last.
    pub(super) fn gauge(&self, name: &str) -> Option<u64> {
        self.world.gauges.borrow().get(&metric(name).0).copied()
    }

    pub(super) fn lose(&mut self, vm: usize) {
        self.vms[vm] = None;
    }

    pub(super) fn holders(&self) -> Vec<usize> {
        let holds = |vm: &Option<(Rc<Vm>, Background<Host>)>| {
            vm.as_ref().is_some_and(|(_, b)| b.holds_lease())
        };
        (0..self.vms.len()).filter(|vm| holds(&self.vms[*vm])).collect()
    }

    pub(super) fn vms_left(&self) -> Vec<usize> {
        (0..self.vms.len()).filter(|vm| self.vms[*vm].is_some()).collect()
    }

    fn vm(&self, vm: usize) -> &Rc<Vm> {
        self.vms[vm].as_ref().map(|(vm, _)| vm).expect("a living VM")
    }

    /// A request on a new stream with these headers.
    pub(super) fn request(&self, vm: usize, headers: &[(&str, &str)]) -> PickerRequest {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        *self.world.headers.borrow_mut() = headers.collect();
        *self.world.answer.borrow_mut() = None;
        self.world.kept.borrow_mut().clear();
        let stream = StreamId(self.world.streams.get());
        self.world.streams.set(stream.0 + 1);
        let host = Host { world: Rc::clone(&self.world), vm, stream: Some(stream) };
        Request::new(host, stream, Rc::clone(self.vm(vm)))
    }

    pub(super) fn serve(&self, endpoint: &str, server: Server) {
        self.world.servers.borrow_mut().insert(endpoint.to_owned(), server);
    }

    pub(super) fn set_cluster(&self, cluster: &str) {
        *self.world.cluster.borrow_mut() = cluster.to_owned();
    }

    pub(super) fn set_cluster_hosts(&self, hosts: &[&str]) {
        *self.world.hosts.borrow_mut() = Some(hosts.iter().map(|&host| host.to_owned()).collect());
    }

    pub(super) fn break_admin(&self) {
        *self.world.hosts.borrow_mut() = None;
    }

    pub(super) fn set_subset(&self, subset: &str) {
        *self.world.subset.borrow_mut() = Some(subset.to_owned());
    }

    /// What BBR told of the prompts of requests from here on.
    pub(super) fn set_facts(&self, facts: &[u8]) {
        *self.world.facts.borrow_mut() = Some(facts.to_vec());
    }

    /// How often the host was asked for what BBR told.
    pub(super) fn facts_asked(&self) -> usize {
        self.world.facts_asked.get()
    }

    pub(super) fn set_attempts(&self, count: u64) {
        self.world.attempts.set(Some(count));
    }

    pub(super) fn set_upstream(&self, endpoint: &str, status: &str) {
        *self.world.upstream.borrow_mut() = Some(endpoint.to_owned());
        self.world.response.borrow_mut().insert(":status".to_owned(), status.as_bytes().to_vec());
    }

    /// A piece of the response's body went to the client of the latest request.
    pub(super) fn send_piece(&self) {
        self.world.answered.borrow_mut().insert(StreamId(self.world.streams.get() - 1));
    }

    /// How often requests asked for the time, and responses where they came from.
    pub(super) fn looks(&self) -> (usize, usize) {
        (self.world.times_asked.get(), self.world.origins_asked.get())
    }

    /// How fast prompts are computed, as this VM saw it.
    pub(super) fn speed(&self, vm: usize) -> Option<shared::scheduling::LearnedSpeed> {
        self.vm(vm).with_pool(0, |pool, _| pool.observed_speed()).expect("a pool")
    }

    /// Whether a VM can tell how long prompts take.
    pub(super) fn has_learned(&self, vm: usize) -> bool {
        self.vm(vm).with_pool(0, |pool, _| pool.knows_speed()).expect("a pool")
    }

    /// Time passes between ticks.
    pub(super) fn pass(&self, millis: u64) {
        self.world.now.set(self.world.now.get() + millis);
    }

    /// What the endpoint's answers say besides.
    pub(super) fn set_response_header(&self, name: &str, value: &str) {
        self.world.response.borrow_mut().insert(name.to_owned(), value.as_bytes().to_vec());
    }

    /// What was kept for the access log.
    pub(super) fn kept(&self, name: &str) -> Option<String> {
        self.world.kept.borrow().get(name).cloned()
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.world.headers.borrow().get(name).cloned()?;
        Some(String::from_utf8(value).expect("text"))
    }

    pub(super) fn response_header(&self, name: &str) -> Option<String> {
        let value = self.world.response.borrow().get(name).cloned()?;
        Some(String::from_utf8(value).expect("text"))
    }

    /// What the response says, once.
    pub(super) fn take_response_header(&self, name: &str) -> Option<String> {
        let value = self.world.response.borrow_mut().remove(name)?;
        Some(String::from_utf8(value).expect("text"))
    }

    pub(super) fn answer(&self) -> Option<(u16, Headers, serde_json::Value)> {
        self.world.answer.borrow().clone()
    }

    /// The page that was answered, once.
    pub(super) fn page(&self) -> Option<(u16, Headers, Vec<u8>)> {
        self.world.page.borrow_mut().take()
    }

    pub(super) fn set_route(&self, route: &str) {
        *self.world.route.borrow_mut() = Some(route.to_owned());
    }

    /// Another filter of the process shares something.
    pub(super) fn share(&self, key: &str, value: Vec<u8>) {
        self.world.shared.borrow_mut().insert(key.to_owned(), (value, 1));
    }

    pub(super) fn shared(&self, key: &str) -> Option<Vec<u8>> {
        self.world.shared.borrow().get(key).map(|(value, _)| value.clone())
    }

    pub(super) fn waiting(&self, vm: usize) -> Vec<Option<u32>> {
        let waiting = |endpoint: &shared::scheduling::Endpoint| {
            endpoint.observation.as_ref().and_then(|o| o.waiting)
        };
        self.vm(vm)
            .with_pool(0, |pool, _| pool.endpoints().iter().map(waiting).collect())
            .expect("a pool")
    }

    pub(super) fn in_flight(&self, vm: usize) -> u32 {
        self.in_flight_in(vm, 0)
    }

    pub(super) fn in_flight_in(&self, vm: usize, pool: usize) -> u32 {
        self.vm(vm)
            .with_pool(pool, |pool, _| pool.endpoints().iter().map(|e| e.in_flight.total()).sum())
            .expect("a pool")
    }

    pub(super) fn others_in_flight(&self, vm: usize) -> u32 {
        self.vm(vm)
            .with_pool(0, |pool, _| pool.endpoints().iter().map(|e| e.others_in_flight).sum())
            .expect("a pool")
    }

    pub(super) fn trouble(&self, vm: usize) -> Vec<bool> {
        let now = Millis(self.world.now.get());
        let troubled =
            |e: &shared::scheduling::Endpoint| e.trouble.level(now, Duration::from_secs(10)) > 0.0;
        self.vm(vm)
            .with_pool(0, |pool, _| pool.endpoints().iter().map(troubled).collect())
            .expect("a pool")
    }

    pub(super) fn scrapes(&self) -> usize {
        self.world.scrapes.get()
    }

    pub(super) fn most_under_way(&self) -> usize {
        self.world.most_under_way.get()
    }

    pub(super) fn warnings(&self) -> usize {
        self.world.warnings.get()
    }
}
