//! The one configuration of a file, for commands that look at a single one.

use std::path::Path;

use serde_json::Value;

use super::document::{Configuration, Documents};
use super::{Failure, name_of, printable, read_text};
use crate::policy::PolicySet;

/// A file with one configuration of the filter, which has no mistake.
#[derive(Debug)]
pub(super) struct Single {
    documents: Documents,
    /// The configuration as a value.
    pub(super) value: Value,
    /// The same, compiled.
    pub(super) policies: PolicySet,
}

impl Single {
    /// Reads a file as `stepup check` does.
    ///
    /// # Errors
    /// When it cannot be read, holds several configurations, or one with mistakes. All of them are
    /// told.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        Self::parse(&read_text(file)?, &name_of(file))
    }

    /// The same for a text that is called `name`.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn parse(text: &str, name: &str) -> Result<Self, Failure> {
        let in_file = |message: String| Failure::new(format!("{name}: {}", printable(&message)));
        let documents = Documents::parse(text).map_err(in_file)?;
        let configurations = documents.configurations().map_err(in_file)?;
        let [configuration] = configurations.as_slice() else {
            let places = configurations.iter().map(|configuration| {
                let number = configuration.document.saturating_add(1);
                format!("document {number} {}", configuration.place)
            });
            let places = places.collect::<Vec<_>>().join(", ");
            return Err(in_file(format!(
                "holds {} configurations ({places}); expected one; put it into a file of its own",
                configurations.len()
            )));
        };
        let policies = configuration.compile().map_err(|mistakes| {
            let lines = mistakes.iter().map(|m| format!("{name}: {}", printable(&m.to_string())));
            let lines = lines.collect::<Vec<_>>().join("\n");
            Failure::new(format!("{lines} (stepup check shows where that is)"))
        })?;
        let value = configuration.value().unwrap_or_default();
        Ok(Self { documents, value, policies })
    }

    /// The configuration in its file.
    pub(super) fn configuration(&self) -> Option<Configuration<'_>> {
        self.documents.configurations().ok()?.into_iter().next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "policies: {open: {public: true}}\ndefault: open\n";

    fn failure(text: &str) -> String {
        Single::parse(text, "f.yaml").unwrap_err().to_string()
    }

    #[test]
    fn a_file_with_one_good_configuration_is_read() {
        let single = Single::parse(GOOD, "f.yaml").unwrap();
        assert_eq!(single.value["default"], "open");
        assert!(single.configuration().is_some());
    }

    #[test]
    fn mistakes_are_all_told_with_the_file() {
        let told = failure("policies: {open: {public: 1}}\ndefalt: open\n");
        assert!(
            told.lines().count() > 1 && told.lines().all(|line| line.starts_with("f.yaml: ")),
            "{told}"
        );
    }

    #[test]
    fn several_configurations_are_told_by_their_places() {
        let plugin =
            "kind: WasmPlugin\nmetadata: {name: stepup}\nspec: {pluginConfig: {default: a}}";
        let message = failure(&format!("{plugin}\n---\n{plugin}\n"));
        assert!(
            message.contains("holds 2 configurations (document 1 spec.pluginConfig"),
            "{message}"
        );
    }
}
