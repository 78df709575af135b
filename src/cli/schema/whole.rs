//! A schema for whole files of Envoy, Istio and Envoy Gateway, which says nothing of them but where the
//! filter's configuration stands.

use serde_json::{Map, Value, json};

/// The word by which the filter is told from others, as `stepup check` does.
const OURS: &str = "stepup";
const STRUCT: &str = "type.googleapis.com/google.protobuf.Struct";

/// What leads to a value: a key, or the items of a list.
enum Step {
    Key(&'static str),
    Items,
}

/// From the top of an Envoy file to its HTTP filters.
const TO_FILTERS: [Step; 9] = [
    Step::Key("static_resources"),
    Step::Key("listeners"),
    Step::Items,
    Step::Key("filter_chains"),
    Step::Items,
    Step::Key("filters"),
    Step::Items,
    Step::Key("typed_config"),
    Step::Key("http_filters"),
];
const TO_PATCHES: [Step; 5] = [
    Step::Key("spec"),
    Step::Key("configPatches"),
    Step::Items,
    Step::Key("patch"),
    Step::Key("value"),
];

/// The schema around that of a configuration.
pub(super) fn around(mut configuration: Value) -> Value {
    let mut definitions = Map::new();
    if let Some(members) = configuration.as_object_mut() {
        if let Some(Value::Object(own)) = members.remove("$defs") {
            definitions = own;
        }
        members.remove("$schema");
    }
    definitions.insert("configuration".to_owned(), configuration);
    let ours = json!({"$ref": "#/$defs/configuration"});
    let filter = in_filter(&ours);
    let resource = |kind: &str, then: Value| {
        let is_kind = json!({"properties": {"kind": {"const": kind}}, "required": ["kind"]});
        json!({"if": is_kind, "then": then})
    };
    let gateway = if_ours(&["name", "rootID"], &json!({"properties": {"config": ours}}));
    let steps = [Step::Key("spec"), Step::Key("wasm"), Step::Items];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file of Envoy, Istio or Envoy Gateway with the configuration of envoy-stepup",
        "type": "object",
        "allOf": [
            below(&TO_FILTERS, json!({"items": filter})),
            resource("WasmPlugin", below(&[Step::Key("spec"), Step::Key("pluginConfig")], ours)),
            resource("EnvoyFilter", below(&TO_PATCHES, filter)),
            resource("EnvoyExtensionPolicy", below(&steps, gateway)),
        ],
        "$defs": definitions,
    })
}

/// An HTTP filter of Envoy.
fn in_filter(ours: &Value) -> Value {
    // As a StringValue, it is text to an editor.
    let is_struct = json!({"properties": {"@type": {"const": STRUCT}}, "required": ["@type"]});
    let configuration = json!({"if": is_struct, "then": {"properties": {"value": ours}}});
    let plugin =
        if_ours(&["name", "root_id"], &json!({"properties": {"configuration": configuration}}));
    below(&[Step::Key("typed_config"), Step::Key("config")], plugin)
}

/// Says something of the filters that are called ours.
fn if_ours(names: &[&str], then: &Value) -> Value {
    let any = names.iter().map(|name| {
        json!({"properties": {*name: {"type": "string", "pattern": OURS}}, "required": [name]})
    });
    json!({"if": {"anyOf": any.collect::<Vec<_>>()}, "then": then})
}

/// Says something of what the steps lead to.
fn below(steps: &[Step], schema: Value) -> Value {
    steps.iter().rev().fold(schema, |schema, step| match step {
        Step::Key(key) => json!({"properties": {*key: schema}}),
        Step::Items => json!({"items": schema}),
    })
}
