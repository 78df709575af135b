//! The explanation as sentences.

use std::io::{self, Write};

use serde_json::Value;

use super::record::{RaiseRecord, Record};
use super::{Explanation, Question, wire};
use crate::cli::{printable, words};
use crate::condition::Variable;
use crate::policy::{Consequence, Mode, Policy, PolicySet, Raise};
use crate::request::split_target;
use crate::time::Timestamp;

/// What names in a record mean.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Context<'c> {
    /// The configuration as it is written.
    pub(in crate::cli) value: &'c Value,
    /// The same, compiled.
    pub(in crate::cli) policies: &'c PolicySet,
}

/// A point in time as RFC 3339 writes it.
pub(super) fn instant(time: Timestamp) -> String {
    let since_epoch = time.since_epoch();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

pub(super) fn write(
    explanation: &Explanation,
    question: &Question,
    context: &Context<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for sentence in sentences(explanation, question, context) {
        writeln!(out, "{}", printable(&sentence))?;
    }
    writeln!(out)?;
    if let Some(answer) = &explanation.answer {
        writeln!(out, "The client gets:\n")?;
        for line in wire(answer) {
            writeln!(out, "{}", format!("  {line}").trim_end())?;
        }
    } else {
        writeln!(out, "{}", printable(&upstream(explanation)))?;
    }
    if !explanation.notes.is_empty() {
        writeln!(out)?;
    }
    explanation.notes.iter().try_for_each(|note| writeln!(out, "note: {}", printable(note)))
}

/// What the upstream gets.
fn upstream(explanation: &Explanation) -> String {
    let changes = explanation.changes.iter().map(|change| match &change.value {
        Some(value) => format!("with {}: {}", change.name, String::from_utf8_lossy(value)),
        None => format!("without the header {}", change.name),
    });
    let changes = changes.collect::<Vec<_>>();
    if changes.is_empty() {
        "The upstream gets the request as it came.".to_owned()
    } else {
        format!("The upstream gets the request {}.", words::list(&changes, "and"))
    }
}

/// What was decided and why, sentence by sentence.
pub(in crate::cli) fn sentences(
    explanation: &Explanation,
    question: &Question,
    context: &Context<'_>,
) -> Vec<String> {
    let mut told = vec![outcome(explanation, question)];
    let Some(record) = &explanation.record else { return told };
    told.extend(selected(record, context));
    let policies = record.policies.iter();
    let policies = policies.filter_map(|name| context.policies.policies.named(name));
    for policy in policies {
        told.push(demand(policy, context));
        if record.decision == "fail" || record.decision == "reject" {
            continue;
        }
        told.extend(policy.raises.iter().enumerate().map(|(index, raise)| {
            told_of_raise(policy, raise, condition(policy, index, context), record, context)
        }));
    }
    told.extend(why(record));
    told
}

/// The first sentence: the request, and what becomes of it.
fn outcome(explanation: &Explanation, question: &Question) -> String {
    let header = |name| {
        String::from_utf8_lossy(question.headers.single(name).unwrap_or_default()).into_owned()
    };
    let (path, _) = split_target(question.headers.single(":path").unwrap_or_default());
    let request = format!("{} {}", header(":method"), String::from_utf8_lossy(path));
    let at = instant(question.at);
    let status = explanation.answer.as_ref().map(|answer| answer.status);
    let decision = explanation.record.as_ref().map_or("", |record| record.decision.as_str());
    let does = match (decision, status) {
        ("" | "allow", None) => "goes on to the upstream".to_owned(),
        (_, None) => {
            let status = explanation.record.as_ref().and_then(|record| record.status);
            let status = status.map(|status| format!(" with {status}")).unwrap_or_default();
            let verb = verb(decision);
            format!("goes on to the upstream in shadow mode; enforced, it would be {verb}{status}")
        }
        (decision, Some(status)) => format!("is {} with {status}", verb(decision)),
    };
    format!("{request}, at {at}, {does}.")
}

fn verb(decision: &str) -> &'static str {
    match decision {
        "challenge" => "challenged",
        "forbid" => "forbidden",
        "deny" => "denied",
        "reject" => "rejected",
        _ => "answered",
    }
}

