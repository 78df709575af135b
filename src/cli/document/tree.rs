//! A document with the place in the text of everything in it.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};

use crate::cli::place::{Place, Step};

/// A value, and where it stands.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Tree {
    /// Where its text begins and ends, in bytes. Of a list or an object, where that begins: nothing
    /// where it is written in blocks, its bracket otherwise. `None` where that is not known.
    span: Option<Range<usize>>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Scalar(Value),
    List(Vec<Tree>),
    /// Each member with the place of its key.
    Object(Vec<Member>),
}

#[derive(Clone, Debug)]
struct Member {
    key: String,
    span: Option<Range<usize>>,
    tree: Tree,
}

/// What there is at a place, or near it.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Found<'t> {
    tree: &'t Tree,
    /// The member that it is.
    member: Option<&'t Member>,
    /// Whether it is what was looked for, and not something around it.
    is_whole: bool,
}

impl Tree {
    /// A value of which no place is known.
    pub(super) fn nowhere(value: Value) -> Self {
        Self { span: None, content: Content::Scalar(value) }
    }

    /// The value, without places.
    pub(super) fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Object(members) => {
                let members = members.iter().map(|m| (m.key.clone(), m.tree.to_value()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// What is at the place, or the nearest thing around it.
    pub(in crate::cli) fn at(&self, place: &Place) -> Found<'_> {
        let mut found = Found { tree: self, member: None, is_whole: true };
        for step in place.steps() {
            let next = match (&found.tree.content, step) {
                (Content::Object(members), Step::Key(key)) => {
                    members.iter().find(|m| m.key == *key).map(|m| (&m.tree, Some(m)))
                }
                (Content::List(items), Step::Index(index)) => {
                    items.get(*index).map(|item| (item, None))
                }
                _ => None,
            };
            let Some((tree, member)) = next else {
                return Found { is_whole: false, ..found };
            };
            found = Found { tree, member, is_whole: true };
        }
        found
    }

    /// The text of a scalar begins and ends here.
    pub(in crate::cli) fn scalar(&self) -> Option<(&str, Range<usize>)> {
        match &self.content {
            Content::Scalar(Value::String(text)) => Some((text, self.span.clone()?)),
            _ => None,
        }
    }
}

impl<'t> Found<'t> {
    /// The value found.
    pub(in crate::cli) const fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Whether it is what was looked for, and not something around it.
    pub(in crate::cli) const fn is_whole(self) -> bool {
        self.is_whole
    }

    /// What is at an inner place as messages show it, such as `rules[0].match`, or the nearest thing
    /// around it.
    pub(in crate::cli) fn inside(self, shown: &str) -> Self {
        let (mut found, mut rest) = (self, shown);
        while !rest.is_empty() {
            let next = found.step(rest);
            let Some((next, after)) = next else { return Self { is_whole: false, ..found } };
            (found, rest) = (next, after);
        }
        found
    }

    /// One step along a place as messages show it, and what is left of the way.
    fn step(self, shown: &str) -> Option<(Self, &str)> {
        let is_end = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
        match &self.tree.content {
            Content::Scalar(_) => None,
            Content::List(items) => {
                let (index, rest) = shown.strip_prefix('[')?.split_once(']')?;
                let tree = items.get(index.parse::<usize>().ok()?)?;
                is_end(rest).then_some((Found { tree, member: None, is_whole: true }, rest))
            }
            Content::Object(members) => members.iter().find_map(|member| {
                let plain = shown.strip_prefix('.').unwrap_or(shown).strip_prefix(&*member.key);
                let quoted = || shown.strip_prefix(&*format!("[{:?}]", member.key));
                let rest = plain.filter(|rest| is_end(rest)).or_else(quoted)?;
                let found = Found { tree: &member.tree, member: Some(member), is_whole: true };
                is_end(rest).then_some((found, rest))
            }),
        }
    }

    /// The key, where it is a member.
    pub(in crate::cli) fn key(self) -> Option<Range<usize>> {
        self.member?.span.clone()
    }

    /// What to mark for it in the text: a scalar as it stands; the key of a list or an object; where
    /// these have none, as much of them as stands on one line.
    pub(in crate::cli) fn mark(self, text: &str) -> Option<Range<usize>> {
        let span = self.tree.span.clone();
        match (&self.tree.content, self.key()) {
            (Content::Scalar(Value::Null), Some(key)) => Some(key),
            (Content::Scalar(_), key) => span.or(key),
            (_, Some(key)) => Some(key),
            (_, None) => {
                let start = span?.start;
                let end = self.tree.end(text)?;
                let line = text.get(start..end)?.lines().next()?;
                Some(start..start.saturating_add(line.trim_end().len()))
            }
        }
    }
}

impl Tree {
    /// Where its text ends.
    fn end(&self, text: &str) -> Option<usize> {
        let last = match &self.content {
            Content::Scalar(_) => return Some(self.span.as_ref()?.end),
            Content::List(items) => items.last(),
            Content::Object(members) => members.last().map(|member| &member.tree),
        };
        let span = self.span.as_ref()?;
        let inner = last.map_or(Some(span.end), |last| last.end(text))?;
        if span.is_empty() {
            return Some(inner);
        }
        // The bracket that closes it.
        let rest = text.get(inner..)?;
        let blank = |letter: char| letter.is_whitespace() || letter == ',';
        let closing = rest.trim_start_matches(blank);
        let before = rest.len().checked_sub(closing.len())?;
        let bracket = usize::from(closing.starts_with([']', '}']));
        inner.checked_add(before)?.checked_add(bracket)
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        Ok(Self { span: range(&spanned.referenced), content: spanned.value })
    }
}

/// Where a part of the text begins and ends, in bytes.
fn range(location: &Location) -> Option<Range<usize>> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let length = usize::try_from(span.byte_len()?).ok()?;
    Some(start..start.checked_add(length)?)
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
        let mut members = Vec::new();
        while let Some((key, tree)) = access.next_entry::<Spanned<String>, Tree>()? {
            members.push(Member { span: range(&key.referenced), key: key.value, tree });
        }
        Ok(Content::Object(members))
    }
}

#[cfg(test)]
mod tests;
