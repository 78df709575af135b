//! Where documents come from.

use std::time::Duration;

use super::{Endpoint, LEAD_MARGIN};

/// Where a document comes from, and how fresh it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSettings {
    /// The name of its owner: the issuer, or the feed.
    pub name: Box<str>,
    /// The proxy's cluster that the requests go through.
    pub cluster: Box<str>,
    /// What is asked first.
    pub source: RemoteSource,
    /// How long the proxy waits for an answer.
    pub timeout: Duration,
    /// How long a request waits for a document.
    pub wait: Duration,
    /// The longest time between two fetches. `Cache-Control: max-age` shortens it.
    pub refresh: Duration,
    /// The shortest time between two fetches that `Cache-Control: max-age` brings about.
    pub refresh_min: Duration,
    /// How long the last good document serves while it cannot be fetched again.
    pub stale_for: Duration,
    /// The shortest time between two early fetches for the sake of an unknown `kid`.
    pub refetch_after: Duration,
}

impl RemoteSettings {
    /// How long a fetch can take: two requests at most, one after the other.
    pub(super) fn longest_fetch(&self) -> Duration {
        self.timeout.saturating_mul(2).saturating_add(LEAD_MARGIN)
    }
}

/// What is asked first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteSource {
    /// The document itself.
    Document(Endpoint),
    /// The issuer's metadata (OIDC Discovery §4, RFC 8414 §3), which says where the key set is.
    Metadata(Endpoint),
}
