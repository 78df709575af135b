//! Routes of an Envoy file that have a say of their own: they name a policy in their metadata, or
//! switch the filter off.

use super::super::document::Spot;
use super::super::single::Single;
use super::super::words;
use super::table::Row;

/// What there is to tell of the proxy's routes.
#[derive(Debug, Default)]
pub(super) struct EnvoyRoutes {
    pub(super) rows: Vec<Row>,
    pub(super) notes: Vec<String>,
}

/// Envoy's path matches, with the words for them.
const PATHS: [(&str, &str); 4] = [
    ("path", ""),
    ("prefix", "prefix "),
    ("path_separated_prefix", "at or below "),
    ("safe_regex", "regex "),
];

/// The word that tells our filter from others in the names of filters.
const OURS: &str = "stepup";

pub(super) fn routes(single: &Single) -> EnvoyRoutes {
    let mut found = EnvoyRoutes::default();
    let configuration = single.configuration();
    let Some(manager) = configuration.as_ref().and_then(|one| one.manager()) else {
        return found;
    };
    let Some(routes) = manager.field("route_config").filter(|routes| routes.value.is_object())
    else {
        found.notes.push(
            "the proxy's routes stand elsewhere; one that names a policy in its metadata wins over \
             the rules"
                .to_owned(),
        );
        return found;
    };
    for host in routes.list("virtual_hosts") {
        let host_off = is_off(&host);
        for route in host.list("routes") {
            if host_off || is_off(&route) {
                found.rows.push(row(
                    &host,
                    &route,
                    "(none)",
                    "the filter is switched off there: everything passes",
                ));
            } else if let Some(policy) = policy_of(&route) {
                let note = match () {
                    () if !single.policies.route_metadata => {
                        "ignored, as route_metadata is false; the rules decide"
                    }
                    () if single.policies.policies.named(&policy).is_none() => {
                        "no policy has that name: requests are answered with 500"
                    }
                    () => "",
                };
                found.rows.push(row(&host, &route, &policy, note));
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
fn policy_of(route: &Spot<'_>) -> Option<String> {
    let ours = route.path(&["metadata", "filter_metadata"])?.member(OURS)?;
    Some(ours.text("policy").unwrap_or_default().to_owned())
}

/// Whether the filter is switched off for a route or virtual host.
fn is_off(part: &Spot<'_>) -> bool {
    let filters = part.field("typed_per_filter_config");
    filters
        .iter()
        .flat_map(Spot::members)
        .any(|(name, config)| name.contains(OURS) && config.is_true("disabled"))
}

fn row(host: &Spot<'_>, route: &Spot<'_>, policy: &str, note: &str) -> Row {
    let (mut parts, methods) =
        route.field("match").map(|asked| read_match(&asked)).unwrap_or_default();
    let name = route.text("name");
    let domains = words::texts(host.field("domains").map(|domains| domains.value));
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
fn read_match(matcher: &Spot<'_>) -> (Vec<String>, Vec<String>) {
    let mut parts = Vec::new();
    for (name, word) in PATHS {
        if let Some(path) = matcher.field(name) {
            let text = path.value.as_str().or_else(|| path.text("regex")).unwrap_or_default();
            parts.push(format!("{word}{text}"));
        }
    }
    if let Some(policy) = matcher.field("path_match_policy") {
        let template = policy.path(&["typed_config", "path_template"]);
        let template = template.as_ref().and_then(|template| template.value.as_str());
        parts.push(format!("template {}", template.unwrap_or_default()));
    }
    let mut methods = Vec::new();
    for header in matcher.list("headers") {
        let name = header.text("name").unwrap_or_default();
        let exact = header.path(&["string_match", "exact"]);
        match exact.as_ref().and_then(|exact| exact.value.as_str()) {
            Some(method) if name == ":method" => methods.push(method.to_owned()),
            Some(value) => parts.push(format!("header {name} is {value:?}")),
            None => parts.push(format!("header {name} as the route says")),
        }
    }
    (parts, methods)
}
