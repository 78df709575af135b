//! Routes of an Envoy file that have a say of their own: they name a policy in their metadata, or
//! switch the filter off.

use serde_json::{Map, Value};

use super::super::document::either;
use super::super::single::Single;
use super::super::words;
use super::table::Row;

/// What there is to tell of the proxy's routes.
#[derive(Debug, Default)]
pub(super) struct EnvoyRoutes {
    pub(super) rows: Vec<Row>,
    pub(super) notes: Vec<String>,
}

/// Envoy's path matches, in both spellings, with the words for them.
const PATHS: [(&str, &str, &str); 4] = [
    ("path", "path", ""),
    ("prefix", "prefix", "prefix "),
    ("path_separated_prefix", "pathSeparatedPrefix", "at or below "),
    ("safe_regex", "safeRegex", "regex "),
];

/// The word that tells our filter from others in the names of filters.
const OURS: &str = "stepup";

pub(super) fn routes(single: &Single) -> EnvoyRoutes {
    let mut found = EnvoyRoutes::default();
    let configuration = single.configuration();
    let Some(manager) = configuration.as_ref().and_then(|one| one.manager()) else {
        return found;
    };
    let Some(routes) = manager.field("route_config", "routeConfig").and_then(Value::as_object)
    else {
        found.notes.push(
            "the proxy's routes stand elsewhere; one that names a policy in its metadata wins over \
             the rules"
                .to_owned(),
        );
        return found;
    };
    let hosts = either(routes, "virtual_hosts", "virtualHosts");
    for host in words::items(hosts).filter_map(Value::as_object) {
        let host_off = is_off(host);
        for route in words::items(host.get("routes")).filter_map(Value::as_object) {
            if host_off || is_off(route) {
                found.rows.push(row(
                    host,
                    route,
                    "(none)",
                    "the filter is switched off there: everything passes",
                ));
            } else if let Some(policy) = policy_of(route) {
                let note = match () {
                    () if !single.policies.route_metadata => {
                        "ignored, as route_metadata is false; the rules decide"
                    }
                    () if single.policies.policies.named(&policy).is_none() => {
                        "no policy has that name: requests are answered with 500"
                    }
                    () => "",
                };
                found.rows.push(row(host, route, &policy, note));
            }
        }
    }
    if !found.rows.is_empty() {
        found.notes.push(
            "routes of the proxy that name a policy come first, as the proxy chooses the route; they \
             win over the rules"
                .to_owned(),
        );
    }
    found
}

/// The policy that a route names; one that is no text names none that there is.
fn policy_of(route: &Map<String, Value>) -> Option<String> {
    let metadata = route.get("metadata")?.as_object()?;
    let ours = either(metadata, "filter_metadata", "filterMetadata")?.get(OURS)?;
    Some(ours.get("policy").and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Whether the filter is switched off for a route or virtual host.
fn is_off(part: &Map<String, Value>) -> bool {
    let filters = either(part, "typed_per_filter_config", "typedPerFilterConfig");
    let mut filters = filters.and_then(Value::as_object).into_iter().flatten();
    filters.any(|(name, config)| {
        name.contains(OURS) && config.get("disabled") == Some(&Value::Bool(true))
    })
}

fn row(host: &Map<String, Value>, route: &Map<String, Value>, policy: &str, note: &str) -> Row {
    let asked = route.get("match").and_then(Value::as_object);
    let name = route.get("name").and_then(Value::as_str);
    let (mut parts, methods) = asked.map(read_match).unwrap_or_default();
    let domains = words::texts(host.get("domains"));
    if !domains.iter().any(|domain| domain == "*") {
        parts.push(format!("host {}", words::list(&domains, "or")));
    }
    Row {
        place: name.map_or_else(|| "route".to_owned(), |name| format!("route {name}")),
        methods,
        matches: parts,
        policy: policy.to_owned(),
        demands: None,
        note: (!note.is_empty()).then(|| note.to_owned()),
    }
}

/// Envoy's match in words, and its methods.
fn read_match(matcher: &Map<String, Value>) -> (Vec<String>, Vec<String>) {
    let mut parts = Vec::new();
    for (snake, camel, word) in PATHS {
        if let Some(value) = either(matcher, snake, camel) {
            let text = value.as_str().or_else(|| value.get("regex")?.as_str()).unwrap_or_default();
            parts.push(format!("{word}{text}"));
        }
    }
    if let Some(policy) = either(matcher, "path_match_policy", "pathMatchPolicy") {
        let config = policy.get("typed_config").or_else(|| policy.get("typedConfig"));
        let template = config.and_then(|config| {
            config.get("path_template").or_else(|| config.get("pathTemplate"))?.as_str()
        });
        parts.push(format!("template {}", template.unwrap_or_default()));
    }
    let mut methods = Vec::new();
    for header in words::items(matcher.get("headers")) {
        let name = header.get("name").and_then(Value::as_str).unwrap_or_default();
        let text = header.get("string_match").or_else(|| header.get("stringMatch"));
        let exact = text.and_then(|text| text.get("exact")?.as_str());
        match exact {
            Some(method) if name == ":method" => methods.push(method.to_owned()),
            Some(value) => parts.push(format!("header {name} is {value:?}")),
            None => parts.push(format!("header {name} as the route says")),
        }
    }
    (parts, methods)
}
