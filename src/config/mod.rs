//! From what an operator writes to a [`PolicySet`]. All mistakes come at once, each with its place.

mod audit;
mod body;
mod dpop;
pub(crate) mod duration;
mod feeds;
mod introspection;
mod issuers;
mod keys;
mod levels;
mod matches;
mod mistake;
mod node;
mod paths;
mod places;
mod policies;
mod raises;
mod rules;
mod signals;
mod source;
#[cfg(test)]
mod tests;
mod tokens;
mod trusted;
mod upstream;
mod variable;
mod version;

use serde_json::Value;

pub(crate) use self::mistake::suggestion;
pub use self::mistake::{Mistake, Mistakes};

use self::issuers::IssuersRead;
use self::levels::LevelsRead;
use self::mistake::Sink;
use self::node::{Node, Object};
use self::policies::PoliciesRead;
use crate::challenge::ChallengeSettings;
use crate::condition::Known;
use crate::keys::Algorithms;
use crate::policy::{EncodedSlashes, Mode, PolicySet};

/// The keys at the top of a configuration.
pub const KEYS: [&str; 17] = [
    "levels",
    "issuers",
    "tokens",
    "dpop",
    "body",
    "policies",
    "rules",
    "default",
    "route_metadata",
    "trusted_headers",
    "feeds",
    "signals",
    "challenge",
    "encoded_slashes",
    "mode",
    "audit",
    "upstream_headers",
];

/// The protection space where none is configured. A challenge needs at least one parameter
/// (RFC 6750 §3).
const DEFAULT_REALM: &str = "api";

/// Compiles a configuration as a proxy hands it over: JSON text, or the protobuf bytes of a
/// `google.protobuf.Struct`.
///
/// # Errors
/// Every mistake that can be told from the others.
pub fn compile(bytes: &[u8]) -> Result<PolicySet, Mistakes> {
    compile_value(&source::read(bytes).map_err(Mistakes::whole)?)
}

/// Compiles a configuration that was parsed already.
///
/// # Errors
/// Every mistake that can be told from the others.
pub fn compile_value(document: &Value) -> Result<PolicySet, Mistakes> {
    let sink = Sink::default();
    let set = read(&Node::root(document, &sink), version::of(document));
    sink.finish(set)
}

fn read(root: &Node<'_>, version: Box<str>) -> Option<PolicySet> {
    let object =
        root.object("an object with levels, issuers, policies, rules and default", &KEYS)?;
    let issuers = object.get("issuers").map_or_else(IssuersRead::default, |n| issuers::read(&n));
    let levels =
        object.get("levels").map_or_else(LevelsRead::default, |node| levels::read(&node, &issuers));
    let tokens = tokens::read(&object);
    let dpop = dpop::read(&object);
    let body = body::read(&object);
    let feed_names = feeds::names(&object);
    let feeds = feeds::read(&object);
    let signals = signals::read(&object);
    let signal_names = signals::names(&object);
    let level_names = levels.all_names();
    let known =
        Known { feeds: &feed_names, signals: &signal_names, levels: level_names.as_deref() };
    let policies = object
        .required("policies", "the policies by name")
        .map_or_else(PoliciesRead::default, |node| policies::read(&node, &levels, &known));
    let trusted_headers = trusted::read(&object);
    let known = Known { feeds: &feed_names, signals: &[], levels: level_names.as_deref() };
    let signals = signals.and_then(|signals| signals::compile(&object, signals, &known));
    if policies.needs_levels() && object.get("levels").is_none() {
        object.required("levels", "the levels that the policies require, weakest first");
    }
    if policies.needs_issuer() && object.get("issuers").is_none() {
        object.required("issuers", "who signs the tokens that the policies ask for");
    }
    let slashes = read_slashes(&object);
    let default = object
        .required("default", "the name of the policy for requests that no rule matches")
        .and_then(|node| policies.id(&node));
    let rules = match object.get("rules") {
        Some(node) => rules::read(&node, &policies, slashes.unwrap_or_default()),
        None => Some(Vec::new()),
    };
    let route_metadata = object.get("route_metadata").map_or(Some(true), |node| node.boolean());
    let challenge = read_challenge(&object);
    let mode = read_mode(&object);
    let audit = audit::read(&object);
    let upstream_headers = upstream::read(&object);
    let dpop = dpop?;
    Some(PolicySet {
        levels: levels.finish()?,
        issuers: issuers.finish()?,
        tokens: tokens?,
        body: body?,
        policies: policies.finish()?,
        rules: crate::policy::Rules::new(rules?, default?),
        trusted_headers: trusted_headers?,
        feeds: feeds?,
        signals: signals?,
        route_metadata: route_metadata?,
        encoded_slashes: slashes?,
        challenge: ChallengeSettings { dpop_algorithms: dpop.algorithms, ..challenge? },
        dpop,
        mode: mode?,
        audit: audit?,
        upstream_headers: upstream_headers?,
        version,
    })
}

