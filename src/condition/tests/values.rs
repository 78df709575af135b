//! What values compare as, how they are read, and what it may cost.

use super::*;

#[test]
fn what_is_unclear_is_neither_the_same_nor_another() {
    let mut bench = Bench::new();
    bench.evidence = Some(Evidence::for_test(
        Issuer::for_test(),
        json!({
            "sub": "alice", "a": 9_007_199_254_740_993_i64, "b": 9_007_199_254_740_995_i64,
            "l": [9_007_199_254_740_993_i64], "m": [[9_007_199_254_740_993_i64]], "n": 1,
        }),
    ));
    bench.headers = Headers::new(vec![(":path".to_owned(), b"/a//b".to_vec())]);
    for source in [
        "claims.a != claims.b",
        "claims.a == claims.a",
        "claims.a in claims.l",
        "claims.b in [claims.a]",
        "claims.l != [claims.b]",
        "claims.m == [claims.l]",
        "claims.l in claims.m",
        "claims.n in claims.l",
        "request.path != claims.a",
        "request.path == request.path",
        "request.path == null",
        "claims.a != null",
        "null in claims.l",
    ] {
        assert_eq!(bench.holds(source), Err(Doubt::WrongType), "{source}");
    }
}

#[test]
fn numbers_and_times_are_read_in_one_notation() {
    let mut bench = Bench::new();
    let mut holds = |text: &str, source: &str| {
        bench.body = Ok(json!({ "x": text }));
        bench.holds(source)
    };
    for text in ["+5", "007", "-", "", " 5", "5.0", "-01", "5_000", "9223372036854775808"] {
        assert_eq!(holds(text, "int(request.body.x) > 3"), Err(Doubt::WrongType), "{text}");
    }
    for text in
        ["2026-11-24T12:00:00Z", "2026-11-24t13:00:00.5+01:00", "2026-11-24T12:00:00.000-00:00"]
    {
        let source = "timestamp(request.body.x) >= timestamp('2026-11-24T12:00:00Z')";
        assert_eq!(holds(text, source), Ok(true), "{text}");
    }
    for text in [
        "2026-11-24T12-01",
        "20261124T120000+0000",
        "2026-11-24T12:00:00Z[Europe/Berlin]",
        "2026-11-24T12:00:00+01:00[Europe/Berlin]",
        "2026-11-24 12:00:00Z",
        "2026-11-24T12:00Z",
        "2026-11-24T12:00:00",
        "2026-11-24T12:00:00+01",
        "2026-11-24T12:00:00+0100",
        "2026-11-24T12:00:00+01:00:00",
        "2026-11-24T12:00:00+24:00",
        "2026-11-24T12:00:00.Z",
        "2026-11-24T12:00:00,5Z",
        "2026-11-24T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-02-30T12:00:00Z",
        "+002026-11-24T12:00:00Z",
        "2026-11-24",
        "",
    ] {
        let source = "timestamp(request.body.x) > timestamp(0)";
        assert_eq!(holds(text, source), Err(Doubt::WrongType), "{text}");
    }
}

#[test]
fn what_matches_may_cost_is_bounded() {
    let mut bench = Bench::new();
    let simple = "request.body.s.matches('[0-9]{12}')";
    let large = "request.body.s.matches('[a-z0-9.]{1,64}@')";
    let long = |length: usize| Ok(json!({"s": "a".repeat(length)}));
    for (length, source, expected) in [
        (1024, large, Ok(false)),
        (1025, large, Err(Doubt::NotComputable)),
        (4096, simple, Ok(false)),
        (65_000, simple, Err(Doubt::NotComputable)),
        // Together they cost as much as a longer text.
        (1024, &format!("{large} || {large}"), Err(Doubt::NotComputable)),
        // What did not fit does not decide where another one does.
        (1024, &format!("{large} || {large} || request.method == 'POST'"), Ok(true)),
    ] {
        bench.body = long(length);
        assert_eq!(bench.holds(source), expected, "{length}: {source}");
        // The next evaluation begins anew.
        assert_eq!(bench.holds(source), expected, "{length}: {source}");
    }
    let texts = |count: usize| Ok(json!({"s": vec!["a".repeat(64); count]}));
    let source = "request.body.s.exists(x, x.matches('[a-z0-9.]{1,64}@'))";
    bench.body = texts(16);
    assert_eq!(bench.holds(source), Ok(false));
    bench.body = texts(1000);
    assert_eq!(bench.holds(source), Err(Doubt::NotComputable));
}

#[test]
fn null_compares_with_a_null_that_is_written_out() {
    let mut bench = Bench::new();
    bench.body = Ok(json!({
        "none": null, "other": null, "kind": "wire", "list": [null], "mixed": ["wire", null],
        "n": 5, "empty": [],
    }));
    for (source, expected) in [
        ("request.body.none == null", Ok(true)),
        ("null != request.body.none", Ok(false)),
        ("request.body.kind == null", Ok(false)),
        ("request.body.n != null", Ok(true)),
        ("request.body.none in [null, 'wire']", Ok(true)),
        ("null in request.body.mixed", Ok(true)),
        ("request.body.list == [null]", Ok(true)),
        ("request.body.mixed != ['wire', null]", Ok(false)),
        ("request.body.list.exists(x, x == null)", Ok(true)),
        ("request.body.list.exists(x, [null].exists(y, x == y))", Ok(true)),
        ("null == null", Ok(true)),
        ("request.body.empty == [null]", Ok(false)),
        // What is null is not there for other servers, which shows as a doubt too.
        ("request.body.none == 'wire'", Err(Doubt::WrongType)),
        ("request.body.none != 'wire'", Err(Doubt::WrongType)),
        ("request.body.none == request.body.other", Err(Doubt::WrongType)),
        ("request.body.none in ['wire']", Err(Doubt::WrongType)),
        ("'swift' in request.body.mixed", Err(Doubt::WrongType)),
        ("'wire' in request.body.mixed", Ok(true)),
        ("request.body.list == ['wire']", Err(Doubt::WrongType)),
        ("request.body.list == request.body.list", Err(Doubt::WrongType)),
        ("request.body.none == 5", Err(Doubt::WrongType)),
    ] {
        assert_eq!(bench.holds(source), expected, "{source}");
    }
}
