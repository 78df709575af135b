//! Texts of others as YAML, so that each is one scalar, whatever it holds.

use std::fmt::Write as _;

/// Plain words that YAML 1.1 or 1.2 reads as something else than a text.
const RESERVED: [&str; 12] =
    ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "inf", "nan", "infinity"];

/// The text as a scalar, within brackets and in a comment too.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Scalars in brackets.
pub(super) fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    format!("[{}]", texts.into_iter().map(scalar).collect::<Vec<_>>().join(", "))
}

/// Whether every reader takes it for this text without quotes.
fn is_plain(text: &str) -> bool {
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || "-_./:".contains(letter);
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(is_fine)
        && !text.ends_with(':')
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// In double quotes (YAML 1.2 §5.7). What is neither a letter, a digit nor visible ASCII is escaped: line
/// breaks of any kind, and what shows nothing.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(letter);
            }
            ' '..='~' => quoted.push(letter),
            _ if letter.is_alphanumeric() => quoted.push(letter),
            _ => {
                // Text takes whatever is written to it.
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn what_needs_no_quotes_has_none() {
        for (text, expected) in [
            ("https://id.example.com/a", "https://id.example.com/a"),
            ("phr", "phr"),
            ("1", "\"1\""),
            ("yes", "\"yes\""),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a#b", "\"a#b\""),
            ("a:", "\"a:\""),
            ("é\"\\", "\"é\\\"\\\\\""),
            ("a\nb\u{85}\u{2028}", "\"a\\U0000000Ab\\U00000085\\U00002028\""),
        ] {
            assert_eq!(scalar(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_one_scalar(text in any::<String>(), other in "[a-z0-9:/. \"'#\\\\\\n-]{0,12}") {
            for text in [text, other] {
                let yaml = format!("a: [{0}, {{b: {0}}}] # {0}\nc: {0}\n", scalar(&text));
                let value = serde_saphyr::from_str::<Value>(&yaml).unwrap();
                prop_assert_eq!(value, json!({"a": [text, {"b": text}], "c": text}));
            }
        }
    }
}
