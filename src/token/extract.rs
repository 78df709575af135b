//! Finding the token of a request.

use std::borrow::Cow;
use std::sync::Arc;
use std::{fmt, ptr};

use super::place::{Place, Scheme, cookie_pair, decode_query_value, query_parameter};
use super::{CacheLimits, Evidence, alike, hidden};
use crate::request::{Headers, split_target};

/// Where tokens stand, and how long they may be.
#[derive(Debug)]
pub struct TokenSettings {
    /// Where tokens can stand.
    pub places: Vec<Place>,
    /// Whether the upstream gets the token too.
    pub forward: bool,
    /// The longest token that is looked at, in bytes.
    pub max_length: usize,
    /// How many proven tokens a worker remembers.
    pub cache: CacheLimits,
}

/// A token as it came. It may be anything; it is not verified.
#[derive(Clone, Debug)]
pub struct Presented<'r> {
    /// Its bytes.
    pub token: Cow<'r, [u8]>,
    /// What it came with.
    pub scheme: Scheme,
    /// What it proved before, where that is remembered.
    pub remembered: Option<Arc<Evidence>>,
}

/// What is remembered of a token.
pub type Memory<'m> = &'m dyn Fn(&[u8]) -> Option<Arc<Evidence>>;

/// Why a request's credentials are no single token (RFC 6750 §3.1: `invalid_request`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedCredentials {
    /// More than one token, or more than one value of a header that carries one, or what only some
    /// servers take for one: they differ in which of them they read.
    Several,
    /// The scheme without a token after it.
    Empty,
    /// A query parameter that servers decode in different ways.
    BadEncoding,
}

impl fmt::Display for MalformedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Several => "the request carries more than one token, or a header for one twice",
            Self::Empty => "a header names a scheme but carries no token",
            Self::BadEncoding => "the query parameter for the token is not well percent-encoded",
        })
    }
}

/// Credentials that are no single token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// Why.
    pub why: MalformedCredentials,
    /// The scheme that the client used; of two, the one that asks for more.
    pub scheme: Option<Scheme>,
}

/// Finds the token. `Ok(None)` when there is none in any of the places: other credentials are none,
/// and neither is an empty value.
///
/// A header that holds one token, which was proven before, and nothing else is found out quickly: who
/// proved it has looked at each of its bytes.
///
/// # Errors
/// When it is not clear which token is meant (RFC 6750 §2: one way in each request).
pub fn extract<'r>(
    headers: &'r Headers,
    places: &[Place],
    memory: Memory<'_>,
) -> Result<Option<Presented<'r>>, Unclear> {
    find(headers, places, memory)
        .map_err(|why| Unclear { why, scheme: scheme_seen(headers, places) })
}

fn scheme_seen(headers: &Headers, places: &[Place]) -> Option<Scheme> {
    let is_seen = |wanted: &Scheme| {
        let with_it = places.iter().filter_map(|place| match place {
            Place::Header { name, scheme } if scheme == wanted => Some(name),
            _ => None,
        });
        with_it.into_iter().any(|name| {
            alike::headers(headers, name).any(|(_, value)| alike::schemes(value, *wanted) > 0)
        })
    };
    [Scheme::DPoP, Scheme::Bearer].into_iter().find(is_seen)
}

fn find<'r>(headers: &'r Headers, places: &[Place], memory: Memory<'_>) -> Found<'r> {
    let mut found: Option<Presented<'_>> = None;
    let mut seen = Seen::default();
    for place in places {
        let presented = match place {
            Place::Header { name, scheme } => in_header(headers, name, *scheme, memory, &mut seen)?,
            Place::Cookie(name) => in_cookies(headers, name)?,
            Place::Query(name) => in_query(headers, name)?,
        };
        if let Some(presented) = presented
            && found.replace(presented).is_some()
        {
            return Err(MalformedCredentials::Several);
        }
    }
    // One that no place reads, beside one that was found, would come through unseen.
    let token = found.as_ref().map(|found| &*found.token);
    if token.is_some()
        && hidden::are_several(places)
        && hidden::beside(headers, places, token, seen.plain)
    {
        return Err(MalformedCredentials::Several);
    }
    Ok(found)
}

