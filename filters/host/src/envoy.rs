//! The host is Envoy: the only place that calls it.
//!
//! Goes through `proxy_wasm::hostcalls` and raw bytes. The SDK's trait methods
//! panic on header values that are not UTF-8 and on statuses they do not expect,
//! and a panic ends every stream of the thread.

use std::time::{Duration, UNIX_EPOCH};

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, BufferType, LogLevel, MapType, MetricType};

use crate::background::{Answer, BackgroundHost, CallId};
use crate::headers::Headers;
use crate::metric::{MetricId, MetricKind};
use crate::stream::{Flow, Refused, StreamHost, StreamId};

/// Envoy, as seen from a stream's callback.
#[derive(Debug, Clone, Copy)]
pub struct Envoy;

impl StreamHost for Envoy {
    fn headers(&self) -> Headers {
        request_headers().map(Headers::from_wire).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<Vec<u8>> {
        hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, name).ok().flatten()
    }

    fn set_header(&self, name: &str, value: &[u8]) {
        let _ = hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value));
    }

    fn remove_header(&self, name: &str) {
        let _ = hostcalls::remove_map_value(MapType::HttpRequestHeaders, name);
    }

    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        hostcalls::get_map_value_bytes(MapType::HttpResponseHeaders, name).ok().flatten()
    }

    fn set_response_header(&self, name: &str, value: &[u8]) {
        let _ = hostcalls::set_map_value_bytes(MapType::HttpResponseHeaders, name, Some(value));
    }

    fn remove_response_header(&self, name: &str) {
        let _ = hostcalls::remove_map_value(MapType::HttpResponseHeaders, name);
    }

    fn keep(&self, name: &str, value: &[u8]) {
        let _ = hostcalls::set_property(vec![name], Some(value));
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        hostcalls::get_property(path.to_vec()).ok().flatten()
    }

    fn body(&self, start: usize, len: usize) -> Option<Vec<u8>> {
        hostcalls::get_buffer(BufferType::HttpRequestBody, start, len).ok().flatten()
    }

    fn replace_body_start(&self, len: usize, bytes: &[u8]) -> Result<(), Refused> {
        hostcalls::set_buffer(BufferType::HttpRequestBody, 0, len, bytes).map_err(|_| Refused)
    }

    fn respond(&self, status: u16, headers: &[(&str, &str)], json: &[u8]) {
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/json"));
        self.respond_with(status, &headers, json);
    }

    fn respond_with(&self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let _ = hostcalls::send_http_response(status.into(), headers.to_vec(), Some(body));
    }

    fn shared_value(&self, key: &str) -> Option<Vec<u8>> {
        hostcalls::get_shared_data(key).ok()?.0
    }

    fn now(&self) -> Duration {
        now()
    }

    fn record(&self, histogram: MetricId, value: u64) {
        let _ = hostcalls::record_metric(histogram.0, value);
    }

    fn warn(&self, message: &str) {
        log(LogLevel::Warn, message);
    }
}

impl BackgroundHost for Envoy {
    fn now(&self) -> Duration {
        now()
    }

    fn shared(&self, key: &str) -> Option<(Vec<u8>, Option<u32>)> {
        let (value, cas) = hostcalls::get_shared_data(key).ok()?;
        Some((value?, cas))
    }

    fn share(&self, key: &str, value: &[u8], unless: Option<u32>) -> Result<(), Refused> {
        hostcalls::set_shared_data(key, Some(value), unless).map_err(|_| Refused)
    }

    fn get(&self, cluster: &str, headers: &[(&str, &str)], timeout: Duration) -> Option<CallId> {
        hostcalls::dispatch_http_call(cluster, headers.to_vec(), None, vec![], timeout)
            .ok()
            .map(CallId)
    }

    fn set(&self, gauge: MetricId, value: u64) {
        let _ = hostcalls::record_metric(gauge.0, value);
    }

