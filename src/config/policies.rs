//! `policies`: named demands.

use super::levels::LevelsRead;
use super::mistake::suggestion;
use super::node::{Node, Object};
use super::{all, strings};
use crate::policy::{Demand, Policies, Policy, PolicyId, Requirement};

const KEYS: [&str; 3] = ["public", "require", "scopes"];

/// The policies as far as they could be read.
#[derive(Default)]
pub(super) struct PoliciesRead {
    names: Vec<String>,
    /// Empty after a mistake in any of them.
    policies: Vec<Policy>,
    needs_issuer: bool,
    needs_levels: bool,
}

impl PoliciesRead {
    /// The policy that the node names.
    pub(super) fn id(&self, node: &Node<'_>) -> Option<PolicyId> {
        let name = node.string("the name of a policy")?;
        let index = self.names.iter().position(|known| known == name);
        // Where there is no policy at all, that was noted, and is one mistake.
        if index.is_none() && !self.names.is_empty() {
            let known = self.names.iter().map(String::as_str);
            node.mistake(format!("no policy is named {name:?}{}", suggestion(name, known)));
        }
        index.map(PolicyId::new)
    }

    /// Whether any policy looks at a token.
    pub(super) fn needs_issuer(&self) -> bool {
        self.needs_issuer
    }

    /// Whether any policy requires a level.
    pub(super) fn needs_levels(&self) -> bool {
        self.needs_levels
    }

    /// The policies, once every one could be read.
    pub(super) fn finish(self) -> Option<Policies> {
        (self.policies.len() == self.names.len()).then(|| Policies::new(self.policies))
    }
}

pub(super) fn read(node: &Node<'_>, levels: &LevelsRead) -> PoliciesRead {
    let mut read = PoliciesRead::default();
    let Some(entries) = node.entries("an object with a policy for each name") else {
        return read;
    };
    let mut policies = Vec::new();
    for (name, item) in entries {
        read.names.push(name.to_owned());
        if name.is_empty() || name.chars().any(char::is_control) {
            item.mistake("its name is empty or holds a control character");
        }
        let object = item.object(&expected(name), &KEYS);
        read.needs_levels |= object.as_ref().is_some_and(|policy| policy.get("require").is_some());
        let policy = object.and_then(|policy| read_demand(&policy, levels));
        // A policy with a mistake asks for something, as far as can be told.
        read.needs_issuer |= !matches!(policy, Some(None));
        policies.push(policy.map(|demand| Policy { name: name.into(), demand }));
    }
    if read.names.is_empty() {
        node.mistake("is empty; expected at least one policy");
    }
    read.policies = all(policies.into_iter()).unwrap_or_default();
    read
}

/// A policy; where the name is a key of one, the indentation is probably what is wrong.
fn expected(name: &str) -> String {
    if KEYS.contains(&name) {
        format!("a policy; {name} is a key of a policy: indent it under the policy it belongs to")
    } else {
        "a policy".to_owned()
    }
}

/// `Some(None)` for a public policy.
fn read_demand(policy: &Object<'_>, levels: &LevelsRead) -> Option<Option<Demand>> {
    let public = policy.get("public").map_or(Some(false), |node| node.boolean());
    let demanding = policy.present(&["require", "scopes"]);
    if public == Some(true) && !demanding.is_empty() {
        policy.mistake(format!(
            "is public and has {} too; a public policy asks for nothing",
            demanding.join(" and ")
        ));
    }
    if public == Some(false) && demanding.is_empty() {
        policy.mistake(
            "asks for nothing; expected require, or scopes, or public: true for routes that need \
             no token",
        );
    }
    let alternatives = match policy.get("require") {
        Some(node) => node
            .filled_list("a list of requirements such as [{level: mfa, max_age: 8h}]")
            .and_then(|items| all(items.map(|item| read_requirement(&item, levels)))),
        None => Some(Vec::new()),
    };
    let scopes = match policy.get("scopes") {
        Some(node) => strings(&node, "a list of scopes", read_scope),
        None => Some(Vec::new()),
    };
    let demand = Demand { alternatives: alternatives?, scopes: scopes? };
    Some((!public?).then_some(demand))
}

fn read_requirement(node: &Node<'_>, levels: &LevelsRead) -> Option<Requirement> {
    let requirement =
        node.object("a requirement such as {level: mfa, max_age: 8h}", &["level", "max_age"])?;
    let level =
        requirement.required("level", "the name of a level").and_then(|node| levels.id(&node));
    let max_age = match requirement.get("max_age") {
        Some(node) => node.seconds().and_then(|max_age| {
            if max_age.is_zero() {
                node.mistake(
                    "is 0, which no token meets by the time it arrives: the client would loop; \
                     expected at least \"1s\"",
                );
                return None;
            }
            Some(Some(max_age))
        }),
        None => Some(None),
    };
    Some(Requirement { level: level?, max_age: max_age? })
}

/// RFC 6749 §3.3: visible ASCII without quotes and backslashes.
fn read_scope(node: &Node<'_>) -> Option<Box<str>> {
    let scope = node.header_word("a scope")?;
    if scope.contains(['"', '\\']) {
        node.mistake("holds a quote or a backslash, which no scope has (RFC 6749 §3.3)");
        return None;
    }
    Some(scope.into())
}
