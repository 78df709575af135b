//! Conditions that read the body of a request, through a real Envoy and in every way of sending one.

// A test may fail by panicking.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::shipped::fewest_capabilities;
use support::{
    Algorithm, Envoy, EnvoyOptions, Request, SigningKey, Upstream, claims, now, slow_introspection,
    tokens, ways,
};

fn config(keys: &Value, body: &Value) -> Value {
    json!({
        "levels": [{"name": "strong", "proven_by": [{"acr": ["phr"]}]}],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": keys,
        }],
        "body": body,
        "policies": {
            "pay": {
                "require": [{"level": "strong", "max_age": "5m"}],
                "raise": [{
                    "name": "large", "when": "request.body.amount > 1000", "deny": "Too much.",
                }],
            },
            "any": {"require": [{"level": "strong", "max_age": "5m"}]},
            "open": {
                "public": true,
                "raise": [{
                    "name": "word", "when": "request.body.word != 'please'", "deny": "Ask nicely.",
                }],
            },
        },
        "rules": [
            {"match": {"path": "/any"}, "policy": "any"},
            {"match": {"path": "/open"}, "policy": "open"},
        ],
        "default": "pay",
    })
}

/// An Envoy whose policy reads bodies.
struct Stage {
    upstream: Upstream,
    envoy: Envoy,
    token: String,
}

impl Stage {
    fn start(body: &Value, shows_bodies: Option<bool>) -> Self {
        let key = SigningKey::generate(Algorithm::Es256, "k");
        let upstream = Upstream::start();
        let keys = json!({"inline": tokens::jwks([&key])});
        let mut options = EnvoyOptions::new(&upstream, config(&keys, body));
        if let Some(shows_bodies) = shows_bodies {
            options = options.allow_on_headers_stop_iteration(shows_bodies);
        }
        let envoy = Envoy::start(options.allow_only(&fewest_capabilities()));
        let token = key.token(claims(now()).acr("phr").auth_time_ago(1));
        Self { upstream, envoy, token }
    }

    fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Request {
        let request = Request::new("POST", path).bearer(&self.token);
        request.header("content-type", "application/json").body(body)
    }
}

