//! What a token is bound to, and how it was sent.

use serde_json::json;

use super::{URI, bearer, bound, dpop};
use crate::support::dpop::thumbprint;
use crate::support::{Claims, Proof, Request};
use crate::table::{
    ASK_CHANGE, ASK_READ, Expect, Row, World, fresher, invalid_token, made, malformed, no_token,
    other_level, row,
};

pub fn rows() -> Vec<Row> {
    let with_proof = |name: &str, change: fn(Claims) -> Claims, expect| {
        made(
            name,
            move |w: &World| {
                let token = w.token(change(w.claims().acr("1")));
                let proof = Proof::new(&w.keys.client, &token, "GET", URI).sign(&w.keys.client);
                dpop(Request::get("/a"), &token).header("dpop", proof)
            },
            expect,
        )
    };
    vec![
        bearer(
            "a bound token as a bearer token",
            |c, keys| c.acr("1").set("cnf", json!({"jkt": thumbprint(&keys.client)})),
            invalid_token().by_dpop(),
        ),
        made(
            "a bound token as a bearer token, with its proof",
            |w| {
                let token = bound(w, w.claims().acr("1"));
                let proof = Proof::new(&w.keys.client, &token, "GET", URI).sign(&w.keys.client);
                Request::get("/a").bearer(&token).header("dpop", proof)
            },
            invalid_token().by_dpop(),
        ),
        with_proof("a token that is not bound, by DPoP", |c| c, invalid_token().by_dpop()),
        with_proof(
            "an unknown confirmation",
            |c| c.set("cnf", json!({"kid": "a"})),
            invalid_token().by_dpop(),
        ),
        bearer(
            "an unknown confirmation of a bearer token",
            |c, _| c.acr("1").set("cnf", json!({"kid": "a"})),
            invalid_token(),
        ),
        bearer("an empty confirmation", |c, _| c.acr("1").set("cnf", json!({})), invalid_token()),
        bearer(
            "a confirmation of another type",
            |c, _| c.acr("1").set("cnf", "x"),
            invalid_token(),
        ),
        bearer(
            "null for a confirmation",
            |c, _| c.acr("1").set("cnf", json!(null)),
            invalid_token(),
        ),
        bearer(
            "a malformed thumbprint",
            |c, _| c.acr("1").set("cnf", json!({"jkt": "AA"})),
            invalid_token(),
        ),
        made(
            "a proof beside a bearer token is ignored",
            |w| {
                Request::get("/a")
                    .bearer(&w.token(w.claims().acr("1")))
                    .header("dpop", "x")
                    .header("dpop", "y")
            },
            Expect::Passed,
        ),
        made(
            "a malformed token by DPoP",
            |_| dpop(Request::get("/a"), "x"),
            invalid_token().by_dpop(),
        ),
        made(
            "both schemes at once",
            |w| dpop(Request::get("/a").bearer(&w.token(w.claims())), &bound(w, w.claims())),
            malformed().by_dpop(),
        ),
        row("no token", Request::get("/a"), no_token(ASK_READ)),
        made(
            "a bound token that proves too little",
            |w| step_up(w, w.claims().acr("1")),
            other_level(ASK_CHANGE).by_dpop(),
        ),
        made(
            "a bound token whose authentication is too old",
            |w| step_up(w, w.claims().acr("2").auth_time_ago(30_000)),
            fresher(ASK_CHANGE).by_dpop(),
        ),
        made(
            "a bound token that proves enough passes",
            |w| step_up(w, w.claims().acr("2").auth_time_ago(30)),
            Expect::Passed,
        ),
    ]
}

/// A request to change something, with a good proof.
fn step_up(world: &World, claims: Claims) -> Request {
    let token = bound(world, claims);
    let uri = "http://api.example.com/api/x";
    let proof = Proof::new(&world.keys.client, &token, "POST", uri).sign(&world.keys.client);
    dpop(Request::new("POST", "/api/x"), &token).header("dpop", proof)
}
