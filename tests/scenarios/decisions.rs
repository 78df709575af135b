//! Each reason of design §5: levels, ages, scopes, and their combinations.

use serde_json::{Value, json};

use crate::support::{Claims, Request};
use crate::table::{
    ASK_CHANGE, ASK_PAY, ASK_PAY_AND_SCOPE, ASK_READ, Expect, Keys, OTHER_ISSUER, Row, Suite,
    World, config, fresher, lacks_scope, made, no_token, other_level, row,
};

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let mut quiet = config(keys);
    quiet["challenge"] = json!({"realm": "example", "hint_without_token": false,
        "resource_metadata": "https://api.example.com/.well-known/oauth-protected-resource"});
    let location =
        ", resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource\"";
    vec![
        Suite::new(
            "decision",
            config(keys),
            [no_tokens(), acr(), amr_and_claims(), alternatives(), ages(), scopes()].concat_rows(),
        ),
        Suite::new(
            "without a hint",
            quiet,
            vec![
                row("no token is told nothing", transfer(), no_token(location)),
                with(
                    "a valid token is told what is missing",
                    transfer(),
                    |c| c.acr("1"),
                    other_level(&format!("{ASK_PAY_AND_SCOPE}{location}")),
                ),
            ],
        ),
        Suite::new(
            "levels beside the ladder",
            beside_the_ladder(keys),
            vec![
                with("a level proves itself", get("/x"), |c| c.acr("seal"), Expect::Passed),
                with(
                    "a level above does not satisfy one beside the ladder",
                    get("/x"),
                    |c| c.acr("phr"),
                    other_level(", acr_values=\"seal\""),
                ),
                with(
                    "a level beside the ladder does not satisfy those below it",
                    get("/y"),
                    |c| c.acr("seal"),
                    other_level(ASK_READ),
                ),
                with(
                    "the level above implies what it names",
                    get("/y"),
                    |c| c.acr("phr"),
                    Expect::Passed,
                ),
            ],
        ),
    ]
}

fn beside_the_ladder(keys: &Keys) -> Value {
    let mut config = config(keys);
    let levels = config["levels"].as_array_mut().expect("levels");
    levels.truncate(1);
    levels.push(json!({"name": "sealed", "proven_by": [{"acr": ["seal"]}], "implies": []}));
    levels.push(json!({"name": "phr", "proven_by": [{"acr": ["phr"]}], "implies": ["password"]}));
    config["policies"] = json!({
        "sealed": {"require": [{"level": "sealed"}]},
        "read": {"require": [{"level": "password"}]},
    });
    config["rules"] = json!([{"match": {"path": "/x"}, "policy": "sealed"}]);
    config
}

fn get(path: &str) -> Request {
    Request::get(path)
}

/// The request of the story: it moves money.
fn transfer() -> Request {
    Request::new("POST", "/accounts/7/transfers").body("{}")
}

/// A row whose token is made from claims at the time of the row.
fn with(name: &str, request: Request, change: fn(Claims) -> Claims, expect: Expect) -> Row {
    let write = move |world: &World| request.clone().bearer(&world.token(change(world.claims())));
    made(name, write, expect)
}

/// Joins lists of rows.
trait ConcatRows {
    fn concat_rows(self) -> Vec<Row>;
}

impl<const N: usize> ConcatRows for [Vec<Row>; N] {
    fn concat_rows(self) -> Vec<Row> {
        self.into_iter().flatten().collect()
    }
}

fn no_tokens() -> Vec<Row> {
    vec![
        row("a public route needs no token", get("/healthz"), Expect::Passed),
        row(
            "a token on a public route is not looked at",
            get("/healthz").bearer("not.a.token"),
            Expect::Passed,
        ),
        row("no token is told the level", get("/accounts/7"), no_token(ASK_READ)),
        row("no token is told all", transfer(), no_token(ASK_PAY_AND_SCOPE)),
        row(
            "other credentials are no token",
            get("/accounts/7").header("authorization", "Basic YTpi"),
            no_token(ASK_READ),
        ),
    ]
}

