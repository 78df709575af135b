//! Signals, through a real Envoy with several workers.

// A test may fail by panicking.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::shipped::fewest_capabilities;
use support::{
    Algorithm, Claims, Envoy, EnvoyOptions, Reply, Request, SigningKey, Upstream, claims, now,
    poll, tokens,
};

/// Failed logins raise the bar for whoever they come from, as the edge proxy tells it.
fn config(key: &SigningKey, window: &str) -> Value {
    json!({
        "levels": [
            {"name": "password", "proven_by": [{"acr": ["1"]}]},
            {"name": "strong", "proven_by": [{"acr": ["phr"]}]},
        ],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"inline": tokens::jwks([key])},
        }],
        "trusted_headers": {"names": ["x-client"], "from": ["127.0.0.0/8"]},
        "signals": {
            "failed_logins": {
                "count": "request.method == 'POST' && request.path == '/login' && response.status == 401",
                "per": "request.headers['x-client']",
                "window": window,
            },
            "new_device": {
                "first_seen": "request.headers['x-device']",
                "per": "claims.sub",
                "window": "2s",
            },
        },
        "policies": {
            "open": {"public": true},
            "read": {
                "require": [{"level": "password"}],
                "raise": [{
                    "name": "brute-force",
                    "when": "signals.failed_logins >= 5",
                    "require": [{"level": "strong"}],
                }],
            },
            "device": {
                "require": [{"level": "password"}],
                "raise": [{
                    "name": "new-device",
                    "when": "signals.new_device",
                    "require": [{"level": "strong"}],
                }],
            },
        },
        "rules": [
            {"match": {"prefix": "/login"}, "policy": "open"},
            {"match": {"path": "/device"}, "policy": "device"},
        ],
        "default": "read",
    })
}

struct Stage {
    upstream: Upstream,
    envoy: Envoy,
    key: SigningKey,
}

impl Stage {
    fn start(window: &str) -> Self {
        Self::start_with(|key| config(key, window))
    }

    fn start_with(config: impl FnOnce(&SigningKey) -> Value) -> Self {
        let key = SigningKey::generate(Algorithm::Es256, "k");
        let upstream = Upstream::start_with(|received| match received.header("x-password") {
            Some(b"right") | None => Reply::new(200, ""),
            Some(b"slow") => {
                thread::sleep(Duration::from_secs(2));
                Reply::new(401, "")
            }
            Some(_) => Reply::new(401, ""),
        });
        let options = EnvoyOptions::new(&upstream, config(&key));
        let envoy = Envoy::start(options.allow_only(&fewest_capabilities()));
        Self { upstream, envoy, key }
    }

    fn log_in(&self, client: &str, password: &str) {
        let request = Request::new("POST", "/login").header("x-client", client);
        self.envoy.send(&request.header("x-password", password));
    }

    fn send(&self, request: Request, change: impl Fn(Claims) -> Claims) -> u16 {
        let claims = change(claims(now()).acr("1").auth_time_ago(1));
        self.envoy.send(&request.bearer(&self.key.token(claims))).status
    }

    /// Each request comes over a connection of its own, so that workers take turns.
    fn read(&self, client: &str) -> Vec<u16> {
        let request = || Request::get("/").header("x-client", client);
        (0..16).map(|_| self.send(request(), |claims| claims)).collect()
    }
}

/// As docs/signals.md has it: the challenges of the filter are not counted.
#[test]
fn a_raise_on_the_login_itself_does_not_lock_it() {
    let stage = Stage::start_with(|key| {
        let mut config = config(key, "2s");
        let count = &mut config["signals"]["failed_logins"]["count"];
        let cured =
            format!("{} && !('www-authenticate' in response.headers)", count.as_str().unwrap());
        *count = cured.into();
        let raise = &config["policies"]["read"]["raise"];
        config["policies"]["open"] = json!({"public": true, "raise": raise});
        config
    });
    let log_in = |password: &str| {
        let request = Request::new("POST", "/login").header("x-client", "198.51.100.7");
        stage.envoy.send(&request.header("x-password", password))
    };
    for _ in 0..5 {
        assert_eq!(log_in("wrong").header("www-authenticate"), None);
    }
    assert!(log_in("right").header("www-authenticate").is_some());
    let falls = || (log_in("right").status == 200).then_some(());
    poll(Duration::from_secs(12), falls).expect("the bar falls after the window");
}

