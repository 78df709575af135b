//! Feeds that are fetched through a real Envoy: large ones, bad ones, servers that are down, and what
//! conditions make of them.

// A test may fail by panicking.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use support::shipped::fewest_capabilities;
use support::{Envoy, EnvoyOptions, Reply, Request, Upstream, poll};

/// A server whose answer can be changed.
struct FeedServer {
    answer: Arc<Mutex<Reply>>,
    server: Upstream,
}

impl FeedServer {
    fn start(answer: Reply) -> Self {
        let answer = Arc::new(Mutex::new(answer));
        let current = Arc::clone(&answer);
        let server = Upstream::start_with(move |_| current.lock().unwrap().clone());
        Self { answer, server }
    }

    fn now_answers(&self, answer: Reply) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Changes the answer, and waits until it was fetched.
    fn serve(&self, answer: Reply) {
        self.now_answers(answer);
        let before = self.server.received().len();
        let fetched = || (self.server.received().len() > before).then_some(());
        poll(Duration::from_secs(10), fetched).expect("the feed is fetched again");
    }
}

/// A public route that addresses of the feed `blocked` may not use.
fn config(feed: &Value) -> Value {
    let mut remote = json!({
        "cluster": "feeds", "uri": "http://feeds.example.com/blocked", "refresh": "1s",
        "refresh_min": "1s", "stale_for": "1h",
    });
    remote.as_object_mut().unwrap().extend(feed.as_object().unwrap().clone());
    json!({
        "feeds": {"blocked": {"type": "networks", "remote": remote}},
        "policies": {"open": {"public": true, "raise": [
            {"name": "blocked", "when": "source.ip in feeds.blocked", "deny": "Blocked."},
        ]}},
        "default": "open",
    })
}

fn start(server: &FeedServer, upstream: &Upstream, feed: &Value) -> Envoy {
    let options = EnvoyOptions::new(upstream, config(feed)).allow_only(&fewest_capabilities());
    Envoy::start(options.cluster("feeds", server.server.addr()))
}

/// Waits until a request gets this status.
fn expect(envoy: &Envoy, status: u16) {
    let sent = || (envoy.send(&Request::get("/")).status == status).then_some(());
    poll(Duration::from_secs(10), sent).unwrap_or_else(|| panic!("no request gets {status}"));
}

/// No request gets another status for a while.
fn expect_still(envoy: &Envoy, status: u16) {
    for _ in 0..5 {
        assert_eq!(envoy.send(&Request::get("/")).status, status);
    }
}

/// Networks of both families, none of which meet.
fn networks(number: u32) -> String {
    (0..number).fold(String::new(), |mut text, n| {
        let v6 = (0x2001_0000_u128 << 96) + (u128::from(n) << 80);
        match n % 2 {
            0 => writeln!(text, "{}/24", Ipv4Addr::from(0x0b00_0000 + (n << 8))),
            _ => writeln!(text, "{}/48", Ipv6Addr::from(v6)),
        }
        .unwrap();
        text
    })
}

#[test]
fn the_last_good_list_decides_whatever_its_server_answers() {
    let upstream = Upstream::start();
    let server = FeedServer::start(Reply::new(200, "192.0.2.0/24\n"));
    let envoy = start(&server, &upstream, &json!({"max_bytes": 1000}));
    expect(&envoy, 200);
    let blocked = || Reply::new(200, "[\"127.0.0.0/8\", \"::1\"]");
    server.serve(blocked());
    expect(&envoy, 403);
    for bad in [
        Reply::new(500, "192.0.2.0/24\n"),
        Reply::new(302, "192.0.2.0/24\n"),
        Reply::new(200, "<html>maintenance</html>"),
        Reply::new(200, "[\"192.0.2.0/24\""),
        Reply::new(200, ""),
        Reply::new(200, "[]"),
        Reply::new(200, "192.0.2.1/24\n"),
        Reply::new(200, format!("192.0.2.0/24\n{}", "#".repeat(1000))),
    ] {
        server.serve(bad);
        expect_still(&envoy, 403);
        // Failures in a row would put off the next fetch.
        server.serve(blocked());
    }
    envoy.wait_for_log("feed \"blocked\": its entries cannot be fetched");
    envoy.wait_for_log("a document without an entry");
    envoy.wait_for_log("a body of more than 1000 bytes");
    server.serve(Reply::new(200, "198.51.100.0/24\n"));
    expect(&envoy, 200);
    let denied = envoy.admin_get("/stats?filter=stepup.feed_fetch.failure");
    assert!(!denied.is_empty(), "failures are counted");
}

