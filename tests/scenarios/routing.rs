//! Which policy a request gets: by rule, by the route's metadata, by default.

use envoy_stepup::host::value::write_pairs;
use serde_json::{Value, json};

use crate::support::{Request, bootstrap};
use crate::table::{Expect, Keys, Row, Suite, config, misconfigured, no_token, row};

const POLICY: &str = "xds.route_metadata.filter_metadata.stepup.policy";
const METADATA: &str = "xds.route_metadata.filter_metadata.stepup";
const ROUTE: &str = "xds.route_name";

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let mut matched = config(keys);
    matched["policies"] = policies();
    matched["rules"] = json!([
        rule(&json!({"path": "/exact"})),
        rule(&json!({"path": "/Folded", "ignore_case": true})),
        rule(&json!({"prefix": "/plain"})),
        rule(&json!({"path_separated_prefix": "/separated"})),
        rule(&json!({"path_template": "/t/{id}/x/*"})),
        rule(&json!({"path_template": "/Tf/{id}/x", "ignore_case": true})),
        rule(&json!({"safe_regex": "/r/[0-9]+"})),
        rule(&json!({"safe_regex": {"regex": "/R/[a-f]+"}})),
        rule(&json!({"prefix": "/get", "methods": ["GET"]})),
        rule(&json!({"prefix": "/m", "methods": ["POST", "DELETE"]})),
        rule(&json!({"prefix": "/h", "hosts": ["admin.example.com", "*.internal.example.com"]})),
        rule(
            &json!({"prefix": "/hd", "headers": [{"name": "X-Tier", "string_match": {"exact": "gold"}}]})
        ),
        rule(&json!({"prefix": "/hn", "headers": [{"name": "x-off", "present_match": false}]})),
        rule(&json!({"prefix": "/hi", "headers": [
            {"name": "x-v", "string_match": {"prefix": "1"}, "invert_match": true}]})),
        rule(
            &json!({"prefix": "/hr", "headers": [{"name": "x-n", "range_match": {"start": 1, "end": 10}}]})
        ),
        rule(&json!({"prefix": "/q", "query_parameters": [
            {"name": "debug", "present_match": true},
            {"name": "v", "string_match": {"safe_regex": "[0-9]"}}]})),
        rule(&json!({"route": "named"})),
    ]);
    let mut by_route = config(keys);
    by_route["policies"] = policies();
    by_route["rules"] = json!([rule(&json!({"prefix": "/guarded"}))]);
    let mut unheard = by_route.clone();
    unheard["route_metadata"] = json!(false);
    vec![
        Suite::new("rules", matched, rules()).envoy(|options| {
            options.routes([
                bootstrap::route("named", &json!({"prefix": "/by-route"})),
                bootstrap::route("catch-all", &json!({"prefix": "/"})),
            ])
        }),
        Suite::new("route metadata", by_route, metadata())
            .envoy(|options| options.routes(routes()))
            .logs("route \"lost\": its metadata stepup.policy is \"nobody\""),
        Suite::new(
            "route metadata switched off",
            unheard,
            vec![
                guarded("/guarded/open", "a route cannot open what a rule guards"),
                unmatched("a route cannot guard either", Request::get("/other/guarded")),
            ],
        )
        .envoy(|options| options.routes(routes())),
    ]
}

/// `open` lets all through; `guarded` asks for something that no request here has.
fn policies() -> Value {
    json!({"open": {"public": true}, "read": {"require": [{"level": "password"}]}, "guarded": {"require": [{"level": "phishing-resistant"}]}})
}

fn rule(matching: &Value) -> Value {
    json!({"match": matching, "policy": "guarded"})
}

fn routes() -> Vec<Value> {
    let with = |name: &str, prefix: &str, policy: Value| {
        bootstrap::route_with_policy(name, &json!({"prefix": prefix}), &policy)
    };
    let mut slip = with("slip", "/slip", Value::Null);
    slip["metadata"]["filter_metadata"]["stepup"] = json!({"polcy": "guarded"});
    let mut beside = with("beside", "/guarded/beside", Value::Null);
    beside["metadata"]["filter_metadata"]["stepup"] = json!({"policy": "open", "note": null});
    vec![
        beside,
        with("opened", "/guarded/open", json!("open")),
        with("closed", "/other/guarded", json!("guarded")),
        with("lost", "/lost", json!("nobody")),
        with("odd", "/odd", json!(5)),
        with("empty", "/empty", json!("")),
        with("null", "/null", Value::Null),
        with("list", "/list", json!(["open"])),
        slip,
        bootstrap::route("catch-all", &json!({"prefix": "/"})),
    ]
}

fn asked() -> Expect {
    no_token(", acr_values=\"phr phrh\"")
}

fn guarded(target: &str, name: &str) -> Row {
    row(name, Request::get(target), asked())
}

fn open(target: &str, name: &str) -> Row {
    row(name, Request::get(target), Expect::Passed)
}

/// The suites default to `read`, so a request that no rule matches is asked for a password.
fn unmatched(name: &str, request: Request) -> Row {
    row(name, request, no_token(crate::table::ASK_READ))
}

fn matched(name: &str, request: Request) -> Row {
    row(name, request, asked())
}

