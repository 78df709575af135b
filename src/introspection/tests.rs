//! How the filter asks, and what counts as an answer.

use jwt_simple::prelude::{
    ECDSAP256PublicKeyLike as _, ES256KeyPair, Ed25519KeyPair, EdDSAPublicKeyLike as _, JWTClaims,
    NoCustomClaims, RS256KeyPair, RSAPublicKeyLike as _, Token, UnixTimeStamp, VerificationOptions,
};

use super::*;
use crate::host::memory::{Call, MemoryHost};
use crate::request::Headers;
use crate::variable::Variable;

fn settings(method: ClientMethod) -> IntrospectionSettings {
    IntrospectionSettings {
        cluster: "idp".into(),
        endpoint: Endpoint::from_url("https://id.example.com/introspect").unwrap(),
        timeout: Duration::from_secs(2),
        wait: Duration::from_secs(3),
        cache_for: Duration::from_mins(1),
        opaque_tokens: true,
        require_audience: true,
        client: ClientSettings { id: "gate way:1".into(), method },
    }
}

fn variable() -> Variable {
    Variable { name: "SECRET".into(), place: "issuers[0].x.env".into() }
}

fn key_method() -> ClientMethod {
    let kid = Some("k1".into());
    ClientMethod::PrivateKeyJwt { key: variable(), audience: "https://id.example.com".into(), kid }
}

fn host(secret: &str) -> MemoryHost {
    let mut host = MemoryHost::new(Headers::default());
    host.variables.insert("SECRET".to_owned(), secret.to_owned());
    host
}

/// The call that is made about a token.
fn call(method: ClientMethod, host: &MemoryHost) -> Call {
    let server = Server::new(&settings(method), host).unwrap();
    server.ask(host, "a+b/c=&token=other").unwrap();
    let [call] = host.take_calls().try_into().unwrap();
    call
}

fn form(call: &Call) -> Vec<(String, String)> {
    form_urlencoded::parse(&call.body).into_owned().collect()
}

fn header<'c>(call: &'c Call, name: &str) -> Option<&'c str> {
    call.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

