//! Workers that share a key server: who fetches, when, and what they have meanwhile.

#![allow(clippy::arithmetic_side_effects)]

mod told;
mod upsets;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::host::memory::MemoryHost;
use crate::keys::{Algorithm, Jwks, KeySet, rfc};
use crate::report::Counter;
use crate::request::Headers;
use crate::time::Timestamp;

const START: u64 = 1_700_000_000;

fn settings() -> RemoteSettings {
    RemoteSettings {
        name: "https://id.example.com".into(),
        cluster: "idp".into(),
        source: RemoteSource::Document(Endpoint::from_url("https://id.example.com/jwks").unwrap()),
        timeout: Duration::from_secs(5),
        wait: Duration::from_secs(3),
        refresh: Duration::from_mins(10),
        refresh_min: Duration::from_mins(1),
        stale_for: Duration::from_hours(1),
        refetch_after: Duration::from_secs(30),
    }
}

fn keys_of(settings: RemoteSettings, host: &MemoryHost) -> RemoteDocument<Jwks> {
    RemoteDocument::new(Jwks, settings, "issuer", host)
}

/// A process with some workers and a key server.
struct Process {
    host: MemoryHost,
    workers: Vec<RemoteDocument<Jwks>>,
    calls: u32,
}

/// What the key server answers.
fn served(keys: &[Value]) -> CalloutAnswer {
    answer(200, json!({"keys": keys}).to_string().as_bytes())
}

fn answer(status: u16, body: &[u8]) -> CalloutAnswer {
    let status = (":status".to_owned(), status.to_string().into_bytes());
    CalloutAnswer { headers: Headers::new(vec![status]), body: Ok(body.to_vec()) }
}

fn key(kid: &str) -> Value {
    let mut key: Value = serde_json::from_str(rfc::P256).unwrap();
    key["kid"] = json!(kid);
    key
}

impl Process {
    fn new(workers: usize, settings: &RemoteSettings) -> Self {
        let mut host = MemoryHost::new(Headers::default());
        host.now = Timestamp::from_epoch(Duration::from_secs(START));
        host.moment = Moment::from_start(Duration::from_hours(1));
        let workers = (0..workers).map(|_| keys_of(settings.clone(), &host)).collect();
        Self { host, workers, calls: 0 }
    }

    fn pass(&mut self, time: Duration) {
        self.host.pass(time);
    }

    /// Lets every worker tick once, and says which of them called, with the path that they asked.
    fn tick(&mut self) -> Vec<(usize, CallId, String)> {
        let mut made = Vec::new();
        for (index, worker) in self.workers.iter_mut().enumerate() {
            worker.on_tick(&self.host);
            for call in self.host.take_calls() {
                let path = call.headers.iter().find(|(name, _)| name == ":path").unwrap();
                made.push((index, CallId(self.calls), path.1.clone()));
                self.calls += 1;
            }
        }
        made
    }

    /// Ticks, expects one call, and answers it.
    fn fetch(&mut self, answer: &CalloutAnswer) {
        let made = self.tick();
        let [(worker, call, _)] = made.as_slice() else { panic!("not one call: {made:?}") };
        assert!(self.workers[*worker].on_answer(&self.host, *call, answer));
    }

    fn kids(&mut self, worker: usize) -> Option<Vec<String>> {
        match self.workers[worker].lookup(&self.host) {
            Lookup::Ready(keys, _) => Some(kids(&keys)),
            _ => None,
        }
    }
}

fn kids(keys: &KeySet) -> Vec<String> {
    keys.iter().map(|key| key.kid().unwrap().to_owned()).collect()
}

#[test]
fn one_worker_fetches_for_all() {
    let mut process = Process::new(4, &settings());
    assert!(matches!(process.workers[2].lookup(&process.host), Lookup::Pending(_)));
    process.fetch(&served(&[key("a")]));
    assert!(process.tick().is_empty());
    for worker in 0..4 {
        assert_eq!(process.kids(worker), Some(vec!["a".to_owned()]));
    }
}

