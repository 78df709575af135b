//! Spellings of a protected path. Whatever Envoy does with a path before the filter sees it, none
//! of them reaches the upstream without the demand that guards the path.

use serde_json::{Value, json};

use crate::support::Request;
use crate::support::bootstrap::{EscapedSlashes, PathHandling};
use crate::table::{Expect, Keys, Row, Suite, config, row};

/// Everything here could be read as a path below `/admin` by some server.
const SPELLINGS: &[&str] = &[
    "/admin",
    "/admin/",
    "/admin/users",
    "/admin?x=/public",
    "/admin?",
    "/administrator",
    "//admin",
    "///admin/users",
    "/./admin",
    "/.//admin",
    "/public/../admin",
    "/public/./../admin/users",
    "/public/x/../../admin",
    "/../admin",
    "/../../admin",
    "/%61dmin",
    "/%61%64%6d%69%6e/users",
    "/%61%64%6D%69%6E",
    "/ad%6Din",
    "/public/%2e%2e/admin",
    "/public/%2E%2E/admin",
    "/public/.%2e/admin",
    "/public/%2e./admin",
    "/%2e/admin",
    "/public%2f..%2fadmin",
    "/public%2F..%2Fadmin",
    "/public/..%2fadmin",
    "/public/..%2Fadmin",
    "/%2fadmin",
    "/%2f%2fadmin",
    "/public/%2e%2e%2fadmin",
    "/public%2f%2e%2e%2fadmin",
    "/public/..%5cadmin",
    "/public/..%5Cadmin",
    "/public\\..\\admin",
    "/public/..\\admin",
    "\\admin",
    "/\\admin",
    "/public/..;/admin",
    "/public/..;x=1/admin",
    "/public/..;/admin;x",
    "/public/%2e%2e;/admin",
    "/public/..%3b/admin",
    "/public/.;/../admin",
    "/public;/../admin",
    "/public;x=1/../admin",
    "/;/admin",
    "/;x/admin/users",
    "/admin;",
    "/admin;x=1",
    "/admin;x/users",
    "/admin%3bx",
    "/public/%252e%252e/admin",
    "/public/..%252fadmin",
    "/%2561dmin",
    "/public/%c0%ae%c0%ae/admin",
    "/public/..%c0%afadmin",
    "/public/%e0%80%ae%e0%80%ae/admin",
    "/admin%00",
    "/public%00/../admin",
    "/public/../admin%00.html",
    "/admin%",
    "/admin%2",
    "/admin%zz",
    "/public/%2g/../../admin",
    "/admin%20",
    "/admin%09",
    "/admin%0d%0ax",
    "/public#/../admin",
    "/admin#x",
    "/public/../admin?x=../public",
    "/admin/../admin",
    "/admin/.",
    "/admin/./",
    "http://api.example.com/admin",
    "http://other.example.com/public/../admin",
];

/// Servers that merge slashes first read `/admin` here; RFC 3986 §5.2.4 reads `/public/admin`.
const SLASHES: &str = "/public//../admin";

/// Spellings whose first segment is an exact one that a rule names.
const EXACT_SPELLINGS: &[&str] = &[
    "/pay/now",
    "/pay//now",
    "/pay/./now",
    "/pay/x/../now",
    "/%70ay/now",
    "/pay/n%6fw",
    "/pay;x/now",
    "/pay/now;x",
    "/pay/;x/now",
    "/pay%2fnow",
    "/pay\\now",
    "/pay/now?",
];

/// Spellings of an open path that some server reads as one below `/admin`: frameworks that leave dot
/// segments alone, URL parsers that take a host after `//`, servers that ignore a trailing slash or
/// decode before they cut.
const REVERSE_SPELLINGS: &[&str] = &[
    "/admin/../public/x",
    "/admin/%2e%2e/public/x",
    "/admin/./../public",
    "/admin/x/../../public",
    "//public/admin/x",
    "//x.example.com/admin",
    "/pay/now/",
    "/pay/now/.",
    "/pay/now%3Fx",
    "/pay/now%23x",
];