#[test]
fn a_secret_goes_in_the_header_encoded_as_in_a_form() {
    let call = call(ClientMethod::Secret(variable()), &host("s%c r+e/t:ü"));
    assert_eq!(call.cluster, "idp");
    assert_eq!(header(&call, ":method"), Some("POST"));
    assert_eq!(header(&call, ":authority"), Some("id.example.com"));
    assert_eq!(header(&call, ":path"), Some("/introspect"));
    assert_eq!(header(&call, "content-type"), Some("application/x-www-form-urlencoded"));
    // printf %s 'gate+way%3A1:s%25c+r%2Be%2Ft%3A%C3%BC' | base64
    let expected = "Basic Z2F0ZSt3YXklM0ExOnMlMjVjK3IlMkJlJTJGdCUzQSVDMyVCQw==";
    assert_eq!(header(&call, "authorization"), Some(expected));
    let expected = [("token", "a+b/c=&token=other"), ("token_type_hint", "access_token")];
    assert_eq!(form(&call), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

type Check<'c> = Box<dyn Fn(&str) -> JWTClaims<NoCustomClaims> + 'c>;

#[test]
fn a_key_signs_an_assertion_of_its_own_for_each_call() {
    let (es, ed) = (ES256KeyPair::generate(), Ed25519KeyPair::generate());
    let rs = RS256KeyPair::generate(2048).unwrap();
    let options = |host: &MemoryHost| {
        Some(VerificationOptions {
            artificial_time: Some(UnixTimeStamp::from_secs(host.now.since_epoch().as_secs())),
            allowed_audiences: Some(["https://id.example.com".to_owned()].into()),
            ..VerificationOptions::default()
        })
    };
    for (pem, algorithm) in [
        (es.to_pem().unwrap(), "ES256"),
        (ed.to_pem(), "EdDSA"),
        (format!("\n{}\n", rs.to_pem().unwrap()), "RS256"),
    ] {
        let host = host(&pem);
        let check: Check<'_> = match algorithm {
            "ES256" => Box::new(|t| es.public_key().verify_token(t, options(&host)).unwrap()),
            "EdDSA" => Box::new(|t| ed.public_key().verify_token(t, options(&host)).unwrap()),
            _ => Box::new(|t| rs.public_key().verify_token(t, options(&host)).unwrap()),
        };
        let assertion = || {
            let call = call(key_method(), &host);
            assert_eq!(header(&call, "authorization"), None);
            let form = form(&call);
            let value = |name: &str| form.iter().find(|(own, _)| own == name).unwrap().1.clone();
            assert_eq!(
                value("client_assertion_type"),
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            value("client_assertion")
        };
        let (first, second) = (assertion(), assertion());
        let metadata = Token::decode_metadata(&first).unwrap();
        assert_eq!((metadata.algorithm(), metadata.key_id()), (algorithm, Some("k1")));
        let (first, second) = (check(&first), check(&second));
        assert_eq!(first.issuer.as_deref(), Some("gate way:1"));
        assert_eq!(first.subject.as_deref(), Some("gate way:1"));
        assert_eq!(first.nonce, None);
        let valid = first.expires_at.unwrap() - first.issued_at.unwrap();
        assert_eq!(valid.as_secs(), 60);
        assert!(first.jwt_id.as_ref().unwrap().len() >= 22);
        assert_ne!(first.jwt_id, second.jwt_id);
    }
}

#[test]
fn a_variable_that_is_missing_or_holds_no_key_is_named_and_never_shown() {
    let mistake = |method, host: &MemoryHost| {
        let Mistake { path, message } = Server::new(&settings(method), host).unwrap_err();
        assert_eq!(path, "issuers[0].x.env");
        assert!(message.contains("the environment variable SECRET "), "{message}");
        message
    };
    let absent = MemoryHost::new(Headers::default());
    for host in [&absent, &host("")] {
        for method in [ClientMethod::Secret(variable()), key_method()] {
            assert!(mistake(method, host).contains("is not set"));
        }
    }
    let message = mistake(key_method(), &host("hunter2"));
    assert!(message.contains("holds no key") && !message.contains("hunter2"), "{message}");
}

#[test]
fn credentials_are_never_shown() {
    let secret = host("hunter2");
    let server = Server::new(&settings(ClientMethod::Secret(variable())), &secret).unwrap();
    let shown = format!("{server:?}");
    assert!(shown.contains("SECRET") && !shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("Basic"), "{shown}");
}

fn answer(status: &str, body: &[u8]) -> CalloutAnswer {
    let headers = vec![(":status".to_owned(), status.as_bytes().to_vec())];
    CalloutAnswer { headers: Headers::new(headers), body: Ok(body.to_vec()) }
}

#[test]
fn only_a_json_object_that_says_whether_the_token_is_active_is_an_answer() {
    let active = read(&answer("200", br#"{"active": true, "sub": "alice"}"#)).unwrap();
    let Statement::Active(claims) = active else { panic!("{active:?}") };
    assert_eq!(claims["sub"], "alice");
    assert_eq!(read(&answer("200", br#"{"active":false}"#)), Ok(Statement::Inactive));
    let long = format!(r#"{{"active":true,"x":"{}"}}"#, "x".repeat(64 * 1024));
    for body in [
        "",
        "{}",
        "true",
        r#"[{"active":true}]"#,
        r#"{"active":"true"}"#,
        r#"{"active":1}"#,
        r#"{"active":null}"#,
        r#"{"active":false,"active":true}"#,
        r#"{"active":true}}"#,
        r#"{"active":true"#,
        "<html>active</html>",
        &long,
    ] {
        let problem = read(&answer("200", body.as_bytes())).unwrap_err();
        assert!(matches!(problem, NoAnswer::Failed(_)), "{problem}");
    }
}

#[test]
fn any_other_status_is_no_answer() {
    let body = br#"{"active":true}"#;
    for status in ["201", "204", "206", "302", "400", "404", "500", "503", "504", ""] {
        assert!(matches!(read(&answer(status, body)), Err(NoAnswer::Failed(_))), "{status}");
    }
    for status in ["401", "403"] {
        let problem = read(&answer(status, body)).unwrap_err();
        assert!(matches!(problem, NoAnswer::Unauthorized(_)), "{status}");
        assert!(problem.to_string().contains("refuses the filter's credentials"), "{problem}");
    }
    assert!(read(&CalloutAnswer::none()).is_err());
    let too_long = CalloutAnswer { body: Err(524_288), ..answer("200", body) };
    assert!(read(&too_long).is_err());
}
