//! Requests whose tokens an authorization server is asked about.

// A test may fail by panicking.
#![allow(clippy::arithmetic_side_effects)]

mod body;
mod feeds;
mod metrics;
mod raises;
mod reports;
mod trusted;
mod upsets;

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::host::memory::{Call, MemoryHost};
use crate::report::Counter;
use crate::request::Headers;

const QUESTIONS: usize = 256;

fn config(introspection: &Value) -> Value {
    let mut settings = json!({
        "cluster": "idp",
        "uri": "https://id.example.com/introspect",
        "wait": "3s",
        "client": {"id": "gateway", "secret": {"env": "SECRET"}},
    });
    settings.as_object_mut().unwrap().extend(introspection.as_object().unwrap().clone());
    json!({
        "levels": [{"name": "strong", "proven_by": [{"acr": ["phr"]}]}],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"introspection": settings},
        }],
        "policies": {"pay": {"require": [{"level": "strong", "max_age": "5m"}]}},
        "default": "pay",
    })
}

struct Bench {
    filter: Filter,
    host: MemoryHost,
    requests: u32,
    calls: u32,
    /// Of requests with a body.
    content_type: &'static str,
    /// The `content-length` of requests with a body.
    length: Option<usize>,
}

impl Bench {
    fn new(introspection: &Value) -> Self {
        Self::configured(&config(introspection))
    }

    fn configured(configuration: &Value) -> Self {
        let mut host = MemoryHost::new(Headers::default());
        host.variables.insert("SECRET".to_owned(), "hunter2".to_owned());
        let filter = Filter::new(configuration.to_string().as_bytes(), &host).unwrap();
        let content_type = "application/json";
        Self { filter, host, requests: 0, calls: 0, content_type, length: None }
    }

    /// A request with this token.
    fn send(&mut self, token: &str) -> Action {
        let pair = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        self.host.headers = Headers::new(vec![
            pair(":method", "GET"),
            pair(":path", "/"),
            pair(":authority", "api.example.com"),
            pair("authorization", &format!("Bearer {token}")),
        ]);
        self.requests += 1;
        self.filter.on_request_headers(&self.host, RequestId(self.requests), true)
    }

    /// The calls that the next tick makes.
    fn tick(&mut self) -> Vec<Call> {
        self.filter.on_tick(&self.host);
        self.host.take_calls()
    }

    /// The oldest call without an answer gets this one.
    fn answer(&mut self, status: &str, body: &str) {
        let headers = Headers::new(vec![(":status".to_owned(), status.as_bytes().to_vec())]);
        let answer = CalloutAnswer { headers, body: Ok(body.as_bytes().to_vec()) };
        self.filter.on_answer(&self.host, CallId(self.calls), &answer);
        self.calls += 1;
    }

    /// What becomes of a request with a new token about which this is answered.
    fn outcome(&mut self, token: &str, status: &str, body: &str) -> Option<u16> {
        assert_eq!(self.send(token), Action::Wait);
        assert_eq!(self.tick().len(), 1);
        assert_eq!((self.host.take_answer(), self.host.take_resumed()), (None, false));
        self.answer(status, body);
        let answer = self.host.take_answer();
        assert_eq!(answer.is_none(), self.host.take_resumed());
        answer.map(|answer| answer.status)
    }

    fn pass(&mut self, time: Duration) {
        self.host.pass(time);
    }

    fn claims(&self) -> Value {
        let now = self.host.now.since_epoch().as_secs();
        json!({
            "active": true, "iss": "https://id.example.com", "aud": "https://api.example.com",
            "sub": "alice", "acr": "phr", "auth_time": now - 10, "iat": now - 5, "exp": now + 300,
        })
    }

    fn good(&self) -> String {
        self.claims().to_string()
    }
}

