//! Claims as people write them down, made into those of a token.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::duration;
use crate::policy::PolicySet;
use crate::time::Timestamp;
use crate::token::Issuer;

/// The time of the login, as an age: friendlier than a date.
const AUTH_AGE: &str = "auth_age";
/// How long such a token is good for, where nothing is said.
const LIFETIME: Duration = Duration::from_mins(5);

/// Claims for a token at a time. With `fill`, what every token has and these lack is filled in, from
/// the configuration: `iss`, `aud`, `iat` and `exp`. A null takes a claim out. Gives the names of
/// those that were filled in, too.
///
/// # Errors
/// A sentence about `auth_age`.
pub(in crate::cli) fn complete(
    claims: &Map<String, Value>,
    policies: &PolicySet,
    at: Timestamp,
    fill: bool,
) -> Result<(Map<String, Value>, Vec<&'static str>), String> {
    let mut claims = claims.clone();
    let named = claims.get("iss").and_then(Value::as_str);
    let issuer = match (named, claims.get("iss")) {
        (Some(name), _) => policies.issuers.named(name),
        (None, None) => policies.issuers.iter().next(),
        (None, Some(_)) => None,
    };
    let issuer = issuer.map(|issuer| &**issuer);
    if let Some(age) = claims.remove(AUTH_AGE) {
        let age = age.as_str().and_then(duration::parse).ok_or_else(|| {
            format!("auth_age: found {age}; expected how long ago the login was, such as 20m")
        })?;
        let claim = issuer.map_or("auth_time", |issuer| &*issuer.auth_time_claim);
        if claims.contains_key(claim) {
            return Err(format!("auth_age and {claim} stand together; expected one of them"));
        }
        claims.insert(claim.to_owned(), seconds(at.minus(age)));
    }
    let mut filled = Vec::new();
    if fill {
        for (name, value) in defaults(issuer, at) {
            if !claims.contains_key(name) {
                claims.insert(name.to_owned(), value);
                filled.push(name);
            }
        }
    }
    claims.retain(|_, value| !value.is_null());
    Ok((claims, filled))
}

fn defaults(issuer: Option<&Issuer>, at: Timestamp) -> Vec<(&'static str, Value)> {
    let mut defaults = Vec::new();
    if let Some(issuer) = issuer {
        defaults.push(("iss", json!(issuer.name)));
        if let Some(audience) = issuer.audiences.first() {
            defaults.push(("aud", json!(audience)));
        }
    }
    defaults.push(("iat", seconds(at)));
    defaults.push(("exp", seconds(at.plus(LIFETIME))));
    defaults
}

fn seconds(time: Timestamp) -> Value {
    Value::from(time.since_epoch().as_secs())
}
