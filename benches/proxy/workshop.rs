//! Keys, tokens, and the filters that take them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::bootstrap::{filter, wasm};
use crate::support::tokens::jwks;
use crate::support::{Algorithm, SigningKey, claims, forge, now};
use crate::variant::Tokens;

/// More tokens than the cache of a worker holds by default, so each one is new when it comes again.
const NEW_TOKENS: usize = 5_000;

/// The modules that the variants load.
#[derive(Debug)]
pub struct Modules {
    /// The filter.
    pub stepup: PathBuf,
    /// A filter that does nothing, as the SDK builds it.
    pub empty: PathBuf,
}

/// Makes what the variants are made of.
#[derive(Debug)]
pub struct Workshop {
    modules: Modules,
    keys: [SigningKey; 5],
    /// New tokens, by algorithm.
    signed: RefCell<BTreeMap<&'static str, Vec<String>>>,
}

impl Workshop {
    /// Makes keys, and nothing else yet.
    pub fn new(modules: Modules) -> Self {
        use Algorithm::{EdDsa, Es256, Es256k, Ps256, Rs256};
        let key = |algorithm: Algorithm| SigningKey::generate(algorithm, algorithm.name());
        Self {
            modules,
            keys: [Rs256, Es256, EdDsa, Ps256, Es256k].map(key),
            signed: RefCell::default(),
        }
    }

    /// The modules that the filters load.
    pub const fn modules(&self) -> &Modules {
        &self.modules
    }

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

    /// The tokens of a variant's requests. Many take seconds to sign, so variants share them.
    pub fn tokens(&self, tokens: Tokens) -> Vec<String> {
        match tokens {
            Tokens::None => Vec::new(),
            Tokens::Known { acr } => vec![self.token(Algorithm::Rs256, acr, 0)],
            Tokens::New(algorithm) => {
                let sign = || self.new_tokens(algorithm);
                let mut signed = self.signed.borrow_mut();
                signed.entry(algorithm.name()).or_insert_with(sign).clone()
            }
            Tokens::Forged => self
                .tokens(Tokens::New(Algorithm::Rs256))
                .iter()
                .map(|token| forge(token))
                .collect(),
        }
    }

    fn new_tokens(&self, algorithm: Algorithm) -> Vec<String> {
        (0..NEW_TOKENS).map(|user| self.token(algorithm, "2", user)).collect()
    }

    /// The configuration that operators are shown first, with keys of this bench.
    pub fn config(&self) -> Value {
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
    pub fn config_with_rules(&self, count: usize) -> Value {
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
    pub fn config_with_issuers(&self, count: usize) -> Value {
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

    /// [`Self::config`] where more is demanded under a condition, which no request meets.
    pub fn config_with_condition(&self, condition: &str) -> Value {
        let mut config = self.config();
        config["policies"]["read"]["raise"] = json!([{
            "name": "unusual",
            "when": condition,
            "require": [{"level": "phishing-resistant"}],
        }]);
        config
    }

    /// [`Self::config_with_condition`] that looks the client's address up in a list of networks.
    pub fn config_with_feed(&self, networks: usize) -> Value {
        let mut config = self.config_with_condition("source.ip in feeds.blocked");
        // Half of each third byte, so that no two of them are one larger network.
        let network = |index| format!("10.{}.{}.0/25", index / 256, index % 256);
        let networks: Vec<_> = (0..networks).map(network).collect();
        config["feeds"] = json!({"blocked": {"type": "networks", "inline": networks}});
        config
    }

    /// The filter with this configuration.
    pub fn stepup(&self, config: &Value) -> Value {
        wasm(&self.modules.stepup, config)
    }

    /// The filter that does nothing.
    pub fn empty(&self) -> Value {
        wasm(&self.modules.empty, &json!({}))
    }

    /// Envoy's own JWT filter for the same issuer, which puts the claims into metadata on demand.
    pub fn jwt_authn(&self, algorithm: Algorithm, cached: bool, claims: bool) -> Value {
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

    /// What only the first measurement of a start needs.
    pub fn startups(&self) -> Startups {
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
