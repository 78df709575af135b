//! The answer for a decision: status, headers and body.
//!
//! `WWW-Authenticate` follows RFC 6750 §3, RFC 9449 §7 and RFC 9470 §3, the body RFC 9457.

mod parameters;
#[cfg(test)]
mod tests;

use serde::Serialize;

use self::parameters::Parameters;
use crate::decision::{Challenge, ChallengeReason, Denial, FailureKind, MissingScopes, Shortfall};
use crate::keys::{Algorithm, Algorithms};
use crate::policy::{Ladder, Requirement};
use crate::possession::ProofError;
use crate::token::{Scheme, TokenError};

/// What challenges carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeSettings {
    /// The protection space (RFC 9110 §11.5).
    pub realm: Box<str>,
    /// Where the metadata of the protected resource stands (RFC 9728 §5.1).
    pub resource_metadata: Option<Box<str>>,
    /// Whether a request without a token is told what the policy asks for (RFC 9470 §9 leaves it
    /// to the operator).
    pub hint_without_token: bool,
    /// The algorithms of DPoP proofs (RFC 9449 §7.1).
    pub dpop_algorithms: Algorithms,
}

/// An answer that the proxy sends instead of the upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, beside those that the proxy adds.
    pub headers: Vec<(&'static str, String)>,
    /// The body, `application/problem+json` (RFC 9457).
    pub body: Vec<u8>,
}

/// The body of an answer (RFC 9457 §3).
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr_values: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// An error as a client reads it: a code, and two sentences that give nothing away.
struct Error<'a> {
    status: u16,
    code: &'static str,
    title: &'static str,
    detail: &'a str,
}

/// The code of a body without an OAuth error: no token came.
const UNAUTHENTICATED: &str = "unauthenticated";

/// What a challenge asks for, as text.
#[derive(Default)]
struct Asked<'a> {
    acr_values: Option<&'a str>,
    max_age: Option<u64>,
    scope: Option<String>,
}

impl<'a> Asked<'a> {
    fn new(requirement: Option<Requirement>, scopes: &[&str], levels: &'a Ladder) -> Self {
        let level = requirement.and_then(|requirement| levels.get(requirement.level));
        Self {
            acr_values: level.map(|level| &*level.ask_for),
            max_age: requirement.and_then(|r| r.max_age).map(|age| age.as_secs()),
            scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
        }
    }
}

/// The answer to a request that has to authenticate, or to authenticate again.
pub fn challenge(
    challenge: &Challenge<'_>,
    settings: &ChallengeSettings,
    levels: &Ladder,
    schemes: &[Scheme],
) -> Response {
    let asked = || Asked::new(challenge.requirement, &challenge.scopes, levels);
    match challenge.reason {
        ChallengeReason::NoToken => {
            let asked = if settings.hint_without_token { asked() } else { Asked::default() };
            let error = Error {
                status: 401,
                code: UNAUTHENTICATED,
                title: "Authentication is required",
                detail: "The request carries no access token.",
            };
            answer(&error, &asked, settings, schemes)
        }
        ChallengeReason::InvalidToken(error) => {
            answer(&invalid_token(error), &Asked::default(), settings, schemes)
        }
        ChallengeReason::InvalidProof(error) => {
            answer(&invalid_proof(error), &Asked::default(), settings, schemes)
        }
        ChallengeReason::Insufficient(shortfall) => {
            answer(&insufficient_authentication(shortfall), &asked(), settings, schemes)
        }
    }
}

/// The answer to a request whose token lacks scopes (RFC 6750 §3.1).
pub fn forbid(
    missing: &MissingScopes<'_>,
    settings: &ChallengeSettings,
    schemes: &[Scheme],
) -> Response {
    let error = Error {
        status: 403,
        code: "insufficient_scope",
        title: "The access token lacks a scope",
        detail: "The request needs more scopes than the access token has.",
    };
    let asked = Asked { scope: Some(missing.required.join(" ")), ..Asked::default() };
    answer(&error, &asked, settings, schemes)
}

/// The answer to a request that a raise denies. No token changes that, so there is no challenge.
pub fn deny(denial: &Denial<'_>) -> Response {
    plain(&Error {
        status: 403,
        code: "denied",
        title: "The request is denied",
        detail: denial.detail,
    })
}

/// The answer to a request whose credentials are malformed (RFC 6750 §3.1).
pub fn malformed_credentials(settings: &ChallengeSettings, schemes: &[Scheme]) -> Response {
    let error = Error {
        status: 400,
        code: "invalid_request",
        title: "The credentials are malformed",
        detail: "The request has to carry exactly one access token, in one place.",
    };
    answer(&error, &Asked::default(), settings, schemes)
}

