//! Finding the filter's configuration in a file.

use serde_json::{Map, Value};

use super::{Bodies, Configuration, Content, Manager, either};
use crate::cli::place::Place;

/// The end of the type of a wasm HTTP filter's `typed_config`.
const WASM_FILTER: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
/// The end of the type of a connection manager's.
const MANAGER: &str =
    "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
/// The ends of the types of a message that is written as a struct, with its type beside it.
const TYPED_STRUCTS: [&str; 2] = ["xds.type.v3.TypedStruct", "udpa.type.v1.TypedStruct"];
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
        search.visit(root, &Place::default(), &Around::default());
        if !is_foreign(root) {
            alone.push(Configuration {
                document,
                place: Place::default(),
                content: Content::Value(root),
                bodies: Bodies::Unknown,
                manager: None,
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

/// What stands around a value.
#[derive(Clone, Debug, Default)]
struct Around<'d> {
    /// The name of the object that it is in.
    name: Option<&'d str>,
    manager: Option<Manager<'d>>,
}

/// A message of Envoy: its type, and its fields with their place.
struct Message<'d> {
    type_url: &'d str,
    fields: &'d Map<String, Value>,
    place: Place,
}

impl<'d> Message<'d> {
    /// The message that an object with `@type` gives, be it as a struct.
    fn read(map: &'d Map<String, Value>, place: &Place) -> Option<Self> {
        let type_url = text(map, "@type")?;
        if !TYPED_STRUCTS.iter().any(|name| type_url.ends_with(name)) {
            return Some(Self { type_url, fields: map, place: place.clone() });
        }
        let type_url = either(map, "type_url", "typeUrl")?.as_str()?;
        Some(Self { type_url, fields: map.get("value")?.as_object()?, place: place.key("value") })
    }
}

struct Search<'d> {
    document: usize,
    found: Vec<Candidate<'d>>,
}

impl<'d> Search<'d> {
    /// Looks at a value and at everything in it.
    fn visit(&mut self, value: &'d Value, place: &Place, around: &Around<'d>) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let around = Around { name: None, manager: around.manager.clone() };
                    self.visit(item, &place.index(index), &around);
                }
            }
            Value::Object(map) => match (Message::read(map, place), text(map, "kind")) {
                (Some(message), _) if message.type_url.ends_with(WASM_FILTER) => {
                    self.envoy(&message, around);
                }
                (Some(message), _) if message.type_url.ends_with(MANAGER) => {
                    let Message { fields, place, .. } = message;
                    let manager = Some(Manager { place: place.clone(), fields });
                    self.members(fields, &place, manager);
                }
                (_, Some("WasmPlugin")) => self.istio(map, place),
                (_, Some("EnvoyExtensionPolicy")) => self.envoy_gateway(map, place),
                _ => self.members(map, place, around.manager.clone()),
            },
            _ => {}
        }
    }

    fn members(
        &mut self,
        map: &'d Map<String, Value>,
        place: &Place,
        manager: Option<Manager<'d>>,
    ) {
        let around = Around { name: text(map, "name"), manager };
        for (key, member) in map {
            self.visit(member, &place.key(key), &around);
        }
    }

    fn envoy(&mut self, filter: &Message<'d>, around: &Around<'d>) {
        let Some(Value::Object(plugin)) = filter.fields.get("config") else {
            return;
        };
        let place = filter.place.key("config").key("configuration");
        let names = plugin.iter().filter(|(key, _)| *key != "configuration");
        let ours = around.name.is_some_and(is_ours) || names.into_iter().any(|(_, v)| names_us(v));
        let shown =
            either(plugin, "allow_on_headers_stop_iteration", "allowOnHeadersStopIteration");
        let bodies = match shown.and_then(Value::as_bool) {
            Some(true) => Bodies::Shown,
            _ => Bodies::Withheld,
        };
        let (place, content) = match plugin.get("configuration") {
            None => (place, Content::Absent),
            Some(message) => (place.key("value"), content_of(message)),
        };
        let (document, manager) = (self.document, around.manager.clone());
        let configuration = Configuration { document, place, content, bodies, manager };
        self.found.push(Candidate { configuration, ours });
    }

    fn istio(&mut self, resource: &'d Map<String, Value>, place: &Place) {
        let spec = resource.get("spec").unwrap_or(&Value::Null);
        let names = [spec.get("url"), spec.get("pluginName"), metadata_name(resource)];
        let ours = names.into_iter().flatten().any(names_us);
        let content = spec.get("pluginConfig").map_or(Content::Absent, Content::Value);
        let place = place.key("spec").key("pluginConfig");
        self.resource(
            place,
            content,
            ours,
            "use an EnvoyFilter, as in envoy/istio/envoyfilter.yaml",
        );
    }

    fn envoy_gateway(&mut self, resource: &'d Map<String, Value>, place: &Place) {
        let filters = resource.get("spec").and_then(|spec| spec.get("wasm"));
        let filters = filters.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, filter) in filters.iter().enumerate() {
            let names = [filter.get("name"), filter.get("rootID"), filter.get("code")];
            let ours = names.into_iter().flatten().any(names_us);
            let content = filter.get("config").map_or(Content::Absent, Content::Value);
            let place = place.key("spec").key("wasm").index(index).key("config");
            self.resource(
                place,
                content,
                ours,
                "an EnvoyPatchPolicy can set it in the filter's typed_config.config",
            );
        }
    }

    /// A resource that a control plane makes the proxy's configuration of; `instead` says what can
    /// show bodies.
    fn resource(&mut self, place: Place, content: Content<'d>, ours: bool, instead: &'static str) {
        let (document, bodies) = (self.document, Bodies::NoField(instead));
        let configuration = Configuration { document, place, content, bodies, manager: None };
        self.found.push(Candidate { configuration, ours });
    }
}

/// What a plugin's `configuration` gives the filter.
fn content_of(message: &Value) -> Content<'_> {
    let value = message.get("value");
    match message.get("@type").and_then(Value::as_str) {
        Some(STRUCT) => value.map_or(Content::Absent, Content::Value),
        Some(STRING) => value.and_then(Value::as_str).map_or(Content::Absent, Content::Text),
        other => Content::Message(other.unwrap_or_default()),
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
