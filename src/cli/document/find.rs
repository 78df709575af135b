//! Finding the filter's configuration in a file.

use serde_json::{Map, Value};

use super::{Configuration, Content};
use crate::cli::place::Place;

/// The end of the type of a wasm HTTP filter's `typed_config`.
const WASM_FILTER: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
/// What Envoy hands over as it stands, and in which form.
const STRUCT: &str = "type.googleapis.com/google.protobuf.Struct";
const STRING: &str = "type.googleapis.com/google.protobuf.StringValue";

/// What tells our filter from others.
const OURS: &str = "stepup";

/// Keys at the top of documents that are no configuration of the filter: Kubernetes resources and
/// Envoy's bootstrap, listeners and discovery answers, in both spellings that protobuf allows.
const FOREIGN_KEYS: [&str; 11] = [
    "@type",
    "apiVersion",
    "kind",
    "resources",
    "admin",
    "static_resources",
    "staticResources",
    "dynamic_resources",
    "dynamicResources",
    "filter_chains",
    "filterChains",
];

/// A wasm filter in a document.
struct Candidate<'d> {
    configuration: Configuration<'d>,
    /// Whether a name, root id, image or file name says that it is ours.
    ours: bool,
}

pub(super) fn configurations(documents: &[Value]) -> Result<Vec<Configuration<'_>>, String> {
    let mut search = Search { document: 0, found: Vec::new() };
    let mut alone = Vec::new();
    for (document, root) in documents.iter().enumerate() {
        search.document = document;
        search.visit(root, &Place::default(), None);
        if !is_foreign(root) {
            alone.push(Configuration {
                document,
                place: Place::default(),
                content: Content::Value(root),
                shows_bodies: None,
            });
        }
    }
    let mut found = search.found;
    match found.len() {
        0 if alone.is_empty() => Err("holds no wasm HTTP filter, WasmPlugin or \
                                      EnvoyExtensionPolicy, and is no configuration of the filter"
            .to_owned()),
        0 => Ok(alone),
        1 => Ok(found.drain(..).map(|candidate| candidate.configuration).collect()),
        several => {
            found.retain(|candidate| candidate.ours);
            if found.is_empty() {
                return Err(format!(
                    "holds {several} wasm filters, and none has {OURS:?} in its name, root id, \
                     image or file name; give ours such a name"
                ));
            }
            Ok(found.into_iter().map(|candidate| candidate.configuration).collect())
        }
    }
}

/// Whether a document is for a proxy or a cluster. An empty one is no configuration either.
fn is_foreign(root: &Value) -> bool {
    match root {
        Value::Object(map) => FOREIGN_KEYS.iter().any(|key| map.contains_key(*key)),
        Value::Null => true,
        _ => false,
    }
}

struct Search<'d> {
    document: usize,
    found: Vec<Candidate<'d>>,
}

impl<'d> Search<'d> {
    /// Looks at a value and at everything in it; `name` is that of the object around it.
    fn visit(&mut self, value: &'d Value, place: &Place, name: Option<&'d str>) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(item, &place.index(index), None);
                }
            }
            Value::Object(map) => match (text(map, "@type"), text(map, "kind")) {
                (Some(name_of_type), _) if name_of_type.ends_with(WASM_FILTER) => {
                    self.envoy(map, place, name);
                }
                (_, Some("WasmPlugin")) => self.istio(map, place),
                (_, Some("EnvoyExtensionPolicy")) => self.envoy_gateway(map, place),
                _ => {
                    for (key, member) in map {
                        self.visit(member, &place.key(key), text(map, "name"));
                    }
                }
            },
            _ => {}
        }
    }

    fn envoy(&mut self, filter: &'d Map<String, Value>, place: &Place, name: Option<&'d str>) {
        let Some(Value::Object(plugin)) = filter.get("config") else {
            return;
        };
        let place = place.key("config").key("configuration");
        let names = plugin.iter().filter(|(key, _)| *key != "configuration");
        let ours = name.is_some_and(is_ours) || names.into_iter().any(|(_, value)| names_us(value));
        let field = ["allow_on_headers_stop_iteration", "allowOnHeadersStopIteration"];
        let shows_bodies = field.iter().find_map(|name| plugin.get(*name)?.as_bool());
        let shows_bodies = Some(shows_bodies.unwrap_or(false));
        let Some(message) = plugin.get("configuration") else {
            self.push(place, Content::Absent, ours, shows_bodies);
            return;
        };
        let value = message.get("value");
        let content = match message.get("@type").and_then(Value::as_str) {
            Some(STRUCT) => value.map_or(Content::Absent, Content::Value),
            Some(STRING) => value.and_then(Value::as_str).map_or(Content::Absent, Content::Text),
            other => Content::Message(other.unwrap_or_default()),
        };
        self.push(place.key("value"), content, ours, shows_bodies);
    }

    fn istio(&mut self, resource: &'d Map<String, Value>, place: &Place) {
        let spec = resource.get("spec").unwrap_or(&Value::Null);
        let names = [spec.get("url"), spec.get("pluginName"), metadata_name(resource)];
        let ours = names.into_iter().flatten().any(names_us);
        let content = spec.get("pluginConfig").map_or(Content::Absent, Content::Value);
        self.push(place.key("spec").key("pluginConfig"), content, ours, None);
    }

    fn envoy_gateway(&mut self, resource: &'d Map<String, Value>, place: &Place) {
        let filters = resource.get("spec").and_then(|spec| spec.get("wasm"));
        let filters = filters.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, filter) in filters.iter().enumerate() {
            let names = [filter.get("name"), filter.get("rootID"), filter.get("code")];
            let ours = names.into_iter().flatten().any(names_us);
            let content = filter.get("config").map_or(Content::Absent, Content::Value);
            let place = place.key("spec").key("wasm").index(index).key("config");
            self.push(place, content, ours, None);
        }
    }

    fn push(&mut self, place: Place, content: Content<'d>, ours: bool, shows_bodies: Option<bool>) {
        let document = self.document;
        let configuration = Configuration { document, place, content, shows_bodies };
        self.found.push(Candidate { configuration, ours });
    }
}

fn metadata_name(resource: &Map<String, Value>) -> Option<&Value> {
    resource.get("metadata")?.get("name")
}

fn text<'d>(map: &'d Map<String, Value>, key: &str) -> Option<&'d str> {
    map.get(key).and_then(Value::as_str)
}

/// Whether any text in the value says that the filter is ours.
fn names_us(value: &Value) -> bool {
    match value {
        Value::String(text) => is_ours(text),
        Value::Array(items) => items.iter().any(names_us),
        Value::Object(map) => map.values().any(names_us),
        _ => false,
    }
}

fn is_ours(text: &str) -> bool {
    text.to_ascii_lowercase().contains(OURS)
}

#[cfg(test)]
mod tests;
