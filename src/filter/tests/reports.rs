//! What is told of decisions, to operators and to the upstream, and decisions that are only told.

use super::*;

/// A configuration whose tokens an earlier filter verified.
fn configuration(changes: &Value) -> Value {
    let mut configuration = config(&json!({}));
    configuration["issuers"][0]["keys"] =
        json!({"verified_by": {"metadata": "jwt", "key": "payload"}});
    configuration["issuers"][0].as_object_mut().unwrap().remove("audiences");
    configuration["policies"]["open"] = json!({"public": true});
    configuration["policies"]["low"] = json!({"require": [{"level": "strong"}], "scopes": ["a"]});
    configuration["rules"] = json!([
        {"match": {"path": "/open"}, "policy": "open"},
        {"match": {"path": "/low"}, "policy": "low"},
    ]);
    configuration["audit"] = json!({"log": "all"});
    configuration.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    configuration
}

/// A request to a path, with headers, whose token proves this level this long ago.
fn host(path: &str, headers: &[(&str, &[u8])], token: Option<(&str, u64)>) -> MemoryHost {
    let fixed = [
        (":method", "GET".as_bytes()),
        (":path", path.as_bytes()),
        (":authority", b"a.example"),
        ("x-request-id", b"id-1"),
    ];
    let pairs = fixed.iter().chain(headers);
    let pairs = pairs.map(|(name, value)| ((*name).to_owned(), value.to_vec()));
    let mut host = MemoryHost::new(Headers::new(pairs.collect()));
    host.variables.insert("SALT".to_owned(), "pepper".to_owned());
    if let Some((acr, age)) = token {
        let now = host.now.since_epoch().as_secs();
        let mut claim = |name: &str, value: Vec<u8>| {
            host.properties
                .insert(format!("metadata.filter_metadata.jwt.payload.{name}"), Some(value));
        };
        claim("iss", b"https://id.example.com".to_vec());
        claim("sub", b"alice".to_vec());
        claim("tenant", b"north".to_vec());
        claim("acr", acr.as_bytes().to_vec());
        #[allow(clippy::cast_precision_loss, clippy::as_conversions)]
        claim("auth_time", ((now - age) as f64).to_le_bytes().to_vec());
    }
    host
}

fn decided(configuration: &Value, host: &MemoryHost) -> Action {
    let filter = Filter::new(configuration.to_string().as_bytes(), host).unwrap();
    filter.on_request_headers(host, RequestId(1), true)
}

fn audited(host: &MemoryHost) -> Value {
    let lines = host.take_audited();
    assert_eq!(lines.len(), 1, "{lines:?}");
    serde_json::from_str(&lines[0]).unwrap()
}

#[test]
fn a_record_holds_what_was_required_and_found_and_nothing_of_the_query() {
    let configuration = configuration(&json!({}));
    let host = host("/a?access_token=SECRET", &[], Some(("phr", 400)));
    assert_eq!(decided(&configuration, &host), Action::Answered);
    let mut record = audited(&host);
    let members = record.as_object_mut().unwrap();
    let time = members.remove("time").unwrap();
    let time = time.as_str().unwrap();
    assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T' && time.len() == 24, "{time}");
    let version = members.remove("configuration").unwrap();
    assert_eq!(version.as_str().unwrap().len(), 12);
    assert_eq!(
        record,
        json!({
            "request": {"id": "id-1", "method": "GET", "host": "a.example", "path": "/a"},
            "rule": "default",
            "policies": ["pay"],
            "mode": "enforce",
            "decision": "challenge",
            "reason": "age",
            "message": "the authentication is 400s old, 300s at most is required",
            "required": {"level": "strong", "max_age": 300},
            "found": {"level": "strong", "age": 400, "acr": "phr"},
            "status": 401,
            "issuer": "https://id.example.com",
        })
    );
}

#[test]
fn each_end_of_a_request_has_a_record_with_its_rule_and_reason() {
    let configuration = configuration(&json!({}));
    for (path, token, rule, decision, reason, status) in [
        ("/open", None, "rules[0]", "allow", "public", None),
        ("/", Some(("phr", 1)), "default", "allow", "proven", None),
        ("/", None, "default", "challenge", "no_token", Some(401)),
        ("/", Some(("0", 1)), "default", "challenge", "level", Some(401)),
        ("/low", Some(("phr", 1)), "rules[1]", "forbid", "scope", Some(403)),
    ] {
        let host = host(path, &[], token);
        decided(&configuration, &host);
        let record = audited(&host);
        let found = [&record["rule"], &record["decision"], &record["reason"]];
        assert_eq!(found, [rule, decision, reason], "{record}");
        assert_eq!(record.get("status").and_then(Value::as_u64), status, "{record}");
    }
    let ambiguous = host("/a%2fb", &[], None);
    assert_eq!(decided(&configuration, &ambiguous), Action::Answered);
    let record = audited(&ambiguous);
    assert_eq!((&record["decision"], &record["reason"]), (&json!("reject"), &json!("ambiguous")));
    assert_eq!(record.get("rule"), None);
}

