//! Durations as an operator writes them.

use std::time::Duration;

/// How many seconds a unit has.
const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];

/// Reads whole numbers with the units `s`, `m`, `h` and `d`, such as `90s` or `2h30m`.
///
/// Nothing else is a duration here. A lenient reader takes `15M` for fifteen months, and a slip of
/// the shift key would keep a login good for more than a year.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end_of_number = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(end_of_number)?;
        let end_of_unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end_of_unit)?;
        let (_, length) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        seconds = number.parse::<u64>().ok()?.checked_mul(length)?.checked_add(seconds)?;
        rest = after;
    }
    (!text.is_empty()).then_some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("2h30m", 9_000),
            ("1d", 86_400),
            ("0s", 0),
            ("007s", 7),
            ("1h1h", 7_200),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            " ",
            "0",
            "15",
            "s",
            "15M",
            "15 m",
            " 15m",
            "15m ",
            "1 5m",
            "1.5h",
            "-5m",
            "+5m",
            "5ms",
            "5min",
            "15m5",
            "1w",
            "1y",
            "1e3s",
            "\u{661}s",
            "5m\n",
            "five minutes",
            "18446744073709551616s",
            "18446744073709551615d",
            "18446744073709551615s1s",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