    fn add(&self, counter: MetricId, amount: u64) {
        add_to_metric(counter, amount);
    }

    fn record(&self, histogram: MetricId, value: u64) {
        let _ = hostcalls::record_metric(histogram.0, value);
    }

    fn stream_has_answered(&self, stream: StreamId) -> bool {
        hostcalls::set_effective_context(stream.0).is_ok() && self.has_answered()
    }

    fn info(&self, message: &str) {
        log(LogLevel::Info, message);
    }

    fn warn(&self, message: &str) {
        log(LogLevel::Warn, message);
    }
}

/// The answer to a call, inside its callback.
#[derive(Debug, Clone, Copy)]
pub struct CallAnswer {
    /// The number of its headers, as the callback was told.
    pub headers: usize,
    /// The length of its body, as the callback was told.
    pub body: usize,
}

/// How much of an answer's body is copied into the VM at once.
const PIECE: usize = 32 << 10;

impl Answer for CallAnswer {
    fn status(&self) -> Option<u16> {
        // An answer that broke off or became too large has none, and the SDK panics when
        // it is asked for one of them.
        if self.headers == 0 {
            return None;
        }
        let status = hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status");
        str::from_utf8(&status.ok().flatten()?).ok()?.parse().ok()
    }

    fn read_body(&self, each: &mut dyn FnMut(&[u8])) {
        let mut start = 0;
        while start < self.body {
            let piece = hostcalls::get_buffer(BufferType::HttpCallResponseBody, start, PIECE);
            let Some(piece) = piece.ok().flatten().filter(|piece| !piece.is_empty()) else {
                return;
            };
            start = start.saturating_add(piece.len());
            each(&piece);
        }
    }
}

/// The request's headers, in Proxy-Wasm's form.
#[allow(unsafe_code, reason = "the SDK's safe call parses and allocates; see `Headers`")]
fn request_headers() -> Option<Vec<u8>> {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    }
    const OK: u32 = 0;
    let mut data = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: both pointers are to locals that outlive the call.
    let status = unsafe {
        proxy_get_header_map_pairs(MapType::HttpRequestHeaders as u32, &raw mut data, &raw mut size)
    };
    if status != OK || data.is_null() {
        return None;
    }
    // SAFETY: the host got `data` from `proxy_on_memory_allocate`, which the SDK makes
    // of a `Vec<u8>` with a capacity of exactly `size`, gave it away, and filled it.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// The time since 1970.
#[must_use]
pub fn now() -> Duration {
    hostcalls::get_current_time()
        .ok()
        .and_then(|now| now.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default()
}

/// Defines a metric, or finds the one of this name.
#[must_use]
pub fn define_metric(kind: MetricKind, name: &str) -> Option<MetricId> {
    let kind = match kind {
        MetricKind::Counter => MetricType::Counter,
        MetricKind::Gauge => MetricType::Gauge,
        MetricKind::Histogram => MetricType::Histogram,
    };
    hostcalls::define_metric(kind, name).ok().map(MetricId)
}

/// Adds to a counter; 0 adds nothing.
pub fn add_to_metric(counter: MetricId, amount: u64) {
    if let Ok(amount @ 1..) = i64::try_from(amount) {
        let _ = hostcalls::increment_metric(counter.0, amount);
    }
}

/// The plugin's configuration, as it was written.
#[must_use]
pub fn plugin_configuration() -> Vec<u8> {
    // The length is not needed: the host hands over what there is.
    hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX)
        .ok()
        .flatten()
        .unwrap_or_default()
}

/// Writes a line to the host's log.
pub fn log(level: LogLevel, message: &str) {
    let _ = hostcalls::log(level, message);
}

/// A flow as Proxy-Wasm's action.
#[must_use]
pub fn action(flow: Flow) -> Action {
    match flow {
        Flow::Continue => Action::Continue,
        Flow::Hold => Action::Pause,
    }
}
