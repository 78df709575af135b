//! `issuers`: who signs tokens.

use std::time::Duration;

use super::node::{Node, Object};
use super::{all, keys, strings};
use crate::keys::{Algorithm, Algorithms};
use crate::token::{Issuer, Issuers};

const KEYS: [&str; 7] =
    ["issuer", "audiences", "keys", "algorithms", "token_types", "clock_skew", "auth_time_claim"];

const DEFAULT_SKEW: Duration = Duration::from_mins(1);
/// A clock that is off by more needs mending; a greater allowance would only let old tokens live.
const GREATEST_SKEW: Duration = Duration::from_mins(5);
/// RFC 9068 §2.1, and what most providers write instead.
const DEFAULT_TYPES: [&str; 2] = ["at+jwt", "jwt"];
const DEFAULT_AUTH_TIME: &str = "auth_time";
/// Claims that a refresh renews.
const RENEWED: [&str; 3] = ["iat", "exp", "nbf"];
/// Claims that say something else altogether (RFC 7519 §4.1, OIDC Core §5.1).
const NO_AUTH_TIME: [&str; 5] = ["updated_at", "sub", "iss", "aud", "jti"];

/// The issuers as far as they could be read.
pub(super) struct IssuersRead {
    names: Vec<String>,
    /// `None` after a mistake.
    issuers: Option<Issuers>,
}

impl Default for IssuersRead {
    /// No issuers, which is no mistake where every policy is public.
    fn default() -> Self {
        Self { names: Vec::new(), issuers: Some(Issuers::default()) }
    }
}

impl IssuersRead {
    /// The names, those of issuers with mistakes included.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(super) fn finish(self) -> Option<Issuers> {
        self.issuers
    }
}

pub(super) fn read(node: &Node<'_>) -> IssuersRead {
    let mut names = Vec::new();
    let mut has_opaque_tokens = false;
    let issuers = node.filled_list("a list of issuers").and_then(|items| {
        all(items.map(|item| {
            let issuer = item.object("an issuer", &KEYS)?;
            let issuer = read_issuer(&issuer, &mut names)?;
            let is_second = issuer.has_opaque_tokens() && has_opaque_tokens;
            if is_second {
                // Asking several servers would hand one issuer's tokens to another.
                item.mistake(
                    "is the second with keys.introspection for tokens that are no JWTs, and such a \
                     token does not say whose it is; set keys.introspection.opaque_tokens to false \
                     for all but one",
                );
            }
            has_opaque_tokens |= issuer.has_opaque_tokens();
            (!is_second).then_some(issuer)
        }))
    });
    IssuersRead { names, issuers: issuers.map(Issuers::new) }
}

fn read_issuer(issuer: &Object<'_>, names: &mut Vec<String>) -> Option<Issuer> {
    let name = issuer.required("issuer", "the iss claim of its tokens").and_then(|node| {
        let name = node.text("the iss claim of its tokens")?;
        if names.iter().any(|known| known == name) {
            node.mistake(format!("the issuer {name:?} stands in the list twice"));
            return None;
        }
        names.push(name.to_owned());
        Some(name.into())
    });
    let verified_before = keys::are_verified_before(issuer);
    let audiences = match issuer.get("audiences") {
        // The filter that verifies the tokens may look at the audience itself.
        None if verified_before => Some(Vec::new()),
        _ => issuer
            .required("audiences", "the values of which one has to be in the aud claim")
            .and_then(|node| strings(&node, "a list of audiences", read_audience)),
    };
    for key in ["algorithms", "token_types"] {
        if let Some(node) = issuer.get(key).filter(|_| verified_before) {
            node.mistake(
                "cannot be checked here, where keys.verified_by leaves that to a filter before \
                 this one; take it out, and see to it there",
            );
        }
    }
    let algorithms = match issuer.get("algorithms") {
        Some(node) => read_algorithms(&node),
        None => Some(Algorithms::all()),
    };
    let keys = issuer
        .required("keys", keys::EXPECTED)
        .and_then(|node| keys::read(&node, name.as_deref(), algorithms));
    let token_types = match issuer.get("token_types") {
        Some(node) => strings(&node, "a list of typ values", read_type),
        None => Some(DEFAULT_TYPES.into_iter().map(Into::into).collect()),
    };
    let clock_skew = match issuer.get("clock_skew") {
        Some(node) => read_skew(&node),
        None => Some(DEFAULT_SKEW),
    };
    let auth_time_claim = match issuer.get("auth_time_claim") {
        Some(node) => read_auth_time_claim(&node),
        None => Some(DEFAULT_AUTH_TIME.into()),
    };
    Some(Issuer {
        name: name?,
        audiences: audiences?,
        keys: keys?,
        algorithms: algorithms?,
        token_types: token_types?,
        clock_skew: clock_skew?,
        auth_time_claim: auth_time_claim?,
    })
}

pub(super) fn read_algorithms(node: &Node<'_>) -> Option<Algorithms> {
    let expected = format!("a list of {}", Algorithms::all());
    all(node.filled_list(&expected)?.map(|item| {
        let expected = format!("one of {}", Algorithms::all());
        let algorithm = item.value().as_str().and_then(Algorithm::from_name);
        if algorithm.is_none() {
            item.unexpected(&format!("{expected}; none and HMAC are never accepted"));
        }
        algorithm
    }))
    .map(|list| list.into_iter().collect())
}

fn read_audience(node: &Node<'_>) -> Option<Box<str>> {
    let audience = node.text("an audience")?;
    if audience.contains('*') {
        node.unexpected(
            "an audience without '*', which stands for itself here; name each value that the aud \
             claim may hold",
        );
        return None;
    }
    Some(audience.into())
}

fn read_type(node: &Node<'_>) -> Option<Box<str>> {
    const EXPECTED: &str = "a typ value such as \"at+jwt\"";
    let typ = node.text(EXPECTED)?.to_ascii_lowercase();
    if typ.contains('*') {
        node.unexpected(
            "a typ value without '*', which stands for itself here; name each value, or leave \
             token_types out for at+jwt and JWT",
        );
        return None;
    }
    let short = typ.strip_prefix("application/").unwrap_or(&typ);
    if short.is_empty() {
        node.unexpected(EXPECTED);
        return None;
    }
    Some(short.into())
}

fn read_skew(node: &Node<'_>) -> Option<Duration> {
    let skew = node.seconds()?;
    if skew > GREATEST_SKEW {
        node.unexpected(&format!(
            "{}m at most; a greater one would let expired tokens live on",
            GREATEST_SKEW.as_secs() / 60
        ));
        return None;
    }
    Some(skew)
}

fn read_auth_time_claim(node: &Node<'_>) -> Option<Box<str>> {
    let claim = node.text("the claim that holds the time of the authentication")?;
    if RENEWED.contains(&claim) {
        node.mistake(format!(
            "{claim:?} is not the time of the authentication: a refresh renews it; expected a \
             claim that a refresh leaves alone (RFC 9470 §6.1)"
        ));
        return None;
    }
    if NO_AUTH_TIME.contains(&claim) {
        node.mistake(format!(
            "{claim:?} is not the time of the authentication; expected a claim that holds it, and \
             that a refresh leaves alone (RFC 9470 §6.1)"
        ));
        return None;
    }
    Some(claim.into())
}
