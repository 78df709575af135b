//! Clocks that are set, configurations that change, and answers that get lost.

use super::*;
use crate::report::DocumentNames;

#[test]
fn a_wall_clock_that_is_set_changes_nothing() {
    for hours_ahead in [0, 48] {
        let mut process = Process::new(2, &settings());
        process.host.now = Timestamp::from_epoch(Duration::from_secs(START + hours_ahead * 3600));
        assert_eq!(process.tick().len(), 1);
        // The leader dies, and the clock is set: forward, or back from a day ahead.
        process.workers[0] = keys_of(settings(), &process.host);
        process.host.now = Timestamp::from_epoch(Duration::from_secs(START + 24 * 3600));
        process.pass(Duration::from_secs(11));
        process.fetch(&served(&[key("a")]));
        process.host.now = Timestamp::from_epoch(Duration::from_secs(START));
        process.pass(Duration::from_mins(9) - Duration::from_secs(1));
        assert!(process.tick().is_empty());
        process.pass(Duration::from_mins(1) + Duration::from_secs(1));
        process.fetch(&answer(500, b""));
        process.pass(Duration::from_mins(50));
        assert_eq!(process.kids(1), None, "keys serve longer than stale_for");
    }
}

#[test]
fn a_new_configuration_with_shorter_times_counts_at_once() {
    let old = RemoteSettings {
        refresh: Duration::from_hours(24),
        stale_for: Duration::from_hours(48),
        ..settings()
    };
    let shorter = |refresh, stale_for| RemoteSettings { refresh, stale_for, ..settings() };
    for (new, pause) in [
        (shorter(Duration::from_mins(1), Duration::from_hours(48)), Duration::from_mins(1)),
        (shorter(Duration::from_mins(1), Duration::from_mins(10)), Duration::from_mins(11)),
    ] {
        let mut process = Process::new(1, &old);
        process.fetch(&served(&[key("a")]));
        process.pass(Duration::from_secs(30));
        process.workers = vec![keys_of(new.clone(), &process.host)];
        assert!(process.tick().is_empty());
        process.pass(pause.saturating_sub(Duration::from_secs(30)));
        // A request that comes before the fetch waits for it.
        let found = process.workers[0].lookup(&process.host);
        assert!(matches!(found, Lookup::Ready(..) | Lookup::Pending(_)), "{found:?}");
        process.fetch(&served(&[key("b")]));
        assert_eq!(process.kids(0), Some(vec!["b".to_owned()]));
        // Where fetches fail, shorter times bring no flood of them.
        process.pass(pause);
        process.fetch(&answer(500, b""));
        assert!(process.tick().is_empty());
    }
}

#[test]
fn a_shorter_time_out_in_a_new_configuration_counts_at_once() {
    let mut process =
        Process::new(1, &RemoteSettings { timeout: Duration::from_mins(1), ..settings() });
    assert_eq!(process.tick().len(), 1);
    // The worker takes the new configuration, and its call goes with the old one.
    process.workers = vec![keys_of(settings(), &process.host)];
    assert!(process.tick().len() == 1, "the old one could lead for two minutes");
}

#[test]
fn an_answer_that_is_lost_is_not_waited_for_for_good() {
    let mut process = Process::new(1, &settings());
    let made = process.tick();
    process.pass(Duration::from_millis(10_999));
    assert!(process.tick().is_empty());
    process.pass(Duration::from_millis(1));
    process.fetch(&served(&[key("a")]));
    assert!(process.kids(0).is_some());
    // Should it come after all, it is nobody's.
    assert!(!process.workers[0].on_answer(&process.host, made[0].1, &served(&[key("b")])));
}

#[test]
fn an_unknown_kid_while_keys_cannot_be_fetched_is_no_verdict() {
    let mut process = Process::new(2, &settings());
    process.fetch(&served(&[key("a")]));
    process.tick();
    process.pass(Duration::from_mins(1));
    let newer =
        |process: &mut Process, worker: usize| process.workers[worker].lookup_newer(&process.host);
    assert!(matches!(newer(&mut process, 0), Some(Lookup::Pending(_))));
    process.fetch(&answer(503, b""));
    for worker in 0..2 {
        let found = newer(&mut process, worker);
        let Some(Lookup::Unavailable(retry_after)) = found else { panic!("{found:?}") };
        assert!(retry_after <= Duration::from_secs(1), "{retry_after:?}");
        assert!(process.kids(worker).is_some(), "known keys serve meanwhile");
    }
    process.pass(Duration::from_secs(1));
    process.fetch(&served(&[key("a")]));
    process.tick();
    // The issuer says so: there is no such key.
    assert!(newer(&mut process, 0).is_none() && newer(&mut process, 1).is_none());
}

/// Documents that nobody can read once they are shared, as those of another version may be.
#[derive(Debug, Default)]
struct Unreadable(std::cell::Cell<usize>);

impl Format for Unreadable {
    type Loaded = ();
    const OWNER: &'static str = "test";
    const WHAT: &'static str = "texts";
    const ACCEPT: &'static str = "text/plain";
    const FETCHED: Counter = Counter::FeedFetch;
    const FAILED: Counter = Counter::FeedFetchFailure;
    const METRICS: DocumentNames = DocumentNames {
        owner: "test",
        fetches: "fetches",
        age: "age",
        limit: "limit",
        held: "held",
    };

    fn kind(&self) -> std::borrow::Cow<'static, str> {
        "unreadable".into()
    }

    fn longest(&self) -> usize {
        CalloutAnswer::MAX_BODY
    }

    fn check<'b>(&self, body: &'b [u8]) -> Result<Checked<'b, ()>, String> {
        Ok(Checked { document: String::from_utf8_lossy(body), content: (), notes: Vec::new() })
    }

    fn size((): &()) -> usize {
        0
    }

    fn load(&self, _: &str) -> Option<()> {
        self.0.set(self.0.get() + 1);
        None
    }
}

#[test]
fn what_cannot_be_read_is_not_read_again_with_each_request() {
    let host = MemoryHost::new(Headers::default());
    let worker = || RemoteDocument::new(Unreadable::default(), settings(), "issuer", &host);
    let (mut leader, mut other) = (worker(), worker());
    leader.on_tick(&host);
    assert!(leader.on_answer(&host, CallId(0), &answer(200, b"x")));
    for _ in 0..10 {
        assert!(matches!(leader.lookup(&host), Lookup::Ready(..)));
        assert!(matches!(other.lookup(&host), Lookup::Unavailable(_)));
        other.on_tick(&host);
    }
    assert_eq!((leader.format.0.get(), other.format.0.get()), (0, 1));
}
