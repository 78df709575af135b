//! Matching of text, with Envoy's names and meanings (`type.matcher.v3.StringMatcher`).

use regex_lite::Regex;

use super::expression::{Expression, Shape};
use super::glob::Glob;

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
    shape: Shape,
    engine: Engine,
}

/// What compares a text with an expression.
#[derive(Debug)]
enum Engine {
    /// Without backtracking or a machine of states, for what needs neither.
    Glob(Glob),
    Regex(Regex),
}

impl FullRegex {
    /// Compiles the expression.
    ///
    /// # Errors
    /// When it is not one, or would need too much memory.
    pub fn new(source: &str) -> Result<Self, regex_lite::Error> {
        let engine = if let Some(glob) = Glob::new(source) {
            Engine::Glob(glob)
        } else {
            // Alone first: what closes a group that it did not open must not pass inside ours.
            Regex::new(source)?;
            Engine::Regex(Regex::new(&format!(r"\A(?:{source})\z"))?)
        };
        Ok(Self { source: source.into(), shape: Expression::new(source).shape(), engine })
    }

    /// The expression as the operator wrote it.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How everything begins that matches.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The expression as a simple one, where it is one.
    pub(super) const fn glob(&self) -> Option<&Glob> {
        match &self.engine {
            Engine::Glob(glob) => Some(glob),
            Engine::Regex(_) => None,
        }
    }

    /// Whether all that `other` matches matches too. `false` when it cannot be told.
    pub fn covers(&self, other: &Self) -> bool {
        // Without regard to case an expression matches more, unless it says what must not match.
        let grows = || !other.source.replace("[^/]", "").contains(['^', '(', '\\']);
        let folded = self.source.strip_prefix("(?i)");
        self.source == other.source || (folded == Some(&*other.source) && grows())
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        match &self.engine {
            Engine::Glob(glob) => glob.matches(text),
            Engine::Regex(regex) => regex.is_match(text),
        }
    }
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
    fn a_regex_cannot_break_out_of_its_anchors() {
        assert!(FullRegex::new("a)|(?:b").is_err());
        assert!(FullRegex::new("(?x)a#").is_err());
        assert!(!FullRegex::new("a|b").unwrap().matches("xb"));
    }
}
