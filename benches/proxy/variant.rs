//! What is measured: listeners of one Envoy, each with its filters, and the requests for it.

use serde_json::Value;

use crate::bootstrap::{buffer, ext_authz, lua, rbac};
use crate::support::Algorithm;
use crate::workshop::Workshop;

/// How many copies of a filter stand in a row where one alone is too cheap to measure.
pub const STACK: usize = 8;

/// What requests carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// No token.
    None,
    /// The same good token with this acr.
    Known {
        /// The claim.
        acr: &'static str,
    },
    /// Good tokens in turn, more than any cache holds.
    New(Algorithm),
    /// The same with RS256 and signatures that are not the issuer's.
    Forged,
}

impl Tokens {
    /// Whether each request carries another one.
    pub const fn change(self) -> bool {
        matches!(self, Self::New(_) | Self::Forged)
    }
}

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
    /// What its requests carry.
    pub tokens: Tokens,
    /// What its requests post, as JSON; others are GET.
    pub body: Option<&'static str>,
    /// What it has to answer. Another answer fails the bench.
    pub status: u16,
    /// A policy that its route names in its metadata.
    pub route_policy: Option<&'static str>,
    /// Whether the work is done in the server of `ext_authz` too.
    pub asks_server: bool,
    /// The variant without a filter that gets the same requests.
    pub base: &'static str,
    /// What has to be known to read its figures.
    pub note: Option<&'static str>,
}

impl Variant {
    /// GET requests with a known token for a path with the default policy, which pass.
    pub const fn new(name: &'static str, filters: Vec<Value>) -> Self {
        Self {
            name,
            filters,
            copies: 1,
            path: "/accounts/7",
            tokens: Tokens::Known { acr: "2" },
            body: None,
            status: 200,
            route_policy: None,
            asks_server: false,
            base: NO_FILTER,
            note: None,
        }
    }

    const fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// Posts a body, which is read before Envoy answers.
    fn body(mut self) -> Self {
        self.filters.push(buffer());
        self.body = Some(r#"{"amount":"250.00","currency":"EUR","to":"DE02120300000000202051"}"#);
        self.base = NO_FILTER_BODY;
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
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

/// The variant that most others are compared with.
const NO_FILTER: &str = "no filter";
/// The proxy reads less for a request without a token.
const NO_TOKEN: &str = "no filter, no token";
/// The proxy reads more for a request with a body.
const NO_FILTER_BODY: &str = "no filter, a body";

const IN_WASM: &str = "checked in WebAssembly";
const NETWORKS: usize = 10_000;

/// Every variant, in the order in which the tables list them.
pub fn all(workshop: &Workshop) -> Vec<Variant> {
    use Algorithm::{EdDsa, Es256, Es256k, Ps256, Rs256};
    let cached = || workshop.jwt_authn(Rs256, true, false);
    let with_claims = || workshop.jwt_authn(Rs256, true, true);
    let ours = || workshop.stepup(&workshop.config());
    let with_rules = |count| workshop.stepup(&workshop.config_with_rules(count));
    let with_issuers = |count| workshop.stepup(&workshop.config_with_issuers(count));
    let with_condition = |when| workshop.stepup(&workshop.config_with_condition(when));
    let one = |name, filter| Variant::new(name, vec![filter]);
    let new = |name, algorithm| one(name, ours()).tokens(Tokens::New(algorithm));
    let native = |name, algorithm| {
        one(name, workshop.jwt_authn(algorithm, false, false)).tokens(Tokens::New(algorithm))
    };
    let stacked = |name, filter: &dyn Fn() -> Value| Variant {
        copies: STACK,
        ..Variant::new(name, (0..STACK).map(|_| filter()).collect())
    };
    let mut by_route = workshop.config();
    by_route["route_metadata"] = true.into();
    let by_route = || workshop.stepup(&by_route);
    vec![
        Variant::new(NO_FILTER, vec![]),
        Variant::new("no filter, again", vec![]),
        Variant::new(NO_TOKEN, vec![]).tokens(Tokens::None),
        Variant::new(NO_FILTER_BODY, vec![]).body(),
        one("empty filter", workshop.empty()),
        stacked("empty filter, 8 in a row", &|| workshop.empty()),
        native("jwt_authn, new RS256", Rs256),
        native("jwt_authn, new ES256", Es256),
        native("jwt_authn, new EdDSA", EdDsa),
        native("jwt_authn, new PS256", Ps256),
        one("jwt_authn, forged RS256", workshop.jwt_authn(Rs256, false, false))
            .tokens(Tokens::Forged)
            .status(401),
        one("jwt_authn with cache, known", cached()),
        stacked("jwt_authn with cache, 8 in a row", &cached),
        Variant::new("jwt_authn with cache + RBAC, allowed", vec![with_claims(), rbac("2")]),
        Variant::new("jwt_authn with cache + RBAC, refused", vec![with_claims(), rbac("phr")])
            .status(403),
        Variant::new("jwt_authn with cache + Lua", vec![with_claims(), lua()]),
        Variant { asks_server: true, ..one("ext_authz", ext_authz()) },
        one("public route", ours()).path("/healthz"),
        stacked("public route, 8 in a row", &ours).path("/healthz"),
        one("known token", ours()),
        stacked("known token, 8 in a row", &ours),
        new("new token, RS256", Rs256),
        new("new token, ES256", Es256),
        new("new token, EdDSA", EdDsa).note(IN_WASM),
        new("new token, PS256", Ps256).note(IN_WASM),
        new("new token, ES256K", Es256k).note(IN_WASM),
        one("challenged", ours()).tokens(Tokens::Known { acr: "1" }).status(401),
        Variant { base: NO_TOKEN, ..one("no token", ours()).tokens(Tokens::None).status(401) },
        one("forged token, RS256", ours()).tokens(Tokens::Forged).status(401),
        one("10 rules", with_rules(10)),
        one("1,000 rules", with_rules(1_000)),
        one("10,000 rules", with_rules(10_000)),
        one("50 issuers, known token", with_issuers(50)),
        one("50 issuers, new RS256", with_issuers(50)).tokens(Tokens::New(Rs256)),
        one("route metadata, none", by_route()),
        Variant { route_policy: Some("read"), ..one("route metadata, a policy", by_route()) },
        one(
            "known token, condition on a header",
            with_condition("request.headers['origin'] != 'https://app.example.com'"),
        ),
        one(
            "known token, condition on a claim",
            with_condition("claims.client_id != 'web-banking'"),
        ),
        one(
            "known token, condition on a feed",
            workshop.stepup(&workshop.config_with_feed(NETWORKS)),
        )
        .note("10,000 networks"),
        one("known token, a body", ours()).body(),
        one(
            "known token, condition on the body",
            with_condition("decimal(request.body.amount) > decimal('1000')"),
        )
        .body(),
    ]
}

/// Those of all variants that are called so, and what they are compared with.
pub fn with_bases(all: Vec<Variant>, wanted: &[&str]) -> Vec<Variant> {
    let bases: Vec<_> =
        all.iter().filter(|one| wanted.contains(&one.name)).map(|one| one.base).collect();
    let is_measured = |one: &Variant| wanted.contains(&one.name) || bases.contains(&one.name);
    all.into_iter().filter(is_measured).collect()
}
