//! Compact JWS (RFC 7515), read strictly.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::TokenError;
use crate::json;
use crate::keys::Algorithm;
use crate::time::Timestamp;

/// Header members through which a token brings its own key. They are refused (RFC 8725 §3.10), but
/// for the one in which a DPoP proof has it.
const KEY_MEMBERS: [&str; 3] = [JWK, "jku", "x5u"];
const JWK: &str = "jwk";

/// A token that was taken apart but not verified. Nothing in it can be trusted; it says which
/// issuer and key to try.
#[derive(Debug)]
pub struct UnverifiedToken<'t> {
    token: &'t str,
    header: Header,
    signing_input: &'t str,
    claims: Map<String, Value>,
    signature: Vec<u8>,
}

/// The members of the JOSE header that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The key's name, if given.
    pub kid: Option<String>,
    /// The token's type as written, if given.
    pub typ: Option<String>,
}

impl<'t> UnverifiedToken<'t> {
    /// Takes a token apart: exactly three parts, base64url without padding or stray bits, JSON
    /// objects without a repeated member and with members of the right types, no `crit`, no key of
    /// its own.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(token: &'t str) -> Result<Self, TokenError> {
        let (header, parts) = Parts::of(token)?;
        if KEY_MEMBERS.iter().any(|name| header.contains_key(*name)) {
            return Err(TokenError::OwnKey);
        }
        parts.read(&header)
    }

    /// Takes a DPoP proof apart, as strictly, but for the key that it brings by value in `jwk`
    /// (RFC 9449 §4.2). That key proves only that who made the proof has it.
    ///
    /// # Errors
    /// When it is anything else.
    pub(crate) fn parse_with_key(token: &'t str) -> Result<(Self, Value), TokenError> {
        let (mut header, parts) = Parts::of(token)?;
        let key = header.remove(JWK).ok_or(TokenError::BadHeader)?;
        if KEY_MEMBERS.iter().any(|name| header.contains_key(*name)) {
            return Err(TokenError::OwnKey);
        }
        Ok((parts.read(&header)?, key))
    }

    /// The token as it came.
    pub const fn compact(&self) -> &'t str {
        self.token
    }

    /// The JOSE header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes that are signed (RFC 7515 §5.2).
    pub const fn signing_input(&self) -> &'t str {
        self.signing_input
    }

    /// The signature in JOSE's form.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The issuer that the token claims to come from.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// The payload, of which nothing is proven.
    pub(crate) const fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The payload. For [`super::verify`] only: it hands it out as evidence once it is proven.
    pub(super) fn into_claims(self) -> Map<String, Value> {
        self.claims
    }
}

/// The payload of a token of which nothing is proven, and nothing else is looked at.
pub(super) fn unverified_claims(token: &[u8]) -> Result<Map<String, Value>, TokenError> {
    let token = std::str::from_utf8(token).map_err(|_| TokenError::NotText)?;
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(payload), Some(_), None) => object(payload),
        _ => Err(TokenError::NotThreeParts),
    }
}

/// A token split at its dots.
struct Parts<'t> {
    token: &'t str,
    payload: &'t str,
    signature: &'t str,
    signing_input: &'t str,
}

impl<'t> Parts<'t> {
    /// The header's members, and the parts that are not read yet.
    fn of(token: &'t str) -> Result<(Map<String, Value>, Self), TokenError> {
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::NotThreeParts);
        };
        let signing_input = token
            .strip_suffix(signature)
            .and_then(|rest| rest.strip_suffix('.'))
            .ok_or(TokenError::NotThreeParts)?;
        Ok((object(header)?, Self { token, payload, signature, signing_input }))
    }

    fn read(self, header: &Map<String, Value>) -> Result<UnverifiedToken<'t>, TokenError> {
        let header = read_header(header)?;
        let claims = object(self.payload)?;
        check_types(&claims)?;
        let signature = decode(self.signature)?;
        let Self { token, signing_input, .. } = self;
        Ok(UnverifiedToken { token, header, signing_input, claims, signature })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::NotBase64Url)
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    match json::parse(&decode(part)?) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(TokenError::NotJsonObject),
    }
}

/// The types of the registered claims (RFC 7519 §4.1), before any engine looks at them: one that
/// refuses them by itself would call the signature bad.
pub(super) fn check_types(claims: &Map<String, Value>) -> Result<(), TokenError> {
    for name in ["exp", "nbf", "iat"] {
        if claims.get(name).is_some_and(|date| Timestamp::from_numeric_date(date).is_none()) {
            return Err(TokenError::BadDate(name));
        }
    }
    for name in ["iss", "sub", "jti", "nonce"] {
        if claims.get(name).is_some_and(|text| !text.is_string()) {
            return Err(TokenError::BadClaim(name));
        }
    }
    let aud_fits = |aud: &Value| match aud {
        Value::Array(list) => list.iter().all(Value::is_string),
        aud => aud.is_string(),
    };
    if claims.get("aud").is_some_and(|aud| !aud_fits(aud)) {
        return Err(TokenError::BadClaim("aud"));
    }
    Ok(())
}

fn read_header(members: &Map<String, Value>) -> Result<Header, TokenError> {
    // No extension is understood, so whatever is critical is unknown (RFC 7515 §4.1.11).
    if members.contains_key("crit") {
        return Err(TokenError::CriticalExtension);
    }
    let optional = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::BadHeader),
    };
    // Not used, but no engine may be the first to see a wrong type (RFC 7515 §4.1).
    for name in ["cty", "x5t", "x5t#S256"] {
        optional(name)?;
    }
    let is_list = |chain: &Value| chain.as_array().is_some_and(|c| c.iter().all(Value::is_string));
    if members.get("x5c").is_some_and(|chain| !is_list(chain)) {
        return Err(TokenError::BadHeader);
    }
    let algorithm = members
        .get("alg")
        .and_then(Value::as_str)
        .and_then(Algorithm::from_name)
        .ok_or(TokenError::AlgorithmNotAllowed)?;
    Ok(Header { algorithm, kid: optional("kid")?, typ: optional("typ")? })
}
