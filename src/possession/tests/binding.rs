//! What a token can be bound to, and what its request has to show then.

use super::*;
use crate::possession::BindingError as E;

/// A certificate's digest as the proxy hands it out, and as a token has it.
const HEX: &str = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";
const S256: &str = "Sl4eS6q4nzoyUYqIwxvIf2GPdmc-LMd6shJ7ev3tozs";

fn case(cnf: Value) -> Case {
    Case { cnf, ..Case::bound_to(&Signer::es256(1)) }
}

fn refused(error: E) -> Result<(), PossessionError> {
    Err(PossessionError::Binding(error))
}

#[test]
fn only_what_is_understood_confirms_a_token() {
    for (cnf, expected) in [
        (json!({}), E::BadConfirmation),
        (json!([]), E::BadConfirmation),
        (json!("x"), E::BadConfirmation),
        (json!(true), E::BadConfirmation),
        (json!({"jkt": null}), E::BadConfirmation),
        (json!({"jkt": 1}), E::BadConfirmation),
        (json!({"jkt": ""}), E::BadConfirmation),
        (json!({"jkt": "AAAA"}), E::BadConfirmation),
        (json!({"jkt": [S256]}), E::BadConfirmation),
        (json!({"jkt": format!("{S256}=")}), E::BadConfirmation),
        (json!({"jkt": format!("{S256}A")}), E::BadConfirmation),
        (json!({"x5t#S256": HEX}), E::BadConfirmation),
        (json!({"x5t#S256": {}}), E::BadConfirmation),
        (json!({"kid": "a"}), E::UnknownConfirmation),
        (json!({"jwk": {}}), E::UnknownConfirmation),
        (json!({"jwe": "a"}), E::UnknownConfirmation),
        (json!({"jku": "https://a", "kid": "b"}), E::UnknownConfirmation),
        (json!({"x5t#S256": S256, "zzz": "a"}), E::UnknownConfirmation),
        (json!({"JKT": S256}), E::UnknownConfirmation),
        (json!({"x5t#s256": S256}), E::UnknownConfirmation),
    ] {
        for scheme in [Scheme::Bearer, Scheme::DPoP] {
            let case = Case { scheme, certificate: Some(HEX), ..case(cnf.clone()) };
            assert_eq!(case.outcome(), refused(expected), "{cnf} {scheme:?}");
        }
    }
}

#[test]
fn a_certificate_is_that_of_the_connection_and_never_that_of_a_header() {
    let bound = || Case { scheme: Scheme::Bearer, ..case(json!({"x5t#S256": S256})) };
    let upper = "4A5E1E4BAAB89F3A32518A88C31BC87F618F76673E2CC77AB2127B7AFDEDA33B";
    for (shown, expected) in [
        (Some(HEX), Ok(())),
        (Some(upper), Ok(())),
        (None, refused(E::NoCertificate)),
        (Some(""), refused(E::NoCertificate)),
        (Some(S256), refused(E::WrongCertificate)),
        (HEX.get(1..), refused(E::WrongCertificate)),
        (
            Some("5a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"),
            refused(E::WrongCertificate),
        ),
    ] {
        let case = Case { certificate: shown, ..bound() };
        assert_eq!(case.outcome(), expected, "{shown:?}");
    }
    let spoofed = bound()
        .header("x-forwarded-client-cert", format!("Hash={HEX}"))
        .header("x-client-cert-sha256", HEX);
    assert_eq!(spoofed.outcome(), refused(E::NoCertificate));
    let mut unreadable = bound();
    let name = "connection.sha256_peer_certificate_digest".to_owned();
    unreadable.host.properties.insert(name, None);
    assert_eq!(unreadable.outcome(), refused(E::NoCertificate));
}

#[test]
fn the_scheme_is_that_of_the_binding() {
    let key = Signer::es256(1);
    let with_proof =
        |cnf, scheme| Case { scheme, ..case(cnf) }.header("dpop", proof(&key, |_, _| ()));
    let jkt = json!({"jkt": thumbprint(&key)});
    assert_eq!(with_proof(jkt.clone(), Scheme::DPoP).outcome(), Ok(()));
    assert_eq!(with_proof(jkt, Scheme::Bearer).outcome(), refused(E::SentAsBearer));
    assert_eq!(with_proof(Value::Null, Scheme::DPoP).outcome(), refused(E::NotBoundToAKey));
    assert_eq!(with_proof(Value::Null, Scheme::Bearer).outcome(), Ok(()));
    let several = with_proof(Value::Null, Scheme::Bearer).header("dpop", "x");
    assert_eq!(several.outcome(), Ok(()), "a header that nobody asked for is ignored");
    let mut required = with_proof(Value::Null, Scheme::Bearer);
    required.settings.required = true;
    assert_eq!(required.outcome(), refused(E::NotBoundToAKey));
}

#[test]
fn a_token_bound_to_both_needs_both() {
    let key = Signer::es256(1);
    let both = || case(json!({"jkt": thumbprint(&key), "x5t#S256": S256}));
    let proven = || both().header("dpop", proof(&key, |_, _| ()));
    assert_eq!(Case { certificate: Some(HEX), ..proven() }.outcome(), Ok(()));
    assert_eq!(proven().outcome(), refused(E::NoCertificate));
    let unproven = Case { certificate: Some(HEX), ..both() };
    assert_eq!(unproven.outcome(), Err(PossessionError::Proof(ProofError::Missing)));
    let bearer = Case { certificate: Some(HEX), scheme: Scheme::Bearer, ..proven() };
    assert_eq!(bearer.outcome(), refused(E::SentAsBearer));
}
