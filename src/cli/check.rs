//! `stepup check`: the filter's own reading of a configuration, before a proxy loads it.

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::document::{Configuration, Documents};
use super::{FAILED, Failure, MISTAKES, addresses, clusters, name_of, printable, read_text};

const EXAMPLES: &str = "\
Examples:
  stepup check stepup.yaml                  a configuration alone, YAML or JSON
  stepup check envoy.yaml                   the one inside an Envoy file
  stepup check wasmplugin.yaml policy.yaml  Istio and Envoy Gateway resources
  helm template chart | stepup check -      whatever comes from the standard input

Exit code:
  0  good
  1  mistakes; each is told with its place
  2  a file cannot be read";

/// Check configurations of the filter, alone or inside Envoy, Istio and Envoy Gateway files
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArguments {
    /// The files to check; - is the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(
    arguments: &CheckArguments,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<u8, Failure> {
    let mut outcome = 0;
    for file in &arguments.files {
        match read_text(file) {
            Ok(text) => {
                let report = check(&text);
                for line in &report.lines {
                    writeln!(out, "{}: {}", name_of(file), printable(line))?;
                }
                outcome = outcome.max(if report.good { 0 } else { MISTAKES });
            }
            Err(failure) => {
                writeln!(notes, "{failure}")?;
                outcome = FAILED;
            }
        }
    }
    Ok(outcome)
}

/// What there is to say about a file.
pub(super) struct Report {
    pub(super) good: bool,
    pub(super) lines: Vec<String>,
}

impl Report {
    fn bad(line: String) -> Self {
        Self { good: false, lines: vec![line] }
    }
}

fn check(text: &str) -> Report {
    Documents::parse(text).map_or_else(Report::bad, |documents| check_documents(&documents))
}

/// Compiles every configuration in the documents.
pub(super) fn check_documents(documents: &Documents) -> Report {
    let configurations = match documents.configurations() {
        Ok(configurations) => configurations,
        Err(error) => return Report::bad(error),
    };
    // A sole configuration leaves no doubt about what a short place means.
    let alone = configurations.len() == 1;
    let mut report = Report { good: true, lines: Vec::new() };
    for configuration in &configurations {
        let place = |inner: &str| match (alone, documents.len()) {
            (true, _) => inner.to_owned(),
            (false, 1) => configuration.place.join(inner),
            (false, _) => {
                let number = configuration.document.saturating_add(1);
                let inner = configuration.place.join(inner);
                format!("document {number}{}{inner}", if inner.is_empty() { "" } else { ": " })
            }
        };
        let line = |inner: &str, message: &str| match place(inner) {
            empty if empty.is_empty() => message.to_owned(),
            place => format!("{place}: {message}"),
        };
        let mut mistakes = match configuration.compile() {
            Ok(policies) => {
                let manager = configuration.manager();
                let forged = manager.and_then(|manager| addresses::mistake(manager, &policies));
                configuration.withheld_bodies(&policies).into_iter().chain(forged).collect()
            }
            Err(mistakes) => mistakes,
        };
        if let (Some(document), Some(value)) =
            (documents.around(configuration), configuration.value())
        {
            mistakes.extend(clusters::mistakes(document, &value));
        }
        if mistakes.is_empty() {
            report.lines.push(line("", &summary(configuration)));
        } else {
            report.good = false;
            report.lines.extend(mistakes.iter().map(|m| line(&m.path, &m.message)));
        }
    }
    report
}

/// What a good configuration holds, such as `good: 3 levels, 1 issuer`.
fn summary(configuration: &Configuration<'_>) -> String {
    let document = configuration.value().unwrap_or_default();
    let count = |one: &str, several: &str| {
        let number = match document.get(several)? {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => return None,
        };
        Some(format!("{number} {}", if number == 1 { one } else { several }))
    };
    let counts = [
        count("level", "levels"),
        count("issuer", "issuers"),
        count("policy", "policies"),
        count("rule", "rules"),
    ];
    format!("good: {}", counts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
