//! What an operator sees of a running filter.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Envoy, EnvoyOptions, Request, Upstream, claims, now};

#[test]
fn a_debug_line_tells_which_request_and_why_and_nothing_of_the_token() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::step_up(&upstream));
    let request = Request::new("POST", "/pay/7?access_token=SECRET1")
        .header("x-request-id", "id-1\u{7f}")
        .bearer("SECRET2.SECRET3.SECRET4");
    assert_eq!(envoy.send(&request.clone()).status, 400, "DEL is refused by Envoy");
    let request = Request::new("POST", "/pay/7?access_token=SECRET1").bearer("SECRET2.S.T");
    assert_eq!(envoy.send(&request).status, 401);
    let line = envoy.wait_for_log("POST \"/pay/7\" (request ");
    assert!(
        line.contains("policy \"pay\": challenged: a part of the token is not base64url"),
        "{line}"
    );
    assert!(!envoy.log().contains("SECRET"), "{}", envoy.log());
}

#[test]
fn the_log_level_can_be_changed_in_a_running_envoy() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::step_up(&upstream).log_level("wasm:info,main:warning"));
    let asked = |path: &str| {
        envoy.send(&Request::get(path));
        envoy.log().contains(&format!("GET {path:?} (request "))
    };
    assert!(!asked("/before"));
    envoy.admin_post("/logging?wasm=debug");
    let shown = support::poll(Duration::from_secs(10), || asked("/during").then_some(()));
    assert!(shown.is_some(), "{}", envoy.log());
    envoy.admin_post("/logging?wasm=info");
    std::thread::sleep(Duration::from_secs(2));
    assert!(!asked("/after"));
}

#[test]
fn a_debug_line_names_the_issuer_whose_keys_or_claims_are_not_there() {
    let upstream = Upstream::start();
    let issuer = |name: &str, keys| json!({"issuer": name, "audiences": ["https://api.example.com"], "keys": keys});
    let client = json!({"id": "gateway", "secret": {"env": "STEPUP_TEST_SECRET"}});
    let uri = "https://id.example.com/x";
    let envoy = Envoy::start(EnvoyOptions::new(
        &upstream,
        json!({
            "levels": [{"name": "any", "proven_by": [{"acr": ["1"]}]}],
            "issuers": [
                issuer("https://keys.example.com", json!({"remote": {"cluster": "none", "uri": uri}})),
                issuer("https://before.example.com", json!({"verified_by": {"metadata": "jwt", "key": "payload"}})),
                issuer("https://server.example.com", json!({"introspection": {"cluster": "none", "uri": uri, "client": client}})),
            ],
            "policies": {"read": {"require": [{"level": "any"}]}},
            "default": "read",
        }),
    ).variable("STEPUP_TEST_SECRET", "s"));
    let token = |name: &str| {
        support::SigningKey::generate(support::Algorithm::Es256, "a")
            .token(claims(now()).issuer(name).acr("1"))
    };
    for (issuer, status, said) in [
        (
            "https://keys.example.com",
            503,
            "policy \"read\": unavailable: the keys of issuer \"https://keys.example.com\" are not there",
        ),
        (
            "https://server.example.com",
            503,
            "policy \"read\": unavailable: the server of issuer \"https://server.example.com\" says nothing about the token",
        ),
        (
            "https://before.example.com",
            401,
            "no claims of issuer \"https://before.example.com\" stand in the dynamic metadata \"jwt\" under \"payload\"",
        ),
    ] {
        let answer = envoy.send(&Request::get("/").bearer(&token(issuer)));
        assert_eq!(answer.status, status, "{issuer}: {answer:?}");
        envoy.wait_for_log(said);
    }
}
