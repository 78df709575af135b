//! Tokens that are not what they should be (RFC 6750 §3.1, RFC 7515, RFC 7519, RFC 8725, RFC 9068).

use serde_json::{Value, json};

use crate::support::tokens::{jwks, unsigned};
use crate::support::{Algorithm, Claims, Request, SigningKey, forge, hs256_sign};
use crate::table::{
    Expect, Keys, OTHER_ISSUER, Row, Suite, World, config, invalid_token, invalid_token_saying,
    made, malformed, row,
};

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let mut strict = config(keys);
    strict["tokens"] = json!({"max_length": 500});
    strict["issuers"][0]["token_types"] = json!(["at+jwt"]);
    strict["issuers"][0]["clock_skew"] = json!("0s");
    let mut twins = config(keys);
    let (first, second) =
        (SigningKey::generate(Algorithm::Es256, "a"), SigningKey::generate(Algorithm::Es256, "b"));
    let mut nameless = jwks([&first, &second]);
    for key in nameless["keys"].as_array_mut().expect("keys") {
        key.as_object_mut().expect("a key").remove("kid");
    }
    twins["issuers"][0]["keys"]["inline"] = nameless;
    vec![
        Suite::new("token form", config(keys), form()),
        Suite::new("token key", config(keys), key_choice()),
        Suite::new("token claims", config(keys), registered_claims()),
        Suite::new("credentials", config(keys), credentials()),
        Suite::new(
            "a stricter issuer",
            strict,
            vec![
                signed("a token of the accepted type passes", |c| c.acr("1"), Expect::Passed),
                typed("another type is refused", Some("JWT"), invalid_token()),
                typed("no type is refused", None, invalid_token()),
                signed(
                    "a token beyond the length limit is refused",
                    |c| c.acr("1").set("x", "x".repeat(400)),
                    invalid_token(),
                ),
                signed("no skew is allowed", |c| c.acr("1").expires_in(-1), expired()),
            ],
        ),
        Suite::new(
            "keys without names",
            twins,
            vec![
                by_key("the first is found", first),
                by_key("the second is found", second),
                signed("no other is", |c| c.acr("1"), invalid_token()),
            ],
        ),
    ]
}

fn by_key(name: &str, key: SigningKey) -> Row {
    made(
        name,
        move |world: &World| Request::get("/a").bearer(&key.token(world.claims().acr("1"))),
        Expect::Passed,
    )
}

fn expired() -> Expect {
    invalid_token_saying("The access token has expired.")
}

fn early() -> Expect {
    invalid_token_saying("The access token is not valid yet.")
}

/// A token from changed claims, which would prove enough.
fn signed(name: &str, change: fn(Claims) -> Claims, expect: Expect) -> Row {
    let write = move |world: &World| {
        Request::get("/a").bearer(&world.token(change(world.claims().acr("1"))))
    };
    made(name, write, expect)
}

/// A token that some other means writes.
fn token(
    name: &str,
    write: impl Fn(&World) -> String + Send + Sync + 'static,
    expect: Expect,
) -> Row {
    made(name, move |world: &World| Request::get("/a").bearer(&write(world)), expect)
}

/// A token with a changed header.
fn headed(name: &str, change: fn(&mut Value), expect: Expect) -> Row {
    token(
        name,
        move |world| {
            let mut header = world.keys.main.header();
            change(&mut header);
            world.keys.main.sign(&header, &world.claims().acr("1").build())
        },
        expect,
    )
}

fn typed(name: &str, typ: Option<&'static str>, expect: Expect) -> Row {
    token(
        name,
        move |world| {
            let mut header = world.keys.main.header();
            let members = header.as_object_mut().expect("a header");
            members.remove("typ");
            if let Some(typ) = typ {
                members.insert("typ".to_owned(), json!(typ));
            }
            world.keys.main.sign(&header, &world.claims().acr("1").build())
        },
        expect,
    )
}

