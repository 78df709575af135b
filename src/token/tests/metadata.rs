//! Claims that an earlier filter verified.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::signer::issuer;
use crate::host::memory::MemoryHost;
use crate::host::value;
use crate::keys::{KeySource, VerifiedBy};
use crate::request::Headers;
use crate::time::Timestamp;
use crate::token::{EarlierFilters, Issuer, Issuers, TokenError as E};

const NOW: u64 = 1_700_000_000;

fn verified_by(name: &str, key: &str) -> Issuer {
    let keys = VerifiedBy { namespace: "envoy.filters.http.jwt_authn".into(), key: key.into() };
    Issuer { name: name.into(), keys: KeySource::VerifiedBy(keys), ..issuer(&[]) }
}

fn claims() -> Value {
    json!({"iss": "https://id.example.com", "aud": "api", "exp": NOW + 60})
}

/// The bytes of a value as Envoy hands them out; `None` for what it cannot.
fn written(value: &Value) -> Option<Vec<u8>> {
    let pairs = match value {
        Value::Null => return None,
        Value::Bool(value) => return Some(vec![u8::from(*value)]),
        Value::Number(value) => return Some(value.as_f64()?.to_le_bytes().to_vec()),
        Value::String(value) => return Some(value.clone().into_bytes()),
        Value::Array(items) => {
            let pairs = items.iter().map(|item| Some((written(item)?, Vec::new())));
            pairs.collect::<Option<Vec<_>>>()?
        }
        Value::Object(members) => {
            let pair = |(name, member): (&String, &Value)| {
                Some((name.clone().into_bytes(), written(member)?))
            };
            members.iter().map(pair).collect::<Option<Vec<_>>>()?
        }
    };
    Some(value::write_pairs(pairs))
}

/// A host with these claims as metadata.
fn host(key: &str, claims: &Value) -> MemoryHost {
    let mut host = MemoryHost::new(Headers::default());
    host.now = Timestamp::from_epoch(Duration::from_secs(NOW));
    let root = format!("metadata.filter_metadata.envoy.filters.http.jwt_authn.{key}");
    host.properties.insert(root.clone(), written(claims));
    write_parts(&mut host, &root, claims);
    host
}

fn write_parts(host: &mut MemoryHost, root: &str, value: &Value) {
    let named = value.as_object().into_iter().flatten().map(|(name, v)| (name.clone(), v));
    let listed = value.as_array().into_iter().flatten().enumerate();
    for (name, value) in named.chain(listed.map(|(index, v)| (index.to_string(), v))) {
        let path = format!("{root}.{name}");
        host.properties.insert(path.clone(), written(value));
        write_parts(host, &path, value);
    }
}

/// What the claims come to: `None` for no evidence and no error.
fn check(issuers: Vec<Issuer>, host: &MemoryHost) -> Option<Result<String, E>> {
    let earlier = EarlierFilters::new(&Issuers::new(issuers), ["acrs", "scope"].into_iter());
    let evidence = earlier.evidence(None, host)?;
    Some(evidence.map(|evidence| evidence.issuer().name.to_string()))
}

#[test]
fn claims_of_the_issuer_are_evidence() {
    let id = "https://id.example.com";
    let one = || vec![verified_by(id, "payload")];
    let good = Some(Ok(id.to_owned()));
    assert_eq!(check(one(), &host("payload", &claims())), good);
    assert_eq!(check(one(), &host("other", &claims())), None);
    assert_eq!(check(one(), &MemoryHost::new(Headers::default())), None);
    // Only for issuers that leave it to an earlier filter.
    let itself = Issuer { name: id.into(), ..issuer(&[]) };
    assert_eq!(check(vec![itself], &host("payload", &claims())), None);
    // Several issuers, with one place or several.
    let other = |key| verified_by("https://other.example.com", key);
    for issuers in [
        vec![verified_by(id, "payload"), other("payload")],
        vec![other("payload"), verified_by(id, "payload")],
        vec![other("other"), verified_by(id, "payload")],
    ] {
        assert_eq!(check(issuers, &host("payload", &claims())), good);
    }
    assert_eq!(check(vec![other("payload")], &host("payload", &claims())), None);
    assert_eq!(
        check(vec![other("payload"), verified_by(id, "x")], &host("payload", &claims())),
        None
    );
}

