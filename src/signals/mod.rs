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

pub use self::counter::WindowCounter;
pub use self::first_seen::FirstSeen;

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