fn rules() -> Vec<Row> {
    let get = |target: &str| Request::get(target);
    let host = |target: &str, host: &str| Request::get(target).host(host);
    let mut rows = vec![
        matched("path", get("/exact")),
        matched("path with a query", get("/exact?x=1")),
        matched("path with a trailing slash, which servers ignore", get("/exact/")),
        unmatched("path and more", get("/exact/x")),
        unmatched("path in another case", get("/Exact")),
        matched("path without case", get("/fOLDED")),
        matched("a template without case", get("/tF/7/X")),
        unmatched("a template with case", get("/T/7/x/y")),
        matched("prefix", get("/plain")),
        matched("prefix and more", get("/plainer/x")),
        matched("prefix at a segment", get("/separated")),
        matched("prefix at a segment and more", get("/separated/x")),
        unmatched("prefix within a segment", get("/separatedly")),
        matched("template", get("/t/7/x/y")),
        unmatched("template with a segment more", get("/t/7/x/y/z")),
        unmatched("template with an empty last segment", get("/t/7/x/")),
        matched("regex", get("/r/12")),
        unmatched("regex has to match the whole path", get("/r/12/x")),
        matched("regex in Envoy's form", get("/R/ab")),
        matched("method", Request::new("DELETE", "/m/x")),
        unmatched("another method", get("/m/x")),
        matched("host", host("/h", "admin.example.com")),
        matched("host with a port, in another case", host("/h", "ADMIN.example.com:8443")),
        matched("host with a trailing dot", host("/h", "admin.example.com.")),
        matched("host below a suffix", host("/h", "a.b.internal.example.com")),
        unmatched("the suffix itself", host("/h", "internal.example.com")),
        unmatched("another host", host("/h", "example.com")),
        matched("header", get("/hd").header("X-TIER", "gold")),
        unmatched("header with another value", get("/hd").header("x-tier", "Gold")),
        unmatched("header missing", get("/hd")),
        unmatched("header twice", get("/hd").header("x-tier", "gold").header("x-tier", "tin")),
        matched("header that is not there", get("/hn")),
        unmatched("header that is there", get("/hn").header("x-off", "1")),
        matched("header inverted", get("/hi").header("x-v", "2")),
        unmatched("header inverted and matching", get("/hi").header("x-v", "1.5")),
        unmatched("header inverted and missing", get("/hi")),
        matched("header in a range", get("/hr").header("x-n", "9")),
        unmatched("header beyond the range", get("/hr").header("x-n", "10")),
        unmatched("header that is no number", get("/hr").header("x-n", "9x")),
        matched("query parameters", get("/q?v=1&debug")),
        unmatched("query parameter missing", get("/q?v=1")),
        unmatched("query parameter with another value", get("/q?debug=1&v=12")),
    ];
    rows.push(matched("a rule for GET covers HEAD", Request::new("HEAD", "/get")));
    rows.push(row("a method in lower case", Request::new("post", "/m/x"), Expect::Stopped(&[400])));
    rows.push(
        row(
            "a spelling that could have had another route",
            Request::get("/by-route;x"),
            crate::table::ambiguous(),
        )
        .property(ROUTE, "named"),
    );
    rows.push(matched("the proxy's route", get("/by-route")).property(ROUTE, "named"));
    rows.push(unmatched("another route", get("/else")).property(ROUTE, "catch-all"));
    rows
}

/// A route with metadata for this filter, which names this policy.
fn naming(row: Row, policy: &[u8]) -> Row {
    row.property(METADATA, written("policy", policy))
}

/// An object of one member, as Envoy hands it out.
pub fn written(name: &str, value: &[u8]) -> Vec<u8> {
    write_pairs([(name, value)])
}

fn metadata() -> Vec<Row> {
    let lost = |target: &str, name: &str| row(name, Request::get(target), misconfigured());
    let refused = |target: &str| {
        let name = format!("{target:?} could have had another route");
        naming(row(name, Request::get(target), crate::table::ambiguous()), b"open")
    };
    let mut rows = vec![
        naming(open("/guarded/open", "a route's policy wins over a rule"), b"open"),
        naming(guarded("/other/guarded", "a route's policy wins over the default"), b"guarded"),
        guarded("/guarded/x", "a route without one leaves it to the rules"),
        naming(lost("/lost", "a policy that does not exist"), b"nobody").property(ROUTE, "lost"),
        naming(lost("/odd", "a number is no policy"), &5_f64.to_le_bytes()),
        lost("/null", "null is no policy").unreadable(METADATA).unreadable(POLICY),
        open("/guarded/beside", "a null beside the policy hides nothing")
            .unreadable(METADATA)
            .property(POLICY, "open"),
        naming(lost("/empty", "nothing is no policy"), b""),
        naming(lost("/list", "a list is no policy"), &written("open", b"")),
        lost("/slip", "metadata without a policy is no policy")
            .property(METADATA, written("polcy", b"guarded")),
    ];
    rows.extend(
        [
            "/guarded/open/..%2f",
            "/guarded/open/../open",
            "/guarded/open//x",
            "/guarded/open;x",
            "/guarded/open%3bx",
            "/guarded/open%3Ax",
            "/guarded/open/%61",
        ]
        .map(refused),
    );
    for target in
        ["/guarded/open/", "/guarded/open/a%20b", "/guarded/open/x%40y", "/guarded/open/a:b"]
    {
        let name = format!("{target:?} has one spelling");
        rows.push(naming(open(target, &name), b"open"));
    }
    rows
}
