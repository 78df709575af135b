//! Asking an authorization server about a token (RFC 7662; RFC 9470 §6.2).
//!
//! Here are the call and its answer. What an answer proves, and what is remembered of it, is
//! judged in [`crate::token`].

mod client;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

pub use self::client::{ClientMethod, ClientSettings};

use self::client::Client;
use crate::config::Mistake;
use crate::host::{CallId, Callout, CalloutAnswer, Host, NotOffered};
use crate::json;
use crate::remote::Endpoint;

/// How an authorization server is asked about the tokens of its issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionSettings {
    /// The proxy's cluster that the calls go through.
    pub cluster: Box<str>,
    /// The introspection endpoint.
    pub endpoint: Endpoint,
    /// How long the proxy waits for an answer.
    pub timeout: Duration,
    /// How long a request waits for an answer.
    pub wait: Duration,
    /// How long an answer is remembered at most; not at all with 0.
    pub cache_for: Duration,
    /// Whether tokens that are no JWTs are this issuer's. At most one issuer has them.
    pub opaque_tokens: bool,
    /// Whether an answer without `aud` proves nothing (RFC 7662 §2.2 leaves `aud` optional).
    pub require_audience: bool,
    /// How the filter authenticates (RFC 7662 §2.1).
    pub client: ClientSettings,
}

/// An authorization server, with the filter's credentials for it.
#[derive(Debug)]
pub(crate) struct Server {
    settings: IntrospectionSettings,
    client: Client,
}

/// Why there is no answer about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The server does not take the filter's credentials.
    Unauthorized(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized(status) => write!(
                f,
                "{status}: the server refuses the filter's credentials; check client.id, and the \
                 environment variable with its secret or key"
            ),
            Self::Failed(problem) => f.write_str(problem),
        }
    }
}

impl Server {
    /// The longest answer that is read, in bytes. It is remembered as it is.
    const MAX_ANSWER: usize = 64 * 1024;

    /// Takes the credentials from the environment.
    pub(crate) fn new(settings: &IntrospectionSettings, host: &dyn Host) -> Result<Self, Mistake> {
        let client = Client::new(&settings.client, host)?;
        Ok(Self { settings: settings.clone(), client })
    }

    pub(crate) const fn settings(&self) -> &IntrospectionSettings {
        &self.settings
    }

    /// Asks about a token (RFC 7662 §2.1). The answer comes to the context whose callback this is
    /// called in.
    pub(crate) fn ask(&self, host: &dyn Host, token: &str) -> Result<CallId, NoAnswer> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", token).append_pair("token_type_hint", "access_token");
        let authorization = self.client.authenticate(&mut form, host.now());
        let authorization = authorization
            .ok_or_else(|| NoAnswer::Failed("the client assertion cannot be signed".to_owned()))?;
        let mut headers = self.settings.endpoint.post_form();
        if let Some(authorization) = &authorization {
            headers.push(("authorization", authorization));
        }
        let body = form.finish();
        let callout = Callout {
            cluster: &self.settings.cluster,
            headers,
            body: body.as_bytes(),
            timeout: self.settings.timeout,
        };
        host.call(&callout)
            .map_err(|_| NoAnswer::Failed(NotOffered::no_cluster(&self.settings.cluster)))
    }
}

/// What a server states about a token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Statement {
    /// It is active, and the members of the answer are true of it.
    Active(Map<String, Value>),
    /// It is not active.
    Inactive,
}

/// Reads an answer (RFC 7662 §2.2).
pub(crate) fn read(answer: &CalloutAnswer) -> Result<Statement, NoAnswer> {
    let refused = |problem: String| match answer.headers.single(":status") {
        Some(b"401" | b"403") => NoAnswer::Unauthorized(problem),
        _ => NoAnswer::Failed(problem),
    };
    let body = answer.success().map_err(refused)?;
    let failed = |problem: &str| NoAnswer::Failed(problem.to_owned());
    if body.len() > Server::MAX_ANSWER {
        return Err(NoAnswer::Failed(format!("a body of more than {} bytes", Server::MAX_ANSWER)));
    }
    let claims = match json::parse(body) {
        Ok(Value::Object(claims)) => claims,
        Ok(_) => return Err(failed("an answer that is no JSON object")),
        // The parser's message can quote the answer, and with it the token's claims.
        Err(_) => return Err(failed("an answer that is not JSON, or names a member twice")),
    };
    match claims.get("active") {
        Some(Value::Bool(true)) => Ok(Statement::Active(claims)),
        Some(Value::Bool(false)) => Ok(Statement::Inactive),
        _ => Err(failed("an answer without active: true or false")),
    }
}
