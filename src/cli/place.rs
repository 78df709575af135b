//! The place of a value in a document.

use std::fmt;

use serde_json::Value;

/// One step from a value to one inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// To the member of this name.
    Key(String),
    /// To the item at this place of a list.
    Index(usize),
}

/// The way from a document's root to a value in it, shown like `spec.wasm[0].config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<Step>);

impl Place {
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Its end: the last key, with what follows it.
    pub(super) fn end(&self) -> String {
        let key = self.0.iter().rposition(|step| matches!(step, Step::Key(_)));
        let steps = self.0.get(key.unwrap_or_default()..).unwrap_or_default();
        Self(steps.to_vec()).to_string()
    }

    /// Whether `inner` is at this place, or inside of what is.
    pub(super) fn holds(&self, inner: &Self) -> bool {
        inner.0.starts_with(&self.0)
    }

    /// The value at this place.
    pub fn get_mut<'v>(&self, root: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Index(index) => value.get_mut(index),
        })
    }

    /// This place with the shown form of a place inside it.
    pub(super) fn join(&self, inner: &str) -> String {
        let own = self.to_string();
        let separator =
            if own.is_empty() || inner.is_empty() || inner.starts_with('[') { "" } else { "." };
        [&own, separator, inner].concat()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_place_leads_to_its_value_and_shows_the_way() {
        let place = Place::default().key("spec").key("wasm").index(1).key("config");
        let mut document = json!({"spec": {"wasm": [{}, {"config": "here"}]}});
        assert_eq!(place.get_mut(&mut document), Some(&mut json!("here")));
        assert_eq!(place.get_mut(&mut json!({"spec": {"wasm": []}})), None);
        assert_eq!(place.to_string(), "spec.wasm[1].config");
        assert_eq!(place.join("levels[0]"), "spec.wasm[1].config.levels[0]");
        assert_eq!(place.join("[\"a b\"]"), "spec.wasm[1].config[\"a b\"]");
        assert_eq!(place.join(""), "spec.wasm[1].config");
        assert_eq!(Place::default().join("levels"), "levels");
        assert_eq!(place.end(), "config");
        assert_eq!(Place::default().key("spec").key("wasm").index(1).end(), "wasm[1]");
        assert_eq!(Place::default().end(), "");
    }
}
