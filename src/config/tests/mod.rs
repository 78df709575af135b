//! What compiles, what does not, and what is said about it.

mod accepted;
mod body;
mod dpop;
mod feeds;
mod introspection;
mod issuers;
mod levels;
mod paths;
mod policies;
mod reach;
mod rules;
mod shape;
mod signals;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::LevelId;

/// A configuration without a mistake: the example of the design.
fn valid() -> Value {
    let keys =
        [crate::keys::rfc::RSA, crate::keys::rfc::P256, crate::keys::rfc::ED25519].map(parse);
    json!({
        "levels": [
            {"name": "password", "proven_by": [{"acr": ["1", "urn:example:pwd"]}]},
            {"name": "mfa", "proven_by": [
                {"acr": ["2"]},
                {"amr": ["pwd", "otp"]},
                {"claim": "acrs", "any_of": ["c1"]},
                {"issuer": "https://other.example.com", "acr": ["high"]},
            ]},
            {"name": "phishing-resistant", "proven_by": [{"acr": ["phr", "phrh"]}],
             "ask_for": ["phr", "phrh"], "implies": ["mfa"]},
        ],
        "issuers": [
            {"issuer": "https://id.example.com", "audiences": ["https://api.example.com"],
             "keys": {"inline": {"keys": keys}}, "algorithms": ["RS256", "ES256", "EdDSA"],
             "token_types": ["at+jwt", "JWT"], "clock_skew": "30s", "auth_time_claim": "auth_time"},
            {"issuer": "https://other.example.com", "audiences": ["https://api.example.com"],
             "keys": {"inline": {"keys": [keys[0]]}}},
        ],
        "tokens": {"from": [{"header": "authorization", "scheme": "Bearer"}], "max_length": 8192},
        "dpop": {
            "required": false, "advertise": true, "algorithms": ["ES256", "EdDSA"],
            "window": "60s", "clock_skew": "30s", "origins": ["https://api.example.com"],
            "nonce": true, "proofs_per_key": 16384,
        },
        "body": {"limit": 65536, "timeout": "10s"},
        "policies": {
            "open": {"public": true},
            "read": {"require": [{"level": "password"}]},
            "change": {"require": [{"level": "mfa", "max_age": "8h"}]},
            "pay": {
                "require": [
                    {"level": "phishing-resistant", "max_age": "15m"},
                    {"level": "mfa", "max_age": "2m"},
                ],
                "scopes": ["payments"],
            },
        },
        "rules": [
            {"match": {"path": "/healthz"}, "policy": "open"},
            {"match": {"path_template": "/accounts/{id}/transfers", "methods": ["POST"],
                       "hosts": ["api.example.com"]}, "policy": "pay"},
            {"match": {"prefix": "/api", "methods": ["POST", "PUT", "PATCH", "DELETE"]},
             "policy": "change"},
        ],
        "default": "read",
        "route_metadata": true,
        "challenge": {
            "realm": "example",
            "resource_metadata": "https://api.example.com/.well-known/oauth-protected-resource",
            "hint_without_token": true,
        },
        "encoded_slashes": "reject",
    })
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The valid configuration with one value set, or taken out where the text is empty.
fn changed(place: &str, value: &str) -> Value {
    let mut document = valid();
    change(&mut document, place, value);
    document
}

fn change(document: &mut Value, place: &str, value: &str) {
    let value = (!value.is_empty()).then(|| parse(value));
    let Some((parent, key)) = place.rsplit_once('/') else {
        *document = value.unwrap_or_default();
        return;
    };
    match (document.pointer_mut(parent).unwrap(), value) {
        (Value::Object(members), Some(value)) => {
            members.insert(key.to_owned(), value);
        }
        (Value::Object(members), None) => {
            members.remove(key).unwrap();
        }
        (Value::Array(items), Some(value)) => {
            let index = key.parse::<usize>().unwrap();
            if index == items.len() { items.push(value) } else { items[index] = value }
        }
        (parent, _) => panic!("{place} is no place in {parent}"),
    }
}

/// A place as a JSON pointer, the value that is set there (none: it is taken out), and the mistakes.
type Row = (&'static str, &'static str, &'static [&'static str]);

