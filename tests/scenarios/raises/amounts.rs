//! Amounts in bodies, as the recipe for risk looks at them.

use super::{ASK_PASSWORD, ASK_PHR_5M_ALONE, HERE, usual, with};
use crate::support::Request;
use crate::table::{Expect, Row, no_token, other_level, row};

pub(super) const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn transfer(content_type: &str, body: &[u8]) -> Request {
    let request = Request::new("POST", "/transfers").header("x-client-ip", "198.51.100.7");
    request.header("content-type", content_type).body(body)
}

pub(super) fn amount(name: &str, content_type: &str, body: &[u8], expect: Expect) -> Row {
    with(name, transfer(content_type, body), usual, expect)
}

pub(super) fn fired() -> Expect {
    other_level(ASK_PHR_5M_ALONE)
}

/// Amounts at the limit and around it, in every form in which a client can send them.
pub(super) fn amounts() -> Vec<Row> {
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
pub(super) fn bodies() -> Vec<Row> {
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
