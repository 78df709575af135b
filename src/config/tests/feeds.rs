//! Feeds as they are configured.

use std::time::Duration;

use super::*;
use crate::feeds::{FeedFormat, FeedSource, FeedType};
use crate::remote::RemoteSource;

#[test]
fn a_remote_feed_has_the_defaults_that_the_reference_states() {
    let feed = r#"{"bad": {"type": "strings",
        "remote": {"cluster": "feeds", "uri": "http://feeds.example.com/devices"}}}"#;
    let set = compile_value(&changed("/feeds", feed)).unwrap();
    let [feed] = set.feeds.as_slice() else { panic!("{:?}", set.feeds) };
    let FeedSource::Remote { format, settings } = &feed.source else { panic!("{feed:?}") };
    let expected =
        FeedFormat { feed_type: FeedType::Strings, longest: 4 * 1024 * 1024, allow_empty: false };
    assert_eq!((&*feed.name, format), ("bad", &expected));
    assert_eq!((&*settings.name, &*settings.cluster), ("bad", "feeds"));
    let RemoteSource::Document(endpoint) = &settings.source else { panic!("{settings:?}") };
    assert_eq!(endpoint.to_string(), "http://feeds.example.com/devices");
    assert_eq!(settings.timeout, Duration::from_secs(5));
    assert_eq!(settings.refresh, Duration::from_mins(10));
    assert_eq!(settings.refresh_min, Duration::from_mins(1));
    assert_eq!(settings.stale_for, Duration::from_hours(24));
}

#[test]
fn an_inline_feed_is_read_at_once() {
    let feed =
        r#"{"revoked": {"type": "not_before", "inline": {"alice": 1790000000, "bob": 1.5}}}"#;
    let set = compile_value(&changed("/feeds", feed)).unwrap();
    let [feed] = set.feeds.as_slice() else { panic!("{:?}", set.feeds) };
    let FeedSource::Inline(entries) = &feed.source else { panic!("{feed:?}") };
    assert_eq!(entries.not_before("alice"), Some(1_790_000_000));
    assert_eq!(entries.not_before("bob"), Some(2));
}

#[test]
fn there_are_no_more_feeds_than_each_tick_can_look_at() {
    let feed = json!({"type": "strings", "inline": ["x"]});
    for (number, expected) in [(64, &[][..]), (65, &["feeds: holds 65 feeds; expected 64 at most"])]
    {
        let feeds = (0..number).map(|n| (format!("f{n}"), feed.clone()));
        let mut document = valid();
        document["feeds"] = feeds.collect::<serde_json::Map<_, _>>().into();
        assert_eq!(mistakes(&document), expected);
    }
}