fn acr() -> Vec<Row> {
    vec![
        with("the level is proven", get("/accounts/7"), |c| c.acr("1"), Expect::Passed),
        with(
            "any one acr value proves it",
            get("/accounts/7"),
            |c| c.acr("urn:example:pwd"),
            Expect::Passed,
        ),
        with(
            "a higher level satisfies a lower one",
            get("/accounts/7"),
            |c| c.acr("phrh"),
            Expect::Passed,
        ),
        with("no acr proves nothing", get("/accounts/7"), |c| c, other_level(ASK_READ)),
        with(
            "an unknown acr proves nothing",
            get("/accounts/7"),
            |c| c.acr("3"),
            other_level(ASK_READ),
        ),
        with(
            "acr compares with case",
            get("/accounts/7"),
            |c| c.acr("URN:example:pwd"),
            other_level(ASK_READ),
        ),
        with(
            "an acr that is a list proves nothing",
            get("/accounts/7"),
            |c| c.set("acr", json!(["1"])),
            other_level(ASK_READ),
        ),
        with(
            "an acr that is a number proves nothing",
            get("/accounts/7"),
            |c| c.set("acr", 1),
            other_level(ASK_READ),
        ),
        with(
            "several acr values in one string prove nothing",
            get("/accounts/7"),
            |c| c.acr("1 2"),
            other_level(ASK_READ),
        ),
        with("acr 0 proves nothing", get("/accounts/7"), |c| c.acr("0"), other_level(ASK_READ)),
    ]
}

fn amr_and_claims() -> Vec<Row> {
    let by_other = |name, acr: &'static str, expect| {
        made(
            name,
            move |world: &World| {
                let claims = world.claims().issuer(OTHER_ISSUER).acr(acr).auth_time_ago(1);
                Request::new("POST", "/api/x").bearer(&world.keys.other.token(claims))
            },
            expect,
        )
    };
    vec![
        with(
            "all amr methods together prove a level",
            Request::new("POST", "/api/x"),
            |c| c.amr(&["otp", "mfa", "pwd"]).auth_time_ago(1),
            Expect::Passed,
        ),
        with(
            "one amr method of two proves nothing",
            Request::new("POST", "/api/x"),
            |c| c.acr("1").amr(&["otp"]).auth_time_ago(1),
            other_level(ASK_CHANGE),
        ),
        with(
            "amr as a string proves nothing",
            Request::new("POST", "/api/x"),
            |c| c.set("amr", "pwd otp").auth_time_ago(1),
            other_level(ASK_CHANGE),
        ),
        with(
            "amr with a number in it proves nothing",
            Request::new("POST", "/api/x"),
            |c| c.set("amr", json!(["pwd", "otp", 1])).auth_time_ago(1),
            other_level(ASK_CHANGE),
        ),
        with(
            "another claim proves a level, as a list",
            Request::new("POST", "/api/x"),
            |c| c.set("acrs", json!(["c9", "c2"])).auth_time_ago(1),
            Expect::Passed,
        ),
        with(
            "another claim proves a level, as a string",
            Request::new("POST", "/api/x"),
            |c| c.set("acrs", "c1").auth_time_ago(1),
            Expect::Passed,
        ),
        with(
            "a proof of another issuer does not count",
            Request::new("POST", "/api/x"),
            |c| c.acr("high").auth_time_ago(1),
            other_level(ASK_CHANGE),
        ),
        by_other("a proof counts for its issuer", "high", Expect::Passed),
        by_other("a proof without an issuer counts for every one", "2", Expect::Passed),
    ]
}

fn alternatives() -> Vec<Row> {
    vec![
        with(
            "the second alternative suffices",
            transfer(),
            |c| c.acr("2").auth_time_ago(60).scope("payments"),
            Expect::Passed,
        ),
        with(
            "the first alternative suffices",
            transfer(),
            |c| c.acr("phr").auth_time_ago(600).scope("payments"),
            Expect::Passed,
        ),
        with(
            "a challenge asks for the first alternative",
            transfer(),
            |c| c.acr("1").auth_time_ago(1).scope("payments"),
            other_level(ASK_PAY),
        ),
    ]
}

