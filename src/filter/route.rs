//! The policy for a request.

use std::borrow::Cow;

use super::Filter;
use crate::decision::{Failure, FailureKind};
use crate::host::{Host, value};
use crate::policy::{Facts, Host as RequestHost, Mode, PathError, PathReadings, Policy};
use crate::report::SelectedBy;
use crate::request::{Headers, split_target};

/// What a route's metadata says to this filter.
const ROUTE_METADATA: [&str; 4] = ["xds", "route_metadata", "filter_metadata", "stepup"];
/// Where a route's metadata names its policy.
const ROUTE_POLICY: [&str; 5] = ["xds", "route_metadata", "filter_metadata", "stepup", "policy"];
/// The name of the proxy's route.
const ROUTE_NAME: [&str; 2] = ["xds", "route_name"];

/// The policies that a request has to meet: one, but for a request that servers read in several ways.
#[derive(Debug)]
pub(super) struct Selected<'p> {
    first: Choice<'p>,
    others: Vec<Choice<'p>>,
}

/// A policy, and what selected it.
#[derive(Clone, Copy, Debug)]
struct Choice<'p> {
    policy: &'p Policy,
    by: SelectedBy,
}

impl<'p> Selected<'p> {
    const fn one(policy: &'p Policy, by: SelectedBy) -> Self {
        Self { first: Choice { policy, by }, others: Vec::new() }
    }

    /// What selected the first of them.
    pub(super) const fn by(&self) -> SelectedBy {
        self.first.by
    }

    /// Adds a policy of another reading. Where one is enforced, those in shadow mode have no say: they
    /// refuse nothing, and what they would do is told of requests that they alone are for.
    fn add(&mut self, policy: &'p Policy, by: SelectedBy) {
        let is_enforced = |policy: &Policy| policy.mode == Mode::Enforce;
        if is_enforced(self.first.policy) && !is_enforced(policy) {
            return;
        }
        if !is_enforced(self.first.policy) && is_enforced(policy) {
            *self = Self::one(policy, by);
        } else if !self.iter().any(|other| std::ptr::eq(other, policy)) {
            self.others.push(Choice { policy, by });
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'p Policy> + Clone {
        let others = self.others.iter().map(|choice| choice.policy);
        std::iter::once(self.first.policy).chain(others)
    }
}

impl Filter {
    /// The policies for the request: the one that its route names, else those of the first rules that
    /// match its readings, else the default.
    ///
    /// The path is looked at in every case: another spelling could have led the proxy to a route that
    /// the upstream would not have chosen.
    ///
    /// # Errors
    /// When the request could be read in two ways, or the configuration and the proxy disagree.
    pub(super) fn select_policies(
        &self,
        headers: &Headers,
        host: &dyn Host,
    ) -> Result<Selected<'_>, Failure> {
        let method = method(headers)?;
        let target = headers.single(":path").unwrap_or_default();
        let path = PathReadings::new(target, self.policies.encoded_slashes)?;
        if self.policies.route_metadata
            && let Some(policy) = self.policy_of_route(host)?
        {
            plain(&path)?;
            return Ok(Selected::one(policy, SelectedBy::RouteMetadata));
        }
        self.policies_of_rules(method, &path, target, headers, host)
    }

    fn policy_of_route(&self, host: &dyn Host) -> Result<Option<&Policy>, Failure> {
        // What is written there for this filter has to name a policy. Beside a null, the whole cannot
        // be read, but its parts can.
        let name = match host.property(&ROUTE_METADATA) {
            Ok(None) => return Ok(None),
            Ok(Some(all)) => value::pairs(&all).and_then(|pairs| {
                pairs
                    .into_iter()
                    .find_map(|(name, value)| (name == b"policy").then(|| value.to_vec()))
            }),
            Err(_) => host.property(&ROUTE_POLICY).ok().flatten(),
        };
        let named = String::from_utf8_lossy(name.as_deref().unwrap_or_default());
        self.policies.policies.named(&named).map(Some).ok_or_else(|| {
            let route = host.property(&ROUTE_NAME).ok().flatten().unwrap_or_default();
            let route = String::from_utf8_lossy(&route);
            misconfigured(format!(
                "route {route:?}: its metadata stepup.policy is {named:?}, and no policy has that \
                 name; requests to it are answered with 500"
            ))
        })
    }

    fn policies_of_rules(
        &self,
        method: &str,
        path: &PathReadings<'_>,
        target: &[u8],
        headers: &Headers,
        host: &dyn Host,
    ) -> Result<Selected<'_>, Failure> {
        let rules = &self.policies.rules;
        let authority = if rules.reads_hosts() {
            let authority = headers.single(":authority").unwrap_or_default();
            let read = RequestHost::from_authority(authority);
            Some(read.ok_or_else(|| ambiguous("the host is no plain host"))?)
        } else {
            None
        };
        let route = if rules.reads_route() {
            plain(path)?;
            let name = host
                .property(&ROUTE_NAME)
                .map_err(|_| misconfigured("the proxy does not tell the route's name"))?;
            name.map(|name| String::from_utf8_lossy(&name).into_owned())
        } else {
            None
        };
        let query = if rules.reads_query() {
            let (_, query) = split_target(target);
            std::str::from_utf8(query.unwrap_or_default())
                .map_err(|_| ambiguous("the query is no text"))?
        } else {
            ""
        };
        let host = authority.as_ref();
        let select = |method, path| {
            let facts = Facts { path, query, method, host, headers, route: route.as_deref() };
            let rule = rules
                .find(&facts)
                .map_err(|_| ambiguous("a header that a rule compares is no text"))?;
            let policy = self.policies.policies.get(rules.policy(rule));
            let policy = policy
                .ok_or_else(|| misconfigured("a rule selects a policy that does not exist"))?;
            Ok::<_, Failure>((policy, rule.map_or(SelectedBy::Default, SelectedBy::Rule)))
        };
        // Servers answer HEAD as they answer GET (RFC 9110 §9.3.2), so both readings count.
        let as_get = (method == "HEAD").then_some("GET");
        let methods = || std::iter::once(method).chain(as_get);
        let mut readings = path.iter().flat_map(|path| methods().map(move |m| (m, path)));
        let (method, path) = readings.next().unwrap_or((method, "/"));
        let (policy, by) = select(method, path)?;
        let mut selected = Selected::one(policy, by);
        for (method, path) in readings {
            let (policy, by) = select(method, path)?;
            selected.add(policy, by);
        }
        Ok(selected)
    }
}

/// The method. Some applications take `post` for POST, and the proxy passes it on over HTTP/2, while
/// methods compare with case (RFC 9110 §9.1). No standard method has a lower-case letter.
fn method(headers: &Headers) -> Result<&str, Failure> {
    let method = headers.single(":method").and_then(|value| std::str::from_utf8(value).ok());
    method
        .filter(|method| !method.bytes().any(|byte| byte.is_ascii_lowercase()))
        .ok_or_else(|| ambiguous("the method is missing, or not in upper case"))
}

/// Where the proxy's route decides, no other spelling of the path may have led to it.
fn plain(path: &PathReadings<'_>) -> Result<(), Failure> {
    if path.is_plain() { Ok(()) } else { Err(PathError::NotPlain.into()) }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        ambiguous(error.to_string())
    }
}

fn ambiguous(why: impl Into<Cow<'static, str>>) -> Failure {
    Failure::new(FailureKind::Ambiguous, why)
}

fn misconfigured(why: impl Into<Cow<'static, str>>) -> Failure {
    Failure::new(FailureKind::Misconfigured, why)
}
