//! Requests that rules describe, to try on two configurations.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::words;
use crate::policy::{Facts, FullRegex, Host, PathReadings, PolicySet};
use crate::request::{Headers, split_target};

/// The methods that are tried where a rule names none.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// The host that is tried where a rule names none.
const HOST: &str = "sample.example";
/// What stands for any part of a path or name.
const PART: &str = "x";

/// A request to try.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sample {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// `None` where no rule names one.
    pub(super) host: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) route: Option<String>,
}

impl Sample {
    /// The request but for its method, in words.
    pub(super) fn shown(&self) -> String {
        let mut text = self.target.clone();
        if let Some(host) = &self.host {
            let _ = write!(text, " at {host}");
        }
        for (name, value) in &self.headers {
            let _ = write!(text, " with {name}: {value}");
        }
        if let Some(route) = &self.route {
            let _ = write!(text, " by the route {route}");
        }
        text
    }

    /// The rule that a configuration has for it, and the name of its policy.
    pub(super) fn policy<'c>(&self, set: &'c PolicySet) -> Option<(Option<usize>, &'c str)> {
        let path = PathReadings::new(self.target.as_bytes(), set.encoded_slashes).ok()?;
        let path = path.iter().next()?.to_owned();
        let (_, query) = split_target(self.target.as_bytes());
        let host = self.host.as_deref().unwrap_or(HOST);
        let host = Host::from_authority(host.as_bytes())?;
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.clone(), value.clone().into_bytes()));
        let headers = Headers::new(headers.collect());
        let facts = Facts {
            path: &path,
            query: std::str::from_utf8(query.unwrap_or_default()).ok()?,
            method: &self.method,
            host: Some(&host),
            headers: &headers,
            route: self.route.as_deref(),
        };
        let rule = set.rules.find(&facts).ok()?;
        let policy = set.policies.get(set.rules.policy(rule))?;
        Some((rule, &policy.name))
    }
}

/// Requests that a match describes; none where none can be made up.
pub(super) fn of_match(matcher: &Value) -> Vec<Sample> {
    let methods = match words::texts(matcher.get("methods")) {
        none if none.is_empty() => METHODS.map(str::to_owned).to_vec(),
        methods => methods,
    };
    let hosts = match words::texts(matcher.get("hosts")) {
        none if none.is_empty() => vec![None],
        hosts => hosts
            .into_iter()
            .map(|host| {
                Some(host.strip_prefix('*').map_or(host.clone(), |end| format!("{PART}{end}")))
            })
            .collect(),
    };
    let headers = words::items(matcher.get("headers")).map(valued).collect::<Option<Vec<_>>>();
    let query =
        words::items(matcher.get("query_parameters")).map(valued).collect::<Option<Vec<_>>>();
    let (Some(headers), Some(query)) = (headers, query) else { return Vec::new() };
    let query = query.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
    let query = query.collect::<Vec<_>>().join("&");
    let route = matcher.get("route").and_then(Value::as_str);
    let mut samples = Vec::new();
    for path in paths(matcher) {
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        for method in &methods {
            for host in &hosts {
                samples.push(Sample {
                    method: method.clone(),
                    target: target.clone(),
                    host: host.clone(),
                    headers: headers.iter().flatten().cloned().collect(),
                    route: route.map(str::to_owned),
                });
            }
        }
    }
    samples
}

/// Requests that, most likely, no rule describes.
pub(super) fn of_nothing() -> Vec<Sample> {
    of_match(&serde_json::json!({"path": "/anything-else"}))
}

