use std::fs;

use super::*;

const GOOD: &str = "policies: {open: {public: true}}\ndefault: open\nrules: []\n";
const BAD: &str = "policies: {open: {public: true}}\ndefault: opened\n";

fn check(text: &str) -> Report {
    Report::of(&look(text, &mut []))
}

fn arguments(files: Vec<PathBuf>) -> CheckArguments {
    CheckArguments {
        files,
        format: Format::Text,
        color: Colours::Never,
        strict: false,
        allow: Vec::new(),
        discovery: Vec::new(),
    }
}

fn plugin(name: &str, configuration: &str) -> String {
    let configuration = configuration.lines().map(|line| format!("    {line}\n"));
    let configuration = configuration.collect::<String>();
    format!("kind: WasmPlugin\nmetadata: {{name: {name}}}\nspec:\n  pluginConfig:\n{configuration}")
}

#[test]
fn a_good_configuration_is_summed_up() {
    let report = check(GOOD);
    assert!(report.good);
    assert_eq!(report.lines, ["good: 1 policy, 0 rules"]);
}

#[test]
fn yaml_that_cannot_be_read_is_told_with_its_place_and_a_hint() {
    for (text, line) in [
        ("policies:\n  open: {public: true}\n default: open\n", 3),
        ("policies: {open: {public: true}\ndefault: open\n", 2),
    ] {
        let [finding] = look(text, &mut []).findings.try_into().unwrap();
        assert!(finding.message.ends_with("; check the indentation there"), "{finding:?}");
        let position = Source::new(text).position(finding.span.unwrap().start);
        assert_eq!(position.line, line);
    }
    let [line] = check("default: open\ndefault: open\n").lines.try_into().unwrap();
    assert!(line.contains("default") && !line.contains("indentation"), "{line}");
    assert!(Documents::parse("a: 1\na: 2\n").unwrap_err().starts_with("line 2, column 1: "));
}

#[test]
fn a_mistake_of_the_only_configuration_has_a_short_place() {
    let expected = "default: no policy is named \"opened\"; did you mean \"open\"?";
    for text in [BAD.to_owned(), plugin("any", BAD)] {
        let report = check(&text);
        assert!(!report.good);
        assert_eq!(report.lines, [expected]);
    }
}

#[test]
fn one_of_several_configurations_is_told_by_its_whole_place() {
    let text = [plugin("stepup-a", GOOD), plugin("stepup-b", BAD)].join("---\n");
    let report = check(&text);
    assert!(!report.good);
    assert_eq!(
        report.lines,
        [
            "document 1: spec.pluginConfig: good: 1 policy, 0 rules",
            "document 2: spec.pluginConfig.default: no policy is named \"opened\"; did you mean \"open\"?",
        ]
    );
}

#[test]
fn a_cluster_that_the_envoy_file_does_not_have_is_a_mistake() {
    let configuration = GOOD.to_owned()
        + "issuers: [{issuer: 'https://id.example.com', audiences: [a], keys: {discovery: {cluster: nosuch}}}]";
    let value = Documents::parse(&configuration).unwrap().into_values().remove(0);
    let filter = serde_json::json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {"configuration": {"@type": "type.googleapis.com/google.protobuf.Struct", "value": value}},
    });
    let file = serde_json::json!({"static_resources": {"listeners": [filter], "clusters": [{"name": "app"}]}});
    let report = check(&file.to_string());
    let expected = "issuers[0].keys.discovery.cluster: static_resources of this file has no cluster \
                    \"nosuch\", so that no call gets out; expected app";
    assert_eq!((report.good, report.lines.as_slice()), (false, [expected.to_owned()].as_slice()));
    // Alone, it may go into a file that has the cluster.
    assert!(check(&configuration).good);
}

#[test]
fn the_exit_code_is_that_of_the_worst_file() {
    let folder = std::env::temp_dir().join(format!("stepup-check-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (good, bad) = (file("good.yaml", GOOD), file("bad.yaml", BAD));
    let missing = folder.join("missing.yaml");
    for (files, code, out, notes) in [
        (vec![&good], 0, "good.yaml: good: 1 policy", ""),
        (vec![&good, &bad], 1, "bad.yaml:2:10\n", ""),
        (vec![&missing, &bad], 2, "bad.yaml: 1 mistake\n", "missing.yaml: cannot be read"),
    ] {
        let files = files.into_iter().cloned().collect();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let ended = run(&arguments(files), &mut stdout, &mut stderr);
        assert_eq!(ended, Ok(code));
        assert!(String::from_utf8(stdout).unwrap().contains(out));
        assert!(String::from_utf8(stderr).unwrap().contains(notes));
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_condition_on_bodies_that_the_proxy_withholds_is_a_mistake() {
    let configuration = "policies: {open: {public: true, raise: [{name: r, \
                         when: 'request.body.a == 1', deny: No.}]}}\ndefault: open\n";
    let value = Documents::parse(configuration).unwrap().into_values().remove(0);
    let check_with = |field: Option<(&str, bool)>| {
        let mut plugin = serde_json::json!({"configuration": {
            "@type": "type.googleapis.com/google.protobuf.Struct", "value": value,
        }});
        if let Some((name, shows)) = field {
            plugin[name] = shows.into();
        }
        let filter = serde_json::json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": plugin,
        });
        check(&serde_json::json!({"resources": [filter]}).to_string())
    };
    for withheld in [None, Some(("allow_on_headers_stop_iteration", false))] {
        let report = check_with(withheld);
        assert!(!report.good);
        let [line] = report.lines.try_into().unwrap();
        assert!(line.contains("set allow_on_headers_stop_iteration: true"), "{line}");
    }
    for name in ["allow_on_headers_stop_iteration", "allowOnHeadersStopIteration"] {
        assert!(check_with(Some((name, true))).good, "{name}");
    }
    assert!(check(configuration).good, "the file says nothing of the proxy");
}

#[test]
fn a_condition_on_bodies_in_a_resource_that_cannot_show_them_is_a_mistake() {
    let configuration = "policies: {open: {public: true, raise: [{name: r, \
                         when: 'request.body.a == 1', deny: No.}]}}\ndefault: open\n";
    let policy = "kind: EnvoyExtensionPolicy\nspec: {wasm: [{name: stepup, config: {";
    let policy = format!("{policy}{}}}}}]}}", configuration.trim_end().replace('\n', ", "));
    for (text, instead) in [
        (plugin("stepup", configuration), "use an EnvoyFilter, as in envoy/istio/envoyfilter.yaml"),
        (policy.replace("}}}]}", "}}]}"), "an EnvoyPatchPolicy can set it"),
    ] {
        let report = check(&text);
        assert!(!report.good, "{text}");
        let [line] = report.lines.try_into().unwrap();
        assert!(line.contains("has no field for allow_on_headers_stop_iteration"), "{line}");
        assert!(line.contains(instead), "{line}");
    }
    assert!(check(&plugin("stepup", GOOD)).good);
}
