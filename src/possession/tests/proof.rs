//! RFC 9449 §4.3, point by point.

use super::*;
use crate::possession::ProofError as E;
use crate::token::TokenError;

fn key() -> Signer {
    Signer::es256(1)
}

fn sent(proof: impl Into<Vec<u8>>) -> Case {
    Case::bound_to(&key()).header("dpop", proof)
}

fn outcome(change: impl Fn(&mut Value, &mut Value)) -> Result<(), PossessionError> {
    sent(proof(&key(), change)).outcome()
}

fn refused(error: E) -> Result<(), PossessionError> {
    Err(PossessionError::Proof(error))
}

#[test]
fn there_is_exactly_one_proof() {
    let good = || proof(&key(), |_, _| ());
    assert_eq!(sent(good()).outcome(), Ok(()));
    assert_eq!(Case::bound_to(&key()).outcome(), refused(E::Missing));
    assert_eq!(sent(good()).header("dpop", good()).outcome(), refused(E::Several));
    assert_eq!(sent(good()).header("dpop", "").outcome(), refused(E::Several));
    assert_eq!(sent(format!("{0}, {0}", good())).outcome(), refused(E::Several));
    assert_eq!(sent(format!("{0},{0}", good())).outcome(), refused(E::Several));
}

#[test]
fn a_proof_is_one_well_formed_token() {
    let malformed = |error| refused(E::Malformed(error));
    let good = proof(&key(), |_, _| ());
    for (text, expected) in [
        (String::new(), malformed(TokenError::NotThreeParts)),
        (format!("{good} "), malformed(TokenError::NotBase64Url)),
        (format!("{good}="), malformed(TokenError::NotBase64Url)),
        (format!("{good}.x"), malformed(TokenError::NotThreeParts)),
        (format!("{good}.{good}"), malformed(TokenError::NotThreeParts)),
        ("e30.e30.e30".to_owned(), malformed(TokenError::BadHeader)),
        (format!("{good}{}", "A".repeat(8192)), refused(E::TooLong)),
    ] {
        assert_eq!(sent(text.as_str()).outcome(), expected, "{text}");
    }
    let not_text = malformed(TokenError::NotText);
    assert_eq!(sent(b"\xff.\xff.\xff".to_vec()).outcome(), not_text);
    let twice =
        format!(r#"{{"jti":"a",{}"#, parts(&key()).1.to_string().strip_prefix('{').unwrap());
    let twice = key().token(parts(&key()).0.to_string().as_bytes(), twice.as_bytes());
    assert_eq!(sent(twice).outcome(), malformed(TokenError::NotJsonObject));
    for name in ["jku", "x5u"] {
        let outcome = outcome(|header, _| header[name] = json!("https://evil.example.com"));
        assert_eq!(outcome, malformed(TokenError::OwnKey), "{name}");
    }
    let critical = outcome(|header, _| header["crit"] = json!(["exp"]));
    assert_eq!(critical, malformed(TokenError::CriticalExtension));
}

#[test]
fn every_claim_is_needed_and_has_its_type() {
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        let without = outcome(|_, claims| drop(claims.as_object_mut().unwrap().remove(name)));
        assert_eq!(without, refused(E::NoClaim(name)), "{name}");
        if !matches!(name, "jti" | "iat") {
            assert_eq!(outcome(|_, claims| claims[name] = json!(1)), refused(E::NoClaim(name)));
        }
    }
    let malformed = |error| refused(E::Malformed(error));
    let wrong = |name: &str, value: Value| outcome(|_, claims| claims[name] = value.clone());
    assert_eq!(wrong("jti", json!(1)), malformed(TokenError::BadClaim("jti")));
    assert_eq!(wrong("jti", json!("")), refused(E::NoClaim("jti")));
    assert_eq!(wrong("jti", json!("x".repeat(256))), Ok(()));
    assert_eq!(wrong("jti", json!("x".repeat(257))), refused(E::NoClaim("jti")));
    assert_eq!(wrong("iat", json!("1700000000")), malformed(TokenError::BadDate("iat")));
    assert_eq!(wrong("iat", json!(-1)), malformed(TokenError::BadDate("iat")));
    assert_eq!(wrong("iss", json!(1)), malformed(TokenError::BadClaim("iss")));
    assert_eq!(wrong("anything", json!({"else": null})), Ok(()));
}

#[test]
fn the_type_is_that_of_proofs() {
    for typ in ["JWT", "at+jwt", "dpop", "DPOP+JWT", "application/dpop+jwt", ""] {
        let outcome = outcome(|header, _| header["typ"] = json!(typ));
        assert_eq!(outcome, refused(E::WrongType), "{typ}");
    }
    let without = outcome(|header, _| drop(header.as_object_mut().unwrap().remove("typ")));
    assert_eq!(without, refused(E::WrongType));
}

#[test]
fn the_algorithm_is_asymmetric_accepted_and_the_keys_own() {
    for alg in ["none", "None", "HS256", "HS512", "", "ES256 ", "RS1", "dir"] {
        let outcome = outcome(|header, _| header["alg"] = json!(alg));
        assert_eq!(outcome, refused(E::AlgorithmNotAllowed), "{alg}");
    }
    // Supported, but not what the key is for.
    for alg in ["ES384", "RS256", "EdDSA", "ES256K"] {
        let outcome = outcome(|header, _| header["alg"] = json!(alg));
        assert_eq!(outcome, refused(E::AlgorithmNotAllowed), "{alg}");
    }
    let named = outcome(|header, _| header["jwk"]["alg"] = json!("ES384"));
    assert_eq!(named, refused(E::BadKey));
    let mut limited = sent(proof(&key(), |_, _| ()));
    limited.settings.algorithms = [crate::keys::Algorithm::EdDSA].into_iter().collect();
    assert_eq!(limited.outcome(), refused(E::AlgorithmNotAllowed));
    // Without a proxy that checks it, nothing here does.
    let p521 = Signer::es512();
    let case = Case::bound_to(&p521).header("dpop", proof(&p521, |_, _| ()));
    assert_eq!(case.outcome(), refused(E::AlgorithmNotAllowed));
}

