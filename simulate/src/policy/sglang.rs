//! The cache-aware router that SGLang describes: while loads are balanced, the server whose
//! remembered prompts match best, or the one that holds least if none matches by 0.3; when
//! the largest load is 64 and 1.5 times above the smallest, the smallest. A router per
//! gateway replica; its tree is kept as blocks.

use super::reference::Lru;
use super::{Layout, Policy, Seat, best};
use crate::Micros;
use crate::chance::Chance;
use crate::server::Server;
use crate::workload::Request;

const MATCH: f64 = 0.3;
const ABSOLUTE: u32 = 64;
const RELATIVE: f64 = 1.5;
/// 2^26 characters at four a token and sixteen tokens a block.
const REMEMBERED: usize = 1 << 20;

struct Router {
    in_flight: Vec<u32>,
    trees: Vec<Lru>,
}

pub(super) struct CacheAware(Vec<Router>);

impl CacheAware {
    pub(super) fn new(layout: Layout) -> Self {
        let router = |_| Router {
            in_flight: vec![0; layout.servers],
            trees: vec![Lru::default(); layout.servers],
        };
        Self((0..layout.replicas).map(router).collect())
    }
}

impl Policy for CacheAware {
    fn pick(
        &mut self,
        seat: Seat,
        request: &Request,
        _: Micros,
        _: &[Server],
        chance: &mut Chance,
    ) -> usize {
        let Some(router) = self.0.get_mut(seat.replica) else { return 0 };
        let least = router.in_flight.iter().min().copied().unwrap_or(0);
        let most = router.in_flight.iter().max().copied().unwrap_or(0);
        let prompt = request.prompt_chain();
        let matches: Vec<_> = router
            .trees
            .iter()
            .map(|tree| prompt.iter().take_while(|hash| tree.has(**hash)).count())
            .collect();
        let longest = matches.iter().max().copied().unwrap_or(0);
        let unbalanced = most - least > ABSOLUTE && f64::from(most) > RELATIVE * f64::from(least);
        let chosen = if unbalanced {
            best(router.in_flight.iter().map(|count| -f64::from(*count)), chance)
        } else if longest as f64 > MATCH * prompt.len() as f64 {
            best(matches.iter().map(|count| *count as f64), chance)
        } else {
            best(router.trees.iter().map(|tree| -(tree.len() as f64)), chance)
        };
        router.in_flight.get_mut(chosen).into_iter().for_each(|count| *count += 1);
        if let Some(tree) = router.trees.get_mut(chosen) {
            prompt.iter().for_each(|hash| tree.add(*hash, REMEMBERED));
        }
        chosen
    }

    fn done(&mut self, seat: Seat, _: u64, server: usize, _: Micros) {
        let count = self.0.get_mut(seat.replica).and_then(|r| r.in_flight.get_mut(server));
        count.into_iter().for_each(|count| *count -= 1);
    }
}
