//! Reading keys, and choosing the ones for a token.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The key with some members set, or taken out where the value is null.
fn with(key: &str, members: Value) -> Value {
    let mut key = parse(key);
    let Value::Object(members) = members else { panic!("members are an object") };
    for (name, value) in members {
        match value {
            Value::Null => key.as_object_mut().unwrap().remove(&name),
            value => key.as_object_mut().unwrap().insert(name, value),
        };
    }
    key
}

const RSA_ALGORITHMS: &str = "RS256, RS384, RS512, PS256, PS384, PS512";

#[test]
fn a_key_serves_what_its_type_allows_or_the_algorithm_that_it_names() {
    for (key, members, expected) in [
        (rfc::RSA, json!({}), RSA_ALGORITHMS),
        (rfc::RSA, json!({"alg": "PS384"}), "PS384"),
        (rfc::RSA, json!({"use": "sig", "key_ops": ["verify"], "kid": "a"}), RSA_ALGORITHMS),
        (rfc::RSA, json!({"key_ops": ["sign", "verify"], "x5c": ["…"]}), RSA_ALGORITHMS),
        (rfc::P256, json!({}), "ES256"),
        (rfc::P256, json!({"alg": "ES256"}), "ES256"),
        (rfc::P521, json!({}), "ES512"),
        (rfc::ED25519, json!({}), "EdDSA"),
        (rfc::ED25519, json!({"alg": "EdDSA"}), "EdDSA"),
        (rfc::ED25519, json!({"alg": "Ed25519"}), "EdDSA"),
    ] {
        let key = with(key, members);
        let read = Jwk::from_json(&key).unwrap();
        assert_eq!(read.algorithms().to_string(), expected, "{key}");
        assert_eq!(read.kid(), key.get("kid").and_then(Value::as_str));
    }
}

/// A modulus of so many bits, all of them set.
fn modulus(bits: usize) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(vec![0xff; bits / 8])
}