#[test]
fn without_a_list_everyone_could_be_on_it() {
    let upstream = Upstream::start();
    let server = FeedServer::start(Reply::new(500, ""));
    let envoy = start(&server, &upstream, &json!({}));
    expect_still(&envoy, 403);
    assert!(upstream.received().is_empty());
    server.serve(Reply::new(200, "192.0.2.0/24\n"));
    expect(&envoy, 200);
}

#[test]
fn a_list_that_is_too_old_is_none() {
    let upstream = Upstream::start();
    let server = FeedServer::start(Reply::new(200, "192.0.2.0/24\n"));
    let envoy = start(&server, &upstream, &json!({"stale_for": "2s"}));
    expect(&envoy, 200);
    server.serve(Reply::new(500, ""));
    expect(&envoy, 403);
    server.serve(Reply::new(200, "192.0.2.0/24\n"));
    expect(&envoy, 200);
}

#[test]
fn a_hundred_thousand_networks_are_loaded_refreshed_and_looked_up() {
    let list = |own: &str| networks(100_000) + own;
    let upstream = Upstream::start();
    let server = FeedServer::start(Reply::new(200, list("")));
    let envoy = start(&server, &upstream, &json!({"refresh": "3s"}));
    expect(&envoy, 200);
    server.serve(Reply::new(200, list("127.0.0.1\n")));
    expect(&envoy, 403);
    server.serve(Reply::new(200, list("")));
    expect(&envoy, 200);
}

/// A configuration with feeds that are refreshed each second.
fn open_config(feeds: &[(&str, &str, Value)]) -> Value {
    let feeds = feeds.iter().map(|(name, feed_type, change)| {
        let mut remote = json!({"cluster": "feeds", "uri": format!("http://feeds.example/{name}"),
            "refresh": "1s", "refresh_min": "1s", "timeout": "2s"});
        remote.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        ((*name).to_owned(), json!({"type": feed_type, "remote": remote}))
    });
    json!({
        "feeds": feeds.collect::<serde_json::Map<_, _>>(),
        "policies": {"open": {"public": true}},
        "default": "open",
    })
}

fn two_workers(upstream: &Upstream, feeds: SocketAddr, config: Value) -> Envoy {
    Envoy::start(EnvoyOptions::new(upstream, config).cluster("feeds", feeds).concurrency(2))
}

fn count(envoy: &Envoy, name: &str) -> u64 {
    envoy.stats(&format!("wasmcustom.stepup.feed_fetch.{name}")).unwrap_or_default()
}

/// Waits until more fetches than these succeeded, or failed.
#[track_caller]
fn becomes_more(envoy: &Envoy, name: &str, before: u64) {
    let is_more = || (count(envoy, name) > before).then_some(());
    let found = poll(Duration::from_secs(20), is_more);
    assert!(found.is_some(), "no more than {before} of {name}\n{}", envoy.log());
}

#[test]
fn a_hundred_thousand_networks_load_and_refresh_while_requests_are_served() {
    let upstream = Upstream::start();
    let server = FeedServer::start(Reply::new(200, networks(100_000)));
    let feeds = [("bad", "networks", json!({}))];
    let envoy = two_workers(&upstream, server.server.addr(), open_config(&feeds));
    envoy.wait_for_log("feed \"bad\": entries of generation 1 are in use");
    server.now_answers(Reply::new(200, networks(99_999)));
    envoy.wait_for_log("feed \"bad\": entries of generation 2 are in use");
    for _ in 0..100 {
        assert_eq!(envoy.send(&Request::get("/")).status, 200);
    }
    becomes_more(&envoy, "success", 2);
    assert_eq!(count(&envoy, "failure"), 0, "{}", envoy.log());
    assert!(!envoy.log().contains("generation 3"), "the same list is not a new one");
    let asked = server.server.received();
    assert_eq!(asked.first().unwrap().target(), b"/bad");
    assert_eq!(asked.first().unwrap().header("accept"), Some(&b"application/json, text/plain"[..]));
}