#[test]
fn keys_are_fetched_again_before_the_interval_is_over_and_not_much_earlier() {
    let mut process = Process::new(2, &settings());
    process.fetch(&served(&[key("a")]));
    process.pass(Duration::from_mins(9) - Duration::from_secs(1));
    assert!(process.tick().is_empty());
    process.pass(Duration::from_mins(1) + Duration::from_secs(1));
    process.fetch(&served(&[key("b")]));
    process.tick();
    assert_eq!(process.kids(0), Some(vec!["b".to_owned()]));
    assert_eq!(process.kids(1), Some(vec!["b".to_owned()]));
}

#[test]
fn cache_control_shortens_the_interval_within_bounds() {
    for (header, fetched_after) in [
        ("max-age=120", 120),
        ("public, max-age=120, must-revalidate", 120),
        ("Max-Age=120", 120),
        ("max-age=5", 60),
        ("max-age=0", 60),
        ("max-age=86400", 600),
        ("no-cache", 600),
        ("max-age=x", 600),
    ] {
        let mut process = Process::new(1, &settings());
        let mut good = served(&[key("a")]);
        good.headers = Headers::new(vec![
            (":status".to_owned(), b"200".to_vec()),
            ("cache-control".to_owned(), header.as_bytes().to_vec()),
        ]);
        process.fetch(&good);
        process.pass(Duration::from_secs(fetched_after * 9 / 10 - 1));
        assert!(process.tick().is_empty(), "{header}");
        process.pass(Duration::from_secs(fetched_after / 10 + 2));
        assert_eq!(process.tick().len(), 1, "{header}");
    }
}

#[test]
fn the_last_good_set_serves_while_it_cannot_be_fetched_up_to_its_limit() {
    let mut process = Process::new(2, &settings());
    process.fetch(&served(&[key("a")]));
    process.pass(Duration::from_mins(10));
    process.fetch(&answer(500, b""));
    assert!(process.kids(1).is_some());
    process.pass(Duration::from_mins(49));
    assert!(process.kids(0).is_some());
    process.pass(Duration::from_mins(1));
    assert_eq!(process.kids(0), None);
    process.fetch(&served(&[key("b")]));
    assert_eq!(process.kids(1), Some(vec!["b".to_owned()]));
}

#[test]
fn a_failed_fetch_is_tried_again_later_and_later() {
    let mut process = Process::new(3, &settings());
    for pause in [1, 2, 4, 8, 16, 32, 60, 60] {
        process.fetch(&answer(503, b""));
        let said = match process.workers[1].lookup(&process.host) {
            Lookup::Unavailable(retry_after) => retry_after,
            other => panic!("{other:?}"),
        };
        assert!(said <= Duration::from_secs(pause) && said >= Duration::from_millis(pause * 900));
        process.pass(Duration::from_millis(pause * 900 - 1));
        assert!(process.tick().is_empty(), "{pause}");
        process.pass(Duration::from_millis(pause * 100 + 1));
    }
    process.fetch(&served(&[key("a")]));
    assert!(process.kids(2).is_some());
}

#[test]
fn only_a_good_set_counts_as_fetched() {
    let too_long = CalloutAnswer { body: Err(524_288), ..answer(200, b"") };
    let repeated = br#"{"keys":[],"keys":[]}"#;
    for bad in [
        CalloutAnswer::none(),
        answer(500, json!({"keys": [key("a")]}).to_string().as_bytes()),
        answer(302, json!({"keys": [key("a")]}).to_string().as_bytes()),
        answer(204, b""),
        answer(200, b""),
        answer(200, b"<html></html>"),
        answer(200, b"{\"keys\":[{\"kty\":\"EC\""),
        answer(200, b"[]"),
        answer(200, b"{\"keys\":[]}"),
        answer(200, repeated),
        served(&[json!({"kty": "oct", "k": "AAAA"}), json!({"kty": "XYZ"})]),
        served(&vec![key("a"); 257]),
        too_long,
    ] {
        let mut process = Process::new(1, &settings());
        process.fetch(&bad);
        assert_eq!(process.kids(0), None, "{bad:?}");
        assert_eq!(process.host.counted(Counter::KeyFetchFailure), 1);
        assert_eq!(process.host.counted(Counter::KeyFetch), 0);
    }
}

