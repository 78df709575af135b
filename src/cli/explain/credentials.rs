//! What takes the place of tokens whose signatures cannot be checked here.
//!
//! The filter decides over a token as it always does. Where the keys of its issuer are elsewhere, the
//! configuration is made to trust a throw-away key, and a token with the same claims is signed with it.

use serde_json::{Map, Value, json};

use super::Question;
use crate::cli::Failure;
use crate::cli::key::TestKey;
use crate::host::value::write_pairs;
use crate::keys::{Algorithm, KeySource, VerifiedBy};
use crate::policy::PolicySet;
use crate::request::Headers;
use crate::token::{Issuer, Place, Scheme, UnverifiedToken, extract};

/// What stands for an opaque token.
const OPAQUE: &str = "stands-for-an-opaque-token";

/// How a question's token comes to count.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    /// The answer of the authorization server, where one is asked.
    pub(super) introspection: Option<Map<String, Value>>,
    /// What is not as it would be.
    pub(super) notes: Vec<String>,
}

/// Prepares the configuration and the question, so that the filter can decide over the token.
pub(super) fn prepare(
    configuration: &mut Value,
    policies: &PolicySet,
    question: &mut Question,
) -> Result<Credentials, Failure> {
    let presented = extract(&question.headers, &policies.tokens.places, &|_| None);
    let presented = presented.ok().flatten().map(|presented| presented.token.into_owned());
    let mut credentials = Credentials::default();
    match (presented, question.claims.take()) {
        (None, None) => {}
        (None, Some(claims)) => {
            bring(claims, configuration, policies, question, &mut credentials)?;
        }
        (Some(token), claims) => {
            let text = String::from_utf8(token).unwrap_or_default();
            take(&text, claims, configuration, policies, question, &mut credentials)?;
        }
    }
    Ok(credentials)
}

/// Adds a token with these claims to the request.
fn bring(
    claims: Map<String, Value>,
    configuration: &mut Value,
    policies: &PolicySet,
    question: &mut Question,
    credentials: &mut Credentials,
) -> Result<(), Failure> {
    let name = claims.get("iss").and_then(Value::as_str);
    let issuer = name.and_then(|name| policies.issuers.named(name));
    let Some(issuer) = issuer else {
        // A token of an unknown issuer is refused whoever signed it.
        let token = TestKey::generate().sign(claims)?;
        add_token(&token, policies, question);
        return Ok(());
    };
    let typ = issuer.token_types.first().map(|typ| &**typ);
    match &issuer.keys {
        KeySource::VerifiedBy(place) => {
            if question.is_verified_before {
                leave_metadata(&place.namespace, &place.key, &claims, question);
                credentials.notes.push(taken_for_verified(place));
            }
        }
        KeySource::Introspection(settings) => {
            credentials.notes.push(
                "the claims are taken for the answer of the authorization server, which was not asked"
                    .to_owned(),
            );
            let token = if settings.opaque_tokens {
                OPAQUE.to_owned()
            } else {
                TestKey::generate().sign(claims.clone())?
            };
            credentials.introspection = Some(claims);
            add_token(&token, policies, question);
        }
        KeySource::Inline(_) | KeySource::Remote(_) => {
            credentials
                .notes
                .push("the claims are taken as they stand; no signature was checked".to_owned());
            let token = trusted(claims, typ, issuer, configuration)?;
            add_token(&token, policies, question);
        }
    }
    Ok(())
}

/// Makes the token of the request count as far as its issuer's keys are elsewhere.
fn take(
    token: &str,
    claims: Option<Map<String, Value>>,
    configuration: &mut Value,
    policies: &PolicySet,
    question: &mut Question,
    credentials: &mut Credentials,
) -> Result<(), Failure> {
    let parsed = UnverifiedToken::parse(token).ok();
    // A filter before this one may have found another token than the one that is looked at here.
    let stated_issuer = claims.as_ref().and_then(|claims| claims.get("iss")?.as_str());
    let stated_issuer = stated_issuer.and_then(|name| policies.issuers.named(name));
    if let Some(issuer) = stated_issuer
        && let KeySource::VerifiedBy(place) = &issuer.keys
    {
        if let Some(claims) = claims.filter(|_| question.is_verified_before) {
            leave_metadata(&place.namespace, &place.key, &claims, question);
            credentials.notes.push(taken_for_verified(place));
        }
        return Ok(());
    }
    let named = parsed.as_ref().and_then(|token| policies.issuers.named(token.claimed_issuer()?));
    let issuer = match (named, &parsed) {
        (Some(issuer), _) => issuer,
        (None, None) => match policies.issuers.of_opaque_tokens() {
            Some(issuer) => issuer,
            None => return Ok(()),
        },
        (None, Some(_)) => return Ok(()),
    };
    let stated = claims.or_else(|| parsed.as_ref().map(|token| token.claims().clone()));
    match &issuer.keys {
        KeySource::Inline(_) => {}
        KeySource::VerifiedBy(place) => {
            if let Some(claims) = stated.filter(|_| question.is_verified_before) {
                leave_metadata(&place.namespace, &place.key, &claims, question);
                credentials.notes.push(taken_for_verified(place));
            }
        }
        KeySource::Introspection(_) => {
            credentials.notes.push(match &stated {
                Some(_) => "the claims are taken for the answer of the authorization server, which \
                            was not asked"
                    .to_owned(),
                None => format!(
                    "the token says nothing itself, and the authorization server of {} was not asked; \
                     give its answer with --claims",
                    issuer.name
                ),
            });
            credentials.introspection = stated;
        }
        KeySource::Remote(_) => {
            let Some(parsed) = parsed else { return Ok(()) };
            let algorithm = parsed.header().algorithm;
            if !issuer.algorithms.contains(algorithm) {
                return Ok(());
            }
            credentials.notes.push(format!(
                "the keys of {} are fetched by the proxy, and not by this command: the token's claims \
                 are taken as they stand, its signature was not checked",
                issuer.name
            ));
            let typ = parsed.header().typ.clone();
            let claims = parsed.claims().clone();
            let ours = trusted(claims, typ.as_deref(), issuer, configuration)?;
            question.headers = replaced(&question.headers, token, &ours);
            if question.headers.single("dpop").is_some() {
                credentials.notes.push(
                    "a DPoP proof names the hash of its token, so that it cannot be shown to be good \
                     here"
                        .to_owned(),
                );
            }
        }
    }
    Ok(())
}

