//! The one form in which paths are compared.
//!
//! A request's path has many spellings. A proxy that compares one of them while the application
//! behind it reads another can be walked around (CVE-2019-9901). So a path is brought into a
//! canonical form first, and a path that two servers could read differently is refused.

use std::borrow::Cow;
use std::fmt;

use crate::request::split_target;

/// A path in canonical form: it starts with `/`, has no dot segment, no empty segment but perhaps
/// the last, and spells every byte in one way: literally where RFC 3986 §3.3 allows the byte in a
/// segment, else as `%XX` in upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

/// What happens to `%2F` and `%5C`, which some servers read as a separator and some do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodedSlashes {
    /// The request is refused.
    #[default]
    Reject,
    /// They are kept as they are, as a part of a segment.
    Keep,
}

/// Why a path is refused: two servers could read it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// There is none, or it does not start with `/`.
    NotAPath,
    /// A control byte, a space, or a byte beyond ASCII stands in it unencoded or encoded.
    Control,
    /// A backslash, which some servers read as a slash.
    Backslash,
    /// A fragment, which no client sends (RFC 9112 §3.2) and servers cut or keep.
    Fragment,
    /// `%` without two hexadecimal digits after it.
    BadPercentEncoding,
    /// `%2F` or `%5C`, while the configuration rejects them.
    EncodedSlash,
    /// Decoded once, it still holds `%` and two hexadecimal digits: a server that decodes twice reads another path.
    DoubleEncoding,
    /// The decoded bytes are not UTF-8; overlong forms hide dots and slashes this way.
    NotUtf8,
    /// A repeated slash before a `..` segment: servers that merge slashes first read another path
    /// than those that resolve dot segments first.
    SlashesBeforeDotSegment,
    /// A `;` in or before a dot segment: servers differ in what `..;` and `;/..` mean.
    ParameterBeforeDotSegment,
    /// It is longer than this filter looks at.
    TooLong,
    /// It is not in its plain form, and the proxy's route for it decides the policy: the upstream
    /// could read a path that has another route.
    NotPlain,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAPath => "the request target is not a path",
            Self::Control => "the path holds a control byte, a space or a byte beyond ASCII",
            Self::Backslash => "the path holds a backslash",
            Self::Fragment => "the path holds a fragment",
            Self::BadPercentEncoding => "the path holds a bad percent-encoding",
            Self::EncodedSlash => "the path holds an encoded slash or backslash",
            Self::DoubleEncoding => "the path is percent-encoded twice",
            Self::NotUtf8 => "the path does not decode to UTF-8",
            Self::SlashesBeforeDotSegment => "the path holds a repeated slash before a dot segment",
            Self::ParameterBeforeDotSegment => "the path holds a ';' in or before a dot segment",
            Self::TooLong => "the path is too long",
            Self::NotPlain => {
                "the proxy's route decides, and the path has another spelling or a parameter"
            }
        })
    }
}

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
            let others = without_trailing_slash(path).map(Box::from).into_iter().collect();
            return Ok(Self {
                canonical: CanonicalPath(Cow::Borrowed(path)),
                others,
                is_plain: true,
            });
        }
        let Spelled { path: spelled, is_needlessly_encoded } = normalize_encoding(path, slashes)?;
        let canonical = resolve_segments(&spelled)?;
        let is_plain = !is_needlessly_encoded && canonical == spelled && !spelled.contains(';');
        let others = other_readings(&spelled, &canonical)?;
        Ok(Self { canonical: CanonicalPath(Cow::Owned(canonical)), others, is_plain })
    }

    /// Every reading, the canonical one first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.canonical.as_str()).chain(self.others.iter().map(|path| &**path))
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

/// Whether `byte` may stand literally in a canonical segment: `pchar` of RFC 3986 §3.3.
const fn is_pchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.' | b'_' | b'~' // unreserved
                | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' // sub-delims
                | b':' | b'@'
        )
}

/// The quick look that most requests pass: nothing in the path needs a change or a closer look.
fn is_canonical(path: &[u8]) -> bool {
    let mut previous = 0;
    for &byte in path {
        let plain = byte == b'/' || (is_pchar(byte) && byte != b';');
        // A dot that begins a segment, and a second slash, need the closer look.
        if !plain || (previous == b'/' && matches!(byte, b'.' | b'/')) {
            return false;
        }
        previous = byte;
    }
    true
}