#[test]
fn each_algorithm_proves_and_is_forged_by_none() {
    for key in [Signer::es256(1), Signer::ed25519(), Signer::Rs256, Signer::Ps256] {
        let name = key.algorithm();
        let good = proof(&key, |_, _| ());
        assert_eq!(Case::bound_to(&key).header("dpop", good.as_str()).outcome(), Ok(()), "{name}");
        let other = proof(&key, |_, claims| claims["jti"] = json!("another"));
        let (input, signature) =
            (good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
        let forged = Case::bound_to(&key).header("dpop", format!("{input}.{signature}"));
        assert_eq!(forged.outcome(), refused(E::BadSignature), "{name}");
        let empty = Case::bound_to(&key).header("dpop", format!("{input}."));
        assert_eq!(empty.outcome(), refused(E::BadSignature), "{name}");
    }
}

#[test]
fn the_key_is_public_and_the_one_that_the_token_is_bound_to() {
    let other = Signer::es256(2);
    let signed_by_another = proof(&other, |_, _| ());
    assert_eq!(
        sent(signed_by_another).outcome(),
        Err(PossessionError::Binding(BindingError::WrongKey))
    );
    // The right key in the header, and another's signature.
    let posed = proof(&other, |header, _| header["jwk"] = key().jwk());
    assert_eq!(sent(posed).outcome(), refused(E::BadSignature));
    for (name, value) in [("d", "AA"), ("k", "AA"), ("p", "AA")] {
        let outcome = outcome(|header, _| header["jwk"][name] = json!(value));
        assert_eq!(outcome, refused(E::BadKey), "{name}");
    }
    for jwk in [json!(null), json!({}), json!("x"), json!([key().jwk()]), json!({"kty": "oct"})] {
        let outcome = outcome(|header, _| header["jwk"] = jwk.clone());
        assert_eq!(outcome, refused(E::BadKey), "{jwk}");
    }
    let off_curve = outcome(|header, _| header["jwk"]["x"] = header["jwk"]["y"].clone());
    assert_eq!(off_curve, refused(E::BadKey));
    let not_for_signatures = outcome(|header, _| header["jwk"]["use"] = json!("enc"));
    assert_eq!(not_for_signatures, refused(E::BadKey));
    let without = outcome(|header, _| drop(header.as_object_mut().unwrap().remove("jwk")));
    assert_eq!(without, refused(E::Malformed(TokenError::BadHeader)));
    // What does not belong to the key does not change it (RFC 7638 §3).
    let named = outcome(|header, _| {
        header["jwk"]["kid"] = json!("a");
        header["jwk"]["alg"] = json!("ES256");
        header["jwk"]["other"] = json!({});
    });
    assert_eq!(named, Ok(()));
}

#[test]
fn method_and_token_are_those_of_the_request() {
    for method in ["GET", "post", "POST ", "", "POST, GET"] {
        let outcome = outcome(|_, claims| claims["htm"] = json!(method));
        assert_eq!(outcome, refused(E::WrongMethod), "{method}");
    }
    let hash = base64(&Hash::hash(TOKEN.as_bytes()));
    for ath in [
        String::new(),
        base64(&Hash::hash(b"another token")),
        format!("{hash}="),
        hash.to_lowercase(),
        TOKEN.to_owned(),
    ] {
        let outcome = outcome(|_, claims| claims["ath"] = json!(ath));
        assert_eq!(outcome, refused(E::WrongTokenHash), "{ath}");
    }
    let outcome = outcome(|_, claims| claims["htu"] = json!("https://api.example.com/other"));
    assert_eq!(outcome, refused(E::WrongTarget));
}

#[test]
fn the_time_lies_within_the_window() {
    for (iat, expected) in [
        (json!(NOW - 60), Ok(())),
        (json!(NOW - 61), refused(E::TooOld)),
        (json!(0), refused(E::TooOld)),
        (json!(NOW + 30), Ok(())),
        (json!(NOW + 31), refused(E::InTheFuture)),
        (json!(1_700_000_030.5), refused(E::InTheFuture)),
        (json!(1_699_999_939.5), refused(E::TooOld)),
        (json!(253_402_300_799_u64), refused(E::InTheFuture)),
    ] {
        assert_eq!(outcome(|_, claims| claims["iat"] = iat.clone()), expected, "{iat}");
    }
    // Neither is needed; each counts where it is there.
    assert_eq!(outcome(|_, claims| claims["exp"] = json!(NOW - 31)), refused(E::TooOld));
    assert_eq!(outcome(|_, claims| claims["exp"] = json!(NOW + 5)), Ok(()));
    assert_eq!(outcome(|_, claims| claims["nbf"] = json!(NOW + 31)), refused(E::InTheFuture));
    let mut narrow = sent(proof(&key(), |_, claims| claims["iat"] = json!(NOW - 6)));
    narrow.settings.window = Duration::from_secs(5);
    assert_eq!(narrow.outcome(), refused(E::TooOld));
}

#[test]
fn a_proof_is_kept_in_mind_for_as_long_as_it_would_be_taken() {
    let ahead = proof(&key(), |_, claims| claims["iat"] = json!(NOW + 30));
    let used = sent(ahead).check().unwrap().unwrap();
    assert_eq!(used.expires, Timestamp::from_epoch(Duration::from_secs(NOW + 90)));
    assert_eq!(used.jti, "-BwC3ESc6acc2lTc");
}
