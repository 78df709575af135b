//! `stepup test`: tests of a configuration, in YAML.

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

const ENVOY: &str = "envoy/policy-tests.yaml";
const RICH: &str = "tests/golden/rich-tests.yaml";

/// A file with this content, in a folder of this process.
fn file(name: &str, content: &str) -> String {
    let folder = std::env::temp_dir().join(format!("stepup-test-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    fs::write(&file, content).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn the_configurations_that_are_shipped_pass_their_tests_which_look_at_everything() {
    for config in [
        "envoy/envoy.yaml",
        "envoy/istio/wasmplugin.yaml",
        "envoy/gateway/envoyextensionpolicy.yaml",
    ] {
        let output = stepup(&["test", ENVOY, "--config", config, "--fail-under", "100"]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{config}:\n{}{}",
            text(&output),
            errors(&output)
        );
    }
    compare("policy-tests/envoy.txt", &text(&stepup(&["test", ENVOY, "--coverage"])));
}

#[test]
fn the_example_in_the_document_passes() {
    let document = fs::read_to_string(golden::root().join("docs/policy-tests.md")).unwrap();
    let example = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let output = stepup(&["test", &file("example.yaml", example), "--config", "envoy/envoy.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output), errors(&output));
}

#[test]
fn a_failure_shows_what_was_expected_and_found_and_why() {
    let output = stepup(&["test", RICH, "--coverage"]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    compare("policy-tests/rich.txt", &text(&output));
    let json = stepup(&["test", RICH, ENVOY, "--coverage", "--format", "json"]);
    assert_eq!(json.status.code(), Some(1));
    let report: Value = serde_json::from_str(&text(&json)).unwrap();
    assert_eq!((report["passed"].as_u64(), report["failed"].as_u64()), (Some(18), Some(2)));
    compare("policy-tests/both.json", &text(&json));
}

#[test]
fn continuous_integration_gets_xml_and_the_terminal_text() {
    let report = file("report.xml", "");
    let output = stepup(&["test", RICH, "--format", "junit", "--output", &report]);
    assert_eq!(output.status.code(), Some(1));
    let plain = text(&stepup(&["test", RICH]));
    assert_eq!(text(&output), plain);
    compare("policy-tests/rich.xml", &fs::read_to_string(&report).unwrap());
    assert_eq!(
        text(&stepup(&["test", RICH, "--format", "junit"])),
        fs::read_to_string(&report).unwrap()
    );
}

#[test]
fn coverage_below_what_is_asked_for_fails() {
    let tests = file(
        "one.yaml",
        &format!(
            "config: {}\ntests: [{{name: a, request: {{path: /healthz}}, expect: {{decision: allow}}}}]\n",
            golden::root().join("envoy/envoy.yaml").display()
        ),
    );
    let code = |least: &str| stepup(&["test", &tests, "--fail-under", least]).status.code();
    // A rule and a policy of four rules and four policies.
    assert_eq!([code("25"), code("26%"), code("0")], [Some(0), Some(1), Some(0)]);
    assert_eq!(code("101"), Some(2));
}

#[test]
fn all_mistakes_of_a_file_are_told_with_their_places_and_what_was_meant() {
    let output = stepup(&["test", "tests/golden/wrong-tests.yaml", "tests/golden/missing.yaml"]);
    assert_eq!((output.status.code(), text(&output).as_str()), (Some(2), ""));
    compare("policy-tests/wrong.txt", &errors(&output));
}

#[test]
fn a_configuration_with_mistakes_is_told_as_check_tells_it() {
    let config = file("bad.yaml", "policies: {open: {public: true}}\ndefault: opened\n");
    let output = stepup(&["test", RICH, "--config", &config]);
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("did you mean \"open\"?"), "{}", errors(&output));
}

#[test]
fn hostile_names_stay_names_in_every_format() {
    let tests = file(
        "hostile.yaml",
        &format!(
            "config: {}\ntests:\n  - name: \"a\\e[31m ]]> <b> & \\u0001 \\u009b\"\n    request: {{path: \"/<\\u0001>\"}}\n    expect: {{decision: allow}}\n",
            golden::root().join("envoy/envoy.yaml").display()
        ),
    );
    for format in ["text", "json", "junit"] {
        let output = stepup(&["test", &tests, "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
        let told = text(&output);
        assert!(told.chars().all(|letter| letter == '\n' || !letter.is_control()), "{told:?}");
        if format == "junit" {
            assert!(told.contains("&lt;b&gt; &amp;"), "{told}");
            assert_eq!(told.matches("<testcase").count(), 1);
        }
    }
}
