//! Numbers as JSON writes them, taken only where nothing is lost.

use serde::de::IgnoredAny;

/// The most digits that a double always keeps.
const DIGITS: usize = 15;
/// Every whole number below is a double, and no two are the same one.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A number in the notation of JSON (RFC 8259 §6), as a double that loses nothing of it: it has 15
/// significant digits at most, or is a whole number below 2^53. `None` for any other text.
pub(crate) fn exact(text: &str) -> Option<f64> {
    let number = read(text)?;
    let (mantissa, _) = text.split_once(['e', 'E']).unwrap_or((text, ""));
    let digits = mantissa.chars().filter(char::is_ascii_digit).collect::<String>();
    let significant = digits.trim_matches('0').len();
    let is_zero = significant == 0;
    let is_whole = !text.contains(['.', 'e', 'E']) && number.abs() < LARGEST_WHOLE;
    // What is too small for a double becomes 0, or loses digits.
    let is_normal = number.is_normal() || is_zero;
    (number.is_finite() && is_normal && (significant <= DIGITS || is_whole)).then_some(number)
}

/// A double without a fraction, as a whole number.
pub(crate) fn whole(number: f64) -> Option<i64> {
    let fits = number.fract() == 0.0 && number.abs() < LARGEST_WHOLE;
    // The text of such a number is that of the whole number.
    if fits { format!("{number:.0}").parse().ok() } else { None }
}

/// A whole number in the notation of JSON, without an exponent.
pub(crate) fn integer(text: &str) -> Option<i64> {
    if is_json(text) { text.parse().ok() } else { None }
}

/// Whether it is a number in the notation of JSON (RFC 8259 §6), of any size. Rust also reads `inf`,
/// `nan`, `+1` and `.5`.
pub(crate) fn is_json(text: &str) -> bool {
    let is_part =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
    // Its value is not looked at, only its notation.
    text.bytes().all(is_part) && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn read(text: &str) -> Option<f64> {
    if is_json(text) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_where_nothing_is_lost() {
        for (text, expected) in [
            ("0", 0.0),
            ("-0.0", 0.0),
            ("1000", 1000.0),
            ("1000.00", 1000.0),
            ("0.1", 0.1),
            ("1e3", 1000.0),
            ("1.5E-3", 0.0015),
            ("123456789012345", 123_456_789_012_345.0),
            ("9007199254740991", 9_007_199_254_740_991.0),
            ("100000000000000000000", 1e20),
            ("0.000000000000000000001", 1e-21),
        ] {
            assert_eq!(exact(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_number_that_a_double_would_change_is_none() {
        for text in [
            "1000.0000000000001",
            "0.1000000000000000055",
            "9007199254740992",
            "9007199254740993",
            "1e400",
            "-1e400",
            "1e-400",
            "5e-324",
            "2.2250738585072011e-308",
        ] {
            assert_eq!(exact(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_notation_of_json_is_a_number() {
        for text in [
            "", " 1", "1 ", "+1", "01", ".5", "5.", "1e", "0x10", "1_000", "inf", "Infinity",
            "nan", "NaN", "1,5", "--1", "1.2.3", "\u{661}", "true", "null", "1\n",
        ] {
            assert_eq!(exact(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_double_without_a_fraction_is_whole() {
        assert_eq!(whole(-3.0), Some(-3));
        assert_eq!(whole(9_007_199_254_740_991.0), Some(9_007_199_254_740_991));
        for number in [0.5, 9_007_199_254_740_992.0, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(number), None);
        }
    }
}
