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
use support::{Envoy, EnvoyOptions, Reply, Request, Response, Upload, Upstream, now, poll};

const PAUSE: Duration = Duration::from_millis(1);

/// A request to a route of its own, so that what came of it can be told.
fn post(path: &str, body: impl AsRef<[u8]>) -> Request {
    Request::new("POST", path).bearer("good").header("content-type", "application/json").body(body)
}

/// An authorization server that takes its time: with it, each first request with a token waits.
fn slow_server(time: Duration) -> Upstream {
    Upstream::start_with(move |received| {
        thread::sleep(time);
        let is_good = support::wire::position(&received.body, b"token=good").is_some();
        let claims = json!({
            "active": is_good, "iss": "https://id.example.com", "aud": "https://api.example.com",
            "acr": "phr", "auth_time": now() - 10, "iat": now() - 10, "exp": now() + 300,
        });
        Reply::new(200, claims.to_string())
    })
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

/// All ways in which a body can come.
fn ways(request: &Request) -> Vec<(&'static str, Upload, bool)> {
    let bytewise = || request.clone().upload().parts(1, PAUSE);
    vec![
        ("one chunk", request.clone().upload(), false),
        ("bytewise", bytewise(), false),
        ("trailers", bytewise().trailer("x-checksum", "7"), false),
        ("100-continue", bytewise().waiting_for_continue(), false),
        ("HTTP/2", request.clone().upload(), true),
        ("HTTP/2, bytewise", bytewise(), true),
        ("HTTP/2, trailers", bytewise().trailer("x-checksum", "7"), true),
    ]
}

fn send(envoy: &Envoy, upload: &Upload, is_h2: bool) -> Response {
    let answer = if is_h2 { upload.send_h2(envoy.addr()) } else { upload.send(envoy.addr()) };
    answer.expect("an answer")
}

#[test]
fn a_body_that_comes_while_the_token_is_asked_about_goes_on_whole_and_not_before() {
    const TIME: Duration = Duration::from_millis(200);
    for shows_bodies in [false, true] {
        let (upstream, server) = (Upstream::start(), slow_server(TIME));
        let envoy = start(&upstream, &server, shows_bodies);
        // Some are whole before the answer about the token is there, some are not.
        for length in [20, 400] {
            let body = "0123456789".repeat(length / 10);
            for (name, upload, is_h2) in ways(&post("/", &body)) {
                let before = upstream.received().len();
                let answer = send(&envoy, &upload, is_h2);
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
            let answer = send(&envoy, &upload, is_h2);
            assert_eq!(answer.status, 401, "{name}: {answer:?}");
        }
        assert_eq!(upstream.heard().len(), heard, "a part of a refused request came");
    }
}

#[test]
fn what_comes_after_the_decision_goes_on_at_once() {
    for (shows_bodies, is_h2) in [(false, false), (true, false), (false, true), (true, true)] {
        let (upstream, server) = (Upstream::start(), slow_server(Duration::from_millis(600)));
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
    let (upstream, server) = (Upstream::start(), slow_server(Duration::ZERO));
    let envoy = start(&upstream, &server, false);
    let body = "0123456789abcdef".repeat(10 * 1024 * 1024 / 16);
    for is_h2 in [false, true] {
        let answer = send(&envoy, &post("/", &body).upload(), is_h2);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(upstream.received().last().unwrap().body, body.as_bytes());
    }
}