pub fn suites(keys: &Keys) -> Vec<Suite> {
    let handling = |normalize, merge_slashes, escaped_slashes| PathHandling {
        normalize,
        merge_slashes,
        escaped_slashes,
    };
    let suite = |name, handling: PathHandling, slashes| {
        let mut merged = row(SLASHES, Request::get(SLASHES), slashes);
        if merged.expect.passes() {
            merged = merged.not_explained("Envoy has merged the slashes before the filter looks");
        }
        let rows = rows().into_iter().chain([merged]);
        Suite::new(name, guarded(keys), rows.collect())
            .envoy(move |options| options.paths(handling))
    };

    let mut kept = guarded(keys);
    kept["encoded_slashes"] = json!("keep");
    vec![
        suite("paths kept as sent", PathHandling::default(), stopped()),
        Suite::new(
            "paths read in another way, kept as sent",
            guarded(keys),
            REVERSE_SPELLINGS
                .iter()
                .map(|target| row(format!("{target:?}"), Request::get(target), stopped()))
                .collect(),
        ),
        // Once Envoy has resolved the dot segments, the upstream gets "/public/admin".
        suite(
            "paths normalized",
            handling(true, true, EscapedSlashes::KeepUnchanged),
            Expect::Passed,
        )
        .only_in_envoy(),
        suite(
            "paths unescaped",
            handling(true, true, EscapedSlashes::UnescapeAndForward),
            Expect::Passed,
        )
        .only_in_envoy(),
        suite(
            "slashes merged only",
            handling(false, true, EscapedSlashes::UnescapeAndForward),
            stopped(),
        )
        .only_in_envoy(),
        Suite::new(
            "encoded slashes kept as sent",
            kept,
            vec![
                row("in an open path", Request::get("/files/a%2Fb%5cc"), Expect::Passed),
                row("in a guarded path", Request::get("/admin/a%2fb"), stopped()),
                row("out of an open path", Request::get("/files/..%2fadmin"), stopped()),
                row("encoded dots too", Request::get("/files/%2e%2e%2fadmin"), stopped()),
                row("from the first segment", Request::get("/files%2f..%2f..%2fadmin"), stopped()),
                row("a backslash too", Request::get("/files/..%5cadmin"), stopped()),
                row("with a parameter", Request::get("/files/x;%2f..%2f../admin"), stopped()),
                row("an exact path", Request::get("/pay%2fnow"), stopped()),
                row("a raw backslash is refused", Request::get("/files\\x"), stopped()),
                row("%00 is refused", Request::get("/files/a%2f%00"), stopped()),
                row("encoded twice is refused", Request::get("/files/a%252fb"), stopped()),
            ],
        ),
    ]
}

/// All is open but what lies below `/admin`, and one exact path.
fn guarded(keys: &Keys) -> Value {
    let mut config = config(keys);
    config["policies"] = json!({
        "open": {"public": true},
        "guarded": {"require": [{"level": "phishing-resistant", "max_age": "5m"}]},
    });
    config["rules"] = json!([
        {"match": {"prefix": "/admin"}, "policy": "guarded"},
        {"match": {"path": "/pay/now"}, "policy": "guarded"},
    ]);
    config["default"] = json!("open");
    config
}

/// By the filter (400, 401), by Envoy (400, 404), or by its redirect to the normalized path.
fn stopped() -> Expect {
    Expect::Stopped(&[400, 401])
}

fn rows() -> Vec<Row> {
    let guarded = SPELLINGS.iter().chain(EXACT_SPELLINGS);
    let mut rows = guarded
        .map(|target| row(format!("{target:?}"), Request::get(target), stopped()))
        .collect::<Vec<_>>();
    // The same Envoy does pass on what is open, however it is spelled.
    for target in [
        "/public",
        "/public/x?y=/admin",
        "/public/admin",
        "/x;v=1/y",
        "/.well-known/x",
        "/a%20b",
        "/caf%C3%A9",
        "/a%7Eb",
    ] {
        rows.push(row(format!("{target:?} is open"), Request::get(target), Expect::Passed));
    }
    rows
}
