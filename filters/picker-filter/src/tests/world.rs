//! A process made of maps: VMs, shared data, servers, one stream at a time.

mod host;
mod process;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use filter_host::{CallId, MetricId, StreamId};

pub(super) use host::Host;
pub(super) use process::Process;

use crate::request::Request;

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
