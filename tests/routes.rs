//! `stepup routes`: the table of what each path demands, and what a change makes of it.

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

use golden::{compare, errors, stepup, text};
use serde_json::Value;

const RICH: &str = "tests/golden/rich.yaml";
const CHANGED: &str = "tests/golden/rich-changed.yaml";

#[test]
fn the_table_shows_what_each_path_demands() {
    for (file, name) in
        [("envoy/envoy.yaml", "envoy"), (RICH, "rich"), ("tests/golden/routed.yaml", "routed")]
    {
        for (format, ending) in [("text", "txt"), ("markdown", "md"), ("json", "json")] {
            let output = stepup(&["routes", "--config", file, "--format", format]);
            assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
            compare(&format!("routes/{name}.{ending}"), &text(&output));
        }
    }
}

#[test]
fn every_file_that_check_takes_has_a_table() {
    let table = |file| text(&stepup(&["routes", "--config", file]));
    let expected = table("envoy/envoy.yaml");
    for file in ["envoy/istio/wasmplugin.yaml", "envoy/gateway/envoyextensionpolicy.yaml"] {
        assert!(table(file).starts_with(&expected), "{file}:\n{}", table(file));
    }
}

#[test]
fn a_comparison_tells_what_is_stricter_and_what_looser() {
    for (format, ending) in [("text", "txt"), ("markdown", "md"), ("json", "json")] {
        let output =
            stepup(&["routes", "--config", CHANGED, "--compare", RICH, "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
        compare(&format!("routes/changed.{ending}"), &text(&output));
    }
}

/// What a comparison with rich.yaml says once a text in it was replaced: the verdict, and the exit
/// codes of `--fail-on looser` and `--fail-on any`.
fn verdict_of(from: &str, to: &str) -> (String, [Option<i32>; 2]) {
    let rich = fs::read_to_string(golden::root().join(RICH)).unwrap();
    assert!(rich.contains(from), "{from}");
    let folder = std::env::temp_dir().join(format!("stepup-routes-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let unique =
        from.bytes().chain(to.bytes()).fold(7_u64, |all, b| all.wrapping_mul(31) ^ u64::from(b));
    let file = folder.join(format!("{unique}.yaml"));
    fs::write(&file, rich.replacen(from, to, 1)).unwrap();
    let run = |more: &[&str]| {
        let mut arguments = vec!["routes", "--config", file.to_str().unwrap(), "--compare", RICH];
        arguments.extend(more);
        stepup(&arguments)
    };
    let output = run(&["--format", "json"]);
    let comparison: Value = serde_json::from_str(&text(&output))
        .unwrap_or_else(|error| panic!("{error}: {}", errors(&output)));
    let code = |kind| run(&["--fail-on", kind]).status.code();
    (comparison["verdict"].as_str().unwrap().to_owned(), [code("looser"), code("any")])
}

#[test]
fn each_change_has_its_verdict() {
    const PAY: &str =
        "require: [{level: phishing-resistant, max_age: 15m}, {level: mfa, max_age: 2m}]";
    for (from, to, verdict) in [
        ("max_age: 15m", "max_age: 5m", "stricter"),
        ("max_age: 15m", "max_age: 16m", "looser"),
        (PAY, "require: [{level: phishing-resistant, max_age: 15m}]", "stricter"),
        (PAY, "require: [{level: mfa, max_age: 15m}]", "looser"),
        (
            PAY,
            "require: [{level: mfa, max_age: 2m}, {level: phishing-resistant, max_age: 15m}]",
            "same",
        ),
        (
            PAY,
            "require: [{level: phishing-resistant, max_age: 16m}, {level: mfa, max_age: 1m}]",
            "unclear",
        ),
        (PAY, "require: [{level: sealed}]", "unclear"),
        ("scopes: [payments]", "scopes: [payments, extra]", "stricter"),
        ("scopes: [batch, export]", "scopes: [export]", "looser"),
        ("deny: Transfers are not offered from this network.", "deny: No.", "same"),
        ("deny: Transfers are not offered from this network.", "require: [{level: mfa}]", "looser"),
        ("'1000'", "'2000'", "unclear"),
        (", mode: shadow", "", "stricter"),
        (
            "require: [{level: phishing-resistant, max_age: 1m}]",
            "require: [{level: mfa, max_age: 1m}]",
            "looser",
        ),
        ("{acr: [\"1\"]}", "{acr: [\"1\", \"x\"]}", "looser"),
        ("{amr: [pwd, otp]}", "{amr: [pwd, otp, hwk]}", "stricter"),
        ("{claim: acrs, any_of: [c1, c2]}", "{claim: acrs, any_of: [c3, c2]}", "unclear"),
        (", implies: []", "", "looser"),
        ("default: read", "default: open", "looser"),
        ("policy: open}", "policy: read}", "stricter"),
        ("  - {match: {path: /healthz}, policy: open}\n", "", "stricter"),
        (", methods: [POST], hosts", ", methods: [POST, PUT], hosts", "stricter"),
        (
            "keys: {discovery: {cluster: idp}}}",
            "keys: {discovery: {cluster: idp}}, clock_skew: 2m}",
            "looser",
        ),
        (
            "audiences: [https://api.example.com]",
            "audiences: [https://api.example.com, https://b.example]",
            "looser",
        ),
        ("[\"192.0.2.0/24\"]", "[\"192.0.2.0/25\"]", "unclear"),
        ("route_metadata: false", "challenge: {realm: x}\nroute_metadata: false", "same"),
    ] {
        let (found, codes) = verdict_of(from, to);
        assert_eq!(found, verdict, "{from} → {to}");
        let looser = i32::from(verdict == "looser" || verdict == "unclear");
        let any = i32::from(!(verdict == "same" && from == PAY));
        assert_eq!(codes[0], Some(looser), "{from} → {to}");
        if verdict != "same" {
            assert_eq!(codes[1], Some(any), "{from} → {to}");
        }
    }
}

/// The verdict over a change of one text in a small configuration, and the exit code of
/// `--fail-on looser`.
fn verdict_of_small(old: &str, from: &str, to: &str) -> (String, Option<i32>) {
    const HEAD: &str = "levels: [{name: mfa, proven_by: [{acr: ['2']}]}]\n\
        issuers: [{issuer: 'https://id.example.com', audiences: [a], keys: {discovery: {cluster: idp}}}]\n\
        policies: {pay: {require: [{level: mfa}]}, open: {public: true}}\n";
    let old = format!("{HEAD}{old}\n");
    assert!(old.contains(from), "{from}");
    let unique =
        old.bytes().chain(to.bytes()).fold(7_u64, |all, b| all.wrapping_mul(31) ^ u64::from(b));
    let folder = std::env::temp_dir().join(format!("stepup-small-{}-{unique}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let [before, after] = ["old.yaml", "new.yaml"].map(|name| folder.join(name));
    fs::write(&before, &old).unwrap();
    fs::write(&after, old.replacen(from, to, 1)).unwrap();
    let (before, after) = (before.to_str().unwrap(), after.to_str().unwrap());
    let run = |more: [&str; 2]| {
        stepup(&["routes", "--config", after, "--compare", before, more[0], more[1]])
    };
    let output = run(["--format", "json"]);
    let comparison: Value = serde_json::from_str(&text(&output))
        .unwrap_or_else(|error| panic!("{error}: {}", errors(&output)));
    let code = run(["--fail-on", "looser"]).status.code();
    fs::remove_dir_all(&folder).unwrap();
    (comparison["verdict"].as_str().unwrap().to_owned(), code)
}

#[test]
fn nothing_that_is_looser_is_called_the_same() {
    const PAY: &str = "rules: [{match: {prefix: /pay}, policy: pay}]\ndefault: open";
    for (old, from, to, verdict) in [
        // What proves a new level proves those that it satisfies.
        (
            PAY,
            "[{acr: ['2']}]}",
            "[{acr: ['2']}]}, {name: more, proven_by: [{acr: ['1']}]}",
            "looser",
        ),
        // Other methods than those that are named.
        (PAY, "prefix: /pay", "prefix: /pay, methods: [GET, POST, PUT, PATCH, DELETE]", "looser"),
        // The default is left for requests that no sample is like.
        (
            "rules: [{match: {prefix: /}, policy: pay}]\ndefault: pay",
            "default: pay",
            "default: open",
            "looser",
        ),
        // No sample can be made up.
        (
            "rules: [{match: {safe_regex: '/a[^x1A _-]'}, policy: pay}]\ndefault: open",
            "policy: pay",
            "policy: open",
            "looser",
        ),
        (
            "rules: [{match: {safe_regex: '/a[^x1A _-]'}, policy: pay}]\ndefault: open",
            "/a",
            "/b",
            "unclear",
        ),
        // A path that only this configuration takes.
        (
            "encoded_slashes: keep\nrules: [{match: {path: '/a%2Fb'}, policy: pay}]\ndefault: open",
            "policy: pay",
            "policy: open",
            "looser",
        ),
        // What two rules are both for.
        (
            "rules: [{match: {hosts: [a.example]}, policy: pay}]\ndefault: open",
            "rules: [",
            "rules: [{match: {prefix: /b}, policy: open}, ",
            "looser",
        ),
        (
            "rules: [{match: {headers: [{name: x-a, present_match: true}]}, policy: pay}]\ndefault: open",
            "rules: [",
            "rules: [{match: {prefix: /b}, policy: open}, ",
            "looser",
        ),
        // What clients could not send, they can.
        ("upstream_headers: [{name: x-a, value: level}]\ndefault: pay", "x-a", "x-b", "unclear"),
        (
            "upstream_headers: [{name: x-a, value: level}]\ndefault: pay",
            "value: level",
            "claim: b",
            "same",
        ),
    ] {
        let (found, code) = verdict_of_small(old, from, to);
        assert_eq!(found, verdict, "{old}: {from} → {to}");
        assert_eq!(code, Some(i32::from(verdict != "same")), "{old}: {from} → {to}");
    }
    let (found, _) = verdict_of_small(
        PAY,
        "[{name: mfa",
        "[{name: less, proven_by: [{acr: ['1']}]}, {name: mfa",
    );
    assert_eq!(found, "same", "what satisfies nothing that was there changes nothing");
}

#[test]
fn a_configuration_does_not_differ_from_itself() {
    let output = stepup(&["routes", "--config", RICH, "--compare", RICH, "--fail-on", "any"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output).starts_with("Nothing changes for who passes"), "{}", text(&output));
}

#[test]
fn a_file_with_mistakes_ends_with_2_and_tells_them_all() {
    let folder = std::env::temp_dir().join(format!("stepup-bad-routes-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bad.yaml");
    fs::write(&file, "policies: {open: {public: true}}\ndefault: opened\nruls: []\n").unwrap();
    let output = stepup(&["routes", "--config", file.to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(2), ""));
    let told = errors(&output);
    assert!(
        told.contains("did you mean \"open\"?") && told.contains("did you mean \"rules\"?"),
        "{told}"
    );
}
