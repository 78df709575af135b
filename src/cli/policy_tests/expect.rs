//! What a test expects, and what was found.

use std::time::Duration;

use serde_json::Value;

use super::reader::At;
use crate::cli::explain::{Explanation, Question, Record};
use crate::cli::single::Single;
use crate::cli::words;

const KEYS: [&str; 14] = [
    "decision",
    "reason",
    "rule",
    "policy",
    "mode",
    "level",
    "raises",
    "shadow_raises",
    "in_doubt",
    "acr_values",
    "max_age",
    "scope",
    "status",
    "upstream_headers",
];
const DECISIONS: [&str; 6] = ["allow", "challenge", "forbid", "deny", "reject", "fail"];
const REASONS: [&str; 18] = [
    "public",
    "proven",
    "no_token",
    "invalid_token",
    "invalid_proof",
    "level",
    "auth_time",
    "age",
    "scope",
    "raise",
    "malformed_credentials",
    "ambiguous",
    "untrusted_header",
    "misconfigured",
    "unavailable",
    "overloaded",
    "body_timeout",
    "body_withheld",
];
/// What stands for nothing at all.
const NONE: &str = "none";

/// One thing that a test expects.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    /// What it is about.
    what: What,
    /// As it is compared and shown.
    expected: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Decision,
    Reason,
    Rule,
    Policy,
    Mode,
    Level,
    Raises,
    ShadowRaises,
    InDoubt,
    AcrValues,
    MaxAge,
    Scope,
    Status,
    UpstreamHeader(String),
}

/// Something that is not as it was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl What {
    fn name(&self) -> String {
        let name = match self {
            Self::Decision => "decision",
            Self::Reason => "reason",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Mode => "mode",
            Self::Level => "level",
            Self::Raises => "raises",
            Self::ShadowRaises => "shadow_raises",
            Self::InDoubt => "in_doubt",
            Self::AcrValues => "acr_values",
            Self::MaxAge => "max_age",
            Self::Scope => "scope",
            Self::Status => "status",
            Self::UpstreamHeader(name) => return format!("upstream {name}"),
        };
        name.to_owned()
    }

    /// Whether the order says nothing.
    const fn is_a_set(&self) -> bool {
        matches!(
            self,
            Self::Policy | Self::Raises | Self::ShadowRaises | Self::InDoubt | Self::Scope
        )
    }
}

/// Reads what a test expects; a null expects nothing to be there.
pub(super) fn read(node: &At<'_>, single: &Single) -> Vec<Expectation> {
    let mut all = Vec::new();
    if node.object("an object such as {decision: challenge, acr_values: [phr]}", &KEYS).is_none() {
        return all;
    }
    let mut add = |what, expected| all.push(Expectation { what, expected });
    for (key, node) in node.members() {
        if key == "upstream_headers" {
            if node.map("an object with the value of each header, or null").is_some() {
                for (name, node) in node.members() {
                    let expected = if node.value.is_null() {
                        Vec::new()
                    } else {
                        node.texts("a text, or null for a header that is not there")
                    };
                    add(What::UpstreamHeader(name.to_ascii_lowercase()), expected);
                }
            }
        } else if let Some((what, expected)) = read_one(key, &node, single) {
            add(what, expected);
        }
    }
    if all.is_empty() && node.value.as_object().is_some_and(serde_json::Map::is_empty) {
        node.mistake("is empty; expected at least a decision");
    }
    all
}

