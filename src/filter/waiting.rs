//! Requests that wait for keys or answers, and how often they are looked at.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::host::{Host, RequestId};
use crate::time::Moment;
use crate::token::QuestionId;

/// The most requests of a worker that wait. Beyond that, a flood would only take memory.
const MOST: usize = 10_000;

/// What a request waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// How long it can wait.
    pub(super) longest: Duration,
    /// The question to an authorization server; `None` for keys.
    pub(super) question: Option<QuestionId>,
}

/// A request that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    /// Since when.
    pub(super) since: Moment,
    /// Until when at most.
    pub(super) deadline: Moment,
    /// For the answer to this; for keys otherwise.
    pub(super) question: Option<QuestionId>,
}

/// The requests that wait.
///
/// Every request that ends is removed here, so that has to be quick however many wait.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<RequestId, Waits>);

impl Waiting {
    /// Adds a request. `false` when too many wait already.
    pub(super) fn add(&mut self, request: RequestId, waits: Waits) -> bool {
        let has_room = self.0.len() < MOST;
        if has_room {
            self.0.insert(request, waits);
        }
        has_room
    }

    pub(super) fn remove(&mut self, request: RequestId) {
        self.0.remove(&request);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

impl IntoIterator for Waiting {
    type Item = (RequestId, Waits);
    type IntoIter = std::collections::btree_map::IntoIter<RequestId, Waits>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// How often the filter asks to be called.
#[derive(Debug, Default)]
pub(super) struct Pace {
    period: Cell<Option<Duration>>,
    keys_at: Cell<Moment>,
}

impl Pace {
    /// For a question that has to be asked: only ticks can ask.
    const AT_ONCE: Duration = Duration::from_millis(1);
    /// While something is waited for: other workers fetch keys too, and only ticks tell of it.
    const QUICK: Duration = Duration::from_millis(20);
    /// Otherwise.
    const SLOW: Duration = Duration::from_secs(1);

    /// Hurries as much as what is waited for asks for.
    pub(super) fn hurry_for(&self, wait: &Wait, host: &dyn Host) {
        let period = if wait.question.is_some() { Self::AT_ONCE } else { Self::QUICK };
        if self.period.get().is_none_or(|current| period < current) {
            self.set(period, host);
        }
    }

    /// Goes on where something is left to be asked.
    pub(super) fn at_once(&self, host: &dyn Host) {
        self.set(Self::AT_ONCE, host);
    }

    /// Goes on where nothing new is to be hurried for.
    pub(super) fn settle(&self, is_idle: bool, host: &dyn Host) {
        self.set(if is_idle { Self::SLOW } else { Self::QUICK }, host);
    }

    /// Whether a tick is to look at keys and feeds too. Those that come for a question only are many more.
    pub(super) fn is_time_for_keys(&self, now: Moment) -> bool {
        let is_extra = self.period.get() == Some(Self::AT_ONCE);
        let is_soon = now.since(self.keys_at.get()).is_some_and(|passed| passed < Self::QUICK);
        let is_time = !(is_extra && is_soon);
        if is_time {
            self.keys_at.set(now);
        }
        is_time
    }

    fn set(&self, period: Duration, host: &dyn Host) {
        if self.period.replace(Some(period)) != Some(period) {
            host.set_tick_period(period);
        }
    }
}
