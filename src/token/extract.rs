//! Where the token stands in a request.

use std::fmt;

use super::CacheLimits;
use crate::request::Headers;

/// Where tokens stand, and how long they may be.
#[derive(Debug)]
pub struct TokenSettings {
    /// The longest token that is looked at, in bytes.
    pub max_length: usize,
    /// How many proven tokens a worker remembers.
    pub cache: CacheLimits,
}

/// The header that carries the token (RFC 6750 §2.1).
const HEADER: &str = "authorization";
/// The scheme before the token, compared without case (RFC 9110 §11.1).
const SCHEME: &[u8] = b"bearer";

/// Why a request's credentials are no single token (RFC 6750 §3.1: `invalid_request`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedCredentials {
    /// More than one `Authorization` header, or several values in one: servers differ in which
    /// of them they read.
    Several,
    /// The scheme without a token after it.
    Empty,
}

impl fmt::Display for MalformedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Several => "the request carries more than one Authorization value",
            Self::Empty => "the Authorization header names a scheme but carries no token",
        })
    }
}

/// Finds the token. `Ok(None)` when there is none, or credentials of another scheme only.
///
/// The bytes that are handed out may be anything; they are not verified.
///
/// # Errors
/// When it is not clear which token is meant.
pub fn extract(headers: &Headers) -> Result<Option<&[u8]>, MalformedCredentials> {
    let mut values = headers.values(HEADER);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(MalformedCredentials::Several);
    }
    let value = value.trim_ascii();
    let scheme_length = value.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    let (scheme, rest) = value.split_at_checked(scheme_length).unwrap_or((value, &[]));
    if value.contains(&b',') && mentions_bearer(value) {
        return Err(MalformedCredentials::Several);
    }
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(None);
    }
    match rest.trim_ascii() {
        [] => Err(MalformedCredentials::Empty),
        token => Ok(Some(token)),
    }
}

/// Whether one of the values in a list of credentials uses the scheme. A proxy joins two headers
/// of this name with a comma.
fn mentions_bearer(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|part| {
        let part = part.trim_ascii_start();
        part.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
            && part.get(SCHEME.len()).is_none_or(u8::is_ascii_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str]) -> Result<Option<String>, MalformedCredentials> {
        let pairs = values.iter().map(|v| (HEADER.to_owned(), v.as_bytes().to_vec())).collect();
        let headers = Headers::new(pairs);
        extract(&headers).map(|token| token.map(|t| String::from_utf8(t.to_vec()).unwrap()))
    }

    #[test]
    fn one_bearer_token_is_found_whatever_the_case_of_the_scheme() {
        for value in ["Bearer abc", "bearer abc", "BEARER   abc", " Bearer abc "] {
            assert_eq!(found(&[value]), Ok(Some("abc".to_owned())), "{value}");
        }
    }

    #[test]
    fn other_credentials_are_no_token() {
        for value in ["", "Basic YTpi", "Bearerabc", "DPoP abc", "Digest a=b, c=d"] {
            assert_eq!(found(&[value]), Ok(None), "{value}");
        }
        assert_eq!(found(&[]), Ok(None));
    }

    #[test]
    fn more_than_one_value_is_refused() {
        use MalformedCredentials::{Empty, Several};
        assert_eq!(found(&["Bearer a", "Bearer b"]), Err(Several));
        assert_eq!(found(&["Basic a", "Bearer b"]), Err(Several));
        assert_eq!(found(&["Bearer a, Bearer b"]), Err(Several));
        assert_eq!(found(&["Basic a,bearer b"]), Err(Several));
        assert_eq!(found(&["Bearer a,b"]), Err(Several));
        assert_eq!(found(&["Bearer"]), Err(Empty));
        assert_eq!(found(&["bearer  "]), Err(Empty));
    }
}
