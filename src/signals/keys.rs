//! One bucket of counted keys: a list of fixed size, kept in the order of their last events, the oldest
//! first.
//!
//! What a full bucket gives up, and why no one gains by it:
//! - Keys without an event in the window go first.
//! - Then, while at least half of the keys were counted once, the oldest of these goes. So a flood of
//!   keys with one event each pushes out its own, and raises no count. What is lost is one event of a
//!   key, and only after as many others as half a bucket holds came after it.
//! - Then the key with the lowest count goes, the oldest among equals. Its count stays as the bucket's
//!   floor until it would have left the window: all keys that the bucket does not hold are read as,
//!   and start from, the floor, the one pushed out among them. So nobody loses a count of two or more
//!   by what others do, or he himself; under a flood that repeats its keys, others have a count that
//!   is too high ("space saving": Metwally, Agrawal, El Abbadi, 2005).

use super::SignalError;
use super::slots::{self, Slots};

/// The most keys in a bucket.
pub(super) const MOST: usize = 128;
/// The code of a key: so long that two keys never share one by chance.
pub(super) const TAG: usize = 12;
const ENTRY: usize = TAG + slots::LENGTH;
/// The most bytes of a bucket.
#[cfg(test)]
pub(super) const LENGTH: usize = slots::LENGTH + MOST * ENTRY;

/// The code of a key.
pub(super) type Tag = [u8; TAG];

/// A bucket as it is shared.
pub(super) struct Keys<'a> {
    floor: Slots,
    entries: &'a [[u8; ENTRY]],
}

/// A bucket with an event more.
pub(super) struct Added {
    pub(super) bucket: Vec<u8>,
    /// Whether a key was pushed out that still counted.
    pub(super) pushed_out: bool,
}

impl<'a> Keys<'a> {
    /// Reads a bucket; an empty one was never written.
    pub(super) fn read(bucket: &'a [u8]) -> Result<Self, SignalError> {
        if bucket.is_empty() {
            return Ok(Self { floor: Slots::default(), entries: &[] });
        }
        let (floor, entries) = bucket.split_first_chunk().ok_or(SignalError::Unreadable)?;
        match entries.as_chunks() {
            (entries, []) => Ok(Self { floor: Slots::read(*floor), entries }),
            _ => Err(SignalError::Unreadable),
        }
    }

    /// How often this key was counted.
    pub(super) fn count(&self, tag: Tag, now: u32) -> u64 {
        let held = self.entries.iter().find(|entry| is_of(entry, tag) && is_live(entry, now));
        held.map_or(self.floor, slots_of).total(now)
    }

    /// Counts an event of this key.
    pub(super) fn add(&self, tag: Tag, now: u32) -> Added {
        let mut live = self.entries.iter().filter(|entry| is_live(entry, now)).collect::<Vec<_>>();
        let known = live.iter().position(|entry| is_of(entry, tag));
        // What the bucket does not hold starts from the floor.
        let mut floor = self.floor;
        let mut slots = floor;
        let mut pushed_out = false;
        if let Some(place) = known {
            slots = slots_of(live.remove(place));
        } else if live.len() >= MOST {
            let counts = live.iter().map(|entry| slots_of(entry).total(now)).collect::<Vec<_>>();
            let (place, leaves_count) = which_goes(&counts);
            let gone = slots_of(live.remove(place));
            pushed_out = true;
            if leaves_count {
                floor.rise_to(gone, now);
                slots = floor;
            }
        }
        slots.add(now);
        let length = live.len().saturating_add(2).saturating_mul(ENTRY);
        let mut bucket = Vec::with_capacity(length);
        floor.write(&mut bucket);
        for entry in live {
            bucket.extend_from_slice(entry);
        }
        bucket.extend_from_slice(&tag);
        slots.write(&mut bucket);
        Added { bucket, pushed_out }
    }
}

/// Which one of a full bucket's keys makes room, and whether its count has to stay as the floor.
fn which_goes(counts: &[u64]) -> (usize, bool) {
    let is_single = |count: &u64| *count <= 1;
    let singles = counts.iter().filter(|count| is_single(count)).count();
    if singles.saturating_mul(2) >= counts.len() {
        return (counts.iter().position(is_single).unwrap_or_default(), false);
    }
    let repeated = counts.iter().enumerate().filter(|(_, count)| !is_single(count));
    // The first of several that are lowest.
    let lowest = repeated.min_by_key(|(_, count)| **count);
    (lowest.map(|(place, _)| place).unwrap_or_default(), true)
}

fn is_of(entry: &[u8; ENTRY], tag: Tag) -> bool {
    entry.starts_with(&tag)
}

fn is_live(entry: &[u8; ENTRY], now: u32) -> bool {
    let (_, slots) = entry.split_at(TAG);
    slots.first_chunk().is_some_and(|newest| Slots::are_live(*newest, now))
}

fn slots_of(entry: &[u8; ENTRY]) -> Slots {
    entry.last_chunk().copied().map(Slots::read).unwrap_or_default()
}