#[test]
fn not_one_byte_of_a_refused_request_reaches_the_upstream() {
    let stage = Stage::start(&json!({}), Some(true));
    let send_whole = |request: &Request| stage.envoy.send(request).status;
    let heard = stage.upstream.heard().len();
    for (name, upload, is_h2) in ways(&stage.post("/", r#"{"amount":1000.01}"#)) {
        assert_eq!(upload.deliver(stage.envoy.addr(), is_h2).status, 403, "{name}");
    }
    assert_eq!(send_whole(&stage.post("/", r#"{"amount":1000.01}"#)), 403);
    let large = "x".repeat(10 * 1024 * 1024);
    assert_eq!(send_whole(&stage.post("/", &large)), 403);
    assert_eq!(stage.post("/", &large).send_h2(stage.envoy.addr()).unwrap().status, 403);
    let gzip = stage.post("/", r#"{"amount":1}"#).header("content-encoding", "gzip");
    assert_eq!(send_whole(&gzip), 403);
    assert_eq!(send_whole(&stage.post("/", "")), 403);
    assert_eq!(stage.post("/", "").upload().deliver(stage.envoy.addr(), false).status, 403);
    assert_eq!(send_whole(&Request::get("/").bearer(&stage.token)), 403);
    assert_eq!(send_whole(&Request::new("POST", "/open").body("{}")), 403);
    let form = |path: &str, body: &str| {
        let request = Request::new("POST", path).body(body);
        send_whole(&request.header("content-type", "application/x-www-form-urlencoded"))
    };
    assert_eq!(form("/open", "word=please&[word]=x"), 403);
    assert_eq!(form("/open?word=x", "word=please"), 403);
    assert_eq!(stage.upstream.heard().len(), heard);
}

#[test]
fn a_body_that_is_good_arrives_whole() {
    let stage = Stage::start(&json!({}), Some(true));
    for (name, upload, is_h2) in ways(&stage.post("/", r#"{"amount":1000.00}"#)) {
        assert_eq!(upload.deliver(stage.envoy.addr(), is_h2).status, 200, "{name}");
        let received = stage.upstream.received();
        assert_eq!(received.last().unwrap().body, br#"{"amount":1000.00}"#, "{name}");
    }
    let word = Request::new("POST", "/open").header("content-type", "application/json");
    assert_eq!(stage.envoy.send(&word.body(r#"{"word":"please"}"#)).status, 200);
    // A policy that reads no body holds none back, however long.
    let large = "x".repeat(10 * 1024 * 1024);
    for is_h2 in [false, true] {
        let upload = stage.post("/any", &large).upload();
        assert_eq!(upload.deliver(stage.envoy.addr(), is_h2).status, 200);
        assert_eq!(stage.upstream.received().last().unwrap().body.len(), large.len());
    }
}

#[test]
fn a_limit_of_a_megabyte_works() {
    let stage = Stage::start(&json!({"limit": 1_048_576}), Some(true));
    let body = format!(r#"{{"amount":1,"x":"{}"}}"#, "y".repeat(1_000_000));
    for is_h2 in [false, true] {
        assert_eq!(stage.post("/", &body).upload().deliver(stage.envoy.addr(), is_h2).status, 200);
    }
}

#[test]
fn a_body_that_never_comes_ends_the_request() {
    for shows_bodies in [None, Some(false), Some(true)] {
        let stage = Stage::start(&json!({"timeout": "2s"}), shows_bodies);
        for is_h2 in [false, true] {
            let upload = stage.post("/", r#"{"amount":1000}"#).upload();
            let whole = upload.deliver(stage.envoy.addr(), is_h2);
            let stalling = upload.clone().stalling_after(5).deliver(stage.envoy.addr(), is_h2);
            if shows_bodies == Some(true) {
                assert_eq!((whole.status, stalling.status), (200, 408));
            } else {
                assert_eq!((whole.status, stalling.status), (500, 500));
                assert!(whole.text().contains("does not get it"), "{whole:?}");
            }
        }
        if shows_bodies != Some(true) {
            stage.envoy.wait_for_log("allow_on_headers_stop_iteration: true");
            assert!(stage.upstream.heard().is_empty());
        }
    }
}

#[test]
fn a_body_is_held_back_while_the_token_is_asked_about() {
    let server = slow_introspection(Duration::from_millis(300));
    let upstream = Upstream::start();
    let keys = json!({"introspection": {
        "cluster": "as", "uri": "http://as.example.com/introspect", "wait": "5s",
        "client": {"id": "gateway", "secret": {"env": "STEPUP_TEST_SECRET"}},
    }});
    let options = EnvoyOptions::new(&upstream, config(&keys, &json!({})))
        .allow_only(&fewest_capabilities())
        .cluster("as", server.addr())
        .variable("STEPUP_TEST_SECRET", "hunter2")
        .allow_on_headers_stop_iteration(true);
    let envoy = Envoy::start(options);
    let mut number = 0;
    for (amount, expected) in [("1000", 200), ("1001", 403)] {
        for index in 0..ways(&Request::get("/")).len() {
            number += 1;
            let request = Request::new("POST", "/").bearer(&format!("good{number}"));
            let request = request.header("content-type", "application/json; charset=utf-8");
            let request = request.body(format!("{{\"amount\":{amount}}}"));
            let (name, upload, is_h2) = ways(&request).swap_remove(index);
            let heard = upstream.heard().len();
            assert_eq!(upload.deliver(envoy.addr(), is_h2).status, expected, "{name} {amount}");
            let arrived = upstream.heard().len() > heard;
            assert_eq!(arrived, expected == 200, "{name} {amount}");
        }
    }
}
