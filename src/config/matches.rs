//! `rules[].match`: the fields of a request match, named as in Envoy.

use super::node::{Node, Object};
use super::{all, one_of, paths};
use crate::policy::{
    EncodedSlashes, FullRegex, HeaderMatch, HostPattern, QueryMatch, RequestMatch, StringMatch,
    TextPattern, ValueCondition,
};

const KEYS: [&str; 11] = [
    "path",
    "prefix",
    "path_separated_prefix",
    "path_template",
    "safe_regex",
    "ignore_case",
    "methods",
    "hosts",
    "headers",
    "query_parameters",
    "route",
];
const TEXT_KEYS: [&str; 5] = ["exact", "prefix", "suffix", "contains", "safe_regex"];

pub(super) fn read(node: &Node<'_>, slashes: EncodedSlashes) -> Option<RequestMatch> {
    let object = node.object("an object such as {prefix: /api, methods: [POST]}", &KEYS)?;
    let path = paths::read(&object, slashes);
    let methods = list(&object, "methods", read_method);
    let hosts = list(&object, "hosts", read_host);
    let headers = list(&object, "headers", read_header);
    let query_parameters = list(&object, "query_parameters", read_query);
    let route = match object.get("route") {
        Some(node) => node.text("the name of a route of the proxy").map(|name| Some(name.into())),
        None => Some(None),
    };
    let matcher = RequestMatch {
        path: path?,
        methods: methods?,
        hosts: hosts?,
        headers: headers?,
        query_parameters: query_parameters?,
        route: route?,
    };
    if matcher.is_empty() {
        node.mistake("matches every request; name what it matches, or use default instead");
        return None;
    }
    Some(matcher)
}

/// A list field; an absent one does not restrict.
fn list<'a, T>(
    object: &Object<'a>,
    key: &'a str,
    read: impl Fn(&Node<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(node) = object.get(key) else {
        return Some(Vec::new());
    };
    all(node.filled_list("a list with at least one item")?.map(|item| read(&item)))
}

/// Envoy's form `{regex: "…"}`, or the expression alone.
pub(super) fn read_regex(
    node: &Node<'_>,
    check: impl Fn(&Node<'_>, &str) -> Option<()>,
) -> Option<FullRegex> {
    const EXPECTED: &str = "a regular expression";
    let compile = |node: &Node<'_>| {
        let source = node.text(EXPECTED)?;
        let regex = compile_regex(node, source)?;
        check(node, source).map(|()| regex)
    };
    if node.value().is_object() {
        let object = node.object("an object with regex", &["regex"])?;
        return compile(&object.required("regex", EXPECTED)?);
    }
    compile(node)
}

pub(super) fn compile_regex(node: &Node<'_>, source: &str) -> Option<FullRegex> {
    match FullRegex::new(source) {
        Ok(regex) => Some(regex),
        Err(error) => {
            node.mistake(format!("{source:?} is no regular expression of RE2's kind: {error}"));
            None
        }
    }
}

/// RFC 9110 §9.1: a token, compared with case.
fn read_method(node: &Node<'_>) -> Option<Box<str>> {
    let method = node.text("a method such as \"POST\"")?;
    if !is_token(method) || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
        node.unexpected("a method in upper case, such as \"POST\"");
        return None;
    }
    Some(method.into())
}

fn read_host(node: &Node<'_>) -> Option<HostPattern> {
    const EXPECTED: &str =
        "a host such as \"api.example.com\" or \"*.example.com\", without a port";
    let pattern = HostPattern::new(node.text(EXPECTED)?);
    if pattern.is_none() {
        node.unexpected(EXPECTED);
    }
    pattern
}

