//! What there is to say about a file: mistakes and warnings, each with its place.

use std::ops::Range;

use super::locate::{Inside, outside};
use crate::cli::document::{Configuration, Documents};
use crate::cli::place::Place;
use crate::config::Mistake;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// A mistake: the filter refuses the configuration, or is of no use where it stands.
    Error,
    /// It works, and is probably not what was meant.
    Warning,
}

impl Severity {
    /// Its name in output.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The kinds of warnings, in the order of docs/check.md.
pub(super) const WARNINGS: [&str; 16] = [
    "open-methods",
    "read-on-set",
    "unused-policy",
    "unused-feed",
    "unused-signal",
    "constant-condition",
    "weak-raise",
    "body-without-method",
    "shadow",
    "level-not-offered",
    "unmatched-discovery",
    "unspoken-routes",
    "route-metadata",
    "route-on-removed",
    "filter-disabled",
    "path-normalization",
];

/// A mistake or a warning.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// What kind it is of: a word that stays the same.
    pub(super) code: &'static str,
    /// The place in the configuration, or in the document; empty for the whole.
    pub(super) path: String,
    /// The same, as short as it can be beside an excerpt.
    pub(super) subject: String,
    pub(super) message: String,
    /// The part of the text that it is about, in bytes.
    pub(super) span: Option<Range<usize>>,
}

impl Finding {
    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Place and message on one line.
    pub(super) fn line(&self) -> String {
        about(&self.path, &self.message)
    }

    /// The line above an excerpt.
    pub(super) fn title(&self) -> String {
        about(&self.subject, &self.message)
    }
}

fn about(place: &str, message: &str) -> String {
    if place.is_empty() { message.to_owned() } else { format!("{place}: {message}") }
}

/// The findings of one configuration and of what stands around it.
#[derive(Debug)]
pub(super) struct Findings<'d> {
    documents: &'d Documents,
    /// The text of the file, where it is the one that was read.
    text: Option<&'d str>,
    document: usize,
    place: Place,
    inside: Option<Inside<'d>>,
    /// Whether it is the only configuration: that leaves no doubt about what a short place means.
    is_alone: bool,
    found: Vec<Finding>,
}

impl<'d> Findings<'d> {
    pub(super) fn new(
        documents: &'d Documents,
        text: Option<&'d str>,
        configuration: &Configuration<'d>,
        is_alone: bool,
    ) -> Self {
        let inside = text.and_then(|text| Inside::new(text, documents, configuration));
        let (document, place) = (configuration.document, configuration.place.clone());
        Self { documents, text, document, place, inside, is_alone, found: Vec::new() }
    }

    /// The mistakes of the configuration that the filter's own reading tells.
    pub(super) fn mistakes(&mut self, code: &'static str, mistakes: &[Mistake]) {
        for Mistake { path, message } in mistakes {
            self.inside(Severity::Error, code, path, message);
        }
    }

    /// A mistake at a place in the configuration.
    pub(super) fn mistake(&mut self, code: &'static str, path: &str, message: &str) {
        self.inside(Severity::Error, code, path, message);
    }

    /// A warning about a place in the configuration.
    pub(super) fn warn(&mut self, code: &'static str, path: &str, message: &str) {
        self.inside(Severity::Warning, code, path, message);
    }

    fn inside(&mut self, severity: Severity, code: &'static str, path: &str, message: &str) {
        let inside = self.inside.as_ref();
        let (span, message) = inside
            .map_or_else(|| (None, message.to_owned()), |inside| inside.locate(path, message));
        let subject = path.to_owned();
        let path = self.shown(path);
        self.found.push(Finding { severity, code, path, subject, message, span });
    }

    /// A mistake in what stands around the configuration.
    pub(super) fn mistake_around(&mut self, code: &'static str, place: &Place, message: &str) {
        self.around(Severity::Error, code, place, message);
    }

    /// A warning about what stands around the configuration.
    pub(super) fn warn_around(&mut self, code: &'static str, place: &Place, message: &str) {
        self.around(Severity::Warning, code, place, message);
    }

    fn around(&mut self, severity: Severity, code: &'static str, place: &Place, message: &str) {
        let tree = self.documents.tree(self.document);
        let span = self.text.zip(tree).and_then(|(text, tree)| outside(text, tree, place));
        let path = self.in_document(place.to_string());
        let (subject, message) = (place.end(), message.to_owned());
        self.found.push(Finding { severity, code, path, subject, message, span });
    }

    /// What messages call a place in the configuration.
    pub(super) fn shown(&self, path: &str) -> String {
        if self.is_alone { path.to_owned() } else { self.in_document(self.place.join(path)) }
    }

    fn in_document(&self, place: String) -> String {
        if self.documents.len() == 1 {
            return place;
        }
        let separator = if place.is_empty() { "" } else { ": " };
        format!("document {}{separator}{place}", self.document.saturating_add(1))
    }

    /// Whether any is a mistake.
    pub(super) fn has_mistakes(&self) -> bool {
        self.found.iter().any(Finding::is_error)
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.found
    }
}
