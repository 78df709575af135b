//! What is unusual but right.

/// A place as a JSON pointer, and the value that is set there (none: it is taken out).
#[rustfmt::skip]
pub(super) const ROWS: &[(&str, &str)] = &[
    ("/rules", "[]"),
    ("/rules", ""),
    ("/tokens", "{}"),
    ("/tokens", ""),
    ("/challenge", "{}"),
    ("/challenge", ""),
    ("/route_metadata", "false"),
    ("/encoded_slashes", r#""keep""#),
    ("/tokens/max_length", "256"),
    ("/tokens/max_length", "1048576"),
    ("/tokens/from/0", r#"{"header": "Authorization", "scheme": "bearer"}"#),
    ("/tokens/from/0/scheme", ""),
    ("/tokens/from/1", r#"{"header": "authorization", "scheme": "dpop"}"#),
    ("/tokens/from/1", r#"{"header": "x-authorization", "scheme": "Bearer"}"#),
    ("/tokens/from", r#"[{"cookie": "__Host-token"}, {"query": "__Host-token"}]"#),
    ("/tokens/forward", "false"),
    ("/challenge/realm", r#""a \"quoted\" \\ realm""#),
    ("/challenge/resource_metadata", r#""http://127.0.0.1:8080/x""#),
    ("/challenge/hint_without_token", "false"),
    ("/policies/a policy: with äöü", r#"{"public": true}"#),
    ("/policies/read/public", "false"),
    ("/policies/read", r#"{"scopes": ["a:b/c!"]}"#),
    ("/policies/read/require/0/max_age", r#""1s""#),
    ("/policies/read/require/0/max_age", r#""365d""#),
    ("/issuers/0/clock_skew", r#""0s""#),
    ("/issuers/0/clock_skew", r#""5m""#),
    ("/issuers/0/auth_time_claim", r#""https://example.com/auth_time""#),
    ("/issuers/0/token_types", r#"["application/AT+JWT"]"#),
    ("/issuers/0/keys/inline/keys/0/alg", r#""RS256""#),
    ("/issuers/1/keys", r#"{"verified_by": {"metadata": "envoy.filters.http.jwt_authn", "key": "payload"}}"#),
    ("/issuers/1", r#"{"issuer": "https://other.example.com", "keys": {"verified_by": {"metadata": "a", "key": "b"}}}"#),
    ("/issuers/1/keys", r#"{"introspection": {
        "cluster": "idp", "uri": "http://127.0.0.1:8080/i?x=y", "timeout": "1s", "wait": "0s", "cache_for": "0s", "opaque_tokens": false,
        "require_audience": false, "client": {"id": "a b", "private_key_jwt": {"env": "KEY", "audience": "https://id.example.com", "kid": "k"}}}}"#),
    ("/issuers", r#"[
        {"issuer": "https://id.example.com", "audiences": ["a"], "keys": {"introspection": {"cluster": "a", "uri": "https://id.example.com/i", "client": {"id": "g", "secret": {"env": "A"}}}}},
        {"issuer": "https://other.example.com", "audiences": ["a"], "keys": {"introspection": {"cluster": "b", "uri": "https://other.example.com/i", "opaque_tokens": false, "client": {"id": "g", "secret": {"env": "B"}}}}}
    ]"#),
    // Members that this filter does not know (RFC 7517 §4).
    ("/issuers/0/keys/inline/keys/0/x5t", r#""…""#),
    ("/issuers/0/keys/inline/issued_by", r#""…""#),
    // Two keys of one name, as during a rotation by hand.
    (
        "/issuers/1/keys/inline/keys/1",
        r#"{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    ),
    // A level is asked for by the acr of a stronger one.
    ("/levels/0/ask_for", r#"["2"]"#),
    ("/levels/0/ask_for", r#"["phr", "high", "1"]"#),
    // What is asked for a stronger level proves it in a way that no acr shows.
    ("/levels/1", r#"{"name": "mfa", "proven_by": [{"amr": ["otp"]}], "ask_for": ["my-otp"]}"#),
    ("/levels/0/ask_for", r#"["1"]"#),
    ("/levels/2/ask_for", ""),
    ("/levels/2/implies", "[]"),
    ("/levels/2/implies", ""),
    ("/levels/2/implies", r#"["password", "mfa"]"#),
    // An acr that cannot stand in a challenge, beside what is asked for instead.
    (
        "/levels/1",
        r#"{"name": "mfa", "proven_by": [{"acr": ["two words", "2"]}], "ask_for": ["2"]}"#,
    ),
    // Paths in Envoy's spelling.
    ("/rules/0/match", r#"{"path": "/"}"#),
    ("/rules/0/match", r#"{"path": "/a;v=1/b"}"#),
    ("/rules/0/match", r#"{"path": "/a%20b", "ignore_case": true}"#),
    ("/rules/0/match", r#"{"prefix": "/a/."}"#),
    ("/rules/0/match", r#"{"prefix": "/.."}"#),
    ("/rules/0/match", r#"{"prefix": "/.well-known/"}"#),
    ("/rules/0/match", r#"{"path_separated_prefix": "/a"}"#),
    ("/rules/0/match", r#"{"path_template": "/a/{b=c/*}/**"}"#),
    ("/rules/0/match", r#"{"path_template": "/a/{b=**}.json"}"#),
    ("/rules/0/match", r#"{"safe_regex": {"regex": "/a/[0-9]+"}}"#),
    ("/rules/0/match", r#"{"safe_regex": "/a"}"#),
    ("/rules/0/match", r#"{"methods": ["M-SEARCH"]}"#),
    ("/rules/0/match", r#"{"hosts": ["API.example.com", "*.Example.com", "[::1]", "10.0.0.1"], "route": "a"}"#),
    ("/rules/0/match", r#"{"headers": [{"name": ":Scheme", "string_match": {"exact": "http"}}]}"#),
    ("/rules/0/match", r#"{"headers": [{"name": "x", "range_match": {"start": -1, "end": 1}}]}"#),
    (
        "/rules/0/match",
        r#"{"headers": [{"name": "x", "present_match": false, "invert_match": true}]}"#,
    ),
    ("/rules/0/match", r#"{"query_parameters": [{"name": "a b", "present_match": true}]}"#),
    ("/rules/0/match", r#"{"route": "any name"}"#),
];
