//! What the proxy counts and remembers.

use std::time::Duration;

use super::*;
use crate::signals::{SignalKind, SignalSettings};

fn read_signals(signals: &Value) -> Result<Vec<SignalSettings>, Vec<String>> {
    let sink = Sink::default();
    let document = json!({"signals": signals});
    let root = Node::root(&document, &sink);
    let read = root.any_object().and_then(|object| super::super::signals::read(&object));
    sink.finish(read)
        .map_err(|mistakes| mistakes.as_slice().iter().map(ToString::to_string).collect())
}

#[test]
fn signals_are_read_with_their_defaults() {
    let signals = read_signals(&json!({
        "failed_logins": {
            "count": "request.path == '/login' && response.status == 401",
            "per": "source.ip", "window": "10m", "most_keys": 1000,
        },
        "_new2": {"first_seen": "claims.device", "per": "claims.sub", "window": "24h"},
    }));
    let minutes = Duration::from_mins;
    let (new, failed) = (
        SignalSettings {
            name: "_new2".into(),
            per: "claims.sub".into(),
            kind: SignalKind::FirstSeen {
                value: "claims.device".into(),
                window: minutes(24 * 60),
                forget_after: minutes(90 * 24 * 60),
            },
            most_keys: 100_000,
        },
        SignalSettings {
            name: "failed_logins".into(),
            per: "source.ip".into(),
            kind: SignalKind::Count {
                condition: "request.path == '/login' && response.status == 401".into(),
                window: minutes(10),
            },
            most_keys: 1_000,
        },
    );
    assert_eq!(signals, Ok(vec![new, failed]));
    assert_eq!(read_signals(&json!({})), Ok(vec![]));
    let sink = Sink::default();
    let nothing = json!({});
    let root = Node::root(&nothing, &sink);
    assert_eq!(super::super::signals::read(&root.any_object().unwrap()), Some(vec![]));
}

#[test]
fn what_filters_share_depends_on_the_expressions() {
    let shared_name = |name: &str, signal: Value| {
        let signals = read_signals(&json!({name: signal})).unwrap();
        signals[0].shared_name()
    };
    let signal = |count: &str, per: &str| json!({"count": count, "per": per, "window": "1m"});
    let names = [
        shared_name("a", signal("b", "c")),
        shared_name("a", signal("c", "b")),
        shared_name("a", signal("b\" \"c", "d")),
        shared_name("a", signal("b", "c\" \"d")),
        shared_name("b", signal("b", "c")),
    ];
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{name}");
    }
    let again = json!({"count": "b", "per": "c", "window": "2m", "most_keys": 1000});
    assert_eq!(shared_name("a", again), names[0], "times and numbers are told apart elsewhere");
}

const SIGNAL: &str =
    r#"expected a signal such as {count: "<condition>", per: source.ip, window: 10m}"#;

