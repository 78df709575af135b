//! How long an answer may be kept, as its server says (RFC 9111).

use std::time::Duration;

use crate::request::Headers;

/// The `max-age` of `Cache-Control` (RFC 9111 §5.2.2.1), if there is one that can be read. Several
/// lines are one list (RFC 9110 §5.3), names compare without case, and the first of several counts
/// (RFC 9111 §4.2.1).
pub(super) fn max_age(headers: &Headers) -> Option<Duration> {
    let lines = headers.values("cache-control").filter_map(|line| std::str::from_utf8(line).ok());
    let mut arguments = lines.flat_map(directives).filter_map(|directive| {
        let (name, argument) = directive.split_once('=')?;
        name.trim().eq_ignore_ascii_case("max-age").then(|| argument.trim())
    });
    arguments.find_map(seconds)
}

/// The directives of a line. A comma within quotes parts nothing.
fn directives(line: &str) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    line.split(move |character| {
        let escapes = in_quotes && !is_escaped && character == '\\';
        if character == '"' && !is_escaped {
            in_quotes = !in_quotes;
        }
        is_escaped = escapes;
        character == ',' && !in_quotes
    })
}

/// A number of seconds, bare or quoted. One that is too large is a long time (RFC 9111 §1.2.2).
fn seconds(argument: &str) -> Option<Duration> {
    let bare = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let digits = bare.unwrap_or(argument);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().map_or(Duration::MAX, Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_found_as_caches_find_it() {
        for (lines, expected) in [
            (&["max-age=120"][..], Some(120)),
            (&["public, max-age=120, must-revalidate"], Some(120)),
            (&["max-age=\"120\""], Some(120)),
            (&["Max-Age=120"], Some(120)),
            (&["public,MAX-AGE=120"], Some(120)),
            (&["public", "max-age=120"], Some(120)),
            (&["no-transform", "public", "x, max-age=120"], Some(120)),
            (&["max-age=120", "max-age=60"], Some(120)),
            (&["max-age=120, max-age=60"], Some(120)),
            (&["private=\"a, max-age=1\", max-age=120"], Some(120)),
            (&["x=\"\\\", max-age=1\", max-age=120"], Some(120)),
            (&["max-age=99999999999999999999"], Some(Duration::MAX.as_secs())),
            (&["max-age=x"], None),
            (&["max-age=-1"], None),
            (&["max-age=+1"], None),
            (&["max-age="], None),
            (&["max-age"], None),
            (&["s-maxage=5, x-max-age=5"], None),
            (&["\u{e4}\"max-age=5"], None),
            (&[""], None),
            (&[], None),
        ] {
            let pairs =
                lines.iter().map(|line| ("cache-control".to_owned(), line.as_bytes().into()));
            let found = max_age(&Headers::new(pairs.collect())).map(|age| age.as_secs());
            assert_eq!(found, expected, "{lines:?}");
        }
    }
}