#[test]
fn a_set_with_some_unusable_keys_serves_the_usable_ones() {
    let mut process = Process::new(1, &settings());
    process.fetch(&served(&[json!({"kty": "XYZ"}), key("a"), json!(1)]));
    assert_eq!(process.kids(0), Some(vec!["a".to_owned()]));
}

#[test]
fn a_worker_that_dies_while_it_leads_stops_nothing() {
    let mut process = Process::new(2, &settings());
    assert_eq!(process.tick().len(), 1);
    // It never takes the answer. Twice its time-out and a second later another one leads.
    process.workers[0] = keys_of(settings(), &process.host);
    process.pass(Duration::from_millis(10_999));
    assert!(process.tick().is_empty());
    process.pass(Duration::from_millis(1));
    process.fetch(&served(&[key("a")]));
    assert!(process.kids(0).is_some() && process.kids(1).is_some());
}

#[test]
fn a_proxy_without_the_cluster_is_a_failed_fetch() {
    // MemoryHost takes every call, so the failure is told as the adapter tells it: no answer.
    let mut process = Process::new(1, &settings());
    process.fetch(&CalloutAnswer::none());
    assert!(matches!(process.workers[0].lookup(&process.host), Lookup::Unavailable(_)));
}

#[test]
fn a_new_configuration_starts_with_the_keys_that_the_process_has() {
    let mut process = Process::new(1, &settings());
    process.fetch(&served(&[key("a")]));
    process.workers.push(keys_of(settings(), &process.host));
    assert_eq!(process.kids(1), Some(vec!["a".to_owned()]));
    assert!(process.tick().is_empty());
    let elsewhere = RemoteSettings { cluster: "other".into(), ..settings() };
    process.workers.push(keys_of(elsewhere, &process.host));
    assert_eq!(process.kids(2), None);
}

#[test]
fn an_unknown_kid_brings_one_fetch_forward() {
    let mut process = Process::new(3, &settings());
    process.fetch(&served(&[key("a")]));
    process.tick();
    process.pass(Duration::from_mins(1));
    let newer =
        |process: &mut Process, worker: usize| process.workers[worker].lookup_newer(&process.host);
    // Every worker meets the kid at once: all wait for the same fetch.
    for worker in 0..3 {
        assert!(matches!(newer(&mut process, worker), Some(Lookup::Pending(_))));
    }
    process.fetch(&served(&[key("a"), key("b")]));
    for worker in 0..3 {
        assert!(matches!(process.workers[worker].lookup(&process.host), Lookup::Ready(..)));
        let found = newer(&mut process, worker);
        // The keys came with the lookup, or come now; another fetch does not.
        assert!(matches!(found, None | Some(Lookup::Ready(..))), "{found:?}");
        assert_eq!(process.kids(worker), Some(vec!["a".to_owned(), "b".to_owned()]));
    }
    // A flood of invented kids brings no further fetch until the time is over.
    for _ in 0..1000 {
        assert!(newer(&mut process, 1).is_none());
    }
    assert!(process.tick().is_empty());
    process.pass(Duration::from_secs(30));
    assert!(matches!(newer(&mut process, 2), Some(Lookup::Pending(_))));
    assert_eq!(process.tick().len(), 1);
}

#[test]
fn every_worker_has_news_once_when_a_fetch_came_to_an_end() {
    let mut process = Process::new(2, &settings());
    let news = |process: &mut Process| {
        process.workers.iter_mut().map(|worker| worker.on_tick(&process.host)).collect::<Vec<_>>()
    };
    process.tick();
    assert_eq!(news(&mut process), [false, false]);
    for answer in [answer(500, b""), served(&[key("a")]), served(&[key("a")])] {
        process.pass(Duration::from_mins(20));
        process.host.take_calls();
        let made = process.tick();
        let (worker, call) = made.first().map_or((0, CallId(0)), |made| (made.0, made.1));
        process.workers[worker].on_answer(&process.host, call, &answer);
        // A lookup in between takes the news of no request that waits.
        let _ = process.workers[1].lookup(&process.host);
        assert_eq!(news(&mut process), [true, true]);
        assert_eq!(news(&mut process), [false, false]);
    }
}

