//! Which proofs were used, so that none is used twice (RFC 9449 §11.1).
//!
//! The workers of a process share a fixed number of buckets. Each is a shared value: a short list of
//! used proofs, rewritten with every use, from which those are dropped that no check would take any
//! more. So memory is bounded, and a use costs the reading and writing of one short list, whatever
//! others do.
//!
//! A bucket that is full takes no more: a proof for it is refused, and never pushes out another,
//! which could then be replayed. Only proofs that were good in all else come here, from clients with
//! a token for their key. Each key has its share of the buckets, so that a client that fills its
//! share harms few others; which ones, a secret of the process decides.

use std::time::Duration;

use hmac_sha256::HMAC;

use super::confirmation::Digest;
use crate::host::{self, Host, Outdated};
use crate::report::Counter;
use crate::secret;
use crate::time::Timestamp;

/// How many buckets there are for all keys: room for four million proofs, in 68 MB at most, of which
/// only what was in use once is taken.
const BUCKETS: u16 = 16_384;
/// The most proofs in a bucket.
pub(super) const BUCKET_SIZE: usize = 256;

/// The code of a proof: so long that two proofs never share one by chance.
const TAG: usize = 12;
/// The tag, and until when it is kept: seconds since the epoch, good until the year 2106.
const ENTRY: usize = TAG + 4;

/// A proof that was good in all else, to be used once.
#[derive(Debug)]
pub struct ProofUse {
    pub(super) key: Digest,
    pub(super) jti: String,
    /// Until when the proof would be taken.
    pub(super) expires: Timestamp,
}

/// Why a proof cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It was used before.
    Replayed,
    /// It cannot be remembered, so it is not taken.
    NoRoom,
}

impl From<Outdated> for Unusable {
    fn from(Outdated: Outdated) -> Self {
        Self::NoRoom
    }
}

/// How many buckets a key may use, for about this many proofs at a time.
pub(super) fn shares(proofs_per_key: usize) -> u16 {
    let buckets = proofs_per_key.div_ceil(BUCKET_SIZE).max(1);
    u16::try_from(buckets).unwrap_or(BUCKETS).min(BUCKETS)
}

impl ProofUse {
    /// Uses the proof up.
    pub(super) fn use_up(&self, shares: u16, host: &dyn Host) -> Result<(), Unusable> {
        let used = self.try_to_use_up(shares, host);
        match used {
            Ok(()) => {}
            Err(Unusable::Replayed) => host.count(Counter::ProofReplay),
            Err(Unusable::NoRoom) => host.count(Counter::ProofStoreFull),
        }
        used
    }

    fn try_to_use_up(&self, shares: u16, host: &dyn Host) -> Result<(), Unusable> {
        let (bucket, tag) = self.place(shares, host).ok_or(Unusable::NoRoom)?;
        host::update_shared(host, &bucket, |list| self.added_to(list, tag, host.now()).map(Some))
    }

    /// The bucket for the proof, and its tag there.
    fn place(&self, shares: u16, host: &dyn Host) -> Option<(String, [u8; TAG])> {
        let secret = secret::read(host)?;
        let mut code = HMAC::new(secret);
        code.update(b"proof");
        code.update(self.key);
        code.update(self.jti.as_bytes());
        let (tag, rest) =
            code.finalize().split_first_chunk::<TAG>().map(|(t, r)| (*t, r.to_vec()))?;
        let share = number(&rest)?.checked_rem(shares)?;
        let mut code = HMAC::new(secret);
        code.update(b"bucket");
        code.update(self.key);
        code.update(share.to_be_bytes());
        let bucket = number(&code.finalize())?.checked_rem(BUCKETS)?;
        Some((format!("stepup.v1 dpop used {bucket}"), tag))
    }

    /// The list with this proof in it, and without those that no check would take any more.
    fn added_to(&self, list: &[u8], tag: [u8; TAG], now: Timestamp) -> Result<Vec<u8>, Unusable> {
        let now = seconds(now);
        let (entries, _) = list.as_chunks::<ENTRY>();
        let mut kept = Vec::with_capacity(list.len().saturating_add(ENTRY));
        for entry in entries {
            let (other, until) = entry.split_at(TAG);
            if other == tag {
                return Err(Unusable::Replayed);
            }
            // Big-endian numbers of one length compare as their bytes do.
            if until >= now.as_slice() {
                kept.extend_from_slice(entry);
            }
        }
        if kept.len() >= BUCKET_SIZE.saturating_mul(ENTRY) {
            return Err(Unusable::NoRoom);
        }
        kept.extend_from_slice(&tag);
        // A second more, for the fraction that is cut off.
        kept.extend_from_slice(&seconds(self.expires.plus(Duration::from_secs(1))));
        Ok(kept)
    }
}

fn number(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

fn seconds(time: Timestamp) -> [u8; 4] {
    u32::try_from(time.since_epoch().as_secs()).unwrap_or(u32::MAX).to_be_bytes()
}