#[test]
fn the_registered_claims_are_looked_at_again() {
    for (claim, value, expected) in [
        ("exp", json!(NOW - 31), Some(E::Expired)),
        ("exp", json!("1800000000"), Some(E::BadDate("exp"))),
        ("exp", json!("18000000"), Some(E::BadDate("exp"))),
        ("exp", json!(null), Some(E::BadDate("exp"))),
        ("exp", json!([NOW]), Some(E::BadDate("exp"))),
        ("nbf", json!(0), None),
        ("nbf", json!(NOW + 31), Some(E::NotYetValid)),
        ("iat", json!(NOW + 31), Some(E::NotYetValid)),
        ("iat", json!(true), Some(E::BadDate("iat"))),
        ("aud", json!("x"), Some(E::WrongAudience)),
        ("aud", json!([]), Some(E::BadClaim("aud"))),
        ("aud", json!(["x", "api"]), None),
        ("aud", json!(["x", "api", 1]), Some(E::BadClaim("aud"))),
        ("aud", json!(["api", null]), Some(E::BadClaim("aud"))),
        ("aud", json!({"api": ""}), Some(E::BadClaim("aud"))),
        ("aud", json!(1), Some(E::BadClaim("aud"))),
        ("sub", json!(null), Some(E::BadClaim("sub"))),
        ("sub", json!(1), Some(E::BadClaim("sub"))),
        ("sub", json!(["alice"]), Some(E::BadClaim("sub"))),
        ("c_hash", json!("x"), Some(E::IdToken)),
        ("c_hash", json!(null), Some(E::IdToken)),
        ("nothing_that_matters", json!({"a": [null]}), None),
    ] {
        let mut claims = claims();
        claims[claim] = value.clone();
        let found = check(
            vec![verified_by("https://id.example.com", "payload")],
            &host("payload", &claims),
        );
        assert_eq!(found.unwrap().err(), expected, "{claim} {value}");
    }
    // What the issuer is cannot be told: no evidence, and no token.
    for iss in [json!(null), json!(1), json!(["https://id.example.com"]), json!("")] {
        let mut claims = claims();
        claims["iss"] = iss.clone();
        let issuers = vec![verified_by("https://id.example.com", "payload")];
        assert_eq!(check(issuers, &host("payload", &claims)), None, "{iss}");
    }
}

#[test]
fn without_audiences_and_without_an_end_the_earlier_filter_is_trusted() {
    let open = || Issuer { audiences: Vec::new(), ..verified_by("https://id.example.com", "p") };
    for claims in [
        json!({"iss": "https://id.example.com"}),
        json!({"iss": "https://id.example.com", "aud": "x"}),
    ] {
        assert!(check(vec![open()], &host("p", &claims)).unwrap().is_ok(), "{claims}");
    }
    let expired = json!({"iss": "https://id.example.com", "exp": NOW - 61});
    assert_eq!(check(vec![open()], &host("p", &expired)), Some(Err(E::Expired)));
}

#[test]
fn claims_are_read_as_what_they_are_or_as_null() {
    let claims = json!({
        "iss": "https://id.example.com", "aud": "api", "exp": NOW + 60,
        "acr": 1, "amr": ["pwd", "otp"], "scope": {"a": ""}, "scp": ["", "a"], "acrs": "c1",
        "auth_time": f64::from(1_699_999_999) + 0.5,
        "cnf": {"jkt": "thumb", "x5t#S256": "cert", "kid": 1},
    });
    let issuers = Issuers::new(vec![verified_by("https://id.example.com", "payload")]);
    let earlier = EarlierFilters::new(&issuers, ["acrs"].into_iter());
    let evidence = earlier.evidence(None, &host("payload", &claims)).unwrap().unwrap();
    for (claim, expected) in [
        ("acr", Some(json!(null))),
        ("amr", Some(json!(["pwd", "otp"]))),
        ("scope", Some(json!(null))),
        // Its first item cannot be told from none.
        ("scp", Some(json!(null))),
        ("acrs", Some(json!("c1"))),
        ("auth_time", Some(json!(f64::from(1_699_999_999) + 0.5))),
        ("cnf", Some(json!({"jkt": "thumb", "x5t#S256": "cert", "kid": null}))),
        ("sub", None),
    ] {
        assert_eq!(evidence.claim(claim), expected.as_ref(), "{claim}");
    }
    for cnf in [json!(null), json!("thumb"), json!({"jkt": null})] {
        let mut claims = claims.clone();
        claims["cnf"] = cnf.clone();
        let evidence = earlier.evidence(None, &host("payload", &claims)).unwrap().unwrap();
        assert_eq!(evidence.claim("cnf"), Some(&Value::Null), "{cnf}");
    }
}

