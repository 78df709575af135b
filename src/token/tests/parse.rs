//! Compact JWS, read strictly.

use super::signer::{Signer, base64};
use crate::keys::{Algorithm, rfc};
use crate::token::TokenError as E;
use crate::token::UnverifiedToken;

/// The smallest header and payload that are read.
const HEADER: &str = r#"{"alg":"ES256"}"#;
const PAYLOAD: &str = "{}";

fn parse(header: &str, payload: &str) -> Result<(), E> {
    parse_bytes(header.as_bytes(), payload.as_bytes())
}

fn parse_bytes(header: &[u8], payload: &[u8]) -> Result<(), E> {
    UnverifiedToken::parse(&Signer::Nothing.token(header, payload)).map(|_| ())
}

#[test]
fn the_tokens_of_rfc_7515_are_taken_apart() {
    for (text, algorithm, signature_length) in
        [(rfc::RS256_TOKEN, Algorithm::RS256, 256), (rfc::ES256_TOKEN, Algorithm::ES256, 64)]
    {
        let token = UnverifiedToken::parse(text).unwrap();
        assert_eq!(token.header().algorithm, algorithm);
        assert_eq!((token.header().kid.as_ref(), token.header().typ.as_ref()), (None, None));
        assert_eq!(token.claimed_issuer(), Some("joe"));
        assert_eq!(token.signature().len(), signature_length);
        assert_eq!(token.compact(), text);
        assert!(text.starts_with(&format!("{}.", token.signing_input())));
    }
    // Their payloads are plain text, and so no claims.
    for text in [rfc::ES512_JWS, rfc::EDDSA_JWS] {
        assert_eq!(UnverifiedToken::parse(text).map(|_| ()), Err(E::NotJsonObject));
    }
}

#[test]
fn only_three_parts_of_strict_base64url_are_a_token() {
    let (h, p) = (base64(HEADER.as_bytes()), base64(PAYLOAD.as_bytes()));
    assert_eq!(p, "e30");
    for (text, expected) in [
        (String::new(), E::NotThreeParts),
        (".".into(), E::NotThreeParts),
        ("..".into(), E::NotJsonObject),
        ("...".into(), E::NotThreeParts),
        (h.clone(), E::NotThreeParts),
        (format!("{h}.{p}"), E::NotThreeParts),
        (format!("{h}.{p}.AA.AA"), E::NotThreeParts),
        (format!("{h}.{p}.AA.AA.AA"), E::NotThreeParts),
        (format!("{h}.{p}.AA."), E::NotThreeParts),
        (format!(".{h}.{p}.AA"), E::NotThreeParts),
        (format!(".{p}.AA"), E::NotJsonObject),
        (format!("{h}..AA"), E::NotJsonObject),
        (format!("{h}=.{p}.AA"), E::NotBase64Url),
        (format!("{h}.{p}=.AA"), E::NotBase64Url),
        (format!("{h}.{p}.AA=="), E::NotBase64Url),
        (format!("{h}.{p}.+/+/"), E::NotBase64Url),
        // A last character with bits that belong to no byte.
        (format!("{h}.{p}.AB"), E::NotBase64Url),
        (format!("{h}.e31.AA"), E::NotBase64Url),
        (format!("{h}.{p}.A"), E::NotBase64Url),
        (format!(" {h}.{p}.AA"), E::NotBase64Url),
        (format!("{h}.{p}.AA "), E::NotBase64Url),
        (format!("{h}.{p}.AA\n"), E::NotBase64Url),
        (format!("{h}.{p}\n.AA"), E::NotBase64Url),
        (format!("{h}.{p}.A\u{e9}"), E::NotBase64Url),
        (format!("{h}.{p}.A\0"), E::NotBase64Url),
    ] {
        assert_eq!(UnverifiedToken::parse(&text).map(|_| ()), Err(expected), "{text:?}");
    }
    // An empty signature is no signature; that is found out when it is checked.
    assert!(UnverifiedToken::parse(&format!("{h}.{p}.")).is_ok());
}

