//! Points in time, as the core sees them: an argument, never a clock.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970, by the host's clock. The clock may jump: ages are
/// never negative, and code that waits bounds how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Millis(pub u64);

impl Millis {
    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Whether `pause` has passed since `last`. So it has if `last` lies in the future:
    /// the clock jumped back, and what waits for it would wait as long.
    #[must_use]
    pub fn has_passed(self, last: Self, pause: Duration) -> bool {
        self < last || self.since(last) >= pause
    }
}

impl From<Duration> for Millis {
    fn from(since_1970: Duration) -> Self {
        Self(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Add<Duration> for Millis {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(duration).0))
    }
}
