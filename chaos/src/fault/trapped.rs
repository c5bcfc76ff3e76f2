//! A VM traps. What its requests get is the failure policy's business; that nothing else
//! happens is ours.

use super::endpoints::{heal, strike};
use crate::evidence::Excuse;
use crate::outcome::{Outcome, Sent};
use crate::report::Row;
use crate::scene::{GOALS, LLAMA, Scene, Size, setup};
use crate::trap::{HEADERS, LARGE_ANSWER, MANY_HEADERS, Trap, arm};
use fastrand::Rng;
use gateway_tests::{Call, Client, Setup, Version};
use serde_json::json;
use serde_yaml_ng::Value;
use std::path::Path;
use std::time::Instant;

/// The header that decides routes, which the BBR filter takes from every client.
const BASE_MODEL: &str = "x-gateway-base-model-name";
/// Requests that trap, each on a connection of its own, so that every worker gets some.
const TRAPS: usize = 30;
/// Requests after which it must be clear what the policy makes of a trapped VM.
const SETTLED: usize = 60;

/// A filter, what its VM does when it is dead, and what requests get then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    filter: &'static str,
    policy: &'static str,
    after: After,
}

/// What requests get when every worker's VM has trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// 503 by Envoy.
    Refused,
    /// No model, so no route: 404.
    NoRoute,
    /// An answer without the picker's word.
    Unpicked,
    /// An answer as ever.
    Well,
}

/// All of them.
pub(crate) const CASES: [Case; 6] = [
    Case { filter: "bbr", policy: "FAIL_CLOSED", after: After::Refused },
    Case { filter: "bbr", policy: "FAIL_OPEN", after: After::NoRoute },
    Case { filter: "bbr", policy: "FAIL_RELOAD", after: After::Well },
    Case { filter: "picker", policy: "FAIL_CLOSED", after: After::Refused },
    Case { filter: "picker", policy: "FAIL_OPEN", after: After::Unpicked },
    Case { filter: "picker", policy: "FAIL_RELOAD", after: After::Well },
];

impl Case {
    /// What the table calls it.
    pub fn name(&self) -> String {
        let policy = self.policy.trim_start_matches("FAIL_").to_lowercase();
        format!("trap {} {policy}", self.filter)
    }
}

impl After {
    /// Whether a request got what it should.
    fn is(self, sent: &Sent) -> bool {
        let Outcome::Answered(told) = &sent.outcome else { return false };
        match self {
            Self::Refused => told.status == 503 && told.pod.is_none() && told.why.is_none(),
            Self::NoRoute => told.status == 404 && told.pod.is_none(),
            Self::Unpicked => told.status == 200 && told.pod.is_some() && told.why.is_none(),
            Self::Well => told.status == 200 && told.pod.is_some() && told.why.is_some(),
        }
    }
}

/// A setup whose filter traps.
fn armed(setup: Setup, filter: &str, policy: &str, trap: Trap, folder: &Path) -> Setup {
    let module = format!("{filter}-filter.wasm");
    let path = arm(&module, trap, folder).display().to_string();
    let ending = format!("/{module}");
    setup.edit(|value| rearm(value, &ending, &path, policy))
}

/// Changes every Wasm configuration whose code is this module.
fn rearm(value: &mut Value, ending: &str, path: &str, policy: &str) {
    let file = &value["vm_config"]["code"]["local"]["filename"];
    if file.as_str().is_some_and(|file| file.ends_with(ending)) {
        value["vm_config"]["code"]["local"]["filename"] = path.into();
        value["failure_policy"] = policy.into();
        return;
    }
    match value {
        Value::Mapping(mapping) => {
            mapping.values_mut().for_each(|value| rearm(value, ending, path, policy));
        }
        Value::Sequence(list) => {
            list.iter_mut().for_each(|value| rearm(value, ending, path, policy));
        }
        _ => {}
    }
}

/// A request that makes a filter trap.
fn trapping() -> Call {
    let body = json!({"model": GOALS[0].1, "prompt": "x", "max_tokens": 1}).to_string();
    let call = Call::json("/v1/completions?trap", body);
    (0..HEADERS).fold(call, |call, n| call.header(&format!("x-trap-{n}"), "1"))
}

