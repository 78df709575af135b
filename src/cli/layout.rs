//! Tables for people: aligned text, and Markdown.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::{Failure, printable};

/// Writes a value as JSON that people can read too. What would steer a terminal is escaped.
pub(super) fn write_json<T: Serialize>(value: &T, out: &mut dyn Write) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(format!("the JSON cannot be written: {error}")))?;
    // JSON itself escapes ASCII controls only; \u{9b} and the like steer terminals too.
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter != '\n' && letter.escape_debug().len() > 1 && !matches!(letter, '"' | '\'' | '\\')
        {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(letter);
        }
    }
    writeln!(out, "{shown}")?;
    Ok(())
}

/// A table whose cells have a line or more each.
#[derive(Debug, Default)]
pub(super) struct Grid {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Vec<String>>>,
}

impl Grid {
    pub(super) const fn new(heads: Vec<&'static str>) -> Self {
        Self { heads, rows: Vec::new() }
    }

    /// Adds a row, with the lines of each cell.
    pub(super) fn row(&mut self, cells: Vec<Vec<String>>) {
        self.rows.push(cells);
    }

    /// Writes it with aligned columns, two spaces apart.
    pub(super) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let heads = self.heads.iter().map(|head| vec![(*head).to_owned()]).collect::<Vec<_>>();
        let printed = std::iter::once(&heads).chain(&self.rows).map(|row| {
            let lines = |cell: &Vec<String>| cell.iter().map(|line| printable(line)).collect();
            row.iter().map(lines).collect::<Vec<Vec<String>>>()
        });
        let printed = printed.collect::<Vec<_>>();
        let width = |column: usize| {
            let cells = printed.iter().filter_map(|row| row.get(column));
            cells.flatten().map(|line| line.chars().count()).max().unwrap_or_default()
        };
        let widths = (0..self.heads.len()).map(width).collect::<Vec<_>>();
        for row in &printed {
            let height = row.iter().map(Vec::len).max().unwrap_or_default();
            for index in 0..height {
                let mut line = String::new();
                for (cell, width) in row.iter().zip(&widths) {
                    let part = cell.get(index).map(String::as_str).unwrap_or_default();
                    let _ = write!(line, "{part:width$}  ");
                }
                writeln!(out, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }

    /// Writes it as a table of GitHub's Markdown.
    pub(super) fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let titles = self.heads.iter().map(|head| head.to_lowercase()).collect::<Vec<_>>();
        writeln!(out, "| {} |", titles.join(" | "))?;
        let rule = self.heads.iter().map(|_| "---").collect::<Vec<_>>();
        writeln!(out, "| {} |", rule.join(" | "))?;
        for row in &self.rows {
            let cell = |lines: &Vec<String>| {
                let lines = lines.iter().map(|line| markdown(line));
                lines.collect::<Vec<_>>().join("<br>")
            };
            let cells = row.iter().map(cell).collect::<Vec<_>>();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

/// Text that Markdown shows as it is, whatever it holds.
pub(super) fn markdown(text: &str) -> String {
    let text = printable(text.trim_start());
    // Brackets alone are plain text.
    let has_link = text.contains("](") || text.contains("][");
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '\\' | '|' | '*' | '_' | '`' | '~' | '$' => {
                shown.push('\\');
                shown.push(letter);
            }
            '[' if has_link => shown.push_str("\\["),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let mut grid = Grid::new(vec!["NAME", "WHAT"]);
        grid.row(vec![vec!["a".to_owned()], vec!["one".to_owned(), "two | <b>".to_owned()]]);
        grid.row(vec![vec!["longer\u{1b}".to_owned()], vec![]]);
        grid
    }

    fn written(write: impl Fn(&Grid, &mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&grid(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_nothing_steers_the_terminal() {
        assert_eq!(
            written(|grid, out| grid.write_text(out)),
            "NAME          WHAT\na             one\n              two | <b>\nlonger\\u{1b}\n"
        );
    }

    #[test]
    fn markdown_shows_what_is_written() {
        assert_eq!(
            written(|grid, out| grid.write_markdown(out)),
            "| name | what |\n| --- | --- |\n| a | one<br>two \\| &lt;b&gt; |\n| longer\\\\u{1b} |  |\n"
        );
    }
}
