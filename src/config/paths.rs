//! `rules[].match`: the path, in the fields that Envoy has for it.

use super::matches::{compile_regex, read_regex};
use super::node::{Node, Object};
use super::one_of;
use crate::policy::{
    CanonicalPath, EncodedSlashes, Expression, FullRegex, PathError, PathMatch, Rest, Shape,
    template_to_regex,
};

const PATH_KEYS: [&str; 5] =
    ["path", "prefix", "path_separated_prefix", "path_template", "safe_regex"];
const PATH: &str = "a path that starts with '/'";

pub(super) fn read(object: &Object<'_>, slashes: EncodedSlashes) -> Option<Option<PathMatch>> {
    let ignore_case = object.get("ignore_case").map_or(Some(false), |node| node.boolean());
    let key = match object.present(&PATH_KEYS).as_slice() {
        [] => {
            if ignore_case == Some(true) {
                object.mistake(
                    "has ignore_case without path, prefix, path_separated_prefix or path_template",
                );
            }
            return ignore_case.map(|_| None);
        }
        _ => one_of(object, &PATH_KEYS)?,
    };
    let node = object.get(key)?;
    if ignore_case == Some(true) && key == "safe_regex" {
        object.mistake(
            "has ignore_case, which does not go with safe_regex; begin the expression with (?i) \
             instead",
        );
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
        "path_template" => read_template(node, slashes, ignore_case).map(PathMatch::Regex),
        _ => read_regex(node, |node, source| check_regex(node, source, slashes))
            .map(PathMatch::Regex),
    }
}

/// A path as requests are compared with it. One in another form would match no request.
fn read_literal(node: &Node<'_>, slashes: EncodedSlashes) -> Option<Box<str>> {
    check_literal(node, node.text(PATH)?, "", slashes)
}

/// A plain string prefix. Dots at its end are no dot segment: `/.` is for `/.hidden` too.
fn read_prefix(node: &Node<'_>, slashes: EncodedSlashes) -> Option<Box<str>> {
    let text = node.text(PATH)?;
    let ends_in_dots = text.ends_with("/.") || text.ends_with("/..");
    check_literal(node, text, if ends_in_dots { "x" } else { "" }, slashes)
}

/// The text, if it begins a path in canonical form that goes on with `rest`, and holds nothing that
/// looks like a variable.
fn check_literal(
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
    // RFC 3986 allows both in a path; an operator who writes them means something else.
    if text.contains('*') {
        node.mistake(format!(
            "{text:?} holds '*', which stands for itself here; for a wildcard use path_template, \
             for all below a path use path_separated_prefix, for a literal '*' use safe_regex"
        ));
        return None;
    }
    if let Some(name) = colon_variable(text) {
        node.mistake(format!(
            "{text:?} holds \":{name}\", which stands for itself here; for a variable use \
             path_template with {{{name}}}, for a literal ':' use safe_regex"
        ));
        return None;
    }
    check_canonical(node, text, rest, slashes, str::eq).map(|()| text.into())
}

/// The name of a variable as routers of applications write it: `:id`.
fn colon_variable(path: &str) -> Option<&str> {
    path.split('/').find_map(|segment| {
        let name = segment.strip_prefix(':')?;
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = name.find(|letter| !is_of_name(letter)).unwrap_or(name.len());
        name.get(..end).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    })
}

/// Whether the text begins a path in canonical form that goes on with `rest`.
fn check_canonical(
    node: &Node<'_>,
    text: &str,
    rest: &str,
    slashes: EncodedSlashes,
    same: impl Fn(&str, &str) -> bool,
) -> Option<()> {
    let whole = format!("{text}{rest}");
    let problem = match CanonicalPath::new(whole.as_bytes(), slashes) {
        Ok(path) if same(path.as_str(), &whole) => return Some(()),
        Ok(path) => {
            let hint = if text.contains('{') { "; for a variable use path_template" } else { "" };
            let written = path.as_str().strip_suffix(rest).unwrap_or(path.as_str());
            not_canonical(text, written, hint)
        }
        Err(error) => {
            let hint = match error {
                PathError::Control if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    "; write it percent-encoded"
                }
                _ => "",
            };
            no_request(text, error, hint)
        }
    };
    node.mistake(problem);
    None
}

fn not_canonical(found: &str, written: &str, hint: &str) -> String {
    format!(
        "{found:?} is not in canonical form, so no request would match; write {written:?}{hint}"
    )
}

fn no_request(found: &str, error: PathError, hint: &str) -> String {
    let hint = match error {
        PathError::EncodedSlash => "; encoded_slashes: keep lets such paths through",
        _ => hint,
    };
    format!("{found:?} would match no request: {error}{hint}")
}

fn check_query(node: &Node<'_>, text: &str) -> Option<()> {
    if text.contains('?') {
        node.mistake("holds a query; expected the path alone; use query_parameters for the rest");
        return None;
    }
    Some(())
}

