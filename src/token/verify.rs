//! From an unverified token to evidence.

use std::fmt;

use super::signature::{Engine, SignatureEngines, SignatureError};
use super::{Evidence, Issuer, Issuers, UnverifiedToken};
use crate::host::Host;

/// Why a token proves nothing (RFC 6750 §3.1: `invalid_token`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It is longer than configured.
    TooLong,
    /// It holds bytes that no token holds.
    NotText,
    /// It does not consist of three parts.
    NotThreeParts,
    /// A part is not base64url without padding (RFC 7515 §2).
    NotBase64Url,
    /// Header or payload is no JSON object, or names a member twice (RFC 7515 §4, RFC 7519 §4).
    NotJsonObject,
    /// A header member has the wrong type.
    BadHeader,
    /// It has a `crit` header; no extension is supported (RFC 7515 §4.1.11).
    CriticalExtension,
    /// It brings its own key (RFC 8725 §3.10).
    OwnKey,
    /// Its algorithm is `none`, symmetric, unknown, or not accepted from this issuer.
    AlgorithmNotAllowed,
    /// Its issuer is missing or not configured.
    UnknownIssuer,
    /// Its `typ` is not accepted from this issuer.
    WrongType,
    /// No key of the issuer fits its `kid` and algorithm.
    UnknownKey,
    /// The proxy does not offer its algorithm, and nothing else does.
    NoEngine,
    /// The signature is not by the issuer's key.
    BadSignature,
    /// It has no `exp`.
    NoExpiry,
    /// This claim is no date.
    BadDate(&'static str),
    /// This claim is neither text nor, for `aud`, a list of texts (RFC 7519 §4.1).
    BadClaim(&'static str),
    /// It has expired.
    Expired,
    /// Its `nbf` or `iat` lies in the future.
    NotYetValid,
    /// It is meant for another audience.
    WrongAudience,
    /// It is an ID token.
    IdToken,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the token is longer than tokens.max_length",
            Self::NotText => "the token holds bytes beyond ASCII",
            Self::NotThreeParts => "the token does not consist of three parts",
            Self::NotBase64Url => "a part of the token is not base64url",
            Self::NotJsonObject => "header or payload is no JSON object without a repeated member",
            Self::BadHeader => "a header member has the wrong type",
            Self::CriticalExtension => "the token has a crit header",
            Self::OwnKey => "the token brings its own key",
            Self::AlgorithmNotAllowed => "the token's algorithm is not accepted",
            Self::UnknownIssuer => "the token's issuer is not configured",
            Self::WrongType => "the token's typ is not accepted",
            Self::UnknownKey => "no key of the issuer fits the token",
            Self::NoEngine => "nothing here verifies the token's algorithm",
            Self::BadSignature => "the signature is bad",
            Self::NoExpiry => "the token has no exp",
            Self::BadDate(claim) => return write!(f, "the claim {claim} is no date"),
            Self::BadClaim(claim) => return write!(f, "the claim {claim} has the wrong type"),
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::WrongAudience => "the token is for another audience",
            Self::IdToken => "the token is an ID token",
        })
    }
}

/// Proves the token: its issuer, type, algorithm, signature and times.
///
/// # Errors
/// When anything about it does not hold. Nothing of the token counts then.
pub fn verify(
    token: &[u8],
    max_length: usize,
    issuers: &Issuers,
    engines: SignatureEngines,
    host: &dyn Host,
) -> Result<(Evidence, Engine), TokenError> {
    if token.len() > max_length {
        return Err(TokenError::TooLong);
    }
    let token = std::str::from_utf8(token).map_err(|_| TokenError::NotText)?;
    let token = UnverifiedToken::parse(token)?;
    let issuer = token
        .claimed_issuer()
        .and_then(|name| issuers.named(name))
        .ok_or(TokenError::UnknownIssuer)?;
    let header = token.header();
    if !issuer.algorithms.contains(header.algorithm) {
        return Err(TokenError::AlgorithmNotAllowed);
    }
    if !type_fits(header.typ.as_deref(), issuer) {
        return Err(TokenError::WrongType);
    }
    let engine = verify_signature(&token, issuer, engines, host)?;
    let evidence = Evidence::new(issuer.clone(), token.into_claims(), host.now())?;
    Ok((evidence, engine))
}

/// Tries the issuer's keys that fit the header. Sets have few keys, and those of one name and
/// algorithm are fewer; the bound keeps a token without a `kid` from costing a check for each.
fn verify_signature(
    token: &UnverifiedToken<'_>,
    issuer: &Issuer,
    engines: SignatureEngines,
    host: &dyn Host,
) -> Result<Engine, TokenError> {
    /// The most keys that are tried for one token.
    const MOST_TRIES: usize = 4;
    let header = token.header();
    let mut error = TokenError::UnknownKey;
    for key in issuer.keys.candidates(header.kid.as_deref(), header.algorithm).take(MOST_TRIES) {
        match engines.verify(host, key, token) {
            Ok(engine) => return Ok(engine),
            Err(SignatureError::Bad) => error = TokenError::BadSignature,
            Err(SignatureError::NoEngine) => error = TokenError::NoEngine,
        }
    }
    Err(error)
}

/// Media types compare without case, and `application/` may be left out (RFC 7515 §4.1.9). A token
/// without a `typ` says no more than `JWT` does.
fn type_fits(typ: Option<&str>, issuer: &Issuer) -> bool {
    let typ = typ.unwrap_or("JWT").to_ascii_lowercase();
    let short = typ.strip_prefix("application/").unwrap_or(&typ);
    issuer.token_types.iter().any(|accepted| **accepted == *short)
}
