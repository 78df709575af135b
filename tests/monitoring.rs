//! What operators see in Prometheus: an Envoy with all kinds of trouble, the dashboard's queries, and the
//! alerts.

// A test may fail by panicking.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use envoy_stepup::config::compile_value;
use serde_json::{Value, json};
use support::bootstrap::{route, route_with_policy};
use support::folder::Folder;
use support::prometheus::promtool;
use support::shipped::fewest_capabilities;
use support::{
    Algorithm, Claims, Envoy, EnvoyOptions, Prometheus, ReloadOutcome, Reply, Request, SigningKey,
    Upstream, claims, forge, now, poll, shipped, tokens,
};

const ALERTS: &str = "envoy/grafana/alerts.yaml";
const DASHBOARD: &str = "envoy/grafana/dashboard.json";
const DOCUMENT: &str = include_str!("../docs/monitoring.md");

/// An Envoy with everything that can be seen of it, behind which some servers are down.
struct Stage {
    envoy: Envoy,
    key: SigningKey,
    _servers: Vec<Upstream>,
}

fn config() -> Value {
    let issuer = |name: &str, keys: Value| {
        json!({
            "issuer": format!("https://{name}.example.com"),
            "audiences": ["https://api.example.com"],
            "keys": keys,
        })
    };
    let remote = |name: &str, times: Value| {
        let mut remote = times;
        remote["cluster"] = name.into();
        remote["uri"] = format!("https://{name}.example.com/keys").into();
        json!({"remote": remote})
    };
    let short = || json!({"refresh": "1s", "refresh_min": "1s", "stale_for": "4s", "wait": "0s"});
    let introspection = json!({"introspection": {
        "cluster": "introspection", "uri": "https://introspection.example.com/introspect",
        "client": {"id": "gateway", "secret": {"env": "STEPUP_TEST_SECRET"}},
    }});
    let raise = |name: &str, when: &str| json!({"name": name, "when": when, "deny": "No."});
    let shadow = json!({
        "name": "night", "when": "true || request.method == 'GET'", "mode": "shadow", "deny": "No.",
    });
    json!({
        "levels": [
            {"name": "password", "proven_by": [{"acr": ["1"]}]},
            {"name": "strong", "proven_by": [{"acr": ["phr"]}]},
        ],
        "issuers": [
            issuer("id", remote("id", json!({"refresh": "5s", "refresh_min": "5s"}))),
            issuer("stale", remote("stale", short())),
            issuer("down", remote("down", json!({"wait": "0s"}))),
            issuer("introspection", introspection),
        ],
        "tokens": {"cache": {"max_entries": 2, "max_bytes": 65536}},
        "feeds": {
            "blocked": {"type": "strings", "remote": {
                "cluster": "feed", "uri": "https://feed.example.com/list",
            }},
            "missing": {"type": "strings", "remote": {
                "cluster": "down", "uri": "https://down.example.com/list", "wait": "0s",
            }},
        },
        "policies": {
            "open": {"public": true},
            "read": {"require": [{"level": "password"}]},
            "pay": {
                "require": [{"level": "strong", "max_age": "5m"}],
                "scopes": ["payments"],
                "raise": [
                    raise("large", "request.query.amount == '1000000'"),
                    raise("blocked", "request.headers['x-account'] in feeds.blocked"),
                    shadow,
                ],
            },
            "listed": {"public": true, "raise": [raise("missing", "request.path in feeds.missing")]},
            "trial": {"require": [{"level": "strong"}], "mode": "shadow"},
        },
        "rules": [
            {"match": {"path": "/open"}, "policy": "open"},
            {"match": {"path": "/pay"}, "policy": "pay"},
            {"match": {"path": "/listed"}, "policy": "listed"},
            {"match": {"path": "/trial"}, "policy": "trial"},
        ],
        "default": "read",
    })
}

