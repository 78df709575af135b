//! The configuration of each suite is one to the schema too.

use std::sync::LazyLock;

use envoy_stepup::cli::schema;
use jsonschema::Validator;
use serde_json::Value;

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str::<Value>(&schema::text()).expect("the schema is JSON");
    jsonschema::draft202012::new(&schema).expect("the schema is one of draft 2020-12")
});

/// Fails where the schema has something against it.
pub fn check(configuration: &Value) {
    let refusals = VALIDATOR.iter_errors(configuration);
    let refusals = refusals.map(|error| format!("{}: {error}", error.instance_path()));
    assert_eq!(refusals.collect::<Vec<_>>(), [""; 0]);
}
