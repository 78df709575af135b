//! The table as text and as Markdown.

use std::io::{self, Write};

use super::super::layout::{Grid, markdown};
use super::super::{printable, words};
use super::table::{Demands, RaiseRow, Row, Table};

pub(super) fn text(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    if table.mode == "shadow" {
        writeln!(out, "Everything is in shadow mode: told, and passed on.\n")?;
    }
    rows(table).write_text(out)?;
    if !table.levels.is_empty() {
        writeln!(out)?;
        levels(table).write_text(out)?;
    }
    if !table.notes.is_empty() {
        writeln!(out)?;
    }
    table.notes.iter().try_for_each(|note| writeln!(out, "note: {}", printable(note)))
}

pub(super) fn as_markdown(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    if table.mode == "shadow" {
        writeln!(out, "Everything is in shadow mode: told, and passed on.\n")?;
    }
    rows(table).write_markdown(out)?;
    if !table.levels.is_empty() {
        writeln!(out)?;
        levels(table).write_markdown(out)?;
    }
    table.notes.iter().try_for_each(|note| writeln!(out, "\nNote: {}", markdown(note)))
}

fn rows(table: &Table) -> Grid {
    let mut grid = Grid::new(vec!["RULE", "METHODS", "MATCHES", "POLICY", "DEMANDS"]);
    for row in &table.rows {
        let methods = if row.methods.is_empty() { "any".to_owned() } else { row.methods.join(" ") };
        let matches = match row.matches.as_slice() {
            [] if row.place == "default" => vec!["everything else".to_owned()],
            [] => vec!["everything".to_owned()],
            parts => parts.to_vec(),
        };
        let cells = [vec![row.place.clone()], vec![methods], matches, vec![row.policy.clone()]];
        grid.row(cells.into_iter().chain([demands(row)]).collect());
    }
    grid
}

/// What a row demands, a line for each part.
fn demands(row: &Row) -> Vec<String> {
    let mut lines = row.demands.as_ref().map(of_policy).unwrap_or_default();
    lines.extend(row.note.clone());
    lines
}

fn of_policy(demands: &Demands) -> Vec<String> {
    let mut lines = Vec::new();
    if demands.mode == "shadow" {
        lines.push("in shadow mode, so nothing is enforced:".to_owned());
    }
    if demands.public {
        lines.push("nothing: public".to_owned());
    }
    for (index, alternative) in demands.asks.words.iter().enumerate() {
        lines.push(format!("{}{alternative}", if index == 0 { "" } else { "or " }));
    }
    let scopes = &demands.asks.scopes;
    if !scopes.is_empty() {
        let and = if lines.is_empty() { "a token with " } else { "and " };
        lines.push(format!("{and}{}", words::counted("scope", scopes)));
    }
    lines.extend(demands.raises.iter().flat_map(raise));
    lines
}

fn raise(raise: &RaiseRow) -> [String; 2] {
    let shadow = if raise.mode == "shadow" { " (shadow)" } else { "" };
    [format!("raise {}{shadow}: {}", raise.name, raise.words), format!("  when {}", raise.when)]
}

fn levels(table: &Table) -> Grid {
    let mut grid = Grid::new(vec!["LEVEL", "PROVEN BY", "ASKED FOR AS", "SATISFIES TOO"]);
    for level in &table.levels {
        let proofs = level.proven_by.iter().enumerate();
        let proofs = proofs.map(
            |(index, proof)| {
                if index == 0 { proof.clone() } else { format!("or {proof}") }
            },
        );
        let satisfies = level.satisfies.join(", ");
        let cells = [vec![level.name.clone()], proofs.collect(), vec![level.ask_for.clone()]];
        grid.row(cells.into_iter().chain([vec![satisfies]]).collect());
    }
    grid
}