#[test]
fn a_header_with_two_meanings_or_a_key_of_its_own_is_refused() {
    for (header, expected) in [
        (r#"{"alg":"ES256","alg":"ES256"}"#, E::NotJsonObject),
        (r#"{"alg":"ES256","\u0061lg":"none"}"#, E::NotJsonObject),
        (r#"{"alg":"ES256","x":{"a":1,"a":1}}"#, E::NotJsonObject),
        (r#"{"alg":"ES256"} {}"#, E::NotJsonObject),
        (r#"{"alg":"ES256""#, E::NotJsonObject),
        (r#"["alg"]"#, E::NotJsonObject),
        ("1", E::NotJsonObject),
        (r#""alg""#, E::NotJsonObject),
        ("null", E::NotJsonObject),
        (r#"{"alg":"ES256","crit":["exp"]}"#, E::CriticalExtension),
        (r#"{"alg":"ES256","crit":[]}"#, E::CriticalExtension),
        (r#"{"alg":"ES256","crit":null}"#, E::CriticalExtension),
        (r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, E::CriticalExtension),
        (r#"{"alg":"ES256","jwk":{}}"#, E::OwnKey),
        (r#"{"alg":"ES256","jwk":null}"#, E::OwnKey),
        (r#"{"alg":"ES256","jku":"https://evil.example.com"}"#, E::OwnKey),
        (r#"{"alg":"ES256","x5u":"https://evil.example.com"}"#, E::OwnKey),
        ("{}", E::AlgorithmNotAllowed),
        (r#"{"alg":null}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":256}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":["ES256"]}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":""}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":"none"}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":"None"}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":"HS256"}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":"RS1"}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":"es256"}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":"ES256 "}"#, E::AlgorithmNotAllowed),
        (r#"{"ALG":"ES256"}"#, E::AlgorithmNotAllowed),
        (r#"{"alg":"ES256","kid":1}"#, E::BadHeader),
        (r#"{"alg":"ES256","kid":null}"#, E::BadHeader),
        (r#"{"alg":"ES256","kid":["a"]}"#, E::BadHeader),
        (r#"{"alg":"ES256","typ":1}"#, E::BadHeader),
        (r#"{"alg":"ES256","cty":{}}"#, E::BadHeader),
        (r#"{"alg":"ES256","x5t":1}"#, E::BadHeader),
        (r#"{"alg":"ES256","x5t#S256":1}"#, E::BadHeader),
        (r#"{"alg":"ES256","x5c":"…"}"#, E::BadHeader),
        (r#"{"alg":"ES256","x5c":[1]}"#, E::BadHeader),
    ] {
        assert_eq!(parse(header, PAYLOAD), Err(expected), "{header}");
    }
    for header in [
        r#"{"alg":"ES256","kid":"","typ":"","cty":"JWT","x5c":[],"x5t":"a","x5t#S256":"b"}"#,
        // Without crit it has no meaning (RFC 7797 §6), and the payload is read as encoded.
        r#"{"alg":"ES256","b64":false}"#,
        r#"{"alg":"ES256","https://example.com/own":{"deep":[1,{"a":null}]}}"#,
        " {\"alg\" : \"ES256\"}\r\n",
    ] {
        assert_eq!(parse(header, PAYLOAD), Ok(()), "{header}");
    }
}

#[test]
fn a_payload_that_is_no_plain_object_is_refused() {
    let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for payload in [
        "",
        "[]",
        "1",
        "\"text\"",
        r#"{"sub":"a","sub":"a"}"#,
        r#"{"sub":"a","s\u0075b":"b"}"#,
        r#"{"a":[{"b":1,"b":2}]}"#,
        r#"{"a":1e999}"#,
        "{\"a\":NaN}",
        "{} x",
        "\u{feff}{}",
        &deep(128),
        &deep(100_000),
        &"[".repeat(100_000),
    ] {
        let shown = payload.chars().take(40).collect::<String>();
        assert_eq!(parse(HEADER, payload), Err(E::NotJsonObject), "{shown}");
    }
    for payload in [b"{\"a\":\"\xff\"}".as_slice(), b"\xff\xfe{\0}\0", b"{\"a\":\"\xed\xa0\x80\"}"]
    {
        assert_eq!(parse_bytes(HEADER.as_bytes(), payload), Err(E::NotJsonObject), "{payload:?}");
    }
    for payload in [
        deep(100),
        r#"{"a":123456789012345678901234567890,"b":1e300,"c":-0.0}"#.to_owned(),
        r#"{"a":"\ud83d\ude00\u0000"}"#.to_owned(),
    ] {
        assert_eq!(parse(HEADER, &payload), Ok(()), "{payload}");
    }
}

#[test]
fn registered_claims_of_the_wrong_type_are_refused() {
    for (payload, expected) in [
        (r#"{"exp":"1700000000"}"#, E::BadDate("exp")),
        (r#"{"exp":null}"#, E::BadDate("exp")),
        (r#"{"exp":-1}"#, E::BadDate("exp")),
        (r#"{"exp":1e300}"#, E::BadDate("exp")),
        (r#"{"exp":[1700000000]}"#, E::BadDate("exp")),
        (r#"{"nbf":true}"#, E::BadDate("nbf")),
        (r#"{"iat":"now"}"#, E::BadDate("iat")),
        (r#"{"iss":1}"#, E::BadClaim("iss")),
        (r#"{"iss":["https://id.example.com"]}"#, E::BadClaim("iss")),
        (r#"{"sub":1}"#, E::BadClaim("sub")),
        (r#"{"jti":{}}"#, E::BadClaim("jti")),
        (r#"{"nonce":null}"#, E::BadClaim("nonce")),
        (r#"{"aud":1}"#, E::BadClaim("aud")),
        (r#"{"aud":null}"#, E::BadClaim("aud")),
        (r#"{"aud":["api",1]}"#, E::BadClaim("aud")),
        (r#"{"aud":{"api":1}}"#, E::BadClaim("aud")),
    ] {
        assert_eq!(parse(HEADER, payload), Err(expected), "{payload}");
    }
    let right =
        r#"{"iss":"a","sub":"b","aud":[],"jti":"c","nonce":"d","exp":0,"nbf":1.5,"iat":1e9}"#;
    assert_eq!(parse(HEADER, right), Ok(()));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[a-zA-Z0-9_.{}\":=-]{0,64}") {
        let _ = UnverifiedToken::parse(&text);
    }

    #[test]
    fn any_header_and_payload_are_read_without_a_panic(
        header in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64),
        payload in ".{0,64}",
    ) {
        let _ = parse_bytes(&header, payload.as_bytes());
        let _ = parse(HEADER, &payload);
    }
}
