//! What operators see of a document that is fetched and kept fresh.

use std::cell::Cell;
use std::time::Duration;

use super::record;
use crate::host::{Host, MetricId, MetricKind};

/// The names of the metrics of a kind of documents.
#[derive(Debug)]
pub struct DocumentNames {
    /// Whose documents these are: the name of the label.
    pub owner: &'static str,
    /// Counts fetches, by their outcome.
    pub fetches: &'static str,
    /// How old a document is, in seconds.
    pub age: &'static str,
    /// How old it may get before it is used no more, in seconds.
    pub limit: &'static str,
    /// How much of use is in it: 0 while there is none that is fresh enough.
    pub held: &'static str,
}

/// The metrics of one document.
#[derive(Debug)]
pub(crate) struct DocumentMetrics {
    success: Option<MetricId>,
    failure: Option<MetricId>,
    limit: Option<MetricId>,
    held: Option<MetricId>,
    /// It is made with the first document: an age of 0 would say that one is there.
    age: Cell<Option<MetricId>>,
    age_name: String,
}

impl DocumentMetrics {
    pub(crate) fn new(names: &DocumentNames, label: &str, host: &dyn Host) -> Self {
        let full = |metric: &str| format!("{metric}.{}.{label}", names.owner);
        let fetches = |outcome| {
            let name = format!("{}.outcome.{outcome}", full(names.fetches));
            host.define_metric(MetricKind::Counter, &name)
        };
        let gauge = |name| host.define_metric(MetricKind::Gauge, &full(name));
        Self {
            success: fetches("success"),
            failure: fetches("failure"),
            limit: gauge(names.limit),
            held: gauge(names.held),
            age: Cell::new(None),
            age_name: full(names.age),
        }
    }

    /// Counts a fetch.
    pub(crate) fn fetched(&self, is_good: bool, host: &dyn Host) {
        if let Some(id) = if is_good { self.success } else { self.failure } {
            host.add_to_metric(id, 1);
        }
    }

    /// Tells how the document stands.
    pub(crate) fn tell(
        &self,
        age: Option<Duration>,
        held: usize,
        limit: Duration,
        host: &dyn Host,
    ) {
        record(self.limit, limit.as_secs(), host);
        record(self.held, u64::try_from(held).unwrap_or(u64::MAX), host);
        if let Some(age) = age {
            if self.age.get().is_none() {
                self.age.set(host.define_metric(MetricKind::Gauge, &self.age_name));
            }
            record(self.age.get(), age.as_secs(), host);
        }
    }

    /// Says that nobody looks after the document any more. Who still does tells so with the next tick.
    pub(crate) fn retire(&self, host: &dyn Host) {
        for gauge in [self.limit, self.held, self.age.get()] {
            record(gauge, 0, host);
        }
    }
}
