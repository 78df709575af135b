//! The end-to-end harness: a real Envoy, a raw client, a recording upstream and signed tokens.
//!
//! A test starts an [`Upstream`], then an [`Envoy`] in front of it, and sends [`Request`]s. All of
//! it listens on free loopback ports and is gone when its value is dropped.

// A test may fail by panicking, and each test binary uses only a part of this.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used
)]

pub mod bootstrap;
pub mod claims;
pub mod dpop;
pub mod envoy;
pub mod folder;
pub mod h2;
pub mod http;
pub mod idp;
pub mod introspection;
pub mod prometheus;
pub mod shipped;
pub mod tls;
pub mod tokens;
pub mod upload;
pub mod upstream;
pub mod wire;
pub mod workload;

pub use bootstrap::{EnvoyOptions, FilterConfig};
pub use claims::{Claims, claims};
pub use dpop::Proof;
pub use envoy::{Envoy, ReloadOutcome, StartFailure};
pub use http::{Request, Response, send};
pub use idp::IdentityProvider;
pub use introspection::slow_introspection;
pub use prometheus::Prometheus;
pub use tokens::{Algorithm, SigningKey, forge, hs256_sign};
pub use upload::{Upload, ways};
pub use upstream::{Received, Reply, Upstream};

use std::{
    thread,
    time::{Duration, Instant, SystemTime},
};

/// The time now, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("the clock is after 1970")
        .as_secs()
}

/// Asks `probe` until it gives something, or until `limit` has passed.
pub fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
