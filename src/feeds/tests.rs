//! What feeds read, and what they answer.

#![allow(clippy::arithmetic_side_effects)]

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::host::memory::MemoryHost;
use crate::remote::{Endpoint, Format, RemoteSource};
use crate::request::Headers;

fn format(feed_type: FeedType) -> FeedFormat {
    FeedFormat { feed_type, longest: 1 << 20, allow_empty: false }
}

fn read(feed_type: FeedType, text: &str) -> Result<Entries, String> {
    let format = format(feed_type);
    let (document, _) = format.check(text.as_bytes())?;
    Ok(format.load(&document).unwrap())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn networks_hold_their_addresses_and_no_others() {
    let text = "# reputation\n10.0.0.0/8\n 192.0.2.7 \n\n192.0.2.9 # one more\r\n10.1.0.0/16\n\
                2001:db8::/32\n::ffff:198.51.100.0/120\n";
    let list = json!(["10.0.0.0/8", "192.0.2.7", "192.0.2.9", "2001:db8::/32", "198.51.100.0/24"]);
    for text in [text.to_owned(), list.to_string(), format!("\n {list:#}\n")] {
        let entries = read(FeedType::Networks, &text).unwrap();
        let has = |text| entries.has_address(address(text)).unwrap();
        for inside in [
            "10.0.0.0",
            "10.1.2.3",
            "10.255.255.255",
            "192.0.2.7",
            "192.0.2.9",
            "2001:db8::1",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "198.51.100.200",
            "::ffff:10.1.2.3",
        ] {
            assert!(has(inside), "{inside}");
        }
        for outside in [
            "9.255.255.255",
            "11.0.0.0",
            "192.0.2.8",
            "0.0.0.0",
            "255.255.255.255",
            "::",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db9::",
            "::10.1.2.3",
        ] {
            assert!(!has(outside), "{outside}");
        }
        assert_eq!(entries.has_text("10.0.0.0/8"), None);
        assert_eq!(entries.not_before("10.0.0.0/8"), None);
    }
}

#[test]
fn texts_are_compared_whole_and_with_case() {
    for text in ["d-1\nd 2\nd-1\n", r#"["d-1", "d 2"]"#] {
        let entries = read(FeedType::Strings, text).unwrap();
        assert_eq!(entries.len(), 2);
        for (text, expected) in [("d-1", true), ("d 2", true), ("d", false), ("D-1", false)] {
            assert_eq!(entries.has_text(text), Some(expected), "{text}");
        }
        assert_eq!(entries.has_address(address("10.0.0.1")), None);
    }
}

#[test]
fn a_subject_has_the_time_before_which_its_logins_do_not_count() {
    for text in [
        "alice 1700000000\nbob b.\t1700000001\n",
        r#"{"alice": 1700000000, "bob b.": 1700000000.5}"#,
    ] {
        let entries = read(FeedType::NotBefore, text).unwrap();
        assert_eq!(entries.not_before("alice"), Some(1_700_000_000));
        assert_eq!(entries.not_before("bob b."), Some(1_700_000_001));
        assert_eq!(entries.not_before("carol"), Some(0));
        assert_eq!(entries.has_text("alice"), Some(true));
        assert_eq!(entries.has_text("carol"), Some(false));
    }
}

#[test]
fn one_bad_entry_makes_a_bad_document() {
    for (feed_type, text, expected) in [
        (FeedType::Networks, "10.0.0.0/8\n10.0.0.1/8\n", "line 2: \"10.0.0.1/8\" is no address"),
        (FeedType::Networks, "<html>", "line 1: \"<html>\" is no address"),
        (FeedType::Networks, r#"["10.0.0.0/8", 5]"#, "entry 1: expected a text"),
        (FeedType::Networks, r#"["10.0.0.0/8", "x"]"#, "entry 1: \"x\" is no address"),
        (FeedType::Networks, r#"{"a": 1}"#, "no list of texts"),
        (FeedType::Networks, r#"["10.0.0.0/8""#, "EOF while parsing"),
        (FeedType::Networks, "", "a document without an entry"),
        (FeedType::Strings, "[]", "a document without an entry"),
        (FeedType::Strings, "# nothing\n", "a document without an entry"),
        (FeedType::NotBefore, "[]", "no object with a time"),
        (FeedType::NotBefore, "alice\n", "line 1: expected a subject and a time"),
        (FeedType::NotBefore, "alice soon\n", "line 1: expected a time in seconds"),
        (FeedType::NotBefore, "alice 1\nalice 2\n", "the subject \"alice\" is listed twice"),
        (FeedType::NotBefore, r#"{"a": 1, "a": 2}"#, "occurs twice"),
        (FeedType::NotBefore, r#"{"a": "x"}"#, "entry \"a\": expected a time"),
        (FeedType::NotBefore, r#"{"a": -1}"#, "entry \"a\": expected a time"),
    ] {
        let problem = read(feed_type, text).unwrap_err();
        assert!(problem.contains(expected), "{text}: {problem}");
    }
    assert!(format(FeedType::Strings).check(b"\xff").is_err());
    let lenient = FeedFormat { allow_empty: true, ..format(FeedType::Strings) };
    assert!(lenient.check(b"[]").is_ok());
    let many = "1\n".repeat(MAX_ENTRIES + 1);
    assert!(read(FeedType::Strings, &many).unwrap_err().contains("1000000 at most"));
}

#[test]
fn a_hundred_thousand_networks_are_looked_up() {
    let text = (0..100_000_u32)
        .map(|n| match n % 2 {
            0 => format!("{}.{}.{}.0/24\n", 11 + (n >> 16), (n >> 8) & 0xff, n & 0xff),
            _ => format!("2001:{:x}:{:x}::/48\n", n >> 8, n & 0xff),
        })
        .collect::<String>();
    let entries = read(FeedType::Networks, &text).unwrap();
    assert!(entries.len() > 70_000, "{}", entries.len());
    for n in 0..100_000_u32 {
        let (inside, outside) = match n % 2 {
            0 => (
                format!("{}.{}.{}.77", 11 + (n >> 16), (n >> 8) & 0xff, n & 0xff),
                format!("{}.{}.{}.77", 11 + (n >> 16), (n >> 8) & 0xff, (n & 0xff) + 1),
            ),
            _ => (
                format!("2001:{:x}:{:x}::1", n >> 8, n & 0xff),
                format!("2002:{:x}:{:x}::1", n >> 8, n & 0xff),
            ),
        };
        assert_eq!(entries.has_address(address(&inside)), Some(true), "{inside}");
        if let Ok(outside) = outside.parse() {
            assert_eq!(entries.has_address(outside), Some(false), "{outside}");
        }
    }
}

/// A worker with one feed, and what its server answers.
struct Bench {
    host: MemoryHost,
    feeds: Feeds,
    calls: u32,
}

impl Bench {
    fn new() -> Self {
        let host = MemoryHost::new(Headers::default());
        let settings = RemoteSettings {
            name: "bad".into(),
            cluster: "feeds".into(),
            source: RemoteSource::Document(Endpoint::from_url("http://feeds.example/b").unwrap()),
            timeout: Duration::from_secs(5),
            wait: Duration::ZERO,
            refresh: Duration::from_mins(10),
            refresh_min: Duration::from_mins(1),
            stale_for: Duration::from_hours(1),
            refetch_after: Duration::MAX,
        };
        let source = FeedSource::Remote { format: format(FeedType::Strings), settings };
        let feeds = Feeds::new(vec![FeedSettings { name: "bad".into(), source }], &host);
        Self { host, feeds, calls: 0 }
    }

    fn fetch(&mut self, status: &str, body: &[u8]) {
        self.feeds.on_tick(&self.host);
        assert_eq!(self.host.take_calls().len(), 1);
        let call = CallId(self.calls);
        assert_eq!(self.feeds.longest_answer(call), Some(1 << 20));
        let headers = Headers::new(vec![(":status".to_owned(), status.as_bytes().to_vec())]);
        let answer = CalloutAnswer { headers, body: Ok(body.to_vec()) };
        assert!(self.feeds.on_answer(&self.host, call, &answer));
        self.calls += 1;
    }

    fn has(&self, text: &str) -> Option<bool> {
        self.feeds.entries("bad", &self.host)?.has_text(text)
    }
}

#[test]
fn the_last_good_list_serves_until_it_is_too_old() {
    let mut bench = Bench::new();
    assert_eq!(bench.has("a"), None, "nothing was loaded yet");
    bench.fetch("200", b"a\nb\n");
    assert_eq!((bench.has("a"), bench.has("c")), (Some(true), Some(false)));
    bench.host.pass(Duration::from_mins(10));
    bench.fetch("200", b"[\"c\"]");
    assert_eq!((bench.has("a"), bench.has("c")), (Some(false), Some(true)));
    for (status, body) in [("503", &b""[..]), ("200", b"[]"), ("200", b"[\"d\""), ("302", b"d\n")] {
        bench.host.pass(Duration::from_mins(12));
        bench.fetch(status, body);
        assert_eq!((bench.has("c"), bench.has("d")), (Some(true), Some(false)), "{status}");
    }
    bench.host.pass(Duration::from_mins(12));
    assert_eq!(bench.has("c"), None, "it is an hour old");
    bench.fetch("200", b"e\n");
    assert_eq!(bench.has("e"), Some(true));
    assert_eq!(bench.feeds.entries("other", &bench.host), None);
}
