//! Values of properties, as Envoy hands them out: bytes without a type.
//!
//! Measured with Envoy 1.40: a string comes as its bytes, a number as the eight bytes of a double,
//! a boolean as one byte, a list as pairs of an item and nothing, an object as pairs of name and
//! value. Null cannot be read, nor what holds it. Nothing tells an empty string from none. So what
//! a value is depends on what is expected; what is something else in most cases shows as such.

use serde_json::{Map, Number, Value};

/// Reads a string. The other types hold control characters: the count of pairs has a zero byte,
/// booleans are one, and so are most numbers or they are no UTF-8.
pub fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.chars().any(char::is_control)).then_some(text)
}

/// Reads a number.
///
/// Strings of eight bytes are none. A string with control characters may pass for a number, but not
/// for a time of today: of a double from 2^29 to 2^33, the last two bytes are no UTF-8, and Envoy's
/// strings are.
pub fn number(bytes: &[u8]) -> Option<f64> {
    if text(bytes).is_some() {
        return None;
    }
    bytes.try_into().ok().map(f64::from_le_bytes)
}

/// Reads the pairs of a list or an object: how many there are, the two lengths of each, then the
/// bytes of each with a zero byte after them.
pub fn pairs(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    /// The bytes of the two lengths of a pair.
    const LENGTHS: usize = 8;
    let mut rest = bytes;
    let count = take_length(&mut rest)?;
    let (mut lengths, mut rest) = rest.split_at_checked(count.checked_mul(LENGTHS)?)?;
    let mut pairs = Vec::with_capacity(count);
    while !lengths.is_empty() {
        let (name, value) = (take_length(&mut lengths)?, take_length(&mut lengths)?);
        pairs.push((take_part(&mut rest, name)?, take_part(&mut rest, value)?));
    }
    rest.is_empty().then_some(pairs)
}

/// Whether this is how the proxy writes a JSON value: as the types above, numbers as doubles. What
/// holds a null is never written.
pub fn is_written(bytes: &[u8], value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => bytes == [u8::from(*value)],
        Value::Number(value) => is_written_number(bytes, value),
        Value::String(text) => bytes == text.as_bytes(),
        Value::Array(items) => pairs(bytes).is_some_and(|pairs| {
            let fits = |((item, nothing), value): (&(&[u8], &[u8]), &Value)| {
                nothing.is_empty() && is_written(item, value)
            };
            pairs.len() == items.len() && pairs.iter().zip(items).all(fits)
        }),
        Value::Object(members) => are_members(bytes, members, is_written),
    }
}

/// Whether these are pairs of the members of an object, in any order, each as `fits` says.
pub fn are_members(
    bytes: &[u8],
    members: &Map<String, Value>,
    fits: impl Fn(&[u8], &Value) -> bool,
) -> bool {
    let member = |name| std::str::from_utf8(name).ok().and_then(|name| members.get(name));
    pairs(bytes).is_some_and(|pairs| {
        pairs.len() == members.len()
            && pairs.iter().all(|(name, bytes)| member(*name).is_some_and(|m| fits(bytes, m)))
    })
}

fn is_written_number(bytes: &[u8], value: &Number) -> bool {
    /// Two parsers can read one fraction as neighbouring doubles.
    const TOLERANCE: f64 = 4.0 * f64::EPSILON;
    // A whole number is read as the same double by all.
    let is_fraction = value.as_f64().is_some_and(|value| value.fract() != 0.0);
    let tolerance = if is_fraction { TOLERANCE } else { 0.0 };
    let found = bytes.try_into().ok().map(f64::from_le_bytes);
    let close = |(found, value): (f64, f64)| (found - value).abs() <= value.abs() * tolerance;
    found.zip(value.as_f64()).is_some_and(close)
}

/// Whether a list of strings is this text, split at its spaces.
pub fn are_words(bytes: &[u8], text: &str) -> bool {
    let words =
        text.split(' ').filter(|word| !word.is_empty()).map(|word| (word.as_bytes(), &[][..]));
    pairs(bytes).is_some_and(|pairs| pairs.into_iter().eq(words))
}

/// Writes pairs as [`pairs`] reads them: headers, objects and lists have this form.
pub fn write_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Vec<u8> {
    // Nothing that a proxy holds is anywhere near as long as such a number can tell.
    let number = |length| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    let (mut count, mut lengths, mut parts) = (0_usize, Vec::new(), Vec::new());
    for (name, value) in pairs {
        count = count.saturating_add(1);
        for part in [name.as_ref(), value.as_ref()] {
            lengths.extend(number(part.len()));
            parts.extend_from_slice(part);
            parts.push(0);
        }
    }
    [&number(count)[..], &lengths, &parts].concat()
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let (length, after) = rest.split_first_chunk()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*length)).ok()
}