impl Stage {
    fn start() -> Self {
        let key = SigningKey::generate(Algorithm::Es256, "k");
        let jwks = tokens::jwks([&key]).to_string();
        let keys = {
            let jwks = jwks.clone();
            Upstream::start_with(move |_| Reply::new(200, &jwks))
        };
        // Its keys are there once, and never again.
        let asked = AtomicUsize::new(0);
        let stale = Upstream::start_with(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(200, &jwks),
            _ => Reply::new(500, ""),
        });
        // It has an answer to every other question, and takes its time.
        let asked = AtomicUsize::new(0);
        let introspection = Upstream::start_with(move |_| {
            thread::sleep(Duration::from_millis(30));
            let is_answered = asked.fetch_add(1, Ordering::Relaxed).is_multiple_of(2);
            let answer = json!({"active": false}).to_string();
            if is_answered { Reply::new(200, answer) } else { Reply::new(500, "") }
        });
        let feed = Upstream::start_with(|_| Reply::new(200, "[\"a1\", \"a2\"]"));
        let upstream = Upstream::start();
        let options = EnvoyOptions::new(&upstream, config())
            .routes([
                route_with_policy("unknown", &json!({"path": "/unknown"}), &json!("nobody")),
                route("catch-all", &json!({"prefix": "/"})),
            ])
            .cluster("id", keys.addr())
            .cluster("stale", stale.addr())
            .cluster("introspection", introspection.addr())
            .cluster("feed", feed.addr())
            .cluster("down", support::prometheus::free_port())
            .variable("STEPUP_TEST_SECRET", "s")
            .stats_config(shipped::document("envoy/envoy.yaml")["stats_config"].clone())
            .log_level("wasm:info,main:warning")
            .concurrency(2)
            .allow_only(&fewest_capabilities());
        let envoy = Envoy::start(options);
        Self { envoy, key, _servers: vec![keys, stale, introspection, feed, upstream] }
    }

    fn token(&self, change: impl Fn(Claims) -> Claims) -> String {
        let claims = claims(now()).acr("phr").auth_time_ago(10).scope("payments");
        self.key.token(change(claims))
    }

    /// Requests of every outcome, each with the status that it is answered with.
    fn traffic(&self) -> Vec<(Request, u16)> {
        let get = Request::get;
        let good = self.token(|claims| claims);
        let from = |issuer: &str| {
            let name = format!("https://{issuer}.example.com");
            self.token(|claims| claims.issuer(&name))
        };
        let pay = |token: &str| get("/pay?amount=1").header("x-account", "a9").bearer(token);
        vec![
            (get("/open"), 200),
            (get("/read").bearer(&good), 200),
            (get("/read").bearer(&good), 200),
            (get("/read"), 401),
            (get("/read").bearer(&forge(&good)), 401),
            (pay(&good), 200),
            (pay(&self.token(|claims| claims.acr("1"))), 401),
            (pay(&self.token(|claims| claims.auth_time_ago(600))), 401),
            (pay(&self.token(|claims| claims.without("auth_time"))), 401),
            (pay(&self.token(|claims| claims.without("scope"))), 403),
            (get("/pay?amount=1000000").header("x-account", "a9").bearer(&good), 403),
            (get("/pay").header("x-account", "a1").bearer(&good), 403),
            (get("/listed"), 403),
            (get("/trial"), 200),
            (get("/trial").bearer(&good), 200),
            (get("/read").bearer(&good).bearer(&good), 400),
            (get("/re%2Fad"), 400),
            (get("/unknown"), 500),
            (get("/read").bearer(&from("down")), 503),
        ]
    }

    fn send_all(&self) {
        for (request, expected) in self.traffic() {
            assert_eq!(self.envoy.send(&request).status, expected, "{}", target(&request));
        }
        // So many that they count among ten minutes in which there was nothing.
        for _ in 0..20 {
            self.envoy.send(&Request::get("/listed"));
        }
        // Depending on when they come, these are known, stale, or answered at all.
        for issuer in ["stale", "introspection", "introspection"] {
            let name = format!("https://{issuer}.example.com");
            let nonce = Instant::now();
            let token = self.token(|claims| claims.issuer(&name).set("jti", format!("{nonce:?}")));
            self.envoy.send(&Request::get("/read").bearer(&token));
        }
    }
}

impl Stage {
    /// Traffic that changes with the time, for something to be seen in a plot.
    fn send_for(&self, seconds: u32) {
        let end = Instant::now() + Duration::from_secs(seconds.into());
        for round in 0.. {
            let sent = |(index, _): &(usize, _)| (round / 4 + index * 5) % 9 < 5;
            for (_, (request, _)) in self.traffic().into_iter().enumerate().filter(sent) {
                self.envoy.send(&request);
            }
            thread::sleep(Duration::from_millis(200));
            if Instant::now() >= end {
                return;
            }
        }
    }
}

fn target(request: &Request) -> String {
    String::from_utf8_lossy(&request.target).into_owned()
}

/// The alerts that fire in the situation of [`Stage`]. Those of `alerts_test.yaml` are all.
const EXPECTED: [&str; 12] = [
    "StepupConditionsInDoubt",
    "StepupFeedFetchFailing",
    "StepupFeedMissing",
    "StepupIntrospectionFailing",
    "StepupKeyFetchFailing",
    "StepupKeysTooOld",
    "StepupMisconfigured",
    "StepupNoUsableKeys",
    "StepupRaiseMostlyInDoubt",
    "StepupRequestsFail",
    "StepupShadowModeLeftOn",
    "StepupTokenCacheTooSmall",
];

