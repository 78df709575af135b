//! What the command line says of a request.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use serde_json::{Map, Value};

use super::Question;
use crate::cli::document::Documents;
use crate::cli::single::Single;
use crate::cli::{Failure, STANDARD_INPUT, name_of, printable, read_text, words};
use crate::host::value::write_pairs;
use crate::request::Headers;
use crate::time::Timestamp;

const EXAMPLES: &str = "\
Examples:
  stepup explain --config envoy.yaml --path /accounts/7
                                            without a token
  stepup explain --config envoy.yaml --method POST --path /accounts/7/transfers --claims alice.json
                                            with the claims of a file; {\"acr\": \"2\", \"auth_age\": \"20m\"}
                                            is enough, all else is filled in
  stepup explain --config envoy.yaml --path /accounts/7 --token - --at 2026-01-01T12:00:00Z < token
                                            with a real token, at the time when it came
  stepup explain --config envoy.yaml --method POST --path /pay --claims alice.json \\
      --body-text '{\"amount\": \"1000.01\"}' --source 192.0.2.7 --signal failed_logins=6
                                            with all that conditions may read

Exit code:
  0  told, whatever the decision
  2  a file cannot be read or has mistakes, or the request is none";

/// The host that is taken where nothing says another.
const HOST: &str = "localhost";
/// The port that is taken where an address has none.
const PORT: u16 = 50_000;

/// Explain what becomes of a request, and why
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct ExplainArguments {
    /// The configuration: any file that stepup check takes
    #[arg(long, value_name = "FILE")]
    pub(super) config: PathBuf,

    /// The method
    #[arg(long, default_value = "GET")]
    method: String,

    /// The path as it is sent, with the query
    #[arg(long)]
    path: String,

    /// The host
    #[arg(long)]
    host: Option<String>,

    /// The scheme
    #[arg(long, default_value = "https")]
    scheme: String,

    /// A header; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    headers: Vec<(String, String)>,

    /// The body, from a file; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "body_text")]
    body: Option<PathBuf>,

    /// The body
    #[arg(long, value_name = "TEXT")]
    body_text: Option<String>,

    /// Where the request comes from: an address, with or without a port
    #[arg(long, value_name = "ADDRESS", value_parser = parse_source)]
    source: Option<SocketAddr>,

    /// The name of the proxy's route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,

    /// The policy that the route names in its metadata
    #[arg(long, value_name = "NAME")]
    route_policy: Option<String>,

    /// Another property of the proxy, as text, by its path with dots; may be repeated
    #[arg(long = "property", value_name = "NAME=VALUE", value_parser = parse_pair)]
    properties: Vec<(String, String)>,

    /// The access token; - is the standard input
    #[arg(long)]
    token: Option<String>,

    /// The claims of the token, JSON or YAML, from a file; - is the standard input
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,

    /// Fill in none of iss, aud, iat and exp that the claims lack
    #[arg(long, requires = "claims")]
    no_fill: bool,

    /// No filter before this one has verified the token as an issuer with `verified_by` expects
    #[arg(long)]
    unverified: bool,

    /// What a signal tells: a number, true or false; may be repeated
    #[arg(long = "signal", value_name = "NAME=VALUE", value_parser = parse_signal)]
    signals: Vec<(String, Value)>,

    /// The document of a feed that is fetched; may be repeated
    #[arg(long = "feed", value_name = "NAME=FILE", value_parser = parse_pair)]
    feeds: Vec<(String, String)>,

    /// When the request comes: RFC 3339, or seconds since 1970; now, if left out
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    at: Option<Timestamp>,

    /// How it is written
    #[arg(long, default_value = "text")]
    pub(super) format: Format,
}

/// How an explanation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For a terminal
    Text,
    /// For programs
    Json,
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE, such as x-tier: gold")?;
    header(name, value)
}

/// A header that a client can send.
///
/// # Errors
/// A sentence that says what to write.
pub(in crate::cli) fn header(name: &str, value: &str) -> Result<(String, String), String> {
    let name = name.trim().to_ascii_lowercase();
    if name.is_empty() || name.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b':') {
        return Err(format!("{name:?} is no name of a header; expected NAME: VALUE"));
    }
    if name == "host" {
        return Err(
            "the host has a place of its own: write host in the place of a header".to_owned()
        );
    }
    Ok((name, value.trim().to_owned()))
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_signal(text: &str) -> Result<(String, Value), String> {
    const EXPECTED: &str = "expected NAME=VALUE with a number, true or false";
    let (name, value) = text.split_once('=').ok_or(EXPECTED)?;
    let value = serde_json::from_str::<Value>(value).ok();
    let value = value.filter(|value| value.is_u64() || value.is_boolean()).ok_or(EXPECTED)?;
    Ok((name.to_owned(), value))
}

