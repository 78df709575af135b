//! The outcome of tests, as text, JSON and XML as of `JUnit`.

use std::io::Write;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};

use super::coverage::{self, Coverage};
use super::expect::Difference;
use crate::cli::layout::write_json;
use crate::cli::{Failure, printable};

/// The outcome of a file's tests.
#[derive(Debug)]
pub(super) struct FileOutcome {
    pub(super) name: String,
    pub(super) config: String,
    pub(super) tests: Vec<TestOutcome>,
}

/// The outcome of a test.
#[derive(Debug)]
pub(super) struct TestOutcome {
    pub(super) name: String,
    pub(super) differences: Vec<Difference>,
    /// What became of the request, and why.
    pub(super) sentences: Vec<String>,
}

impl TestOutcome {
    fn passed(&self) -> bool {
        self.differences.is_empty()
    }

    /// The differences as lines, with their columns aligned.
    fn lines(&self) -> Vec<String> {
        let width = |text: fn(&Difference) -> &str| {
            let widths = self.differences.iter().map(|one| text(one).chars().count());
            widths.max().unwrap_or_default()
        };
        let (what, expected) = (width(|one| &one.what), width(|one| &one.expected));
        let lines = self.differences.iter().map(|one| {
            format!("{:what$}  expected {:expected$}  found {}", one.what, one.expected, one.found)
        });
        lines.collect()
    }
}

/// How many tests failed, of how many.
pub(super) fn count(files: &[FileOutcome]) -> (usize, usize) {
    let tests = || files.iter().flat_map(|file| &file.tests);
    (tests().filter(|test| !test.passed()).count(), tests().count())
}

pub(super) fn text(
    files: &[FileOutcome],
    coverage: Option<&Coverage>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    for file in files {
        writeln!(out, "{} for {}", file.name, file.config)?;
        for test in &file.tests {
            let outcome = if test.passed() { "ok  " } else { "FAIL" };
            writeln!(out, "  {outcome}  {}", printable(&test.name))?;
            for line in test.lines() {
                writeln!(out, "          {}", printable(&line))?;
            }
            if !test.passed() {
                for sentence in &test.sentences {
                    writeln!(out, "        | {}", printable(sentence))?;
                }
            }
        }
        writeln!(out)?;
    }
    if let Some(coverage) = coverage {
        for one in coverage.shown() {
            writeln!(out, "{}: {} of {} covered", one.config, one.covered, one.all)?;
            for missing in one.missing {
                writeln!(out, "  {}", printable(missing))?;
            }
        }
        writeln!(out, "coverage: {:.0} %\n", coverage.percent().floor())?;
    }
    let (failed, all) = count(files);
    let passed = all.saturating_sub(failed);
    let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    writeln!(out, "{passed} passed{failed}")?;
    Ok(())
}

pub(super) fn as_json(
    files: &[FileOutcome],
    coverage: Option<&Coverage>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (failed, all) = count(files);
    let shown = files.iter().map(|file| {
        let tests = file.tests.iter().map(|test| {
            let differences = test.differences.iter();
            let differences = differences
                .map(|one| json!({"what": one.what, "expected": one.expected, "found": one.found}));
            json!({
                "name": test.name,
                "outcome": if test.passed() { "passed" } else { "failed" },
                "differences": differences.collect::<Vec<_>>(),
                "sentences": test.sentences,
            })
        });
        json!({"file": file.name, "config": file.config, "tests": tests.collect::<Vec<_>>()})
    });
    let covered = coverage.map(|coverage| {
        let configs = coverage.shown().map(|one| {
            json!({
                "config": one.config,
                "covered": one.covered,
                "all": one.all,
                "percent": coverage::percent(one.covered, one.all),
                "missing": one.missing,
            })
        });
        json!({"percent": coverage.percent(), "configurations": configs.collect::<Vec<_>>()})
    });
    let report = json!({
        "passed": all.saturating_sub(failed),
        "failed": failed,
        "files": shown.collect::<Vec<_>>(),
        "coverage": covered.unwrap_or(Value::Null),
    });
    write_json(&report, out)
}

/// What continuous integration reads. Characters that XML has not are left out by the library.
pub(super) fn junit(files: &[FileOutcome], out: &mut dyn Write) -> Result<(), Failure> {
    let mut report = Report::new("stepup test");
    for file in files {
        let mut suite = TestSuite::new(file.name.clone());
        for test in &file.tests {
            let status = if test.passed() {
                TestCaseStatus::success()
            } else {
                let mut failed = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let names = test.differences.iter().map(|one| one.what.as_str());
                let names = names.collect::<Vec<_>>().join(", ");
                failed.set_message(format!("not as expected: {names}"));
                failed.set_type("difference");
                let lines = test.lines().into_iter().chain(test.sentences.iter().cloned());
                let lines = lines.map(|line| printable(&line)).collect::<Vec<_>>();
                failed.set_description(lines.join("\n"));
                failed
            };
            let mut case = TestCase::new(printable(&test.name), status);
            case.set_classname(file.name.clone());
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    let xml = report
        .to_string()
        .map_err(|error| Failure::new(format!("the report cannot be written: {error}")))?;
    writeln!(out, "{}", xml.trim_end())?;
    Ok(())
}
