//! Matching of text, with Envoy's names and meanings (`type.matcher.v3.StringMatcher`).

use regex_lite::Regex;

/// How a text has to look.
#[derive(Debug)]
pub struct StringMatch {
    /// What it is compared with.
    pub pattern: TextPattern,
    /// Whether ASCII letters match regardless of case. It does not touch `safe_regex`, as in Envoy.
    pub ignore_case: bool,
}

/// What a text is compared with.
#[derive(Debug)]
pub enum TextPattern {
    /// The whole text.
    Exact(Box<str>),
    /// Its beginning.
    Prefix(Box<str>),
    /// Its end.
    Suffix(Box<str>),
    /// Any part of it.
    Contains(Box<str>),
    /// The whole text, as a regular expression.
    SafeRegex(FullRegex),
}

impl StringMatch {
    /// Whether the text matches.
    pub fn matches(&self, text: &str) -> bool {
        let (text, fold) = (text.as_bytes(), self.ignore_case);
        match &self.pattern {
            TextPattern::Exact(wanted) => equals(text, wanted.as_bytes(), fold),
            TextPattern::Prefix(wanted) => starts_with(text, wanted.as_bytes(), fold),
            TextPattern::Suffix(wanted) => text
                .len()
                .checked_sub(wanted.len())
                .and_then(|at| text.get(at..))
                .is_some_and(|end| equals(end, wanted.as_bytes(), fold)),
            TextPattern::Contains(wanted) => {
                wanted.is_empty()
                    || text.windows(wanted.len()).any(|part| equals(part, wanted.as_bytes(), fold))
            }
            TextPattern::SafeRegex(regex) => {
                std::str::from_utf8(text).is_ok_and(|text| regex.matches(text))
            }
        }
    }

    /// Whether the two match the same texts.
    pub fn same_as(&self, other: &Self) -> bool {
        use TextPattern as P;
        let same = match (&self.pattern, &other.pattern) {
            (P::Exact(a), P::Exact(b))
            | (P::Prefix(a), P::Prefix(b))
            | (P::Suffix(a), P::Suffix(b))
            | (P::Contains(a), P::Contains(b)) => a == b,
            (P::SafeRegex(a), P::SafeRegex(b)) => a.source() == b.source(),
            _ => false,
        };
        same && self.ignore_case == other.ignore_case
    }
}

/// Equality, with or without regard to the case of ASCII letters.
pub(super) fn equals(a: &[u8], b: &[u8], ignore_case: bool) -> bool {
    if ignore_case { a.eq_ignore_ascii_case(b) } else { a == b }
}

/// Whether `text` begins with `prefix`, with or without regard to the case of ASCII letters.
pub(super) fn starts_with(text: &[u8], prefix: &[u8], ignore_case: bool) -> bool {
    text.get(..prefix.len()).is_some_and(|start| equals(start, prefix, ignore_case))
}

/// A regular expression that has to match a whole text, in time linear to its length, as Envoy's
/// RE2 does. Classes such as `\d` are ASCII in both.
#[derive(Debug)]
pub struct FullRegex {
    source: Box<str>,
    literal_start: Box<str>,
    regex: Regex,
}

impl FullRegex {
    /// Compiles the expression.
    ///
    /// # Errors
    /// When it is not one, or would need too much memory.
    pub fn new(source: &str) -> Result<Self, regex_lite::Error> {
        // Alone first: what closes a group that it did not open must not pass inside ours.
        Regex::new(source)?;
        let regex = Regex::new(&format!(r"\A(?:{source})\z"))?;
        Ok(Self { source: source.into(), literal_start: literal_start(source).into(), regex })
    }

    /// The expression as the operator wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Text with which everything that matches begins; it may be empty.
    pub fn literal_start(&self) -> &str {
        &self.literal_start
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// The literal text before the first operator of an expression. Empty where an alternation could
/// lead past it.
fn literal_start(source: &str) -> String {
    let mut literal = String::new();
    if source.contains('|') {
        return literal;
    }
    let mut rest = source.chars().peekable();
    while let Some(next) = rest.next() {
        let letter = match next {
            '\\' => match rest.next() {
                Some(escaped) if escaped.is_ascii_punctuation() => escaped,
                _ => break,
            },
            '.' | '[' | '(' | ')' | '^' | '$' | '?' | '*' | '+' | '{' => break,
            letter => letter,
        };
        // What is repeated may be absent.
        if matches!(rest.peek(), Some('?' | '*' | '+' | '{')) {
            break;
        }
        literal.push(letter);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pattern_means_what_it_means_in_envoy() {
        let check = |pattern, ignore_case, text| StringMatch { pattern, ignore_case }.matches(text);
        assert!(check(TextPattern::Exact("Ab".into()), false, "Ab"));
        assert!(!check(TextPattern::Exact("Ab".into()), false, "ab"));
        assert!(check(TextPattern::Exact("Ab".into()), true, "aB"));
        assert!(check(TextPattern::Prefix("ab".into()), false, "abc"));
        assert!(!check(TextPattern::Prefix("abc".into()), false, "ab"));
        assert!(check(TextPattern::Suffix("bc".into()), true, "aBC"));
        assert!(!check(TextPattern::Suffix("abc".into()), false, "bc"));
        assert!(check(TextPattern::Contains("b".into()), false, "abc"));
        assert!(check(TextPattern::Contains("".into()), false, ""));
        assert!(!check(TextPattern::Contains("x".into()), true, "abc"));
        let regex = |source| TextPattern::SafeRegex(FullRegex::new(source).unwrap());
        assert!(check(regex("a|ab"), false, "ab"));
        assert!(!check(regex("a"), false, "ab"));
        assert!(!check(regex("a$"), false, "a\n"));
    }

    #[test]
    fn everything_that_matches_a_regex_begins_with_its_literal_start() {
        for (source, expected) in [
            ("/api/[^/]+", "/api/"),
            (r"/a\.b\-c/.*", "/a.b-c/"),
            ("/api/v1", "/api/v1"),
            ("/apis?/x", "/api"),
            ("/apis*", "/api"),
            ("/ap(i)", "/ap"),
            ("/api{2}", "/ap"),
            (r"/a\d", "/a"),
            ("/a|/b", ""),
            ("/a(b|c)", ""),
            ("(?i)/a", ""),
            (".*", ""),
            ("", ""),
        ] {
            assert_eq!(FullRegex::new(source).unwrap().literal_start(), expected, "{source}");
        }
    }

    #[test]
    fn a_regex_cannot_break_out_of_its_anchors() {
        assert!(FullRegex::new("a)|(?:b").is_err());
        assert!(FullRegex::new("(?x)a#").is_err());
        assert!(!FullRegex::new("a|b").unwrap().matches("xb"));
    }
}
