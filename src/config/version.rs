//! What tells one configuration from another in logs, audit lines and metrics.

use hmac_sha256::Hash;
use serde_json::Value;

/// How many bytes of the hash are shown: enough to tell the versions of one operator apart.
const SHOWN: usize = 6;

/// The version of a document: the same for the same content, in whichever form and order it comes.
pub(super) fn of(document: &Value) -> Box<str> {
    let mut hash = Hash::new();
    feed(document, &mut hash);
    let hash = hash.finalize();
    base16ct::lower::encode_string(hash.get(..SHOWN).unwrap_or(&hash)).into()
}

/// Puts in a value so that no two different ones put in the same. A document can be long, so it is
/// not written out first.
fn feed(value: &Value, hash: &mut Hash) {
    let text = |text: &str, hash: &mut Hash| {
        // As many bytes in the module as in the command, which would tell another version otherwise.
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(text);
    };
    match value {
        Value::Null => hash.update("n"),
        Value::Bool(value) => hash.update(if *value { "t" } else { "f" }),
        Value::Number(number) => {
            hash.update("#");
            text(&number.to_string(), hash);
        }
        Value::String(value) => {
            hash.update("s");
            text(value, hash);
        }
        Value::Array(items) => {
            hash.update("[");
            for item in items {
                feed(item, hash);
            }
            hash.update("]");
        }
        Value::Object(members) => {
            // In their order, whichever the map keeps.
            let mut members = members.iter().collect::<Vec<_>>();
            members.sort_unstable_by_key(|(name, _)| *name);
            hash.update("{");
            for (name, value) in members {
                text(name, hash);
                feed(value, hash);
            }
            hash.update("}");
        }
    }
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
            json!({"a": [1, [2]], "b": {"c": "d"}}),
            json!({"a": [1, "2"], "b": {"c": "d"}}),
            json!({}),
        ] {
            assert_ne!(of(&other), version, "{other}");
        }
    }
}
