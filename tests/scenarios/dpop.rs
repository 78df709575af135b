//! Tokens that are bound to a key, and the proofs that go with them (RFC 9449).

pub mod bindings;

use serde_json::{Value, json};

use crate::support::dpop::thumbprint;
use crate::support::shipped::fewest_capabilities;
use crate::support::tokens::{forge, hs256_sign, unsigned};
use crate::support::{Algorithm, Claims, Proof, Request, SigningKey};
use crate::table::{
    ASK_READ, Expect, Keys, Row, Suite, World, config, invalid_proof, invalid_token, made,
    needs_nonce, no_token, other_level, row,
};

const URI: &str = "http://api.example.com/a";
const NOT_VALID: &str = "The DPoP proof is not valid for this request.";
const NOT_NOW: &str =
    "The DPoP proof was not made at this time, as far as the clocks here and there agree.";
const MISSING: &str = "The request carries no DPoP proof.";
const SEVERAL: &str = "The request carries more than one DPoP proof.";

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let with = |dpop| {
        let mut config = config(keys);
        config["dpop"] = dpop;
        config
    };
    vec![
        Suite::new(
            "dpop proof",
            config(keys),
            proofs().into_iter().chain(other_proofs()).collect(),
        ),
        Suite::new("dpop binding", config(keys), bindings::rows()),
        without(
            "dpop proof by jwt-simple",
            &config(keys),
            "proxy_call_foreign_function",
            vec![
                good("a good proof passes"),
                by_algorithm(Algorithm::Rs256),
                by_algorithm(Algorithm::EdDsa),
                signed(
                    "a forged signature",
                    |w, p| forge(&p.sign(&w.keys.client)),
                    invalid_proof(NOT_VALID).without_proxy(),
                )
                .not_explained("explain has the cryptography of a proxy that offers all"),
            ],
        ),
        Suite::new(
            "dpop advertised",
            with(json!({"advertise": true})),
            vec![
                row("no token is told of both", Request::get("/a"), no_token(ASK_READ).by_both()),
                bearer("a bearer token passes", |c, _| c.acr("1"), Expect::Passed),
                bearer("a weak bearer token", |c, _| c.acr("0"), other_level(ASK_READ)),
            ],
        ),
        Suite::new(
            "dpop required",
            with(json!({"required": true})),
            vec![
                row("no token is told of DPoP", Request::get("/a"), no_token(ASK_READ).by_dpop()),
                bearer("a bearer token", |c, _| c.acr("1"), invalid_token().by_dpop()),
                good("a bound token passes"),
                row("a public route needs none", Request::get("/healthz"), Expect::Passed),
            ],
        ),
        Suite::new(
            "dpop with origins",
            with(json!({"origins": ["https://api.example.com"], "algorithms": ["ES256"]})),
            vec![
                proof(
                    "the origin as clients see it passes",
                    |p, _| p.claim("htu", "https://api.example.com/a"),
                    Expect::Passed,
                ),
                proof(
                    "the origin as the proxy sees it",
                    |p, _| p,
                    only_es256(invalid_proof(NOT_VALID)),
                ),
                sent(
                    "a host that the client makes up",
                    |w| {
                        let token = bound(w, w.claims().acr("1"));
                        let proof =
                            Proof::new(&w.keys.client, &token, "GET", "http://evil.example.com/a");
                        dpop(Request::get("/a").host("evil.example.com"), &token)
                            .header("dpop", proof.sign(&w.keys.client))
                    },
                    only_es256(invalid_proof(NOT_VALID)),
                ),
            ],
        ),
        Suite::new(
            "dpop with a nonce",
            with(json!({"nonce": true})),
            vec![
                proof("no nonce", |p, _| p, needs_nonce()),
                proof("a nonce that is made up", |p, _| p.claim("nonce", "x"), needs_nonce()),
            ],
        ),
    ]
}

/// Rows in an Envoy that offers all that the filter needs but this.
fn without(name: &'static str, config: &Value, call: &'static str, rows: Vec<Row>) -> Suite {
    let suite = Suite::new(name, config.clone(), rows).only_in_envoy();
    suite.envoy(move |options| {
        let fewest = fewest_capabilities();
        let offered = fewest.iter().copied().filter(|name| *name != call);
        options.allow_only(&offered.collect::<Vec<_>>())
    })
}

