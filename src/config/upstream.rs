//! `upstream_headers`: what the upstream is told of the token.

use super::node::{Node, Object};
use super::trusted::read_name;
use super::{all, one_of};
use crate::policy::{UpstreamHeader, UpstreamValue};
use crate::token::is_header_alike;

/// More of them than this would crowd out the request's own headers.
const MOST: usize = 32;

const VALUES: [(&str, UpstreamValue); 5] = [
    ("level", UpstreamValue::Level),
    ("acr", UpstreamValue::Acr),
    ("age", UpstreamValue::Age),
    ("issuer", UpstreamValue::Issuer),
    ("subject", UpstreamValue::Subject),
];

pub(super) fn read(object: &Object<'_>) -> Option<Vec<UpstreamHeader>> {
    let Some(node) = object.get("upstream_headers") else {
        return Some(Vec::new());
    };
    let items = node.filled_list("a list such as [{name: x-stepup-level, value: level}]")?;
    let items = items.collect::<Vec<_>>();
    if items.len() > MOST {
        node.mistake(format!("has {} headers; expected {MOST} at most", items.len()));
    }
    let headers = all(items.iter().map(read_header))?;
    let trusted = trusted_names(object);
    for (index, (item, header)) in items.iter().zip(&headers).enumerate() {
        let alike = |name: &str| is_header_alike(name.as_bytes(), &header.name);
        let earlier = headers.iter().take(index).position(|other| alike(&other.name));
        if let Some(earlier) = earlier {
            item.mistake(format!(
                "has the name of upstream_headers[{earlier}], or one that some servers take for \
                 it; expected a name of its own"
            ));
        }
        if trusted.iter().any(|name| alike(name)) {
            item.mistake(format!(
                "{:?} is one of trusted_headers too, which a proxy before this one sets; expected \
                 a name that only this filter sets",
                header.name
            ));
        }
    }
    Some(headers)
}

/// What is wrong with them is noted where they are read.
fn trusted_names(object: &Object<'_>) -> Vec<String> {
    let names = object.get("trusted_headers");
    let names = names.and_then(|node| node.value().get("names")?.as_array());
    let names = names.into_iter().flatten().filter_map(|name| name.as_str());
    names.map(str::to_ascii_lowercase).collect()
}

fn read_header(node: &Node<'_>) -> Option<UpstreamHeader> {
    let header = node.object(
        "a header such as {name: x-stepup-level, value: level} or {name: x-tenant, claim: tenant}",
        &["name", "value", "claim"],
    )?;
    let name = header.required("name", "the name of a header").and_then(|node| read_name(&node));
    let value = one_of(&header, &["value", "claim"]).and_then(|key| {
        let node = header.get(key)?;
        if key == "claim" {
            return node
                .text("the name of a claim")
                .map(|claim| UpstreamValue::Claim(claim.into()));
        }
        let named = node.value().as_str();
        let value = VALUES.iter().find(|(name, _)| Some(*name) == named);
        if value.is_none() {
            node.unexpected(
                "one of \"level\", \"acr\", \"age\", \"issuer\" and \"subject\"; for another claim \
                 use claim in the place of value",
            );
        }
        value.map(|(_, value)| value.clone())
    });
    Some(UpstreamHeader { name: name?, value: value? })
}