#[test]
fn five_failed_logins_raise_the_bar_on_all_workers_until_the_window_is_over() {
    let stage = Stage::start("8s");
    for number in 0..4 {
        stage.log_in("198.51.100.7", "wrong");
        stage.log_in("198.51.100.8", if number == 0 { "wrong" } else { "right" });
    }
    assert_eq!(stage.read("198.51.100.7"), [200; 16], "four are not five");
    stage.log_in("198.51.100.7", "wrong");
    assert_eq!(stage.read("198.51.100.7"), [401; 16]);
    assert_eq!(stage.read("198.51.100.8"), [200; 16], "others are not touched");
    let request = Request::get("/").header("x-client", "198.51.100.7");
    assert_eq!(stage.send(request.clone(), |claims| claims.acr("phr")), 200, "a step-up is enough");
    let falls = || (stage.send(request.clone(), |claims| claims) == 200).then_some(());
    poll(Duration::from_secs(12), falls).expect("the bar falls after the window");
    assert_eq!(stage.read("198.51.100.7"), [200; 16]);
}

/// The upstream has checked the password all the same.
#[test]
fn a_login_whose_client_leaves_before_the_answer_counts() {
    let stage = Stage::start("10m");
    let leave = |path: &str| {
        let heard = stage.upstream.received().len();
        let mut client = TcpStream::connect(stage.envoy.addr()).unwrap();
        write!(
            client,
            "POST {path} HTTP/1.1\r\nhost: a\r\nx-client: 198.51.100.9\r\nx-password: slow\r\n\
             content-length: 0\r\n\r\n"
        )
        .unwrap();
        let came = || (stage.upstream.received().len() > heard).then_some(());
        poll(Duration::from_secs(5), came).expect("it reaches the upstream");
    };
    for _ in 0..6 {
        leave("/login/elsewhere");
    }
    assert_eq!(stage.read("198.51.100.9"), [200; 16], "no login");
    for _ in 0..5 {
        leave("/login");
    }
    let counted = || stage.read("198.51.100.9").iter().all(|status| *status == 401).then_some(());
    poll(Duration::from_secs(5), counted).expect("five are counted");
}

#[test]
fn whoever_cannot_be_told_apart_counts_as_suspect() {
    let stage = Stage::start("10m");
    assert_eq!(stage.send(Request::get("/"), |claims| claims), 401);
    let twice = Request::get("/").header("x-client", "a").header("x-client", "b");
    assert_eq!(stage.send(twice, |claims| claims), 401);
}

#[test]
fn a_device_is_new_for_a_while_after_it_was_first_let_through() {
    let stage = Stage::start("10m");
    let device = |id: &str, acr: &str, subject: &str| {
        let request = Request::get("/device").header("x-device", id);
        stage.send(request, |claims| claims.acr(acr).subject(subject))
    };
    assert_eq!(device("d1", "1", "alice"), 401, "it was never seen");
    let elsewhere = Request::get("/").header("x-client", "a").header("x-device", "d1");
    let elsewhere = || stage.send(elsewhere.clone(), |claims| claims.subject("alice"));
    assert_eq!(elsewhere(), 200, "a policy that does not look at devices");
    thread::sleep(Duration::from_secs(3));
    assert_eq!(elsewhere(), 200);
    assert_eq!(device("d1", "1", "alice"), 401, "it makes no device known");
    assert_eq!(device("d1", "phr", "alice"), 200);
    assert_eq!(device("d1", "1", "alice"), 401, "it was seen a moment ago");
    let is_known = || (device("d1", "1", "alice") == 200).then_some(());
    poll(Duration::from_secs(10), is_known).expect("it is known after the window");
    assert_eq!(device("d2", "1", "alice"), 401, "another device");
    assert_eq!(device("d1", "1", "bob"), 401, "another subject");
    assert_eq!(stage.send(Request::get("/device"), |claims| claims), 401, "no device");
}

#[test]
fn failed_logins_raise_the_bar_as_the_recipe_for_risk_writes_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recipes/risk.md");
    let text = std::fs::read_to_string(path).expect("the recipe");
    let yaml = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let mut recipe: Value =
        serde_saphyr::from_str(yaml.expect("an example")).expect("the example is YAML");
    let key = SigningKey::generate(Algorithm::Es256, "k");
    recipe["issuers"][0]["keys"] = json!({"inline": tokens::jwks([&key])});
    let upstream = Upstream::start_with(|received| {
        Reply::new(if received.target() == b"/login" { 401 } else { 200 }, "")
    });
    let envoy = Envoy::start(EnvoyOptions::new(&upstream, recipe));
    let read = || {
        let claims = claims(now()).acr("1").auth_time_ago(1).set("device_id", "d1");
        let request = Request::get("/accounts").header("x-device-id", "d1");
        envoy.send(&request.bearer(&key.token(claims)))
    };
    for _ in 0..4 {
        assert_eq!(envoy.send(&Request::new("POST", "/login")).status, 401);
    }
    assert_eq!(read().status, 200);
    envoy.send(&Request::new("POST", "/login"));
    let answer = read();
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains("acr_values=\"2\", max_age=\"300\""), "{answer:?}");
    assert_eq!(answer.status, 401);
}
