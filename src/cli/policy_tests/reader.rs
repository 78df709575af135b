//! Reading what people write, with a place for each mistake.

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::config::{Mistake, duration, suggestion};

/// Where mistakes are put. Reading goes on after each.
#[derive(Debug, Default)]
pub(super) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    pub(super) fn into_inner(self) -> Vec<Mistake> {
        self.0.into_inner()
    }
}

/// A value, and its place.
#[derive(Clone, Debug)]
pub(super) struct At<'v> {
    mistakes: &'v Mistakes,
    pub(super) place: String,
    pub(super) value: &'v Value,
}

impl<'v> At<'v> {
    pub(super) const fn root(value: &'v Value, mistakes: &'v Mistakes) -> Self {
        Self { mistakes, place: String::new(), value }
    }

    /// Notes a mistake here.
    pub(super) fn mistake(&self, message: impl Into<String>) {
        let mistake = Mistake { path: self.place.clone(), message: message.into() };
        self.mistakes.0.borrow_mut().push(mistake);
    }

    /// Notes that something else was expected.
    pub(super) fn unexpected(&self, expected: &str) {
        let found = match self.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(value) => format!("{value}"),
            Value::Number(number) => format!("the number {number}"),
            Value::String(text) => format!("{text:?}"),
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        };
        self.mistake(format!("found {found}; expected {expected}"));
    }

    /// A value inside this one.
    fn inside(&self, key: &str, value: &'v Value) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let place = match (self.place.as_str(), key.chars().all(is_plain)) {
            ("", true) => key.to_owned(),
            (place, true) => format!("{place}.{key}"),
            (place, false) => format!("{place}[{key:?}]"),
        };
        Self { mistakes: self.mistakes, place, value }
    }

    /// An object with no other keys than these.
    pub(super) fn object(&self, expected: &str, keys: &[&str]) -> Option<&'v Map<String, Value>> {
        let members = self.map(expected)?;
        for (key, value) in members {
            if !keys.contains(&key.as_str()) {
                let hint = suggestion(key, keys.iter().copied());
                self.inside(key, value).mistake(format!("unknown key{hint}"));
            }
        }
        Some(members)
    }

    /// An object with any keys.
    pub(super) fn map(&self, expected: &str) -> Option<&'v Map<String, Value>> {
        let members = self.value.as_object();
        if members.is_none() {
            self.unexpected(expected);
        }
        members
    }

    /// A member, where it is there.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| self.inside(key, value))
    }

    /// All members.
    pub(super) fn members(&self) -> impl Iterator<Item = (&'v str, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(key, value)| (key.as_str(), self.inside(key, value)))
    }

    /// The items of a list.
    pub(super) fn items(&self, expected: &str) -> Vec<Self> {
        let Some(items) = self.value.as_array() else {
            self.unexpected(expected);
            return Vec::new();
        };
        let items = items.iter().enumerate().map(|(index, value)| {
            let place = format!("{}[{index}]", self.place);
            Self { mistakes: self.mistakes, place, value }
        });
        items.collect()
    }

    pub(super) fn text(&self, expected: &str) -> Option<&'v str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.unexpected(expected);
        }
        text
    }

    /// One text, or a list of them.
    pub(super) fn texts(&self, expected: &str) -> Vec<String> {
        match self.value {
            Value::String(text) => vec![text.clone()],
            Value::Array(_) => {
                let items = self.items(expected).into_iter();
                items.filter_map(|item| item.text(expected).map(str::to_owned)).collect()
            }
            _ => {
                self.unexpected(expected);
                Vec::new()
            }
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        let value = self.value.as_bool();
        if value.is_none() {
            self.unexpected("true or false");
        }
        value
    }

    pub(super) fn duration(&self) -> Option<Duration> {
        let duration = self.value.as_str().and_then(duration::parse);
        if duration.is_none() {
            self.unexpected("a duration with a unit, such as \"15m\"");
        }
        duration
    }

    /// What `read` makes of a text; its error is a mistake here.
    pub(super) fn parsed<T>(
        &self,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match read(self.text(expected)?) {
            Ok(read) => Some(read),
            Err(message) => {
                self.mistake(message);
                None
            }
        }
    }

    /// One of the names that are known.
    pub(super) fn known<'k>(
        &self,
        what: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) -> Option<&'v str> {
        let name = self.text(what)?;
        if known.clone().any(|known| known == name) {
            return Some(name);
        }
        self.mistake(format!("no {what} is named {name:?}{}", suggestion(name, known)));
        None
    }
}
