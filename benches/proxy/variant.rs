//! What is measured: listeners of one Envoy, each with its filters, and the requests for it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::bootstrap::{ext_authz, filter, lua, rbac, wasm};
use crate::support::tokens::jwks;
use crate::support::{Algorithm, SigningKey, claims, forge, now};

/// How many copies of a filter stand in a row where one alone is too cheap to measure.
pub const STACK: usize = 8;

/// More tokens than the cache of a worker holds by default, so each one is new when it comes again.
const NEW_TOKENS: usize = 5_000;

/// One listener and its requests.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What the tables call it.
    pub name: &'static str,
    /// Its HTTP filters, without the router.
    pub filters: Vec<Value>,
    /// How many copies of the filter in question are among them.
    pub copies: usize,
    /// The path of its requests.
    pub path: &'static str,
    /// One of them comes with each request, in turn; none for requests without a token.
    pub tokens: Vec<String>,
    /// What it has to answer. Another answer fails the bench.
    pub status: u16,
    /// A policy that its route names in its metadata.
    pub route_policy: Option<&'static str>,
    /// Whether the work is done in the server of `ext_authz` too.
    pub asks_server: bool,
    /// The variant without a filter that gets the same requests.
    pub base: &'static str,
}

impl Variant {
    /// Requests without a token for a path with the default policy, which pass.
    pub fn new(name: &'static str, filters: Vec<Value>) -> Self {
        Self {
            name,
            filters,
            copies: 1,
            path: "/accounts/7",
            tokens: Vec::new(),
            status: 200,
            route_policy: None,
            asks_server: false,
            base: NO_FILTER,
        }
    }

    /// Whether others are compared with it.
    pub fn is_base(&self) -> bool {
        matches!(self.name, NO_FILTER | NO_TOKEN)
    }

    fn tokens(mut self, tokens: impl Into<Vec<String>>) -> Self {
        self.tokens = tokens.into();
        self
    }

    fn token(self, token: &str) -> Self {
        self.tokens([token.to_owned()])
    }

    const fn path(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    const fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// The modules that the variants load.
#[derive(Debug)]
pub struct Modules {
    /// The filter.
    pub stepup: PathBuf,
    /// A filter that does nothing, as the SDK builds it.
    pub empty: PathBuf,
}

/// Keys, tokens and the filters that take them.
struct Workshop<'a> {
    modules: &'a Modules,
    keys: [SigningKey; 3],
}

impl Workshop<'_> {
    fn key(&self, algorithm: Algorithm) -> &SigningKey {
        self.keys.iter().find(|key| key.algorithm() == algorithm).expect("a key for each")
    }

    /// A token as identity providers write them, valid for as long as any bench takes.
    fn token(&self, algorithm: Algorithm, acr: &str, subject: usize) -> String {
        let claims = claims(now())
            .set("exp", now() + 6 * 3600)
            .subject(&format!("6f1c1d0e-6a52-4b7e-9d5e-{subject:012}"))
            .set("jti", format!("5b0f3c9a-57ae-4a36-8a3c-{subject:012}"))
            .set("client_id", "web-banking")
            .set("scope", "openid profile accounts payments")
            .set("auth_time", now())
            .amr(&["pwd", "otp"])
            .acr(acr);
        self.key(algorithm).token(claims)
    }

    fn known(&self, acr: &str) -> String {
        self.token(Algorithm::Rs256, acr, 0)
    }

    fn new_tokens(&self, algorithm: Algorithm) -> Vec<String> {
        (0..NEW_TOKENS).map(|subject| self.token(algorithm, "2", subject)).collect()
    }

    fn forged_tokens(&self) -> Vec<String> {
        self.new_tokens(Algorithm::Rs256).iter().map(|token| forge(token)).collect()
    }

