//! What feeds read, and what they answer.

#![allow(clippy::arithmetic_side_effects)]

mod fetched;

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::remote::Format;

fn format(feed_type: FeedType) -> FeedFormat {
    FeedFormat { feed_type, longest: 1 << 20, allow_empty: false }
}

fn read(feed_type: FeedType, text: &str) -> Result<Entries, String> {
    let checked = format(feed_type).check(text.as_bytes())?;
    assert_eq!(format(feed_type).load(&checked.document).as_ref(), Some(&checked.content));
    Ok(checked.content)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn networks_hold_their_addresses_and_no_others() {
    let text = "\u{feff}10.0.0.0/8\n# reputation\n 192.0.2.7 \n\n192.0.2.9 # one more\r\n\
                10.1.0.0/16\n2001:db8::/32\n::ffff:198.51.100.0/120\n";
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
        assert_eq!(entries.len(), 5);
        assert_eq!(entries.has_text("10.0.0.0/8"), None);
        assert_eq!(entries.not_before("10.0.0.0/8"), None);
    }
}

#[test]
fn networks_reach_to_both_ends_of_the_address_space() {
    let ends = ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];
    let entries = read(FeedType::Networks, &ends.join("\n")).unwrap();
    assert!(ends.iter().all(|end| entries.has_address(address(end)) == Some(true)));
    for outside in ["0.0.0.1", "255.255.255.254", "::1", "ffff::"] {
        assert_eq!(entries.has_address(address(outside)), Some(false), "{outside}");
    }
    for (all, inside, outside) in [("0.0.0.0/0", 0..2, 2..4), ("::/0", 2..4, 0..2)] {
        let entries = read(FeedType::Networks, all).unwrap();
        let has = |end: &&str| entries.has_address(address(end)).unwrap();
        assert!(ends[inside].iter().all(has), "{all}");
        assert!(!ends[outside].iter().any(has), "{all} is of one family");
    }
}

proptest! {
    #[test]
    fn a_set_of_networks_answers_as_its_networks_one_by_one(
        networks in prop::collection::vec((any::<[u8; 2]>(), any::<bool>(), 0_u8..=32), 1..40),
        asked in prop::collection::vec(any::<[u8; 2]>(), 40),
    ) {
        // Few different bits, so that networks meet.
        let spread = |[a, b]: [u8; 2]| u32::from_be_bytes([a & 0x81, b & 0x81, a & 3, b & 0x0f]);
        let long = |bits: u32| u128::from(bits) << 96;
        let nets = networks.iter().map(|(bits, is_v6, length)| {
            let bits = spread(*bits);
            let address = if *is_v6 {
                IpAddr::from(Ipv6Addr::from(long(bits)))
            } else {
                IpAddr::from(Ipv4Addr::from(bits))
            };
            ipnet::IpNet::new(address, *length).unwrap().trunc()
        }).collect::<Vec<_>>();
        let text = nets.iter().fold(String::new(), |text, net| format!("{text}{net}\n"));
        let entries = read(FeedType::Networks, &text).unwrap();
        for bits in asked.into_iter().map(spread) {
            for address in [
                IpAddr::from(Ipv4Addr::from(bits)),
                IpAddr::from(Ipv6Addr::from(long(bits))),
            ] {
                let expected = nets.iter().any(|net| net.contains(&address));
                prop_assert_eq!(entries.has_address(address), Some(expected), "{}", address);
            }
        }
    }
}

#[test]
fn texts_are_compared_whole_and_with_case() {
    for text in ["d-1\n d 2 \nd-1\n#5\nü#5\n", r#"["d-1", "d 2", "d\u002d1", "ü#5"]"#] {
        let entries = read(FeedType::Strings, text).unwrap();
        assert_eq!(entries.len(), 3);
        for (text, expected) in [
            ("d-1", true),
            ("d 2", true),
            ("ü#5", true),
            ("ü", false),
            ("d", false),
            ("d-11", false),
            ("D-1", false),
            ("", false),
        ] {
            assert_eq!(entries.has_text(text), Some(expected), "{text}");
        }
        assert_eq!(entries.has_address(address("10.0.0.1")), None);
        assert_eq!(entries.not_before("d-1"), None);
    }
}