#[test]
fn every_mistake_in_signals_is_told() {
    let count = |key: &str, value: Value| {
        let mut signal = json!({"count": "true", "per": "source.ip", "window": "10m"});
        signal[key] = value;
        json!({"s": signal})
    };
    let seen = |key: &str, value: Value| {
        let mut signal =
            json!({"first_seen": "claims.device", "per": "claims.sub", "window": "24h"});
        signal[key] = value;
        json!({"s": signal})
    };
    let name = |name: &str| json!({name: count("most_keys", json!(1000))["s"]});
    let no_name = "its name cannot stand in a condition as signals.<name>; expected a small letter or \
                   _, then small letters, digits and _";
    let duration =
        "expected a duration with a unit (s, m, h or d), such as \"90s\", \"15m\" or \"2h30m\"";
    let rows = [
        (json!([]), vec!["signals: found a list; expected an object with a signal for each name".to_owned()]),
        (json!({"s": "true"}), vec![format!("signals.s: found the string \"true\"; {SIGNAL}")]),
        (json!({"s": {}}), vec![
            "signals.s: lacks one of the keys count, first_seen".to_owned(),
            "signals.s.per: is missing; expected what to count for, such as source.ip".to_owned(),
        ]),
        (json!({"s": {"count": "true", "per": "source.ip"}}), vec![
            "signals.s.window: is missing; expected for how long it counts, such as \"10m\"".to_owned(),
        ]),
        (count("first_seen", json!("x")), vec![
            "signals.s: has the keys count and first_seen together; expected one of them".to_owned(),
        ]),
        (count("key", json!(1)), vec!["signals.s.key: unknown key; expected one of count, first_seen, per, window, forget_after, most_keys".to_owned()]),
        (count("count", json!(true)), vec![
            "signals.s.count: found true; expected the condition that is counted; put it in quotes".to_owned(),
        ]),
        (count("count", json!(" ")), vec![
            "signals.s.count: is empty; expected the condition that is counted".to_owned(),
        ]),
        (count("per", json!(["source.ip"])), vec![
            "signals.s.per: found a list; expected what to count for, such as source.ip".to_owned(),
        ]),
        (count("window", json!(600)), vec![format!("signals.s.window: found the number 600; {duration}")]),
        (count("window", json!("0s")), vec![
            "signals.s.window: found the string \"0s\"; expected a duration from 1s to 31d".to_owned(),
        ]),
        (count("window", json!("32d")), vec![
            "signals.s.window: found the string \"32d\"; expected a duration from 1s to 31d".to_owned(),
        ]),
        (count("most_keys", json!(999)), vec![
            "signals.s.most_keys: found the number 999; expected a whole number from 1000 to 10000000".to_owned(),
        ]),
        (count("forget_after", json!("1d")), vec![
            "signals.s.forget_after: goes with first_seen only; what is counted is forgotten after window".to_owned(),
        ]),
        (seen("forget_after", json!("24h")), vec![
            "signals.s: forgets after 86400s, which is no longer than window, so that everything would be \
             new for ever; expected forget_after to be longer".to_owned(),
        ]),
        (seen("forget_after", json!("401d")), vec![
            "signals.s.forget_after: found the string \"401d\"; expected a duration from 1s to 400d".to_owned(),
        ]),
        (seen("first_seen", json!("")), vec![
            "signals.s.first_seen: is empty; expected what is remembered, such as a device id".to_owned(),
        ]),
        (name("Failed"), vec![format!("signals.Failed: {no_name}")]),
        (name("failed-logins"), vec![format!("signals.failed-logins: {no_name}")]),
        (name("5s"), vec![format!("signals.5s: {no_name}")]),
        (name(""), vec![format!("signals[\"\"]: {no_name}")]),
        (name("in"), vec!["signals.in: its name is a reserved word of CEL; expected another one".to_owned()]),
    ];
    for (signals, expected) in rows {
        assert_eq!(read_signals(&signals), Err(expected), "{signals}");
    }
}

#[test]
fn a_signal_with_a_mistake_is_no_unknown_one() {
    let configuration = json!({
        "policies": {"open": {"public": true, "raise": [
            {"name": "a", "when": "signals.failures >= 5", "deny": "No."},
            {"name": "b", "when": "signals.fine >= 5", "deny": "No."},
            {"name": "c", "when": "signals.neither", "deny": "No."},
            {"name": "d", "when": "signals.failure >= 5", "deny": "No."},
        ]}},
        "default": "open",
        "signals": {
            "failures": {"count": "true", "per": "source.ip", "window": "1 min"},
            "fine": {"count": "true", "per": "source.ip", "window": "1m"},
            "neither": {"per": "source.ip", "window": "1m"},
        },
    });
    let mistakes = compile_value(&configuration).unwrap_err();
    let places = mistakes.as_slice().iter().map(|mistake| &*mistake.path);
    // A raise that cannot be read counts as one that asks for a token.
    let places = places.filter(|path| path.contains('.')).collect::<Vec<_>>();
    assert_eq!(
        places,
        ["signals.failures.window", "signals.neither", "policies.open.raise[3].when"],
        "{mistakes}"
    );
}
