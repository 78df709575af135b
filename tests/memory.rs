//! Memory that clients can make grow, and that has to stay bounded.

// A test may fail by panicking.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used
)]

mod support;

use std::thread;

use serde_json::json;
use support::http::Connection;
use support::tokens::jwks;
use support::{Algorithm, Envoy, EnvoyOptions, Request, SigningKey, Upstream, claims, now};

/// How many tokens go through one worker; `STEPUP_MEMORY_TOKENS` sets another number. A million take
/// some minutes.
fn tokens() -> u64 {
    std::env::var("STEPUP_MEMORY_TOKENS").map_or(20_000, |text| text.parse().expect("a number"))
}

/// An Envoy that answers by itself, whose filter remembers 1000 tokens in this many bytes at most.
fn start(upstream: &Upstream, key: &SigningKey, max_bytes: u64) -> Envoy {
    let config = json!({
        "levels": [{"name": "password", "proven_by": [{"acr": ["1"]}]}],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"inline": jwks([key])},
        }],
        "tokens": {"cache": {"max_entries": 1000, "max_bytes": max_bytes}},
        "policies": {"read": {"require": [{"level": "password"}]}},
        "default": "read",
    });
    let direct = json!({
        "name": "direct", "match": {"prefix": "/"}, "direct_response": {"status": 200},
    });
    Envoy::start(EnvoyOptions::new(upstream, config).routes([direct]))
}

#[test]
fn distinct_tokens_take_no_memory_once_the_cache_is_full() {
    let upstream = Upstream::start();
    let key = SigningKey::generate(Algorithm::Es256, "k");
    let envoy = start(&upstream, &key, 4 * 1024 * 1024);
    let send = |from: u64, to: u64| {
        let half = u64::midpoint(from, to);
        let halves = [(from, half), (half, to)];
        thread::scope(|scope| {
            for (from, to) in halves {
                let (key, addr) = (&key, envoy.addr());
                scope.spawn(move || {
                    let mut connection = Connection::open(addr).expect("Envoy listens");
                    for index in from..to {
                        let claims = claims(now()).acr("1").subject(&format!("user-{index}"));
                        let request = Request::get("/")
                            .header("connection", "keep-alive")
                            .bearer(&key.token(claims));
                        let answer = connection.send(&request).expect("an answer");
                        assert_eq!(answer.status, 200, "{answer:?}");
                    }
                });
            }
        });
        envoy.memory()
    };
    let all = tokens();
    // The cache and Envoy's own buffers are full after a quarter.
    let full = send(0, all / 4);
    let end = send(all / 4, all);
    println!("{full} bytes after {} tokens, {end} after {all}", all / 4);
    envoy.expect_count("token_cache.eviction", all - 1000);
    let growth = end.saturating_sub(full);
    assert!(growth < 4 * 1024 * 1024, "grew by {growth} bytes");
}

#[test]
fn claims_of_many_small_objects_take_no_more_memory_than_the_cache_may() {
    const BYTES: u64 = 16 * 1024 * 1024;
    let upstream = Upstream::start();
    let key = SigningKey::generate(Algorithm::Es256, "k");
    let envoy = start(&upstream, &key, BYTES);
    let mut connection = Connection::open(envoy.addr()).expect("Envoy listens");
    let mut send = |claims| {
        let request =
            Request::get("/").header("connection", "keep-alive").bearer(&key.token(claims));
        let answer = connection.send(&request).expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let claims = |index: u32| claims(now()).acr("1").subject(&format!("user-{index}"));
    (0..100).for_each(|index| send(claims(index)));
    let before = envoy.memory();
    // Eight bytes of text that take a map each.
    let small = json!(vec![json!({"a": 0}); 900]);
    (100..600).for_each(|index| send(claims(index).set("x", small.clone())));
    let growth = envoy.memory().saturating_sub(before);
    println!("grew by {growth} bytes");
    // What the allocator leaves between, and Envoy's own buffers.
    assert!(growth < BYTES + BYTES / 2, "grew by {growth} bytes");
}
