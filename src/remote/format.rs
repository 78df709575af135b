//! Kinds of documents.

use std::borrow::Cow;
use std::fmt;

use crate::report::{Counter, DocumentNames};

/// What a document is, and how it is read.
pub trait Format: fmt::Debug {
    /// What is made of it.
    type Loaded;
    /// Whose documents these are, for messages.
    const OWNER: &'static str;
    /// What they are, for messages.
    const WHAT: &'static str;
    /// What the server is asked for (RFC 9110 §12.5.1).
    const ACCEPT: &'static str;
    /// Counts a fetch.
    const FETCHED: Counter;
    /// Counts a fetch that failed.
    const FAILED: Counter;
    /// What shows how documents stand.
    const METRICS: DocumentNames;

    /// Which kind of document this is. What workers share is of one kind.
    fn kind(&self) -> Cow<'static, str>;

    /// The longest document, in bytes.
    fn longest(&self) -> usize;

    /// Reads a document that was fetched.
    ///
    /// # Errors
    /// What is wrong with it. Then nothing of it counts.
    fn check<'b>(&self, body: &'b [u8]) -> Result<Checked<'b, Self::Loaded>, String>;

    /// How much of use is in it.
    fn size(loaded: &Self::Loaded) -> usize;

    /// Makes something of a text that was shared.
    fn load(&self, document: &str) -> Option<Self::Loaded>;
}

/// A document that was fetched, and is good.
#[derive(Debug)]
pub struct Checked<'b, T> {
    /// The text to share with other workers, for [`Format::load`].
    pub document: Cow<'b, str>,
    /// What is made of it.
    pub content: T,
    /// What the operator is told of it.
    pub notes: Vec<String>,
}
