//! What a condition can read, by name.

use super::Scope;
use super::types::Type;

/// A fact with a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `request.method`
    Method,
    /// `request.path`
    Path,
    /// `request.host`
    Host,
    /// `request.scheme`
    Scheme,
    /// `request.size`
    Size,
    /// `request.time`
    Time,
    /// `request.body`
    Body,
    /// `source.ip`
    SourceIp,
    /// `source.port`
    SourcePort,
    /// `source.address`
    SourceAddress,
    /// `connection.mtls`
    Mtls,
    /// `connection.subject`
    Subject,
    /// `connection.sni`
    Sni,
    /// `level`
    Level,
    /// What `level >= 'mfa'` looks into: all levels that are satisfied. It has no name to be read by.
    Satisfied,
    /// `auth_age`
    AuthAge,
    /// `route`
    Route,
    /// `response.status`
    Status,
}

/// A group of facts, one of which is named as its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `request.headers`
    Headers,
    /// `request.query`
    Query,
    /// `claims`
    Claims,
    /// `response.headers`
    ResponseHeaders,
    /// `signals`
    Signals,
    /// `feeds`
    Feeds,
}

/// What a condition reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// A fact.
    Fact(Fact),
    /// A member of a family.
    Member(Family, Box<str>),
    /// A value of the proxy's dynamic metadata: its namespace and its key.
    Metadata(Box<str>, Box<str>),
}

pub(super) const FACTS: [(&str, Fact, Type); 17] = [
    ("request.method", Fact::Method, Type::String),
    ("request.path", Fact::Path, Type::String),
    ("request.host", Fact::Host, Type::String),
    ("request.scheme", Fact::Scheme, Type::String),
    ("request.size", Fact::Size, Type::Int),
    ("request.time", Fact::Time, Type::Timestamp),
    ("request.body", Fact::Body, Type::Dyn),
    ("source.ip", Fact::SourceIp, Type::Address),
    ("source.port", Fact::SourcePort, Type::Int),
    ("source.address", Fact::SourceAddress, Type::String),
    ("connection.mtls", Fact::Mtls, Type::Bool),
    ("connection.subject", Fact::Subject, Type::String),
    ("connection.sni", Fact::Sni, Type::String),
    ("level", Fact::Level, Type::String),
    ("auth_age", Fact::AuthAge, Type::Int),
    ("route", Fact::Route, Type::String),
    ("response.status", Fact::Status, Type::Int),
];

pub(super) const FAMILIES: [(&str, Family, Type); 6] = [
    ("request.headers", Family::Headers, Type::String),
    ("request.query", Family::Query, Type::String),
    ("claims", Family::Claims, Type::Dyn),
    ("response.headers", Family::ResponseHeaders, Type::String),
    ("signals", Family::Signals, Type::Dyn),
    ("feeds", Family::Feeds, Type::Feed(None)),
];

/// The name of the proxy's dynamic metadata.
pub(super) const METADATA: &str = "metadata";

/// All names, groups of members included.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let facts = FACTS.iter().map(|(name, ..)| *name);
    facts.chain(FAMILIES.iter().map(|(name, ..)| *name)).chain([METADATA])
}

impl Fact {
    /// Its name.
    pub fn name(self) -> &'static str {
        if self == Self::Satisfied {
            return "@satisfied";
        }
        FACTS.iter().find(|(_, fact, _)| *fact == self).map_or("", |(name, ..)| name)
    }
}

impl Family {
    /// Its name.
    pub fn name(self) -> &'static str {
        FAMILIES.iter().find(|(_, family, _)| *family == self).map_or("", |(name, ..)| name)
    }
}

impl Variable {
    /// Whether it is the body of the request, or in it.
    pub const fn is_body(&self) -> bool {
        matches!(self, Self::Fact(Fact::Body))
    }

    /// Whether a token has to be verified to know it.
    pub const fn is_of_token(&self) -> bool {
        matches!(
            self,
            Self::Fact(Fact::Level | Fact::Satisfied | Fact::AuthAge)
                | Self::Member(Family::Claims, _)
        )
    }

    /// Whether a client can make it long.
    pub(super) const fn can_be_long(&self) -> bool {
        match self {
            Self::Fact(fact) => matches!(
                fact,
                Fact::Method
                    | Fact::Path
                    | Fact::Host
                    | Fact::Scheme
                    | Fact::Body
                    | Fact::Subject
                    | Fact::Sni
            ),
            Self::Member(family, _) => !matches!(family, Family::Signals | Family::Feeds),
            Self::Metadata(..) => true,
        }
    }

    /// Whether it can be read there; if not, why.
    pub(super) const fn refused_in(&self, scope: Scope) -> Option<&'static str> {
        let is_of_response =
            matches!(self, Self::Fact(Fact::Status) | Self::Member(Family::ResponseHeaders, _));
        match scope {
            Scope::Request | Scope::PublicRequest if is_of_response => {
                Some("there is no response yet; only signals can read one")
            }
            Scope::PublicRequest if self.is_of_token() => {
                Some("a public policy looks at no token; take out public, and require a level")
            }
            Scope::Both if is_of_response => {
                Some("it is read before there is a response too; expected facts of the request")
            }
            Scope::Response | Scope::Both if matches!(self, Self::Fact(Fact::Body)) => {
                Some("the body of the request is gone once there is a response")
            }
            Scope::Response | Scope::Both if self.is_of_token() => {
                Some("the token is not kept until there is a response")
            }
            _ => None,
        }
    }
}
