//! A value of the configuration together with its place, and the typed reads of it.
//!
//! serde stops at the first mistake. These reads note a mistake and go on, so that one run shows
//! an operator everything that is wrong, in shape as well as in cross-references.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::duration;
use super::mistake::{Sink, suggestion};

/// The place of a value, as a chain up to the document's root.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Key(Path::Root, key) => write_key(f, key),
            Path::Key(parent, key) => {
                parent.fmt(f)?;
                if is_plain(key) {
                    f.write_str(".")?;
                }
                write_key(f, key)
            }
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn write_key(f: &mut fmt::Formatter<'_>, key: &str) -> fmt::Result {
    if is_plain(key) { f.write_str(key) } else { write!(f, "[{key:?}]") }
}

/// A value and its place.
pub(super) struct Node<'a> {
    value: &'a Value,
    path: Path<'a>,
    sink: &'a Sink,
}

impl<'a> Node<'a> {
    pub(super) const fn root(value: &'a Value, sink: &'a Sink) -> Self {
        Self { value, path: Path::Root, sink }
    }

    pub(super) const fn value(&self) -> &'a Value {
        self.value
    }

    /// The place as messages name it.
    pub(super) fn place(&self) -> String {
        self.path.to_string()
    }

    /// Notes a mistake at this place.
    pub(super) fn mistake(&self, message: impl Into<String>) {
        self.sink.push(self.path, message);
    }

    /// Notes that this value has another type than the one expected.
    pub(super) fn unexpected(&self, expected: &str) {
        self.mistake(format!("found {}; expected {expected}", Found(self.value)));
    }

    /// What was read of this value; what is wrong with it is noted.
    pub(super) fn noted<T>(&self, read: Result<T, String>) -> Option<T> {
        read.map_err(|mistake| self.mistake(mistake)).ok()
    }

    /// An expression that was compiled of this value; its mistakes are noted.
    pub(super) fn compiled<T>(&self, compiled: Result<T, Vec<String>>) -> Option<T> {
        compiled.map_err(|mistakes| mistakes.into_iter().for_each(|m| self.mistake(m))).ok()
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        let value = self.value.as_bool();
        if value.is_none() {
            self.unexpected("true or false");
        }
        value
    }

    /// A string; it may be empty.
    pub(super) fn string(&self, expected: &str) -> Option<&'a str> {
        let value = self.value.as_str();
        match self.value {
            Value::String(_) => {}
            Value::Number(_) | Value::Bool(_) => {
                self.unexpected(&format!("{expected}; put it in quotes"));
            }
            _ => self.unexpected(expected),
        }
        value
    }

    /// A string with at least one character and no control character.
    pub(super) fn text(&self, expected: &str) -> Option<&'a str> {
        let value = self.string(expected)?;
        if value.is_empty() {
            self.mistake(format!("is empty; expected {expected}"));
            return None;
        }
        if let Some(control) = value.chars().find(|c| c.is_control()) {
            self.mistake(format!(
                "holds the control character {control:?}; expected {expected} without one"
            ));
            return None;
        }
        Some(value)
    }

    /// Text that can stand in a header field as it is: visible ASCII and spaces
    /// (RFC 9110 §5.6.4 leaves the rest to chance).
    pub(super) fn header_text(&self, expected: &str) -> Option<&'a str> {
        let value = self.text(expected)?;
        if let Some(bad) = value.chars().find(|c| !matches!(c, ' '..='~')) {
            self.mistake(format!(
                "holds {bad:?}, which cannot stand in a header; expected {expected} in ASCII"
            ));
            return None;
        }
        Some(value)
    }

    /// Text that can be one of several values separated by spaces in a header.
    pub(super) fn header_word(&self, expected: &str) -> Option<&'a str> {
        let value = self.header_text(expected)?;
        if value.contains(' ') {
            self.mistake(format!(
                "holds a space, which separates values in a challenge; expected {expected} without spaces"
            ));
            return None;
        }
        Some(value)
    }

    /// A whole number within the bounds.
    pub(super) fn integer(&self, least: u64, most: u64) -> Option<u64> {
        let value = self.value.as_u64().filter(|n| (least..=most).contains(n));
        if value.is_none() {
            self.unexpected(&format!("a whole number from {least} to {most}"));
        }
        value
    }

    /// A duration of whole seconds, written with its unit.
    pub(super) fn seconds(&self) -> Option<Duration> {
        const EXPECTED: &str =
            "a duration with a unit (s, m, h or d), such as \"90s\", \"15m\" or \"2h30m\"";
        let duration = self.value.as_str().and_then(duration::parse);
        if duration.is_none() {
            self.unexpected(EXPECTED);
        }
        duration
    }

    /// The items of a list; none after a mistake.
    pub(super) fn list(&self, expected: &str) -> Option<impl ExactSizeIterator<Item = Node<'_>>> {
        let items = self.value.as_array();
        if items.is_none() {
            self.unexpected(expected);
        }
        Some(items?.iter().enumerate().map(|(index, value)| Node {
            value,
            path: Path::Index(&self.path, index),
            sink: self.sink,
        }))
    }

    /// The items of a list that has at least one.
    pub(super) fn filled_list(
        &self,
        expected: &str,
    ) -> Option<impl ExactSizeIterator<Item = Node<'_>>> {
        let items = self.list(expected)?;
        if items.len() == 0 {
            self.mistake(format!("is empty; expected {expected}"));
            return None;
        }
        Some(items)
    }

    /// The members of an object whose keys the operator chooses.
    pub(super) fn entries(
        &self,
        expected: &str,
    ) -> Option<impl Iterator<Item = (&'a str, Node<'_>)>> {
        let map = self.value.as_object();
        if map.is_none() {
            self.unexpected(expected);
        }
        Some(map?.iter().map(|(key, value)| {
            (key.as_str(), Node { value, path: Path::Key(&self.path, key), sink: self.sink })
        }))
    }

    /// An object whose keys were, or are, checked elsewhere.
    pub(super) fn any_object(&self) -> Option<Object<'_>> {
        let map = self.value.as_object()?;
        Some(Object { map, path: &self.path, sink: self.sink })
    }

    /// An object whose keys are all among `known`; others are noted as mistakes.
    pub(super) fn object(&self, expected: &str, known: &[&str]) -> Option<Object<'_>> {
        let Some(map) = self.value.as_object() else {
            self.unexpected(expected);
            return None;
        };
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let hint = suggestion(key, known.iter().copied());
            self.sink.push(Path::Key(&self.path, key), format!("unknown key{hint}"));
        }
        Some(Object { map, path: &self.path, sink: self.sink })
    }
}

