//! What is measured: configurations of a size, and tokens of the usual length.

use serde_json::{Value, json};

use super::tokens::jwks;
use super::{Claims, SigningKey, claims};

/// A configuration with this many rules of all common kinds. The last one matches `/accounts`.
pub fn rules(issuer: &Value, count: usize) -> Value {
    let mut rules = vec![
        json!({"match": {"path": "/healthz"}, "policy": "open"}),
        json!({
            "match": {"path_template": "/accounts/{id}/transfers", "methods": ["POST"]},
            "policy": "pay",
        }),
    ];
    rules.extend((0..count.saturating_sub(3)).map(|index| match index % 4 {
        0 => json!({"match": {"path": format!("/service-{index}/health")}, "policy": "open"}),
        1 => json!({
            "match": {"path_separated_prefix": format!("/service-{index}/admin")}, "policy": "pay",
        }),
        2 => json!({
            "match": {
                "path_template": format!("/service-{index}/accounts/{{id}}/transfers"),
                "methods": ["POST"],
            },
            "policy": "pay",
        }),
        _ => json!({
            "match": {"prefix": format!("/service-{index}/"), "methods": ["PUT", "DELETE"]},
            "policy": "change",
        }),
    }));
    rules.push(json!({"match": {"path_separated_prefix": "/accounts"}, "policy": "read"}));
    assert_eq!(rules.len(), count, "as many rules as asked for");
    configuration(std::slice::from_ref(issuer), &rules)
}

/// A configuration with these issuers and rules.
pub fn configuration(issuers: &[Value], rules: &[Value]) -> Value {
    json!({
        "levels": [
            {"name": "password", "proven_by": [{"acr": ["1", "urn:example:pwd"]}]},
            {"name": "mfa", "proven_by": [{"acr": ["2"]}, {"amr": ["pwd", "otp"]}]},
            {"name": "phishing-resistant", "proven_by": [{"acr": ["phr", "phrh"]}]},
        ],
        "issuers": issuers,
        "policies": {
            "open": {"public": true},
            "read": {"require": [{"level": "password"}]},
            "change": {"require": [{"level": "mfa", "max_age": "8h"}]},
            "pay": {
                "require": [
                    {"level": "phishing-resistant", "max_age": "15m"},
                    {"level": "mfa", "max_age": "2m"},
                ],
                "scopes": ["payments"],
            },
        },
        "rules": rules,
        "default": "read",
    })
}

/// An issuer with these keys.
pub fn issuer<'keys>(name: &str, keys: impl IntoIterator<Item = &'keys SigningKey>) -> Value {
    json!({
        "issuer": name,
        "audiences": ["https://api.example.com"],
        "keys": {"inline": jwks(keys)},
    })
}

/// The claims of an access token as identity providers write them, for one user of many.
pub fn access_token(now: u64, user: usize) -> Claims {
    claims(now)
        .subject(&format!("248289761001-{user:04}"))
        .set("client_id", "mobile-banking")
        .set("jti", format!("0fe9c1a4-7d5b-4c9e-8a60-5a3c1d2e{user:04}"))
        .set("sid", "c2Vzc2lvbi0yNDgyODk3NjEwMDE")
        .acr("2")
        .amr(&["pwd", "otp"])
        .auth_time_ago(120)
        .scope("openid profile accounts payments")
}
