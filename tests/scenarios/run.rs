//! Running a suite, once in memory and once in Envoy.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use envoy_stepup::challenge::Response as Answer;
use envoy_stepup::filter::{Action, Filter};
use envoy_stepup::host::RequestId;
use envoy_stepup::host::memory::MemoryHost;
use envoy_stepup::request::Headers;
use envoy_stepup::time::Timestamp;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::explained;
use crate::support::{Envoy, EnvoyOptions, Request, Response, Upstream, now, wire};
use crate::table::{Expect, Keys, Row, Suite, World};
use crate::{schema, shadow};

/// The rows of a suite as tests.
pub fn trials(suite: Suite, keys: &Arc<Keys>) -> Vec<Trial> {
    let suite = Arc::new(suite);
    let stage = Arc::new(Stage::new(Arc::clone(&suite)));
    let config = suite.config.clone();
    let mut trials = vec![trial(format!("schema: {}", suite.name), move || schema::check(&config))];
    if suite.in_memory {
        let (suite, keys) = (Arc::clone(&suite), Arc::clone(keys));
        trials.push(trial(format!("memory, shadow: {}", suite.name), move || {
            shadow::run_in_memory(&suite, &keys);
        }));
    }
    if shadow::IN_ENVOY.contains(&suite.name) {
        let (suite, keys) = (Arc::clone(&suite), Arc::clone(keys));
        trials.push(trial(format!("envoy, shadow: {}", suite.name), move || {
            shadow::run_in_envoy(&suite, &keys);
        }));
    }
    for index in 0..suite.rows.len() {
        let name = format!("{}: {}", suite.name, suite.rows[index].name);
        if suite.in_memory {
            let (suite, keys) = (Arc::clone(&suite), Arc::clone(keys));
            trials.push(trial(format!("memory: {name}"), move || {
                run_in_memory(&suite, &suite.rows[index], &keys);
            }));
        }
        if suite.rows[index].not_explained.is_none() {
            let (suite, keys) = (Arc::clone(&suite), Arc::clone(keys));
            trials.push(trial(format!("explained: {name}"), move || {
                explained::run(&suite, &suite.rows[index], &keys);
            }));
        }
        let (stage, keys) = (Arc::clone(&stage), Arc::clone(keys));
        trials.push(trial(format!("envoy: {name}"), move || stage.run(index, &keys)));
    }
    trials
}

fn trial(name: String, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        panic::catch_unwind(AssertUnwindSafe(test)).map_err(|error| {
            let message = error.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| error.downcast_ref::<&str>().copied());
            Failed::from(message.unwrap_or("the test panicked"))
        })
    })
}

fn run_in_memory(suite: &Suite, row: &Row, keys: &Arc<Keys>) {
    let world = World { now: now(), keys: Arc::clone(keys) };
    let request = (row.request)(&world);
    let mut host = MemoryHost::new(as_the_proxy_sees_it(&request));
    host.now = Timestamp::from_epoch(Duration::from_secs(world.now));
    for (name, value) in &row.properties {
        host.properties.insert((*name).to_owned(), value.clone());
    }
    let filter = Filter::new(suite.config.to_string().as_bytes(), &host)
        .unwrap_or_else(|mistakes| panic!("the configuration has mistakes:\n{mistakes}"));
    let body = request.body.clone();
    let mut action = filter.on_request_headers(&host, RequestId(1), body.is_empty());
    if action == Action::Wait {
        host.body = Some(body.clone());
        action = filter.on_request_body(&host, RequestId(1), body.len(), true);
    }
    check_upstream(row, |name| host.request_header_upstream(name));
    let answer = host.into_answer();
    let expect = row.expect_in_memory.as_ref().unwrap_or(&row.expect).clone().without_proxy();
    match action {
        Action::Continue => {
            assert!(answer.is_none(), "passed on and answered: {answer:?}");
            check(&expect, None, 1);
        }
        Action::Wait => panic!("keys that are written down are there"),
        Action::Answered => check(&expect, Some(&as_the_client_sees_it(answer.unwrap())), 0),
    }
}

pub fn as_the_proxy_sees_it(request: &Request) -> Headers {
    let authority = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map_or_else(|| b"api.example.com".to_vec(), |(_, value)| value.clone());
    let mut pairs = vec![
        (":method".to_owned(), request.method.clone().into_bytes()),
        (":path".to_owned(), request.target.clone()),
        (":authority".to_owned(), authority),
        (":scheme".to_owned(), b"http".to_vec()),
    ];
    for (name, value) in &request.headers {
        if !name.eq_ignore_ascii_case("host") {
            pairs.push((name.to_ascii_lowercase(), value.clone()));
        }
    }
    Headers::new(pairs)
}

pub fn as_the_client_sees_it(answer: Answer) -> Response {
    let headers = answer.headers.into_iter();
    Response {
        status: answer.status,
        headers: headers.map(|(name, value)| (name.to_owned(), value.into_bytes())).collect(),
        body: answer.body,
    }
}

