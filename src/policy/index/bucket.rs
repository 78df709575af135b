//! Rules for the same hosts and paths, told apart by their other fields.

use std::borrow::Cow;

use super::super::rule::{HeaderMatch, RequestMatch, ValueCondition};
use super::super::text::{StringMatch, TextPattern};

/// Rules, in order.
#[derive(Debug)]
pub(super) enum Bucket {
    /// Few, or such as no one field tells apart.
    List(Vec<usize>),
    /// Many, by the value of a field.
    Split(Box<Split>),
}

/// Rules by the value of a field.
#[derive(Debug)]
pub(super) struct Split {
    field: Field,
    /// In the order of the values.
    by_value: Vec<(Box<str>, Bucket)>,
    /// Those that leave the field open, or ask for more than one value of it.
    others: Bucket,
}

/// A field whose value is compared with fixed ones.
#[derive(Clone, Debug)]
pub(in crate::policy) enum Field {
    /// The name of the proxy's route.
    Route,
    /// The method.
    Method,
    /// The header of this name.
    Header(Box<str>),
    /// The query parameter of this name.
    Query(Box<str>),
}

/// What is known of a field's value.
pub(in crate::policy) enum FieldValue<'v> {
    /// There is none: rules that ask for one cannot be met.
    None,
    /// It is this one.
    Text(Cow<'v, str>),
    /// It may be any.
    Unknown,
}

/// So many are looked at one after the other.
const FEW: usize = 8;

impl Field {
    /// The values of which a match asks for one; none when it can match with other values too.
    fn values<'m>(&self, matcher: &'m RequestMatch) -> Vec<&'m str> {
        match self {
            Self::Route => matcher.route.as_deref().into_iter().collect(),
            Self::Method => matcher.methods.iter().map(|method| &**method).collect(),
            Self::Header(name) => {
                let first = first_header(matcher).filter(|(found, _)| *found == &**name);
                first.map(|(_, value)| value).into_iter().collect()
            }
            Self::Query(name) => of_name(exact_queries(matcher), name).take(1).collect(),
        }
    }

    /// What a match that covers this one can ask of the field.
    pub(in crate::policy) fn value_to_cover<'m>(
        &self,
        matcher: &'m RequestMatch,
    ) -> FieldValue<'m> {
        let values = match self {
            Self::Route => matcher.route.as_deref().into_iter().collect(),
            // It takes all methods of the other, so this one too.
            Self::Method => matcher.methods.first().map(|method| &**method).into_iter().collect(),
            Self::Header(name) => of_name(exact_headers(matcher), name).collect::<Vec<_>>(),
            Self::Query(name) => of_name(exact_queries(matcher), name).collect(),
        };
        match values.as_slice() {
            [] => FieldValue::None,
            [value] => FieldValue::Text((*value).into()),
            _ => FieldValue::Unknown,
        }
    }
}

/// The name and value of the header that a match compares first, where it has to be one text. A
/// later one does not count: the header before it may not be text, and that has to be told.
fn first_header(matcher: &RequestMatch) -> Option<(&str, &str)> {
    matcher.headers.first().and_then(exact_header)
}

fn exact_headers(matcher: &RequestMatch) -> impl Iterator<Item = (&str, &str)> {
    matcher.headers.iter().filter_map(exact_header)
}

fn exact_header(header: &HeaderMatch) -> Option<(&str, &str)> {
    let is_plain = !header.invert && !header.missing_as_empty;
    exact(&header.condition).filter(|_| is_plain).map(|value| (&*header.name, value))
}

/// The names and values of query parameters that have to be one text.
fn exact_queries(matcher: &RequestMatch) -> impl Iterator<Item = (&str, &str)> {
    let queries = matcher.query_parameters.iter();
    queries.filter_map(|query| exact(&query.condition).map(|value| (&*query.name, value)))
}

fn of_name<'m>(
    pairs: impl Iterator<Item = (&'m str, &'m str)>,
    name: &str,
) -> impl Iterator<Item = &'m str> {
    pairs.filter(move |(found, _)| *found == name).map(|(_, value)| value)
}

/// The only text for which the condition holds.
fn exact(condition: &ValueCondition) -> Option<&str> {
    match condition {
        ValueCondition::Text(StringMatch {
            pattern: TextPattern::Exact(value),
            ignore_case: false,
        }) => Some(value),
        _ => None,
    }
}

