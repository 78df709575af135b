//! Evidence against demand: pure, total, and without a side effect.

mod failure;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use crate::policy::{Demand, Ladder, LevelId, LevelSet, Requirement};
use crate::possession::ProofError;
use crate::time::Timestamp;
use crate::token::{AuthTimeProblem, Evidence, MalformedCredentials, TokenError};

pub use self::failure::{Failure, FailureKind};

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

/// Demands that were not all met, with everything that a client needs to meet them at once.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge<'p> {
    /// Why.
    pub reason: ChallengeReason,
    /// What a challenge asks for: the first alternative of the strictest demand, at an age that the
    /// others allow too.
    pub requirement: Option<Requirement>,
    /// The scopes to name: all of each demand that lacks one.
    pub scopes: Vec<&'p str>,
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
    /// All scopes of each demand that lacks one (RFC 6750 §3: the scope that is necessary).
    pub required: Vec<&'p str>,
}

/// Decides over a request, which has to meet all of the demands.
///
/// Without a demand its policies are public. Then nothing that the request brings is looked at.
///
/// A challenge comes before a missing scope: with a token of another authentication, scopes may come
/// too. The shortfall that it tells is that of the strictest demand that is not met. What it asks for
/// meets them all, also those that are met already: a client that does as told comes through.
pub fn decide<'p, D>(
    demands: D,
    credentials: &Credentials,
    levels: &Ladder,
    now: Timestamp,
) -> Decision<'p>
where
    D: IntoIterator<Item = &'p Demand, IntoIter: Clone>,
{
    let demands = demands.into_iter();
    if demands.clone().next().is_none() {
        return Decision::Allow(Grant::Public);
    }
    let first_of_all = || demands.clone().filter_map(first);
    let challenge = |reason, targets: &mut dyn Iterator<Item = Requirement>, scopes| {
        let requirement = ask(targets, demands.clone(), levels);
        Decision::Challenge(Challenge { reason, requirement, scopes })
    };
    let evidence = match credentials {
        Credentials::Malformed(error) => return Decision::Reject(*error),
        Credentials::Missing => {
            let scopes = scopes(demands.clone());
            return challenge(ChallengeReason::NoToken, &mut first_of_all(), scopes);
        }
        Credentials::Invalid(error) => {
            return challenge(ChallengeReason::InvalidToken(*error), &mut first_of_all(), vec![]);
        }
        Credentials::BadProof(error) => {
            return challenge(ChallengeReason::InvalidProof(*error), &mut first_of_all(), vec![]);
        }
        Credentials::Verified(evidence) => evidence,
    };
    let satisfied = levels.satisfied(evidence);
    let meet = |demand: &Demand| meet(demand, evidence, satisfied, now);
    let strictest = demands
        .clone()
        .filter_map(|demand| meet(demand).err().map(|shortfall| (first(demand), shortfall)))
        // The first of the greatest.
        .min_by_key(|(requirement, _)| Reverse(requirement.map(strictness)));
    let lacks_one = |demand: &&Demand| demand.scopes.iter().any(|scope| !evidence.has_scope(scope));
    if let Some((_, shortfall)) = strictest {
        let target = |demand| meet(demand).unwrap_or_else(|_| first(demand));
        let scopes = scopes(demands.clone().filter(lacks_one));
        let reason = ChallengeReason::Insufficient(shortfall);
        return challenge(reason, &mut demands.clone().filter_map(target), scopes);
    }
    let mut lacking = demands.filter(lacks_one).peekable();
    if lacking.peek().is_some() {
        return Decision::Forbid(MissingScopes { required: scopes(lacking) });
    }
    Decision::Allow(Grant::Proven { level: satisfied.highest() })
}

/// What a token has to prove to meet all demands at once: what a challenge would ask for.
pub fn required<'p, D>(demands: D, levels: &Ladder) -> Option<Requirement>
where
    D: Iterator<Item = &'p Demand> + Clone,
{
    ask(&mut demands.clone().filter_map(first), demands, levels)
}

