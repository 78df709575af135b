//! The proxy's routes, where a file shows them.

use serde_json::Value;

use super::findings::Findings;
use crate::cli::document::{Configuration, Spot};
use crate::config::suggestion;
use crate::policy::{Expression, PathMatch, PolicySet, RequestMatch, Rest, Shape};
use crate::token::{Place as TokenPlace, is_header_alike};

/// The namespace of the metadata in which a route names its policy.
const NAMESPACE: &str = "stepup";
/// The message that switches a filter off for a route.
const FILTER_CONFIG: &str = "envoy.config.route.v3.FilterConfig";
/// More routes than this puzzle more than they help.
const MOST_NAMED: usize = 10;

/// The routes of a connection manager.
pub(super) struct Routes<'d> {
    list: Vec<Route<'d>>,
    /// What holds routes and has settings for all of them: hosts, and all.
    around: Vec<(String, Spot<'d>)>,
    /// The name of each filter, with its place.
    filters: Vec<Spot<'d>>,
    /// Whether there are no others.
    pub(super) are_all: bool,
}

struct Route<'d> {
    spot: Spot<'d>,
    /// What messages call it.
    name: String,
}

impl<'d> Routes<'d> {
    /// The routes that stand in a connection manager; `None` where none do.
    pub(super) fn of(manager: &Spot<'d>) -> Option<Self> {
        let table = manager.field("route_config")?;
        let mut around = vec![("all routes".to_owned(), table.clone())];
        let mut routes = Vec::new();
        for host in table.list("virtual_hosts") {
            let host_name = host.text("name").unwrap_or_default();
            for route in host.list("routes") {
                routes.push(Route { name: name(&route), spot: route });
            }
            around.push((format!("all routes of the virtual host {host_name:?}"), host));
        }
        let are_all = table.field("vhds").is_none();
        Some(Self {
            list: routes,
            around,
            filters: manager.list("http_filters").collect(),
            are_all,
        })
    }

