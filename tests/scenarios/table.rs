//! The form of the table: suites of rows, and what each row expects.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{Algorithm, Claims, EnvoyOptions, Request, SigningKey, claims, tokens};

/// One configuration and the rows that are tried on it.
pub struct Suite {
    pub name: &'static str,
    pub config: Value,
    pub rows: Vec<Row>,
    /// How the Envoy differs from the plain one.
    pub envoy: Arc<dyn Fn(EnvoyOptions) -> EnvoyOptions + Send + Sync>,
    /// Whether the rows make sense without an Envoy.
    pub in_memory: bool,
    /// What filters before this one do with tokens.
    pub earlier: Earlier,
    /// Text that Envoy's log has to show once its rows are through.
    pub logged: Vec<&'static str>,
}

impl Suite {
    pub fn new(name: &'static str, config: Value, rows: Vec<Row>) -> Self {
        Self {
            name,
            config,
            rows,
            envoy: Arc::new(|options| options),
            in_memory: true,
            earlier: Earlier::None,
            logged: Vec::new(),
        }
    }

    pub fn envoy(
        mut self,
        options: impl Fn(EnvoyOptions) -> EnvoyOptions + Send + Sync + 'static,
    ) -> Self {
        self.envoy = Arc::new(options);
        self
    }

    pub fn only_in_envoy(mut self) -> Self {
        self.in_memory = false;
        self
    }

    pub fn after(mut self, earlier: Earlier) -> Self {
        self.earlier = earlier;
        self
    }

    pub fn logs(mut self, text: &'static str) -> Self {
        self.logged.push(text);
        self
    }
}

/// What a filter before this one does with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// There is none.
    None,
    /// It leaves the claims of a good one.
    Leaves,
    /// The same, with the scopes split, and takes the token out of the request, as in Istio.
    TakesAndSplits,
}

/// A request that is written when the row runs, as its token holds the time.
pub type MakeRequest = Arc<dyn Fn(&World) -> Request + Send + Sync>;

/// One request, and what has to become of it.
pub struct Row {
    pub name: String,
    pub request: MakeRequest,
    pub expect: Expect,
    /// Properties that the in-memory host answers; a real Envoy has them by its configuration.
    pub properties: Vec<(&'static str, Option<Vec<u8>>)>,
    /// What is expected without the proxy's cryptography, where that differs.
    pub expect_in_memory: Option<Expect>,
    /// Why `stepup explain` cannot tell what Envoy does.
    pub not_explained: Option<&'static str>,
    /// Headers, or `:path`, as they have to reach the upstream; `None` for one that must not.
    pub upstream_sees: Vec<(&'static str, Option<&'static str>)>,
}

/// A row whose request needs no token.
pub fn row(name: impl Into<String>, request: Request, expect: Expect) -> Row {
    made(name, move |_| request.clone(), expect)
}

/// A row whose request is written when it runs.
pub fn made(
    name: impl Into<String>,
    request: impl Fn(&World) -> Request + Send + Sync + 'static,
    expect: Expect,
) -> Row {
    Row {
        name: name.into(),
        request: Arc::new(request),
        expect,
        properties: Vec::new(),
        expect_in_memory: None,
        not_explained: None,
        upstream_sees: Vec::new(),
    }
}

impl Row {
    pub fn property(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.properties.push((name, Some(value.into())));
        self
    }

    /// The proxy knows the property and cannot hand it out.
    pub fn unreadable(mut self, name: &'static str) -> Self {
        self.properties.push((name, None));
        self
    }

    /// The header, or `:path`, has to reach the upstream like this; with `None`, not at all.
    pub fn upstream_sees(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.upstream_sees.push((name, value));
        self
    }

    /// `stepup explain` cannot tell what Envoy does, for this reason.
    pub fn not_explained(mut self, why: &'static str) -> Self {
        self.not_explained = Some(why);
        self
    }