fn second(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn an_answer_feeds_the_same_decision_as_the_claims_of_a_jwt() {
    let mut bench = Bench::new(&json!({}));
    let now = bench.host.now.since_epoch().as_secs();
    for (number, (member, value, expected)) in [
        ("username", json!("alice"), None),
        ("token_type", json!("Bearer"), None),
        ("token_type", json!("bearer"), None),
        ("token_type", json!("access_token"), None),
        ("token_type", json!("refresh_token"), Some(401)),
        ("token_type", json!("Refresh"), Some(401)),
        ("token_type", json!("N_A"), Some(401)),
        ("token_type", json!(["Bearer"]), Some(401)),
        ("token_use", json!("access_token"), None),
        ("token_use", json!("refresh_token"), Some(401)),
        ("token_usage", json!("Access_Token"), None),
        ("token_usage", json!("refresh_token"), Some(401)),
        ("aud", json!(["x", "https://api.example.com"]), None),
        ("exp", json!(null), Some(401)),
        ("acr", json!("1"), Some(401)),
        ("auth_time", json!(now - 301), Some(401)),
        ("auth_time", json!("soon"), Some(401)),
        ("iss", json!("https://evil.example.com"), Some(401)),
        ("iss", json!(["https://id.example.com"]), Some(401)),
        ("aud", json!("https://other.example.com"), Some(401)),
        ("aud", json!([]), Some(401)),
        ("exp", json!(now - 61), Some(401)),
        ("exp", json!("9999999999"), Some(401)),
        ("nbf", json!(now + 61), Some(401)),
        ("iat", json!(now + 61), Some(401)),
        ("at_hash", json!("x"), Some(401)),
        ("active", json!(false), Some(401)),
        ("active", json!("true"), Some(503)),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = bench.claims();
        claims[member] = value;
        let outcome = bench.outcome(&format!("token-{number}"), "200", &claims.to_string());
        assert_eq!(outcome, expected, "{member} in {claims}");
    }
    for (member, expected) in
        [("iss", None), ("exp", None), ("sub", None), ("auth_time", Some(401)), ("aud", Some(401))]
    {
        let mut claims = bench.claims();
        claims.as_object_mut().unwrap().remove(member);
        let outcome = bench.outcome(&format!("without-{member}"), "200", &claims.to_string());
        assert_eq!(outcome, expected, "without {member}");
    }
    for status in ["", "201", "302", "401", "403", "404", "500", "504"] {
        let good = bench.good();
        assert_eq!(bench.outcome(&format!("status-{status}"), status, &good), Some(503));
    }
    assert_eq!(bench.host.counted(Counter::IntrospectionFailure), 9);
    assert_eq!(bench.host.counted(Counter::Introspection), 32);
}

#[test]
fn an_answer_without_an_audience_counts_only_where_the_operator_says_so() {
    let mut bench = Bench::new(&json!({"require_audience": false}));
    let mut claims = bench.claims();
    claims.as_object_mut().unwrap().remove("aud");
    assert_eq!(bench.outcome("a", "200", &claims.to_string()), None);
    claims["aud"] = json!("https://other.example.com");
    assert_eq!(bench.outcome("b", "200", &claims.to_string()), Some(401));
}

/// A JWT of the issuer with these claims beside, and some signature, which nobody here checks.
fn jwt(claims: &Value, signature: &str) -> String {
    use base64::Engine as _;
    let encode =
        |part: &Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part.to_string());
    let mut payload = json!({"iss": "https://id.example.com"});
    payload.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    format!("{}.{}.{signature}", encode(&json!({"alg": "ES256"})), encode(&payload))
}

