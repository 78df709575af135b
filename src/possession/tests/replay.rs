//! Proofs that are used once.

use super::*;
use crate::possession::replay::{BUCKET_SIZE, shares};
use crate::report::Counter;

fn host() -> MemoryHost {
    let mut host = MemoryHost::new(Headers::default());
    host.now = Timestamp::from_epoch(Duration::from_secs(NOW));
    secret::ensure(&host);
    host
}

fn proof_use(key: u8, jti: &(impl ToString + ?Sized), expires: u64) -> ProofUse {
    let expires = Timestamp::from_epoch(Duration::from_secs(expires));
    ProofUse { key: [key; 32], jti: jti.to_string(), expires }
}

#[test]
fn a_proof_is_used_once_by_key_and_jti() {
    let host = host();
    let use_up = |key, jti: &str| proof_use(key, jti, NOW + 60).use_up(64, &host);
    assert_eq!(use_up(1, "a"), Ok(()));
    assert_eq!(use_up(1, "a"), Err(Unusable::Replayed));
    assert_eq!(use_up(1, "b"), Ok(()));
    assert_eq!(use_up(2, "a"), Ok(()));
    assert_eq!(use_up(1, "a"), Err(Unusable::Replayed));
    assert_eq!(host.counted(Counter::ProofReplay), 2);
}

#[test]
fn what_no_check_would_take_any_more_makes_room() {
    let mut host = host();
    for number in 0..BUCKET_SIZE {
        assert_eq!(proof_use(1, &number, NOW + 60).use_up(1, &host), Ok(()), "{number}");
    }
    // Full: a new one is refused, and the old ones are still known.
    assert_eq!(proof_use(1, "new", NOW + 60).use_up(1, &host), Err(Unusable::NoRoom));
    for number in 0..BUCKET_SIZE {
        let again = proof_use(1, &number, NOW + 60).use_up(1, &host);
        assert_eq!(again, Err(Unusable::Replayed), "{number}");
    }
    assert_eq!(host.counted(Counter::ProofStoreFull), 1);
    // Another key has its own place.
    assert_eq!(proof_use(2, "new", NOW + 60).use_up(1, &host), Ok(()));
    host.now = Timestamp::from_epoch(Duration::from_secs(NOW + 61));
    assert_eq!(proof_use(1, &0, NOW + 60).use_up(1, &host), Err(Unusable::Replayed));
    host.now = Timestamp::from_epoch(Duration::from_secs(NOW + 62));
    assert_eq!(proof_use(1, "new", NOW + 120).use_up(1, &host), Ok(()));
}

#[test]
fn a_key_has_the_share_that_it_was_given() {
    assert_eq!(
        [1, 256, 257, 16_384, 1_048_576, usize::MAX].map(shares),
        [1, 1, 2, 64, 4096, 16_384]
    );
    let host = host();
    let fits =
        (0..10_000).take_while(|n| proof_use(1, n, NOW + 60).use_up(4, &host).is_ok()).count();
    assert!((3 * BUCKET_SIZE..=4 * BUCKET_SIZE).contains(&fits), "{fits}");
    // A key that fills its share harms nearly no other.
    for n in fits..4 * BUCKET_SIZE {
        let _ = proof_use(1, &n, NOW + 60).use_up(4, &host);
    }
    let others = (2..=255).filter(|key| proof_use(*key, "a", NOW + 60).use_up(4, &host).is_ok());
    assert!(others.count() >= 250);
}

#[test]
fn a_proof_that_another_worker_uses_at_the_same_time_is_used_once() {
    // In a bucket that does not exist yet, and in one that does.
    for before in [None, Some("before")] {
        let host = host();
        if let Some(jti) = before {
            assert_eq!(proof_use(1, jti, NOW + 60).use_up(1, &host), Ok(()));
        }
        host.before_next_write(|host| {
            assert_eq!(proof_use(1, "a", NOW + 60).use_up(1, host), Ok(()));
        });
        let outcome = proof_use(1, "a", NOW + 60).use_up(1, &host);
        assert_eq!(outcome, Err(Unusable::Replayed), "{before:?}");
        // Another proof does not get lost over it.
        host.before_next_write(|host| {
            assert_eq!(proof_use(1, "b", NOW + 60).use_up(1, host), Ok(()));
        });
        assert_eq!(proof_use(1, "c", NOW + 60).use_up(1, &host), Ok(()));
        for jti in ["b", "c"] {
            let again = proof_use(1, jti, NOW + 60).use_up(1, &host);
            assert_eq!(again, Err(Unusable::Replayed), "{before:?}");
        }
    }
}

#[test]
fn without_shared_values_no_proof_is_taken() {
    let mut host = MemoryHost::new(Headers::default());
    host.now = Timestamp::from_epoch(Duration::from_secs(NOW));
    assert_eq!(proof_use(1, "a", NOW + 60).use_up(64, &host), Err(Unusable::NoRoom));
}
