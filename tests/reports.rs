//! What an operator sees of a running filter.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::{Algorithm, Envoy, EnvoyOptions, Request, SigningKey, Upstream, claims, now, tokens};

#[test]
fn a_debug_line_tells_which_request_and_why_and_nothing_of_the_token() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::step_up(&upstream));
    let request = Request::new("POST", "/pay/7?access_token=SECRET1")
        .header("x-request-id", "id-1\u{7f}")
        .bearer("SECRET2.SECRET3.SECRET4");
    assert_eq!(envoy.send(&request.clone()).status, 400, "DEL is refused by Envoy");
    let request = Request::new("POST", "/pay/7?access_token=SECRET1").bearer("SECRET2.S.T");
    assert_eq!(envoy.send(&request).status, 401);
    let line = envoy.wait_for_log("POST \"/pay/7\" (request ");
    assert!(
        line.contains("policy \"pay\": challenged: a part of the token is not base64url"),
        "{line}"
    );
    assert!(!envoy.log().contains("SECRET"), "{}", envoy.log());
}

#[test]
fn the_log_level_can_be_changed_in_a_running_envoy() {
    let upstream = Upstream::start();
    let envoy = Envoy::start(EnvoyOptions::step_up(&upstream).log_level("wasm:info,main:warning"));
    let asked = |path: &str| {
        envoy.send(&Request::get(path));
        envoy.log().contains(&format!("GET {path:?} (request "))
    };
    assert!(!asked("/before"));
    envoy.admin_post("/logging?wasm=debug");
    let shown = support::poll(Duration::from_secs(10), || asked("/during").then_some(()));
    assert!(shown.is_some(), "{}", envoy.log());
    envoy.admin_post("/logging?wasm=info");
    std::thread::sleep(Duration::from_secs(2));
    assert!(!asked("/after"));
}

#[test]
fn a_debug_line_names_the_issuer_whose_keys_or_claims_are_not_there() {
    let upstream = Upstream::start();
    let issuer = |name: &str, keys| json!({"issuer": name, "audiences": ["https://api.example.com"], "keys": keys});
    let client = json!({"id": "gateway", "secret": {"env": "STEPUP_TEST_SECRET"}});
    let uri = "https://id.example.com/x";
    let envoy = Envoy::start(EnvoyOptions::new(
        &upstream,
        json!({
            "levels": [{"name": "any", "proven_by": [{"acr": ["1"]}]}],
            "issuers": [
                issuer("https://keys.example.com", json!({"remote": {"cluster": "none", "uri": uri}})),
                issuer("https://before.example.com", json!({"verified_by": {"metadata": "jwt", "key": "payload"}})),
                issuer("https://server.example.com", json!({"introspection": {"cluster": "none", "uri": uri, "client": client}})),
            ],
            "policies": {"read": {"require": [{"level": "any"}]}},
            "default": "read",
        }),
    ).variable("STEPUP_TEST_SECRET", "s"));
    let token = |name: &str| {
        SigningKey::generate(Algorithm::Es256, "a").token(claims(now()).issuer(name).acr("1"))
    };
    for (issuer, status, said) in [
        (
            "https://keys.example.com",
            503,
            "policy \"read\": unavailable: the keys of issuer \"https://keys.example.com\" are not there",
        ),
        (
            "https://server.example.com",
            503,
            "policy \"read\": unavailable: the server of issuer \"https://server.example.com\" says nothing about the token",
        ),
        (
            "https://before.example.com",
            401,
            "no claims of issuer \"https://before.example.com\" stand in the dynamic metadata \"jwt\" under \"payload\"",
        ),
    ] {
        let answer = envoy.send(&Request::get("/").bearer(&token(issuer)));
        assert_eq!(answer.status, status, "{issuer}: {answer:?}");
        envoy.wait_for_log(said);
    }
}

/// The first YAML block of a document that holds this key, as an operator copies it.
fn from_document(document: &str, key: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/").to_owned() + document;
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks = text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.find(|block| block.starts_with(&format!("{key}:"))).unwrap();
    serde_saphyr::from_str::<Value>(block).unwrap()[key].clone()
}

