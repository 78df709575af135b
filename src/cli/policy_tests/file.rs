//! A file of policy tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::expect::{self, Expectation};
use super::reader::{At, Mistakes};
use crate::cli::document::{Documents, Spot};
use crate::cli::explain::{
    Question, RequestLine, complete_claims, header, parse_source, parse_time, remote_feeds,
};
use crate::cli::place::Place;
use crate::cli::single::Single;
use crate::cli::{Failure, name_of, printable, read_text};
use crate::time::Timestamp;

const KEYS: [&str; 7] = ["config", "at", "request", "claims", "signals", "feeds", "tests"];
const TEST_KEYS: [&str; 8] =
    ["name", "request", "claims", "token", "at", "signals", "verified_before", "expect"];
const REQUEST_KEYS: [&str; 9] =
    ["method", "path", "host", "scheme", "headers", "body", "source", "route", "route_policy"];

/// A file of policy tests, and the configuration that they are for.
#[derive(Debug)]
pub(super) struct TestFile {
    /// What messages call it.
    pub(super) name: String,
    /// What messages call the configuration.
    pub(super) config: String,
    pub(super) single: Single,
    pub(super) tests: Vec<Test>,
}

/// One test.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) question: Question,
    pub(super) expect: Vec<Expectation>,
}

impl TestFile {
    /// Reads a file. `config` goes before the one that the file names.
    pub(super) fn read(file: &Path, config: Option<&Path>) -> Result<Self, Failure> {
        let name = name_of(file);
        let text = read_text(file)?;
        let in_file = |message: &str| Failure::new(format!("{name}: {}", printable(message)));
        let documents = Documents::parse(&text).map_err(|message| in_file(&message))?;
        let (Some(Spot { value: document, .. }), 1) = (documents.document(0), documents.len())
        else {
            return Err(in_file("expected one document with config and tests"));
        };
        let mistakes = Mistakes::default();
        let root = At::root(document, &mistakes);
        let base = file.parent().unwrap_or_else(|| Path::new(""));
        let found = read_root(&root, base, config)?;
        let mistakes = mistakes.into_inner();
        match found {
            Some((config, single, tests)) if mistakes.is_empty() => {
                Ok(Self { name, config, single, tests })
            }
            _ => {
                let mut placed = mistakes
                    .iter()
                    .map(|mistake| (position(&documents, &text, &mistake.path), mistake))
                    .collect::<Vec<_>>();
                placed.sort_by_key(|(position, _)| *position);
                let lines = placed.iter().map(|(position, mistake)| {
                    let at = position.map(|(line, column)| format!(":{line}:{column}"));
                    format!("{name}{}: {}", at.unwrap_or_default(), printable(&mistake.to_string()))
                });
                Err(Failure::new(lines.collect::<Vec<_>>().join("\n")))
            }
        }
    }
}

/// Where something stands in the text: line and column, from 1.
fn position(documents: &Documents, text: &str, path: &str) -> Option<(usize, usize)> {
    let found = documents.tree(0)?.at(&Place::default()).inside(path);
    let start = found.key().or_else(|| found.mark(text))?.start;
    let before = text.get(..start)?;
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next()?.chars().count().saturating_add(1);
    Some((line, column))
}

type Root = (String, Single, Vec<Test>);

fn read_root(root: &At<'_>, base: &Path, config: Option<&Path>) -> Result<Option<Root>, Failure> {
    if root.object("an object with config and tests", &KEYS).is_none() {
        return Ok(None);
    }
    let written = root.get("config").and_then(|node| node.text("the name of a file"));
    let config = match (config, written) {
        (Some(config), _) => config.to_owned(),
        (None, Some(written)) => base.join(written),
        (None, None) => {
            if root.get("config").is_none() {
                root.mistake("lacks the key config: the file with the configuration; or name it with --config");
            }
            return Ok(None);
        }
    };
    let single = Single::read(&config)?;
    let shared = Shared::read(root, base, &single)?;
    let Some(tests) = root.get("tests") else {
        root.mistake("lacks the key tests: a list of tests, each with name, request and expect");
        return Ok(None);
    };
    let items = tests.items("a list of tests, each with name, request and expect");
    if items.is_empty() && tests.value.is_array() {
        tests.mistake("is empty; expected at least one test");
    }
    let read = items.iter().map(|item| read_test(item, &shared)).collect::<Vec<_>>();
    for (index, (item, test)) in items.iter().zip(&read).enumerate() {
        let Some(test) = test else { continue };
        let is_same =
            |other: &Option<Test>| other.as_ref().is_some_and(|other| other.name == test.name);
        if let Some(earlier) = read.iter().take(index).position(is_same) {
            item.mistake(format!("has the name of tests[{earlier}]; expected a name of its own"));
        }
    }
    let tests = read.into_iter().flatten().collect();
    Ok(Some((name_of(&config), single, tests)))
}

