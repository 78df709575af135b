//! What a flood does to counts, and what it costs in memory.

use super::*;
use crate::signals::keys::{LENGTH, MOST};

const WINDOW: Duration = Duration::from_mins(10);

fn key(number: u32) -> [u8; 16] {
    // An address of IPv6, of which anyone has more than he can use.
    (0x2001_0db8 << 96 | u128::from(number)).to_be_bytes()
}

#[test]
fn ten_times_as_many_addresses_as_there_is_room_for_erase_no_attacker() {
    flood(100_000, 10_000);
}

#[test]
#[ignore = "a minute where it is not optimised: cargo test --lib a_million -- --ignored"]
fn a_million_addresses_keep_memory_bounded_and_erase_no_attacker() {
    flood(1_000_000, 100_000);
}

fn flood(addresses: u32, room: usize) {
    let mut host = host();
    let counter = WindowCounter::new("failed_logins", WINDOW, room, &host);
    (0..5).for_each(|_| counter.add(b"attacker", &host).unwrap());
    (0..2).for_each(|_| counter.add(b"other", &host).unwrap());
    for number in 0..addresses {
        counter.add(&key(number), &host).unwrap();
        // He goes on all the while.
        if number % (addresses / 4) == 0 {
            counter.add(b"attacker", &host).unwrap();
        }
    }
    assert_eq!(counter.read(b"attacker", &host), Ok(9));
    assert_eq!(counter.read(b"other", &host), Ok(2));
    let innocent = |counter: &WindowCounter, host: &MemoryHost| {
        (0..1_000_u32).map(|n| counter.read(&n.to_be_bytes(), host).unwrap()).max()
    };
    assert_eq!(innocent(&counter, &host), Some(0), "others are untouched");
    let (bytes, buckets) = shared(&host);
    assert_eq!(buckets, room.div_ceil(MOST));
    assert_eq!(bytes, buckets * LENGTH, "35 bytes for each key that there is room for");
    assert!(host.counted(Counter::SignalEviction) > 0);
    assert_eq!(host.counted(Counter::SignalLost), 0);
    host.pass(WINDOW * 9 / 8);
    assert_eq!(counter.read(b"attacker", &host), Ok(0));
}

#[test]
fn a_flood_that_repeats_its_keys_raises_counts_and_lowers_none() {
    const ROOM: usize = 2_560;
    let mut host = host();
    let counter = WindowCounter::new("failed_logins", WINDOW, ROOM, &host);
    (0..5).for_each(|_| counter.add(b"attacker", &host).unwrap());
    host.pass(SECOND);
    for number in 0..10_000 {
        (0..7).for_each(|_| counter.add(&key(number), &host).unwrap());
    }
    let read = |key: &[u8], host: &MemoryHost| counter.read(key, host).unwrap();
    assert!(read(b"attacker", &host) >= 5);
    // Too high, for all who have no place: as if all events were spread over all places, at most.
    let innocent = read(b"innocent", &host);
    assert!((7..=10_000 * 7 / u64::try_from(ROOM).unwrap() + 7).contains(&innocent), "{innocent}");
    assert!(shared(&host).0 <= ROOM.div_ceil(MOST) * LENGTH);
    host.pass(WINDOW * 9 / 8);
    assert_eq!(read(b"attacker", &host), 0);
    assert_eq!(read(b"innocent", &host), 0);
}

#[test]
fn an_attacker_who_floods_between_his_tries_is_counted_all_the_same() {
    const ROOM: usize = 10_240;
    let host = host();
    let counter = WindowCounter::new("failed_logins", WINDOW, ROOM, &host);
    let mut flood = (0..).map(key);
    // Two tries at once, and no flood takes them away any more.
    (0..2).for_each(|_| counter.add(b"victim", &host).unwrap());
    for tries in 3..=5 {
        flood.by_ref().take(2 * ROOM).for_each(|key| counter.add(&key, &host).unwrap());
        counter.add(b"victim", &host).unwrap();
        assert_eq!(counter.read(b"victim", &host), Ok(tries));
    }
    // From the first try on, where the flood between two tries is small.
    for tries in 1..=5 {
        counter.add(b"another victim", &host).unwrap();
        assert_eq!(counter.read(b"another victim", &host), Ok(tries));
        flood.by_ref().take(ROOM / 4).for_each(|key| counter.add(&key, &host).unwrap());
    }
}
