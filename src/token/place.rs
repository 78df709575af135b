//! Where a token can stand in a request (RFC 6750 §2), and the parts of a request that hold several
//! values of which one can be a token.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use super::alike;

/// A place for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A header, by its name in lower case.
    Header {
        /// The name.
        name: Box<str>,
        /// What stands before the token.
        scheme: Scheme,
    },
    /// A cookie of this name (RFC 6265 §4.2), compared with case.
    Cookie(Box<str>),
    /// A query parameter of this name (RFC 6750 §2.3), compared with case.
    Query(Box<str>),
}

impl Place {
    /// Whether what stands in one of the two looks like a token in the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header { name: a, scheme: with }, Self::Header { name: b, scheme }) => {
                // Without a scheme, whatever stands in the header is the token.
                let is_any = with == scheme || [*with, *scheme].contains(&Scheme::None);
                is_any && alike::is_header(a.as_bytes(), b)
            }
            (Self::Cookie(a), Self::Cookie(b)) | (Self::Query(a), Self::Query(b)) => {
                alike::is_name(a.as_bytes(), b)
            }
            _ => false,
        }
    }
}

/// What a token came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Whoever has the token can use it (RFC 6750 §2.1).
    Bearer,
    /// The token comes with a proof of possession (RFC 9449 §7.1).
    DPoP,
    /// The token stands alone.
    None,
}

impl Scheme {
    /// The name before the token; `None` where the token stands alone.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Bearer => Some("Bearer"),
            Self::DPoP => Some("DPoP"),
            Self::None => None,
        }
    }

    /// The token, where credentials are the scheme, a space, and then it.
    pub(super) fn plain(self, credentials: &[u8]) -> Option<&[u8]> {
        let Some(name) = self.name() else { return Some(credentials) };
        let (scheme, token) = credentials.split_at_checked(name.len())?;
        let token = token.strip_prefix(b" ")?;
        scheme.eq_ignore_ascii_case(name.as_bytes()).then_some(token)
    }

    /// What follows the scheme, where credentials begin with it. It compares without case (RFC 9110
    /// §11.1), and a blank comes after it (RFC 9110 §11.4).
    pub(super) fn strip(self, credentials: &[u8]) -> Option<&[u8]> {
        let Some(name) = self.name() else { return Some(credentials) };
        let (scheme, rest) = credentials.split_at_checked(name.len())?;
        let is_it = scheme.eq_ignore_ascii_case(name.as_bytes())
            && rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t'));
        is_it.then_some(rest)
    }
}

/// The name and the value of a piece of a `Cookie` header: what stands between two `;`. `None` for
/// a piece that is no pair.
pub(super) fn cookie_pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = piece.iter().position(|byte| *byte == b'=')?;
    let (name, value) = piece.split_at_checked(equals)?;
    let value = value.get(1..)?.trim_ascii();
    // RFC 6265 §4.1.1: quotes around a value are a part of it, but many servers take them off. No
    // token has one.
    let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some((name.trim_ascii(), bare.unwrap_or(value)))
}

/// The name of a query parameter as servers read it, and its value as sent. `access%5Ftoken` is
/// `access_token` to them, and has to be so here.
pub(super) fn query_parameter(piece: &[u8]) -> (Vec<u8>, &[u8]) {
    let equals = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
    let (name, value) = piece.split_at_checked(equals).unwrap_or((piece, &[]));
    let name = percent_decode(&spaced(name)).collect();
    (name, value.get(1..).unwrap_or_default())
}

/// Decodes a value of a query parameter. `None` where a `%` has no two hexadecimal digits after
/// it: servers differ in what they make of that.
pub(super) fn decode_query_value(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let is_encoded =
        |rest: &[u8]| rest.get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !value.split(|byte| *byte == b'%').skip(1).all(is_encoded) {
        return None;
    }
    match spaced(value) {
        Cow::Borrowed(value) => Some(percent_decode(value).into()),
        Cow::Owned(value) => Some(Cow::Owned(percent_decode(&value).collect())),
    }
}

/// In a query, `+` is a space.
fn spaced(text: &[u8]) -> Cow<'_, [u8]> {
    if text.contains(&b'+') {
        let space = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
        return Cow::Owned(text.iter().map(space).collect());
    }
    Cow::Borrowed(text)
}
