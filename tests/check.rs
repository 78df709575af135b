//! What `stepup check` says of files with mistakes, as operators make them, and of good ones.
//!
//! Each file in `tests/check` has what is expected beside it: `NAME.txt`, and for some `NAME.out.json`.
//! `STEPUP_RECORD_CHECK=1 cargo test --test check` records what is said now; `git diff` shows it in review.

// A test may fail by panicking.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Those whose findings are recorded as JSON too.
const AS_JSON: [&str; 2] = ["conditions.yaml", "routes.yaml"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn folder() -> PathBuf {
    root().join("tests/check")
}

/// Runs the command in a folder, without colours or settings of this machine.
fn check(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepup"));
    command.current_dir(folder).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command.arg("check").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The files with mistakes, each with the options that it asks for.
fn broken() -> Vec<(String, Vec<String>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_input = Path::new(&name).extension().is_some_and(|e| e == "yaml")
            || ["plain.json", "broken.json"].contains(&&*name);
        if is_input {
            let content = fs::read_to_string(folder().join(&name)).unwrap();
            let options = content.lines().find_map(|line| line.strip_prefix("# stepup check: "));
            let options = options.unwrap_or_default().split_whitespace().map(str::to_owned);
            files.push((name, options.collect()));
        }
    }
    files.sort();
    files
}

/// Compares with what is recorded, or records it.
fn compare(name: &str, found: &str, differences: &mut Vec<String>) {
    let file = folder().join(name);
    if std::env::var_os("STEPUP_RECORD_CHECK").is_some() {
        fs::write(file, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    if expected != found {
        differences.push(format!("--- {name}, expected\n{expected}\n+++ found\n{found}"));
    }
}

#[test]
fn every_slip_is_told_with_its_place() {
    let files = broken();
    assert!(files.len() >= 35, "only {} files were found", files.len());
    let mut differences = Vec::new();
    for (name, options) in &files {
        let arguments = options.iter().map(String::as_str).chain([&**name]).collect::<Vec<_>>();
        let output = check(&folder(), &arguments);
        assert_eq!(text(&output.stderr), "", "{name}");
        let code = output.status.code().unwrap();
        let found = format!("exit code {code}\n\n{}", text(&output.stdout));
        compare(&format!("{name}.txt"), &found, &mut differences);
        if AS_JSON.contains(&&**name) {
            let output = check(&folder(), &[&arguments[..], &["--format", "json"]].concat());
            compare(&format!("{name}.out.json"), text(&output.stdout), &mut differences);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn both_forms_tell_the_same() {
    for (name, options) in broken() {
        let arguments = options.iter().map(String::as_str).chain([&*name]).collect::<Vec<_>>();
        let plain = check(&folder(), &arguments);
        let output = check(&folder(), &[&arguments[..], &["--format", "json"]].concat());
        assert_eq!(output.status, plain.status, "{name}");
        let report = serde_json::from_slice::<Value>(&output.stdout).unwrap();
        assert_eq!(report["good"], output.status.success(), "{name}");
        let findings = report["files"].as_array().unwrap().iter();
        let findings = findings.flat_map(|file| file["findings"].as_array().unwrap());
        let findings = findings.collect::<Vec<_>>();
        let told = text(&plain.stdout);
        assert_eq!(
            told.matches("\nerror").count() + told.matches("\nwarning").count() + 1,
            findings.len().max(1),
            "{name}"
        );
        for finding in findings {
            let file = finding["file"].as_str().unwrap();
            if let Some(line) = finding["line"].as_u64() {
                assert!(told.contains(&format!("{file}:{line}:{}", finding["column"])), "{name}");
            }
        }
    }
}

#[test]
fn colours_are_for_terminals_or_when_asked_for() {
    let colours = |arguments: &[&str]| {
        let output = check(&folder(), &[&["quotes.yaml"], arguments].concat());
        text(&output.stdout).contains('\u{1b}')
    };
    assert!(!colours(&[]), "this is no terminal");
    assert!(!colours(&["--color", "never"]));
    assert!(colours(&["--color", "always"]));
}

#[test]
fn warnings_count_when_they_are_told_to_and_can_be_allowed() {
    let code = |arguments: &[&str]| {
        check(&folder(), &[&["unused.yaml"], arguments].concat()).status.code().unwrap()
    };
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--strict"]), 1);
    assert_eq!(code(&["--strict", "--allow", "unused-policy"]), 1);
    let all = ["--allow", "unused-policy", "--allow", "unused-feed", "--allow", "unused-signal"];
    assert_eq!(code(&[&["--strict"], &all[..]].concat()), 0);
    assert_eq!(code(&["--discovery", "nosuch.json"]), 2);
}

#[test]
fn a_mistake_in_an_envoy_file_of_500_lines_is_found_with_its_line() {
    let file = fs::read_to_string(folder().join("500-lines.yaml")).unwrap();
    assert!(file.lines().count() >= 500);
    let output = check(&folder(), &["500-lines.yaml", "--format", "json"]);
    let report = serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let findings = report["files"][0]["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let line = file.lines().position(|line| line.contains("max_age: 15mins")).unwrap() + 1;
    assert_eq!(findings[0]["line"], line);
}

#[test]
fn every_warning_is_described_and_can_be_allowed() {
    let document = fs::read_to_string(root().join("docs/check.md")).unwrap();
    let mut kinds = Vec::new();
    for (name, options) in broken() {
        let arguments = options.iter().map(String::as_str).chain([&*name]).collect::<Vec<_>>();
        let output = check(&folder(), &[&arguments[..], &["--format", "json"]].concat());
        let report = serde_json::from_slice::<Value>(&output.stdout).unwrap();
        for file in report["files"].as_array().unwrap() {
            for finding in file["findings"].as_array().unwrap() {
                let kind = finding["kind"].as_str().unwrap().to_owned();
                assert!(document.contains(&format!("`{kind}`")), "{kind} is not described");
                if finding["severity"] == "warning" && !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
        }
    }
    for kind in &kinds {
        let output = check(&folder(), &["unused.yaml", "--allow", kind]);
        assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
    }
    assert_eq!(kinds.len(), 16, "{kinds:?}");
    let output = check(&folder(), &["unused.yaml", "--allow", "unused-polcy"]);
    assert!(text(&output.stderr).contains("'unused-policy'"), "{}", text(&output.stderr));
}

/// The YAML in the documents that is a configuration, or holds one, with the file it stands in.
fn examples() -> Vec<(String, String)> {
    let mut files = vec![root().join("README.md")];
    for folder in ["docs", "docs/recipes"] {
        files.extend(fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    files.sort();
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "md")) {
        let content = fs::read_to_string(file).unwrap();
        for block in content.split("```yaml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let is_whole = block.starts_with("default:") || block.contains("\ndefault:");
            if is_whole || block.contains("filters.http.wasm") || block.contains("kind: WasmPlugin")
            {
                let name = file.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, block.to_owned()));
            }
        }
    }
    found
}

#[test]
fn the_examples_in_the_documents_have_no_mistakes_and_few_warnings() {
    let examples = examples();
    assert!(examples.len() >= 5, "only {} were found", examples.len());
    let mut warnings = Vec::new();
    for (place, example) in examples {
        let file = std::env::temp_dir().join(format!("stepup-example-{}.yaml", std::process::id()));
        fs::write(&file, &example).unwrap();
        let output = check(&root(), &["--format", "json", file.to_str().unwrap()]);
        fs::remove_file(&file).unwrap();
        let report = serde_json::from_slice::<Value>(&output.stdout).unwrap();
        assert_eq!(report["errors"], 0, "{place}: {report:#}\n{example}");
        for finding in report["files"][0]["findings"].as_array().unwrap() {
            let (kind, path) =
                (finding["kind"].as_str().unwrap(), finding["path"].as_str().unwrap());
            // The documents show trials on purpose. Where they let POST alone pay, to be short, the other
            // methods get what `default` asks for.
            if kind != "shadow" && kind != "open-methods" {
                warnings.push(format!("{place}: {kind}: {path}"));
            }
        }
    }
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn the_shipped_files_are_good_without_a_warning() {
    let files = ["envoy/envoy.yaml", "envoy/istio/wasmplugin.yaml", "envoy/istio/envoyfilter.yaml"];
    let files = [&files[..], &["envoy/gateway/envoyextensionpolicy.yaml"]].concat();
    let output = check(&root(), &[&["--strict"], &files[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout).lines().count(), files.len());
}
