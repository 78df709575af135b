//! That the index changes the time it takes, and nothing else.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::policy::{
    FullRegex, HeaderMatch, HostPattern, PathMatch, QueryMatch, Reach, RequestMatch, StringMatch,
    TextPattern, ValueCondition,
};

/// A request that the generated rules may match.
#[derive(Clone, Debug)]
struct Request {
    path: String,
    query: &'static str,
    method: &'static str,
    host: Option<Host<'static>>,
    headers: Headers,
    route: Option<&'static str>,
}

impl Request {
    fn facts(&self) -> Facts<'_> {
        let Self { path, query, method, host, headers, route } = self;
        Facts { path, query, method, host: host.as_ref(), headers, route: *route }
    }
}

/// What the rules mean: each is looked at in turn.
fn selected_in_order(rules: &Rules, facts: &Facts<'_>) -> Result<PolicyId, NotText> {
    for Rule { matcher, policy } in &rules.in_order {
        let hosts = &matcher.hosts;
        let fits = matcher.path.as_ref().is_none_or(|path| path.matches(facts.path))
            && (hosts.is_empty()
                || facts.host.is_some_and(|host| hosts.iter().any(|p| p.matches(host))));
        if fits && matcher.matches_otherwise(facts)? {
            return Ok(*policy);
        }
    }
    Ok(rules.default)
}

fn any_path() -> impl Strategy<Value = PathMatch> {
    let text = "/|(/[aAb]{1,2}){1,3}/?";
    let plain = (text, any::<bool>(), 0..3_u8).prop_map(|(text, ignore_case, kind)| {
        let text = text.into_boxed_str();
        match kind {
            0 => PathMatch::Exact { path: text, ignore_case },
            1 => PathMatch::Prefix { prefix: text, ignore_case },
            _ => PathMatch::SeparatedPrefix { prefix: text, ignore_case },
        }
    });
    let segment = r"/(a|A|ab|\[\^/\]\+|\[\^/\]\+\.a|a\?|\[ab\]|\(a\|b\))";
    let end = r"(|/|/\.\*|\.\*|/\.\*\.a|\$|\|/a)";
    let regex = format!(r"(\(\?i\)){{0,2}}\^?({segment}){{1,3}}{end}|\.\*|/\.\*");
    let regex = proptest::string::string_regex(&regex).unwrap();
    let often = ["/a", "(?i)/a", "/a/[^/]+", "/[^/]+/a", "/a?/a", "(?i)/a?/a", "/[^/]+.a", ".*"];
    let often = proptest::sample::select(often.to_vec()).prop_map(str::to_owned);
    let regex = prop_oneof![often, regex];
    prop_oneof![plain, regex.prop_map(|s| PathMatch::Regex(FullRegex::new(&s).unwrap()))]
}

fn any_condition() -> impl Strategy<Value = ValueCondition> {
    let text = prop_oneof![Just("a"), Just("b"), Just("a,b"), Just("c"), Just("")];
    let text = (text, proptest::bool::weighted(0.1));
    prop_oneof![
        8 => text.prop_map(|(text, ignore_case)| {
            ValueCondition::Text(StringMatch { pattern: TextPattern::Exact(text.into()), ignore_case })
        }),
        1 => any::<bool>().prop_map(ValueCondition::Present),
        1 => (0..2_i64).prop_map(|start| ValueCondition::Range { start, end: 5 }),
    ]
}

fn any_header() -> impl Strategy<Value = HeaderMatch> {
    let flags = (proptest::bool::weighted(0.05), proptest::bool::weighted(0.05));
    (prop_oneof![4 => Just("x"), 1 => Just("y")], any_condition(), flags).prop_map(
        |(name, condition, (invert, missing_as_empty))| HeaderMatch {
            name: name.into(),
            condition,
            invert,
            missing_as_empty,
        },
    )
}

