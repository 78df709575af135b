//! `stepup init` makes, of what real providers say of themselves, what the filter, the schema and Envoy take.

// A test may fail by panicking, and `pub` says what this file uses of another.
#![allow(
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "support/golden.rs"]
mod golden;
mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};

use envoy_stepup::cli::document::Documents;
use envoy_stepup::cli::schema;
use golden::{compare, errors, root, stepup, text};
use serde_json::{Value, json};
use support::bootstrap::wasm;
use support::envoy::validate_text;
use support::folder::Folder;
use support::tls::Authority;

/// What these say is written after their public documents, with other hosts.
const PROVIDERS: [&str; 6] = ["keycloak", "entra", "okta", "auth0", "ping", "oidc-provider"];

fn init(provider: &str, options: &[&str]) -> String {
    let file = format!("tests/init/{provider}.json");
    let output = stepup(&[&["init", "--discovery", &file], options].concat());
    assert!(output.status.success(), "{provider}: {}", errors(&output));
    text(&output)
}

#[test]
fn each_provider_gets_the_configuration_that_its_document_allows() {
    for provider in PROVIDERS {
        compare(&format!("init/{provider}.yaml"), &init(provider, &[]));
    }
}

#[test]
fn the_filter_and_the_schema_take_what_is_written() {
    let schema = serde_json::from_str::<Value>(&schema::text()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for provider in PROVIDERS {
        for options in
            [&[][..], &["--envoy"], &["--audience", "a", "--audience", "b c", "--cluster", "other"]]
        {
            let written = init(provider, options);
            let documents = Documents::parse(&written).unwrap();
            let [configuration] = &documents.configurations().unwrap()[..] else {
                panic!("{provider}: several")
            };
            configuration.compile().unwrap_or_else(|mistakes| panic!("{provider}: {mistakes:?}"));
            let value = configuration.value().unwrap();
            let refusals =
                validator.iter_errors(&value).map(|error| error.to_string()).collect::<Vec<_>>();
            assert_eq!(refusals, [""; 0], "{provider}");
        }
    }
}

#[test]
fn stepup_check_says_good_to_a_whole_file() {
    let folder = Folder::new();
    for provider in PROVIDERS {
        let file = folder.put(&format!("{provider}.yaml"), &init(provider, &["--envoy"]));
        let output = stepup(&["check", file.to_str().unwrap()]);
        assert!(output.status.success(), "{provider}: {}{}", text(&output), errors(&output));
    }
}

#[test]
fn envoy_takes_a_whole_file() {
    let folder = Folder::new();
    // Envoy reads the file with the authorities that it trusts.
    let socket = Authority::new().listener(false);
    let context = &socket["typed_config"]["common_tls_context"];
    let trusted = context["validation_context"]["trusted_ca"]["inline_string"].as_str().unwrap();
    let authorities = folder.put("ca.crt", trusted);
    // With the keys found through the issuer, and with those of another host.
    for provider in ["okta", "oidc-provider"] {
        let written = init(provider, &["--envoy", "--audience", "https://api.example.com"]);
        let written = written
            .replace("/etc/envoy/envoy_stepup.wasm", wasm().to_str().unwrap())
            .replace("/etc/ssl/certs/ca-certificates.crt", authorities.to_str().unwrap());
        validate_text(&written).unwrap_or_else(|log| panic!("{provider}: Envoy says\n{log}"));
    }
}

#[test]
fn a_document_comes_from_the_standard_input_too() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepup"));
    command.args(["init", "--discovery", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let document = std::fs::read(root().join("tests/init/ping.json")).unwrap();
    child.stdin.take().unwrap().write_all(&document).unwrap();
    assert_eq!(text(&child.wait_with_output().unwrap()), init("ping", &[]));
}

#[test]
fn what_is_there_already_is_not_written_over() {
    let folder = Folder::new();
    let file = folder.path("stepup.yaml");
    let name = file.to_str().unwrap();
    assert_eq!(init("ping", &["--output", name]), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), init("ping", &[]));
    let again = stepup(&["init", "--discovery", "tests/init/okta.json", "--output", name]);
    assert_eq!(again.status.code(), Some(2));
    assert!(errors(&again).contains("name another, or take it away"), "{}", errors(&again));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), init("ping", &[]));
}

#[test]
fn values_that_make_no_configuration_are_told() {
    for (options, expected) in [
        (&["--audience", ""][..], "issuers[0].audiences[0]: is empty"),
        (&["--audience", "https://*.example.com"], "issuers[0].audiences[0]: found"),
        (&["--cluster", ""], "issuers[0].keys.discovery.cluster: is empty"),
    ] {
        let output = stepup(&[&["init", "--discovery", "tests/init/ping.json"], options].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(errors(&output).contains(expected), "{}", errors(&output));
    }
}

#[test]
fn the_options_are_texts_and_nothing_more() {
    let hostile = "\"]}\npolicies: {open: {public: true}} #";
    let written = init("ping", &["--audience", "a #b: c", "--audience", "yes"]);
    let value = serde_saphyr::from_str::<Value>(&written).unwrap();
    assert_eq!(value["issuers"][0]["audiences"], json!(["a #b: c", "yes"]));
    let output = stepup(&["init", "--discovery", "tests/init/ping.json", "--cluster", hostile]);
    assert!(errors(&output).contains("holds the control character"), "{}", errors(&output));
}
