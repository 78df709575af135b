//! Conditions that raise the bar, as the recipe for risk writes them down, and others.

mod amounts;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use self::amounts::{JSON, amount, amounts, bodies, fired, transfer};
use crate::support::{Claims, Request, now};
use crate::table::{
    ASK_READ, Expect, Keys, Row, Suite, World, config, fresher, invalid_token, made, no_token,
    other_level, row,
};

/// How Envoy and the in-memory host tell where requests come from.
const HERE: &str = "127.0.0.1:40000";

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let at_the_edge = recipe(keys, Variant::AtTheEdge);
    let mut blocked = at_the_edge.clone();
    blocked["feeds"]["blocked"]["inline"] = json!(["192.0.2.0/24", "127.0.0.0/8"]);
    // With ages that leave time for the other rows to run before this one.
    let long = at_the_edge.to_string().replace("\"5m\"", "\"2h\"").replace("\"15m\"", "\"2h\"");
    let mut revoked_just_now = serde_json::from_str::<Value>(&long).unwrap();
    revoked_just_now["feeds"]["revoked"]["inline"] = json!({"dave": now() - 10});
    let behind_an_edge = recipe(keys, Variant::BehindAnEdge);
    let mut from_elsewhere = behind_an_edge.clone();
    from_elsewhere["trusted_headers"]["from"] = json!(["10.0.0.0/8"]);
    vec![
        Suite::new(
            "risk recipe at the edge",
            at_the_edge,
            [roles(), reputation_of_claims(), revoked_sessions(), transfers()]
                .into_iter()
                .flatten()
                .collect(),
        )
        .envoy(|options| options.allow_on_headers_stop_iteration(true)),
        Suite::new(
            "risk recipe at the edge, sessions revoked ten seconds ago",
            revoked_just_now,
            revoked_just_now_rows(),
        )
        .envoy(|options| options.allow_on_headers_stop_iteration(true)),
        Suite::new(
            "risk recipe behind an edge",
            behind_an_edge,
            [
                places(),
                devices(),
                clients(),
                roles(),
                amounts(),
                bodies(),
                reputation(),
                revoked_sessions(),
            ]
            .into_iter()
            .flatten()
            .collect(),
        )
        .envoy(|options| options.allow_on_headers_stop_iteration(true)),
        Suite::new("risk recipe behind an edge, past it", from_elsewhere, past_the_edge())
            .envoy(|options| options.allow_on_headers_stop_iteration(true)),
        Suite::new(
            "risk recipe at the edge, from a blocked network",
            blocked,
            vec![
                with(
                    "a transfer",
                    transfer(JSON, br#"{"amount": 1}"#),
                    |c| c.acr("phr").auth_time_ago(60),
                    DENIED,
                ),
                with("reading goes on", known_device(), usual, Expect::Passed),
            ],
        )
        .envoy(|options| options.allow_on_headers_stop_iteration(true)),
        Suite::new("raises", others(keys), other_rows())
            .logs("the raise \"trial\" would fire and deny the request: something that it reads is missing"),
    ]
}

/// Requests that do not come from the edge.
fn past_the_edge() -> Vec<Row> {
    let rows = vec![
        with(
            "a header that only the edge may set is taken out",
            known_device(),
            |c| usual(c).acr("phr").auth_time_ago(60),
            Expect::Passed,
        )
        .upstream_sees("x-country", None)
        .upstream_sees("x-client-ip", None)
        .upstream_sees("x-device-id", None),
        row(
            "in other spellings too",
            Request::get("/open").header("x_device_id", "d1").header("X-Country", "DE"),
            Expect::Passed,
        )
        .upstream_sees("x_device_id", None)
        .upstream_sees("x-country", None),
        row(
            "on a public route too",
            Request::get("/open").header("x-device-id", "d1"),
            Expect::Passed,
        )
        .upstream_sees("x-device-id", None),
        with(
            "a place and a device that anyone could have named are none",
            known_device(),
            strong,
            other_level(ASK_PHR_5M_ALONE),
        ),
        with(
            "an address that anyone could have named is none",
            transfer(JSON, br#"{"amount": 1}"#),
            |c| c.acr("phr").auth_time_ago(60),
            DENIED,
        ),
    ];
    rows.into_iter().map(|row| row.property("source.address", HERE)).collect()
}

/// The configurations of the recipe, in their order.
#[derive(Clone, Copy)]
enum Variant {
    AtTheEdge,
    BehindAnEdge,
}

/// A configuration of the recipe, with issuers that the test has keys of.
fn recipe(keys: &Keys, variant: Variant) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes/risk.md");
    let text = fs::read_to_string(path).expect("the recipe");
    let mut examples = text.split("```yaml\n").skip(1);
    let yaml = match variant {
        Variant::AtTheEdge => examples.next(),
        Variant::BehindAnEdge => examples.nth(1),
    };
    let yaml = yaml.and_then(|rest| rest.split("```").next());
    let mut recipe: Value =
        serde_saphyr::from_str(yaml.expect("an example")).expect("the example is YAML");
    let trusts_headers = recipe.get("trusted_headers").is_some();
    assert_eq!(trusts_headers, matches!(variant, Variant::BehindAnEdge));
    let base = config(keys);
    for name in ["issuers", "challenge"] {
        recipe[name] = base[name].clone();
    }
    let rules = recipe["rules"].as_array_mut().expect("rules");
    rules.push(json!({"match": {"path": "/open"}, "policy": "open"}));
    recipe
}

