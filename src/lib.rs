//! Step-up authentication at the gateway: a proxy-wasm filter that compares the assurance that a
//! token proves with what a route demands, and answers RFC 9470 challenges where it is not enough.
//!
//! The way of a request through the modules, in one direction:
//!
//! ```text
//! headers ─► token ──────► evidence ─┐
//!    └─────► policy ─────► demand ───┴─► decision ─► challenge, or pass on
//! ```
//!
//! Everything but [`host`] works on plain values and runs natively.

pub mod body;
pub mod challenge;
#[cfg(not(target_family = "wasm"))]
pub mod cli;
pub mod condition;
pub mod config;
pub mod decision;
pub mod feeds;
pub mod filter;
pub mod host;
pub mod introspection;
mod json;
pub mod keys;
mod number;
pub mod policy;
pub mod possession;
pub mod remote;
pub mod report;
pub mod request;
mod secret;
pub mod signals;
pub mod time;
pub mod token;
pub mod variable;

// The SDK's macro exports the module's start function, which takes an unsafe attribute.
#[cfg(target_family = "wasm")]
#[allow(unsafe_code)]
mod entry {
    proxy_wasm::main! {{ crate::host::start() }}
}
