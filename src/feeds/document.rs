//! The documents of feeds.

use serde_json::Value;

use super::networks::{self, Networks};
use super::{Entries, FeedType, MAX_ENTRIES};
use crate::json;
use crate::remote::Format;
use crate::report::Counter;
use crate::time::Timestamp;

/// How the document of a feed is read: as JSON, or as text with an entry on each line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedFormat {
    /// What it lists.
    pub feed_type: FeedType,
    /// The longest document, in bytes.
    pub longest: usize,
    /// Whether it may list nothing. An outage can look like that.
    pub allow_empty: bool,
}

impl Format for FeedFormat {
    type Loaded = Entries;
    const OWNER: &'static str = "feed";
    const WHAT: &'static str = "entries";
    const FETCHED: Counter = Counter::FeedFetch;
    const FAILED: Counter = Counter::FeedFetchFailure;

    fn longest(&self) -> usize {
        self.longest
    }

    /// One bad entry among good ones makes a bad document: it may be cut off, or another one.
    fn check(&self, body: &[u8]) -> Result<(String, Vec<String>), String> {
        let text =
            std::str::from_utf8(body).map_err(|_| "a document that is no text".to_owned())?;
        let entries = self.read(text)?;
        if entries.is_empty() && !self.allow_empty {
            return Err("a document without an entry; allow_empty: true accepts it".to_owned());
        }
        Ok((text.to_owned(), Vec::new()))
    }

    fn load(&self, document: &str) -> Option<Entries> {
        self.read(document).ok()
    }
}

impl FeedFormat {
    fn read(&self, text: &str) -> Result<Entries, String> {
        match text.trim_start().as_bytes().first() {
            Some(b'[' | b'{') => {
                let document = json::parse(text.as_bytes()).map_err(|error| error.to_string())?;
                from_json(self.feed_type, &document).map_err(|(place, problem)| match place {
                    Some(place) => format!("entry {place}: {problem}"),
                    None => problem,
                })
            }
            _ => self.read_lines(text),
        }
    }

    fn read_lines(&self, text: &str) -> Result<Entries, String> {
        let lines = text.lines().enumerate().map(|(index, line)| {
            let line = line.split_once('#').map_or(line, |(entry, _)| entry);
            (index.saturating_add(1), line.trim())
        });
        let lines = lines.filter(|(_, line)| !line.is_empty());
        let at = |number: usize, problem: String| format!("line {number}: {problem}");
        match self.feed_type {
            FeedType::Networks => {
                let read = lines
                    .map(|(number, line)| network(line).map_err(|problem| at(number, problem)));
                bounded(read.collect::<Result<Vec<_>, _>>()?)
                    .map(|networks| Entries::Networks(Networks::new(networks)))
            }
            FeedType::Strings => bounded(lines.map(|(_, line)| line.into()).collect()).map(strings),
            FeedType::NotBefore => {
                let read = lines.map(|(number, line)| {
                    let (subject, time) = line
                        .rsplit_once(char::is_whitespace)
                        .ok_or_else(|| at(number, "expected a subject and a time".to_owned()))?;
                    let time = time.parse::<u64>().ok().map(Value::from);
                    let time = time.and_then(|time| seconds(&time));
                    let time = time.ok_or_else(|| at(number, EXPECTED_TIME.to_owned()))?;
                    Ok((Box::from(subject.trim_end()), time))
                });
                not_before(bounded(read.collect::<Result<Vec<_>, String>>()?)?)
            }
        }
    }
}

const EXPECTED_TIME: &str = "expected a time in seconds since 1970-01-01T00:00:00Z";

/// Reads entries from JSON: a list of texts, or an object with a time for each subject.
///
/// # Errors
/// What is wrong, and the place of the entry where it is one.
pub(crate) fn from_json(
    feed_type: FeedType,
    document: &Value,
) -> Result<Entries, (Option<String>, String)> {
    let whole = |problem: String| (None, problem);
    if feed_type == FeedType::NotBefore {
        let subjects = document
            .as_object()
            .ok_or_else(|| whole("no object with a time for each subject".to_owned()))?;
        let read = subjects.iter().map(|(subject, time)| {
            let place = || (Some(format!("{subject:?}")), EXPECTED_TIME.to_owned());
            seconds(time).map(|time| (Box::from(subject.as_str()), time)).ok_or_else(place)
        });
        let read = bounded(read.collect::<Result<Vec<_>, _>>()?).map_err(whole)?;
        return not_before(read).map_err(whole);
    }
    let items = document.as_array().ok_or_else(|| whole("no list of texts".to_owned()))?;
    let texts = items.iter().enumerate().map(|(index, item)| {
        let no_text = || (Some(index.to_string()), "expected a text".to_owned());
        item.as_str().map(|text| (index, text)).ok_or_else(no_text)
    });
    let texts = bounded(texts.collect::<Result<Vec<_>, _>>()?).map_err(whole)?;
    if feed_type == FeedType::Strings {
        return Ok(strings(texts.into_iter().map(|(_, text)| text.into()).collect()));
    }
    let networks = texts
        .into_iter()
        .map(|(index, text)| network(text).map_err(|problem| (Some(index.to_string()), problem)));
    Ok(Entries::Networks(Networks::new(networks.collect::<Result<Vec<_>, _>>()?)))
}

fn network(text: &str) -> Result<ipnet::IpNet, String> {
    networks::parse(text).ok_or_else(|| {
        format!("{text:?} is no address and no network without bits beyond its prefix")
    })
}

fn seconds(time: &Value) -> Option<i64> {
    let time = Timestamp::from_numeric_date(time)?;
    // A login within the second of the event does not count either.
    let rounded = u64::from(time.since_epoch().subsec_nanos() > 0);
    i64::try_from(time.since_epoch().as_secs().saturating_add(rounded)).ok()
}

fn bounded<T>(entries: Vec<T>) -> Result<Vec<T>, String> {
    if entries.len() > MAX_ENTRIES {
        return Err(format!("{} entries; {MAX_ENTRIES} at most are taken", entries.len()));
    }
    Ok(entries)
}

fn strings(mut texts: Vec<Box<str>>) -> Entries {
    texts.sort_unstable();
    texts.dedup();
    Entries::Strings(texts.into())
}

/// Two times for one subject would leave it open which counts.
fn not_before(mut subjects: Vec<(Box<str>, i64)>) -> Result<Entries, String> {
    subjects.sort_unstable();
    let twice = subjects.windows(2).find_map(|pair| match pair {
        [(one, _), (other, _)] if one == other => Some(one),
        _ => None,
    });
    match twice {
        Some(subject) => Err(format!("the subject {subject:?} is listed twice")),
        None => Ok(Entries::NotBefore(subjects.into())),
    }
}
