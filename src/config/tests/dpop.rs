//! What DPoP proofs have to be like.

use super::Row;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("/dpop", "[]", &["dpop: found a list; expected an object with required, advertise, algorithms, window, clock_skew, origins, nonce, proofs_per_key"]),
    ("/dpop/nothing_like_it", "1", &["dpop.nothing_like_it: unknown key; expected one of required, advertise, algorithms, window, clock_skew, origins, nonce, proofs_per_key"]),
    ("/dpop/origin", "1", &[r#"dpop.origin: unknown key; did you mean "origins"?"#]),
    ("/dpop/require", "true", &[r#"dpop.require: unknown key; did you mean "required"?"#]),
    ("/dpop/required", "1", &["dpop.required: found the number 1; expected true or false"]),
    ("/dpop/advertise", r#""yes""#, &[r#"dpop.advertise: found the string "yes"; expected true or false"#]),
    ("/dpop/nonce", "{}", &["dpop.nonce: found an object; expected true or false"]),
    ("/dpop/algorithms", "[]", &["dpop.algorithms: is empty; expected a list of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, ES256K, EdDSA"]),
    ("/dpop/algorithms/0", r#""HS256""#, &[r#"dpop.algorithms[0]: found the string "HS256"; expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, ES256K, EdDSA; none and HMAC are never accepted"#]),
    ("/dpop/window", "60", &["dpop.window: found the number 60; expected a duration with a unit (s, m, h or d), such as \"90s\", \"15m\" or \"2h30m\""]),
    ("/dpop/window", r#""0s""#, &[r#"dpop.window: found the string "0s"; expected from 1s to 300s; a proof that is good for longer is worth stealing"#]),
    ("/dpop/window", r#""6m""#, &[r#"dpop.window: found the string "6m"; expected from 1s to 300s; a proof that is good for longer is worth stealing"#]),
    ("/dpop/clock_skew", r#""1h""#, &[r#"dpop.clock_skew: found the string "1h"; expected from 0s to 300s; a proof that is good for longer is worth stealing"#]),
    ("/dpop/origins", "[]", &["dpop.origins: is empty; expected a list of origins"]),
    ("/dpop/origins", r#""https://api.example.com""#, &[r#"dpop.origins: found the string "https://api.example.com"; expected a list of origins"#]),
    ("/dpop/origins/0", "1", &[r#"dpop.origins[0]: found the number 1; expected an origin such as "https://api.example.com", without a path; put it in quotes"#]),
    ("/dpop/origins/0", r#""api.example.com""#, &[r#"dpop.origins[0]: found the string "api.example.com"; expected an origin such as "https://api.example.com", without a path"#]),
    ("/dpop/origins/0", r#""https://api.example.com/v1""#, &[r#"dpop.origins[0]: found the string "https://api.example.com/v1"; expected an origin such as "https://api.example.com", without a path"#]),
    ("/dpop/proofs_per_key", "0", &["dpop.proofs_per_key: found the number 0; expected a whole number from 256 to 1048576"]),
    ("/dpop/proofs_per_key", r#""many""#, &[r#"dpop.proofs_per_key: found the string "many"; expected a whole number from 256 to 1048576"#]),
];
