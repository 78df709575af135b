//! The policy for a request.

use super::Filter;
use crate::host::Host;
use crate::policy::{CanonicalPath, Facts, Host as RequestHost, PathError, Policy};
use crate::request::Headers;

/// Where a route's metadata names its policy.
const ROUTE_POLICY: [&str; 5] = ["xds", "route_metadata", "filter_metadata", "stepup", "policy"];
/// The name of the proxy's route.
const ROUTE_NAME: [&str; 2] = ["xds", "route_name"];

/// Why there is no policy to apply.
pub(super) enum NoPolicy {
    /// The request could be read in two ways.
    Ambiguous(String),
    /// The configuration and the proxy disagree; the sentence is for the operator.
    Misconfigured(String),
}

impl Filter {
    /// The policy for the request: the one that its route names, else that of the first rule that
    /// matches, else the default.
    ///
    /// The path is looked at in every case: an ambiguous one could have led the proxy to a route
    /// that the upstream would not have chosen.
    pub(super) fn select_policy(
        &self,
        headers: &Headers,
        host: &dyn Host,
    ) -> Result<&Policy, NoPolicy> {
        let target = headers.single(":path").unwrap_or_default();
        let path = CanonicalPath::new(target, self.policies.encoded_slashes)?;
        if self.policies.route_metadata
            && let Some(policy) = self.policy_of_route(host)?
        {
            return Ok(policy);
        }
        self.policy_of_rules(&path, target, headers, host)
    }

    fn policy_of_route(&self, host: &dyn Host) -> Result<Option<&Policy>, NoPolicy> {
        let named = match host.property(&ROUTE_POLICY) {
            Ok(None) => return Ok(None),
            // The SDK tells an empty value from a missing one in no way.
            Ok(Some(name)) if name.is_empty() => return Ok(None),
            Ok(Some(name)) => String::from_utf8_lossy(&name).into_owned(),
            Err(_) => String::from("(no string)"),
        };
        self.policies.policies.named(&named).map(Some).ok_or_else(|| {
            let route = host.property(&ROUTE_NAME).ok().flatten().unwrap_or_default();
            NoPolicy::Misconfigured(format!(
                "route {:?}: its metadata stepup.policy names {named:?}, and no policy has that \
                 name; requests to it are answered with 500",
                String::from_utf8_lossy(&route)
            ))
        })
    }

    fn policy_of_rules(
        &self,
        path: &CanonicalPath<'_>,
        target: &[u8],
        headers: &Headers,
        host: &dyn Host,
    ) -> Result<&Policy, NoPolicy> {
        let rules = &self.policies.rules;
        let text = |name: &str| {
            headers.single(name).and_then(|value| std::str::from_utf8(value).ok()).ok_or_else(
                || NoPolicy::Ambiguous(format!("{name} is missing, repeated or no text")),
            )
        };
        let authority = if rules.reads_hosts() {
            let authority = headers.single(":authority").unwrap_or_default();
            let read = RequestHost::from_authority(authority);
            Some(read.ok_or_else(|| NoPolicy::Ambiguous("the host is no plain host".to_owned()))?)
        } else {
            None
        };
        let route = if rules.reads_route() {
            let name = host.property(&ROUTE_NAME).map_err(|_| {
                NoPolicy::Misconfigured("the proxy does not tell the route's name".to_owned())
            })?;
            name.map(|name| String::from_utf8_lossy(&name).into_owned())
        } else {
            None
        };
        let query = if rules.reads_query() {
            let query = target.splitn(2, |byte| *byte == b'?').nth(1).unwrap_or_default();
            std::str::from_utf8(query)
                .map_err(|_| NoPolicy::Ambiguous("the query is no text".to_owned()))?
        } else {
            ""
        };
        let facts = |path| {
            Ok::<_, NoPolicy>(Facts {
                path,
                query,
                method: text(":method")?,
                host: authority.as_ref(),
                headers,
                route: route.as_deref(),
            })
        };
        let select = |path| {
            rules.select(&facts(path)?).map_err(|_| {
                NoPolicy::Ambiguous("a header that a rule compares is no text".to_owned())
            })
        };
        let selected = select(path)?;
        // Servers differ in whether they drop ";…" from a segment. Where that matters, neither
        // reading can be trusted.
        if let Some(other) = path.without_parameters()
            && select(&other)? != selected
        {
            return Err(PathError::AmbiguousParameter.into());
        }
        self.policies.policies.get(selected).ok_or_else(|| {
            NoPolicy::Misconfigured("a rule selects a policy that does not exist".to_owned())
        })
    }
}

impl From<PathError> for NoPolicy {
    fn from(error: PathError) -> Self {
        Self::Ambiguous(error.to_string())
    }
}
