//! Tokens that Envoy's own JWT filter verifies, before this one (`keys.verified_by`).

use serde_json::{Value, json};

use crate::support::tokens::jwks;
use crate::support::{Claims, Request, SigningKey};
use crate::table::{
    ASK_CHANGE, ASK_READ, Earlier, Expect, Keys, OTHER_ISSUER, Row, Suite, World, config, fresher,
    invalid_token, lacks_scope, made, malformed, no_token, other_level,
};

const ISSUER: &str = "https://id.example.com";
/// A digest of nothing that is shown.
const SHA256: &str = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let mut verified = config(keys);
    verified["issuers"][0]["keys"] = verified_by();
    let mut istio = verified.clone();
    istio["issuers"][1]["keys"] = verified_by();
    let mut any_audience = verified.clone();
    any_audience["issuers"][0].as_object_mut().expect("an issuer").remove("audiences");
    let main = || provider(ISSUER, &keys.main);
    let lenient = jwt_authn(&json!({"main": main()}), &json!({"allow_missing_or_failed": {}}));
    let strict = jwt_authn(&json!({"main": main()}), &json!({"allow_missing": {}}));
    let both = json!({
        "main": as_istio_writes_it(main()),
        "other": as_istio_writes_it(provider(OTHER_ISSUER, &keys.other)),
    });
    let as_in_istio = jwt_authn(&both, &json!({"allow_missing": {}}));
    let before = |name: &'static str, config: &Value, rows, filter: &Value| {
        let filter = filter.clone();
        Suite::new(name, config.clone(), rows)
            .only_in_envoy()
            .after(if name == "verified as in Istio" {
                Earlier::TakesAndSplits
            } else {
                Earlier::Leaves
            })
            .envoy(move |options| options.filter_before(filter.clone()))
    };
    let mut by_dpop = main();
    by_dpop["from_headers"] = json!([
        {"name": "authorization", "value_prefix": "DPoP "},
        {"name": "authorization", "value_prefix": "Bearer "},
    ]);
    let by_dpop = jwt_authn(&json!({"main": by_dpop}), &json!({"allow_missing_or_failed": {}}));
    let mut several = verified.clone();
    several["tokens"] = json!({"from": [
        {"header": "authorization", "scheme": "Bearer"}, {"header": "x-token"}]});
    let after = lenient.clone();
    vec![
        // The same rows twice: what an earlier filter verified is decided in the same way.
        Suite::new("verified here", config(keys), claims()),
        before("verified before", &verified, claims(), &lenient),
        before("dpop, verified before", &verified, crate::dpop::bindings::rows(), &by_dpop),
        before("not verified before", &verified, unverified(), &lenient),
        before("verified before or refused", &verified, refused(), &strict),
        before("verified in another place", &several, in_another_place(), &lenient),
        before("verified as in Istio", &istio, in_istio(), &as_in_istio),
        before("verified for any audience", &any_audience, for_any_audience(), &lenient),
        Suite::new("filters in the wrong order", verified, in_the_wrong_order())
            .envoy(move |options| options.filter_after(after.clone())),
    ]
}

fn verified_by() -> Value {
    json!({"verified_by": {"metadata": "envoy.filters.http.jwt_authn", "key": "payload"}})
}

fn provider(issuer: &str, key: &SigningKey) -> Value {
    json!({
        "issuer": issuer,
        "local_jwks": {"inline_string": jwks([key]).to_string()},
        "payload_in_metadata": "payload",
        "forward": true,
    })
}

/// Istio takes the token out of the request by default, and splits the claim scope.
fn as_istio_writes_it(mut provider: Value) -> Value {
    provider["forward"] = json!(false);
    provider["normalize_payload_in_metadata"] = json!({"space_delimited_claims": ["scope"]});
    provider
}

/// Envoy's filter: any one of the providers, or what is allowed otherwise.
fn jwt_authn(providers: &Value, otherwise: &Value) -> Value {
    let names = providers.as_object().expect("providers").keys();
    let mut any = names.map(|name| json!({"provider_name": name})).collect::<Vec<_>>();
    any.push(otherwise.clone());
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": providers,
            "rules": [{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": any}}}],
        },
    })
}

/// A request with a token of these claims.
fn with(
    name: impl Into<String>,
    method: &'static str,
    target: &'static str,
    change: impl Fn(Claims) -> Claims + Send + Sync + 'static,
    expect: Expect,
) -> Row {
    let write = move |world: &World| {
        Request::new(method, target).bearer(&world.token(change(world.claims())))
    };
    made(name, write, expect)
}

