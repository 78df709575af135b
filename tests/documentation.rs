//! Every YAML example in the documents is what the filter, or Envoy, takes.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "documentation/commands.rs"]
mod commands;
#[path = "documentation/migration.rs"]
mod migration;
#[path = "documentation/resources.rs"]
mod resources;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use commands::commands;
use envoy_stepup::cli;
use envoy_stepup::cli::document::Documents;
use envoy_stepup::config::{KEYS, compile_value};
use serde_json::{Map, Value, json};
use support::envoy::validate_text;
use support::tls::Authority;

/// A fenced block of a document, and where it begins.
struct Block {
    place: String,
    language: String,
    text: String,
}

/// A document of a block of YAML.
struct Example {
    place: String,
    value: Value,
}

/// What there is to check about an example.
enum Kind {
    /// Keys of the filter's configuration.
    Configuration,
    /// A resource of Kubernetes, with what is wrong with it.
    Resource(Vec<String>),
    /// A part of an Envoy file, or all of it, as a whole one.
    Envoy(Value),
    /// The scenarios run the filter with the capabilities that the document lists.
    Capabilities,
    /// A configuration of Prometheus, which tests/monitoring.rs shows to it.
    Prometheus,
    Unknown,
}

#[test]
fn every_configuration_in_the_documents_is_accepted() {
    let base = reference();
    let mut checked = 0;
    for Example { place, value } in all_examples() {
        let Kind::Configuration = kind(&value) else { continue };
        let members = value.as_object().unwrap();
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
    assert!(checked >= 20, "only {checked} examples were found");
}

#[test]
fn every_envoy_example_in_the_documents_is_accepted_by_envoy() {
    let mut files = Vec::new();
    for Example { place, value } in all_examples() {
        if let Kind::Envoy(file) = kind(&value) {
            files.push((place, file));
        }
    }
    assert!(files.len() >= 4, "only {} examples were found", files.len());
    // Envoy compiles the module for each file anew, so that one file with all of them takes a tenth of the time.
    let mut together = json!({"static_resources": {"listeners": [], "clusters": []}});
    let alone = files.iter().filter(|(_, file)| !add_to(&mut together, file));
    for (place, file) in alone {
        validate(file).unwrap_or_else(|log| panic!("{place}: Envoy says\n{log}"));
    }
    if let Err(log) = validate(&together) {
        for (place, file) in &files {
            validate(file).unwrap_or_else(|log| panic!("{place}: Envoy says\n{log}"));
        }
        panic!("each example is good, and all of them together are not: Envoy says\n{log}");
    }
}

/// Puts the listeners and clusters of a file into another one; false where that would change them.
fn add_to(together: &mut Value, file: &Value) -> bool {
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
fn validate(file: &Value) -> Result<(), String> {
    let module = support::bootstrap::wasm();
    let module = module.to_str().expect("a path in UTF-8");
    let text = file.to_string().replace("/etc/envoy/envoy_stepup.wasm", module);
    validate_text(&with_certificates(&text))
}

#[test]
fn every_resource_in_the_documents_and_in_envoy_is_well_formed() {
    let mut checked = 0;
    let shipped =
        ["istio/wasmplugin.yaml", "istio/envoyfilter.yaml", "gateway/envoyextensionpolicy.yaml"]
            .map(|name| format!("envoy/{name}"));
    let shipped = shipped.into_iter().flat_map(|name| {
        let text = fs::read_to_string(root().join(&name)).unwrap();
        values(&name, &text)
    });
    for Example { place, value } in all_examples().into_iter().chain(shipped) {
        let Kind::Resource(mistakes) = kind(&value) else { continue };
        assert!(mistakes.is_empty(), "{place}: {mistakes:#?}");
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} resources were found");
}

#[test]
fn every_configuration_within_an_example_is_accepted() {
    let mut checked = 0;
    for Example { place, value } in all_examples() {
        let holds_one = match kind(&value) {
            Kind::Resource(_) => {
                let kinds = ["WasmPlugin", "EnvoyExtensionPolicy"];
                kinds.contains(&value["kind"].as_str().unwrap())
                    || value["kind"] == "EnvoyFilter"
                        && value.to_string().contains("filters.http.wasm.v3")
            }
            Kind::Envoy(_) => value.to_string().contains("filters.http.wasm.v3"),
            _ => false,
        };
        if !holds_one {
            continue;
        }
        let documents = Documents::parse(&value.to_string()).unwrap();
        for configuration in
            documents.configurations().unwrap_or_else(|error| panic!("{place}: {error}"))
        {
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
    for Example { place, value } in all_examples() {
        let is_known = !matches!(kind(&value), Kind::Unknown);
        assert!(is_known, "{place}: nothing here knows how to check this example");
    }
    for Block { place, language, text } in documents().iter().flat_map(|file| blocks(file)) {
        let is_known = match language.as_str() {
            "json" => serde_json::from_str::<Value>(&text).is_ok(),
            "yaml" | "sh" | "console" | "http" | "text" | "mermaid" | "js" | "promql" | "rego" => {
                true
            }
            _ => false,
        };
        assert!(is_known, "{place}: is no {language:?} that is known here, or is malformed");
    }
}

#[test]
fn every_command_in_the_documents_can_be_run() {
    let mut checked = 0;
    for file in documents() {
        // What one block assigns, the next ones use.
        let mut variables = BTreeMap::new();
        let mut check = |place: &str, shell: &str| {
            for words in commands(shell, &mut variables) {
                let outcome = check_command(&words);
                outcome.unwrap_or_else(|error| panic!("{place}: {}: {error}", words.join(" ")));
                checked += 1;
            }
        };
        for Block { place, language, text } in blocks(&file) {
            match language.as_str() {
                "sh" => check(&place, &text),
                // What follows a prompt is a command; the rest is what it prints.
                "console" => {
                    let typed = text.lines().filter_map(|line| line.strip_prefix("$ "));
                    check(&place, &typed.collect::<Vec<_>>().join("\n"));
                }
                _ => {}
            }
        }
        let text = fs::read_to_string(&file).unwrap();
        // Every second piece between back-ticks is code.
        for span in without_blocks(&text).split('`').skip(1).step_by(2) {
            // Two words are the name of a command.
            let is_whole =
                span.split(' ').count() > 2 && !span.contains(['…', '\n']) && !span.contains("...");
            if span.starts_with("stepup ") && is_whole {
                check(&file.display().to_string(), span);
            }
        }
    }
    assert!(checked >= 10, "only {checked} commands were found");
}

/// Whether the words are a command line of `stepup` that it takes, or of something else, and the files of
/// the repository that they name are there.
fn check_command(words: &[String]) -> Result<(), String> {
    let by_cargo = ["cargo", "run", "--quiet", "--bin", "stepup", "--"];
    let arguments = if words[0] == "stepup" {
        Some(&words[1..])
    } else if words.starts_with(&by_cargo.map(str::to_owned)) {
        Some(&words[by_cargo.len()..])
    } else {
        None
    };
    let arguments = arguments.filter(|arguments| !is_to_come(arguments));
    // The definition of a function passes on what it gets.
    if let Some(arguments) =
        arguments.filter(|arguments| !arguments.iter().any(|word| word == "$@"))
    {
        let words = std::iter::once("stepup").chain(arguments.iter().map(String::as_str));
        let parsed = cli::command().try_get_matches_from(words);
        if let Err(error) = parsed.map_err(|error| error.to_string()) {
            // Help and version are no mistakes.
            if error.starts_with("error") {
                return Err(error);
            }
        }
    }
    for word in words {
        let folder = word.split_once('/').map(|(folder, _)| folder);
        let is_ours =
            folder.is_some_and(|folder| ["docs", "envoy", "scripts", "tests"].contains(&folder));
        if is_ours && !root().join(word).exists() {
            return Err(format!("{word} is not there"));
        }
    }
    Ok(())
}

/// Whether it is a subcommand that is documented before it is built. Once it is there, it is checked; remove it
/// from the list then.
fn is_to_come(arguments: &[String]) -> bool {
    const TO_COME: [&str; 1] = ["explain"];
    let name = arguments.first().map(String::as_str).unwrap_or_default();
    TO_COME.contains(&name) && cli::command().find_subcommand(name).is_none()
}

#[test]
fn what_troubleshooting_quotes_is_what_the_filter_says() {
    let mut sources = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    // A long text goes on in the next line.
    let sources =
        sources.split_whitespace().filter(|word| *word != "\\").collect::<Vec<_>>().join(" ");
    let text = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    // Every second piece between back-ticks is code, and every second one between quotes a quotation.
    let text = without_blocks(&text).split('`').step_by(2).collect::<Vec<_>>().join("");
    let mut checked = 0;
    for quotation in text.split('"').skip(1).step_by(2) {
        assert!(sources.contains(quotation), "docs/troubleshooting.md: nothing says {quotation:?}");
        checked += 1;
    }
    assert!(checked >= 10, "only {checked} quotations were found");
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap();
        for target in links(&text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            if path.contains("://") {
                continue;
            }
            let place = format!("{}: leads to {target}", file.display());
            let leads_to =
                if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(leads_to.exists(), "{place}, which is not there");
            if !anchor.is_empty() {
                let text = fs::read_to_string(&leads_to).unwrap();
                assert!(
                    anchors(&text).contains(anchor),
                    "{place}, and no heading there is called so"
                );
            }
        }
    }
}

#[test]
fn every_document_is_in_the_table_of_contents() {
    let contents = root().join("docs/SUMMARY.md");
    let text = fs::read_to_string(&contents).unwrap();
    let mut listed = BTreeSet::new();
    for target in links(&text) {
        let path = contents.parent().unwrap().join(target).canonicalize();
        let path = path.unwrap_or_else(|_| panic!("docs/SUMMARY.md: {target} is not there"));
        assert!(listed.insert(path), "docs/SUMMARY.md: {target} is there twice");
    }
    for file in documents().into_iter().filter(|file| *file != contents) {
        let file = file.canonicalize().unwrap();
        assert!(listed.contains(&file), "docs/SUMMARY.md: {} is missing", file.display());
    }
}

/// Where the links of a text lead.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The names of the headings of a document, as a repository's page and the book make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = without_blocks(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let name = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        heading
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect()
    };
    headings.map(name).collect()
}

/// A document without its fenced blocks.
fn without_blocks(text: &str) -> String {
    let outside = text.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// What an example is.
fn kind(value: &Value) -> Kind {
    let Some(members) = value.as_object() else { return Kind::Unknown };
    if let Some(mistakes) = resources::mistakes(value) {
        Kind::Resource(mistakes)
    } else if members.keys().all(|key| KEYS.contains(&key.as_str())) {
        Kind::Configuration
    } else if members.contains_key("capability_restriction_config") {
        Kind::Capabilities
    } else if members.contains_key("scrape_configs") {
        Kind::Prometheus
    } else {
        envoy_file(value).map_or(Kind::Unknown, Kind::Envoy)
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

/// What stands at the top of an Envoy file.
const OF_BOOTSTRAP: [&str; 4] =
    ["static_resources", "stats_config", "stats_flush_interval", "admin"];
/// What stands in a listener's chain of filters.
const OF_CHAIN: [&str; 1] = ["transport_socket"];
/// What stands in a connection manager.
const OF_MANAGER: [&str; 4] = ["http_filters", "route_config", "access_log", "stream_idle_timeout"];

/// An Envoy file around a part of one, or the whole; `None` for what is no such part.
fn envoy_file(part: &Value) -> Option<Value> {
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

/// README.md and its neighbours, and everything in docs/.
fn documents() -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.collect::<Vec<_>>()
    };
    let mut files = entries(&root());
    files.retain(|path| path.is_file());
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        let (inner, found): (Vec<_>, Vec<_>) =
            entries(&folder).into_iter().partition(|path| path.is_dir());
        folders.extend(inner);
        files.extend(found);
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    files.sort();
    files
}

/// The fenced blocks of a document.
fn blocks(file: &Path) -> Vec<Block> {
    let text = fs::read_to_string(file).unwrap();
    let mut blocks = Vec::new();
    let mut block: Option<Block> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let place = format!("{}:{number}", file.display());
                block = Some(Block { place, language: language.to_owned(), text: String::new() });
            }
            (None, None) => {}
            (Some(_), Some(_)) => blocks.extend(block.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
        }
    }
    blocks
}

/// The documents in a text of YAML.
fn values(place: &str, text: &str) -> Vec<Example> {
    let values = serde_saphyr::from_multiple(text);
    let values: Vec<Value> = values.unwrap_or_else(|error| panic!("{place}: is no YAML: {error}"));
    values.into_iter().map(|value| Example { place: place.to_owned(), value }).collect()
}

fn examples(file: &Path) -> Vec<Example> {
    let blocks = blocks(file).into_iter().filter(|block| block.language == "yaml");
    blocks.flat_map(|block| values(&block.place, &block.text)).collect()
}

fn all_examples() -> Vec<Example> {
    documents().iter().flat_map(|file| examples(file)).collect()
}
