//! Resources of Kubernetes, held to the shapes in `resources.yaml`.

use std::sync::LazyLock;

use serde_json::{Map, Value};

static SHAPES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("resources.yaml")).expect("the shapes are YAML")
});

/// What is wrong with a resource; `None` for what is none.
pub(crate) fn mistakes(resource: &Value) -> Option<Vec<String>> {
    let version = resource.get("apiVersion")?.as_str().unwrap_or_default();
    let kind = resource["kind"].as_str().unwrap_or_default();
    let name = format!("{version} {kind}");
    let Some(shape) = SHAPES.get(&name) else {
        return Some(vec![format!("{name:?} is not in tests/documentation/resources.yaml")]);
    };
    let mut mistakes = Vec::new();
    if resource["metadata"]["name"].as_str().is_none() {
        mistakes.push("metadata.name is missing".to_owned());
    }
    for member in resource.as_object().into_iter().flat_map(Map::keys) {
        if !["apiVersion", "kind", "metadata", "spec"].contains(&member.as_str()) {
            mistakes.push(format!("{member} is no field of {name}"));
        }
    }
    compare(shape, &resource["spec"], "spec", &mut mistakes);
    Some(mistakes)
}

fn compare(shape: &Value, value: &Value, place: &str, mistakes: &mut Vec<String>) {
    match (shape, value) {
        (Value::String(name), _) => {
            let fits = match name.as_str() {
                "any" => true,
                "text" => value.is_string(),
                "number" => value.is_u64(),
                "bool" => value.is_boolean(),
                names => {
                    value.as_str().is_some_and(|text| names.split('|').any(|name| name == text))
                }
            };
            if !fits {
                mistakes.push(format!("{place}: found {value}, expected {name}"));
            }
        }
        (Value::Array(shape), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                compare(&shape[0], value, &format!("{place}[{index}]"), mistakes);
            }
        }
        (Value::Object(fields), Value::Object(members)) => {
            for (name, value) in members {
                let shape = fields
                    .get(name)
                    .or_else(|| fields.get(&format!("{name}?")))
                    .or_else(|| fields.get("*"));
                let place = format!("{place}.{name}");
                match shape {
                    Some(shape) => compare(shape, value, &place, mistakes),
                    None => mistakes.push(format!("{place}: is no field that is known here")),
                }
            }
            for name in fields.keys().filter(|name| !name.ends_with('?') && *name != "*") {
                if !members.contains_key(name) {
                    mistakes.push(format!("{place}.{name}: is missing"));
                }
            }
        }
        (shape, value) => {
            mistakes.push(format!("{place}: found {value}, expected the like of {shape}"));
        }
    }
}

#[test]
fn mistakes_in_a_resource_are_found() {
    let text = "{apiVersion: extensions.istio.io/v1alpha1, kind: WasmPlugin, metadata: {name: a}, spec: \
                {url: 'oci://a', phase: AUTHX, priority: high, pluginconfig: {}, match: [{ports: [{}]}]}}";
    let resource = serde_saphyr::from_str::<Value>(text).unwrap();
    let expected = [
        "spec.match[0].ports[0].number: is missing",
        "spec.phase: found \"AUTHX\", expected AUTHN|AUTHZ|STATS",
        "spec.pluginconfig: is no field that is known here",
        "spec.priority: found \"high\", expected number",
    ];
    assert_eq!(mistakes(&resource).unwrap(), expected);
    assert_eq!(mistakes(&serde_json::json!({"levels": []})), None);
}
