//! A finding with the part of the file that it is about, as compilers show it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::findings::{Finding, Severity};
use crate::cli::printable;

/// Kinds that say no more than the message does.
const PLAIN: [&str; 2] = ["configuration", "syntax"];

/// A text, by lines.
pub(super) struct Source<'t> {
    text: &'t str,
    /// Where each line begins.
    starts: Vec<usize>,
}

/// A line and a column, both counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        Self { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line and the column of a byte.
    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index));
        let before = start.and_then(|start| self.text.get(*start..offset)).unwrap_or_default();
        Position { line, column: before.chars().count().saturating_add(1) }
    }

    /// The byte at a line and a column.
    pub(super) fn offset(&self, line: usize, column: usize) -> Option<usize> {
        let start = *self.starts.get(line.checked_sub(1)?)?;
        let mut letters = self.text.get(start..)?.char_indices();
        let (at, _) = letters.nth(column.checked_sub(1)?)?;
        start.checked_add(at)
    }

    /// A line without its end.
    fn line(&self, number: usize) -> Option<&'t str> {
        let start = *self.starts.get(number.checked_sub(1)?)?;
        self.text.get(start..)?.lines().next()
    }

    /// What a finding looks like to a person.
    pub(super) fn show(&self, finding: &Finding, file: &str, is_styled: bool) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let renderer = if is_styled { Renderer::styled() } else { Renderer::plain() };
        let title = |message| {
            let title = level.clone().primary_title(message);
            if PLAIN.contains(&finding.code) { title } else { title.id(finding.code) }
        };
        let excerpt = finding.span.as_ref().and_then(|span| self.excerpt(span));
        let Some(Excerpt { text, first, marked }) = excerpt else {
            let group = title(printable(&finding.line())).element(Origin::path(file));
            return renderer.render(&[group]);
        };
        let snippet = Snippet::source(text)
            .path(file)
            .line_start(first)
            .fold(false)
            .annotation(AnnotationKind::Primary.span(marked));
        renderer.render(&[title(printable(&finding.title())).element(snippet)])
    }

    /// The line of a part of the text, and the one before it.
    fn excerpt(&self, span: &Range<usize>) -> Option<Excerpt> {
        let Position { line, column } = self.position(span.start);
        let marked = self.line(line)?;
        let before = line.checked_sub(1).filter(|number| *number > 0);
        let before = before.and_then(|number| self.line(number));
        let before = before.filter(|line| !line.trim().is_empty());
        let mut text = before.map(|line| harmless(line) + "\n").unwrap_or_default();
        let first = if before.is_some() { line.saturating_sub(1) } else { line };
        let part = self.text.get(span.clone()).and_then(|part| part.lines().next());
        let length = part.map_or(0, |part| part.chars().count());
        let shown = harmless(marked);
        let byte =
            |letters: usize| shown.char_indices().nth(letters).map_or(shown.len(), |(at, _)| at);
        let start = byte(column.saturating_sub(1));
        let end = byte(column.saturating_sub(1).saturating_add(length));
        let offset = text.len();
        let marked = offset.checked_add(start)?..offset.checked_add(end)?;
        text.push_str(&shown);
        Some(Excerpt { text, first, marked })
    }
}

/// Lines of a file.
struct Excerpt {
    text: String,
    /// The number of the first.
    first: usize,
    /// What to mark, in bytes of the text.
    marked: Range<usize>,
}

/// A line that cannot steer a terminal, with as many characters.
fn harmless(line: &str) -> String {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let shown = |letter: char| {
        let is_plain = matches!(letter, '\t' | '"' | '\'' | '\\');
        if is_plain || letter.escape_debug().count() == 1 { letter } else { '\u{fffd}' }
    };
    line.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(span: Range<usize>, message: &str) -> Finding {
        Finding {
            severity: Severity::Error,
            code: "configuration",
            path: "b.c".to_owned(),
            subject: "b.c".to_owned(),
            message: message.to_owned(),
            span: Some(span),
        }
    }

    #[test]
    fn an_excerpt_marks_the_part_that_it_is_about() {
        let text = "a: 1\r\nb: {é: x, c: wrong}\r\n";
        let at = text.find("wrong").unwrap();
        let source = Source::new(text);
        let shown = source.show(&finding(at..at + 5, "is wrong"), "f.yaml", false);
        let expected = "\
error: b.c: is wrong
 --> f.yaml:2:14
  |
1 | a: 1
2 | b: {é: x, c: wrong}
  |              ^^^^^";
        assert_eq!(shown, expected);
        assert_eq!(source.offset(2, 14), Some(at));
        assert_eq!(source.position(at), Position { line: 2, column: 14 });
    }

    #[test]
    fn an_excerpt_cannot_steer_a_terminal() {
        let text = "a: \u{1b}[31m\u{9b}1m\u{202e}\nb: \u{1b}]0;x\u{7} c\n";
        let at = text.find(" c").unwrap();
        let mut finding = finding(at + 1..at + 2, "is \u{1b}[2J wrong");
        finding.path = "b\u{9b}".to_owned();
        finding.subject = finding.path.clone();
        for span in [finding.span.clone(), None] {
            finding.span = span;
            let shown = Source::new(text).show(&finding, "f.yaml", false);
            let bad =
                |letter: &char| letter.is_control() && *letter != '\n' || *letter == '\u{202e}';
            assert_eq!(shown.chars().find(bad), None, "{shown:?}");
            assert!(finding.span.is_none() || shown.contains(":2:11"), "{shown}");
        }
    }
}
