//! The status page: answered here, for requests that lead to no pool.
//!
//! Invariant: who does not meet what the configuration requires learns nothing, not even
//! that there is a page: the request passes, as if there were none.

use std::hash::{BuildHasher, Hasher, RandomState};

use filter_host::{Flow, Headers, StreamHost};
use shared::lease::Record;
use shared::picker::{StatusResource, StatusSettings};
use shared::pools::Millis;
use shared::snapshot::{Workers, decode};
use shared::status::{
    BbrView, LeaseView, MAPPING_KEY, ModelMapping, OUTCOMES_KEY, Parts, View, WorkerReport,
};

use crate::vm::Vm;

/// The page; `{{nonce}}` stands for the nonce of its content security policy.
const PAGE: &str = include_str!("status/page.html");

const NONCE: &str = "{{nonce}}";

/// A report older than this is of a worker that is gone.
const REPORT_LIFE: std::time::Duration = std::time::Duration::from_secs(10);

/// Answers a request for the status page; any other passes.
pub(super) fn serve(host: &impl StreamHost, vm: &Vm, headers: &Headers) -> Flow {
    let Some(settings) = &vm.settings.status else { return Flow::Continue };
    let [path, method] = headers.first([":path", ":method"]);
    let Some(resource) = path.and_then(|path| settings.resource(path)) else {
        return Flow::Continue;
    };
    if !is_allowed(host, settings, headers) {
        return Flow::Continue;
    }
    match (method, resource) {
        (Some(b"GET" | b"HEAD"), StatusResource::Page) => page(host),
        (Some(b"GET" | b"HEAD"), StatusResource::Api) => {
            let json = view(host, vm, Millis::from(host.now())).to_json();
            host.respond_with(
                200,
                &[("content-type", "application/json"), NO_STORE, NO_SNIFF],
                &json,
            );
        }
        _ => host.respond_with(405, &[("allow", "GET, HEAD"), NO_STORE], b""),
    }
    Flow::Hold
}

const NO_STORE: (&str, &str) = ("cache-control", "no-store");
const NO_SNIFF: (&str, &str) = ("x-content-type-options", "nosniff");

fn is_allowed(host: &impl StreamHost, settings: &StatusSettings, headers: &Headers) -> bool {
    let header = settings.header.as_ref();
    let route = settings.route.as_ref();
    header.is_none_or(|required| required.is_met_by(headers.first([&required.name])[0]))
        && route.is_none_or(|route| {
            host.property(&["xds", "route_name"]).is_some_and(|name| name == route.as_bytes())
        })
}

fn page(host: &impl StreamHost) {
    let nonce = nonce();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", policy.as_str()),
        ("referrer-policy", "no-referrer"),
        NO_STORE,
        NO_SNIFF,
    ];
    host.respond_with(200, &headers, PAGE.replace(NONCE, &nonce).as_bytes());
}

/// 128 bits that nobody can foresee: the standard library's hasher is keyed by the host's
/// random numbers, and each one differs.
fn nonce() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

fn view(host: &impl StreamHost, vm: &Vm, now: Millis) -> View {
    let reports = reports(host, vm, now);
    let mapping: Option<ModelMapping> =
        host.shared_value(MAPPING_KEY).and_then(|bytes| decode(&bytes).ok());
    let outcomes = host.shared_value(OUTCOMES_KEY).and_then(|bytes| decode(&bytes).ok());
    let lease = host.shared_value(&vm.keys.lease());
    let lease = lease.and_then(|bytes| Record::from_bytes(&bytes));
    let parts = Parts::new(now, &reports, mapping.as_ref());
    let places = vm.settings.pools.iter().enumerate();
    let pools = places.filter_map(|(place, settings)| {
        vm.with_pool(place, |pool, _| parts.pool(place, settings, pool))
    });
    View {
        at: now.0,
        worker: View::worker_name(vm.token),
        lease: lease.and_then(|record| LeaseView::of(record, now)),
        workers: parts.workers(),
        pools: pools.collect(),
        decisions: parts.decisions(&vm.settings.pools),
        bbr: BbrView::of(mapping.as_ref(), outcomes),
    }
}

/// All workers' reports; this one's as of now.
fn reports(host: &impl StreamHost, vm: &Vm, now: Millis) -> Vec<(u64, WorkerReport)> {
    let workers = host.shared_value(&vm.keys.workers());
    let workers: Workers = workers.and_then(|bytes| decode(&bytes).ok()).unwrap_or_default();
    let others = workers.tokens.iter().filter(|token| **token != vm.token);
    let others = others.filter_map(|&token| {
        let report: WorkerReport = decode(&host.shared_value(&vm.keys.status(token))?).ok()?;
        (now.since(report.at) <= REPORT_LIFE).then_some((token, report))
    });
    let own = vm.status_report(now).map(|report| (vm.token, report));
    others.chain(own).collect()
}
