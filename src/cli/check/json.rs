//! The findings for programs. docs/check.md describes the document; its members stay as they are.

use serde_json::{Value, json};

use super::Looked;
use super::excerpt::Source;
use super::findings::{Finding, Severity};

/// Everything that was found, as one document.
pub(super) fn report(looked: &[Looked], unread: &[(String, String)], is_strict: bool) -> Value {
    let files = looked.iter().map(file).collect::<Vec<_>>();
    let unread = unread.iter().map(|(name, message)| json!({"file": name, "message": message}));
    let count = |severity| looked.iter().map(|file| file.count(severity)).sum::<usize>();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let good = unread.len() == 0 && errors == 0 && (!is_strict || warnings == 0);
    json!({
        "good": good,
        "errors": errors,
        "warnings": warnings,
        "files": files,
        "unread": unread.collect::<Vec<_>>(),
    })
}

fn file(looked: &Looked) -> Value {
    let source = Source::new(&looked.text);
    let findings = looked.examined.findings.iter();
    json!({
        "file": looked.name,
        "summaries": looked.examined.good,
        "findings": findings.map(|f| finding(f, &source, &looked.name)).collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding, source: &Source<'_>, file: &str) -> Value {
    let start = finding.span.as_ref().map(|span| source.position(span.start));
    let end = finding.span.as_ref().map(|span| source.position(span.end));
    json!({
        "severity": finding.severity.name(),
        "kind": finding.code,
        "file": file,
        "line": start.map(|start| start.line),
        "column": start.map(|start| start.column),
        "end_line": end.map(|end| end.line),
        "end_column": end.map(|end| end.column),
        "path": finding.path,
        "message": finding.message,
    })
}
