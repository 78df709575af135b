//! `rules`: which requests each policy is for.

use super::matches;
use super::node::Node;
use super::policies::PoliciesRead;
use crate::policy::{EncodedSlashes, Reach, RequestMatch, Rule};

pub(super) fn read(
    node: &Node<'_>,
    policies: &PoliciesRead,
    slashes: EncodedSlashes,
) -> Option<Vec<Rule>> {
    let items = node.list("a list of rules")?.collect::<Vec<_>>();
    let read = items.iter().map(|item| read_rule(item, policies, slashes)).collect::<Vec<_>>();
    check_reachable(&items, &read);
    read.into_iter()
        .map(|(matcher, policy)| Some(Rule { matcher: matcher?, policy: policy? }))
        .collect()
}

type RuleRead = (Option<RequestMatch>, Option<crate::policy::PolicyId>);

fn read_rule(node: &Node<'_>, policies: &PoliciesRead, slashes: EncodedSlashes) -> RuleRead {
    let Some(rule) = node.object("a rule with match and policy", &["match", "policy"]) else {
        return (None, None);
    };
    let matcher = rule
        .required("match", "which requests the rule is for, such as {prefix: /api}")
        .and_then(|node| matches::read(&node, slashes));
    let policy =
        rule.required("policy", "the name of a policy").and_then(|node| policies.id(&node));
    (matcher, policy)
}

/// The first rule that matches wins, so a rule behind one that covers it is never reached.
fn check_reachable(items: &[Node<'_>], read: &[RuleRead]) {
    let matches = read.iter().map(|(matcher, _)| matcher.as_ref()).collect::<Vec<_>>();
    let reach = Reach::new(&matches);
    for (index, item) in items.iter().enumerate() {
        if let Some(earlier) = reach.first_covering(index) {
            item.mistake(format!(
                "is never reached: rules[{earlier}] matches everything that it matches, and comes \
                 first; move it before rules[{earlier}], or take it out"
            ));
        }
    }
}
