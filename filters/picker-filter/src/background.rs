//! What a VM does on its ticks.
//!
//! Every VM contends for the lease; it takes over newer snapshots and reports its loads
//! ([`worker`]). The one that holds the lease also finds endpoints, scrapes them, and
//! publishes what came of it ([`holder`]).

mod adapters;
mod gauges;
mod holder;
mod picks;
mod prompts;
mod publish;
mod question;
mod status;
mod worker;

use std::rc::Rc;
use std::time::Duration;

use filter_host::{Answer, BackgroundHost, CallId, MetricId, MetricKind};
use shared::lease::{Contender, Record, Step};
use shared::pools::Millis;

use crate::vm::Vm;
use holder::Holder;
use picks::Picks;
use prompts::PromptNews;
use status::StatusReports;
use worker::Worker;

/// Between two flushes of the requests' counters.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// The background work of one VM.
pub struct Background<H> {
    host: H,
    vm: Rc<Vm>,
    /// Whether this VM holds the lease.
    holds: bool,
    holder: Holder,
    define: fn(MetricKind, &str) -> Option<MetricId>,
    picks: Picks,
    prompts: PromptNews,
    status: StatusReports,
    worker: Worker,
    flushed: Option<Millis>,
}

/// A moment of the background work: whom it asks, what it knows, when it is.
pub(crate) struct Moment<'a, H> {
    host: &'a H,
    vm: &'a Vm,
    now: Millis,
}

impl<H: BackgroundHost> Background<H> {
    /// The work of a VM that has not ticked yet.
    pub fn new(host: H, vm: Rc<Vm>, define: fn(MetricKind, &str) -> Option<MetricId>) -> Self {
        let holder = Holder::new(&vm, define);
        let worker = Worker::new(&vm);
        let picks = Picks::default();
        let prompts = PromptNews::default();
        let status = StatusReports::default();
        Self {
            host,
            vm,
            holds: false,
            holder,
            define,
            picks,
            prompts,
            status,
            worker,
            flushed: None,
        }
    }

    /// The time between ticks. What one worker has in flight is known to the others up to
    /// three of these later, and a short request lives for a few tenths of a second.
    #[must_use]
    pub fn tick_period(&self) -> Duration {
        let interval = self.vm.settings.scrape.interval;
        let half = interval.checked_div(2).unwrap_or_default();
        half.clamp(Duration::from_millis(10), Duration::from_millis(20))
    }

    /// Whether this VM scrapes.
    #[must_use]
    pub fn holds_lease(&self) -> bool {
        self.holds
    }

    /// A tick.
    pub fn on_tick(&mut self) {
        let now = Millis::from(self.host.now());
        self.vm.note_tick(now);
        let moment = Moment { host: &self.host, vm: &self.vm, now };
        let held = self.holds;
        self.holds = moment.contend();
        let mut published = Vec::new();
        if self.holds {
            if !held {
                self.holder.start(&moment);
            }
            published = self.holder.on_tick(&moment, &self.worker);
        }
        self.worker.on_tick(&moment, published);
        self.prompts.on_tick(&moment);
        self.status.on_tick(&moment, self.holds.then_some(&self.holder));
        if self.flushed.is_none_or(|last| now.has_passed(last, FLUSH_INTERVAL)) {
            moment.flush();
            self.picks.flush(&moment, self.define);
            self.flushed = Some(now);
        }
        // Behind all else: see `stream_has_answered`.
        moment.note_first_tokens();
    }

    /// The answer to a call came.
    pub fn on_answer(&mut self, id: CallId, answer: &impl Answer) {
        let now = Millis::from(self.host.now());
        let moment = Moment { host: &self.host, vm: &self.vm, now };
        self.holder.on_answer(&moment, id, answer);
    }
}

impl<H: BackgroundHost> Moment<'_, H> {
    /// Whether this VM holds the lease from now on.
    fn contend(&self) -> bool {
        let key = self.vm.keys.lease();
        let stored = self.host.shared(&key);
        let record = stored.as_ref().and_then(|(bytes, _)| Record::from_bytes(bytes));
        let busy = self.vm.is_busy(self.now);
        match (Contender { token: self.vm.token }).step(record, busy, self.now) {
            Step::Hold => true,
            Step::Wait => false,
            Step::Write(record) => match &stored {
                Some((_, cas)) => self.host.share(&key, &record.to_bytes(), *cas).is_ok(),
                // Writing a key that is not there succeeds for everybody: seed it
                // without a holder, and claim by compare-and-set on the next tick.
                None => {
                    let seed = Record { holder: 0, expires: Millis(0), busy: false };
                    let _ = self.host.share(&key, &seed.to_bytes(), None);
                    false
                }
            },
        }
    }

    /// Looks for first tokens that came since the last tick.
    fn note_first_tokens(&self) {
        let Moment { host, vm, now } = *self;
        for prompt in vm.first_tokens.take(now, |stream| host.stream_has_answered(stream)) {
            vm.note_first_token(prompt, now);
        }
    }

    /// Tells the host what the requests counted.
    fn flush(&self) {
        let count = self.vm.settings.pools.len();
        let pools = (0..count).filter_map(|place| self.vm.metrics.pool(place));
        pools.for_each(|metrics| metrics.flush(|id, amount| self.host.add(id, amount)));
    }
}