fn form() -> Vec<Row> {
    let text = |name: &str, text: &'static str| {
        row(name, Request::get("/a").bearer(text), invalid_token())
    };
    let changed = |name: &str, change: fn(String) -> String| {
        token(name, move |w| change(w.token(w.claims().acr("1"))), invalid_token())
    };
    vec![
        signed("a good token passes", |c| c, Expect::Passed),
        text("one part", "abc"),
        text("two parts", "e30.e30"),
        text("four parts", "e30.e30.e30.e30"),
        text("five parts, as in JWE", "e30.e30.e30.e30.e30"),
        text("empty parts", ".."),
        text("parts that are no JSON", "YWJj.YWJj.YWJj"),
        text("parts that are lists", "W10.W10.W10"),
        changed("a forged signature", |token| forge(&token)),
        changed("padding", |token| format!("{token}=")),
        changed("a trailing dot", |token| format!("{token}.")),
        changed("a space inside", |token| token.replacen('.', ". ", 1)),
        changed("no signature", |token| {
            let (signed, _) = token.rsplit_once('.').expect("a signature");
            format!("{signed}.")
        }),
        changed("another token's payload", |token| {
            let mut parts = token.split('.').collect::<Vec<_>>();
            parts[1] = "eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUuY29tIn0";
            parts.join(".")
        }),
        token(
            "a repeated header member",
            |w| {
                let payload = w.claims().acr("1").build().to_string();
                let header = r#"{"alg":"ES256","kid":"main","typ":"at+jwt","kid":"main"}"#;
                w.keys.main.sign_raw(header, &payload)
            },
            invalid_token(),
        ),
        token(
            "a repeated claim",
            |w| {
                let payload = w.claims().build().to_string();
                let payload = payload.replacen('{', r#"{"acr":"1","acr":"phr","#, 1);
                w.keys.main.sign_raw(&w.keys.main.header().to_string(), &payload)
            },
            invalid_token(),
        ),
        headed("crit", |h| h["crit"] = json!(["exp"]), invalid_token()),
        headed("an empty crit", |h| h["crit"] = json!([]), invalid_token()),
        headed("jku", |h| h["jku"] = json!("https://evil.example.com/jwks"), invalid_token()),
        headed("x5u", |h| h["x5u"] = json!("https://evil.example.com/x"), invalid_token()),
        headed("a kid that is a number", |h| h["kid"] = json!(1), invalid_token()),
        headed("a typ that is a list", |h| h["typ"] = json!(["JWT"]), invalid_token()),
        typed("typ JWT passes", Some("JWT"), Expect::Passed),
        typed("typ with application/ passes", Some("application/at+JWT"), Expect::Passed),
        typed("no typ counts as JWT", None, Expect::Passed),
        typed("typ of a DPoP proof", Some("dpop+jwt"), invalid_token()),
        typed("typ of a logout token", Some("logout+jwt"), invalid_token()),
        token(
            "a key in the header",
            |w| {
                let mut header = w.keys.stranger.header();
                header["jwk"] = w.keys.stranger.public_jwk();
                w.keys.stranger.sign(&header, &w.claims().acr("1").build())
            },
            invalid_token(),
        ),
    ]
}

fn key_choice() -> Vec<Row> {
    let algorithm = |name: &str, alg: &'static str| {
        token(
            name,
            move |w| unsigned(&json!({"alg": alg, "typ": "at+jwt"}), &w.claims().acr("1").build()),
            invalid_token(),
        )
    };
    let hmac = |name: &str, secret: fn(&World) -> Vec<u8>| {
        token(
            name,
            move |w| {
                let header = json!({"alg": "HS256", "kid": "rsa", "typ": "at+jwt"});
                hs256_sign(&secret(w), &header, &w.claims().acr("1").build())
            },
            invalid_token(),
        )
    };
    vec![
        algorithm("alg none", "none"),
        algorithm("alg None", "None"),
        algorithm("alg empty", ""),
        algorithm("alg unknown", "XS256"),
        hmac("HS256 with the RSA public key as PEM", |w| w.keys.rsa.rsa_public_pem().into_bytes()),
        hmac("HS256 with the public JWK", |w| w.keys.rsa.public_jwk().to_string().into_bytes()),
        hmac("HS256 with nothing", |_| Vec::new()),
        token("the RSA key passes", |w| w.keys.rsa.token(w.claims().acr("1")), Expect::Passed),
        token(
            "no kid passes",
            |w| {
                let mut header = w.keys.main.header();
                header.as_object_mut().expect("a header").remove("kid");
                w.keys.main.sign(&header, &w.claims().acr("1").build())
            },
            Expect::Passed,
        ),
        headed("an unknown kid", |h| h["kid"] = json!("nobody"), invalid_token()),
        headed("the kid of a key of another type", |h| h["kid"] = json!("rsa"), invalid_token()),
        headed("kid compares with case", |h| h["kid"] = json!("MAIN"), invalid_token()),
        token(
            "a stranger's key under a known kid",
            |w| w.keys.stranger.token(w.claims().acr("1")),
            invalid_token(),
        ),
        token(
            "the key of another issuer",
            |w| w.keys.other.token(w.claims().acr("1")),
            invalid_token(),
        ),
        token(
            "the kid of another issuer's key",
            |w| {
                let mut header = w.keys.other.header();
                header["kid"] = json!("main");
                w.keys.other.sign(&header, &w.claims().acr("1").build())
            },
            invalid_token(),
        ),
        token(
            "another issuer with its own key passes",
            |w| w.keys.other.token(w.claims().issuer(OTHER_ISSUER).acr("1")),
            Expect::Passed,
        ),
        token(
            "an algorithm that is swapped within the key type",
            |w| {
                let mut header = w.keys.rsa.header();
                header["alg"] = json!("PS256");
                w.keys.rsa.sign(&header, &w.claims().acr("1").build())
            },
            invalid_token(),
        ),
    ]
}

