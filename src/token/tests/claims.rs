//! The registered claims of a token that is signed well.

use serde_json::{Value, json};

use super::signer::issuer;
use crate::time::Timestamp;
use crate::token::claims::Origin;
use crate::token::{AuthTimeProblem, Evidence, TokenError as E};
use std::time::Duration;

/// The time of the checks in seconds, and half a second more. The issuer's clock may be off by 30s.
const NOW: u64 = 1_700_000_000;

fn now() -> Timestamp {
    Timestamp::from_epoch(Duration::from_millis(NOW * 1000 + 500))
}

/// Checks good claims of which some are changed, or taken out where the value is null.
fn check(changes: Value) -> Result<Evidence, E> {
    let mut claims = json!({
        "iss": "https://id.example.com",
        "aud": "https://api.example.com",
        "exp": NOW + 300,
    });
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(&name),
            value => claims.as_object_mut().unwrap().insert(name, value),
        };
    }
    let Value::Object(claims) = claims else { panic!("claims are an object") };
    let key = serde_json::from_str(crate::keys::rfc::P256).unwrap();
    let key = crate::keys::Jwk::from_json(&key).unwrap().into();
    Evidence::new(issuer(&[]).into(), Origin::signature(key, 0), claims, now())
}

/// So many milliseconds after `now()`, as a claim.
fn after(milliseconds: i64) -> Value {
    let whole = i64::try_from(NOW * 1000 + 500).unwrap().checked_add(milliseconds).unwrap();
    serde_json::from_str(&format!("{}.{:03}", whole / 1000, whole % 1000)).unwrap()
}

#[test]
fn times_hold_to_the_millisecond_with_the_skew_allowed() {
    for (changes, expected) in [
        (json!({}), Ok(())),
        (json!({"exp": null}), Err(E::NoExpiry)),
        (json!({"exp": after(1)}), Ok(())),
        (json!({"exp": after(0)}), Ok(())),
        (json!({"exp": after(-29_999)}), Ok(())),
        // Expired means: at this time or later (RFC 7519 §4.1.4).
        (json!({"exp": after(-30_000)}), Err(E::Expired)),
        (json!({"exp": after(-30_001)}), Err(E::Expired)),
        (json!({"exp": 0}), Err(E::Expired)),
        (json!({"exp": 253_402_300_799_u64}), Ok(())),
        (json!({"exp": 253_402_300_800_u64}), Err(E::BadDate("exp"))),
        (json!({"exp": u64::MAX}), Err(E::BadDate("exp"))),
        (json!({"exp": 1e300}), Err(E::BadDate("exp"))),
        (json!({"exp": -1}), Err(E::BadDate("exp"))),
        (json!({"exp": "1800000000"}), Err(E::BadDate("exp"))),
        (json!({"nbf": after(0)}), Ok(())),
        (json!({"nbf": after(30_000)}), Ok(())),
        (json!({"nbf": after(30_001)}), Err(E::NotYetValid)),
        (json!({"nbf": 0}), Ok(())),
        (json!({"nbf": "0"}), Err(E::BadDate("nbf"))),
        (json!({"iat": after(30_000)}), Ok(())),
        (json!({"iat": after(30_001)}), Err(E::NotYetValid)),
        (json!({"iat": -1}), Err(E::BadDate("iat"))),
        (json!({"iat": 1e300}), Err(E::BadDate("iat"))),
    ] {
        assert_eq!(check(changes.clone()).map(|_| ()), expected, "{changes}");
    }
}

#[test]
fn one_audience_has_to_be_an_expected_one() {
    let wrong = Err(E::WrongAudience);
    for (aud, expected) in [
        (json!("https://api.example.com"), Ok(())),
        (json!("api"), Ok(())),
        (json!(["x", "api"]), Ok(())),
        (json!(["api", "api"]), Ok(())),
        (json!(null), wrong),
        (json!(""), wrong),
        (json!([]), wrong),
        (json!(["x"]), wrong),
        (json!("API"), wrong),
        (json!("https://api.example.com/"), wrong),
        (json!("x api"), wrong),
        (json!("https://api.example.com,api"), wrong),
    ] {
        assert_eq!(check(json!({"aud": aud})).map(|_| ()), expected, "{aud}");
    }
}

