//! Names that some reader takes for one.

use std::collections::HashSet;

use super::BodyError;

/// The names of an object or a form, each as loosely as any reader takes it. Go matches members
/// without case, ASP.NET fields; PHP cuts names of fields at NUL and at brackets, takes spaces off, and
/// reads `.` and a space as `_`.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Adds the name of a member of a JSON object.
    pub(super) fn add_member(&mut self, name: &str) -> Result<(), BodyError> {
        self.add(without_case(name.chars()))
    }

    /// Adds the name of a field of a form, decoded.
    pub(super) fn add_field(&mut self, name: &str) -> Result<(), BodyError> {
        let is_end = |c: char| matches!(c, '\0' | '[');
        let inner = name.trim_start().split(is_end).next().unwrap_or_default().trim_end();
        self.add(without_case(inner.chars().map(|c| if matches!(c, '.' | ' ') { '_' } else { c })))
    }

    fn add(&mut self, name: String) -> Result<(), BodyError> {
        if self.0.insert(name) { Ok(()) } else { Err(BodyError::Duplicate) }
    }
}

/// By way of upper case, letters that only some readers know are folded too, such as the long s.
fn without_case(name: impl Iterator<Item = char>) -> String {
    name.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}