    pub fn in_memory(mut self, expect: Expect) -> Self {
        self.expect_in_memory = Some(expect);
        self
    }
}

/// What has to become of a request.
#[derive(Clone, Debug)]
pub enum Expect {
    /// It reaches the upstream.
    Passed,
    /// It is answered like this, and does not reach the upstream.
    Answered {
        status: u16,
        /// `WWW-Authenticate`, to the letter, each on a line; `None` for none.
        authenticate: Option<String>,
        /// The last part of the problem's `type`.
        problem: &'static str,
    },
    /// Whatever answers it, it does not reach the upstream.
    Stopped(&'static [u16]),
}

/// A challenge, with the realm of [`config`] and these further parameters.
fn challenged(status: u16, problem: &'static str, parameters: &str) -> Expect {
    Expect::Answered {
        status,
        authenticate: Some(format!("Bearer realm=\"example\"{parameters}")),
        problem,
    }
}

/// The algorithms of DPoP proofs where none are configured, and the proxy checks signatures.
const DPOP_ALGORITHMS: &str = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 ES256K EdDSA";

impl Expect {
    /// Whether the request has to reach the upstream.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Passed)
    }

    /// The same challenge, with the DPoP scheme (RFC 9449 §7.1).
    pub fn by_dpop(self) -> Self {
        self.with_challenges(|bearer| as_dpop(&bearer))
    }

    /// The same challenge with both schemes (RFC 9449 §7.2).
    pub fn by_both(self) -> Self {
        self.with_challenges(|bearer| format!("{bearer}\n{}", as_dpop(&bearer)))
    }

    /// The same challenge where the proxy checks no signatures: it alone has ES512.
    pub fn without_proxy(self) -> Self {
        self.with_challenges(|text| text.replace(" ES512", ""))
    }

    fn with_challenges(self, change: impl Fn(String) -> String) -> Self {
        match self {
            Self::Answered { status, authenticate, problem } => {
                Self::Answered { status, authenticate: authenticate.map(change), problem }
            }
            other => other,
        }
    }
}

fn as_dpop(bearer: &str) -> String {
    let parameters = bearer.strip_prefix("Bearer").expect("a Bearer challenge");
    format!("DPoP{parameters}, algs=\"{DPOP_ALGORITHMS}\"")
}

/// `401 invalid_dpop_proof`.
pub fn invalid_proof(description: &str) -> Expect {
    let code = "invalid_dpop_proof";
    challenged(401, code, &error(code, description)).by_dpop()
}

/// `401 use_dpop_nonce`.
pub fn needs_nonce() -> Expect {
    let code = "use_dpop_nonce";
    let description = "The DPoP proof has to hold the nonce that comes with this answer.";
    challenged(401, code, &error(code, description)).by_dpop()
}

fn error(code: &str, description: &str) -> String {
    format!(", error=\"{code}\", error_description=\"{description}\"")
}

/// `401` without an error code: no token came. `asked` is what follows the realm.
pub fn no_token(asked: &str) -> Expect {
    challenged(401, "unauthenticated", asked)
}

/// `401 invalid_token`.
pub fn invalid_token() -> Expect {
    invalid_token_saying("The access token is not valid here.")
}

pub fn invalid_token_saying(description: &str) -> Expect {
    challenged(401, "invalid_token", &error("invalid_token", description))
}

/// `401 insufficient_user_authentication`: another level is needed.
pub fn other_level(asked: &str) -> Expect {
    insufficient("A different authentication level is required.", asked)
}

/// `401 insufficient_user_authentication`: a fresh authentication is needed.
pub fn fresher(asked: &str) -> Expect {
    insufficient("More recent authentication is required.", asked)
}

fn insufficient(description: &str, asked: &str) -> Expect {
    let code = "insufficient_user_authentication";
    challenged(401, code, &format!("{}{asked}", error(code, description)))
}

/// `403 insufficient_scope`.
pub fn lacks_scope(scope: &str) -> Expect {
    let description = "The request needs more scopes than the access token has.";
    let code = "insufficient_scope";
    challenged(403, code, &format!("{}, scope=\"{scope}\"", error(code, description)))
}

/// `400 invalid_request`.
pub fn malformed() -> Expect {
    let description = "The request has to carry exactly one access token, in one place.";
    challenged(400, "invalid_request", &error("invalid_request", description))
}

/// `400` without a challenge: the request could be read in two ways.
pub fn ambiguous() -> Expect {
    Expect::Answered { status: 400, authenticate: None, problem: "bad_request" }
}

/// `500`: the configuration and the proxy disagree.
pub fn misconfigured() -> Expect {
    Expect::Answered { status: 500, authenticate: None, problem: "misconfigured" }
}

/// The keys of the run, and the time at which a row runs.
pub struct World {
    pub now: u64,
    pub keys: Arc<Keys>,
}

impl World {
    /// Claims at the time of the row.
    pub fn claims(&self) -> Claims {
        claims(self.now)
    }

