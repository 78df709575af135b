//! What is counted and remembered, and what floods do to it.
#![allow(clippy::arithmetic_side_effects)]

mod counter;
mod first_seen;
mod flood;
mod keys;
mod sightings;
mod slots;

use std::time::Duration;

use super::*;
use crate::host::SHARED_TRIES;
use crate::host::memory::MemoryHost;
use crate::report::Counter;
use crate::request::Headers;
use crate::time::Moment;

const SECOND: Duration = Duration::from_secs(1);

fn host() -> MemoryHost {
    let mut host = MemoryHost::new(Headers::default());
    host.moment = Moment::from_start(Duration::from_secs(1_000_000));
    host
}

/// A host on which workers can share nothing.
fn unsharing_host() -> MemoryHost {
    use crate::host::Host as _;
    let host = host();
    host.set_shared("stepup.v1 secret", b"not one", None).unwrap();
    host
}

/// The bytes of all buckets, and their number.
fn shared(host: &MemoryHost) -> (usize, usize) {
    let values = host.shared_values();
    let buckets = values.iter().filter(|(name, _)| name.starts_with("stepup.v1 signal "));
    buckets.fold((0, 0), |(bytes, count), (_, value)| (bytes + value.len(), count + 1))
}

/// Lets other workers write `times` times, each just before a write that is to come.
fn rivals(host: &MemoryHost, times: usize, act: impl Fn(&MemoryHost) + 'static) {
    if times > 0 {
        host.before_next_write(move |host| {
            act(host);
            rivals(host, times - 1, act);
        });
    }
}
