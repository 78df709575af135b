//! Every configuration in the repository is one to the schema.

use std::fs;
use std::path::{Path, PathBuf};

use envoy_stepup::cli::document::Documents;
use envoy_stepup::cli::place::Place;
use envoy_stepup::cli::schema;
use envoy_stepup::config::KEYS;
use serde_json::{Map, Value, json};

use super::{refusals, root, text, validator};

/// The files below a folder with this ending.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_schema_accepts_every_configuration_that_is_shipped() {
    let validator = validator();
    let mut checked = 0;
    for file in files(&root().join("envoy"), "yaml") {
        let Ok(documents) = Documents::parse(&text(&file)) else { panic!("{}", file.display()) };
        let Ok(configurations) = documents.configurations() else { continue };
        for configuration in configurations {
            // What stands in no other file is one of ours, or none at all, as that of Docker.
            let is_inside = configuration.place != Place::default();
            let Some(value) = configuration.value().filter(|_| is_inside) else { continue };
            assert_eq!(refusals(&validator, &value), [""; 0], "{}", file.display());
            checked += 1;
        }
    }
    assert!(checked >= 4, "only {checked} configurations were found");
}

#[test]
fn the_schema_of_whole_files_looks_into_every_file_that_is_shipped() {
    let schema = serde_json::from_str::<Value>(&schema::whole_file_text()).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut checked = 0;
    for file in files(&root().join("envoy"), "yaml") {
        for mut document in Documents::parse(&text(&file)).unwrap().into_values() {
            assert_eq!(refusals(&validator, &document), [""; 0], "{}", file.display());
            if misspell(&mut document) {
                let refusals = refusals(&validator, &document);
                assert!(
                    refusals.iter().any(|refusal| refusal.contains("routs")),
                    "{}",
                    file.display()
                );
                checked += 1;
            }
        }
    }
    assert!(checked >= 4, "only {checked} configurations were found");
    // A filter of others may have such keys.
    let others = json!({"static_resources": {"listeners": [{"filter_chains": [{"filters": [{"typed_config": {"http_filters": [
        {"typed_config": {"config": {"name": "other", "configuration": {"value": {"rules": 1}}}}},
    ]}}]}]}]}});
    assert_eq!(refusals(&validator, &others), [""; 0]);
}

/// Adds a key that is unknown beside the rules of a configuration.
fn misspell(value: &mut Value) -> bool {
    match value {
        Value::Object(members)
            if members.contains_key("rules") && members.contains_key("policies") =>
        {
            members.insert("routs".to_owned(), json!([]));
            true
        }
        Value::Object(members) => members.values_mut().any(misspell),
        Value::Array(items) => items.iter_mut().any(misspell),
        _ => false,
    }
}

#[test]
fn the_schema_accepts_every_configuration_in_the_documents() {
    let validator = validator();
    let mut files = files(&root().join("docs"), "md");
    files.push(root().join("README.md"));
    let reference = reference();
    let mut checked = 0;
    for (place, members) in files.iter().flat_map(|file| configurations(file)) {
        let is_whole = members.contains_key("default");
        let mut whole = if is_whole { Map::new() } else { reference.clone() };
        whole.extend(members);
        assert_eq!(refusals(&validator, &Value::Object(whole)), [""; 0], "{place}");
        checked += 1;
    }
    assert!(checked >= 15, "only {checked} configurations were found");
}

/// The examples of the reference together.
fn reference() -> Map<String, Value> {
    let mut whole = Map::from_iter([("default".to_owned(), json!("read"))]);
    for (_, members) in configurations(&root().join("docs/configuration.md")) {
        if !members.contains_key("default") {
            whole.extend(members);
        }
    }
    whole
}

/// The configurations of the filter in a document, whole ones and parts.
fn configurations(file: &Path) -> Vec<(String, Map<String, Value>)> {
    let text = text(file);
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("\n```").next().unwrap());
    let mut found = Vec::new();
    for (number, block) in (1..).zip(blocks) {
        let place = format!("{}, block {number}", file.display());
        let documents = Documents::parse(block).unwrap_or_else(|error| panic!("{place}: {error}"));
        let Ok(configurations) = documents.configurations() else { continue };
        for configuration in configurations {
            let Some(Value::Object(members)) = configuration.value() else { continue };
            // What stands in no other file is one of ours, a part of one, or a part of Envoy's.
            let is_inside = configuration.place != Place::default();
            if is_inside || members.keys().all(|key| KEYS.contains(&key.as_str())) {
                found.push((place.clone(), members));
            }
        }
    }
    found
}
