//! Rules: which requests a policy is for.

use std::borrow::Cow;

use super::PolicyId;
use super::expression::{Rest, Shape};
use super::host::HostPattern;
use super::rules::Facts;
use super::text::{FullRegex, StringMatch, equals, starts_with};
use crate::request::Headers;

/// A request match that selects a policy.
#[derive(Debug)]
pub struct Rule {
    /// Which requests.
    pub matcher: RequestMatch,
    /// The policy for them.
    pub policy: PolicyId,
}

/// Which requests. All fields have to match; an empty list does not restrict.
#[derive(Debug, Default)]
pub struct RequestMatch {
    /// The path.
    pub path: Option<PathMatch>,
    /// Any one of these methods.
    pub methods: Vec<Box<str>>,
    /// Any one of these hosts.
    pub hosts: Vec<HostPattern>,
    /// All of these headers.
    pub headers: Vec<HeaderMatch>,
    /// All of these query parameters.
    pub query_parameters: Vec<QueryMatch>,
    /// The name of the proxy's route.
    pub route: Option<Box<str>>,
}

/// How a path has to look, with Envoy's names and meanings (`config.route.v3.RouteMatch`).
#[derive(Debug)]
pub enum PathMatch {
    /// The whole path.
    Exact {
        /// In canonical form.
        path: Box<str>,
        /// Whether ASCII letters match regardless of case.
        ignore_case: bool,
    },
    /// A plain string prefix: `/admin` also covers `/administrator`.
    Prefix {
        /// In canonical form.
        prefix: Box<str>,
        /// Whether ASCII letters match regardless of case.
        ignore_case: bool,
    },
    /// A prefix that ends at a segment: `/admin` covers `/admin` and `/admin/x`.
    SeparatedPrefix {
        /// In canonical form, without a trailing slash.
        prefix: Box<str>,
        /// Whether ASCII letters match regardless of case.
        ignore_case: bool,
    },
    /// A regular expression for the whole path; URI templates become one too.
    Regex(FullRegex),
}