/// How long ago the user actively authenticated. Within the issuer's skew, a time ahead of the
/// proxy's clock is this moment.
///
/// # Errors
/// Why that is not known.
pub fn age(evidence: &Evidence, now: Timestamp) -> Result<Duration, AuthTimeProblem> {
    let auth_time = evidence.auth_time()?;
    if auth_time > now.plus(evidence.clock_skew()) {
        return Err(AuthTimeProblem::InTheFuture);
    }
    Ok(now.since(auth_time).unwrap_or(Duration::ZERO))
}

/// Whether the evidence meets the demand, scopes aside.
pub fn is_met(demand: &Demand, evidence: &Evidence, levels: &Ladder, now: Timestamp) -> bool {
    meet(demand, evidence, levels.satisfied(evidence), now).is_ok()
}

/// What a challenge asks for to meet a demand.
fn first(demand: &Demand) -> Option<Requirement> {
    demand.alternatives.first().copied()
}

/// Of two requirements the stricter one is greater: the higher level, then the smaller age.
fn strictness(requirement: Requirement) -> (LevelId, Reverse<Duration>) {
    (requirement.level, Reverse(requirement.max_age.unwrap_or(Duration::MAX)))
}

/// Every scope of these demands, once.
fn scopes<'p>(demands: impl Iterator<Item = &'p Demand>) -> Vec<&'p str> {
    let mut named: Vec<&str> = Vec::new();
    for scope in demands.flat_map(|demand| &demand.scopes) {
        if !named.contains(&&**scope) {
            named.push(scope);
        }
    }
    named
}

/// The strictest of the targets, at an age at which its level meets every demand. What it cannot meet, at
/// any age, is left for a challenge of its own: such levels are not of one ladder.
fn ask<'p>(
    targets: &mut dyn Iterator<Item = Requirement>,
    demands: impl Iterator<Item = &'p Demand>,
    levels: &Ladder,
) -> Option<Requirement> {
    let Requirement { level, max_age } = targets.max_by_key(|target| strictness(*target))?;
    let satisfies = levels.get(level)?.satisfies;
    let allowance = |demand: &Demand| {
        let usable = demand.alternatives.iter().filter(|other| satisfies.contains(other.level));
        usable.map(|other| other.max_age.unwrap_or(Duration::MAX)).max()
    };
    let ages = demands.filter_map(allowance).chain(max_age);
    let max_age = ages.min().filter(|age| *age < Duration::MAX);
    Some(Requirement { level, max_age })
}

/// The alternative that meets the demand, scopes aside; `None` where no level is asked for.
///
/// # Errors
/// How far the evidence is from the alternative that it comes nearest to.
fn meet(
    demand: &Demand,
    evidence: &Evidence,
    satisfied: LevelSet,
    now: Timestamp,
) -> Result<Option<Requirement>, Shortfall> {
    let mut nearest: Option<Shortfall> = None;
    for requirement in &demand.alternatives {
        let shortfall = if satisfied.contains(requirement.level) {
            requirement.max_age.and_then(|max_age| too_old(evidence, max_age, now))
        } else {
            Some(Shortfall::Level { required: requirement.level, found: satisfied.highest() })
        };
        // Any one alternative suffices.
        let Some(shortfall) = shortfall else { return Ok(Some(*requirement)) };
        nearest = nearest.into_iter().chain([shortfall]).max_by_key(Shortfall::nearness);
    }
    nearest.map_or(Ok(None), Err)
}

/// `None` when the last active authentication is known and at most `max_age` old (RFC 9470 §3).
///
/// The clock skew only decides whether a time is believable. It never stretches `max_age`.
fn too_old(evidence: &Evidence, max_age: Duration, now: Timestamp) -> Option<Shortfall> {
    let found = match age(evidence, now) {
        Ok(found) => found,
        Err(problem) => return Some(Shortfall::AuthTime { problem }),
    };
    (found > max_age).then_some(Shortfall::Age { required: max_age, found })
}

#[cfg(test)]
mod tests;
