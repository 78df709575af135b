//! The same rows in shadow mode: every request goes on, and the record of the decision is the one of
//! the mode that enforces it.

use std::sync::Arc;
use std::time::Duration;

use envoy_stepup::filter::{Action, Filter};
use envoy_stepup::host::RequestId;
use envoy_stepup::host::memory::MemoryHost;
use envoy_stepup::time::Timestamp;
use serde_json::{Value, json};

use crate::run::as_the_proxy_sees_it;
use crate::support::{Envoy, EnvoyOptions, Request, Upstream, now, poll};
use crate::table::{Expect, Keys, Row, Suite, World};

/// The suites whose rows are also sent to an Envoy: they hold every reason to refuse a request.
pub const IN_ENVOY: [&str; 8] = [
    "decision",
    "token claims",
    "credentials",
    "rules",
    "route metadata",
    "dpop proof",
    "raises",
    "risk recipe at the edge",
];

/// Runs the rows of a suite in memory.
pub fn run_in_memory(suite: &Suite, keys: &Arc<Keys>) {
    let mut refused = 0;
    for row in &suite.rows {
        let world = World { now: now(), keys: Arc::clone(keys) };
        let request = (row.request)(&world);
        let (action, enforced) = decided(&audited(suite, "enforce"), row, &request, world.now);
        let (in_shadow, told) = decided(&audited(suite, "shadow"), row, &request, world.now);
        assert_eq!(told, enforced, "{}", row.name);
        assert_eq!(in_shadow, Action::Continue, "{}", row.name);
        refused += usize::from(action == Action::Answered);
    }
    let is_refusing = suite.rows.iter().any(|row| !matches!(row.expect, Expect::Passed));
    assert!(refused > 0 || !is_refusing, "no row of {} is refused", suite.name);
}

/// Sends the rows that are refused to an Envoy.
pub fn run_in_envoy(suite: &Suite, keys: &Arc<Keys>) {
    let upstream = Upstream::start();
    let options = EnvoyOptions::new(&upstream, audited(suite, "shadow"));
    let envoy = Envoy::start((suite.envoy)(options));
    let mut passed = 0;
    for (index, row) in suite.rows.iter().enumerate() {
        let world = World { now: now(), keys: Arc::clone(keys) };
        let request = (row.request)(&world);
        let (action, enforced) = decided(&audited(suite, "enforce"), row, &request, world.now);
        // What only the proxy can check is decided otherwise in memory.
        if action != Action::Answered || matches!(row.expect, Expect::Passed) {
            continue;
        }
        let test_id = format!("shadow-{index}");
        let before = records(&envoy).len();
        let response = envoy.send(&request.header("x-test-id", &test_id));
        let told = poll(Duration::from_secs(5), || records(&envoy).into_iter().nth(before));
        let Some(told) = told else {
            // Envoy itself refuses some requests before any filter.
            assert!(response.header("content-type") != Some("application/problem+json"));
            continue;
        };
        assert_eq!(without_what_differs(told), enforced, "{}", row.name);
        assert_eq!(upstream.received_with(&test_id).len(), 1, "{}: {response:?}", row.name);
        passed += 1;
    }
    assert!(passed > 0, "no request of {} was let through", suite.name);
}

/// The suite's configuration with a record of each decision.
fn audited(suite: &Suite, mode: &str) -> Value {
    let mut config = suite.config.clone();
    config["mode"] = json!(mode);
    config["audit"] = json!({"log": "all"});
    config
}

/// What becomes of a request in memory, and the record of that.
fn decided(config: &Value, row: &Row, request: &Request, now: u64) -> (Action, Value) {
    let mut host = MemoryHost::new(as_the_proxy_sees_it(request));
    host.now = Timestamp::from_epoch(Duration::from_secs(now));
    for (name, value) in &row.properties {
        host.properties.insert((*name).to_owned(), value.clone());
    }
    let filter = Filter::new(config.to_string().as_bytes(), &host).expect("a configuration");
    let body = request.body.clone();
    let mut action = filter.on_request_headers(&host, RequestId(1), body.is_empty());
    if action == Action::Wait {
        host.body = Some(body.clone());
        action = filter.on_request_body(&host, RequestId(1), body.len(), true);
    }
    let records = host.take_audited();
    assert_eq!(records.len(), 1, "{}: {records:?}", row.name);
    (action, without_what_differs(serde_json::from_str(&records[0]).expect("JSON")))
}

/// The records of decisions in Envoy's log.
fn records(envoy: &Envoy) -> Vec<Value> {
    let log = envoy.log();
    let lines = log.lines().filter_map(|line| line.split_once(" audit ").map(|(_, json)| json));
    lines.map(|json| serde_json::from_str(json).expect("a record is JSON")).collect()
}

/// Times, and what the proxy adds, differ from one run to the next; the mode differs here.
fn without_what_differs(mut record: Value) -> Value {
    let members = record.as_object_mut().expect("an object");
    for name in ["time", "configuration", "mode", "request"] {
        members.remove(name);
    }
    if let Some(Value::Object(found)) = members.get_mut("found") {
        found.remove("age");
    }
    // These name the age, and the proxy's route.
    if members["reason"] == "age" || members["reason"] == "misconfigured" {
        members.remove("message");
    }
    record
}
