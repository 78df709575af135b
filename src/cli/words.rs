//! Demands and matches, as people read them.

use std::time::Duration;

use serde_json::Value;

use crate::policy::{Ladder, Requirement};

/// A duration as configurations write it, such as `2h30m`.
pub(super) fn span(duration: Duration) -> String {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
    let mut seconds = duration.as_secs();
    let mut text = String::new();
    for (unit, length) in UNITS {
        let count = seconds.checked_div(length).unwrap_or_default();
        if count > 0 {
            text.push_str(&count.to_string());
            text.push(unit);
            seconds = seconds.checked_rem(length).unwrap_or_default();
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// A requirement, such as `mfa, at most 8h old`.
pub(super) fn requirement(requirement: &Requirement, levels: &Ladder) -> String {
    let level = levels.name(requirement.level);
    match requirement.max_age {
        Some(age) => format!("{level}, at most {} old", span(age)),
        None => level.to_owned(),
    }
}

/// Alternatives, such as `mfa, at most 8h old, or phishing-resistant`.
pub(super) fn alternatives(alternatives: &[Requirement], levels: &Ladder) -> String {
    let words = alternatives.iter().map(|one| requirement(one, levels));
    words.collect::<Vec<_>>().join(", or ")
}

/// A list as a sentence has it: `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [before @ .., end] => format!("{} {last} {end}", before.join(", ")),
    }
}

/// Several things with the word for them: `the scope a`, `the scopes a and b`.
pub(super) fn counted(word: &str, items: &[String]) -> String {
    let plural = if items.len() == 1 { "" } else { "s" };
    format!("the {word}{plural} {}", list(items, "and"))
}

/// What a rule's match asks for, in one line.
pub(super) fn matched(matcher: Option<&Value>) -> String {
    let Some(matcher) = matcher else { return String::new() };
    let methods = texts(matcher.get("methods")).join(" ");
    let parts = matches(matcher).join(", ");
    [methods, parts].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What a rule's match asks for beside the methods, part by part, path first.
pub(super) fn matches(matcher: &Value) -> Vec<String> {
    const PATHS: [(&str, &str); 5] = [
        ("path", ""),
        ("prefix", "prefix "),
        ("path_separated_prefix", "at or below "),
        ("path_template", "template "),
        ("safe_regex", "regex "),
    ];
    let ignores_case = matcher.get("ignore_case") == Some(&Value::Bool(true));
    let paths = PATHS.iter().filter_map(|(key, word)| {
        let value = matcher.get(*key)?;
        // As in Envoy, an expression may stand in an object.
        let text = value.as_str().or_else(|| value.get("regex")?.as_str())?;
        let case = if ignores_case { ", in any case" } else { "" };
        Some(format!("{word}{text}{case}"))
    });
    let mut parts = paths.collect::<Vec<_>>();
    let hosts = texts(matcher.get("hosts"));
    if !hosts.is_empty() {
        parts.push(format!("host {}", list(&hosts, "or")));
    }
    parts.extend(items(matcher.get("headers")).map(|header| valued("header", header)));
    parts.extend(items(matcher.get("query_parameters")).map(|query| valued("query", query)));
    if let Some(route) = matcher.get("route").and_then(Value::as_str) {
        parts.push(format!("route {route}"));
    }
    parts
}

/// A match of a header or query parameter, such as `header x-tier is gold`.
fn valued(what: &str, matcher: &Value) -> String {
    const TEXTS: [(&str, &str, &str); 5] = [
        ("exact", "is", "is not"),
        ("prefix", "begins with", "does not begin with"),
        ("suffix", "ends with", "does not end with"),
        ("contains", "contains", "does not contain"),
        ("safe_regex", "matches", "does not match"),
    ];
    let flag = |key: &str| matcher.get(key).and_then(Value::as_bool);
    let invert = flag("invert_match").unwrap_or_default();
    let name = matcher.get("name").and_then(Value::as_str).unwrap_or_default();
    let condition = if let Some(present) = flag("present_match") {
        (if present == invert { "is absent" } else { "is there" }).to_owned()
    } else if let Some(range) = matcher.get("range_match") {
        let bound = |key: &str| range.get(key).map(Value::to_string).unwrap_or_default();
        let is = if invert { "is not" } else { "is" };
        format!("{is} a number from {} to below {}", bound("start"), bound("end"))
    } else {
        let text = matcher.get("string_match");
        let case = text.and_then(|text| text.get("ignore_case")?.as_bool()).unwrap_or_default();
        let found = TEXTS.iter().find_map(|(key, yes, no)| {
            let value = text?.get(*key)?;
            let value = value.as_str().or_else(|| value.get("regex")?.as_str())?;
            let case = if case { " in any case" } else { "" };
            Some(format!("{} {value:?}{case}", if invert { no } else { yes }))
        });
        found.unwrap_or_default()
    };
    let missing = flag("treat_missing_header_as_empty").unwrap_or_default();
    let missing = if missing { " (missing counts as empty)" } else { "" };
    format!("{what} {name} {condition}{missing}")
}

/// The texts in a list.
pub(super) fn texts(list: Option<&Value>) -> Vec<String> {
    items(list).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The items of a list; none where there is no list.
pub(super) fn items(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::duration;
    use serde_json::json;

    #[test]
    fn a_span_reads_back() {
        for text in ["0s", "1s", "90s", "15m", "2h30m", "1d", "366d", "1d2h3m4s"] {
            let parsed = duration::parse(text).unwrap();
            assert_eq!(duration::parse(&span(parsed)), Some(parsed));
        }
        assert_eq!(span(Duration::from_secs(90)), "1m30s");
        assert_eq!(span(Duration::from_mins(150)), "2h30m");
    }

    #[test]
    fn matches_read_like_words() {
        for (matcher, words) in [
            (json!({"path": "/healthz"}), vec!["/healthz"]),
            (json!({"prefix": "/api", "ignore_case": true}), vec!["prefix /api, in any case"]),
            (json!({"safe_regex": {"regex": "/v[0-9]+"}}), vec!["regex /v[0-9]+"]),
            (
                json!({"hosts": ["a.example", "*.b.example"], "route": "r"}),
                vec!["host a.example or *.b.example", "route r"],
            ),
            (
                json!({"headers": [
                    {"name": "x-job", "present_match": true},
                    {"name": "x-job", "present_match": true, "invert_match": true},
                    {"name": "x-tier", "string_match": {"exact": "gold"}, "invert_match": true},
                    {"name": "x-n", "range_match": {"start": 1, "end": 9}},
                ]}),
                vec![
                    "header x-job is there",
                    "header x-job is absent",
                    "header x-tier is not \"gold\"",
                    "header x-n is a number from 1 to below 9",
                ],
            ),
            (
                json!({"query_parameters": [{"name": "q", "string_match": {"prefix": "a", "ignore_case": true}}]}),
                vec!["query q begins with \"a\" in any case"],
            ),
        ] {
            assert_eq!(matches(&matcher), words);
        }
    }
}
