//! What the holder does for `learnAdapters`: asks servers which adapters they have, and
//! shares it with the BBR filters of the process.
//!
//! An endpoint is asked right behind a scrape that succeeded, so that dead and hanging
//! ones are left alone by the scrapes' own rules. Invariant: what is shared is merged
//! with what is there: another holder's word is never undone, only outlived.

use std::collections::BTreeMap;

use filter_host::{Answer, BackgroundHost, CallId};
use shared::models::{LEARNED_ADAPTERS_KEY, LearnedAdapters};
use shared::openai;
use shared::pools::{EndpointId, Millis};
use shared::snapshot::{decode, encode};

use super::Moment;
use crate::scrape;

/// The largest list of models that is read, in bytes; a longer one is no list.
const LARGEST_LIST: usize = 1 << 20;

#[derive(Default)]
pub(super) struct Adapters {
    /// When each endpoint was asked last.
    asked: BTreeMap<EndpointId, Millis>,
    /// What was seen since it was last shared.
    seen: LearnedAdapters,
    shared: Option<Millis>,
}

impl Adapters {
    /// Asks an endpoint, if it is due.
    pub(super) fn ask<H: BackgroundHost>(
        &mut self,
        moment: &Moment<'_, H>,
        id: EndpointId,
    ) -> Option<CallId> {
        let Moment { host, vm, now } = *moment;
        let interval = vm.settings.scrape.adapter_interval;
        if self.asked.get(&id).is_some_and(|last| !now.has_passed(*last, interval)) {
            return None;
        }
        self.asked.insert(id, now);
        let endpoint = id.to_string();
        let headers = scrape::headers("/v1/models", &endpoint);
        host.get(&vm.settings.scrape.cluster, &headers, vm.settings.scrape.timeout)
    }

    /// An endpoint answered.
    pub(super) fn on_answer<H>(&mut self, moment: &Moment<'_, H>, answer: &impl Answer) {
        if answer.status() != Some(200) {
            return;
        }
        let mut json = Vec::new();
        answer.read_body(&mut |piece| {
            if json.len() <= LARGEST_LIST {
                json.extend_from_slice(piece);
            }
        });
        // A server without such a list has no adapters to learn.
        for (adapter, base) in openai::adapters(&json).unwrap_or_default() {
            self.seen.see(adapter, base, moment.now);
        }
    }

    /// Shares what was seen, once per interval.
    pub(super) fn publish<H: BackgroundHost>(&mut self, moment: &Moment<'_, H>) {
        let Moment { host, vm, now } = *moment;
        let scrape = &vm.settings.scrape;
        let learns = vm.settings.pools.iter().any(|pool| pool.learn_adapters);
        // Several times per interval, so that an adapter's news is not late by another one.
        let pause = scrape.adapter_interval.checked_div(4).unwrap_or_default();
        if !learns || self.shared.is_some_and(|last| !now.has_passed(last, pause)) {
            return;
        }
        self.shared = Some(now);
        let long = scrape.adapter_grace.saturating_mul(2);
        self.asked.retain(|_, last| !now.has_passed(*last, long));
        let stored = host.shared(LEARNED_ADAPTERS_KEY);
        let decoded = stored.as_ref().and_then(|(bytes, _)| decode::<LearnedAdapters>(bytes).ok());
        let before = decoded.unwrap_or_default();
        let mut learned = before.clone();
        learned.merge(std::mem::take(&mut self.seen));
        learned.forget(now, scrape.adapter_grace);
        if learned != before {
            let cas = stored.and_then(|(_, cas)| cas);
            if host.share(LEARNED_ADAPTERS_KEY, &encode(&learned), cas).is_err() {
                // Another VM was faster; the next time adds to its word.
                self.seen = learned;
            }
        }
    }
}
