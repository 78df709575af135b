use serde_json::json;

use crate::cli::document::Documents;

/// Where the configurations of a file are, and their values.
fn found(text: &str) -> Result<Vec<(usize, String, serde_json::Value)>, String> {
    let documents = Documents::parse(text)?;
    let configurations = documents.configurations()?;
    let each = configurations.iter();
    Ok(each.map(|c| (c.document, c.place.to_string(), c.value().unwrap_or_default())).collect())
}

/// A wasm HTTP filter of an Envoy file, on one line.
fn filter(name: &str, configuration: &str) -> String {
    format!(
        "{{name: wasm, typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, \
         config: {{root_id: {name}, configuration: {configuration}}}}}}}"
    )
}

fn structure(value: &str) -> String {
    format!("{{\"@type\": type.googleapis.com/google.protobuf.Struct, value: {value}}}")
}

#[test]
fn a_configuration_alone_is_the_document() {
    let expected = Ok(vec![(0, String::new(), json!({"default": "open", "rules": []}))]);
    assert_eq!(found("default: open\nrules: []\n"), expected);
    assert_eq!(found(r#"{"default": "open", "rules": []}"#), expected);
    assert_eq!(found("# nothing before it\n---\ndefault: open\nrules: []\n"), expected);
}

#[test]
fn a_key_that_stands_twice_is_told_with_its_line() {
    for text in ["default: a\ndefault: b\n", r#"{"default": "a", "default": "b"}"#] {
        let error = found(text).unwrap_err();
        assert!(error.contains("duplicate") && error.contains("line"), "{error}");
    }
}

#[test]
fn an_envoy_file_holds_it_as_struct_or_as_text() {
    let place = "static_resources.listeners[0].filter_chains[0].http_filters[1].typed_config.config.configuration.value";
    for configuration in [
        structure("{default: open}"),
        r#"{"@type": type.googleapis.com/google.protobuf.StringValue, value: '{"default": "open"}'}"#.to_owned(),
    ] {
        let text = format!(
            "static_resources: {{listeners: [{{filter_chains: [{{http_filters: [{{name: lua}}, {}]}}]}}]}}",
            filter("any", &configuration)
        );
        assert_eq!(found(&text), Ok(vec![(0, place.to_owned(), json!({"default": "open"}))]));
    }
}

#[test]
fn a_message_that_is_written_as_a_struct_is_read_too() {
    let plugin = structure("{default: open}");
    for (typed_struct, type_url) in [
        ("type.googleapis.com/udpa.type.v1.TypedStruct", "type_url"),
        ("type.googleapis.com/xds.type.v3.TypedStruct", "typeUrl"),
    ] {
        let text = format!(
            "kind: EnvoyFilter\nspec: {{configPatches: [{{patch: {{value: {{name: wasm, typed_config: \
             {{\"@type\": {typed_struct}, {type_url}: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, \
             value: {{config: {{configuration: {plugin}}}}}}}}}}}}}]}}"
        );
        let place =
            "spec.configPatches[0].patch.value.typed_config.value.config.configuration.value";
        assert_eq!(found(&text), Ok(vec![(0, place.to_owned(), json!({"default": "open"}))]));
    }
    let other =
        "{\"@type\": type.googleapis.com/udpa.type.v1.TypedStruct, type_url: other, value: {}}";
    assert!(found(&format!("resources: [{other}]")).is_err());
}

#[test]
fn a_discovery_answer_is_searched_too() {
    let text = format!("resources: [{{filters: [{}]}}]", filter("any", &structure("{default: a}")));
    assert_eq!(found(&text).unwrap().len(), 1);
}

#[test]
fn ours_is_the_one_whose_name_says_so() {
    let text = format!(
        "resources: [{}, {}, {}]",
        filter("coraza", &structure("{a: 1}")),
        filter("Envoy-StepUp", &structure("{b: 2}")),
        filter("stepup", &structure("{c: 3}")),
    );
    let values = found(&text).unwrap().into_iter().map(|(_, _, value)| value);
    assert_eq!(values.collect::<Vec<_>>(), [json!({"b": 2}), json!({"c": 3})]);

    let by_file = "{name: a, code: {local: {filename: /etc/envoy/envoy_stepup.wasm}}}";
    let text = format!(
        "resources: [{}, {{\"@type\": x/envoy.extensions.filters.http.wasm.v3.Wasm, config: {by_file}}}]",
        filter("coraza", &structure("{a: 1}")),
    );
    assert_eq!(found(&text).unwrap().len(), 1);
}

#[test]
fn several_without_our_name_are_refused() {
    let text = format!(
        "resources: [{}, {}]",
        filter("one", &structure("{a: 1}")),
        filter("two", &structure("{b: 2}"))
    );
    assert!(found(&text).unwrap_err().starts_with("holds 2 wasm filters"));
}

#[test]
fn kubernetes_resources_hold_it_in_a_stream_of_documents() {
    let text = "\
kind: Service
metadata: {name: app}
---
kind: WasmPlugin
metadata: {name: stepup}
spec: {url: 'oci://registry.example.com/x', pluginConfig: {default: istio}}
---
kind: EnvoyExtensionPolicy
spec:
  wasm:
    - {name: other, config: {default: other}}
    - {name: mine, code: {image: {url: 'registry.example.com/envoy-stepup:1'}}, config: {default: gateway}}
";
    let expected = vec![
        (1, "spec.pluginConfig".to_owned(), json!({"default": "istio"})),
        (2, "spec.wasm[1].config".to_owned(), json!({"default": "gateway"})),
    ];
    assert_eq!(found(text), Ok(expected));
}

#[test]
fn a_file_without_any_says_what_was_looked_for() {
    for text in ["", "kind: Service", "static_resources: {listeners: []}", "admin: {}\n---\n"] {
        assert!(found(text).unwrap_err().starts_with("holds no wasm HTTP filter"), "{text:?}");
    }
}

#[test]
fn a_filter_without_a_readable_configuration_is_a_mistake() {
    for (configuration, message) in [
        (structure("null"), "found nothing (null)"),
        (
            "{\"@type\": type.googleapis.com/google.protobuf.StringValue}".to_owned(),
            "no configuration was given",
        ),
        (
            "{\"@type\": type.googleapis.com/google.protobuf.BytesValue, value: eHg=}".to_owned(),
            "is given as",
        ),
        (
            "{\"@type\": type.googleapis.com/google.protobuf.StringValue, value: 'default: a'}"
                .to_owned(),
            "neither",
        ),
    ] {
        let text = format!("resources: [{}]", filter("any", &configuration));
        let documents = Documents::parse(&text).unwrap();
        let configurations = documents.configurations().unwrap();
        let mistakes = configurations[0].compile().unwrap_err();
        assert!(mistakes[0].message.contains(message), "{mistakes:?}");
    }
}