fn registered_claims() -> Vec<Row> {
    vec![
        signed("exp missing", |c| c.without("exp"), invalid_token()),
        signed("exp as a string", |c| c.set("exp", "9999999999"), invalid_token()),
        signed("exp negative", |c| c.set("exp", -1), invalid_token()),
        signed("exp 1e300", |c| c.set("exp", 1e300), invalid_token()),
        signed("exp null", |c| c.set("exp", Value::Null), invalid_token()),
        signed("exp with a fraction passes", |c| c.set("exp", 4_000_000_000.5), Expect::Passed),
        signed("expired within the skew passes", |c| c.expires_in(-30), Expect::Passed),
        signed("expired beyond the skew", |c| c.expires_in(-62), expired()),
        signed("nbf ahead within the skew passes", |c| later(c, "nbf", 50), Expect::Passed),
        signed("nbf ahead", |c| later(c, "nbf", 90), early()),
        signed("nbf as a string", |c| c.set("nbf", "1"), invalid_token()),
        signed("iat ahead", |c| later(c, "iat", 90), early()),
        signed("iat missing passes", |c| c.without("iat"), Expect::Passed),
        signed(
            "aud as a list passes",
            |c| aud(c, json!(["x", "https://api.example.com"])),
            Expect::Passed,
        ),
        signed(
            "aud of another API",
            |c| c.audience("https://other-api.example.com"),
            invalid_token(),
        ),
        signed("aud missing", |c| c.without("aud"), invalid_token()),
        signed("aud an empty list", |c| aud(c, json!([])), invalid_token()),
        signed(
            "aud with a number in it",
            |c| aud(c, json!(["https://api.example.com", 1])),
            invalid_token(),
        ),
        signed(
            "aud with another path",
            |c| c.audience("https://api.example.com/"),
            invalid_token(),
        ),
        signed("iss missing", |c| c.without("iss"), invalid_token()),
        signed("iss unknown", |c| c.issuer("https://evil.example.com"), invalid_token()),
        signed("iss with a slash more", |c| c.issuer("https://id.example.com/"), invalid_token()),
        signed(
            "iss as a list",
            |c| c.set("iss", json!(["https://id.example.com"])),
            invalid_token(),
        ),
        signed("an ID token", |c| c.set("at_hash", "x"), invalid_token()),
        signed("a logout token", |c| c.set("events", json!({})), invalid_token()),
        signed("a refresh token of Keycloak", |c| c.set("typ", "Refresh"), invalid_token()),
        signed("an ID token of Cognito", |c| c.set("token_use", "id"), invalid_token()),
    ]
}

fn later(claims: Claims, name: &str, seconds: u64) -> Claims {
    claims.set(name, crate::support::now() + seconds)
}

fn aud(claims: Claims, aud: Value) -> Claims {
    claims.set("aud", aud)
}

fn credentials() -> Vec<Row> {
    let sent = |name: &str, values: &'static [&'static str], expect| {
        made(
            name,
            move |w: &World| {
                let token = w.token(w.claims().acr("1"));
                values.iter().fold(Request::get("/a"), |request, value| {
                    request.header("authorization", value.replace("TOKEN", &token))
                })
            },
            expect,
        )
    };
    vec![
        sent("the scheme compares without case", &["bEARER TOKEN"], Expect::Passed),
        sent("several spaces", &["Bearer   TOKEN"], Expect::Passed),
        sent("two headers", &["Bearer TOKEN", "Bearer TOKEN"], malformed()),
        sent("a bad one before the good one", &["Bearer x", "Bearer TOKEN"], malformed()),
        sent("a bad one after the good one", &["Bearer TOKEN", "Bearer x"], malformed()),
        sent("another scheme beside the good one", &["Basic YTpi", "Bearer TOKEN"], malformed()),
        sent("two schemes for tokens", &["Bearer TOKEN, DPoP TOKEN"], malformed().by_dpop()),
        sent("DPoP for a token that is not bound", &["dpop TOKEN"], invalid_token().by_dpop()),
        sent("a list in one header", &["Bearer TOKEN, Bearer TOKEN"], malformed()),
        sent("a comma in the token", &["Bearer TOKEN,x"], malformed()),
        sent("the scheme alone", &["Bearer"], malformed()),
        sent("the scheme and a space", &["Bearer "], malformed()),
        sent("the other scheme alone", &["DPoP"], malformed().by_dpop()),
        sent("the token alone", &["TOKEN"], crate::table::no_token(crate::table::ASK_READ)),
        sent("two tokens behind the scheme", &["Bearer TOKEN TOKEN"], invalid_token()),
    ]
}
