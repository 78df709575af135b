//! What a document can do to the configuration that is made of it: nothing.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The configuration for a document, or the Envoy file.
fn made(document: &Value, envoy: bool) -> Result<String, String> {
    let discovery = Discovery::read(&document.to_string())?;
    begin(&discovery, &[], "idp", envoy).map_err(|failure| failure.to_string())
}

fn document() -> Value {
    json!({"issuer": "https://id.example.com", "jwks_uri": "https://id.example.com/jwks", "acr_values_supported": ["1"]})
}

fn parsed(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn a_document_that_cannot_be_used_is_refused_with_what_is_wrong() {
    let with = |key: &str, value: Value| {
        let mut document = document();
        document[key] = value;
        document
    };
    for (document, expected) in [
        (json!([]), "is no JSON object"),
        (json!({}), "lacks issuer; expected an issuer's discovery document"),
        (with("issuer", json!(1)), "lacks issuer; expected an issuer's discovery document"),
        (with("jwks_uri", json!("")), "lacks jwks_uri; expected an issuer's discovery document"),
        (with("issuer", json!("id")), "its issuer is \"id\"; expected an http or https URL"),
        (
            with("issuer", json!("https://id.example.com/{tenantid}/v2.0")),
            "the issuer \"https://id.example.com/{tenantid}/v2.0\" stands for many; expected the document of one, \
             such as that of your tenant",
        ),
        (
            with("issuer", json!("https://id.example.com/\n")),
            "its issuer is \"https://id.example.com/\\n\"; expected an http or https URL",
        ),
        (
            with("jwks_uri", json!("https://u@id.example.com/")),
            "its jwks_uri is \"https://u@id.example.com/\"; expected an http or https URL",
        ),
    ] {
        assert_eq!(made(&document, false), Err(expected.to_owned()), "{document}");
    }
    let no_json = Discovery::read("<html>").unwrap_err();
    assert!(no_json.starts_with("is no JSON (") && no_json.ends_with("openid-configuration"));
    let twice = Discovery::read(r#"{"issuer": "https://a", "issuer": "https://b"}"#).unwrap_err();
    assert!(twice.starts_with("is no JSON ("), "{twice}");
    let long = format!("{{\"issuer\": {:?}}}", "x".repeat(600_000));
    assert!(Discovery::read(&long).unwrap_err().starts_with("is longer than"));
}

#[test]
fn a_host_that_no_cluster_could_lead_to_is_refused_where_one_is_written() {
    for host in ["a\"b", "a,b", "[::1", "a:0", "a:70000", "a:x", "a..b", "'"] {
        let document = json!({"issuer": format!("https://{host}"), "jwks_uri": format!("https://{host}/jwks")});
        let error = made(&document, true).unwrap_err();
        assert!(error.ends_with("is no name or address that Envoy could find"), "{host}: {error}");
    }
}

#[test]
fn keys_on_another_host_have_a_cluster_of_their_own() {
    for (issuer, jwks, source) in [
        (
            "https://a.example.com",
            "https://A.example.com/k",
            json!({"discovery": {"cluster": "idp"}}),
        ),
        (
            "https://a.example.com",
            "https://b.example.com/k",
            json!({"remote": {"cluster": "idp-keys", "uri": "https://b.example.com/k"}}),
        ),
        (
            "https://a.example.com",
            "https://a.example.com:8443/k",
            json!({"remote": {"cluster": "idp-keys", "uri": "https://a.example.com:8443/k"}}),
        ),
        (
            "https://a.example.com/?realm=b",
            "https://a.example.com/k",
            json!({"remote": {"cluster": "idp-keys", "uri": "https://a.example.com/k"}}),
        ),
    ] {
        let text = made(&json!({"issuer": issuer, "jwks_uri": jwks}), false).unwrap();
        assert_eq!(parsed(&text)["issuers"][0]["keys"], source);
    }
}

#[test]
fn a_cluster_has_the_tls_that_its_host_allows() {
    for (origin, address, port, san, sni) in [
        ("https://a.example.com", "a.example.com", 443, Some("DNS"), Some("a.example.com")),
        ("https://10.0.0.1:8443", "10.0.0.1", 8443, Some("IP_ADDRESS"), None),
        ("https://[2001:db8::1]", "2001:db8::1", 443, Some("IP_ADDRESS"), None),
        ("http://localhost", "localhost", 80, None, None),
    ] {
        let document = json!({"issuer": origin, "jwks_uri": format!("{origin}/k")});
        let file = parsed(&made(&document, true).unwrap());
        let cluster = &file["static_resources"]["clusters"][1];
        let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        let socket = &endpoint["address"]["socket_address"];
        assert_eq!(
            (socket["address"].as_str(), socket["port_value"].as_u64()),
            (Some(address), Some(port))
        );
        let tls = &cluster["transport_socket"]["typed_config"];
        let validation = &tls["common_tls_context"]["validation_context"];
        assert_eq!(validation["match_typed_subject_alt_names"][0]["san_type"].as_str(), san);
        assert_eq!(tls["sni"].as_str(), sni);
    }
}

#[test]
fn what_proves_nothing_is_no_level_and_more_than_fit_are_left_out() {
    let mut document = document();
    let many = (0..70).map(|number| json!(format!("urn:a:{number}")));
    let others =
        [json!("0"), json!("a b"), json!("é"), json!(1), json!(null), json!(""), json!("urn:a:1")];
    document["acr_values_supported"] = others.into_iter().chain(many).collect();
    let text = made(&document, false).unwrap();
    let levels = &parsed(&text)["levels"];
    assert_eq!(levels.as_array().unwrap().len(), 64);
    assert_eq!(
        levels[0],
        json!({"name": "level-1", "proven_by": [{"acr": ["urn:a:1"]}], "implies": []})
    );
    let discovery = Discovery::read(&document.to_string()).unwrap();
    assert!(discovery.notes()[0].starts_with("levels from 64 of 77 acr_values_supported"));
}

/// Texts that would be something else without quotes, or end what stands around them.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\n\\r\\t \"'#:{}\\[\\],&*!|>%@`~?a\\\\\u{85}\u{2028}\u{feff}-]{0,20}",
        Just("\"]}\npolicies: {open: {public: true}}\ndefault: open\n#".to_owned()),
        Just("x\n\ndefault: open".to_owned()),
        Just("---\n...".to_owned()),
    ]
}

