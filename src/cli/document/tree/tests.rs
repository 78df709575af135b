use super::*;
use crate::cli::document::Documents;

/// What is marked for a place as messages show it.
fn marked<'t>(text: &'t str, shown: &str) -> (&'t str, bool) {
    let documents = Documents::read(text).unwrap();
    let found = documents.tree(0).unwrap().at(&Place::default()).inside(shown);
    (text.get(found.mark(text).unwrap()).unwrap(), found.is_whole())
}

#[test]
fn a_place_leads_to_the_part_of_the_text() {
    let text = "\
policies:
  pay:
    require: [{level: mfa, max_age: 5m}, {level: 'x'}]
  \"a b\": {public: true}
rules:
  - match: {path: /é}
    policy: pay
  - {match: {path: /a},
     policy: x}
nothing:
";
    for (shown, part, is_whole) in [
        ("policies.pay.require[0].level", "mfa", true),
        ("policies.pay.require[1].level", "'x'", true),
        ("policies.pay.require[0]", "{level: mfa, max_age: 5m}", true),
        ("policies.pay.require[0].lvl", "{level: mfa, max_age: 5m}", false),
        ("policies.pay.require", "require", true),
        ("policies[\"a b\"].public", "true", true),
        ("policies[\"a b\"].require", "\"a b\"", false),
        ("policies.pa", "policies", false),
        ("rules[0]", "match: {path: /é}", true),
        ("rules[1]", "{match: {path: /a},", true),
        ("rules[1].policy", "x", true),
        ("rules[7].policy", "rules", false),
        ("nothing", "nothing", true),
        ("issuers", "policies:", false),
    ] {
        assert_eq!(marked(text, shown), (part, is_whole), "{shown}");
    }
    for text in [r#"{"a": [1, {"b": "c"}]}"#, "{\"a\": \t[1,\n\t{\"b\":\t\"c\"}]}"] {
        assert_eq!(marked(text, "a[1].b"), ("\"c\"", true));
    }
}

#[test]
fn what_an_alias_brings_is_told_where_it_is_brought() {
    let text = "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n  e: 2\n";
    assert_eq!(marked(text, "c.b"), ("*x", true));
    assert_eq!(marked(text, "d.b"), ("*x", true));
    assert_eq!(marked(text, "d.e"), ("2", true));
}

#[test]
fn values_are_those_of_the_plain_reading() {
    for text in [
        "a: 1\nb: [true, ~, 1.5, -3, 0x1f, 1e400, .inf, 99999999999999999999]\n1: x\ntrue: y\n",
        "a: |\n  b\nc: >-\n  d\n  e\n",
        "---\na: 1\n---\n---\nb: &x {c: 2}\nd: {<<: *x}\n---\nnull\n...\n",
        "",
        "# only a comment\n",
        "text",
        "a: !!str 1\nb: !other {c: d}\n",
    ] {
        let plain = serde_saphyr::from_multiple::<Value>(text).ok();
        let trees = Documents::read(text).ok().map(Documents::into_values);
        assert_eq!(trees, plain, "{text}");
    }
}
