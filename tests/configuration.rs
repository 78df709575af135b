//! How a proxy takes the filter's configuration, and refuses a wrong one.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::tokens::jwks;
use support::{
    Algorithm, Envoy, EnvoyOptions, FilterConfig, ReloadOutcome, Request, SigningKey, Upstream,
    claims, now,
};

/// A configuration with one level, one issuer, and a policy for everything.
fn config(key: &SigningKey, realm: &str) -> Value {
    json!({
        "levels": [{"name": "password", "proven_by": [{"acr": ["1"]}]}],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"inline": jwks([key])},
        }],
        "policies": {"read": {"require": [{"level": "password", "max_age": "1h"}]}},
        "default": "read",
        "challenge": {"realm": realm},
    })
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256, "k")
}

/// The configuration with three mistakes in three sections, and their messages.
fn mistaken(key: &SigningKey) -> (Value, [&'static str; 4]) {
    let mut wrong = config(key, "new");
    wrong["policies"]["read"]["require"][0]["level"] = json!("passwort");
    wrong["rules"] = json!([{"match": {"prefx": "/x"}, "policy": "read"}]);
    wrong["issuers"][0]["clock_skew"] = json!(60);
    let messages = [
        "policies.read.require[0].level: no level is named \"passwort\"; did you mean \"password\"?",
        "rules[0].match.prefx: unknown key; did you mean \"prefix\"?",
        "issuers[0].clock_skew: found the number 60; expected a duration with a unit",
        "the configuration is refused",
    ];
    (wrong, messages)
}

#[test]
fn a_struct_and_a_json_string_decide_the_same() {
    let upstream = Upstream::start();
    let key = key();
    let document = config(&key, "example");
    for form in [FilterConfig::Struct(document.clone()), FilterConfig::json(&document)] {
        let envoy = Envoy::start(EnvoyOptions::new(&upstream, form));
        let challenge = envoy.send(&Request::get("/"));
        assert_eq!(
            (challenge.status, challenge.header("www-authenticate")),
            (401, Some("Bearer realm=\"example\", acr_values=\"1\", max_age=\"3600\""))
        );
        let token = key.token(claims(now()).acr("1").auth_time_ago(10));
        assert_eq!(envoy.send(&Request::get("/").bearer(&token)).status, 200);
    }
}

#[test]
fn a_filter_without_configuration_refuses_to_load() {
    let upstream = Upstream::start();
    for form in
        [FilterConfig::Absent, FilterConfig::Text(String::new()), FilterConfig::Struct(json!({}))]
    {
        let shown = format!("{form:?}");
        let failure = EnvoyOptions::new(&upstream, form).start().expect_err(&shown);
        assert!(failure.log.contains("no configuration was given"), "{shown}: {}", failure.log);
    }
}

#[test]
fn a_wrong_configuration_refuses_to_load_and_names_every_mistake() {
    let upstream = Upstream::start();
    let (wrong, messages) = mistaken(&key());
    for form in [FilterConfig::Struct(wrong.clone()), FilterConfig::json(&wrong)] {
        let failure = EnvoyOptions::new(&upstream, form).start().expect_err("has mistakes");
        for message in messages {
            assert!(failure.log.contains(message), "{message} is not in\n{}", failure.log);
        }
    }
}

#[test]
fn a_wrong_configuration_leaves_a_running_envoy_on_its_old_one() {
    let upstream = Upstream::start();
    let key = key();
    let options = EnvoyOptions::new(&upstream, config(&key, "old")).concurrency(2);
    let envoy = Envoy::start(options.dynamic_listener());
    let realm = || {
        let answer = envoy.send(&Request::get("/"));
        assert_eq!(answer.status, 401);
        answer.header("www-authenticate").expect("a challenge").contains("realm=\"old\"")
    };
    assert!(realm());
    let (wrong, messages) = mistaken(&key);
    match envoy.reload(wrong) {
        ReloadOutcome::Rejected(log) => {
            for message in messages {
                assert!(log.contains(message), "{message} is not in\n{log}");
            }
        }
        ReloadOutcome::Accepted => panic!("a wrong configuration was accepted"),
    }
    assert!(realm(), "the old configuration is gone");
    let token = key.token(claims(now()).acr("1").auth_time_ago(10));
    assert_eq!(envoy.send(&Request::get("/").bearer(&token)).status, 200);
    assert!(matches!(envoy.reload(config(&key, "new")), ReloadOutcome::Accepted));
    let renewed = support::poll(std::time::Duration::from_secs(10), || (!realm()).then_some(()));
    assert!(renewed.is_some(), "a right configuration is not taken");
}
