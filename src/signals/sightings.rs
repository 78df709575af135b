//! One bucket of what was seen: a list of fixed size, in the order in which it was last seen, the
//! longest ago first.
//!
//! Whatever is pushed out is new again when it comes back, so that nobody gains by it. What others
//! lose is bounded all the same. In a full bucket, what was not seen for long goes first; then what is
//! still new for the same subject; then what is still new for others. What is known by now is never
//! pushed out by another subject: where all of it is, nothing is taken any more.

use std::time::Duration;

use super::SignalError;
use crate::time::Moment;

/// The most pairs in a bucket.
pub(super) const MOST: usize = 128;
/// The most values of one subject. The next one takes the place of one of these.
pub(super) const MOST_PER_SUBJECT: usize = 16;
/// A time of last sight is brought forward when it is this part of `forget_after` old. Most sights
/// then write nothing.
pub(super) const REFRESHES: u32 = 16;

/// The code of a subject within its bucket.
pub(super) const SUBJECT: usize = 8;
/// The code of a subject and a value: so long that two pairs never share one by chance.
pub(super) const PAIR: usize = 12;
/// The codes, when it was first seen, and when last.
const ENTRY: usize = SUBJECT + PAIR + 4 + 4;
/// The most bytes of a bucket.
#[cfg(test)]
pub(super) const LENGTH: usize = MOST * ENTRY;

/// A value that was seen with a subject, by their codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) subject: [u8; SUBJECT],
    pub(super) pair: [u8; PAIR],
}

/// How long things are new, and known, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) new_for: u32,
    pub(super) known_for: u32,
}

/// A time in seconds after the start of the clock; good for 136 years.
pub(super) fn seconds(moment: Moment) -> u32 {
    whole_seconds(moment.since_start())
}

pub(super) fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// A pair, and when it was seen.
#[derive(Clone, Copy)]
struct Sighting {
    of: Pair,
    first: u32,
    last: u32,
}

/// A bucket as it is shared.
pub(super) struct Sightings<'a> {
    entries: &'a [[u8; ENTRY]],
    terms: Terms,
    now: u32,
}

/// A bucket with a sight more.
pub(super) struct Seen {
    /// `None` where nothing has to be written.
    pub(super) bucket: Option<Vec<u8>>,
    /// Whether another pair was pushed out.
    pub(super) pushed_out: bool,
}

impl<'a> Sightings<'a> {
    /// Reads a bucket; an empty one was never written.
    pub(super) fn read(bucket: &'a [u8], terms: Terms, now: u32) -> Result<Self, SignalError> {
        match bucket.as_chunks() {
            (entries, []) => Ok(Self { entries, terms, now }),
            _ => Err(SignalError::Unreadable),
        }
    }

    /// Whether this pair was never seen, as far as is known, or not for long enough.
    pub(super) fn is_new(&self, pair: Pair) -> bool {
        self.find(pair).is_none_or(|seen| self.is_still_new(&seen))
    }

    /// Remembers that this pair is seen now.
    pub(super) fn see(&self, pair: Pair) -> Result<Seen, SignalError> {
        let now = self.now;
        let known = self.find(pair);
        if known.is_some_and(|seen| !self.is_to_refresh(&seen)) {
            return Ok(Seen { bucket: None, pushed_out: false });
        }
        let others = self.entries.iter().map(Sighting::read);
        let others = others.filter(|seen| self.is_live(seen) && seen.of != pair);
        let mut kept = others.collect::<Vec<_>>();
        let mut pushed_out = false;
        if known.is_none()
            && let Some(place) = self.place_to_clear(&kept, pair)?
        {
            kept.remove(place);
            pushed_out = true;
        }
        // A second later, for the fraction that is cut off.
        let first = known.map_or(now.saturating_add(1), |seen| seen.first);
        kept.push(Sighting { of: pair, first, last: now });
        let mut bucket = Vec::with_capacity(kept.len().saturating_mul(ENTRY));
        for seen in kept {
            seen.write(&mut bucket);
        }
        Ok(Seen { bucket: Some(bucket), pushed_out })
    }

    /// Which of these has to go to make room for this pair; `None` where there is room.
    fn place_to_clear(&self, kept: &[Sighting], pair: Pair) -> Result<Option<usize>, SignalError> {
        let own = |seen: &Sighting| seen.of.subject == pair.subject;
        let count = kept.iter().filter(|seen| own(seen)).count();
        let first = |is: &dyn Fn(&Sighting) -> bool| kept.iter().position(is);
        let own_new = || first(&|seen| own(seen) && self.is_still_new(seen));
        if count >= MOST_PER_SUBJECT {
            return Ok(own_new().or_else(|| first(&own)));
        }
        if kept.len() < MOST {
            return Ok(None);
        }
        let any_new = || first(&|seen| self.is_still_new(seen));
        own_new().or_else(any_new).map(Some).ok_or(SignalError::NoRoom)
    }

    /// What is known of this pair.
    fn find(&self, pair: Pair) -> Option<Sighting> {
        let is_of = |entry: &&[u8; ENTRY]| {
            let (subject, rest) = entry.split_at(SUBJECT);
            subject == pair.subject && rest.starts_with(&pair.pair)
        };
        self.entries.iter().find(is_of).map(Sighting::read).filter(|seen| self.is_live(seen))
    }

    const fn is_live(&self, seen: &Sighting) -> bool {
        self.now.saturating_sub(seen.last) < self.terms.known_for
    }

    const fn is_still_new(&self, seen: &Sighting) -> bool {
        self.now < seen.first.saturating_add(self.terms.new_for)
    }

    const fn is_to_refresh(&self, seen: &Sighting) -> bool {
        self.now.saturating_sub(seen.last) >= self.terms.known_for.div_ceil(REFRESHES)
    }
}

impl Sighting {
    fn read(entry: &[u8; ENTRY]) -> Self {
        let (subject, rest) = entry.split_first_chunk().unwrap_or((&[0; SUBJECT], &[]));
        let (pair, times) = rest.split_first_chunk().unwrap_or((&[0; PAIR], &[]));
        let first = times.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        let last = times.last_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        Self { of: Pair { subject: *subject, pair: *pair }, first, last }
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.of.subject);
        to.extend_from_slice(&self.of.pair);
        to.extend_from_slice(&self.first.to_be_bytes());
        to.extend_from_slice(&self.last.to_be_bytes());
    }
}
