//! From what an operator writes to a [`PolicySet`]. All mistakes come at once, each with its place.

pub(crate) mod duration;
mod issuers;
mod levels;
mod matches;
mod mistake;
mod node;
mod policies;
mod rules;
mod source;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::mistake::{Mistake, Mistakes};

use self::issuers::IssuersRead;
use self::levels::LevelsRead;
use self::mistake::Sink;
use self::node::{Node, Object};
use self::policies::PoliciesRead;
use crate::challenge::ChallengeSettings;
use crate::policy::{EncodedSlashes, PolicySet};
use crate::token::TokenSettings;

/// The keys at the top of a configuration.
const KEYS: [&str; 9] = [
    "levels",
    "issuers",
    "tokens",
    "policies",
    "rules",
    "default",
    "route_metadata",
    "challenge",
    "encoded_slashes",
];

/// The protection space where none is configured. A challenge needs at least one parameter
/// (RFC 6750 §3).
const DEFAULT_REALM: &str = "api";

/// The longest token where nothing is configured, in bytes. Tokens with many groups come near it.
const DEFAULT_MAX_LENGTH: usize = 16 * 1024;

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
    let set = read(&Node::root(document, &sink));
    sink.finish(set)
}

fn read(root: &Node<'_>) -> Option<PolicySet> {
    let object =
        root.object("an object with levels, issuers, policies, rules and default", &KEYS)?;
    let issuers = object.get("issuers").map_or_else(IssuersRead::default, |n| issuers::read(&n));
    let levels =
        object.get("levels").map_or_else(LevelsRead::default, |node| levels::read(&node, &issuers));
    let tokens = read_tokens(&object);
    let policies = object
        .required("policies", "the policies by name")
        .map_or_else(PoliciesRead::default, |node| policies::read(&node, &levels));
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
    Some(PolicySet {
        levels: levels.finish()?,
        issuers: issuers.finish()?,
        tokens: tokens?,
        policies: policies.finish()?,
        rules: crate::policy::Rules::new(rules?, default?),
        route_metadata: route_metadata?,
        encoded_slashes: slashes?,
        challenge: challenge?,
    })
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

fn read_tokens(object: &Object<'_>) -> Option<TokenSettings> {
    /// The bounds of a sensible limit: a token is longer than the one, and a proxy's headers are
    /// shorter than the other.
    const BOUNDS: (u64, u64) = (256, 1024 * 1024);
    let default = TokenSettings { max_length: DEFAULT_MAX_LENGTH };
    let Some(node) = object.get("tokens") else {
        return Some(default);
    };
    let tokens = node.object("an object with from and max_length", &["from", "max_length"])?;
    let from = tokens.get("from").map_or(Some(()), |node| read_token_places(&node));
    let max_length = match tokens.get("max_length") {
        Some(node) => usize::try_from(node.integer(BOUNDS.0, BOUNDS.1)?).ok(),
        None => Some(default.max_length),
    };
    from?;
    Some(TokenSettings { max_length: max_length? })
}

/// The one place that is supported: the Authorization header with the Bearer scheme.
fn read_token_places(node: &Node<'_>) -> Option<()> {
    const EXPECTED: &str = "[{header: authorization, scheme: Bearer}]";
    let mut places = node.filled_list(EXPECTED)?;
    let only = places.next()?;
    if only.any_object().is_some_and(|place| !place.present(&["cookie", "query"]).is_empty()) {
        only.mistake(format!("names a place that is not supported; expected {EXPECTED}"));
        return None;
    }
    let place = only.object("{header: authorization, scheme: Bearer}", &["header", "scheme"])?;
    let fixed = |key, wanted: &str| {
        let node = place.required(key, &format!("{wanted:?}"))?;
        let found = node.value().as_str();
        if !found.is_some_and(|found| found.eq_ignore_ascii_case(wanted)) {
            node.unexpected(&format!("{wanted:?}, the only one that is supported"));
            return None;
        }
        Some(())
    };
    let (header, scheme) = (fixed("header", "authorization"), fixed("scheme", "Bearer"));
    if let Some(second) = places.next() {
        second.mistake(format!("is one place too many; expected {EXPECTED}"));
        return None;
    }
    header.and(scheme)
}

fn read_challenge(object: &Object<'_>) -> Option<ChallengeSettings> {
    let default = ChallengeSettings {
        realm: DEFAULT_REALM.into(),
        resource_metadata: None,
        hint_without_token: true,
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
