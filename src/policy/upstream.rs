//! What the upstream is told of the token that a request brought.

/// A header that only the filter sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamHeader {
    /// Its name, in lower case.
    pub name: Box<str>,
    /// What it tells.
    pub value: UpstreamValue,
}

/// What an upstream header tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamValue {
    /// The name of the highest level that the token proves.
    Level,
    /// Its `acr` (OIDC Core §2).
    Acr,
    /// The age of the last active authentication, in whole seconds.
    Age,
    /// Its `iss` (RFC 7519 §4.1.1).
    Issuer,
    /// Its `sub` (RFC 7519 §4.1.2).
    Subject,
    /// Another claim at the top of its payload.
    Claim(Box<str>),
}

impl UpstreamValue {
    /// The claim that it tells, where it is named.
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::Claim(name) => Some(name),
            _ => None,
        }
    }
}