    /// The policies that routes name.
    pub(super) fn policies(&self) -> impl Iterator<Item = &'d str> {
        self.list.iter().filter_map(|route| route.policy()?.value.as_str())
    }

    pub(super) fn look(
        &self,
        configuration: &Configuration<'_>,
        value: &Value,
        policies: Option<&PolicySet>,
        findings: &mut Findings<'_>,
    ) {
        let is_ours = |filter: &&Spot<'_>| filter.place.holds(&configuration.place);
        let filter = self.filters.iter().find(is_ours).and_then(|filter| filter.text("name"));
        if let Some(filter) = filter {
            self.switched_off(filter, findings);
        }
        self.metadata(value, findings);
        if let Some(policies) = policies {
            self.unspoken(policies, findings);
            self.changing(policies, findings);
        }
    }

    /// Routes for which the filter is switched off.
    fn switched_off(&self, filter: &str, findings: &mut Findings<'_>) {
        let off = |name: &str, spot: &Spot<'_>, findings: &mut Findings<'_>| {
            let configured = spot.field("typed_per_filter_config").and_then(|c| c.member(filter));
            if let Some(configured) = configured
                && configured.is_type(FILTER_CONFIG)
                && configured.is_true("disabled")
            {
                let message =
                    format!("the filter is switched off for {name}, which pass unchecked");
                let message = message.replace("the route", "requests on the route");
                findings.warn_around(
                    "filter-disabled",
                    &configured.place.key("disabled"),
                    &message,
                );
            }
        };
        for (name, spot) in &self.around {
            off(name, spot, findings);
        }
        for route in &self.list {
            let name = format!("the route {}", route.name);
            off(&name, &route.spot, findings);
            let clusters = route.spot.path(&["route", "weighted_clusters"]);
            for cluster in clusters.iter().flat_map(|clusters| clusters.list("clusters")) {
                off(&name, &cluster, findings);
            }
        }
    }

    /// Policies that routes name.
    fn metadata(&self, value: &Value, findings: &mut Findings<'_>) {
        let is_on = value.get("route_metadata") != Some(&Value::Bool(false));
        let known = value.get("policies").and_then(Value::as_object);
        for route in &self.list {
            let Some(policy) = route.policy() else {
                if let Some(metadata) = route.metadata() {
                    let message = format!(
                        "the route {} has metadata of the filter without policy, which says \
                         nothing; expected policy: NAME",
                        route.name
                    );
                    findings.warn_around("route-metadata", &metadata.place, &message);
                }
                continue;
            };
            if !is_on {
                let message = format!(
                    "the route {} names a policy, and the filter does not look: its configuration \
                     has route_metadata: false; take one of the two out",
                    route.name
                );
                findings.warn_around("route-metadata", &policy.place, &message);
                continue;
            }
            let (Some(known), found) = (known, policy.value.as_str()) else { continue };
            if found.is_some_and(|found| known.contains_key(found)) {
                continue;
            }
            let message = match found {
                Some(found) => format!(
                    "no policy is named {found:?}, so that every request on the route {} would be \
                     answered with 500{}",
                    route.name,
                    suggestion(found, known.keys().map(String::as_str))
                ),
                None => format!(
                    "is no name of a policy, so that every request on the route {} would be answered \
                     with 500; expected a text",
                    route.name
                ),
            };
            findings.mistake_around("route-metadata", &policy.place, &message);
        }
    }

    /// Routes that no rule speaks of, where the default asks for no token.
    fn unspoken(&self, policies: &PolicySet, findings: &mut Findings<'_>) {
        let Some(default) = policies.policies.get(policies.rules.policy(None)) else { return };
        if default.demand.is_some() {
            return;
        }
        let is_unspoken = |route: &&Route<'_>| {
            let names_policy = policies.route_metadata && route.policy().is_some();
            let speaks = |matcher: &RequestMatch| route.may_be_spoken_of(matcher);
            route.goes_upstream()
                && !names_policy
                && !policies.rules.iter().any(|rule| speaks(&rule.matcher))
        };
        let unspoken = self.list.iter().filter(is_unspoken).collect::<Vec<_>>();
        let Some(first) = unspoken.first() else { return };
        let names = unspoken.iter().take(MOST_NAMED).map(|route| &*route.name);
        let names = names.collect::<Vec<_>>().join(", ");
        let (routes, them) = match unspoken.len() {
            1 => (format!("the route {names}, which gets"), "it"),
            count => {
                let more = match count.saturating_sub(MOST_NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                (format!("{count} routes ({names}{more}), which get"), "them")
            }
        };
        let message = format!(
            "no rule speaks of {routes} the default policy {:?}: no token is needed there; add a \
             rule for {them}, or a default that is not public",
            default.name
        );
        findings.warn_around("unspoken-routes", &first.spot.place, &message);
    }

    /// Routes that match on what the filter takes out of requests: the proxy chooses again then.
    fn changing(&self, policies: &PolicySet, findings: &mut Findings<'_>) {
        let trusted = &policies.trusted_headers.names;
        let withheld = if policies.tokens.forward { &[] } else { &*policies.tokens.places };
        for route in &self.list {
            let Some(matcher) = route.spot.field("match") else { continue };
            let set = |header: &str| {
                let names = policies.upstream_headers.iter().map(|header| &header.name);
                names.into_iter().any(|name| is_header_alike(header.as_bytes(), name))
            };
            let named = |list: &str| {
                let items = matcher.list(list).collect::<Vec<_>>();
                items.into_iter().filter_map(|item| {
                    Some((item.text("name")?.to_ascii_lowercase(), item.place.key("name")))
                })
            };
            for (header, place) in named("headers") {
                if trusted.iter().any(|name| **name == *header) {
                    let message = format!(
                        "the route {} matches on {header:?}, one of the trusted_headers: the proxy \
                         chose the route before the filter removes it from requests of others; let \
                         no route match on it",
                        route.name
                    );
                    findings.warn_around("route-on-removed", &place, &message);
                }
                if set(&header) {
                    let message = format!(
                        "the route {} matches on {header:?}, one of the upstream_headers: the proxy \
                         chooses the route again when the filter sets it, so that a client could \
                         choose another route than the one that was decided over; let no route match \
                         on it",
                        route.name
                    );
                    findings.mistake_around("route-on-set", &place, &message);
                }
                let is_token = |place: &TokenPlace| match place {
                    TokenPlace::Header { name, .. } => **name == *header,
                    TokenPlace::Cookie(_) => header == "cookie",
                    TokenPlace::Query(_) => false,
                };
                if withheld.iter().any(is_token) {
                    route.withheld(&header, &place, findings);
                }
            }
            for (parameter, place) in named("query_parameters") {
                let is_token = |place: &TokenPlace| matches!(place, TokenPlace::Query(name) if **name == *parameter);
                if withheld.iter().any(is_token) {
                    route.withheld(&parameter, &place, findings);
                }
            }
        }
    }
}

