//! What a client gets, byte for byte.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::decision::Challenge;
use crate::policy::LevelId;
use crate::token::AuthTimeProblem;

const BEARER: &[Scheme] = &[Scheme::Bearer];

fn settings() -> ChallengeSettings {
    ChallengeSettings {
        realm: "api".into(),
        resource_metadata: None,
        hint_without_token: true,
        dpop_algorithms: [Algorithm::ES256, Algorithm::RS256].into_iter().collect(),
    }
}

/// Two levels, of which the second is asked for by two values.
fn ladder() -> Ladder {
    let document = json!({
        "levels": [
            {"name": "password", "proven_by": [{"acr": ["1"]}]},
            {"name": "phishing-resistant", "proven_by": [{"acr": ["phr", "phrh"]}]},
        ],
        "policies": {"open": {"public": true}},
        "default": "open",
    });
    crate::config::compile_value(&document).unwrap().levels
}

const TOO_OLD: ChallengeReason = ChallengeReason::Insufficient(Shortfall::Age {
    required: Duration::from_mins(15),
    found: Duration::from_secs(901),
});
const UNKNOWN_AGE: ChallengeReason =
    ChallengeReason::Insufficient(Shortfall::AuthTime { problem: AuthTimeProblem::Missing });

fn strongest() -> LevelId {
    LevelId::new(1).unwrap()
}

fn level_missing() -> ChallengeReason {
    ChallengeReason::Insufficient(Shortfall::Level { required: strongest(), found: None })
}

fn answered(
    reason: ChallengeReason,
    max_age: Option<u64>,
    scopes: &[&str],
    settings: &ChallengeSettings,
) -> Response {
    let requirement = Requirement { level: strongest(), max_age: max_age.map(Duration::from_secs) };
    let scopes = scopes.to_vec();
    let challenge_ = Challenge { reason, requirement: Some(requirement), scopes };
    challenge(&challenge_, settings, &ladder(), BEARER)
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    let mut values = response.headers.iter().filter(|(n, _)| *n == name);
    let value = values.next().map(|(_, value)| value.as_str());
    assert_eq!(values.next(), None, "{name} is there once");
    value
}

/// Status, `WWW-Authenticate` and body; the other headers are the same in every answer.
fn shown(response: &Response) -> (u16, Option<&str>, Value) {
    assert_eq!(header(response, "content-type"), Some("application/problem+json"));
    assert_eq!(header(response, "cache-control"), Some("no-store"));
    let body = serde_json::from_slice::<Value>(&response.body).unwrap();
    assert_eq!(body["status"], response.status);
    (response.status, header(response, "www-authenticate"), body)
}

