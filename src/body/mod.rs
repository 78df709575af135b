//! The body of a request, read for conditions: one meaning, or an error.
//!
//! What a condition compares has to be what the application acts upon. Where two readers could take
//! two values from one body, none is taken.

mod error;
mod form;
mod json;
mod media;
mod names;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;

pub use self::error::BodyError;

pub(crate) use self::form::parse_query;
use self::media::Format;
pub(crate) use self::names::are_alike;
use crate::request::Headers;

/// The most values that a body may hold, objects and lists included, so that a small body does not take
/// much memory.
pub const MAX_VALUES: usize = 10_000;

/// How deep lists and objects may be nested.
pub const MAX_DEPTH: usize = 32;

/// How bodies are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodySettings {
    /// The longest body that is read, in bytes.
    pub limit: usize,
    /// How long a body may stand still before the request is answered.
    pub timeout: Duration,
}

impl Default for BodySettings {
    fn default() -> Self {
        Self { limit: 64 * 1024, timeout: Duration::from_secs(10) }
    }
}

/// What the headers of a request already say against reading its body, before any of it has come.
/// `limit` is in bytes.
///
/// # Errors
/// When the body is going to be refused whatever it holds.
pub fn check_headers(headers: &Headers, limit: usize) -> Result<(), BodyError> {
    media::check_encoding(headers)?;
    media::format(headers)?;
    let length = headers.single("content-length").and_then(|length| str::from_utf8(length).ok());
    let length = length.and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) { Err(BodyError::TooLarge) } else { Ok(()) }
}

/// Reads a whole body: JSON, or a form as an object of strings. `headers` are those of its request.
///
/// # Errors
/// When there is no body, when it is of another kind, or when it could be read in more than one way.
pub fn parse(headers: &Headers, bytes: &[u8]) -> Result<Value, BodyError> {
    if bytes.is_empty() {
        return Err(BodyError::Missing);
    }
    media::check_encoding(headers)?;
    match media::format(headers)? {
        Format::Json => json::parse(bytes),
        Format::Form => form::parse_body(bytes, headers.single(":path").unwrap_or_default()),
    }
}