#[test]
fn every_query_of_the_dashboard_has_data_and_alerts_fire_while_there_is_trouble() {
    let stage = Stage::start();
    let prometheus =
        Prometheus::start(stage.envoy.admin_addr(), &impatient(&shipped::text(ALERTS)));
    for _ in 0..3 {
        stage.send_all();
        thread::sleep(Duration::from_millis(1500));
    }
    let mut lacking = queries();
    let complete = poll(Duration::from_secs(20), || {
        stage.send_all();
        thread::sleep(Duration::from_millis(300));
        lacking.retain(|(_, query)| !has_data(&prometheus, query));
        lacking.is_empty().then_some(())
    });
    assert!(complete.is_some(), "no data: {lacking:#?}");
    let firing = || {
        let firing = prometheus.firing();
        EXPECTED.iter().all(|name| firing.iter().any(|other| other == name)).then_some(firing)
    };
    let firing = poll(Duration::from_secs(10), firing).unwrap_or_else(|| prometheus.firing());
    for alert in EXPECTED {
        assert!(firing.iter().any(|name| name == alert), "{alert} does not fire: {firing:?}");
    }
    is_as_documented(&prometheus);
    decision_times_are_real(&prometheus);
    if let Some(file) = plot::asked() {
        stage.send_for(plot::SECONDS);
        plot::draw(&prometheus, &file);
    }
}

/// The rules without the times for which alerts have to last.
fn impatient(rules: &str) -> String {
    let lines = rules.lines().filter(|line| !line.trim_start().starts_with("for: "));
    lines.collect::<Vec<_>>().join("\n")
}

/// The queries of the dashboard with their panels' titles, as Grafana asks them.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&shipped::text(DASHBOARD)).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let mut queries = Vec::new();
    for panel in panels.filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap();
        assert!(!panel["description"].as_str().unwrap().is_empty(), "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let query = query.replace("$instance", ".*").replace("$policy", ".*");
            let query = query.replace("$__rate_interval", "10s");
            assert!(!query.contains('$'), "{title}: {query}");
            queries.push((title.to_owned(), query));
        }
    }
    assert!(queries.len() > 30, "{queries:?}");
    queries
}

fn has_data(prometheus: &Prometheus, query: &str) -> bool {
    prometheus.query(query).iter().any(|series| series.value.is_finite())
}

/// Every metric of the filter and every label of it stands in docs/monitoring.md, and no other.
fn is_as_documented(prometheus: &Prometheus) {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    for series in prometheus.query("{__name__=~\"stepup_.*\"}") {
        let labels = series.labels.as_object().unwrap();
        let name = labels["__name__"].as_str().unwrap();
        let parts = ["_bucket", "_sum", "_count"];
        let name = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        let own = labels
            .keys()
            .filter(|label| !["__name__", "instance", "job", "le"].contains(&&***label));
        found.entry(name.to_owned()).or_default().extend(own.cloned());
    }
    let documented = documented();
    for (name, labels) in &found {
        assert_eq!(documented.get(name), Some(labels), "{name} in docs/monitoring.md");
    }
    for name in documented.keys() {
        assert!(found.contains_key(name), "{name} is documented, and Envoy shows none");
    }
}

/// The metrics in the tables of docs/monitoring.md, with their labels.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let rows = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| `stepup_"));
    let read = |row: &str| {
        let mut cells = row.split('|').map(str::trim);
        let name = format!("stepup_{}", cells.next().unwrap().trim_end_matches('`'));
        let labels = cells.nth(1).unwrap().split(", ").filter(|label| !label.is_empty());
        (name, labels.map(|label| label.trim_matches('`').to_owned()).collect())
    };
    rows.map(read).collect()
}

/// They are neither all zero nor as long as what requests wait for.
fn decision_times_are_real(prometheus: &Prometheus) {
    let value = |query: &str| prometheus.query(query)[0].value;
    let count = value("stepup_decision_microseconds_count");
    let mean = value("stepup_decision_microseconds_sum") / count;
    let decisions = value("sum(stepup_decisions)");
    assert!((1.0..20_000.0).contains(&mean), "{mean} µs");
    assert!(count >= 1.0 && count <= decisions / 16.0, "{count} of {decisions}");
    let wait = value("stepup_wait_milliseconds_sum / stepup_wait_milliseconds_count");
    assert!((20.0..2000.0).contains(&wait), "{wait} ms, where a server takes 30");
}