#[test]
fn an_id_token_gives_no_access() {
    for name in ["at_hash", "c_hash", "s_hash"] {
        assert_eq!(check(json!({name: "a"})).map(|_| ()), Err(E::IdToken), "{name}");
    }
    // What may stand in either kind of token.
    for name in ["nonce", "azp", "acr", "auth_time"] {
        assert!(check(json!({name: "a"})).is_ok(), "{name}");
    }
}

#[test]
fn a_token_of_another_purpose_gives_no_access() {
    for claims in [
        json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}),
        json!({"events": {}}),
        json!({"typ": "ID"}),
        json!({"typ": "Refresh"}),
        json!({"typ": "refresh"}),
        json!({"typ": "Offline"}),
        json!({"typ": "Logout"}),
        json!({"token_type": "refresh"}),
        json!({"token_use": "id"}),
        json!({"token_use": "refresh_token"}),
        json!({"token_usage": "Refresh_Token"}),
        json!({"token_use": ["access"]}),
    ] {
        let found = check(claims.clone()).map(|_| ());
        assert_eq!(found, Err(E::OtherPurpose), "{claims}");
    }
    for claims in [
        json!({"typ": "Bearer"}),
        json!({"typ": "DPoP"}),
        json!({"typ": 1}),
        json!({"token_type": "Bearer"}),
        json!({"token_type": "user"}),
        json!({"token_use": "access"}),
        json!({"token_usage": "Access_Token"}),
    ] {
        assert!(check(claims.clone()).is_ok(), "{claims}");
    }
}

#[test]
fn iat_never_stands_in_for_the_time_of_the_authentication() {
    for (claims, expected) in [
        (json!({"iat": NOW}), Err(AuthTimeProblem::Missing)),
        (json!({"iat": NOW, "updated_at": NOW}), Err(AuthTimeProblem::Missing)),
        (json!({"auth_time": NOW.to_string()}), Err(AuthTimeProblem::NotADate)),
        (json!({"auth_time": true}), Err(AuthTimeProblem::NotADate)),
        (json!({"auth_time": [NOW]}), Err(AuthTimeProblem::NotADate)),
        (json!({"auth_time": -1}), Err(AuthTimeProblem::NotADate)),
        (json!({"auth_time": 1e300}), Err(AuthTimeProblem::NotADate)),
        (json!({"auth_time": 253_402_300_800_u64}), Err(AuthTimeProblem::NotADate)),
        (json!({"auth_time": NOW}), Ok(Duration::from_secs(NOW))),
        (json!({"auth_time": 0}), Ok(Duration::ZERO)),
    ] {
        let found = check(claims.clone()).unwrap().auth_time().map(Timestamp::since_epoch);
        assert_eq!(found, expected, "{claims}");
    }
}

#[test]
fn scopes_stand_in_scope_or_else_in_scp() {
    for (claims, expected) in [
        (json!({"scope": "read write"}), true),
        (json!({"scope": "write"}), true),
        (json!({"scope": "a write b"}), true),
        (json!({"scope": ["read", "write"]}), true),
        (json!({"scp": "read write"}), true),
        (json!({"scp": ["write"]}), true),
        (json!({}), false),
        (json!({"scope": ""}), false),
        (json!({"scope": "writer over-write write:all WRITE"}), false),
        (json!({"scope": "read,write"}), false),
        (json!({"scope": "read\twrite"}), false),
        (json!({"scope": ["read write"]}), false),
        (json!({"scope": ["write", 1]}), false),
        (json!({"scope": {"write": true}}), false),
        (json!({"scope": true}), false),
        // Where scope is there, it alone counts.
        (json!({"scope": "read", "scp": ["write"]}), false),
    ] {
        assert_eq!(check(claims.clone()).unwrap().has_scope("write"), expected, "{claims}");
    }
}

#[test]
fn each_scope_counts_with_the_memory_of_its_own() {
    let memory = |scope: String| check(json!({"scope": scope})).unwrap().memory();
    let (one, many) = (memory("a".repeat(2000)), memory("a ".repeat(1000)));
    // A place in the list, and an allocation.
    assert!(many > one + 1000 * (size_of::<Box<str>>() + 8), "{many} {one}");
    assert!(memory(" ".repeat(2000)) <= one);
}
