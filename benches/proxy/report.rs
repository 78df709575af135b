//! What a run found: as text, as Markdown for docs/performance.md, as JSON, and as a plot.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::plot;
use crate::results::{Measured, Results};
use crate::setting::Setting;
use crate::target::Target;

/// All that a report says.
#[derive(Debug)]
pub struct Report<'a> {
    pub setting: &'a Setting,
    pub results: &'a Results,
    pub targets: &'a [Target],
}

const VARIANTS: [&str; 8] = [
    "variant",
    "µs in all",
    "added",
    "half of the rounds",
    "× empty",
    "p50, µs",
    "p99, µs",
    "note",
];
const TARGETS: [&str; 5] = ["target", "what", "at most", "found", "holds"];

impl Report<'_> {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.setting.lines() {
            let _ = writeln!(text, "{name:<10}  {value}");
        }
        text.push_str("\nCPU time of the proxy for each request\n\n");
        columns(&mut text, VARIANTS, &self.variants(), &[0, 7]);
        if !self.targets.is_empty() {
            text.push('\n');
            columns(&mut text, TARGETS, &self.targets("MISSED"), &[0, 1, 4]);
        }
        text
    }

    /// For docs/performance.md.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.setting.lines() {
            let _ = writeln!(text, "- {name}: {value}");
        }
        text.push('\n');
        table(&mut text, VARIANTS, &self.variants());
        if !self.targets.is_empty() {
            text.push_str("\nTargets of the project:\n\n");
            table(&mut text, TARGETS, &self.targets("no"));
        }
        text
    }

    /// Writes all forms, each as `place` with an ending of its own. Tells their names.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn write(&self, place: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
        let Self { setting, results, targets } = self;
        let all = json!({"setting": setting, "results": results, "targets": targets});
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut files = Vec::new();
        let forms = [("txt", self.text()), ("md", self.markdown()), ("json", format!("{all:#}\n"))];
        for (ending, content) in forms {
            let file = place.with_added_extension(ending);
            fs::write(&file, content)?;
            files.push(file);
        }
        let file = place.with_added_extension("svg");
        plot::draw(&file, results)?;
        files.push(file);
        Ok(files)
    }

    fn variants(&self) -> Vec<[String; 8]> {
        let row = |measured: &Measured| {
            let Measured { name, note, cpu, added, latency, .. } = measured;
            let ratio = self.results.ratio(name, "empty filter");
            [
                (*name).to_owned(),
                format!("{:.1}", cpu.median),
                format!("{:.2}", added.median),
                format!("{:.2} to {:.2}", added.low, added.high),
                ratio.map_or_else(String::new, |ratio| format!("{:.2}", ratio.median)),
                latency.map_or_else(String::new, |(half, _)| format!("{half:.0}")),
                latency.map_or_else(String::new, |(_, most)| format!("{most:.0}")),
                note.unwrap_or_default().to_owned(),
            ]
        };
        self.results.variants.iter().map(row).collect()
    }

    fn targets(&self, missed: &str) -> Vec<[String; 5]> {
        let row = |target: &Target| {
            let Target { case, what, most, found, holds } = target;
            let holds = if *holds { "yes" } else { missed };
            [(*case).to_owned(), what.clone(), number(*most), number(*found), holds.to_owned()]
        };
        self.targets.iter().map(row).collect()
    }
}

/// Columns as wide as their widest entry, with figures at the right.
fn columns<const COUNT: usize>(
    text: &mut String,
    head: [&str; COUNT],
    rows: &[[String; COUNT]],
    left: &[usize],
) {
    let head = head.map(str::to_owned);
    let lines = || std::iter::once(&head).chain(rows);
    let width = |column: usize| lines().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..COUNT).map(width).collect();
    for line in lines() {
        let cell = |(column, cell): (usize, &String)| {
            let width = widths[column];
            if left.contains(&column) {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            }
        };
        let cells: Vec<_> = line.iter().enumerate().map(cell).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
}

/// A table of Markdown. No entry holds a bar.
fn table<const COUNT: usize>(text: &mut String, head: [&str; COUNT], rows: &[[String; COUNT]]) {
    let _ = writeln!(text, "| {} |", head.join(" | "));
    let _ = writeln!(text, "| {} |", ["---"; COUNT].join(" | "));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
}

/// Large numbers are whole ones, in groups of three.
fn number(value: f64) -> String {
    if value < 1000.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
