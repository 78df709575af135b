//! Conditions that raise the bar, as the recipe for risk writes them down, and others.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Claims, Request};
use crate::table::{
    ASK_READ, Expect, Keys, Row, Suite, World, config, fresher, invalid_token, made, no_token,
    other_level, row,
};

/// How Envoy and the in-memory host tell where requests come from.
const HERE: &str = "127.0.0.1:40000";

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let recipe = recipe(keys);
    let mut blocked = recipe.clone();
    blocked["feeds"]["blocked"]["inline"] = json!(["192.0.2.0/24", "127.0.0.0/8"]);
    let mut from_elsewhere = recipe.clone();
    from_elsewhere["trusted_headers"]["from"] = json!(["10.0.0.0/8"]);
    vec![
        Suite::new(
            "risk recipe",
            recipe,
            [places(), devices(), roles(), amounts(), bodies(), reputation()]
                .into_iter()
                .flatten()
                .collect(),
        )
        .envoy(|options| options.allow_on_headers_stop_iteration(true)),
        Suite::new(
            "risk recipe, not trusted",
            from_elsewhere,
            vec![
                with(
                    "a header that only the edge may set is taken out",
                    known_device().header("x-country", "FR"),
                    strong,
                    Expect::Passed,
                )
                .upstream_sees("x-country", None)
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
                    "a device that anyone could have named is none",
                    known_device(),
                    usual,
                    other_level(ASK_MFA_1H),
                ),
            ]
            .into_iter()
            .map(|row| row.property("source.address", HERE))
            .collect(),
        ),
        Suite::new(
            "risk recipe, from a blocked network",
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

/// The configuration of the recipe, with issuers that the test has keys of.
fn recipe(keys: &Keys) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes/risk.md");
    let text = fs::read_to_string(path).expect("the recipe");
    let yaml = text.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next());
    let mut recipe: Value =
        serde_saphyr::from_str(yaml.expect("an example")).expect("the example is YAML");
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

fn known_device() -> Request {
    Request::get("/accounts").header("x-device-id", "d1")
}

fn with(name: &str, request: Request, change: fn(Claims) -> Claims, expect: Expect) -> Row {
    let write = move |world: &World| request.clone().bearer(&world.token(change(world.claims())));
    made(name, write, expect).property("source.address", HERE)
}

