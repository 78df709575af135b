//! What the workers of a process share about a document.
//!
//! All times are of the clock that only goes forward. A wall clock that is a day ahead when the
//! machine starts, and is mended then, would put off the next fetch for a day.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FIRST_RETRY, LEAD_MARGIN, RemoteSettings, RemoteSource};
use crate::host::{Host, Outdated, SHARED_TRIES, SharedVersion};
use crate::time::Moment;

/// What is to be done next, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// When the document is to be fetched again.
    pub(super) next_fetch: Moment,
    /// Until when a worker leads a fetch. It may die before.
    pub(super) led_until: Option<Moment>,
    /// How many fetches failed in a row.
    pub(super) failures: u32,
    /// When an unknown `kid` last brought a fetch forward.
    pub(super) forced_at: Option<Moment>,
    /// When the published document was fetched; `None` while there is none.
    pub(super) fetched_at: Option<Moment>,
    /// Which document is published. It changes when that does.
    pub(super) generation: u64,
}

impl Plan {
    /// Whether a worker is fetching. One that set out with a longer time-out may have gone with its
    /// configuration, and is not waited for.
    pub(super) fn is_led(&self, now: Moment, settings: &RemoteSettings) -> bool {
        // Another worker can have read the clock a little later.
        let longest = settings.longest_fetch().saturating_add(LEAD_MARGIN);
        self.led_until.is_some_and(|until| now < until && until <= now.plus(longest))
    }

    /// Whether it is time to fetch. Who wrote the plan may have had a longer `refresh`; after a
    /// failure, only the back-off counts.
    pub(super) fn is_due(&self, now: Moment, settings: &RemoteSettings) -> bool {
        let is_old = |fetched_at: Moment| now >= fetched_at.plus(settings.refresh);
        now >= self.next_fetch || (self.failures == 0 && self.fetched_at.is_some_and(is_old))
    }

    /// When a retry makes sense for a client.
    pub(super) fn retry_after(&self, now: Moment) -> Duration {
        self.next_fetch.since(now).unwrap_or(FIRST_RETRY)
    }
}

/// A document as the leading worker fetched it.
#[derive(Debug)]
pub(super) struct Published {
    /// What is known of it.
    pub(super) head: Head,
    /// Its text.
    pub(super) document: String,
}

/// What is known of a document. It stands as a line before the text, which can be long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Which one it is.
    pub(super) generation: u64,
    /// When it was fetched.
    pub(super) fetched_at: Moment,
}

/// The shared values of one document.
#[derive(Debug)]
pub(super) struct SharedPlan {
    plan: String,
    document: String,
}

impl SharedPlan {
    /// Filters with the same owner, kind, cluster and place share; any other does not.
    pub(super) fn new(owner: &str, kind: &str, settings: &RemoteSettings) -> Self {
        let (first, endpoint) = match &settings.source {
            RemoteSource::Document(endpoint) => ("document", endpoint),
            RemoteSource::Metadata(endpoint) => ("metadata", endpoint),
        };
        let RemoteSettings { name, cluster, .. } = settings;
        let name = format!("stepup.v3 {owner} {name} {kind} {cluster} {first} {endpoint}");
        Self { plan: format!("{name} plan"), document: format!("{name} set") }
    }

    /// Writes a first plan where there is none: fetch now.
    pub(super) fn ensure(&self, host: &dyn Host) {
        if host.shared(&self.plan).is_none() {
            let first = Plan {
                next_fetch: host.moment(),
                led_until: None,
                failures: 0,
                forced_at: None,
                fetched_at: None,
                generation: 0,
            };
            let _ = host.set_shared(&self.plan, &encode(&first), None);
        }
    }

    pub(super) fn read(&self, host: &dyn Host) -> Option<(Plan, SharedVersion)> {
        let (value, version) = host.shared(&self.plan)?;
        Some((serde_json::from_slice(&value).ok()?, version))
    }

    /// Writes a plan in the place of the one that was read. Fails where another worker was faster,
    /// which then did, or does, the same.
    pub(super) fn replace(
        &self,
        host: &dyn Host,
        plan: &Plan,
        version: SharedVersion,
    ) -> Result<(), Outdated> {
        host.set_shared(&self.plan, &encode(plan), Some(version))
    }

    /// Changes the plan, whatever other workers change beside. Returns what was written.
    pub(super) fn update(&self, host: &dyn Host, change: impl Fn(Plan) -> Plan) -> Option<Plan> {
        (0..SHARED_TRIES).find_map(|_| {
            let (plan, version) = self.read(host)?;
            let changed = change(plan);
            self.replace(host, &changed, version).ok().map(|()| changed)
        })
    }

    pub(super) fn read_document(&self, host: &dyn Host) -> Option<Published> {
        let (mut value, _) = host.shared(&self.document)?;
        let end = value.iter().position(|byte| *byte == b'\n')?;
        let head = serde_json::from_slice(value.get(..end)?).ok()?;
        value.drain(..=end);
        Some(Published { head, document: String::from_utf8(value).ok()? })
    }

    /// Only the worker that leads writes it.
    pub(super) fn write_document(&self, host: &dyn Host, head: &Head, document: &str) {
        let mut value = encode(head);
        value.reserve_exact(document.len().saturating_add(1));
        value.push(b'\n');
        value.extend_from_slice(document.as_bytes());
        let _ = host.set_shared(&self.document, &value, None);
    }
}

/// Numbers and strings always serialize.
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
