//! `issuers[].keys`: where an issuer's keys come from.

use std::sync::Arc;
use std::time::Duration;

use super::node::{Node, Object};
use super::{introspection, one_of};
use crate::keys::{Algorithms, KeySet, KeySetProblem, KeySource, MAX_KEYS, VerifiedBy};
use crate::remote::{Endpoint, NotAUrl, RemoteSettings, RemoteSource};

const SOURCES: [&str; 5] = ["inline", "remote", "discovery", "verified_by", "introspection"];
pub(super) const EXPECTED: &str = "one of {inline: {keys: [...]}}, {remote: {cluster: …, uri: …}}, \
                        {discovery: {cluster: …}}, {verified_by: {metadata: …, key: …}} and \
                        {introspection: {cluster: …, uri: …, client: …}}";
const REMOTE_KEYS: [&str; 8] =
    ["cluster", "uri", "timeout", "wait", "refresh", "refresh_min", "stale_for", "refetch_after"];

const SECOND: Duration = Duration::from_secs(1);

/// A duration that can be configured: its key, its default, and its bounds.
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) default: Duration,
    pub(super) least: Duration,
    pub(super) most: Duration,
}

pub(super) const TIMEOUT: Setting = Setting {
    key: "timeout",
    default: Duration::from_secs(5),
    least: SECOND,
    most: Duration::from_mins(1),
};
pub(super) const WAIT: Setting = Setting {
    key: "wait",
    default: Duration::from_secs(3),
    least: Duration::ZERO,
    most: Duration::from_mins(1),
};
const REFRESH: Setting = Setting {
    key: "refresh",
    default: Duration::from_mins(10),
    least: SECOND,
    most: Duration::from_hours(24),
};
const REFRESH_MIN: Setting = Setting {
    key: "refresh_min",
    default: Duration::from_mins(1),
    least: SECOND,
    most: Duration::from_hours(24),
};
const STALE_FOR: Setting = Setting {
    key: "stale_for",
    default: Duration::from_hours(24),
    least: SECOND,
    most: Duration::from_hours(24 * 7),
};
const REFETCH_AFTER: Setting = Setting {
    key: "refetch_after",
    default: Duration::from_secs(30),
    least: SECOND,
    most: Duration::from_hours(1),
};

pub(super) fn read(
    node: &Node<'_>,
    issuer: Option<&str>,
    algorithms: Option<Algorithms>,
) -> Option<KeySource> {
    let keys = node.object(EXPECTED, &SOURCES)?;
    let source = one_of(&keys, &SOURCES)?;
    let node = keys.get(source)?;
    match source {
        "inline" => read_inline(&node, algorithms),
        "verified_by" => read_verified_by(&node).map(KeySource::VerifiedBy),
        "introspection" => introspection::read(&node).map(Arc::new).map(KeySource::Introspection),
        source => read_remote(&node, issuer, source).map(KeySource::Remote),
    }
}

/// Whether a filter before this one verifies the issuer's tokens.
pub(super) fn are_verified_before(issuer: &Object<'_>) -> bool {
    issuer
        .get("keys")
        .is_some_and(|keys| keys.any_object().is_some_and(|keys| keys.get("verified_by").is_some()))
}

fn read_verified_by(node: &Node<'_>) -> Option<VerifiedBy> {
    const NAMESPACE: &str =
        "the namespace of dynamic metadata such as envoy.filters.http.jwt_authn";
    const KEY: &str = "the key of the claims in it, which jwt_authn calls payload_in_metadata";
    let place = node.object("an object with metadata and key", &["metadata", "key"])?;
    let text = |key, expected: &str| {
        place.required(key, expected).and_then(|node| node.text(expected).map(Box::from))
    };
    let (namespace, key) = (text("metadata", NAMESPACE), text("key", KEY));
    Some(VerifiedBy { namespace: namespace?, key: key? })
}

/// The endpoint is the key set's own, or by default the issuer's metadata.
fn read_remote(node: &Node<'_>, issuer: Option<&str>, source: &str) -> Option<RemoteSettings> {
    let remote = node.object("an object such as {cluster: idp}", &REMOTE_KEYS)?;
    let cluster = read_cluster(&remote);
    let endpoint = match (source, remote.get("uri")) {
        ("remote", _) => remote
            .required("uri", "the URL of the key set")
            .and_then(|node| read_url(&node))
            .map(RemoteSource::Document),
        (_, Some(node)) => read_url(&node).map(RemoteSource::Metadata),
        (_, None) => issuer.and_then(|issuer| {
            let endpoint = Endpoint::well_known(issuer);
            if endpoint == Err(NotAUrl) {
                node.mistake(format!(
                    "the issuer {issuer:?} is no URL such as \"https://id.example.com\", so that its \
                     metadata cannot be found; mend it, or where tokens say so in iss, add uri, or \
                     use remote with the URL of the key set"
                ));
            }
            endpoint.ok().map(RemoteSource::Metadata)
        }),
    };
    let wait = read_duration(&remote, &WAIT);
    let times = read_times(node, &remote, "keys");
    let refetch_after = read_duration(&remote, &REFETCH_AFTER);
    let Times { timeout, refresh, refresh_min, stale_for } = times?;
    Some(RemoteSettings {
        name: issuer?.into(),
        cluster: cluster?,
        source: endpoint?,
        timeout,
        wait: wait?,
        refresh,
        refresh_min,
        stale_for,
        refetch_after: refetch_after?,
    })
}

