//! From bytes to evidence: issuer, type, algorithm, key and signature.

use std::time::Duration;

use serde_json::{Value, json};

use super::signer::{Signer, base64, issuer};
use super::verify;
use crate::host::memory::MemoryHost;
use crate::keys::{Algorithm, Algorithms};
use crate::request::Headers;
use crate::time::Timestamp;
use crate::token::{Engine, Issuer, Issuers, SignatureEngines, TokenError as E};

const NOW: u64 = 1_700_000_000;
const MAX_LENGTH: usize = 4096;

fn check_at(token: &[u8], issuer: Issuer, now: u64) -> Result<Engine, E> {
    let mut host = MemoryHost::new(Headers::default());
    host.now = Timestamp::from_epoch(Duration::from_secs(now));
    let engines = SignatureEngines::default();
    verify(token, MAX_LENGTH, &Issuers::new(vec![issuer]), engines, &host).map(|(_, engine)| engine)
}

fn check(token: &str, issuer: Issuer) -> Result<Engine, E> {
    check_at(token.as_bytes(), issuer, NOW)
}

fn claims() -> Value {
    json!({"iss": "https://id.example.com", "aud": "api", "exp": NOW + 60})
}

const GOOD: Result<Engine, E> = Ok(Engine::JwtSimple);