fn any_match() -> impl Strategy<Value = RequestMatch> {
    let method = prop_oneof![Just("GET"), Just("PUT"), Just("POST")].prop_map(Box::from);
    let host =
        prop_oneof![Just("a.b"), Just("b"), Just("c.a.b"), Just("*.b"), Just("*.a.b"), Just("ab"),];
    let query = || {
        (prop_oneof![4 => Just("q"), 1 => Just("r")], any_condition())
            .prop_map(|(name, condition)| QueryMatch { name: name.into(), condition })
    };
    let route = prop_oneof![Just("r1"), Just("r2")].prop_map(Box::from);
    (
        option::weighted(0.8, any_path()),
        vec(method, 0..3),
        vec(host.prop_map(|host| HostPattern::new(host).unwrap()), 0..3),
        prop_oneof![1 => Just(0), 4 => Just(1), 2 => Just(2)]
            .prop_flat_map(|count| vec(any_header(), count)),
        prop_oneof![1 => Just(0), 4 => Just(1), 2 => Just(2)]
            .prop_flat_map(move |count| vec(query(), count)),
        option::weighted(0.7, route),
    )
        .prop_map(|(path, methods, hosts, headers, query_parameters, route)| RequestMatch {
            path,
            methods,
            hosts,
            headers,
            query_parameters,
            route,
        })
}

fn any_request() -> impl Strategy<Value = Request> {
    let value = prop_oneof![
        Just(b"a".as_slice()),
        Just(b"b".as_slice()),
        Just(b"1".as_slice()),
        Just(b"".as_slice()),
        Just(b"\xff".as_slice()),
    ];
    let header = (prop_oneof![Just("x"), Just("y")], value)
        .prop_map(|(name, value)| (name.to_owned(), value.to_vec()));
    let host = option::of(prop_oneof![
        Just("a.b"),
        Just("b"),
        Just("c.a.b"),
        Just("d.c.a.b"),
        Just("ab"),
        Just("x"),
    ]);
    (
        r"/|(/(a|A|ab|b|x|a\.a)){1,3}/?",
        prop_oneof![Just(""), Just("q=a"), Just("r=b&q=b"), Just("q=a&q=b&r=a")],
        prop_oneof![Just("GET"), Just("PUT"), Just("DELETE")],
        host.prop_map(|host| host.and_then(|host| Host::from_authority(host.as_bytes()))),
        vec(header, 0..3).prop_map(Headers::new),
        option::of(prop_oneof![Just("r1"), Just("r2"), Just("r3")]),
    )
        .prop_map(|(path, query, method, host, headers, route)| Request {
            path,
            query,
            method,
            host,
            headers,
            route,
        })
}

/// Many matches that restrict the same fields, so that many are alike but for one or two of them.
fn any_matches() -> impl Strategy<Value = Vec<RequestMatch>> {
    let fields = [any::<bool>(); 6];
    (vec(any_match(), 0..60), fields).prop_map(|(mut matches, fields)| {
        let [path, methods, hosts, headers, query, route] = fields;
        for matcher in &mut matches {
            matcher.path = matcher.path.take().filter(|_| path);
            matcher.methods.retain(|_| methods);
            matcher.hosts.retain(|_| hosts);
            matcher.headers.retain(|_| headers);
            matcher.query_parameters.retain(|_| query);
            matcher.route = matcher.route.take().filter(|_| route);
        }
        matches.retain(|matcher| !matcher.is_empty());
        matches
    })
}

