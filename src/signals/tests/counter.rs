//! Counters that workers share.

use std::rc::Rc;

use super::*;

const WINDOW: Duration = Duration::from_mins(10);

fn counter(host: &MemoryHost) -> WindowCounter {
    WindowCounter::new("failed_logins", WINDOW, 100_000, host)
}

#[test]
fn each_key_has_a_count_of_its_own() {
    let host = host();
    let counter = counter(&host);
    for (key, times) in [(&b"192.0.2.1"[..], 5), (b"192.0.2.2", 1), (b"", 2), (b"\xff\0", 3)] {
        assert_eq!(counter.read(key, &host), Ok(0));
        (0..times).for_each(|_| counter.add(key, &host).unwrap());
        assert_eq!(counter.read(key, &host), Ok(times));
    }
    assert_eq!(counter.read(b"192.0.2.3", &host), Ok(0));
    assert_eq!(counter.read(b"192.0.2.1", &host), Ok(5));
}

#[test]
fn events_leave_the_window_one_by_one() {
    let mut host = host();
    let counter = counter(&host);
    for _ in 0..5 {
        counter.add(b"a", &host).unwrap();
        host.pass(Duration::from_mins(2));
    }
    // The first one lies ten minutes back: it counts for that long at least, and for 75 s more at most.
    for (pause, expected) in [(0, 5), (75, 4), (45, 4), (75, 3), (6 * 60, 0)] {
        host.pass(SECOND * pause);
        assert_eq!(counter.read(b"a", &host), Ok(expected), "{pause}");
    }
}

#[test]
fn the_wall_clock_plays_no_part() {
    let mut host = host();
    let counter = counter(&host);
    counter.add(b"a", &host).unwrap();
    host.now = host.now.plus(WINDOW * 10);
    assert_eq!(counter.read(b"a", &host), Ok(1));
    host.now = host.now.minus(WINDOW * 20);
    assert_eq!(counter.read(b"a", &host), Ok(1));
}

#[test]
fn all_workers_count_together_and_other_signals_apart() {
    let host = host();
    let counters = [counter(&host), counter(&host)];
    (0..3).for_each(|_| counters[0].add(b"a", &host).unwrap());
    (0..2).for_each(|_| counters[1].add(b"a", &host).unwrap());
    assert_eq!(counters.map(|counter| counter.read(b"a", &host)), [Ok(5), Ok(5)]);
    for other in [
        WindowCounter::new("failed_payments", WINDOW, 100_000, &host),
        WindowCounter::new("failed_logins", WINDOW * 2, 100_000, &host),
        WindowCounter::new("failed_logins", WINDOW, 10_000, &host),
    ] {
        assert_eq!(other.read(b"a", &host), Ok(0));
    }
}

#[test]
fn what_another_worker_counts_at_the_same_time_is_not_lost() {
    let host = host();
    let counter = Rc::new(counter(&host));
    for (rival, in_all) in [(b"a", 2), (b"a", 4)] {
        let other = Rc::clone(&counter);
        host.before_next_write(move |host| other.add(rival, host).unwrap());
        counter.add(b"a", &host).unwrap();
        assert_eq!(counter.read(b"a", &host), Ok(in_all));
    }
}

#[test]
fn who_is_too_slow_each_time_is_told_so_and_takes_nothing_away() {
    let host = host();
    let counter = Rc::new(counter(&host));
    for (rounds, counted, lost) in [(SHARED_TRIES - 1, 16, 0), (SHARED_TRIES, 32, 1)] {
        let other = Rc::clone(&counter);
        rivals(&host, rounds, move |host| other.add(b"a", host).unwrap());
        let added = counter.add(b"a", &host);
        assert_eq!(added, if lost == 0 { Ok(()) } else { Err(SignalError::Contended) });
        assert_eq!(counter.read(b"a", &host), Ok(counted));
        assert_eq!(host.counted(Counter::SignalLost), lost);
    }
}

#[test]
fn where_nothing_is_shared_nothing_is_told_to_be_low() {
    let host = unsharing_host();
    let counter = counter(&host);
    assert_eq!(counter.add(b"a", &host), Err(SignalError::NotShared));
    assert_eq!(counter.read(b"a", &host), Err(SignalError::NotShared));
    assert_eq!(host.counted(Counter::SignalLost), 1);
}

#[test]
fn no_key_lies_in_shared_data_and_no_process_has_the_codes_of_another() {
    let bytes = |key: &[u8]| {
        let host = host();
        counter(&host).add(key, &host).unwrap();
        let values = host.shared_values();
        let bucket = values.into_iter().find(|(name, _)| name.starts_with("stepup.v1 signal "));
        bucket.unwrap().1
    };
    let one = bytes(b"alice@example.com");
    assert!(!one.windows(5).any(|bytes| bytes == b"alice"));
    assert_ne!(one, bytes(b"alice@example.com"));
    assert!(!format!("{:?}", counter(&host())).contains("codes"));
}