/// A route that asks for a password.
fn read(claim: &'static str, value: Value, expect: Expect) -> Row {
    with(format!("{claim} {value}"), "GET", "/a", move |c| c.set(claim, value.clone()), expect)
}

/// A token that proves a password and no more, but for this claim.
fn beside(claim: &'static str, value: Value, expect: Expect) -> Row {
    let name = format!("{claim} {value} beside acr");
    with(name, "GET", "/a", move |c| c.acr("1").set(claim, value.clone()), expect)
}

/// A route that asks for two factors within eight hours.
fn change(claim: &'static str, value: Value, expect: Expect) -> Row {
    let name = format!("{claim} {value} for a change");
    let change = move |c: Claims| c.auth_time_ago(60).set(claim, value.clone());
    with(name, "POST", "/api/x", change, expect)
}

/// A route that asks for two factors within eight hours, which the token proves.
fn auth_time(value: Value, expect: Expect) -> Row {
    let name = format!("auth_time {value}");
    let change = move |c: Claims| c.acr("2").set("auth_time", value.clone());
    with(name, "POST", "/api/x", change, expect)
}

/// A route that asks for two scopes.
fn scopes(claim: &'static str, value: Value, expect: Expect) -> Row {
    with(format!("{claim} {value}"), "GET", "/batch", move |c| c.set(claim, value.clone()), expect)
}

