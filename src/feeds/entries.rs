//! What feeds list.

use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use super::MAX_ENTRIES;
use super::networks::{self, Networks};
use super::table::{self, Table};
use crate::time::Timestamp;

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

impl FeedType {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Networks => "networks",
            Self::Strings => "strings",
            Self::NotBefore => "not_before",
        }
    }
}

/// The entries of a feed. A look for one takes a time that hardly grows with their number.
#[derive(PartialEq, Eq)]
pub enum Entries {
    /// Networks.
    Networks(Networks),
    /// Texts.
    Strings(Table<()>),
    /// Subjects with seconds since the epoch.
    NotBefore(Table<i64>),
}

impl fmt::Debug for Entries {
    /// How many there are, not which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entries({})", self.len())
    }
}

impl Entries {
    /// How many there are. Networks within others are not counted.
    pub const fn len(&self) -> usize {
        match self {
            Self::Networks(networks) => networks.len(),
            Self::Strings(texts) => texts.len(),
            Self::NotBefore(subjects) => subjects.len(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
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
            Self::Strings(texts) => Some(texts.get(text).is_some()),
            Self::NotBefore(subjects) => Some(subjects.get(text).is_some()),
        }
    }

    /// Before which time a subject's logins do not count, in seconds since the epoch; 0 for one
    /// that is not listed. `None` where these are no subjects.
    pub fn not_before(&self, subject: &str) -> Option<i64> {
        match self {
            Self::Networks(_) | Self::Strings(_) => None,
            Self::NotBefore(subjects) => Some(subjects.get(subject).copied().unwrap_or(0)),
        }
    }

    /// The bytes that these take.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Networks(networks) => networks.memory(),
            Self::Strings(texts) => texts.memory(),
            Self::NotBefore(subjects) => subjects.memory(),
        }
    }
}

/// Entries while they are read.
#[derive(Debug)]
pub(crate) struct Builder {
    entries: Unsorted,
    count: usize,
}

#[derive(Debug)]
enum Unsorted {
    Networks(networks::Unsorted),
    Strings(table::Unsorted<()>),
    NotBefore(table::Unsorted<i64>),
}

const EXPECTED_TIME: &str =
    "expected a time in seconds since 1970-01-01T00:00:00Z, such as 1790000000";

impl Builder {
    pub(crate) fn new(feed_type: FeedType) -> Self {
        let entries = match feed_type {
            FeedType::Networks => Unsorted::Networks(networks::Unsorted::default()),
            FeedType::Strings => Unsorted::Strings(table::Unsorted::default()),
            FeedType::NotBefore => Unsorted::NotBefore(table::Unsorted::default()),
        };
        Self { entries, count: 0 }
    }

    /// Adds a network or a text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), String> {
        self.count(text)?;
        match &mut self.entries {
            Unsorted::Networks(networks) => networks.add(text),
            Unsorted::Strings(texts) => texts.add(text, ()).ok_or_else(too_long),
            Unsorted::NotBefore(_) => Err(format!("found no time; {EXPECTED_TIME}")),
        }
    }

    /// Adds a subject.
    ///
    /// # Errors
    /// What is wrong with it, or with its time.
    pub(crate) fn subject(&mut self, subject: &str, time: &Value) -> Result<(), String> {
        self.count(subject)?;
        let time = seconds(time).ok_or_else(|| format!("found {time}; {EXPECTED_TIME}"))?;
        match &mut self.entries {
            Unsorted::NotBefore(subjects) => subjects.add(subject, time).ok_or_else(too_long),
            Unsorted::Networks(_) | Unsorted::Strings(_) => {
                Err("found a time; expected none".to_owned())
            }
        }
    }

    fn count(&mut self, text: &str) -> Result<(), String> {
        if text.is_empty() {
            return Err("is empty; expected an entry".to_owned());
        }
        self.count = self.count.saturating_add(1);
        if self.count > MAX_ENTRIES {
            return Err(format!("there are more entries than {MAX_ENTRIES}; expected fewer"));
        }
        Ok(())
    }

    /// All entries.
    ///
    /// # Errors
    /// When a subject stands there twice: two times would leave it open which of them counts.
    pub(crate) fn finish(self) -> Result<Entries, String> {
        Ok(match self.entries {
            Unsorted::Networks(networks) => Entries::Networks(networks.sort()),
            Unsorted::Strings(texts) => Entries::Strings(texts.sort().0),
            Unsorted::NotBefore(subjects) => match subjects.sort() {
                (subjects, None) => Entries::NotBefore(subjects),
                (_, Some(subject)) => {
                    return Err(format!(
                        "the subject {subject:?} is listed twice; expected one time for it"
                    ));
                }
            },
        })
    }
}

fn too_long() -> String {
    "the entries are too long together".to_owned()
}

/// A login within the second of the event does not count either.
fn seconds(time: &Value) -> Option<i64> {
    let time = Timestamp::from_numeric_date(time)?.since_epoch();
    let rounded = u64::from(time.subsec_nanos() > 0);
    i64::try_from(time.as_secs().saturating_add(rounded)).ok()
}