#[test]
fn lines_that_are_no_list_make_a_bad_document() {
    for text in [
        "d1\rd2\rd3",
        "# list\rd1\nd2\n",
        "d1\r\r\nd2\r\r\n",
        "d\0x\0\n\0d\0y\0",
        "d1\x0cd2",
        "\"d1\"\n\"d2\"",
        "d1\n\"d2\"",
        "# devices\n<html>",
        "\u{feff}\u{feff}<html>",
        "\u{feff}\u{feff}d1",
        "d1\n\u{feff}d2",
        "d1\n <html>",
        "# devices\n[\"d1\"]",
        "# devices\n{\"d1\": 1700000000}",
    ] {
        assert!(read(FeedType::Strings, text).is_err(), "{text:?}");
        assert!(read(FeedType::NotBefore, &format!("a 1\n{text} 1700000000")).is_err(), "{text:?}");
    }
    for text in ["d\t1", "cn=a,dc=b", "a \"b\" <c>", "Service Unavailable"] {
        assert!(read(FeedType::Strings, text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_subject_has_the_time_before_which_its_logins_do_not_count() {
    for text in [
        "alice 1700000000\nbob b.\t1700000000.5\n",
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
fn one_bad_entry_makes_a_bad_document_and_its_place_is_told() {
    use FeedType::{Networks, NotBefore, Strings};
    for (feed_type, text, expected) in [
        (
            Networks,
            "10.0.0.0/8\n10.0.0.1/8\n",
            "line 2: \"10.0.0.1/8\" has bits beyond its prefix; did you mean \"10.0.0.0/8\"?",
        ),
        (Networks, "::ffff:10.0.0.1/100", "did you mean \"::ffff:0.0.0.0/100\"?"),
        (Networks, "<html>", "a page of HTML or XML"),
        (Strings, "\n<!doctype html>\n", "a page of HTML or XML"),
        (Networks, "x", "line 1: found \"x\"; expected an address or a network"),
        (Networks, "\n10.0.0.0/33", "line 2: found \"10.0.0.0/33\"; expected"),
        (Networks, "010.0.0.1", "line 1: found \"010.0.0.1\"; expected"),
        (Networks, "fe80::1%eth0", "line 1: found \"fe80::1%eth0\"; expected"),
        (Networks, r#"["10.0.0.0/8", 5]"#, "entry 1: invalid type: integer `5`, expected a text"),
        (Networks, r#"["10.0.0.0/8", "x"]"#, "entry 1: found \"x\"; expected an address"),
        (Networks, r#"["10.0.0.0/8", ["x"]]"#, "entry 1: invalid type: sequence, expected a text"),
        (Networks, r#"{"a": 1}"#, "invalid type: map, expected a list of texts"),
        (Networks, r#"["10.0.0.0/8""#, "EOF while parsing"),
        (Networks, r#"["10.0.0.0/8"] x"#, "trailing characters"),
        (Networks, "", "a document without an entry"),
        (Strings, "[]", "a document without an entry"),
        (Strings, "# nothing\n", "a document without an entry"),
        (Strings, r#"["a", ""]"#, "entry 1: is empty"),
        (Strings, "[a]", "entry 0: expected value"),
        (NotBefore, "{}", "a document without an entry"),
        (NotBefore, "[]", "invalid type: sequence, expected an object with a time"),
        (NotBefore, "alice\n", "line 1: expected a subject, a space, and a time in seconds"),
        (NotBefore, "a 1\nalice soon\n", "line 2: found \"soon\"; expected a time in seconds"),
        (NotBefore, "alice 1\nbob 1\nalice 2\n", "the subject \"alice\" is listed twice"),
        (NotBefore, r#"{"a": 1, "\u0061": 2}"#, "the subject \"a\" is listed twice"),
        (NotBefore, r#"{"a": "x"}"#, "subject \"a\": found \"x\"; expected a time"),
        (NotBefore, r#"{"a": -1}"#, "subject \"a\": found -1; expected a time"),
        (NotBefore, r#"{"a": 1790000000000}"#, "subject \"a\": found 1790000000000; expected"),
    ] {
        let problem = read(feed_type, text).unwrap_err();
        assert!(problem.contains(expected), "{text}: {problem}");
    }
    let problem = format(Strings).check(b"abc\xff").unwrap_err();
    assert!(problem.contains("no UTF-8 from byte 3 on"), "{problem}");
    let long = read(Networks, &"x".repeat(5000)).unwrap_err();
    assert!(long.len() < 250, "{long}");
}

#[test]
fn nothing_is_an_entry_list_only_where_that_is_allowed() {
    for (feed_type, text) in [(FeedType::Strings, "[]"), (FeedType::NotBefore, "{}")] {
        let lenient = FeedFormat { allow_empty: true, ..format(feed_type) };
        assert!(lenient.check(text.as_bytes()).unwrap().content.is_empty());
        assert!(format(feed_type).check(text.as_bytes()).is_err());
    }
}

#[test]
fn a_million_entries_are_taken_and_no_more() {
    let text = (0..MAX_ENTRIES).fold(String::new(), |mut text, n| {
        writeln!(text, "{n}").unwrap();
        text
    });
    let entries = read(FeedType::Strings, &text).unwrap();
    assert_eq!(entries.len(), MAX_ENTRIES);
    assert_eq!(entries.has_text("999999"), Some(true));
    let problem = read(FeedType::Strings, &format!("{text}more")).unwrap_err();
    assert_eq!(problem, "line 1000001: there are more entries than 1000000; expected fewer");
}

/// Networks of both families, none of which meet.
pub(super) fn networks(number: u32) -> String {
    (0..number).fold(String::new(), |mut text, n| {
        match n % 2 {
            0 => writeln!(text, "{}/24", Ipv4Addr::from(0x0b00_0000 + (n << 8))),
            _ => writeln!(
                text,
                "{}/48",
                Ipv6Addr::from((0x2001_0000_u128 << 96) + (u128::from(n) << 80))
            ),
        }
        .unwrap();
        text
    })
}

#[test]
fn a_hundred_thousand_networks_are_looked_up_and_take_little() {
    let entries = read(FeedType::Networks, &networks(100_000)).unwrap();
    assert_eq!(entries.len(), 100_000);
    assert_eq!(entries.memory(), 50_000 * (5 + 17));
    for n in 0..100_000_u32 {
        let v4 = IpAddr::from(Ipv4Addr::from(0x0b00_004d + (n << 8)));
        let v6 = IpAddr::from(Ipv6Addr::from((0x2001_0000_u128 << 96) + (u128::from(n) << 80) + 7));
        assert_eq!(entries.has_address(v4), Some(n % 2 == 0), "{v4}");
        assert_eq!(entries.has_address(v6), Some(n % 2 == 1), "{v6}");
    }
}
