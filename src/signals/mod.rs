//! What the proxy itself has seen: how often something happened, and what is new.
//!
//! The workers of a process share it, and nobody else: each proxy counts for itself, from zero when it
//! starts. Nothing personal lies there, only codes that this process alone can make.
//!
//! It is bounded in bytes, whoever floods it. What has to give way then is chosen so that nobody gets
//! rid of what was seen of him: [`WindowCounter`] and [`FirstSeen`] say what may be wrong, and that it
//! is on the safe side.

mod counter;
mod first_seen;
mod keys;
mod sightings;
mod slots;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use self::counter::WindowCounter;
pub use self::first_seen::FirstSeen;
use crate::host::{Host, Outdated};
use crate::report::Counter;

/// A signal as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalSettings {
    /// Its name, which is an identifier of CEL.
    pub name: Box<str>,
    /// What it is counted, or remembered, for: an address, a subject.
    pub per: Box<str>,
    /// What it tells.
    pub kind: SignalKind,
    /// How many keys (of [`SignalKind::FirstSeen`]: pairs) it has room for.
    pub most_keys: usize,
}

/// What a signal tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// How often something happened.
    Count {
        /// What is counted: a condition on a request and its response.
        condition: Box<str>,
        /// For how long it counts.
        window: Duration,
    },
    /// Whether something is new.
    FirstSeen {
        /// What is remembered.
        value: Box<str>,
        /// How long it is new after it was first seen.
        window: Duration,
        /// How long it is remembered after it was last seen.
        forget_after: Duration,
    },
}

impl SignalSettings {
    /// What filters have to agree in to share this signal: its name and expressions. For
    /// [`WindowCounter::new`] and [`FirstSeen::new`].
    pub fn shared_name(&self) -> String {
        let expression = match &self.kind {
            SignalKind::Count { condition, .. } => condition,
            SignalKind::FirstSeen { value, .. } => value,
        };
        // Written with quotes, one part does not run into the next.
        format!("{} {:?} {:?}", self.name, self.per, expression)
    }
}

/// Why a signal cannot be read, or something was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalError {
    /// The proxy lets workers share nothing.
    NotShared,
    /// What is shared is nothing that this filter wrote.
    Unreadable,
    /// Other workers were faster each time.
    Contended,
    /// There is no room.
    NoRoom,
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotShared => "the proxy lets its workers share nothing",
            Self::Unreadable => "what the workers share cannot be read",
            Self::Contended => "other workers wrote at the same time, again and again",
            Self::NoRoom => "there is no more room; raise most_keys",
        })
    }
}

impl std::error::Error for SignalError {}

impl From<Outdated> for SignalError {
    fn from(Outdated: Outdated) -> Self {
        Self::Contended
    }
}

/// Tells operators what became of an event or a sighting: whether another one was pushed out for it, or
/// that it was lost.
fn told(kept: Result<bool, SignalError>, host: &dyn Host) -> Result<(), SignalError> {
    match kept {
        Ok(true) => host.count(Counter::SignalEviction),
        Ok(false) => {}
        Err(_) => host.count(Counter::SignalLost),
    }
    kept.map(|_| ())
}