fn read_header(node: &Node<'_>) -> Option<HeaderMatch> {
    const KEYS: [&str; 6] = [
        "name",
        "string_match",
        "present_match",
        "range_match",
        "invert_match",
        "treat_missing_header_as_empty",
    ];
    let object =
        node.object("a header match such as {name: x-tier, present_match: true}", &KEYS)?;
    let name = object.required("name", "the header's name").and_then(|node| {
        let name = node.text("the header's name")?.to_ascii_lowercase();
        if name == "host" {
            node.mistake("proxies pass the host as a pseudo-header; use hosts instead");
            return None;
        }
        if let Some(problem) = pseudo_header_problem(&name) {
            node.mistake(problem);
            return None;
        }
        // Of the pseudo-headers, this one has no field of its own.
        if name == ":scheme" || is_token(&name) {
            return Some(name.into());
        }
        node.unexpected(match name.strip_prefix(':') {
            None => "a header's name",
            Some(_) => {
                "a header's name, or \":scheme\"; for the path, the method and the host use path, \
                 methods and hosts"
            }
        });
        None
    });
    let condition = read_condition(&object, &["string_match", "present_match", "range_match"]);
    let flag = |key| object.get(key).map_or(Some(false), |node| node.boolean());
    let (invert, missing) = (flag("invert_match"), flag("treat_missing_header_as_empty"));
    Some(HeaderMatch {
        name: name?,
        condition: condition?,
        invert: invert?,
        missing_as_empty: missing?,
    })
}

/// Headers are compared as they were sent: `:path` in any of its spellings, which rules for paths
/// bring into one form first.
fn pseudo_header_problem(name: &str) -> Option<&'static str> {
    match name {
        ":path" => Some(
            "\":path\" is the path as it was sent, in any of its spellings; use path, prefix, \
             path_separated_prefix, path_template or safe_regex instead",
        ),
        ":method" => Some("\":method\" is no header; use methods instead"),
        ":authority" => Some("\":authority\" is no header; use hosts instead"),
        _ => None,
    }
}

fn read_query(node: &Node<'_>) -> Option<QueryMatch> {
    let object = node.object(
        "a query parameter match such as {name: debug, present_match: true}",
        &["name", "string_match", "present_match"],
    )?;
    let name = object
        .required("name", "the parameter's name")
        .and_then(|node| node.text("the parameter's name").map(Into::into));
    let condition = read_condition(&object, &["string_match", "present_match"]);
    Some(QueryMatch { name: name?, condition: condition? })
}

fn read_condition(object: &Object<'_>, keys: &[&'static str]) -> Option<ValueCondition> {
    let key = one_of(object, keys)?;
    let node = object.get(key)?;
    match key {
        "present_match" => node.boolean().map(ValueCondition::Present),
        "range_match" => read_range(&node),
        _ => read_string_match(&node).map(ValueCondition::Text),
    }
}

fn read_range(node: &Node<'_>) -> Option<ValueCondition> {
    let object = node.object("a range such as {start: 1, end: 10}", &["start", "end"])?;
    let bound = |key| {
        let node = object.required(key, "a whole number")?;
        let value = node.value().as_i64();
        if value.is_none() {
            node.unexpected("a whole number");
        }
        value
    };
    let (start, end) = (bound("start"), bound("end"));
    let (start, end) = (start?, end?);
    if start >= end {
        node.mistake("matches nothing; expected start to be below end");
        return None;
    }
    Some(ValueCondition::Range { start, end })
}

fn read_string_match(node: &Node<'_>) -> Option<StringMatch> {
    const KEYS: [&str; 6] = ["exact", "prefix", "suffix", "contains", "safe_regex", "ignore_case"];
    let object = node.object("a string match such as {exact: gold}", &KEYS)?;
    let ignore_case = object.get("ignore_case").map_or(Some(false), |node| node.boolean());
    let key = one_of(&object, &TEXT_KEYS)?;
    let node = object.get(key)?;
    let text = || node.text("a text").map(Into::into);
    let pattern = match key {
        "exact" => text().map(TextPattern::Exact),
        "prefix" => text().map(TextPattern::Prefix),
        "suffix" => text().map(TextPattern::Suffix),
        "contains" => text().map(TextPattern::Contains),
        _ => read_regex(&node, |_, _| Some(())).map(TextPattern::SafeRegex),
    };
    Some(StringMatch { pattern: pattern?, ignore_case: ignore_case? })
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
