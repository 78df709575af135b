//! The tokens that a worker knows, so that the next request with one costs no signature and no call.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::mem::size_of;

use lru::LruCache;
use serde_json::{Map, Value};

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
/// What the allocator takes for itself and rounds up to.
const ALLOCATION_COST: usize = 16;
/// The members that a node of a map has room for, as the standard library makes them.
const NODE_MEMBERS: usize = 11;
/// A node of a map: that room, whether it is used or not, and what links the nodes.
const NODE_COST: usize = ALLOCATION_COST
    .saturating_add(NODE_MEMBERS.saturating_mul(size_of::<(String, Value)>()))
    .saturating_add(ALLOCATION_COST);

/// Tokens by their whole bytes. The one that was not used for the longest time goes first.
///
/// Clients choose what is hashed, so the hash has a key that they do not know.
#[derive(Debug)]
pub(super) struct TokenCache<V, S: BuildHasher = RandomState> {
    tokens: LruCache<Box<[u8]>, Entry<V>, S>,
    limits: CacheLimits,
    bytes: usize,
}

/// Hashes the end of a token only, where its signature is: every request pays for what is hashed.
///
/// For tokens that were proven. Nobody can have many of them signed to end alike; among tokens that
/// anyone can make up, ends that are alike would make the cache slow.
#[derive(Debug, Default)]
pub(super) struct BySignature(RandomState);

/// What is hashed of a token.
const END: usize = 32;

impl BuildHasher for BySignature {
    type Hasher = EndHasher<<RandomState as BuildHasher>::Hasher>;

    fn build_hasher(&self) -> Self::Hasher {
        EndHasher(self.0.build_hasher())
    }
}

pub(super) struct EndHasher<H>(H);

impl<H: Hasher> Hasher for EndHasher<H> {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes.last_chunk::<END>().map_or(bytes, <[u8; END]>::as_slice));
    }

    fn write_usize(&mut self, length: usize) {
        self.0.write_usize(length);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    cost: usize,
}

impl<V: Clone, S: BuildHasher + Default> TokenCache<V, S> {
    pub(super) fn new(limits: CacheLimits) -> Self {
        let tokens = LruCache::unbounded_with_hasher(S::default());
        Self { tokens, limits, bytes: 0 }
    }

    pub(super) fn get(&mut self, token: &[u8]) -> Option<V> {
        self.tokens.get(token).map(|entry| entry.value.clone())
    }

    /// Remembers a token with a value that takes this much memory beside itself, and says how many
    /// others had to go for it.
    pub(super) fn insert(&mut self, token: &[u8], value: V, held: usize) -> usize {
        let cost = held.saturating_add(token.len()).saturating_add(ENTRY_COST);
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

    pub(super) fn remove(&mut self, token: &[u8]) {
        if let Some(entry) = self.tokens.pop(token) {
            self.bytes = self.bytes.saturating_sub(entry.cost);
        }
    }
}

/// The memory that claims take. Text does not tell it: a client can have a token with a thousand
/// small objects, of which each takes a whole node.
pub(super) fn memory_of(claims: &Map<String, Value>) -> usize {
    let nodes = match claims.len() {
        0 => 0,
        1..=NODE_MEMBERS => 1,
        // A node that was split is half full, and about each sixth is above others.
        more => (more / 5).saturating_add(2),
    };
    let members = claims.iter().map(|(name, value)| text(name).saturating_add(memory_in(value)));
    members.fold(nodes.saturating_mul(NODE_COST), usize::saturating_add)
}

/// The memory that a value takes beside itself. Values are nested 128 deep at most.
fn memory_in(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(value) => text(value),
        Value::Array(items) if items.is_empty() => 0,
        Value::Array(items) => {
            // A list doubles as it grows.
            let slots = items.len().next_power_of_two().max(4);
            let list = slots.saturating_mul(size_of::<Value>()).saturating_add(ALLOCATION_COST);
            items.iter().map(memory_in).fold(list, usize::saturating_add)
        }
        Value::Object(members) => memory_of(members),
    }
}

const fn text(text: &str) -> usize {
    text.len().saturating_add(ALLOCATION_COST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_count_with_the_memory_that_they_take_and_not_with_their_text() {
        let memory = |value: Value| memory_in(&value);
        for nothing in [json!(null), json!(true), json!(1), json!([]), json!({})] {
            assert_eq!(memory(nothing), 0);
        }
        assert!(memory(json!("abc")) >= 3 + 8);
        let slot = size_of::<Value>();
        for (items, slots) in [(1, 4), (4, 4), (5, 8), (9, 16)] {
            let list = memory(json!(vec![0; items]));
            assert!((slots * slot..=slots * slot + 16).contains(&list), "{items}");
        }
        let member = size_of::<String>() + slot;
        let object = |members: usize| {
            (0..members).map(|name| (format!("{name:02}"), json!(0))).collect::<Value>()
        };
        assert!(memory(object(1)) >= 11 * member + 2);
        assert_eq!(memory(object(11)) - memory(object(1)), 10 * (2 + 16));
        // Each node but the topmost is at least half full.
        for members in [12_usize, 20, 80] {
            let least = members.div_ceil(11) * 11 * member;
            assert!((least..3 * least + 1000).contains(&memory(object(members))), "{members}");
        }
        let small = json!(vec![json!({"a": 0}); 900]);
        assert!(memory(small.clone()) >= 900 * (11 * member + 1));
        assert!(memory(small.clone()) > 8 * 4 * small.to_string().len());
    }

    #[test]
    fn tokens_go_once_their_memory_is_more_than_the_bound() {
        let mut cache = TokenCache::<_>::new(CacheLimits { entries: 10, bytes: 4096 });
        assert_eq!(cache.insert(b"a", 1, 1000), 0);
        assert_eq!(cache.insert(b"b", 2, 1000), 0);
        assert_eq!(cache.insert(b"c", 3, 1000), 1);
        assert_eq!((cache.get(b"a"), cache.get(b"b"), cache.get(b"c")), (None, Some(2), Some(3)));
        // What is too big for all of it pushes nothing out.
        assert_eq!(cache.insert(b"d", 4, 4096), 0);
        assert_eq!((cache.get(b"d"), cache.get(b"b")), (None, Some(2)));
    }
}
