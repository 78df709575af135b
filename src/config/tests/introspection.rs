//! `issuers[].keys.introspection`: an authorization server that is asked.

use super::Row;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("/issuers/1/keys", r#"{"introspection": {}}"#, &[
        "issuers[1].keys.introspection.cluster: is missing; expected the name of a cluster of the proxy",
        "issuers[1].keys.introspection.uri: is missing; expected the URL of the introspection endpoint",
        "issuers[1].keys.introspection.client: is missing; expected an object such as {id: gateway, secret: {env: INTROSPECTION_SECRET}}",
    ]),
    ("/issuers/1/keys", r#"{"introspection": {"cluster": "idp", "uri": "/introspect", "timeout": "0s", "cache_for": "61m", "client": {"id": "", "secret": "hunter2"}}}"#, &[
        r#"issuers[1].keys.introspection.uri: found the string "/introspect"; expected an absolute URL such as "https://id.example.com/jwks""#,
        r#"issuers[1].keys.introspection.timeout: found the string "0s"; expected a duration from 1s to 60s"#,
        r#"issuers[1].keys.introspection.cache_for: found the string "61m"; expected a duration from 0s to 3600s"#,
        "issuers[1].keys.introspection.client.id: is empty; expected the filter's client_id",
        "issuers[1].keys.introspection.client.secret: expected {env: NAME}: the secret is read from an environment variable, and never stands in the configuration",
    ]),
    ("/issuers/1/keys", r#"{"introspection": {"cluster": "idp", "uri": "https://id.example.com/introspect", "client": {"id": "gateway"}}}"#, &[
        "issuers[1].keys.introspection.client: lacks one of the keys secret, private_key_jwt",
    ]),
    ("/issuers/1/keys", r#"{"introspection": {"cluster": "idp", "uri": "https://id.example.com/introspect", "client": {"id": "gateway", "secret": {"env": "A"}, "private_key_jwt": {"env": "B"}}}}"#, &[
        "issuers[1].keys.introspection.client: has the keys secret and private_key_jwt together; expected one of them",
    ]),
    ("/issuers/1/keys", r#"{"introspection": {"cluster": "idp", "uri": "https://id.example.com/introspect", "client": {"id": "gateway", "secret": {"env": "hunter-2!"}}}}"#, &[
        "issuers[1].keys.introspection.client.secret.env: is no name of a variable; expected the name of the environment variable that holds the secret, not the value",
    ]),
    ("/issuers/1/keys", r#"{"introspection": {"cluster": "idp", "uri": "https://id.example.com/introspect", "client": {"id": "gateway", "private_key_jwt": {"env": "KEY"}}}}"#, &[
        "issuers[1].keys.introspection.client.private_key_jwt.audience: is missing; expected what the server takes for itself in aud, often its issuer or its token endpoint",
    ]),
    ("/issuers", r#"[
        {"issuer": "https://id.example.com", "audiences": ["a"], "keys": {"introspection": {"cluster": "a", "uri": "https://id.example.com/i", "client": {"id": "g", "secret": {"env": "A"}}}}},
        {"issuer": "https://other.example.com", "audiences": ["a"], "keys": {"introspection": {"cluster": "b", "uri": "https://other.example.com/i", "client": {"id": "g", "secret": {"env": "B"}}}}}
    ]"#, &[
        "issuers[1]: is the second with keys.introspection for tokens that are no JWTs, and such a token does not say whose it is; set keys.introspection.opaque_tokens to false for all but one",
    ]),
];
