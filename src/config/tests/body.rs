//! How bodies are read.

use super::Row;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("/body", "65536", &["body: found the number 65536; expected an object with limit and timeout"]),
    ("/body/nothing_like_it", "1", &["body.nothing_like_it: unknown key; expected one of limit, timeout"]),
    ("/body/limits", "1", &[r#"body.limits: unknown key; did you mean "limit"?"#]),
    ("/body/limit", "0", &["body.limit: found the number 0; expected a whole number from 1 to 1048576"]),
    ("/body/limit", "1048577", &["body.limit: found the number 1048577; expected a whole number from 1 to 1048576"]),
    ("/body/limit", r#""64k""#, &[r#"body.limit: found the string "64k"; expected a whole number from 1 to 1048576"#]),
    ("/body/timeout", "10", &["body.timeout: found the number 10; expected a duration with a unit (s, m, h or d), such as \"90s\", \"15m\" or \"2h30m\""]),
    ("/body/timeout", r#""0s""#, &[r#"body.timeout: found the string "0s"; expected a duration from 1s to 300s"#]),
    ("/body/timeout", r#""6m""#, &[r#"body.timeout: found the string "6m"; expected a duration from 1s to 300s"#]),
];
