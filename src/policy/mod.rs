//! What an operator asks for, compiled: immutable, and without a name left to look up.

mod expression;
mod glob;
mod host;
mod index;
mod level;
mod path;
mod raise;
mod reach;
mod rule;
mod rules;
mod template;
mod text;
mod trusted;
mod upstream;

use std::collections::HashMap;
use std::time::Duration;

pub use self::expression::{Expression, Rest, Shape};
pub use self::host::{Host, HostPattern};
pub use self::level::{ClaimProof, Ladder, Level, LevelId, LevelSet, MAX_LEVELS, Proof};
pub use self::path::{CanonicalPath, EncodedSlashes, PathError, PathReadings};
pub use self::raise::{Consequence, Mode, Raise};
pub use self::reach::Reach;
pub use self::rule::{
    HeaderMatch, NotText, PathMatch, QueryMatch, RequestMatch, Rule, ValueCondition,
};
pub use self::rules::{Facts, Rules};
pub use self::template::to_regex as template_to_regex;
pub use self::text::{FullRegex, StringMatch, TextPattern};
pub use self::trusted::TrustedHeaders;
pub use self::upstream::{UpstreamHeader, UpstreamValue};

use crate::body::BodySettings;
use crate::challenge::ChallengeSettings;
use crate::condition::{Fact, Family, Signal, Variable};
use crate::feeds::FeedSettings;
use crate::possession::DpopSettings;
use crate::report::AuditSettings;
use crate::token::{Issuers, TokenSettings};

/// A policy's place in its [`PolicySet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyId(usize);

impl PolicyId {
    /// The policy at `index` of the list that [`Policies::new`] takes.
    pub const fn new(index: usize) -> Self {
        Self(index)
    }
}

/// A level, and optionally the greatest age of the last active authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The level that has to be proven.
    pub level: LevelId,
    /// The greatest age; whole seconds (RFC 9470 §3).
    pub max_age: Option<Duration>,
}

/// What a policy asks of a token.
#[derive(Debug, Default)]
pub struct Demand {
    /// Any one of these suffices; empty when no level is asked for. A challenge names the first.
    pub alternatives: Vec<Requirement>,
    /// All of these scopes (RFC 6749 §3.3).
    pub scopes: Vec<Box<str>>,
}

/// A named policy.
#[derive(Debug)]
pub struct Policy {
    /// Its name in configuration, logs and metrics.
    pub name: Box<str>,
    /// What it asks for; `None` when it is public and no token is needed.
    pub demand: Option<Demand>,
    /// What raises the bar.
    pub raises: Vec<Raise>,
    /// Whether what is decided by it is done, or only told.
    pub mode: Mode,
    /// Its place among all policies, once they are together.
    pub(crate) number: usize,
}

impl Policy {
    /// Its place among all policies.
    pub const fn number(&self) -> usize {
        self.number
    }
}

/// All policies, by place and by name.
#[derive(Debug, Default)]
pub struct Policies {
    list: Vec<Policy>,
    names: HashMap<Box<str>, PolicyId>,
}

impl Policies {
    /// Takes the policies; [`PolicyId`]s are places in this list.
    pub fn new(mut list: Vec<Policy>) -> Self {
        for (number, policy) in list.iter_mut().enumerate() {
            policy.number = number;
        }
        let raises = list.iter_mut().flat_map(|policy| &mut policy.raises);
        for (number, raise) in raises.enumerate() {
            raise.number = number;
        }
        let names = list
            .iter()
            .enumerate()
            .map(|(index, policy)| (policy.name.clone(), PolicyId(index)))
            .collect();
        Self { list, names }
    }

    /// The policy at this place.
    pub fn get(&self, id: PolicyId) -> Option<&Policy> {
        self.list.get(id.0)
    }

    /// What conditions read.
    fn reads(&self) -> impl Iterator<Item = &Variable> {
        let raises = self.list.iter().flat_map(|policy| &policy.raises);
        raises.flat_map(|raise| raise.when.reads())
    }

    /// The policies, in the order in which they were taken.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.list.iter()
    }

    /// Whether a condition reads the body of requests.
    pub fn read_body(&self) -> bool {
        self.reads().any(Variable::is_body)
    }

    /// The claims that conditions read.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.reads().filter_map(|variable| match variable {
            Variable::Member(Family::Claims, name) => Some(&**name),
            _ => None,
        })
    }

    /// The policy of this name.
    pub fn named(&self, name: &str) -> Option<&Policy> {
        self.names.get(name).and_then(|id| self.get(*id))
    }
}

/// Everything that decides over a request.
#[derive(Debug)]
pub struct PolicySet {
    /// The levels, weakest first.
    pub levels: Ladder,
    /// Who signs tokens.
    pub issuers: Issuers,
    /// Where tokens stand in a request, and how long they may be.
    pub tokens: TokenSettings,
    /// What DPoP proofs have to be like.
    pub dpop: DpopSettings,
    /// How bodies are read that conditions look at.
    pub body: BodySettings,
    /// The policies.
    pub policies: Policies,
    /// Which requests each policy is for.
    pub rules: Rules,
    /// Which headers only a trusted proxy before this one may set.
    pub trusted_headers: TrustedHeaders,
    /// The lists that conditions look into.
    pub feeds: Vec<FeedSettings>,
    /// What the proxy counts and remembers.
    pub signals: Vec<Signal>,
    /// Whether a route's own metadata may name its policy.
    pub route_metadata: bool,
    /// What becomes of `%2F` and `%5C` in paths.
    pub encoded_slashes: EncodedSlashes,
    /// What challenges carry.
    pub challenge: ChallengeSettings,
    /// Whether decisions are done, or only told.
    pub mode: Mode,
    /// What is told of decisions.
    pub audit: AuditSettings,
    /// What the upstream is told of the token.
    pub upstream_headers: Vec<UpstreamHeader>,
    /// What tells this configuration from others: the same for the same document in any form.
    pub version: Box<str>,
}

impl PolicySet {
    /// Whether anything depends on the route that the proxy chose.
    pub fn read_route(&self) -> bool {
        let mut reads = self.policies.reads();
        self.route_metadata
            || self.rules.reads_route()
            || reads.any(|variable| *variable == Variable::Fact(Fact::Route))
    }
}