pub(crate) async fn policy(case: Case, rng: &mut Rng, size: Size) -> Row {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (setup, admin) = setup().await;
    let setup = armed(setup, case.filter, case.policy, MANY_HEADERS, folder.path());
    let scene = Scene::start((setup, admin), size).await;
    let load = scene.load(rng);
    scene.calm(&load).await;
    // Streams of a dead VM end, some within their answers.
    let cut = |sent: &Sent| match &sent.outcome {
        Outcome::Broken(_) => true,
        Outcome::Answered(told) => told.status == 503,
        Outcome::GivenUp => false,
    };
    // One worker's filter is dead, the other's is not yet.
    let mut excuses = vec![Excuse::now(move |sent, _| cut(sent) || case.after.is(sent))];
    let mut trapped = 0;
    for n in 0..TRAPS {
        let mut client = Client::connect(scene.gateway.address(), Version::BOTH[n % 2]).await;
        let answer = client.try_send(trapping()).await;
        // Where nothing trapped any more the request is like any other.
        trapped += usize::from(answer.is_err() || answer.is_ok_and(|answer| answer.status != 200));
    }
    let from = load.ended();
    let recovery = scene
        .until(&format!("{:?} for all", case.after), || {
            load.look(from, |sent| {
                sent.len() >= SETTLED
                    && sent.iter().rev().take(SETTLED).all(|sent| case.after.is(sent))
            })
        })
        .await;
    // From here on every request gets that, and nothing else.
    excuses[0].over();
    let settled = Instant::now();
    excuses.push(Excuse::now(move |sent, seen| {
        matches!(case.after, After::Refused | After::NoRoute)
            && case.after.is(sent)
            && seen.is_empty()
    }));
    scene.through(&load).await;
    let other = load.look(0, |sent| {
        let later = sent.iter().filter(|sent| sent.began > settled);
        later.clone().find(|sent| !case.after.is(sent)).cloned()
    });
    let spoofed = scene.gateway.send(Call::get("/version").header(BASE_MODEL, GOALS[0].1)).await;
    let spoofs = spoofed.pod().is_some();
    let (judged, _) = scene.judge(load, &excuses).await;
    let recovery = (case.after == After::Well).then_some(recovery);
    let mut row = Row::new(judged, recovery).note(format!("{trapped} of {TRAPS} requests trapped"));
    let other = other.map(|sent| format!("expected {:?}: {sent:?}", case.after));
    // Where the BBR filter is bypassed nobody removes a client's own headers; and only there.
    let wrong = spoofs != (case.after == After::NoRoute);
    row.failure = other.or(wrong.then(|| format!("with a header of the client's: {spoofed:?}")));
    row
}

/// The VM that scrapes traps, and another one must take over.
pub(crate) async fn scraper(rng: &mut Rng, size: Size) -> Row {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (setup, admin) = setup().await;
    let setup = armed(setup, "picker", "FAIL_RELOAD", LARGE_ANSWER, folder.path());
    let scene = Scene::start((setup, admin), size).await;
    let load = scene.load(rng);
    scene.calm(&load).await;
    let scrapers = || {
        let log = scene.gateway.envoy().log();
        log.matches("this VM scrapes from now on").count()
    };
    // As docs/troubleshooting.md tells operators to look for it.
    let trap = ["Function: proxy_on_", " failed: Uncaught RuntimeError: unreachable"];
    let dead = || {
        let log = scene.gateway.envoy().log();
        log.lines().any(|line| trap.iter().all(|part| line.contains(part)))
    };
    let before = scrapers();
    let victim = rng.choice(scene.fleet.names(LLAMA)).expect("the pool has servers");
    strike(&scene, &victim, |faults| {
        (faults.metrics_garbage, faults.metrics_garbage_bytes) = (true, 12_000_000);
    });
    super::eventually("a trap", dead).await;
    heal(&scene, &victim);
    super::eventually("another VM that scrapes", || scrapers() > before).await;
    let ready = scene.until("refreshes by another VM", || scene.ready() == 3).await;
    scene.refreshed(10).await;
    scene.through(&load).await;
    // Had it been a worker's VM, its streams would have ended with it.
    let cut = Excuse::now(|_, _| false);
    let (judged, _) = scene.judge(load, &[cut]).await;
    Row::new(judged, ready).note(format!("{} VMs scraped, one after the other", scrapers()))
}
