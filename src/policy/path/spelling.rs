//! One spelling for every byte and segment of a path, or why there is none.

use std::fmt;

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

/// What a byte means to the quick look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Plain,
    Dot,
    Slash,
    Other,
}

/// The class of each byte: a table, since every request's path is looked at.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte: u8 = 0;
    loop {
        let class = match byte {
            b'.' => Class::Dot,
            b'/' => Class::Slash,
            byte if is_pchar(byte) && byte != b';' => Class::Plain,
            _ => Class::Other,
        };
        // The index is a byte, and the table has a place for each.
        #[allow(clippy::as_conversions, clippy::indexing_slicing)]
        {
            classes[byte as usize] = class;
        }
        if byte == u8::MAX {
            break classes;
        }
        byte = byte.wrapping_add(1);
    }
};

/// The quick look that most requests pass: nothing in the path needs a change or a closer look.
pub(super) fn is_canonical(path: &[u8]) -> bool {
    let mut previous = Class::Plain;
    path.iter().all(|byte| {
        let class = CLASSES.get(usize::from(*byte)).copied().unwrap_or(Class::Other);
        // A dot that begins a segment, and a second slash, need the closer look.
        let is_plain = match class {
            Class::Plain => true,
            Class::Dot | Class::Slash => previous != Class::Slash,
            Class::Other => false,
        };
        previous = class;
        is_plain
    })
}

/// A path in which every byte is spelled in its one way.
pub(super) struct Spelled {
    pub(super) path: String,
    /// Whether something was encoded that need not be.
    pub(super) is_needlessly_encoded: bool,
}

/// Spells every byte of the path in its one way.
pub(super) fn normalize_encoding(
    path: &[u8],
    slashes: EncodedSlashes,
) -> Result<Spelled, PathError> {
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
pub(super) fn resolve_segments(path: &str) -> Result<String, PathError> {
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
