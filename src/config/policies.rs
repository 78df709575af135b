//! `policies`: named demands.

use std::collections::HashMap;
use std::time::Duration;

use super::levels::LevelsRead;
use super::mistake::suggestion;
use super::node::{Node, Object};
use super::{all, raises, read_mode, strings};
use crate::condition::Known;
use crate::policy::{Consequence, Demand, Policies, Policy, PolicyId, Raise, Requirement};

const KEYS: [&str; 5] = ["public", "require", "scopes", "raise", "mode"];

const REQUIREMENT_KEYS: [&str; 2] = ["level", "max_age"];

/// A year. Nothing that is older says that the user is still there; a greater number is a slip.
const GREATEST_MAX_AGE: Duration = Duration::from_hours(366 * 24);

/// The policies as far as they could be read.
#[derive(Default)]
pub(super) struct PoliciesRead {
    names: Vec<String>,
    /// By name; each rule looks for one.
    ids: HashMap<Box<str>, PolicyId>,
    /// Empty after a mistake in any of them.
    policies: Vec<Policy>,
    needs_issuer: bool,
    needs_levels: bool,
}

impl PoliciesRead {
    /// The policy that the node names.
    pub(super) fn id(&self, node: &Node<'_>) -> Option<PolicyId> {
        let name = node.string("the name of a policy")?;
        let id = self.ids.get(name).copied();
        // Where there is no policy at all, that was noted, and is one mistake.
        if id.is_none() && !self.names.is_empty() {
            let known = self.names.iter().map(String::as_str);
            node.mistake(format!("no policy is named {name:?}{}", suggestion(name, known)));
        }
        id
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

pub(super) fn read(node: &Node<'_>, levels: &LevelsRead, known: &Known<'_>) -> PoliciesRead {
    let mut read = PoliciesRead::default();
    let Some(entries) = node.entries("an object with a policy for each name") else {
        return read;
    };
    let mut policies = Vec::new();
    for (name, item) in entries {
        read.ids.insert(name.into(), PolicyId::new(read.names.len()));
        read.names.push(name.to_owned());
        if name.is_empty() || name.chars().any(char::is_control) {
            item.mistake("its name is empty or holds a control character");
        }
        let object = item.object(&expected(name), &KEYS);
        let policy = object.and_then(|policy| read_policy(name, &policy, levels, known, &mut read));
        policies.push(policy);
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

fn read_policy(
    name: &str,
    policy: &Object<'_>,
    levels: &LevelsRead,
    known: &Known<'_>,
    read: &mut PoliciesRead,
) -> Option<Policy> {
    let public = policy.get("public").map_or(Some(false), |node| node.boolean());
    let demand = read_demand(policy, public, levels);
    let raises = match policy.get("raise") {
        Some(node) => raises::read(&node, public == Some(true), levels, known),
        None => Some(Vec::new()),
    };
    let mode = read_mode(policy);
    // A policy with a mistake asks for something, as far as can be told.
    let demands = |raise: &Raise| matches!(raise.then, Consequence::Require(_));
    let raises_demand = raises.as_ref().is_none_or(|raises| raises.iter().any(demands));
    read.needs_issuer |= !matches!(demand, Some(None)) || raises_demand;
    read.needs_levels |= policy.get("require").is_some() || raises_demand;
    Some(Policy { name: name.into(), demand: demand?, raises: raises?, mode: mode?, number: 0 })
}

/// `Some(None)` for a public policy.
fn read_demand(
    policy: &Object<'_>,
    public: Option<bool>,
    levels: &LevelsRead,
) -> Option<Option<Demand>> {
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
        Some(node) => read_alternatives(&node, levels),
        None => Some(Vec::new()),
    };
    let scopes = match policy.get("scopes") {
        Some(node) => strings(&node, "a list of scopes", read_scope),
        None => Some(Vec::new()),
    };
    let demand = Demand { alternatives: alternatives?, scopes: scopes? };
    Some((!public?).then_some(demand))
}

pub(super) fn read_alternatives(node: &Node<'_>, levels: &LevelsRead) -> Option<Vec<Requirement>> {
    let items = node.filled_list("a list of requirements such as [{level: mfa, max_age: 8h}]")?;
    let items = items.collect::<Vec<_>>();
    let read = items.iter().map(|item| read_requirement(item, levels)).collect::<Vec<_>>();
    check_alternatives(&items, &read, levels);
    read.into_iter().collect()
}

/// An alternative that another one takes in changes nothing, and its `max_age` least of all.
fn check_alternatives(items: &[Node<'_>], read: &[Option<Requirement>], levels: &LevelsRead) {
    let accepts_all_of = |wide: &Requirement, narrow: &Requirement| {
        levels.satisfied_by(narrow.level).is_some_and(|levels| levels.contains(wide.level))
            && wide.max_age.is_none_or(|wide| narrow.max_age.is_some_and(|age| age <= wide))
    };
    for (index, (item, narrow)) in items.iter().zip(read).enumerate() {
        let Some(narrow) = narrow else { continue };
        let wider = read.iter().enumerate().find(|(other, wide)| {
            wide.as_ref().is_some_and(|wide| {
                // Of two that accept the same, the later one is idle.
                let is_first = index < *other && accepts_all_of(narrow, wide);
                index != *other && accepts_all_of(wide, narrow) && !is_first
            })
        });
        if let Some((wider, _)) = wider {
            item.mistake(format!(
                "makes no difference: require[{wider}] accepts everything that it accepts; give \
                 require[{wider}] a smaller max_age than this one has, or take one of the two out; \
                 to ask for a stronger login than is needed, name its acr in the level's ask_for"
            ));
        }
    }
}

fn read_requirement(node: &Node<'_>, levels: &LevelsRead) -> Option<Requirement> {
    let requirement =
        node.object("a requirement such as {level: mfa, max_age: 8h}", &REQUIREMENT_KEYS)?;
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
            if max_age > GREATEST_MAX_AGE {
                node.unexpected("\"366d\" at most; to ask for no age at all leave max_age out");
                return None;
            }
            Some(Some(max_age))
        }),
        None => Some(None),
    };
    // What a misspelt key was to say is not known, so nothing is told of what the rest lets pass.
    let is_whole = requirement.has_only(&REQUIREMENT_KEYS);
    Some(Requirement { level: level?, max_age: max_age? }).filter(|_| is_whole)
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
