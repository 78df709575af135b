//! What is measured.

use std::collections::BTreeMap;

use envoy_stepup::host::value::write_pairs;
use serde_json::{Value, json};

use crate::proxy::NOW;
use crate::support::workload::{self, access_token, issuer};
use crate::support::{Algorithm, Claims, SigningKey, forge};

/// Requests before the ones that are measured: tokens are known then, and buffers have grown.
pub const WARM_UP: usize = 4;
/// Requests that are measured. Now and then one makes a table grow; the median has none of that.
pub const MEASURED: usize = 21;

pub type Headers = Vec<(String, String)>;

/// A case by its name.
pub struct Case {
    pub name: &'static str,
    pub scene: fn(&Keys) -> Scene,
}

impl Case {
    const fn new(name: &'static str, scene: fn(&Keys) -> Scene) -> Self {
        Self { name, scene }
    }
}

/// A configuration, and requests to it. Without requests, the configuration is what is measured.
pub struct Scene {
    pub configuration: Value,
    pub properties: BTreeMap<String, Vec<u8>>,
    pub requests: Vec<Headers>,
    /// The status of the filter's answer; `None` where the requests go on to the upstream.
    pub answer: Option<u32>,
}

/// The issuers' keys.
pub struct Keys {
    rs256: SigningKey,
    es256: SigningKey,
    eddsa: SigningKey,
}

impl Keys {
    pub fn repeatable() -> Self {
        Self {
            rs256: SigningKey::repeatable(Algorithm::Rs256, "rs256-2027-01"),
            es256: SigningKey::repeatable(Algorithm::Es256, "es256-2027-01"),
            eddsa: SigningKey::repeatable(Algorithm::EdDsa, "eddsa-2027-01"),
        }
    }

    const fn all(&self) -> [&SigningKey; 3] {
        [&self.rs256, &self.es256, &self.eddsa]
    }
}

pub const CASES: [Case; 18] = [
    Case::new("public route", |keys| {
        Scene::new(rules(keys, 10), |_| request("GET", "/healthz", None))
    }),
    Case::new("known token, allowed", |keys| known(keys, rules(keys, 10))),
    Case::new("known token, level too low", |keys| {
        let token = keys.rs256.token(user(0).acr("1").auth_time_ago(3600));
        let pay = |_| request("POST", "/accounts/7/transfers", Some(&token));
        Scene::new(rules(keys, 10), pay).answered(401)
    }),
    Case::new("no token", |keys| Scene::new(rules(keys, 10), |_| get(None)).answered(401)),
    Case::new("forged token, RS256", |keys| {
        let forged = |index| forge(&keys.rs256.token(user(index)));
        Scene::new(rules(keys, 10), |index| get(Some(&forged(index)))).answered(401)
    }),
    Case::new("new token, RS256", |keys| unknown(keys, &keys.rs256)),
    Case::new("new token, ES256", |keys| unknown(keys, &keys.es256)),
    Case::new("new token, EdDSA", |keys| unknown(keys, &keys.eddsa)),
    Case::new("known token, 1,000 rules", |keys| known(keys, rules(keys, 1000))),
    Case::new("known token, 10,000 rules", |keys| known(keys, rules(keys, 10_000))),
    Case::new("known token, 50 issuers", fifty_issuers),
    Case::new("known token, policy of the route", policy_of_route),
    Case::new("known token, a condition on a claim", |keys| {
        with_condition(keys, "claims.sub == 'nobody'")
    }),
    Case::new("known token, conditions of every kind", |keys| {
        with_condition(
            keys,
            "request.method == 'DELETE' && level != 'phishing-resistant' || 'admin' in claims.amr || \
             request.time.getFullYear('Europe/Berlin') < 2000 || source.ip in feeds.blocked",
        )
    }),
    Case::new("configuration, 10 rules", |keys| Scene::of_configuration(rules(keys, 10))),
    Case::new("configuration, 1,000 rules", |keys| Scene::of_configuration(rules(keys, 1000))),
    Case::new("configuration, 10,000 rules", |keys| Scene::of_configuration(rules(keys, 10_000))),
    Case::new("configuration, 50 issuers", |keys| Scene::of_configuration(issuers(keys))),
];