#[test]
fn a_dpop_challenge_names_the_algorithms_and_stands_in_a_header_of_its_own() {
    let requirement = Requirement { level: strongest(), max_age: Some(Duration::from_mins(15)) };
    let answered = |reason, schemes: &[Scheme]| {
        let requirement = Some(requirement);
        let asked = Challenge { reason, requirement, scopes: vec!["pay"] };
        let headers = challenge(&asked, &settings(), &ladder(), schemes).headers.into_iter();
        let challenges = headers.filter(|(name, _)| *name == "www-authenticate");
        challenges.map(|(_, value)| value).collect::<Vec<_>>()
    };
    let asked = r#"realm="api", acr_values="phr phrh", max_age="900", scope="pay""#;
    let both = answered(ChallengeReason::NoToken, &[Scheme::Bearer, Scheme::DPoP]);
    assert_eq!(both, [format!("Bearer {asked}"), format!(r#"DPoP {asked}, algs="RS256 ES256""#)]);
    let only = |reason| answered(reason, &[Scheme::DPoP]).remove(0);
    assert_eq!(
        only(TOO_OLD),
        r#"DPoP realm="api", error="insufficient_user_authentication", error_description="More recent authentication is required.", acr_values="phr phrh", max_age="900", scope="pay", algs="RS256 ES256""#
    );
    for (error, code, description) in [
        (ProofError::Missing, "invalid_dpop_proof", "The request carries no DPoP proof."),
        (ProofError::Replayed, "invalid_dpop_proof", "The DPoP proof was used before."),
        (
            ProofError::BadSignature,
            "invalid_dpop_proof",
            "The DPoP proof is not valid for this request.",
        ),
        (
            ProofError::NoNonce,
            "use_dpop_nonce",
            "The DPoP proof has to hold the nonce that comes with this answer.",
        ),
    ] {
        let expected = format!(
            r#"DPoP realm="api", error="{code}", error_description="{description}", algs="RS256 ES256""#
        );
        assert_eq!(only(ChallengeReason::InvalidProof(error)), expected);
    }
}

#[test]
fn a_request_without_a_token_is_told_what_to_obtain_and_no_error() {
    let response = answered(ChallengeReason::NoToken, Some(900), &["pay", "read"], &settings());
    assert_eq!(
        shown(&response),
        (
            401,
            Some(r#"Bearer realm="api", acr_values="phr phrh", max_age="900", scope="pay read""#),
            json!({
                "type": "urn:envoy-stepup:problem:unauthenticated",
                "title": "Authentication is required",
                "status": 401,
                "detail": "The request carries no access token.",
                "acr_values": "phr phrh",
                "max_age": 900,
                "scope": "pay read",
            })
        )
    );
    let silent = ChallengeSettings { hint_without_token: false, ..settings() };
    let response = answered(ChallengeReason::NoToken, Some(900), &["pay"], &silent);
    assert_eq!(
        shown(&response),
        (
            401,
            Some(r#"Bearer realm="api""#),
            json!({
                "type": "urn:envoy-stepup:problem:unauthenticated",
                "title": "Authentication is required",
                "status": 401,
                "detail": "The request carries no access token.",
            })
        )
    );
}

#[test]
fn a_token_that_proves_too_little_is_answered_with_a_step_up_challenge() {
    const LEVEL: &str = "A different authentication level is required.";
    const AGE: &str = "More recent authentication is required.";
    for (reason, max_age, scopes, parameters, detail) in [
        (level_missing(), None, &[][..], r#", acr_values="phr phrh""#, LEVEL),
        (level_missing(), Some(0), &[], r#", acr_values="phr phrh", max_age="0""#, LEVEL),
        (
            level_missing(),
            Some(900),
            &["pay"],
            r#", acr_values="phr phrh", max_age="900", scope="pay""#,
            LEVEL,
        ),
        (TOO_OLD, Some(900), &[], r#", acr_values="phr phrh", max_age="900""#, AGE),
        (
            UNKNOWN_AGE,
            Some(900),
            &["a", "b"],
            r#", acr_values="phr phrh", max_age="900", scope="a b""#,
            AGE,
        ),
        (
            TOO_OLD,
            Some(u64::MAX),
            &[],
            r#", acr_values="phr phrh", max_age="18446744073709551615""#,
            AGE,
        ),
    ] {
        let response = answered(reason, max_age, scopes, &settings());
        let (status, found, body) = shown(&response);
        let expected = format!(
            r#"Bearer realm="api", error="insufficient_user_authentication", error_description="{detail}"{parameters}"#
        );
        assert_eq!((status, found), (401, Some(expected.as_str())));
        assert_eq!(body["type"], "urn:envoy-stepup:problem:insufficient_user_authentication");
        assert_eq!(body["title"], "The authentication is not sufficient");
        assert_eq!(body["detail"], detail);
        assert_eq!(body["acr_values"], "phr phrh");
        assert_eq!(body.get("max_age"), max_age.map(Value::from).as_ref());
        let scope = (!scopes.is_empty()).then(|| Value::from(scopes.join(" ")));
        assert_eq!(body.get("scope"), scope.as_ref());
    }
}

#[test]
fn an_invalid_token_is_told_nothing_but_whether_to_renew_it() {
    for (error, detail) in [
        (TokenError::Expired, "The access token has expired."),
        (TokenError::NotYetValid, "The access token is not valid yet."),
        (TokenError::BadSignature, "The access token is not valid here."),
        (TokenError::UnknownIssuer, "The access token is not valid here."),
        (TokenError::UnknownKey, "The access token is not valid here."),
        (TokenError::WrongAudience, "The access token is not valid here."),
        (TokenError::BadClaim("sub"), "The access token is not valid here."),
    ] {
        let response =
            answered(ChallengeReason::InvalidToken(error), Some(900), &["pay"], &settings());
        let expected =
            format!(r#"Bearer realm="api", error="invalid_token", error_description="{detail}""#);
        assert_eq!(
            shown(&response),
            (
                401,
                Some(expected.as_str()),
                json!({
                    "type": "urn:envoy-stepup:problem:invalid_token",
                    "title": "The access token is invalid",
                    "status": 401,
                    "detail": detail,
                })
            ),
            "{error:?}"
        );
    }
}

#[test]
fn missing_scopes_are_forbidden_with_every_scope_that_is_needed() {
    let required = vec!["pay", "read"];
    let response = forbid(&MissingScopes { required }, &settings(), BEARER);
    let detail = "The request needs more scopes than the access token has.";
    assert_eq!(
        shown(&response),
        (
            403,
            Some(&*format!(
                r#"Bearer realm="api", error="insufficient_scope", error_description="{detail}", scope="pay read""#
            )),
            json!({
                "type": "urn:envoy-stepup:problem:insufficient_scope",
                "title": "The access token lacks a scope",
                "status": 403,
                "detail": detail,
                "scope": "pay read",
            })
        )
    );
}

#[test]
fn malformed_credentials_are_a_bad_request_with_a_challenge() {
    let detail = "The request has to carry exactly one access token, in one place.";
    assert_eq!(
        shown(&malformed_credentials(&settings(), BEARER)),
        (
            400,
            Some(&*format!(
                r#"Bearer realm="api", error="invalid_request", error_description="{detail}""#
            )),
            json!({
                "type": "urn:envoy-stepup:problem:invalid_request",
                "title": "The credentials are malformed",
                "status": 400,
                "detail": detail,
            })
        )
    );
}

#[test]
fn what_no_credentials_can_mend_is_answered_without_a_challenge() {
    for (response, status, name) in [
        (failure(FailureKind::Ambiguous), 400, "bad_request"),
        (failure(FailureKind::UntrustedHeader), 400, "bad_request"),
        (failure(FailureKind::BodyTimeout), 408, "request_timeout"),
        (failure(FailureKind::Misconfigured), 500, "misconfigured"),
        (failure(FailureKind::BodyWithheld), 500, "misconfigured"),
    ] {
        let (found, challenge, body) = shown(&response);
        assert_eq!((found, challenge), (status, None));
        assert_eq!(body["type"], format!("urn:envoy-stepup:problem:{name}"));
    }
}

#[test]
fn the_metadata_of_the_resource_is_named_in_every_challenge() {
    const URL: &str = "https://api.example.com/.well-known/oauth-protected-resource";
    let settings = ChallengeSettings { resource_metadata: Some(URL.into()), ..settings() };
    let required = vec!["pay"];
    for response in [
        answered(ChallengeReason::NoToken, None, &[], &settings),
        answered(
            ChallengeReason::NoToken,
            None,
            &[],
            &ChallengeSettings { hint_without_token: false, ..settings.clone() },
        ),
        answered(ChallengeReason::InvalidToken(TokenError::Expired), None, &[], &settings),
        answered(level_missing(), Some(1), &["pay"], &settings),
        forbid(&MissingScopes { required }, &settings, BEARER),
        malformed_credentials(&settings, BEARER),
    ] {
        let (_, parameters) = parsed(header(&response, "www-authenticate").unwrap()).unwrap();
        let found = parameters.iter().filter(|(name, _)| name == "resource_metadata");
        assert_eq!(found.map(|(_, value)| value.as_str()).collect::<Vec<_>>(), [URL]);
    }
}

/// A challenge as scheme and parameters.
type Parsed = (String, Vec<(String, String)>);

/// Reads one challenge as RFC 9110 §11.6.1 writes it, and nothing looser; parameter names in lower
/// case.
fn parsed(text: &str) -> Option<Parsed> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let (scheme, mut rest) = text.split_once(' ')?;
    let mut parameters = Vec::new();
    loop {
        let (name, after) = rest.split_once('=')?;
        let mut letters = after.strip_prefix('"')?.bytes();
        let mut value = Vec::new();
        loop {
            match letters.next()? {
                b'"' => break,
                // quoted-pair: HTAB, SP, VCHAR, obs-text
                b'\\' => value
                    .push(letters.next().filter(|b| matches!(b, b'\t' | b' '..=b'~' | 0x80..))?),
                // qdtext
                byte @ (b'\t' | b' ' | b'!' | b'#'..=b'[' | b']'..=b'~' | 0x80..) => {
                    value.push(byte);
                }
                _ => return None,
            }
        }
        if name.is_empty() || !name.bytes().all(is_token) || !scheme.bytes().all(is_token) {
            return None;
        }
        parameters.push((name.to_ascii_lowercase(), String::from_utf8(value).ok()?));
        let consumed = after.len().checked_sub(letters.len())?;
        rest = after.get(consumed..)?;
        if rest.is_empty() {
            return Some((scheme.to_owned(), parameters));
        }
        rest = rest.strip_prefix(", ")?;
    }
}

proptest! {
    /// Whatever text the configuration lets through reads back as it was written.
    #[test]
    fn every_challenge_reads_back(
        realm in prop_oneof![9 => "[ -~]{1,12}", 1 => "\\PC{1,12}"],
        acrs in proptest::collection::vec(prop_oneof![19 => "[!-~]{1,6}", 1 => "\\PC{1,6}"], 1..4),
        scopes in proptest::collection::vec(prop_oneof![19 => "[!-~]{1,6}", 1 => "\\PC{1,6}"], 1..4),
        location in "https://[!-~]{1,16}",
        max_age in 1..u64::from(u32::MAX),
    ) {
        let document = json!({
            "levels": [{"name": "l", "proven_by": [{"acr": acrs}]}],
            "issuers": [{"issuer": "i", "audiences": ["a"], "keys": {"inline": {"keys": [
                serde_json::from_str::<Value>(crate::keys::rfc::P256).unwrap(),
            ]}}}],
            "policies": {"p": {
                "require": [{"level": "l", "max_age": format!("{max_age}s")}],
                "scopes": scopes,
            }},
            "default": "p",
            "challenge": {"realm": realm, "resource_metadata": location},
        });
        let Ok(set) = crate::config::compile_value(&document) else { return Ok(()) };
        let demand = set.policies.named("p").unwrap().demand.as_ref().unwrap();
        let refusal = Challenge {
            reason: level_missing(),
            requirement: demand.alternatives.first().copied(),
            scopes: demand.scopes.iter().map(|scope| &**scope).collect(),
        };
        let response = challenge(&refusal, &set.challenge, &set.levels, BEARER);
        let text = header(&response, "www-authenticate").unwrap();
        let (scheme, parameters) = parsed(text).unwrap_or_else(|| panic!("no challenge: {text}"));
        prop_assert_eq!(scheme, "Bearer");
        let mut distinct = acrs.clone();
        let mut seen = std::collections::HashSet::new();
        distinct.retain(|acr| seen.insert(acr.clone()));
        let expected = [
            ("realm", realm),
            ("error", "insufficient_user_authentication".to_owned()),
            ("error_description", "A different authentication level is required.".to_owned()),
            ("acr_values", distinct.join(" ")),
            ("max_age", max_age.to_string()),
            ("scope", scopes.join(" ")),
            ("resource_metadata", location),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        prop_assert_eq!(parameters, expected);
    }
}

#[test]
fn the_parser_of_these_tests_is_strict() {
    assert!(parsed(r#"Bearer a="b", c="\"\\""#).is_some());
    for text in [
        "Bearer",
        "Bearer ",
        "Bearer a",
        "Bearer a=b",
        r#"Bearer a="b"#,
        r#"Bearer a="b"c="d""#,
        r#"Bearer a="b","#,
        r#"Bearer a="b",c="d""#,
        r#"Bearer a="\"#,
        "Bearer a=\"\n\"",
        r#"Bearer a b="c""#,
        r#"Bearer ="c""#,
    ] {
        assert_eq!(parsed(text), None, "{text}");
    }
}

#[test]
fn a_client_is_never_told_to_come_back_too_early() {
    for (milliseconds, expected) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
        let retry_after = Duration::from_millis(milliseconds);
        let response = failure(FailureKind::Unavailable { retry_after });
        assert!(response.headers.contains(&("retry-after", expected.to_owned())), "{milliseconds}");
    }
}
