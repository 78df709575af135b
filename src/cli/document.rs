//! Files that operators write: the filter's configuration alone, or inside an Envoy file, an Istio
//! `WasmPlugin` or `EnvoyFilter`, or an Envoy Gateway `EnvoyExtensionPolicy`.

mod find;
mod spot;
mod tree;

use serde_json::Value;
use serde_saphyr::{MessageFormatter as _, UserMessageFormatter};

pub(super) use self::spot::Spot;
pub(super) use self::tree::{Found, Tree};
use super::place::Place;
use crate::config::{self, Mistake};
use crate::json;
use crate::policy::PolicySet;

/// A file, read: one document, or several in a stream of YAML.
#[derive(Debug)]
pub struct Documents {
    values: Vec<Value>,
    /// The same, with places in the text.
    trees: Vec<Tree>,
}

/// Why a file cannot be read, and where, counted from 1.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) message: String,
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
}

/// What stands around a configuration.
#[derive(Clone, Debug)]
pub(super) enum Around<'d> {
    /// Nothing: it is a file of its own.
    Nothing,
    /// An Envoy filter: its plugin's fields, and the connection manager where the file has one.
    Envoy {
        /// What Envoy is told of the plugin, with `vm_config` and `configuration`.
        plugin: Spot<'d>,
        /// The connection manager.
        manager: Option<Spot<'d>>,
    },
    /// The `spec` of a `WasmPlugin`.
    WasmPlugin(Spot<'d>),
    /// A filter in the `spec` of an `EnvoyExtensionPolicy`.
    ExtensionPolicy(Spot<'d>),
}

/// A configuration of the filter in a file.
#[derive(Debug)]
pub struct Configuration<'d> {
    /// Which document of the file, from 0.
    pub document: usize,
    /// Where in the document; empty when it is the document.
    pub place: Place,
    content: Content<'d>,
    around: Around<'d>,
}

/// How a file gives the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'d> {
    /// As plain YAML or JSON.
    Value(&'d Value),
    /// As text that holds JSON.
    Text(&'d str),
    /// Not at all.
    Absent,
    /// In an Envoy message of this type, which the filter cannot read.
    Message(&'d str),
}

/// Why a text is no JSON that was meant to be: nobody else begins with a key in quotes.
fn json_error(text: &str) -> Option<Unreadable> {
    text.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?;
    json::parse(text.as_bytes()).err().map(|error| Unreadable::of_json(&error))
}

impl Unreadable {
    /// What the parser of JSON says.
    pub(super) fn of_json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&format!(" at line {line} column {column}"));
        let message = message.map_or_else(|| error.to_string(), str::to_owned);
        let known = |number| Some(number).filter(|number| *number > 0);
        Self { message, line: known(line), column: known(column) }
    }
}

impl Documents {
    /// Reads YAML or JSON. A key that stands in an object twice is an error.
    ///
    /// # Errors
    /// A sentence with the line and column of what cannot be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).map_err(|Unreadable { message, line, column }| match line.zip(column) {
            Some((line, column)) => format!("line {line}, column {column}: {message}"),
            None => message,
        })
    }

    /// Reads YAML or JSON, and says where it cannot.
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let trees = serde_saphyr::from_multiple::<Tree>(text);
        // JSON is nearly YAML; where the two differ, what is JSON counts as JSON.
        if let Ok(value) = json::parse(text.as_bytes()) {
            let trees = match trees {
                Ok(trees) if trees.first().is_some_and(|tree| tree.to_value() == value) => trees,
                _ => vec![Tree::nowhere(value.clone())],
            };
            return Ok(Self { values: vec![value], trees });
        }
        let trees = trees.map_err(|error| {
            let error = error.without_snippet();
            let message = UserMessageFormatter.format_message(error);
            // What the scanner stumbles over is seldom where the slip is, and mostly its indentation.
            let is_of_scanner = matches!(error, serde_saphyr::Error::ExternalMessage { .. });
            if let Some(error) = json_error(text).filter(|_| is_of_scanner) {
                return error;
            }
            let hint = if is_of_scanner { "; check the indentation there" } else { "" };
            let location = error.location();
            let number = |number: u64| usize::try_from(number).ok().filter(|number| *number > 0);
            Unreadable {
                message: format!("{message}{hint}"),
                line: location.and_then(|location| number(location.line())),
                column: location.and_then(|location| number(location.column())),
            }
        })?;
        Ok(Self { values: trees.iter().map(Tree::to_value).collect(), trees })
    }

    /// The documents.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// How many documents there are.
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no document.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The configurations of the filter. Never none.
    ///
    /// Among several wasm filters, ours are those with `stepup` in a name, root id, image or file
    /// name. A sole one is ours whatever its name.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub fn configurations(&self) -> Result<Vec<Configuration<'_>>, String> {
        find::configurations(&self.values)
    }

    /// A document as a whole.
    pub(super) fn document(&self, document: usize) -> Option<Spot<'_>> {
        self.values.get(document).map(Spot::root)
    }

    /// A document with places in the text.
    pub(super) fn tree(&self, document: usize) -> Option<&Tree> {
        self.trees.get(document)
    }

    /// Puts `value` in the place of a configuration.
    pub(super) fn replace(&mut self, document: usize, place: &Place, value: Value) {
        let target = self.values.get_mut(document).and_then(|root| place.get_mut(root));
        if let Some(target) = target {
            *target = value;
        }
    }

    /// The documents as JSON, one after another as in a stream of YAML. JSON is YAML too, and leaves
    /// no doubt about what is a string.
    pub fn to_text(&self) -> String {
        let texts = self.values.iter().map(|value| format!("{value:#}\n"));
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

    /// What stands around it.
    pub(super) const fn around(&self) -> &Around<'_> {
        &self.around
    }

    /// How it is given.
    pub(super) const fn content(&self) -> Content<'_> {
        self.content
    }

    /// The connection manager around it, where the file has one.
    pub(super) const fn manager(&self) -> Option<&Spot<'_>> {
        match &self.around {
            Around::Envoy { manager, .. } => manager.as_ref(),
            _ => None,
        }
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