impl Default for Bucket {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Bucket {
    /// Adds a rule that comes after all that are there.
    pub(super) fn push(&mut self, rule: usize) {
        // A rule can name one host twice.
        if let Self::List(rules) = self
            && rules.last() != Some(&rule)
        {
            rules.push(rule);
        }
    }

    /// Splits a long list by the field that tells its rules apart best.
    pub(super) fn split<'m>(&mut self, matcher: &dyn Fn(usize) -> Option<&'m RequestMatch>) {
        let Self::List(rules) = self else { return };
        rules.shrink_to_fit();
        if rules.len() <= FEW {
            return;
        }
        let matchers = || rules.iter().filter_map(|rule| matcher(*rule));
        let header = most_common(matchers().filter_map(first_header).map(|(name, _)| name));
        let query = most_common(matchers().flat_map(exact_queries).map(|(name, _)| name));
        let named = [header.map(Field::Header), query.map(Field::Query)];
        let fields = [Field::Route, Field::Method].into_iter().chain(named.into_iter().flatten());
        let parts = fields.map(|field| Parts::new(field, rules, matcher));
        let Some(best) = parts.min_by_key(|parts| parts.worst) else { return };
        if best.worst > rules.len() / 2 {
            return;
        }
        let with_all = |rules: Vec<usize>| {
            let mut bucket = Self::List(rules);
            bucket.split(matcher);
            bucket
        };
        let by_value = best.by_value.chunk_by(|a, b| a.0 == b.0).filter_map(|group| {
            let (value, _) = group.first()?;
            Some((Box::from(*value), with_all(group.iter().map(|(_, rule)| *rule).collect())))
        });
        let split = Split {
            by_value: by_value.collect(),
            others: with_all(best.others),
            field: best.field,
        };
        *self = Self::Split(Box::new(split));
    }

    /// Goes through the rules that the values let through, list by list, each in order.
    pub(super) fn visit<'v>(
        &self,
        value: &impl Fn(&Field) -> FieldValue<'v>,
        visit: &mut impl FnMut(&[usize]),
    ) {
        let split = match self {
            Self::List(rules) => return visit(rules),
            Self::Split(split) => split,
        };
        split.others.visit(value, visit);
        match value(&split.field) {
            FieldValue::None => {}
            FieldValue::Text(text) => {
                let place = split.by_value.binary_search_by(|(value, _)| (**value).cmp(&*text));
                if let Some((_, bucket)) = place.ok().and_then(|place| split.by_value.get(place)) {
                    bucket.visit(value, visit);
                }
            }
            FieldValue::Unknown => {
                for (_, bucket) in &split.by_value {
                    bucket.visit(value, visit);
                }
            }
        }
    }
}

/// Rules as a field would split them.
struct Parts<'m> {
    field: Field,
    /// Sorted.
    by_value: Vec<(&'m str, usize)>,
    others: Vec<usize>,
    /// How many rules would be left at most.
    worst: usize,
}

impl<'m> Parts<'m> {
    fn new(
        field: Field,
        rules: &[usize],
        matcher: &dyn Fn(usize) -> Option<&'m RequestMatch>,
    ) -> Self {
        let (mut by_value, mut others) = (Vec::new(), Vec::new());
        for &rule in rules {
            let values = matcher(rule).map(|m| field.values(m)).unwrap_or_default();
            if values.is_empty() {
                others.push(rule);
            }
            by_value.extend(values.into_iter().map(|value| (value, rule)));
        }
        by_value.sort_unstable();
        by_value.dedup();
        let largest = by_value.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len).max();
        let worst = others.len().saturating_add(largest.unwrap_or_default());
        Self { field, by_value, others, worst }
    }
}

fn most_common<'m>(names: impl Iterator<Item = &'m str>) -> Option<Box<str>> {
    let mut names = names.map(|name| (name, 0)).collect::<Vec<_>>();
    names.sort_unstable();
    let groups = names.chunk_by(|a, b| a.0 == b.0);
    groups
        .max_by_key(|group| group.len())
        .and_then(|group| group.first())
        .map(|(name, _)| (*name).into())
}
