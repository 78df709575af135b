//! Evidence against demand: pure, total, and without a side effect.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use crate::policy::{Demand, Ladder, LevelId, Requirement};
use crate::possession::ProofError;
use crate::time::Timestamp;
use crate::token::{AuthTimeProblem, Evidence, MalformedCredentials, TokenError};

/// What a request brings to show who it comes from.
#[derive(Debug)]
pub enum Credentials {
    /// No token.
    Missing,
    /// It is not clear which token is meant.
    Malformed(MalformedCredentials),
    /// A token that proves nothing.
    Invalid(TokenError),
    /// A token that is good, with a DPoP proof that is not.
    BadProof(ProofError),
    /// A token that was verified.
    Verified(Arc<Evidence>),
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision<'p> {
    /// It goes on to the upstream.
    Allow(Grant),
    /// `401`: the client is told what to obtain.
    Challenge(Challenge<'p>),
    /// `403`: scopes are missing, which no authentication brings.
    Forbid(MissingScopes<'p>),
    /// `403`: a raise denies the request, whatever its token proves.
    Deny(Denial<'p>),
    /// `400`: the request itself is wrong.
    Reject(MalformedCredentials),
}

/// Why a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Its policy is public.
    Public,
    /// Its token meets the demand.
    Proven {
        /// The highest level that the token satisfies.
        level: Option<LevelId>,
    },
}

/// A demand that was not met, with everything that a client needs to meet it.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge<'p> {
    /// Why.
    pub reason: ChallengeReason,
    /// What a challenge asks for: the first alternative of the demand.
    pub requirement: Option<Requirement>,
    /// The scopes to name: all of the demand where one of them is missing, else none.
    pub scopes: &'p [Box<str>],
}

/// Why a challenge is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeReason {
    /// No token came (RFC 6750 §3: no error code).
    NoToken,
    /// The token proves nothing (`invalid_token`).
    InvalidToken(TokenError),
    /// The DPoP proof is not good (RFC 9449 §7.1).
    InvalidProof(ProofError),
    /// The token proves too little (`insufficient_user_authentication`).
    Insufficient(Shortfall),
}

/// How a valid token falls short of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// The level is not proven.
    Level {
        /// The level that is required.
        required: LevelId,
        /// The highest level that is proven.
        found: Option<LevelId>,
    },
    /// The level is proven, but it is not known when the user authenticated.
    AuthTime {
        /// Why it is not known.
        problem: AuthTimeProblem,
    },
    /// The level is proven, but the authentication is too old.
    Age {
        /// The greatest age.
        required: Duration,
        /// The age.
        found: Duration,
    },
}

impl Shortfall {
    /// A greater one came nearer to being met, so it is the one to report: a proven level with an
    /// age that is known, then a lower level, then a greater allowance of age.
    const fn nearness(&self) -> (u8, Reverse<Option<LevelId>>, Option<AuthTimeProblem>, Duration) {
        match *self {
            Self::Level { required, .. } => (0, Reverse(Some(required)), None, Duration::ZERO),
            Self::AuthTime { problem } => (1, Reverse(None), Some(problem), Duration::ZERO),
            Self::Age { required, .. } => (2, Reverse(None), None, required),
        }
    }
}

/// A raise that denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial<'p> {
    /// The raise's name.
    pub raise: &'p str,
    /// A sentence for the client.
    pub detail: &'p str,
}

/// Scopes that a token lacks.
#[derive(Debug, PartialEq, Eq)]
pub struct MissingScopes<'p> {
    /// All scopes of the demand (RFC 6750 §3: the scope that is necessary).
    pub required: &'p [Box<str>],
}

/// Decides over a request, which has to meet all of the demands.
///
/// Without a demand its policies are public. Then nothing that the request brings is looked at.
pub fn decide<'p>(
    demands: impl IntoIterator<Item = &'p Demand>,
    credentials: &Credentials,
    levels: &Ladder,
    now: Timestamp,
) -> Decision<'p> {
    let decisions = demands.into_iter().map(|demand| meet(demand, credentials, levels, now));
    decisions.fold(Decision::Allow(Grant::Public), |worst, decision| {
        if decision.severity() > worst.severity() { decision } else { worst }
    })
}

