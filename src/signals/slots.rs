//! How often something happened within a sliding window.
//!
//! Time is cut into slots, of which a window has [`PER_WINDOW`], and events are counted by slot. The
//! oldest slot lies in the window in part only, and counts in full: an event counts for the whole
//! window, and for a [`PER_WINDOW`]th of it more at most.

use std::time::Duration;

use crate::time::Moment;

/// How many slots cover a window.
pub(super) const PER_WINDOW: u32 = 8;
/// A window that begins within a slot reaches into one more.
const SLOTS: usize = 9;
/// Written: the number of the newest slot, and the count of each, newest first.
pub(super) const LENGTH: usize = 4 + 2 * SLOTS;
/// Such a count stands for any that is higher.
const FULL: u16 = u16::MAX;

/// Cuts time into the slots of one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The length of a slot in milliseconds.
    slot: u128,
}

impl Clock {
    pub(super) fn new(window: Duration) -> Self {
        Self { slot: window.as_millis().div_ceil(PER_WINDOW.into()).max(1) }
    }

    /// The number of the slot that this moment lies in. The last one never ends; the shortest window,
    /// of a second, gets there after 17 years.
    pub(super) fn slot_of(self, moment: Moment) -> u32 {
        let slot = moment.since_start().as_millis().checked_div(self.slot);
        slot.and_then(|slot| u32::try_from(slot).ok()).unwrap_or(u32::MAX)
    }
}

/// Counts by slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots {
    newest: u32,
    /// Newest first.
    counts: [u16; SLOTS],
}

impl Slots {
    pub(super) fn read(bytes: [u8; LENGTH]) -> Self {
        let (newest, counts) = bytes.split_at(4);
        let mut slots = Self::default();
        if let Some(newest) = newest.first_chunk() {
            slots.newest = u32::from_be_bytes(*newest);
        }
        let (pairs, _) = counts.as_chunks();
        for (count, pair) in slots.counts.iter_mut().zip(pairs) {
            *count = u16::from_be_bytes(*pair);
        }
        slots
    }

    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.newest.to_be_bytes());
        for count in self.counts {
            to.extend_from_slice(&count.to_be_bytes());
        }
    }

    /// Adds an event.
    pub(super) fn add(&mut self, now: u32) {
        self.move_to(now);
        if let Some(newest) = self.counts.first_mut() {
            *newest = newest.saturating_add(1);
        }
    }

    /// How many events lie in the window that ends in this slot: all that do, and some that lie up to
    /// one slot before it. Where a slot is full it may be any number, and is the highest.
    pub(super) fn total(&self, now: u32) -> u64 {
        let gone_by = usize::try_from(now.saturating_sub(self.newest)).unwrap_or(SLOTS);
        let left = self.counts.iter().take(SLOTS.saturating_sub(gone_by));
        let counts = left.map(|count| if *count == FULL { u64::MAX } else { u64::from(*count) });
        counts.fold(0, u64::saturating_add)
    }

    /// Whether the last event of slots whose written form starts like this still counts.
    pub(super) const fn are_live(start: [u8; 4], now: u32) -> bool {
        now.saturating_sub(u32::from_be_bytes(start)) <= PER_WINDOW
    }

    /// Adds as little as makes the total, now and at any time to come, as high as that of `other`.
    pub(super) fn rise_to(&mut self, mut other: Self, now: u32) {
        let now = now.max(self.newest).max(other.newest);
        self.move_to(now);
        other.move_to(now);
        // What is left of a total when the older slots have gone by is the sum of the newer ones.
        let (mut ours, mut theirs, mut reached) = (0_u32, 0_u32, 0_u32);
        for (own, other) in self.counts.iter_mut().zip(other.counts) {
            ours = ours.saturating_add((*own).into());
            theirs = theirs.saturating_add(other.into());
            let higher = ours.max(theirs);
            let is_full = *own == FULL || other == FULL;
            let step = u16::try_from(higher.saturating_sub(reached)).unwrap_or(FULL);
            *own = if is_full { FULL } else { step };
            reached = higher;
        }
    }

    /// Lets slots go by. Another worker may have read the clock a little later; then none do.
    fn move_to(&mut self, now: u32) {
        let steps = now.saturating_sub(self.newest);
        if steps == 0 {
            return;
        }
        let steps = usize::try_from(steps).unwrap_or(SLOTS).min(SLOTS);
        self.counts.rotate_right(steps);
        self.counts.iter_mut().take(steps).for_each(|count| *count = 0);
        self.newest = now;
    }
}
