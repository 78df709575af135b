//! Where in the text something stands that has a place in a configuration or a document.

use std::ops::Range;

use crate::cli::document::{Configuration, Content, Documents, Found, Tree};
use crate::cli::place::Place;
use crate::json;

/// The keys whose values are expressions. Messages about these tell a line and a column in them.
const EXPRESSIONS: [&str; 4] = ["when", "count", "first_seen", "per"];

/// The text of a scalar, decoded, and where each byte of that comes from.
#[derive(Debug)]
struct Decoded {
    text: String,
    /// For each byte of the text, and for its end.
    from: Vec<usize>,
}

/// A configuration, to find places in.
#[derive(Debug)]
pub(super) struct Inside<'d> {
    text: &'d str,
    outer: Found<'d>,
    /// Whether the configuration is given as text.
    is_text: bool,
    /// Then, what that says, with places in it.
    inner: Option<(Tree, Decoded)>,
}

impl<'d> Inside<'d> {
    pub(super) fn new(
        text: &'d str,
        documents: &'d Documents,
        configuration: &Configuration<'d>,
    ) -> Option<Self> {
        let outer = documents.tree(configuration.document)?.at(&configuration.place);
        let is_text = matches!(configuration.content(), Content::Text(_));
        let inner = if is_text { Self::inner(text, outer) } else { None };
        Some(Self { text, outer, is_text, inner })
    }

    fn inner(text: &str, outer: Found<'_>) -> Option<(Tree, Decoded)> {
        let (decoded, span) = outer.tree().scalar()?;
        let decoded = Decoded::new(decoded, text, span.start)?;
        json::parse(decoded.text.as_bytes()).ok()?;
        let documents = Documents::read(&decoded.text).ok()?;
        Some((documents.tree(0)?.clone(), decoded))
    }

    /// Where the part of the text is that a message about a place in the configuration is about, and
    /// the message, less what the part shows.
    pub(super) fn locate(&self, path: &str, message: &str) -> (Option<Range<usize>>, String) {
        let whole = || (self.outer.mark(self.text), message.to_owned());
        match &self.inner {
            None if self.is_text => {
                json_place(self.text, self.outer, message).unwrap_or_else(whole)
            }
            None => {
                let found = self.outer.inside(path);
                within(self.text, found, path, message)
            }
            Some((tree, decoded)) => {
                let found = tree.at(&Place::default()).inside(path);
                let (span, message) = within(&decoded.text, found, path, message);
                let span = span.and_then(|span| decoded.outer(&span));
                span.map_or_else(whole, |span| (Some(span), message))
            }
        }
    }
}

/// Where a place in the document stands.
pub(super) fn outside(text: &str, tree: &Tree, place: &Place) -> Option<Range<usize>> {
    let found = tree.at(place);
    found.key().or_else(|| found.mark(text))
}

fn within(
    text: &str,
    found: Found<'_>,
    path: &str,
    message: &str,
) -> (Option<Range<usize>>, String) {
    let key = path.rsplit('.').next().unwrap_or_default();
    if found.is_whole()
        && EXPRESSIONS.contains(&key)
        && let Some((line, column, rest)) = expression_place(message)
        && let Some(span) = in_expression(text, found, line, column)
    {
        return (Some(span), rest.to_owned());
    }
    let is_of_key = found.is_whole() && message.starts_with("unknown key");
    let span = if is_of_key { found.key() } else { found.mark(text) };
    (span, message.to_owned())
}

/// The place that a message about an expression begins with, and the rest.
fn expression_place(message: &str) -> Option<(usize, usize, &str)> {
    let (line, rest) = match message.strip_prefix("line ") {
        Some(rest) => {
            let (line, rest) = rest.split_once(", ")?;
            (line.parse().ok()?, rest)
        }
        None => (1, message),
    };
    let (column, rest) = rest.strip_prefix("column ")?.split_once(": ")?;
    Some((line, column.parse().ok()?, rest))
}

/// The place where the text of a configuration is no JSON, and the message less that place.
fn json_place(
    text: &str,
    found: Found<'_>,
    message: &str,
) -> Option<(Option<Range<usize>>, String)> {
    let (message, place) = message.rsplit_once(" at line ")?;
    let (line, column) = place.split_once(" column ")?;
    let (line, column) = (line.parse::<usize>().ok()?, column.parse::<usize>().ok()?);
    let (decoded, span) = found.tree().scalar()?;
    let before = decoded.split_inclusive('\n').take(line.checked_sub(1)?);
    let at = before.map(str::len).sum::<usize>().checked_add(column.saturating_sub(1))?;
    let decoded = Decoded::new(decoded, text, span.start)?;
    let at = at.min(decoded.text.trim_end().len().saturating_sub(1));
    Some((decoded.outer(&(at..at.checked_add(1)?)), message.to_owned()))
}

/// The word at a line and a column of an expression.
fn in_expression(text: &str, found: Found<'_>, line: usize, column: usize) -> Option<Range<usize>> {
    let (expression, span) = found.tree().scalar()?;
    let decoded = Decoded::new(expression, text, span.start)?;
    let before = expression.split_inclusive('\n').take(line.checked_sub(1)?);
    let of_line = before.map(str::len).sum::<usize>();
    let rest = expression.get(of_line..)?;
    let column = column.checked_sub(1)?;
    let in_line = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    let start = of_line.checked_add(in_line)?;
    let rest = expression.get(start..)?;
    let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
    let word = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
    let length = word.max(rest.chars().next().map_or(0, char::len_utf8));
    decoded.outer(&(start..start.checked_add(length)?))
}

