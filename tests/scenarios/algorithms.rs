//! Every algorithm, by the proxy's cryptography and by jwt-simple.

use crate::support::tokens::jwks;
use crate::support::{Algorithm, Request, SigningKey, forge};
use crate::table::{Expect, Keys, Row, Suite, World, config, invalid_token, made};

/// The host calls that the filter needs, without the one for foreign functions.
const WITHOUT_FOREIGN_FUNCTIONS: [&str; 18] = [
    "proxy_log",
    "proxy_get_log_level",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_get_property",
    "proxy_send_local_response",
    "proxy_on_context_create",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_request_headers",
    "proxy_on_done",
    "proxy_on_log",
    "proxy_on_delete",
    "clock_time_get",
    "random_get",
    "environ_get",
    "environ_sizes_get",
];

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let mut config = config(keys);
    config["issuers"][0]["keys"]["inline"] = jwks(&keys.each);
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
            .envoy(|options| options.allow_only(&WITHOUT_FOREIGN_FUNCTIONS))
            .only_in_envoy()
            .logs("signatures checked by the proxy: none"),
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
    [
        good(algorithm, passes).in_memory(in_memory),
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
