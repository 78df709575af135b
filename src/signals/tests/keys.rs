//! A bucket of counted keys.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;
use crate::signals::keys::{Keys, LENGTH, MOST, TAG, Tag};
use crate::signals::slots::{self, PER_WINDOW};

/// A bucket that is changed as one in shared data is.
#[derive(Clone, Default)]
struct Bucket {
    bytes: Vec<u8>,
    pushed_out: usize,
}

impl Bucket {
    fn add(&mut self, key: u32, now: u32) {
        let added = Keys::read(&self.bytes).unwrap().add(tag(key), now);
        self.bytes = added.bucket;
        self.pushed_out += usize::from(added.pushed_out);
        assert!(self.bytes.len() <= LENGTH);
    }

    fn count(&self, key: u32, now: u32) -> u64 {
        Keys::read(&self.bytes).unwrap().count(tag(key), now)
    }

    fn held(&self) -> HashSet<u32> {
        let entries = self.bytes.get(slots::LENGTH..).unwrap_or_default();
        entries
            .chunks(TAG + slots::LENGTH)
            .map(|entry| u32::from_be_bytes(entry[..4].try_into().unwrap()))
            .collect()
    }
}

/// How many keys a bucket holds.
fn room() -> u32 {
    MOST.try_into().unwrap()
}

fn tag(key: u32) -> Tag {
    let mut tag = [0xa5; TAG];
    tag[..4].copy_from_slice(&key.to_be_bytes());
    tag
}

const ATTACKER: u32 = 1_000_000;
const OTHER: u32 = 2_000_000;
const NOW: u32 = 100;

#[test]
fn keys_of_one_event_push_out_only_each_other() {
    let mut bucket = Bucket::default();
    (0..5).for_each(|_| bucket.add(ATTACKER, NOW));
    (0..2).for_each(|_| bucket.add(OTHER, NOW));
    for key in 0..10_000 {
        bucket.add(key, NOW);
        assert_eq!(bucket.count(key, NOW), 1);
    }
    assert_eq!(bucket.count(ATTACKER, NOW), 5);
    assert_eq!(bucket.count(OTHER, NOW), 2);
    assert_eq!(bucket.count(10_000, NOW), 0, "a flood of single events raises no other count");
    assert_eq!(bucket.pushed_out, 10_000 + 2 - MOST);
    assert_eq!(bucket.bytes.len(), LENGTH);
}

#[test]
fn what_has_left_the_window_goes_first() {
    let mut bucket = Bucket::default();
    for key in 0..room() {
        (0..3).for_each(|_| bucket.add(key, NOW));
    }
    bucket.add(OTHER, NOW + PER_WINDOW + 1);
    assert_eq!(bucket.count(OTHER, NOW + PER_WINDOW + 1), 1);
    assert_eq!(bucket.pushed_out, 0);
    assert!(!bucket.held().contains(&0), "what is over takes no room");
}

#[test]
fn a_key_that_is_pushed_out_with_its_count_keeps_it_and_so_do_those_that_come_after() {
    let mut bucket = Bucket::default();
    (0..5).for_each(|_| bucket.add(ATTACKER, NOW));
    for key in 1..room() {
        (0..6).for_each(|_| bucket.add(key, NOW));
    }
    bucket.add(OTHER, NOW + 1);
    assert!(!bucket.held().contains(&ATTACKER), "it was the lowest");
    assert_eq!(bucket.count(ATTACKER, NOW + 1), 5);
    assert_eq!(bucket.count(OTHER, NOW + 1), 6, "it may be the one that was pushed out");
    bucket.add(ATTACKER, NOW + 1);
    assert_eq!(bucket.count(ATTACKER, NOW + 1), 7, "the lowest then had 6");
    // When what raised it is over, so is the floor.
    assert_eq!(bucket.count(3_000_000, NOW + PER_WINDOW), 6);
    assert_eq!(bucket.count(3_000_000, NOW + PER_WINDOW + 1), 0);
}

