//! What can be told of a regular expression from its text, without running it.

/// A regular expression, taken apart as far as rules need it.
#[derive(Debug)]
pub struct Expression<'s> {
    source: &'s str,
    parts: Vec<(usize, Part)>,
}

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// A character that stands for itself.
    Literal(char),
    /// What repeats the part before it, by its first character.
    Repeat(char),
    /// `.`
    Any,
    /// `^`
    Start,
    /// `$`
    End,
    /// `|` outside of groups.
    Bar,
    /// `(?i)`
    IgnoreCase,
    /// Other flags, such as `(?s)`.
    Flags,
    /// `)`
    Close,
    /// Anything else: groups, classes, other escapes.
    Other,
}

/// What follows the literal text with which everything begins that an expression matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing.
    Nothing,
    /// Any text.
    Anything,
    /// It cannot be told.
    Unknown,
}

/// How everything begins that an expression, or one of its alternatives, matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The text; it may be empty.
    pub literal: Box<str>,
    /// What follows it.
    pub rest: Rest,
    /// Whether ASCII letters match regardless of case.
    pub ignore_case: bool,
}

impl<'s> Expression<'s> {
    /// Takes a valid expression apart.
    pub fn new(source: &'s str) -> Self {
        let mut parts = Vec::new();
        let mut depth = 0_usize;
        let mut rest = source;
        while let Some(first) = rest.chars().next() {
            let at = source.len().saturating_sub(rest.len());
            let (part, length) = match first {
                '\\' => escape(rest),
                '[' => (Part::Other, class_length(rest)),
                '(' if rest.starts_with("(?i)") => (Part::IgnoreCase, "(?i)".len()),
                '(' => {
                    let (opens, length) = group_length(rest);
                    depth = depth.saturating_add(usize::from(opens));
                    (if opens { Part::Other } else { Part::Flags }, length)
                }
                ')' => {
                    depth = depth.saturating_sub(1);
                    (Part::Close, 1)
                }
                '{' => (Part::Repeat('{'), rest.find('}').map_or(1, |end| end.saturating_add(1))),
                '?' | '*' | '+' => (Part::Repeat(first), 1),
                '.' => (Part::Any, 1),
                '^' => (Part::Start, 1),
                '$' => (Part::End, 1),
                '|' if depth == 0 => (Part::Bar, 1),
                '|' => (Part::Other, 1),
                letter => (Part::Literal(letter), letter.len_utf8()),
            };
            parts.push((at, part));
            rest = rest.get(length..).unwrap_or_default();
        }
        Self { source, parts }
    }

    /// How everything begins that the whole expression matches.
    pub fn shape(&self) -> Shape {
        if self.parts.iter().any(|(_, part)| *part == Part::Bar) {
            return Shape { literal: "".into(), rest: Rest::Unknown, ignore_case: false };
        }
        shape(&self.parts)
    }

    /// The alternatives outside of groups, each with its text. There is at least one.
    pub fn alternatives(&self) -> impl Iterator<Item = (&'s str, Shape)> {
        let ignore_case = self.ignores_case();
        self.parts.split(|(_, part)| *part == Part::Bar).map(move |parts| {
            let start = parts.first().map_or(0, |(at, _)| *at);
            let text = self.source.get(start..).unwrap_or_default();
            let next = parts.last().map_or(start, |(at, _)| *at);
            // The bar after the alternative, if there is one.
            let end = self.parts.iter().find(|(at, part)| *at > next && *part == Part::Bar);
            let length = end.map_or(text.len(), |(at, _)| at.saturating_sub(start));
            let shape = shape(parts);
            (text.get(..length).unwrap_or_default(), Shape { ignore_case, ..shape })
        })
    }

