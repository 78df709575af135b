//! Parts of Envoy files, made whole and shown to Envoy.

use serde_json::{Map, Value, json};

use super::support;
use super::support::envoy::validate_text;
use super::support::tls::Authority;

/// What stands at the top of an Envoy file.
pub(crate) const OF_BOOTSTRAP: [&str; 4] =
    ["static_resources", "stats_config", "stats_flush_interval", "admin"];
/// What stands in a listener's chain of filters.
pub(crate) const OF_CHAIN: [&str; 1] = ["transport_socket"];
/// What stands in a connection manager.
pub(crate) const OF_MANAGER: [&str; 4] =
    ["http_filters", "route_config", "access_log", "stream_idle_timeout"];

/// An Envoy file around a part of one, or the whole; `None` for what is no such part.
pub(crate) fn envoy_file(part: &Value) -> Option<Value> {
    let members = part.as_object()?;
    let mut clusters = members.get("clusters").cloned().unwrap_or_else(|| json!([]));
    for name in ["app", "idp"] {
        let clusters = clusters.as_array_mut()?;
        if clusters.iter().all(|cluster| cluster["name"] != name) {
            clusters.push(json!({"name": name}));
        }
    }
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "example",
        "route_config": {},
        "http_filters": [],
    });
    let mut chain = json!({});
    let mut bootstrap = json!({});
    for (name, value) in members {
        let place = if OF_BOOTSTRAP.contains(&name.as_str()) {
            &mut bootstrap
        } else if OF_CHAIN.contains(&name.as_str()) {
            &mut chain
        } else if OF_MANAGER.contains(&name.as_str()) {
            &mut manager
        } else if name == "clusters" {
            continue;
        } else {
            return None;
        };
        place[name] = value.clone();
    }
    manager["http_filters"].as_array_mut()?.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    chain["filters"] = json!([{
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }]);
    if bootstrap.get("static_resources").is_none() {
        bootstrap["static_resources"] = json!({
            "listeners": [{
                "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
                "filter_chains": [chain],
            }],
            "clusters": clusters,
        });
    }
    Some(bootstrap)
}

/// A file with certificates and a key in the place of the names of files that are not there.
pub(crate) fn with_certificates(text: &str) -> String {
    let socket = Authority::new().listener(false);
    let context = &socket["typed_config"]["common_tls_context"];
    let pair = &context["tls_certificates"][0];
    let trusted = &context["validation_context"]["trusted_ca"];
    [
        ("/etc/envoy/server.crt", &pair["certificate_chain"]),
        ("/etc/envoy/server.key", &pair["private_key"]),
        ("/etc/envoy/clients.crt", trusted),
        ("/etc/ssl/certs/ca-certificates.crt", trusted),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (file, content)| {
        text.replace(&json!({"filename": file}).to_string(), &content.to_string())
    })
}

/// Puts the listeners and clusters of a file into another one; false where that would change them.
pub(crate) fn add_to(together: &mut Value, file: &Value) -> bool {
    let members = file.as_object().unwrap();
    let resources = file["static_resources"].as_object().unwrap();
    let only = |members: &Map<String, Value>, names: &[&str]| {
        members.keys().all(|name| names.contains(&name.as_str()))
    };
    if !only(members, &["static_resources"]) || !only(resources, &["listeners", "clusters"]) {
        return false;
    }
    let clusters = resources["clusters"].as_array().unwrap();
    let is_stub = |cluster: &Value| cluster.as_object().unwrap().len() == 1;
    let known = together["static_resources"]["clusters"].as_array().unwrap().clone();
    let same_name =
        |cluster: &Value| known.iter().position(|known| known["name"] == cluster["name"]);
    let differs = |cluster: &Value| {
        same_name(cluster).is_some_and(|index| !is_stub(&known[index]) && known[index] != *cluster)
    };
    if clusters.iter().any(|cluster| !is_stub(cluster) && differs(cluster)) {
        return false;
    }
    for cluster in clusters {
        let known = together["static_resources"]["clusters"].as_array_mut().unwrap();
        match same_name(cluster) {
            None => known.push(cluster.clone()),
            Some(index) if is_stub(&known[index]) => known[index] = cluster.clone(),
            Some(_) => {}
        }
    }
    let listeners = resources["listeners"].as_array().unwrap().clone();
    together["static_resources"]["listeners"].as_array_mut().unwrap().extend(listeners);
    true
}

/// Lets Envoy look at a file, with the module and certificates in the place of what the documents name.
pub(crate) fn validate(file: &Value) -> Result<(), String> {
    let module = support::bootstrap::wasm();
    let module = module.to_str().expect("a path in UTF-8");
    let text = file.to_string().replace("/etc/envoy/envoy_stepup.wasm", module);
    validate_text(&with_certificates(&text))
}
