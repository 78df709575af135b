//! All rules. The first that matches wins.

use std::borrow::Cow;
use std::cell::Cell;

use super::PolicyId;
use super::host::Host;
use super::index::{Field, FieldValue, Index, Subject};
use super::rule::{NotText, Rule, joined, query_value};
use crate::request::Headers;

/// What rules look at in a request.
pub struct Facts<'r> {
    /// The path in canonical form, or in another reading.
    pub path: &'r str,
    /// What follows the first `?` of the request target; empty when no rule looks at it.
    pub query: &'r str,
    /// The method, compared with case (RFC 9110 §9.1).
    pub method: &'r str,
    /// The host; `None` when no rule looks at it.
    pub host: Option<&'r Host<'r>>,
    /// All headers.
    pub headers: &'r Headers,
    /// The name of the proxy's route; `None` when it has none, or no rule looks at it.
    pub route: Option<&'r str>,
}

/// The rules in order, and the policy for what none of them matches.
#[derive(Debug)]
pub struct Rules {
    pub(super) in_order: Vec<Rule>,
    index: Index,
    default: PolicyId,
    reads_hosts: bool,
    reads_query: bool,
    reads_route: bool,
}

impl Rules {
    /// Takes the rules in the order in which they are tried.
    pub fn new(rules: Vec<Rule>, default: PolicyId) -> Self {
        let reads_hosts = rules.iter().any(|rule| !rule.matcher.hosts.is_empty());
        let reads_route = rules.iter().any(|rule| rule.matcher.route.is_some());
        let reads_query = rules.iter().any(|rule| !rule.matcher.query_parameters.is_empty());
        let matches = rules.iter().map(|rule| Some(&rule.matcher)).collect::<Vec<_>>();
        let index = Index::new(&matches);
        Self { in_order: rules, index, default, reads_hosts, reads_query, reads_route }
    }

    /// The rules in the order in which they are tried.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.in_order.iter()
    }

    /// Whether any rule looks at the host.
    pub const fn reads_hosts(&self) -> bool {
        self.reads_hosts
    }

    /// Whether any rule looks at the query.
    pub const fn reads_query(&self) -> bool {
        self.reads_query
    }

    /// Whether any rule looks at the name of the proxy's route.
    pub const fn reads_route(&self) -> bool {
        self.reads_route
    }

    /// The place of the first rule that matches, from 0; `None` where the default is meant.
    ///
    /// # Errors
    /// When a header that has to be compared is not text.
    pub fn find(&self, facts: &Facts<'_>) -> Result<Option<usize>, NotText> {
        let selection = Selection { rules: self, facts, selected: Cell::new(Ok(None)) };
        self.index.find(&selection, self.in_order.len());
        selection.selected.get()
    }

    /// The policy of the rule at this place, or the default.
    pub fn policy(&self, rule: Option<usize>) -> PolicyId {
        let rule = rule.and_then(|rule| self.in_order.get(rule));
        rule.map_or(self.default, |rule| rule.policy)
    }

    /// The policy of the first rule that matches, or the default.
    #[cfg(test)]
    fn select(&self, facts: &Facts<'_>) -> Result<PolicyId, NotText> {
        self.find(facts).map(|rule| self.policy(rule))
    }
}

/// The selection of a rule for one request.
struct Selection<'r> {
    rules: &'r Rules,
    facts: &'r Facts<'r>,
    /// By the last rule that was met.
    selected: Cell<Result<Option<usize>, NotText>>,
}

impl Subject for Selection<'_> {
    fn host(&self) -> Option<&str> {
        self.facts.host.map(Host::as_str)
    }

    fn path(&self) -> &str {
        self.facts.path
    }

    fn value(&self, field: &Field) -> FieldValue<'_> {
        let value = match field {
            Field::Route => self.facts.route.map(Cow::from),
            Field::Method => Some(self.facts.method.into()),
            Field::Query(name) => query_value(self.facts.query, name).map(Cow::from),
            Field::Header(name) => match joined(self.facts.headers, name) {
                Ok(value) => value,
                // The first rule that compares the header has to be found.
                Err(NotText) => return FieldValue::Unknown,
            },
        };
        value.map_or(FieldValue::None, FieldValue::Text)
    }

    fn takes_unsure(&self) -> bool {
        true
    }

    /// A rule that cannot be compared ends the selection as one that matches.
    fn is_met_by(&self, rule: usize, is_sure: bool) -> bool {
        let Some(Rule { matcher, .. }) = self.rules.in_order.get(rule) else { return false };
        let path_matches = || matcher.path.as_ref().is_none_or(|p| p.matches(self.facts.path));
        if !is_sure && !path_matches() {
            return false;
        }
        let selected = match matcher.matches_otherwise(self.facts) {
            Ok(false) => return false,
            Ok(true) => Ok(Some(rule)),
            Err(NotText) => Err(NotText),
        };
        self.selected.set(selected);
        true
    }
}

#[cfg(test)]
mod tests;
