//! Nonces that the filter hands out.

use super::*;
use crate::possession::ProofError as E;
use crate::possession::nonce;

fn host_at(now: u64) -> MemoryHost {
    let mut host = MemoryHost::new(Headers::default());
    host.now = Timestamp::from_epoch(Duration::from_secs(now));
    secret::ensure(&host);
    host
}

#[test]
fn a_nonce_is_taken_for_a_while_and_only_from_this_process() {
    let mut host = host_at(1_200);
    let given = nonce::current(&host).unwrap();
    for (now, expected) in
        [(1_200, true), (1_319, true), (1_439, true), (1_440, false), (1_199, false)]
    {
        host.now = Timestamp::from_epoch(Duration::from_secs(now));
        assert_eq!(nonce::is_valid(&given, &host), expected, "{now}");
    }
    host.now = Timestamp::from_epoch(Duration::from_mins(22));
    assert_ne!(nonce::current(&host).unwrap(), given);
    assert!(!nonce::is_valid(&given, &host_at(1_200)), "another process has another secret");
    for nonce in ["", "x", given.get(1..).unwrap(), &given.to_lowercase()] {
        assert!(!nonce::is_valid(nonce, &host), "{nonce}");
    }
}

#[test]
fn a_proof_holds_the_nonce_where_it_is_asked_for() {
    let key = Signer::es256(1);
    let case = |nonce: Option<&Value>| {
        let host = host_at(NOW);
        let right = json!(nonce::current(&host).unwrap());
        let nonce = nonce.unwrap_or(&right).clone();
        let proof = proof(&key, |_, claims| claims["nonce"] = nonce.clone());
        let mut case = Case { host, ..Case::bound_to(&key) }.header("dpop", proof);
        case.settings.nonce = true;
        case
    };
    assert_eq!(case(None).outcome(), Ok(()));
    let wrong = case(Some(&json!("x"))).outcome();
    assert_eq!(wrong, Err(PossessionError::Proof(E::NoNonce)));
    let mut without = Case::bound_to(&key).header("dpop", proof(&key, |_, _| ()));
    without.settings.nonce = true;
    assert_eq!(without.outcome(), Err(PossessionError::Proof(E::NoNonce)));
    // Not asked for, and not looked at (RFC 9449 §4.3, point 10).
    let unasked = proof(&key, |_, claims| claims["nonce"] = json!("x"));
    assert_eq!(Case::bound_to(&key).header("dpop", unasked).outcome(), Ok(()));
}
