//! What is read of bodies, and what is not.

// A test may fail by panicking.
#![allow(clippy::arithmetic_side_effects)]

use proptest::prelude::*;
use serde_json::json;

use super::BodyError::{
    AlsoInQuery, ByteOrderMark, Duplicate, Encoded, InexactNumber, Missing, NoType, NotForm,
    NotJson, NotUtf8, OddName, TooDeep, TooLarge, TooManyValues, WrongCharset, WrongType,
};
use super::*;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn headers(pairs: &[(&str, &str)]) -> Headers {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    Headers::new(pairs.collect())
}

fn typed(content_type: &str, body: impl AsRef<[u8]>) -> Result<Value, BodyError> {
    parse(&headers(&[("content-type", content_type)]), body.as_ref())
}

fn json(body: impl AsRef<[u8]>) -> Result<Value, BodyError> {
    typed(JSON, body)
}

fn form(body: impl AsRef<[u8]>) -> Result<Value, BodyError> {
    typed(FORM, body)
}

#[test]
fn the_content_type_says_how_a_body_is_read() {
    for content_type in [
        "application/json",
        "Application/JSON",
        " application/json ",
        "application/json;charset=utf-8",
        "application/json; charset=\"UTF-8\"",
        "application/json; profile=\"a;b\"; charset=utf-8;",
        "application/vnd.bank.transfer+json",
        "application/vnd.platform.v1+json; version=1",
        "application/vnd.api+json; ext=\"https://jsonapi.org/ext/atomic\"",
    ] {
        assert_eq!(typed(content_type, "[1]"), Ok(json!([1])), "{content_type}");
    }
    for (content_type, expected) in [
        ("", WrongType),
        ("application", WrongType),
        ("application/jsonp", WrongType),
        ("text/json", WrongType),
        ("application/xml", WrongType),
        ("multipart/form-data; boundary=x", WrongType),
        ("/+json", WrongType),
        ("text/x+json", WrongType),
        ("multipart/form-data+json", WrongType),
        ("multipart/form-data+json; boundary=x", WrongType),
        ("application/form-data+json", WrongType),
        ("application/x-www-form-urlencoded+json", WrongType),
        ("application/X-WWW-Form-Urlencoded+json", WrongType),
        ("application/json; a=\"application/x-www-form-urlencoded\"", WrongType),
        ("application/json; a=\"Multipart/Form-Data; boundary=x\"", WrongType),
        ("application/json; multipart=x-www-form-urlencoded", WrongType),
        ("application/x-www-form-urlencoded; a=\"application/json\"", WrongType),
        ("application/x-www-form-urlencoded; a=\"multipart/form-data\"", WrongType),
        ("a b/x+json", WrongType),
        ("application/json, text/plain", WrongType),
        ("application/json,application/json", WrongType),
        ("application/json charset=utf-8", WrongType),
        ("application/json; charset", WrongType),
        ("application/json; charset =utf-8", WrongType),
        ("application/json; charset=", WrongType),
        ("application/json; charset=\"utf-8", WrongType),
        ("application/json; charset=\"utf\\-8\"", WrongType),
        ("application/json; charset=utf-16", WrongCharset),
        ("application/json; charset=iso-8859-1", WrongCharset),
        ("application/json; charset=utf-8; charset=utf-8", WrongCharset),
        ("application/json; CHARSET=utf-16le", WrongCharset),
        ("application/x-www-form-urlencoded; charset=utf-7", WrongCharset),
    ] {
        assert_eq!(typed(content_type, "[1]"), Err(expected), "{content_type}");
    }
    assert_eq!(parse(&headers(&[]), b"[1]"), Err(NoType));
    for other in ["content-type", "content_type", "content.type"] {
        let twice = [("content-type", JSON), (other, JSON)];
        assert_eq!(parse(&headers(&twice), b"[1]"), Err(NoType), "{other}");
    }
    assert_eq!(parse(&headers(&[("content_type", JSON)]), b"[1]"), Err(NoType));
    let bytes = Headers::new(vec![("content-type".to_owned(), b"application/json; a=\xff".into())]);
    assert_eq!(parse(&bytes, b"[1]"), Err(WrongType));
}