/// Each worker of a replaced configuration takes back what it has told.
#[test]
fn a_configuration_that_is_replaced_is_told_as_gone_and_so_are_its_issuers() {
    let upstream = Upstream::start();
    let key = SigningKey::generate(Algorithm::Es256, "k");
    let jwks = tokens::jwks([&key]).to_string();
    let keys = Upstream::start_with(move |_| Reply::new(200, &jwks));
    let config = |issuer: &str| {
        json!({
            "levels": [{"name": "password", "proven_by": [{"acr": ["1"]}]}],
            "issuers": [{
                "issuer": format!("https://{issuer}.example.com"),
                "audiences": ["https://api.example.com"],
                "keys": {"remote": {"cluster": "keys", "uri": "https://id.example.com/keys"}},
            }],
            "policies": {"read": {"require": [{"level": "password"}]}},
            "default": "read",
        })
    };
    let options = EnvoyOptions::new(&upstream, config("one"))
        .cluster("keys", keys.addr())
        .concurrency(2)
        .dynamic_listener()
        .drain_time(1)
        .allow_only(&fewest_capabilities());
    let envoy = Envoy::start(options);
    let value = |name: &str| envoy.stats(&format!("wasmcustom.stepup.{name}"));
    let is = |name: &str, expected: u64| {
        let found = poll(Duration::from_secs(15), || (value(name) == Some(expected)).then_some(()));
        assert!(found.is_some(), "{name}: {:?}, expected {expected}", value(name));
    };
    let version = |issuer: &str| {
        format!("config_info.configuration.{}", compile_value(&config(issuer)).unwrap().version)
    };
    let token = key.token(claims(now()).issuer("https://one.example.com").acr("1"));
    assert_eq!(envoy.send(&Request::get("/").bearer(&token)).status, 200);
    is(&version("one"), 1);
    is("usable_keys.issuer.one_example_com", 1);
    is("token_cache.tokens", 1);
    assert_eq!(envoy.reload(config("other")), ReloadOutcome::Accepted);
    is(&version("one"), 0);
    is("key_limit_seconds.issuer.one_example_com", 0);
    is("token_cache.tokens", 0);
    is(&version("other"), 1);
    is("usable_keys.issuer.other_example_com", 1);
    let name = "decisions.policy.read.mode.enforce.outcome.allow.reason.proven";
    is(name, 1);
}

#[test]
fn the_panels_of_the_dashboard_stand_beside_each_other() {
    let dashboard: Value = serde_json::from_str(&shipped::text(DASHBOARD)).unwrap();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}", panel["title"]);
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for (row, column) in (y..y + h).flat_map(|row| (x..x + w).map(move |column| (row, column)))
        {
            assert!(taken.insert((row, column)), "{} stands on another", panel["title"]);
        }
    }
}

#[test]
fn the_alerts_are_good_rules_and_each_fires_when_it_should_and_not_before() {
    promtool(&["check", "rules", ALERTS]).unwrap_or_else(|said| panic!("{said}"));
    promtool(&["test", "rules", "envoy/grafana/alerts_test.yaml"])
        .unwrap_or_else(|said| panic!("{said}"));
    let tests = shipped::text("envoy/grafana/alerts_test.yaml");
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let start = format!("alertname: {name}\n");
        let fires = tests.split(&start).skip(1);
        let fires =
            fires.filter(|rest| rest.lines().nth(1).is_some_and(|line| !line.contains("[]")));
        assert!(fires.count() > 0, "alerts_test.yaml does not show {name} fire");
    }
}

fn alerts() -> Vec<Value> {
    let rules = shipped::document(ALERTS);
    let groups = rules["groups"].as_array().unwrap().iter();
    groups.flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

#[test]
fn every_alert_says_what_to_do() {
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(alert["annotations"]["summary"].is_string(), "{name}");
        let place = format!("docs/monitoring.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook"], *place, "{name}");
        assert!(DOCUMENT.contains(&format!("\n### {name}\n")), "{name} has no section");
    }
}

#[test]
fn the_document_shows_the_tags_of_the_shipped_file() {
    let shipped = shipped::document("envoy/envoy.yaml")["stats_config"].clone();
    let shown = DOCUMENT.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let shown = shown.map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    let shown = shown.filter_map(|value| value.get("stats_config").cloned()).collect::<Vec<_>>();
    assert_eq!(shown, [shipped]);
}

#[test]
fn prometheus_takes_the_configuration_of_the_document() {
    let text = DOCUMENT.split("```yaml\n").find(|text| text.contains("scrape_configs")).unwrap();
    let text = text.split("```").next().unwrap();
    let folder = Folder::new();
    folder.put("alerts.yaml", &shipped::text(ALERTS));
    let file = folder.put("prometheus.yaml", text);
    promtool(&["check", "config", file.to_str().unwrap()]).unwrap_or_else(|said| panic!("{said}"));
}

#[path = "monitoring/plot.rs"]
mod plot;
