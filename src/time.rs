//! Points in time, as tokens state them and as the proxy tells them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A point in time: how long after 1970-01-01T00:00:00Z. Never before it.
///
/// The fraction that RFC 7519 §2 allows in a `NumericDate` is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(Duration);

/// The end of the year 9999 in seconds. A date beyond it is a mistake or an attack.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

impl Timestamp {
    /// The point that lies `since_epoch` after the epoch.
    pub const fn from_epoch(since_epoch: Duration) -> Self {
        Self(since_epoch)
    }

    /// Reads a `NumericDate` (RFC 7519 §2): a JSON number of seconds since the epoch.
    ///
    /// `None` for what is not a number, is negative, or lies beyond the year 9999.
    pub fn from_numeric_date(value: &Value) -> Option<Self> {
        let number = value.as_number()?;
        let since_epoch = match number.as_u64() {
            Some(seconds) => Duration::from_secs(seconds),
            None => Duration::try_from_secs_f64(number.as_f64()?).ok()?,
        };
        (since_epoch <= LATEST).then_some(Self(since_epoch))
    }

    /// Whether this is a time. A clock that shows the epoch was not set, or cannot be read.
    pub const fn is_known(self) -> bool {
        !self.0.is_zero()
    }

    /// How long after the epoch this is.
    pub const fn since_epoch(self) -> Duration {
        self.0
    }

    /// How long this lies after `earlier`; `None` when it lies before it.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0)
    }

    /// The point that lies `duration` later.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// The point that lies `duration` earlier, or the epoch.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

/// A point on a clock of the proxy that only goes forward, for all workers of a process. It tells how
/// much time has passed whatever the wall clock is set to meanwhile, and no date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment(Duration);

impl Moment {
    /// The point that lies `since_start` after the clock's start, whenever that was.
    pub const fn from_start(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// How long after the clock's start this is.
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long this lies after `earlier`; `None` when it lies before it.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0)
    }

    /// The point that lies `duration` later.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl From<SystemTime> for Timestamp {
    /// A clock that stands before the epoch is read as the epoch, at which no token is accepted.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_numeric_date_may_have_a_fraction_and_an_exponent() {
        let read = |value| Timestamp::from_numeric_date(&value).map(Timestamp::since_epoch);
        assert_eq!(read(json!(1_700_000_000)), Some(Duration::from_secs(1_700_000_000)));
        assert_eq!(read(json!(1_700_000_000.5)), Some(Duration::from_millis(1_700_000_000_500)));
        assert_eq!(read(json!(1.7e9)), Some(Duration::from_secs(1_700_000_000)));
        assert_eq!(read(json!(0)), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for value in [
            json!("1700000000"),
            json!(null),
            json!(true),
            json!([1]),
            json!({}),
            json!(-1),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!(253_402_300_800_u64),
        ] {
            assert_eq!(Timestamp::from_numeric_date(&value), None, "{value}");
        }
    }
}