impl PathMatch {
    /// Whether the path matches.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path = path.as_bytes();
        match self {
            Self::Exact { path: wanted, ignore_case } => {
                equals(path, wanted.as_bytes(), *ignore_case)
            }
            Self::Prefix { prefix, ignore_case } => {
                starts_with(path, prefix.as_bytes(), *ignore_case)
            }
            Self::SeparatedPrefix { prefix, ignore_case } => {
                starts_with(path, prefix.as_bytes(), *ignore_case)
                    && matches!(path.get(prefix.len()), None | Some(b'/'))
            }
            Self::Regex(regex) => std::str::from_utf8(path).is_ok_and(|path| regex.matches(path)),
        }
    }

    /// The same in simpler terms, for an expression that is no more than a text or a prefix.
    fn simplified(&self) -> Option<Self> {
        let Self::Regex(regex) = self else { return None };
        let Shape { literal, rest, ignore_case } = regex.shape().clone();
        match rest {
            Rest::Nothing => Some(Self::Exact { path: literal, ignore_case }),
            // Every path starts with a slash.
            Rest::Anything if literal.is_empty() => {
                Some(Self::Prefix { prefix: "/".into(), ignore_case })
            }
            Rest::Anything => Some(Self::Prefix { prefix: literal, ignore_case }),
            Rest::Unknown => None,
        }
    }

    /// Whether every path is covered. `false` when it cannot be told.
    fn covers_all(&self) -> bool {
        let is_all = |path: &Self| matches!(path, Self::Prefix { prefix, .. } if &**prefix == "/");
        is_all(self) || self.simplified().as_ref().is_some_and(is_all)
    }

    /// Whether every path that `other` covers is covered too. `false` when it cannot be told.
    fn covers(&self, other: &Self) -> bool {
        // With case ignored here, a text is covered in any case; with case ignored there only,
        // `other` covers spellings that this does not.
        let folds = |mine: bool, theirs: bool| mine || !theirs;
        if let Some(mine) = self.simplified() {
            return mine.covers(other);
        }
        if let Some(theirs) = other.simplified() {
            return self.covers(&theirs);
        }
        match (self, other) {
            (
                Self::Exact { path, ignore_case },
                Self::Exact { path: theirs, ignore_case: fold },
            ) => {
                folds(*ignore_case, *fold)
                    && equals(theirs.as_bytes(), path.as_bytes(), *ignore_case)
            }
            (
                Self::Prefix { prefix, ignore_case },
                Self::Exact { path: theirs, ignore_case: fold }
                | Self::Prefix { prefix: theirs, ignore_case: fold }
                | Self::SeparatedPrefix { prefix: theirs, ignore_case: fold },
            ) => {
                folds(*ignore_case, *fold)
                    && starts_with(theirs.as_bytes(), prefix.as_bytes(), *ignore_case)
            }
            (
                Self::SeparatedPrefix { ignore_case, .. },
                Self::Exact { path: theirs, ignore_case: fold }
                | Self::SeparatedPrefix { prefix: theirs, ignore_case: fold },
            ) => folds(*ignore_case, *fold) && self.matches(theirs),
            (
                Self::SeparatedPrefix { prefix, ignore_case },
                Self::Prefix { prefix: theirs, ignore_case: fold },
            ) => {
                // "/admin" as a plain prefix also covers "/administrator"; "/admin/" does not.
                folds(*ignore_case, *fold) && self.matches(theirs) && theirs.len() > prefix.len()
            }
            (Self::Prefix { prefix, ignore_case }, Self::Regex(theirs)) => {
                let Shape { literal, ignore_case: fold, .. } = theirs.shape();
                let begins = starts_with(literal.as_bytes(), prefix.as_bytes(), *ignore_case);
                &**prefix == "/" || (folds(*ignore_case, *fold) && begins)
            }
            (Self::SeparatedPrefix { prefix, ignore_case }, Self::Regex(theirs)) => {
                let Shape { literal, ignore_case: fold, .. } = theirs.shape();
                folds(*ignore_case, *fold)
                    && starts_with(literal.as_bytes(), prefix.as_bytes(), *ignore_case)
                    && literal.as_bytes().get(prefix.len()) == Some(&b'/')
            }
            (Self::Regex(mine), Self::Regex(theirs)) => mine.covers(theirs),
            (Self::Regex(mine), Self::Exact { path, ignore_case: false }) => mine.matches(path),
            _ => false,
        }
    }
}

/// How a header has to look, as in Envoy's `HeaderMatcher`. Several values of a header are joined
/// with a comma first, as Envoy does.
#[derive(Debug)]
pub struct HeaderMatch {
    /// The header's name in lower case.
    pub name: Box<str>,
    /// What is asked of it.
    pub condition: ValueCondition,
    /// Whether the match holds when the condition does not.
    pub invert: bool,
    /// Whether a header that is not there counts as an empty one.
    pub missing_as_empty: bool,
}

/// How a query parameter has to look, as in Envoy's `QueryParameterMatcher`. Of several with one
/// name the first counts, as in Envoy.
#[derive(Debug)]
pub struct QueryMatch {
    /// The parameter's name.
    pub name: Box<str>,
    /// What is asked of it.
    pub condition: ValueCondition,
}

/// What is asked of a header or a query parameter.
#[derive(Debug)]
pub enum ValueCondition {
    /// It is there (`true`) or not there (`false`).
    Present(bool),
    /// Its text matches.
    Text(StringMatch),
    /// It is a whole number at or above `start` and below `end`.
    Range {
        /// The lowest number that matches.
        start: i64,
        /// The lowest number above it that no longer matches.
        end: i64,
    },
}

impl ValueCondition {
    fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::Present(wanted), value) => value.is_some() == *wanted,
            (Self::Text(text), Some(value)) => text.matches(value),
            (Self::Range { start, end }, Some(value)) => {
                value.parse::<i64>().is_ok_and(|number| (*start..*end).contains(&number))
            }
            (_, None) => false,
        }
    }

    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present(a), Self::Present(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a.same_as(b),
            (Self::Range { start: a, end: b }, Self::Range { start: c, end: d }) => {
                (a, b) == (c, d)
            }
            _ => false,
        }
    }
}

/// A header that a rule compares holds bytes that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotText;