#[test]
fn a_token_that_is_bound_is_refused_where_the_answer_does_not_say_the_same() {
    let mut bench = Bench::new(&json!({}));
    let thumb = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let key = json!({"jkt": thumb});
    let other = json!({"jkt": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
    let certificate = json!({"x5t#S256": thumb});
    for (number, (in_token, in_answer, expected)) in [
        (json!({}), json!({}), None),
        (json!({"cnf": key}), json!({}), Some(401)),
        (json!({"cnf": certificate}), json!({}), Some(401)),
        (json!({"cnf": null}), json!({}), Some(401)),
        (json!({"cnf": key}), json!({"cnf": other}), Some(401)),
        // The same, and sent as Bearer.
        (json!({"cnf": key}), json!({"cnf": key}), Some(401)),
        (json!({}), json!({"cnf": key}), Some(401)),
        (json!({}), json!({"token_type": "DPoP"}), Some(401)),
        (json!({}), json!({"token_type": "dpop", "cnf": certificate}), Some(401)),
        (json!({}), json!({"token_type": "Bearer"}), None),
    ]
    .into_iter()
    .enumerate()
    {
        let mut claims = bench.claims();
        claims.as_object_mut().unwrap().extend(in_answer.as_object().unwrap().clone());
        let token = jwt(&in_token, &format!("{number:04}"));
        let outcome = bench.outcome(&token, "200", &claims.to_string());
        assert_eq!(outcome, expected, "{in_token} {in_answer}");
    }
    // A token that is no JWT, too.
    let mut claims = bench.claims();
    claims["token_type"] = json!("DPoP");
    assert_eq!(bench.outcome("opaque", "200", &claims.to_string()), Some(401));
}

#[test]
fn only_what_can_be_a_token_is_asked_about() {
    let mut bench = Bench::new(&json!({}));
    for token in ["a b", "a\"b", "a=b", "=", "a\u{e4}", "a.b.c", &"x".repeat(16 * 1024 + 1)] {
        assert_eq!(bench.send(token), Action::Answered, "{token}");
        assert_eq!(bench.host.take_answer().unwrap().status, 401, "{token}");
    }
    assert_eq!(bench.tick(), []);
    for token in ["a", "a.b", "a.b.c.d.e", "-._~+/==", &"x".repeat(16 * 1024)] {
        assert_eq!(bench.send(token), Action::Wait, "{token}");
        assert_eq!(bench.tick().len(), 1, "{token}");
    }
}

#[test]
fn an_answer_is_remembered_for_a_while_and_never_beyond_exp() {
    let mut bench = Bench::new(&json!({"cache_for": "60s"}));
    let mut claims = bench.claims();
    assert_eq!(bench.outcome("a", "200", &claims.to_string()), None);
    bench.pass(second(59));
    assert_eq!(bench.send("a"), Action::Continue);
    bench.pass(second(1));
    assert_eq!(bench.outcome("a", "200", r#"{"active":false}"#), Some(401));

    let now = bench.host.now.since_epoch().as_secs();
    claims["exp"] = json!(now + 10);
    assert_eq!(bench.outcome("b", "200", &claims.to_string()), None);
    // A fraction of the second has passed already.
    bench.pass(second(9));
    assert_eq!(bench.send("b"), Action::Continue);
    bench.pass(second(1));
    assert_eq!(bench.send("b"), Action::Wait);
}

#[test]
fn a_refusal_is_remembered_briefly_and_a_failure_not_at_all() {
    let mut bench = Bench::new(&json!({}));
    assert_eq!(bench.outcome("a", "200", r#"{"active":false}"#), Some(401));
    bench.pass(second(9));
    assert_eq!(bench.send("a"), Action::Answered);
    assert_eq!(bench.host.take_answer().unwrap().status, 401);
    bench.pass(second(1));
    let good = bench.good();
    assert_eq!(bench.outcome("a", "200", &good), None);

    assert_eq!(bench.outcome("b", "500", ""), Some(503));
    assert_eq!(bench.outcome("b", "200", &good), None);
}

#[test]
fn nothing_is_remembered_where_caching_is_off() {
    let mut bench = Bench::new(&json!({"cache_for": "0s"}));
    let good = bench.good();
    for _ in 0..2 {
        assert_eq!(bench.outcome("a", "200", &good), None);
        assert_eq!(bench.outcome("b", "200", r#"{"active":false}"#), Some(401));
    }
}

#[test]
fn requests_with_one_token_share_a_call() {
    for cache_for in ["0s", "60s"] {
        let mut bench = Bench::new(&json!({"cache_for": cache_for}));
        assert_eq!(bench.send("a"), Action::Wait);
        assert_eq!(bench.tick().len(), 1);
        assert_eq!(bench.send("a"), Action::Wait);
        assert_eq!(bench.tick(), []);
        // The end of the request that brought the question up changes nothing.
        bench.filter.on_request_end(&bench.host, RequestId(1));
        let good = bench.good();
        bench.answer("200", &good);
        assert!(bench.host.take_resumed());
        assert_eq!(bench.host.take_answer(), None);
        assert!(bench.filter.waiting.borrow().is_empty());
    }
}

#[test]
fn a_request_waits_no_longer_than_configured_and_the_answer_still_counts() {
    let mut bench = Bench::new(&json!({"timeout": "10s", "wait": "3s"}));
    assert_eq!(bench.send("a"), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    bench.pass(second(2));
    assert_eq!(bench.tick(), []);
    assert_eq!(bench.host.take_answer(), None);
    bench.pass(second(1));
    assert_eq!(bench.tick(), []);
    let answer = bench.host.take_answer().unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains(&("retry-after", "3".to_owned())));
    let good = bench.good();
    bench.answer("200", &good);
    assert_eq!(bench.send("a"), Action::Continue);
}

#[test]
fn an_answer_that_is_lost_blocks_nothing() {
    let mut bench = Bench::new(&json!({"timeout": "2s", "wait": "60s"}));
    assert_eq!(bench.send("a"), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
    bench.pass(second(7));
    assert_eq!(bench.tick(), []);
    assert_eq!(bench.host.take_answer().unwrap().status, 503);
    assert_eq!(bench.send("a"), Action::Wait);
    assert_eq!(bench.tick().len(), 1);
}

#[test]
fn a_flood_of_tokens_takes_a_bounded_number_of_calls() {
    let mut bench = Bench::new(&json!({}));
    let good = bench.good();
    assert_eq!(bench.outcome("good", "200", &good), None);
    for number in 0..QUESTIONS {
        assert_eq!(bench.send(&format!("junk-{number}")), Action::Wait);
    }
    assert_eq!(bench.tick().len(), QUESTIONS);
    assert_eq!(bench.send("one-more"), Action::Answered);
    let answer = bench.host.take_answer().unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.headers.contains(&("retry-after", "1".to_owned())));
    assert_eq!(bench.send("good"), Action::Continue);
    bench.answer("200", r#"{"active":false}"#);
    assert_eq!(bench.send("one-more"), Action::Wait);
}

#[test]
fn a_question_is_asked_at_once_and_idle_ticks_are_slow() {
    let mut bench = Bench::new(&json!({}));
    assert_eq!(bench.host.tick_period(), Some(second(1)));
    assert_eq!(bench.send("a"), Action::Wait);
    assert_eq!(bench.host.tick_period(), Some(Duration::from_millis(1)));
    bench.tick();
    assert_eq!(bench.host.tick_period(), Some(Duration::from_millis(20)));
    let good = bench.good();
    bench.answer("200", &good);
    bench.tick();
    assert_eq!(bench.host.tick_period(), Some(second(1)));
}

#[test]
fn only_the_requests_with_news_are_looked_at_again() {
    let mut bench = Bench::new(&json!({}));
    assert_eq!(bench.send("a"), Action::Wait);
    assert_eq!(bench.send("b"), Action::Wait);
    assert_eq!(bench.tick().len(), 2);
    // A request that is looked at again without a token is answered.
    bench.host.headers = Headers::default();
    bench.tick();
    assert_eq!(bench.host.take_answer(), None);
    let good = bench.good();
    bench.answer("200", &good);
    assert_eq!(bench.filter.waiting.take().into_iter().count(), 1);
    assert_eq!(bench.host.take_answer().unwrap().status, 400);
}

#[test]
fn without_a_clock_no_token_is_checked() {
    let mut bench = Bench::new(&json!({}));
    let good = bench.good();
    assert_eq!(bench.outcome("known", "200", &good), None);
    let now = std::mem::take(&mut bench.host.now);
    for token in ["known", "new"] {
        assert_eq!(bench.send(token), Action::Answered, "{token}");
        let answer = bench.host.take_answer().unwrap();
        assert_eq!(answer.status, 503, "{token}");
        assert!(answer.headers.iter().any(|(name, _)| *name == "retry-after"), "{token}");
    }
    bench.host.headers = Headers::new(vec![
        (":method".to_owned(), b"GET".to_vec()),
        (":path".to_owned(), b"/".to_vec()),
    ]);
    bench.filter.on_request_headers(&bench.host, RequestId(9), true);
    assert_eq!(bench.host.take_answer().unwrap().status, 401);
    bench.host.now = now;
    assert_eq!(bench.send("known"), Action::Continue);
}

#[test]
fn a_missing_variable_is_a_mistake_where_the_filter_runs_and_not_where_it_is_checked() {
    let document = config(&json!({}));
    assert!(config::compile_value(&document).is_ok());
    let host = MemoryHost::new(Headers::default());
    let mistakes = Filter::new(document.to_string().as_bytes(), &host).unwrap_err().to_string();
    let expected = "issuers[0].keys.introspection.client.secret.env: the environment variable \
                    SECRET is not set, is empty or is no text; expected the secret; pass it to \
                    the filter by vm_config.environment_variables.host_env_keys";
    assert_eq!(mistakes, expected);
}
