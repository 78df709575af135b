//! What a body is, by its headers.

use super::BodyError;
use crate::request::Headers;
use crate::token::headers_alike;

/// The kinds of bodies that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `application/json`, or another `application/` type that ends with `+json` (RFC 6839 §3.1).
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
}

/// The application may decode what a filter sees encoded.
pub(super) fn check_encoding(headers: &Headers) -> Result<(), BodyError> {
    let mut encodings = headers_alike(headers, "content-encoding");
    if encodings.all(|(_, encoding)| encoding.trim_ascii().eq_ignore_ascii_case(b"identity")) {
        Ok(())
    } else {
        Err(BodyError::Encoded)
    }
}

/// The kind that the only `content-type` names (RFC 9110 §8.3.1). One that is written `content_type` is
/// a second one to servers that pass headers on as variables.
pub(super) fn format(headers: &Headers) -> Result<Format, BodyError> {
    let mut types = headers_alike(headers, "content-type");
    let (Some((b"content-type", value)), None) = (types.next(), types.next()) else {
        return Err(BodyError::NoType);
    };
    let value = std::str::from_utf8(value).map_err(|_| BodyError::WrongType)?;
    let mut parts = Parts { rest: Some(value) };
    let essence = parts.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let format = match essence.split_once('/') {
        Some(("application", "x-www-form-urlencoded")) => Format::Form,
        Some(("application", "json")) => Format::Json,
        Some(("application", sub)) if is_token(sub) && sub.ends_with("+json") => Format::Json,
        _ => return Err(BodyError::WrongType),
    };
    // Many applications only search for what they know.
    let others: &[&str] = match format {
        Format::Json => &["urlencoded", "form-data", "multipart"],
        Format::Form => &["json", "form-data", "multipart"],
    };
    let searched = value.to_ascii_lowercase();
    if others.iter().any(|other| searched.contains(other)) {
        return Err(BodyError::WrongType);
    }
    let mut has_charset = false;
    for parameter in parts.map(str::trim_ascii).filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').ok_or(BodyError::WrongType)?;
        let value = unquoted(value).ok_or(BodyError::WrongType)?;
        if !is_token(name) {
            return Err(BodyError::WrongType);
        }
        if name.eq_ignore_ascii_case("charset") {
            if has_charset || !value.eq_ignore_ascii_case("utf-8") {
                return Err(BodyError::WrongCharset);
            }
            has_charset = true;
        }
    }
    Ok(format)
}

/// The parts between semicolons that stand outside of quotes.
struct Parts<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let (mut is_quoted, mut is_escaped) = (false, false);
        let end = rest.find(|c| {
            let is_end = c == ';' && !is_quoted;
            if !is_escaped && c == '"' {
                is_quoted = !is_quoted;
            }
            is_escaped = is_quoted && !is_escaped && c == '\\';
            is_end
        });
        let (part, rest) = match end.and_then(|end| rest.split_at_checked(end)) {
            Some((part, rest)) => (part, rest.strip_prefix(';')),
            None => (rest, None),
        };
        self.rest = rest;
        Some(part)
    }
}

/// A token, or what stands in quotes (RFC 9110 §5.6.4). One with an escape in it is not worth reading.
fn unquoted(value: &str) -> Option<&str> {
    match value.strip_prefix('"') {
        None => is_token(value).then_some(value),
        Some(value) => value.strip_suffix('"').filter(|value| !value.contains(['"', '\\'])),
    }
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let is_other = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_other(byte))
}
