//! `trusted_headers`: headers that only a trusted proxy before this one may set.

use ipnet::IpNet;

use super::node::{Node, Object};
use super::{all, strings};
use crate::feeds::parse_network;
use crate::policy::TrustedHeaders;

pub(super) fn read(object: &Object<'_>) -> Option<TrustedHeaders> {
    let Some(node) = object.get("trusted_headers") else {
        return Some(TrustedHeaders::default());
    };
    let trusted = node.object("an object with names and from", &["names", "from"])?;
    let names = trusted
        .required("names", "the names of the headers, such as [x-country]")
        .and_then(|node| strings(&node, "a list of names of headers", read_name));
    let from = trusted
        .required("from", "the addresses that may set them, such as [10.0.0.0/8]")
        .and_then(|node| {
            all(node.list("a list of addresses and networks")?.map(|item| read_network(&item)))
        });
    Some(TrustedHeaders { names: names?, from: from? })
}

pub(super) fn read_name(node: &Node<'_>) -> Option<Box<str>> {
    let name = node.header_word("the name of a header")?.to_ascii_lowercase();
    let is_token =
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !is_token || matches!(name.as_str(), "host" | "authorization" | "cookie" | "content-length")
    {
        node.mistake("is no header that a proxy adds; expected a name such as \"x-country\"");
        return None;
    }
    Some(name.into())
}

fn read_network(node: &Node<'_>) -> Option<IpNet> {
    const EXPECTED: &str = "an address or a network, such as \"192.0.2.1\" or \"10.0.0.0/8\"";
    let text = node.text(EXPECTED)?;
    node.noted(parse_network(text))
}
