//! The seam between the filter and the proxy.
//!
//! [`Host`] is all that the filter asks of a proxy. [`memory`] answers it from memory, for tests
//! and for the command; `proxy` answers it from Envoy, and is the only file that names the SDK.

#[cfg(not(target_family = "wasm"))]
pub mod memory;
#[cfg(target_family = "wasm")]
mod proxy;

use crate::challenge::Response;
use crate::request::Headers;
use crate::time::Timestamp;

#[cfg(target_family = "wasm")]
pub(crate) use proxy::start;

/// What the proxy offers to the filter.
pub trait Host {
    /// The proxy's wall clock.
    fn now(&self) -> Timestamp;

    /// The request's headers, pseudo-headers included, in one call.
    fn request_headers(&self) -> Headers;

    /// Reads one property (an Envoy "attribute") as raw bytes.
    ///
    /// # Errors
    /// When the proxy knows the property but cannot hand it out, for example because it is null.
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, PropertyError>;

    /// Calls a function that the proxy offers by name.
    ///
    /// # Errors
    /// When the proxy does not offer the function, or refuses the arguments.
    fn call_foreign_function(&self, name: &str, arguments: &[u8]) -> Result<Vec<u8>, NotOffered>;

    /// Ends the request with this answer. Nothing reaches the upstream.
    fn respond(&self, response: &Response);
}

/// The proxy could not hand out a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PropertyError;

/// The proxy does not offer a foreign function, or did not answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOffered;
