//! What is good, and probably not what was meant: methods left open, and what is only told.

use serde_json::Value;

use super::super::strength::is_weaker;
use super::findings::Findings;
use crate::condition::{Family, Variable};
use crate::policy::{Policy, PolicySet, Rule};
use crate::token::is_header_alike;

/// The methods that an application is likely to know. `HEAD` meets the rules for `GET`.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

pub(super) fn look(value: &Value, policies: &PolicySet, findings: &mut Findings<'_>) {
    open_methods(policies, findings);
    read_set(policies, findings);
    shadow(value, findings);
}

/// Where a request goes that a rule would match but for its method.
struct Fallen<'p> {
    policy: &'p Policy,
    /// Where that policy is named.
    by: String,
    /// Whether a rule names the method.
    is_meant: bool,
}

/// The policy for what a rule matches, with this method in the place of its own.
fn fall<'p>(policies: &'p PolicySet, rule: &Rule, method: &str) -> Option<Fallen<'p>> {
    let covers = |(_, other): &(usize, &Rule)| other.matcher.covers_with(&rule.matcher, method);
    let (by, is_meant, policy) = match policies.rules.iter().enumerate().find(covers) {
        Some((index, rule)) => {
            (format!("rules[{index}]"), !rule.matcher.methods.is_empty(), rule.policy)
        }
        None => ("default".to_owned(), false, policies.rules.policy(None)),
    };
    Some(Fallen { policy: policies.policies.get(policy)?, by, is_meant })
}

/// Rules for some methods of a path whose other methods are asked for less.
fn open_methods(policies: &PolicySet, findings: &mut Findings<'_>) {
    for (index, rule) in policies.rules.iter().enumerate() {
        let Some(own) = policies.policies.get(rule.policy) else { continue };
        if rule.matcher.methods.is_empty() {
            continue;
        }
        let others =
            METHODS.iter().filter(|m| !rule.matcher.methods.iter().any(|own| **own == ***m));
        // By where they fall, in the order of the methods.
        let mut open: Vec<(Fallen<'_>, Vec<&str>)> = Vec::new();
        for method in others {
            let Some(fallen) = fall(policies, rule, method) else { continue };
            // To read what anyone may not change is nothing unusual, to read it without a token is.
            let is_open = *method != "GET" || fallen.policy.demand.is_none();
            if fallen.is_meant || !is_open || !is_weaker(fallen.policy, own, &policies.levels) {
                continue;
            }
            match open.iter_mut().find(|(other, _)| other.by == fallen.by) {
                Some((_, methods)) => methods.push(method),
                None => open.push((fallen, vec![method])),
            }
        }
        for (Fallen { policy, by, .. }, methods) in open {
            let asks = if policy.demand.is_none() { "is public" } else { "asks for less" };
            let (verb, them) = if methods.len() == 1 { ("falls", "it") } else { ("fall", "them") };
            let message = format!(
                "{} here {verb} to {by}, whose policy {:?} {asks} than {:?}; name {them} in \
                 methods, take methods out, or add a rule that names {them} if that is meant",
                and(&methods),
                policy.name,
                own.name,
            );
            let message = message.replace("is public than", "is public, unlike");
            findings.warn("open-methods", &format!("rules[{index}].match.methods"), &message);
        }
    }
}

/// Rules and conditions that read a header which the filter sets: they look before it does, and read what
/// the client wrote.
fn read_set(policies: &PolicySet, findings: &mut Findings<'_>) {
    let is_set = |name: &str| {
        policies.upstream_headers.iter().any(|set| is_header_alike(name.as_bytes(), &set.name))
    };
    let message = |name: &str| {
        format!(
            "{name:?} is one of the upstream_headers: the filter sets it after it has decided, and \
             hides what a client wrote, so that it is never there; read the claim, or another header"
        )
    };
    for (index, rule) in policies.rules.iter().enumerate() {
        for (place, header) in rule.matcher.headers.iter().enumerate() {
            if is_set(&header.name) {
                let path = format!("rules[{index}].match.headers[{place}].name");
                findings.warn("read-on-set", &path, &message(&header.name));
            }
        }
    }
    for policy in policies.policies.iter() {
        for (index, raise) in policy.raises.iter().enumerate() {
            for variable in raise.when.reads() {
                if let Variable::Member(Family::Headers, name) = variable
                    && is_set(name)
                {
                    let path = format!("{}.raise[{index}].when", policy_path(&policy.name));
                    findings.warn("read-on-set", &path, &message(name));
                }
            }
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn and(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// What decides and is not done.
fn shadow(value: &Value, findings: &mut Findings<'_>) {
    let is_shadow = |of: &Value| of.get("mode").and_then(Value::as_str) == Some("shadow");
    if is_shadow(value) {
        let message = "nothing is enforced: every request goes on, whatever is decided over it, and \
                       decisions are only reported; write enforce, or take mode out, to enforce them";
        findings.warn("shadow", "mode", message);
    }
    let policies = value.get("policies").and_then(Value::as_object);
    for (name, policy) in policies.into_iter().flatten() {
        let path = policy_path(name);
        if is_shadow(policy) {
            let message = format!(
                "the policy {name:?} is not enforced: it decides and reports only; write enforce, \
                 or take mode out, to enforce it"
            );
            findings.warn("shadow", &format!("{path}.mode"), &message);
        }
        let raises = policy.get("raise").and_then(Value::as_array);
        for (index, raise) in raises.into_iter().flatten().enumerate() {
            if is_shadow(raise) {
                let message = "the raise is not enforced: it decides and reports only; write \
                               enforce, or take mode out, to enforce it";
                findings.warn("shadow", &format!("{path}.raise[{index}].mode"), message);
            }
        }
    }
}

/// The place of a policy as messages show it.
pub(super) fn policy_path(name: &str) -> String {
    member_path("policies", name)
}

/// The place of a member as messages show it.
pub(super) fn member_path(object: &str, name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_plain { format!("{object}.{name}") } else { format!("{object}[{name:?}]") }
}