/// A key with some members more.
fn with(mut jwk: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

#[test]
fn the_tokens_of_rfc_7515_verify() {
    use crate::keys::rfc;
    for (token, key) in [(rfc::RS256_TOKEN, rfc::RSA), (rfc::ES256_TOKEN, rfc::P256)] {
        let joe = || Issuer { name: "joe".into(), ..issuer(&[serde_json::from_str(key).unwrap()]) };
        // They state no audience, so that the signature is as far as they come.
        assert_eq!(check_at(token.as_bytes(), joe(), 1_300_819_379), Err(E::WrongAudience));
        assert_eq!(check_at(token.as_bytes(), joe(), 1_300_819_410), Err(E::Expired));
        let (input, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{input}.{first}{}", signature.get(1..).unwrap());
        assert_eq!(check_at(forged.as_bytes(), joe(), 1_300_819_379), Err(E::BadSignature));
    }
}

#[test]
fn the_signature_of_rfc_8037_is_by_the_key_as_it_was_read() {
    use crate::keys::{Jwk, KeyMaterial, rfc};
    use base64::Engine as _;
    let key = Jwk::from_json(&serde_json::from_str(rfc::ED25519).unwrap()).unwrap();
    let KeyMaterial::Ed25519(bytes) = key.material() else { panic!("it is an Ed25519 key") };
    let (input, signature) = rfc::EDDSA_JWS.rsplit_once('.').unwrap();
    let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = ed25519_compact::PublicKey::from_slice(bytes).unwrap();
    let signature = ed25519_compact::Signature::from_slice(&signature).unwrap();
    assert!(key.verify(input, &signature).is_ok());
}

#[test]
fn each_algorithm_tells_a_good_signature_from_a_forged_one() {
    for signer in [Signer::es256(1), Signer::ed25519(), Signer::Rs256, Signer::Ps256] {
        let name = signer.algorithm();
        let token = signer.token_with(&claims());
        assert_eq!(check(&token, issuer(&[signer.jwk()])), GOOD, "{name}");
        let (input, signature) = token.rsplit_once('.').unwrap();
        let mut claims = claims();
        claims["acr"] = json!("phr");
        let other = signer.token_with(&claims);
        let (other, _) = other.rsplit_once('.').unwrap();
        for forged in [
            format!("{other}.{signature}"),
            format!("{input}."),
            format!("{input}.{}", base64(&[0; 64])),
            format!("{input}.{signature}AAAA"),
            format!("{input}.{}", base64(&vec![0; 256])),
        ] {
            assert_eq!(check(&forged, issuer(&[signer.jwk()])), Err(E::BadSignature), "{name}");
        }
    }
    let es512 = Signer::es512();
    let token = es512.token_with(&claims());
    assert_eq!(check(&token, issuer(&[es512.jwk()])), Err(E::NoEngine));
}

#[test]
fn hmac_with_the_public_key_is_refused_as_an_algorithm() {
    let public = Signer::Rs256.jwk();
    let input =
        format!("{}.{}", base64(br#"{"alg":"HS256"}"#), base64(claims().to_string().as_bytes()));
    let mac = hmac_sha256::HMAC::mac(input.as_bytes(), public["n"].as_str().unwrap().as_bytes());
    let token = format!("{input}.{}", base64(&mac));
    assert_eq!(check(&token, issuer(&[public])), Err(E::AlgorithmNotAllowed));
}

#[test]
fn the_issuer_is_compared_exactly() {
    let signer = Signer::es256(1);
    for (iss, expected) in [
        (json!("https://id.example.com"), GOOD),
        (json!("https://id.example.com/"), Err(E::UnknownIssuer)),
        (json!("HTTPS://id.example.com"), Err(E::UnknownIssuer)),
        (json!("https://evil.example.com"), Err(E::UnknownIssuer)),
        (json!(""), Err(E::UnknownIssuer)),
        (json!(1), Err(E::BadClaim("iss"))),
        (json!(["https://id.example.com"]), Err(E::BadClaim("iss"))),
    ] {
        let mut claims = claims();
        claims["iss"] = iss.clone();
        assert_eq!(check(&signer.token_with(&claims), issuer(&[signer.jwk()])), expected, "{iss}");
    }
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("iss");
    let token = signer.token_with(&claims);
    assert_eq!(check(&token, issuer(&[signer.jwk()])), Err(E::UnknownIssuer));
}

#[test]
fn the_key_of_one_issuer_signs_nothing_for_another() {
    let (ours, theirs) = (Signer::es256(1), Signer::es256(2));
    let issuers = Issuers::new(vec![
        issuer(&[ours.jwk()]),
        Issuer { name: "https://other.example.com".into(), ..issuer(&[theirs.jwk()]) },
    ]);
    let mut host = MemoryHost::new(Headers::default());
    host.now = Timestamp::from_epoch(Duration::from_secs(NOW));
    let token = theirs.token_with(&claims());
    let outcome =
        verify(token.as_bytes(), MAX_LENGTH, &issuers, SignatureEngines::default(), &host);
    assert_eq!(outcome.map(|_| ()), Err(E::BadSignature));
}

#[test]
fn the_type_is_one_that_the_issuer_gives() {
    let signer = Signer::es256(1);
    for (typ, expected) in [
        (Some("at+jwt"), GOOD),
        (Some("AT+JWT"), GOOD),
        (Some("application/at+jwt"), GOOD),
        (Some("Application/AT+JWT"), GOOD),
        (Some("JWT"), GOOD),
        (Some("jwt"), GOOD),
        (None, GOOD),
        (Some(""), Err(E::WrongType)),
        (Some("dpop+jwt"), Err(E::WrongType)),
        (Some("logout+jwt"), Err(E::WrongType)),
        (Some("at+jwt "), Err(E::WrongType)),
        (Some("application/at+jwt; charset=utf-8"), Err(E::WrongType)),
        (Some("application/application/at+jwt"), Err(E::WrongType)),
        (Some("text/at+jwt"), Err(E::WrongType)),
    ] {
        let mut header = json!({"alg": "ES256"});
        if let Some(typ) = typ {
            header["typ"] = json!(typ);
        }
        let token = signer.token(header.to_string().as_bytes(), claims().to_string().as_bytes());
        assert_eq!(check(&token, issuer(&[signer.jwk()])), expected, "{typ:?}");
    }
    // Where only access tokens are accepted, a token without a type is not one.
    let strict = || Issuer { token_types: vec!["at+jwt".into()], ..issuer(&[signer.jwk()]) };
    assert_eq!(check(&signer.token_with(&claims()), strict()), Err(E::WrongType));
    let token = signer.token(br#"{"alg":"ES256","typ":"at+jwt"}"#, claims().to_string().as_bytes());
    assert_eq!(check(&token, strict()), GOOD);
}

#[test]
fn the_algorithm_comes_from_the_key_and_the_issuer() {
    let rsa = Signer::Rs256;
    let only = |algorithm| Issuer {
        algorithms: Algorithms::from_iter([algorithm]),
        ..issuer(&[rsa.jwk()])
    };
    let token = rsa.token_with(&claims());
    assert_eq!(check(&token, only(Algorithm::RS256)), GOOD);
    assert_eq!(check(&token, only(Algorithm::PS256)), Err(E::AlgorithmNotAllowed));
    let named = |alg| issuer(&[with(rsa.jwk(), &json!({"alg": alg}))]);
    assert_eq!(check(&token, named("RS256")), GOOD);
    assert_eq!(check(&token, named("RS512")), Err(E::UnknownKey));
    // A header that names another algorithm of the same key.
    for alg in ["RS384", "RS512", "PS256"] {
        let header = json!({"alg": alg}).to_string();
        let token = rsa.token(header.as_bytes(), claims().to_string().as_bytes());
        assert_eq!(check(&token, issuer(&[rsa.jwk()])), Err(E::BadSignature), "{alg}");
    }
    for alg in ["ES256", "ES256K", "EdDSA"] {
        let header = json!({"alg": alg}).to_string();
        let token = rsa.token(header.as_bytes(), claims().to_string().as_bytes());
        assert_eq!(check(&token, issuer(&[rsa.jwk()])), Err(E::UnknownKey), "{alg}");
    }
    // RFC 9864 has a new name for an old algorithm.
    let ed = Signer::ed25519();
    let token = ed.token(br#"{"alg":"Ed25519"}"#, claims().to_string().as_bytes());
    assert_eq!(check(&token, issuer(&[ed.jwk()])), GOOD);
}

#[test]
fn the_key_is_found_by_its_name_or_tried() {
    let signer = Signer::es256(1);
    let key = |number, members| with(Signer::es256(number).jwk(), &members);
    let named = signer.token(br#"{"alg":"ES256","kid":"a"}"#, claims().to_string().as_bytes());
    let nameless = signer.token_with(&claims());
    for (keys, with_kid, without_kid) in [
        (vec![key(1, json!({"kid": "a"}))], GOOD, GOOD),
        (vec![key(1, json!({}))], GOOD, GOOD),
        (vec![key(1, json!({"kid": "b"}))], Err(E::UnknownKey), GOOD),
        (vec![key(1, json!({"kid": "A"}))], Err(E::UnknownKey), GOOD),
        (vec![key(2, json!({"kid": "a"}))], Err(E::BadSignature), Err(E::BadSignature)),
        // Swapped names.
        (
            vec![key(1, json!({"kid": "b"})), key(2, json!({"kid": "a"}))],
            Err(E::BadSignature),
            GOOD,
        ),
        // One name for two keys.
        (vec![key(2, json!({"kid": "a"})), key(1, json!({"kid": "a"}))], GOOD, GOOD),
        // For another use, or not for verification: as if it were not there.
        (vec![key(1, json!({"use": "enc"}))], Err(E::UnknownKey), Err(E::UnknownKey)),
        (vec![key(1, json!({"key_ops": ["sign"]}))], Err(E::UnknownKey), Err(E::UnknownKey)),
        // Four are tried, and the one that is named comes first.
        (
            (1..=5).rev().map(|number| key(number, json!({}))).collect(),
            Err(E::BadSignature),
            Err(E::BadSignature),
        ),
        ((1..=4).rev().map(|number| key(number, json!({}))).collect(), GOOD, GOOD),
        (
            [2, 3, 4, 5]
                .map(|n| key(n, json!({})))
                .into_iter()
                .chain([key(1, json!({"kid": "a"}))])
                .collect(),
            GOOD,
            Err(E::BadSignature),
        ),
        (vec![], Err(E::UnknownKey), Err(E::UnknownKey)),
    ] {
        assert_eq!(check(&named, issuer(&keys)), with_kid, "{keys:?}");
        assert_eq!(check(&nameless, issuer(&keys)), without_kid, "{keys:?}");
    }
}

#[test]
fn a_token_that_is_too_long_or_no_text_is_not_looked_at() {
    let signer = Signer::es256(1);
    let mut long = claims();
    long["groups"] = json!("g".repeat(MAX_LENGTH));
    let token = signer.token_with(&long);
    assert_eq!(check(&token, issuer(&[signer.jwk()])), Err(E::TooLong));
    assert_eq!(check_at(b"a\xff.b.c", issuer(&[]), NOW), Err(E::NotText));
    let token = signer.token_with(&claims());
    let mut host = MemoryHost::new(Headers::default());
    host.now = Timestamp::from_epoch(Duration::from_secs(NOW));
    let issuers = Issuers::new(vec![issuer(&[signer.jwk()])]);
    let with_limit = |limit| {
        verify(token.as_bytes(), limit, &issuers, SignatureEngines::default(), &host).map(|_| ())
    };
    assert_eq!(with_limit(token.len()), Ok(()));
    assert_eq!(with_limit(token.len() - 1), Err(E::TooLong));
}

#[test]
fn times_are_judged_by_the_filter_and_not_by_the_engine() {
    let signer = Signer::es256(1);
    for (changes, expected) in [
        (json!({"exp": f64::from(1_700_000_000) + 0.5}), GOOD),
        (json!({"exp": 1_700_000_060.999}), GOOD),
        (json!({"exp": 4_294_967_296_u64 * 3}), GOOD),
        (json!({"exp": 253_402_300_799_u64}), GOOD),
        (json!({"exp": 0}), Err(E::Expired)),
        (json!({"exp": NOW + 60, "nbf": NOW + 31}), Err(E::NotYetValid)),
        (json!({"exp": NOW + 60, "iat": NOW + 29, "nbf": NOW + 29}), GOOD),
        (json!({"exp": NOW + 60, "at_hash": "a"}), Err(E::IdToken)),
    ] {
        let mut claims = claims();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = signer.token_with(&claims);
        assert_eq!(check(&token, issuer(&[signer.jwk()])), expected, "{changes}");
    }
}

#[test]
fn every_error_has_a_sentence_of_its_own() {
    let all = [
        E::TooLong,
        E::NotText,
        E::NotThreeParts,
        E::NotBase64Url,
        E::NotJsonObject,
        E::BadHeader,
        E::CriticalExtension,
        E::OwnKey,
        E::AlgorithmNotAllowed,
        E::UnknownIssuer,
        E::WrongType,
        E::UnknownKey,
        E::NoEngine,
        E::BadSignature,
        E::NoExpiry,
        E::BadDate("exp"),
        E::BadClaim("sub"),
        E::Expired,
        E::NotYetValid,
        E::WrongAudience,
        E::IdToken,
        E::NotVerifiedBefore,
        E::Inactive,
        E::OtherIssuer,
        E::BindingNotStated,
    ];
    let mut sentences = all.map(|error| error.to_string()).to_vec();
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), all.len());
}