fn places() -> Vec<Row> {
    let from = |country| known_device().header("x-country", country);
    vec![
        with("the usual place", from("DE"), usual, Expect::Passed)
            .upstream_sees("x-country", Some("DE")),
        with("no place is told", known_device(), usual, Expect::Passed),
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
            known_device().header("x-country", b"\xff"),
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
    let device = |id| Request::get("/accounts").header("x-device-id", id);
    vec![
        with("the usual device", device("d1"), usual, Expect::Passed),
        with("an unusual device", device("d2"), usual, other_level(ASK_MFA_1H)),
        with("no device", Request::get("/accounts"), usual, other_level(ASK_MFA_1H)),
        with("an unusual device, after a step-up", device("d2"), strong, Expect::Passed),
        with(
            "an unusual place and device ask for the stricter of both",
            device("d2").header("x-country", "FR"),
            usual,
            other_level(ASK_MFA_5M),
        ),
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

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn transfer(content_type: &str, body: &[u8]) -> Request {
    Request::new("POST", "/transfers").header("content-type", content_type).body(body)
}

fn amount(name: &str, content_type: &str, body: &[u8], expect: Expect) -> Row {
    with(name, transfer(content_type, body), usual, expect)
}

fn fired() -> Expect {
    other_level(ASK_PHR_5M_ALONE)
}

/// Amounts at the limit and around it, in every form in which a client can send them.
fn amounts() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, body) in [
        ("at the limit", r#"{"amount": 1000}"#),
        ("below", r#"{"amount": 999.99}"#),
        ("as text", r#"{"amount": "1000"}"#),
        ("with zeros", r#"{"amount": 1000.00}"#),
        ("with an exponent", r#"{"amount": 1e3}"#),
        ("as text with an exponent", r#"{"amount": "10E2"}"#),
        ("negative", r#"{"amount": -5000}"#),
        ("among other members", r#"{"a": {"amount": 5000}, "amount": 1, "b": [{"amount": 5000}]}"#),
        ("with a name in escapes", r#"{"\u0061mount": 1}"#),
    ] {
        rows.push(amount(&format!("an amount {name}"), JSON, body.as_bytes(), Expect::Passed));
    }
    for (name, body) in [
        ("above the limit", r#"{"amount": 1000.01}"#),
        ("as text", r#"{"amount": "1000.01"}"#),
        ("by the least", r#"{"amount": "1000.0000000000000000000001"}"#),
        ("with an exponent", r#"{"amount": 1.1e3}"#),
        ("as text with an exponent", r#"{"amount": "1e30"}"#),
        ("that a double rounds", r#"{"amount": 1000.00000000000000001}"#),
        ("that a double cannot hold", r#"{"amount": 1e400}"#),
        ("that is no number", r#"{"amount": "NaN"}"#),
        ("that is infinite", r#"{"amount": "-Infinity"}"#),
        ("in other digits", r#"{"amount": "\u0661"}"#),
        ("with a sign", r#"{"amount": "+1"}"#),
        ("with a space", r#"{"amount": " 1"}"#),
        ("in hexadecimal", r#"{"amount": "0x1"}"#),
        ("in a list", r#"{"amount": [1]}"#),
        ("in an object", r#"{"amount": {"value": 1}}"#),
        ("that is null", r#"{"amount": null}"#),
        ("that is true", r#"{"amount": true}"#),
        ("that is missing", r#"{"Amount": 1}"#),
        ("that is nested", r#"{"transfer": {"amount": 1}}"#),
        ("that comes twice", r#"{"amount": 1, "amount": 5000}"#),
        ("that comes twice in other letters", r#"{"amount": 1, "AMOUNT": 5000}"#),
        ("that comes twice, first in other letters", r#"{"Amount": 5000, "amount": 1}"#),
        ("that comes twice in escapes", r#"{"amount": 1, "\u0061mount": 5000}"#),
        ("beside a member that comes twice", r#"{"amount": 1, "x": {"y": 1, "y": 2}}"#),
        ("in a list of bodies", r#"[{"amount": 1}]"#),
        ("and something behind", r#"{"amount": 1} {"amount": 5000}"#),
        ("cut off", r#"{"amount": 1"#),
        ("with a comma too many", r#"{"amount": 1,}"#),
        ("in no JSON", "amount=1"),
    ] {
        rows.push(amount(&format!("an amount {name}: stopped"), JSON, body.as_bytes(), fired()));
    }
    rows
}

/// Bodies that are read in one way, and others.
fn bodies() -> Vec<Row> {
    let deep = format!("{{\"amount\": 1, \"x\": {}{}}}", "[".repeat(40), "]".repeat(40));
    let large = format!("{{\"amount\": 1, \"x\": \"{}\"}}", "x".repeat(65536));
    let gzip =
        |encoding: &str| transfer(JSON, br#"{"amount": 1}"#).header("content-encoding", encoding);
    vec![
        amount("bytes that are no text", JSON, b"{\"amount\": 1, \"x\": \"\xff\"}", fired()),
        amount("a byte order mark", JSON, "\u{feff}{\"amount\": 1}".as_bytes(), fired()),
        amount("a body that is too deep", JSON, deep.as_bytes(), fired()),
        amount("a body that is too large", JSON, large.as_bytes(), fired()),
        amount("no body", JSON, b"", fired()),
        amount(
            "JSON of another name",
            "application/vnd.bank+json; charset=utf-8",
            br#"{"amount": 1}"#,
            Expect::Passed,
        ),
        amount("another content type", "text/plain", br#"{"amount": 1}"#, fired()),
        amount("another charset", "application/json; charset=utf-7", br#"{"amount": 1}"#, fired()),
        with("a body in gzip", gzip("gzip"), usual, fired()),
        with("a body in no encoding", gzip("identity"), usual, Expect::Passed),
        with(
            "two content types",
            transfer(JSON, br#"{"amount": 1}"#).header("content-type", FORM),
            usual,
            fired(),
        ),
        amount("a form", FORM, b"to=bob&amount=1000", Expect::Passed),
        amount("a form above the limit", FORM, b"to=bob&amount=1000.01", fired()),
        amount("a form in escapes", FORM, b"to=bob&%61mount=5%30%300", fired()),
        amount("a form with two amounts", FORM, b"amount=1&amount=5000", fired()),
        amount("a form with two amounts in other letters", FORM, b"amount=1&Amount=5000", fired()),
        amount("a form with a list of amounts", FORM, b"amount=1&amount[]=5000", fired()),
        amount("a form with two amounts for PHP", FORM, b"amount=1&+amount%00=5000", fired()),
        amount("a form that is JSON too", FORM, br#"{"amount":5000,"x":"&amount=1&"}"#, fired()),
        amount("a form without an amount", FORM, b"to=bob", fired()),
        amount("JSON that is called a form", FORM, br#"{"amount": 1}"#, fired()),
        with(
            "a large amount after a step-up",
            transfer(JSON, br#"{"amount": 5000}"#),
            |c| c.acr("phr").auth_time_ago(60),
            Expect::Passed,
        ),
        row(
            "a large amount without a token",
            transfer(JSON, br#"{"amount": 5000}"#),
            no_token(ASK_PASSWORD),
        )
        .property("source.address", HERE),
    ]
}

fn reputation() -> Vec<Row> {
    let revoked = |c: Claims| usual(c).subject("carol").set("auth_time", 1_780_000_000);
    vec![
        with(
            "a device with a bad name",
            Request::get("/accounts").header("x-device-id", "d-666"),
            |c| strong(c).set("device_id", "d-666"),
            other_level(ASK_PHR_5M_ALONE),
        ),
        with(
            "a login before it was revoked",
            known_device(),
            revoked,
            fresher(", acr_values=\"1\", max_age=\"300\""),
        ),
        with(
            "a login after it was revoked",
            known_device(),
            |c| usual(c).subject("carol"),
            Expect::Passed,
        ),
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