impl Decoded {
    /// A decoded scalar whose text begins at `start`; `None` where the two do not fit.
    fn new(decoded: &str, text: &str, start: usize) -> Option<Self> {
        let source = text.get(start..)?;
        let quote = source.chars().next().filter(|first| matches!(first, '"' | '\''));
        let align = |quote| align(decoded, source, start, quote);
        let from = align(None).or_else(|| align(Some(quote?)))?;
        Some(Self { text: decoded.to_owned(), from })
    }

    /// The part of the outer text that a part of this one comes from.
    fn outer(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let start = *self.from.get(span.start)?;
        // The byte behind the part may stand on another line.
        let last = span.end.checked_sub(1).filter(|last| *last >= span.start);
        let end = match last {
            Some(last) => self.from.get(last)?.checked_add(1)?,
            None => start,
        };
        Some(start..end.max(start))
    }
}

/// Where each byte of a decoded scalar comes from. Goes through both texts at once; what blanks fold
/// into which is told only roughly.
fn align(decoded: &str, source: &str, start: usize, quote: Option<char>) -> Option<Vec<usize>> {
    let mut from = Vec::with_capacity(decoded.len().checked_add(1)?);
    let mut at = usize::from(quote.is_some());
    for letter in decoded.chars() {
        let (found, length) = loop {
            let rest = source.get(at..)?;
            let Some(next) = rest.chars().next() else {
                // The line feeds at the end of a block may be made up.
                break letter.is_whitespace().then_some((at, 0))?;
            };
            match (quote, next) {
                (Some('\''), '\'') => {
                    break (letter == '\'' && rest.starts_with("''")).then_some((at, 2))?;
                }
                (Some('"'), '\\') => match escape(rest, letter) {
                    Some(length) => break (at, length),
                    // A line that goes on in the next one.
                    None => at = at.checked_add(1)?,
                },
                (_, next) if next == letter => break (at, next.len_utf8()),
                (_, next) if next.is_whitespace() => {
                    if letter.is_whitespace() {
                        break (at, next.len_utf8());
                    }
                    at = at.checked_add(next.len_utf8())?;
                }
                _ if letter.is_whitespace() => break (at, 0),
                _ => return None,
            }
        };
        let offset = start.checked_add(found)?;
        // Each byte of a letter has its own, so that a part may end within what stands for a letter.
        for byte in 0..letter.len_utf8() {
            from.push(offset.checked_add(byte.min(length.saturating_sub(1)))?);
        }
        at = found.checked_add(length)?;
    }
    from.push(start.checked_add(at)?);
    Some(from)
}

/// How long an escape is in a text in double quotes; `None` for a line feed that is escaped.
fn escape(source: &str, letter: char) -> Option<usize> {
    match source.chars().nth(1)? {
        'x' => Some(4),
        // A pair of surrogates stands for one letter.
        'u' if letter > '\u{ffff}' => Some(12),
        'u' => Some(6),
        'U' => Some(10),
        '\n' | '\r' => None,
        other => other.len_utf8().checked_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of the text a part of the decoded scalar comes from.
    fn origin<'t>(text: &'t str, decoded: &str, part: &str) -> &'t str {
        let (at, found) = decoded.match_indices(part).next().unwrap();
        let decoded = Decoded::new(decoded, text, 0).unwrap();
        let span = at..at.checked_add(found.len()).unwrap();
        text.get(decoded.outer(&span).unwrap()).unwrap()
    }

    #[test]
    fn a_part_of_a_scalar_is_found_in_every_way_to_write_one() {
        for (text, decoded, part) in [
            ("a == b # no", "a == b", "b"),
            ("'it''s == b'", "it's == b", "b"),
            ("\"a\\n\\u00e9 \\x41 \\\"b\\\" == c\"", "a\né A \"b\" == c", "c"),
            ("\"\\ud83d\\ude00 b\"", "😀 b", "b"),
            ("{\n    \"a\": 1,\n      \"b\": 2}\n", "{\n\"a\": 1,\n  \"b\": 2}\n", "\"b\""),
            ("a &&\n   b &&\n   c", "a && b && c", "c"),
            ("\"a && \\\n   b\"", "a && b", "b"),
            ("\"quoted\" == b", "\"quoted\" == b", "b"),
            ("a\n", "a\n\n", "a"),
        ] {
            assert_eq!(origin(text, decoded, part), part, "{text}");
        }
        assert!(Decoded::new("abc", "abd", 0).is_none());
        assert!(Decoded::new("abc", "ab", 0).is_none());
    }

    #[test]
    fn a_place_in_an_expression_is_taken_from_the_message() {
        assert_eq!(expression_place("column 3: wrong"), Some((1, 3, "wrong")));
        assert_eq!(expression_place("line 2, column 3: a: b"), Some((2, 3, "a: b")));
        assert_eq!(expression_place("is text; expected true or false"), None);
    }
}