#[test]
fn what_is_logged_is_for_the_operator_to_choose() {
    for (log, expected) in [("none", [0, 0]), ("denied", [0, 1]), ("all", [1, 1])] {
        let configuration = configuration(&json!({"audit": {"log": log}}));
        let counts = ["/open", "/"].map(|path| {
            let host = host(path, &[], None);
            decided(&configuration, &host);
            host.take_audited().len()
        });
        assert_eq!(counts, expected, "{log}");
    }
    let mut silent = configuration(&json!({}));
    silent.as_object_mut().unwrap().remove("audit");
    let host = host("/", &[], None);
    decided(&silent, &host);
    assert_eq!(host.take_audited(), [""; 0]);
}

#[test]
fn a_subject_is_told_hashed_with_the_salt_and_else_not_at_all() {
    let salted = configuration(&json!({
        "audit": {"log": "all", "subject_salt": {"env": "SALT"}},
    }));
    let good = host("/", &[], Some(("phr", 1)));
    decided(&salted, &good);
    let record = audited(&good);
    // printf 'https://id.example.com\nalice' | openssl dgst -sha256 -hmac pepper
    assert_eq!(record["subject"], "a59e8a4a995a294280f2b71a71494953");
    let mut unset = host("/", &[], Some(("phr", 1)));
    unset.variables.clear();
    let mistakes = Filter::new(salted.to_string().as_bytes(), &unset).unwrap_err().to_string();
    assert!(
        mistakes.starts_with("audit.subject_salt.env: the environment variable SALT is not set")
    );
}

#[test]
fn a_record_is_json_of_bounded_length_whatever_the_request_holds() {
    let configuration = configuration(&json!({}));
    let long = "é".repeat(2000);
    let path = format!("/\"\\\u{1}\n\u{202e}{long}");
    let headers: [(&str, &[u8]); 1] = [("x-other", b"\xff\xfe")];
    let mut host = host(&path, &headers, None);
    let mut pairs = vec![("x-request-id".to_owned(), b"\xff\"}\n".to_vec())];
    pairs.extend(
        host.headers
            .iter()
            .filter(|(name, _)| *name != b"x-request-id")
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec())),
    );
    host.headers = Headers::new(pairs);
    decided(&configuration, &host);
    let lines = host.take_audited();
    assert!(lines[0].len() < 4000 && !lines[0].contains('\n'), "{lines:?}");
    let record: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(record["request"]["id"], "\u{fffd}\"}\n");
    assert!(record["request"]["path"].as_str().unwrap().ends_with('…'));
}

#[test]
fn in_shadow_mode_the_record_is_the_same_and_the_request_goes_on() {
    let enforcing = configuration(&json!({}));
    let shadow = configuration(&json!({"mode": "shadow"}));
    for (path, token) in [
        ("/", None),
        ("/", Some(("0", 1))),
        ("/", Some(("phr", 1000))),
        ("/low", Some(("phr", 1))),
        ("/a%2fb", Some(("phr", 1))),
        ("/open", None),
    ] {
        let mut records = [&enforcing, &shadow].map(|configuration| {
            let host = host(path, &[], token);
            let action = decided(configuration, &host);
            let is_shadow = configuration.get("mode").is_some();
            let goes_on = is_shadow || path == "/open";
            assert_eq!(action == Action::Continue, goes_on, "{path}");
            assert_eq!(host.take_answer().is_none(), goes_on, "{path}");
            let mut record = audited(&host);
            let mode = record.as_object_mut().unwrap().remove("mode").unwrap();
            assert_eq!(mode == "shadow", is_shadow);
            record
        });
        for record in &mut records {
            for differs in ["time", "configuration"] {
                record.as_object_mut().unwrap().remove(differs);
            }
        }
        assert_eq!(records[0], records[1], "{path}");
    }
}

#[test]
fn a_policy_alone_can_be_in_shadow_mode() {
    let mut configuration = configuration(&json!({}));
    configuration["policies"]["pay"]["mode"] = json!("shadow");
    let passes = |path| decided(&configuration, &host(path, &[], None)) == Action::Continue;
    assert!(passes("/"));
    assert!(!passes("/low"));
}

#[test]
fn in_shadow_mode_a_request_that_waits_in_vain_goes_on() {
    let mut shadow = config(&json!({}));
    shadow["mode"] = json!("shadow");
    let mut bench = Bench::configured(&shadow);
    assert_eq!(bench.send("a"), Action::Wait);
    bench.tick();
    bench.pass(second(4));
    bench.tick();
    assert_eq!((bench.host.take_answer(), bench.host.take_resumed()), (None, true));
}

