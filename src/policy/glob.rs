//! Simple expressions, matched without a regular expression engine: literal text, `[^/]+` for one
//! segment, `.*` for any text. Every URI template is one.

/// A simple expression, taken apart.
#[derive(Debug)]
pub(super) struct Glob {
    /// The text before the first segment operator; all text is in lower case where case is ignored.
    first: Box<str>,
    /// The text after each segment operator.
    after_segments: Box<[Box<str>]>,
    /// The text after `.*`, where there is one.
    after_rest: Option<Box<str>>,
    ignore_case: bool,
}

/// A part of a pattern, for an index of patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'p> {
    /// Literal text.
    Text(&'p str),
    /// One segment.
    Segment,
}

/// Where the text may end that fits a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Where the pattern ends.
    Here,
    /// There, or later, with a slash after the pattern.
    Boundary,
    /// Anywhere after it.
    Anywhere,
    /// The pattern says more than the trie holds: that has to be looked at.
    Unsure,
}

const SEGMENT: &str = "[^/]+";
const REST: &str = ".*";

/// More are left to the engine: an index walks as deep as a pattern has segment operators.
const MOST_SEGMENTS: usize = 16;

impl Glob {
    /// Takes the expression apart; `None` when it is not a simple one.
    pub(super) fn new(source: &str) -> Option<Self> {
        let folded = source.strip_prefix("(?i)");
        let mut rest = folded.unwrap_or(source);
        rest = rest.strip_prefix('^').unwrap_or(rest);
        rest = rest.strip_suffix('$').filter(|text| !text.ends_with('\\')).unwrap_or(rest);
        let mut texts = vec![String::new()];
        let mut has_rest = false;
        while let Some(first) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix(SEGMENT).filter(|_| !has_rest) {
                texts.push(String::new());
                rest = after;
                continue;
            }
            if let Some(after) = rest.strip_prefix(REST).filter(|_| !has_rest) {
                has_rest = true;
                texts.push(String::new());
                rest = after;
                continue;
            }
            let (letter, after) = match rest.strip_prefix('\\') {
                Some(escaped) => (escaped.chars().next().filter(|c| is_escapable(*c))?, escaped),
                None => (Some(first).filter(|c| is_literal(*c))?, rest),
            };
            texts.last_mut()?.push(if folded.is_some() {
                letter.to_ascii_lowercase()
            } else {
                letter
            });
            rest = after.get(letter.len_utf8()..)?;
        }
        let mut texts = texts.into_iter().map(String::into_boxed_str);
        // What is no path is left to the engine.
        let first = texts.next().filter(|text| text.starts_with('/'))?;
        let mut after_segments = texts.collect::<Vec<_>>();
        let after_rest = if has_rest { after_segments.pop() } else { None };
        if after_segments.len() > MOST_SEGMENTS {
            return None;
        }
        // A segment operator that takes all up to the next slash has to be right to do so.
        if let Some((last, others)) = after_segments.split_last() {
            let is_last = match &after_rest {
                // What ends the whole can begin in the segment.
                Some(end) => last.starts_with('/') || (last.is_empty() && end.is_empty()),
                None => !is_suffix(last) || !last.contains('/'),
            };
            let is_certain = is_last && others.iter().all(|text| text.starts_with('/'));
            if !is_certain {
                return None;
            }
        }
        let after_segments = after_segments.into();
        Some(Self { first, after_segments, after_rest, ignore_case: folded.is_some() })
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(mut rest) = self.strip(text.as_bytes(), &self.first) else { return false };
        for after in &self.after_segments {
            let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let Some((segment, follows)) = rest.split_at_checked(end) else { return false };
            // A text without a slash is the end of the segment itself, and of everything.
            if is_suffix(after) {
                return follows.is_empty()
                    && segment.len() > after.len()
                    && self.ends_with(segment, after);
            }
            if segment.is_empty() {
                return false;
            }
            let Some(follows) = self.strip(follows, after) else { return false };
            rest = follows;
        }
        match &self.after_rest {
            None => rest.is_empty(),
            // `.` is anything but a line feed.
            Some(end) => self.ends_with(rest, end) && !rest.contains(&b'\n'),
        }
    }

    /// The pattern as far as an index can follow it.
    pub(super) fn steps(&self) -> Vec<Step<'_>> {
        let followed = self.after_segments.iter().filter(|after| !is_suffix(after));
        let after = followed.flat_map(|after| [Step::Segment, Step::Text(after)]);
        std::iter::once(Step::Text(&self.first)).chain(after).collect()
    }

    /// What the steps leave open.
    pub(super) fn ending(&self) -> Ending {
        match &self.after_rest {
            None if self.after_segments.last().is_some_and(|last| is_suffix(last)) => {
                Ending::Unsure
            }
            None => Ending::Here,
            Some(end) if end.is_empty() => Ending::Anywhere,
            Some(_) => Ending::Unsure,
        }
    }

    fn strip<'t>(&self, text: &'t [u8], start: &str) -> Option<&'t [u8]> {
        let (found, rest) = text.split_at_checked(start.len())?;
        self.equals(found, start).then_some(rest)
    }

    fn ends_with(&self, text: &[u8], end: &str) -> bool {
        let at = text.len().checked_sub(end.len());
        at.and_then(|at| text.get(at..)).is_some_and(|found| self.equals(found, end))
    }

    fn equals(&self, found: &[u8], wanted: &str) -> bool {
        super::text::equals(found, wanted.as_bytes(), self.ignore_case)
    }
}