fn read_one(key: &str, node: &At<'_>, single: &Single) -> Option<(What, Vec<String>)> {
    let set = &single.policies;
    let one = |text: Option<&str>| text.map(|text| vec![text.to_owned()]);
    let or_none = |expected: &dyn Fn() -> Option<Vec<String>>| {
        if node.value.is_null() { Some(Vec::new()) } else { expected() }
    };
    let raises = || {
        let raises = set.policies.iter().flat_map(|policy| &policy.raises);
        let known = raises.map(|raise| &*raise.name).collect::<Vec<_>>();
        let items = node.items("a list of the names of raises; [] for none").into_iter();
        let names = items.filter_map(|item| item.known("raise", known.iter().copied()));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let read = match key {
        "decision" => (What::Decision, one(node.known("decision", DECISIONS.into_iter()))?),
        "reason" => (What::Reason, one(node.known("reason", REASONS.into_iter()))?),
        "mode" => (What::Mode, one(node.known("mode", ["enforce", "shadow"].into_iter()))?),
        "rule" => (What::Rule, or_none(&|| one(read_rule(node, single)))?),
        "policy" => {
            let known = set.policies.iter().map(|policy| &*policy.name).collect::<Vec<_>>();
            let read = || {
                let nodes = match node.value {
                    Value::Array(_) => node.items("the names of policies"),
                    _ => vec![node.clone()],
                };
                let names =
                    nodes.iter().filter_map(|one| one.known("policy", known.iter().copied()));
                Some(names.map(str::to_owned).collect::<Vec<_>>())
            };
            (What::Policy, or_none(&read)?)
        }
        "level" => {
            let known = set.levels.iter().map(|(_, level)| &*level.name).collect::<Vec<_>>();
            let read = || one(node.known("level", known.iter().copied()));
            (What::Level, or_none(&read)?)
        }
        "raises" => (What::Raises, raises()),
        "shadow_raises" => (What::ShadowRaises, raises()),
        "in_doubt" => (What::InDoubt, raises()),
        "acr_values" => (What::AcrValues, or_none(&|| Some(words_of(node)))?),
        "scope" => (What::Scope, or_none(&|| Some(words_of(node)))?),
        "max_age" => {
            (What::MaxAge, or_none(&|| node.duration().map(|age| vec![words::span(age)]))?)
        }
        "status" => (
            What::Status,
            or_none(&|| {
                let status = node.value.as_u64().filter(|status| (400..600).contains(status));
                if status.is_none() {
                    node.unexpected(
                    "a status from 400 to 599, or null for a request that goes on to the upstream",
                );
                }
                status.map(|status| vec![status.to_string()])
            })?,
        ),
        _ => return None,
    };
    Some(read)
}

/// A text with words, or a list of them.
fn words_of(node: &At<'_>) -> Vec<String> {
    let texts = node.texts("a text with words, or a list of them").into_iter();
    texts.flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn read_rule<'v>(node: &At<'v>, single: &Single) -> Option<&'v str> {
    const EXPECTED: &str = "rules[N], default or route_metadata";
    let rule = node.text(EXPECTED)?;
    if matches!(rule, "default" | "route_metadata") {
        return Some(rule);
    }
    let index = rule.strip_prefix("rules[").and_then(|rest| rest.strip_suffix(']'));
    let index = index.and_then(|index| index.parse::<usize>().ok());
    let count = words::items(single.value.get("rules")).count();
    match index {
        Some(index) if index < count => Some(rule),
        Some(_) => {
            node.mistake(format!("there are {count} rules, counted from 0; found {rule:?}"));
            None
        }
        None => {
            node.unexpected(EXPECTED);
            None
        }
    }
}

/// What is not as it was expected.
pub(super) fn differences(
    expectations: &[Expectation],
    explanation: &Explanation,
    question: &Question,
) -> Vec<Difference> {
    let differ = expectations.iter().filter_map(|Expectation { what, expected }| {
        let mut found = found(what, explanation, question);
        let mut wanted = expected.clone();
        if what.is_a_set() {
            found.sort();
            wanted.sort();
        }
        let shown = |texts: &[String]| {
            if texts.is_empty() { NONE.to_owned() } else { texts.join(" ") }
        };
        (found != wanted).then(|| Difference {
            what: what.name(),
            expected: shown(&wanted),
            found: shown(&found),
        })
    });
    differ.collect()
}

fn found(what: &What, explanation: &Explanation, question: &Question) -> Vec<String> {
    let nothing = Record::default();
    let record = explanation.record.as_ref().unwrap_or(&nothing);
    let raises = |is_meant: &dyn Fn(&crate::cli::explain::RaiseRecord) -> bool| {
        let raises = record.raises.iter().filter(|raise| is_meant(raise));
        raises.map(|raise| raise.raise.clone()).collect::<Vec<_>>()
    };
    let one = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
    let body = explanation.answer.as_ref();
    let body = body.and_then(|answer| serde_json::from_slice::<Value>(&answer.body).ok());
    let body = body.unwrap_or_default();
    let words_of = |name: &str| {
        let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    match what {
        What::Decision => one(&record.decision),
        What::Reason => one(&record.reason),
        What::Rule => one(record.rule.as_deref().unwrap_or_default()),
        What::Policy => record.policies.clone(),
        What::Mode => one(&record.mode),
        What::Level => {
            one(record.found.as_ref().and_then(|found| found.level.as_deref()).unwrap_or_default())
        }
        What::Raises => raises(&|raise| raise.mode != "shadow"),
        What::ShadowRaises => raises(&|raise| raise.mode == "shadow"),
        What::InDoubt => raises(&|raise| raise.outcome == "in_doubt"),
        What::AcrValues => words_of("acr_values"),
        What::Scope => words_of("scope"),
        What::MaxAge => {
            let age = body.get("max_age").and_then(Value::as_u64).map(Duration::from_secs);
            age.map(words::span).into_iter().collect()
        }
        What::Status => {
            let answer = explanation.answer.as_ref();
            answer.map(|answer| answer.status.to_string()).into_iter().collect()
        }
        What::UpstreamHeader(name) => {
            if explanation.answer.is_some() {
                return Vec::new();
            }
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            match explanation.changes.iter().find(|change| change.name == *name) {
                Some(change) => change.value.as_deref().map(text).into_iter().collect(),
                None => question.headers.values(name).map(text).collect(),
            }
        }
    }
}
