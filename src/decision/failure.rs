//! Requests that end without a decision over what they bring.

use std::borrow::Cow;
use std::time::Duration;

/// Why nothing could be decided over a request, which then does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What happened, for the operator.
    pub message: Cow<'static, str>,
}

/// The kinds of [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// `400`: the request could be read in two ways.
    Ambiguous,
    /// `400`: a header that only a trusted proxy may set came from elsewhere, and may have led to
    /// the route.
    UntrustedHeader,
    /// `408`: the body stood still.
    BodyTimeout,
    /// `500`: the configuration and the proxy disagree.
    Misconfigured,
    /// `500`: the proxy keeps the body from the filter.
    BodyWithheld,
    /// `503`: what is needed to check the token is not there.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// `503`: too many requests wait for their bodies.
    Overloaded {
        /// When to try again.
        retry_after: Duration,
    },
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn unavailable(
        retry_after: Duration,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(FailureKind::Unavailable { retry_after }, message)
    }
}