/// Whether the text after a segment operator is still of the same segment.
fn is_suffix(after: &str) -> bool {
    !after.is_empty() && !after.starts_with('/')
}

/// Whether the character stands for itself wherever it stands outside of a class.
const fn is_literal(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
        || matches!(letter, '/' | '_' | '-' | '~' | '%' | '!' | '@' | ':' | ',' | ';' | '=' | '&')
}

/// Whether the character stands for itself after a backslash: `\<` and `\>` do not.
const fn is_escapable(letter: char) -> bool {
    letter.is_ascii_punctuation() && !matches!(letter, '<' | '>')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex_lite::Regex;

    use super::*;

    #[test]
    fn templates_and_simple_expressions_are_globs_and_no_others() {
        for source in [
            "/a",
            "^/a$",
            "(?i)/a/[^/]+",
            "/[^/]+/a/.*",
            r"/.*\.mpd",
            r"/a/[^/]+\.json",
            r"/a\$",
            "/[^/]+.*",
            "/.*/edit",
        ] {
            assert!(Glob::new(source).is_some(), "{source}");
        }
        for source in [
            "",
            ".*",
            "[^/]+",
            "/a+",
            "/[^/]+?",
            "/[^/]+[^/]+",
            "/[^/]+x/y",
            "/[^/]+x.*",
            "/[^/]+.*a",
            "/.*/[^/]+",
            "/.*.*",
            "/.*?",
            "/a|b",
            "(a)",
            r"/\d",
            r"/\<a",
            "/a{2}",
            "/a$b",
            "(?s).*",
            "(?i)(?i)a",
            &"/[^/]+".repeat(17),
        ] {
            assert!(Glob::new(source).is_none(), "{source}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_glob_matches_what_the_expression_matches(
            source in r"(\(\?i\))?\^?(/|a|A|\[\^/\]\+|\.\*|\\\.|/a|/\[\^/\]\+){0,6}\$?",
            text in "[/aA.]{0,8}|\n|(/a){1,3}",
        ) {
            if let Some(glob) = Glob::new(&source) {
                let regex = Regex::new(&format!(r"\A(?:{source})\z")).unwrap();
                prop_assert_eq!(glob.matches(&text), regex.is_match(&text), "{} {}", source, text);
            }
        }
    }
}
