//! What one VM knows: the configuration, its copies of the pools, its metrics.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use shared::picker::{EndpointSource, Settings};
use shared::pools::Millis;
use shared::random::Random;
use shared::scheduling::{Health, Pool, Update};
use shared::status::{Recorder, WorkerReport};

use crate::first_tokens::{Awaited, FirstTokens};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::pace::Pace;

/// One VM. Its contexts share it; the VM has one thread, so cells suffice.
#[derive(Debug)]
pub struct Vm {
    /// The configuration.
    pub settings: Settings,
    /// The metrics.
    pub metrics: Metrics,
    /// A random number of its own.
    pub token: u64,
    pub(crate) keys: Keys,
    pools: Vec<RefCell<Pool>>,
    random: RefCell<Random>,
    last_request: Cell<Option<Millis>>,
    latest: Cell<Millis>,
    /// When it ticked last.
    ticked: Cell<Millis>,
    /// Which requests look at the clock.
    pub(crate) clock: Pace,
    /// Which responses look where they come from.
    origins: Pace,
    /// When a response last came from elsewhere than its request was sent first.
    strayed: Cell<Option<Millis>>,
    /// This VM's part of the status page, if there is one.
    status: Option<RefCell<Recorder>>,
    pub(crate) first_tokens: FirstTokens,
}

/// For so long after a response from elsewhere, each one is looked at.
const WARY_FOR: Duration = Duration::from_secs(1);

/// A VM that had no request for this long counts as idle.
const IDLE_AFTER: Duration = Duration::from_secs(10);

impl Vm {
    /// A VM that knows nothing of its endpoints yet. `configuration` is the text
    /// that `settings` came from, `token` any random number.
    #[must_use]
    pub fn new(settings: Settings, configuration: &[u8], metrics: Metrics, token: u64) -> Self {
        let pools =
            settings.pools.iter().map(|pool| RefCell::new(first_pool(&pool.endpoints))).collect();
        let status = settings.status.is_some();
        Self {
            status: status.then(|| RefCell::new(Recorder::new(settings.pools.len()))),
            settings,
            metrics,
            token,
            keys: Keys::new(configuration),
            pools,
            random: RefCell::new(Random::new(token)),
            last_request: Cell::new(None),
            latest: Cell::default(),
            ticked: Cell::default(),
            clock: Pace::default(),
            origins: Pace::default(),
            strayed: Cell::new(None),
            first_tokens: FirstTokens::default(),
        }
    }

    /// Does something with the pool at this place and a source of chance; `None` if
    /// there is no such pool.
    pub fn with_pool<T>(
        &self,
        place: usize,
        f: impl FnOnce(&mut Pool, &mut Random) -> T,
    ) -> Option<T> {
        // Nothing called here comes back in, so neither cell is borrowed already.
        let mut pool = self.pools.get(place)?.try_borrow_mut().ok()?;
        let mut random = self.random.try_borrow_mut().ok()?;
        Some(f(&mut pool, &mut random))
    }

    /// Writes something down for the status page, if there is one.
    pub(crate) fn record(&self, write: impl FnOnce(&mut Recorder)) {
        if let Some(status) = &self.status
            && let Ok(mut status) = status.try_borrow_mut()
        {
            write(&mut status);
        }
    }

    /// This VM's part of the status page.
    pub(crate) fn status_report(&self, now: Millis) -> Option<WorkerReport> {
        let mut status = self.status.as_ref()?.try_borrow_mut().ok()?;
        let places = self.settings.pools.iter().enumerate();
        let pools = places.map(|(place, settings)| {
            let mut report = status.pool(place, now);
            let horizon = settings.profile.adapter_memory;
            self.with_pool(place, |pool, _| {
                for endpoint in pool.endpoints() {
                    report.remember(endpoint.id, endpoint.remembered(now, horizon));
                }
            });
            report
        });
        let pools = pools.collect();
        Some(WorkerReport { at: now, pools, decisions: status.decisions().cloned().collect() })
    }

    /// The time when it was last asked for. Ticks come every few milliseconds, so this is
    /// near enough to now for most, and costs no call into Envoy.
    pub(crate) fn latest(&self) -> Millis {
        self.latest.get()
    }

    fn note_time(&self, now: Millis) {
        self.latest.set(now);
    }

    pub(crate) fn note_tick(&self, now: Millis) {
        let passed = now.since(self.ticked.replace(now));
        self.clock.on_tick(passed);
        self.origins.on_tick(passed);
        self.note_time(now);
    }

    /// Whether a response is to be looked at for where it comes from. Retries show there, and
    /// endpoints that Envoy passed over.
    pub(crate) fn wants_origin(&self, now: Millis) -> bool {
        let due = self.origins.is_due();
        due || self.strayed.get().is_some_and(|last| !now.has_passed(last, WARY_FOR))
    }

    /// The first token for a prompt came.
    pub(crate) fn note_first_token(&self, prompt: Awaited, now: Millis) {
        self.with_pool(prompt.pool, |pool, _| pool.first_byte(prompt.prefill, now));
    }

    /// A response came from elsewhere than its request was sent first.
    pub(crate) fn note_stray(&self, now: Millis) {
        self.strayed.set(Some(now));
    }

    pub(crate) fn note_request(&self, now: Millis) {
        self.note_time(now);
        self.last_request.set(Some(now));
    }

    /// Whether a request was ever served.
    pub(crate) fn has_served(&self) -> bool {
        self.last_request.get().is_some()
    }

    /// Whether requests were served lately; such a VM leaves scraping to others.
    pub(crate) fn is_busy(&self, now: Millis) -> bool {
        self.last_request.get().is_some_and(|last| !now.has_passed(last, IDLE_AFTER))
    }
}

/// What is known of a pool before the first snapshot: listed endpoints, without
/// metrics.
fn first_pool(source: &EndpointSource) -> Pool {
    let mut pool = Pool::default();
    if let EndpointSource::Listed(list) = source {
        let update = |&id| Update {
            id,
            health: Health::Ready,
            observation: None,
            others_in_flight: 0,
            others_fresh: 0,
            others_over: 0,
        };
        pool.update(list.iter().map(update).collect());
    }
    pool
}
