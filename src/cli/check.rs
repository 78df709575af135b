//! `stepup check`: the filter's own reading of a configuration, before a proxy loads it.

mod discovery;
mod examine;
mod excerpt;
mod findings;
mod json;
mod locate;
mod raises;
mod routes;
mod surroundings;
mod unused;
mod variables;
mod warnings;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;

use self::discovery::Discovery;
use self::examine::{Examined, examine};
use self::excerpt::Source;
use self::findings::{Finding, Severity, WARNINGS};
use super::document::{Documents, Unreadable};
use super::{FAILED, Failure, MISTAKES, name_of, printable, read_text};

const EXAMPLES: &str = "\
Examples:
  stepup check stepup.yaml                  a configuration alone, YAML or JSON
  stepup check envoy.yaml                   the one inside an Envoy file
  stepup check wasmplugin.yaml policy.yaml  Istio and Envoy Gateway resources
  helm template chart | stepup check -      whatever comes from the standard input
  stepup check --strict envoy.yaml          for CI: warnings count as mistakes
  stepup check --discovery idp.json envoy.yaml
                                            levels that the issuer does not offer, too

Exit code:
  0  good, perhaps with warnings
  1  mistakes, or with --strict warnings; each is told with its place
  2  a file cannot be read";

/// Check configurations of the filter, alone or inside Envoy, Istio and Envoy Gateway files
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArguments {
    /// The files to check; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// How to tell what was found: for people, or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Whether to use colours
    #[arg(long, value_enum, default_value_t = Colours::Auto, value_name = "WHEN")]
    color: Colours,

    /// Count warnings as mistakes
    #[arg(long)]
    strict: bool,

    /// Leave out warnings of this kind, such as unused-policy; may be repeated. docs/check.md lists all
    #[arg(long, value_name = "KIND", value_parser = WARNINGS, hide_possible_values = true)]
    allow: Vec<String>,

    /// An issuer's discovery document, a file, to compare levels with; may be repeated
    #[arg(long, value_name = "FILE")]
    discovery: Vec<PathBuf>,
}

/// How to tell what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colours {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Yes.
    Always,
    /// No.
    Never,
}

impl Colours {
    fn are_used(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
            }
        }
    }
}

/// A file that was looked at.
struct Looked {
    name: String,
    text: String,
    examined: Examined,
}

impl Looked {
    fn count(&self, severity: Severity) -> usize {
        self.examined.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

pub(super) fn run(
    arguments: &CheckArguments,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<u8, Failure> {
    let discovery = arguments.discovery.iter().map(|file| Discovery::read(file));
    let mut discovery = discovery.collect::<Result<Vec<_>, _>>()?;
    let mut looked = Vec::new();
    let mut unread = Vec::new();
    for file in &arguments.files {
        match read_text(file) {
            Ok(text) => {
                let mut examined = look(&text, &mut discovery);
                let is_allowed = |finding: &Finding| {
                    !finding.is_error() && arguments.allow.iter().any(|kind| kind == finding.code)
                };
                examined.findings.retain(|finding| !is_allowed(finding));
                looked.push(Looked { name: name_of(file), text, examined });
            }
            Err(failure) => {
                writeln!(notes, "error: {failure}")?;
                unread.push((name_of(file), failure.to_string()));
            }
        }
    }
    looked.extend(discovery.into_iter().filter_map(Discovery::unmatched).filter(|document| {
        let mut findings = document.examined.findings.iter();
        findings.all(|finding| !arguments.allow.iter().any(|kind| kind == finding.code))
    }));
    match arguments.format {
        Format::Text => tell(&looked, arguments, out)?,
        Format::Json => writeln!(out, "{:#}", json::report(&looked, &unread, arguments.strict))?,
    }
    let is_bad = |looked: &Looked| {
        looked.count(Severity::Error) > 0 || arguments.strict && looked.count(Severity::Warning) > 0
    };
    Ok(match unread.is_empty() {
        false => FAILED,
        true if looked.iter().any(is_bad) => MISTAKES,
        true => 0,
    })
}

/// For people.
fn tell(looked: &[Looked], arguments: &CheckArguments, out: &mut dyn Write) -> io::Result<()> {
    let is_styled = arguments.color.are_used();
    for file in looked {
        let source = Source::new(&file.text);
        for finding in &file.examined.findings {
            writeln!(out, "{}\n", source.show(finding, &file.name, is_styled))?;
        }
    }
    for file in looked {
        let (mistakes, warnings) = (file.count(Severity::Error), file.count(Severity::Warning));
        for line in &file.examined.good {
            writeln!(out, "{}: {}", file.name, printable(line))?;
        }
        let mut counts = Vec::new();
        if mistakes > 0 {
            counts.push(counted(mistakes, "mistake"));
        }
        if warnings > 0 {
            counts.push(counted(warnings, "warning"));
        }
        if !counts.is_empty() {
            let strict = match warnings {
                _ if !arguments.strict || mistakes > 0 => "",
                1 => ", which --strict counts as a mistake",
                _ => ", which --strict counts as mistakes",
            };
            writeln!(out, "{}: {}{strict}", file.name, counts.join(", "))?;
        }
    }
    Ok(())
}

/// `1 mistake`, `2 mistakes`.
fn counted(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

/// Looks at a text.
fn look(text: &str, discovery: &mut [Discovery]) -> Examined {
    match Documents::read(text) {
        Ok(documents) => examine(&documents, Some(text), discovery),
        Err(Unreadable { message, line, column }) => {
            let at = line.zip(column).and_then(|(line, column)| {
                let source = Source::new(text);
                // The scanner may stumble over the end.
                source.offset(line, column).or_else(|| text.trim_end().len().checked_sub(1))
            });
            let span = at.and_then(|at| Some(at..at.checked_add(word(text.get(at..)?)?)?));
            let message = match line.zip(column) {
                Some((line, column)) if span.is_none() => {
                    format!("line {line}, column {column}: {message}")
                }
                _ => message,
            };
            Examined::bad("syntax", message, span)
        }
    }
}

/// How long the word is that a text begins with, or else its first character.
fn word(text: &str) -> Option<usize> {
    let is_of_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    let word = text.find(|letter| !is_of_word(letter)).unwrap_or(text.len());
    Some(word.max(text.chars().next()?.len_utf8()))
}

/// What there is to say about documents, on lines.
pub(super) struct Report {
    pub(super) good: bool,
    pub(super) lines: Vec<String>,
}

/// The mistakes of every configuration in the documents, or what good ones hold.
pub(super) fn check_documents(documents: &Documents) -> Report {
    Report::of(&examine(documents, None, &mut []))
}

impl Report {
    fn of(examined: &Examined) -> Self {
        let mistakes = examined.findings.iter().filter(|finding| finding.is_error());
        let mistakes = mistakes.map(Finding::line).collect::<Vec<_>>();
        let good = mistakes.is_empty();
        Self { good, lines: examined.good.iter().cloned().chain(mistakes).collect() }
    }
}

#[cfg(test)]
mod tests;
