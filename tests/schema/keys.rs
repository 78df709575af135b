//! The keys of each object.

use std::collections::BTreeSet;

use envoy_stepup::config::KEYS;
use serde_json::Value;

use super::walk::{objects, walk, with};
use super::{mistakes, schema, wholes};

/// Like no key that there is, so that the reader suggests none and lists all.
const UNKNOWN: &str = "qqqq";

#[test]
fn the_schema_has_exactly_the_keys_that_the_reader_takes() {
    let (schema, wholes) = (schema(), wholes());
    let places = walk(&schema, &wholes);
    for (pointer, properties) in objects(&schema) {
        let places = places.iter().filter(|found| found.schema == pointer).collect::<Vec<_>>();
        assert!(!places.is_empty(), "whole.yaml has nothing for {pointer} of the schema");
        let expected = properties.keys().map(String::as_str).collect::<BTreeSet<_>>();
        for place in places {
            let changed = with(&wholes[place.configuration], &place.at, UNKNOWN, Value::Bool(true));
            let mistakes = mistakes(&changed);
            let told = mistakes
                .iter()
                .find_map(|mistake| mistake.split_once(UNKNOWN)?.1.strip_prefix(": unknown key"))
                .unwrap_or_else(|| panic!("{}: takes an unknown key: {mistakes:?}", place.at));
            let known = if pointer.is_empty() {
                KEYS.into_iter().collect()
            } else {
                listed(told).unwrap_or_else(|| panic!("{}: lists no keys: {told:?}", place.at))
            };
            assert_eq!(expected, known, "{}: the schema, and the reader", place.at);
        }
    }
}

/// The keys that a mistake lists.
fn listed(told: &str) -> Option<BTreeSet<&str>> {
    let list = told.strip_prefix("; expected ")?;
    Some(list.strip_prefix("one of ").unwrap_or(list).split(", ").collect())
}

#[test]
fn every_key_of_the_schema_is_in_a_configuration_that_the_tests_use() {
    let (schema, wholes) = (schema(), wholes());
    let places = walk(&schema, &wholes);
    for (pointer, properties) in objects(&schema) {
        for key in properties.keys() {
            let pointer = format!("{pointer}/properties/{key}");
            let is_used = places.iter().any(|found| found.schema == pointer);
            assert!(is_used, "whole.yaml has nothing for {pointer} of the schema");
        }
    }
}

#[test]
fn every_key_of_the_schema_is_described() {
    let schema = schema();
    for (pointer, properties) in objects(&schema) {
        for (key, property) in properties {
            let description = super::walk::keyword(&schema, property, "description");
            let description = description.and_then(Value::as_str).unwrap_or_default();
            assert!(description.ends_with('.') || description.ends_with(".**"), "{pointer}: {key}");
        }
    }
}
