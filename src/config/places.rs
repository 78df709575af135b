//! `tokens.from`: where tokens stand.

use super::matches::is_token;
use super::node::{Node, Object};
use super::{all, one_of};
use crate::token::{Place, Scheme};

const KEYS: [&str; 4] = ["header", "scheme", "cookie", "query"];
const KINDS: [&str; 3] = ["header", "cookie", "query"];

/// The Authorization header with each of the schemes.
pub(super) fn default() -> Vec<Place> {
    let with = |scheme| Place::Header { name: "authorization".into(), scheme };
    vec![with(Scheme::Bearer), with(Scheme::DPoP)]
}

pub(super) fn read(node: &Node<'_>) -> Option<Vec<Place>> {
    let items = node.filled_list("a list such as [{header: authorization, scheme: Bearer}]")?;
    let nodes = items.collect::<Vec<_>>();
    let places = nodes.iter().map(read_place).collect::<Vec<_>>();
    let mut overlap = false;
    for (index, (node, place)) in nodes.iter().zip(&places).enumerate() {
        // Places with mistakes are counted too: the number is that of the list as it is written.
        let mut earlier = places.iter().take(index);
        let covers = |earlier: &Option<Place>, place| {
            earlier.as_ref().is_some_and(|earlier| earlier.overlaps(place))
        };
        if let Some(place) = place
            && let Some(same) = earlier.position(|earlier| covers(earlier, place))
        {
            overlap = true;
            node.mistake(format!(
                "covers what tokens.from[{same}] covers, so that one token would count as two; \
                 take one of them out"
            ));
        }
    }
    if overlap { None } else { all(places.into_iter()) }
}

fn read_place(node: &Node<'_>) -> Option<Place> {
    let place = node
        .object("one of {header: NAME, scheme: SCHEME}, {cookie: NAME} and {query: NAME}", &KEYS)?;
    let kind = one_of(&place, &KINDS)?;
    let name = place.get(kind)?;
    if kind != "header" && place.get("scheme").is_some() {
        place.mistake(format!("has a scheme, which does not go with {kind}; take it out"));
        return None;
    }
    match kind {
        "header" => {
            let (name, scheme) = (read_header(&name), read_scheme(&place));
            Some(Place::Header { name: name?, scheme: scheme? })
        }
        "cookie" => read_cookie(&name).map(Place::Cookie),
        _ => read_query(&name).map(Place::Query),
    }
}

fn read_header(node: &Node<'_>) -> Option<Box<str>> {
    const EXPECTED: &str = "the name of a header";
    let name = node.text(EXPECTED)?.to_ascii_lowercase();
    if name.starts_with(':') {
        node.mistake(format!("is a pseudo-header, in which no token stands; expected {EXPECTED}"));
        return None;
    }
    if name == "cookie" {
        node.mistake("is the header with all cookies; expected {cookie: NAME} in its place");
        return None;
    }
    if !is_token(&name) {
        node.unexpected(EXPECTED);
        return None;
    }
    Some(name.into())
}

fn read_scheme(place: &Object<'_>) -> Option<Scheme> {
    const EXPECTED: &str =
        "\"Bearer\" or \"DPoP\"; leave scheme out where the token stands alone in the header";
    let Some(node) = place.get("scheme") else { return Some(Scheme::None) };
    let found = node.string(EXPECTED)?;
    let named = |scheme: &Scheme| scheme.name().is_some_and(|n| n.eq_ignore_ascii_case(found));
    let scheme = [Scheme::Bearer, Scheme::DPoP].into_iter().find(named);
    if scheme.is_none() {
        node.unexpected(EXPECTED);
    }
    scheme
}

/// RFC 6265 §4.1.1.
fn read_cookie(node: &Node<'_>) -> Option<Box<str>> {
    const EXPECTED: &str = "the name of a cookie";
    let name = node.text(EXPECTED)?;
    if !is_token(name) {
        node.unexpected(EXPECTED);
        return None;
    }
    Some(name.into())
}

/// Names that need no encoding (RFC 3986 §2.3).
fn read_query(node: &Node<'_>) -> Option<Box<str>> {
    const EXPECTED: &str = "the name of a query parameter, of letters, digits, '-', '.', '_', '~'";
    let name = node.text(EXPECTED)?;
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
        node.unexpected(EXPECTED);
        return None;
    }
    Some(name.into())
}
