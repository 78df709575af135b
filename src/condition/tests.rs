//! What conditions accept, what they compute, and what puts them in doubt.

mod comparisons;
mod values;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::feeds::{FeedSettings, FeedSource, FeedType, Feeds, from_json};
use crate::host::memory::MemoryHost;
use crate::policy::{EncodedSlashes, Ladder, Level, LevelId, LevelSet, Proof};
use crate::request::Headers;
use crate::time::Timestamp;
use crate::token::{Evidence, Issuer};

/// Wednesday, 2026-11-25, 06:30 in Berlin.
const NOW: u64 = 1_795_584_600;

fn feeds() -> Feeds {
    let inline = |name: &str, feed_type, entries: Value| FeedSettings {
        name: name.into(),
        source: FeedSource::Inline(from_json(feed_type, &entries).unwrap().into()),
    };
    let settings = vec![
        inline("networks", FeedType::Networks, json!(["10.0.0.0/8", "::1"])),
        inline("devices", FeedType::Strings, json!(["d1"])),
        inline("revoked", FeedType::NotBefore, json!({"alice": NOW - 50})),
    ];
    Feeds::new(settings, &MemoryHost::new(Headers::default()))
}

const FEEDS: [(&str, Option<FeedType>); 5] = [
    ("networks", Some(FeedType::Networks)),
    ("devices", Some(FeedType::Strings)),
    ("revoked", Some(FeedType::NotBefore)),
    ("absent", Some(FeedType::Strings)),
    ("unread", None),
];
const LEVELS: [&str; 3] = ["password", "mfa", "phishing-resistant"];

struct Bench {
    headers: Headers,
    host: MemoryHost,
    levels: Ladder,
    evidence: Option<Evidence>,
    body: Result<Value, ()>,
    feeds: Feeds,
    signals: Signals,
}

impl Bench {
    fn new() -> Self {
        let pairs: &[(&str, &[u8])] = &[
            (":method", b"POST"),
            (":path", b"/pay/x?amount=5&tag=a&tag=b&bad=%ff"),
            (":authority", b"API.example.com:443"),
            (":scheme", b"https"),
            ("content-length", b"17"),
            ("x-country", b"DE"),
            ("x-twice", b"a"),
            ("x-twice", b"b"),
            ("x-bytes", b"\xff"),
        ];
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
        let headers = Headers::new(pairs.collect());
        let mut host = MemoryHost::new(headers.clone());
        host.now = Timestamp::from_epoch(std::time::Duration::from_secs(NOW));
        let properties: &[(&str, &[u8])] = &[
            ("source.address", b"[::ffff:10.1.2.3]:5000"),
            ("connection.mtls", &[1]),
            ("connection.requested_server_name", b"api.example.com"),
            ("metadata.filter_metadata.edge.risk.score", b"high"),
            ("metadata.filter_metadata.edge.number", &[0; 8]),
            ("xds.route_name", b"pay"),
        ];
        for (name, value) in properties {
            host.properties.insert((*name).to_owned(), Some(value.to_vec()));
        }
        let claims = json!({
            "sub": "alice", "country": "DE", "roles": ["admin", "user"], "n": 3, "big": 9_007_199_254_740_993_i64,
            "https://x/y": {"a": {"b": [1, 2]}}, "nothing": null, "acr": "2",
            "auth_time": NOW - 100, "exp": NOW + 100,
        });
        let mut satisfies = LevelSet::default();
        satisfies.insert(LevelId::new(0).unwrap());
        let level = Level {
            name: "mfa".into(),
            proven_by: vec![Proof {
                issuer: None,
                claim: crate::policy::ClaimProof::Acr(vec!["2".into()]),
            }],
            ask_for: "2".into(),
            satisfies,
        };
        let body = json!({
            "amount": 1000.5, "text": "1000.50", "items": [{"n": 1}, {"n": 20}], "who": null,
            "big": "1e3", "names": ["a", "b"], "nested": {"deep": {"x": true}}, "nan": "NaN",
            "long": "1000.00000000000000001", "empty": [], "zero": 0, "huge": 1e300,
        });
        Self {
            headers,
            host,
            levels: Ladder::new(vec![level]).unwrap(),
            evidence: Some(Evidence::for_test(Issuer::for_test(), claims)),
            body: Ok(body),
            feeds: feeds(),
            signals: Signals::default(),
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            headers: &self.headers,
            encoded_slashes: EncodedSlashes::Reject,
            body: Some(self.body.as_ref().map_err(|error| *error)),
            evidence: self.evidence.as_ref(),
            levels: &self.levels,
            response: None,
            feeds: &self.feeds,
            signals: &self.signals,
            host: &self.host,
        }
    }

