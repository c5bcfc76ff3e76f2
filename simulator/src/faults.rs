//! Faults a test or an operator can switch on and off while the server runs.
//!
//! Invariant: one value holds all faults and is replaced whole, so a request
//! sees either the old set or the new one.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What goes wrong. The default is nothing. This is also the JSON of
/// `GET` and `POST /sim/faults`; a POST changes only the fields it names.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSettings {
    /// Share of inference requests answered with an error, 0 to 1.
    pub error_rate: f64,
    /// The status of those answers, 400 to 599.
    pub error_status: u16,
    /// Inference requests get no answer until this is switched off.
    pub hang: bool,
    /// Inference requests are begun after so many milliseconds.
    pub delay_ms: u64,
    /// `/metrics` answers after so many milliseconds.
    pub metrics_delay_ms: u64,
    /// `/metrics` answers 200 with something that is no exposition.
    pub metrics_garbage: bool,
    /// How many bytes of it, with `metrics_garbage`: it is repeated until there are as
    /// many. 0 is once.
    pub metrics_garbage_bytes: usize,
    /// `/health` answers 503.
    pub unhealthy: bool,
    /// A streamed answer breaks off after so many tokens (of each choice).
    /// An answer that is not streamed is not concerned.
    pub reset_after_tokens: Option<usize>,
}

impl Default for FaultSettings {
    fn default() -> Self {
        Self {
            error_rate: 0.0,
            error_status: 500,
            hang: false,
            delay_ms: 0,
            metrics_delay_ms: 0,
            metrics_garbage: false,
            metrics_garbage_bytes: 0,
            unhealthy: false,
            reset_after_tokens: None,
        }
    }
}

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// `error_rate` is not a share.
    #[error("error_rate: {0} is not between 0 and 1")]
    ErrorRate(f64),
    /// `error_status` is not an error.
    #[error("error_status: {0} is not between 400 and 599")]
    ErrorStatus(u16),
}

impl FaultSettings {
    /// Are all values in their ranges?
    pub fn check(&self) -> Result<(), FaultError> {
        if !(0.0..=1.0).contains(&self.error_rate) {
            return Err(FaultError::ErrorRate(self.error_rate));
        }
        if !(400..600).contains(&self.error_status) {
            return Err(FaultError::ErrorStatus(self.error_status));
        }
        Ok(())
    }
}

/// A handle to a server's faults; clones are the same faults.
#[derive(Clone, Debug)]
pub struct Faults {
    settings: Arc<watch::Sender<FaultSettings>>,
    dice: Arc<Mutex<StdRng>>,
}

impl Faults {
    pub(crate) fn new(settings: FaultSettings, seed: u64) -> Self {
        Self {
            settings: Arc::new(watch::Sender::new(settings)),
            dice: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
        }
    }

    /// The faults that are on now.
    pub fn get(&self) -> FaultSettings {
        self.settings.borrow().clone()
    }

    /// Replaces all of them.
    pub fn set(&self, settings: FaultSettings) -> Result<(), FaultError> {
        settings.check()?;
        self.settings.send_replace(settings);
        Ok(())
    }

    /// Changes some of them; nothing is changed if the result is out of range.
    pub fn update(&self, change: impl FnOnce(&mut FaultSettings)) -> Result<(), FaultError> {
        let mut settings = self.get();
        change(&mut settings);
        self.set(settings)
    }

    /// Switches all of them off.
    pub fn clear(&self) {
        self.settings.send_replace(FaultSettings::default());
    }

    /// Throws the dice for one request: the status to fail with, if any.
    pub(crate) fn roll(&self) -> Option<u16> {
        let settings = self.settings.borrow();
        if settings.error_rate <= 0.0 {
            return None;
        }
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let rolled: f64 = dice.random_range(0.0..1.0);
        (rolled < settings.error_rate).then_some(settings.error_status)
    }

    /// Returns when it is time to begin with a request that came now.
    pub(crate) async fn delay(&self) {
        let delay = self.settings.borrow().delay_ms;
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
    }

    /// Returns when (and as long as) the server does not hang.
    pub(crate) async fn not_hanging(&self) {
        let mut settings = self.settings.subscribe();
        // The sender lives in `self`, so this ends only by the condition.
        let _ = settings.wait_for(|now| !now.hang).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_is_refused_and_changes_nothing() {
        let faults = Faults::new(FaultSettings::default(), 1);
        assert_eq!(faults.update(|f| f.error_rate = 1.5), Err(FaultError::ErrorRate(1.5)));
        assert_eq!(faults.update(|f| f.error_status = 200), Err(FaultError::ErrorStatus(200)));
        assert_eq!(faults.get(), FaultSettings::default());
    }

    #[test]
    fn the_error_rate_is_met_and_its_dice_are_seeded() {
        let rolls = |seed| {
            let settings = FaultSettings { error_rate: 0.3, ..FaultSettings::default() };
            let faults = Faults::new(settings, seed);
            (0..1000).map(|_| faults.roll().is_some()).collect::<Vec<_>>()
        };
        let failed = rolls(9).iter().filter(|failed| **failed).count();
        assert!((250..350).contains(&failed), "{failed}");
        assert_eq!(rolls(9), rolls(9));
        assert_ne!(rolls(9), rolls(10));
    }
}