/// What the tests of a file share.
struct Shared<'f> {
    single: &'f Single,
    at: Timestamp,
    request: Option<At<'f>>,
    claims: BTreeMap<&'f str, At<'f>>,
    signals: BTreeMap<String, Value>,
    feeds: BTreeMap<String, Vec<u8>>,
}

impl<'f> Shared<'f> {
    fn read(root: &At<'f>, base: &Path, single: &'f Single) -> Result<Self, Failure> {
        let claims = root.get("claims").filter(|node| {
            node.map("an object with claims for each name, such as {alice: {acr: \"2\"}}").is_some()
        });
        let mut feeds = BTreeMap::new();
        if let Some(node) = root.get("feeds")
            && node.map("an object with a file for each feed that is fetched").is_some()
        {
            let known = remote_feeds(&single.value);
            let known = known.map(|(name, _)| name.as_str()).collect::<Vec<_>>();
            for (name, node) in node.members() {
                if !known.contains(&name) {
                    let hint = crate::config::suggestion(name, known.iter().copied());
                    node.mistake(format!("no feed that is fetched is named {name:?}{hint}"));
                } else if let Some(file) = node.text("the name of a file") {
                    let file: PathBuf = base.join(file);
                    let document = std::fs::read(&file).map_err(|error| {
                        Failure::new(format!("{}: cannot be read: {error}", name_of(&file)))
                    })?;
                    feeds.insert(name.to_owned(), document);
                }
            }
        }
        let request = root.get("request");
        if let Some(request) = &request {
            request.object("an object with what requests have in common", &REQUEST_KEYS);
        }
        Ok(Self {
            single,
            at: root
                .get("at")
                .and_then(|node| read_time(&node))
                .unwrap_or_else(|| SystemTime::now().into()),
            request,
            claims: claims.iter().flat_map(At::members).collect(),
            signals: root
                .get("signals")
                .map(|node| read_signals(&node, single))
                .unwrap_or_default(),
            feeds,
        })
    }
}

fn read_time(node: &At<'_>) -> Option<Timestamp> {
    if let Some(seconds) = node.value.as_u64() {
        return Timestamp::from_numeric_date(&seconds.into());
    }
    node.parsed("a time such as 2026-01-01T12:00:00Z", parse_time)
}

fn read_signals(node: &At<'_>, single: &Single) -> BTreeMap<String, Value> {
    let mut signals = BTreeMap::new();
    if node.map("an object with what each signal tells").is_some() {
        let known = || single.policies.signals.iter().map(|signal| &*signal.name);
        for (name, node) in node.members() {
            if !known().any(|known| known == name) {
                let hint = crate::config::suggestion(name, known());
                node.mistake(format!("no signal is named {name:?}{hint}"));
            } else if !node.value.is_u64() && !node.value.is_boolean() {
                node.unexpected("a number, true or false");
            } else {
                signals.insert(name.to_owned(), node.value.clone());
            }
        }
    }
    signals
}

