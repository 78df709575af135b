//! What the schema refuses, the reader refuses.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::walk::{replaced, walk, with, without};
use super::{mistakes, refusals, schema, validator, wholes};

/// Texts that some readers take, and others do not.
#[rustfmt::skip]
const TEXTS: &[&str] = &[
    "", " ", "x", "X", "a b", "é", "a\n", "\u{7f}", "\u{85}", "\u{2028}", "\"", "\\", "*", "0",
    "1", "-1", "0s", "1s", "1S", "90", "1.5h", "2h30m", "999999999999999999999s", "true", "null",
    "Bearer", "dpop", "/", "/a", "/a/", "/a?b", "/a#b", "/a b", "//", "/../a", "a/b", "https://a",
    "https://", "http://a/b?c", "https://a@b", "https://a#b", "https://a\\b", "ftp://a",
    "https:///a", "HTTPS://a", "a.example.com", "*.example.com", "a:80", "[::1]", "[::1]:80",
    "10.0.0.0/8", "not-a-method", "POST", "host", "Cookie", "authorization", ":path", ":scheme",
    ":authority", "acr", "iat", "exp", "none", "HS256", "ES256", "Ed25519", "reject", "keep",
    "shadow", "enforce", "[", "(?i)a", "^/a", "$", "1 + 1", "true && false",
];

/// Values of every type.
#[rustfmt::skip]
fn values() -> Vec<Value> {
    let others = [
        json!(null), json!(true), json!(false), json!(0), json!(1), json!(-1), json!(1.5),
        json!(1e300), json!(1.0), json!(i64::MAX), json!(u64::MAX), json!([]), json!([null]),
        json!([1]), json!([""]), json!(["x"]), json!(["x", "x"]), json!(["*"]), json!(["0"]),
        json!([[]]), json!([{}]), json!({}), json!({"x": 1}), json!({"env": "A"}),
        json!({"env": "a b"}), json!({"keys": []}), json!({"keys": [{}]}),
        json!({"keys": [{"kty": "oct", "k": "AAAA"}]}),
    ];
    TEXTS.iter().map(|text| json!(text)).chain(others).collect()
}

/// Each configuration with one thing changed that the schema has something against, and what that is.
fn broken() -> Vec<(String, Value)> {
    let (schema, wholes, validator) = (schema(), wholes(), validator());
    let mut broken = Vec::new();
    let mut seen = BTreeSet::new();
    let found = walk(&schema, &wholes);
    let mut places = BTreeSet::new();
    for found in &found {
        let (whole, at) = (&wholes[found.configuration], found.at.as_str());
        let mut change = |what: String, changed: Value| {
            if !validator.is_valid(&changed) && seen.insert((found.configuration, what.clone())) {
                broken.push((what, changed));
            }
        };
        // A value has a place for each part of the schema that is for it.
        let is_new = places.insert((found.configuration, at));
        for value in values().into_iter().filter(|_| is_new) {
            change(format!("{at} = {value}"), replaced(whole, at, value));
        }
        if !at.is_empty() {
            change(format!("{at} taken out"), without(whole, at));
        }
        match whole.pointer(at).unwrap() {
            // Keys that are known here, and go with others only.
            Value::Object(members) => {
                let known = schema.pointer(&found.schema).unwrap().get("properties");
                for key in known.and_then(Value::as_object).into_iter().flat_map(Map::keys) {
                    if members.contains_key(key) {
                        continue;
                    }
                    for value in [json!(true), json!("1s"), json!(["x"]), json!([{}]), json!({})] {
                        let what = format!("{at}/{key} = {value}");
                        change(what, with(whole, at, key, value));
                    }
                }
            }
            Value::String(text) => {
                let texts = [format!("{text}\n"), format!(" {text}"), format!("{text}\0")];
                for text in texts.into_iter().chain([text.to_uppercase(), text.repeat(2)]) {
                    change(format!("{at} = {text:?}"), replaced(whole, at, json!(text)));
                }
            }
            _ => {}
        }
    }
    broken
}

#[test]
fn what_the_schema_refuses_the_reader_refuses_too() {
    let validator = validator();
    let broken = broken();
    println!("{} broken configurations", broken.len());
    assert!(broken.len() > 3_000, "only {} configurations are broken", broken.len());
    let mut wrong = Vec::new();
    for (what, configuration) in &broken {
        if mistakes(configuration).is_empty() {
            let refusals = refusals(&validator, configuration).join("\n    ");
            wrong.push(format!("{what}\n    {refusals}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are refused by the schema alone:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
