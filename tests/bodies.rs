//! Requests with bodies, through a real Envoy.

// A test may fail by panicking.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::thread;
use std::time::Duration;

use serde_json::json;
use support::shipped::fewest_capabilities;
use support::{Envoy, EnvoyOptions, Request, Upstream, poll, slow_introspection, ways};

/// A request to a route of its own, so that what came of it can be told.
fn post(path: &str, body: impl AsRef<[u8]>) -> Request {
    Request::new("POST", path).bearer("good").header("content-type", "application/json").body(body)
}

fn start(upstream: &Upstream, server: &Upstream, shows_bodies: bool) -> Envoy {
    let config = json!({
        "levels": [{"name": "strong", "proven_by": [{"acr": ["phr"]}]}],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"introspection": {
                "cluster": "as", "uri": "http://as.example.com/introspect", "cache_for": "0s",
                "wait": "5s", "client": {"id": "gateway", "secret": {"env": "STEPUP_TEST_SECRET"}},
            }},
        }],
        "policies": {"pay": {"require": [{"level": "strong", "max_age": "5m"}]}},
        "default": "pay",
    });
    let options = EnvoyOptions::new(upstream, config)
        .allow_only(&fewest_capabilities())
        .cluster("as", server.addr())
        .variable("STEPUP_TEST_SECRET", "hunter2");
    Envoy::start(if shows_bodies { options.allow_on_headers_stop_iteration(true) } else { options })
}

#[test]
fn a_body_that_comes_while_the_token_is_asked_about_goes_on_whole_and_not_before() {
    const TIME: Duration = Duration::from_millis(200);
    for shows_bodies in [false, true] {
        let (upstream, server) = (Upstream::start(), slow_introspection(TIME));
        let envoy = start(&upstream, &server, shows_bodies);
        // Some are whole before the answer about the token is there, some are not.
        for length in [20, 400] {
            let body = "0123456789".repeat(length / 10);
            for (name, upload, is_h2) in ways(&post("/", &body)) {
                let before = upstream.received().len();
                let answer = upload.deliver(envoy.addr(), is_h2);
                assert_eq!(answer.status, 200, "{name}, {length}, {shows_bodies}: {answer:?}");
                let received = upstream.received();
                assert_eq!(received.len(), before + 1, "{name}");
                let came = String::from_utf8_lossy(&received[before].body).into_owned();
                assert_eq!(came, body, "{name}, {length}, {shows_bodies}");
            }
        }
        let heard = upstream.heard().len();
        for (name, upload, is_h2) in ways(&post("/", "x".repeat(100))) {
            let mut upload = upload;
            let token = ("authorization".to_owned(), b"Bearer bad".to_vec());
            upload.request.headers.retain(|(name, _)| name != "authorization");
            upload.request.headers.push(token);
            let answer = upload.deliver(envoy.addr(), is_h2);
            assert_eq!(answer.status, 401, "{name}: {answer:?}");
        }
        assert_eq!(upstream.heard().len(), heard, "a part of a refused request came");
    }
}

#[test]
fn what_comes_after_the_decision_goes_on_at_once() {
    for (shows_bodies, is_h2) in [(false, false), (true, false), (false, true), (true, true)] {
        let (upstream, server) =
            (Upstream::start(), slow_introspection(Duration::from_millis(600)));
        let envoy = start(&upstream, &server, shows_bodies);
        let upload = post("/", "!~^").upload().parts(1, Duration::from_millis(400));
        let upload = upload.stalling_after(2);
        let addr = envoy.addr();
        let sent =
            thread::spawn(move || if is_h2 { upload.send_h2(addr) } else { upload.send(addr) });
        let heard = poll(Duration::from_secs(5), || upstream.has_heard("~").then_some(()));
        assert!(heard.is_some(), "{shows_bodies}, {is_h2}: {}", upstream.heard().escape_ascii());
        drop(envoy);
        assert!(sent.join().unwrap().is_err(), "its end never comes");
    }
}

#[test]
fn a_large_body_goes_on_whole() {
    let (upstream, server) = (Upstream::start(), slow_introspection(Duration::ZERO));
    let envoy = start(&upstream, &server, false);
    let body = "0123456789abcdef".repeat(10 * 1024 * 1024 / 16);
    for is_h2 in [false, true] {
        let answer = post("/", &body).upload().deliver(envoy.addr(), is_h2);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(upstream.received().last().unwrap().body, body.as_bytes());
    }
}