/// The Envoy of a suite: started by its first row, stopped after its last.
struct Stage {
    suite: Arc<Suite>,
    running: Mutex<Option<(Upstream, Arc<Envoy>)>>,
    rows_left: AtomicUsize,
}

impl Stage {
    fn new(suite: Arc<Suite>) -> Self {
        let rows_left = AtomicUsize::new(suite.rows.len());
        Self { suite, running: Mutex::new(None), rows_left }
    }

    fn run(&self, index: usize, keys: &Arc<Keys>) {
        // Rows of one Envoy take turns, so that its log tells of one request at a time.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (upstream, envoy) = running.get_or_insert_with(|| {
            let upstream = Upstream::start();
            let options = EnvoyOptions::new(&upstream, self.suite.config.clone());
            let envoy = Envoy::start((self.suite.envoy)(options));
            (upstream, Arc::new(envoy))
        });
        let row = &self.suite.rows[index];
        let world = World { now: now(), keys: Arc::clone(keys) };
        let test_id = format!("{}-{index}", self.suite.name.replace(' ', "-"));
        let request = (row.request)(&world).header("x-test-id", &test_id);
        let response = envoy.send(&request);
        let reached = upstream.received_with(&test_id);
        check(&row.expect, Some(&response), reached.len());
        for received in reached {
            check_upstream(row, |name| match name {
                ":path" => vec![received.target().to_vec()],
                name => wire::values(&received.headers, name),
            });
            // The path sent upstream is not rewritten by the filter (design §4).
            if self.suite.name.contains("kept as sent") {
                assert_eq!(received.target(), request.target, "the target was rewritten");
            }
        }
        let log = envoy.log();
        assert!(!log.contains("panicked"), "the filter panicked:\n{log}");
        if self.rows_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            for text in &self.suite.logged {
                envoy.wait_for_log(text);
            }
            *running = None;
        }
    }
}

/// Compares what reaches the upstream with what the row says of it.
pub fn check_upstream(row: &Row, values: impl Fn(&str) -> Vec<Vec<u8>>) {
    for (name, expected) in &row.upstream_sees {
        let values = values(name);
        let shown = values.iter().map(|value| String::from_utf8_lossy(value).into_owned());
        let expected = expected.map(str::to_owned);
        assert_eq!(shown.collect::<Vec<_>>(), Vec::from_iter(expected), "{name}");
    }
}

/// Compares an answer with what is expected. `response` is `None` where no proxy was there to pass
/// the request on.
pub fn check(expect: &Expect, response: Option<&Response>, reached: usize) {
    let shown = response.map_or_else(|| "passed on".to_owned(), |response| format!("{response:?}"));
    match expect {
        Expect::Passed => {
            assert_eq!(reached, 1, "has to reach the upstream, but: {shown}");
            if let Some(response) = response {
                assert_eq!((response.status, response.text().as_str()), (200, "upstream"));
            }
        }
        Expect::Stopped(statuses) => {
            assert_eq!(reached, 0, "reached the upstream");
            let status = response.expect("has to be answered").status;
            assert!(statuses.contains(&status), "expected one of {statuses:?}: {shown}");
        }
        Expect::Answered { status, authenticate, problem } => {
            assert_eq!(reached, 0, "reached the upstream");
            let response = response.expect("has to be answered");
            assert_eq!(response.status, *status, "{shown}");
            assert_eq!(response.lines("www-authenticate"), *authenticate, "{shown}");
            assert_eq!(response.header("cache-control"), Some("no-store"), "{shown}");
            assert_eq!(response.header("content-type"), Some("application/problem+json"));
            // Envoy cuts the body off from an answer to HEAD.
            if !response.body.is_empty() || response.header("content-length") == Some("0") {
                check_problem(&response.json(), *status, problem, authenticate.as_deref());
            }
        }
    }
}

/// The body says what the header says.
fn check_problem(body: &Value, status: u16, problem: &str, authenticate: Option<&str>) {
    assert_eq!(body["type"], format!("urn:envoy-stepup:problem:{problem}"), "{body}");
    assert_eq!(body["status"], status, "{body}");
    assert!(body["title"].is_string() && body["detail"].is_string(), "{body}");
    let parameter = |name: &str| {
        let after = authenticate?.split(&format!(" {name}=\"")).nth(1)?;
        after.split('"').next()
    };
    assert_eq!(body["acr_values"].as_str(), parameter("acr_values"), "{body}");
    assert_eq!(body["scope"].as_str(), parameter("scope"), "{body}");
    let max_age = parameter("max_age").map(|text| text.parse::<u64>().expect("max_age"));
    assert_eq!(body["max_age"].as_u64(), max_age, "{body}");
    if let Some(description) = parameter("error_description") {
        assert_eq!(body["detail"], description, "{body}");
    }
}
