//! `stepup test`: tests of a configuration, in YAML.

mod coverage;
mod expect;
mod file;
mod reader;
mod report;

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use self::coverage::Coverage;
use self::file::{Test, TestFile};
use self::report::{FileOutcome, TestOutcome};
use super::explain::{Context, explain, sentences};
use super::{Failure, MISTAKES, name_of};

const EXAMPLES: &str = "\
Examples:
  stepup test envoy/policy-tests.yaml
                                            all tests of a file
  stepup test policy-tests.yaml --config envoy.yaml
                                            the same tests for another configuration
  stepup test tests/*.yaml --coverage --fail-under 90
                                            and what none of them looks at
  stepup test tests/*.yaml --format junit --output stepup.xml
                                            for continuous integration

A test:
  config: envoy.yaml
  at: 2026-01-01T12:00:00Z
  claims: {alice: {acr: \"2\", auth_age: 5m, scope: payments}}
  tests:
    - name: a transfer needs a passkey
      request: {method: POST, path: /accounts/7/transfers}
      claims: alice
      expect: {decision: challenge, acr_values: [phr, phrh], max_age: 15m}

Exit code:
  0  all tests pass, and enough is covered
  1  a test fails, or too little is covered
  2  a file cannot be read, or has mistakes";

/// Run tests of a configuration: requests, and what has to become of them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct TestArguments {
    /// The files with tests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The configuration, in the place of the one that the files name
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Tell which rules, policies and raises no test looks at
    #[arg(long)]
    coverage: bool,

    /// Fail where less than this is covered
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    fail_under: Option<f64>,

    /// How it is written
    #[arg(long, default_value = "text")]
    format: Format,

    /// Write it to this file, and the text to the terminal all the same
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How outcomes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For programs
    Json,
    #[value(help = "For continuous integration: XML as of JUnit")]
    Junit,
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>().ok();
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

pub(super) fn run(arguments: &TestArguments, out: &mut dyn Write) -> Result<u8, Failure> {
    // Before any test is run, all files are looked at.
    let read = arguments.files.iter().map(|file| TestFile::read(file, arguments.config.as_deref()));
    let (mut files, mut failures) = (Vec::new(), Vec::new());
    for file in read {
        match file {
            Ok(file) => files.push(file),
            Err(failure) => failures.push(failure.to_string()),
        }
    }
    if !failures.is_empty() {
        return Err(Failure::new(failures.join("\n")));
    }
    let mut coverage = Coverage::default();
    let outcomes = files.iter().map(|file| run_file(file, &mut coverage));
    let outcomes = outcomes.collect::<Result<Vec<_>, _>>()?;
    let wants_coverage = arguments.coverage || arguments.fail_under.is_some();
    let shown = Some(&coverage).filter(|_| wants_coverage);
    let write = |format: Format, out: &mut dyn Write| match format {
        Format::Text => report::text(&outcomes, shown, out),
        Format::Json => report::as_json(&outcomes, shown, out),
        Format::Junit => report::junit(&outcomes, out),
    };
    match &arguments.output {
        None => write(arguments.format, out)?,
        Some(file) => {
            let mut written = Vec::new();
            write(arguments.format, &mut written)?;
            std::fs::write(file, written).map_err(|error| {
                Failure::new(format!("{}: cannot be written: {error}", name_of(file)))
            })?;
            write(Format::Text, out)?;
        }
    }
    let (failed, _) = report::count(&outcomes);
    let is_enough = arguments.fail_under.is_none_or(|least| coverage.percent() >= least);
    if let Some(least) = arguments.fail_under.filter(|_| !is_enough)
        && (arguments.format == Format::Text || arguments.output.is_some())
    {
        writeln!(out, "less than {least} % is covered")?;
    }
    Ok(if failed == 0 && is_enough { 0 } else { MISTAKES })
}

fn run_file(file: &TestFile, coverage: &mut Coverage) -> Result<FileOutcome, Failure> {
    coverage.add(&file.config, &file.single);
    let tests = file.tests.iter().map(|test| run_test(test, file, coverage));
    let tests = tests.collect::<Result<Vec<_>, _>>()?;
    Ok(FileOutcome { name: file.name.clone(), config: file.config.clone(), tests })
}

fn run_test(test: &Test, file: &TestFile, coverage: &mut Coverage) -> Result<TestOutcome, Failure> {
    let single = &file.single;
    let explanation = explain(&single.value, &test.question)
        .map_err(|failure| Failure::new(format!("{}: {:?}: {failure}", file.name, test.name)))?;
    if let Some(record) = &explanation.record {
        coverage.note(&file.config, single, record);
    }
    let context = Context { value: &single.value, policies: &single.policies };
    Ok(TestOutcome {
        name: test.name.clone(),
        differences: expect::differences(&test.expect, &explanation, &test.question),
        sentences: sentences(&explanation, &test.question, &context),
    })
}
