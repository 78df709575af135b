//! Events by key, within a window.

use std::time::Duration;

use super::keys::{self, Keys, Tag};
use super::slots::Clock;
use super::store::{Code, Identity, Store};
use super::{SignalError, told};
use crate::host::Host;

/// Counts events by key, within a sliding window, for all workers of the process.
///
/// A count is never too low, save in two cases: a single event of a key is forgotten when at least 64
/// other keys have come after it in its bucket, which takes about half of `most_keys` new keys; and
/// [`add`](Self::add) fails.
///
/// It can be too high: an event counts for up to an eighth of the window longer, and once so many keys
/// were counted more than once that they do not fit, keys without a place of their own have the count
/// of those that were pushed out. To raise that to `n`, `n * most_keys / 2` events in the window are
/// needed, by keys that come more than once.
#[derive(Debug)]
pub struct WindowCounter {
    store: Store,
    clock: Clock,
}

impl WindowCounter {
    /// Filters that give the same name, window and number share their counts; any others do not. What
    /// all workers need is made here.
    ///
    /// It takes 35 bytes of shared memory for each of `most_keys` at most, rounded up to buckets of
    /// 4,374 bytes: 3.4 MB for 100,000. Only buckets that something was counted in are there. They stay
    /// until the proxy ends, also when the configuration changes.
    pub fn new(name: &str, window: Duration, most_keys: usize, host: &dyn Host) -> Self {
        let identity = Identity { kind: "count", name, settings: &[window.as_millis()] };
        Self {
            store: Store::new(&identity, most_keys, keys::MOST, host),
            clock: Clock::new(window),
        }
    }

    /// Counts an event of this key, which may be any bytes.
    ///
    /// # Errors
    /// When it could not be counted: the proxy shares nothing, or other workers have written the same
    /// bucket 16 times meanwhile. What was counted before is never lost, and of `w` workers that count
    /// in one bucket at once, `(w - 1) / 16` events at most for each one that is counted.
    pub fn add(&self, key: &[u8], host: &dyn Host) -> Result<(), SignalError> {
        told(self.try_to_add(key, host), host)
    }

    /// Whether another key was pushed out for it.
    fn try_to_add(&self, key: &[u8], host: &dyn Host) -> Result<bool, SignalError> {
        let code = self.store.code(&[key])?;
        let tag = tag(&code);
        let mut pushed_out = false;
        self.store.update(&code, host, |bucket| {
            let added = Keys::read(bucket)?.add(tag, self.clock.slot_of(host.moment()));
            pushed_out = added.pushed_out;
            Ok(Some(added.bucket))
        })?;
        Ok(pushed_out)
    }

    /// How many events of this key lie within the window; [`u64::MAX`] when there are too many to tell:
    /// 65,535 within an eighth of it.
    ///
    /// # Errors
    /// When it cannot be told: the proxy shares nothing. A condition that asks has to count as fired.
    pub fn read(&self, key: &[u8], host: &dyn Host) -> Result<u64, SignalError> {
        let code = self.store.code(&[key])?;
        let bucket = self.store.read(&code, host);
        Ok(Keys::read(&bucket)?.count(tag(&code), self.clock.slot_of(host.moment())))
    }
}

fn tag(code: &Code) -> Tag {
    code.first_chunk().copied().unwrap_or_default()
}
