//! Numbers that every reader takes for the same.
//!
//! RFC 8259 §6: readers that use doubles agree on integers of up to 53 bits. A decimal of 15 digits
//! comes back from a double as it was written (`DBL_DIG` of the C standard); one with more may not, and
//! an application that reads decimals would see another number than the condition.

/// The digits that a double keeps of every decimal.
const DIGITS: usize = 15;

/// The greatest integer up to which all are doubles.
const GREATEST: u64 = 1 << 53;

/// Whether a double gives back the number whose text begins with `first`. Of what is no number, it says
/// nothing that matters: the parser refuses it.
pub(super) fn is_exact(first: u8, more: &[u8]) -> bool {
    let is_exponent = |byte: &u8| matches!(byte, b'e' | b'E');
    let length = more.iter().take_while(|byte| !is_exponent(byte)).count();
    let (mantissa, exponent) = more.split_at_checked(length).unwrap_or_default();
    let mut digits = std::iter::once(first)
        .chain(mantissa.iter().copied())
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0')
        .collect::<Vec<_>>();
    while digits.pop_if(|digit| *digit == b'0').is_some() {}
    if digits.is_empty() {
        return true;
    }
    let text = [&[first], more].concat();
    let Some(number) = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<f64>().ok())
    else {
        return true;
    };
    if digits.len() <= DIGITS {
        // A subnormal has fewer digits; zero and infinity have none.
        return number.is_normal();
    }
    // Beyond that, integers only, and only as they are usually written.
    let is_plain = exponent.is_empty() && !mantissa.contains(&b'.');
    let integer = text.strip_prefix(b"-").unwrap_or(&text);
    let integer = std::str::from_utf8(integer).ok().and_then(|text| text.parse::<u64>().ok());
    is_plain && integer.is_some_and(|integer| integer <= GREATEST)
}