fn read_test(node: &At<'_>, shared: &Shared<'_>) -> Option<Test> {
    node.object("a test with name, request and expect", &TEST_KEYS)?;
    let required = |key: &str, what: &str| {
        let found = node.get(key);
        if found.is_none() {
            node.mistake(format!("lacks the key {key}: {what}"));
        }
        found
    };
    let name = required("name", "what it shows").and_then(|node| node.text("what it shows"));
    let at = node.get("at").map_or(Some(shared.at), |node| read_time(&node));
    let request = required("request", "the request, such as {method: POST, path: /pay}");
    let expect = required("expect", "what becomes of it, such as {decision: allow}");
    let expect = expect.map(|node| expect::read(&node, shared.single));
    let at = at?;
    let token = node.get("token").and_then(|node| node.text("a token"));
    let claims = node.get("claims").map(|claims| read_claims(&claims, shared, at));
    let signals = node.get("signals").map(|node| read_signals(&node, shared.single));
    let verified = node.get("verified_before").map_or(Some(true), |node| node.boolean());
    let mut question = request.and_then(|node| read_request(&node, token, shared, at))?;
    if let Some(claims) = claims {
        question.claims = Some(claims?);
    }
    question.signals.clone_from(&shared.signals);
    question.signals.extend(signals.into_iter().flatten());
    question.feeds.clone_from(&shared.feeds);
    question.is_verified_before = verified?;
    Some(Test { name: name?.to_owned(), question, expect: expect? })
}

/// Claims by the name that the file gives them, or as they stand.
fn read_claims(node: &At<'_>, shared: &Shared<'_>, at: Timestamp) -> Option<Map<String, Value>> {
    let named;
    let node = if node.value.is_string() {
        let known = shared.claims.keys().copied();
        let name = node.known("set of claims", known)?;
        named = shared.claims.get(name)?;
        named
    } else {
        node
    };
    let claims = node.map("an object with claims, or the name of one under claims")?;
    match complete_claims(claims, &shared.single.policies, at, true) {
        Ok((claims, _)) => Some(claims),
        Err(message) => {
            node.mistake(message);
            None
        }
    }
}

/// A request, with what all requests have in common where it says nothing else.
fn read_request(
    node: &At<'_>,
    token: Option<&str>,
    shared: &Shared<'_>,
    at: Timestamp,
) -> Option<Question> {
    node.object("a request such as {method: POST, path: /pay}", &REQUEST_KEYS)?;
    let common = shared.request.as_ref();
    let field = |key: &str| node.get(key).or_else(|| common?.get(key));
    let text = |key: &str, expected: &str| match field(key) {
        Some(node) => node.text(expected).map(|text| Some(text.to_owned())),
        None => Some(None),
    };
    let method = text("method", "a method such as POST");
    let path = text("path", "a path such as /pay?x=1");
    let host = text("host", "a host such as api.example.com");
    let scheme = text("scheme", "https or http");
    let route = text("route", "the name of a route");
    let route_policy = text("route_policy", "the name of a policy");
    let source = match field("source") {
        Some(node) => node.parsed("an address such as 192.0.2.7", parse_source).map(Some),
        None => Some(None),
    };
    let mut headers = Vec::new();
    for (node, is_own) in
        [(common.and_then(|common| common.get("headers")), false), (node.get("headers"), true)]
    {
        let Some(node) = node else { continue };
        if node.map("an object with a value, or several, for each header").is_none() {
            continue;
        }
        for (name, node) in node.members() {
            if is_own {
                headers.retain(|(other, _): &(String, String)| !other.eq_ignore_ascii_case(name));
            }
            for value in node.texts("a text, or a list of texts") {
                match header(name, &value) {
                    Ok(pair) => headers.push(pair),
                    Err(message) => node.mistake(message),
                }
            }
        }
    }
    if let Some(token) = token {
        headers.push(("authorization".to_owned(), format!("Bearer {}", token.trim())));
    }
    let body = match field("body").map(|node| node.value) {
        None => Vec::new(),
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(value) => value.to_string().into_bytes(),
    };
    let path = path?;
    if path.is_none() {
        node.mistake("lacks the key path");
    }
    let request = RequestLine {
        method: method?.unwrap_or_else(|| "GET".to_owned()),
        path: path?,
        scheme: scheme?.unwrap_or_else(|| "https".to_owned()),
        host: host?,
        headers,
        body,
        source: source?,
        route: route?,
        route_policy: route_policy?,
    };
    match request.question(at, shared.single, &mut Vec::new()) {
        Ok(question) => Some(question),
        Err(message) => {
            node.mistake(message);
            None
        }
    }
}
