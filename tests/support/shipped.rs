//! The files of envoy/, as a newcomer gets them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use envoy_stepup::cli::document::Documents;
use serde_json::Value;

use super::bootstrap;

/// Where a shipped Envoy file has the module: its place in the containers.
const MODULE: &str = "/etc/envoy/envoy_stepup.wasm";

/// A file or folder of the project.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub fn documents(name: &str) -> Documents {
    Documents::parse(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The only document of a file.
pub fn document(name: &str) -> Value {
    let values = documents(name).into_values();
    let [value] = values.try_into().unwrap_or_else(|_| panic!("{name} has several documents"));
    value
}

/// Puts the module under test in the place of the shipped one.
pub fn with_module(mut file: Value) -> Value {
    replace(&mut file, &Value::from(MODULE), &Value::from(bootstrap::wasm().to_string_lossy()));
    file
}

fn replace(value: &mut Value, old: &Value, new: &Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, old, new)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, old, new)),
        leaf if leaf == old => *leaf = new.clone(),
        _ => {}
    }
}

/// The capabilities that docs/operations.md lists as the fewest.
pub fn fewest_capabilities() -> Vec<&'static str> {
    const DOCUMENT: &str = include_str!("../../docs/operations.md");
    let list = DOCUMENT.split("  allowed_capabilities:\n").nth(1).expect("the list");
    list.lines().map_while(|line| line.strip_prefix("    ")?.strip_suffix(": {}")).collect()
}