#[test]
fn a_single_event_outlasts_half_a_bucket_of_others_however_the_rest_is_filled() {
    for doubles in [0, 1, 63, 64, 65, 126, 127, 128, 200] {
        let mut bucket = Bucket::default();
        for key in 0..doubles {
            (0..2).for_each(|_| bucket.add(key, NOW));
        }
        bucket.add(ATTACKER, NOW);
        for key in 0..room() / 2 - 1 {
            bucket.add(10_000 + key, NOW);
            assert!(bucket.count(ATTACKER, NOW) >= 1, "{doubles}, {key}");
        }
    }
}

#[test]
fn what_is_no_bucket_is_told() {
    let mut bucket = Bucket::default();
    bucket.add(1, NOW);
    let mut longer = bucket.bytes.clone();
    longer.push(0);
    for bytes in [&b"x"[..], &bucket.bytes[1..], &longer] {
        assert_eq!(Keys::read(bytes).err(), Some(SignalError::Unreadable));
    }
}

/// Keys and the time that passes before each event, in slots.
fn events() -> impl Strategy<Value = Vec<(u32, u32)>> {
    // Some keys come often, most hardly ever.
    let key = prop_oneof![0_u32..8, 0_u32..200, 0_u32..2_000];
    let pause = prop_oneof![40 => Just(0_u32), 1 => 1_u32..4];
    proptest::collection::vec((key, pause), 0..1_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever comes in whatever order, no key's count is too low by more than the single events of
    /// it that were pushed out.
    #[test]
    fn no_count_is_too_low_but_for_single_events(events in events()) {
        let mut bucket = Bucket::default();
        let mut seen = HashMap::<u32, Vec<u32>>::new();
        let mut singles = HashMap::<u32, u64>::new();
        let mut now = NOW;
        let within = |events: &[u32], now| {
            let within = events.iter().filter(|slot| **slot + PER_WINDOW >= now);
            u64::try_from(within.count()).unwrap()
        };
        let lost = |singles: &HashMap<_, _>, key| singles.get(&key).copied().unwrap_or_default();
        for (key, pause) in events {
            now += pause;
            let (before, held) = (bucket.clone(), bucket.held());
            bucket.add(key, now);
            seen.entry(key).or_default().push(now);
            if bucket.pushed_out > before.pushed_out {
                let after = bucket.held();
 let gone = held.difference(&after).copied();
                for gone in gone.filter(|key| before.count(*key, now) == 1) {
                    *singles.entry(gone).or_default() += 1;
                }
            }
            prop_assert!(bucket.count(key, now) + lost(&singles, key) >= within(&seen[&key], now));
        }
        for (key, events) in &seen {
            prop_assert!(bucket.count(*key, now) + lost(&singles, *key) >= within(events, now));
        }
    }

    /// What a key was counted twice for, no events of others take away.
    #[test]
    fn others_take_nothing_from_a_count_of_two_or_more(
        before in events(),
        count in 2_u64..8,
        others in proptest::collection::vec((0_u32..3_000, 1_usize..9), 0..300),
    ) {
        let mut bucket = Bucket::default();
        for (key, _) in before {
            bucket.add(key, NOW);
        }
        (0..count).for_each(|_| bucket.add(ATTACKER, NOW));
        for (key, times) in others {
            (0..times).for_each(|_| bucket.add(key, NOW));
            prop_assert!(bucket.count(ATTACKER, NOW) >= count);
        }
    }

    /// To raise the count of those that are not held, as many events are needed as half of the places.
    #[test]
    fn others_raise_counts_at_a_price(
        events in proptest::collection::vec((0_u32..600, 1_u64..9), 0..600),
    ) {
        let (mut bucket, mut price) = (Bucket::default(), 0);
        for (key, times) in events {
            (0..times).for_each(|_| bucket.add(key, NOW));
            price += times;
            prop_assert!(bucket.count(OTHER, NOW) <= price / u64::from(room() / 2));
        }
    }
}
