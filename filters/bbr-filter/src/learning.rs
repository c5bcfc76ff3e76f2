//! Takes over the adapters that the picker learned from the model servers.
//!
//! On the tick, never on a request: what changes is a new [`Policy`] for later requests.
//! Invariant: a message that cannot be read changes nothing; the next may be better.

use std::collections::BTreeSet;
use std::rc::Rc;

use filter_host::{BackgroundHost, Counter};
use shared::hash::fnv1a;
use shared::models::{Catalog, Clash, LEARNED_ADAPTERS_KEY, LearnedAdapters};
use shared::snapshot::decode;

use crate::policy::Policy;

/// What was learned so far.
#[derive(Debug)]
pub struct Learning {
    /// The models of the configuration alone.
    configured: Catalog,
    /// A hash of the message taken over last.
    last: Option<u64>,
    /// What the log was told already.
    told: BTreeSet<Clash>,
}

impl Learning {
    /// Nothing but the configuration is known.
    #[must_use]
    pub fn new(configured: Catalog) -> Self {
        Self { configured, last: None, told: BTreeSet::new() }
    }

    /// The policy for later requests, if something is new.
    pub fn on_tick(&mut self, host: &impl BackgroundHost, policy: &Policy) -> Option<Rc<Policy>> {
        let (bytes, _) = host.shared(LEARNED_ADAPTERS_KEY)?;
        let hash = fnv1a(&bytes);
        if self.last.replace(hash) == Some(hash) {
            return None;
        }
        let learned = decode::<LearnedAdapters>(&bytes).ok()?;
        let mut catalog = self.configured.clone();
        for clash in catalog.learn(&learned) {
            if !self.told.contains(&clash) {
                host.warn(&format!("bbr: {clash}; the configuration holds"));
                policy.metrics.adapter_clashes.iter().for_each(Counter::count);
                self.told.insert(clash);
            }
        }
        if catalog == policy.settings.catalog {
            return None;
        }
        let (_, adapters) = catalog.counts();
        let (_, configured) = self.configured.counts();
        // What is learned only adds.
        let learned = adapters.saturating_sub(configured);
        host.info(&format!("bbr: {learned} adapters learned from model servers"));
        Some(Rc::new(policy.with_catalog(catalog)))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use filter_host::{CallId, MetricId, Refused, StreamId};
    use shared::bbr::Settings;
    use shared::models::{ModelName, Role};
    use shared::pools::Millis;
    use shared::snapshot::encode;

    use super::*;
    use crate::metrics::Metrics;

    #[derive(Default)]
    struct Fake {
        stored: RefCell<Option<Vec<u8>>>,
        lines: RefCell<Vec<String>>,
    }

    impl BackgroundHost for Fake {
        fn now(&self) -> Duration {
            Duration::ZERO
        }
        fn shared(&self, key: &str) -> Option<(Vec<u8>, Option<u32>)> {
            assert_eq!(key, LEARNED_ADAPTERS_KEY);
            Some((self.stored.borrow().clone()?, Some(1)))
        }
        fn share(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), Refused> {
            Err(Refused)
        }
        fn get(&self, _: &str, _: &[(&str, &str)], _: Duration) -> Option<CallId> {
            None
        }
        fn set(&self, _: MetricId, _: u64) {}
        fn add(&self, _: MetricId, _: u64) {}
        fn record(&self, _: MetricId, _: u64) {}
        fn stream_has_answered(&self, _: StreamId) -> bool {
            false
        }
        fn info(&self, message: &str) {
            self.lines.borrow_mut().push(message.to_owned());
        }
        fn warn(&self, message: &str) {
            self.info(message);
        }
    }

    fn store(host: &Fake, adapters: &[(&str, &str)]) {
        let name = |name: &str| ModelName::try_from(name.to_owned()).expect(name);
        let mut learned = LearnedAdapters::default();
        adapters.iter().for_each(|(a, b)| learned.see(name(a), name(b), Millis(0)));
        *host.stored.borrow_mut() = Some(encode(&learned));
    }

    #[test]
    fn adapters_come_and_go_and_the_configuration_wins() {
        let json = br#"{"learnAdapters": true,
            "baseModels": [{"name": "base", "adapters": ["mine"]}]}"#;
        let settings = Settings::from_json(json).expect("a configuration");
        let metrics = Metrics::define(&settings, |_, _| Some(MetricId(0)));
        let first = Policy::new(settings, metrics, Duration::ZERO);
        let mut learning = Learning::new(first.settings.catalog.clone());
        let host = Fake::default();
        assert!(learning.on_tick(&host, &first).is_none(), "nothing was learned");

        store(&host, &[("new", "base"), ("mine", "other")]);
        let second = learning.on_tick(&host, &first).expect("another policy");
        let role =
            |policy: &Policy, name| policy.settings.catalog.get(name).map(|(_, r)| r.clone());
        let base = || ModelName::try_from("base".to_owned()).expect("a name");
        assert_eq!(role(&second, "new"), Some(Role::Adapter(base())));
        assert_eq!(role(&second, "mine"), Some(Role::Adapter(base())));
        assert!(learning.on_tick(&host, &second).is_none(), "nothing is new");
        assert_eq!(host.lines.borrow().len(), 2, "{:?}", host.lines);

        *host.stored.borrow_mut() = Some(b"another version's".to_vec());
        assert!(learning.on_tick(&host, &second).is_none(), "what cannot be read is ignored");

        store(&host, &[("mine", "other")]);
        let third = learning.on_tick(&host, &second).expect("another policy");
        assert_eq!(role(&third, "new"), None);
        let mut clashes = 0;
        third.metrics.flush(|_, amount| clashes += amount);
        assert_eq!(clashes, 1, "told once, counted once");
    }
}