#[test]
fn the_upstream_is_told_of_the_token() {
    let configuration = configuration(&json!({"upstream_headers": [
        {"name": "x-level", "value": "level"}, {"name": "x-acr", "value": "acr"},
        {"name": "x-age", "value": "age"}, {"name": "x-issuer", "value": "issuer"},
        {"name": "x-subject", "value": "subject"}, {"name": "x-tenant", "claim": "tenant"},
        {"name": "x-none", "claim": "none"},
    ]}));
    let host = host("/", &[("x-tenant", b"south"), ("x-none", b"forged")], Some(("phr", 7)));
    assert_eq!(decided(&configuration, &host), Action::Continue);
    for (name, expected) in [
        ("x-level", Some("strong")),
        ("x-acr", Some("phr")),
        ("x-age", Some("7")),
        ("x-issuer", Some("https://id.example.com")),
        ("x-subject", Some("alice")),
        ("x-tenant", Some("north")),
        ("x-none", None),
    ] {
        let expected = expected.map(|value| value.as_bytes().to_vec());
        assert_eq!(host.request_header_upstream(name), Vec::from_iter(expected), "{name}");
    }
}

#[test]
fn what_a_client_says_in_their_names_never_goes_on() {
    let headers = json!([{"name": "x-stepup-level", "value": "level"}]);
    let mut salted = configuration(&json!({"upstream_headers": headers}));
    for mode in ["enforce", "shadow"] {
        salted["mode"] = json!(mode);
        for name in ["x-stepup-level", "x_stepup_level", "x-stepup_level", "x.stepup.level"] {
            for path in ["/open", "/"] {
                let host = host(path, &[(name, b"high"), (name, b"higher")], Some(("0", 7)));
                if decided(&salted, &host) == Action::Continue {
                    assert_eq!(host.request_header_upstream(name), [b""; 0], "{name}");
                } else {
                    assert_eq!((path, mode), ("/", "enforce"));
                }
            }
        }
    }
    let mut host = host("/open", &[], None);
    let trailers = ["x_stepup_level", "x-other"].map(|name| (name.to_owned(), b"high".to_vec()));
    host.request_trailers = Headers::new(trailers.to_vec());
    let filter = Filter::new(salted.to_string().as_bytes(), &host).unwrap();
    filter.clean_trailers(&host);
    assert_eq!(host.removed_trailers(), ["x_stepup_level"]);
}

#[test]
fn the_access_log_finds_what_was_decided() {
    let configuration = configuration(&json!({"audit": {"filter_state": true}}));
    let host = host("/", &[], Some(("phr", 400)));
    decided(&configuration, &host);
    let state = host.filter_state();
    let expected = [
        ("stepup_age", "400"),
        ("stepup_decision", "challenge"),
        ("stepup_level", "strong"),
        ("stepup_mode", "enforce"),
        ("stepup_policy", "pay"),
        ("stepup_reason", "age"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(Vec::from_iter(state), expected);
}

#[test]
fn rules_and_conditions_do_not_see_what_a_client_says_in_their_names() {
    let mut configuration = configuration(&json!({
        "upstream_headers": [{"name": "x-level", "value": "level"}],
        "rules": [{
            "match": {"headers": [{"name": "x-level", "string_match": {"exact": "strong"}}]},
            "policy": "open",
        }],
    }));
    let forged = || host("/", &[("x-level", b"strong")], None);
    assert_eq!(decided(&configuration, &forged()), Action::Answered);
    configuration["policies"]["open"]["raise"] =
        json!([{"name": "r", "when": "request.headers['x-level'] != 'strong'", "deny": "No."}]);
    configuration["default"] = json!("open");
    assert_eq!(decided(&configuration, &forged()), Action::Answered);
}

/// `HEAD` is read as `GET` too.
#[test]
fn beside_a_policy_that_is_enforced_one_in_shadow_mode_has_no_say() {
    let mut configuration = configuration(&json!({"default": "open"}));
    configuration["rules"] = json!([{"match": {"path": "/", "methods": ["GET"]}, "policy": "low"}]);
    let head = |configuration: &Value| {
        let mut host = host("/", &[], None);
        let pairs = host.headers.iter().map(|(name, value)| {
            let value = if name == b":method" { b"HEAD" } else { value };
            (String::from_utf8_lossy(name).into_owned(), value.to_vec())
        });
        host.headers = Headers::new(pairs.collect());
        let action = decided(configuration, &host);
        (action, audited(&host)["policies"].clone())
    };
    assert_eq!(head(&configuration), (Action::Answered, json!(["open", "low"])));
    configuration["policies"]["low"]["mode"] = json!("shadow");
    assert_eq!(head(&configuration), (Action::Continue, json!(["open"])));
    configuration["policies"]["open"]["mode"] = json!("shadow");
    assert_eq!(head(&configuration), (Action::Continue, json!(["open", "low"])));
}