/// What was found out about the value of a header. Several places can look into the same.
#[derive(Default)]
struct Seen<'r> {
    /// The value that holds a token which is remembered.
    plain: Option<&'r [u8]>,
    /// The last value that was looked through, and its only word before a blank.
    looked_through: Option<(&'r [u8], Option<&'r [u8]>)>,
}

type Found<'r> = Result<Option<Presented<'r>>, MalformedCredentials>;

fn in_header<'r>(
    headers: &'r Headers,
    name: &str,
    scheme: Scheme,
    memory: Memory<'_>,
    seen: &mut Seen<'r>,
) -> Found<'r> {
    let mut values = alike::headers(headers, name);
    let Some((found, value)) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(MalformedCredentials::Several);
    }
    // Another scheme can be looked for in the same header.
    if seen.plain.is_some_and(|plain| ptr::eq(plain, value)) {
        return Ok(None);
    }
    if found == name.as_bytes()
        && let Some(token) = scheme.plain(value)
        && let Some(evidence) = memory(token)
    {
        seen.plain = Some(value);
        let remembered = Some(evidence);
        return Ok(Some(Presented { token: Cow::Borrowed(token), scheme, remembered }));
    }
    let value = value.trim_ascii();
    let known = seen.looked_through.filter(|(seen, _)| ptr::eq(*seen, value));
    let (_, word) = known.unwrap_or_else(|| (value, alike::only_word_before_a_blank(value)));
    seen.looked_through = Some((value, word));
    let times = alike::schemes_in(value, word, scheme);
    if times == 0 {
        return Ok(None);
    }
    let only = scheme
        .strip(value)
        .filter(|_| found == name.as_bytes() && times == 1)
        // Where there is one word only, there is no comma.
        .filter(|_| word.is_some() || !value.contains(&b','));
    match only.ok_or(MalformedCredentials::Several)?.trim_ascii() {
        [] => Err(MalformedCredentials::Empty),
        token => Ok(Some(Presented { token: Cow::Borrowed(token), scheme, remembered: None })),
    }
}

/// A client may send its cookies in several headers (RFC 9113 §8.2.3).
fn in_cookies<'r>(headers: &'r Headers, name: &str) -> Found<'r> {
    let pieces = headers.values("cookie").flat_map(|value| value.split(|byte| *byte == b';'));
    let tokens = pieces
        .filter_map(cookie_pair)
        .filter(|(found, value)| *found == name.as_bytes() && !value.is_empty());
    let alike = headers.values("cookie").flat_map(|value| alike::cookies(value, name));
    only(tokens.map(|(_, value)| Ok(Cow::Borrowed(value))), alike)
}

fn in_query<'r>(headers: &'r Headers, name: &str) -> Found<'r> {
    let target = headers.single(":path").unwrap_or_default();
    let (path, query) = split_target(target);
    let query = query.unwrap_or_default();
    // Some servers decode before they cut off the query.
    let encoded = path.windows(3).position(|bytes| bytes.eq_ignore_ascii_case(b"%3F"));
    let encoded = encoded.and_then(|at| path.get(at..)?.get(3..)).unwrap_or_default();
    let tokens = query
        .split(|byte| *byte == b'&')
        .map(query_parameter)
        .filter(|(found, value)| found == name.as_bytes() && !value.is_empty());
    only(
        tokens.map(|(_, value)| decode_query_value(value).ok_or(MalformedCredentials::BadEncoding)),
        alike::parameters(query, name).chain(alike::parameters(encoded, name)),
    )
}

/// The token, where there is no more than one, and no value that looks like another. One that only
/// looks like a token is refused even where it is alone: whoever takes it for one would read what
/// nobody here, or in a filter before, has verified.
fn only<'r>(
    mut tokens: impl Iterator<Item = Result<Cow<'r, [u8]>, MalformedCredentials>>,
    alike: impl Iterator<Item = bool>,
) -> Found<'r> {
    let token = tokens.next().transpose()?;
    // The token looks like one too.
    let mut filled = alike.filter(|is_filled| *is_filled).skip(usize::from(token.is_some()));
    if tokens.next().is_some() || filled.next().is_some() {
        return Err(MalformedCredentials::Several);
    }
    Ok(token.map(|token| Presented { token, scheme: Scheme::None, remembered: None }))
}

#[cfg(test)]
mod tests;