#[test]
fn the_longest_list_loads() {
    let upstream = Upstream::start();
    let list = networks(1_000_000);
    let server = FeedServer::start(Reply::new(200, list.clone()));
    let change = json!({"max_bytes": 16 * 1024 * 1024, "refresh": "10m", "timeout": "20s"});
    let before = Envoy::start(EnvoyOptions::new(&upstream, open_config(&[]))).memory();
    let envoy =
        two_workers(&upstream, server.server.addr(), open_config(&[("bad", "networks", change)]));
    becomes_more(&envoy, "success", 0);
    assert_eq!(envoy.send(&Request::get("/")).status, 200);
    assert_eq!(count(&envoy, "failure"), 0, "{}", envoy.log());
    // The main thread's VM and those of two workers have the list, its text, and room to sort it.
    let grown = envoy.memory().saturating_sub(before);
    println!("{} bytes of text: Envoy takes {grown} bytes more", list.len());
    assert!(grown < 600_000_000, "{grown}");
}

#[test]
fn what_is_no_good_list_is_refused_and_told() {
    let upstream = Upstream::start();
    let server = FeedServer::start(Reply::new(200, "10.0.0.0/8\n"));
    let feeds = [("bad", "networks", json!({"max_bytes": 65_536}))];
    let envoy = two_workers(&upstream, server.server.addr(), open_config(&feeds));
    envoy.wait_for_log("feed \"bad\": entries of generation 1 are in use");
    for (status, body, expected) in [
        (500, "10.0.0.0/8".to_owned(), "status 500"),
        (200, "<html></html>".to_owned(), "a page of HTML or XML; expected a list"),
        (200, "10.0.0.0/8\n10.0.0.1/8\n".to_owned(), "line 2: \"10.0.0.1/8\" has bits beyond"),
        (200, "[\"10.0.0.0/8\"".to_owned(), "EOF while parsing a list"),
        (200, "[]".to_owned(), "a document without an entry"),
        (200, String::new(), "a document without an entry"),
        (200, networks(10_000), "a body of more than 65536 bytes"),
    ] {
        let failed = count(&envoy, "failure");
        server.now_answers(Reply::new(status, body));
        becomes_more(&envoy, "failure", failed);
        let head = "feed \"bad\": its entries cannot be fetched: http://feeds.example/bad: ";
        let log = envoy.log();
        let line = log.lines().rfind(|line| line.contains(head)).expect("a line that tells it");
        assert!(line.contains(expected), "{expected}: {line}");
        // The pause after a failure grows; a good list ends it.
        server.now_answers(Reply::new(200, "10.0.0.0/8\n"));
        becomes_more(&envoy, "success", count(&envoy, "success"));
    }
    assert!(!envoy.log().contains("generation 2"), "{}", envoy.log());
    assert_eq!(envoy.send(&Request::get("/")).status, 200);
}

#[test]
fn a_server_that_is_down_is_tried_until_it_is_up() {
    let upstream = Upstream::start();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let feeds =
        [("down", "strings", json!({})), ("lost", "not_before", json!({"cluster": "nosuch"}))];
    let envoy = two_workers(&upstream, nobody, open_config(&feeds));
    envoy.wait_for_log(
        "feed \"down\": its entries cannot be fetched: http://feeds.example/down: status 503",
    );
    envoy.wait_for_log("feed \"lost\": its entries cannot be fetched: http://feeds.example/lost: the proxy has no usable cluster");
    becomes_more(&envoy, "failure", 3);
    assert_eq!(count(&envoy, "success"), 0);
    assert_eq!(envoy.send(&Request::get("/")).status, 200);
}
