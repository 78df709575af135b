//! Tokens that stand where the filter looks, in a form that it does not read and others may.

use std::ptr;

use super::{Place, alike};
use crate::request::Headers;

/// Whether a header of one of the places holds what looks like a JWT, whatever stands before it: a
/// reader that does not care for the scheme, or knows another one, would take it.
///
/// `token` is the one that was found, and `plain` the value of a header that holds it and nothing else.
pub(super) fn beside(
    headers: &Headers,
    places: &[Place],
    token: Option<&[u8]>,
    plain: Option<&[u8]>,
) -> bool {
    names(places).flatten().any(|name| {
        let values = alike::headers(headers, name).map(|(_, value)| value);
        let mut others = values.filter(|value| !plain.is_some_and(|plain| ptr::eq(plain, *value)));
        others.any(|value| holds_jwt(value, token))
    })
}

/// Whether a header of one of the places holds what looks like a JWT, where no token was found.
pub fn hides_token(headers: &Headers, places: &[Place]) -> bool {
    beside(headers, places, None, None)
}

/// Whether a token can stand in more than one header, or elsewhere.
pub(super) fn are_several(places: &[Place]) -> bool {
    let mut names = names(places);
    let first = names.next().flatten();
    first.is_none() || names.any(|name| name != first)
}

/// The headers that are places.
fn names(places: &[Place]) -> impl Iterator<Item = Option<&str>> {
    places.iter().map(|place| match place {
        Place::Header { name, .. } => Some(&**name),
        Place::Cookie(_) | Place::Query(_) => None,
    })
}

/// Whether a word of the value consists of three parts or more, the first as long as the shortest
/// header. Credentials of other schemes have dots in names, but no such words.
fn holds_jwt(value: &[u8], token: Option<&[u8]>) -> bool {
    /// `{"alg":""}`, and a payload with anything in it, in base64.
    const SHORTEST: [usize; 2] = [14, 4];
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_+/=".contains(byte);
    value.split(|byte| !is_word(byte)).filter(|word| token != Some(*word)).any(|word| {
        let mut parts = word.split(|byte| *byte == b'.').map(<[u8]>::len);
        SHORTEST.iter().all(|shortest| parts.next().is_some_and(|length| length >= *shortest))
            && parts.next().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Scheme;

    #[test]
    fn a_jwt_is_seen_whatever_stands_before_it() {
        // {"alg":"none"} and {"a":1}, without a signature.
        const JWT: &str = "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.";
        let header = |name: &str| Place::Header { name: name.into(), scheme: Scheme::Bearer };
        let places = [Place::Query("q".into()), header("authorization"), header("x-token")];
        let hides = |name: &str, value: &str| {
            let pairs = vec![(name.to_owned(), value.replace("JWT", JWT).into_bytes())];
            hides_token(&Headers::new(pairs), &places)
        };
        for value in
            ["JWT", "Token JWT", "Basic JWT", "Bearer:JWT", "x=\"JWT\"", "\u{e4}JWTx,", "a JWT.x.y"]
        {
            assert!(hides("authorization", value), "{value}");
            assert!(hides("x-token", value), "{value}");
            assert!(!hides("x-other", value), "{value}");
        }
        for value in [
            "",
            "Basic dXNlcjpwYXNzd29yZC1vZi1zb21lLWxlbmd0aA==",
            "Digest username=\"a.b.c\", uri=\"/v1.0/reports/2026.11.24/some.file.name\"",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261124/us-east-1/s3/aws4_request",
            "Negotiate oYG2MIGzoAMKAQChCwYJKoZIgvcSAQICooGeBIGbYIGYBgkqhkiG9xIBAgICAG+BiDCB",
            "Signature keyId=\"https://partner.example.com/keys\"",
        ] {
            assert!(!hides("authorization", value), "{value}");
        }
    }
}
