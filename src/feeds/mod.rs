//! Lists that conditions look into: networks and texts with a bad reputation, and subjects whose
//! earlier logins do not count any more.

mod document;
mod entries;
mod networks;
mod table;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use self::document::FeedFormat;
pub(crate) use self::entries::Builder;
pub use self::entries::{Entries, FeedType};
pub(crate) use self::networks::parse_network;
use crate::host::{CallId, CalloutAnswer, Host};
use crate::remote::{Lookup, RemoteDocument, RemoteSettings};
use crate::report::labels;

/// The most entries of a feed.
pub const MAX_ENTRIES: usize = 1_000_000;

/// A feed as it is configured.
#[derive(Debug)]
pub struct FeedSettings {
    /// Its name in conditions.
    pub name: Box<str>,
    /// Where its entries come from.
    pub source: FeedSource,
}

/// Where the entries of a feed come from.
#[derive(Debug)]
pub enum FeedSource {
    /// They are written into the configuration.
    Inline(Arc<Entries>),
    /// They are fetched.
    Remote {
        /// How they are read.
        format: FeedFormat,
        /// From where, and how they are kept fresh.
        settings: RemoteSettings,
    },
}

/// The feeds, as one worker holds them.
#[derive(Debug, Default)]
pub struct Feeds {
    inline: HashMap<Box<str>, Arc<Entries>>,
    remote: RefCell<HashMap<Box<str>, RemoteDocument<FeedFormat>>>,
}

impl Feeds {
    /// Starts to keep the feeds.
    pub fn new(settings: Vec<FeedSettings>, host: &dyn Host) -> Self {
        let mut feeds = Self::default();
        let labels = labels(settings.iter().map(|feed| &*feed.name));
        for (FeedSettings { name, source }, label) in settings.into_iter().zip(labels) {
            match source {
                FeedSource::Inline(entries) => {
                    feeds.inline.insert(name, entries);
                }
                FeedSource::Remote { format, settings } => {
                    let document = RemoteDocument::new(format, settings, &label, host);
                    feeds.remote.get_mut().insert(name, document);
                }
            }
        }
        feeds
    }

    /// Whether no feed is fetched, so that nothing is to be done in ticks.
    pub fn is_idle(&self) -> bool {
        self.remote.borrow().is_empty()
    }

    /// The entries of a feed; `None` where they were never loaded, or are too old to be trusted.
    pub fn entries(&self, name: &str, host: &dyn Host) -> Option<Arc<Entries>> {
        if let Some(entries) = self.inline.get(name) {
            return Some(Arc::clone(entries));
        }
        match self.remote.borrow_mut().get_mut(name)?.lookup(host) {
            Lookup::Ready(entries, _) => Some(entries),
            Lookup::Pending(_) | Lookup::Unavailable(_) => None,
        }
    }

    /// How long a request can wait for a feed that was never loaded; `None` where there is nothing to
    /// wait for.
    pub fn first_wait(&self, name: &str, host: &dyn Host) -> Option<Duration> {
        self.remote.borrow_mut().get_mut(name)?.first_wait(host)
    }

    /// Fetches what is due. Says whether there is news for requests that wait.
    pub fn on_tick(&self, host: &dyn Host) -> bool {
        let mut has_news = false;
        for document in self.remote.borrow_mut().values_mut() {
            has_news |= document.on_tick(host);
        }
        has_news
    }

    /// Tells operators how the feeds that are fetched stand.
    pub fn tell(&self, host: &dyn Host) {
        self.remote.borrow().values().for_each(|document| document.tell(host));
    }

    /// Tells them that nobody looks after the feeds any more.
    pub fn retire(&self, host: &dyn Host) {
        self.remote.borrow().values().for_each(|document| document.retire(host));
    }

    /// The longest body that is taken as the answer to a call, in bytes; `None` when it is not for a
    /// feed.
    pub fn longest_answer(&self, call: CallId) -> Option<usize> {
        self.remote.borrow().values().find_map(|document| document.longest_answer(call))
    }

    /// Takes the answer to a call. `false` when it is not for a feed.
    pub fn on_answer(&self, host: &dyn Host, call: CallId, answer: &CalloutAnswer) -> bool {
        self.remote.borrow_mut().values_mut().any(|feed| feed.on_answer(host, call, answer))
    }
}

/// Entries of a JSON document, for tests.
#[cfg(test)]
pub(crate) fn from_json(
    feed_type: FeedType,
    document: &serde_json::Value,
) -> Result<Entries, String> {
    document::read(feed_type, &document.to_string())
}
