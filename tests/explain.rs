//! `stepup explain`: which rule, policy and raises, what was required and found, and the answer.

// A test may fail by panicking.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[path = "support/golden.rs"]
mod golden;

use std::fs;
use std::path::PathBuf;

use golden::{compare, errors, stepup, text};
use serde_json::{Value, json};

const AT: &str = "2026-01-01T12:00:00Z";
const ENVOY: &str = "envoy/envoy.yaml";
const RICH: &str = "tests/golden/rich.yaml";

/// A file with this content, in a folder of this process.
fn file(name: &str, content: &str) -> String {
    let folder = std::env::temp_dir().join(format!("stepup-explain-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file: PathBuf = folder.join(name);
    fs::write(&file, content).unwrap();
    file.to_str().unwrap().to_owned()
}

/// What the command says of a request to a configuration, at a fixed time.
fn explained(config: &str, arguments: &[&str]) -> String {
    let all = [&["explain", "--config", config, "--at", AT], arguments].concat();
    let output = stepup(&all);
    assert_eq!(output.status.code(), Some(0), "{all:?}: {}", errors(&output));
    text(&output)
}

fn explained_as_json(config: &str, arguments: &[&str]) -> Value {
    serde_json::from_str(&explained(config, &[arguments, &["--format", "json"]].concat())).unwrap()
}

#[test]
fn an_explanation_reads_like_sentences() {
    let password = file("password.json", r#"{"acr": "1", "auth_age": "3m", "scope": "payments"}"#);
    let passkey = file("passkey.yaml", "{acr: phr, auth_age: 30s, scope: payments}");
    let feed = file("devices.txt", "stolen-device\n");
    let feed = format!("devices={feed}");
    let transfer = ["--method", "POST", "--path", "/accounts/7/transfers"];
    let rich =
        [&transfer[..], &["--host", "api.example.com", "--body-text", r#"{"amount": "1000.01"}"#]]
            .concat();
    for (name, config, arguments) in [
        ("public", ENVOY, vec!["--path", "/healthz"]),
        ("no-token", ENVOY, transfer.to_vec()),
        ("level", ENVOY, [&transfer[..], &["--claims", &password]].concat()),
        ("proven", ENVOY, [&transfer[..], &["--claims", &passkey]].concat()),
        ("default", ENVOY, vec!["--path", "/balance?x=1", "--claims", &password]),
        ("ambiguous", ENVOY, vec!["--path", "/a%2Fb"]),
        ("route", ENVOY, vec!["--path", "/x", "--route", "r", "--route-policy", "pay"]),
        ("no-such-policy", ENVOY, vec!["--path", "/x", "--route", "r", "--route-policy", "pya"]),
        ("raises", RICH, [&rich[..], &["--claims", &passkey]].concat()),
        (
            "raises-told",
            RICH,
            [
                &rich[..],
                &[
                    "--claims",
                    &passkey,
                    "--source",
                    "203.0.113.7",
                    "--signal",
                    "failed_logins=2",
                    "--feed",
                    &feed,
                    "--header",
                    "X-Device: d1",
                ],
            ]
            .concat(),
        ),
        ("denied", RICH, [&rich[..], &["--claims", &passkey, "--source", "192.0.2.7"]].concat()),
        ("raises-without-token", RICH, [&rich[..], &["--source", "192.0.2.7"]].concat()),
        (
            "trusted-header",
            RICH,
            vec![
                "--path",
                "/login",
                "--method",
                "POST",
                "--header",
                "x-country: de",
                "--source",
                "203.0.113.7",
            ],
        ),
    ] {
        compare(&format!("explain/{name}.txt"), &explained(config, &arguments));
    }
    let arguments = [&transfer[..], &["--claims", &password, "--format", "json"]].concat();
    let told = explained(ENVOY, &arguments);
    let decision = serde_json::from_str::<Value>(&told).unwrap()["decision"].clone();
    let version = decision["configuration"].as_str().unwrap();
    assert_eq!(version.len(), 12, "{told}");
    // It changes with each word of the configuration.
    compare("explain/level.json", &told.replace(version, "000000000000"));
}

/// A file that trusts a test key, and a token of that key.
fn trusted(token: &[&str]) -> (String, String) {
    let key = file("key.jwk", "");
    fs::remove_file(&key).unwrap();
    let made = stepup(&[&["token", "--key", &key], token].concat());
    let trial = stepup(&["token", "--key", &key, "--trust-in", ENVOY]);
    (file("trial.yaml", &text(&trial)), text(&made).trim().to_owned())
}

#[test]
fn the_signature_of_a_token_counts_where_its_keys_are_written_down() {
    let (config, token) = trusted(&["--acr", "phr"]);
    let explain = |token: &str| {
        let output = stepup(&[
            "explain",
            "--config",
            &config,
            "--path",
            "/accounts/7",
            "--token",
            token,
            "--format",
            "json",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        serde_json::from_str::<Value>(&text(&output)).unwrap()
    };
    let good = explain(&token);
    assert_eq!(good["decision"]["decision"], "allow", "{good}");
    assert_eq!(good["notes"], json!([]));
    let (start, signature) = token.rsplit_once('.').unwrap();
    let forged = explain(&format!("{start}.{}", signature.chars().rev().collect::<String>()));
    assert_eq!(forged["decision"]["reason"], "invalid_token", "{forged}");
    assert_eq!(forged["answer"]["status"], 401);
}

#[test]
fn a_token_whose_keys_are_elsewhere_is_taken_as_it_stands_and_that_is_said() {
    let (_, token) = trusted(&["--acr", "1"]);
    let found = explained_as_json(RICH, &["--path", "/x", "--token", &token]);
    // It was made today, and is looked at in the past.
    assert_eq!(found["decision"]["reason"], "invalid_token", "{found}");
    let output = stepup(&["explain", "--config", RICH, "--path", "/x", "--token", &token]);
    let told = text(&output);
    assert!(told.contains("goes on to the upstream"), "{told}");
    assert!(told.contains("its signature was not checked"), "{told}");
}

#[test]
fn claims_count_however_their_issuer_vouches_for_them() {
    let claims = file("plain.json", r#"{"acr": "1"}"#);
    for (keys, note) in [
        ("{discovery: {cluster: idp}}", "no signature was checked"),
        ("{remote: {cluster: idp, uri: https://id.example.com/jwks}}", "no signature was checked"),
        (
            "{verified_by: {metadata: envoy.filters.http.jwt_authn, key: payload}}",
            "no signature was checked",
        ),
        (
            "{introspection: {cluster: idp, uri: https://id.example.com/introspect, client: {id: g, secret: {env: S}}}}",
            "which was not asked",
        ),
        (
            "{introspection: {cluster: idp, uri: https://id.example.com/introspect, opaque_tokens: false, client: {id: g, private_key_jwt: {env: K, audience: a}}}}",
            "which was not asked",
        ),
    ] {
        let config = file(
            "keys.yaml",
            &format!(
                "levels: [{{name: password, proven_by: [{{acr: [\"1\"]}}]}}]\n\
             issuers: [{{issuer: https://id.example.com, audiences: [https://api.example.com], keys: {keys}}}]\n\
             policies: {{read: {{require: [{{level: password}}]}}}}\ndefault: read\n"
            ),
        );
        let found = explained_as_json(&config, &["--path", "/x", "--claims", &claims]);
        assert_eq!(found["decision"]["decision"], "allow", "{keys}: {found:#}");
        assert_eq!(found["decision"]["found"]["level"], "password", "{keys}");
        let notes = found["notes"].to_string();
        assert!(notes.contains(note), "{keys}: {notes}");
    }
}

#[test]
fn what_the_upstream_is_told_and_what_is_taken_out_is_shown() {
    let claims = file("tenant.json", r#"{"acr": "1", "tenant": "blue"}"#);
    let config = file(
        "upstream.yaml",
        &format!(
            "{}\ntokens: {{forward: false}}\nupstream_headers: [{{name: x-stepup-level, value: level}}, {{name: x-tenant, claim: tenant}}]\n",
            fs::read_to_string(golden::root().join(RICH)).unwrap()
        ),
    );
    let arguments = ["--path", "/x", "--claims", &claims, "--header", "X-Tenant: red"];
    compare("explain/upstream.txt", &explained(&config, &arguments));
}

#[test]
fn shadow_mode_is_told() {
    let rich = fs::read_to_string(golden::root().join(RICH)).unwrap();
    let config = file("shadow.yaml", &format!("{rich}\nmode: shadow\n"));
    compare("explain/shadow.txt", &explained(&config, &["--path", "/x"]));
}

#[test]
fn mistakes_of_the_request_end_with_2_and_say_what_to_write() {
    let bad_age = file("age.json", r#"{"auth_age": "20"}"#);
    for (arguments, expected) in [
        (vec!["--path", "x"], "expected one that begins with /"),
        (vec!["--path", "/x", "--header", "nothing"], "expected NAME: VALUE"),
        (vec!["--path", "/x", "--header", "Host: a"], "a place of its own"),
        (vec!["--path", "/x", "--source", "localhost"], "such as 192.0.2.7"),
        (vec!["--path", "/x", "--signal", "failed_login=1"], "did you mean \"failed_logins\"?"),
        (vec!["--path", "/x", "--signal", "failed_logins=true"], "a number, such as 6"),
        (
            vec!["--path", "/x", "--feed", "blocked=/dev/null"],
            "no feed that is fetched is named \"blocked\"",
        ),
        (vec!["--path", "/x", "--claims", &bad_age], "such as 20m"),
        (vec!["--path", "/x", "--claims", "/missing"], "/missing: cannot be read"),
        (vec!["--path", "/x", "--at", "yesterday"], "2026-01-01T12:00:00Z"),
        (vec!["--path", "/x", "--claims", "-", "--body", "-"], "for one thing only"),
    ] {
        let output = stepup(&[&["explain", "--config", RICH], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(errors(&output).contains(expected), "{arguments:?}: {}", errors(&output));
    }
}

#[test]
fn what_a_request_holds_does_not_steer_the_terminal() {
    let claims = file("hostile.json", r#"{"acr": "1\u001b[31m", "sub": "a\nb"}"#);
    let told =
        explained(RICH, &["--path", "/\u{1b}[2Jx", "--claims", &claims, "--host", "a\u{9b}b"]);
    assert!(told.chars().all(|letter| letter == '\n' || !letter.is_control()), "{told:?}");
}
