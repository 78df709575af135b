//! What tells one configuration from another in logs, audit lines and metrics.

use std::fmt::Write as _;

use hmac_sha256::Hash;
use serde_json::Value;

/// How many bytes of the hash are shown: enough to tell the versions of one operator apart.
const SHOWN: usize = 6;

/// The version of a document: the same for the same content, in whichever form and order it comes.
pub(super) fn of(document: &Value) -> Box<str> {
    let mut sorted = document.clone();
    sorted.sort_all_objects();
    let hash = Hash::hash(sorted.to_string().as_bytes());
    let mut text = String::with_capacity(SHOWN.saturating_mul(2));
    for byte in hash.iter().take(SHOWN) {
        // Text takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{compile, source};
    use serde_json::json;

    #[test]
    fn the_same_content_has_the_same_version_in_any_form() {
        let document = json!({"policies": {"open": {"public": true}}, "default": "open"});
        let text = r#"{ "default" : "open", "policies":{"open":{"public":true}}}"#;
        let version = compile(text.as_bytes()).unwrap().version;
        assert_eq!(version, compile(&source::tests::struct_bytes(&document)).unwrap().version);
        assert_eq!(version.len(), 12);
        assert!(version.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn any_change_is_another_version() {
        let version = of(&json!({"a": [1, 2], "b": {"c": "d"}}));
        for other in [
            json!({"a": [2, 1], "b": {"c": "d"}}),
            json!({"a": [1, 2], "b": {"c": "D"}}),
            json!({"a": [1, 2], "b": {"c": "d", "e": null}}),
            json!({}),
        ] {
            assert_ne!(of(&other), version, "{other}");
        }
    }
}
