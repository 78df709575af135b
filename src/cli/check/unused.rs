//! What is named and never used.

use std::collections::HashSet;

use serde_json::Value;

use super::findings::Findings;
use super::routes::Routes;
use super::warnings::{member_path, policy_path};
use crate::condition::{Family, Signal, Variable, Watched};
use crate::policy::PolicySet;

pub(super) fn look(
    value: &Value,
    policies: &PolicySet,
    routes: Option<&Routes<'_>>,
    findings: &mut Findings<'_>,
) {
    unused_policies(value, policies, routes, findings);
    let read = read(policies);
    for (family, object, code) in
        [(Family::Feeds, "feeds", "unused-feed"), (Family::Signals, "signals", "unused-signal")]
    {
        let members = value.get(object).and_then(Value::as_object);
        for (name, _) in members.into_iter().flatten() {
            if read.contains(&(family.name(), &**name)) {
                continue;
            }
            let message = format!(
                "no condition reads {object}.{name}, which is kept for nothing; name it in one, or \
                 take it out"
            );
            findings.warn(code, &member_path(object, name), &message);
        }
    }
}

/// Policies that no rule, no default and no route names.
fn unused_policies(
    value: &Value,
    policies: &PolicySet,
    routes: Option<&Routes<'_>>,
    findings: &mut Findings<'_>,
) {
    let of_routes = match (policies.route_metadata, routes) {
        (false, _) => Vec::new(),
        (true, Some(routes)) if routes.are_all => routes.policies().collect(),
        // A route that is not in this file may name any of them.
        (true, _) => return,
    };
    let rules = value.get("rules").and_then(Value::as_array);
    let of_rules = rules.into_iter().flatten().filter_map(|rule| rule.get("policy")?.as_str());
    let default = value.get("default").and_then(Value::as_str);
    let used = of_rules.chain(default).chain(of_routes).collect::<HashSet<_>>();
    for policy in policies.policies.iter().filter(|policy| !used.contains(&*policy.name)) {
        let routes = if policies.route_metadata { ", no route of this file" } else { "" };
        let message = format!(
            "no rule{routes} and no default selects the policy {:?}; name it in a rule, or take it \
             out",
            policy.name
        );
        findings.warn("unused-policy", &policy_path(&policy.name), &message);
    }
}

/// What conditions and signals read, by family and name.
fn read(policies: &PolicySet) -> HashSet<(&'static str, &str)> {
    let raises = policies.policies.iter().flat_map(|policy| &policy.raises);
    let raises = raises.flat_map(|raise| raise.when.reads());
    let signals = policies.signals.iter().flat_map(reads_of_signal);
    let members = raises.chain(signals).filter_map(|variable| match variable {
        Variable::Member(family, name) => Some((family.name(), &**name)),
        _ => None,
    });
    members.collect()
}

fn reads_of_signal(signal: &Signal) -> impl Iterator<Item = &Variable> {
    let watched = match &signal.what {
        Watched::Events { event, .. } => event.reads(),
        Watched::Values { value, .. } => value.reads(),
    };
    watched.iter().chain(signal.per.reads())
}
