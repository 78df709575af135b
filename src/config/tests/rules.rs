//! `rules`: what a match may hold.

use super::Row;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("/rules/0/match", "{}", &["rules[0].match: matches every request; name what it matches, or use default instead"]),
    ("/rules/0/match", r#"{"ignore_case": true}"#, &[
        "rules[0].match: has ignore_case without path, prefix, path_separated_prefix or path_template",
        "rules[0].match: matches every request; name what it matches, or use default instead",
    ]),
    ("/rules/0/match", r#"{"ignore_case": true, "methods": ["GET"]}"#, &["rules[0].match: has ignore_case without path, prefix, path_separated_prefix or path_template"]),
    ("/rules/0/match", r#"{"methods": []}"#, &["rules[0].match.methods: is empty; expected a list with at least one item"]),
    ("/rules/0/match", r#"{"hosts": []}"#, &["rules[0].match.hosts: is empty; expected a list with at least one item"]),
    ("/rules/0/match", r#"{"headers": []}"#, &["rules[0].match.headers: is empty; expected a list with at least one item"]),
    ("/rules/0/match", r#"{"query_parameters": []}"#, &["rules[0].match.query_parameters: is empty; expected a list with at least one item"]),
    ("/rules/0/match", r#"{"route": ""}"#, &["rules[0].match.route: is empty; expected the name of a route of the proxy"]),
    ("/rules/0/match", r#"{"safe_regex": {}}"#, &["rules[0].match.safe_regex.regex: is missing; expected a regular expression"]),
    ("/rules/0/match", r#"{"safe_regex": {"regexp": "a"}}"#, &[
        r#"rules[0].match.safe_regex.regexp: unknown key; did you mean "regex"?"#,
        "rules[0].match.safe_regex.regex: is missing; expected a regular expression",
    ]),
    ("/rules/0/match", r#"{"path": "a", "ignore_case": "yes"}"#, &[
        r#"rules[0].match.ignore_case: found the string "yes"; expected true or false"#,
        r#"rules[0].match.path: found the string "a"; expected a path that starts with '/'"#,
    ]),
    ("/rules/0/match", r#"{"methods": ["post"]}"#, &[r#"rules[0].match.methods[0]: found the string "post"; expected a method in upper case, such as "POST""#]),
    ("/rules/0/match", r#"{"methods": [""]}"#, &[r#"rules[0].match.methods[0]: is empty; expected a method such as "POST""#]),
    ("/rules/0/match", r#"{"methods": ["POST,GET"]}"#, &[r#"rules[0].match.methods[0]: found the string "POST,GET"; expected a method in upper case, such as "POST""#]),
    ("/rules/0/match", r#"{"methods": ["GET", "Post"]}"#, &[r#"rules[0].match.methods[1]: found the string "Post"; expected a method in upper case, such as "POST""#]),
    ("/rules/0/match", r#"{"hosts": [""]}"#, &[r#"rules[0].match.hosts[0]: is empty; expected a host such as "api.example.com" or "*.example.com", without a port"#]),
    ("/rules/0/match", r#"{"hosts": ["api.example.com:443"]}"#, &[r#"rules[0].match.hosts[0]: found the string "api.example.com:443"; expected a host such as "api.example.com" or "*.example.com", without a port"#]),
    ("/rules/0/match", r#"{"hosts": ["*"]}"#, &[r#"rules[0].match.hosts[0]: found the string "*"; expected a host such as "api.example.com" or "*.example.com", without a port"#]),
    ("/rules/0/match", r#"{"hosts": ["*example.com"]}"#, &[r#"rules[0].match.hosts[0]: found the string "*example.com"; expected a host such as "api.example.com" or "*.example.com", without a port"#]),
    ("/rules/0/match", r#"{"hosts": ["a.*"]}"#, &[r#"rules[0].match.hosts[0]: found the string "a.*"; expected a host such as "api.example.com" or "*.example.com", without a port"#]),
    ("/rules/0/match", r#"{"hosts": ["https://api.example.com"]}"#, &[r#"rules[0].match.hosts[0]: found the string "https://api.example.com"; expected a host such as "api.example.com" or "*.example.com", without a port"#]),
    ("/rules/0/match", r#"{"hosts": ["[::1]:443"]}"#, &[r#"rules[0].match.hosts[0]: found the string "[::1]:443"; expected a host such as "api.example.com" or "*.example.com", without a port"#]),
    ("/rules/0/match", r#"{"headers": [{}]}"#, &[
        "rules[0].match.headers[0].name: is missing; expected the header's name",
        "rules[0].match.headers[0]: lacks one of the keys string_match, present_match, range_match",
    ]),
    ("/rules/0/match", r#"{"headers": [{"name": "x-tier"}]}"#, &["rules[0].match.headers[0]: lacks one of the keys string_match, present_match, range_match"]),
    ("/rules/0/match", r#"{"headers": [{"name": "x-tier", "exact_match": "gold"}]}"#, &[
        "rules[0].match.headers[0].exact_match: unknown key; expected one of name, string_match, present_match, range_match, invert_match, treat_missing_header_as_empty",
        "rules[0].match.headers[0]: lacks one of the keys string_match, present_match, range_match",
    ]),
    ("/rules/0/match", r#"{"headers": [{"name": "x tier", "present_match": true}]}"#, &[r#"rules[0].match.headers[0].name: found the string "x tier"; expected a header's name"#]),
    ("/rules/0/match", r#"{"headers": [{"name": "", "present_match": true}]}"#, &["rules[0].match.headers[0].name: is empty; expected the header's name"]),
    ("/rules/0/match", r#"{"headers": [{"name": "Host", "present_match": true}]}"#, &["rules[0].match.headers[0].name: proxies pass the host as a pseudo-header; use hosts instead"]),
    ("/rules/0/match", r#"{"headers": [{"name": ":path", "present_match": true}]}"#, &[r#"rules[0].match.headers[0].name: ":path" is the path as it was sent, in any of its spellings; use path, prefix, path_separated_prefix, path_template or safe_regex instead"#]),
    ("/rules/0/match", r#"{"headers": [{"name": ":Method", "present_match": true}]}"#, &[r#"rules[0].match.headers[0].name: ":method" is no header; use methods instead"#]),
    ("/rules/0/match", r#"{"headers": [{"name": ":authority", "present_match": true}]}"#, &[r#"rules[0].match.headers[0].name: ":authority" is no header; use hosts instead"#]),
    ("/rules/0/match", r#"{"headers": [{"name": ":pth", "present_match": true}]}"#, &[r#"rules[0].match.headers[0].name: found the string ":pth"; expected a header's name, or ":scheme"; for the path, the method and the host use path, methods and hosts"#]),
    ("/rules/0/match", r#"{"headers": [{"name": ":", "present_match": true}]}"#, &[r#"rules[0].match.headers[0].name: found the string ":"; expected a header's name, or ":scheme"; for the path, the method and the host use path, methods and hosts"#]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "present_match": "yes"}]}"#, &[r#"rules[0].match.headers[0].present_match: found the string "yes"; expected true or false"#]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "present_match": true, "string_match": {"exact": "a"}}]}"#, &["rules[0].match.headers[0]: has the keys string_match and present_match together; expected one of them"]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "string_match": "gold"}]}"#, &[r#"rules[0].match.headers[0].string_match: found the string "gold"; expected a string match such as {exact: gold}"#]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "string_match": {}}]}"#, &["rules[0].match.headers[0].string_match: lacks one of the keys exact, prefix, suffix, contains, safe_regex"]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "string_match": {"exact": "a", "prefix": "b"}}]}"#, &["rules[0].match.headers[0].string_match: has the keys exact and prefix together; expected one of them"]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "string_match": {"exact": ""}}]}"#, &["rules[0].match.headers[0].string_match.exact: is empty; expected a text"]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "string_match": {"exat": "a"}}]}"#, &[
        r#"rules[0].match.headers[0].string_match.exat: unknown key; did you mean "exact"?"#,
        "rules[0].match.headers[0].string_match: lacks one of the keys exact, prefix, suffix, contains, safe_regex",
    ]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "string_match": {"safe_regex": {"regex": "("}}}]}"#, &[r#"rules[0].match.headers[0].string_match.safe_regex.regex: "(" is no regular expression of RE2's kind: found open group without closing ')'"#]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "range_match": {"start": 2, "end": 2}}]}"#, &["rules[0].match.headers[0].range_match: matches nothing; expected start to be below end"]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "range_match": {"start": "1", "end": 1.5}}]}"#, &[
        r#"rules[0].match.headers[0].range_match.start: found the string "1"; expected a whole number"#,
        "rules[0].match.headers[0].range_match.end: found the number 1.5; expected a whole number",
    ]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "range_match": {}}]}"#, &[
        "rules[0].match.headers[0].range_match.start: is missing; expected a whole number",
        "rules[0].match.headers[0].range_match.end: is missing; expected a whole number",
    ]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "range_match": 5}]}"#, &["rules[0].match.headers[0].range_match: found the number 5; expected a range such as {start: 1, end: 10}"]),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "present_match": true, "invert_match": 1, "treat_missing_header_as_empty": 1}]}"#, &[
        "rules[0].match.headers[0].invert_match: found the number 1; expected true or false",
        "rules[0].match.headers[0].treat_missing_header_as_empty: found the number 1; expected true or false",
    ]),
    ("/rules/0/match", r#"{"query_parameters": [{}]}"#, &[
        "rules[0].match.query_parameters[0].name: is missing; expected the parameter's name",
        "rules[0].match.query_parameters[0]: lacks one of the keys string_match, present_match",
    ]),
    ("/rules/0/match", r#"{"query_parameters": [{"name": "a"}]}"#, &["rules[0].match.query_parameters[0]: lacks one of the keys string_match, present_match"]),
    ("/rules/0/match", r#"{"query_parameters": [{"name": "", "present_match": true}]}"#, &["rules[0].match.query_parameters[0].name: is empty; expected the parameter's name"]),
    ("/rules/0/match", r#"{"query_parameters": [{"name": "a", "range_match": {"start": 1, "end": 2}}]}"#, &[
        r#"rules[0].match.query_parameters[0].range_match: unknown key; did you mean "string_match"?"#,
        "rules[0].match.query_parameters[0]: lacks one of the keys string_match, present_match",
    ]),
    ("/rules/0/match", r#"{"route": "a\nb"}"#, &[r"rules[0].match.route: holds the control character '\n'; expected the name of a route of the proxy without one"]),
];
