//! All that is looked at in a file.

use std::ops::Range;

use serde_json::Value;

use super::discovery::{self, Discovery};
use super::findings::{Finding, Findings, Severity};
use super::{raises, routes, surroundings, unused, variables, warnings};
use crate::cli::clusters;
use crate::cli::document::{Configuration, Documents};

/// What was found in a file.
pub(super) struct Examined {
    /// In the order of the text.
    pub(super) findings: Vec<Finding>,
    /// What each good configuration holds, on a line.
    pub(super) good: Vec<String>,
}

impl Examined {
    /// A single mistake.
    pub(super) fn bad(code: &'static str, message: String, span: Option<Range<usize>>) -> Self {
        let (path, subject) = (String::new(), String::new());
        let finding = Finding { severity: Severity::Error, code, path, subject, message, span };
        Self { findings: vec![finding], good: Vec::new() }
    }
}

/// Looks at every configuration in the documents, and at what stands around each. Without the text
/// that they were read from, no place in that is told.
pub(super) fn examine(
    documents: &Documents,
    text: Option<&str>,
    discovery: &mut [Discovery],
) -> Examined {
    let configurations = match documents.configurations() {
        Ok(configurations) => configurations,
        Err(error) => return Examined::bad("no-configuration", error, None),
    };
    let is_alone = configurations.len() == 1;
    let mut examined = Examined { findings: Vec::new(), good: Vec::new() };
    for configuration in &configurations {
        let mut findings = Findings::new(documents, text, configuration, is_alone);
        look(documents, configuration, discovery, &mut findings);
        if !findings.has_mistakes() {
            let place = findings.shown("");
            let separator = if place.is_empty() { "" } else { ": " };
            examined.good.push(format!("{place}{separator}{}", summary(configuration)));
        }
        examined.findings.extend(findings.into_vec());
    }
    // What is found by itself stays in its order.
    let start = |finding: &Finding| finding.span.as_ref().map(|span| span.start);
    if text.is_some() {
        examined.findings.sort_by_key(start);
    }
    // Two filters of a file have one connection manager's routes in common.
    examined.findings.dedup_by(|a, b| {
        a.span.is_some() && (a.code, &a.span, &a.message) == (b.code, &b.span, &b.message)
    });
    examined
}

fn look(
    documents: &Documents,
    configuration: &Configuration<'_>,
    discovery: &mut [Discovery],
    findings: &mut Findings<'_>,
) {
    let compiled = configuration.compile();
    let value = configuration.value().unwrap_or_default();
    let policies = match &compiled {
        Ok(policies) => Some(policies),
        Err(mistakes) => {
            findings.mistakes("configuration", mistakes);
            None
        }
    };
    if let Some(document) = documents.document(configuration.document) {
        findings.mistakes("unknown-cluster", &clusters::mistakes(&document, &value));
    }
    surroundings::look(configuration, &value, policies, findings);
    variables::look(configuration, &value, findings);
    let routes = configuration.manager().and_then(routes::Routes::of);
    if let Some(routes) = &routes {
        routes.look(configuration, &value, policies, findings);
    }
    discovery::look(discovery, &value, policies, findings);
    if let Some(policies) = policies {
        warnings::look(&value, policies, findings);
        raises::look(&value, policies, findings);
        unused::look(&value, policies, routes.as_ref(), findings);
    }
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
