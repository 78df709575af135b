//! Why a token does not count.

use std::fmt;
use std::time::Duration;

use super::introspected::QuestionId;
use crate::possession::BindingError;

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
    /// It is a logout token, a refresh token, or of another kind that gives no access.
    OtherPurpose,
    /// A filter before this one should have verified it, and has not.
    NotVerifiedBefore,
    /// It is another one than a filter before this one verified.
    NotWhatWasVerified,
    /// It holds characters that no token has (RFC 6750 §2.1).
    BadCharacters,
    /// The authorization server says that it is not active (RFC 7662 §2.2).
    Inactive,
    /// The authorization server says that it is another issuer's.
    OtherIssuer,
    /// It is bound to a client, and the authorization server does not say so.
    BindingNotStated,
    /// This client cannot use it, or not like this.
    Binding(BindingError),
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
            Self::OtherPurpose => "the token is for another purpose than access",
            Self::NotVerifiedBefore => {
                "the token is for a filter before this one to verify, which left no claims of it"
            }
            Self::NotWhatWasVerified => {
                "the request shows another token than a filter before this one verified"
            }
            Self::BadCharacters => "the token holds characters that no token has",
            Self::Inactive => "the authorization server says that the token is not active",
            Self::OtherIssuer => "the authorization server says that the token is another issuer's",
            Self::BindingNotStated => {
                "the token is bound to a client, and the authorization server does not state the \
                 same cnf"
            }
            // From here, the two look the same.
            Self::Binding(error @ BindingError::NoCertificate) => {
                return write!(f, "{error}, or the listener asks for none (`validation_context`)");
            }
            Self::Binding(error) => return error.fmt(f),
        })
    }
}

/// Why there is no evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// The token proves nothing.
    Invalid(TokenError),
    /// The issuer's keys are being fetched: the request can wait, this long at most.
    Pending(Duration),
    /// The issuer's authorization server is being asked: the request can wait for the answer, this
    /// long at most.
    Asking(QuestionId, Duration),
    /// The issuer's keys or the server's answer cannot be had now. A retry makes sense after this
    /// time.
    Unavailable(Duration),
}

impl From<TokenError> for Unproven {
    fn from(error: TokenError) -> Self {
        Self::Invalid(error)
    }
}