    /// A token by the key that most rows use.
    pub fn token(&self, claims: Claims) -> String {
        self.keys.main.token(claims)
    }
}

/// The keys of the run. Their public halves stand in [`config`].
pub struct Keys {
    /// ES256.
    pub main: SigningKey,
    /// RS256.
    pub rsa: SigningKey,
    /// ES256, of a client that signs DPoP proofs.
    pub client: SigningKey,
    /// ES256, of another issuer.
    pub other: SigningKey,
    /// ES256, and published nowhere.
    pub stranger: SigningKey,
    /// One for each algorithm.
    pub each: Vec<SigningKey>,
}

impl Keys {
    pub fn generate() -> Self {
        let each = Algorithm::ASYMMETRIC
            .into_iter()
            .map(|algorithm| SigningKey::generate(algorithm, algorithm.name()));
        Self {
            main: SigningKey::generate(Algorithm::Es256, "main"),
            rsa: SigningKey::generate(Algorithm::Rs256, "rsa"),
            client: SigningKey::generate(Algorithm::Es256, "client"),
            other: SigningKey::generate(Algorithm::Es256, "other"),
            stranger: SigningKey::stranger(Algorithm::Es256, "main"),
            each: each.collect(),
        }
    }
}

/// The second issuer of [`config`].
pub const OTHER_ISSUER: &str = "https://other.example.com";

/// A configuration as an operator writes it, for suites to change.
pub fn config(keys: &Keys) -> Value {
    json!({
        "levels": [
            {"name": "password", "proven_by": [{"acr": ["1", "urn:example:pwd"]}]},
            {"name": "mfa", "proven_by": [
                {"acr": ["2"]},
                {"amr": ["pwd", "otp"]},
                {"claim": "acrs", "any_of": ["c1", "c2"]},
                {"issuer": OTHER_ISSUER, "acr": ["high"]},
            ]},
            {"name": "phishing-resistant", "proven_by": [{"acr": ["phr", "phrh"]}]},
        ],
        "issuers": [
            {
                "issuer": "https://id.example.com",
                "audiences": ["https://api.example.com"],
                "keys": {"inline": tokens::jwks([&keys.main, &keys.rsa])},
            },
            {
                "issuer": OTHER_ISSUER,
                "audiences": ["https://api.example.com"],
                "keys": {"inline": tokens::jwks([&keys.other])},
            },
        ],
        "policies": {
            "open": {"public": true},
            "read": {"require": [{"level": "password"}]},
            "change": {"require": [{"level": "mfa", "max_age": "8h"}]},
            "pay": {
                "require": [
                    {"level": "phishing-resistant", "max_age": "15m"},
                    {"level": "mfa", "max_age": "2m"},
                ],
                "scopes": ["payments"],
            },
            "machine": {"scopes": ["batch", "export"]},
        },
        "rules": [
            {"match": {"path": "/healthz"}, "policy": "open"},
            {
                "match": {"path_template": "/accounts/{id}/transfers", "methods": ["POST"]},
                "policy": "pay",
            },
            {"match": {"prefix": "/batch"}, "policy": "machine"},
            {
                "match": {"prefix": "/api", "methods": ["POST", "PUT", "PATCH", "DELETE"]},
                "policy": "change",
            },
        ],
        "default": "read",
        "challenge": {"realm": "example"},
    })
}

/// What a challenge asks for, by policy of [`config`].
pub const ASK_READ: &str = ", acr_values=\"1 urn:example:pwd\"";
pub const ASK_CHANGE: &str = ", acr_values=\"2 high\", max_age=\"28800\"";
pub const ASK_PAY: &str = ", acr_values=\"phr phrh\", max_age=\"900\"";
pub const ASK_PAY_AND_SCOPE: &str =
    ", acr_values=\"phr phrh\", max_age=\"900\", scope=\"payments\"";
