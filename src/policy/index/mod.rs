//! An index of rules, so that a request's cost hardly grows with their number.
//!
//! It finds the first rule that matches, as going through all of them would. Hosts and paths lead to
//! the few rules that can match; each of these is asked in turn whether it does, as long as it comes
//! before the first that was found to.

mod bucket;
mod trie;

use std::borrow::Cow;

use self::bucket::Bucket;
pub(super) use self::bucket::{Field, FieldValue};
use self::trie::{NodeId, Text, Trie, Visit};
use super::expression::{Rest, Shape};
use super::glob::{Ending, Glob, Step};
use super::host::HostPattern;
use super::rule::{PathMatch, RequestMatch};
use super::text::FullRegex;

/// Rules by host, then by path, then by other fields.
#[derive(Debug)]
pub(super) struct Index {
    /// By host names read backwards, so that names below a suffix stand together.
    hosts: Trie<Roots>,
    hosts_root: NodeId,
    any_host: Roots,
    paths: Trie<Bucket>,
}

/// Where the paths begin of rules for one host.
#[derive(Clone, Copy, Debug, Default)]
struct Roots {
    with_case: Option<NodeId>,
    /// For rules that ignore case; in lower case.
    without_case: Option<NodeId>,
}

/// What rules are looked for: a request, or another rule.
pub(super) trait Subject {
    /// The host in the form in which rules hold it, if there is one.
    fn host(&self) -> Option<&str>;
    /// The path.
    fn path(&self) -> &str;
    /// What is known of another field.
    fn value(&self, field: &Field) -> FieldValue<'_>;
    /// Whether it asks about rules of whose path the index does not hold all.
    fn takes_unsure(&self) -> bool;
    /// Whether the rule is one that is looked for. Its host and path fit; where `is_sure` is not
    /// set, the path only as far as the index can tell.
    fn is_met_by(&self, rule: usize, is_sure: bool) -> bool;
}

/// The byte before a regular expression's own text where rules are found by it. No path holds it.
const SOURCE: char = '\u{1}';

/// What stands for a segment where a pattern is looked for and not a path. No path holds it.
pub(super) const ANY_SEGMENT: char = '\u{2}';

impl Index {
    /// Takes the matches of rules, in order.
    pub(super) fn new(matches: &[Option<&RequestMatch>]) -> Self {
        Self::build(matches, false)
    }

    /// The same; rules whose path is a regular expression are found under [`source_path`] too.
    pub(super) fn with_sources(matches: &[Option<&RequestMatch>]) -> Self {
        Self::build(matches, true)
    }

    fn build(matches: &[Option<&RequestMatch>], with_sources: bool) -> Self {
        let mut hosts = Trie::default();
        let hosts_root = hosts.add_root();
        let (any_host, paths) = (Roots::default(), Trie::default());
        let mut index = Self { hosts, hosts_root, any_host, paths };
        for (rule, matcher) in matches.iter().enumerate() {
            if let Some(matcher) = matcher {
                index.add(rule, matcher, with_sources);
            }
        }
        let match_of = |rule: usize| matches.get(rule).copied().flatten();
        index.paths.items_mut().for_each(|bucket| bucket.split(&match_of));
        index.paths.finish();
        index.hosts.finish();
        index
    }

    fn add(&mut self, rule: usize, matcher: &RequestMatch, with_sources: bool) {
        let pattern = Pattern::of(matcher.path.as_ref());
        let steps = pattern.steps();
        let source = match &matcher.path {
            Some(PathMatch::Regex(regex)) if with_sources && pattern.ending == Ending::Unsure => {
                Some(source_path(regex.source()))
            }
            _ => None,
        };
        let mut add = |roots: &mut Roots| {
            let root = roots.get_or_add(pattern.ignore_case, &mut self.paths);
            add_rule(&mut self.paths, root, &steps, pattern.ending, rule);
            if let Some(source) = &source {
                let root = roots.get_or_add(false, &mut self.paths);
                add_rule(&mut self.paths, root, &[Step::Text(source)], Ending::Here, rule);
            }
        };
        if matcher.hosts.is_empty() {
            add(&mut self.any_host);
        }
        for host in &matcher.hosts {
            let (name, ending) = match host {
                HostPattern::Exact(name) => (name, Ending::Here),
                HostPattern::Below(suffix) => (suffix, Ending::Anywhere),
            };
            let backward = name.chars().rev().collect::<String>();
            let steps = [Step::Text(&backward)];
            if let Some(roots) = self.hosts.item(self.hosts_root, &steps, ending, rule) {
                add(roots);
            }
        }
    }

