//! Feeds that are fetched, by workers that share them.

use std::time::Duration;

use super::*;
use crate::host::memory::MemoryHost;
use crate::remote::{Endpoint, RemoteSettings, RemoteSource};
use crate::report::Counter;
use crate::request::Headers;

/// A process whose workers have one feed, and what its server answers.
struct Bench {
    host: MemoryHost,
    workers: Vec<Feeds>,
    calls: u32,
}

fn feeds(format: FeedFormat, host: &MemoryHost) -> Feeds {
    let settings = RemoteSettings {
        name: "bad".into(),
        cluster: "feeds".into(),
        source: RemoteSource::Document(Endpoint::from_url("http://feeds.example/b").unwrap()),
        timeout: Duration::from_secs(5),
        wait: Duration::ZERO,
        refresh: Duration::from_mins(10),
        refresh_min: Duration::from_mins(1),
        stale_for: Duration::from_hours(1),
        refetch_after: Duration::MAX,
    };
    let source = FeedSource::Remote { format, settings };
    Feeds::new(vec![FeedSettings { name: "bad".into(), source }], host)
}

impl Bench {
    fn new(format: FeedFormat) -> Self {
        let host = MemoryHost::new(Headers::default());
        let workers = vec![feeds(format, &host), feeds(format, &host)];
        Self { host, workers, calls: 0 }
    }

    /// Ticks, expects one call, and answers it.
    fn fetch(&mut self, status: &str, body: &[u8]) {
        let mut leader = None;
        for (index, worker) in self.workers.iter().enumerate() {
            worker.on_tick(&self.host);
            if !self.host.take_calls().is_empty() {
                assert_eq!(leader.replace(index), None, "two workers fetch");
            }
        }
        let worker = &self.workers[leader.expect("nothing is fetched")];
        let call = CallId(self.calls);
        assert_eq!(worker.longest_answer(call), Some(1 << 20));
        assert_eq!(worker.longest_answer(CallId(self.calls + 1)), None);
        let headers = Headers::new(vec![(":status".to_owned(), status.as_bytes().to_vec())]);
        let answer = CalloutAnswer { headers, body: Ok(body.to_vec()) };
        assert!(worker.on_answer(&self.host, call, &answer));
        assert!(!worker.on_answer(&self.host, call, &answer), "it was answered");
        self.calls += 1;
        self.workers.iter().for_each(|worker| {
            worker.on_tick(&self.host);
        });
    }

    /// What all workers say of a text.
    fn has(&self, text: &str) -> Option<bool> {
        let mut all = self.workers.iter().map(|worker| {
            worker.entries("bad", &self.host).and_then(|entries| entries.has_text(text))
        });
        let first = all.next().unwrap();
        assert!(all.all(|other| other == first));
        first
    }
}

#[test]
fn the_last_good_list_serves_until_it_is_too_old() {
    let mut bench = Bench::new(format(FeedType::Strings));
    assert_eq!(bench.has("a"), None, "nothing was loaded yet");
    bench.fetch("200", b"a\nb\n");
    assert_eq!((bench.has("a"), bench.has("c")), (Some(true), Some(false)));
    bench.host.pass(Duration::from_mins(10));
    bench.fetch("200", b"[\"c\"]");
    assert_eq!((bench.has("a"), bench.has("c")), (Some(false), Some(true)));
    for (status, body) in [("503", &b""[..]), ("200", b"[]"), ("200", b"[\"d\""), ("302", b"d\n")] {
        bench.host.pass(Duration::from_mins(12));
        bench.fetch(status, body);
        assert_eq!((bench.has("c"), bench.has("d")), (Some(true), Some(false)), "{status}");
    }
    assert_eq!(bench.host.counted(Counter::FeedFetch), 2);
    assert_eq!(bench.host.counted(Counter::FeedFetchFailure), 4);
    assert_eq!(bench.host.counted(Counter::KeyFetchFailure), 0);
    bench.host.pass(Duration::from_mins(12));
    assert_eq!(bench.has("c"), None, "it is an hour old");
    bench.fetch("200", b"e\n");
    assert_eq!(bench.has("e"), Some(true));
}

#[test]
fn a_list_that_shrinks_to_nothing_is_taken_only_where_that_is_allowed() {
    for allow_empty in [false, true] {
        let mut bench = Bench::new(FeedFormat { allow_empty, ..format(FeedType::Strings) });
        bench.fetch("200", b"a\n");
        bench.host.pass(Duration::from_mins(10));
        bench.fetch("200", b"# none today\n");
        assert_eq!(bench.has("a"), Some(!allow_empty));
    }
}

#[test]
fn a_new_configuration_starts_with_what_the_process_has_if_it_reads_it_the_same_way() {
    let mut bench = Bench::new(format(FeedType::Strings));
    bench.fetch("200", b"10.0.0.0/8\n");
    let again = feeds(format(FeedType::Strings), &bench.host);
    let again = again.entries("bad", &bench.host).unwrap();
    assert_eq!(again.has_text("10.0.0.0/8"), Some(true));
    for other in [
        format(FeedType::Networks),
        FeedFormat { allow_empty: true, ..format(FeedType::Strings) },
        FeedFormat { longest: 5, ..format(FeedType::Strings) },
    ] {
        let feeds = feeds(other, &bench.host);
        assert_eq!(feeds.entries("bad", &bench.host), None, "{other:?}");
        feeds.on_tick(&bench.host);
        assert_eq!(bench.host.take_calls().len(), 1, "{other:?} is fetched anew");
    }
}

#[test]
fn an_inline_feed_is_there_at_once_and_asks_nobody() {
    let entries = Arc::new(from_json(FeedType::Networks, &json!(["10.0.0.0/8"])).unwrap());
    let settings = FeedSettings { name: "own".into(), source: FeedSource::Inline(entries) };
    let host = MemoryHost::new(Headers::default());
    let feeds = Feeds::new(vec![settings], &host);
    assert!(feeds.is_idle());
    feeds.on_tick(&host);
    assert!(host.take_calls().is_empty());
    let own = feeds.entries("own", &host).unwrap();
    assert_eq!(own.has_address(address("10.1.2.3")), Some(true));
    assert_eq!(feeds.entries("other", &host), None);
}

#[test]
fn a_hundred_thousand_networks_are_shared_by_all_workers() {
    let mut bench = Bench::new(format(FeedType::Networks));
    for number in [100_000, 50_000] {
        bench.fetch("200", networks(number).as_bytes());
        for worker in &bench.workers {
            let entries = worker.entries("bad", &bench.host).unwrap();
            assert_eq!(u32::try_from(entries.len()), Ok(number));
        }
        bench.host.pass(Duration::from_mins(10));
    }
}
