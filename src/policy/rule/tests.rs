//! What each field of a match covers, and that "covers" tells the truth.

use proptest::prelude::*;

use super::super::host::Host;
use super::super::path::EncodedSlashes;
use super::super::rules::Rules;
use super::super::text::TextPattern;
use super::*;
use crate::policy::CanonicalPath;

/// A request: its target, and what else rules look at.
#[derive(Clone, Debug)]
struct Request {
    target: String,
    method: &'static str,
    host: &'static str,
    headers: Vec<(&'static str, Vec<u8>)>,
    route: Option<&'static str>,
}

impl Request {
    fn get(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            method: "GET",
            host: "api.example.com",
            headers: Vec::new(),
            route: None,
        }
    }

    /// Whether the rule selects its policy.
    fn matches(&self, rules: &Rules) -> Result<bool, NotText> {
        let path = CanonicalPath::new(self.target.as_bytes(), EncodedSlashes::Reject).unwrap();
        let headers = self.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let selected = rules.find(&Facts {
            path: path.as_str(),
            query: self.target.split_once('?').map_or("", |(_, query)| query),
            method: self.method,
            host: Host::from_authority(self.host.as_bytes()).as_ref(),
            headers: &Headers::new(headers.collect()),
            route: self.route,
        });
        selected.map(|rule| rule == Some(0))
    }
}

/// A rule with a match as an operator writes it, and a default with another policy.
fn matcher(text: &str) -> Rules {
    let document = format!(
        r#"{{"policies": {{"open": {{"public": true}}, "other": {{"public": true}}}},
            "default": "other", "rules": [{{"match": {text}, "policy": "open"}}]}}"#
    );
    crate::config::compile(document.as_bytes()).unwrap_or_else(|m| panic!("{text}: {m}")).rules
}