/// The answer to a request over which nothing could be decided.
pub fn failure(kind: FailureKind) -> Response {
    let (status, code, title, detail) = match kind {
        FailureKind::Ambiguous | FailureKind::UntrustedHeader => (
            400,
            "bad_request",
            "The request is ambiguous",
            "Path, host or headers of the request could be read in more than one way.",
        ),
        // RFC 9110 §15.5.9.
        FailureKind::BodyTimeout => (
            408,
            "request_timeout",
            "The request took too long",
            "The body of the request did not come in time.",
        ),
        FailureKind::Misconfigured => (
            500,
            "misconfigured",
            "The gateway is misconfigured",
            "The gateway has no usable policy for this route. The operator's log says why.",
        ),
        FailureKind::BodyWithheld => (
            500,
            "misconfigured",
            "The gateway is misconfigured",
            "The gateway has to read the body of this request and does not get it. The operator's \
             log says why.",
        ),
        FailureKind::Unavailable { .. } => (
            503,
            "unavailable",
            "The token cannot be checked now",
            "What is needed to check the access token is not available. Try again later.",
        ),
        FailureKind::Overloaded { .. } => (
            503,
            "unavailable",
            "The request cannot be examined now",
            "Too many requests wait for their bodies. Try again later.",
        ),
    };
    let mut response = plain(&Error { status, code, title, detail });
    if let FailureKind::Unavailable { retry_after } | FailureKind::Overloaded { retry_after } = kind
    {
        // RFC 9110 §10.2.3: whole seconds. A client that comes back too early comes in vain.
        let begun = u64::from(retry_after.subsec_nanos() > 0);
        let seconds = retry_after.as_secs().saturating_add(begun).max(1);
        response.headers.push(("retry-after", seconds.to_string()));
    }
    response
}

/// What a caller may know: an expired token is renewed, any other is replaced. More would help to
/// forge one.
const fn invalid_token(error: TokenError) -> Error<'static> {
    let detail = match error {
        TokenError::Expired => "The access token has expired.",
        TokenError::NotYetValid => "The access token is not valid yet.",
        _ => "The access token is not valid here.",
    };
    Error { status: 401, code: "invalid_token", title: "The access token is invalid", detail }
}

/// Who made the proof may know what is wrong with it: no one else's secret is in it.
const fn invalid_proof(error: ProofError) -> Error<'static> {
    const TITLE: &str = "The DPoP proof is invalid";
    let detail = match error {
        ProofError::NoNonce => {
            return Error {
                status: 401,
                code: "use_dpop_nonce",
                title: TITLE,
                detail: "The DPoP proof has to hold the nonce that comes with this answer.",
            };
        }
        ProofError::Missing => "The request carries no DPoP proof.",
        ProofError::Several => "The request carries more than one DPoP proof.",
        ProofError::TooOld | ProofError::InTheFuture => {
            "The DPoP proof was not made at this time, as far as the clocks here and there agree."
        }
        ProofError::Replayed => "The DPoP proof was used before.",
        _ => "The DPoP proof is not valid for this request.",
    };
    Error { status: 401, code: "invalid_dpop_proof", title: TITLE, detail }
}

const fn insufficient_authentication(shortfall: Shortfall) -> Error<'static> {
    let detail = match shortfall {
        Shortfall::Level { .. } => "A different authentication level is required.",
        Shortfall::AuthTime { .. } | Shortfall::Age { .. } => {
            "More recent authentication is required."
        }
    };
    Error {
        status: 401,
        code: "insufficient_user_authentication",
        title: "The authentication is not sufficient",
        detail,
    }
}

/// One challenge for each scheme, each in a header of its own: clients that split a list of
/// challenges at commas are common.
fn answer(
    error: &Error<'_>,
    asked: &Asked<'_>,
    settings: &ChallengeSettings,
    schemes: &[Scheme],
) -> Response {
    let mut response = problem(error, asked);
    for scheme in schemes {
        let text = write_challenge(*scheme, error, asked, settings);
        response.headers.push(("www-authenticate", text));
    }
    response
}

fn write_challenge(
    scheme: Scheme,
    error: &Error<'_>,
    asked: &Asked<'_>,
    settings: &ChallengeSettings,
) -> String {
    let mut parameters = Parameters::new(scheme.name().unwrap_or("Bearer"));
    parameters.push("realm", &settings.realm);
    if error.code != UNAUTHENTICATED {
        parameters.push("error", error.code);
        parameters.push("error_description", error.detail);
    }
    if let Some(acr_values) = asked.acr_values {
        parameters.push("acr_values", acr_values);
    }
    if let Some(max_age) = asked.max_age {
        parameters.push("max_age", &max_age.to_string());
    }
    if let Some(scope) = &asked.scope {
        parameters.push("scope", scope);
    }
    if let Some(location) = &settings.resource_metadata {
        parameters.push("resource_metadata", location);
    }
    if scheme == Scheme::DPoP {
        let names = settings.dpop_algorithms.iter().map(Algorithm::name).collect::<Vec<_>>();
        parameters.push("algs", &names.join(" "));
    }
    parameters.finish()
}

fn plain(error: &Error<'_>) -> Response {
    problem(error, &Asked::default())
}

fn problem(error: &Error<'_>, asked: &Asked<'_>) -> Response {
    /// Most bodies are shorter, so they need not move as they grow.
    const USUAL: usize = 384;
    let mut body = Vec::with_capacity(USUAL);
    let problem = Problem {
        r#type: ["urn:envoy-stepup:problem:", error.code].concat(),
        title: error.title,
        status: error.status,
        detail: error.detail,
        acr_values: asked.acr_values,
        max_age: asked.max_age,
        scope: asked.scope.as_deref(),
    };
    if serde_json::to_writer(&mut body, &problem).is_err() {
        // Strings and numbers always serialize.
        body.clear();
    }
    Response {
        status: error.status,
        headers: vec![
            ("content-type", "application/problem+json".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ],
        body,
    }
}
