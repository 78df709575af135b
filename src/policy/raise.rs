//! What raises the bar of a policy.

use super::Demand;
use crate::condition::Condition;

/// A condition on a request, and what follows when it is true, or cannot be told.
#[derive(Debug)]
pub struct Raise {
    /// Its name in configuration, logs and metrics.
    pub name: Box<str>,
    /// When it fires.
    pub when: Condition,
    /// What follows.
    pub then: Consequence,
    /// Whether that is done, or only told.
    pub mode: Mode,
    /// Its place among the raises of all policies, once they are together.
    pub(crate) number: usize,
}

impl Raise {
    /// Its place among the raises of all policies.
    pub const fn number(&self) -> usize {
        self.number
    }
}

/// What follows when a raise fires.
#[derive(Debug)]
pub enum Consequence {
    /// The token has to meet this too.
    Require(Demand),
    /// The request is refused, with this sentence for the client.
    Deny(Box<str>),
}

/// Whether what was decided is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    #[default]
    Enforce,
    /// It is only told to the operator.
    Shadow,
}

impl Mode {
    /// Its word in configuration, logs, metrics and audit lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}