/// The configuration of [`EnvoyOptions::step_up`] with a key that the test signs with, and changes.
fn step_up(changes: &Value) -> (SigningKey, Value) {
    let key = SigningKey::generate(Algorithm::Es256, "k");
    let mut config = json!({
        "levels": [{"name": "strong", "proven_by": [{"acr": ["phr"]}]}],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"inline": tokens::jwks([&key])},
        }],
        "policies": {
            "open": {"public": true},
            "pay": {"require": [{"level": "strong", "max_age": "5m"}]},
        },
        "rules": [{"match": {"prefix": "/open"}, "policy": "open"}],
        "default": "pay",
    });
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    (key, config)
}

#[test]
fn the_access_log_of_the_document_tells_what_was_decided() {
    let upstream = Upstream::start();
    let (key, config) = step_up(&json!({
        "audit": {"filter_state": true, "subject_salt": {"env": "STEPUP_SALT"}},
    }));
    let options = EnvoyOptions::new(&upstream, config)
        .variable("STEPUP_SALT", "pepper")
        .access_log(from_document("operations.md", "access_log"));
    let envoy = Envoy::start(options);
    let token = key.token(claims(now()).acr("phr").auth_time_ago(400));
    assert_eq!(envoy.send(&Request::get("/").bearer(&token)).status, 401);
    assert_eq!(envoy.send(&Request::get("/open")).status, 200);
    let lines = support::poll(Duration::from_secs(10), || {
        let log = envoy.log();
        let lines = log
            .lines()
            .filter(|line| line.starts_with("{\""))
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines = lines.filter(|line| line.get("method").is_some()).collect::<Vec<_>>();
        (lines.len() == 2).then_some(lines)
    });
    let lines = lines.unwrap_or_else(|| panic!("{}", envoy.log()));
    let shown = |line: &Value| {
        ["status", "decision", "reason", "mode", "policy", "level"].map(|name| line[name].clone())
    };
    assert_eq!(
        shown(&lines[0]),
        [
            json!(401),
            json!("challenge"),
            json!("age"),
            json!("enforce"),
            json!("pay"),
            json!("strong")
        ]
    );
    let age = lines[0]["age"].as_str().map(str::parse::<u64>);
    assert!(matches!(age, Some(Ok(400..=460))), "{}", lines[0]);
    assert_eq!(lines[0]["subject"].as_str().map(str::len), Some(32), "{}", lines[0]);
    assert_eq!(
        shown(&lines[1]),
        [json!(200), json!("allow"), json!("public"), json!("enforce"), json!("open"), json!(null)]
    );
}

#[test]
fn what_a_client_says_in_the_name_of_an_upstream_header_never_reaches_the_upstream() {
    let headers = json!([{"name": "x-stepup-level", "value": "level"}]);
    for mode in ["enforce", "shadow"] {
        let upstream = Upstream::start();
        let (key, config) = step_up(&json!({"mode": mode, "upstream_headers": headers}));
        let envoy = Envoy::start(EnvoyOptions::new(&upstream, config));
        let good = key.token(claims(now()).acr("phr").auth_time_ago(10));
        let weak = key.token(claims(now()).acr("1"));
        let mut sent = 0;
        for name in ["x-stepup-level", "X-StepUp-Level", "X_STEPUP_LEVEL", "x-stepup_level"] {
            for (path, token) in
                [("/open", ""), ("/open/a", &*weak), ("/", &*good), ("/", &*weak), ("/", "")]
            {
                sent += 1;
                let id = format!("{mode}-{sent}");
                let request = Request::get(path).header("x-test-id", &id);
                let request = request.header(name, "high").header(name, "higher");
                let request = if token.is_empty() { request } else { request.bearer(token) };
                let response = envoy.send(&request);
                let reached = upstream.received_with(&id);
                let goes_on = mode == "shadow" || path != "/" || token == good;
                assert_eq!(
                    reached.len(),
                    usize::from(goes_on),
                    "{mode} {name} {path} {response:?}"
                );
                let told = if token == good { vec![b"strong".to_vec()] } else { vec![] };
                for received in reached {
                    let alike = received.headers.iter().filter(|(name, _)| {
                        name.to_ascii_lowercase().replace('_', "-") == "x-stepup-level"
                    });
                    let values = alike.map(|(_, value)| value.clone()).collect::<Vec<_>>();
                    assert_eq!(values, told, "{mode} {name} {path}");
                }
            }
        }
    }
}

