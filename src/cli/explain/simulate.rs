//! Running the filter over a request, in memory.

use serde_json::{Map, Value, json};

use super::credentials::{self, Credentials};
use super::record::Record;
use super::signature;
use super::{Change, Explanation, Question};
use crate::cli::Failure;
use crate::condition::{Fact, Family, Variable};
use crate::config;
use crate::filter::{Action, Filter};
use crate::host::memory::{Call, MemoryHost};
use crate::host::{CallId, CalloutAnswer, RequestId};
use crate::policy::PolicySet;
use crate::remote::Endpoint;
use crate::request::Headers;

/// The request that is explained; there is no other.
const REQUEST: RequestId = RequestId(1);
/// How often what the filter asks for is answered before it is taken to wait in vain.
const ROUNDS: usize = 16;
/// The environment variable that stands for all secrets of the configuration.
const SECRET: &str = "STEPUP_EXPLAIN";

/// Runs the filter over the request of a question.
///
/// # Errors
/// When the configuration has mistakes, or the question names what it does not have.
pub fn explain(configuration: &Value, question: &Question) -> Result<Explanation, Failure> {
    let mut value = configuration.clone();
    let mut question = question.clone();
    let policies = config::compile_value(&value).map_err(|mistakes| mistaken(&mistakes))?;
    let Credentials { introspection, mut notes } =
        credentials::prepare(&mut value, &policies, &mut question)?;
    check_feeds(configuration, &question)?;
    make_talkative(&mut value);
    let mut host =
        MemoryHost::new(question.headers.clone()).with_foreign_functions(signature::verify);
    host.now = question.at;
    host.properties.clone_from(&question.properties);
    host.variables.insert(SECRET.to_owned(), "secret".to_owned());
    let mut filter =
        Filter::new(value.to_string().as_bytes(), &host).map_err(|mistakes| mistaken(&mistakes))?;
    for (name, told) in &question.signals {
        filter.pretend(name, told).map_err(Failure::new)?;
    }
    let mut proxy =
        Proxy { filter: &filter, configuration, question: &question, introspection, calls: 0 };
    proxy.serve(&host);
    let is_whole = question.body.is_empty();
    let mut action = filter.on_request_headers(&host, REQUEST, is_whole);
    if action == Action::Wait && !is_whole {
        host.body = Some(question.body.clone());
        action = filter.on_request_body(&host, REQUEST, question.body.len(), true);
    }
    let mut answer = host.take_answer();
    let mut resumed = action == Action::Continue;
    for _ in 0..ROUNDS {
        if answer.is_some() || resumed {
            break;
        }
        proxy.serve(&host);
        answer = host.take_answer();
        resumed = host.take_resumed();
        // What has not come by now does not come.
        host.moment = host.moment.plus(LONGEST_WAIT);
    }
    let record = host.take_audited().last().and_then(|line| serde_json::from_str(line).ok());
    // What was put in its place to make it tell is not the operator's.
    let version = policies.version.to_string();
    let record = record.map(|record: Record| Record { configuration: version, ..record });
    if let Some(record) = &record {
        notes.extend(untold(record, &policies, configuration, &question));
    }
    let changes = host.take_changed_headers();
    let changes =
        if answer.is_none() { changes_of(&question.headers, changes) } else { Vec::new() };
    Ok(Explanation { record, answer, changes, notes })
}

/// Longer than anything is waited for.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_mins(2);

fn mistaken(mistakes: &config::Mistakes) -> Failure {
    Failure::new(mistakes.to_string())
}

/// Makes the filter tell each decision, and takes out what needs secrets of the environment.
fn make_talkative(value: &mut Value) {
    let Some(top) = value.as_object_mut() else { return };
    top.insert("audit".to_owned(), json!({"log": "all"}));
    let issuers = top.get_mut("issuers").and_then(Value::as_array_mut);
    for issuer in issuers.into_iter().flatten() {
        let client = issuer.pointer_mut("/keys/introspection/client");
        if let Some(client) = client.and_then(Value::as_object_mut) {
            client.remove("private_key_jwt");
            client.insert("secret".to_owned(), json!({"env": SECRET}));
        }
    }
}

/// The feeds that are fetched, by name.
pub(in crate::cli) fn remote_feeds(
    configuration: &Value,
) -> impl Iterator<Item = (&String, &Value)> {
    let feeds = configuration.get("feeds").and_then(Value::as_object).into_iter().flatten();
    feeds.filter_map(|(name, feed)| Some((name, feed.get("remote")?)))
}