/// The times of what is fetched again and again.
pub(super) struct Times {
    pub(super) timeout: Duration,
    pub(super) refresh: Duration,
    pub(super) refresh_min: Duration,
    pub(super) stale_for: Duration,
}

pub(super) fn read_times(node: &Node<'_>, remote: &Object<'_>, what: &str) -> Option<Times> {
    let [timeout, refresh, refresh_min, stale_for] = [&TIMEOUT, &REFRESH, &REFRESH_MIN, &STALE_FOR]
        .map(|setting| read_duration(remote, setting));
    if let (Some(refresh), Some(stale_for)) = (refresh, stale_for)
        && stale_for < refresh
    {
        node.mistake(format!(
            "has a stale_for that is shorter than refresh, so that {what} would be thrown away \
             before they are fetched again; expected it to be longer",
        ));
    }
    // A default is no word of the operator's: where refresh alone is shorter, it wins.
    if let (Some(node), Some(refresh), Some(refresh_min)) =
        (remote.get(REFRESH_MIN.key), refresh, refresh_min)
        && refresh_min > refresh
    {
        node.mistake(format!(
            "is longer than refresh, which is {}s here and the longest time between two fetches, so \
             that it would mean nothing; expected it to be shorter",
            refresh.as_secs()
        ));
    }
    Some(Times {
        timeout: timeout?,
        refresh: refresh?,
        refresh_min: refresh_min?,
        stale_for: stale_for?,
    })
}

pub(super) fn read_cluster(object: &Object<'_>) -> Option<Box<str>> {
    const EXPECTED: &str = "the name of a cluster of the proxy";
    object.required("cluster", EXPECTED)?.text(EXPECTED).map(Box::from)
}

pub(super) fn read_url(node: &Node<'_>) -> Option<Endpoint> {
    const EXPECTED: &str = "an absolute URL such as \"https://id.example.com/jwks\"";
    let endpoint = Endpoint::from_url(node.header_word(EXPECTED)?);
    if endpoint == Err(NotAUrl) {
        node.unexpected(EXPECTED);
    }
    endpoint.ok()
}

pub(super) fn read_duration(object: &Object<'_>, setting: &'static Setting) -> Option<Duration> {
    let Some(node) = object.get(setting.key) else { return Some(setting.default) };
    let duration = node.seconds()?;
    if duration < setting.least || duration > setting.most {
        node.unexpected(&format!(
            "a duration from {}s to {}s",
            setting.least.as_secs(),
            setting.most.as_secs()
        ));
        return None;
    }
    Some(duration)
}

fn read_inline(node: &Node<'_>, algorithms: Option<Algorithms>) -> Option<KeySource> {
    let (set, skipped) = match KeySet::from_jwks(node.value()) {
        Ok(read) => read,
        Err(KeySetProblem::NotAKeySet) => {
            node.unexpected("a JWK Set: an object with a list named keys (RFC 7517 §5)");
            return None;
        }
        Err(KeySetProblem::TooManyKeys) => {
            node.mistake(format!("holds too many keys; expected {MAX_KEYS} at most"));
            return None;
        }
    };
    let object = node.any_object()?;
    let list = object.get("keys")?;
    let nodes = list.list("a list of keys")?.collect::<Vec<_>>();
    for key in &skipped {
        if let Some(node) = nodes.get(key.index) {
            node.mistake(format!("{}; mend it or take it out", key.problem));
        }
    }
    if set.is_empty() && skipped.is_empty() {
        list.mistake("is empty; expected at least one public key");
        return None;
    }
    if let Some(algorithms) = algorithms {
        let is_skipped = |index: usize| skipped.iter().any(|key| key.index == index);
        let kept = nodes.iter().enumerate().filter(|(index, _)| !is_skipped(*index));
        for (key, (_, node)) in set.iter().zip(kept) {
            if !key.algorithms().iter().any(|algorithm| algorithms.contains(algorithm)) {
                node.mistake(format!(
                    "serves {}, and the issuer's algorithms are {algorithms}, so that no token could \
                     use it; add one to algorithms, or take the key out",
                    key.algorithms()
                ));
            }
        }
    }
    Some(KeySource::Inline(Arc::new(set)))
}
