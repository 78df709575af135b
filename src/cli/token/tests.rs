use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::challenge::Response;
use crate::filter::{Action, Filter};
use crate::host::RequestId;
use crate::host::memory::MemoryHost;
use crate::request::Headers;

const CONFIGURATION: &str = r#"
levels:
  - {name: password, proven_by: [{acr: ["1"]}]}
  - {name: mfa, proven_by: [{amr: [pwd, otp]}], ask_for: ["2"]}
issuers:
  - issuer: https://id.example.com
    audiences: [https://api.example.com]
    keys: {inline: {keys: []}}
policies: {pay: {require: [{level: mfa, max_age: 10m}], scopes: [payments]}}
default: pay
"#;

fn trusting(key: &TestKey) -> String {
    let mut documents = Documents::parse(CONFIGURATION).unwrap();
    trust(&mut documents, TestToken::ISSUER, key).unwrap();
    documents.to_text()
}

/// What the filter makes of a token: `None` when it passes.
fn answer(configuration: &str, token: &str) -> Option<Response> {
    let header = |name: &str, value: String| (name.to_owned(), value.into_bytes());
    let host = MemoryHost::new(Headers::new(vec![
        header(":path", "/".to_owned()),
        header(":method", "GET".to_owned()),
        header("authorization", format!("Bearer {token}")),
    ]));
    let filter = Filter::new(configuration.as_bytes(), &host).unwrap();
    let action = filter.on_request_headers(&host, RequestId(1), true);
    let answer = host.into_answer();
    assert_eq!(answer.is_none(), action == Action::Continue);
    answer
}

fn mfa() -> TestToken {
    TestToken { amr: vec!["pwd".to_owned(), "otp".to_owned()], ..TestToken::default() }
}

fn status(token: &TestToken, key: &TestKey, configuration: &str) -> Option<u16> {
    let token = token.sign(key, SystemTime::now()).unwrap();
    answer(configuration, &token).map(|answer| answer.status)
}

#[test]
fn a_token_passes_where_its_key_is_trusted() {
    let key = TestKey::generate();
    let configuration = trusting(&key);
    assert_eq!(status(&mfa(), &key, &configuration), None);
    assert_eq!(status(&mfa(), &TestKey::generate(), &configuration), Some(401));
}

#[test]
fn every_option_reaches_the_token() {
    let key = TestKey::generate();
    let configuration = trusting(&key);
    let minutes = |minutes| Duration::from_mins(minutes);
    let other = String::from("https://other.example.com");
    for (token, expected) in [
        (TestToken { amr: Vec::new(), ..mfa() }, Some(401)),
        (TestToken { auth_age: minutes(9), ..mfa() }, None),
        (TestToken { auth_age: minutes(11), ..mfa() }, Some(401)),
        (TestToken { scope: String::from("profile"), ..mfa() }, Some(403)),
        (TestToken { issuer: other.clone(), ..mfa() }, Some(401)),
        (TestToken { audience: other, ..mfa() }, Some(401)),
        (TestToken { expires_in: Duration::ZERO, ..mfa() }, None),
        (TestToken { claims: vec![("exp".to_owned(), json!(1))], ..mfa() }, Some(401)),
        (TestToken { claims: vec![("auth_time".to_owned(), Value::Null)], ..mfa() }, Some(401)),
    ] {
        assert_eq!(status(&token, &key, &configuration), expected, "{token:?}");
    }
}

#[test]
fn a_claim_is_a_name_and_json() {
    assert_eq!(parse_claim("a=1"), Ok(("a".to_owned(), json!(1))));
    assert_eq!(parse_claim(r#"a="x=y""#), Ok(("a".to_owned(), json!("x=y"))));
    assert!(parse_claim("a").unwrap_err().contains("NAME=JSON"));
    assert!(parse_claim("a=phr").unwrap_err().contains("needs its quotes"));
}

#[test]
fn a_configuration_in_text_stays_in_text() {
    let key = TestKey::generate();
    let alone = trusting(&key);
    let file = json!({"resources": [{
        "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "config": {"configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": alone,
        }},
    }]});
    let mut documents = Documents::parse(&file.to_string()).unwrap();
    let other = TestKey::generate();
    trust(&mut documents, TestToken::ISSUER, &other).unwrap();
    let [document] = documents.into_values().try_into().unwrap();
    let text = document.pointer("/resources/0/config/configuration/value").unwrap();
    assert_eq!(status(&mfa(), &other, text.as_str().unwrap()), None);
}

#[test]
fn an_unknown_issuer_is_told_with_those_that_are_there() {
    let mut documents = Documents::parse(CONFIGURATION).unwrap();
    let error = trust(&mut documents, "https://id", &TestKey::generate()).unwrap_err();
    assert!(error.contains("it has https://id.example.com"), "{error}");
}

fn arguments(key: &Path, jwks: bool) -> TokenArguments {
    TokenArguments {
        key: key.to_owned(),
        jwks,
        trust_in: None,
        bind: None,
        token: TestToken::default(),
    }
}

#[test]
fn a_key_is_made_once_for_its_owner_alone_and_told_once() {
    let file = std::env::temp_dir().join(format!("stepup-token-{}.jwk", std::process::id()));
    let output = |jwks| {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        assert_eq!(run(&arguments(&file, jwks), &mut out, &mut notes), Ok(0));
        (String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap())
    };
    let (first, warning) = output(true);
    let (second, silence) = output(true);
    let (token, _) = output(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let (_, warning) = output(false);
        assert!(warning.contains("has the mode 644") && warning.contains("chmod 600"), "{warning}");
    }
    fs::write(&file, "{}").unwrap();
    let refused = TestKey::load_or_create(&file).err().unwrap().to_string();
    fs::remove_file(&file).unwrap();

    assert_eq!(first, second);
    assert!(warning.contains("no production gateway"));
    assert_eq!(silence, "");
    let jwks = serde_json::from_str::<Value>(&first).unwrap();
    assert_eq!(jwks["keys"][0].get("d"), None);
    assert!(jwks["keys"][0]["kid"].as_str().unwrap().starts_with("throw-away-"));
    assert_eq!(token.trim_end().split('.').count(), 3);
    assert!(refused.contains("no private ES256 key"), "{refused}");
}

#[test]
fn a_token_is_bound_to_the_key_of_its_client() {
    let folder = std::env::temp_dir().join(format!("stepup-bind-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let client = folder.join("client.jwk");
    let confirmation = |claims: Vec<(String, Value)>| {
        let arguments = TokenArguments {
            bind: Some(client.clone()),
            token: TestToken { claims, ..TestToken::default() },
            ..arguments(&folder.join("test.jwk"), false)
        };
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        assert_eq!(run(&arguments, &mut out, &mut notes), Ok(0));
        let token = String::from_utf8(out).unwrap();
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice::<Value>(&payload).unwrap().get("cnf").cloned()
    };
    let first = confirmation(Vec::new());
    let second = confirmation(Vec::new());
    let other = confirmation(vec![("cnf".to_owned(), json!({"jkt": "x"}))]);
    let key = TestKey::load(&client).unwrap().confirmation();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!((first.as_ref(), second.as_ref()), (Some(&key), Some(&key)));
    assert_eq!(other, Some(json!({"jkt": "x"})));
}

#[test]
fn a_file_that_cannot_take_the_key_is_told_and_not_printed() {
    let folder = std::env::temp_dir().join(format!("stepup-trust-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("stepup.yaml");
    let output = |configuration: &str| {
        fs::write(&file, configuration).unwrap();
        let key = folder.join("test.jwk");
        let arguments = TokenArguments { trust_in: Some(file.clone()), ..arguments(&key, false) };
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let code = run(&arguments, &mut out, &mut notes).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap())
    };
    let (code, out, _) = output(CONFIGURATION);
    assert!(code == 0 && out.contains("throw-away"), "{out}");
    let keys = "    keys: {inline: {keys: []}}";
    let rsa = CONFIGURATION.replace(keys, &format!("{keys}\n    algorithms: [RS256]"));
    let (code, out, notes) = output(&rsa);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!((code, &*out), (1, ""));
    let expected = "stepup.yaml, with the key: issuers[0].keys.inline.keys[0]: serves ES256, and";
    assert!(notes.contains(expected), "{notes}");
}