/// A token with this payload, signed by nobody.
fn token(payload: &Value) -> String {
    format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(payload.to_string()))
}

#[test]
fn a_token_that_is_shown_has_to_be_the_one_that_was_verified() {
    let issuers = Issuers::new(vec![verified_by("https://id.example.com", "payload")]);
    let earlier = EarlierFilters::new(&issuers, ["acrs"].into_iter());
    let mut full = claims();
    for (claim, value) in [
        ("sub", json!("alice")),
        ("acr", json!("1")),
        ("amr", json!(["pwd", "otp"])),
        ("auth_time", json!(f64::from(1_699_999_999) + 0.123_456_7)),
        ("scope", json!("read  pay")),
        ("roles", json!([{"name": "user", "of": ["a", "b"], "n": 1}])),
        ("verified", json!(true)),
        ("empty", json!("")),
        ("id", json!(-5)),
    ] {
        full[claim] = value;
    }
    let mut with_null = full.clone();
    with_null["nothing"] = json!({"a": [null]});
    let refused = Some(Some(E::NotWhatWasVerified));
    let check = |host: &MemoryHost, token: &str| {
        earlier.evidence(Some(token.as_bytes()), host).map(Result::err)
    };
    for payload in [&claims(), &full, &with_null] {
        let mut host = host("payload", payload);
        assert_eq!(check(&host, &token(payload)), Some(None), "{payload}");
        for (claim, value) in [
            ("iss", json!("https://other.example.com")),
            ("sub", json!("bob")),
            ("aud", json!(["api"])),
            ("exp", json!(NOW + 61)),
            ("exp", json!((NOW + 60).to_string())),
            ("acr", json!("phr")),
            ("amr", json!(["pwd"])),
            ("amr", json!(["otp", "pwd"])),
            ("auth_time", json!(NOW)),
            ("scope", json!("read pay admin")),
            ("roles", json!([{"name": "user", "of": ["a", "b"], "n": 2}])),
            ("roles", json!([{"name": "user", "of": ["a", "b"], "n": null}])),
            ("verified", json!(false)),
            ("id", json!(-6)),
            ("email", json!("admin@example.com")),
            ("nothing", json!({"a": [1]})),
        ] {
            let mut other = payload.clone();
            other[claim] = value;
            assert_eq!(check(&host, &token(&other)), refused, "{claim} in {other}");
        }
        for claim in ["iss", "aud", "exp"] {
            let mut other = payload.clone();
            other.as_object_mut().unwrap().remove(claim);
            assert_eq!(check(&host, &token(&other)), refused, "without {claim}");
        }
        let good = token(payload);
        for no_token in ["", "opaque", "e30.e30", "e30.e30.e30.e30", "a.b.c", &format!("{good}.")] {
            assert_eq!(check(&host, no_token), refused, "{no_token}");
        }
        // As Istio splits it.
        if payload.get("scope").is_some() {
            let mut split = payload.clone();
            split["scope"] = json!(["read", "pay"]);
            host = self::host("payload", &split);
            assert_eq!(check(&host, &good), Some(None));
        }
    }
}

#[test]
fn a_null_in_a_token_lets_no_other_claim_differ() {
    let issuers = Issuers::new(vec![verified_by("https://id.example.com", "payload")]);
    let earlier = EarlierFilters::new(&issuers, ["acrs"].into_iter());
    let mut verified = claims();
    verified["groups"] = json!(null);
    verified["realm_access"] = json!({"roles": ["user"], "note": null});
    let host = host("payload", &verified);
    let outcome = |shown: &Value| {
        earlier.evidence(Some(token(shown).as_bytes()), &host).map(|evidence| evidence.is_ok())
    };
    assert_eq!(outcome(&verified), Some(true));
    for (name, value) in [
        ("groups", json!(["admins", null])),
        ("x\0y", json!("")),
        ("realm_access\u{0}roles\u{0}0", json!("user")),
        ("realm_access", json!({"roles": ["admin"], "x": null})),
        ("realm_access", json!({"roles": ["user", "admin"], "note": null})),
    ] {
        let mut shown = verified.clone();
        shown[name] = value;
        assert_eq!(outcome(&shown), Some(false), "{shown}");
    }
}