/// A path in which every byte is spelled in its one way.
struct Spelled {
    path: String,
    /// Whether something was encoded that need not be.
    is_needlessly_encoded: bool,
}

/// Spells every byte of the path in its one way.
fn normalize_encoding(path: &[u8], slashes: EncodedSlashes) -> Result<Spelled, PathError> {
    let mut spelled = String::with_capacity(path.len());
    let mut is_needlessly_encoded = false;
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.iter();
    while let Some(&byte) = rest.next() {
        let value = match byte {
            b'\\' => return Err(PathError::Backslash),
            b'#' => return Err(PathError::Fragment),
            b'/' => {
                spelled.push('/');
                decoded.push(byte);
                continue;
            }
            b'%' => {
                let value = hex_pair(&mut rest).ok_or(PathError::BadPercentEncoding)?;
                if slashes == EncodedSlashes::Reject && matches!(value, b'/' | b'\\') {
                    return Err(PathError::EncodedSlash);
                }
                // Unreserved characters (RFC 3986 §2.3), and two that routes and servers set apart.
                is_needlessly_encoded |= value.is_ascii_alphanumeric()
                    || matches!(value, b'-' | b'.' | b'_' | b'~' | b':' | b';');
                value
            }
            // A raw byte beyond ASCII has no meaning in a request target (RFC 9112 §3.2).
            0..=b' ' | 0x7f.. => return Err(PathError::Control),
            byte => byte,
        };
        match value {
            0..=0x1f | 0x7f => return Err(PathError::Control),
            value if is_pchar(value) => spelled.push(char::from(value)),
            value => push_encoded(&mut spelled, value),
        }
        decoded.push(value);
    }
    if is_encoded_again(&decoded) {
        return Err(PathError::DoubleEncoding);
    }
    // Bytes that are not UTF-8 include the overlong spellings of '.' and '/'.
    if std::str::from_utf8(&decoded).is_err() {
        return Err(PathError::NotUtf8);
    }
    Ok(Spelled { path: spelled, is_needlessly_encoded })
}

/// Whether decoding once more would change the path.
fn is_encoded_again(decoded: &[u8]) -> bool {
    let mut rest = decoded.iter();
    while rest.find(|byte| **byte == b'%').is_some() {
        if hex_pair(&mut rest.clone()).is_some() {
            return true;
        }
    }
    false
}

/// Reads two hexadecimal digits.
fn hex_pair(rest: &mut std::slice::Iter<'_, u8>) -> Option<u8> {
    let mut digit = || char::from(*rest.next()?).to_digit(16);
    let (high, low) = (digit()?, digit()?);
    u8::try_from((high << 4) | low).ok()
}

fn push_encoded(spelled: &mut String, byte: u8) {
    let digit = |value: u8| {
        char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
    };
    spelled.push('%');
    spelled.push(digit(byte >> 4));
    spelled.push(digit(byte & 0x0f));
}

