//! Feeds that are fetched from a server, through a real Envoy.

// A test may fail by panicking.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

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

    /// Changes the answer, and waits until it was fetched.
    fn serve(&self, answer: Reply) {
        *self.answer.lock().unwrap() = answer;
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
    let networks = |own: &str| {
        let others = (0..100_000_u32).map(|n| match n % 2 {
            0 => format!("{}.{}.{}.0/24\n", 11 + (n >> 16), (n >> 8) & 0xff, n & 0xff),
            _ => format!("2001:{:x}:{:x}::/48\n", n >> 8, n & 0xff),
        });
        others.collect::<String>() + own
    };
    let upstream = Upstream::start();
    let server = FeedServer::start(Reply::new(200, networks("")));
    let envoy = start(&server, &upstream, &json!({"refresh": "3s"}));
    expect(&envoy, 200);
    server.serve(Reply::new(200, networks("127.0.0.1\n")));
    expect(&envoy, 403);
    server.serve(Reply::new(200, networks("")));
    expect(&envoy, 200);
}
