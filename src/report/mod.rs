//! What operators see of decisions.

use std::fmt;

use crate::decision::{ChallengeReason, Decision, Grant, Shortfall};
use crate::policy::{Ladder, Policy};

/// A decision as a line for people, with its reason and evidence. It holds nothing of the token.
pub struct Line<'a> {
    /// The policy that was applied.
    pub policy: &'a Policy,
    /// What became of the request.
    pub decision: &'a Decision<'a>,
    /// For the names of levels.
    pub levels: &'a Ladder,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |level: Option<_>| level.map_or("none", |level| self.levels.name(level));
        write!(f, "policy {:?}: ", self.policy.name)?;
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
            Decision::Reject(error) => write!(f, "rejected: {error}"),
        }
    }
}