#[test]
fn a_key_that_cannot_be_used_says_why() {
    use KeyProblem as P;
    const RSA: &str = "an RSA key of 2048 to 4096 bits with the exponent 65537";
    const EC: &str = "a point on the curve, each coordinate in full length";
    const ED: &str = "an Ed25519 public key of 32 bytes";
    let suited = |key| Jwk::from_json(&parse(key)).unwrap().algorithms();
    let wrong = |alg: &str, key| P::WrongAlgorithm(alg.to_owned(), suited(key));
    let rows = [
        (json!([]), P::NotAnObject),
        (json!("key"), P::NotAnObject),
        (json!({}), P::Member("kty")),
        (json!({"kty": 1}), P::Member("kty")),
        (json!({"kty": "rsa"}), P::UnknownType("rsa".into())),
        (json!({"kty": "oct"}), P::UnknownType("oct".into())),
        (json!({"kty": "oct", "k": "AAAA"}), P::Secret("k")),
        (with(rfc::RSA, json!({"d": "AAAA"})), P::Secret("d")),
        (with(rfc::RSA, json!({"p": "AAAA", "q": "AAAA"})), P::Secret("p")),
        (with(rfc::P256, json!({"d": 7})), P::Secret("d")),
        (with(rfc::RSA, json!({"use": "enc"})), P::NotForSignatures("enc".into())),
        (with(rfc::RSA, json!({"use": ["sig"]})), P::NotForSignatures(r#"["sig"]"#.into())),
        (with(rfc::RSA, json!({"key_ops": ["sign"]})), P::NotForVerification),
        (with(rfc::RSA, json!({"key_ops": []})), P::NotForVerification),
        (with(rfc::RSA, json!({"key_ops": "verify"})), P::NotForVerification),
        (with(rfc::RSA, json!({"kid": 7})), P::Member("kid")),
        (with(rfc::RSA, json!({"n": null})), P::Member("n")),
        (with(rfc::RSA, json!({"n": 5})), P::Member("n")),
        (with(rfc::RSA, json!({"e": null})), P::Member("e")),
        (with(rfc::RSA, json!({"e": "AQAB="})), P::NotBase64Url("e")),
        (with(rfc::RSA, json!({"e": "AQ+B"})), P::NotBase64Url("e")),
        (with(rfc::RSA, json!({"e": " AQAB"})), P::NotBase64Url("e")),
        // The last character has bits that belong to no byte.
        (
            with(rfc::P256, json!({"x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV"})),
            P::NotBase64Url("x"),
        ),
        (with(rfc::RSA, json!({"e": "Aw"})), P::BadMaterial(RSA)),
        (with(rfc::RSA, json!({"e": ""})), P::BadMaterial(RSA)),
        (with(rfc::RSA, json!({"n": ""})), P::BadMaterial(RSA)),
        (with(rfc::RSA, json!({"n": modulus(1024)})), P::BadMaterial(RSA)),
        (with(rfc::RSA, json!({"n": modulus(2040)})), P::BadMaterial(RSA)),
        (with(rfc::RSA, json!({"n": modulus(4104)})), P::BadMaterial(RSA)),
        (with(rfc::RSA, json!({"n": modulus(65536)})), P::BadMaterial(RSA)),
        (with(rfc::RSA, json!({"alg": "ES256"})), wrong("ES256", rfc::RSA)),
        (with(rfc::RSA, json!({"alg": "none"})), wrong("none", rfc::RSA)),
        (with(rfc::RSA, json!({"alg": "HS256"})), wrong("HS256", rfc::RSA)),
        (with(rfc::RSA, json!({"alg": "RSA-OAEP"})), wrong("RSA-OAEP", rfc::RSA)),
        (with(rfc::RSA, json!({"alg": 256})), wrong("256", rfc::RSA)),
        (with(rfc::P256, json!({"alg": "ES384"})), wrong("ES384", rfc::P256)),
        (with(rfc::P256, json!({"crv": null})), P::Member("crv")),
        (with(rfc::P256, json!({"crv": "p-256"})), P::UnknownCurve("p-256".into())),
        (with(rfc::P256, json!({"crv": "Ed25519"})), P::UnknownCurve("Ed25519".into())),
        (with(rfc::P256, json!({"crv": "P-384"})), P::BadMaterial(EC)),
        (with(rfc::P256, json!({"crv": "secp256k1"})), P::BadMaterial(EC)),
        (with(rfc::P256, json!({"y": null})), P::Member("y")),
        // The coordinates in each other's place.
        (
            with(rfc::P256, json!({"x": parse(rfc::P256)["y"], "y": parse(rfc::P256)["x"]})),
            P::BadMaterial(EC),
        ),
        (with(rfc::P256, json!({"x": "AAAA"})), P::BadMaterial(EC)),
        // One byte more, though it is zero.
        (
            with(rfc::P256, json!({"x": "AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF"})),
            P::BadMaterial(EC),
        ),
        (with(rfc::P521, json!({"x": "AAAA"})), P::BadMaterial(EC)),
        (with(rfc::ED25519, json!({"x": "AAAA"})), P::BadMaterial(ED)),
        (with(rfc::ED25519, json!({"crv": "X25519"})), P::UnknownCurve("X25519".into())),
        (with(rfc::ED25519, json!({"crv": "Ed448"})), P::UnknownCurve("Ed448".into())),
    ];
    for (key, expected) in rows {
        assert_eq!(Jwk::from_json(&key).map(|_| ()), Err(expected), "{key}");
    }
}

#[test]
fn a_key_names_the_same_point_in_every_form() {
    use base64::Engine as _;
    let decode =
        |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
    for (text, crv, oid) in [
        (rfc::P256, "P-256", &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07][..]),
        (rfc::P521, "P-521", &[0x2b, 0x81, 0x04, 0x00, 0x23]),
    ] {
        let json = parse(text);
        let key = Jwk::from_json(&json).unwrap();
        let point = [
            &[4],
            decode(json["x"].as_str().unwrap()).as_slice(),
            &decode(json["y"].as_str().unwrap()),
        ]
        .concat();
        assert!(matches!(key.material(), KeyMaterial::Ec(bytes) if **bytes == *point), "{crv}");
        assert!(key.spki().ends_with(&point), "{crv}");
        assert!(key.spki().windows(oid.len()).any(|part| part == oid), "{crv}");
    }
}

#[test]
fn a_modulus_with_a_leading_zero_byte_is_the_same_key() {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let plain = Jwk::from_json(&parse(rfc::RSA)).unwrap();
    let KeyMaterial::Rsa { n, .. } = plain.material() else { panic!("it is an RSA key") };
    let padded = base64.encode([&[0], &**n].concat());
    let padded = Jwk::from_json(&with(rfc::RSA, json!({"n": padded}))).unwrap();
    assert_eq!(padded.spki(), plain.spki());
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::from_jwks(&json!({"keys": keys})).unwrap().0
}

#[test]
fn the_keys_for_a_token_are_chosen_by_name_and_algorithm() {
    let keys = set(&[
        with(rfc::RSA, json!({})),
        with(rfc::RSA, json!({"kid": "a"})),
        with(rfc::RSA, json!({"kid": "b", "alg": "RS256"})),
        with(rfc::P256, json!({"kid": "b"})),
        with(rfc::RSA, json!({"kid": "a", "alg": "PS256"})),
        with(rfc::P256, json!({"kid": ""})),
    ]);
    let places = |kid, algorithm| {
        let chosen = keys.candidates(kid, algorithm);
        chosen
            .map(|key| keys.iter().position(|other| std::ptr::eq(key, other)).unwrap())
            .collect::<Vec<_>>()
    };
    for (kid, algorithm, expected) in [
        // A key that has the name comes before one without a name.
        (Some("a"), Algorithm::RS256, vec![1, 0]),
        (Some("a"), Algorithm::PS256, vec![1, 4, 0]),
        (Some("b"), Algorithm::RS256, vec![2, 0]),
        (Some("b"), Algorithm::RS384, vec![0]),
        (Some("b"), Algorithm::ES256, vec![3]),
        (Some("A"), Algorithm::RS256, vec![0]),
        (Some("c"), Algorithm::ES256, vec![]),
        (Some(""), Algorithm::ES256, vec![5]),
        (None, Algorithm::RS256, vec![0, 1, 2]),
        (None, Algorithm::ES256, vec![3, 5]),
        (None, Algorithm::EdDSA, vec![]),
    ] {
        assert_eq!(places(kid, algorithm), expected, "{kid:?} {algorithm}");
    }
}

#[test]
fn a_set_keeps_the_usable_keys_and_tells_of_the_others() {
    let document = json!({"keys": [
        {"kty": "unheard of"},
        parse(rfc::P256),
        with(rfc::RSA, json!({"use": "enc"})),
        parse(rfc::RSA),
    ], "issuer": "ignored"});
    let (keys, skipped) = KeySet::from_jwks(&document).unwrap();
    assert_eq!(keys.iter().count(), 2);
    assert_eq!(skipped.iter().map(|key| key.index).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn what_is_no_set_is_refused() {
    for document in
        [json!(null), json!([]), json!({}), json!({"keys": {}}), json!([parse(rfc::P256)])]
    {
        let problem = KeySet::from_jwks(&document).map(|_| ()).unwrap_err();
        assert_eq!(problem, KeySetProblem::NotAKeySet, "{document}");
    }
    let many = |count| KeySet::from_jwks(&json!({"keys": vec![json!(0); count]})).map(|_| ());
    assert_eq!(many(MAX_KEYS), Ok(()));
    assert_eq!(many(MAX_KEYS + 1), Err(KeySetProblem::TooManyKeys));
}

#[test]
fn algorithms_are_named_exactly_and_without_symmetric_ones() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        assert!(Algorithms::from_iter([algorithm]).contains(algorithm));
    }
    assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA));
    for name in ["none", "None", "", "HS256", "HS384", "HS512", "rs256", "RS1", "RS256 ", "Ed448"] {
        assert_eq!(Algorithm::from_name(name), None, "{name:?}");
    }
    assert_eq!(Algorithms::all().iter().count(), Algorithm::ALL.len());
    assert_eq!(Algorithms::default().to_string(), "");
}

proptest! {
    /// Members of any length and content give a key or a problem, and never a panic.
    #[test]
    fn any_members_give_a_key_or_a_problem(
        kty in prop_oneof!["RSA|EC|OKP", ".{0,4}"],
        crv in prop_oneof!["P-256|P-384|P-521|secp256k1|Ed25519", ".{0,4}"],
        bytes in proptest::collection::vec("[A-Za-z0-9_-]{0,90}", 4),
    ) {
        let key = json!({
            "kty": kty, "crv": crv, "n": bytes[0], "e": bytes[1], "x": bytes[2], "y": bytes[3],
        });
        let _ = Jwk::from_json(&key);
    }
}
