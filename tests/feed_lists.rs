//! Feeds that are fetched through Envoy: large ones, bad ones, and servers that are down.

// A test may fail by panicking.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use support::{Envoy, EnvoyOptions, Reply, Request, Upstream, poll};

/// A feed server whose answer can be changed.
struct FeedServer {
    server: Upstream,
    answer: Arc<Mutex<(u16, Vec<u8>)>>,
}

impl FeedServer {
    fn start(body: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(Mutex::new((200, body.into())));
        let server = Upstream::start_with({
            let answer = Arc::clone(&answer);
            move |_| {
                let (status, body) = answer.lock().unwrap().clone();
                Reply::new(status, body)
            }
        });
        Self { server, answer }
    }

    fn now_answers(&self, status: u16, body: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }
}

/// A configuration with feeds that are refreshed each second.
fn config(feeds: &[(&str, &str, Value)]) -> Value {
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

fn envoy(upstream: &Upstream, feeds: SocketAddr, config: Value) -> Envoy {
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
fn a_hundred_thousand_networks_load_and_refresh_while_requests_are_served() {
    let upstream = Upstream::start();
    let server = FeedServer::start(networks(100_000));
    let feeds = [("bad", "networks", json!({}))];
    let envoy = envoy(&upstream, server.server.addr(), config(&feeds));
    envoy.wait_for_log("feed \"bad\": entries of generation 1 are in use");
    server.now_answers(200, networks(99_999));
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
    let server = FeedServer::start(list.clone());
    let change = json!({"max_bytes": 16 * 1024 * 1024, "refresh": "10m", "timeout": "20s"});
    let before = Envoy::start(EnvoyOptions::new(&upstream, config(&[]))).memory();
    let envoy = envoy(&upstream, server.server.addr(), config(&[("bad", "networks", change)]));
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
    let server = FeedServer::start("10.0.0.0/8\n");
    let feeds = [("bad", "networks", json!({"max_bytes": 65_536}))];
    let envoy = envoy(&upstream, server.server.addr(), config(&feeds));
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
        server.now_answers(status, body);
        becomes_more(&envoy, "failure", failed);
        let head = "feed \"bad\": its entries cannot be fetched: http://feeds.example/bad: ";
        let log = envoy.log();
        let line = log.lines().rfind(|line| line.contains(head)).expect("a line that tells it");
        assert!(line.contains(expected), "{expected}: {line}");
        // The pause after a failure grows; a good list ends it.
        server.now_answers(200, "10.0.0.0/8\n");
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
    let envoy = envoy(&upstream, nobody, config(&feeds));
    envoy.wait_for_log(
        "feed \"down\": its entries cannot be fetched: http://feeds.example/down: status 503",
    );
    envoy.wait_for_log("feed \"lost\": its entries cannot be fetched: http://feeds.example/lost: the proxy has no usable cluster");
    becomes_more(&envoy, "failure", 3);
    assert_eq!(count(&envoy, "success"), 0);
    assert_eq!(envoy.send(&Request::get("/")).status, 200);
}
