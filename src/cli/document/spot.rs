//! A value of a document together with its place.

use serde_json::{Map, Value};

use crate::cli::place::Place;

/// A value, and where it stands in its document.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Spot<'d> {
    pub(in crate::cli) place: Place,
    pub(in crate::cli) value: &'d Value,
}

impl<'d> Spot<'d> {
    /// A document as a whole.
    pub(in crate::cli) fn root(value: &'d Value) -> Self {
        Self { place: Place::default(), value }
    }

    /// A field by its name in `snake_case`, in either of the two spellings that protobuf allows.
    pub(in crate::cli) fn field(&self, name: &str) -> Option<Self> {
        let fields = self.value.as_object()?;
        let (name, value) = spelled(fields, name)?;
        Some(Self { place: self.place.key(name), value })
    }

    /// A field of a field, and so on.
    pub(in crate::cli) fn path(&self, names: &[&str]) -> Option<Self> {
        names.iter().try_fold(self.clone(), |spot, name| spot.field(name))
    }

    /// A member by its exact name.
    pub(in crate::cli) fn member(&self, key: &str) -> Option<Self> {
        Some(Self { place: self.place.key(key), value: self.value.get(key)? })
    }

    /// The members of an object; none for anything else.
    pub(in crate::cli) fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(key, value)| (key.as_str(), Self { place: self.place.key(key), value }))
    }

    /// The items of a list; none for anything else.
    pub(in crate::cli) fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        let spot = |(index, value)| Self { place: self.place.index(index), value };
        items.iter().enumerate().map(spot)
    }

    /// The items of a list that is a field.
    pub(in crate::cli) fn list(&self, name: &str) -> impl Iterator<Item = Self> {
        let items = self.field(name).map(|list| list.items().collect::<Vec<_>>());
        items.into_iter().flatten()
    }

    /// A text that is a field.
    pub(in crate::cli) fn text(&self, name: &str) -> Option<&'d str> {
        self.field(name)?.value.as_str()
    }

    /// Whether a field is true.
    pub(in crate::cli) fn is_true(&self, name: &str) -> bool {
        self.field(name).is_some_and(|field| field.value == true)
    }

    /// Whether it is a message of a type that ends so, where messages say their type.
    pub(in crate::cli) fn is_type(&self, end: &str) -> bool {
        self.value.get("@type").and_then(Value::as_str).is_some_and(|name| name.ends_with(end))
    }
}

/// A member in one of the two spellings that protobuf allows, and the spelling.
fn spelled<'v>(members: &'v Map<String, Value>, snake: &str) -> Option<(&'v str, &'v Value)> {
    let found = members.get_key_value(snake).or_else(|| members.get_key_value(&camel(snake)));
    found.map(|(key, value)| (key.as_str(), value))
}

/// `use_remote_address` as `useRemoteAddress`.
fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_is_found_in_both_spellings_and_keeps_its_place() {
        let document =
            json!({"httpFilters": [{"name": "a"}], "http_status": 1, "normalizePath": true});
        let root = Spot::root(&document);
        let filter = root.list("http_filters").next().unwrap();
        assert_eq!(
            (filter.text("name"), filter.place.to_string()),
            (Some("a"), "httpFilters[0]".to_owned())
        );
        assert_eq!(root.field("http_status").unwrap().place.to_string(), "http_status");
        assert!(root.is_true("normalize_path") && !root.is_true("http_status"));
        assert!(root.path(&["http_filters", "name"]).is_none());
    }
}
