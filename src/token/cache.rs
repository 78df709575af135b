//! The tokens that a worker knows, so that the next request with one costs no signature and no call.

use std::collections::hash_map::RandomState;

use lru::LruCache;

/// The bounds of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The most tokens. None are remembered with 0.
    pub entries: usize,
    /// The most memory, in bytes as estimated.
    pub bytes: usize,
}

impl CacheLimits {
    /// Nothing is remembered.
    pub(super) const NONE: Self = Self { entries: 0, bytes: 0 };

    /// Sets an eighth aside for tokens that were refused. They have bounds of their own, so that a
    /// flood of them pushes out no token that was proven.
    pub(super) const fn split(self) -> (Self, Self) {
        let refused = Self { entries: self.entries / 8, bytes: self.bytes / 8 };
        let proven = Self {
            entries: self.entries.saturating_sub(refused.entries),
            bytes: self.bytes.saturating_sub(refused.bytes),
        };
        (proven, refused)
    }
}

/// What an entry costs beside its text: the maps that hold it.
const ENTRY_COST: usize = 512;
/// Claims as parsed take about this many times the bytes of their text.
const CLAIMS_FACTOR: usize = 4;

/// Tokens by their whole text. The one that was not used for the longest time goes first.
#[derive(Debug)]
pub(super) struct TokenCache<V> {
    // Clients choose what is hashed, so the hash has a key that they do not know.
    tokens: LruCache<Box<str>, Entry<V>, RandomState>,
    limits: CacheLimits,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    cost: usize,
}

impl<V: Clone> TokenCache<V> {
    pub(super) fn new(limits: CacheLimits) -> Self {
        let tokens = LruCache::unbounded_with_hasher(RandomState::new());
        Self { tokens, limits, bytes: 0 }
    }

    pub(super) fn get(&mut self, token: &str) -> Option<V> {
        self.tokens.get(token).map(|entry| entry.value.clone())
    }

    /// Remembers a token with claims of this many bytes, and says how many others had to go for it.
    pub(super) fn insert(&mut self, token: &str, value: V, claims: usize) -> usize {
        let cost = cost(token, claims);
        if self.limits.entries == 0 || cost > self.limits.bytes {
            return 0;
        }
        self.remove(token);
        self.tokens.put(token.into(), Entry { value, cost });
        self.bytes = self.bytes.saturating_add(cost);
        let mut evicted: usize = 0;
        while self.tokens.len() > self.limits.entries || self.bytes > self.limits.bytes {
            let Some((_, oldest)) = self.tokens.pop_lru() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.cost);
            evicted = evicted.saturating_add(1);
        }
        evicted
    }

    pub(super) fn remove(&mut self, token: &str) {
        if let Some(entry) = self.tokens.pop(token) {
            self.bytes = self.bytes.saturating_sub(entry.cost);
        }
    }
}

fn cost(token: &str, claims: usize) -> usize {
    claims.saturating_mul(CLAIMS_FACTOR).saturating_add(token.len()).saturating_add(ENTRY_COST)
}