fn mistakes(document: &Value) -> Vec<String> {
    match compile_value(document) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.as_slice().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_kind_of_mistake_is_told_with_its_place_and_what_to_write_instead() {
    let tables = [
        body::ROWS,
        dpop::ROWS,
        shape::ROWS,
        levels::ROWS,
        issuers::ROWS,
        introspection::ROWS,
        policies::ROWS,
        rules::ROWS,
        paths::ROWS,
    ];
    // All rows that fail are shown, so that one does not hide the others.
    let mut wrong = Vec::new();
    for (place, value, expected) in tables.concat() {
        let found = mistakes(&changed(place, value));
        if found != expected {
            wrong.push(format!("{place} = {value}\n   found {found:#?}\nexpected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_unusual_but_right_is_accepted() {
    assert_eq!(mistakes(&valid()), [""; 0]);
    for (place, value) in accepted::ROWS {
        assert_eq!(mistakes(&changed(place, value)), [""; 0], "{place} = {value}");
    }
}

#[test]
fn a_rule_behind_one_that_covers_it_is_never_reached() {
    for (earlier, later) in reach::SHADOWED {
        let expected = "rules[1]: is never reached: rules[0] matches everything that it matches, \
                        and comes first; move it before rules[0], or take it out";
        assert_eq!(mistakes(&rules(earlier, later)), [expected], "{earlier} before {later}");
    }
}

#[test]
fn a_rule_that_only_looks_covered_is_accepted() {
    for (earlier, later) in reach::NOT_SHADOWED {
        assert_eq!(mistakes(&rules(earlier, later)), [""; 0], "{earlier} before {later}");
    }
    // In the other order, each shadowed rule has requests of its own.
    for (earlier, later) in reach::SHADOWED.iter().filter(|(a, b)| a != b) {
        if !reach::SHADOWED.contains(&(*later, *earlier)) {
            assert_eq!(mistakes(&rules(later, earlier)), [""; 0], "{later} before {earlier}");
        }
    }
}

/// The valid configuration with these two matches for rules.
fn rules(first: &str, second: &str) -> Value {
    let rule = |text: &str| json!({"match": parse(text), "policy": "pay"});
    let mut document = valid();
    document["rules"] = json!([rule(first), rule(second)]);
    document
}

#[test]
fn an_unreachable_rule_is_told_with_the_first_that_covers_it() {
    let mut document = rules(r#"{"prefix": "/b"}"#, r#"{"prefix": "/a"}"#);
    let third = json!({"match": {"path": "/a/b"}, "policy": "no such policy"});
    document["rules"].as_array_mut().unwrap().push(third);
    let found = mistakes(&document);
    assert_eq!(found.len(), 2);
    assert!(found[0].starts_with("rules[2].policy: no policy is named"), "{found:?}");
    assert!(found[1].starts_with("rules[2]: is never reached: rules[1] matches"), "{found:?}");
}

#[test]
fn ten_mistakes_in_ten_places_come_at_once() {
    let changes = [
        ("/levls", "[]"),
        ("/levels/0/proven_by/0/acr/0", "0"),
        ("/levels/1/name", ""),
        ("/issuers/0/clock_skew", "30"),
        ("/issuers/0/keys/inline/keys/1/crv", "\"P-225\""),
        ("/tokens/max_length", "1"),
        ("/policies/read/public", "true"),
        ("/policies/pay/require/1/max_age", "\"2\""),
        ("/rules/0/match/path", "\"healthz\""),
        ("/challenge/realm", "\"\""),
    ];
    let mut document = valid();
    for (place, value) in changes {
        change(&mut document, place, value);
    }
    change(&mut document, "/default", "");
    let places = compile_value(&document).unwrap_err();
    let places = places.as_slice().iter().map(|mistake| &*mistake.path).collect::<Vec<_>>();
    let expected = [
        "levls",
        "issuers[0].keys.inline.keys[1]",
        "issuers[0].clock_skew",
        "levels[0].proven_by[0].acr[0]",
        "levels[1].name",
        // What names the level that has no name.
        "levels[2].implies[0]",
        "tokens.max_length",
        "policies.change.require[0].level",
        "policies.pay.require[1].level",
        "policies.pay.require[1].max_age",
        "policies.read",
        "default",
        "rules[0].match.path",
        "challenge.realm",
    ];
    assert_eq!(places, expected);
}

#[test]
fn a_mistake_in_one_place_does_not_hide_another_of_the_same_kind() {
    let mut document = valid();
    // The issuers are missing, and the policy that shows the need for them has a mistake.
    document["issuers"] = Value::Null;
    document.as_object_mut().unwrap().remove("issuers");
    document["policies"] = json!({"read": {"require": [{"level": "password", "max_age": 1}]}});
    document["default"] = json!("read");
    document["rules"] = json!([]);
    let found = mistakes(&document).join("\n");
    assert!(found.contains("issuers: is missing"), "{found}");
    assert!(found.contains("policies.read.require[0].max_age: found"), "{found}");

    // One key cannot be used, and another is excluded by the issuer's algorithms.
    let mut document = changed("/issuers/0/keys/inline/keys/0/use", r#""enc""#);
    change(&mut document, "/issuers/0/algorithms", r#"["ES256"]"#);
    let found = mistakes(&document);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("issuers[0].keys.inline.keys[0]: is not for sig"), "{found:?}");
    assert!(found[1].starts_with("issuers[0].keys.inline.keys[2]: serves EdDSA"), "{found:?}");
}

#[test]
fn names_with_control_characters_are_shown_escaped_and_refused() {
    let mut document = valid();
    document["policies"]["a\nb"] = json!({"public": true});
    let expected = r#"policies["a\nb"]: its name is empty or holds a control character"#;
    assert_eq!(mistakes(&document), [expected]);
}

#[test]
fn too_many_levels_and_keys_are_told_once() {
    let level =
        |index| json!({"name": format!("l{index}"), "proven_by": [{"acr": [format!("a{index}")]}]});
    let mut document = valid();
    document["levels"] = (0..65).map(level).collect();
    document["policies"] = json!({"read": {"require": [{"level": "l64"}]}});
    document["rules"] = json!([]);
    assert_eq!(mistakes(&document), ["levels: has 65 levels; expected 64 at most"]);
    document["levels"].as_array_mut().unwrap().remove(0);
    assert_eq!(mistakes(&document), [""; 0]);
    let mut document = valid();
    document["issuers"][0]["keys"]["inline"]["keys"] = json!(vec![0; 257]);
    let expected = "issuers[0].keys.inline: holds too many keys; expected 256 at most";
    assert_eq!(mistakes(&document), [expected]);
}

#[test]
fn nothing_and_what_is_no_document_give_one_mistake_of_the_whole() {
    for (bytes, start) in [
        ("", "no configuration was given"),
        ("  ", "no configuration was given"),
        ("levels: []", "the configuration is neither"),
        ("null", "found nothing (null); expected an object"),
        ("[]", "found a list; expected an object"),
        (r#"{"default":"a","default":"b"}"#, "the configuration is neither"),
    ] {
        let mistakes = compile(bytes.as_bytes()).unwrap_err();
        assert_eq!(mistakes.as_slice().len(), 1, "{bytes}");
        assert!(mistakes.to_string().starts_with(start), "{bytes}: {mistakes}");
    }
}

#[test]
fn a_struct_and_its_json_compile_to_the_same_policies() {
    let document = valid();
    let from_json = compile(document.to_string().as_bytes()).unwrap();
    let from_struct = compile(&source::tests::struct_bytes(&document)).unwrap();
    assert_eq!(shown(&from_json), shown(&from_struct));
    let mut wrong = changed("/tokens/max_length", "1");
    change(&mut wrong, "/policies/read/require/0/max_age", "900");
    assert_eq!(
        compile(wrong.to_string().as_bytes()).map(|_| ()),
        compile(&source::tests::struct_bytes(&wrong)).map(|_| ()),
    );
}

/// All that was compiled, as text. The map of names has no order of its own.
fn shown(set: &PolicySet) -> String {
    let names = ["open", "read", "change", "pay"];
    let policies = names.map(|name| format!("{:?}", set.policies.named(name)));
    format!(
        "{:?} {:?} {:?} {:?} {policies:?} {:?} {} {:?} {:?}",
        set.levels,
        set.issuers,
        set.tokens,
        set.dpop,
        set.rules,
        set.route_metadata,
        set.encoded_slashes,
        set.challenge,
    )
}

#[test]
fn what_is_left_out_has_its_default() {
    let set = compile(br#"{"policies": {"open": {"public": true}}, "default": "open"}"#).unwrap();
    assert_eq!(set.tokens.max_length, 16 * 1024);
    assert!(set.route_metadata && set.challenge.hint_without_token);
    assert_eq!(set.challenge.realm, "api".into());
    assert_eq!(set.dpop, crate::possession::DpopSettings::default());
    assert_eq!(set.challenge.dpop_algorithms, Algorithms::all());
    assert_eq!(set.encoded_slashes, EncodedSlashes::Reject);
    let key = parse(crate::keys::rfc::P256);
    let set = compile_value(&json!({
        "issuers": [{"issuer": "a", "audiences": ["b"], "keys": {"inline": {"keys": [key]}}}],
        "policies": {"write": {"scopes": ["w"]}},
        "default": "write",
    }))
    .unwrap();
    let issuer = set.issuers.named("a").unwrap();
    assert_eq!(issuer.clock_skew.as_secs(), 60);
    assert_eq!(issuer.auth_time_claim, "auth_time".into());
    assert_eq!(issuer.algorithms, Algorithms::all());
    assert_eq!(issuer.token_types, ["at+jwt".into(), "jwt".into()]);
}

#[test]
fn a_level_asks_for_its_acr_values_once_and_in_order() {
    let proofs = r#"[{"acr": ["b", "a"]}, {"amr": ["otp"]}, {"acr": ["a", "c"]}]"#;
    let set = compile_value(&changed("/levels/1/proven_by", proofs)).unwrap();
    let level = set.levels.get(LevelId::new(1).unwrap()).unwrap();
    assert_eq!(&*level.ask_for, "b a c");
    let set = compile_value(&changed("/levels/1/ask_for", r#"["phrh", "2", "x"]"#)).unwrap();
    assert_eq!(&*set.levels.get(LevelId::new(1).unwrap()).unwrap().ask_for, "phrh 2 x");
}

/// Where each value of the document stands, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(member, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// Any JSON value, with the words of a configuration in it more often than chance would have it.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just(""),
        Just("mfa"),
        Just("read"),
        Just("2"),
        Just("0"),
        Just("15m"),
        Just("/a/{b}"),
        Just("/"),
        Just("*.a"),
        Just("(a|b"),
        Just("P-384"),
        Just("AQAB"),
        Just("keep"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        word.prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let key = prop_oneof!["acr|amr|claim|name|path|prefix|keys|inline|level|public", ".{0,3}"];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever stands in a configuration, it compiles or its mistakes are told.
    #[test]
    fn any_document_compiles_or_tells_its_mistakes(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any_value()), 1..4),
    ) {
        let mut document = valid();
        for (place, value) in changes {
            let mut found = Vec::new();
            places(&document, "", &mut found);
            *document.pointer_mut(&found[place.index(found.len())]).unwrap() = value;
        }
        let from_value = compile_value(&document).map(|_| ());
        if let Err(mistakes) = &from_value {
            prop_assert!(!mistakes.as_slice().is_empty());
            for mistake in mistakes.as_slice() {
                prop_assert!(!mistake.message.is_empty());
                prop_assert_ne!(&mistake.message, "the configuration cannot be read");
                prop_assert!(!mistake.to_string().contains(['\n', '\r']), "{}", mistake);
            }
        }
        prop_assert_eq!(compile(document.to_string().as_bytes()).map(|_| ()), from_value);
    }

    #[test]
    fn any_bytes_compile_or_tell_their_mistakes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = compile(&bytes);
        let _ = compile(&[b"\x0a".as_slice(), &bytes].concat());
    }
}
