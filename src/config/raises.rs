//! `raise`: what raises the bar of a policy.

use super::levels::LevelsRead;
use super::node::Node;
use super::policies::read_alternatives;
use super::{all, one_of, read_mode};
use crate::condition::{Condition, Known, Scope};
use crate::policy::{Consequence, Demand, Raise};

pub(super) fn read(
    node: &Node<'_>,
    is_public: bool,
    levels: &LevelsRead,
    known: &Known<'_>,
) -> Option<Vec<Raise>> {
    let items = node.filled_list(
        "a list of raises such as [{name: office-hours, when: …, require: [{level: mfa}]}]",
    )?;
    let items = items.collect::<Vec<_>>();
    let raises = all(items.iter().map(|item| read_raise(item, is_public, levels, known)))?;
    for (index, (item, raise)) in items.iter().zip(&raises).enumerate() {
        let earlier = raises.iter().take(index).position(|other| other.name == raise.name);
        if let Some(earlier) = earlier {
            item.mistake(format!("has the name of raise[{earlier}]; expected a name of its own"));
        }
    }
    Some(raises)
}

fn read_raise(
    node: &Node<'_>,
    is_public: bool,
    levels: &LevelsRead,
    known: &Known<'_>,
) -> Option<Raise> {
    let raise = node.object(
        "a raise with name, when, and require or deny",
        &["name", "when", "require", "deny", "mode"],
    )?;
    let name = raise
        .required("name", "a name for logs and metrics")
        .and_then(|node| node.text("a name for logs and metrics").map(Box::from));
    let scope = if is_public { Scope::PublicRequest } else { Scope::Request };
    let when = raise
        .required("when", "a condition in CEL, such as \"request.method == 'DELETE'\"")
        .and_then(|node| {
            let source = node.string("a condition in CEL")?;
            node.compiled(Condition::compile(source, scope, known))
        });
    let then = one_of(&raise, &["require", "deny"]).and_then(|key| {
        let node = raise.get(key)?;
        if key == "deny" {
            return node
                .text("a sentence for the client")
                .map(|text| Consequence::Deny(text.into()));
        }
        let alternatives = read_alternatives(&node, levels)?;
        Some(Consequence::Require(Demand { alternatives, scopes: Vec::new() }))
    });
    let mode = read_mode(&raise);
    Some(Raise { name: name?, when: when?, then: then?, mode: mode?, number: 0 })
}
