//! What operators see of decisions.

mod metrics;

use std::fmt;

pub use self::metrics::Counter;

use crate::decision::{ChallengeReason, Decision, Grant, Shortfall};
use crate::keys::KeySource;
use crate::policy::{Ladder, Policy};
use crate::request::{Headers, split_target};
use crate::token::Issuer;

/// A request, so that a line about it can be found again.
pub struct About<'a>(pub &'a Headers);

impl fmt::Display for About<'_> {
    /// Method, path without query (it may hold a token), and request id, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |name| String::from_utf8_lossy(self.0.single(name).unwrap_or_default());
        let (path, _) = split_target(self.0.single(":path").unwrap_or_default());
        let (path, id) = (String::from_utf8_lossy(path), value("x-request-id"));
        write!(f, "{} {path:?} (request {id:?})", value(":method").escape_debug())
    }
}

/// A decision as a line for people, with its reason and evidence. It holds nothing of the token.
pub struct Line<'a> {
    /// The request.
    pub request: About<'a>,
    /// The policies that were applied.
    pub policies: &'a [&'a Policy],
    /// What became of the request.
    pub decision: &'a Decision<'a>,
    /// For the names of levels.
    pub levels: &'a Ladder,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |level: Option<_>| level.map_or("none", |level| self.levels.name(level));
        write_head(f, &self.request, self.policies)?;
        match self.decision {
            Decision::Allow(Grant::Public) => f.write_str("allowed, the policy is public"),
            Decision::Allow(Grant::Proven { level }) => {
                write!(f, "allowed, the token proves the level {:?}", name(*level))
            }
            Decision::Challenge(challenge) => {
                f.write_str("challenged: ")?;
                match challenge.reason {
                    ChallengeReason::NoToken => f.write_str("there is no token"),
                    ChallengeReason::InvalidToken(error) => error.fmt(f),
                    ChallengeReason::InvalidProof(error) => error.fmt(f),
                    ChallengeReason::Insufficient(Shortfall::Level { required, found }) => write!(
                        f,
                        "the level {:?} is required, {:?} is proven",
                        self.levels.name(required),
                        name(found)
                    ),
                    ChallengeReason::Insufficient(Shortfall::AuthTime { problem }) => {
                        write!(f, "the time of the authentication is not known: {problem}")
                    }
                    ChallengeReason::Insufficient(Shortfall::Age { required, found }) => write!(
                        f,
                        "the authentication is {}s old, {}s at most is required",
                        found.as_secs(),
                        required.as_secs()
                    ),
                }
            }
            Decision::Forbid(missing) => {
                write!(f, "forbidden: the scopes {:?} are required", missing.required.join(" "))
            }
            Decision::Deny(denial) => write!(f, "denied by the raise {:?}", denial.raise),
            Decision::Reject(error) => write!(f, "rejected: {error}"),
        }
    }
}

/// A request over which nothing can be decided now, as a line for people.
pub struct Unavailable<'a> {
    /// The request.
    pub request: About<'a>,
    /// The policies that were to be applied.
    pub policies: &'a [&'a Policy],
    /// Whose token it says it brings.
    pub issuer: Option<&'a Issuer>,
}

impl fmt::Display for Unavailable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_head(f, &self.request, self.policies)?;
        match self.issuer {
            Some(Issuer { name, keys: KeySource::Introspection(_), .. }) => {
                write!(f, "unavailable: the server of issuer {name:?} says nothing about the token")
            }
            Some(Issuer { name, .. }) => {
                write!(f, "unavailable: the keys of issuer {name:?} are not there")
            }
            None => f.write_str("unavailable: what is needed to check the token is not there"),
        }
    }
}

fn write_head(
    f: &mut fmt::Formatter<'_>,
    request: &About<'_>,
    policies: &[&Policy],
) -> fmt::Result {
    write!(f, "{request}: ")?;
    policies.iter().try_for_each(|policy| write!(f, "policy {:?}: ", policy.name))
}