impl<'d> Route<'d> {
    /// The filter's metadata.
    fn metadata(&self) -> Option<Spot<'d>> {
        self.spot.path(&["metadata", "filter_metadata"])?.member(NAMESPACE)
    }

    /// The policy that it names.
    fn policy(&self) -> Option<Spot<'d>> {
        self.metadata()?.member("policy")
    }

    /// Whether the proxy does not answer by itself.
    fn goes_upstream(&self) -> bool {
        self.spot.field("direct_response").is_none() && self.spot.field("redirect").is_none()
    }

    fn withheld(&self, name: &str, place: &crate::cli::place::Place, findings: &mut Findings<'_>) {
        let message = format!(
            "the route {} matches on {name:?}, which tokens.forward: false takes out of requests: \
             the proxy chooses the route again then, and may choose another than the one that was \
             decided over; let no route match on it",
            self.name
        );
        findings.warn_around("route-on-removed", place, &message);
    }

    /// Whether a rule may be about requests on this route, as far as paths tell.
    fn may_be_spoken_of(&self, rule: &RequestMatch) -> bool {
        if let Some(name) = &rule.route {
            return self.spot.text("name") == Some(name);
        }
        let Some(path) = &rule.path else { return true };
        let (rule, is_whole, ignores_case) = match path {
            PathMatch::Exact { path, ignore_case } => (&**path, true, *ignore_case),
            PathMatch::Prefix { prefix, ignore_case }
            | PathMatch::SeparatedPrefix { prefix, ignore_case } => {
                (&**prefix, false, *ignore_case)
            }
            PathMatch::Regex(regex) => {
                let Shape { literal, rest, ignore_case } = regex.shape();
                (&**literal, *rest == Rest::Nothing, *ignore_case)
            }
        };
        let Some(own) = self.path() else { return true };
        let folded = ignores_case || own.ignore_case;
        let fold = |text: &str| if folded { text.to_ascii_lowercase() } else { text.to_owned() };
        let (rule, route) = (fold(rule), fold(&own.literal));
        match (is_whole, own.rest == Rest::Nothing) {
            (true, true) => rule == route,
            (false, true) => route.starts_with(&rule),
            (true, false) => rule.starts_with(&route),
            (false, false) => rule.starts_with(&route) || route.starts_with(&rule),
        }
    }

    /// How the paths on this route begin; `None` where that cannot be told.
    fn path(&self) -> Option<Shape> {
        let matcher = self.spot.field("match")?;
        let ignore_case = matcher.field("case_sensitive").is_some_and(|field| field.value == false);
        let shape = |literal: &str, rest| Shape { literal: literal.into(), rest, ignore_case };
        if let Some(path) = matcher.text("path") {
            return Some(shape(path, Rest::Nothing));
        }
        if let Some(prefix) = matcher.text("prefix") {
            return Some(shape(prefix, Rest::Anything));
        }
        if let Some(prefix) = matcher.text("path_separated_prefix") {
            return Some(shape(prefix, Rest::Anything));
        }
        if let Some(regex) = matcher.field("safe_regex") {
            let shape = Expression::new(regex.text("regex")?).shape();
            return Some(Shape { ignore_case: shape.ignore_case || ignore_case, ..shape });
        }
        let template = matcher.path(&["path_match_policy", "typed_config", "path_template"])?;
        let template = template.value.as_str()?;
        let literal = template.split(['{', '*']).next().unwrap_or_default();
        let rest = if literal == template { Rest::Nothing } else { Rest::Unknown };
        Some(shape(literal, rest))
    }
}

/// What messages call a route.
fn name(route: &Spot<'_>) -> String {
    if let Some(name) = route.text("name").filter(|name| !name.is_empty()) {
        return format!("{name:?}");
    }
    let matcher = route.field("match");
    let of = |key: &str| Some(format!("for {key} {:?}", matcher.as_ref()?.text(key)?));
    let keys = ["path", "prefix", "path_separated_prefix"];
    let regex = || {
        let regex = matcher.as_ref()?.path(&["safe_regex", "regex"])?;
        Some(format!("for safe_regex {:?}", regex.value.as_str()?))
    };
    keys.into_iter().find_map(of).or_else(regex).unwrap_or_else(|| format!("at {}", route.place))
}