/// Requests with parts of several of these, and with a method that none of them has; `None` where there
/// would be more than `most`.
pub(super) fn mixed(samples: &[Sample], most: usize) -> Option<Vec<Sample>> {
    /// Applications answer these too.
    const UNNAMED: [&str; 3] = ["OPTIONS", "PROPFIND", "TRACE"];
    fn each<T: Clone + PartialEq>(samples: &[Sample], part: impl Fn(&Sample) -> T) -> Vec<T> {
        samples.iter().map(part).fold(Vec::new(), |mut all, part| {
            if !all.contains(&part) {
                all.push(part);
            }
            all
        })
    }
    let mut methods = each(samples, |sample| sample.method.clone());
    let unnamed = UNNAMED.iter().find(|name| !methods.iter().any(|method| method == *name));
    methods.extend(unnamed.map(|method| (*method).to_owned()));
    let targets = each(samples, |sample| sample.target.clone());
    let hosts = each(samples, |sample| sample.host.clone());
    let others = each(samples, |sample| (sample.headers.clone(), sample.route.clone()));
    let lists = [methods.len(), targets.len(), hosts.len(), others.len()];
    let count = lists.iter().try_fold(1_usize, |count, list| count.checked_mul(*list));
    count.filter(|count| *count <= most)?;
    let mut mixed = Vec::new();
    for target in &targets {
        for host in &hosts {
            for (headers, route) in &others {
                mixed.extend(methods.iter().map(|method| Sample {
                    method: method.clone(),
                    target: target.clone(),
                    host: host.clone(),
                    headers: headers.clone(),
                    route: route.clone(),
                }));
            }
        }
    }
    Some(mixed)
}

fn paths(matcher: &Value) -> Vec<String> {
    let text = |key: &str| {
        let value = matcher.get(key)?;
        value.as_str().or_else(|| value.get("regex")?.as_str())
    };
    if let Some(path) = text("path") {
        return vec![path.to_owned()];
    }
    if let Some(prefix) = text("prefix") {
        return vec![prefix.to_owned(), format!("{prefix}{PART}")];
    }
    if let Some(prefix) = text("path_separated_prefix") {
        return vec![prefix.to_owned(), format!("{}/{PART}", prefix.trim_end_matches('/'))];
    }
    if let Some(template) = text("path_template") {
        return vec![fill(template)];
    }
    match text("safe_regex") {
        Some(source) => example(source).into_iter().collect(),
        None => vec![format!("/{PART}")],
    }
}

/// A path that a template covers.
fn fill(template: &str) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (variable, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(variable.split_once('=').map_or("*", |(_, pattern)| pattern));
        rest = after;
    }
    filled.push_str(rest);
    filled.replace("**", PART).replace('*', PART)
}

/// A header or parameter that a match asks for: the outer `None` where none can be made up, the
/// inner one where it must not be there.
fn valued(matcher: &Value) -> Option<Option<(String, String)>> {
    let flag = |key: &str| matcher.get(key).and_then(Value::as_bool);
    let name = matcher.get("name")?.as_str()?.to_ascii_lowercase();
    let invert = flag("invert_match").unwrap_or_default();
    if let Some(present) = flag("present_match") {
        return Some((present != invert).then(|| (name, PART.to_owned())));
    }
    if invert {
        // Hardly any match asks for this text.
        return Some(Some((name, "something-else".to_owned())));
    }
    if let Some(range) = matcher.get("range_match") {
        return Some(Some((name, range.get("start")?.to_string())));
    }
    let text = matcher.get("string_match")?;
    let plain = ["exact", "prefix", "suffix", "contains"];
    let value = plain.iter().find_map(|key| text.get(*key)?.as_str()).map(str::to_owned);
    let value = value.or_else(|| {
        let regex = text.get("safe_regex")?;
        example(regex.as_str().or_else(|| regex.get("regex")?.as_str())?)
    });
    Some(Some((name, value?)))
}

/// A text that an expression matches; `None` where none was found.
fn example(source: &str) -> Option<String> {
    let mut reader = Reader { rest: source };
    let text = reader.alternatives();
    FullRegex::new(source).ok().filter(|regex| regex.matches(&text)).map(|_| text)
}