/// The values of a header as rules compare them.
///
/// # Errors
/// When one is not text.
pub(super) fn joined<'h>(
    headers: &'h Headers,
    name: &str,
) -> Result<Option<Cow<'h, str>>, NotText> {
    let mut joined = None::<Cow<'h, str>>;
    for value in headers.values(name) {
        let value = std::str::from_utf8(value).map_err(|_| NotText)?;
        joined = Some(match joined {
            None => value.into(),
            Some(text) => [&*text, ",", value].concat().into(),
        });
    }
    Ok(joined)
}

/// The value of a query parameter; of several with one name, of the first.
pub(super) fn query_value<'q>(query: &'q str, wanted: &str) -> Option<&'q str> {
    query.split('&').find_map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (name == wanted).then_some(value)
    })
}

impl HeaderMatch {
    fn matches(&self, headers: &Headers) -> Result<bool, NotText> {
        let found = joined(headers, &self.name)?;
        let presence_asked = matches!(self.condition, ValueCondition::Present(_));
        let value = match &found {
            None if self.missing_as_empty => Some(""),
            // As in Envoy: what is not there matches no text, inverted or not.
            None if !presence_asked => return Ok(false),
            value => value.as_deref(),
        };
        Ok(self.condition.holds(value) != self.invert)
    }

    fn same_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.invert == other.invert
            && self.missing_as_empty == other.missing_as_empty
            && self.condition.same_as(&other.condition)
    }
}

impl QueryMatch {
    fn matches(&self, query: &str) -> bool {
        self.condition.holds(query_value(query, &self.name))
    }

    fn same_as(&self, other: &Self) -> bool {
        self.name == other.name && self.condition.same_as(&other.condition)
    }
}

impl RequestMatch {
    /// Whether all matches but the host and the path, which an index has compared already.
    ///
    /// # Errors
    /// When a header that has to be compared is not text.
    pub(super) fn matches_otherwise(&self, facts: &Facts<'_>) -> Result<bool, NotText> {
        let plain = (self.methods.is_empty() || self.methods.iter().any(|m| **m == *facts.method))
            && self.route.as_deref().is_none_or(|route| facts.route == Some(route))
            && self.query_parameters.iter().all(|query| query.matches(facts.query));
        if !plain {
            return Ok(false);
        }
        for header in &self.headers {
            if !header.matches(facts.headers)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every request that `other` matches matches too. `false` when it cannot be told.
    pub fn covers(&self, other: &Self) -> bool {
        self.covers_but_methods(other)
            && covers_any_of(&self.methods, &other.methods, |a, b| a == b)
    }

    /// Whether every request matches that `other` would match if its method were this one. `false`
    /// when it cannot be told.
    pub fn covers_with(&self, other: &Self, method: &str) -> bool {
        let has_method = self.methods.is_empty() || self.methods.iter().any(|own| **own == *method);
        has_method && self.covers_but_methods(other)
    }

    fn covers_but_methods(&self, other: &Self) -> bool {
        let path = match (&self.path, &other.path) {
            (None, _) => true,
            (Some(mine), Some(theirs)) => mine.covers(theirs),
            (Some(mine), None) => mine.covers_all(),
        };
        path && covers_any_of(&self.hosts, &other.hosts, HostPattern::covers)
            && covers_all_of(&self.headers, &other.headers, HeaderMatch::same_as)
            && covers_all_of(&self.query_parameters, &other.query_parameters, QueryMatch::same_as)
            && (self.route.is_none() || self.route == other.route)
    }

    /// Whether the match restricts nothing.
    pub const fn is_empty(&self) -> bool {
        self.path.is_none()
            && self.methods.is_empty()
            && self.hosts.is_empty()
            && self.headers.is_empty()
            && self.query_parameters.is_empty()
            && self.route.is_none()
    }
}

/// For lists of which one item suffices, where an empty list does not restrict.
fn covers_any_of<T>(mine: &[T], theirs: &[T], covers: impl Fn(&T, &T) -> bool) -> bool {
    mine.is_empty()
        || (!theirs.is_empty() && theirs.iter().all(|t| mine.iter().any(|m| covers(m, t))))
}

/// For lists of which every item is needed.
fn covers_all_of<T>(mine: &[T], theirs: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    mine.iter().all(|m| theirs.iter().any(|t| same(m, t)))
}

#[cfg(test)]
mod tests;
