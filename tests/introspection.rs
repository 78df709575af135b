//! Tokens that an authorization server is asked about, through a real Envoy.

// A test may fail by panicking.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::io::Write as _;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ES256KeyPair, NoCustomClaims, RS256KeyPair, RSAPublicKeyLike as _,
    VerificationOptions,
};
use serde_json::{Value, json};
use support::shipped::fewest_capabilities;
use support::{
    Algorithm, Envoy, EnvoyOptions, Received, Reply, Request, SigningKey, Upstream, claims, now,
    poll,
};

const SECRET: &str = "s%c r+e/t:1";

/// A configuration that asks the cluster `as`, with these settings beside.
fn config(settings: &Value) -> Value {
    let mut introspection = json!({
        "cluster": "as",
        "uri": "http://as.example.com/introspect",
        "timeout": "1s",
        "client": {"id": "gate:way", "secret": {"env": "STEPUP_TEST_SECRET"}},
    });
    introspection.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    json!({
        "levels": [
            {"name": "password", "proven_by": [{"acr": ["1"]}]},
            {"name": "strong", "proven_by": [{"acr": ["phr"]}]},
        ],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"introspection": introspection},
        }],
        "policies": {"pay": {"require": [{"level": "strong", "max_age": "5m"}], "scopes": ["pay"]}},
        "default": "pay",
    })
}

/// What the authorization server says about a good token.
fn good() -> Value {
    json!({
        "active": true, "iss": "https://id.example.com", "aud": "https://api.example.com",
        "sub": "alice", "scope": "read pay", "acr": "phr", "amr": ["hwk"],
        "auth_time": now() - 10, "iat": now() - 10, "exp": now() + 300,
    })
}

fn good_with(member: &str, value: impl Into<Value>) -> Reply {
    let mut claims = good();
    claims[member] = value.into();
    Reply::new(200, claims.to_string())
}

fn good_without(member: &str) -> Reply {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(member);
    Reply::new(200, claims.to_string())
}

/// The members of the form that came.
fn form(received: &Received) -> Vec<(String, String)> {
    form_urlencoded::parse(&received.body).into_owned().collect()
}

