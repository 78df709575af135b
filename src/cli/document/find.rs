//! Finding the filter's configuration in a file.

use serde_json::Value;

use super::spot::Spot;
use super::{Around, Configuration, Content};
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
        search.visit(&Spot::root(root), &Outside::default());
        if !is_foreign(root) {
            alone.push(Configuration {
                document,
                place: Place::default(),
                content: Content::Value(root),
                around: Around::Nothing,
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

/// What stands outside of a value.
#[derive(Clone, Debug, Default)]
struct Outside<'d> {
    /// The name of the object that it is in.
    name: Option<&'d str>,
    manager: Option<Spot<'d>>,
}

/// A message of Envoy: its type and its fields.
struct Message<'d> {
    type_url: &'d str,
    fields: Spot<'d>,
}

impl<'d> Message<'d> {
    /// The message that an object with `@type` gives, be it as a struct.
    fn read(spot: &Spot<'d>) -> Option<Self> {
        let type_url = spot.value.get("@type")?.as_str()?;
        if !TYPED_STRUCTS.iter().any(|name| type_url.ends_with(name)) {
            return Some(Self { type_url, fields: spot.clone() });
        }
        let fields = spot.member("value").filter(|fields| fields.value.is_object())?;
        Some(Self { type_url: spot.text("type_url")?, fields })
    }
}

struct Search<'d> {
    document: usize,
    found: Vec<Candidate<'d>>,
}

impl<'d> Search<'d> {
    /// Looks at a value and at everything in it.
    fn visit(&mut self, spot: &Spot<'d>, outside: &Outside<'d>) {
        if spot.value.is_array() {
            for item in spot.items() {
                self.visit(&item, &Outside { name: None, manager: outside.manager.clone() });
            }
            return;
        }
        let kind = spot.value.get("kind").and_then(Value::as_str);
        match (Message::read(spot), kind) {
            (Some(message), _) if message.type_url.ends_with(WASM_FILTER) => {
                self.envoy(&message.fields, outside);
            }
            (Some(message), _) if message.type_url.ends_with(MANAGER) => {
                self.members(&message.fields, Some(message.fields.clone()));
            }
            (_, Some("WasmPlugin")) => self.istio(spot),
            (_, Some("EnvoyExtensionPolicy")) => self.envoy_gateway(spot),
            _ => self.members(spot, outside.manager.clone()),
        }
    }

    fn members(&mut self, spot: &Spot<'d>, manager: Option<Spot<'d>>) {
        let name = spot.value.get("name").and_then(Value::as_str);
        let outside = Outside { name, manager };
        for (_, member) in spot.members() {
            self.visit(&member, &outside);
        }
    }

    fn envoy(&mut self, filter: &Spot<'d>, outside: &Outside<'d>) {
        let Some(plugin) = filter.member("config").filter(|plugin| plugin.value.is_object()) else {
            return;
        };
        let is_name =
            |(key, member): (&str, Spot<'_>)| key != "configuration" && names_us(member.value);
        let ours = outside.name.is_some_and(is_ours) || plugin.members().any(is_name);
        let place = plugin.place.key("configuration");
        let (place, content) = match plugin.value.get("configuration") {
            None => (place, Content::Absent),
            Some(message) => (place.key("value"), content_of(message)),
        };
        let around = Around::Envoy { plugin, manager: outside.manager.clone() };
        self.found(place, content, around, ours);
    }

    fn istio(&mut self, resource: &Spot<'d>) {
        const NOTHING: &Value = &Value::Null;
        let spec = resource.member("spec");
        let spec = spec.unwrap_or(Spot { place: resource.place.key("spec"), value: NOTHING });
        let name = resource.value.get("metadata").and_then(|metadata| metadata.get("name"));
        let names = [spec.value.get("url"), spec.value.get("pluginName"), name];
        let ours = names.into_iter().flatten().any(names_us);
        let content = spec.value.get("pluginConfig").map_or(Content::Absent, Content::Value);
        self.found(spec.place.key("pluginConfig"), content, Around::WasmPlugin(spec), ours);
    }

    fn envoy_gateway(&mut self, resource: &Spot<'d>) {
        let filters = resource.member("spec").and_then(|spec| spec.member("wasm"));
        for filter in filters.iter().flat_map(Spot::items) {
            let names = ["name", "rootID", "code"];
            let mut names = names.into_iter().filter_map(|name| filter.value.get(name));
            let ours = names.any(names_us);
            let content = filter.value.get("config").map_or(Content::Absent, Content::Value);
            self.found(filter.place.key("config"), content, Around::ExtensionPolicy(filter), ours);
        }
    }

    fn found(&mut self, place: Place, content: Content<'d>, around: Around<'d>, ours: bool) {
        let configuration = Configuration { document: self.document, place, content, around };
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
