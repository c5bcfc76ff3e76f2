//! Tells a picker's status page what this filter knows: the models, and what became of the
//! requests.
//!
//! On the tick, and only while a picker of the process says that it has such a page.
//! Invariant: counts are added to what stands in shared data by compare-and-set; what
//! could not be added stays for the next tick, so none is lost or told twice.
//! Rejected: a report per worker, as the picker has: a list of workers for 17 numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use filter_host::BackgroundHost;
use shared::inserted;
use shared::models::{Catalog, Role};
use shared::pools::Millis;
use shared::snapshot::{decode, encode};
use shared::status::{MAPPING_KEY, ModelMapping, OUTCOMES_KEY, RequestOutcomes, WANTED_KEY};

use crate::metrics::Metrics;

/// How long a picker's word holds; it repeats it several times in that time.
const WANTED_FOR: Duration = Duration::from_secs(60);

/// What was not told yet.
#[derive(Debug, Default)]
pub struct Reporting {
    counts: BTreeMap<&'static str, u64>,
    told: Option<Catalog>,
}

impl Reporting {
    /// Takes down what was counted since the last time; before the metrics are flushed.
    pub fn note(&mut self, metrics: &Metrics) {
        for (outcome, count) in metrics.pending_outcomes() {
            let counted = self.counts.entry(outcome).or_default();
            *counted = counted.saturating_add(count);
        }
    }

    /// Tells what is new, if anybody wants to know.
    pub fn on_tick(&mut self, host: &impl BackgroundHost, catalog: &Catalog) {
        let wanted = host.shared(WANTED_KEY).and_then(|(at, _)| <[u8; 8]>::try_from(at).ok());
        let Some(wanted) = wanted.map(u64::from_le_bytes) else { return };
        if Millis::from(host.now()).since(Millis(wanted)) > WANTED_FOR {
            return;
        }
        if self.told.as_ref() != Some(catalog) {
            self.told = Some(catalog.clone());
            let _ = host.share(MAPPING_KEY, &encode(&mapping(catalog)), None);
        }
        self.tell_counts(host);
    }

    fn tell_counts(&mut self, host: &impl BackgroundHost) {
        let stored = host.shared(OUTCOMES_KEY);
        let known = stored.and_then(|(bytes, cas)| Some((decode(&bytes).ok()?, cas)));
        let Some((RequestOutcomes { mut counts }, cas)) = known else {
            // Writing a key that is not there succeeds for everybody: it begins empty, and
            // the next tick adds.
            let _ = host.share(OUTCOMES_KEY, &encode(&RequestOutcomes::default()), None);
            return;
        };
        if self.counts.is_empty() {
            return;
        }
        for (&outcome, &count) in &self.counts {
            let counted = counts.entry(Cow::Borrowed(outcome)).or_default();
            *counted = counted.saturating_add(count);
        }
        if host.share(OUTCOMES_KEY, &encode(&RequestOutcomes { counts }), cas).is_ok() {
            self.counts.clear();
        }
    }
}

fn mapping(catalog: &Catalog) -> ModelMapping {
    let models = catalog.iter().map(|(name, role)| {
        let base = match role {
            Role::Base => None,
            Role::Adapter(base) => Some(base.clone()),
        };
        (name.clone(), base)
    });
    ModelMapping { models: inserted(models) }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use filter_host::{CallId, MetricId, Refused, StreamId};
    use shared::bbr::{Outcome, Settings};

    use super::*;

    type Stored = BTreeMap<String, (Vec<u8>, u32)>;

    #[derive(Default)]
    struct Fake {
        stored: RefCell<Stored>,
        /// Another worker is faster, so many times.
        races: Cell<u32>,
    }

    impl BackgroundHost for Fake {
        fn now(&self) -> Duration {
            Duration::from_secs(1_000)
        }
        fn shared(&self, key: &str) -> Option<(Vec<u8>, Option<u32>)> {
            self.stored.borrow().get(key).map(|(value, cas)| (value.clone(), Some(*cas)))
        }
        fn share(&self, key: &str, value: &[u8], unless: Option<u32>) -> Result<(), Refused> {
            if let (Some(_), Some(left)) = (unless, self.races.get().checked_sub(1)) {
                self.races.set(left);
                return Err(Refused);
            }
            let mut stored = self.stored.borrow_mut();
            let cas = stored.get(key).map_or(1, |(_, cas)| cas + 1);
            stored.insert(key.to_owned(), (value.to_vec(), cas));
            Ok(())
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
        fn info(&self, _: &str) {}
        fn warn(&self, _: &str) {}
    }

    impl Fake {
        fn want(&self, at: u64) {
            let _ = self.share(WANTED_KEY, &at.to_le_bytes(), None);
        }

        fn told(&self) -> Vec<(String, u64)> {
            let (bytes, _) = self.shared(OUTCOMES_KEY).expect("they are there");
            let outcomes: RequestOutcomes = decode(&bytes).expect("outcomes");
            outcomes.counts.into_iter().map(|(name, count)| (name.into_owned(), count)).collect()
        }
    }

    fn worker() -> (Reporting, Metrics, Catalog) {
        let json = br#"{"baseModels": [{"name": "base", "adapters": ["a"]}]}"#;
        let settings = Settings::from_json(json).expect("a configuration");
        let metrics = Metrics::define(&settings, |_, _| Some(MetricId(0)));
        (Reporting::default(), metrics, settings.catalog)
    }

    #[test]
    fn nothing_is_told_unless_a_picker_wants_to_know() {
        let (mut reporting, _, catalog) = worker();
        let host = Fake::default();
        reporting.on_tick(&host, &catalog);
        assert!(host.stored.borrow().is_empty());
        host.want(900_000);
        reporting.on_tick(&host, &catalog);
        assert_eq!(host.stored.borrow().len(), 1, "it wanted to, long ago");
    }

    #[test]
    fn the_workers_counts_add_up_whoever_is_faster() {
        let host = Fake::default();
        host.want(999_000);
        let (mut workers, races) = ([worker(), worker()], [0, 1, 1, 0, 0]);
        for race in races {
            for (reporting, metrics, catalog) in &mut workers {
                host.races.set(race);
                metrics.count_outcome(Outcome::Adapter);
                reporting.note(metrics);
                metrics.flush(|_, _| ());
                reporting.on_tick(&host, catalog);
            }
        }
        assert_eq!(host.told(), [("adapter".to_owned(), 10)]);
        let (bytes, _) = host.shared(MAPPING_KEY).expect("it is there");
        let mapping: ModelMapping = decode(&bytes).expect("a mapping");
        let models: Vec<_> = mapping.models.iter().collect();
        assert_eq!((models.len(), models[0].0.as_str()), (2, "a"));
        assert_eq!(models[0].1.as_ref().map(|base| base.as_str()), Some("base"));
    }
}
