//! `rules[].match`: the fields of a request match, named as in Envoy.

use super::node::{Node, Object};
use super::{all, one_of};
use crate::policy::{
    CanonicalPath, EncodedSlashes, FullRegex, HeaderMatch, HostPattern, PathError, PathMatch,
    QueryMatch, RequestMatch, StringMatch, TextPattern, ValueCondition, template_to_regex,
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
const PATH_KEYS: [&str; 5] =
    ["path", "prefix", "path_separated_prefix", "path_template", "safe_regex"];
const PATH: &str = "a path that starts with '/'";
const TEXT_KEYS: [&str; 5] = ["exact", "prefix", "suffix", "contains", "safe_regex"];

pub(super) fn read(node: &Node<'_>, slashes: EncodedSlashes) -> Option<RequestMatch> {
    let object = node.object("an object such as {prefix: /api, methods: [POST]}", &KEYS)?;
    let path = read_path(&object, slashes);
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

fn read_path(object: &Object<'_>, slashes: EncodedSlashes) -> Option<Option<PathMatch>> {
    let ignore_case = object.get("ignore_case").map_or(Some(false), |node| node.boolean());
    let key = match object.present(&PATH_KEYS).as_slice() {
        [] => {
            if ignore_case == Some(true) {
                object.mistake("has ignore_case without path, prefix or path_separated_prefix");
            }
            return ignore_case.map(|_| None);
        }
        _ => one_of(object, &PATH_KEYS)?,
    };
    let node = object.get(key)?;
    let folds = matches!(key, "path" | "prefix" | "path_separated_prefix");
    if ignore_case == Some(true) && !folds {
        object.mistake(format!("has ignore_case, which does not go with {key}"));
    }
    // After a mistake in ignore_case, the path is read for its own mistakes.
    let read = |ignore_case| read_path_of_kind(key, &node, slashes, ignore_case);
    match ignore_case {
        Some(ignore_case) => read(ignore_case).map(Some),
        None => read(false).and(None),
    }
}

fn read_path_of_kind(
    key: &str,
    node: &Node<'_>,
    slashes: EncodedSlashes,
    ignore_case: bool,
) -> Option<PathMatch> {
    match key {
        "path" => read_literal(node, slashes).map(|path| PathMatch::Exact { path, ignore_case }),
        "prefix" => {
            read_prefix(node, slashes).map(|prefix| PathMatch::Prefix { prefix, ignore_case })
        }
        "path_separated_prefix" => read_literal(node, slashes).and_then(|prefix| {
            if prefix.ends_with('/') {
                node.mistake(
                    "ends with '/'; expected the path without it, as in Envoy; for a path that \
                     ends with '/' use prefix",
                );
                return None;
            }
            Some(PathMatch::SeparatedPrefix { prefix, ignore_case })
        }),
        "path_template" => read_template(node, slashes).map(PathMatch::Regex),
        _ => read_regex(node).map(PathMatch::Regex),
    }
}

/// A path as requests are compared with it. One in another form would match no request.
fn read_literal(node: &Node<'_>, slashes: EncodedSlashes) -> Option<Box<str>> {
    check_canonical(node, node.text(PATH)?, "", slashes)
}

/// A plain string prefix. Dots at its end are no dot segment: `/.` is for `/.hidden` too.
fn read_prefix(node: &Node<'_>, slashes: EncodedSlashes) -> Option<Box<str>> {
    let text = node.text(PATH)?;
    let ends_in_dots = text.ends_with("/.") || text.ends_with("/..");
    check_canonical(node, text, if ends_in_dots { "x" } else { "" }, slashes)
}

/// The text, if it begins a path in canonical form that goes on with `rest`.
fn check_canonical(
    node: &Node<'_>,
    text: &str,
    rest: &str,
    slashes: EncodedSlashes,
) -> Option<Box<str>> {
    if !text.starts_with('/') {
        node.unexpected(PATH);
        return None;
    }
    check_query(node, text)?;
    if text.contains('*') {
        // RFC 3986 allows it in a path; an operator who writes it means a wildcard.
        node.mistake(format!(
            "{text:?} holds '*', which stands for itself here; for a wildcard use path_template, \
             for all below a path use path_separated_prefix, for a literal '*' use safe_regex"
        ));
        return None;
    }
    let whole = format!("{text}{rest}");
    match CanonicalPath::new(whole.as_bytes(), slashes) {
        Ok(path) if path.as_str() == whole => Some(text.into()),
        Ok(path) => {
            let hint = if text.contains('{') { "; for a variable use path_template" } else { "" };
            node.mistake(format!(
                "{text:?} is not in canonical form, so no request would match; write {:?}{hint}",
                path.as_str().strip_suffix(rest).unwrap_or(path.as_str())
            ));
            None
        }
        Err(error) => {
            let hint = match error {
                PathError::EncodedSlash => "; encoded_slashes: keep lets such paths through",
                PathError::Control if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    "; write it percent-encoded"
                }
                _ => "",
            };
            node.mistake(format!("{text:?} would match no request: {error}{hint}"));
            None
        }
    }
}

fn check_query(node: &Node<'_>, text: &str) -> Option<()> {
    if text.contains('?') {
        node.mistake("holds a query; expected the path alone; use query_parameters for the rest");
        return None;
    }
    Some(())
}

fn read_template(node: &Node<'_>, slashes: EncodedSlashes) -> Option<FullRegex> {
    let template = node.text("a template such as \"/accounts/{id}/transfers\"")?;
    let regex = match template_to_regex(template) {
        Ok(regex) => regex,
        Err(problem) => {
            node.mistake(format!("the template {template:?} {problem}"));
            return None;
        }
    };
    check_query(node, template)?;
    let example = without_operators(template);
    let path = CanonicalPath::new(example.as_bytes(), slashes);
    if !path.as_ref().is_ok_and(|path| path.as_str() == example) {
        let why = path.err().map(|error| format!(": {error}")).unwrap_or_default();
        node.mistake(format!(
            "the template {template:?} would match no request, because its text is not in \
             canonical form{why}; expected no dot segments and no needless percent-encoding"
        ));
        return None;
    }
    compile_regex_source(node, &regex)
}

/// A path that the template is for: with a letter in the place of each operator.
fn without_operators(template: &str) -> String {
    let mut example = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once('{') {
        let (variable, after) = after.split_once('}').unwrap_or((after, ""));
        example.push_str(literal);
        example.push_str(variable.split_once('=').map_or("*", |(_, pattern)| pattern));
        rest = after;
    }
    example.push_str(rest);
    example.replace('*', "x")
}

/// Envoy's form `{regex: "…"}`, or the expression alone.
fn read_regex(node: &Node<'_>) -> Option<FullRegex> {
    const EXPECTED: &str = "a regular expression";
    if node.value().is_object() {
        let object = node.object("an object with regex", &["regex"])?;
        return compile_regex(&object.required("regex", EXPECTED)?, EXPECTED);
    }
    compile_regex(node, EXPECTED)
}

fn compile_regex(node: &Node<'_>, expected: &str) -> Option<FullRegex> {
    compile_regex_source(node, node.text(expected)?)
}

fn compile_regex_source(node: &Node<'_>, source: &str) -> Option<FullRegex> {
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
        if !is_token(name.strip_prefix(':').unwrap_or(&name)) {
            node.unexpected("a header's name");
            return None;
        }
        Some(name.into())
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
        _ => read_regex(&node).map(TextPattern::SafeRegex),
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
