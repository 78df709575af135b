//! What an issuer says of itself (OpenID Connect Discovery §3, RFC 8414 §2), as far as it is of use here.

use serde_json::{Map, Value};

use crate::json;
use crate::keys::Algorithm;
use crate::policy::MAX_LEVELS;
use crate::remote::Endpoint;

/// The filter itself takes no longer document.
const LONGEST: usize = 512 * 1024;
/// A longer value names nothing that an operator would write.
const LONGEST_VALUE: usize = 200;
/// More scopes than this help nobody.
const MOST_SCOPES: usize = 16;

/// What was taken out of the document.
#[derive(Debug)]
pub(super) struct Discovery {
    pub(super) issuer: String,
    /// Where its keys are, and the same taken apart.
    jwks_uri: (String, Endpoint),
    /// Whether the document itself is found, and the keys, on the issuer's own host.
    is_discoverable: bool,
    issuer_endpoint: Endpoint,
    /// As the issuer orders them; those that can be asked for.
    pub(super) acr_values: Vec<String>,
    /// Those that the filter takes; none where the document lists none of them.
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) scopes: Vec<String>,
    /// Of the claims that can prove a level, those that it lists.
    pub(super) claims: Vec<&'static str>,
    pub(super) introspection: Option<String>,
    notes: Vec<String>,
}

/// Where the keys come from, and through which cluster.
#[derive(Debug)]
pub(super) struct Keys<'d> {
    pub(super) cluster: String,
    /// The URL of the keys, where they are not found through the issuer.
    pub(super) uri: Option<&'d str>,
    pub(super) endpoint: &'d Endpoint,
}

impl Discovery {
    /// Reads the document.
    ///
    /// # Errors
    /// A sentence that says why it cannot be used.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes, and no discovery document"));
        }
        let document = json::parse(text.as_bytes()).map_err(|error| {
            format!("is no JSON ({error}); expected what the issuer answers at /.well-known/openid-configuration")
        })?;
        let document = document.as_object().ok_or("is no JSON object")?;
        let issuer = required(document, "issuer")?;
        if issuer.contains(['{', '}']) {
            return Err(format!(
                "the issuer {issuer:?} stands for many; expected the document of one, such as that of your tenant"
            ));
        }
        let issuer_endpoint = url(issuer, "issuer")?;
        let jwks_uri = required(document, "jwks_uri")?;
        let jwks_endpoint = url(jwks_uri, "jwks_uri")?;
        let is_discoverable = issuer_endpoint.scheme() == jwks_endpoint.scheme()
            && issuer_endpoint.authority().eq_ignore_ascii_case(jwks_endpoint.authority())
            && Endpoint::well_known(issuer).is_ok();
        let mut notes = Vec::new();
        let claims = list(document, "claims_supported");
        let introspection = document.get("introspection_endpoint").and_then(Value::as_str);
        Ok(Self {
            issuer: issuer.to_owned(),
            jwks_uri: (jwks_uri.to_owned(), jwks_endpoint),
            is_discoverable,
            issuer_endpoint,
            acr_values: acr_values(document, &mut notes),
            algorithms: algorithms(document, &mut notes),
            scopes: list(document, "scopes_supported").take(MOST_SCOPES).map(Into::into).collect(),
            claims: ["acr", "amr", "acrs", "auth_time"]
                .into_iter()
                .filter(|known| claims.clone().any(|claim| claim == *known))
                .collect(),
            introspection: introspection
                .filter(|uri| Endpoint::from_url(uri).is_ok() && uri.len() <= LONGEST_VALUE)
                .map(Into::into),
            notes,
        })
    }

    /// What the operator has to know beside the file.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where the keys come from: by way of the issuer, or from another host, with a cluster of its own.
    pub(super) fn keys(&self, cluster: &str) -> Keys<'_> {
        let (uri, endpoint) = &self.jwks_uri;
        if self.is_discoverable {
            Keys { cluster: cluster.to_owned(), uri: None, endpoint: &self.issuer_endpoint }
        } else {
            Keys { cluster: format!("{cluster}-keys"), uri: Some(uri), endpoint }
        }
    }
}

fn required<'d>(document: &'d Map<String, Value>, name: &str) -> Result<&'d str, String> {
    let value = document.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| format!("lacks {name}; expected an issuer's discovery document"))
}

fn url(text: &str, name: &str) -> Result<Endpoint, String> {
    Endpoint::from_url(text)
        .map_err(|_| format!("its {name} is {text:?}; expected an http or https URL"))
}

/// The strings of a list that a person would write.
fn list<'d>(document: &'d Map<String, Value>, name: &str) -> impl Iterator<Item = &'d str> + Clone {
    let items = document.get(name).and_then(Value::as_array).into_iter().flatten();
    let texts = items.filter_map(Value::as_str);
    texts.filter(|text| !text.is_empty() && text.len() <= LONGEST_VALUE)
}

/// Those that can prove a level, and be asked for (RFC 9470 §3: separated by spaces, in a header).
fn acr_values(document: &Map<String, Value>, notes: &mut Vec<String>) -> Vec<String> {
    let listed = document.get("acr_values_supported").and_then(Value::as_array);
    let listed = listed.map(Vec::len).unwrap_or_default();
    let mut values: Vec<String> = Vec::new();
    let is_fit = |value: &str| value.bytes().all(|byte| byte.is_ascii_graphic()) && value != "0";
    for value in list(document, "acr_values_supported").filter(|value| is_fit(value)) {
        if !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values.truncate(MAX_LEVELS);
    if values.len() < listed {
        notes.push(format!(
            "levels from {} of {listed} acr_values_supported; the others prove nothing (\"0\"), cannot stand in a \
             challenge, are repeated, or are more than {MAX_LEVELS}",
            values.len()
        ));
    }
    values
}

/// What ID tokens are signed with. No document tells it of access tokens.
fn algorithms(document: &Map<String, Value>, notes: &mut Vec<String>) -> Vec<Algorithm> {
    const NAME: &str = "id_token_signing_alg_values_supported";
    let names = list(document, NAME);
    let known = names.clone().filter_map(Algorithm::from_name).collect::<Vec<_>>();
    if known.is_empty() && names.clone().next().is_some() {
        notes.push(format!(
            "{NAME} lists no algorithm that the filter takes: it takes no shared secrets (HS256), and nothing that \
             is not signed"
        ));
    }
    Algorithm::ALL.into_iter().filter(|algorithm| known.contains(algorithm)).collect()
}
