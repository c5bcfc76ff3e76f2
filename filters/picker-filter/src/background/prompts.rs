//! What every VM tells its neighbours of prompts: which blocks it sent where.
//!
//! Each VM keeps a window of what it sent lately under a key of its own, and reads the
//! others' windows from where it read last. So nobody writes what another writes, and a
//! window that did not change is not decoded.
//!
//! Invariant: only where prompts are picked by, and bounded: what a burst pushes out of
//! the window is missed, and costs no more than a cache miss.
//!
//! Rejected: in the snapshot. All VMs would copy it all, with every tick.

use std::collections::BTreeMap;
use std::time::Duration;

use filter_host::BackgroundHost;
use shared::pools::Millis;
use shared::snapshot::{PrefixNews, Workers, decode, encode};

use super::Moment;
use crate::vm::Vm;

/// Between two exchanges. A conversation's next turn comes later.
const INTERVAL: Duration = Duration::from_millis(100);

/// Pieces of news in a window: some 25 KB.
const WINDOW: usize = 2_048;

#[derive(Default)]
pub(super) struct PromptNews {
    exchanged: Option<Millis>,
    own: PrefixNews,
    /// By worker: what its window was read as, and the number of the next piece.
    read: BTreeMap<u64, (Option<u32>, u64)>,
}

impl PromptNews {
    /// Tells and hears, if it is time.
    pub(super) fn on_tick<H: BackgroundHost>(&mut self, moment: &Moment<'_, H>) {
        let Moment { vm, now, .. } = *moment;
        // The main thread's VM serves nobody, and needs no index.
        let wanted = vm.settings.request_facts && vm.has_served();
        if !wanted || self.exchanged.is_some_and(|last| !now.has_passed(last, INTERVAL)) {
            return;
        }
        self.exchanged = Some(now);
        let pools = vm.settings.pools.iter().zip(0_u8..);
        let pools: Vec<_> =
            pools.filter(|(pool, _)| pool.profile.wants_prompt()).map(|(_, place)| place).collect();
        if pools.is_empty() {
            return;
        }
        if self.gather(vm, &pools) {
            let _ = moment.host.share(&vm.keys.prompts(vm.token), &encode(&self.own), None);
        }
        self.hear(moment, &pools);
    }

    /// Puts what this VM sent into its window; whether there was anything.
    fn gather(&mut self, vm: &Vm, pools: &[u8]) -> bool {
        let pieces = &mut self.own.pieces;
        let before = pieces.len();
        for &place in pools {
            let news = vm.with_pool(place.into(), |pool, _| pool.take_prefix_news());
            pieces.extend(news.unwrap_or_default().into_iter().map(|piece| (place, piece)));
        }
        let has_news = pieces.len() > before;
        let gone = pieces.len().saturating_sub(WINDOW);
        pieces.drain(..gone);
        self.own.first = self.own.first.saturating_add(gone as u64);
        has_news
    }

    fn hear<H: BackgroundHost>(&mut self, moment: &Moment<'_, H>, pools: &[u8]) {
        let Moment { host, vm, now } = *moment;
        let workers = host.shared(&vm.keys.workers());
        let workers = workers.and_then(|(bytes, _)| decode::<Workers>(&bytes).ok());
        let Some(workers) = workers else { return };
        self.read.retain(|token, _| workers.tokens.contains(token));
        for &token in workers.tokens.iter().filter(|token| **token != vm.token) {
            let Some((bytes, cas)) = host.shared(&vm.keys.prompts(token)) else { continue };
            let (seen, next) = self.read.entry(token).or_default();
            if cas.is_some() && *seen == cas {
                continue;
            }
            *seen = cas;
            let Ok(window) = decode::<PrefixNews>(&bytes) else { continue };
            let known = usize::try_from(next.saturating_sub(window.first)).unwrap_or(usize::MAX);
            *next = window.first.saturating_add(window.pieces.len() as u64);
            let pieces = window.pieces.get(known..).unwrap_or_default();
            for &place in pools {
                let of = pieces.iter().filter(|(of, _)| *of == place);
                let news: Vec<_> = of.map(|(_, piece)| *piece).collect();
                if !news.is_empty() {
                    vm.with_pool(place.into(), |pool, _| pool.hear_prefix_news(&news, now));
                }
            }
        }
    }
}
