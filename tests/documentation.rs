//! Every YAML example in the documents is what the filter, or Envoy, takes.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use envoy_stepup::cli::document::Documents;
use envoy_stepup::config::{KEYS, compile_value};
use serde_json::{Value, json};
use support::envoy::validate_text;
use support::tls::Authority;

/// A fenced block of YAML, and where it begins.
struct Example {
    place: String,
    value: Value,
}

#[test]
fn every_configuration_in_the_documents_is_accepted() {
    let base = reference();
    let mut checked = 0;
    for Example { place, value } in documents().iter().flat_map(|file| examples(file)) {
        let members = value.as_object().unwrap_or_else(|| panic!("{place}: is no object"));
        if !members.keys().all(|key| KEYS.contains(&key.as_str())) {
            continue;
        }
        let whole = if members.contains_key("default") {
            value
        } else {
            let mut whole = base.clone();
            whole.as_object_mut().unwrap().extend(members.clone());
            whole
        };
        if let Err(mistakes) = compile_value(&whole) {
            panic!("{place}: has mistakes\n{mistakes}");
        }
        checked += 1;
    }
    assert!(checked >= 6, "only {checked} examples were found");
}

#[test]
fn every_envoy_example_in_the_documents_is_accepted_by_envoy() {
    let mut checked = 0;
    for Example { place, value } in documents().iter().flat_map(|file| examples(file)) {
        let Some(text) = bootstrap_around(&value) else { continue };
        validate_text(&text).unwrap_or_else(|log| panic!("{place}: Envoy says\n{log}"));
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} examples were found");
}

#[test]
fn every_configuration_within_an_example_is_accepted() {
    let mut checked = 0;
    for Example { place, value } in documents().iter().flat_map(|file| examples(file)) {
        if value.get("http_filters").is_none() && value["kind"] != "WasmPlugin" {
            continue;
        }
        let documents = Documents::parse(&value.to_string()).unwrap();
        for configuration in documents.configurations().unwrap() {
            if let Err(mistakes) = configuration.compile() {
                panic!("{place}: has mistakes\n{mistakes:#?}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 3, "only {checked} examples were found");
}

#[test]
fn the_filter_knows_every_issuer_that_istio_verifies() {
    let recipe = examples(&root().join("docs/recipes/istio-request-authentication.md"));
    let of_kind = |kind| recipe.iter().find(|example| example.value["kind"] == kind).unwrap();
    let plugin = &of_kind("WasmPlugin").value["spec"];
    let known = plugin["pluginConfig"]["issuers"].as_array().unwrap();
    for rule in of_kind("RequestAuthentication").value["spec"]["jwtRules"].as_array().unwrap() {
        let issuer = known.iter().find(|known| known["issuer"] == rule["issuer"]).unwrap();
        let place = json!({"metadata": "envoy.filters.http.jwt_authn", "key": "payload"});
        assert_eq!(issuer["keys"]["verified_by"], place);
    }
    assert_eq!(plugin["phase"], "AUTHZ");
}

#[test]
fn no_example_goes_unchecked() {
    for Example { place, value } in documents().iter().flat_map(|file| examples(file)) {
        let members = value.as_object().unwrap_or_else(|| panic!("{place}: is no object"));
        let is_configuration = members.keys().all(|key| KEYS.contains(&key.as_str()));
        // The scenarios run the filter with the capabilities that the document lists.
        let is_run_elsewhere = members.contains_key("capability_restriction_config");
        let is_of_istio = value["kind"] == "WasmPlugin" || value["kind"] == "RequestAuthentication";
        let is_checked = is_configuration
            || is_run_elsewhere
            || is_of_istio
            || bootstrap_around(&value).is_some();
        assert!(is_checked, "{place}: nothing here knows how to check this example");
    }
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let found = file.parent().unwrap().join(path).exists();
            assert!(found, "{}: leads to {target}, which is not there", file.display());
        }
    }
}

/// The examples of the configuration reference together make one configuration.
fn reference() -> Value {
    let mut whole = json!({"default": "read"});
    for Example { value, .. } in examples(&root().join("docs/configuration.md")) {
        let members = value.as_object().unwrap().clone();
        if members.keys().all(|key| KEYS.contains(&key.as_str())) {
            whole.as_object_mut().unwrap().extend(members);
        }
    }
    whole
}

/// An Envoy file around a part of one; `None` for what is no such part.
fn bootstrap_around(part: &Value) -> Option<String> {
    let filters = part.get("http_filters");
    let routes = part.get("route_config");
    let clusters = part.get("clusters");
    let socket = part.get("transport_socket");
    filters.or(routes).or(clusters).or(socket)?;
    let mut filters = filters.cloned().unwrap_or_else(|| json!([]));
    filters.as_array_mut()?.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let mut clusters = clusters.cloned().unwrap_or_else(|| json!([]));
    for name in ["app", "idp"] {
        let clusters = clusters.as_array_mut()?;
        if clusters.iter().all(|cluster| cluster["name"] != name) {
            clusters.push(json!({"name": name}));
        }
    }
    let mut bootstrap = json!({"static_resources": {
        "listeners": [{
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": "example",
                    "route_config": routes.cloned().unwrap_or_else(|| json!({})),
                    "http_filters": filters,
                },
            }]}],
        }],
        "clusters": clusters,
    }});
    if let Some(socket) = socket {
        bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["transport_socket"] =
            socket.clone();
    }
    let module = support::bootstrap::wasm();
    let module = module.to_str().expect("a path in UTF-8");
    let text = bootstrap.to_string().replace("/etc/envoy/envoy_stepup.wasm", module);
    Some(with_certificates(&text))
}

/// A file with certificates and a key in the place of the names of files that are not there.
fn with_certificates(text: &str) -> String {
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// README.md and everything in docs/ and its recipes.
fn documents() -> Vec<PathBuf> {
    let mut files = vec![root().join("README.md")];
    for folder in ["docs", "docs/recipes"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files
}

fn examples(file: &Path) -> Vec<Example> {
    let text = fs::read_to_string(file).unwrap();
    let mut examples = Vec::new();
    let mut block: Option<(u32, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut block, line) {
            (None, "```yaml") => block = Some((number, String::new())),
            (None, _) => {}
            (Some((begin, yaml)), "```") => {
                let place = format!("{}:{begin}", file.display());
                let value = serde_saphyr::from_str(yaml)
                    .unwrap_or_else(|error| panic!("{place}: is no YAML: {error}"));
                examples.push(Example { place, value });
                block = None;
            }
            (Some((_, yaml)), line) => {
                yaml.push_str(line);
                yaml.push('\n');
            }
        }
    }
    examples
}