/// Reads an expression and takes the first way through it. What it takes is compared afterwards, so
/// it need not know everything.
struct Reader<'s> {
    rest: &'s str,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next()?;
        self.rest = letters.as_str();
        Some(letter)
    }

    fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Up to the end of a group: the first alternative.
    fn alternatives(&mut self) -> String {
        let mut first = None;
        loop {
            let text = self.sequence();
            first.get_or_insert(text);
            match self.next() {
                Some('|') => {}
                _ => return first.unwrap_or_default(),
            }
        }
    }

    fn sequence(&mut self) -> String {
        let mut text = String::new();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            let atom = self.atom();
            text.push_str(&self.repeated(&atom));
        }
        text
    }

    fn atom(&mut self) -> String {
        match self.next() {
            Some('(') => {
                if self.take("?") {
                    // Flags, with or without a group of their own, or a name.
                    while let Some(letter) = self.next() {
                        if letter == ')' {
                            return String::new();
                        }
                        if letter == ':' || letter == '>' {
                            break;
                        }
                    }
                }
                self.alternatives()
            }
            Some('[') => self.class(),
            Some('\\') => match self.next() {
                Some('d') => "1".to_owned(),
                Some('w' | 'S' | 'D') => PART.to_owned(),
                Some('s') => " ".to_owned(),
                Some('b' | 'B' | 'A' | 'z') | None => String::new(),
                Some(letter) => letter.to_string(),
            },
            Some('.') => PART.to_owned(),
            Some('^' | '$') | None => String::new(),
            Some(letter) => letter.to_string(),
        }
    }

    fn class(&mut self) -> String {
        let is_negated = self.take("^");
        let mut members = String::new();
        while let Some(letter) = self.next() {
            match letter {
                ']' if !members.is_empty() => break,
                '\\' => members.push(match self.next() {
                    Some('d') => '1',
                    Some('w') => 'x',
                    Some(other) => other,
                    None => break,
                }),
                other => members.push(other),
            }
        }
        let tried = ['x', '1', '-', 'A', '_', ' '];
        let found = if is_negated {
            tried.into_iter().find(|letter| !members.contains(*letter))
        } else {
            members.chars().next()
        };
        found.map(String::from).unwrap_or_default()
    }

    /// As often as what follows the atom asks for at least, but once for `*`.
    fn repeated(&mut self, atom: &str) -> String {
        let times = match self.rest.chars().next() {
            Some('*' | '+') => {
                self.next();
                1
            }
            Some('?') => {
                self.next();
                0
            }
            Some('{') => {
                self.next();
                let (bounds, rest) = self.rest.split_once('}').unwrap_or((self.rest, ""));
                self.rest = rest;
                let least = bounds.split(',').next().unwrap_or_default();
                // More than this is no path that anyone would read.
                least.parse().unwrap_or(1_usize).min(64)
            }
            _ => return atom.to_owned(),
        };
        self.take("?");
        atom.repeat(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::template_to_regex;
    use serde_json::json;

    #[test]
    fn expressions_have_an_example() {
        for source in [
            "/v[0-9]+/reports/.*",
            "/a/[^/]+/b",
            "(?i)/ADMIN(/.*)?",
            "/(?:x|y)/z",
            "/(?P<id>\\d{3,5})\\.json",
            "/a|/b",
            "/[a-z-]{2,}/?",
            "/\\w+",
        ] {
            assert!(example(source).is_some(), "{source}");
        }
        assert_eq!(example("/v[0-9]+/reports/.*").as_deref(), Some("/v0/reports/x"));
    }

    #[test]
    fn templates_cover_what_they_are_filled_with() {
        for template in ["/accounts/{id}/transfers", "/a/**", "/a/*/c", "/a/{x=b/*}/c", "/a/**.mpd"]
        {
            let regex = FullRegex::new(&template_to_regex(template).unwrap()).unwrap();
            assert!(regex.matches(&fill(template)), "{template}: {}", fill(template));
        }
    }

    #[test]
    fn a_sample_has_all_that_the_match_asks_for() {
        let samples = of_match(&json!({
            "path_separated_prefix": "/batch",
            "methods": ["POST"],
            "hosts": ["*.example.com"],
            "headers": [
                {"name": "X-Job", "present_match": true},
                {"name": "x-test", "present_match": false},
                {"name": "x-n", "range_match": {"start": 3, "end": 9}},
            ],
            "query_parameters": [{"name": "q", "string_match": {"exact": "1"}}],
            "route": "r",
        }));
        assert_eq!(samples.len(), 2);
        assert_eq!(
            samples[1].shown(),
            "/batch/x?q=1 at x.example.com with x-job: x with x-n: 3 by the route r"
        );
        assert!(of_match(&json!({"safe_regex": "/a\\p{L}"})).is_empty());
    }
}
