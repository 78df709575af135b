//! Where tokens stand, and what of them reaches the upstream (RFC 6750 §2).

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::tokens::jwks;
use crate::support::{Reply, Request, Upstream, bootstrap};
use crate::table::{
    ASK_READ, Expect, Keys, Row, Suite, World, config, invalid_token, made, malformed, no_token,
};

const METADATA: &str = "xds.route_metadata.filter_metadata.stepup";

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let with = |tokens: Value| {
        let mut config = config(keys);
        config["tokens"] = tokens;
        config
    };
    let from = json!([
        {"header": "authorization", "scheme": "Bearer"},
        {"header": "authorization", "scheme": "DPoP"},
        {"header": "X-Token"},
        {"header": "x-forwarded-authorization", "scheme": "bearer"},
        {"cookie": "access_token"},
        {"query": "access_token"},
    ]);
    let cookie = json!([{"cookie": "access_token"}]);
    vec![
        Suite::new("token places", with(json!({"from": from})), places()),
        Suite::new("look-alikes of tokens", with(json!({"from": from})), alike()),
        Suite::new("a cookie as the only place", with(json!({"from": cookie})), only_cookie()),
        Suite::new("tokens withheld", with(json!({"from": from, "forward": false})), withheld())
            .envoy(|options| {
                let open = json!({"prefix": "/by-route"});
                options.routes([
                    bootstrap::route_with_policy("open", &open, &json!("open")),
                    bootstrap::route("catch-all", &json!({"prefix": "/"})),
                ])
            }),
        withheld_after_a_wait(keys, &from),
        Suite::new("routes on what is withheld", with(json!({"from": cookie, "forward": false})), routed())
            .envoy(|options| {
                let with_cookie = json!({"prefix": "/", "headers": [{"name": "cookie", "present_match": true}]});
                options.routes([
                    bootstrap::route("with a cookie", &with_cookie),
                    json!({"name": "without", "match": {"prefix": "/"}, "direct_response": {"status": 418}}),
                ])
            })
            .only_in_envoy(),
    ]
}

/// The keys come late, so that the first request waits for them.
fn withheld_after_a_wait(keys: &Keys, from: &Value) -> Suite {
    let late = jwks([&keys.main]).to_string();
    let key_server = Upstream::start_with(move |_| {
        thread::sleep(Duration::from_secs(2));
        Reply::new(200, &late)
    });
    let mut config = config(keys);
    config["tokens"] = json!({"from": from, "forward": false});
    config["issuers"][0]["keys"] = json!({"remote": {
        "cluster": "keys", "uri": "http://id.example.com/jwks", "wait": "10s"}});
    let target = "/a?b&access_token=TOKEN";
    let rows = vec![
        passes("a request that waited", target, &[]).upstream_sees(":path", Some("/a?b")),
        passes("a request that did not", target, &[]).upstream_sees(":path", Some("/a?b")),
    ];
    Suite::new("tokens withheld after a wait", config, rows)
        .envoy(move |options| options.cluster("keys", key_server.addr()))
        .only_in_envoy()
}

/// A request in whose target and headers `TOKEN` becomes a good token, and `WEAK` one that proves
/// too little.
fn sent(
    name: &str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    expect: Expect,
) -> Row {
    let write = move |world: &World| {
        let good = world.token(world.claims().acr("1"));
        let weak = world.token(world.claims().acr("0"));
        let fill = |text: &str| text.replace("TOKEN", &good).replace("WEAK", &weak);
        headers.iter().fold(Request::get(fill(target)), |request, (name, value)| {
            request.header(name, fill(value))
        })
    };
    made(name, write, expect)
}

fn passes(
    name: &str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
) -> Row {
    sent(name, target, headers, Expect::Passed)
}

