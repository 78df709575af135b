//! Sliding windows.

use proptest::prelude::*;

use super::*;
use crate::signals::slots::{Clock, LENGTH, PER_WINDOW, Slots};

fn counted(events: &[u32]) -> Slots {
    let mut slots = Slots::default();
    for slot in events {
        slots.add(*slot);
    }
    slots
}

#[test]
fn an_event_counts_in_its_slot_and_a_windows_slots_after_it() {
    let slots = counted(&[10]);
    for (now, expected) in [(10, 1), (17, 1), (18, 1), (19, 0), (27, 0), (u32::MAX, 0)] {
        assert_eq!(slots.total(now), expected, "{now}");
        assert_eq!(Slots::are_live(10_u32.to_be_bytes(), now), expected > 0, "{now}");
    }
}

#[test]
fn a_worker_whose_clock_is_behind_adds_to_the_newest_slot() {
    let slots = counted(&[10, 9, 3, 10]);
    assert_eq!(slots.total(9), 4);
    assert_eq!(slots.total(18), 4);
    assert_eq!(slots.total(19), 0);
}

#[test]
fn a_slot_that_is_full_may_stand_for_any_number() {
    let mut slots = counted(&[1]);
    (0..65_533).for_each(|_| slots.add(2));
    assert_eq!(slots.total(2), 65_534);
    slots.add(2);
    assert_eq!(slots.total(2), 65_535);
    slots.add(2);
    assert_eq!(slots.total(2), u64::MAX);
    let mut other = counted(&[2]);
    other.rise_to(slots, 2);
    assert_eq!(other.total(10), u64::MAX);
    assert_eq!(slots.total(11), 0);
}

#[test]
fn the_last_slot_never_ends() {
    let clock = Clock::new(SECOND);
    assert_eq!(clock.slot_of(Moment::from_start(Duration::MAX)), u32::MAX);
    assert_eq!(counted(&[u32::MAX]).total(u32::MAX), 1);
    assert_eq!(Clock::new(Duration::ZERO).slot_of(Moment::from_start(SECOND)), 1_000);
}

fn events() -> impl Strategy<Value = Vec<u32>> {
    proptest::collection::vec(0_u32..40, 0..60).prop_map(|mut events| {
        events.sort_unstable();
        events
    })
}

proptest! {
    /// Never too low, and too high by what lies up to an eighth of the window before it only.
    #[test]
    fn the_total_is_that_of_the_window_and_up_to_an_eighth_more(
        window in 1_u64..100_000,
        mut times in proptest::collection::vec(0_u64..400_000, 0..60),
        after in 0_u64..200_000,
    ) {
        times.sort_unstable();
        let clock = Clock::new(Duration::from_millis(window));
        let at = |millis| clock.slot_of(Moment::from_start(Duration::from_millis(millis)));
        let slots = counted(&times.iter().map(|time| at(*time)).collect::<Vec<_>>());
        let now = times.last().unwrap_or(&0) + after;
        let within = |length: u64| {
            let within = times.iter().filter(|time| **time + length > now);
            u64::try_from(within.count()).unwrap()
        };
        let total = slots.total(at(now));
        prop_assert!(total >= within(window));
        prop_assert!(total <= within(window.div_ceil(PER_WINDOW.into()) * u64::from(PER_WINDOW + 1)));
    }

    #[test]
    fn rising_makes_the_higher_of_two_totals_at_any_time(one in events(), other in events(), now in 0_u32..60) {
        let (one, other) = (counted(&one), counted(&other));
        let mut risen = one;
        risen.rise_to(other, now);
        // Once the slots of a time have gone by, nobody asks for that time.
        for later in now.max(40)..80 {
            prop_assert_eq!(risen.total(later), one.total(later).max(other.total(later)));
        }
    }

    #[test]
    fn what_is_written_is_read(events in events()) {
        let slots = counted(&events);
        let mut bytes = Vec::new();
        slots.write(&mut bytes);
        prop_assert_eq!(Slots::read(<[u8; LENGTH]>::try_from(bytes).unwrap()), slots);
    }
}