    /// The literal texts between operators.
    pub fn literals(&self) -> Vec<String> {
        let mut runs = vec![String::new()];
        for (_, part) in &self.parts {
            match (part, runs.last_mut()) {
                (Part::Literal(letter), Some(run)) => run.push(*letter),
                _ => runs.push(String::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    /// Whether the expression begins with `(?i)`.
    pub fn ignores_case(&self) -> bool {
        matches!(self.parts.first(), Some((_, Part::IgnoreCase)))
    }

    /// Whether it is written as for a search: with `^`, and with nothing that says where it ends.
    pub fn is_for_search(&self) -> bool {
        let mut parts = self.parts.iter().map(|(_, part)| *part);
        if parts.find(|part| *part != Part::IgnoreCase) != Some(Part::Start) {
            return false;
        }
        let mut ending = parts.rev().skip_while(|p| matches!(p, Part::Close | Part::Repeat('?')));
        !matches!(
            (ending.next(), ending.next()),
            (Some(Part::End), _) | (Some(Part::Repeat('*' | '+')), Some(Part::Any))
        )
    }
}

/// The shape of an expression without a bar.
fn shape(parts: &[(usize, Part)]) -> Shape {
    let mut rest = parts.iter().map(|(_, part)| *part).peekable();
    let ignore_case = rest.next_if_eq(&Part::IgnoreCase).is_some();
    rest.next_if_eq(&Part::Start);
    let mut literal = String::new();
    while let Some(Part::Literal(letter)) = rest.peek().copied() {
        let mut ahead = rest.clone();
        ahead.next();
        // What is repeated may be absent. The engine looks for it before flags too.
        let mut after = ahead.clone();
        while after.next_if(|part| matches!(part, Part::IgnoreCase | Part::Flags)).is_some() {}
        if matches!(after.peek(), Some(Part::Repeat(_))) {
            break;
        }
        literal.push(letter);
        rest = ahead;
    }
    let rest = match rest.collect::<Vec<_>>().as_slice() {
        [] | [Part::End] => Rest::Nothing,
        [Part::Any, Part::Repeat('*')] | [Part::Any, Part::Repeat('*'), Part::End] => {
            Rest::Anything
        }
        _ => Rest::Unknown,
    };
    Shape { literal: literal.into(), rest, ignore_case }
}

/// An escape, and its length.
fn escape(rest: &str) -> (Part, usize) {
    let Some(letter) = rest.chars().nth(1) else { return (Part::Other, 1) };
    let length = letter.len_utf8().saturating_add(1);
    // `\<` and `\>` are where words begin and end.
    if (letter.is_ascii_punctuation() && !matches!(letter, '<' | '>')) || letter == ' ' {
        return (Part::Literal(letter), length);
    }
    let after = rest.get(length..).unwrap_or_default();
    let digits = match letter {
        'x' | 'u' | 'U' | 'p' | 'P' if after.starts_with('{') => {
            after.find('}').map_or(0, |end| end.saturating_add(1))
        }
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    (Part::Other, length.saturating_add(digits))
}

/// How long the class is with which the text begins.
fn class_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut may_close = false;
    let mut before = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        let is_first = before.replace(letter) == Some('[');
        match letter {
            '\\' => {
                letters.next();
                may_close = true;
            }
            '[' => {
                depth = depth.saturating_add(1);
                may_close = false;
            }
            // The first member may be a bracket.
            ']' if may_close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at.saturating_add(1);
                }
            }
            '^' if is_first && !may_close => {}
            _ => may_close = true,
        }
    }
    text.len()
}

/// Whether the text begins with a group that has to be closed, or with flags; and how long what
/// opens it is.
fn group_length(text: &str) -> (bool, usize) {
    if !text.starts_with("(?") {
        return (true, 1);
    }
    let end = text.find([':', '>', ')']).unwrap_or(text.len());
    let is_flags = text.get(end..).is_some_and(|rest| rest.starts_with(')'));
    (!is_flags, end.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_matches_begins_with_the_literal_text() {
        use Rest::{Anything, Nothing, Unknown};
        for (source, literal, rest) in [
            ("/api/[^/]+", "/api/", Unknown),
            (r"/a\.b\-c/.*", "/a.b-c/", Anything),
            ("/api/v1", "/api/v1", Nothing),
            ("^/api$", "/api", Nothing),
            ("(?i)^/api.*$", "/api", Anything),
            ("/apis?/x", "/api", Unknown),
            ("/apis*", "/api", Unknown),
            ("/ap(i)", "/ap", Unknown),
            ("/api{2}", "/ap", Unknown),
            (r"/a\d", "/a", Unknown),
            (r"/a\x41", "/a", Unknown),
            ("/a.*b", "/a", Unknown),
            ("/a.+", "/a", Unknown),
            ("/a(b|c)", "/a", Unknown),
            ("/a|/b", "", Unknown),
            ("(?s)/a", "", Unknown),
            ("^*/a", "", Unknown),
            (".*", "", Anything),
            ("", "", Nothing),
        ] {
            let shape = Expression::new(source).shape();
            assert_eq!((&*shape.literal, shape.rest), (literal, rest), "{source}");
            assert_eq!(shape.ignore_case, source.starts_with("(?i)"), "{source}");
        }
    }

    #[test]
    fn alternatives_stand_outside_of_groups_and_classes() {
        let texts = |source| {
            let expression = Expression::new(source);
            expression.alternatives().map(|(text, _)| text.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts("/a|/b|c"), ["/a", "/b", "c"]);
        assert_eq!(texts("/a(b|c)[|]\\||d"), ["/a(b|c)[|]\\|", "d"]);
        assert_eq!(texts("(?:a|b)(?P<n>c|d)|(?s)e"), ["(?:a|b)(?P<n>c|d)", "(?s)e"]);
        assert_eq!(texts(""), [""]);
    }

    #[test]
    fn literals_leave_out_what_operators_are_made_of() {
        for (source, expected) in [
            (r"/a b\?[^ {]+{2,3}c", &["/a b?", "c"][..]),
            (r"(?P<name>x)(?:y)(?i:z)", &["x", "y", "z"]),
            (r"[]a]b[^]a]c[[:alpha:]]d[\]]e", &["b", "c", "d", "e"]),
            (r"a[^^]b[^^^]c[^]^]d[^-^]e[[^a]^]f", &["a", "b", "c", "d", "e", "f"]),
            (r"a\x20b\x{e9}c\d", &["a", "b", "c"]),
        ] {
            assert_eq!(Expression::new(source).literals(), expected, "{source}");
        }
    }

    #[test]
    fn a_search_begins_with_a_caret_and_ends_anywhere() {
        for source in ["^/a", "(?i)^/a", r"^/a\$", "^/a|/b", "^/a/[^/]+"] {
            assert!(Expression::new(source).is_for_search(), "{source}");
        }
        for source in ["/a", "^/a$", "^/a.*", "^/a(/.*)?", "^/a/(.+)", "[^/]+", "^/a|/b$"] {
            assert!(!Expression::new(source).is_for_search(), "{source}");
        }
    }
}
