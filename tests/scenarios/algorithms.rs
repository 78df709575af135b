//! Every algorithm, by the proxy's cryptography and by jwt-simple.

use crate::support::shipped::fewest_capabilities;
use crate::support::tokens::jwks;
use crate::support::{Algorithm, Request, SigningKey, forge};
use crate::table::{Expect, Keys, Row, Suite, World, config, invalid_token, made};

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let mut config = config(keys);
    config["issuers"][0]["keys"]["inline"] = jwks(&keys.each);
    let mut off_curve = config.clone();
    let listed = off_curve["issuers"][0]["keys"]["inline"]["keys"].as_array_mut();
    for key in listed.expect("keys").iter_mut().filter(|key| key["kid"] == "ES512") {
        key["y"] = key["x"].clone();
    }
    let mut narrow = config.clone();
    narrow["issuers"][0]["algorithms"] = serde_json::json!(["RS256"]);
    narrow["issuers"][0]["keys"]["inline"] =
        jwks(keys.each.iter().filter(|key| key.kid() == "RS256"));
    let every =
        |by_proxy: bool| Algorithm::ASYMMETRIC.into_iter().flat_map(move |a| rows(a, by_proxy));
    vec![
        Suite::new("algorithms, by the proxy", config.clone(), every(true).collect())
            .logs("signatures checked by the proxy: RS256, RS384, RS512, ES256, ES384, ES512"),
        Suite::new("algorithms, by jwt-simple", config, every(false).collect())
            .envoy(|options| {
                let fewest = fewest_capabilities();
                let without = fewest.iter().filter(|name| **name != "proxy_call_foreign_function");
                options.allow_only(&without.copied().collect::<Vec<_>>())
            })
            .only_in_envoy()
            .logs("signatures checked by the proxy: none"),
        // Only the proxy knows the curve P-521. It takes no signature by such a key.
        Suite::new(
            "a key that is not on its curve",
            off_curve,
            vec![good(Algorithm::Es512, invalid_token()), good(Algorithm::Es384, Expect::Passed)],
        ),
        Suite::new(
            "the fewest capabilities",
            narrow.clone(),
            vec![good(Algorithm::Rs256, Expect::Passed), good(Algorithm::Es256, invalid_token())],
        )
        .envoy(|options| {
            let fewest = fewest_capabilities();
            options.allow_only(&fewest)
        })
        .only_in_envoy()
        .logs("signatures checked by the proxy: RS256, RS384, RS512, ES256, ES384, ES512"),
        Suite::new(
            "an issuer of one algorithm",
            narrow,
            vec![
                good(Algorithm::Rs256, Expect::Passed),
                good(Algorithm::Es256, invalid_token()),
                good(Algorithm::Ps256, invalid_token()),
            ],
        ),
    ]
}

fn rows(algorithm: Algorithm, by_proxy: bool) -> [Row; 3] {
    // jwt-simple has no P-521; in memory there is no proxy to ask.
    let passes = match algorithm {
        Algorithm::Es512 if !by_proxy => invalid_token(),
        _ => Expect::Passed,
    };
    let in_memory = match algorithm {
        Algorithm::Es512 => invalid_token(),
        _ => Expect::Passed,
    };
    let mut good = good(algorithm, passes).in_memory(in_memory);
    if algorithm == Algorithm::Es512 && !by_proxy {
        good = good.not_explained("explain has the cryptography of a proxy that offers all");
    }
    [
        good,
        made(
            format!("{}, forged", algorithm.name()),
            move |world: &World| {
                let token = key(world, algorithm).token(world.claims().acr("1"));
                Request::get("/a").bearer(&forge(&token))
            },
            invalid_token(),
        ),
        made(
            format!("{}, by a stranger", algorithm.name()),
            move |world: &World| {
                let stranger = SigningKey::stranger(algorithm, algorithm.name());
                Request::get("/a").bearer(&stranger.token(world.claims().acr("1")))
            },
            invalid_token(),
        ),
    ]
}

fn good(algorithm: Algorithm, expect: Expect) -> Row {
    made(
        format!("{}, good", algorithm.name()),
        move |world: &World| {
            Request::get("/a").bearer(&key(world, algorithm).token(world.claims().acr("1")))
        },
        expect,
    )
}

fn key(world: &World, algorithm: Algorithm) -> &SigningKey {
    let of_algorithm = |key: &&SigningKey| key.kid() == algorithm.name();
    world.keys.each.iter().find(of_algorithm).expect("a key for each algorithm")
}
