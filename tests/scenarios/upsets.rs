//! What a hostile client sends to upset a filter: an answer of 4xx, no panic, and the next request
//! is served.

use serde_json::json;

use crate::support::Request;
use crate::table::{
    ASK_READ, Expect, Keys, Row, Suite, World, ambiguous, config, invalid_token, made, no_token,
    row,
};

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let mut config = config(keys);
    config["rules"] = json!([
        {"match": {"prefix": "/tier", "headers": [{"name": "x-tier", "present_match": true}]}, "policy": "open"},
        {"match": {"prefix": "/host", "hosts": ["api.example.com"]}, "policy": "open"},
        {"match": {"prefix": "/query", "query_parameters": [{"name": "x", "present_match": true}]}, "policy": "open"},
    ]);
    let rows = rows().into_iter().flat_map(|upset| [upset, good()]);
    vec![Suite::new("upsets", config, rows.collect())]
}

/// What has to be served after each upset.
fn good() -> Row {
    made(
        "the next request is served",
        |world: &World| Request::get("/a").bearer(&world.token(world.claims().acr("1"))),
        Expect::Passed,
    )
}

fn rows() -> Vec<Row> {
    let get = || Request::get("/a");
    let big = "x".repeat(60 * 1024);
    vec![
        row(
            "a token of bytes",
            get().header("authorization", b"Bearer \xff\xfe\x80"),
            invalid_token(),
        ),
        row(
            "a scheme of bytes",
            get().header("authorization", b"\xff\xfe \x80"),
            no_token(ASK_READ),
        ),
        row("an empty Authorization", get().header("authorization", ""), no_token(ASK_READ)),
        row(
            "a huge token",
            get().header("authorization", format!("Bearer {big}")),
            invalid_token(),
        ),
        row("a huge scheme", get().header("authorization", &big), no_token(ASK_READ)),
        row("another header of bytes", get().header("x-name", b"\xff\xfe"), no_token(ASK_READ)),
        row("another huge header", get().header("x-name", &big), no_token(ASK_READ)),
        row("an empty header", get().header("x-name", ""), no_token(ASK_READ)),
        row(
            "bytes in a header that a rule compares",
            Request::get("/tier").header("x-tier", b"\xff"),
            ambiguous(),
        ),
        row("bytes in the host", Request::get("/host").host("a\u{e9}b"), Expect::Stopped(&[400])),
        row(
            "a user in the host",
            Request::get("/host").host("x@api.example.com"),
            Expect::Stopped(&[400]),
        ),
        row(
            "a list of hosts",
            Request::get("/host").host("api.example.com,x"),
            Expect::Stopped(&[400]),
        ),
        row("bytes in the path", Request::get(b"/a\xff"), Expect::Stopped(&[400])),
        row("bytes in the query", Request::get(b"/query?x=\xff"), Expect::Stopped(&[400])),
        row("a huge path", Request::get(format!("/{big}")), ambiguous()),
        row("a path of slashes", Request::get("/".repeat(8000)), no_token(ASK_READ)),
        row("a path of dot segments", Request::get("/a/..".repeat(1600)), no_token(ASK_READ)),
        row("a path of parameters", Request::get("/a;b".repeat(2000)), no_token(ASK_READ)),
        row("a token of dots", get().bearer(&".".repeat(16_000)), invalid_token()),
        row(
            "a token of nested lists",
            get().bearer(&format!("{0}.{0}.e30", base64_of(&"[".repeat(9000)))),
            invalid_token(),
        ),
        row("an unknown method", Request::new("BREW", "/a"), Expect::Stopped(&[400, 401])),
        row("OPTIONS without a path", Request::new("OPTIONS", "*"), Expect::Stopped(&[400, 404])),
        row(
            "CONNECT",
            Request::new("CONNECT", "api.example.com:443"),
            Expect::Stopped(&[400, 403, 404]),
        ),
    ]
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}
