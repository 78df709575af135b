//! What a token is for. One that is good, and made for something else, gives no access.

use serde_json::{Map, Value};

use super::TokenError;

/// Claims that only ID tokens carry (OIDC Core §3.1.3.6, §3.3.2.11; `s_hash`: FAPI 1.0). An ID token
/// tells a client who logged in; it gives no access (RFC 9068 §5).
pub(super) const ID_TOKEN_CLAIMS: [&str; 3] = ["at_hash", "c_hash", "s_hash"];

/// Claims that say what a token is for.
pub(super) const PURPOSE_CLAIMS: [&str; 5] =
    ["events", "typ", "token_type", "token_use", "token_usage"];

/// Keycloak signs tokens of every kind with one key, and says in `typ` which kind it is; others say
/// it in `token_type`.
const OTHER_KINDS: [&str; 7] =
    ["id", "id_token", "refresh", "refresh_token", "offline", "logout", "logout_token"];

/// Where others say the same, and what they call an access token there: `token_use` of Amazon
/// Cognito and Ory Hydra, `token_usage` of .NET's servers.
const USES: [&str; 2] = ["token_use", "token_usage"];
const ACCESS: [&str; 2] = ["access", "access_token"];

/// The `token_type` of an access token in an answer of an authorization server (RFC 7662 §2.2,
/// RFC 6749 §7.1); some servers tell its kind there.
const ACCESS_TYPES: [&str; 4] = ["bearer", "dpop", "access", "access_token"];

/// Whether a claim is one of these names, in any case.
fn is_one_of(claim: &Value, names: &[&str]) -> bool {
    claim.as_str().is_some_and(|text| names.iter().any(|name| text.eq_ignore_ascii_case(name)))
}

/// Checks that the claims of a token, or what is stated about one, do not say that it is an ID
/// token, a security event token (RFC 8417 §2.2) such as a logout token (OIDC Back-Channel Logout
/// §2.4), or of another kind that gives no access.
pub(super) fn check(claims: &Map<String, Value>) -> Result<(), TokenError> {
    if ID_TOKEN_CLAIMS.iter().any(|name| claims.contains_key(*name)) {
        return Err(TokenError::IdToken);
    }
    let is_other_kind = |name| claims.get(name).is_some_and(|kind| is_one_of(kind, &OTHER_KINDS));
    let is_other_use =
        |name: &&str| claims.get(*name).is_some_and(|usage| !is_one_of(usage, &ACCESS));
    if claims.contains_key("events")
        || ["typ", "token_type"].into_iter().any(is_other_kind)
        || USES.iter().any(is_other_use)
    {
        return Err(TokenError::OtherPurpose);
    }
    Ok(())
}

/// Checks the `token_type` that an authorization server states, which knows the refresh tokens that
/// it issued as well. It need not state one.
pub(super) fn check_stated_type(claims: &Map<String, Value>) -> Result<(), TokenError> {
    match claims.get("token_type") {
        Some(stated) if !is_one_of(stated, &ACCESS_TYPES) => Err(TokenError::OtherPurpose),
        _ => Ok(()),
    }
}