/// A challenge where only one algorithm is accepted.
fn only_es256(expect: Expect) -> Expect {
    let Expect::Answered { status, authenticate, problem } = expect else { return expect };
    let shorten = |text: String| {
        let (before, _) = text.split_once("algs=").expect("algorithms");
        format!("{before}algs=\"ES256\"")
    };
    Expect::Answered { status, authenticate: authenticate.map(shorten), problem }
}

/// A token bound to the client's key.
pub fn bound(world: &World, claims: Claims) -> String {
    world.token(claims.set("cnf", json!({"jkt": thumbprint(&world.keys.client)})))
}

fn dpop(request: Request, token: &str) -> Request {
    request.header("authorization", format!("DPoP {token}"))
}

fn sent(
    name: &str,
    write: impl Fn(&World) -> Request + Send + Sync + 'static,
    expect: Expect,
) -> Row {
    made(name, write, expect)
}

/// A request with a bound token, and a proof that some other means writes.
fn signed(
    name: &str,
    write: impl Fn(&World, Proof) -> String + Send + Sync + 'static,
    expect: Expect,
) -> Row {
    made(
        name,
        move |world: &World| {
            let token = bound(world, world.claims().acr("1"));
            let proof = Proof::new(&world.keys.client, &token, "GET", URI);
            dpop(Request::get("/a?b=c"), &token).header("dpop", write(world, proof))
        },
        expect,
    )
}

/// The same, where the proof is changed before the client signs it.
fn proof(name: &str, change: fn(Proof, u64) -> Proof, expect: Expect) -> Row {
    signed(name, move |w, proof| change(proof, w.now).sign(&w.keys.client), expect)
}

fn good(name: &str) -> Row {
    proof(name, |proof, _| proof, Expect::Passed)
}

fn bearer(name: &str, change: fn(Claims, &Keys) -> Claims, expect: Expect) -> Row {
    let write = move |world: &World| {
        Request::get("/a").bearer(&world.token(change(world.claims(), &world.keys)))
    };
    made(name, write, expect)
}