/// Headers, and what is selected for them.
type Row = (&'static [(&'static str, &'static [u8])], Result<usize, NotText>);

/// So many rules that the index tells them apart by their first header.
#[test]
fn a_header_that_is_no_text_is_told_by_the_first_rule_that_comes_to_it() {
    let header = |name: &str, value: String| HeaderMatch {
        name: name.into(),
        condition: ValueCondition::Text(StringMatch {
            pattern: TextPattern::Exact(value.into()),
            ignore_case: false,
        }),
        invert: false,
        missing_as_empty: false,
    };
    let rule = |headers, policy| Rule {
        matcher: RequestMatch { headers, ..RequestMatch::default() },
        policy: PolicyId::new(policy),
    };
    let with_second =
        |at: usize| rule(vec![header("x", format!("x{at}")), header("y", format!("y{at}"))], at);
    let mut rules = (0..20).map(with_second).collect::<Vec<_>>();
    rules.push(rule(vec![header("z", "z".to_owned())], 20));
    let rules = Rules::new(rules, PolicyId::new(21));
    let rows: [Row; 7] = [
        (&[("x", b"x7"), ("y", b"y7")], Ok(7)),
        (&[("x", b"x7"), ("y", b"y8")], Ok(21)),
        (&[("z", b"z"), ("y", b"y7")], Ok(20)),
        (&[("z", b"z"), ("x", b"\xff")], Err(NotText)),
        (&[("z", b"z"), ("x", b"x7"), ("y", b"\xff")], Err(NotText)),
        // The first header does not match, so the second is not compared.
        (&[("z", b"z"), ("y", b"\xff")], Ok(20)),
        (&[("z", b"z"), ("x", b"x"), ("y", b"\xff")], Ok(20)),
    ];
    for (headers, expected) in rows {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
        let headers = Headers::new(headers.collect());
        let facts = Facts {
            path: "/",
            query: "",
            method: "GET",
            host: None,
            headers: &headers,
            route: None,
        };
        let expected = expected.map(PolicyId::new);
        assert_eq!(selected_in_order(&rules, &facts), expected, "{headers:?}");
        assert_eq!(rules.select(&facts), expected, "{headers:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_index_selects_what_going_through_all_rules_selects(
        matches in any_matches(), requests in vec(any_request(), 8),
    ) {
        let rule = |(at, matcher)| Rule { matcher, policy: PolicyId::new(at) };
        let rules = matches.into_iter().enumerate().map(rule).collect::<Vec<_>>();
        let rules = Rules::new(rules, PolicyId::new(usize::MAX));
        for request in requests {
            let facts = request.facts();
            let expected = selected_in_order(&rules, &facts);
            prop_assert_eq!(rules.select(&facts), expected, "{:?}", request);
        }
    }

    #[test]
    fn the_index_finds_the_rules_that_comparing_all_finds_unreachable(matches in any_matches()) {
        let all = matches.iter().map(Some).collect::<Vec<_>>();
        let reach = Reach::new(&all);
        for (at, matcher) in matches.iter().enumerate() {
            let expected = matches.iter().take(at).position(|earlier| earlier.covers(matcher));
            prop_assert_eq!(reach.first_covering(at), expected, "{} {:?}", at, matcher);
        }
    }
}

#[test]
fn the_first_rule_that_matches_selects_and_else_the_default() {
    let exact = |path: &str| PathMatch::Exact { path: path.into(), ignore_case: false };
    let prefix = |path: &str| PathMatch::Prefix { prefix: path.into(), ignore_case: false };
    let rule = |path, hosts: &[&str], policy| {
        let hosts = hosts.iter().map(|host| HostPattern::new(host).unwrap()).collect();
        let matcher = RequestMatch { path: Some(path), hosts, ..RequestMatch::default() };
        Rule { matcher, policy: PolicyId::new(policy) }
    };
    let rules = Rules::new(
        vec![rule(exact("/a"), &[], 1), rule(prefix("/a"), &[], 2), rule(prefix("/"), &["x"], 3)],
        PolicyId::new(0),
    );
    assert!(rules.reads_hosts() && !rules.reads_query() && !rules.reads_route());
    for (target, expected) in [("/a", 1), ("/ab", 2), ("/b", 0)] {
        let selected = rules.select(&Facts {
            path: target,
            query: "",
            method: "GET",
            host: None,
            headers: &Headers::default(),
            route: None,
        });
        assert_eq!(selected, Ok(PolicyId::new(expected)), "{target}");
    }
}

/// Ways of the engine that a quick reader of expressions gets wrong: it closes `[^^]` at once, and
/// repeats the letter before flags.
#[test]
fn an_odd_expression_matches_what_the_engine_matches() {
    for (source, path, expected) in [
        ("/b[^^]|/admin", "/admin", 1),
        ("/b[^^]|/admin", "/bx", 1),
        ("/b[^^]|/admin", "/b^", 0),
        ("/b[^^]|/admin", "/b", 0),
        ("/a(?s){0}b", "/b", 1),
        ("/a(?s){0}b", "/ab", 0),
        ("/a(?i)(?s)*b", "/b", 1),
        ("/a(?i)?b", "/b", 1),
        ("/a(?s)b", "/ab", 1),
        ("/a(?s)b", "/b", 0),
    ] {
        let regex = FullRegex::new(source).unwrap();
        assert_eq!(regex.matches(path), expected == 1, "{source} {path}");
        let matcher =
            RequestMatch { path: Some(PathMatch::Regex(regex)), ..RequestMatch::default() };
        let rule = Rule { matcher, policy: PolicyId::new(1) };
        let rules = Rules::new(vec![rule], PolicyId::new(0));
        let headers = Headers::default();
        let facts =
            Facts { path, query: "", method: "GET", host: None, headers: &headers, route: None };
        assert_eq!(rules.select(&facts), Ok(PolicyId::new(expected)), "{source} {path}");
    }
}