fn check_feeds(configuration: &Value, question: &Question) -> Result<(), Failure> {
    let known = || remote_feeds(configuration).map(|(name, _)| name.as_str());
    match question.feeds.keys().find(|name| !known().any(|known| known == **name)) {
        None => Ok(()),
        Some(name) => {
            let hint = config::suggestion(name, known());
            Err(Failure::new(format!("no feed that is fetched is named {name:?}{hint}")))
        }
    }
}

/// What conditions of the policies that decide read, and nobody has told.
fn untold(
    record: &Record,
    policies: &PolicySet,
    configuration: &Value,
    question: &Question,
) -> Vec<String> {
    let applied = record.policies.iter().filter_map(|name| policies.policies.named(name));
    let raises = applied.flat_map(|policy| &policy.raises);
    let mut told = Vec::new();
    for variable in raises.flat_map(|raise| raise.when.reads()) {
        let note = match variable {
            Variable::Member(Family::Feeds, name)
                if remote_feeds(configuration).any(|(feed, _)| **feed == **name)
                    && !question.feeds.contains_key(&**name) =>
            {
                format!(
                    "the feed {name} is fetched by the proxy, and is not loaded here: a condition that \
                     asks it is in doubt, so it fires; give it with --feed {name}=FILE"
                )
            }
            Variable::Member(Family::Signals, name) if !question.signals.contains_key(&**name) => {
                format!(
                    "the signal {name} has seen nothing here, as after a start of the proxy; say what it \
                     tells with --signal {name}=VALUE"
                )
            }
            Variable::Fact(Fact::SourceIp | Fact::SourcePort | Fact::SourceAddress)
                if !question.properties.contains_key("source.address") =>
            {
                "where the request comes from is not known: a condition that looks at it is in doubt, \
                 so it fires; give it with --source"
                    .to_owned()
            }
            _ => continue,
        };
        if !told.contains(&note) {
            told.push(note);
        }
    }
    told
}

/// What answers the filter's own requests.
struct Proxy<'q> {
    filter: &'q Filter,
    configuration: &'q Value,
    question: &'q Question,
    introspection: Option<Map<String, Value>>,
    calls: u32,
}

impl Proxy<'_> {
    /// Lets the filter do what is due, and answers what it asks for.
    fn serve(&mut self, host: &MemoryHost) {
        for _ in 0..ROUNDS {
            self.filter.on_tick(host);
            let calls = host.take_calls();
            if calls.is_empty() {
                return;
            }
            for call in calls {
                let id = CallId(self.calls);
                self.calls = self.calls.wrapping_add(1);
                self.filter.on_answer(host, id, &self.answer(&call));
            }
        }
    }

    fn answer(&self, call: &Call) -> CalloutAnswer {
        let feed = remote_feeds(self.configuration)
            .filter(|(_, remote)| is_for(call, remote))
            .find_map(|(name, _)| self.question.feeds.get(name));
        if let Some(document) = feed {
            return good(document.clone());
        }
        let issuers = self.configuration.get("issuers").and_then(Value::as_array);
        let mut servers = issuers
            .into_iter()
            .flatten()
            .filter_map(|issuer| issuer.pointer("/keys/introspection"));
        match &self.introspection {
            Some(claims) if servers.any(|server| is_for(call, server)) => {
                let mut claims = claims.clone();
                claims.entry("active").or_insert(Value::Bool(true));
                good(Value::Object(claims).to_string().into_bytes())
            }
            _ => CalloutAnswer::none(),
        }
    }
}

/// Whether a call goes to the URL of these settings.
fn is_for(call: &Call, settings: &Value) -> bool {
    let text = |key: &str| settings.get(key).and_then(Value::as_str).unwrap_or_default();
    let header = |name: &str| {
        let found = call.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    };
    call.cluster == text("cluster")
        && Endpoint::from_url(text("uri")).is_ok_and(|endpoint| {
            header(":path") == Some(endpoint.path())
                && header(":authority") == Some(endpoint.authority())
        })
}

fn good(body: Vec<u8>) -> CalloutAnswer {
    let headers = Headers::new(vec![(":status".to_owned(), b"200".to_vec())]);
    CalloutAnswer { headers, body: Ok(body) }
}

/// What the upstream gets otherwise than it was sent; of several changes of a header, the last.
fn changes_of(sent: &Headers, changes: Vec<(String, Option<Vec<u8>>)>) -> Vec<Change> {
    let mut last: Vec<Change> = Vec::new();
    for (name, value) in changes {
        last.retain(|change| change.name != name);
        last.push(Change { name, value });
    }
    last.retain(|Change { name, value }| {
        let before = sent.values(name).map(<[u8]>::to_vec).collect::<Vec<_>>();
        before != value.iter().cloned().collect::<Vec<_>>()
    });
    last
}
