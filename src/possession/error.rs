//! Why a request does not show that it comes from the client that its token was given to.

use std::fmt;

use crate::token::TokenError;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PossessionError {
    /// The token cannot be used like this (`invalid_token`).
    Binding(BindingError),
    /// The DPoP proof is not good (RFC 9449 §7.1: `invalid_dpop_proof`, `use_dpop_nonce`).
    Proof(ProofError),
}

/// Why a token cannot be used by this client, or in this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingError {
    /// Its `cnf` is no object with a SHA-256 in it (RFC 7800 §3.1).
    BadConfirmation,
    /// Its `cnf` has a member that nobody here can confirm.
    UnknownConfirmation,
    /// It is bound to a certificate, and the client showed none to the proxy (RFC 8705 §3).
    NoCertificate,
    /// It is bound to another certificate.
    WrongCertificate,
    /// It is bound to a key and was sent as a Bearer token (RFC 9449 §7.2).
    SentAsBearer,
    /// It is not bound to a key, and was sent with the DPoP scheme or where that is required
    /// (RFC 9449 §7.1).
    NotBoundToAKey,
    /// It is bound to another key than the proof's.
    WrongKey,
}

/// Why a DPoP proof is not good (RFC 9449 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// There is none.
    Missing,
    /// There is more than one.
    Several,
    /// It is longer than proofs are.
    TooLong,
    /// It is no well-formed token with a key in its header.
    Malformed(TokenError),
    /// Its `typ` is not `dpop+jwt`.
    WrongType,
    /// Its algorithm is `none`, symmetric, unknown, not accepted here, or does not fit its key.
    AlgorithmNotAllowed,
    /// Its `jwk` is no public key, or none that can be used.
    BadKey,
    /// This claim is missing, or not what it should be.
    NoClaim(&'static str),
    /// It is for another method.
    WrongMethod,
    /// It is for another URI.
    WrongTarget,
    /// It is for another token.
    WrongTokenHash,
    /// It is too old.
    TooOld,
    /// Its time lies in the future.
    InTheFuture,
    /// It does not hold the nonce that is asked for (RFC 9449 §9).
    NoNonce,
    /// The signature is not by its key.
    BadSignature,
    /// It was used before.
    Replayed,
}

impl From<BindingError> for PossessionError {
    fn from(error: BindingError) -> Self {
        Self::Binding(error)
    }
}

impl From<ProofError> for PossessionError {
    fn from(error: ProofError) -> Self {
        Self::Proof(error)
    }
}

impl fmt::Display for BindingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadConfirmation => "the token's cnf is malformed",
            Self::UnknownConfirmation => "the token's cnf has a member that is not supported",
            Self::NoCertificate => {
                "the token is bound to a certificate, and the client showed none to the proxy"
            }
            Self::WrongCertificate => "the token is bound to another certificate",
            Self::SentAsBearer => "the token is bound to a key, and was sent as a Bearer token",
            Self::NotBoundToAKey => "the token is not bound to a key, as DPoP needs it",
            Self::WrongKey => "the token is bound to another key than that of the DPoP proof",
        })
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no DPoP proof",
            Self::Several => "there is more than one DPoP proof",
            Self::TooLong => "the DPoP proof is too long",
            Self::Malformed(error) => return write!(f, "the DPoP proof is malformed: {error}"),
            Self::WrongType => "the DPoP proof's typ is not dpop+jwt",
            Self::AlgorithmNotAllowed => "the DPoP proof's algorithm is not accepted",
            Self::BadKey => "the DPoP proof's jwk is no public key that can be used",
            Self::NoClaim(name) => {
                return write!(f, "the DPoP proof's claim {name} is missing or malformed");
            }
            Self::WrongMethod => "the DPoP proof is for another method",
            Self::WrongTarget => "the DPoP proof is for another URI",
            Self::WrongTokenHash => "the DPoP proof is for another token",
            Self::TooOld => "the DPoP proof is too old",
            Self::InTheFuture => "the DPoP proof's time lies in the future",
            Self::NoNonce => "the DPoP proof does not hold a current nonce",
            Self::BadSignature => "the DPoP proof's signature is bad",
            Self::Replayed => "the DPoP proof was used before",
        })
    }
}
