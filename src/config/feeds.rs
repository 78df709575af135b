//! `feeds`: lists that conditions look into.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::keys::{Times, WAIT, read_cluster, read_duration, read_times, read_url};
use super::node::{Node, Object};
use super::{all, one_of};
use crate::feeds::{Builder, Entries, FeedFormat, FeedSettings, FeedSource, FeedType};
use crate::remote::{RemoteSettings, RemoteSource};

const KEYS: [&str; 3] = ["type", "inline", "remote"];
const REMOTE_KEYS: [&str; 9] = [
    "cluster",
    "uri",
    "timeout",
    "wait",
    "refresh",
    "refresh_min",
    "stale_for",
    "max_bytes",
    "allow_empty",
];

/// Each is looked at in every tick.
const MAX_FEEDS: usize = 64;

/// The longest document where nothing else is said, and the longest that can be allowed.
const DEFAULT_BYTES: usize = 4 * 1024 * 1024;
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The names of the feeds and what they list, for conditions. A feed with a mistake has a name too.
pub(super) fn names<'a>(object: &Object<'a>) -> Vec<(&'a str, Option<FeedType>)> {
    let feeds = object.get("feeds").and_then(|node| node.value().as_object());
    let feed_type = |feed: &Value| type_named(feed.get("type")?.as_str()?);
    feeds.into_iter().flatten().map(|(name, feed)| (name.as_str(), feed_type(feed))).collect()
}

pub(super) fn read(object: &Object<'_>) -> Option<Vec<FeedSettings>> {
    let Some(node) = object.get("feeds") else { return Some(Vec::new()) };
    let feeds = all(node
        .entries("an object with a feed for each name")?
        .map(|(name, node)| read_feed(name, &node)))?;
    if feeds.len() > MAX_FEEDS {
        node.mistake(format!("holds {} feeds; expected {MAX_FEEDS} at most", feeds.len()));
    }
    Some(feeds)
}

fn read_feed(name: &str, node: &Node<'_>) -> Option<FeedSettings> {
    if !is_identifier(name) {
        node.mistake(
            "has a name that conditions cannot use; expected letters, digits and _, and no digit \
             at the beginning",
        );
    }
    let feed = node.object("a feed with type, and inline or remote", &KEYS)?;
    let feed_type = feed.required("type", TYPES).and_then(|node| read_type(&node));
    let source = one_of(&feed, &["inline", "remote"]);
    let (source, feed_type) = (source?, feed_type?);
    let node = feed.get(source)?;
    let source = match source {
        "inline" => FeedSource::Inline(Arc::new(read_inline(&node, feed_type)?)),
        _ => read_remote(name, &node, feed_type)?,
    };
    Some(FeedSettings { name: name.into(), source })
}

/// Reads every entry, so that every mistake is noted.
fn read_inline(node: &Node<'_>, feed_type: FeedType) -> Option<Entries> {
    let mut builder = Builder::new(feed_type);
    let read = match feed_type {
        FeedType::NotBefore => {
            let subjects = node.entries("an object with a time for each subject")?;
            all(subjects.map(|(subject, node)| node.noted(builder.subject(subject, node.value()))))
        }
        FeedType::Networks | FeedType::Strings => {
            let items = node.list("a list of strings")?;
            all(items.map(|node| node.noted(builder.text(node.string("a string")?))))
        }
    };
    if read?.is_empty() {
        node.mistake("is empty; expected at least one entry");
        return None;
    }
    node.noted(builder.finish())
}

const TYPES: &str = "\"networks\", \"strings\" or \"not_before\"";

fn read_type(node: &Node<'_>) -> Option<FeedType> {
    let found = node.value().as_str().and_then(type_named);
    if found.is_none() {
        node.unexpected(TYPES);
    }
    found
}

fn type_named(name: &str) -> Option<FeedType> {
    let all = [FeedType::Networks, FeedType::Strings, FeedType::NotBefore];
    all.into_iter().find(|feed_type| feed_type.name() == name)
}

fn read_remote(name: &str, node: &Node<'_>, feed_type: FeedType) -> Option<FeedSource> {
    let remote = node.object("an object such as {cluster: feeds, uri: …}", &REMOTE_KEYS)?;
    let cluster = read_cluster(&remote);
    let endpoint = remote.required("uri", "the URL of the list").and_then(|node| read_url(&node));
    let wait = read_duration(&remote, &WAIT);
    let times = read_times(node, &remote, "entries");
    let longest = match remote.get("max_bytes") {
        Some(node) => node.integer(1, MOST_BYTES).and_then(|bytes| usize::try_from(bytes).ok()),
        None => Some(DEFAULT_BYTES),
    };
    let allow_empty = remote.get("allow_empty").map_or(Some(false), |node| node.boolean());
    let Times { timeout, refresh, refresh_min, stale_for } = times?;
    let format = FeedFormat { feed_type, longest: longest?, allow_empty: allow_empty? };
    let settings = RemoteSettings {
        name: name.into(),
        cluster: cluster?,
        source: RemoteSource::Document(endpoint?),
        timeout,
        wait: wait?,
        refresh,
        refresh_min,
        stale_for,
        // No request brings a fetch forward.
        refetch_after: Duration::MAX,
    };
    Some(FeedSource::Remote { format, settings })
}

/// Whether a condition can write it after a dot.
fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
