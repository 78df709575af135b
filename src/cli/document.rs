//! Files that operators write: the filter's configuration alone, or inside an Envoy file, an Istio
//! `WasmPlugin` or `EnvoyFilter`, or an Envoy Gateway `EnvoyExtensionPolicy`.

mod find;

use serde_json::{Map, Value};
use serde_saphyr::UserMessageFormatter;

use super::place::Place;
use crate::config::{self, Mistake};
use crate::json;
use crate::policy::PolicySet;

/// A file, read: one document, or several in a stream of YAML.
#[derive(Debug)]
pub struct Documents(Vec<Value>);

/// A configuration of the filter in a file.
#[derive(Debug)]
pub struct Configuration<'d> {
    /// Which document of the file, from 0.
    pub document: usize,
    /// Where in the document; empty when it is the document.
    pub place: Place,
    content: Content<'d>,
    bodies: Bodies,
    /// The connection manager around it, where the file has one.
    manager: Option<Manager<'d>>,
}

/// Whether the proxy is told to show bodies before a request goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bodies {
    /// It is.
    Shown,
    /// It is not.
    Withheld,
    /// It cannot be: this kind of resource has no field for it. With what to use in its place.
    NoField(&'static str),
    /// The file does not say: it is not the proxy's.
    Unknown,
}

/// A connection manager of Envoy.
#[derive(Clone, Debug)]
pub(super) struct Manager<'d> {
    /// Where its fields are.
    pub(super) place: Place,
    fields: &'d Map<String, Value>,
}

impl<'d> Manager<'d> {
    /// A field in one of the two spellings that protobuf allows.
    pub(super) fn field(&self, snake: &str, camel: &str) -> Option<&'d Value> {
        either(self.fields, snake, camel)
    }
}

/// A member in one of the two spellings that protobuf allows.
pub(super) fn either<'v>(
    members: &'v Map<String, Value>,
    snake: &str,
    camel: &str,
) -> Option<&'v Value> {
    members.get(snake).or_else(|| members.get(camel))
}

/// How a file gives the configuration.
#[derive(Clone, Copy, Debug)]
enum Content<'d> {
    /// As plain YAML or JSON.
    Value(&'d Value),
    /// As text that holds JSON.
    Text(&'d str),
    /// Not at all.
    Absent,
    /// In an Envoy message of this type, which the filter cannot read.
    Message(&'d str),
}

impl Documents {
    /// Reads YAML or JSON. A key that stands in an object twice is an error.
    ///
    /// # Errors
    /// A sentence with the line and column of what cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        // JSON is nearly YAML; where the two differ, what is JSON counts as JSON.
        if let Ok(value) = json::parse(text.as_bytes()) {
            return Ok(Self(vec![value]));
        }
        serde_saphyr::from_multiple(text).map(Self).map_err(|error| {
            let error = error.without_snippet();
            let message = error.render_with_formatter(&UserMessageFormatter);
            // What the scanner stumbles over is seldom where the slip is, and mostly its indentation.
            let is_of_scanner = matches!(error, serde_saphyr::Error::ExternalMessage { .. });
            let hint = if is_of_scanner { "; check the indentation there" } else { "" };
            format!("{message}{hint}")
        })
    }

    /// The documents.
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }

    /// How many documents there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no document.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The configurations of the filter. Never none.
    ///
    /// Among several wasm filters, ours are those with `stepup` in a name, root id, image or file
    /// name. A sole one is ours whatever its name.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub fn configurations(&self) -> Result<Vec<Configuration<'_>>, String> {
        find::configurations(&self.0)
    }

    /// The document that a configuration stands in.
    pub(super) fn around(&self, configuration: &Configuration<'_>) -> Option<&Value> {
        self.0.get(configuration.document)
    }

    /// Puts `value` in the place of a configuration.
    pub(super) fn replace(&mut self, document: usize, place: &Place, value: Value) {
        let target = self.0.get_mut(document).and_then(|root| place.get_mut(root));
        if let Some(target) = target {
            *target = value;
        }
    }

    /// The documents as JSON, one after another as in a stream of YAML. JSON is YAML too, and leaves
    /// no doubt about what is a string.
    pub fn to_text(&self) -> String {
        let texts = self.0.iter().map(|value| format!("{value:#}\n"));
        texts.collect::<Vec<_>>().join("---\n")
    }
}

impl Configuration<'_> {
    /// Compiles it with the filter's own code.
    ///
    /// # Errors
    /// All mistakes, with places inside the configuration.
    pub fn compile(&self) -> Result<PolicySet, Vec<Mistake>> {
        let compiled = match self.content {
            Content::Value(value) => config::compile_value(value),
            Content::Text(text) => config::compile(text.as_bytes()),
            Content::Absent => config::compile(b""),
            Content::Message(name) => {
                let message = format!(
                    "is given as {name:?}; expected type.googleapis.com/google.protobuf.Struct, or \
                     type.googleapis.com/google.protobuf.StringValue with JSON in it"
                );
                return Err(vec![Mistake { path: String::new(), message }]);
            }
        };
        compiled.map_err(|mistakes| mistakes.as_slice().to_vec())
    }

    /// The mistake of a configuration that reads bodies where the proxy withholds them.
    pub(super) fn withheld_bodies(&self, policies: &PolicySet) -> Option<Mistake> {
        if !policies.policies.read_body() {
            return None;
        }
        let message = match self.bodies {
            Bodies::Shown | Bodies::Unknown => return None,
            Bodies::Withheld => {
                "a condition reads request.body, and the proxy withholds bodies; set \
                                 allow_on_headers_stop_iteration: true beside vm_config, which \
                                 needs Envoy 1.35"
                    .to_owned()
            }
            Bodies::NoField(instead) => format!(
                "a condition reads request.body, and a resource of this kind has no field for \
                 allow_on_headers_stop_iteration, so that each such request would be answered with \
                 500; {instead}"
            ),
        };
        Some(Mistake { path: String::new(), message })
    }

    /// The connection manager around it, where the file has one.
    pub(super) const fn manager(&self) -> Option<&Manager<'_>> {
        self.manager.as_ref()
    }

    /// The configuration as a value, where it can be read as one.
    pub fn value(&self) -> Option<Value> {
        match self.content {
            Content::Value(value) => Some(value.clone()),
            Content::Text(text) => json::parse(text.as_bytes()).ok(),
            Content::Absent | Content::Message(_) => None,
        }
    }

    /// `value` in the form in which this configuration is given.
    pub(super) fn in_same_form(&self, value: Value) -> Value {
        match self.content {
            Content::Text(_) => Value::String(value.to_string()),
            _ => value,
        }
    }
}
