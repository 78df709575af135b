//! The same rows, explained by the command: it has to say what Envoy did.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use envoy_stepup::cli::explain::{Question, explain};
use envoy_stepup::host::memory::MemoryHost;
use envoy_stepup::keys::KeySet;
use envoy_stepup::request::Headers;
use envoy_stepup::time::Timestamp;
use envoy_stepup::token::{UnverifiedToken, Verifier};
use serde_json::{Map, Value, json};

use crate::run::{as_the_client_sees_it, as_the_proxy_sees_it, check, check_upstream};
use crate::support::tokens::jwks;
use crate::support::{Request, now};
use crate::table::{self, Earlier, Keys, Row, Suite, World};

/// Explains a row, and compares with what Envoy has to do.
pub fn run(suite: &Suite, row: &Row, keys: &std::sync::Arc<Keys>) {
    let world = World { now: now(), keys: std::sync::Arc::clone(keys) };
    let mut request = (row.request)(&world);
    let verified = match suite.earlier {
        Earlier::None => None,
        Earlier::Leaves | Earlier::TakesAndSplits => verified_before(&request, &world),
    };
    if verified.is_some() && suite.earlier == Earlier::TakesAndSplits {
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("authorization"));
    }
    let at = Timestamp::from_epoch(Duration::from_secs(world.now));
    let mut question = Question::new(as_the_proxy_sees_it(&request), at);
    question.body.clone_from(&request.body);
    for (name, value) in &row.properties {
        question.properties.insert((*name).to_owned(), value.clone());
    }
    question.is_verified_before = verified.is_some();
    question.claims = verified.map(|mut claims| {
        if suite.earlier == Earlier::TakesAndSplits
            && let Some(Value::String(scope)) = claims.get("scope")
        {
            let words = scope.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>();
            claims.insert("scope".to_owned(), json!(words));
        }
        claims
    });
    let explanation = explain(&suite.config, &question).expect("an explanation");
    if let Some(record) = &explanation.record {
        let status = explanation.answer.as_ref().map(|answer| answer.status);
        assert_eq!(record.decision == "allow", status.is_none(), "{record:?}");
    }
    let changes = explanation.changes;
    let sent = question.headers;
    check_upstream(row, |name| match changes.iter().find(|change| change.name == name) {
        Some(change) => change.value.iter().cloned().collect(),
        None => sent.values(name).map(<[u8]>::to_vec).collect(),
    });
    match explanation.answer {
        None => check(&row.expect, None, 1),
        Some(answer) => check(&row.expect, Some(&as_the_client_sees_it(answer)), 0),
    }
}

/// The claims of the first token that `jwt_authn` takes: in the header, then in the query.
fn verified_before(request: &Request, world: &World) -> Option<Map<String, Value>> {
    let target = String::from_utf8_lossy(&request.target).into_owned();
    let in_headers = request.headers.iter().filter_map(|(name, value)| {
        let text = std::str::from_utf8(value).ok()?;
        let token = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("DPoP "))?;
        name.eq_ignore_ascii_case("authorization").then(|| token.to_owned())
    });
    let in_query = target.split(['?', '&']).filter_map(|part| part.strip_prefix("access_token="));
    let in_query = in_query.map(str::to_owned);
    let mut tokens = in_headers.chain(in_query);
    tokens.find_map(|token| good_claims(&token, world))
}

/// The claims of a token whose issuer's key has signed it, and which has not expired.
fn good_claims(token: &str, world: &World) -> Option<Map<String, Value>> {
    const SKEW: u64 = 60;
    let parsed = UnverifiedToken::parse(token).ok()?;
    let key = match parsed.claimed_issuer()? {
        table::OTHER_ISSUER => &world.keys.other,
        _ => &world.keys.main,
    };
    let host = MemoryHost::new(Headers::default());
    let policies = envoy_stepup::config::compile_value(&table::config(&world.keys)).ok()?;
    let verifier = Verifier::new(policies.issuers.clone(), &policies.tokens, &host).ok()?;
    let (keys, _) = KeySet::from_jwks(&jwks([key])).ok()?;
    let is_signed = keys.iter().any(|key| verifier.check_signature(&parsed, key, &host).is_ok());
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    let is_current =
        claims.get("exp").and_then(Value::as_u64).is_none_or(|exp| exp + SKEW > world.now);
    (is_signed && is_current).then_some(claims)
}
