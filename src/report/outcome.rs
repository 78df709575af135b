//! What became of a request, in two words of bounded number each: they are labels of metrics.

use crate::decision::{ChallengeReason, Decision, Failure, FailureKind, Grant, Shortfall};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went on.
    Allow,
    /// `401`: the client was told what to obtain.
    Challenge,
    /// `403`: scopes were missing.
    Forbid,
    /// `403`: a raise denied it.
    Deny,
    /// `400` or `408`: the request itself was wrong.
    Reject,
    /// `500` or `503`: nothing could be decided.
    Fail,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Allow, Self::Challenge, Self::Forbid, Self::Deny, Self::Reject, Self::Fail];

    /// Its word in logs, metrics and audit lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Challenge => "challenge",
            Self::Forbid => "forbid",
            Self::Deny => "deny",
            Self::Reject => "reject",
            Self::Fail => "fail",
        }
    }
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The policy is public.
    Public,
    /// The token meets the demand.
    Proven,
    /// No token came.
    NoToken,
    /// The token proves nothing.
    InvalidToken,
    /// The DPoP proof is not good.
    InvalidProof,
    /// The level is not proven.
    Level,
    /// It is not known when the user authenticated.
    AuthTime,
    /// The authentication is too old.
    Age,
    /// Scopes are missing.
    Scope,
    /// A raise denies the request.
    Raise,
    /// It is not clear which token is meant.
    MalformedCredentials,
    /// The request could be read in two ways.
    Ambiguous,
    /// A header came that only a trusted proxy may set.
    UntrustedHeader,
    /// The body stood still.
    BodyTimeout,
    /// The configuration and the proxy disagree.
    Misconfigured,
    /// The proxy keeps the body from the filter.
    BodyWithheld,
    /// What is needed to check the token is not there.
    Unavailable,
    /// Too many requests wait for their bodies.
    Overloaded,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 18] = [
        Self::Public,
        Self::Proven,
        Self::NoToken,
        Self::InvalidToken,
        Self::InvalidProof,
        Self::Level,
        Self::AuthTime,
        Self::Age,
        Self::Scope,
        Self::Raise,
        Self::MalformedCredentials,
        Self::Ambiguous,
        Self::UntrustedHeader,
        Self::BodyTimeout,
        Self::Misconfigured,
        Self::BodyWithheld,
        Self::Unavailable,
        Self::Overloaded,
    ];

    /// Its word in logs, metrics and audit lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Proven => "proven",
            Self::NoToken => "no_token",
            Self::InvalidToken => "invalid_token",
            Self::InvalidProof => "invalid_proof",
            Self::Level => "level",
            Self::AuthTime => "auth_time",
            Self::Age => "age",
            Self::Scope => "scope",
            Self::Raise => "raise",
            Self::MalformedCredentials => "malformed_credentials",
            Self::Ambiguous => "ambiguous",
            Self::UntrustedHeader => "untrusted_header",
            Self::BodyTimeout => "body_timeout",
            Self::Misconfigured => "misconfigured",
            Self::BodyWithheld => "body_withheld",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
        }
    }

    /// What becomes of a request for this reason.
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Public | Self::Proven => Outcome::Allow,
            Self::NoToken
            | Self::InvalidToken
            | Self::InvalidProof
            | Self::Level
            | Self::AuthTime
            | Self::Age => Outcome::Challenge,
            Self::Scope => Outcome::Forbid,
            Self::Raise => Outcome::Deny,
            Self::MalformedCredentials
            | Self::Ambiguous
            | Self::UntrustedHeader
            | Self::BodyTimeout => Outcome::Reject,
            Self::Misconfigured | Self::BodyWithheld | Self::Unavailable | Self::Overloaded => {
                Outcome::Fail
            }
        }
    }
}

impl From<&Decision<'_>> for Reason {
    fn from(decision: &Decision<'_>) -> Self {
        match decision {
            Decision::Allow(Grant::Public) => Self::Public,
            Decision::Allow(Grant::Proven { .. }) => Self::Proven,
            Decision::Challenge(challenge) => match challenge.reason {
                ChallengeReason::NoToken => Self::NoToken,
                ChallengeReason::InvalidToken(_) => Self::InvalidToken,
                ChallengeReason::InvalidProof(_) => Self::InvalidProof,
                ChallengeReason::Insufficient(Shortfall::Level { .. }) => Self::Level,
                ChallengeReason::Insufficient(Shortfall::AuthTime { .. }) => Self::AuthTime,
                ChallengeReason::Insufficient(Shortfall::Age { .. }) => Self::Age,
            },
            Decision::Forbid(_) => Self::Scope,
            Decision::Deny(_) => Self::Raise,
            Decision::Reject(_) => Self::MalformedCredentials,
        }
    }
}

impl From<&Failure> for Reason {
    fn from(failure: &Failure) -> Self {
        match failure.kind {
            FailureKind::Ambiguous => Self::Ambiguous,
            FailureKind::UntrustedHeader => Self::UntrustedHeader,
            FailureKind::BodyTimeout => Self::BodyTimeout,
            FailureKind::Misconfigured => Self::Misconfigured,
            FailureKind::BodyWithheld => Self::BodyWithheld,
            FailureKind::Unavailable { .. } => Self::Unavailable,
            FailureKind::Overloaded { .. } => Self::Overloaded,
        }
    }
}
