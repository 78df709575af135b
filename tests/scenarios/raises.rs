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
    let mut from_elsewhere = recipe.clone();
    from_elsewhere["trusted_headers"]["from"] = json!(["10.0.0.0/8"]);
    vec![
        Suite::new(
            "risk recipe",
            recipe,
            [places(), devices(), roles()].into_iter().flatten().collect(),
        ),
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
        Suite::new("raises", others(keys), other_rows())
            .logs("the raise \"trial\" would fire: something that it reads is missing"),
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
    recipe["policies"]["open"] = json!({"public": true});
    let rules = recipe["rules"].as_array_mut().expect("rules");
    rules.push(json!({"match": {"path": "/open"}, "policy": "open"}));
    recipe
}

const ASK_MFA_5M: &str = ", acr_values=\"2\", max_age=\"300\"";
const ASK_MFA_1H: &str = ", acr_values=\"2\", max_age=\"3600\"";
const ASK_PHR_10M: &str = ", acr_values=\"phr\", max_age=\"600\"";
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