#[rustfmt::skip]
fn places() -> Vec<Row> {
    let cookie = |name: &str, value: &'static [(&'static str, &'static str)], expect| {
        sent(&format!("cookie: {name}"), "/a", value, expect)
    };
    let query = |name: &str, target, expect| sent(&format!("query: {name}"), target, &[], expect);
    vec![
        passes("the Authorization header", "/a", &[("authorization", "Bearer TOKEN")]),
        passes("a header with the token alone", "/a", &[("x-token", "TOKEN")]),
        sent("a header with a scheme more", "/a", &[("x-token", "Bearer TOKEN")], malformed()),
        sent("a JWT under another scheme beside", "/a", &[("x-token", "TOKEN"), ("authorization", "Token WEAK")], malformed()),
        sent("a JWT under no scheme beside", "/a", &[("x-token", "TOKEN"), ("authorization", "WEAK")], malformed()),
        passes("other credentials beside", "/a", &[("x-token", "TOKEN"), ("authorization", "Basic YTpi")]),
        sent("an empty header", "/a", &[("x-token", "")], no_token(ASK_READ)),
        passes("another header with the scheme", "/a", &[("x-forwarded-authorization", "bearer TOKEN")]),
        sent("another header without it", "/a", &[("x-forwarded-authorization", "TOKEN")], no_token(ASK_READ)),
        sent("a header that is no place", "/a", &[("x-access-token", "TOKEN")], no_token(ASK_READ)),
        cookie("alone", &[("cookie", "access_token=TOKEN")], Expect::Passed),
        cookie("among others", &[("cookie", "a=b; access_token=TOKEN; c=d")], Expect::Passed),
        cookie("without spaces", &[("cookie", "a=b;access_token=TOKEN;c=d")], Expect::Passed),
        cookie("in quotes", &[("cookie", "access_token=\"TOKEN\"")], Expect::Passed),
        cookie("in the second header", &[("cookie", "a=b"), ("cookie", "access_token=TOKEN")], Expect::Passed),
        cookie("another name", &[("cookie", "access_tokens=TOKEN; xaccess_token=TOKEN")], no_token(ASK_READ)),
        cookie("empty", &[("cookie", "access_token=; a=b")], no_token(ASK_READ)),
        cookie("no token", &[("cookie", "access_token=x")], invalid_token()),
        cookie("half a quote", &[("cookie", "access_token=\"TOKEN")], invalid_token()),
        cookie("twice", &[("cookie", "access_token=TOKEN; access_token=TOKEN")], malformed()),
        cookie("twice in two headers", &[("cookie", "access_token=TOKEN"), ("cookie", "access_token=WEAK")], malformed()),
        cookie("beside other credentials", &[("authorization", "Basic YTpi"), ("cookie", "access_token=TOKEN")], Expect::Passed),
        query("alone", "/a?access_token=TOKEN", Expect::Passed),
        query("among others", "/a?b=%zz&access_token=TOKEN&c", Expect::Passed),
        query("an encoded name", "/a?access%5Ftoken=TOKEN", Expect::Passed),
        query("another name", "/a?access_tokens=TOKEN&access[token]=TOKEN", no_token(ASK_READ)),
        query("empty", "/a?access_token=&b", no_token(ASK_READ)),
        query("twice", "/a?access_token=TOKEN&access_token=WEAK", malformed()),
        query("twice, once encoded", "/a?access_token=TOKEN&%61ccess_token=WEAK", malformed()),
        query("badly encoded", "/a?access_token=TOKEN%2", malformed()),
        query("with a space", "/a?access_token=TOKEN+", invalid_token()),
        query("with bytes", "/a?access_token=%FF%FE", invalid_token()),
        sent("header and cookie", "/a", &[("authorization", "Bearer TOKEN"), ("cookie", "access_token=TOKEN")], malformed()),
        sent("DPoP and cookie", "/a", &[("authorization", "DPoP TOKEN"), ("cookie", "access_token=WEAK")], malformed().by_dpop()),
        sent("header and query", "/a?access_token=WEAK", &[("authorization", "Bearer TOKEN")], malformed()),
        sent("cookie and query", "/a?access_token=TOKEN", &[("cookie", "access_token=WEAK")], malformed()),
        sent("two headers", "/a", &[("authorization", "Bearer TOKEN"), ("x-token", "WEAK")], malformed()),
        sent("a header twice", "/a", &[("x-token", "TOKEN"), ("x-token", "TOKEN")], malformed()),
        sent("several tokens on a public route", "/healthz?access_token=x", &[("x-token", "y")], Expect::Passed),
        passes("a token goes upstream by default", "/a?access_token=TOKEN&b=c", &[("x-token", "")])
            .upstream_sees("x-token", Some("")),
    ]
}