#[test]
fn a_body_that_is_missing_or_encoded_is_not_read() {
    assert_eq!(json(""), Err(Missing));
    assert_eq!(parse(&headers(&[]), b""), Err(Missing));
    for (encodings, expected) in [
        (&["identity"][..], Ok(json!(1))),
        (&["Identity", " identity"], Ok(json!(1))),
        (&["gzip"], Err(Encoded)),
        (&["identity", "br"], Err(Encoded)),
        (&["identity, identity"], Err(Encoded)),
        (&[""], Err(Encoded)),
        (&["utf-8"], Err(Encoded)),
    ] {
        let encodings = encodings.iter().map(|encoding| ("content-encoding", *encoding));
        let all = std::iter::once(("content-type", JSON)).chain(encodings).collect::<Vec<_>>();
        assert_eq!(parse(&headers(&all), b"1"), expected, "{all:?}");
    }
    for (value, expected) in [("identity", Ok(json!(1))), ("gzip", Err(Encoded))] {
        let all = [("content-type", JSON), ("content_encoding", value)];
        assert_eq!(parse(&headers(&all), b"1"), expected, "some servers read _ as -");
    }
}

#[test]
fn headers_tell_before_a_body_comes_that_it_is_refused() {
    for (name, value, expected) in [
        ("content-length", "40", Ok(())),
        ("content-length", "41", Err(TooLarge)),
        ("content-length", "18446744073709551615", Err(TooLarge)),
        ("content-length", "many", Ok(())),
        ("content-type", "application/json", Err(NoType)),
        ("content-encoding", "gzip", Err(Encoded)),
        ("transfer-encoding", "chunked", Ok(())),
    ] {
        let headers = headers(&[("content-type", JSON), (name, value)]);
        assert_eq!(check_headers(&headers, 40), expected, "{name}: {value}");
    }
    assert_eq!(check_headers(&headers(&[]), 40), Err(NoType));
    assert_eq!(
        check_headers(&headers(&[("content-type", "application/grpc")]), 40),
        Err(WrongType)
    );
}

