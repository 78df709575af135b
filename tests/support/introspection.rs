//! An authorization server that is asked about tokens.

use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{Reply, Upstream, now, wire};

/// An authorization server that takes its time: with it, each first request with a token waits.
pub fn slow_introspection(time: Duration) -> Upstream {
    Upstream::start_with(move |received| {
        thread::sleep(time);
        let is_good = wire::position(&received.body, b"token=good").is_some();
        let claims = json!({
            "active": is_good, "iss": "https://id.example.com", "aud": "https://api.example.com",
            "acr": "phr", "auth_time": now() - 10, "iat": now() - 10, "exp": now() + 300,
        });
        Reply::new(200, claims.to_string())
    })
}
