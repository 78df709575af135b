//! Lists that conditions look into: networks and texts with a bad reputation, and subjects whose
//! earlier logins do not count any more.

mod document;
mod networks;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) use self::document::{FeedFormat, from_json};
use self::networks::Networks;
use crate::host::{CallId, CalloutAnswer, Host};
use crate::remote::{Lookup, RemoteDocument, RemoteSettings};

/// The most entries of a feed.
pub const MAX_ENTRIES: usize = 1_000_000;

/// What a feed lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedType {
    /// IP addresses and networks.
    Networks,
    /// Texts.
    Strings,
    /// Subjects, each with the time before which its logins do not count.
    NotBefore,
}

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

/// The entries of a feed. A look for one takes a time that hardly grows with their number.
#[derive(PartialEq, Eq)]
pub enum Entries {
    /// Networks.
    Networks(Networks),
    /// Texts, sorted.
    Strings(Box<[Box<str>]>),
    /// Subjects with seconds since the epoch, sorted.
    NotBefore(Box<[(Box<str>, i64)]>),
}

impl fmt::Debug for Entries {
    /// How many there are, not which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({})", self.len())
    }
}

impl Entries {
    /// How many there are. Networks within others are not counted.
    pub fn len(&self) -> usize {
        match self {
            Self::Networks(networks) => networks.len(),
            Self::Strings(texts) => texts.len(),
            Self::NotBefore(subjects) => subjects.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an address is in one of the networks; `None` where these are no networks.
    pub fn has_address(&self, address: IpAddr) -> Option<bool> {
        match self {
            Self::Networks(networks) => Some(networks.contains(address)),
            Self::Strings(_) | Self::NotBefore(_) => None,
        }
    }

    /// Whether a text is among these; `None` where these are networks.
    pub fn has_text(&self, text: &str) -> Option<bool> {
        match self {
            Self::Networks(_) => None,
            Self::Strings(texts) => Some(texts.binary_search_by(|own| (**own).cmp(text)).is_ok()),
            Self::NotBefore(subjects) => Some(find(subjects, text).is_some()),
        }
    }

    /// Before which time a subject's logins do not count, in seconds since the epoch; 0 for one
    /// that is not listed. `None` where these are no subjects.
    pub fn not_before(&self, subject: &str) -> Option<i64> {
        match self {
            Self::Networks(_) | Self::Strings(_) => None,
            Self::NotBefore(subjects) => Some(find(subjects, subject).unwrap_or(0)),
        }
    }
}

fn find(subjects: &[(Box<str>, i64)], subject: &str) -> Option<i64> {
    let at = subjects.binary_search_by(|(own, _)| (**own).cmp(subject)).ok()?;
    subjects.get(at).map(|(_, time)| *time)
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
        for FeedSettings { name, source } in settings {
            match source {
                FeedSource::Inline(entries) => {
                    feeds.inline.insert(name, entries);
                }
                FeedSource::Remote { format, settings } => {
                    let document = RemoteDocument::new(format, settings, host);
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

    /// Fetches what is due.
    pub fn on_tick(&self, host: &dyn Host) {
        for document in self.remote.borrow_mut().values_mut() {
            document.on_tick(host);
        }
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