/// An object with known keys.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    path: &'a Path<'a>,
    sink: &'a Sink,
}

impl<'a> Object<'a> {
    /// The member `key`, if it is there.
    pub(super) fn get(&self, key: &'a str) -> Option<Node<'a>> {
        let value = self.map.get(key)?;
        Some(Node { value, path: Path::Key(self.path, key), sink: self.sink })
    }

    /// The member `key`; its absence is a mistake.
    pub(super) fn required(&self, key: &'a str, expected: &str) -> Option<Node<'a>> {
        let node = self.get(key);
        if node.is_none() {
            let place = Path::Key(self.path, key);
            self.sink.push(place, format!("is missing; expected {expected}"));
        }
        node
    }

    /// Which of `keys` are there, in their order.
    pub(super) fn present<'k>(&self, keys: &[&'k str]) -> Vec<&'k str> {
        keys.iter().copied().filter(|key| self.map.contains_key(*key)).collect()
    }

    /// Whether all of its keys are among `known`.
    pub(super) fn has_only(&self, known: &[&str]) -> bool {
        self.map.keys().all(|key| known.contains(&key.as_str()))
    }

    /// Notes a mistake at the object's own place.
    pub(super) fn mistake(&self, message: impl Into<String>) {
        self.sink.push(*self.path, message);
    }
}

/// A value as an operator recognises it in a message: short, with its type.
struct Found<'a>(&'a Value);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 40;
        match self.0 {
            Value::Null => f.write_str("nothing (null)"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(value) => write!(f, "the number {value}"),
            Value::String(value) if value.chars().count() > LONGEST => {
                write!(f, "the string {:?}…", value.chars().take(LONGEST).collect::<String>())
            }
            Value::String(value) => write!(f, "the string {value:?}"),
            Value::Array(_) => f.write_str("a list"),
            Value::Object(_) => f.write_str("an object"),
        }
    }
}