fn take_part<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (part, after) = rest.split_at_checked(length)?;
    *rest = after.strip_prefix(&[0])?;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_envoy_was_seen_to_write_is_read() {
        let list = b"\x02\0\0\0\x03\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0pwd\0\0otp\0\0";
        assert_eq!(pairs(list), Some(vec![(&b"pwd"[..], &b""[..]), (b"otp", b"")]));
        let object = b"\x01\0\0\0\x03\0\0\0\x05\0\0\0jkt\0thumb\0";
        assert_eq!(pairs(object), Some(vec![(&b"jkt"[..], &b"thumb"[..])]));
        assert_eq!(pairs(&[0, 0, 0, 0]), Some(vec![]));
        assert_eq!(number(&[0, 0, 0xc0, 0x31, 0x42, 0xc1, 0xda, 0x41]), Some(1_795_492_039.0));
        assert_eq!(number(&[0; 8]), Some(0.0));
        assert_eq!(text("ä€".as_bytes()), Some("ä€"));
    }

    #[test]
    fn one_type_is_not_taken_for_another() {
        for bytes in [&b"\x01"[..], b"\0", &[0; 8], &1_f64.to_le_bytes(), b"\0\0\0\0", b"a\0b"] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
        for bytes in [&b"12345678"[..], b"", b"1", b"\x01", b"123456789", b"\0\0\0\0"] {
            assert_eq!(number(bytes), None, "{bytes:?}");
        }
        for bytes in [
            &b""[..],
            b"abc",
            b"12345678",
            b"\x01\0\0\0",
            b"\xff\xff\xff\xff",
            b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x01\0\0\0\x01\0\0\0\0\0\0\0ab\0",
            b"\x01\0\0\0\x01\0\0\0\0\0\0\0a\0\0more",
            b"\x01\0\0\0\x01\0\0\0\0\0\0\0a\0",
        ] {
            assert_eq!(pairs(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn only_fractions_are_read_in_two_ways() {
        use serde_json::json;
        let written = 1_234_567_890_123_456_f64.to_le_bytes();
        assert!(is_written(&written, &json!(1_234_567_890_123_456_u64)));
        for other in [json!(1_234_567_890_123_457_u64), json!(1_234_567_890_123_457.0)] {
            assert!(!is_written(&written, &other), "{other}");
        }
        let fraction = 0.1_f64.to_le_bytes();
        assert!(is_written(&fraction, &json!(0.100_000_000_000_000_02)));
        assert!(!is_written(&fraction, &json!(0.100_000_1)));
    }

    #[test]
    fn a_value_is_known_again_and_no_other_is() {
        use serde_json::json;
        let list = write_pairs([(b"pwd", b""), (b"otp", b"")]);
        let inner = write_pairs([(b"n", &1.5_f64.to_le_bytes())]);
        let object = write_pairs([(b"b", &b"\x01"[..]), (b"a", &inner)]);
        let number = 1_795_492_039_f64.to_le_bytes();
        for (bytes, value, others) in [
            (&b"a"[..], json!("a"), [json!("b"), json!(["a"]), json!(null), json!("")]),
            (b"", json!(""), [json!(null), json!("a"), json!([]), json!(0)]),
            (b"\x01", json!(true), [json!(false), json!(1), json!("1"), json!([true])]),
            (
                &number,
                json!(1_795_492_039),
                [json!(1_795_492_040), json!("1795492039"), json!(0), json!(-1)],
            ),
            (
                &list,
                json!(["pwd", "otp"]),
                [
                    json!(["otp", "pwd"]),
                    json!(["pwd"]),
                    json!("pwd otp"),
                    json!({"pwd": "", "otp": 1}),
                ],
            ),
            (
                &object,
                json!({"a": {"n": 1.5}, "b": true}),
                [
                    json!({"a": {"n": 1.5}}),
                    json!({"a": {"n": 1.5}, "b": null}),
                    json!({"a": {"n": 2}, "b": true}),
                    json!({"a": {"n": 1.5}, "c": true}),
                ],
            ),
        ] {
            assert!(is_written(bytes, &value), "{value}");
            for other in others {
                assert!(!is_written(bytes, &other), "{value} is not {other}");
            }
        }
        assert!(is_written(&(0.1_f64 + 0.2).to_le_bytes(), &json!(0.3)));
        assert!(!is_written(
            &9_007_199_254_740_992_f64.to_le_bytes(),
            &json!(9_007_199_254_740_994_u64)
        ));
        assert!(are_words(&list, "pwd otp") && are_words(&list, " pwd  otp "));
        assert!(
            !are_words(&list, "pwd") && !are_words(&list, "otp pwd") && !are_words(b"pwd", "pwd")
        );
    }

    proptest! {
        #[test]
        fn no_string_is_a_time_of_today(text in "\\PC{1,8}|[\\x00-\\x7f]{8}|[\\x00-\\u{7ff}]{4,8}") {
            if let Some(number) = number(text.as_bytes()) {
                prop_assert!(!(2_f64.powi(29)..2_f64.powi(33)).contains(&number), "{number}");
            }
        }

        #[test]
        fn pairs_are_read_back_and_are_no_text(
            list in proptest::collection::vec((".{0,9}", ".{0,9}"), 0..5),
        ) {
            let list = list.iter().map(|(a, b)| (a.as_bytes(), b.as_bytes())).collect::<Vec<_>>();
            let bytes = write_pairs(list.iter().copied());
            prop_assert_eq!(text(&bytes), None);
            prop_assert_eq!(number(&bytes), None);
            prop_assert_eq!(pairs(&bytes), Some(list));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(0_u8..4, 0..40)) {
            let _ = (text(&bytes), number(&bytes), pairs(&bytes));
        }
    }
}
