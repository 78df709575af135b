//! What is new, for all workers.

use std::collections::HashMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::*;
use crate::signals::sightings;

const WINDOW: Duration = Duration::from_hours(24);
const FORGET_AFTER: Duration = Duration::from_hours(90 * 24);

fn devices(host: &MemoryHost) -> FirstSeen {
    FirstSeen::new("new_device", WINDOW, FORGET_AFTER, 100_000, host)
}

#[test]
fn a_device_is_new_until_a_while_after_it_was_first_seen() {
    let mut host = host();
    let devices = devices(&host);
    assert_eq!(devices.is_new(b"alice", b"phone", &host), Ok(true));
    assert_eq!(devices.is_new(b"alice", b"phone", &host), Ok(true), "asking is not seeing");
    devices.see(b"alice", b"phone", &host).unwrap();
    for (pause, expected) in [(0, true), (24 * 3600, true), (1, false), (24 * 3600, false)] {
        host.pass(SECOND * pause);
        devices.see(b"alice", b"phone", &host).unwrap();
        assert_eq!(devices.is_new(b"alice", b"phone", &host), Ok(expected), "{pause}");
    }
    assert_eq!(devices.is_new(b"alice", b"laptop", &host), Ok(true));
    assert_eq!(devices.is_new(b"bob", b"phone", &host), Ok(true));
    // Where the subject ends and the value begins makes a difference.
    assert_eq!(devices.is_new(b"alicep", b"hone", &host), Ok(true));
    assert_eq!(devices.is_new(b"", b"alicephone", &host), Ok(true));
}

#[test]
fn a_device_is_forgotten_when_it_is_not_seen() {
    let mut host = host();
    let devices = devices(&host);
    devices.see(b"alice", b"phone", &host).unwrap();
    for _ in 0..10 {
        host.pass(FORGET_AFTER / 16 * 15);
        assert_eq!(devices.is_new(b"alice", b"phone", &host), Ok(false));
        devices.see(b"alice", b"phone", &host).unwrap();
    }
    host.pass(FORGET_AFTER);
    assert_eq!(devices.is_new(b"alice", b"phone", &host), Ok(true));
    devices.see(b"alice", b"phone", &host).unwrap();
    host.pass(WINDOW);
    assert_eq!(devices.is_new(b"alice", b"phone", &host), Ok(true), "it was first seen again");
}

#[test]
fn a_device_that_was_seen_not_long_ago_is_not_written_again() {
    let mut host = host();
    let devices = devices(&host);
    devices.see(b"alice", b"phone", &host).unwrap();
    host.pass(FORGET_AFTER / 17);
    host.before_next_write(|_| panic!("it was written"));
    devices.see(b"alice", b"phone", &host).unwrap();
}

#[test]
fn what_another_worker_sees_at_the_same_time_is_not_lost() {
    let mut host = host();
    let devices = [devices(&host), devices(&host)].map(Rc::new);
    for number in [b"0", b"1"] {
        let other = Rc::clone(&devices[1]);
        host.before_next_write(move |host| {
            other.see(b"alice", &[b"x", &number[..]].concat(), host).unwrap();
        });
        devices[0].see(b"alice", number, &host).unwrap();
    }
    // Of two that see the same for the first time, one writes.
    let other = Rc::clone(&devices[1]);
    host.before_next_write(move |host| other.see(b"alice", b"2", host).unwrap());
    devices[0].see(b"alice", b"2", &host).unwrap();
    host.pass(WINDOW + SECOND);
    for value in [&b"0"[..], b"1", b"2", b"x0", b"x1"] {
        assert_eq!(devices[1].is_new(b"alice", value, &host), Ok(false), "{value:?}");
    }
    let other = Rc::clone(&devices[1]);
    let number = std::cell::Cell::new(0_u8);
    rivals(&host, SHARED_TRIES, move |host| {
        number.set(number.get() + 1);
        other.see(b"alice", &[b'n', number.get()], host).unwrap();
    });
    assert_eq!(devices[0].see(b"alice", b"late", &host), Err(SignalError::Contended));
    assert_eq!(devices[0].is_new(b"alice", b"late", &host), Ok(true));
    assert_eq!(host.counted(Counter::SignalLost), 1);
}

#[test]
fn where_nothing_is_shared_nothing_is_told_to_be_known() {
    let host = unsharing_host();
    let devices = devices(&host);
    assert_eq!(devices.see(b"alice", b"phone", &host), Err(SignalError::NotShared));
    assert_eq!(devices.is_new(b"alice", b"phone", &host), Err(SignalError::NotShared));
}

#[test]
fn a_flood_of_subjects_keeps_memory_bounded_and_what_is_known() {
    const ROOM: usize = 10_240;
    let mut host = host();
    let devices = FirstSeen::new("new_device", WINDOW, FORGET_AFTER, ROOM, &host);
    for user in 0..1_000_u32 {
        devices.see(&user.to_be_bytes(), b"phone", &host).unwrap();
    }
    host.pass(WINDOW + SECOND);
    for number in 0..100_000_u64 {
        devices.see(&number.to_be_bytes(), b"phone", &host).unwrap();
    }
    for user in 0..1_000_u32 {
        assert_eq!(devices.is_new(&user.to_be_bytes(), b"phone", &host), Ok(false), "{user}");
    }
    assert_eq!(shared(&host), (80 * sightings::LENGTH, 80));
    assert!(host.counted(Counter::SignalEviction) > 80_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is seen in whatever order, only that is known which was first seen a window ago, and
    /// seen since often enough.
    #[test]
    fn nothing_is_known_before_its_time(
        sights in proptest::collection::vec((0_u8..12, 0_u8..40, 0_u32..200), 1..600),
        room in 1_usize..300,
    ) {
        let (window, forget_after) = (SECOND * 500, SECOND * 2_000);
        let mut host = host();
        let devices = FirstSeen::new("new_device", window, forget_after, room, &host);
        // When each pair was first seen, and last, without a pause in which it was forgotten.
        let mut model = HashMap::<(u8, u8), (Moment, Moment)>::new();
        for (subject, value, pause) in sights {
            host.pass(Duration::from_millis(u64::from(pause) * 97));
            let now = host.moment;
            let is_new = devices.is_new(&[subject], &[value], &host).unwrap();
            let seen = model.get(&(subject, value)).copied();
            let seen = seen.filter(|(_, last)| now.since(*last).unwrap() < forget_after + SECOND);
            let may_be_known = seen.is_some_and(|(first, _)| now.since(first).unwrap() >= window);
            prop_assert!(is_new || may_be_known);
            let _ = devices.see(&[subject], &[value], &host);
            model.insert((subject, value), (seen.map_or(now, |(first, _)| first), now));
        }
    }
}
