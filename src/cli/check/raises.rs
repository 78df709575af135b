//! Raises that change nothing, or that always fire.

use serde_json::Value;

use super::super::strength::Ladders;
use super::findings::Findings;
use super::warnings::policy_path;
use crate::condition::Variable;
use crate::policy::{Consequence, Policy, PolicySet, Raise};

/// Methods whose requests seldom have a body.
const BODILESS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

pub(super) fn look(value: &Value, policies: &PolicySet, findings: &mut Findings<'_>) {
    for policy in policies.policies.iter() {
        let is_bodiless = is_bodiless(value, policy, policies);
        for (index, raise) in policy.raises.iter().enumerate() {
            let path = format!("{}.raise[{index}]", policy_path(&policy.name));
            constant(raise, &path, findings);
            weak(policy, raise, policies, &path, findings);
            if is_bodiless && raise.when.reads().iter().any(Variable::is_body) {
                let message = format!(
                    "reads the body, and the policy {:?} is only for {}, whose requests have none: \
                     the raise would fire for all of them, in doubt",
                    policy.name,
                    BODILESS.join(", "),
                );
                findings.warn("body-without-method", &format!("{path}.when"), &message);
            }
        }
    }
}

/// A condition that says the same of every request.
fn constant(raise: &Raise, path: &str, findings: &mut Findings<'_>) {
    let message = match raise.when.constant() {
        None => return,
        Some(Ok(true)) => match raise.then {
            Consequence::Deny(_) => {
                "is true for every request, so that the policy denies them all; expected a condition \
                 on the request"
            }
            Consequence::Require(_) => {
                "is true for every request; write what the raise asks for into the policy's own \
                 require, or expect something of the request"
            }
        },
        Some(Ok(false)) => {
            "is false for every request, so that the raise never fires; expected a condition on the \
             request"
        }
        Some(Err(_)) => {
            "cannot be computed, whatever the request, so that it is always in doubt and fires; \
             expected a condition on the request"
        }
    };
    findings.warn("constant-condition", &format!("{path}.when"), message);
}

/// A raise that asks for what the policy asks for anyway.
fn weak(
    policy: &Policy,
    raise: &Raise,
    policies: &PolicySet,
    path: &str,
    findings: &mut Findings<'_>,
) {
    let (Some(own), Consequence::Require(demand)) = (&policy.demand, &raise.then) else { return };
    if Ladders(&policies.levels, &policies.levels).levels_within(own, demand) {
        let message = format!(
            "changes nothing: whoever meets the policy {:?} meets this too; expected a stronger \
             level, or a smaller max_age",
            policy.name
        );
        findings.warn("weak-raise", &format!("{path}.require"), &message);
    }
}

/// Whether only requests come to a policy that seldom have a body.
fn is_bodiless(value: &Value, policy: &Policy, policies: &PolicySet) -> bool {
    let is_default = value.get("default").and_then(Value::as_str) == Some(&policy.name);
    let own = |id| policies.policies.get(id).is_some_and(|found| found.name == policy.name);
    let mut rules = policies.rules.iter().filter(|rule| own(rule.policy)).peekable();
    !is_default
        && rules.peek().is_some()
        && rules.all(|rule| {
            let methods = &rule.matcher.methods;
            !methods.is_empty() && methods.iter().all(|method| BODILESS.contains(&&**method))
        })
}