    /// The configuration that operators are shown first, with keys of this bench.
    fn config(&self) -> Value {
        json!({
            "levels": [
                {"name": "password", "proven_by": [{"acr": ["1"]}]},
                {"name": "mfa", "proven_by": [{"acr": ["2"]}, {"amr": ["pwd", "hwk"]}]},
                {"name": "phishing-resistant", "proven_by": [{"acr": ["phr", "phrh"]}]},
            ],
            "issuers": [{
                "issuer": "https://id.example.com",
                "audiences": ["https://api.example.com"],
                "keys": {"inline": jwks(&self.keys)},
            }],
            "policies": {
                "open": {"public": true},
                "read": {"require": [{"level": "mfa", "max_age": "8h"}]},
                "pay": {"require": [{"level": "phishing-resistant", "max_age": "8h"}], "scopes": ["payments"]},
            },
            "rules": [
                {"match": {"path": "/healthz"}, "policy": "open"},
                {"match": {"path_template": "/accounts/{id}/transfers"}, "policy": "pay"},
            ],
            "default": "read",
            "challenge": {"realm": "bench"},
            // A variant of its own measures what it costs to look.
            "route_metadata": false,
        })
    }

    /// [`Self::config`] with rules for as many services of which none is asked for.
    fn config_with_rules(&self, count: usize) -> Value {
        let mut config = self.config();
        let rules = (0..count).map(|index| match index % 4 {
            0 => json!({"match": {"prefix": format!("/service-{index}/")}, "policy": "read"}),
            1 => json!({"match": {"path": format!("/service-{index}/status")}, "policy": "open"}),
            2 => json!({
                "match": {"path_template": format!("/service-{index}/{{id}}/orders"), "methods": ["POST"]},
                "policy": "pay",
            }),
            _ => json!({
                "match": {
                    "path_separated_prefix": "/admin",
                    "hosts": [format!("service-{index}.example.com")],
                },
                "policy": "pay",
            }),
        });
        config["rules"].as_array_mut().expect("a list").splice(0..0, rules);
        config
    }

    /// [`Self::config`] with more issuers, each with keys of its own kind.
    fn config_with_issuers(&self, count: usize) -> Value {
        let mut config = self.config();
        let keys = jwks(&self.keys);
        let others = (1..count).map(|index| {
            json!({
                "issuer": format!("https://id-{index}.example.com"),
                "audiences": ["https://api.example.com"],
                "keys": {"inline": keys},
            })
        });
        config["issuers"].as_array_mut().expect("a list").splice(0..0, others);
        config
    }

    fn stepup(&self, config: &Value) -> Value {
        wasm(&self.modules.stepup, config)
    }

    fn empty(&self) -> Value {
        wasm(&self.modules.empty, &json!({}))
    }

