//! `feeds`: lists that conditions look into.

use std::sync::Arc;
use std::time::Duration;

use super::keys::{self, read_cluster, read_duration, read_url};
use super::node::{Node, Object};
use super::{all, one_of};
use crate::feeds::{FeedFormat, FeedSettings, FeedSource, FeedType, from_json};
use crate::remote::{RemoteSettings, RemoteSource};

const KEYS: [&str; 3] = ["type", "inline", "remote"];
const REMOTE_KEYS: [&str; 8] = [
    "cluster",
    "uri",
    "timeout",
    "refresh",
    "refresh_min",
    "stale_for",
    "max_bytes",
    "allow_empty",
];

/// The longest document where nothing else is said, and the longest that can be allowed.
const DEFAULT_BYTES: usize = 4 * 1024 * 1024;
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The names of the feeds, for conditions. A feed with a mistake has one too.
pub(super) fn names<'a>(object: &Object<'a>) -> Vec<&'a str> {
    let feeds = object.get("feeds").and_then(|node| node.value().as_object());
    feeds.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

pub(super) fn read(object: &Object<'_>) -> Option<Vec<FeedSettings>> {
    let Some(node) = object.get("feeds") else { return Some(Vec::new()) };
    let entries = node.entries("an object with a feed for each name")?;
    all(entries.map(|(name, node)| read_feed(name, &node)))
}

fn read_feed(name: &str, node: &Node<'_>) -> Option<FeedSettings> {
    let feed = node.object("a feed with type, and inline or remote", &KEYS)?;
    if !is_identifier(name) {
        node.mistake("has a name that conditions cannot use; expected letters, digits and _");
    }
    let feed_type = feed.required("type", TYPES).and_then(|node| read_type(&node));
    let source = one_of(&feed, &["inline", "remote"]);
    let source = match (source?, feed_type?) {
        ("inline", feed_type) => {
            let node = feed.get("inline")?;
            match from_json(feed_type, node.value()) {
                Ok(entries) => FeedSource::Inline(Arc::new(entries)),
                Err((place, problem)) => {
                    let place = place.map(|place| format!("entry {place}: ")).unwrap_or_default();
                    node.mistake(format!("{place}{problem}"));
                    return None;
                }
            }
        }
        (_, feed_type) => read_remote(name, &feed.get("remote")?, feed_type)?,
    };
    Some(FeedSettings { name: name.into(), source })
}

const TYPES: &str = "\"networks\", \"strings\" or \"not_before\"";

fn read_type(node: &Node<'_>) -> Option<FeedType> {
    match node.value().as_str() {
        Some("networks") => Some(FeedType::Networks),
        Some("strings") => Some(FeedType::Strings),
        Some("not_before") => Some(FeedType::NotBefore),
        _ => {
            node.unexpected(TYPES);
            None
        }
    }
}

fn read_remote(name: &str, node: &Node<'_>, feed_type: FeedType) -> Option<FeedSource> {
    let remote = node.object("an object such as {cluster: feeds, uri: …}", &REMOTE_KEYS)?;
    let cluster = read_cluster(&remote);
    let endpoint = remote.required("uri", "the URL of the list").and_then(|node| read_url(&node));
    let [timeout, refresh, refresh_min, stale_for] =
        [&keys::TIMEOUT, &keys::REFRESH, &keys::REFRESH_MIN, &keys::STALE_FOR]
            .map(|setting| read_duration(&remote, setting));
    if let (Some(refresh), Some(stale_for)) = (refresh, stale_for)
        && stale_for < refresh
    {
        node.mistake(
            "has a stale_for that is shorter than refresh, so that the list would be thrown away \
             before it is fetched again; expected it to be longer",
        );
    }
    let longest = match remote.get("max_bytes") {
        Some(node) => node.integer(1, MOST_BYTES).and_then(|bytes| usize::try_from(bytes).ok()),
        None => Some(DEFAULT_BYTES),
    };
    let allow_empty = remote.get("allow_empty").map_or(Some(false), |node| node.boolean());
    let format = FeedFormat { feed_type, longest: longest?, allow_empty: allow_empty? };
    let settings = RemoteSettings {
        name: name.into(),
        cluster: cluster?,
        source: RemoteSource::Document(endpoint?),
        timeout: timeout?,
        // No request waits for a feed, and none brings a fetch forward.
        wait: Duration::ZERO,
        refresh: refresh?,
        refresh_min: refresh_min?,
        stale_for: stale_for?,
        refetch_after: Duration::MAX,
    };
    Some(FeedSource::Remote { format, settings })
}

/// Whether a condition can write it after a dot.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
