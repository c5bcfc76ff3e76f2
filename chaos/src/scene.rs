//! A gateway with its model servers, and what is asked of it again and again: load, a
//! number of refreshes, quiet.
//!
//! Invariant: what is waited for is counted in the picker's own refreshes of a pool, so a
//! machine that is slow waits longer and fails nothing.

use crate::admin::Admin;
use crate::evidence::{Excuse, Judgement};
use crate::fleet::Fleet;
use crate::load::{Goal, Load};
use fastrand::Rng;
use gateway_tests::{Gateway, Setup};
use std::time::Duration;
use tokio::task::block_in_place;
use tokio::time::sleep;

/// The pool that faults hit: three servers.
pub(crate) const LLAMA: &str = "vllm-llama3-8b-instruct";
/// A pool beside it: two servers.
pub(crate) const PHI: &str = "vllm-phi4-mini-instruct";
/// Where load goes.
pub(crate) const GOALS: [Goal; 3] = [
    (LLAMA, "meta-llama/Llama-3.1-8B-Instruct"),
    (LLAMA, "food-review-1"),
    (PHI, "microsoft/Phi-4-mini-instruct"),
];

/// Clients at once.
const CLIENTS: usize = 12;
/// Refreshes after which what did not recover never will: 80 s on an idle machine, where
/// a dead endpoint is looked for every 5 s, and half of a failure is forgotten after 10 s.
pub(crate) const RECOVERY: u64 = 400;
/// Refreshes within which the picker's gauges are set anew, every second, and then some.
const GAUGES: u64 = 6;
/// Between two looks at metrics.
const LOOK: Duration = Duration::from_millis(30);
/// Looks after which what is still in flight stays so: a minute on an idle machine.
const LOOKS: usize = 1_000;
/// The simulated GPU's speed: a request takes some 10 ms.
const TIME_SCALE: f64 = 0.2;

/// How much is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// As much as shows that all is there.
    Quick,
    /// As much as shows what is rare.
    #[default]
    Full,
}

impl Size {
    fn of(self, quick: usize, full: usize) -> usize {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }

    /// Requests before and after a fault, without which nothing would show that all was
    /// well.
    fn calm(self) -> usize {
        self.of(60, 200)
    }

    /// Requests during a fault.
    pub fn during(self) -> usize {
        self.of(150, 600)
    }

    /// Replacements of a part of the configuration.
    pub fn swaps(self) -> usize {
        self.of(40, 100)
    }

    /// Jumps of the clock.
    pub fn jumps(self) -> usize {
        self.of(5, 12)
    }
}

/// A running gateway under chaos.
pub(crate) struct Scene {
    pub size: Size,
    pub gateway: Gateway,
    pub fleet: Fleet,
    pub admin: Admin,
}

/// The guides' gateway with two of its pools, whose way to the admin interface is the
/// scene's.
pub(crate) async fn setup() -> (Setup, Admin) {
    let admin = Admin::start().await;
    let port = admin.port();
    let setup = Setup::guides().picker_only(&[LLAMA, PHI]).time_scale(TIME_SCALE);
    let setup = setup.cluster("envoy_admin", |cluster| {
        let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0];
        endpoint["endpoint"]["address"]["socket_address"]["port_value"] = port.into();
    });
    (setup, admin)
}

impl Scene {
    /// Starts it and waits until the picker knows all servers.
    pub async fn start((setup, admin): (Setup, Admin), size: Size) -> Self {
        let mut gateway = Gateway::start(setup).await;
        admin.lead_to(gateway.envoy().admin_address());
        let fleet = Fleet::new(gateway.take_servers());
        gateway.wait_for_scrapes(LLAMA, 3).await;
        gateway.wait_for_scrapes(PHI, 2).await;
        Self { size, gateway, fleet, admin }
    }

    /// Starts load on both pools.
    pub fn load(&self, rng: &mut Rng) -> Load {
        Load::start(self.gateway.address(), &GOALS, CLIENTS, rng)
    }

    /// Lets load pass without a fault, or after it.
    pub async fn calm(&self, load: &Load) {
        load.more(self.size.calm()).await;
    }

    /// Lets load pass through a fault.
    pub async fn through(&self, load: &Load) {
        load.more(self.size.during()).await;
    }

    /// How often each endpoint of the faulty pool was scraped so far, with whatever success.
    pub fn refreshes(&self) -> u64 {
        self.scraped("scrapes") + self.scraped("scrape_failures")
    }

    fn scraped(&self, what: &str) -> u64 {
        let servers = 3;
        let metric = |pool| self.metric(&format!("wasmcustom.igw_picker_{what}.pool.{pool}"));
        metric(LLAMA) / servers
    }

    /// A counter or gauge of Envoy's.
    pub fn metric(&self, name: &str) -> u64 {
        block_in_place(|| self.gateway.counter(name))
    }

    /// Waits until something holds, which refreshes bring about; how many it took.
    ///
    /// # Panics
    /// It does not come about within [`RECOVERY`] refreshes.
    pub async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) -> u64 {
        let before = self.refreshes();
        loop {
            if holds() {
                return self.refreshes().saturating_sub(before);
            }
            let waited = self.refreshes().saturating_sub(before);
            assert!(waited < RECOVERY, "not within {waited} refreshes: {what}");
            sleep(LOOK).await;
        }
    }

    /// Waits for so many successful refreshes of the faulty pool.
    pub async fn refreshed(&self, times: u64) {
        let goal = self.scraped("scrapes") + times;
        self.until("refreshes", || self.scraped("scrapes") >= goal).await;
    }

    /// How many endpoints of the faulty pool the picker takes for ready.
    pub fn ready(&self) -> u64 {
        self.metric(&format!("wasmcustom.igw_picker_ready_endpoints.pool.{LLAMA}"))
    }

    /// Where something of a request is left: by Envoy's count, by the picker's, and at the
    /// servers.
    fn left(&self) -> Vec<String> {
        let gauges = |pool| {
            let gauges = self.gateway.picker_metric("endpoint_in_flight", ("igw_pool", pool));
            gauges.into_iter().map(move |(endpoint, n)| (format!("{pool} {endpoint}"), n))
        };
        let gauges =
            block_in_place(|| [LLAMA, PHI].into_iter().flat_map(gauges).collect::<Vec<_>>());
        let active = [LLAMA, PHI].map(|pool| format!("cluster.{pool}.upstream_rq_active"));
        let active = active.into_iter().chain(["http.gateway.downstream_rq_active".to_owned()]);
        let active = active.map(|name| {
            let count = self.metric(&name);
            (name, count)
        });
        let servers = ("at the servers".to_owned(), self.fleet.busy() as u64);
        let all = gauges.into_iter().chain(active).chain([servers]);
        all.filter(|(_, n)| *n > 0).map(|(place, n)| format!("{place}: {n}")).collect()
    }

    /// Ends a load, waits until nothing of it is left, and judges it.
    pub async fn judge(&self, load: Load, excuses: &[Excuse]) -> (Judgement, u64) {
        let sent = load.stop().await;
        // The gauges are of the last second.
        self.refreshed(GAUGES).await;
        let mut left = Vec::new();
        let before = self.refreshes();
        for _ in 0..LOOKS {
            left = self.left();
            if left.is_empty() {
                break;
            }
            sleep(LOOK).await;
        }
        let refreshes = self.refreshes().saturating_sub(before);
        assert!(left.is_empty(), "after {refreshes} refreshes still in flight: {left:?}");
        let judged = Judgement::of(&sent, &self.fleet.record(), excuses);
        self.fleet.forget();
        (judged, refreshes)
    }
}
