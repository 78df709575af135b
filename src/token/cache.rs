//! The tokens that a worker has proven, so that the next request with one costs no signature.

use std::collections::hash_map::RandomState;
use std::sync::Arc;

use lru::LruCache;

use super::Evidence;

/// The bounds of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The most tokens. None are remembered with 0.
    pub entries: usize,
    /// The most memory, in bytes as estimated.
    pub bytes: usize,
}

/// What an entry costs beside its token: the maps that hold it.
const ENTRY_COST: usize = 512;
/// Claims as parsed take about this many times the bytes of the token.
const CLAIMS_FACTOR: usize = 4;

/// Proven tokens by their whole text. The one that was not used for the longest time goes first.
#[derive(Debug)]
pub(super) struct TokenCache {
    // Clients choose what is hashed, so the hash has a key that they do not know.
    tokens: LruCache<Box<str>, Arc<Evidence>, RandomState>,
    limits: CacheLimits,
    bytes: usize,
}

impl TokenCache {
    pub(super) fn new(limits: CacheLimits) -> Self {
        let tokens = LruCache::unbounded_with_hasher(RandomState::new());
        Self { tokens, limits, bytes: 0 }
    }

    pub(super) fn get(&mut self, token: &str) -> Option<Arc<Evidence>> {
        self.tokens.get(token).cloned()
    }

    /// Remembers a token, and says how many others had to go for it.
    pub(super) fn insert(&mut self, token: &str, evidence: &Arc<Evidence>) -> usize {
        if self.limits.entries == 0 || cost(token) > self.limits.bytes {
            return 0;
        }
        self.remove(token);
        self.tokens.put(token.into(), Arc::clone(evidence));
        self.bytes = self.bytes.saturating_add(cost(token));
        let mut evicted: usize = 0;
        while self.tokens.len() > self.limits.entries || self.bytes > self.limits.bytes {
            let Some((oldest, _)) = self.tokens.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(cost(&oldest));
            evicted = evicted.saturating_add(1);
        }
        evicted
    }

    pub(super) fn remove(&mut self, token: &str) {
        if self.tokens.pop(token).is_some() {
            self.bytes = self.bytes.saturating_sub(cost(token));
        }
    }
}

fn cost(token: &str) -> usize {
    token.len().saturating_mul(CLAIMS_FACTOR).saturating_add(ENTRY_COST)
}
