//! The schema says what the reader of configurations takes, and the reference what the schema says.

// A test may fail by panicking, and `pub` says what the other modules of this binary use.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod broken;
mod keys;
mod ordered;
mod reference;
mod repository;
mod values;
mod walk;

use std::fs;
use std::path::{Path, PathBuf};

use envoy_stepup::cli::schema;
use jsonschema::Validator;
use serde_json::Value;

/// The schema as it is printed.
fn schema() -> Value {
    serde_json::from_str(&schema::text()).expect("the schema is JSON")
}

/// A validator that has nothing to do with this project.
fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("the schema is one of draft 2020-12")
}

/// Configurations that together use every key.
fn wholes() -> Vec<Value> {
    serde_saphyr::from_multiple(include_str!("whole.yaml")).expect("whole.yaml is YAML")
}

/// What the schema has against a configuration.
fn refusals(validator: &Validator, configuration: &Value) -> Vec<String> {
    let refusals = validator.iter_errors(configuration);
    refusals.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The mistakes that the reader finds.
fn mistakes(configuration: &Value) -> Vec<String> {
    match envoy_stepup::config::compile_value(configuration) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.as_slice().iter().map(ToString::to_string).collect(),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[test]
fn the_schema_is_one_of_draft_2020_12() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::meta::validate(&schema).unwrap();
}

#[test]
fn the_schema_and_the_reader_accept_the_configurations_that_use_every_key() {
    let validator = validator();
    for configuration in wholes() {
        assert_eq!(refusals(&validator, &configuration), [""; 0]);
        assert_eq!(mistakes(&configuration), [""; 0]);
    }
}
