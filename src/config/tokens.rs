//! `tokens`: where tokens stand, how long they may be, and how many are remembered.

use super::node::{Node, Object};
use super::places;
use crate::token::{CacheLimits, TokenSettings};

const KEYS: [&str; 4] = ["from", "forward", "max_length", "cache"];

/// The longest token where nothing is configured, in bytes. Tokens with many groups come near it.
const DEFAULT_MAX_LENGTH: usize = 16 * 1024;
/// Longer than any header that proxies take; and shorter than this, there is no token.
const LENGTH_BOUNDS: (u64, u64) = (256, 1024 * 1024);

/// Some hours of a busy worker's users, in a few megabytes.
const DEFAULT_CACHE: CacheLimits = CacheLimits { entries: 4096, bytes: 8 * 1024 * 1024 };
const MAX_ENTRIES: u64 = 1_000_000;
const BYTE_BOUNDS: (u64, u64) = (64 * 1024, 1024 * 1024 * 1024);

pub(super) fn read(object: &Object<'_>) -> Option<TokenSettings> {
    let Some(node) = object.get("tokens") else {
        return Some(TokenSettings {
            places: places::default(),
            forward: true,
            max_length: DEFAULT_MAX_LENGTH,
            cache: DEFAULT_CACHE,
        });
    };
    let tokens = node.object("an object with from, forward, max_length and cache", &KEYS)?;
    let places = tokens.get("from").map_or_else(|| Some(places::default()), |n| places::read(&n));
    let forward = tokens.get("forward").map_or(Some(true), |node| node.boolean());
    let max_length = read_size(&tokens, "max_length", LENGTH_BOUNDS, DEFAULT_MAX_LENGTH);
    let cache = match tokens.get("cache") {
        Some(node) => read_cache(&node),
        None => Some(DEFAULT_CACHE),
    };
    Some(TokenSettings {
        places: places?,
        forward: forward?,
        max_length: max_length?,
        cache: cache?,
    })
}

fn read_cache(node: &Node<'_>) -> Option<CacheLimits> {
    let keys = ["max_entries", "max_bytes"];
    let cache = node.object("an object with max_entries and max_bytes", &keys)?;
    let entries = read_size(&cache, "max_entries", (0, MAX_ENTRIES), DEFAULT_CACHE.entries);
    let bytes = read_size(&cache, "max_bytes", BYTE_BOUNDS, DEFAULT_CACHE.bytes);
    Some(CacheLimits { entries: entries?, bytes: bytes? })
}

fn read_size(
    object: &Object<'_>,
    key: &str,
    (least, most): (u64, u64),
    default: usize,
) -> Option<usize> {
    match object.get(key) {
        Some(node) => usize::try_from(node.integer(least, most)?).ok(),
        None => Some(default),
    }
}
