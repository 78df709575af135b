//! The documents of feeds.
//!
//! They can be large, so entries are taken as they are read: a worker's memory never shrinks again.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::entries::{Builder, Entries, FeedType};
use crate::remote::{Checked, Format};
use crate::report::{Counter, DocumentNames};

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
    const ACCEPT: &'static str = "application/json, text/plain";
    const FETCHED: Counter = Counter::FeedFetch;
    const FAILED: Counter = Counter::FeedFetchFailure;
    const METRICS: DocumentNames = DocumentNames {
        owner: "feed",
        fetches: "stepup.feed_fetches",
        age: "stepup.feed_age_seconds",
        limit: "stepup.feed_limit_seconds",
        held: "stepup.feed_entries",
    };

    /// What one accepts and another does not is not shared between them.
    fn kind(&self) -> Cow<'static, str> {
        let Self { feed_type, longest, allow_empty } = self;
        let least = u8::from(!allow_empty);
        format!("{}/{least}/{longest}", feed_type.name()).into()
    }

    fn longest(&self) -> usize {
        self.longest
    }

    /// One bad entry among good ones makes a bad document: it may be cut off, or another one.
    fn check<'b>(&self, body: &'b [u8]) -> Result<Checked<'b, Entries>, String> {
        let document = std::str::from_utf8(body).map_err(|error| {
            format!("a document that is no UTF-8 from byte {} on", error.valid_up_to())
        })?;
        let content = read(self.feed_type, document)?;
        if content.is_empty() && !self.allow_empty {
            return Err(
                "a document without an entry, as an outage can look like; allow_empty: true \
                        accepts it"
                    .to_owned(),
            );
        }
        Ok(Checked { document: Cow::Borrowed(document), content, notes: Vec::new() })
    }

    fn size(entries: &Entries) -> usize {
        entries.len()
    }

    fn load(&self, document: &str) -> Option<Entries> {
        read(self.feed_type, document).ok()
    }
}

/// Reads a document by what it begins with: headers may say anything.
pub(super) fn read(feed_type: FeedType, document: &str) -> Result<Entries, String> {
    // Left in, a byte order mark would be a part of the first entry.
    let document = document.strip_prefix('\u{feff}').unwrap_or(document);
    let mut builder = Builder::new(feed_type);
    if document.trim_start().starts_with(['[', '{']) {
        let mut json = serde_json::Deserializer::from_str(document);
        let read = Json { feed_type, builder: &mut builder }.deserialize(&mut json);
        read.and_then(|()| json.end()).map_err(|error| error.to_string())?;
    } else {
        for (line, number) in document.lines().zip(1_usize..) {
            read_line(feed_type, line, &mut builder)
                .map_err(|problem| format!("line {number}: {problem}"))?;
        }
    }
    builder.finish()
}

fn read_line(feed_type: FeedType, line: &str, builder: &mut Builder) -> Result<(), String> {
    // Other line ends, and other encodings, would make entries that nothing equals. In comments too: one
    // could hold all that follows.
    let is_odd = |c: &char| (c.is_control() && *c != '\t') || *c == '\u{feff}';
    if let Some(odd) = line.chars().find(is_odd) {
        let odd = odd.escape_unicode();
        return Err(format!(
            "found the character {odd}; expected UTF-8 with an entry on each line"
        ));
    }
    let line = line.trim();
    // A page that tells of an outage has lines too, and so has a list of another format.
    match line.chars().next() {
        Some('<') => return Err("a page of HTML or XML; expected a list".to_owned()),
        Some(first @ ('"' | '[' | '{')) => {
            return Err(format!(
                "begins with {first}; expected an entry without quotes, or a document that is JSON \
                 from its first character on"
            ));
        }
        _ => {}
    }
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    match feed_type {
        FeedType::Networks => {
            let entry = line.split_once('#').map_or(line, |(entry, _)| entry);
            builder.text(entry.trim_end())
        }
        // It can have a # of its own.
        FeedType::Strings => builder.text(line),
        FeedType::NotBefore => {
            let (subject, time) = line.rsplit_once(char::is_whitespace).ok_or_else(|| {
                "expected a subject, a space, and a time in seconds since \
                 1970-01-01T00:00:00Z"
                    .to_owned()
            })?;
            let time = time.parse::<serde_json::Number>().map_or(time.into(), Value::Number);
            builder.subject(subject.trim_end(), &time)
        }
    }
}

/// A JSON document: a list of texts, or an object with a time for each subject.
struct Json<'b> {
    feed_type: FeedType,
    builder: &'b mut Builder,
}

impl<'de> DeserializeSeed<'de> for Json<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.feed_type {
            FeedType::Networks | FeedType::Strings => {
                deserializer.deserialize_any(List(self.builder))
            }
            FeedType::NotBefore => deserializer.deserialize_any(Subjects(self.builder)),
        }
    }
}

struct List<'b>(&'b mut Builder);

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            match items.next_element_seed(Item(&mut *self.0)) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => return Err(A::Error::custom(format!("entry {index}: {error}"))),
            }
        }
        Ok(())
    }
}

struct Item<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.text(text).map_err(E::custom)
    }
}

struct Subjects<'b>(&'b mut Builder);

impl<'de> Visitor<'de> for Subjects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a time for each subject")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(subject) = members.next_key::<String>()? {
            let time = members.next_value::<Value>()?;
            self.0
                .subject(&subject, &time)
                .map_err(|problem| A::Error::custom(format!("subject {subject:?}: {problem}")))?;
        }
        Ok(())
    }
}