/// A good token where the filter looks, and what some server takes for another.
#[rustfmt::skip]
fn alike() -> Vec<Row> {
    let cookie = |name: &str, value: &'static [(&'static str, &'static str)]| {
        sent(&format!("cookie: {name}"), "/a", value, malformed())
    };
    let query = |name: &str, target| sent(&format!("query: {name}"), target, &[("x-token", "TOKEN")], malformed());
    let header = |name: &str, value: &'static [(&'static str, &'static str)]| {
        sent(&format!("header: {name}"), "/a", value, malformed())
    };
    vec![
        cookie("after a blank", &[("cookie", "access_token=TOKEN; a=b access_token=WEAK")]),
        cookie("after a comma", &[("cookie", "access_token=TOKEN; a=b, access_token=WEAK")]),
        cookie("an encoded name", &[("cookie", "access_token=TOKEN; access%5Ftoken=WEAK")]),
        cookie("a dot in the name", &[("cookie", "access_token=TOKEN; access.token=WEAK")]),
        cookie("another case", &[("cookie", "access_token=TOKEN; Access_Token=WEAK")]),
        cookie("a list", &[("cookie", "access_token=TOKEN; access_token[]=WEAK")]),
        cookie("alone", &[("cookie", "Access_Token=TOKEN")]),
        query("a dot", "/a?access.token=WEAK"),
        query("a plus", "/a?access+token=WEAK"),
        query("a bracket", "/a?access%5Btoken=WEAK"),
        query("a blank before", "/a?%20access_token=WEAK"),
        query("cut at NUL", "/a?access_token%00x=WEAK"),
        query("another case", "/a?Access_Token=WEAK"),
        query("a list", "/a?access_token[]=WEAK"),
        query("in brackets", "/a?[access_token]=WEAK"),
        query("in encoded brackets", "/a?%5Baccess_token%5D=WEAK"),
        query("after a semicolon", "/a?b=c;access_token=WEAK"),
        sent("query: alone", "/a?Access_Token=TOKEN", &[], malformed()),
        header("a no-break space", &[("x-token", "TOKEN"), ("authorization", "Bearer\u{a0}WEAK")]),
        header("a colon", &[("cookie", "access_token=TOKEN"), ("authorization", "Bearer:WEAK")]),
        header("behind another scheme", &[("cookie", "access_token=TOKEN"), ("authorization", "Basic YTpi Bearer WEAK")]),
        header("an underscore", &[("x-token", "TOKEN"), ("x_token", "WEAK")]),
        header("an underscore alone", &[("x_token", "TOKEN")]),
        passes("what is empty is no token", "/a?Access_Token=", &[("cookie", "access_token=TOKEN; Access_Token=")]),
        passes("other names are no tokens", "/a?token=x&access[token]=y&b=access_token=z", &[
            ("cookie", "access_token=TOKEN; access_token_hint=x; b=access_token=y"), ("x-tokens", "z"), ("authorization", "Basic YTpi"),
        ]),
        after_the_scheme("a byte of a no-break space", b'\xa0'),
        after_the_scheme("a control byte of ISO 8859", b'\x85'),
        passes("on a public route they pass", "/healthz?Access_Token=x", &[("x_token", "y")]),
    ]
}

/// A good cookie, beside a `Bearer` with this byte for the space.
fn after_the_scheme(name: &str, byte: u8) -> Row {
    let write = move |world: &World| {
        let (good, weak) =
            (world.token(world.claims().acr("1")), world.token(world.claims().acr("0")));
        let value = [b"Bearer", &[byte][..], weak.as_bytes()].concat();
        Request::get("/a")
            .header("cookie", format!("access_token={good}"))
            .header("authorization", value)
    };
    made(format!("header: {name}"), write, malformed())
}

fn only_cookie() -> Vec<Row> {
    vec![
        passes("the cookie counts", "/a", &[("cookie", "access_token=TOKEN")]),
        passes(
            "other places are not looked at",
            "/a?access_token=x",
            &[("cookie", "access_token=TOKEN"), ("authorization", "Bearer x")],
        ),
        sent(
            "a token elsewhere is none",
            "/a?access_token=TOKEN",
            &[("authorization", "Bearer TOKEN")],
            no_token(ASK_READ),
        ),
    ]
}

