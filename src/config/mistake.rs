//! What is wrong in a configuration, and where.

use std::cell::RefCell;
use std::fmt;

/// One mistake: its place, what was found, what was expected, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, for example `policies.pay.require[0].level`; empty for the document as a whole.
    pub path: String,
    /// What was found, what was expected, and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// All mistakes of a configuration, section by section. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Mistakes that only show where the filter runs. `None` when there are none.
    pub(crate) fn found(mistakes: Vec<Mistake>) -> Option<Self> {
        (!mistakes.is_empty()).then_some(Self(mistakes))
    }

    /// A single mistake of the document as a whole.
    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self(vec![Mistake { path: String::new(), message: message.into() }])
    }

    /// The mistakes one by one.
    pub fn as_slice(&self) -> &[Mistake] {
        &self.0
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    /// One mistake a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Where the reader puts the mistakes that it meets. It goes on after each.
#[derive(Debug, Default)]
pub(super) struct Sink(RefCell<Vec<Mistake>>);

impl Sink {
    pub(super) fn push(&self, path: impl fmt::Display, message: impl Into<String>) {
        self.0.borrow_mut().push(Mistake { path: path.to_string(), message: message.into() });
    }

    /// `value` when there was no mistake.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Mistakes> {
        let mistakes = self.0.into_inner();
        match value {
            Some(value) if mistakes.is_empty() => Ok(value),
            _ if mistakes.is_empty() => Err(Mistakes::whole("the configuration cannot be read")),
            _ => Err(Mistakes(mistakes)),
        }
    }
}

/// The nearest of `known` to `found`, when it is near enough to be a slip of the pen.
pub(super) fn nearest<'k>(found: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    /// Similarity (0 to 1) from which a suggestion helps more than it puzzles.
    const NEAR_ENOUGH: f64 = 0.8;
    known
        .map(|candidate| (strsim::jaro_winkler(found, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// What to write instead of a name that is not known: the nearest one, else any of them.
pub(crate) fn suggestion<'k>(found: &str, known: impl Iterator<Item = &'k str>) -> String {
    /// More names than this puzzle more than they help.
    const MOST: usize = 12;
    let known = known.collect::<Vec<_>>();
    if let Some(near) = nearest(found, known.iter().copied()) {
        return format!("; did you mean {near:?}?");
    }
    match known.len() {
        0 => "; there is none".to_owned(),
        // Names are the operator's, and a log has one line for each mistake.
        count @ 1..=MOST => {
            let names = known.iter().map(|name| name.escape_debug().to_string());
            let one_of = if count == 1 { "" } else { "one of " };
            format!("; expected {one_of}{}", names.collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    }
}
