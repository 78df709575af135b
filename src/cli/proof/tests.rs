use std::fs;

use super::*;
use crate::challenge::Response;
use crate::cli::document::Documents;
use crate::cli::token::{TestToken, trust};
use crate::filter::Filter;
use crate::host::RequestId;
use crate::host::memory::MemoryHost;
use crate::request::Headers;

const CONFIGURATION: &str = r#"
levels: [{name: password, proven_by: [{acr: ["1"]}]}]
issuers: [{issuer: "https://id.example.com", audiences: ["https://api.example.com"], keys: {inline: {keys: []}}}]
policies: {read: {require: [{level: password}]}}
default: read
"#;
const URL: &str = "https://api.example.com/accounts/7";

/// A token that is bound to a client's key, and the configuration that takes it.
fn bound(client: &TestKey) -> (String, String) {
    let issuer = TestKey::generate();
    let mut documents = Documents::parse(CONFIGURATION).unwrap();
    trust(&mut documents, TestToken::ISSUER, &issuer).unwrap();
    let claims = vec![("cnf".to_owned(), client.confirmation())];
    let token = TestToken { claims, ..TestToken::default() };
    (token.sign(&issuer, SystemTime::now()).unwrap(), documents.to_text())
}

fn proof(token: &str) -> TestProof {
    TestProof {
        method: "GET".to_owned(),
        uri: URL.to_owned(),
        token: Some(token.to_owned()),
        nonce: None,
    }
}

/// What the filter makes of a token with a proof: `None` when they pass.
fn answer(configuration: &str, token: &str, proof: &str) -> Option<Response> {
    let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let host = MemoryHost::new(Headers::new(vec![
        header(":method", "GET"),
        header(":scheme", "https"),
        header(":authority", "api.example.com"),
        header(":path", "/accounts/7?page=2"),
        header("authorization", &format!("DPoP {token}")),
        header("dpop", proof),
    ]));
    let filter = Filter::new(configuration.as_bytes(), &host).unwrap();
    filter.on_request_headers(&host, RequestId(1), true);
    host.into_answer()
}

#[test]
fn a_proof_by_the_key_of_the_token_passes() {
    let client = TestKey::generate();
    let (token, configuration) = bound(&client);
    let answer = |proof: TestProof, key: &TestKey| {
        let proof = proof.sign(key, SystemTime::now()).unwrap();
        answer(&configuration, &token, &proof).map(|answer| answer.status)
    };
    assert_eq!(answer(proof(&token), &client), None);
    assert_eq!(answer(proof(&token), &TestKey::generate()), Some(401));
    assert_eq!(answer(TestProof { token: None, ..proof(&token) }, &client), Some(401));
    assert_eq!(answer(proof("another"), &client), Some(401));
    assert_eq!(
        answer(TestProof { method: "POST".to_owned(), ..proof(&token) }, &client),
        Some(401)
    );
    let elsewhere = "https://api.example.com/accounts/8".to_owned();
    assert_eq!(answer(TestProof { uri: elsewhere, ..proof(&token) }, &client), Some(401));
}

#[test]
fn each_proof_is_another_and_holds_the_nonce() {
    let client = TestKey::generate();
    let signed = || {
        let proof = TestProof { nonce: Some("n-1".to_owned()), ..proof("t") };
        let proof = proof.sign(&client, SystemTime::now()).unwrap();
        let payload = URL_SAFE_NO_PAD.decode(proof.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&payload).unwrap()
    };
    let (first, second) = (signed(), signed());
    assert_eq!(first["nonce"], "n-1");
    assert_ne!(first["jti"], second["jti"]);
}

#[test]
fn the_uri_is_a_whole_url_and_loses_its_query() {
    assert_eq!(target(&format!("{URL}?page=2#x")).as_deref(), Ok(URL));
    for text in ["/accounts/7", "api.example.com/accounts/7", "https://a b/"] {
        assert!(target(text).unwrap_err().contains("a whole URL"), "{text}");
    }
}

#[test]
fn a_key_that_is_not_there_is_not_made() {
    let file = std::env::temp_dir().join(format!("stepup-proof-{}.jwk", std::process::id()));
    let arguments = ProofArguments { key: file.clone(), proof: proof("t") };
    let mut out = Vec::new();
    let failure = run(&arguments, &mut out).unwrap_err().to_string();
    assert!(failure.contains("stepup token --bind makes such a file"), "{failure}");
    assert!(!file.exists());
    fs::write(&file, "{}").unwrap();
    let failure = run(&arguments, &mut out).unwrap_err().to_string();
    fs::remove_file(&file).unwrap();
    assert!(failure.contains("no private ES256 key"), "{failure}");
    assert!(out.is_empty());
}