#[test]
fn each_kind_of_path_covers_what_it_covers_in_envoy() {
    for (text, target, expected) in [
        (r#"{"path": "/a"}"#, "/a", true),
        (r#"{"path": "/a"}"#, "/a?b=c", true),
        (r#"{"path": "/a"}"#, "/b/../a", true),
        (r#"{"path": "/a"}"#, "/a/", false),
        (r#"{"path": "/a"}"#, "/A", false),
        (r#"{"path": "/a", "ignore_case": true}"#, "/A", true),
        (r#"{"prefix": "/admin"}"#, "/admin", true),
        (r#"{"prefix": "/admin"}"#, "/administrator", true),
        (r#"{"prefix": "/admin"}"#, "/Admin", false),
        (r#"{"prefix": "/admin"}"#, "/adm", false),
        (r#"{"prefix": "/admin"}"#, "/x/admin", false),
        (r#"{"prefix": "/admin", "ignore_case": true}"#, "/ADMIN/x", true),
        (r#"{"prefix": "/"}"#, "/anything", true),
        (r#"{"prefix": "/."}"#, "/.git", true),
        (r#"{"path_separated_prefix": "/admin"}"#, "/admin", true),
        (r#"{"path_separated_prefix": "/admin"}"#, "/admin/x", true),
        (r#"{"path_separated_prefix": "/admin"}"#, "/admin?x", true),
        (r#"{"path_separated_prefix": "/admin"}"#, "/administrator", false),
        (r#"{"path_separated_prefix": "/admin"}"#, "/admin;x", false),
        (r#"{"path_separated_prefix": "/admin", "ignore_case": true}"#, "/Admin/x", true),
        (r#"{"path_template": "/a/{b}"}"#, "/a/b", true),
        (r#"{"path_template": "/a/{b}"}"#, "/a/b/c", false),
        (r#"{"path_template": "/a/{b}"}"#, "/A/b", false),
        (r#"{"path_template": "/a/{b}", "ignore_case": true}"#, "/A/b", true),
        (r#"{"path_template": "/A/{b=c/*}", "ignore_case": true}"#, "/a/C/d", true),
        (r#"{"safe_regex": "/a/[0-9]+"}"#, "/a/12", true),
        (r#"{"safe_regex": "/a/[0-9]+"}"#, "/a/12/b", false),
        (r#"{"safe_regex": "/a/[0-9]+"}"#, "/x/a/12", false),
        (r#"{"safe_regex": "/a/[0-9]+"}"#, "/a/12?b", true),
    ] {
        assert_eq!(Request::get(target).matches(&matcher(text)), Ok(expected), "{text} {target}");
    }
}

#[test]
fn methods_hosts_and_routes_are_compared_each_in_its_way() {
    for (text, change, expected) in [
        (r#"{"methods": ["GET"]}"#, Request::get("/"), true),
        (r#"{"methods": ["POST", "GET"]}"#, Request::get("/"), true),
        (r#"{"methods": ["GET"]}"#, Request { method: "get", ..Request::get("/") }, false),
        (r#"{"methods": ["GET"]}"#, Request { method: "HEAD", ..Request::get("/") }, false),
        (r#"{"hosts": ["API.example.com"]}"#, Request::get("/"), true),
        (r#"{"hosts": ["x", "*.example.com"]}"#, Request::get("/"), true),
        (
            r#"{"hosts": ["*.example.com"]}"#,
            Request { host: "API.Example.COM.:443", ..Request::get("/") },
            true,
        ),
        (
            r#"{"hosts": ["*.example.com"]}"#,
            Request { host: "example.com", ..Request::get("/") },
            false,
        ),
        (r#"{"hosts": ["example.com"]}"#, Request::get("/"), false),
        // The filter refuses a host that is none; a rule does not match it either.
        (r#"{"hosts": ["a"]}"#, Request { host: "a@b", ..Request::get("/") }, false),
        (r#"{"route": "pay"}"#, Request { route: Some("pay"), ..Request::get("/") }, true),
        (r#"{"route": "pay"}"#, Request { route: Some("Pay"), ..Request::get("/") }, false),
        (r#"{"route": "pay"}"#, Request::get("/"), false),
        // All fields together.
        (
            r#"{"path": "/", "methods": ["GET"], "hosts": ["api.example.com"]}"#,
            Request::get("/"),
            true,
        ),
        (
            r#"{"path": "/", "methods": ["PUT"], "hosts": ["api.example.com"]}"#,
            Request::get("/"),
            false,
        ),
        (
            r#"{"path": "/x", "methods": ["GET"], "hosts": ["api.example.com"]}"#,
            Request::get("/"),
            false,
        ),
    ] {
        assert_eq!(change.matches(&matcher(text)), Ok(expected), "{text} {change:?}");
    }
}

#[test]
fn header_matches_mean_what_they_mean_in_envoy() {
    const PRESENT: &str = r#""present_match": true"#;
    const ABSENT: &str = r#""present_match": false"#;
    const GOLD: &str = r#""string_match": {"exact": "gold"}"#;
    const EMPTY: &str = r#""string_match": {"safe_regex": "(gold)?"}"#;
    const RANGE: &str = r#""range_match": {"start": -1, "end": 10}"#;
    const INVERT: &str = r#", "invert_match": true"#;
    const MISSING: &str = r#", "treat_missing_header_as_empty": true"#;
    const BOTH: &str = r#", "invert_match": true, "treat_missing_header_as_empty": true"#;
    for (condition, flags, values, expected) in [
        (PRESENT, "", &["gold"][..], true),
        (PRESENT, "", &[""], true),
        (PRESENT, "", &[], false),
        (PRESENT, INVERT, &["gold"], false),
        (PRESENT, INVERT, &[], true),
        (PRESENT, MISSING, &[], true),
        (ABSENT, "", &["gold"], false),
        (ABSENT, "", &[], true),
        (ABSENT, INVERT, &["gold"], true),
        (GOLD, "", &["gold"], true),
        (GOLD, "", &["Gold"], false),
        (GOLD, "", &[], false),
        // Several values are joined with a comma.
        (GOLD, "", &["gold", "gold"], false),
        (r#""string_match": {"exact": "a,b"}"#, "", &["a", "b"], true),
        (r#""string_match": {"prefix": "a,"}"#, "", &["a", "b"], true),
        (r#""string_match": {"contains": "old"}"#, "", &["x", "gold"], true),
        (r#""string_match": {"suffix": "OLD", "ignore_case": true}"#, "", &["gold"], true),
        (r#""string_match": {"safe_regex": "g.*d"}"#, "", &["gold"], true),
        (r#""string_match": {"safe_regex": "g.l"}"#, "", &["gold"], false),
        (GOLD, INVERT, &["silver"], true),
        (GOLD, INVERT, &["gold"], false),
        // What is not there matches no text, inverted or not.
        (GOLD, INVERT, &[], false),
        (GOLD, BOTH, &[], true),
        (GOLD, MISSING, &[], false),
        (EMPTY, "", &[], false),
        (EMPTY, MISSING, &[], true),
        (EMPTY, BOTH, &[], false),
        (RANGE, "", &["-1"], true),
        (RANGE, "", &["9"], true),
        (RANGE, "", &["10"], false),
        (RANGE, "", &["-2"], false),
        (RANGE, "", &["5.5"], false),
        (RANGE, "", &["5x"], false),
        (RANGE, "", &[""], false),
        (RANGE, "", &["5", "5"], false),
        (RANGE, "", &["99999999999999999999"], false),
        (RANGE, "", &[], false),
        (RANGE, INVERT, &["10"], true),
        (RANGE, INVERT, &["x"], true),
        (RANGE, INVERT, &[], false),
        (RANGE, MISSING, &[], false),
    ] {
        let text = format!(r#"{{"headers": [{{"name": "X-Tier", {condition}{flags}}}]}}"#);
        let values = values.iter().map(|value| ("x-tier", value.as_bytes().to_vec()));
        let request = Request { headers: values.collect(), ..Request::get("/") };
        assert_eq!(request.matches(&matcher(&text)), Ok(expected), "{text} {:?}", request.headers);
    }
}

#[test]
fn a_header_that_is_no_text_is_told_only_where_it_is_compared() {
    let header = |path: &str| {
        matcher(&format!(
            r#"{{"path": "{path}", "headers": [{{"name": "x", "string_match": {{"exact": "a"}}}}]}}"#
        ))
    };
    let bad = vec![("x", b"a".to_vec()), ("x", b"\xff".to_vec())];
    let request = Request { headers: bad, ..Request::get("/a") };
    assert_eq!(request.matches(&header("/a")), Err(NotText));
    assert_eq!(request.matches(&header("/b")), Ok(false));
    let other = Request { headers: vec![("y", b"\xff".to_vec())], ..Request::get("/a") };
    assert_eq!(other.matches(&header("/a")), Ok(false));
}

#[test]
fn of_several_query_parameters_with_one_name_the_first_counts() {
    const PRESENT: &str = r#""present_match": true"#;
    const ON: &str = r#""string_match": {"exact": "on"}"#;
    for (condition, target, expected) in [
        (PRESENT, "/?debug", true),
        (PRESENT, "/?debug=", true),
        (PRESENT, "/?a=1&debug=on", true),
        (PRESENT, "/?Debug", false),
        (PRESENT, "/?debugger", false),
        (PRESENT, "/", false),
        (PRESENT, "/?", false),
        (PRESENT, "/debug", false),
        (r#""present_match": false"#, "/", true),
        (r#""present_match": false"#, "/?debug", false),
        (ON, "/?debug=on", true),
        (ON, "/?debug=on&debug=off", true),
        (ON, "/?debug=off&debug=on", false),
        (ON, "/?debug", false),
        (ON, "/?debug=on=", false),
        (ON, "/?x?debug=on", false),
        (ON, "/", false),
    ] {
        let text = format!(r#"{{"query_parameters": [{{"name": "debug", {condition}}}]}}"#);
        assert_eq!(Request::get(target).matches(&matcher(&text)), Ok(expected), "{text} {target}");
    }
}

fn any_path() -> impl Strategy<Value = PathMatch> {
    let path = || "(/[aAb]{1,2}){1,2}/?";
    prop_oneof![
        (path(), any::<bool>())
            .prop_map(|(path, ignore_case)| PathMatch::Exact { path: path.into(), ignore_case }),
        (path(), any::<bool>())
            .prop_map(|(path, ignore_case)| PathMatch::Prefix { prefix: path.into(), ignore_case }),
        ("(/[aAb]{1,2}){1,2}", any::<bool>()).prop_map(|(path, ignore_case)| {
            PathMatch::SeparatedPrefix { prefix: path.into(), ignore_case }
        }),
        "(\\(\\?i\\))?\\^?/[aAb]{0,2}(/[aAb]{1,2})?([?*+]|\\.\\*|/\\[\\^/\\]\\+|\\{2\\}|\\|/a)?"
            .prop_map(|source| PathMatch::Regex(FullRegex::new(&source).unwrap())),
    ]
}

proptest! {
    /// A rule that is called unreachable is refused, so nothing that it matches may be left over.
    #[test]
    fn what_covers_a_match_matches_all_that_it_matches(
        first in any_path(), second in any_path(), path in "(/[aAb]{1,3}){1,3}/?",
    ) {
        if first.covers(&second) && second.matches(&path) {
            prop_assert!(first.matches(&path), "{first:?} {second:?} {path}");
        }
    }

    #[test]
    fn a_match_covers_itself(path in any_path()) {
        prop_assert!(path.covers(&path), "{path:?}");
    }

    #[test]
    fn a_pattern_for_text_is_found_where_it_was_put(
        before in "[a-c]{0,3}", text in "[A-C]{1,3}", after in "[a-c]{0,3}",
    ) {
        let whole = format!("{before}{text}{after}");
        let found = |pattern| StringMatch { pattern, ignore_case: false }.matches(&whole);
        prop_assert!(found(TextPattern::Contains(text.clone().into())));
        prop_assert!(found(TextPattern::Prefix([before.as_str(), &text].concat().into())));
        prop_assert!(found(TextPattern::Suffix([text.as_str(), &after].concat().into())));
        prop_assert_eq!(found(TextPattern::Exact(text.into())), before.is_empty() && after.is_empty());
    }
}