impl Decision<'_> {
    /// Of several decisions over a request the most severe one counts. A challenge comes before a
    /// missing scope: with a token of another authentication, scopes may come too. Of two
    /// challenges the stricter one counts: the higher level, then the smaller age.
    fn severity(&self) -> (u8, Option<LevelId>, Reverse<Duration>) {
        let rank = match self {
            Self::Allow(Grant::Public) => 0,
            Self::Allow(Grant::Proven { .. }) => 1,
            Self::Forbid(_) => 2,
            Self::Challenge(_) => 3,
            Self::Deny(_) => 4,
            Self::Reject(_) => 5,
        };
        let requirement = match self {
            Self::Challenge(challenge) => challenge.requirement,
            _ => None,
        };
        let max_age = requirement.and_then(|requirement| requirement.max_age);
        let level = requirement.map(|requirement| requirement.level);
        (rank, level, Reverse(max_age.unwrap_or(Duration::MAX)))
    }
}

/// Decides over one demand.
fn meet<'p>(
    demand: &'p Demand,
    credentials: &Credentials,
    levels: &Ladder,
    now: Timestamp,
) -> Decision<'p> {
    let refuse = |reason, scopes: &'p [Box<str>]| {
        let requirement = demand.alternatives.first().copied();
        Decision::Challenge(Challenge { reason, requirement, scopes })
    };
    let evidence = match credentials {
        Credentials::Malformed(error) => return Decision::Reject(*error),
        Credentials::Missing => return refuse(ChallengeReason::NoToken, &demand.scopes),
        Credentials::Invalid(error) => return refuse(ChallengeReason::InvalidToken(*error), &[]),
        Credentials::BadProof(error) => return refuse(ChallengeReason::InvalidProof(*error), &[]),
        Credentials::Verified(evidence) => evidence,
    };
    let scopes_missing = demand.scopes.iter().any(|scope| !evidence.has_scope(scope));
    let to_name = if scopes_missing { demand.scopes.as_slice() } else { &[] };
    let satisfied = levels.satisfied(evidence);
    let found = satisfied.highest();
    // Any one alternative suffices; the first shortfall is `None` when there is none to meet.
    let mut nearest: Option<Shortfall> = None;
    for requirement in &demand.alternatives {
        let shortfall = if satisfied.contains(requirement.level) {
            requirement.max_age.and_then(|max_age| too_old(evidence, max_age, now))
        } else {
            Some(Shortfall::Level { required: requirement.level, found })
        };
        match shortfall {
            None => {
                nearest = None;
                break;
            }
            Some(shortfall) => {
                nearest = nearest.into_iter().chain([shortfall]).max_by_key(Shortfall::nearness);
            }
        }
    }
    match nearest {
        Some(shortfall) => refuse(ChallengeReason::Insufficient(shortfall), to_name),
        None if scopes_missing => Decision::Forbid(MissingScopes { required: &demand.scopes }),
        None => Decision::Allow(Grant::Proven { level: found }),
    }
}

/// `None` when the last active authentication is known and at most `max_age` old (RFC 9470 §3).
///
/// The clock skew only decides whether a time is believable. It never stretches `max_age`.
fn too_old(evidence: &Evidence, max_age: Duration, now: Timestamp) -> Option<Shortfall> {
    let auth_time = match evidence.auth_time() {
        Ok(auth_time) if auth_time > now.plus(evidence.clock_skew()) => {
            return Some(Shortfall::AuthTime { problem: AuthTimeProblem::InTheFuture });
        }
        Ok(auth_time) => auth_time,
        Err(problem) => return Some(Shortfall::AuthTime { problem }),
    };
    // Within the skew, a time ahead of the proxy's clock counts as this moment.
    let found = now.since(auth_time).unwrap_or(Duration::ZERO);
    (found > max_age).then_some(Shortfall::Age { required: max_age, found })
}

#[cfg(test)]
mod tests;
