//! Names that some reader takes for one.

use std::collections::HashSet;

use percent_encoding::percent_decode;

use super::BodyError;
use crate::token::{fold_in_name, is_name_margin};

/// The names of an object or a form, each as loosely as any reader takes it. Go matches members
/// without case, ASP.NET fields. Of names of fields, PHP cuts at NUL and at brackets, takes spaces off,
/// and reads `.` and a space as `_`; Rack and `qs` take brackets off; `a.b` is `a[b]` to Spring.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Adds the name of a member of a JSON object.
    pub(super) fn add_member(&mut self, name: &str) -> Result<(), BodyError> {
        // Some readers cut at NUL.
        if name.contains(char::is_control) {
            return Err(BodyError::OddName);
        }
        self.add(without_case(name.chars()))
    }

    /// Adds the name of a field of a form, decoded.
    pub(super) fn add_field(&mut self, name: &str) -> Result<(), BodyError> {
        if is_odd(name) {
            return Err(BodyError::OddName);
        }
        let (name, path) = fold(name);
        self.add(name)?;
        path.map_or(Ok(()), |path| self.add(path))
    }

    fn add(&mut self, name: String) -> Result<(), BodyError> {
        if self.0.insert(name) { Ok(()) } else { Err(BodyError::Duplicate) }
    }

    /// Refuses a query that has a parameter of one of these names. It need not be one that is read:
    /// whatever some server takes for such a parameter counts.
    pub(super) fn check_query(&self, target: &[u8]) -> Result<(), BodyError> {
        if self.0.is_empty() {
            return Ok(());
        }
        // Some servers decode before they cut.
        let begins = |at: &[u8]| matches!(at, [b'?', ..] | [b'%', b'3', b'F' | b'f', ..]);
        let start = (0..target.len()).find(|start| target.get(*start..).is_some_and(begins));
        let query = start.and_then(|start| target.get(start..)).unwrap_or_default();
        for parameter in query.split(|byte| matches!(byte, b'&' | b';')) {
            let name = parameter.split(|byte| *byte == b'=').next().unwrap_or_default();
            let decoded = percent_decode(name).collect::<Vec<_>>();
            let (name, path) = fold(&String::from_utf8_lossy(&decoded));
            let has = |name: &String| !name.is_empty() && self.0.contains(name);
            if has(&name) || path.as_ref().is_some_and(has) {
                return Err(BodyError::AlsoInQuery);
            }
        }
        Ok(())
    }
}

/// Whether some reader takes two names of members or fields for one.
pub(crate) fn are_alike(one: &str, other: &str) -> bool {
    fold(one).0 == fold(other).0
}

/// What some server takes off before and after a name.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '+' | '\u{feff}')
}

fn is_margin(c: char) -> bool {
    is_blank(c) || u8::try_from(c).is_ok_and(|byte| byte.is_ascii() && is_name_margin(byte))
}

/// Whether some server reads another name than is written there. No browser sends such a one by itself,
/// and readers differ in what becomes of it.
fn is_odd(name: &str) -> bool {
    if name.starts_with(is_margin) || name.ends_with(is_blank) || name.contains(char::is_control) {
        return true;
    }
    // Of brackets, only whole ones after the name have one meaning: `a[]`, `a[b][c]`.
    let (own, brackets) = name.find('[').map_or((name, ""), |at| name.split_at(at));
    let mut rest = brackets;
    while let Some(inner) = rest.strip_prefix('[') {
        match inner.split_once(']') {
            Some((key, after)) if !key.contains('[') => rest = after,
            _ => return true,
        }
    }
    own.contains(']') || !rest.is_empty()
}

/// The name of a field as it stands before brackets; and, where there are some, with what is in them.
fn fold(name: &str) -> (String, Option<String>) {
    let name = name.trim_start_matches(is_margin);
    let name = name.split('\0').next().unwrap_or_default().trim_end_matches(is_blank);
    let is_bracket = |c| matches!(c, '[' | ']');
    let mut parts = name.split(is_bracket).filter(|part| !part.is_empty());
    let own = parts.next().unwrap_or_default();
    let folded = |text: &str| {
        without_case(text.chars().map(|c| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => char::from(fold_in_name(byte)),
            _ => c,
        }))
    };
    let path = parts.fold(folded(own), |path, part| format!("{path}_{}", folded(part)));
    let name = folded(own.trim_end_matches(is_blank));
    if path == name { (name, None) } else { (name, Some(path)) }
}

/// By way of upper case, letters that only some readers know are folded too, such as the long s.
fn without_case(name: impl Iterator<Item = char>) -> String {
    name.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}