/// `mode`, of the whole, of a policy or of a raise.
fn read_mode(object: &Object<'_>) -> Option<Mode> {
    let Some(node) = object.get("mode") else { return Some(Mode::default()) };
    match node.value().as_str() {
        Some("enforce") => Some(Mode::Enforce),
        Some("shadow") => Some(Mode::Shadow),
        _ => {
            node.unexpected("\"enforce\" or \"shadow\"");
            None
        }
    }
}

fn read_slashes(object: &Object<'_>) -> Option<EncodedSlashes> {
    const EXPECTED: &str = "\"reject\" or \"keep\"";
    let Some(node) = object.get("encoded_slashes") else {
        return Some(EncodedSlashes::default());
    };
    match node.value().as_str() {
        Some("reject") => Some(EncodedSlashes::Reject),
        Some("keep") => Some(EncodedSlashes::Keep),
        _ => {
            node.unexpected(EXPECTED);
            None
        }
    }
}

fn read_challenge(object: &Object<'_>) -> Option<ChallengeSettings> {
    let default = ChallengeSettings {
        realm: DEFAULT_REALM.into(),
        resource_metadata: None,
        hint_without_token: true,
        dpop_algorithms: Algorithms::default(),
    };
    let Some(node) = object.get("challenge") else {
        return Some(default);
    };
    let challenge = node.object(
        "an object with realm, resource_metadata and hint_without_token",
        &["realm", "resource_metadata", "hint_without_token"],
    )?;
    let realm = match challenge.get("realm") {
        Some(node) => node.header_text("a name for the protected API").map(Into::into),
        None => Some(default.realm),
    };
    let resource_metadata = match challenge.get("resource_metadata") {
        Some(node) => read_url(&node).map(Some),
        None => Some(None),
    };
    let hint = challenge.get("hint_without_token").map_or(Some(true), |node| node.boolean());
    Some(ChallengeSettings {
        realm: realm?,
        resource_metadata: resource_metadata?,
        hint_without_token: hint?,
        ..default
    })
}

/// RFC 9728 §1.2: an https URL. Plain http is let through for trials on one machine.
fn read_url(node: &Node<'_>) -> Option<Box<str>> {
    const EXPECTED: &str = "an https URL";
    let url = node.header_word(EXPECTED)?;
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#', ':'])) {
        node.unexpected(EXPECTED);
        return None;
    }
    Some(url.into())
}

/// Reads every item, so that every mistake is noted; `None` after any.
fn all<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    // `collect` would stop at the first `None`.
    let items = items.collect::<Vec<_>>();
    items.into_iter().collect()
}

/// The one of `keys` that is there. None, or several, is a mistake.
fn one_of<'k>(object: &Object<'_>, keys: &[&'k str]) -> Option<&'k str> {
    match object.present(keys).as_slice() {
        [key] => Some(key),
        [] => {
            object.mistake(match keys {
                [only] => format!("lacks the key {only}"),
                several => format!("lacks one of the keys {}", several.join(", ")),
            });
            None
        }
        several => {
            object.mistake(format!(
                "has the keys {} together; expected one of them",
                several.join(" and ")
            ));
            None
        }
    }
}

/// A list of strings, each read by `read`.
fn strings<'a>(
    node: &'a Node<'_>,
    expected: &str,
    read: impl Fn(&Node<'a>) -> Option<Box<str>>,
) -> Option<Vec<Box<str>>> {
    all(node.filled_list(expected)?.map(|item| read(&item)))
}