/// Resolves dot segments (RFC 3986 §5.2.4) and merges repeated slashes.
fn resolve_segments(path: &str) -> Result<String, PathError> {
    let mut kept: Vec<&str> = Vec::new();
    // What RFC 3986 leaves: there an empty segment is one that ".." can take away.
    let mut kept_unmerged: Vec<&str> = Vec::new();
    let mut parameter_seen = false;
    let mut ends_in_directory = false;
    for segment in path.split('/').skip(1) {
        let name = segment.split(';').next().unwrap_or_default();
        let is_dot_segment = matches!(name, "." | "..");
        parameter_seen |= segment.contains(';');
        if is_dot_segment && parameter_seen {
            return Err(PathError::ParameterBeforeDotSegment);
        }
        ends_in_directory = segment.is_empty() || is_dot_segment;
        match segment {
            "." => {}
            ".." => {
                kept.pop();
                kept_unmerged.pop();
            }
            "" => kept_unmerged.push(segment),
            segment => {
                kept.push(segment);
                kept_unmerged.push(segment);
            }
        }
    }
    kept_unmerged.retain(|segment| !segment.is_empty());
    if kept != kept_unmerged {
        return Err(PathError::SlashesBeforeDotSegment);
    }
    let mut resolved = String::with_capacity(path.len());
    for segment in &kept {
        resolved.push('/');
        resolved.push_str(segment);
    }
    if ends_in_directory || resolved.is_empty() {
        resolved.push('/');
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(path: &str) -> Result<String, PathError> {
        CanonicalPath::new(path.as_bytes(), EncodedSlashes::Reject).map(|p| p.as_str().to_owned())
    }

    #[test]
    fn spellings_of_one_path_become_one() {
        for (path, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("/a/b?x=/../c", "/a/b"),
            ("/a?", "/a"),
            ("//a///b", "/a/b"),
            ("/./a/./b/.", "/a/b/"),
            ("/a/../b", "/b"),
            ("//a/../b", "/b"),
            ("/a//b/../c", "/a/c"),
            ("/a/..//b", "/b"),
            ("/a/b/..", "/a/"),
            ("/../../a", "/a"),
            ("/..", "/"),
            ("/%61dmin", "/admin"),
            ("/a/%2e%2E/b", "/b"),
            ("/%2e/a", "/a"),
            ("/a/.%2e/b", "/b"),
            ("/a%7eb", "/a~b"),
            ("/a%40b", "/a@b"),
            ("/a%3db", "/a=b"),
            ("/a%20b%c3%a9", "/a%20b%C3%A9"),
            ("/a{b}", "/a%7Bb%7D"),
            ("/a%7bb%7d", "/a%7Bb%7D"),
            ("/a%3Fb", "/a%3Fb"),
            ("/100%25", "/100%25"),
            ("/100%25/x", "/100%25/x"),
            ("/.well-known/x", "/.well-known/x"),
            ("/...", "/..."),
            ("/a;x=1/b", "/a;x=1/b"),
            ("/a%3bx", "/a;x"),
        ] {
            assert_eq!(canonical(path).as_deref(), Ok(expected), "{path}");
        }
    }

    #[test]
    fn paths_that_two_servers_could_read_differently_are_refused() {
        use PathError as E;
        for (path, expected) in [
            ("", E::NotAPath),
            ("*", E::NotAPath),
            ("a/b", E::NotAPath),
            ("?/a", E::NotAPath),
            ("/a b", E::Control),
            ("/a\u{0}", E::Control),
            ("/a\u{7f}", E::Control),
            ("/é", E::Control),
            ("/a%00", E::Control),
            ("/a%0d%0a", E::Control),
            ("/a%7F", E::Control),
            ("/a\\b", E::Backslash),
            ("/a#b", E::Fragment),
            ("/a%", E::BadPercentEncoding),
            ("/a%zz", E::BadPercentEncoding),
            ("/a%2", E::BadPercentEncoding),
            ("/a%+1", E::BadPercentEncoding),
            ("/a%2fb", E::EncodedSlash),
            ("/a%2Fb", E::EncodedSlash),
            ("/a%5cb", E::EncodedSlash),
            ("/a%252e", E::DoubleEncoding),
            ("/a%25%32%65", E::DoubleEncoding),
            ("/a%c0%ae", E::NotUtf8),
            ("/a%c0%afb", E::NotUtf8),
            ("/a%ff", E::NotUtf8),
            ("/a//../b", E::SlashesBeforeDotSegment),
            ("/a/b//../../c", E::SlashesBeforeDotSegment),
            ("/a//x/../../b", E::SlashesBeforeDotSegment),
            ("/a//.//../b", E::SlashesBeforeDotSegment),
            ("/a/%2e//%2e%2e/b", E::SlashesBeforeDotSegment),
            ("/a/..;/b", E::ParameterBeforeDotSegment),
            ("/a/..;x=1/b", E::ParameterBeforeDotSegment),
            ("/a/.;/b", E::ParameterBeforeDotSegment),
            ("/a/%2e%2e%3b/b", E::ParameterBeforeDotSegment),
            ("/a;x/../b", E::ParameterBeforeDotSegment),
            ("/a;/x/.", E::ParameterBeforeDotSegment),
        ] {
            assert_eq!(canonical(path), Err(expected), "{path}");
        }
    }

    #[test]
    fn encoded_slashes_can_be_kept_as_part_of_a_segment() {
        let keep = |path: &'static str| {
            CanonicalPath::new(path.as_bytes(), EncodedSlashes::Keep).map(|p| p.as_str().to_owned())
        };
        assert_eq!(keep("/a%2fb/%5c").as_deref(), Ok("/a%2Fb/%5C"));
        assert_eq!(keep("/a/..%2fb").as_deref(), Ok("/a/..%2Fb"));
        assert_eq!(keep("/a%00"), Err(PathError::Control));
        assert_eq!(keep("/a\\b"), Err(PathError::Backslash));
    }

    #[test]
    fn other_readings_are_what_servers_make_of_a_path() {
        let others = |path: &'static str| {
            let slashes = EncodedSlashes::Keep;
            let readings = PathReadings::new(path.as_bytes(), slashes).unwrap();
            readings.iter().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        for (path, expected) in [
            ("/a/b", vec![]),
            ("/", vec![]),
            ("/a/b?c/", vec![]),
            ("/a/b/", vec!["/a/b"]),
            ("/%61/b", vec![]),
            ("/a;x=1/b;y", vec!["/a/b"]),
            ("/a/;x/b", vec!["/a/b"]),
            ("/;x", vec!["/"]),
            ("/a/../b", vec!["/a/../b"]),
            ("/a/%2e%2e/b", vec!["/a/../b"]),
            ("/a/.", vec!["/a", "/a/."]),
            ("/a//b", vec!["/a//b"]),
            ("//a/b", vec!["//a/b", "/b"]),
            ("//a", vec!["/", "//a"]),
            ("/a%3fb/c", vec!["/a"]),
            ("/a%23b", vec!["/a"]),
            ("/a%2fb", vec!["/a/b"]),
            ("/a/..%2fb", vec!["/b"]),
            ("/a%5c..%5cb", vec!["/b"]),
        ] {
            assert_eq!(others(path), expected, "{path}");
        }
        let bad = PathReadings::new(b"/a;x%2f../b", EncodedSlashes::Keep).map(|_| ());
        assert_eq!(bad, Err(PathError::ParameterBeforeDotSegment));
    }

    #[test]
    fn a_plain_path_has_one_spelling() {
        let is_plain = |path: &str| {
            PathReadings::new(path.as_bytes(), EncodedSlashes::Reject).unwrap().is_plain()
        };
        for path in ["/", "/a/b", "/a/b/?c;d", "/a%20b", "/a%c3%a9", "/a%40b", "/a:b", "/.x"] {
            assert!(is_plain(path), "{path}");
        }
        for path in ["/%61", "//a", "/a//b", "/./a", "/a/../b", "/a;x", "/a%3bx", "/a%3ab"] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn a_path_that_is_too_long_is_refused() {
        let path = format!("/{}", "a".repeat(MAX_LENGTH - 1));
        assert_eq!(canonical(&path), Ok(path.clone()));
        assert_eq!(canonical(&format!("{path}a")), Err(PathError::TooLong));
        assert!(canonical(&format!("{path}?{path}")).is_ok());
    }

    proptest! {
        #[test]
        fn a_canonical_path_is_a_fixed_point(path in "/[a-c./;%25eEfF0-2 {}@~?-]{0,24}") {
            if let Ok(once) = canonical(&path) {
                prop_assert_eq!(canonical(&once), Ok(once));
            }
        }

        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = CanonicalPath::new(&bytes, EncodedSlashes::Reject);
            let _ = CanonicalPath::new(&bytes, EncodedSlashes::Keep);
        }

        #[test]
        fn encoding_any_letter_makes_no_difference(path in "/[a-z/._-]{0,16}", at in 0_usize..17) {
            let encoded: String = path.chars().enumerate().map(|(i, c)| {
                if i == at && c != '/' { format!("%{:02x}", u32::from(c)) } else { c.to_string() }
            }).collect();
            prop_assert_eq!(canonical(&path), canonical(&encoded));
        }
    }
}
