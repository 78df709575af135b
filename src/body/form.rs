//! `application/x-www-form-urlencoded`, read strictly.
//!
//! The crate `form_urlencoded` follows the URL standard, which takes whatever comes: broken
//! percent-encoding stays as it is, and bytes that are not UTF-8 are replaced. Servers differ there.

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::names::Names;
use super::{BodyError, MAX_VALUES};

/// Reads the body of a request to this target. Servers such as Servlet containers, PHP and Rails give
/// parameters of the query and fields of a form by one name.
pub(super) fn parse_body(bytes: &[u8], target: &[u8]) -> Result<Value, BodyError> {
    let (fields, names) = fields(bytes)?;
    names.check_query(target)?;
    Ok(fields)
}

/// Reads a query.
pub(crate) fn parse_query(bytes: &[u8]) -> Result<Value, BodyError> {
    fields(bytes).map(|(fields, _)| fields)
}

fn fields(bytes: &[u8]) -> Result<(Value, Names), BodyError> {
    // Some servers part fields at semicolons too; browsers encode one that is meant.
    if bytes.contains(&b';') {
        return Err(BodyError::NotForm);
    }
    // An application that looks at no content type would read JSON. Browsers encode these.
    let is_json = |byte: &u8| matches!(byte, b'{' | b'}' | b'"');
    if bytes.iter().any(is_json) || bytes.trim_ascii_start().starts_with(b"[") {
        return Err(BodyError::NotForm);
    }
    let mut fields = Map::new();
    let mut names = Names::default();
    for field in bytes.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
        let mut parts = field.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (name, value) = (decode(name)?, decode(value)?);
        names.add_field(&name)?;
        fields.insert(name, Value::String(value));
        // The object counts too.
        if fields.len() >= MAX_VALUES {
            return Err(BodyError::TooManyValues);
        }
    }
    Ok((Value::Object(fields), names))
}

fn decode(text: &[u8]) -> Result<String, BodyError> {
    let mut pieces = text.split(|byte| *byte == b'%');
    pieces.next();
    for piece in pieces {
        if !matches!(piece, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
        {
            return Err(BodyError::NotForm);
        }
    }
    let spaced = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte });
    let decoded = percent_decode(&spaced.collect::<Vec<_>>()).collect();
    String::from_utf8(decoded).map_err(|_| BodyError::NotUtf8)
}
