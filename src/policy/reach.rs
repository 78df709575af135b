//! Which rules are never reached, because an earlier one covers them.

use std::borrow::Cow;

use super::expression::{Rest, Shape};
use super::glob::{Ending, Step};
use super::host::HostPattern;
use super::index::{ANY_SEGMENT, Field, FieldValue, Index, Subject, source_path};
use super::rule::{PathMatch, RequestMatch};

/// The matches of rules in order, to ask for each which earlier one covers it.
#[derive(Debug)]
pub struct Reach<'m> {
    matches: &'m [Option<&'m RequestMatch>],
    index: Index,
}

impl<'m> Reach<'m> {
    /// Takes the matches; `None` stands for one that could not be read.
    pub fn new(matches: &'m [Option<&'m RequestMatch>]) -> Self {
        Self { matches, index: Index::with_sources(matches) }
    }

    /// The first rule that covers the one at `rule` and comes before it.
    pub fn first_covering(&self, rule: usize) -> Option<usize> {
        let matcher = self.matches.get(rule).copied().flatten()?;
        let (path, is_exact) = example(matcher.path.as_ref());
        let later = Later { matches: self.matches, matcher, path, is_exact };
        let found = self.index.find(&later, rule);
        let Some(PathMatch::Regex(regex)) = &matcher.path else { return found };
        // An expression is covered by the same one, too.
        let by_source = Later { path: source_path(regex.source()).into(), ..later };
        self.index.find(&by_source, found.unwrap_or(rule)).or(found)
    }
}

/// A path such that what covers the whole match is found under it, and whether the match is for
/// this path alone.
fn example(path: Option<&PathMatch>) -> (Cow<'_, str>, bool) {
    let (text, is_exact): (Cow<'_, str>, _) = match path {
        None => ("".into(), false),
        Some(PathMatch::Exact { path, ignore_case }) => ((**path).into(), !ignore_case),
        Some(
            PathMatch::Prefix { prefix: text, .. }
            | PathMatch::SeparatedPrefix { prefix: text, .. },
        ) => ((**text).into(), false),
        Some(PathMatch::Regex(regex)) => {
            let Shape { literal, rest, ignore_case } = regex.shape();
            match regex.glob() {
                Some(glob) if *rest == Rest::Unknown && glob.ending() != Ending::Unsure => {
                    let text = |step| match step {
                        Step::Text(text) => text.to_owned(),
                        Step::Segment => ANY_SEGMENT.to_string(),
                    };
                    (glob.steps().into_iter().map(text).collect::<String>().into(), false)
                }
                _ => ((**literal).into(), *rest == Rest::Nothing && !ignore_case),
            }
        }
    };
    // Every path starts with a slash, so "/" covers what is for any path.
    if text.is_empty() { ("/".into(), false) } else { (text, is_exact) }
}

/// A rule for which an earlier one is looked for that covers it.
struct Later<'m> {
    matches: &'m [Option<&'m RequestMatch>],
    matcher: &'m RequestMatch,
    path: Cow<'m, str>,
    is_exact: bool,
}

impl Subject for Later<'_> {
    /// What covers the match covers each of its hosts.
    fn host(&self) -> Option<&str> {
        self.matcher.hosts.first().map(|host| match host {
            HostPattern::Exact(name) => &**name,
            HostPattern::Below(suffix) => &**suffix,
        })
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn value(&self, field: &Field) -> FieldValue<'_> {
        field.value_to_cover(self.matcher)
    }

    /// Of these patterns, those that are the same as this one are found by their text; of the others,
    /// what they cover is told for one path alone.
    fn takes_unsure(&self) -> bool {
        self.is_exact
    }

    fn is_met_by(&self, rule: usize, _: bool) -> bool {
        self.matches.get(rule).copied().flatten().is_some_and(|m| m.covers(self.matcher))
    }
}