/// The proxy forgets its route when a header changes: the policy that the route names has to be known
/// before that.
#[test]
fn a_forged_upstream_header_takes_no_policy_of_a_route_away() {
    let upstream = Upstream::start();
    let headers = json!([{"name": "x-stepup-level", "value": "level"}]);
    let (key, config) = step_up(&json!({"default": "open", "upstream_headers": headers}));
    let mut route = support::bootstrap::route("strict", &json!({"prefix": "/"}));
    route["metadata"] = json!({"filter_metadata": {"stepup": {"policy": "pay"}}});
    let envoy = Envoy::start(EnvoyOptions::new(&upstream, config).routes([route]));
    for name in ["x-stepup-level", "x_stepup_level"] {
        let forged = Request::get("/").header(name, "strong");
        assert_eq!(envoy.send(&forged).status, 401, "{name}");
        let good = key.token(claims(now()).acr("phr").auth_time_ago(10));
        assert_eq!(envoy.send(&forged.bearer(&good)).status, 200, "{name}");
    }
    assert_eq!(upstream.received().len(), 2);
}

#[test]
fn trailers_in_the_name_of_a_header_that_only_proxies_set_never_reach_the_upstream() {
    let upstream = Upstream::start();
    let (key, config) = step_up(&json!({
        "upstream_headers": [{"name": "x-stepup-level", "value": "level"}],
        "trusted_headers": {"names": ["x-country"], "from": []},
    }));
    let envoy = Envoy::start(EnvoyOptions::new(&upstream, config).trailers());
    let good = key.token(claims(now()).acr("phr").auth_time_ago(10));
    for (path, is_h2) in [("/open", false), ("/open", true), ("/", false), ("/", true)] {
        let request = Request::new("POST", path).bearer(&good).body("12");
        let upload = request.upload().parts(1, Duration::from_millis(1));
        let upload = ["x-stepup-level", "x_stepup_level", "x-country", "x-checksum"]
            .iter()
            .fold(upload, |upload, name| upload.trailer(name, &format!("forged-{}", name.len())));
        upload.deliver(envoy.addr(), is_h2);
    }
    let heard = || String::from_utf8_lossy(&upstream.heard()).matches("x-checksum").count();
    assert!(support::poll(Duration::from_secs(5), || (heard() == 4).then_some(())).is_some());
    for value in ["forged-14", "forged-9"] {
        assert!(!upstream.has_heard(value), "{}", String::from_utf8_lossy(&upstream.heard()));
    }
    assert!(upstream.has_heard("forged-10"));
    assert!(!envoy.log().contains("did not remove"), "{}", envoy.log());
}

/// Envoy's own trace of requests shows their headers; this is about the filter's.
#[test]
fn no_token_and_no_secret_is_in_a_line_of_the_filter_at_any_level() {
    let upstream = Upstream::start();
    let (key, config) = step_up(&json!({
        "audit": {"log": "all", "filter_state": true, "subject_salt": {"env": "STEPUP_SALT"}},
        "tokens": {"from": [{"header": "authorization", "scheme": "Bearer"}, {"cookie": "t"}, {"query": "t"}]},
        "upstream_headers": [{"name": "x-sub", "value": "subject"}],
    }));
    let options = EnvoyOptions::new(&upstream, config)
        .variable("STEPUP_SALT", "PEPPER-OF-THE-TEST")
        .log_level("wasm:trace,main:warning");
    let envoy = Envoy::start(options);
    let good = key.token(claims(now()).acr("phr").auth_time_ago(10));
    let weak = key.token(claims(now()).acr("1"));
    let forged = weak.chars().rev().collect::<String>();
    let mut told = 0;
    for token in [&*good, &weak, &forged, "SECRET", "SECRET.SECRET.SECRET"] {
        for request in [
            Request::get("/").bearer(token),
            Request::get("/").header("cookie", format!("t={token}")),
            Request::get(format!("/?t={token}")),
            Request::get("/").header("authorization", format!("Basic {token}")),
        ] {
            envoy.send(&request);
            told += 1;
        }
    }
    let lines = support::poll(Duration::from_secs(10), || {
        let log = envoy.log();
        (log.matches(" audit {").count() == told).then_some(log)
    });
    let lines = lines.unwrap_or_else(|| panic!("{}", envoy.log()));
    for line in lines.lines().filter_map(|line| line.split_once(" audit ")) {
        serde_json::from_str::<Value>(line.1).unwrap();
    }
    let signature = good.rsplit('.').next().unwrap();
    for secret in ["SECRET", "PEPPER-OF-THE-TEST", "eyJ", signature] {
        assert!(!lines.contains(secret), "{secret} in {lines}");
    }
}