#[test]
fn json_has_one_meaning() {
    let text = r#" {"to": "a\u0062\"}", "amount": -12.50, "more": [null, true, {"x": 1e3}]} "#;
    let expected = json!({"to": "ab\"}", "amount": -12.5, "more": [null, true, {"x": 1000.0}]});
    assert_eq!(json(text), Ok(expected));
    for (body, expected) in [
        (&b"{\"a\":1,\"a\":2}"[..], Duplicate),
        (br#"{"x":[{"a":1,"\u0061":1}]}"#, Duplicate),
        (b"\xef\xbb\xbf{}", ByteOrderMark),
        (b"\xff\xfe{\0}\0", NotUtf8),
        (b"{\0}\0", NotJson),
        (b"\"\xc3\x28\"", NotUtf8),
        (b"{} {}", NotJson),
        (b"{\"a\":1", NotJson),
        (b"\"", NotJson),
        (b"\"\\", NotJson),
        (b"{'a':1}", NotJson),
        (b"[1,]", NotJson),
        (b"[NaN]", NotJson),
        (b"[01]", NotJson),
        (b"[1-2]", NotJson),
        (b"[-]", NotJson),
        (b"[.5]", NotJson),
        (b"/**/1", NotJson),
        (b" ", NotJson),
        (b"amount=1", NotJson),
        (br#"["\ud800"]"#, NotJson),
    ] {
        assert_eq!(json(body), Err(expected), "{}", body.escape_ascii());
    }
}

#[test]
fn json_is_bounded() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert!(json(nested(MAX_DEPTH)).is_ok());
    assert_eq!(json(nested(MAX_DEPTH + 1)), Err(TooDeep));
    assert_eq!(json("[".repeat(1_000_000)), Err(TooDeep));
    assert!(json(format!("[{}]", nested(MAX_DEPTH - 1))).is_ok());
    assert!(json(format!("[\"{}\"]", "[".repeat(100))).is_ok(), "brackets in a string");
    let list = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert!(json(list(MAX_VALUES - 1)).is_ok());
    assert_eq!(json(list(MAX_VALUES)), Err(TooManyValues));
    let member = |index: usize| format!("\"{index}\":\"x\"");
    let object = |count| format!("{{{}}}", (0..count).map(member).collect::<Vec<_>>().join(","));
    assert!(json(object(MAX_VALUES - 1)).is_ok());
    assert_eq!(json(object(MAX_VALUES)), Err(TooManyValues));
}

#[test]
fn numbers_are_read_as_far_as_everyone_reads_the_same() {
    for number in [
        "0",
        "-0",
        "0.00",
        "0e999999999999999999999",
        "1000.01",
        "999999999999999",
        "99999999999999.9",
        "0.000000000123456789012345",
        "123456789012345e200",
        "1000000000000000000000000",
        "1.5000000000000000000000",
        "9007199254740991",
        "9007199254740991",
        "-9007199254740991",
        "1e308",
        "2.2250738585073e-308",
        "1E+3",
    ] {
        assert!(json(number).is_ok(), "{number}: {:?}", json(number));
        assert!(json(format!("{{\"1.0000000000000001\":[{number}]}}")).is_ok(), "{number}");
    }
    for number in [
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551616",
        "1000.0000000000001",
        "0.1000000000000000055511151231257827",
        "9007199254740991.0",
        "9007199254740.991e3",
        "1e309",
        "-1e400",
        "1e999999999999999999999",
        "1e-400",
        "1.23456789e-320",
        "4.9e-324",
    ] {
        assert_eq!(json(number), Err(InexactNumber), "{number}");
        let nested = format!("{{\"a\":\"\\\"\",\"b\":[1,{{\"c\":{number}}}]}}");
        assert_eq!(json(nested), Err(InexactNumber), "{number}");
    }
}

#[test]
fn a_form_is_an_object_of_strings() {
    let expected = json!({"amount": "1 000", "to": "ä=&", "note": "", "": "x"});
    assert_eq!(form("amount=1+000&&to=%C3%a4%3d%26&note&=x&"), Ok(expected));
    for (body, expected) in [
        (&b"a=1&a=2"[..], Duplicate),
        (b"a=1&%61=1", Duplicate),
        (b"a&a", Duplicate),
        (b"a=%", NotForm),
        (b"a=%4", NotForm),
        (b"a=%zz", NotForm),
        (b"%%61=1", NotForm),
        (b"a=1;a=2", NotForm),
        (b"a=%ff", NotUtf8),
        (b"a=\xc3", NotUtf8),
        (b"%c3=1", NotUtf8),
    ] {
        assert_eq!(form(body), Err(expected), "{}", body.escape_ascii());
    }
    let fields = |count| (0..count).map(|index| format!("{index}=")).collect::<Vec<_>>().join("&");
    assert!(form(fields(MAX_VALUES - 1)).is_ok());
    assert_eq!(form(fields(MAX_VALUES)), Err(TooManyValues));
}

#[test]
fn names_that_some_reader_takes_for_one_are_a_doubt() {
    for body in [
        "amount=1&Amount=5",
        "amount=1&amount[]=5",
        "amount=1&amount%5B0%5D=5",
        "amount=1&amount[value]=5",
        "access_token=1&access.token=5",
        "access_token=1&access+token=5",
        "access_token=1&access%2Btoken=5",
        "a[b]=1&a.b=5",
        "a[b][c]=1&a_b_c=5",
        "a_b[]=1&a.b=5",
        "stra%C3%9Fe=1&STRASSE=5",
    ] {
        assert_eq!(form(body), Err(Duplicate), "{body}");
    }
    for name in [
        "[amount]",
        "%5Bamount%5D",
        "[amount][]",
        "]amount",
        "amount]",
        "?amount",
        "??amount",
        "%01amount",
        "amount%01",
        "%00amount",
        "amount%00",
        "amount%00x",
        "+amount",
        "amount+",
        "%2Bamount",
        "%C2%A0amount",
        "amount%C2%A0",
        "%EF%BB%BFamount",
        "amount%EF%BB%BF",
        "am%09ount",
        "amount[",
        "access[token",
        "amount[x",
        "amount[x]y",
        "amount[x]]",
        "amount[[x]]",
        "[]",
        "+",
    ] {
        for body in [format!("amount=1&{name}=5"), format!("x=&{name}=5"), format!("x&{name}")] {
            assert_eq!(form(&body), Err(OddName), "{body}");
        }
    }
    for body in ["amount=1&amounts=5", "a.b=1&a.c=2", "a[b]=1&ab=2", "a[b][c]=1", "a[]=1", "a?=1"] {
        assert!(form(body).is_ok(), "{body}: {:?}", form(body));
    }
    for (body, expected) in [
        (r#"{"amount":1,"amount\u0000":5}"#, OddName),
        (r#"{"x":[{"amount\u0000":5}]}"#, OddName),
        (r#"{"\u0001amount":5}"#, OddName),
        (r#"{"amount":1,"AMOUNT":5}"#, Duplicate),
    ] {
        assert_eq!(json(body), Err(expected), "{body}");
    }
    assert!(json(r#"{"a b":1,"[a]":2,"ä":3,"":4}"#).is_ok());
}

#[test]
fn a_field_that_the_query_has_too_is_a_doubt() {
    let read = |content_type: &str, target: &str, body: &str| {
        let headers = headers(&[(":path", target), ("content-type", content_type)]);
        parse(&headers, body.as_bytes())
    };
    for target in [
        "/b?amount=5",
        "/b?x=1&Amount=5",
        "/b?amount",
        "/b?x;amount=5",
        "/b??amount=5",
        "/b?[amount]=5",
        "/b?%5Bamount%5D=5",
        "/b?]amount=5",
        "/b?%61mount=5",
        "/b?+amount%00x=5",
        "/b?amount[x]=5",
        "/b?%00amount=5",
        "/b?x=%zz&amount=5",
        "/b?%C2%A0amount=5",
        "/b%3Famount=5",
        "/b%3famount=5&x=?y=1",
        "/b?x=1&x=1&ac[t=5",
        "/b?transfer.to=5",
    ] {
        assert_eq!(
            read(FORM, target, "amount=1&transfer[to]=2&ac_t"),
            Err(AlsoInQuery),
            "{target}"
        );
    }
    for target in ["", "/amount=1", "/b?", "/b?amounts=1", "/b?x=amount", "/b?x=1&x=%zz&{", "/b?=1"]
    {
        assert!(read(FORM, target, "amount=1&transfer[to]=2").is_ok(), "{target}");
    }
    assert!(read(JSON, "/b?amount=5", r#"{"amount":1}"#).is_ok(), "no server merges these");
}

/// A decimal without needless zeros: the digits, and the exponent of the last one.
fn decimal(text: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let negative = mantissa.starts_with('-');
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [integer.trim_start_matches('-'), fraction].concat();
    let kept = digits.trim_end_matches('0');
    let exponent = exponent.parse::<i64>().unwrap() - i64::try_from(fraction.len()).unwrap()
        + i64::try_from(digits.len() - kept.len()).unwrap();
    let kept = kept.trim_start_matches('0');
    if kept.is_empty() { (negative, String::new(), 0) } else { (negative, kept.into(), exponent) }
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(body: Vec<u8>, is_form: bool) {
        let _ = typed(if is_form { FORM } else { JSON }, body);
    }

    #[test]
    fn whatever_looks_like_json_is_read_or_refused(
        body in r#"[\[\]{}":,\\0-9eE+.\-truefalsn u]{0,60}"#,
    ) {
        if let Ok(value) = json(&body) {
            prop_assert_eq!(value, crate::json::parse(body.as_bytes()).unwrap());
        }
    }

    #[test]
    fn a_number_that_is_read_comes_back_as_it_was_written(
        number in r"-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
    ) {
        if let Ok(value) = json(&number) {
            let number_as_read = value.as_f64().unwrap();
            prop_assert_eq!(decimal(&number), decimal(&format!("{number_as_read:e}")));
        }
    }

    #[test]
    fn usual_amounts_are_read(cents in -99_999_999_999_999_i64..=99_999_999_999_999) {
        let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
        prop_assert_eq!(json(&text).unwrap().as_f64(), text.parse().ok());
    }

    #[test]
    fn what_serde_writes_is_read_again(
        value in prop::collection::vec(("[a-z]{1,3}", any::<i32>(), any::<f32>(), ".{0,8}"), 0..9),
    ) {
        let items = value.iter().map(|(name, integer, float, text)| {
            let float = format!("{float:.6}").parse::<f64>().unwrap_or_default();
            let float = if float.abs() < 1e6 { float } else { 0.5 };
            json!({name.as_str(): integer, "float": float, "text": text})
        });
        let value = Value::Array(items.collect());
        prop_assert_eq!(json(value.to_string()), Ok(value));
    }
}