fn proofs() -> Vec<Row> {
    let bad = |name, change| proof(name, change, invalid_proof(NOT_VALID));
    let untimely = |name, change| proof(name, change, invalid_proof(NOT_NOW));
    vec![
        good("a good proof passes"),
        good("and another one"),
        bad("another method", |p, _| p.claim("htm", "POST")),
        bad("a method in lower case", |p, _| p.claim("htm", "get")),
        bad("another path", |p, _| p.claim("htu", "http://api.example.com/b")),
        bad("another host", |p, _| p.claim("htu", "http://other.example.com/a")),
        bad("another scheme", |p, _| p.claim("htu", "https://api.example.com/a")),
        bad("no URI", |p, _| p.claim("htu", "/a")),
        proof(
            "a URI in another spelling passes",
            |p, _| p.claim("htu", "HTTP://API.example.com:80/%61?x#y"),
            Expect::Passed,
        ),
        untimely("old", |p, now| p.claim("iat", now - 62)),
        proof("not old yet passes", |p, now| p.claim("iat", now - 50), Expect::Passed),
        untimely("of the future", |p, now| p.claim("iat", now + 40)),
        proof("a little ahead passes", |p, now| p.claim("iat", now + 20), Expect::Passed),
        bad("no ath", |p, _| p.without("ath")),
        bad("no jti", |p, _| p.without("jti")),
        bad("no htm", |p, _| p.without("htm")),
        bad("no htu", |p, _| p.without("htu")),
        bad("no iat", |p, _| p.without("iat")),
        bad("a jti that is too long", |p, _| p.claim("jti", "x".repeat(257))),
        bad("the hash of another token", |p, _| {
            p.claim("ath", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")
        }),
        bad("another type", |p, _| p.head("typ", "JWT")),
        bad("a symmetric algorithm in the header", |p, _| p.head("alg", "HS256")),
        bad("another algorithm than the key's", |p, _| p.head("alg", "RS256")),
        bad("a private key in the header", |p, _| {
            let mut jwk = p.header["jwk"].clone();
            jwk["d"] = json!("AA");
            p.head("jwk", jwk)
        }),
        bad("a symmetric key in the header", |p, _| {
            p.head("jwk", json!({"kty": "oct", "k": "AA"}))
        }),
        bad("no key", |p, _| p.head("jwk", json!(null))),
        bad("a jku beside the key", |p, _| p.head("jku", "https://evil.example.com")),
        bad("crit", |p, _| p.head("crit", json!(["exp"]))),
    ]
}

/// Proofs that some other means writes.
fn other_proofs() -> Vec<Row> {
    vec![
        signed(
            "alg none",
            |_, p| unsigned(&p.clone().head("alg", "none").header, &p.claims),
            invalid_proof(NOT_VALID),
        ),
        signed(
            "HMAC with the public key",
            |w, p| {
                let secret = w.keys.client.public_jwk().to_string().into_bytes();
                hs256_sign(&secret, &p.clone().head("alg", "HS256").header, &p.claims)
            },
            invalid_proof(NOT_VALID),
        ),
        signed(
            "a forged signature",
            |w, p| forge(&p.sign(&w.keys.client)),
            invalid_proof(NOT_VALID),
        ),
        signed("no token at all", |_, _| "x".to_owned(), invalid_proof(NOT_VALID)),
        signed("bytes", |_, _| String::from("\u{e9}\u{e9}"), invalid_proof(NOT_VALID)),
        signed("a huge one", |_, _| "x".repeat(20_000), invalid_proof(NOT_VALID)),
        signed(
            "two in one header",
            |w, p| format!("{0},{0}", p.sign(&w.keys.client)),
            invalid_proof(SEVERAL),
        ),
        signed(
            "by another key, which it names",
            |w, p| {
                let jwk = crate::support::dpop::bare_jwk(&w.keys.stranger);
                p.head("jwk", jwk).sign(&w.keys.stranger)
            },
            invalid_token().by_dpop(),
        ),
        signed(
            "by another key, which it does not name",
            |w, p| p.sign(&w.keys.stranger),
            invalid_proof(NOT_VALID),
        ),
        sent(
            "two headers",
            |w| {
                let token = bound(w, w.claims().acr("1"));
                let proof = || Proof::new(&w.keys.client, &token, "GET", URI).sign(&w.keys.client);
                dpop(Request::get("/a"), &token).header("dpop", proof()).header("dpop", proof())
            },
            invalid_proof(SEVERAL),
        ),
        sent(
            "none",
            |w| dpop(Request::get("/a"), &bound(w, w.claims().acr("1"))),
            invalid_proof(MISSING),
        ),
        to("/a|b[1]^", "http://api.example.com/a|b[1]^"),
        to("/a|b[1]^c", "http://api.example.com/a%7Cb%5B1%5D%5Ec"),
        by_algorithm(Algorithm::Rs256),
        by_algorithm(Algorithm::Ps256),
        by_algorithm(Algorithm::Es384),
        by_algorithm(Algorithm::EdDsa),
        by_algorithm(Algorithm::Es512).in_memory(invalid_proof(NOT_VALID)),
    ]
}

/// A request whose proof names this URI.
fn to(path: &'static str, htu: &'static str) -> Row {
    let write = move |world: &World| {
        let token = bound(world, world.claims().acr("1"));
        let proof = Proof::new(&world.keys.client, &token, "GET", htu);
        dpop(Request::get(path), &token).header("dpop", proof.sign(&world.keys.client))
    };
    made(format!("{path} as {htu} passes"), write, Expect::Passed)
}

fn by_algorithm(algorithm: Algorithm) -> Row {
    let key = SigningKey::generate(algorithm, "client");
    made(
        format!("{} passes", algorithm.name()),
        move |world: &World| {
            let cnf = json!({"jkt": thumbprint(&key)});
            let token = world.token(world.claims().acr("1").set("cnf", cnf));
            let proof = Proof::new(&key, &token, "GET", URI).sign(&key);
            dpop(Request::get("/a"), &token).header("dpop", proof)
        },
        Expect::Passed,
    )
}