#[rustfmt::skip]
fn withheld() -> Vec<Row> {
    let other = "a=b; c=\"d e\"";
    vec![
        passes("the Authorization header", "/a?b", &[("authorization", "Bearer TOKEN"), ("cookie", "a=b; c=\"d e\""), ("dpop", "x")])
            .upstream_sees("authorization", None)
            .upstream_sees("cookie", Some(other))
            .upstream_sees("dpop", Some("x"))
            .upstream_sees(":path", Some("/a?b")),
        passes("a header with the token alone", "/a", &[("x-token", "TOKEN"), ("authorization", "Basic YTpi")])
            .upstream_sees("x-token", None)
            .upstream_sees("authorization", Some("Basic YTpi")),
        passes("the only cookie", "/a", &[("cookie", "access_token=TOKEN")]).upstream_sees("cookie", None),
        passes("a cookie before others", "/a", &[("cookie", "access_token=TOKEN; a=b; c=\"d e\"")])
            .upstream_sees("cookie", Some(other)),
        passes("a cookie after others", "/a", &[("cookie", "a=b; c=\"d e\"; access_token=TOKEN")])
            .upstream_sees("cookie", Some(other)),
        passes("a cookie in its own header", "/a", &[("cookie", "a=b"), ("cookie", "access_token=TOKEN"), ("cookie", "c=\"d e\"")])
            .upstream_sees("cookie", Some(other)),
        passes("the only parameter", "/a/../b?access_token=TOKEN", &[]).upstream_sees(":path", Some("/a/../b")),
        passes("a parameter among others", "/a?x=%zz&access_token=TOKEN&y=+&&z", &[])
            .upstream_sees(":path", Some("/a?x=%zz&y=+&&z")),
        passes("a parameter with an encoded name", "/a?access%5ftoken=TOKEN&b", &[])
            .upstream_sees(":path", Some("/a?b")),
        passes("an empty cookie beside the token", "/a", &[("authorization", "Bearer TOKEN"), ("cookie", "access_token=; a=b")])
            .upstream_sees("authorization", None)
            .upstream_sees("cookie", Some("a=b")),
        passes("a public route", "/healthz?access_token=x&b", &[("authorization", "Bearer x"), ("cookie", "access_token=y; a=b"), ("x-token", "z")])
            .upstream_sees("authorization", None)
            .upstream_sees("x-token", None)
            .upstream_sees("cookie", Some("a=b"))
            .upstream_sees(":path", Some("/healthz?b")),
        passes("look-alikes on a public route", "/healthz?b&Access_Token=x&[access_token]=y&access_token%00=z&a;access_token=w", &[
            ("authorization", "Bearer\u{a0}x"), ("x_token", "x"), ("x-forwarded_authorization", "Bearer:x"),
            ("cookie", "a=b; c=d access_token=x; Access_Token=y; e=f, access%5Ftoken=z"),
        ])
            .upstream_sees("authorization", None)
            .upstream_sees("x_token", None)
            .upstream_sees("x-forwarded_authorization", None)
            .upstream_sees("cookie", Some("a=b"))
            .upstream_sees(":path", Some("/healthz?b")),
        passes("two headers on a public route", "/healthz", &[("authorization", "Basic YTpi"), ("authorization", "Bearer x")])
            .upstream_sees("authorization", None),
        passes("a route that is public by its metadata", "/by-route?access_token=x", &[("authorization", "Bearer x")])
            .property(METADATA, crate::routing::written("policy", b"open"))
            .upstream_sees("authorization", None)
            .upstream_sees(":path", Some("/by-route")),
        passes("nothing to withhold", "/healthz?b=access_token", &[("cookie", "a=b"), ("authorization", "Basic YTpi")])
            .upstream_sees("authorization", Some("Basic YTpi"))
            .upstream_sees("cookie", Some("a=b"))
            .upstream_sees(":path", Some("/healthz?b=access_token")),
    ]
}

/// Envoy chooses the route anew for a request that was changed (docs/security-model.md).
fn routed() -> Vec<Row> {
    vec![
        sent(
            "the route is chosen without the cookie",
            "/a",
            &[("cookie", "access_token=TOKEN")],
            Expect::Stopped(&[418]),
        )
        .not_explained("the filter lets it go on; the answer is that of another route"),
        passes("another cookie keeps the route", "/a", &[("cookie", "access_token=TOKEN; a=b")]),
    ]
}