fn member(received: &Received, name: &str) -> Option<String> {
    form(received).into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

/// An authorization server that answers by the token.
fn server(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Upstream {
    Upstream::start_with(move |received| answer(&member(received, "token").unwrap_or_default()))
}

fn start(upstream: &Upstream, server: &Upstream, settings: &Value) -> Envoy {
    Envoy::start(options(upstream, server, settings))
}

/// With the fewest capabilities that are documented.
fn options(upstream: &Upstream, server: &Upstream, settings: &Value) -> EnvoyOptions {
    EnvoyOptions::new(upstream, config(settings))
        .allow_only(&fewest_capabilities())
        .cluster("as", server.addr())
        .variable("STEPUP_TEST_SECRET", SECRET)
}

fn asked_about(server: &Upstream, token: &str) -> usize {
    let all = server.received();
    all.iter().filter(|received| member(received, "token").as_deref() == Some(token)).count()
}

fn answer_for(token: &str) -> Reply {
    let active = good().to_string();
    match token {
        "good" => Reply::new(200, active),
        "no-iss" => good_without("iss"),
        "no-exp" => good_without("exp"),
        "password" => good_with("acr", "1"),
        "old" => good_with("auth_time", now() - 301),
        "no-auth-time" => good_without("auth_time"),
        "no-scope" => good_with("scope", "read"),
        "dpop-without-key" => good_with("token_type", "DPoP"),
        "inactive" => Reply::new(200, r#"{"active":false}"#),
        "wrong-iss" => good_with("iss", "https://evil.example.com"),
        "expired" => good_with("exp", now() - 100),
        "refresh-type" => good_with("token_type", "refresh_token"),
        "refresh-use" => good_with("token_use", "refresh_token"),
        "no-aud" => good_without("aud"),
        "wrong-aud" => good_with("aud", "https://other.example.com"),
        "status-500" => Reply::new(500, active),
        "status-201" => Reply::new(201, active),
        "unauthorized" => Reply::new(401, r#"{"error":"invalid_client"}"#),
        "forbidden" => Reply::new(403, active),
        "redirect" => Reply::new(302, active).header("location", "/elsewhere"),
        "garbage" => Reply::new(200, "<html>{\"active\":true}"),
        "twice" => Reply::new(200, r#"{"active":false,"active":true}"#),
        "huge" => good_with("x", "x".repeat(2 * 1024 * 1024)),
        "empty" => Reply::new(200, ""),
        "hang" => {
            thread::sleep(Duration::from_secs(3));
            Reply::new(200, active)
        }
        token => panic!("no answer for {token}"),
    }
}

#[test]
fn every_answer_leads_to_the_right_one() {
    let upstream = Upstream::start();
    let server = server(answer_for);
    let envoy = start(&upstream, &server, &json!({}));
    let challenge = "error=\"insufficient_user_authentication\"";
    for (token, status, header) in [
        ("good", 200, None),
        ("no-iss", 200, None),
        ("no-exp", 200, None),
        ("password", 401, Some(challenge)),
        ("old", 401, Some(challenge)),
        ("no-auth-time", 401, Some(challenge)),
        ("no-scope", 403, Some("error=\"insufficient_scope\"")),
        ("dpop-without-key", 401, Some("error=\"invalid_token\"")),
        ("inactive", 401, Some("error=\"invalid_token\"")),
        ("wrong-iss", 401, Some("error=\"invalid_token\"")),
        ("expired", 401, Some("error=\"invalid_token\"")),
        ("refresh-type", 401, Some("error=\"invalid_token\"")),
        ("refresh-use", 401, Some("error=\"invalid_token\"")),
        ("no-aud", 401, Some("error=\"invalid_token\"")),
        ("wrong-aud", 401, Some("error=\"invalid_token\"")),
        ("status-500", 503, None),
        ("status-201", 503, None),
        ("unauthorized", 503, None),
        ("forbidden", 503, None),
        ("redirect", 503, None),
        ("garbage", 503, None),
        ("twice", 503, None),
        ("huge", 503, None),
        ("empty", 503, None),
        ("hang", 503, None),
    ] {
        let request = Request::get("/").bearer(token).header("x-test-id", token);
        let answer = envoy.send(&request);
        assert_eq!(answer.status, status, "{token}: {answer:?}");
        let found = answer.header("www-authenticate").unwrap_or_default();
        assert!(found.contains(header.unwrap_or_default()), "{token}: {answer:?}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{token}: {answer:?}");
        let passed_on = upstream.received_with(token).len();
        assert_eq!(passed_on, usize::from(status == 200), "{token}");
        assert_eq!(asked_about(&server, token), 1, "{token}");
    }
    let received = server.received();
    assert!(received.iter().all(|one| one.request_line == b"POST /introspect HTTP/1.1"));
    envoy.expect_count("introspection.success", 15);
    envoy.expect_count("introspection.failure", 10);
}

#[test]
fn a_server_that_refuses_the_credentials_is_an_error_for_the_operator() {
    let upstream = Upstream::start();
    let server = server(answer_for);
    let envoy = start(&upstream, &server, &json!({}));
    assert_eq!(envoy.send(&Request::get("/").bearer("unauthorized")).status, 503);
    let line = envoy.wait_for_log("refuses the filter's credentials");
    assert!(line.contains("[error]") && line.contains("https://id.example.com"), "{line}");
}

#[test]
fn a_server_that_is_down_is_a_503_and_comes_back() {
    let upstream = Upstream::start();
    let server = server(answer_for);
    // Nothing listens there.
    let nowhere = Upstream::start().addr();
    let both = options(&upstream, &server, &json!({"cluster": "down"}));
    let envoy = Envoy::start(both.cluster("down", nowhere));
    let answer = envoy.send(&Request::get("/").bearer("good"));
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{answer:?}");
    let unknown = options(&upstream, &server, &json!({"cluster": "no-such"}));
    let envoy = Envoy::start(unknown);
    assert_eq!(envoy.send(&Request::get("/").bearer("good")).status, 503);
    envoy.wait_for_log("the proxy has no usable cluster \"no-such\"");
    assert!(upstream.received().is_empty());
}

#[test]
fn an_answer_is_remembered_within_bounds() {
    let upstream = Upstream::start();
    let server = server(|token| match token {
        "short" => good_with("exp", now() + 4),
        token => answer_for(token),
    });
    let send = |envoy: &Envoy, token: &str| envoy.send(&Request::get("/").bearer(token)).status;

    let envoy = start(&upstream, &server, &json!({"cache_for": "4s"}));
    let begin = Instant::now();
    for _ in 0..5 {
        assert_eq!(send(&envoy, "good"), 200);
        assert_eq!(send(&envoy, "inactive"), 401);
    }
    assert!(begin.elapsed() < Duration::from_secs(4), "this machine is too slow for the test");
    assert_eq!((asked_about(&server, "good"), asked_about(&server, "inactive")), (1, 1));
    thread::sleep(Duration::from_millis(4100));
    assert_eq!((send(&envoy, "good"), send(&envoy, "inactive")), (200, 401));
    assert_eq!((asked_about(&server, "good"), asked_about(&server, "inactive")), (2, 2));
    envoy.expect_count("token_cache.hit", 4);

    let envoy = start(&upstream, &server, &json!({"cache_for": "1h"}));
    assert_eq!((send(&envoy, "short"), send(&envoy, "short")), (200, 200));
    assert_eq!(asked_about(&server, "short"), 1);
    thread::sleep(Duration::from_millis(4100));
    assert_eq!(send(&envoy, "short"), 200);
    assert_eq!(asked_about(&server, "short"), 2);

    let envoy = start(&upstream, &server, &json!({"cache_for": "0s"}));
    let before = asked_about(&server, "good");
    assert_eq!((send(&envoy, "good"), send(&envoy, "good")), (200, 200));
    assert_eq!(asked_about(&server, "good"), before + 2);
}

#[test]
fn requests_with_one_token_share_a_call_that_outlives_the_first() {
    let upstream = Upstream::start();
    let server = server(|_| {
        thread::sleep(Duration::from_millis(700));
        Reply::new(200, good().to_string())
    });
    let envoy = start(&upstream, &server, &json!({"timeout": "5s"}));
    let mut first = TcpStream::connect(envoy.addr()).unwrap();
    first.write_all(&Request::get("/").bearer("one").bytes()).unwrap();
    poll(Duration::from_secs(5), || (asked_about(&server, "one") == 1).then_some(())).unwrap();
    drop(first);
    let statuses = thread::scope(|scope| {
        let send = || envoy.send(&Request::get("/").bearer("one")).status;
        let senders = (0..30).map(|_| scope.spawn(send)).collect::<Vec<_>>();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(statuses, [200; 30]);
    assert_eq!(asked_about(&server, "one"), 1);
}

#[test]
fn a_jwt_of_the_issuer_is_asked_about_and_not_verified_here() {
    let upstream = Upstream::start();
    let server = server(|_| Reply::new(200, good().to_string()));
    let envoy = start(&upstream, &server, &json!({}));
    let key = SigningKey::generate(Algorithm::Es256, "k");
    let token = key.token(claims(now()).acr("1"));
    assert_eq!(envoy.send(&Request::get("/").bearer(&token)).status, 200);
    assert_eq!(asked_about(&server, &token), 1);
    let other = key.token(claims(now()).issuer("https://other.example.com").acr("phr"));
    assert_eq!(envoy.send(&Request::get("/").bearer(&other)).status, 401);
    assert_eq!(asked_about(&server, &other), 0);
}

#[test]
fn a_token_is_withheld_from_the_application_after_the_wait_too() {
    let upstream = Upstream::start();
    let server = server(answer_for);
    let mut config = config(&json!({}));
    config["tokens"] = json!({"from": [{"cookie": "at"}], "forward": false});
    let options = EnvoyOptions::new(&upstream, config).cluster("as", server.addr());
    let envoy = Envoy::start(options.variable("STEPUP_TEST_SECRET", SECRET));
    for _ in 0..2 {
        let request = Request::get("/").header("cookie", "a=b; at=good; c=d");
        assert_eq!(envoy.send(&request).status, 200);
    }
    assert_eq!(asked_about(&server, "good"), 1);
    for received in upstream.received() {
        let cookie = String::from_utf8_lossy(received.header("cookie").unwrap());
        assert!(!cookie.contains("good") && cookie.contains("a=b"), "{cookie}");
    }
}

#[test]
fn the_filter_authenticates_by_its_secret_and_shows_it_to_nobody() {
    let upstream = Upstream::start();
    let server = server(answer_for);
    let options = options(&upstream, &server, &json!({}));
    let envoy = Envoy::start(options.log_level("wasm:trace,main:warning"));
    for (token, status) in [("good", 200), ("unauthorized", 503), ("inactive", 401)] {
        assert_eq!(envoy.send(&Request::get("/").bearer(token)).status, status);
    }
    // printf %s 'gate%3Away:s%25c+r%2Be%2Ft%3A1' | base64
    let credentials = STANDARD.encode("gate%3Away:s%25c+r%2Be%2Ft%3A1");
    let received = server.received();
    let expected = format!("Basic {credentials}");
    assert_eq!(received[0].header("authorization"), Some(expected.as_bytes()));
    assert_eq!(received[0].header("accept"), Some(b"application/json".as_slice()));
    assert_eq!(member(&received[0], "token").as_deref(), Some("good"));
    let log = envoy.log();
    assert!(log.contains("[trace]") || log.contains("refuses"), "{log}");
    for secret in [SECRET, "s%25c", &credentials, "Bearer good"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn the_filter_authenticates_by_its_key() {
    let upstream = Upstream::start();
    let (es, rs) = (ES256KeyPair::generate(), RS256KeyPair::generate(2048).unwrap());
    let settings = json!({"client": {"id": "gateway", "private_key_jwt": {
        "env": "STEPUP_TEST_KEY", "audience": "https://id.example.com", "kid": "k1",
    }}});
    for pem in [es.to_pem().unwrap(), rs.to_pem().unwrap()] {
        let server = server(answer_for);
        let options = options(&upstream, &server, &settings).variable("STEPUP_TEST_KEY", &pem);
        let envoy = Envoy::start(options.log_level("wasm:trace,main:warning"));
        for token in ["good", "no-iss"] {
            assert_eq!(envoy.send(&Request::get("/").bearer(token)).status, 200);
        }
        let received = server.received();
        let identifiers = received.iter().map(|received| {
            assert_eq!(received.header("authorization"), None);
            assert_eq!(
                member(received, "client_assertion_type").as_deref(),
                Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            );
            let assertion = member(received, "client_assertion").unwrap();
            let options = Some(VerificationOptions {
                allowed_audiences: Some(["https://id.example.com".to_owned()].into()),
                allowed_issuers: Some(["gateway".to_owned()].into()),
                required_subject: Some("gateway".to_owned()),
                required_key_id: Some("k1".to_owned()),
                ..VerificationOptions::default()
            });
            let claims = if pem.len() > 1000 {
                rs.public_key().verify_token::<NoCustomClaims>(&assertion, options)
            } else {
                es.public_key().verify_token::<NoCustomClaims>(&assertion, options)
            };
            let claims = claims.unwrap();
            assert_eq!((claims.expires_at.unwrap() - claims.issued_at.unwrap()).as_secs(), 60);
            claims.jwt_id.unwrap()
        });
        let identifiers = identifiers.collect::<Vec<_>>();
        assert_ne!(identifiers[0], identifiers[1]);
        let line = pem.lines().nth(1).unwrap();
        assert!(!envoy.log().contains(line));
    }
}

#[test]
fn a_missing_variable_keeps_the_filter_from_loading_and_is_named() {
    let upstream = Upstream::start();
    let options = EnvoyOptions::new(&upstream, config(&json!({})));
    let failure = options.cluster("as", upstream.addr()).start().expect_err("no secret");
    let expected = "issuers[0].keys.introspection.client.secret.env: the environment variable \
                    STEPUP_TEST_SECRET is not set";
    assert!(failure.log.contains(expected), "{}", failure.log);
}
