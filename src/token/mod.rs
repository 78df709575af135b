//! From the bytes of a request to what a token proves.
//!
//! [`UnverifiedToken`] and [`Evidence`] are different types: only [`Verifier::verify`] makes the
//! second from the first.

mod alike;
mod cache;
mod claims;
mod error;
mod extract;
mod hidden;
mod introspected;
mod jws;
mod metadata;
mod place;
mod purpose;
mod signature;
#[cfg(test)]
pub(crate) mod tests;
mod verify;
mod withhold;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::alike::{
    fold as fold_in_name, header_names as header_names_alike, headers as headers_alike,
    is_header as is_header_alike, is_margin as is_name_margin, parameters as parameters_alike,
};
pub use self::cache::CacheLimits;
pub use self::claims::{AuthTimeProblem, Evidence};
pub use self::error::{TokenError, Unproven};
pub use self::extract::{MalformedCredentials, Memory, Presented, TokenSettings, Unclear, extract};
pub use self::hidden::hides_token;
pub use self::introspected::QuestionId;
pub use self::jws::{Header, UnverifiedToken};
pub use self::metadata::EarlierFilters;
pub use self::place::{Place, Scheme};
pub use self::signature::{Engine, SignatureEngines};
pub use self::verify::Verifier;
pub use self::withhold::withhold;

use crate::keys::{Algorithms, KeySource};

/// Who signs tokens, and what has to be true of their tokens.
#[derive(Debug)]
pub struct Issuer {
    /// The `iss` claim, compared exactly (RFC 9068 §4).
    pub name: Box<str>,
    /// Of these, at least one has to be in `aud` (RFC 9068 §4).
    pub audiences: Vec<Box<str>>,
    /// Where the keys that sign come from.
    pub keys: KeySource,
    /// The algorithms that are accepted (RFC 8725 §3.1).
    pub algorithms: Algorithms,
    /// The `typ` values that are accepted, without a leading `application/` and in lower case
    /// (RFC 8725 §3.11).
    pub token_types: Vec<Box<str>>,
    /// How far the issuer's clock may be off.
    pub clock_skew: Duration,
    /// The claim that holds the time of the last active authentication.
    pub auth_time_claim: Box<str>,
}

impl Issuer {
    /// An issuer without a key, an audience or a skew.
    #[cfg(test)]
    pub(crate) fn for_test() -> Self {
        Self {
            name: "https://id.example.com".into(),
            audiences: Vec::new(),
            keys: KeySource::Inline(Arc::default()),
            algorithms: Algorithms::all(),
            token_types: Vec::new(),
            clock_skew: Duration::ZERO,
            auth_time_claim: "auth_time".into(),
        }
    }

    /// Whether tokens that are no JWTs are this issuer's.
    pub fn has_opaque_tokens(&self) -> bool {
        matches!(&self.keys, KeySource::Introspection(settings) if settings.opaque_tokens)
    }

    /// Whether an answer of the authorization server proves nothing without `aud`.
    pub(crate) fn requires_audience(&self) -> bool {
        !matches!(&self.keys, KeySource::Introspection(settings) if !settings.require_audience)
    }
}

/// All issuers.
#[derive(Clone, Debug, Default)]
pub struct Issuers(Vec<Arc<Issuer>>);

impl Issuers {
    /// Takes the issuers; their names differ.
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Self(issuers.into_iter().map(Arc::new).collect())
    }

    /// The issuer of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Issuer>> {
        self.0.iter().find(|issuer| *issuer.name == *name)
    }

    /// The issuer of the tokens that are no JWTs.
    pub fn of_opaque_tokens(&self) -> Option<&Arc<Issuer>> {
        self.0.iter().find(|issuer| issuer.has_opaque_tokens())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.0.iter()
    }
}