fn ages() -> Vec<Row> {
    let strong = |change: fn(Claims) -> Claims| move |c: Claims| change(c.acr("2"));
    let change = |name: &str, claims: fn(Claims) -> Claims, expect| {
        let add = strong(claims);
        made(
            name,
            move |world: &World| {
                Request::new("POST", "/api/x").bearer(&world.token(add(world.claims())))
            },
            expect,
        )
    };
    let old = || fresher(ASK_CHANGE);
    vec![
        change("just under max_age passes", |c| c.auth_time_ago(28_790), Expect::Passed),
        change("just over max_age does not", |c| c.auth_time_ago(28_801), old()),
        change("a fresh authentication passes", |c| c.auth_time_ago(0), Expect::Passed),
        change("within the clock skew ahead passes", |c| ahead(c, 50), Expect::Passed),
        change("beyond the clock skew ahead does not", |c| ahead(c, 70), old()),
        change("a missing auth_time does not pass", |c| c, old()),
        change("iat does not stand in for auth_time", |c| c.set("iat", 1), old()),
        change("auth_time as a string does not pass", |c| c.set("auth_time", "1700000000"), old()),
        change("a negative auth_time does not pass", |c| c.set("auth_time", -1), old()),
        change("auth_time 1e300 does not pass", |c| c.set("auth_time", 1e300), old()),
        change("auth_time null does not pass", |c| c.set("auth_time", Value::Null), old()),
        change("auth_time as a list does not pass", |c| c.set("auth_time", json!([1])), old()),
        change("auth_time zero is too old", |c| c.set("auth_time", 0), old()),
        with(
            "auth_time is not needed where no max_age is",
            get("/accounts/7"),
            |c| c.acr("1").set("auth_time", "x"),
            Expect::Passed,
        ),
        with(
            "the age of one alternative does not count for another",
            transfer(),
            |c| c.acr("2").auth_time_ago(600).scope("payments"),
            fresher(ASK_PAY),
        ),
    ]
}

fn ahead(claims: Claims, seconds: u64) -> Claims {
    let now = crate::support::now();
    claims.set("auth_time", now + seconds)
}

fn scopes() -> Vec<Row> {
    let batch = || get("/batch/1");
    vec![
        with(
            "only scopes missing is forbidden",
            transfer(),
            |c| c.acr("phr").auth_time_ago(1),
            lacks_scope("payments"),
        ),
        with(
            "level and scope missing is one challenge",
            transfer(),
            |c| c.acr("1").auth_time_ago(1).scope("other"),
            other_level(ASK_PAY_AND_SCOPE),
        ),
        with(
            "age and scope missing is one challenge",
            transfer(),
            |c| c.acr("phr").auth_time_ago(5000),
            fresher(ASK_PAY_AND_SCOPE),
        ),
        with(
            "a scope is a whole word",
            transfer(),
            |c| c.acr("phr").auth_time_ago(1).scope("payments:read xpayments"),
            lacks_scope("payments"),
        ),
        with("all scopes are needed", batch(), |c| c.scope("batch"), lacks_scope("batch export")),
        with("a policy of scopes alone", batch(), |c| c.scope("export batch"), Expect::Passed),
        with(
            "scp as a list counts where scope is absent",
            batch(),
            |c| c.set("scp", json!(["export", "batch"])),
            Expect::Passed,
        ),
        with(
            "scp does not add to scope",
            batch(),
            |c| c.scope("batch").set("scp", json!(["export"])),
            lacks_scope("batch export"),
        ),
        with(
            "a scope that is a number is none",
            batch(),
            |c| c.set("scope", 1),
            lacks_scope("batch export"),
        ),
        row("no token is told the scopes", batch(), no_token(", scope=\"batch export\"")),
    ]
}
