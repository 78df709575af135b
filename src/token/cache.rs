//! The tokens that a worker knows, so that the next request with one costs no signature and no call.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
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

/// The tokens that were seen last. The one that was not used for the longest time goes first.
///
/// They are found by a hash of their end, where a signature is, since every request pays for what is
/// hashed; then they are compared as a whole. Clients choose what is hashed, so the hash has a key that
/// they do not know. Of two tokens with one hash, the later one is remembered.
#[derive(Debug)]
pub(super) struct TokenCache<V> {
    tokens: LruCache<u64, Entry<V>>,
    hash: RandomState,
    limits: CacheLimits,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    token: Box<[u8]>,
    value: V,
    cost: usize,
}

impl<V: Clone> TokenCache<V> {
    pub(super) fn new(limits: CacheLimits) -> Self {
        let (tokens, hash) = (LruCache::unbounded(), RandomState::new());
        Self { tokens, hash, limits, bytes: 0 }
    }

    /// How many tokens it holds.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn get(&mut self, token: &[u8]) -> Option<V> {
        let entry = self.tokens.get(&self.place(token))?;
        is_same(&entry.token, token).then(|| entry.value.clone())
    }

    /// Remembers a token with a value that takes this much memory beside itself, and says how many
    /// others had to go for it.
    pub(super) fn insert(&mut self, token: &[u8], value: V, held: usize) -> usize {
        let cost = held.saturating_add(token.len()).saturating_add(ENTRY_COST);
        if self.limits.entries == 0 || cost > self.limits.bytes {
            return 0;
        }
        let entry = Entry { token: token.into(), value, cost };
        if let Some(replaced) = self.tokens.put(self.place(token), entry) {
            self.bytes = self.bytes.saturating_sub(replaced.cost);
        }
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
        let place = self.place(token);
        if self.tokens.peek(&place).is_some_and(|entry| is_same(&entry.token, token))
            && let Some(entry) = self.tokens.pop(&place)
        {
            self.bytes = self.bytes.saturating_sub(entry.cost);
        }
    }

    fn place(&self, token: &[u8]) -> u64 {
        /// What is hashed of a token.
        const END: usize = 32;
        self.hash.hash_one(token.last_chunk::<END>().map_or(token, <[u8; END]>::as_slice))
    }
}

/// As `==`, which for wasm compares a byte at a time.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let ((a_words, a_rest), (b_words, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let is_same_word =
        |(a, b): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b);
    a.len() == b.len() && a_words.iter().zip(b_words).all(is_same_word) && a_rest == b_rest
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

/// The memory that a text of its own takes, and a place in a list of them.
pub(super) const fn memory_of_text(content: &str) -> usize {
    text(content).saturating_add(size_of::<Box<str>>())
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
    fn a_token_is_known_only_as_a_whole() {
        let mut cache = TokenCache::new(CacheLimits { entries: 10, bytes: 1 << 20 });
        let token = |first: char, length: usize| format!("{first}-{}{length}", "x".repeat(length));
        let lengths = [0, 4, 5, 6, 29, 30, 31, 100];
        for length in lengths {
            let (one, other) = (token('a', length), token('b', length));
            cache.insert(one.as_bytes(), length, 0);
            assert_eq!(cache.get(one.as_bytes()), Some(length));
            assert_eq!(cache.get(other.as_bytes()), None, "{length}");
            assert_eq!(cache.get(&one.as_bytes()[1..]), None, "{length}");
            assert_eq!(cache.get(&one.as_bytes()[..length]), None, "{length}");
            cache.remove(other.as_bytes());
            assert_eq!(cache.get(one.as_bytes()), Some(length));
        }
        let cost = |length: usize| token('a', length).len() + ENTRY_COST;
        assert_eq!(cache.bytes, lengths.into_iter().map(cost).sum::<usize>());
        // Of two that end alike, the later one is remembered.
        cache.insert(token('b', 100).as_bytes(), 0, 0);
        assert_eq!(cache.get(token('a', 100).as_bytes()), None);
        assert_eq!(cache.get(token('b', 100).as_bytes()), Some(0));
        assert_eq!(cache.bytes, lengths.into_iter().map(cost).sum::<usize>());
        cache.remove(token('b', 100).as_bytes());
        assert_eq!(cache.bytes, lengths.into_iter().map(cost).sum::<usize>() - cost(100));
    }

    #[test]
    fn tokens_go_once_their_memory_is_more_than_the_bound() {
        let mut cache = TokenCache::new(CacheLimits { entries: 10, bytes: 4096 });
        assert_eq!(cache.insert(b"a", 1, 1000), 0);
        assert_eq!(cache.insert(b"b", 2, 1000), 0);
        assert_eq!(cache.insert(b"c", 3, 1000), 1);
        assert_eq!((cache.get(b"a"), cache.get(b"b"), cache.get(b"c")), (None, Some(2), Some(3)));
        // What is too big for all of it pushes nothing out.
        assert_eq!(cache.insert(b"d", 4, 4096), 0);
        assert_eq!((cache.get(b"d"), cache.get(b"b")), (None, Some(2)));
    }
}