fn taken_for_verified(place: &VerifiedBy) -> String {
    format!(
        "the claims are taken for verified by a filter before this one, which left them in {:?} under \
         {:?}; no signature was checked",
        place.namespace, place.key
    )
}

/// Signs claims with a throw-away key, which the configuration then trusts.
fn trusted(
    claims: Map<String, Value>,
    typ: Option<&str>,
    issuer: &Issuer,
    configuration: &mut Value,
) -> Result<String, Failure> {
    let key = TestKey::generate();
    let entries = configuration.get_mut("issuers").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
        if entry.get("issuer").and_then(Value::as_str) == Some(&*issuer.name) {
            entry.insert("keys".to_owned(), json!({"inline": key.jwks()}));
            // The throw-away key has an algorithm of its own.
            if let Some(Value::Array(algorithms)) = entry.get_mut("algorithms") {
                let own = Algorithm::ES256.name();
                if !algorithms.iter().any(|algorithm| algorithm == own) {
                    algorithms.push(own.into());
                }
            }
        }
    }
    key.sign_as(claims, typ)
}

/// Puts a token where the filter looks first.
fn add_token(token: &str, policies: &PolicySet, question: &mut Question) {
    let mut pairs = owned(&question.headers);
    match policies.tokens.places.first() {
        Some(Place::Cookie(name)) => {
            pairs.push(("cookie".to_owned(), format!("{name}={token}").into()));
        }
        Some(Place::Query(name)) => {
            for (header, value) in &mut pairs {
                if header == ":path" {
                    let separator = if value.contains(&b'?') { '&' } else { '?' };
                    value.extend_from_slice(format!("{separator}{name}={token}").as_bytes());
                }
            }
        }
        Some(Place::Header { name, scheme }) => {
            let scheme = match scheme {
                Scheme::None => String::new(),
                scheme => format!("{} ", scheme.name().unwrap_or_default()),
            };
            pairs.push((name.to_string(), format!("{scheme}{token}").into()));
        }
        None => {}
    }
    question.headers = Headers::new(pairs);
}

/// The headers with another token.
fn replaced(headers: &Headers, token: &str, other: &str) -> Headers {
    let pairs = owned(headers).into_iter().map(|(name, value)| {
        let value = match String::from_utf8(value) {
            Ok(text) => text.replace(token, other).into_bytes(),
            Err(error) => error.into_bytes(),
        };
        (name, value)
    });
    Headers::new(pairs.collect())
}

fn owned(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    let pairs = headers.iter();
    pairs
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
        .collect()
}

/// Writes claims as Envoy's `jwt_authn` leaves them in dynamic metadata.
fn leave_metadata(
    namespace: &str,
    key: &str,
    claims: &Map<String, Value>,
    question: &mut Question,
) {
    let place = format!("metadata.filter_metadata.{namespace}.{key}");
    write_property(&place, &Value::Object(claims.clone()), question);
}

/// Writes a value and all in it as properties, as Envoy does: what holds a null cannot be read.
fn write_property(place: &str, value: &Value, question: &mut Question) {
    question.properties.insert(place.to_owned(), encoded(value));
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                write_property(&format!("{place}.{name}"), member, question);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                write_property(&format!("{place}.{index}"), item, question);
            }
        }
        _ => {}
    }
}

/// A value as Envoy writes it; `None` for one that it cannot write.
fn encoded(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(vec![u8::from(*value)]),
        Value::Number(number) => Some(number.as_f64()?.to_le_bytes().to_vec()),
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(items) => {
            let items = items.iter().map(encoded).collect::<Option<Vec<_>>>()?;
            Some(write_pairs(items.into_iter().map(|item| (item, Vec::new()))))
        }
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, member)| Some((name.clone(), encoded(member)?)));
            Some(write_pairs(members.collect::<Option<Vec<_>>>()?))
        }
    }
}
