//! The filter with a certified identity provider: npm's `oidc-provider`, as docs/recipes/oidc-provider.md says.

// A test may fail by panicking.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod support;

use std::time::Duration;

use jwt_simple::prelude::ES256KeyPair;
use serde_json::{Value, json};
use support::idp::Login;
use support::{Envoy, EnvoyOptions, IdentityProvider, Request, Response, Upstream, now, poll};

const SECRET: &str = "STEPUP_TEST_SECRET";

const RECIPE: &str = include_str!("../docs/recipes/oidc-provider.md");

/// The recipe's configuration, with this provider in the place of its one.
fn recipe(provider: &IdentityProvider) -> Value {
    let block = RECIPE.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let mut config: Value = serde_saphyr::from_str(block).unwrap();
    config["issuers"][0]["issuer"] = json!(provider.issuer());
    config
}

/// The same for tokens of another audience, with other keys.
fn config(provider: &IdentityProvider, audience: &str, keys: &Value) -> Value {
    let mut config = recipe(provider);
    config["issuers"] =
        json!([{"issuer": provider.issuer(), "audiences": [audience], "keys": keys}]);
    config
}

fn introspection(provider: &IdentityProvider, client: &Value) -> Value {
    json!({"introspection": {
        "cluster": "idp",
        "uri": format!("{}/token/introspection", provider.issuer()),
        "cache_for": "1s",
        "client": client,
    }})
}

fn gateway() -> Value {
    json!({"id": IdentityProvider::GATEWAY[0], "secret": {"env": SECRET}})
}

fn options(provider: &IdentityProvider, upstream: &Upstream, config: Value) -> EnvoyOptions {
    EnvoyOptions::new(upstream, config)
        .cluster("idp", provider.addr())
        .variable(SECRET, IdentityProvider::GATEWAY[1])
}

/// A login that the policy accepts, for this API.
fn strong(resource: &'static str) -> Login {
    let auth_time = now() - 10;
    Login { acr: "phr", amr: &["hwk"], auth_time, scope: "read payments", resource }
}

fn send(envoy: &Envoy, token: &str) -> Response {
    envoy.send(&Request::get("/payments").bearer(token))
}

/// The same story for tokens of both kinds.
#[track_caller]
fn step_up(provider: &IdentityProvider, envoy: &Envoy, resource: &'static str) {
    let error = |login: Login| {
        let answer = send(envoy, &provider.access_token(&login));
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        (answer.status, challenge)
    };
    let good = strong(resource);
    assert_eq!(error(good.clone()).0, 200);
    let (status, challenge) = error(Login { acr: "1", amr: &["pwd"], ..good.clone() });
    assert_eq!(status, 401);
    let asked = "error=\"insufficient_user_authentication\", error_description=\"A different \
                 authentication level is required.\", acr_values=\"phr\", max_age=\"300\"";
    assert!(challenge.contains(asked), "{challenge}");
    let (status, challenge) = error(Login { auth_time: now() - 600, ..good.clone() });
    assert_eq!(status, 401);
    assert!(challenge.contains("More recent authentication"), "{challenge}");
    let (status, challenge) = error(Login { scope: "read", ..good });
    assert_eq!(status, 403);
    assert!(challenge.contains("insufficient_scope"), "{challenge}");
}

#[test]
fn provider_whose_keys_are_discovered_signs_tokens_that_count() {
    let (provider, upstream) = (IdentityProvider::start(), Upstream::start());
    let envoy = Envoy::start(options(&provider, &upstream, recipe(&provider)));
    step_up(&provider, &envoy, IdentityProvider::API);
    let opaque = provider.access_token(&strong(IdentityProvider::OPAQUE));
    assert_eq!(send(&envoy, &opaque).status, 401);
    // Another provider of the same kind signs with other keys.
    let stranger = IdentityProvider::start().access_token(&strong(IdentityProvider::API));
    assert_eq!(send(&envoy, &stranger).status, 401);
}

#[test]
fn the_provider_is_the_one_of_the_recipe() {
    let server = include_str!("idp/server.mjs");
    let block = RECIPE.split("```js\n").nth(1).unwrap().split("```").next().unwrap();
    for line in block.lines().map(str::trim) {
        assert!(server.contains(line), "tests/idp/server.mjs has no line {line:?}");
    }
}

#[test]
fn provider_is_asked_about_opaque_tokens() {
    let (provider, upstream) = (IdentityProvider::start(), Upstream::start());
    let keys = introspection(&provider, &gateway());
    let config = config(&provider, IdentityProvider::OPAQUE, &keys);
    let envoy = Envoy::start(options(&provider, &upstream, config));
    step_up(&provider, &envoy, IdentityProvider::OPAQUE);
    assert_eq!(send(&envoy, "no-token-of-the-provider").status, 401);

    let token = provider.access_token(&strong(IdentityProvider::OPAQUE));
    assert_eq!(send(&envoy, &token).status, 200);
    provider.revoke(&token);
    let refused = || (send(&envoy, &token).status == 401).then_some(());
    assert!(poll(Duration::from_secs(5), refused).is_some(), "a revoked token still counts");
}

#[test]
fn provider_takes_the_assertion_of_the_filters_key() {
    let key = ES256KeyPair::generate();
    let jwk = key.public_key().to_jwk();
    let jwk = serde_json::from_str::<Value>(&jwk).unwrap();
    let (provider, upstream) = (IdentityProvider::start_with_key(&jwk), Upstream::start());
    let client = json!({"id": IdentityProvider::GATEWAY_KEY, "private_key_jwt": {
        "env": "STEPUP_TEST_KEY", "audience": provider.issuer(),
    }});
    let keys = introspection(&provider, &client);
    let config = config(&provider, IdentityProvider::OPAQUE, &keys);
    let options = options(&provider, &upstream, config);
    let envoy = Envoy::start(options.variable("STEPUP_TEST_KEY", &key.to_pem().unwrap()));
    step_up(&provider, &envoy, IdentityProvider::OPAQUE);
}

#[test]
fn provider_that_refuses_the_credentials_is_a_503() {
    let (provider, upstream) = (IdentityProvider::start(), Upstream::start());
    let client = json!({"id": "app", "secret": {"env": SECRET}});
    let keys = introspection(&provider, &client);
    let config = config(&provider, IdentityProvider::OPAQUE, &keys);
    let envoy = Envoy::start(options(&provider, &upstream, config));
    let token = provider.access_token(&strong(IdentityProvider::OPAQUE));
    assert_eq!(send(&envoy, &token).status, 503);
    envoy.wait_for_log("refuses the filter's credentials");
}