    fn holds(&self, source: &str) -> Result<bool, Doubt> {
        let known = Known { feeds: &FEEDS, signals: &[], levels: Some(&LEVELS) };
        let condition = Condition::compile(source, Scope::Request, &known);
        condition.unwrap_or_else(|mistakes| panic!("{source}: {mistakes:?}")).holds(&self.facts())
    }
}

fn mistakes(source: &str, scope: Scope) -> Vec<String> {
    let known = Known {
        feeds: &[
            ("bad", Some(FeedType::Networks)),
            ("devices", Some(FeedType::Strings)),
            ("revoked", Some(FeedType::NotBefore)),
            ("unread", None),
        ],
        signals: &[("failed_logins", Type::Int)],
        levels: Some(&LEVELS),
    };
    Condition::compile(source, scope, &known).err().unwrap_or_default()
}

#[test]
fn facts_are_read_and_computed_with() {
    let bench = Bench::new();
    for source in [
        "request.method == 'POST' && request.scheme == \"https\"",
        "request.path == '/pay/x' && request.host == 'api.example.com'",
        "request.size == 17 && request.size < 17.5",
        "request.headers['X-Country'] == claims.country",
        "request.headers['x-country'] in ['DE', 'AT']",
        "!('x-none' in request.headers) && 'x-country' in request.headers",
        "request.body.amount > 1000.0 && request.body.amount > 1000",
        "double(request.body.text) > 1000.0",
        "double(request.body.big) == 1000.0 && double(request.body.amount) == 1000.5",
        "decimal(request.body.text) == decimal('1000.5')",
        "decimal(request.body.text) * decimal('2') == decimal(2001)",
        "decimal('0.1') + decimal('0.2') == decimal('0.3')",
        "decimal('1e3') > decimal('999.99') && -decimal('1') < decimal('0')",
        "decimal('12.5e-1') == decimal('1.25') && decimal('-0.5e1') == decimal('-5')",
        "request.body.items.exists(i, i.n > 10)",
        "request.body.items.all(i, i.n > 0) && size(request.body.items) == 2",
        "request.body.items.exists_one(i, i.n == 20)",
        "request.body.items.filter(i, i.n > 1).size() == 1",
        "request.body.items[1].n == 20 && request.body['items'][0].n == 1",
        "request.body.nested.deep.x",
        "has(request.body.amount) && !has(request.body.none) && !has(request.body.nested.none)",
        "request.body.who == null && request.body.amount != null",
        "request.body.empty.all(i, i.n > 5) && !request.body.empty.exists(i, true)",
        "source.ip == ip('10.1.2.3') && source.port == 5000",
        "source.ip in cidr('10.0.0.0/8') && !(source.ip in cidr('192.168.0.0/16'))",
        "cidr('10.0.0.0/8').containsIP(source.ip) && cidr('::/0').containsIP('::1')",
        "connection.mtls && connection.sni.startsWith('api.')",
        "'admin' in claims.roles && claims.sub == 'alice' && claims.n == 3",
        "claims['https://x/y'].a.b[1] == 2 && has(claims['https://x/y'].a)",
        "claims.nothing == null && !has(claims.none) && has(claims.sub)",
        "level >= 'mfa' && 'mfa' <= level && !(level < 'mfa') && level in ['mfa', 'password']",
        "level < 'phishing-resistant' && !('phishing-resistant' <= level) && level != ''",
        "[1].exists(x, level >= 'mfa')",
        "level == 'mfa' && auth_age == 100 && auth_age > 99",
        "route == 'pay' && metadata.edge['risk.score'] == 'high'",
        "request.time.getHours('Europe/Berlin') == 6 && request.time.getHours() == 5",
        "request.time.getDayOfWeek('Europe/Berlin') == 3 && request.time.getMinutes() == 30",
        "request.time.getDate() == 25 && request.time.getMonth() == 10",
        "request.time.getFullYear() == 2026 && request.time.getHours() >= 5 && request.time.getHours() != 23",
        "claims.country > 'D' && claims.country < 'DF'",
        "request.time > timestamp('2026-11-25T05:29:59Z')",
        "timestamp(claims.auth_time) < request.time",
        "request.host.matches('^api\\\\.[a-z]+')",
        "request.host.endsWith('.com') && request.host.contains('example')",
        "'ABC'.lowerAscii() == 'abc' && size('äb') == 2 && string(5) == '5'",
        "decimal('0.0') * decimal('0.0000000000000000000000000001') == decimal('0')",
        "decimal('0.00000000000001') * decimal('0') == decimal('0') && int('-5') == -5 && int('0') == 0",
        "int('5') + 2 == 7 && int(request.body.items[1].n) == 20",
        "claims.n == 3 ? true : false",
        "false || true || request.body.none",
        "[1, 2].exists(x, [3, 2].exists(y, x == y))",
        "request.body.names == ['a', 'b'] && request.body.names != ['a'] && 1.0 + 2.0 == 3.0",
        "source.ip in cidr('::ffff:10.0.0.0/104') && 'a' + 'b' == 'ab' && [1] + [2] == [1, 2]",
        "source.ip in feeds.networks && '::1' in feeds.networks",
        "!(ip('192.0.2.1') in feeds.networks) && !('d2' in feeds.devices) && 'd1' in feeds.devices",
        "claims.auth_time < feeds.revoked.notBefore(claims.sub)",
        "feeds.revoked.notBefore('bob') == 0",
    ] {
        assert_eq!(bench.holds(source), Ok(true), "{source}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_in_doubt_and_not_false() {
    let bench = Bench::new();
    for (source, doubt) in [
        ("request.body.none > 5", Doubt::Missing),
        ("request.body.nested.none.x == 1", Doubt::Missing),
        ("request.headers['x-none'] == 'a'", Doubt::Missing),
        ("claims.none == 'a'", Doubt::Missing),
        ("!(request.body.none > 5)", Doubt::Missing),
        ("connection.subject == ''", Doubt::Missing),
        ("request.headers['x-twice'] == 'a'", Doubt::Ambiguous(Family::Headers)),
        (
            "has(request.headers.x_twice) || 'x-twice' in request.headers",
            Doubt::Ambiguous(Family::Headers),
        ),
        ("request.headers['x-bytes'] == 'a'", Doubt::Ambiguous(Family::Headers)),
        ("request.query.tag == 'a'", Doubt::Ambiguous(Family::Query)),
        ("request.query.bad == 'a'", Doubt::Ambiguous(Family::Query)),
        ("request.query.amount == '5'", Doubt::Ambiguous(Family::Query)),
        ("request.body.text > 1000.0", Doubt::WrongType),
        ("request.body.amount == '1000.5'", Doubt::WrongType),
        ("request.body.amount != '1000.5'", Doubt::WrongType),
        ("request.body.names == 'a'", Doubt::WrongType),
        ("request.body.names in ['a', 'b']", Doubt::WrongType),
        ("claims.n in ['3']", Doubt::WrongType),
        ("'alice' in claims.sub", Doubt::WrongType),
        ("claims.sub.a == 'b'", Doubt::WrongType),
        ("request.body.amount", Doubt::WrongType),
        ("request.body.amount && true", Doubt::WrongType),
        ("request.body.who > 5", Doubt::WrongType),
        ("request.body.amount.startsWith('1')", Doubt::WrongType),
        ("double(request.body.nan) > 1000.0", Doubt::WrongType),
        ("double(request.body.long) > 1000.0", Doubt::WrongType),
        ("double(request.body.names) > 1.0", Doubt::WrongType),
        ("int(request.body.amount) > 5", Doubt::WrongType),
        ("decimal(request.body.nan) > decimal('1')", Doubt::WrongType),
        ("metadata.edge.number == 'a'", Doubt::WrongType),
        ("request.body.names[5] == 'a'", Doubt::NotComputable),
        ("9223372036854775807 + request.size > 0", Doubt::NotComputable),
        ("request.size / 0 == 1", Doubt::NotComputable),
        ("request.body.items.exists(i, i.none == 1)", Doubt::Missing),
        ("request.body.items.all(i, i.none == 1)", Doubt::Missing),
        ("source.ip in feeds.unread", Doubt::Missing),
        ("claims.sub in feeds.networks", Doubt::WrongType),
        ("claims.n in feeds.devices", Doubt::WrongType),
        ("'d1' in feeds.absent", Doubt::Missing),
        ("0.0 / 0.0 == 1.0", Doubt::NotComputable),
        ("0.0 / 0.0 > 1.0", Doubt::NotComputable),
        ("10.0 / request.body.zero < 5.0", Doubt::NotComputable),
        ("request.body.huge * request.body.huge < 5.0", Doubt::NotComputable),
        ("0.0 - request.body.huge * request.body.huge > 5.0", Doubt::NotComputable),
        ("request.body.nested == request.body.nested", Doubt::WrongType),
        ("request.body.items[0] in [request.body.items[0]]", Doubt::WrongType),
        ("[request.body.nested].exists(r, r == 'x')", Doubt::WrongType),
        ("request.body.names == [1, 2]", Doubt::WrongType),
        ("['1', '2'] in [request.body.names, [1, 2]]", Doubt::WrongType),
        ("claims.big == 9007199254740993", Doubt::WrongType),
        ("claims.big > 5", Doubt::WrongType),
        (
            "decimal('0.00000000000001') * decimal('0.000000000000001') > decimal('0')",
            Doubt::NotComputable,
        ),
        (
            "decimal('-0.00000000000001') * decimal('0.000000000000001') < decimal('0')",
            Doubt::NotComputable,
        ),
        // In a map, a member of that name says nothing of its values.
        ("'deep' in request.body.nested", Doubt::WrongType),
        ("'0' in claims['https://x/y']", Doubt::WrongType),
    ] {
        assert_eq!(bench.holds(source), Err(doubt), "{source}");
    }
    // Of both sides, one that decides alone is enough.
    assert_eq!(bench.holds("request.body.none > 5 && request.method == 'GET'"), Ok(false));
    assert_eq!(bench.holds("request.body.none > 5 || request.method == 'POST'"), Ok(true));
}

#[test]
fn a_query_is_read_as_strictly_as_a_form() {
    let mut bench = Bench::new();
    let mut query = |query: &str| {
        let target = format!("/p?{query}").into_bytes();
        bench.headers = Headers::new(vec![(":path".to_owned(), target)]);
        bench.holds("decimal(request.query.amount) > decimal('1000')")
    };
    assert_eq!(query("amount=1&x=y"), Ok(false));
    assert_eq!(query("x=%C3%A4+b&&amount=100%31"), Ok(true));
    assert_eq!(query("x=1"), Err(Doubt::Missing));
    for doubtful in [
        "amount=1&amount=5000",
        "amount=1&x=1;amount=5000",
        "amount=1&Amount=5000",
        "amount=1&+amount=5000",
        "amount=1&amount%00=5000",
        "amount=1&amount[]=5000",
        "amount=1&amoun%u0074=5000",
        "amount=1&amount%=5000",
        "amount=1&x=%ff",
        "amount=1&[amount]=5000",
        "amount=1&%5Bamount%5D=5000",
        "amount=1&[amount][]=5000",
        "amount=1&]amount=5000",
        "amount=1&amount]=5000",
        "?amount=5000&amount=1",
        "amount=1&%01amount=5000",
        "x=1#&amount=1",
    ] {
        assert_eq!(query(doubtful), Err(Doubt::Ambiguous(Family::Query)), "{doubtful}");
    }
}

#[test]
fn what_some_server_takes_for_a_parameter_or_a_header_is_a_doubt_alone_too() {
    let mut bench = Bench::new();
    let mut holds = |target: &str, name: &str, source: &str| {
        let pairs = [(":path", target), (name, "5000")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        bench.headers = Headers::new(pairs.to_vec());
        bench.holds(source)
    };
    let doubt = Err(Doubt::Ambiguous(Family::Query));
    for source in ["has(request.query.amount)", "'amount' in request.query"] {
        for name in ["Amount", "amount[]", "amount[x]", "[amount]", "amount+"] {
            let target = format!("/p?x=1&{name}=5000");
            assert_eq!(holds(&target, "x", source), doubt, "{name}");
        }
        for target in ["/p%3Famount=5000&x=?amount=1", "/p%3fy?amount=1", "/p%23?amount=1", "/p%3F"]
        {
            assert_eq!(holds(target, "x", source), doubt, "{target}");
        }
        for target in ["/p", "/p?", "/p?x=%3Famount", "/p?amounts=1", "/p%3D?x"] {
            assert_eq!(holds(target, "x", source), Ok(false), "{target}");
        }
        assert_eq!(holds("/p?amount=1", "x", source), Ok(true));
    }
    let doubt = Err(Doubt::Ambiguous(Family::Headers));
    for source in ["'x-amount' in request.headers", "'x_amount' in request.headers"] {
        assert_eq!(holds("/p", "x.amount", source), doubt);
        assert_eq!(holds("/p", "x-amounts", source), Ok(false));
    }
    assert_eq!(holds("/p", "x-amount", "int(request.headers['x-amount']) > 1000"), Ok(true));
    let pairs = [("x-amount", "1"), ("x_amount", "5000")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    bench.headers = Headers::new(pairs.to_vec());
    assert_eq!(bench.holds("int(request.headers['x-amount']) > 1000"), doubt);
}

#[test]
fn a_path_that_servers_read_in_several_ways_is_in_doubt() {
    let mut bench = Bench::new();
    let mut path = |path: &str, source: &str| {
        let pairs = [(":path", path), (":method", "GET")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        bench.headers = Headers::new(pairs.to_vec());
        bench.holds(source)
    };
    let is_admin = "request.path.startsWith('/admin')";
    assert_eq!(path("/admin/x?y", is_admin), Ok(true));
    assert_eq!(path("/public", is_admin), Ok(false));
    for doubtful in
        ["/admin/../public", "/public/./x", "/public;a=b/x", "/public/", "/a//b", "//admin/public"]
    {
        assert_eq!(path(doubtful, is_admin), Err(Doubt::WrongType), "{doubtful}");
        for source in ["request.path == '/public'", "request.path in ['/public']"] {
            assert_eq!(path(doubtful, source), Err(Doubt::WrongType), "{doubtful}: {source}");
        }
        // The other side decides.
        let source = "request.path == '/login' && request.method == 'POST'";
        assert_eq!(path(doubtful, source), Ok(false), "{doubtful}");
    }
}

#[test]
fn text_of_any_length_is_not_read_within_a_loop() {
    for fact in [
        "request.method",
        "request.path",
        "request.host",
        "request.scheme",
        "connection.subject",
        "connection.sni",
        "request.headers.x",
        "request.query.x",
        "metadata.x.y",
        "claims.x",
    ] {
        let source = format!("request.body.items.exists(i, {fact}.contains(i))");
        let found = mistakes(&source, Scope::Request);
        assert!(found.iter().any(|m| m.contains("is read within a loop")), "{fact}: {found:?}");
    }
    for source in [
        "request.body.items.exists(i, i == level)",
        "request.body.items.exists(i, i in feeds.bad || signals.failed_logins > 3)",
        "request.body.items.exists(i, source.ip == ip(i.address))",
    ] {
        assert_eq!(mistakes(source, Scope::Request), [""; 0], "{source}");
    }
}

proptest! {
    #[test]
    fn no_expression_and_no_request_makes_it_panic(
        words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 1..14),
        noise in "\\PC{0,12}",
    ) {
        let bench = Bench::new();
        let known = Known { feeds: &FEEDS, signals: &[], levels: Some(&LEVELS) };
        for source in [words.join(" "), words.concat(), format!("{}{noise}", words.join(" "))] {
            if let Ok(condition) = Condition::compile(&source, Scope::Request, &known) {
                let _ = condition.holds(&bench.facts());
            }
            if let Ok(key) = KeyExpression::compile(&source, Scope::Request, &known) {
                let _ = key.key(&bench.facts());
            }
        }
    }
}

/// Of these, expressions are made.
const WORDS: [&str; 66] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ".",
    ",",
    ":",
    "?",
    "!",
    "-",
    "+",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    " in ",
    "'a'",
    "\"b\"",
    "b'c'",
    "1",
    "-1",
    "2u",
    "1.5",
    "1e400",
    "9223372036854775807",
    "true",
    "false",
    "null",
    "x",
    "request.body",
    "request.body.items",
    "request.body.items[0].n",
    "request.body.who",
    "request.headers['x-twice']",
    "request.path",
    "request.size",
    "request.time",
    "source.ip",
    "connection.mtls",
    "claims.roles",
    "claims.big",
    "level",
    "auth_age",
    "metadata.edge.number",
    "feeds.networks",
    "feeds.revoked",
    "has(request.body.amount)",
    ".exists(x, ",
    ".all(x, ",
    ".map(x, ",
    ".filter(x, ",
    "size(",
    "decimal(",
    "double(",
    "timestamp(",
    ".getHours('Europe/Berlin')",
    ".matches('a+')",
];

#[test]
fn a_member_in_another_spelling_is_neither_there_nor_missing() {
    let mut bench = Bench::new();
    for body in [json!({"Amount": 5}), json!({"amount[]": "5"}), json!({"AMOUNT ": 5})] {
        bench.body = Ok(body.clone());
        for source in ["has(request.body.amount)", "!has(request.body.amount)"] {
            assert!(bench.holds(source).is_err(), "{body}: {source}");
        }
    }
    bench.body = Ok(json!({"amounts": 5, "total": {"amount": 5}}));
    assert_eq!(bench.holds("has(request.body.amount)"), Ok(false));
}

#[test]
fn without_what_it_reads_a_condition_is_in_doubt() {
    let mut bench = Bench::new();
    bench.body = Err(());
    assert_eq!(bench.holds("request.method == 'GET' && request.body.x"), Err(Doubt::Body));
    bench.evidence = None;
    for source in ["claims.sub == 'alice'", "level == 'mfa'", "auth_age > 5", "!has(claims.x)"] {
        assert_eq!(bench.holds(source), Err(Doubt::Missing), "{source}");
    }
    bench.host.properties.clear();
    for source in ["source.ip in cidr('0.0.0.0/0')", "connection.mtls", "route == ''"] {
        assert_eq!(bench.holds(source), Err(Doubt::Missing), "{source}");
    }
    bench.host.properties.insert("source.address".to_owned(), Some(b"/run/pipe".to_vec()));
    assert_eq!(bench.holds("source.ip in cidr('0.0.0.0/0')"), Err(Doubt::Missing));
    bench.host.properties.insert("connection.mtls".to_owned(), None);
    assert_eq!(bench.holds("connection.mtls"), Err(Doubt::Missing));
    bench.host.now = Timestamp::default();
    assert_eq!(bench.holds("request.time > timestamp(5)"), Err(Doubt::Missing));
}

#[test]
fn mistakes_are_found_before_any_request_and_point_into_the_expression() {
    for (source, expected) in [
        ("", "Syntax error"),
        ("request.method ==", "Syntax error"),
        (
            "request.methd == 'GET'",
            "column 1: nothing is named \"request.methd\"; did you mean \"request.method\"?",
        ),
        (
            "true && reqest.method == 'GET'",
            "column 9: nothing is named \"reqest.method\"; did you mean \"request.method\"?",
        ),
        ("request == 'a'", "column 1: request is no value of its own; expected request.method"),
        ("claims == 5", "column 1: claims is no value of its own; expected claims.name"),
        ("metadata.edge == 'a'", "metadata is no value of its own"),
        ("request.method.size == 5", "request.method is a string, which has no members"),
        ("has(request.method)", "request.method is always there; expected a member"),
        ("request.method", "is a string; expected a bool"),
        ("request.size", "is an int; expected a bool"),
        ("request.method == 5", "column 16: a string and an int cannot be compared by =="),
        ("request.method < 5", "a string and an int cannot be compared by <"),
        ("source.ip == '10.0.0.1'", "an ip and a string cannot be compared by =="),
        ("source.ip in '10.0.0.0/8'", "an ip cannot be in a string"),
        (
            "request.size + 1.5 > 2.0",
            "an int + a double cannot be computed; expected two values of one type",
        ),
        ("!request.size", "! takes a bool; found an int"),
        ("request.method && true", "&& takes a bool; found a string"),
        (
            "request.host.startWith('a')",
            "there is no function startWith; did you mean \"startsWith\"?",
        ),
        (
            "request.host.startsWith(5)",
            "startsWith is called with (an int) of a string; expected startsWith(a string) of a string",
        ),
        ("ip('10.0.0') == source.ip", "\"10.0.0\" is nothing that ip takes"),
        (
            "source.ip in cidr('10.0.0.1/8')",
            "has bits beyond its prefix; did you mean \"10.0.0.0/8\"?",
        ),
        ("decimal('1,5') > decimal(1)", "\"1,5\" is nothing that decimal takes"),
        ("request.time.getHours('Europe/Berln') > 5", "expected a time zone of the IANA database"),
        ("request.method == POST", "nothing is named \"POST\"; a text needs quotes: 'POST'"),
        ("now() > request.time", "there is no function now; the time is request.time"),
        ("level == 'mfa' and auth_age > 5", "did you mean \"&&\"?"),
        ("level == 'mfa' or auth_age > 5", "did you mean \"||\"?"),
        ("not (level == 'mfa')", "did you mean \"!\"?"),
        ("auth_age = 5", "did you mean \"==\"?"),
        ("auth_age > 5m", "durations are numbers of seconds, such as 300"),
        ("request.host.matches('(')", "column 21: \"(\" is no regular expression: "),
        (
            "request.host.matches('(a{1,50}){1,50}b')",
            "column 23: \"(a{1,50}){1,50}b\" is too large an expression",
        ),
        ("request.host.matches('(a?){200}b')", "expected a simpler one"),
        ("request.host.matches(claims.x)", "expected a written-out expression"),
        ("claims.sub in feeds.bd", "feeds has no \"bd\""),
        ("signals.failed > 5", "signals has no \"failed\""),
        ("signals.failed_logins == 'a'", "an int and a string cannot be compared"),
        ("feeds.bad == 5", "cannot be compared"),
        ("request.headers[claims.x] == 'a'", "request.headers is no value of its own"),
        ("claims.x in request.headers", "expected a written-out name before in"),
        ("response.status == 401", "there is no response yet"),
        ("request.body.a.all(x, request.body.b.exists(y, x == y))", "is a loop inside of a loop"),
        ("[1].exists(claims, claims == 1)", "claims is the name of a fact"),
        ("request.body == {'a': 1}", "cannot be compared by =="),
        ("request.body.x in {'a': true}", "cannot be in a map"),
        ("request.body.a.exists(x, x in request.body.b)", "request.body.b is read within a loop"),
        ("request.body.a.exists(x, claims.s.matches('y'))", "claims.s is read within a loop"),
        ("a.?b", "unsupported syntax"),
        ("Message{a: 1}", "there are no messages here"),
        ("optional.of(1) == 1", "nothing is named \"optional\""),
    ] {
        let found = mistakes(source, Scope::Request);
        assert!(found.iter().any(|mistake| mistake.contains(expected)), "{source}: {found:?}");
    }
    let both = mistakes("request.methd == 'a' && reqest.x", Scope::Request);
    assert_eq!(both.len(), 2, "{both:?}");
    let lines = mistakes("true &&\n  request.methd == ''", Scope::Request);
    assert_eq!(lines.first().map(|m| m.starts_with("line 2, column 3: ")), Some(true), "{lines:?}");
    for source in ["claims.sub == 'a'", "level == 'a'", "auth_age > 5"] {
        let found = mistakes(source, Scope::PublicRequest);
        assert!(found.iter().any(|m| m.contains("a public policy looks at no token")), "{found:?}");
    }
    let deep = format!("{} > 1", ["1"; 1000].join("+"));
    assert!(mistakes(&deep, Scope::Request).iter().any(|m| m.contains("is nested deeper")));
    assert!(!mistakes(&"!".repeat(4000), Scope::Request).is_empty());
    assert!(!mistakes(&" ".repeat(5000), Scope::Request).is_empty());
}

#[test]
fn only_what_a_condition_reads_is_gathered() {
    let reads = |source| {
        let known = Known { feeds: &[("bad", None)], ..Known::default() };
        Condition::compile(source, Scope::Request, &known).unwrap().reads().to_vec()
    };
    assert_eq!(
        reads("request.body.a > 1.0 && request.body.b && claims.x == claims['x']"),
        [Variable::Fact(Fact::Body), Variable::Member(Family::Claims, "x".into())]
    );
    assert_eq!(
        reads("'X-A' in request.headers && source.ip in feeds.bad"),
        [
            Variable::Member(Family::Headers, "x-a".into()),
            Variable::Fact(Fact::SourceIp),
            Variable::Member(Family::Feeds, "bad".into()),
        ]
    );
    assert_eq!(reads("metadata['a.b'].c == 'x'"), [Variable::Metadata("a.b".into(), "c".into())]);
    assert_eq!(reads("[1, 2].exists(x, x > 1)"), []);
}

#[test]
fn a_key_is_text_a_number_or_an_address() {
    let bench = Bench::new();
    let key = |source| {
        let expression = KeyExpression::compile(source, Scope::Request, &Known::default());
        expression.unwrap().key(&bench.facts())
    };
    assert_eq!(key("source.ip"), Ok("10.1.2.3".to_owned()));
    assert_eq!(key("claims.sub"), Ok("alice".to_owned()));
    assert_eq!(key("request.size"), Ok("17".to_owned()));
    assert_eq!(key("claims.sub + '/' + request.headers['x-country']"), Ok("alice/DE".to_owned()));
    assert_eq!(key("claims.roles"), Err(Doubt::WrongType));
    assert_eq!(key("claims.none"), Err(Doubt::Missing));
    let mistakes = KeyExpression::compile("connection.mtls", Scope::Request, &Known::default());
    assert!(mistakes.unwrap_err().first().is_some_and(|m| m.contains("expected a string or")));
}

#[test]
fn the_environment_has_every_function() {
    assert!(environment::is_complete());
}

#[test]
fn the_document_names_everything_that_there_is() {
    let document = include_str!("../../docs/conditions.md");
    let functions = environment::FUNCTIONS.iter().map(|function| function.name);
    for name in names::names().chain(functions) {
        assert!(document.contains(name), "{name}");
    }
}
