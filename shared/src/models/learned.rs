//! Adapters that no configuration names: model servers said that they have them.
//!
//! The picker's scraping VM asks the servers and shares what it learned; every BBR VM
//! takes it over. Adapters are remembered by when they were last seen, so that several
//! writers (two configurations, while one replaces the other) add up instead of undoing
//! each other, and a server that is slow for a moment takes no adapter away.
//!
//! Invariant: an adapter has one base. A server that names another is not believed while
//! the first word is fresh: where requests go must not flap between two pools.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::ModelName;
use crate::pools::Millis;
use crate::snapshot::Message;

/// The most adapters that are remembered; a server cannot fill the gateway's memory.
pub const MAX_LEARNED_ADAPTERS: usize = 4_096;

/// The key of shared data under which they stand. One per process and `vm_id`.
pub const LEARNED_ADAPTERS_KEY: &str = "igw.adapters.1";

/// Adapters and their base models, as model servers list them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedAdapters {
    adapters: BTreeMap<ModelName, Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    base: ModelName,
    last: Millis,
}

impl Message for LearnedAdapters {
    const MAGIC: [u8; 4] = *b"IGWA";
}

impl LearnedAdapters {
    /// A server listed this adapter.
    pub fn see(&mut self, adapter: ModelName, base: ModelName, now: Millis) {
        let is_full = self.adapters.len() >= MAX_LEARNED_ADAPTERS;
        match self.adapters.get_mut(&adapter) {
            Some(seen) if seen.base == base => seen.last = seen.last.max(now),
            Some(_) => {}
            None if is_full => {}
            None => {
                self.adapters.insert(adapter, Seen { base, last: now });
            }
        }
    }

    /// Takes over what another VM saw.
    pub fn merge(&mut self, other: Self) {
        for (adapter, Seen { base, last }) in other.adapters {
            self.see(adapter, base, last);
        }
    }

    /// Forgets what no server has listed for `grace`.
    pub fn forget(&mut self, now: Millis, grace: Duration) {
        // Seen in the future: the clock jumped back. It counts as seen now.
        self.adapters.values_mut().for_each(|seen| seen.last = seen.last.min(now));
        self.adapters.retain(|_, seen| now.since(seen.last) < grace);
    }

    /// All adapters and their base models, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ModelName, &ModelName)> {
        self.adapters.iter().map(|(adapter, seen)| (adapter, &seen.base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::{decode, encode};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const GRACE: Duration = Duration::from_secs(30);

    fn name(name: &str) -> ModelName {
        ModelName::try_from(name.to_owned()).expect(name)
    }

    fn pairs(learned: &LearnedAdapters) -> Vec<(&str, &str)> {
        learned.iter().map(|(adapter, base)| (adapter.as_str(), base.as_str())).collect()
    }

    #[test]
    fn an_adapter_that_nobody_lists_any_more_is_forgotten_after_the_grace_time() {
        let mut learned = LearnedAdapters::default();
        learned.see(name("a"), name("base"), Millis(1_000));
        learned.see(name("b"), name("base"), Millis(20_000));
        learned.forget(Millis(30_999), GRACE);
        assert_eq!(pairs(&learned), [("a", "base"), ("b", "base")]);
        learned.forget(Millis(31_000), GRACE);
        assert_eq!(pairs(&learned), [("b", "base")]);
    }

    #[test]
    fn a_second_base_is_not_believed_while_the_first_is_fresh() {
        let mut learned = LearnedAdapters::default();
        learned.see(name("a"), name("one"), Millis(0));
        learned.see(name("a"), name("two"), Millis(1_000));
        assert_eq!(pairs(&learned), [("a", "one")]);
        learned.forget(Millis(30_000), GRACE);
        learned.see(name("a"), name("two"), Millis(30_000));
        assert_eq!(pairs(&learned), [("a", "two")]);
    }

    #[test]
    fn two_writers_add_up() {
        let (mut one, mut two) = (LearnedAdapters::default(), LearnedAdapters::default());
        one.see(name("a"), name("x"), Millis(5));
        two.see(name("a"), name("x"), Millis(9));
        two.see(name("b"), name("y"), Millis(9));
        one.merge(two);
        assert_eq!(pairs(&one), [("a", "x"), ("b", "y")]);
        one.forget(Millis(30_006), GRACE);
        assert_eq!(pairs(&one).len(), 2, "the later sighting counts");
    }

    #[test]
    fn a_clock_that_jumps_back_keeps_nothing_for_ever() {
        let mut learned = LearnedAdapters::default();
        learned.see(name("a"), name("x"), Millis(1_000_000));
        learned.forget(Millis(0), GRACE);
        learned.forget(Millis(30_000), GRACE);
        assert_eq!(pairs(&learned), []);
    }

    #[test]
    fn no_server_fills_the_memory() {
        let mut learned = LearnedAdapters::default();
        for n in 0..MAX_LEARNED_ADAPTERS + 10 {
            learned.see(name(&n.to_string()), name("x"), Millis(0));
        }
        assert_eq!(learned.iter().count(), MAX_LEARNED_ADAPTERS);
    }

    #[test]
    fn it_comes_back_as_it_was_written_and_wrong_names_do_not() {
        let mut learned = LearnedAdapters::default();
        learned.see(name("food-review-1"), name("meta-llama/Llama-3.1-8B"), Millis(7));
        assert_eq!(decode(&encode(&learned)), Ok(learned));
        #[derive(Serialize, Deserialize)]
        struct Other(BTreeMap<String, (String, u64)>);
        impl Message for Other {
            const MAGIC: [u8; 4] = LearnedAdapters::MAGIC;
        }
        let other = Other([("a\r\nx: 1".to_owned(), ("base".to_owned(), 1))].into());
        assert!(decode::<LearnedAdapters>(&encode(&other)).is_err());
    }
}
