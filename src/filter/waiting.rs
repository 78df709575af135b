//! Requests that wait for keys, and how often they are looked at.

use std::cell::Cell;
use std::time::Duration;

use crate::host::{Host, RequestId};
use crate::time::Timestamp;

/// The most requests of a worker that wait. Beyond that, a flood would only take memory.
const MOST: usize = 10_000;

/// The requests that wait, and until when.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<(RequestId, Timestamp)>);

impl Waiting {
    /// Adds a request. `false` when too many wait already.
    pub(super) fn add(&mut self, request: RequestId, deadline: Timestamp) -> bool {
        let has_room = self.0.len() < MOST;
        if has_room {
            self.0.push((request, deadline));
        }
        has_room
    }

    pub(super) fn remove(&mut self, request: RequestId) {
        self.0.retain(|(other, _)| *other != request);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

impl IntoIterator for Waiting {
    type Item = (RequestId, Timestamp);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// How often the filter asks to be called.
#[derive(Debug, Default)]
pub(super) struct Pace(Cell<Duration>);

impl Pace {
    /// While something is waited for: other workers fetch keys too, and only ticks tell of it.
    const QUICK: Duration = Duration::from_millis(20);
    /// Otherwise.
    const SLOW: Duration = Duration::from_secs(1);

    pub(super) fn hurry(&self, host: &dyn Host) {
        self.set(host, Self::QUICK);
    }

    pub(super) fn rest(&self, host: &dyn Host) {
        self.set(host, Self::SLOW);
    }

    fn set(&self, host: &dyn Host, period: Duration) {
        if self.0.replace(period) != period {
            host.set_tick_period(period);
        }
    }
}
