//! Which part of the schema is for which part of a configuration.

use serde_json::{Map, Value};

/// A part of the schema, and a value that it is for.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where in the schema, as a JSON pointer.
    pub schema: String,
    /// Which of the configurations.
    pub configuration: usize,
    /// Where in that, as a JSON pointer.
    pub at: String,
}

/// Every part of the configurations, with every part of the schema that is for it.
pub fn walk(schema: &Value, configurations: &[Value]) -> Vec<Found> {
    let mut found = Vec::new();
    for (configuration, value) in configurations.iter().enumerate() {
        visit(schema, "", value, "", &mut |schema, at| {
            found.push(Found { schema: schema.to_owned(), configuration, at: at.to_owned() });
        });
    }
    found
}

fn visit(root: &Value, here: &str, value: &Value, at: &str, found: &mut dyn FnMut(&str, &str)) {
    let schema = root.pointer(here).unwrap_or_else(|| panic!("the schema has no {here}"));
    found(here, at);
    if let Some(reference) = schema.get("$ref") {
        visit(root, target(reference), value, at, found);
    }
    for (index, branch) in branches(schema) {
        if let Some(kind) = type_of(root, branch)
            && kind == json_type(value)
        {
            visit(root, &format!("{here}/{index}"), value, at, found);
        }
    }
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let place = format!("{at}/{key}");
                if schema.pointer(&format!("/properties/{key}")).is_some() {
                    visit(root, &format!("{here}/properties/{key}"), member, &place, found);
                } else if schema.get("additionalProperties").is_some_and(Value::is_object) {
                    visit(root, &format!("{here}/additionalProperties"), member, &place, found);
                }
            }
        }
        Value::Array(items) if schema.get("items").is_some() => {
            for (index, item) in items.iter().enumerate() {
                visit(root, &format!("{here}/items"), item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn target(reference: &Value) -> &str {
    reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a reference into the schema")
}

fn branches(schema: &Value) -> impl Iterator<Item = (String, &Value)> {
    ["anyOf", "oneOf"].into_iter().flat_map(move |key| {
        let branches = schema.get(key).and_then(Value::as_array).into_iter().flatten();
        branches.enumerate().map(move |(index, branch)| (format!("{key}/{index}"), branch))
    })
}

/// The type that a part of the schema is for, if it says so.
pub fn type_of<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s str> {
    match schema.get("type") {
        Some(kind) => kind.as_str(),
        None => type_of(root, root.pointer(target(schema.get("$ref")?))?),
    }
}

pub fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The objects of the schema whose keys it lists, as JSON pointers.
pub fn objects(schema: &Value) -> Vec<(String, &Map<String, Value>)> {
    let mut found = Vec::new();
    collect(schema, "", &mut found);
    found
}

fn collect<'s>(schema: &'s Value, here: &str, found: &mut Vec<(String, &'s Map<String, Value>)>) {
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        found.push((here.to_owned(), schema["properties"].as_object().expect("the keys")));
    }
    for key in ["$defs", "properties"] {
        for (name, member) in schema.get(key).and_then(Value::as_object).into_iter().flatten() {
            collect(member, &format!("{here}/{key}/{name}"), found);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(member) = schema.get(key).filter(|member| member.is_object()) {
            collect(member, &format!("{here}/{key}"), found);
        }
    }
    for (index, branch) in branches(schema) {
        collect(branch, &format!("{here}/{index}"), found);
    }
}

/// A keyword of a part of the schema, or of what that refers to.
pub fn keyword<'s>(root: &'s Value, schema: &'s Value, name: &str) -> Option<&'s Value> {
    match schema.get(name) {
        Some(value) => Some(value),
        None => keyword(root, root.pointer(target(schema.get("$ref")?))?, name),
    }
}

/// The configuration with another value in this place.
pub fn replaced(configuration: &Value, at: &str, value: Value) -> Value {
    let mut changed = configuration.clone();
    *changed.pointer_mut(at).unwrap_or_else(|| panic!("no {at}")) = value;
    changed
}

/// The configuration without the member, or the item, in this place.
pub fn without(configuration: &Value, at: &str) -> Value {
    let mut changed = configuration.clone();
    let (parent, key) = at.rsplit_once('/').expect("a place below the root");
    match changed.pointer_mut(parent).expect("the parent is there") {
        Value::Object(members) => drop(members.remove(key).expect("the member is there")),
        Value::Array(items) => drop(items.remove(key.parse().expect("an index"))),
        other => panic!("{other} has no {key}"),
    }
    changed
}

/// The configuration with another member in this object.
pub fn with(configuration: &Value, at: &str, key: &str, value: Value) -> Value {
    let mut changed = configuration.clone();
    let object = changed.pointer_mut(at).and_then(Value::as_object_mut).expect("an object");
    object.insert(key.to_owned(), value);
    changed
}