#[rustfmt::skip]
fn claims() -> Vec<Row> {
    let weak = || other_level(ASK_READ);
    let weaker = || other_level(ASK_CHANGE);
    let old = || fresher(ASK_CHANGE);
    let lacking = || lacks_scope("batch export");
    let ago = |seconds: u64| json!(crate::support::now() - seconds);
    let mut rows = vec![
        with("no claim of assurance", "GET", "/a", |c| c, weak()),
        read("acr", json!("1"), Expect::Passed),
        read("acr", json!("urn:example:pwd"), Expect::Passed),
        read("acr", json!("phr"), Expect::Passed),
        read("acr", json!("3"), weak()),
        read("acr", json!(""), weak()),
        read("acr", json!(null), weak()),
        read("acr", json!(1), weak()),
        read("acr", json!(true), weak()),
        read("acr", json!(["1"]), weak()),
        read("acr", json!({"1": ""}), weak()),
        change("amr", json!(["pwd", "otp"]), Expect::Passed),
        change("amr", json!(["x", "otp", "y", "pwd"]), Expect::Passed),
        change("amr", json!(["pwd"]), weaker()),
        change("amr", json!([]), weaker()),
        change("amr", json!("pwd otp"), weaker()),
        change("amr", json!(null), weaker()),
        change("amr", json!(["pwd", "otp", null]), weaker()),
        change("amr", json!(["pwd", "otp", 1]), weaker()),
        change("amr", json!([1, 2]), weaker()),
        change("amr", json!([["pwd", "otp"]]), weaker()),
        change("amr", json!([["pwd"], ["otp"]]), weaker()),
        change("amr", json!({"pwd": "", "otp": ""}), weaker()),
        change("amr", json!({"pwd": 1, "otp": {}}), weaker()),
        change("amr", json!("\u{2}\0\0\0\u{3}\0\0\0\0\0\0\0\u{3}\0\0\0\0\0\0\0pwd\0\0otp\0\0"), weaker()),
        change("acrs", json!("c1"), Expect::Passed),
        change("acrs", json!(["c0", "c2"]), Expect::Passed),
        change("acrs", json!({"c1": ""}), weaker()),
        change("acrs", json!({"0": "c1", "c1": ""}), weaker()),
        change("acrs", json!(["c1", {"a": null}]), weaker()),
        auth_time(ago(60), Expect::Passed),
        auth_time(serde_json::from_str(&format!("{}.25", ago(60))).expect("a number"), Expect::Passed),
        auth_time(ago(9 * 3600), old()),
        auth_time(json!(null), old()),
        auth_time(json!(0), old()),
        auth_time(json!(-1), old()),
        auth_time(json!(1e300), old()),
        auth_time(json!(4_000_000_000_u64), old()),
        auth_time(json!(crate::support::now().to_string()), old()),
        auth_time(json!("12345678"), old()),
        auth_time(json!("\0\0\0\0\0\0\0A"), old()),
        auth_time(json!(true), old()),
        auth_time(json!([crate::support::now()]), old()),
        auth_time(json!({"x": 1}), old()),
        scopes("scope", json!("batch export"), Expect::Passed),
        scopes("scope", json!(["export", "batch", "x"]), Expect::Passed),
        scopes("scp", json!(["export", "batch"]), Expect::Passed),
        scopes("scope", json!("batch"), lacking()),
        scopes("scope", json!(null), lacking()),
        scopes("scope", json!(["batch", "export", 1]), lacking()),
        scopes("scope", json!({"batch": "", "export": ""}), lacking()),
        scopes("scope", json!(7), lacking()),
        beside("cnf", json!({"jkt": SHA256}), invalid_token().by_dpop()),
        beside("cnf", json!({"x5t#S256": SHA256}), invalid_token()),
        beside("cnf", json!({"kid": "a"}), invalid_token()),
        beside("cnf", json!({"x5t#S256": null}), invalid_token()),
        beside("cnf", json!({"jkt": SHA256, "deep": {"a": [null]}}), invalid_token()),
        beside("cnf", json!({"jwk": {"kty": "OKP"}}), invalid_token()),
        beside("cnf", json!({}), invalid_token()),
        beside("cnf", json!([]), invalid_token()),
        beside("cnf", json!("a"), invalid_token()),
        beside("cnf", json!(1), invalid_token()),
        beside("cnf", Value::Null, invalid_token()),
        beside("aud", json!(["x", "https://api.example.com"]), Expect::Passed),
        beside("aud", json!("https://other-api.example.com"), invalid_token()),
        beside("aud", json!([]), invalid_token()),
        beside("at_hash", json!("x"), invalid_token()),
        beside("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}}), invalid_token()),
        beside("typ", json!("Refresh"), invalid_token()),
        beside("typ", json!("Bearer"), Expect::Passed),
        beside("token_use", json!("id"), invalid_token()),
        beside("token_use", json!("access"), Expect::Passed),
        beside("iat", json!(1), Expect::Passed),
        beside("nbf", json!(0), Expect::Passed),
        beside("other", json!({"a": {"b": [null, {"c": 1.5}]}, "d": null}), Expect::Passed),
        beside("other", json!([null, [null]]), Expect::Passed),
        with("no aud", "GET", "/a", |c| c.acr("1").without("aud"), invalid_token()),
        with("iat ahead", "GET", "/a", |c| c.acr("1").set("iat", crate::support::now() + 90),
            crate::table::invalid_token_saying("The access token is not valid yet.")),
        with("expired within the skew", "GET", "/a", |c| c.acr("1").expires_in(-20), Expect::Passed),
    ];
    rows.push(crate::table::row("no token", Request::get("/a"), no_token(ASK_READ)));
    rows.push(crate::table::row("a public route", Request::get("/healthz"), Expect::Passed));
    rows
}

/// A request with the token that is written, and headers that a client may hope to count.
fn token(
    name: &str,
    write: impl Fn(&World) -> String + Send + Sync + 'static,
    expect: Expect,
) -> Row {
    made(name, move |world: &World| Request::get("/a").bearer(&write(world)), expect)
}

fn unverified() -> Vec<Row> {
    let payload = r#"{"iss":"https://id.example.com","aud":"https://api.example.com","acr":"phr"}"#;
    let spoofed = move |request: Request| {
        request
            .header("x-jwt-payload", payload)
            .header("envoy.filters.http.jwt_authn", payload)
            .header("metadata.filter_metadata.envoy.filters.http.jwt_authn.payload.iss", ISSUER)
            .header("metadata.filter_metadata.envoy.filters.http.jwt_authn.payload.acr", "phr")
            .header("x-envoy-metadata", payload)
    };
    vec![
        made("claims in headers", move |_| spoofed(Request::get("/a")), no_token(ASK_READ)),
        made(
            "claims in headers beside a weak token",
            move |w: &World| spoofed(Request::get("/a").bearer(&w.token(w.claims().acr("0")))),
            other_level(ASK_READ),
        ),
        token("a forged token", |w| w.keys.stranger.token(w.claims().acr("1")), invalid_token()),
        token(
            "an expired token",
            |w| w.token(w.claims().acr("1").expires_in(-300)),
            invalid_token(),
        ),
        token("no token at all", |_| "x".to_owned(), invalid_token()),
        token(
            "the key of another issuer",
            |w| w.keys.other.token(w.claims().acr("1")),
            invalid_token(),
        ),
        token(
            "an issuer that is verified here",
            |w| w.keys.other.token(w.claims().issuer(OTHER_ISSUER).acr("1")),
            Expect::Passed,
        ),
        made(
            "two headers",
            |w: &World| {
                let token = w.token(w.claims().acr("1"));
                Request::get("/a").bearer(&token).bearer(&token)
            },
            malformed(),
        ),
        made(
            "DPoP for a token that is not bound",
            |w: &World| {
                let token = format!("DPoP {}", w.token(w.claims().acr("1")));
                Request::get("/a").header("authorization", token)
            },
            invalid_token().by_dpop(),
        ),
        made(
            "the next request has metadata of its own",
            |w: &World| Request::get("/a").bearer(&w.token(w.claims().acr("1"))),
            Expect::Passed,
        ),
    ]
}

fn refused() -> Vec<Row> {
    let stopped = || Expect::Stopped(&[401]);
    vec![
        token("a good token", |w| w.token(w.claims().acr("1")), Expect::Passed),
        token("a forged token", |w| w.keys.stranger.token(w.claims().acr("1")), stopped()),
        token("an expired token", |w| w.token(w.claims().acr("1").expires_in(-300)), stopped()),
        made("no token", |_| Request::get("/a"), no_token(ASK_READ)),
    ]
}

/// `jwt_authn` looks at the query too, where this filter does not, and leaves the claims of a good
/// token whatever stands in the header.
fn in_another_place() -> Vec<Row> {
    /// Headers with tokens that nobody verified, beside a good one in the query.
    fn beside(name: &str, headers: &'static [(&'static str, &'static str)], expect: Expect) -> Row {
        let write = move |world: &World| {
            let claims = || world.claims().acr("1").set("roles", Value::Null);
            let good = world.token(claims());
            let fill = |text: &str| {
                let other = |claims| world.keys.stranger.token(claims);
                text.replace("GOOD", &good)
                    .replace("SUBJECT", &other(claims().subject("mallory")))
                    .replace("ROLES", &other(claims().set("roles", json!(["admin"]))))
                    .replace("NULLS", &other(claims().set("roles", json!(["admin", null]))))
                    .replace("WEAK", &world.token(world.claims().acr("0")))
            };
            let request = Request::get(format!("/a?access_token={good}"));
            headers.iter().fold(request, |request, (name, value)| request.header(name, fill(value)))
        };
        made(name, write, expect)
    }
    vec![
        beside("the query alone", &[], Expect::Passed),
        beside("the same token", &[("authorization", "Bearer GOOD")], Expect::Passed),
        beside("a forged token", &[("authorization", "Bearer SUBJECT")], invalid_token()),
        beside("another claim with a null", &[("authorization", "Bearer NULLS")], invalid_token()),
        beside("another claim", &[("authorization", "Bearer ROLES")], invalid_token()),
        beside("a good token", &[("authorization", "Bearer WEAK")], other_level(ASK_READ)),
        beside("no JWT", &[("authorization", "Bearer opaque")], invalid_token()),
        beside("another header", &[("x-token", "SUBJECT")], invalid_token()),
        beside("an unknown scheme", &[("authorization", "Token SUBJECT")], invalid_token()),
        beside("Basic", &[("authorization", "Basic dXNlcjpwYXNz")], Expect::Passed),
        beside("a header that is no place", &[("x-other", "SUBJECT")], Expect::Passed),
    ]
}

fn in_istio() -> Vec<Row> {
    vec![
        token("the first issuer", |w| w.token(w.claims().acr("1")), Expect::Passed)
            .upstream_sees("authorization", None),
        token(
            "the second issuer, in its own vocabulary",
            |w| w.keys.other.token(w.claims().issuer(OTHER_ISSUER).acr("high")),
            Expect::Passed,
        ),
        token(
            "the first issuer in the vocabulary of the second",
            |w| w.token(w.claims().acr("high")),
            other_level(ASK_READ),
        ),
        token(
            "the second issuer by the key of the first",
            |w| w.token(w.claims().issuer(OTHER_ISSUER).acr("1")),
            Expect::Stopped(&[401]),
        ),
        scopes("scope", json!("batch export"), Expect::Passed),
        scopes("scope", json!("batch"), lacks_scope("batch export")),
        scopes("scope", json!("batch  export"), Expect::Passed),
    ]
}

fn for_any_audience() -> Vec<Row> {
    vec![
        beside("aud", json!("https://other-api.example.com"), Expect::Passed),
        with("no aud", "GET", "/a", |c| c.acr("1").without("aud"), Expect::Passed),
        with("no exp", "GET", "/a", |c| c.acr("1").without("exp"), Expect::Passed),
    ]
}

fn in_the_wrong_order() -> Vec<Row> {
    vec![
        token("a good token", |w| w.token(w.claims().acr("1")), invalid_token()),
        made("no token", |_| Request::get("/a"), no_token(ASK_READ)),
    ]
}
