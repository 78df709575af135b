//! Counts that are many, of which few change.

use std::cell::{Cell, RefCell};

use crate::host::{Host, MetricId, MetricKind};

/// Counts by their place. Counting neither asks for memory nor calls the proxy, which would cost a request
/// more than what is counted: the proxy is told from time to time, and makes a metric of a count then.
#[derive(Debug)]
pub(super) struct Tally {
    counts: Box<[Cell<u32>]>,
    /// The places that were counted since the proxy was told.
    changed: RefCell<Vec<usize>>,
    ids: Box<[Cell<Option<MetricId>>]>,
}

impl Tally {
    pub(super) fn new(places: usize) -> Self {
        Self {
            counts: (0..places).map(|_| Cell::new(0)).collect(),
            changed: RefCell::default(),
            ids: (0..places).map(|_| Cell::new(None)).collect(),
        }
    }

    pub(super) fn count(&self, place: usize) {
        let Some(count) = self.counts.get(place) else { return };
        if count.get() == 0 {
            self.changed.borrow_mut().push(place);
        }
        count.set(count.get().saturating_add(1));
    }

    /// Tells the proxy. `name` is asked for the name of a place once.
    pub(super) fn tell(&self, host: &dyn Host, name: impl Fn(usize) -> String) {
        for place in self.changed.borrow_mut().drain(..) {
            let (Some(count), Some(id)) = (self.counts.get(place), self.ids.get(place)) else {
                continue;
            };
            if id.get().is_none() {
                id.set(host.define_metric(MetricKind::Counter, &name(place)));
            }
            let count = count.take();
            if let Some(id) = id.get() {
                host.add_to_metric(id, count.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;
    use crate::request::Headers;

    #[test]
    fn what_was_counted_is_told_once_and_what_was_not_is_no_metric() {
        let host = MemoryHost::new(Headers::default());
        let tally = Tally::new(3);
        let tell = || tally.tell(&host, |place| format!("place.{place}"));
        for place in [2, 0, 2, 3] {
            tally.count(place);
        }
        assert_eq!(host.metric("place.2"), None);
        tell();
        tell();
        assert_eq!((host.metric("place.0"), host.metric("place.2")), (Some(1), Some(2)));
        tally.count(2);
        tell();
        assert_eq!((host.metric("place.1"), host.metric("place.2")), (None, Some(3)));
        assert_eq!(host.metric("place.3"), None, "there is no such place");
    }
}