#[test]
fn a_withdrawn_key_is_gone_with_the_next_fetch() {
    let mut process = Process::new(2, &settings());
    process.fetch(&served(&[key("a"), key("b")]));
    let before = match process.workers[1].lookup(&process.host) {
        Lookup::Ready(keys, generation) => (keys, generation),
        other => panic!("{other:?}"),
    };
    process.pass(Duration::from_mins(10));
    process.fetch(&served(&[key("b")]));
    process.tick();
    let Lookup::Ready(keys, generation) = process.workers[1].lookup(&process.host) else {
        panic!("no keys")
    };
    assert_ne!(generation, before.1);
    let withdrawn = before.0.candidates(Some("a"), Algorithm::ES256).next().unwrap();
    assert!(before.0.holds(withdrawn) && !keys.holds(withdrawn));
}

#[test]
fn an_unchanged_set_keeps_its_generation() {
    let mut process = Process::new(1, &settings());
    process.fetch(&served(&[key("a")]));
    let Lookup::Ready(_, first) = process.workers[0].lookup(&process.host) else { panic!() };
    process.pass(Duration::from_mins(10));
    process.fetch(&served(&[key("a")]));
    let Lookup::Ready(_, second) = process.workers[0].lookup(&process.host) else { panic!() };
    assert_eq!(first, second);
    // Fetched again, it is good for its whole time again.
    process.pass(Duration::from_mins(59));
    assert!(process.kids(0).is_some());
}

fn discovered() -> RemoteSettings {
    let metadata = Endpoint::well_known("https://id.example.com").unwrap();
    RemoteSettings { source: RemoteSource::Metadata(metadata), ..settings() }
}

fn metadata(change: impl FnOnce(&mut Value)) -> CalloutAnswer {
    let mut metadata =
        json!({"issuer": "https://id.example.com", "jwks_uri": "https://keys.example.com/k?x=1"});
    change(&mut metadata);
    answer(200, metadata.to_string().as_bytes())
}

#[test]
fn metadata_says_where_the_keys_are() {
    let mut process = Process::new(1, &discovered());
    let made = process.tick();
    assert_eq!(made[0].2, "/.well-known/openid-configuration");
    process.workers[0].on_answer(&process.host, made[0].1, &metadata(|_| {}));
    let calls = process.host.take_calls();
    assert_eq!(calls[0].headers[2], (":authority".to_owned(), "keys.example.com".to_owned()));
    assert_eq!(calls[0].headers[3], (":path".to_owned(), "/k?x=1".to_owned()));
    process.workers[0].on_answer(&process.host, CallId(1), &served(&[key("a")]));
    assert_eq!(process.kids(0), Some(vec!["a".to_owned()]));
}

#[test]
fn metadata_of_another_issuer_or_without_a_place_is_refused() {
    let changes: [fn(&mut Value); 5] = [
        |m| m["issuer"] = json!("https://evil.example.com"),
        |m| m["issuer"] = json!("https://id.example.com/"),
        |m| m["issuer"] = json!(["https://id.example.com"]),
        |m| m["jwks_uri"] = json!("file:///etc/passwd"),
        |m| m["jwks_uri"] = Value::Null,
    ];
    for change in changes {
        let mut process = Process::new(1, &discovered());
        process.fetch(&metadata(change));
        assert!(process.host.take_calls().is_empty());
        assert_eq!(process.host.counted(Counter::KeyFetchFailure), 1);
    }
}

#[test]
fn an_answer_to_another_call_is_left_alone() {
    let mut process = Process::new(1, &settings());
    let made = process.tick();
    let other = CallId(made[0].1.0 + 7);
    assert!(!process.workers[0].on_answer(&process.host, other, &served(&[key("a")])));
    assert!(process.workers[0].on_answer(&process.host, made[0].1, &served(&[key("a")])));
}
