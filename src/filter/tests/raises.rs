//! A law of raises: none ever lets a request through that would be stopped without it.

use proptest::prelude::*;

use super::*;

/// Conditions of every kind, some of which cannot be evaluated.
const CONDITIONS: [&str; 12] = [
    "true",
    "false",
    "request.method == 'POST'",
    "request.headers['x-a'] == 'b'",
    "'x-a' in request.headers",
    "request.query.q == '1'",
    "claims.sub == 'alice'",
    "claims.none > 5",
    "auth_age > 100",
    "level == 'strong'",
    "request.body.amount > 5",
    "source.ip in cidr('10.0.0.0/8')",
];
/// Those that a policy without a token can have.
const PUBLIC: [usize; 6] = [0, 1, 2, 3, 4, 11];

fn raise(name: usize, condition: usize, then: usize, is_shadow: bool) -> Value {
    let mut raise = json!({"name": format!("r{name}"), "when": CONDITIONS[condition]});
    match then {
        0 => raise["deny"] = json!("No."),
        1 => raise["require"] = json!([{"level": "strong"}]),
        2 => raise["require"] = json!([{"level": "strong", "max_age": "5m"}]),
        _ => raise["require"] = json!([{"level": "weak", "max_age": "1m"}, {"level": "strong"}]),
    }
    if is_shadow {
        raise["mode"] = json!("shadow");
    }
    raise
}

fn policy(kind: usize) -> Value {
    match kind {
        0 => json!({"public": true}),
        1 => json!({"require": [{"level": "weak"}]}),
        2 => json!({"require": [{"level": "strong", "max_age": "2m"}]}),
        _ => json!({"require": [{"level": "weak"}], "scopes": ["pay"]}),
    }
}

/// Whether the request is let through with this policy.
fn passes(policy: &Value, host: &MemoryHost) -> bool {
    let configuration = json!({
        "levels": [
            {"name": "weak", "proven_by": [{"acr": ["1"]}]},
            {"name": "strong", "proven_by": [{"acr": ["phr"]}]},
        ],
        "issuers": [{
            "issuer": "https://id.example.com",
            "audiences": ["https://api.example.com"],
            "keys": {"verified_by": {"metadata": "jwt", "key": "payload"}},
        }],
        "policies": {"p": policy},
        "default": "p",
    });
    let filter = Filter::new(configuration.to_string().as_bytes(), host).unwrap();
    let mut action = filter.on_request_headers(host, RequestId(1), false);
    if action == Action::Wait {
        let size = host.body.as_ref().map_or(0, Vec::len);
        action = filter.on_request_body(host, RequestId(1), size, true);
    }
    assert_ne!(action, Action::Wait);
    assert_eq!(action == Action::Answered, host.take_answer().is_some());
    action == Action::Continue
}

fn host(token: Option<(&str, u64)>, method: &str, header: Option<&str>, query: &str) -> MemoryHost {
    let pair = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    let mut headers = vec![
        pair(":method", method),
        pair(":path", &format!("/{query}")),
        pair(":authority", "api.example.com"),
        pair("content-type", "application/json"),
    ];
    headers.extend(header.map(|value| pair("x-a", value)));
    let mut host = MemoryHost::new(Headers::new(headers));
    // The same for the requests that are compared: an age can be at the limit.
    host.now = crate::time::Timestamp::from_epoch(second(1_700_000_000));
    host.body = Some(br#"{"amount": 7}"#.to_vec());
    host.properties.insert("source.address".to_owned(), Some(b"10.1.1.1:5".to_vec()));
    if let Some((acr, age)) = token {
        let now = host.now.since_epoch().as_secs_f64();
        let number = |value: f64| value.to_le_bytes().to_vec();
        let age = f64::from(u32::try_from(age).unwrap());
        for (claim, value) in [
            ("iss", b"https://id.example.com".to_vec()),
            ("aud", b"https://api.example.com".to_vec()),
            ("sub", b"alice".to_vec()),
            ("acr", acr.as_bytes().to_vec()),
            ("exp", number(now + 100.0)),
            ("auth_time", number(now - age)),
        ] {
            host.properties
                .insert(format!("metadata.filter_metadata.jwt.payload.{claim}"), Some(value));
        }
    }
    host
}

proptest! {
    #[test]
    fn a_raise_never_lets_through_what_would_be_stopped_without_it(
        kind in 0..4_usize,
        raises in proptest::collection::vec((0..12_usize, 0..4_usize, any::<bool>()), 1..4),
        token in proptest::option::of((prop_oneof!["1", "phr", "x"], 0..400_u64)),
        method in prop_oneof!["GET", "POST"],
        header in proptest::option::of(prop_oneof!["b", "c"]),
        query in prop_oneof!["", "\\?q=1", "\\?q=1&q=2"],
    ) {
        let host = || {
            let token = token.as_ref().map(|(acr, age)| (acr.as_str(), *age));
            host(token, &method, header.as_deref(), &query)
        };
        let without = passes(&policy(kind), &host());
        let raises = raises.iter().enumerate().map(|(name, (condition, then, is_shadow))| {
            let condition = if kind == 0 { PUBLIC[condition % PUBLIC.len()] } else { *condition };
            raise(name, condition, *then, *is_shadow)
        });
        let raises = raises.collect::<Vec<_>>();
        let mut last = without;
        for count in 1..=raises.len() {
            let mut with = policy(kind);
            with["raise"] = json!(raises[..count]);
            let now = passes(&with, &host());
            prop_assert!(last || !now, "the last of {raises:?} lets it through");
            last = now;
        }
        let in_shadow = raises.iter().all(|raise| raise["mode"] == "shadow");
        prop_assert!(!in_shadow || last == without, "a raise in shadow mode changes nothing");
    }
}

#[test]
fn a_good_request_passes_these_policies() {
    for (kind, acr) in [(0, "x"), (1, "1"), (2, "phr")] {
        assert!(passes(&policy(kind), &host(Some((acr, 5)), "GET", None, "")), "{kind}");
    }
    assert!(!passes(&policy(1), &host(Some(("x", 5)), "GET", None, "")));
    assert!(!passes(&policy(1), &host(None, "GET", None, "")));
}
