//! What an operator sees of a running filter.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{Envoy, EnvoyOptions, Request, Upstream};

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
