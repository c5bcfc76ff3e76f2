//! The process: its VMs, the passing of time, and what happens to them.

use std::rc::Rc;
use std::time::Duration;

use filter_host::{Answer, StreamId};
use shared::picker::Settings;
use shared::pools::Millis;

use super::{Headers, Host, PickerRequest, Server, TICK_MS, World, metric};
use crate::background::Background;
use crate::metrics::Metrics;
use crate::request::Request;
use crate::vm::Vm;

struct Text(u16, String);

impl Answer for Text {
    fn status(&self) -> Option<u16> {
        Some(self.0)
    }
    fn read_body(&self, each: &mut dyn FnMut(&[u8])) {
        self.1.as_bytes().chunks(11).for_each(each);
    }
}

pub(in crate::tests) struct Process {
    world: Rc<World>,
    vms: Vec<Option<(Rc<Vm>, Background<Host>)>>,
}

impl Process {
    pub(in crate::tests) fn new(config: &str, vms: usize) -> Self {
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

    pub(in crate::tests) fn run_for(&mut self, millis: u64) {
        for _ in 0..millis / TICK_MS {
            self.world.now.set(self.world.now.get() + TICK_MS);
            for (_, background) in self.vms.iter_mut().flatten() {
                background.on_tick();
            }
            self.answer_calls();
        }
    }

    /// What the clock says.
    pub(in crate::tests) fn now(&self) -> u64 {
        self.world.now.get()
    }

    /// The clock jumps.
    pub(in crate::tests) fn jump_to(&self, millis: u64) {
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
    pub(in crate::tests) fn gauge(&self, name: &str) -> Option<u64> {
        self.world.gauges.borrow().get(&metric(name).0).copied()
    }

    pub(in crate::tests) fn lose(&mut self, vm: usize) {
        self.vms[vm] = None;
    }

    pub(in crate::tests) fn holders(&self) -> Vec<usize> {
        let holds = |vm: &Option<(Rc<Vm>, Background<Host>)>| {
            vm.as_ref().is_some_and(|(_, b)| b.holds_lease())
        };
        (0..self.vms.len()).filter(|vm| holds(&self.vms[*vm])).collect()
    }

    pub(in crate::tests) fn vms_left(&self) -> Vec<usize> {
        (0..self.vms.len()).filter(|vm| self.vms[*vm].is_some()).collect()
    }

    fn vm(&self, vm: usize) -> &Rc<Vm> {
        self.vms[vm].as_ref().map(|(vm, _)| vm).expect("a living VM")
    }

    /// A request on a new stream with these headers.
    pub(in crate::tests) fn request(&self, vm: usize, headers: &[(&str, &str)]) -> PickerRequest {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        *self.world.headers.borrow_mut() = headers.collect();
        *self.world.answer.borrow_mut() = None;
        self.world.kept.borrow_mut().clear();
        let stream = StreamId(self.world.streams.get());
        self.world.streams.set(stream.0 + 1);
        let host = Host { world: Rc::clone(&self.world), vm, stream: Some(stream) };
        Request::new(host, stream, Rc::clone(self.vm(vm)))
    }

    pub(in crate::tests) fn serve(&self, endpoint: &str, server: Server) {
        self.world.servers.borrow_mut().insert(endpoint.to_owned(), server);
    }

    pub(in crate::tests) fn set_cluster(&self, cluster: &str) {
        *self.world.cluster.borrow_mut() = cluster.to_owned();
    }

    pub(in crate::tests) fn set_cluster_hosts(&self, hosts: &[&str]) {
        *self.world.hosts.borrow_mut() = Some(hosts.iter().map(|&host| host.to_owned()).collect());
    }

    pub(in crate::tests) fn break_admin(&self) {
        *self.world.hosts.borrow_mut() = None;
    }

    pub(in crate::tests) fn set_subset(&self, subset: &str) {
        *self.world.subset.borrow_mut() = Some(subset.to_owned());
    }

    /// What BBR told of the prompts of requests from here on.
    pub(in crate::tests) fn set_facts(&self, facts: &[u8]) {
        *self.world.facts.borrow_mut() = Some(facts.to_vec());
    }

    /// How often the host was asked for what BBR told.
    pub(in crate::tests) fn facts_asked(&self) -> usize {
        self.world.facts_asked.get()
    }

    pub(in crate::tests) fn set_attempts(&self, count: u64) {
        self.world.attempts.set(Some(count));
    }

    pub(in crate::tests) fn set_upstream(&self, endpoint: &str, status: &str) {
        *self.world.upstream.borrow_mut() = Some(endpoint.to_owned());
        self.world.response.borrow_mut().insert(":status".to_owned(), status.as_bytes().to_vec());
    }

    /// A piece of the response's body went to the client of the latest request.
    pub(in crate::tests) fn send_piece(&self) {
        self.world.answered.borrow_mut().insert(StreamId(self.world.streams.get() - 1));
    }

    /// How often requests asked for the time, and responses where they came from.
    pub(in crate::tests) fn looks(&self) -> (usize, usize) {
        (self.world.times_asked.get(), self.world.origins_asked.get())
    }

    /// How fast prompts are computed, as this VM saw it.
    pub(in crate::tests) fn speed(&self, vm: usize) -> Option<shared::scheduling::LearnedSpeed> {
        self.vm(vm).with_pool(0, |pool, _| pool.observed_speed()).expect("a pool")
    }

    /// Whether a VM can tell how long prompts take.
    pub(in crate::tests) fn has_learned(&self, vm: usize) -> bool {
        self.vm(vm).with_pool(0, |pool, _| pool.knows_speed()).expect("a pool")
    }

    /// Time passes between ticks.
    pub(in crate::tests) fn pass(&self, millis: u64) {
        self.world.now.set(self.world.now.get() + millis);
    }

    /// What the endpoint's answers say besides.
    pub(in crate::tests) fn set_response_header(&self, name: &str, value: &str) {
        self.world.response.borrow_mut().insert(name.to_owned(), value.as_bytes().to_vec());
    }

    /// What was kept for the access log.
    pub(in crate::tests) fn kept(&self, name: &str) -> Option<String> {
        self.world.kept.borrow().get(name).cloned()
    }

    pub(in crate::tests) fn header(&self, name: &str) -> Option<String> {
        let value = self.world.headers.borrow().get(name).cloned()?;
        Some(String::from_utf8(value).expect("text"))
    }

    pub(in crate::tests) fn response_header(&self, name: &str) -> Option<String> {
        let value = self.world.response.borrow().get(name).cloned()?;
        Some(String::from_utf8(value).expect("text"))
    }

    /// What the response says, once.
    pub(in crate::tests) fn take_response_header(&self, name: &str) -> Option<String> {
        let value = self.world.response.borrow_mut().remove(name)?;
        Some(String::from_utf8(value).expect("text"))
    }

    pub(in crate::tests) fn answer(&self) -> Option<(u16, Headers, serde_json::Value)> {
        self.world.answer.borrow().clone()
    }

    /// The page that was answered, once.
    pub(in crate::tests) fn page(&self) -> Option<(u16, Headers, Vec<u8>)> {
        self.world.page.borrow_mut().take()
    }

    pub(in crate::tests) fn set_route(&self, route: &str) {
        *self.world.route.borrow_mut() = Some(route.to_owned());
    }

    /// Another filter of the process shares something.
    pub(in crate::tests) fn share(&self, key: &str, value: Vec<u8>) {
        self.world.shared.borrow_mut().insert(key.to_owned(), (value, 1));
    }

    pub(in crate::tests) fn shared(&self, key: &str) -> Option<Vec<u8>> {
        self.world.shared.borrow().get(key).map(|(value, _)| value.clone())
    }

    pub(in crate::tests) fn waiting(&self, vm: usize) -> Vec<Option<u32>> {
        let waiting = |endpoint: &shared::scheduling::Endpoint| {
            endpoint.observation.as_ref().and_then(|o| o.waiting)
        };
        self.vm(vm)
            .with_pool(0, |pool, _| pool.endpoints().iter().map(waiting).collect())
            .expect("a pool")
    }

    pub(in crate::tests) fn in_flight(&self, vm: usize) -> u32 {
        self.in_flight_in(vm, 0)
    }

    pub(in crate::tests) fn in_flight_in(&self, vm: usize, pool: usize) -> u32 {
        self.vm(vm)
            .with_pool(pool, |pool, _| pool.endpoints().iter().map(|e| e.in_flight.total()).sum())
            .expect("a pool")
    }

    pub(in crate::tests) fn others_in_flight(&self, vm: usize) -> u32 {
        self.vm(vm)
            .with_pool(0, |pool, _| pool.endpoints().iter().map(|e| e.others_in_flight).sum())
            .expect("a pool")
    }

    pub(in crate::tests) fn trouble(&self, vm: usize) -> Vec<bool> {
        let now = Millis(self.world.now.get());
        let troubled =
            |e: &shared::scheduling::Endpoint| e.trouble.level(now, Duration::from_secs(10)) > 0.0;
        self.vm(vm)
            .with_pool(0, |pool, _| pool.endpoints().iter().map(troubled).collect())
            .expect("a pool")
    }

    pub(in crate::tests) fn scrapes(&self) -> usize {
        self.world.scrapes.get()
    }

    pub(in crate::tests) fn most_under_way(&self) -> usize {
        self.world.most_under_way.get()
    }

    pub(in crate::tests) fn warnings(&self) -> usize {
        self.world.warnings.get()
    }
}
