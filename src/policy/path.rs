//! The one form in which paths are compared.
//!
//! A request's path has many spellings. A proxy that compares one of them while the application
//! behind it reads another can be walked around (CVE-2019-9901). So a path is brought into a
//! canonical form first, and a path that two servers could read differently is refused.

mod spelling;

use std::borrow::Cow;

pub use self::spelling::{EncodedSlashes, PathError};
use self::spelling::{Spelled, is_canonical, normalize_encoding, resolve_segments};
use crate::request::split_target;

/// A path in canonical form: it starts with `/`, has no dot segment, no empty segment but perhaps
/// the last, and spells every byte in one way: literally where RFC 3986 §3.3 allows the byte in a
/// segment, else as `%XX` in upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

impl<'a> CanonicalPath<'a> {
    /// Brings the value of `:path` into canonical form; the query is cut off.
    ///
    /// # Errors
    /// When two servers could read the path differently.
    pub fn new(target: &'a [u8], slashes: EncodedSlashes) -> Result<Self, PathError> {
        PathReadings::new(target, slashes).map(|readings| readings.canonical)
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest path that is looked at, in bytes. Rules with expressions cost time by its length.
const MAX_LENGTH: usize = 8 * 1024;

/// A path in canonical form, and as servers read it that leave something of that form undone.
///
/// The proxy passes the path on as it came. So a request has to meet the demand of every policy that
/// one of these readings selects: whichever the upstream takes, its demand is met.
#[derive(Debug)]
pub struct PathReadings<'a> {
    canonical: CanonicalPath<'a>,
    /// The same without its trailing slash; in `others` for a path that needed a closer look.
    shorter: Option<&'a str>,
    others: Vec<Box<str>>,
    is_plain: bool,
}

impl<'a> PathReadings<'a> {
    /// Reads the value of `:path`; the query is cut off.
    ///
    /// # Errors
    /// When two servers could read the path so differently that no reading can be trusted.
    pub fn new(target: &'a [u8], slashes: EncodedSlashes) -> Result<Self, PathError> {
        let (path, _) = split_target(target);
        if path.first() != Some(&b'/') {
            return Err(PathError::NotAPath);
        }
        if path.len() > MAX_LENGTH {
            return Err(PathError::TooLong);
        }
        if is_canonical(path)
            && let Ok(path) = std::str::from_utf8(path)
        {
            return Ok(Self {
                canonical: CanonicalPath(Cow::Borrowed(path)),
                shorter: without_trailing_slash(path),
                others: Vec::new(),
                is_plain: true,
            });
        }
        let Spelled { path: spelled, is_needlessly_encoded } = normalize_encoding(path, slashes)?;
        let canonical = resolve_segments(&spelled)?;
        let is_plain = !is_needlessly_encoded && canonical == spelled && !spelled.contains(';');
        let others = other_readings(&spelled, &canonical)?;
        let canonical = CanonicalPath(Cow::Owned(canonical));
        Ok(Self { canonical, shorter: None, others, is_plain })
    }

    /// Every reading, the canonical one first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let others = self.others.iter().map(|path| &**path);
        std::iter::once(self.canonical.as_str()).chain(self.shorter).chain(others)
    }

    /// Whether the proxy's own routes cannot have been chosen by another spelling: the path came in
    /// canonical form, without parameters, and with nothing encoded that proxies decode or compare.
    pub const fn is_plain(&self) -> bool {
        self.is_plain
    }
}

/// What servers read that leave something undone: dot segments (many application frameworks),
/// repeated slashes, a trailing slash; or do more: drop parameters (Servlet containers), take what
/// follows `//` for a host (URL parsers), decode before they cut off query and fragment, decode
/// slashes.
fn other_readings(spelled: &str, canonical: &str) -> Result<Vec<Box<str>>, PathError> {
    let mut readings = vec![canonical.to_owned(), spelled.to_owned(), merge_slashes(spelled)];
    if let Some(after) = spelled.strip_prefix("//") {
        let path = after.find('/').and_then(|at| after.get(at..)).unwrap_or("/");
        readings.push(resolve_segments(path)?);
    }
    if spelled.contains("%2F") || spelled.contains("%5C") {
        let decoded = spelled.replace("%2F", "/").replace("%5C", "/");
        readings.push(resolve_segments(&decoded)?);
    }
    let mut all: Vec<Box<str>> = Vec::new();
    for reading in readings {
        let cut = reading.find("%3F").into_iter().chain(reading.find("%23")).min();
        let cut = cut.and_then(|at| reading.get(..at)).map(str::to_owned);
        for reading in std::iter::once(reading).chain(cut) {
            let stripped = without_parameters(&reading)?;
            for reading in std::iter::once(reading).chain(stripped) {
                if let Some(shorter) = without_trailing_slash(&reading) {
                    all.push(shorter.into());
                }
                all.push(reading.into());
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all.retain(|reading| **reading != *canonical);
    Ok(all)
}

/// A path without the parameters (`;…`) of its segments, where it has some.
fn without_parameters(path: &str) -> Result<Option<String>, PathError> {
    if !path.contains(';') {
        return Ok(None);
    }
    let kept = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    // Dropping a parameter can leave an empty segment behind.
    resolve_segments(&kept.collect::<Vec<_>>().join("/")).map(Some)
}

fn without_trailing_slash(path: &str) -> Option<&str> {
    path.strip_suffix('/').filter(|shorter| !shorter.is_empty())
}

fn merge_slashes(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !merged.ends_with('/') {
            merged.push(character);
        }
    }
    merged
}

#[cfg(test)]
mod tests;