    /// The first rule before `limit` that the subject is met by.
    pub(super) fn find(&self, subject: &dyn Subject, limit: usize) -> Option<usize> {
        let mut search = Search { index: self, subject, limit };
        search.visit(Ending::Anywhere, &self.any_host);
        if let Some(host) = subject.host() {
            self.hosts.walk(self.hosts_root, Text::backward(host), &mut search);
        }
        (search.limit < limit).then_some(search.limit)
    }
}

/// The path under which rules are found by a regular expression's own text, whether or not it
/// ignores case.
pub(super) fn source_path(source: &str) -> String {
    format!("{SOURCE}{}", source.trim_start_matches("(?i)"))
}

fn add_rule(
    paths: &mut Trie<Bucket>,
    root: NodeId,
    steps: &[Step<'_>],
    ending: Ending,
    rule: usize,
) {
    if let Some(bucket) = paths.item(root, steps, ending, rule) {
        bucket.push(rule);
    }
}

impl Roots {
    fn get_or_add(&mut self, ignore_case: bool, paths: &mut Trie<Bucket>) -> NodeId {
        let root = if ignore_case { &mut self.without_case } else { &mut self.with_case };
        *root.get_or_insert_with(|| paths.add_root())
    }
}

/// The path of a match as the trie holds it.
struct Pattern<'m> {
    text: Cow<'m, str>,
    /// In the place of the text.
    glob: Option<&'m Glob>,
    ending: Ending,
    ignore_case: bool,
}

impl<'m> Pattern<'m> {
    fn of(path: Option<&'m PathMatch>) -> Self {
        match path {
            None => Self::text("", Ending::Anywhere, false),
            Some(PathMatch::Exact { path, ignore_case }) => {
                Self::text(path, Ending::Here, *ignore_case)
            }
            Some(PathMatch::Prefix { prefix, ignore_case }) => {
                Self::text(prefix, Ending::Anywhere, *ignore_case)
            }
            Some(PathMatch::SeparatedPrefix { prefix, ignore_case }) => {
                Self::text(prefix, Ending::Boundary, *ignore_case)
            }
            Some(PathMatch::Regex(regex)) => Self::expression(regex),
        }
    }

    fn text(text: &'m str, ending: Ending, ignore_case: bool) -> Self {
        let text = if ignore_case { text.to_ascii_lowercase().into() } else { text.into() };
        Self { text, glob: None, ending, ignore_case }
    }

    fn expression(regex: &'m FullRegex) -> Self {
        let Shape { literal, rest, ignore_case } = regex.shape();
        let ending = match rest {
            Rest::Nothing => Ending::Here,
            Rest::Anything => Ending::Anywhere,
            Rest::Unknown => Ending::Unsure,
        };
        let plain = Self::text(literal, ending, *ignore_case);
        match regex.glob().filter(|_| ending == Ending::Unsure) {
            Some(glob) => Self { glob: Some(glob), ending: glob.ending(), ..plain },
            None => plain,
        }
    }

    fn steps(&self) -> Vec<Step<'_>> {
        match self.glob {
            Some(glob) => glob.steps(),
            None => vec![Step::Text(&self.text)],
        }
    }
}

struct Search<'i> {
    index: &'i Index,
    subject: &'i dyn Subject,
    /// The rules before this one are still looked for.
    limit: usize,
}

impl Visit<Roots> for Search<'_> {
    fn wants(&self, least: usize) -> bool {
        least < self.limit
    }

    fn visit(&mut self, _: Ending, roots: &Roots) {
        let (paths, path) = (&self.index.paths, self.subject.path());
        if let Some(root) = roots.with_case {
            paths.walk(root, Text::written(path), self);
        }
        if let Some(root) = roots.without_case {
            paths.walk(root, Text::lower(path), self);
        }
    }
}

impl Visit<Bucket> for Search<'_> {
    fn wants(&self, least: usize) -> bool {
        least < self.limit
    }

    fn visit(&mut self, ending: Ending, bucket: &Bucket) {
        let (subject, limit) = (self.subject, &mut self.limit);
        let is_sure = ending != Ending::Unsure;
        if !is_sure && !subject.takes_unsure() {
            return;
        }
        bucket.visit(&|field| subject.value(field), &mut |rules| {
            let before = rules.iter().take_while(|rule| **rule < *limit);
            let met = before.copied().find(|rule| subject.is_met_by(*rule, is_sure));
            *limit = met.unwrap_or(*limit);
        });
    }
}
