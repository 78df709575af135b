//! What docs/migration.md shows before and after decides alike, and so do the steps between, in a real Envoy.

use std::path::Path;

use serde_json::{Value, json};

use super::examples::examples;
use super::root;
use super::support::tokens::jwks;
use super::support::{
    Algorithm, Claims, Envoy, EnvoyOptions, Request, Response, SigningKey, Upstream, claims, now,
};

/// The HTTP filters of the document's examples for `jwt_authn` and RBAC: before, after, and of step 3.
fn filters(key: &SigningKey) -> [Vec<Value>; 3] {
    let file = root().join(Path::new("docs/migration.md"));
    let examples = examples(&file).into_iter();
    let mut filters = examples.filter_map(|example| example.value.get("http_filters").cloned());
    std::array::from_fn(|_| {
        let mut filters = filters.next().unwrap().as_array().unwrap().clone();
        for filter in &mut filters {
            trust(filter, key);
        }
        filters
    })
}

/// Writes the keys down that the document's filters fetch.
fn trust(filter: &mut Value, key: &SigningKey) {
    if let Some(provider) = filter.pointer_mut("/typed_config/providers/id") {
        provider.as_object_mut().unwrap().remove("remote_jwks");
        provider["local_jwks"] = json!({"inline_string": jwks([key]).to_string()});
    }
    if let Some(issuer) = filter.pointer_mut("/typed_config/config/configuration/value/issuers/0") {
        issuer["keys"] = json!({"inline": jwks([key])});
    }
}

/// The configuration of this filter within an HTTP filter of Envoy.
fn configuration(filter: &Value) -> Value {
    filter["typed_config"]["config"]["configuration"]["value"].clone()
}

#[test]
fn what_migration_shows_before_and_after_lets_the_same_requests_pass() {
    let key = SigningKey::generate(Algorithm::Es256, "k");
    let upstream = Upstream::start();
    let [before, after, step] = filters(&key);
    let [authentication, authorization] = before.as_slice() else { panic!("{before:#?}") };
    let [after] = after.as_slice() else { panic!("{after:#?}") };
    let [lenient] = step.as_slice() else { panic!("{step:#?}") };
    let ours = || EnvoyOptions::new(&upstream, configuration(after));
    let old = ours().without_filter().filter_before(authentication.clone());
    let chains = [
        ("before", old.filter_before(authorization.clone())),
        (
            "step 2",
            ours().filter_before(authentication.clone()).filter_after(authorization.clone()),
        ),
        ("step 3", ours().filter_before(lenient.clone()).filter_after(authorization.clone())),
        ("after", ours()),
    ];
    let token = |change: fn(Claims) -> Claims| Some(key.token(change(claims(now()))));
    let requests = [
        ("GET", "/healthz", None, true),
        ("GET", "/accounts/7", None, false),
        ("GET", "/accounts/7", token(|claims| claims.acr("1")), true),
        ("POST", "/accounts/7/transfers", None, false),
        ("POST", "/accounts/7/transfers", token(|claims| claims.acr("1")), false),
        ("POST", "/accounts/7/transfers", token(|claims| claims.acr("phr")), true),
        ("GET", "/accounts/7/transfers", token(|claims| claims.acr("1")), true),
        ("GET", "/accounts/7", token(|claims| claims.audience("https://other.example.com")), false),
        ("GET", "/accounts/7", token(|claims| claims.issuer("https://other.example.com")), false),
        ("GET", "/accounts/7", token(|claims| claims.expires_in(-600)), false),
    ];
    for (name, options) in chains {
        let envoy = Envoy::start(options);
        for (method, path, token, passes) in &requests {
            let request = Request::new(method, path);
            let request = token.iter().fold(request, |request, token| request.bearer(token));
            let answer = envoy.send(&request);
            assert_eq!(answer.status == 200, *passes, "{name}: {method} {path}: {answer:?}");
            // From step 3 on, all that is refused is answered by this filter.
            if !passes && ["step 3", "after"].contains(&name) {
                assert!(is_ours(&answer), "{name}: {method} {path}: {answer:?}");
            }
        }
    }
}

fn is_ours(answer: &Response) -> bool {
    answer.header("content-type") == Some("application/problem+json")
        && answer.header("www-authenticate").is_some()
}
