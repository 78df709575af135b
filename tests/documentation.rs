//! Every YAML example in the documents is what the filter, or Envoy, takes.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[path = "documentation/commands.rs"]
mod commands;
#[path = "documentation/envoy.rs"]
mod envoy;
#[path = "documentation/examples.rs"]
mod examples;
#[path = "documentation/migration.rs"]
mod migration;
#[path = "documentation/resources.rs"]
mod resources;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use commands::commands;
use envoy::{add_to, envoy_file, validate};
use envoy_stepup::cli;
use envoy_stepup::cli::document::Documents;
use envoy_stepup::config::{KEYS, compile_value};
use examples::{
    Block, Example, all_examples, anchors, blocks, documents, examples, links, values,
    without_blocks,
};
use serde_json::{Value, json};

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
    /// Tests of a configuration, which `tests/policy_tests.rs` runs.
    PolicyTests,
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
    } else if members.contains_key("tests") {
        Kind::PolicyTests
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

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
