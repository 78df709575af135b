//! JSON with one meaning: members once, numbers exact, and of a bounded size.

use serde_json::Value;

use super::names::Names;
use super::{BodyError, MAX_DEPTH, MAX_VALUES};
use crate::number;

pub(super) fn parse(bytes: &[u8]) -> Result<Value, BodyError> {
    let text = std::str::from_utf8(bytes).map_err(|_| BodyError::NotUtf8)?;
    if text.starts_with('\u{feff}') {
        return Err(BodyError::ByteOrderMark);
    }
    // Before anything is kept of it. The parser has no bounds, and what it gives has lost how numbers
    // were written.
    scan(bytes)?;
    let value = crate::json::parse(bytes).map_err(|error| {
        // All that is wrong beside the syntax.
        if error.is_data() { BodyError::Duplicate } else { BodyError::NotJson }
    })?;
    check_names(&value)?;
    Ok(value)
}

/// Depth was bounded before.
fn check_names(value: &Value) -> Result<(), BodyError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(check_names),
        Value::Object(members) => {
            let mut names = Names::default();
            members.iter().try_for_each(|(name, value)| {
                names.add_member(name)?;
                check_names(value)
            })
        }
        _ => Ok(()),
    }
}

/// Goes through a text that may or may not be JSON. In what is JSON, it sees every number, every value
/// and how deep each stands.
fn scan(text: &[u8]) -> Result<(), BodyError> {
    let (mut depth, mut values) = (0_usize, 0_usize);
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let rest_from = std::mem::replace(&mut rest, after);
        match first {
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                values = values.saturating_add(1);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                rest = after_string(after);
                values = values.saturating_add(1);
            }
            // The string before it was the name of a member.
            b':' => values = values.saturating_sub(1),
            b't' | b'f' | b'n' => values = values.saturating_add(1),
            b'-' | b'0'..=b'9' => {
                let is_part = |byte: &u8| {
                    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
                };
                let length = rest_from.iter().take_while(|byte| is_part(byte)).count();
                let (token, next) = rest_from.split_at_checked(length).unwrap_or_default();
                // What is no number at all, the parser refuses.
                let text = std::str::from_utf8(token).unwrap_or_default();
                if number::is_json(text) && number::exact(text).is_none() {
                    return Err(BodyError::InexactNumber);
                }
                rest = next;
                values = values.saturating_add(1);
            }
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(BodyError::TooDeep);
        }
        // A name counts until its colon.
        if values > MAX_VALUES.saturating_add(1) {
            return Err(BodyError::TooManyValues);
        }
    }
    if values > MAX_VALUES { Err(BodyError::TooManyValues) } else { Ok(()) }
}

/// What follows the string that has begun.
fn after_string(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'"' => return after,
            b'\\' => after.get(1..).unwrap_or_default(),
            _ => after,
        };
    }
    rest
}