const ASK_MFA_5M: &str = ", acr_values=\"2\", max_age=\"300\"";
const ASK_MFA_1H: &str = ", acr_values=\"2\", max_age=\"3600\"";
const ASK_PHR_10M: &str = ", acr_values=\"phr\", max_age=\"600\"";
const ASK_PHR_5M_ALONE: &str = ", acr_values=\"phr\", max_age=\"300\"";
const ASK_PASSWORD: &str = ", acr_values=\"1\"";

/// A login as usual: with a password, some hours ago, at home.
fn usual(claims: Claims) -> Claims {
    claims.acr("1").auth_time_ago(7200).set("country", "DE").set("device_id", "d1")
}

/// A login a minute ago with a second factor.
fn strong(claims: Claims) -> Claims {
    usual(claims).acr("2").auth_time_ago(60)
}

/// What the edge says of a client.
fn client(path: &str, country: &str, device: &str) -> Request {
    let request = Request::get(path).header("x-client-ip", "198.51.100.7");
    request.header("x-country", country).header("x-device-id", device)
}

fn known_device() -> Request {
    client("/accounts", "DE", "d1")
}

fn with(name: &str, request: Request, change: fn(Claims) -> Claims, expect: Expect) -> Row {
    let write = move |world: &World| request.clone().bearer(&world.token(change(world.claims())));
    made(name, write, expect).property("source.address", HERE)
}

fn places() -> Vec<Row> {
    let from = |country| client("/accounts", country, "d1");
    let without_place =
        || Request::get("/accounts").header("x-client-ip", "::1").header("x-device-id", "d1");
    vec![
        with("the usual place", from("DE"), usual, Expect::Passed)
            .upstream_sees("x-country", Some("DE")),
        with("no place is told", without_place(), usual, other_level(ASK_MFA_5M)),
        with("an unusual place", from("FR"), usual, other_level(ASK_MFA_5M)),
        with("an unusual place, after a step-up", from("FR"), strong, Expect::Passed),
        with(
            "an unusual place, after a step-up too long ago",
            from("FR"),
            |c| strong(c).auth_time_ago(301),
            fresher(ASK_MFA_5M),
        ),
        with(
            "a token without a place counts as unusual",
            from("DE"),
            |c| usual(c).without("country"),
            other_level(ASK_MFA_5M),
        ),
        with(
            "a place that is a list counts as unusual",
            from("DE"),
            |c| usual(c).set("country", json!(["DE"])),
            other_level(ASK_MFA_5M),
        ),
        with(
            "two places count as unusual",
            from("DE").header("x-country", "DE"),
            usual,
            other_level(ASK_MFA_5M),
        ),
        with(
            "a place in other bytes counts as unusual",
            without_place().header("x-country", b"\xff"),
            usual,
            other_level(ASK_MFA_5M),
        ),
        row("no token is told what the policy asks for", from("FR"), no_token(ASK_PASSWORD))
            .property("source.address", HERE),
        row("a bad token is bad", from("FR").bearer("a.b.c"), invalid_token())
            .property("source.address", HERE),
    ]
}