/// Reads an address with or without a port.
///
/// # Errors
/// A sentence that says what to write.
pub(in crate::cli) fn parse_source(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, PORT));
    address
        .or_else(|_| text.parse())
        .map_err(|_| "expected an address such as 192.0.2.7 or [2001:db8::1]:443".to_owned())
}

/// Reads a time.
///
/// # Errors
/// A sentence that says what to write.
pub(in crate::cli) fn parse_time(text: &str) -> Result<Timestamp, String> {
    const EXPECTED: &str = "expected a time such as 2026-01-01T12:00:00Z, or seconds since 1970";
    if let Ok(seconds) = text.parse::<u64>() {
        return Timestamp::from_numeric_date(&Value::from(seconds)).ok_or_else(|| EXPECTED.into());
    }
    let time = text.parse::<jiff::Timestamp>().map_err(|_| EXPECTED)?;
    let since_epoch = time.duration_since(jiff::Timestamp::UNIX_EPOCH);
    let since_epoch = Duration::try_from(since_epoch).map_err(|_| EXPECTED)?;
    Ok(Timestamp::from_epoch(since_epoch))
}

impl ExplainArguments {
    /// The question, and what was assumed for it.
    pub(super) fn question(&self, single: &Single) -> Result<(Question, Vec<String>), Failure> {
        self.check_standard_input()?;
        let mut notes = Vec::new();
        let at = self.at.unwrap_or_else(|| SystemTime::now().into());
        let body = match (&self.body, &self.body_text) {
            (Some(file), _) => read_bytes(file)?,
            (None, Some(text)) => text.clone().into_bytes(),
            (None, None) => Vec::new(),
        };
        let mut request = Request {
            method: self.method.clone(),
            path: self.path.clone(),
            scheme: self.scheme.clone(),
            host: self.host.clone(),
            headers: self.headers.clone(),
            body,
            source: self.source,
            route: self.route.clone(),
            route_policy: self.route_policy.clone(),
        };
        if let Some(token) = &self.token {
            let token =
                if token == STANDARD_INPUT { read_text(Path::new(token))? } else { token.clone() };
            let token = token.trim();
            if token.is_empty() {
                return Err(Failure::new("the token is empty"));
            }
            request.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let mut question = request.question(at, single, &mut notes).map_err(Failure::new)?;
        for (name, value) in &self.properties {
            question.properties.insert(name.clone(), Some(property(value)));
        }
        if let Some(file) = &self.claims {
            let claims = read_claims(file)?;
            let policies = &single.policies;
            let (claims, filled) = super::claims::complete(&claims, policies, at, !self.no_fill)
                .map_err(|message| {
                    Failure::new(format!("{}: {}", name_of(file), printable(&message)))
                })?;
            if !filled.is_empty() {
                notes.push(format!("filled in, as the claims lack them: {}", filled.join(", ")));
            }
            question.claims = Some(claims);
        }
        question.is_verified_before = !self.unverified;
        question.signals = self.signals.iter().cloned().collect();
        question.feeds = self
            .feeds
            .iter()
            .map(|(name, file)| Ok((name.clone(), read_bytes(Path::new(file))?)))
            .collect::<Result<BTreeMap<_, _>, Failure>>()?;
        Ok((question, notes))
    }

    /// It can be read once only.
    fn check_standard_input(&self) -> Result<(), Failure> {
        let is_input = |file: &Option<PathBuf>| {
            file.as_deref().is_some_and(|file| file == Path::new(STANDARD_INPUT))
        };
        let uses = [
            self.config == Path::new(STANDARD_INPUT),
            is_input(&self.body),
            is_input(&self.claims),
            self.token.as_deref() == Some(STANDARD_INPUT),
        ];
        if uses.into_iter().filter(|is_used| *is_used).count() > 1 {
            return Err(Failure::new("the standard input can stand for one thing only"));
        }
        Ok(())
    }
}

/// A request as people write it down.
#[derive(Clone, Debug, Default)]
pub(in crate::cli) struct Request {
    pub(in crate::cli) method: String,
    pub(in crate::cli) path: String,
    pub(in crate::cli) scheme: String,
    pub(in crate::cli) host: Option<String>,
    pub(in crate::cli) headers: Vec<(String, String)>,
    pub(in crate::cli) body: Vec<u8>,
    pub(in crate::cli) source: Option<SocketAddr>,
    pub(in crate::cli) route: Option<String>,
    pub(in crate::cli) route_policy: Option<String>,
}

impl Request {
    /// The question about this request. What is assumed beside is noted.
    pub(in crate::cli) fn question(
        self,
        at: Timestamp,
        single: &Single,
        notes: &mut Vec<String>,
    ) -> Result<Question, String> {
        if !self.path.starts_with('/') {
            return Err(format!("the path is {:?}; expected one that begins with /", self.path));
        }
        let host = self.host.unwrap_or_else(|| {
            let host = likely_host(&single.value);
            if single.policies.rules.reads_hosts() {
                notes.push(format!("no host was given, and rules look at it; {host} is taken"));
            }
            host
        });
        let mut pairs = vec![
            (":method".to_owned(), self.method),
            (":path".to_owned(), self.path),
            (":authority".to_owned(), host),
            (":scheme".to_owned(), self.scheme),
        ];
        pairs.extend(self.headers);
        let has = |pairs: &[(String, String)], name: &str| pairs.iter().any(|(n, _)| n == name);
        if !self.body.is_empty() {
            if !has(&pairs, "content-type")
                && serde_json::from_slice::<serde::de::IgnoredAny>(&self.body).is_ok()
            {
                notes.push("content-type: application/json is taken for the body".to_owned());
                pairs.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            if !has(&pairs, "content-length") {
                pairs.push(("content-length".to_owned(), self.body.len().to_string()));
            }
        }
        let pairs = pairs.into_iter().map(|(name, value)| (name, value.into_bytes()));
        let mut question = Question::new(Headers::new(pairs.collect()), at);
        question.body = self.body;
        let mut tell = |name: &str, value: Vec<u8>| {
            question.properties.insert(name.to_owned(), Some(value));
        };
        if let Some(source) = self.source {
            tell("source.address", source.to_string().into_bytes());
        }
        if let Some(route) = self.route {
            tell("xds.route_name", route.into_bytes());
        }
        if let Some(policy) = self.route_policy {
            let metadata = write_pairs([("policy", policy.as_str())]);
            tell("xds.route_metadata.filter_metadata.stepup", metadata);
            tell("xds.route_metadata.filter_metadata.stepup.policy", policy.into_bytes());
            if !single.policies.route_metadata {
                notes.push(
                    "route_metadata is false, so that the route's policy is not looked at".into(),
                );
            }
        }
        Ok(question)
    }
}

/// The first host that a rule names, or any.
fn likely_host(value: &Value) -> String {
    let rules = words::items(value.get("rules"));
    let mut hosts = rules.flat_map(|rule| words::texts(rule.pointer("/match/hosts")));
    hosts.find(|host| !host.starts_with('*')).unwrap_or_else(|| HOST.to_owned())
}

/// A property as the proxy writes it.
fn property(text: &str) -> Vec<u8> {
    match text {
        "true" => vec![1],
        "false" => vec![0],
        text => text.as_bytes().to_vec(),
    }
}

fn read_bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new(STANDARD_INPUT) {
        return Ok(read_text(file)?.into_bytes());
    }
    std::fs::read(file)
        .map_err(|error| Failure::new(format!("{}: cannot be read: {error}", name_of(file))))
}

/// The claims in a file: one object.
fn read_claims(file: &Path) -> Result<Map<String, Value>, Failure> {
    let failed = |message: &str| Failure::new(format!("{}: {}", name_of(file), printable(message)));
    let documents = Documents::parse(&read_text(file)?).map_err(|message| failed(&message))?;
    match documents.into_values().as_slice() {
        [Value::Object(claims)] => Ok(claims.clone()),
        _ => {
            Err(failed("expected one object with the claims, such as {acr: \"2\", auth_age: 20m}"))
        }
    }
}