fn read_template(node: &Node<'_>, slashes: EncodedSlashes, ignore_case: bool) -> Option<FullRegex> {
    let template = node.text("a template such as \"/accounts/{id}/transfers\"")?;
    let regex = match template_to_regex(template) {
        Ok(regex) => regex,
        Err(problem) => {
            node.mistake(format!("the template {template:?} {problem}"));
            return None;
        }
    };
    check_query(node, template)?;
    if let Some(name) = colon_variable(template) {
        node.mistake(format!(
            "the template {template:?} holds \":{name}\", which stands for itself here; write \
             {{{name}}} for a variable, for a literal ':' use safe_regex"
        ));
        return None;
    }
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
    compile_regex(node, &if ignore_case { format!("(?i){regex}") } else { regex })
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

/// What no request could match, or an operator hardly means, as far as the text shows it.
fn check_regex(node: &Node<'_>, source: &str, slashes: EncodedSlashes) -> Option<()> {
    let expression = Expression::new(source);
    if expression.is_for_search() {
        let whole = source.replacen('^', "", 1);
        node.mistake(format!(
            "{source:?} begins with '^' as for a search, and the whole path has to match; write \
             {:?} for all paths that begin so, or {whole:?} for this path alone",
            format!("{whole}.*")
        ));
        return None;
    }
    for (text, shape) in expression.alternatives() {
        if !shape.literal.is_empty() && !shape.literal.starts_with('/') {
            let begin = if text.starts_with('\\') { "/.*" } else { "/" };
            node.mistake(format!(
                "{text:?} would match no request: the whole path has to match, and it starts with \
                 '/'; write {:?}",
                format!("{begin}{text}")
            ));
            return None;
        }
    }
    let same = |a: &str, b: &str| {
        if expression.ignores_case() { a.eq_ignore_ascii_case(b) } else { a == b }
    };
    for literal in expression.literals() {
        check_spelling(node, &literal, slashes, same)?;
    }
    for (_, Shape { literal, rest, .. }) in expression.alternatives() {
        let end = match rest {
            Rest::Nothing => literal.len(),
            // The last segment goes on.
            _ => literal.rfind('/').map_or(0, |slash| slash.saturating_add(1)),
        };
        if let Some(segments) = literal.get(..end).filter(|segments| !segments.is_empty()) {
            check_canonical(node, segments, "", slashes, same)?;
        }
    }
    Some(())
}

/// Characters that stand in no canonical path, and percent-encoding in another form.
fn check_spelling(
    node: &Node<'_>,
    literal: &str,
    slashes: EncodedSlashes,
    same: impl Fn(&str, &str) -> bool,
) -> Option<()> {
    check_query(node, literal)?;
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '%');
    for letter in literal.chars().filter(|letter| !is_fine(*letter)) {
        let mut bytes = [0; 4];
        let bytes = letter.encode_utf8(&mut bytes).bytes();
        let encoded = bytes.map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let path = format!("/{encoded}");
        let canonical = CanonicalPath::new(path.as_bytes(), slashes);
        // What canonical paths spell percent-encoded, or do not hold at all.
        if canonical.is_ok_and(|canonical| canonical.as_str() != path) {
            continue;
        }
        let hint =
            if matches!(letter, '{' | '}') { "; for a variable use path_template" } else { "" };
        node.mistake(format!("{letter:?} would match no request; write {encoded:?}{hint}"));
        return None;
    }
    for found in percent_encoded(literal) {
        let path = format!("/{found}");
        match CanonicalPath::new(path.as_bytes(), slashes) {
            Ok(canonical) if same(canonical.as_str(), &path) => {}
            Ok(canonical) => {
                let written = canonical.as_str().strip_prefix('/').unwrap_or_default();
                node.mistake(not_canonical(found, written, ""));
                return None;
            }
            // A part of a character, of which the rest is no literal text.
            Err(PathError::NotUtf8) if same(found, &found.to_ascii_uppercase()) => {}
            Err(PathError::NotUtf8) => {
                node.mistake(not_canonical(found, &found.to_ascii_uppercase(), ""));
                return None;
            }
            Err(error) => {
                node.mistake(no_request(found, error, ""));
                return None;
            }
        }
    }
    Some(())
}

/// The runs of percent-encoded bytes in a text.
fn percent_encoded(text: &str) -> Vec<&str> {
    let is_encoded = |at: usize| {
        let triple = text.get(at..at.saturating_add(3)).map(str::as_bytes);
        matches!(triple, Some([b'%', a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        while is_encoded(at) {
            at = at.saturating_add(3);
        }
        found.extend(text.get(start..at).filter(|run| !run.is_empty()));
        at = at.saturating_add(usize::from(start == at));
    }
    found
}
