//! How clients of other kinds than a plain GET see an answer.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use support::{Envoy, EnvoyOptions, Request, Upstream};

const CHALLENGE: &str = "Bearer realm=\"api\", acr_values=\"phr\", max_age=\"300\"";

#[test]
fn a_grpc_client_gets_unauthenticated_and_the_challenge() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::step_up(&upstream));
    let call = Request::new("POST", "/bank.Transfers/Send")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(b"\0\0\0\0\0");
    let answer = envoy.send(&call);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("grpc-status"), Some("16"), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE), "{answer:?}");
    assert!(upstream.received().is_empty());
}

#[test]
fn a_head_request_gets_the_challenge_without_a_body() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::step_up(&upstream));
    let answer = envoy.send(&Request::new("HEAD", "/"));
    assert_eq!((answer.status, answer.body.len()), (401, 0), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), Some(CHALLENGE));
    assert!(upstream.received().is_empty());
}

#[test]
fn a_large_body_is_not_passed_on_before_the_decision() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::step_up(&upstream));
    let answer = envoy.send(&Request::new("POST", "/").body(vec![b'x'; 300 * 1024]));
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(upstream.received().is_empty());
}