fn devices() -> Vec<Row> {
    let device = |id| client("/accounts", "DE", id);
    let without_device = Request::get("/accounts").header("x-client-ip", "::1");
    vec![
        with("the usual device", device("d1"), usual, Expect::Passed),
        with("an unusual device", device("d2"), usual, other_level(ASK_MFA_1H)),
        with(
            "no device may be a bad one",
            without_device.header("x-country", "DE"),
            usual,
            other_level(ASK_PHR_5M_ALONE),
        ),
        with("an unusual device, after a step-up", device("d2"), strong, Expect::Passed),
        with(
            "an unusual place and device ask for the stricter of both",
            client("/accounts", "FR", "d2"),
            usual,
            other_level(ASK_MFA_5M),
        ),
    ]
}

/// What the edge says of the client's address.
fn clients() -> Vec<Row> {
    let from = |address: &str| {
        let request = Request::new("POST", "/transfers").header("content-type", JSON);
        request.header("x-client-ip", address).body(r#"{"amount": 1}"#)
    };
    let without_address =
        || Request::get("/accounts").header("x-country", "DE").header("x-device-id", "d1");
    vec![
        with("a transfer from elsewhere", from("198.51.100.7"), usual, Expect::Passed)
            .upstream_sees("x-client-ip", Some("198.51.100.7")),
        with("a transfer from a blocked network", from("192.0.2.7"), usual, DENIED),
        with("a transfer from one of IPv6", from("2001:db8:bad::7"), usual, DENIED),
        with(
            "a transfer from two addresses",
            from("::1").header("x-client-ip", "::1"),
            usual,
            DENIED,
        ),
        with("a transfer from no address", from("localhost"), usual, DENIED),
        with("failed logins of nobody", without_address(), usual, other_level(ASK_MFA_5M)),
        with("failed logins of nobody, after a step-up", without_address(), strong, Expect::Passed),
    ]
}

fn roles() -> Vec<Row> {
    let export = || Request::get("/export");
    vec![
        with(
            "a user exports",
            export(),
            |c| strong(c).set("roles", json!(["user"])),
            Expect::Passed,
        ),
        with(
            "an administrator exports",
            export(),
            |c| strong(c).set("roles", json!(["user", "admin"])),
            other_level(ASK_PHR_10M),
        ),
        with(
            "an administrator exports, after a step-up",
            export(),
            |c| strong(c).acr("phr").set("roles", json!(["admin"])),
            Expect::Passed,
        ),
        with("without roles it cannot be told", export(), strong, other_level(ASK_PHR_10M)),
        with(
            "roles that are text are none",
            export(),
            |c| strong(c).set("roles", "administrators"),
            other_level(ASK_PHR_10M),
        ),
    ]
}

fn reputation() -> Vec<Row> {
    vec![with(
        "a device with a bad name",
        client("/accounts", "DE", "d-666"),
        |c| strong(c).set("device_id", "d-666"),
        other_level(ASK_PHR_5M_ALONE),
    )]
}

/// The same where only the token tells the device.
fn reputation_of_claims() -> Vec<Row> {
    let request = || Request::get("/accounts");
    vec![
        with("the usual device", request(), usual, Expect::Passed),
        with(
            "a device with a bad name",
            request(),
            |c| strong(c).set("device_id", "d-666"),
            other_level(ASK_PHR_5M_ALONE),
        ),
        with(
            "a token without a device",
            request(),
            |c| strong(c).without("device_id"),
            other_level(ASK_PHR_5M_ALONE),
        ),
    ]
}

const ASK_LOGIN_NOW: &str = ", acr_values=\"1\", max_age=\"1\"";

fn revoked_sessions() -> Vec<Row> {
    let revoked = |c: Claims| usual(c).subject("carol").set("auth_time", 1_780_000_000);
    vec![
        with("a login before it was revoked", known_device(), revoked, fresher(ASK_LOGIN_NOW)),
        with(
            "a login after it was revoked",
            known_device(),
            |c| usual(c).subject("carol"),
            Expect::Passed,
        ),
    ]
}

/// A fresh login is no new one.
fn revoked_just_now_rows() -> Vec<Row> {
    vec![
        with(
            "a login an hour ago",
            known_device(),
            |c| usual(c).subject("dave").auth_time_ago(3600),
            fresher(ASK_LOGIN_NOW),
        ),
        with(
            "a login since then",
            known_device(),
            |c| usual(c).subject("dave").auth_time_ago(5),
            Expect::Passed,
        ),
        with("a login of someone else", known_device(), usual, Expect::Passed),
    ]
}

fn transfers() -> Vec<Row> {
    vec![
        amount("a small transfer", JSON, br#"{"amount": 1000}"#, Expect::Passed),
        amount("a large transfer", JSON, br#"{"amount": 1000.01}"#, fired()),
    ]
}

/// Raises of every form.
fn others(keys: &Keys) -> Value {
    let mut config = config(keys);
    let phr = json!([{"level": "phishing-resistant", "max_age": "5m"}]);
    config["policies"] = json!({
        "read": {"require": [{"level": "password"}]},
        "denied": {
            "require": [{"level": "mfa"}],
            "raise": [
                {"name": "agent", "when": "request.headers['user-agent'].startsWith('bad')", "deny": "Not with \"this\" client."},
            ],
        },
        "gate": {
            "public": true,
            "raise": [
                {"name": "write", "when": "request.method != 'GET'", "require": phr},
                {"name": "blocked", "when": "'x-block' in request.headers", "deny": "Blocked."},
            ],
        },
        "facts": {
            "require": [{"level": "password"}],
            "raise": [{"name": "facts", "when": concat!(
                "!(source.ip == ip('127.0.0.1') && source.port > 0 && source.address.startsWith('127.') && ",
                "request.host == 'api.example.com' && request.path == '/facts' && !connection.mtls && ",
                "request.query.a == 'b c' && request.time > timestamp('2026-01-01T00:00:00Z') && ",
                "level == 'mfa' && auth_age >= 30 && auth_age < 60 && request.scheme == 'http')"
            ), "require": phr}],
        },
        "shadow": {
            "require": [{"level": "password"}],
            "raise": [{"name": "trial", "when": "request.body.none", "deny": "No.", "mode": "shadow"}],
        },
    });
    config["rules"] = json!([
        {"match": {"path": "/denied"}, "policy": "denied"},
        {"match": {"path": "/gate"}, "policy": "gate"},
        {"match": {"path": "/facts"}, "policy": "facts"},
        {"match": {"path": "/shadow"}, "policy": "shadow"},
    ]);
    config
}

const DENIED: Expect = Expect::Answered { status: 403, authenticate: None, problem: "denied" };
const ASK_PHR_5M: &str = ", acr_values=\"phr phrh\", max_age=\"300\"";

fn other_rows() -> Vec<Row> {
    let agent = |name| Request::get("/denied").header("user-agent", name);
    let gate = |method| Request::new(method, "/gate");
    vec![
        with("a denied client, with a good token", agent("bad/1"), strong, DENIED),
        with("a denied client, with a weak token", agent("bad/1"), usual, DENIED),
        row(
            "a denied client without a token authenticates first",
            agent("bad/1"),
            no_token(", acr_values=\"2 high\""),
        ),
        with("another client", agent("good/1"), strong, Expect::Passed),
        with("a client that does not say what it is", Request::get("/denied"), strong, DENIED),
        row("a public route with a raise that does not fire", gate("GET"), Expect::Passed),
        row("a token there is not looked at", gate("GET").bearer("a.b.c"), Expect::Passed),
        row("a raise asks for a token on a public route", gate("POST"), no_token(ASK_PHR_5M)),
        row("then a bad one is bad", gate("POST").bearer("a.b.c"), invalid_token()),
        with("and a weak one too weak", gate("POST"), strong, other_level(ASK_PHR_5M)),
        with(
            "and a strong one enough",
            gate("POST"),
            |c| c.acr("phr").auth_time_ago(10),
            Expect::Passed,
        ),
        row("a raise denies on a public route", gate("GET").header("x-block", ""), DENIED),
        with(
            "facts are those of the request",
            Request::get("/facts?a=b+c"),
            |c| c.acr("2").auth_time_ago(40),
            Expect::Passed,
        )
        .property("connection.mtls", [0]),
        with(
            "facts that cannot be had count against the request",
            Request::get("/facts?a=b+c&a=b+c"),
            |c| c.acr("2").auth_time_ago(40),
            other_level(ASK_PHR_5M),
        )
        .property("connection.mtls", [0]),
        with("a raise in shadow mode only tells", Request::get("/shadow"), usual, Expect::Passed),
        row("no token where a raise reads the token", Request::get("/shadow"), no_token(ASK_READ)),
    ]
}