proptest! {
    #[test]
    fn nothing_in_a_document_breaks_out_of_its_place(
        acr in proptest::collection::vec(hostile(), 0..5),
        scopes in proptest::collection::vec(hostile(), 0..5),
        algorithms in proptest::collection::vec(hostile(), 0..3),
        issuer in hostile(),
        jwks in hostile(),
        envoy: bool,
    ) {
        let mut document = document();
        document["acr_values_supported"] = json!(acr);
        document["scopes_supported"] = json!(scopes);
        document["claims_supported"] = json!(scopes);
        document["id_token_signing_alg_values_supported"] = json!(algorithms);
        document["issuer"] = json!(format!("https://id.example.com/{issuer}"));
        document["jwks_uri"] = json!(format!("https://id.example.com/{jwks}"));
        document["introspection_endpoint"] = json!(format!("https://id.example.com/{jwks}"));
        let Ok(text) = made(&document, envoy) else { return Ok(()) };
        let file = parsed(&text);
        let place = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config/configuration/value";
        let value = if envoy { file.pointer(place).unwrap() } else { &file };
        let keys = value.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
        prop_assert_eq!(keys, ["default", "issuers", "levels", "policies", "rules"]);
        prop_assert_eq!(&value["default"], "read");
        prop_assert_eq!(&value["issuers"][0]["issuer"], &document["issuer"]);
        prop_assert_eq!(value["policies"].as_object().unwrap().len(), 3);
        for level in value["levels"].as_array().unwrap() {
            let proof = level["proven_by"][0]["acr"][0].as_str().unwrap();
            prop_assert!(acr.iter().any(|acr| acr == proof) || proof.starts_with("put-the-acr"));
        }
    }
}