/// Requests with a known token, whose policy has a raise that does not fire.
fn with_condition(keys: &Keys, condition: &str) -> Scene {
    let mut configuration = rules(keys, 10);
    configuration["feeds"] = json!({"blocked": {"type": "networks", "inline": ["192.0.2.0/24"]}});
    for policy in configuration["policies"].as_object_mut().expect("policies").values_mut() {
        if policy["public"] != true {
            policy["raise"] = json!([{"name": "r", "when": condition, "deny": "No."}]);
        }
    }
    let properties = [("source.address".to_owned(), b"203.0.113.7:4711".to_vec())];
    Scene { properties: properties.into(), ..known(keys, configuration) }
}

impl Scene {
    fn new(configuration: Value, request: impl Fn(usize) -> Headers) -> Self {
        let requests = (0..WARM_UP + MEASURED).map(request).collect();
        Self { requests, ..Self::of_configuration(configuration) }
    }

    const fn of_configuration(configuration: Value) -> Self {
        Self { configuration, properties: BTreeMap::new(), requests: Vec::new(), answer: None }
    }

    fn answered(self, status: u32) -> Self {
        Self { answer: Some(status), ..self }
    }
}

/// The same good token in every request, and the last of all rules matches.
fn known(keys: &Keys, configuration: Value) -> Scene {
    let token = keys.rs256.token(user(0));
    Scene::new(configuration, |_| get(Some(&token)))
}

/// Another good token in every request.
fn unknown(keys: &Keys, key: &SigningKey) -> Scene {
    Scene::new(rules(keys, 10), |index| get(Some(&key.token(user(index)))))
}

fn fifty_issuers(keys: &Keys) -> Scene {
    let token = keys.rs256.token(user(0).issuer("https://id-49.example.com"));
    Scene::new(issuers(keys), |_| get(Some(&token)))
}

fn policy_of_route(keys: &Keys) -> Scene {
    let stepup = write_pairs([("policy", "read")]);
    let place = "xds.route_metadata.filter_metadata.stepup";
    let properties = [(place.to_owned(), stepup), (format!("{place}.policy"), b"read".to_vec())];
    Scene { properties: properties.into(), ..known(keys, rules(keys, 10)) }
}

/// A configuration with this many rules. The last one is for [`get`].
fn rules(keys: &Keys, count: usize) -> Value {
    workload::rules(&issuer("https://id.example.com", keys.all()), count)
}

/// A configuration with 50 issuers.
fn issuers(keys: &Keys) -> Value {
    let names = (0..50).map(|index| format!("https://id-{index}.example.com"));
    let issuers: Vec<_> = names.map(|name| issuer(&name, keys.all())).collect();
    workload::configuration(&issuers, &[])
}

/// The claims of a user of many.
fn user(index: usize) -> Claims {
    access_token(NOW, index)
}

fn get(token: Option<&str>) -> Headers {
    request("GET", "/accounts/7/transactions?from=2026-12-01&limit=50", token)
}

/// A request as a browser sends it and Envoy shows it to the filter.
fn request(method: &str, path: &str, token: Option<&str>) -> Headers {
    let authorization = token.map(|token| format!("Bearer {token}"));
    let headers = [
        (":authority", "api.example.com"),
        (":path", path),
        (":method", method),
        (":scheme", "https"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0"),
        ("accept", "application/json"),
        ("accept-language", "en-GB,en;q=0.8,de;q=0.5"),
        ("accept-encoding", "gzip, deflate, br, zstd"),
        ("referer", "https://bank.example.com/accounts"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "6b1f8ac2-5d0e-4a7c-9a53-2f64d7b0c981"),
    ];
    let authorization = authorization.iter().map(|value| ("authorization", value.as_str()));
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    headers.into_iter().chain(authorization).map(owned).collect()
}