/// What selected the policy.
fn selected(record: &Record, context: &Context<'_>) -> Option<String> {
    let rule = record.rule.as_deref()?;
    let names = words::list(&record.policies, "and");
    let decides = match record.policies.len() {
        0 => return None,
        1 => format!("the policy {names} decides"),
        _ => format!(
            "the policies {names} decide together, as servers read the request in several ways"
        ),
    };
    Some(match rule {
        "default" => format!("No rule matches, so by default {decides}."),
        "route_metadata" => {
            format!(
                "The route names its policy in its metadata, which wins over the rules: {decides}."
            )
        }
        rule => {
            let index = rule.strip_prefix("rules[").and_then(|rest| rest.strip_suffix(']'));
            let index = index.and_then(|index| index.parse::<usize>().ok());
            let written =
                index.and_then(|index| words::items(context.value.get("rules")).nth(index));
            let matched = words::matched(written.and_then(|rule| rule.get("match")));
            format!("{rule} matches first ({matched}), so {decides}.")
        }
    })
}

/// What a policy asks of everyone.
fn demand(policy: &Policy, context: &Context<'_>) -> String {
    let name = &policy.name;
    let Some(demand) = &policy.demand else {
        return format!("{name} is public: it asks for no token.");
    };
    let mut asked = Vec::new();
    if !demand.alternatives.is_empty() {
        asked.push(words::alternatives(&demand.alternatives, &context.policies.levels));
    }
    if !demand.scopes.is_empty() {
        let scopes = demand.scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
        asked.push(words::counted("scope", &scopes));
    }
    format!("{name} requires {}.", asked.join(", and "))
}

/// A raise's condition as it is written.
fn condition<'c>(policy: &Policy, index: usize, context: &Context<'c>) -> &'c str {
    let raises = context.value.get("policies").and_then(|all| all.get(&*policy.name)?.get("raise"));
    let raise = words::items(raises).nth(index);
    raise.and_then(|raise| raise.get("when")?.as_str()).unwrap_or_default()
}

fn told_of_raise(
    policy: &Policy,
    raise: &Raise,
    when: &str,
    record: &Record,
    context: &Context<'_>,
) -> String {
    let name = &raise.name;
    let listed = record.raises.iter();
    let listed = listed.rev().find(|one| one.policy == *policy.name && one.raise == **name);
    let Some(RaiseRecord { outcome, doubt, mode, .. }) = listed else {
        let needs_more = |variable: &Variable| variable.is_of_token() || variable.is_body();
        // Where there is no good token, such raises are not evaluated.
        let is_skipped = policy.demand.is_some()
            && record.found.is_none()
            && raise.when.reads().iter().any(needs_more);
        return if is_skipped {
            format!(
                "The raise {name} was not looked at ({when}): without a good token, the \
                 request is refused in any case."
            )
        } else {
            format!("The raise {name} did not fire ({when}).")
        };
    };
    let fired = match (outcome.as_str(), doubt) {
        ("in_doubt", Some(doubt)) => format!("in doubt, so it fired: {doubt}"),
        ("in_doubt", None) => "in doubt, so it fired".to_owned(),
        _ => "true, so it fired".to_owned(),
    };
    let adds = match &raise.then {
        Consequence::Require(demand) => {
            format!(
                "requires {}",
                words::alternatives(&demand.alternatives, &context.policies.levels)
            )
        }
        Consequence::Deny(detail) => format!("denies the request, saying {detail:?}"),
    };
    // The sentence for the client ends as it ends.
    let end = |text: &str| if text.ends_with(".\"") { "" } else { "." };
    let shadow = if raise.mode == Mode::Shadow || mode == "shadow" {
        "; it is in shadow mode, so that nothing follows from it"
    } else {
        ""
    };
    let text = format!("The condition of the raise {name} ({when}) is {fired}. It {adds}{shadow}");
    let end = end(&text);
    text + end
}

/// Why it was decided so.
fn why(record: &Record) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(found) = &record.found {
        let level = match found.level.as_deref() {
            Some(level) => format!("the level {level}"),
            None => "no level".to_owned(),
        };
        let age = found.age.map(std::time::Duration::from_secs);
        let age = age.map(|age| format!(", {} ago", words::span(age))).unwrap_or_default();
        told.push(format!("The token proves {level}{age}."));
    }
    if record.decision == "deny" {
        told.push(format!("Why: it is denied {}.", record.message));
    } else if record.decision != "allow" && !record.message.is_empty() {
        told.push(format!("Why: {}.", record.message));
    }
    if let ("challenge", Some(required)) = (record.decision.as_str(), &record.required)
        && let Some(level) = &required.level
    {
        let age = required.max_age.map(std::time::Duration::from_secs);
        let age = age.map(|age| format!(", at most {} old", words::span(age))).unwrap_or_default();
        told.push(format!("What meets all demands at once is {level}{age}."));
    }
    told
}