    /// Envoy's own JWT filter for the same issuer, which puts the claims into metadata on demand.
    fn jwt_authn(&self, algorithm: Algorithm, cached: bool, claims: bool) -> Value {
        let jwks = jwks([self.key(algorithm)]).to_string();
        let mut provider = json!({
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "forward": true,
            "local_jwks": {"inline_string": jwks},
        });
        if cached {
            provider["jwt_cache_config"] = json!({"jwt_cache_size": 1000});
        }
        if claims {
            provider["payload_in_metadata"] = json!("payload");
        }
        filter(
            "envoy.filters.http.jwt_authn",
            "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            json!({
                "providers": {"id": provider},
                "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "id"}}],
            }),
        )
    }

    /// Every variant, in the order in which the tables list them.
    fn variants(&self) -> Vec<Variant> {
        use Algorithm::{EdDsa, Es256, Rs256};
        let known = self.known("2");
        let low = self.known("1");
        let cached = || self.jwt_authn(Rs256, true, false);
        let with_claims = || self.jwt_authn(Rs256, true, true);
        let ours = || self.stepup(&self.config());
        let with_rules = |count| self.stepup(&self.config_with_rules(count));
        let with_issuers = |count| self.stepup(&self.config_with_issuers(count));
        let one = |name, filter| Variant::new(name, vec![filter]);
        let stacked = |name, filter: &dyn Fn() -> Value| Variant {
            copies: STACK,
            ..Variant::new(name, (0..STACK).map(|_| filter()).collect())
        };
        let mut by_route = self.config();
        by_route["route_metadata"] = json!(true);
        let mut variants = vec![
            Variant::new(NO_FILTER, vec![]).token(&known),
            Variant::new("no filter, again", vec![]).token(&known),
            Variant::new(NO_TOKEN, vec![]),
            one("empty filter", self.empty()).token(&known),
            stacked("empty filter, 8 in a row", &|| self.empty()).token(&known),
            one("jwt_authn, new RS256", self.jwt_authn(Rs256, false, false))
                .tokens(self.new_tokens(Rs256)),
            one("jwt_authn, new ES256", self.jwt_authn(Es256, false, false))
                .tokens(self.new_tokens(Es256)),
            one("jwt_authn, new EdDSA", self.jwt_authn(EdDsa, false, false))
                .tokens(self.new_tokens(EdDsa)),
            one("jwt_authn, forged RS256", self.jwt_authn(Rs256, false, false))
                .tokens(self.forged_tokens())
                .status(401),
            one("jwt_authn with cache, known", cached()).token(&known),
            stacked("jwt_authn with cache, 8 in a row", &cached).token(&known),
            Variant::new("jwt_authn with cache + RBAC, allowed", vec![with_claims(), rbac("2")])
                .token(&known),
            Variant::new("jwt_authn with cache + RBAC, refused", vec![with_claims(), rbac("phr")])
                .token(&known)
                .status(403),
            Variant::new("jwt_authn with cache + Lua", vec![with_claims(), lua()]).token(&known),
            Variant { asks_server: true, ..one("ext_authz", ext_authz()).token(&known) },
            one("public route", ours()).token(&known).path("/healthz"),
            stacked("public route, 8 in a row", &ours).token(&known).path("/healthz"),
            one("known token", ours()).token(&known),
            stacked("known token, 8 in a row", &ours).token(&known),
            one("new token, RS256", ours()).tokens(self.new_tokens(Rs256)),
            one("new token, ES256", ours()).tokens(self.new_tokens(Es256)),
            one("new token, EdDSA", ours()).tokens(self.new_tokens(EdDsa)),
            one("challenged", ours()).token(&low).status(401),
            Variant { base: NO_TOKEN, ..one("no token", ours()).status(401) },
            one("forged token, RS256", ours()).tokens(self.forged_tokens()).status(401),
            one("10 rules", with_rules(10)).token(&known),
            one("1,000 rules", with_rules(1_000)).token(&known),
            one("10,000 rules", with_rules(10_000)).token(&known),
            one("50 issuers, known token", with_issuers(50)).token(&known),
            one("50 issuers, new RS256", with_issuers(50)).tokens(self.new_tokens(Rs256)),
        ];
        variants.push(one("route metadata, none", self.stepup(&by_route)).token(&known));
        variants.push(Variant {
            route_policy: Some("read"),
            ..one("route metadata, a policy", self.stepup(&by_route)).token(&known)
        });
        variants
    }

    /// What only the first measurement of a start needs.
    fn startups(&self) -> Startups {
        Startups {
            none: Vec::new(),
            small: vec![self.stepup(&self.config_with_rules(10))],
            large: vec![self.stepup(&self.config_with_rules(10_000))],
            tokens: (0..default_cache_entries() + 500)
                .map(|subject| self.token(Algorithm::Es256, "2", subject))
                .collect(),
        }
    }
}

/// The entries of a worker's cache where the configuration names none (docs/configuration.md).
const fn default_cache_entries() -> usize {
    4096
}

/// Filters to start an Envoy with, to measure what starting takes and holds.
#[derive(Debug)]
pub struct Startups {
    /// No filter.
    pub none: Vec<Value>,
    /// The filter with 10 rules.
    pub small: Vec<Value>,
    /// The filter with 10,000 rules.
    pub large: Vec<Value>,
    /// More tokens than a worker's cache holds.
    pub tokens: Vec<String>,
}

/// The variant that most others are compared with.
const NO_FILTER: &str = "no filter";
/// The proxy reads less for a request without a token.
const NO_TOKEN: &str = "no filter, no token";

/// Makes keys and tokens, and everything that is measured with them.
pub fn all(modules: &Modules) -> (Vec<Variant>, Startups) {
    let key = |algorithm: Algorithm| SigningKey::generate(algorithm, algorithm.name());
    let keys = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa].map(key);
    let workshop = Workshop { modules, keys };
    (workshop.variants(), workshop.startups())
}
