//! What other readers of a request take for a token, and the filter does not: a name or a scheme in
//! a spelling that only some servers understand.
//!
//! A client could put a good token where the filter looks, and another's, in such a spelling, where
//! the application does. So reading is strict, and this is loose: what looks like one token more is
//! a reason to refuse. It is on the path of every request, and allocates nothing.

use percent_encoding::percent_decode;

use super::place::Scheme;
use crate::request::Headers;

/// Whether some server takes `found` for the name of a cookie or a query parameter that is called
/// `name`: PHP cuts at NUL, takes spaces off and reads `.`, ` ` and `[` as `_`; Rack and the `qs` of
/// Express take off brackets; ASP.NET ignores case; and names are percent-decoded, in cookies too.
pub(super) fn is_name(found: &[u8], name: &str) -> bool {
    let inner = percent_decode(found).skip_while(|byte| is_margin(*byte));
    let mut found = inner.take_while(|byte| *byte != 0);
    let mut is_inside = false;
    for wanted in name.bytes() {
        let Some(byte) = found.next().filter(|byte| fold(*byte) == fold(wanted)) else {
            return false;
        };
        is_inside |= byte == b'[';
    }
    match found.find(|byte| !is_blank(*byte)) {
        // `name[]` and `name[0]` are lists, of which one item reads like the item alone.
        None | Some(b'[') => true,
        // `access[token]` is a member of `access`, and only a bracket that stays open is a `_`.
        Some(b']') => !is_inside,
        Some(_) => false,
    }
}

/// A byte that some server takes off before a name.
pub(crate) const fn is_margin(byte: u8) -> bool {
    is_blank(byte) || matches!(byte, b'[' | b']' | b'?')
}

/// A byte of a name as loosely as any server reads it.
pub(crate) const fn fold(byte: u8) -> u8 {
    match byte {
        b'.' | b' ' | b'+' | b'[' => b'_',
        byte => byte.to_ascii_lowercase(),
    }
}

/// A byte that no name has, and that some servers take off: blanks, control bytes, what begins a
/// no-break space, and `+`, which is a space in a query.
const fn is_blank(byte: u8) -> bool {
    !byte.is_ascii_graphic() || byte == b'+'
}

/// The values in (a part of) a `Cookie` header that some server reads as the cookie `name`; for
/// each, whether it is more than empty. Python's `SimpleCookie` parts cookies at blanks, RFC 2109
/// at commas, and quotes hold nothing together for servers that do not know them.
pub(super) fn cookies(header: &[u8], name: &str) -> impl Iterator<Item = bool> {
    let pieces = header.split(|byte| matches!(byte, b';' | b','));
    pieces.flat_map(move |piece| {
        let is_between = |byte: &u8| !byte.is_ascii_graphic() || *byte == b'"';
        let mut words = piece.split(is_between).filter(|word| !word.is_empty()).peekable();
        // Blanks around `=` are taken off, so the name can stand in the word before.
        let mut before: &[u8] = &[];
        std::iter::from_fn(move || {
            while let Some(word) = words.next() {
                let Some((found, value)) = split_pair(word) else {
                    before = word;
                    continue;
                };
                let found = if found.is_empty() { before } else { found };
                before = &[];
                if is_name(found, name) {
                    return Some(!value.is_empty() || words.peek().is_some());
                }
            }
            None
        })
    })
}

/// The values in (a part of) a query that some server reads as the parameter `name`; for each,
/// whether it is more than empty. Some servers part parameters at `;` too.
pub(crate) fn parameters(query: &[u8], name: &str) -> impl Iterator<Item = bool> {
    let pieces = query.split(|byte| matches!(byte, b'&' | b';'));
    let pairs = pieces.map(|piece| split_pair(piece).unwrap_or((piece, &[])));
    pairs.filter(move |(found, _)| is_name(found, name)).map(|(_, value)| !value.is_empty())
}

fn split_pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = piece.iter().position(|byte| *byte == b'=')?;
    let (name, value) = piece.split_at_checked(equals)?;
    Some((name, value.get(1..)?))
}

/// Whether two names of headers, in lower case, are one to servers that pass them on as variables:
/// CGI and its heirs write `_` for whatever is no letter or digit (RFC 3875 §4.1.18).
pub(crate) fn is_header(found: &[u8], name: &str) -> bool {
    let fold = |byte: u8| if byte.is_ascii_alphanumeric() { byte } else { b'_' };
    found == name.as_bytes()
        || (found.len() == name.len() && found.iter().copied().map(fold).eq(name.bytes().map(fold)))
}

/// The headers of a name, and those that some servers take for it, by the name as it came and value.
pub(crate) fn headers<'h, 'n>(
    headers: &'h Headers,
    name: &'n str,
) -> impl Iterator<Item = (&'h [u8], &'h [u8])> + use<'h, 'n> {
    headers.of_length(name.len()).filter(move |(found, _)| is_header(found, name))
}

/// The names, as they came, of all headers that have one of these names to some server.
pub(crate) fn header_names<'h, 'n>(
    headers: &'h Headers,
    names: impl Iterator<Item = &'n str>,
) -> impl Iterator<Item = &'h [u8]> {
    names.flat_map(|name| self::headers(headers, name)).map(|(name, _)| name)
}

/// How often some server finds the scheme in the value of a header. In a list, a proxy may have
/// joined two headers. Python and others split at any blank, a no-break space among them; and many
/// search for `Bearer ` wherever it stands.
pub(super) fn schemes(value: &[u8], scheme: Scheme) -> usize {
    schemes_in(value, only_word_before_a_blank(value), scheme)
}

/// The same for a value whose only word is known.
pub(super) fn schemes_in(value: &[u8], only_word: Option<&[u8]>, scheme: Scheme) -> usize {
    let Some(name) = scheme.name().map(str::as_bytes) else {
        return usize::from(!value.trim_ascii().is_empty());
    };
    only_word.map_or_else(|| count(value, name), |word| usize::from(ends_with(word, name)))
}

fn count(value: &[u8], name: &[u8]) -> usize {
    let parts = value.split(|byte| *byte == b',');
    let found = parts.flat_map(|part| {
        let mut is_first = true;
        part.split_inclusive(|byte| !is_tchar(*byte)).filter(move |chunk| {
            let (word, after) = match chunk.split_last() {
                Some((last, word)) if !is_tchar(*last) => (word, Some(*last)),
                _ => (*chunk, None),
            };
            let is_scheme = is_first && word.eq_ignore_ascii_case(name);
            is_first &= word.is_empty();
            let is_searched =
                after.is_some_and(|byte| !byte.is_ascii_graphic()) && ends_with(word, name);
            is_scheme || is_searched
        })
    });
    found.count()
}

/// The first word of a value, where a blank comes after it and neither a blank nor a comma after that:
/// then no scheme can be found beyond it. Most credentials are like that, and they are long.
pub(super) fn only_word_before_a_blank(value: &[u8]) -> Option<&[u8]> {
    let end = value.iter().position(|byte| !is_tchar(*byte)).filter(|end| *end > 0)?;
    let (word, rest) = value.split_at_checked(end)?;
    let rest = rest.strip_prefix(b" ")?;
    let is_part = |byte: &u8| byte.is_ascii_graphic() && *byte != b',';
    let (words, bytes) = rest.as_chunks::<8>();
    let is_whole = words.iter().all(|word| has_only_parts(u64::from_le_bytes(*word)))
        && bytes.iter().all(is_part);
    is_whole.then_some(word)
}

/// Whether each of eight bytes is graphic, and no comma.
const fn has_only_parts(word: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    /// Marks a byte of zero, and at times one above it: enough to tell that there is one.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(EACH) & !word & HIGH
    }
    const fn repeated(byte: u8) -> u64 {
        // A byte in each of eight places.
        u64::from_le_bytes([byte; 8])
    }
    let beyond_ascii = word & HIGH;
    // In ASCII alone, what lies below the first graphic byte.
    let below = word.wrapping_sub(repeated(b'!')) & !word & HIGH;
    let odd = zeros(word ^ repeated(0x7f)) | zeros(word ^ repeated(b','));
    beyond_ascii | below | odd == 0
}

fn ends_with(word: &[u8], name: &[u8]) -> bool {
    let end = word.len().checked_sub(name.len()).and_then(|start| word.get(start..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(name))
}

/// A byte of a scheme's name (RFC 9110 §5.6.2).
const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_alike_as_some_server_reads_it() {
        for found in [
            "access_token",
            "Access_Token",
            "access.token",
            "access token",
            "access+token",
            "access%5Ftoken",
            "access%5ftoken",
            "access%2Etoken",
            "access[token",
            "access%5Btoken",
            "[access_token]",
            "%5Baccess_token%5D",
            "[[access_token]]",
            "access_token]",
            "access_token[]",
            "access_token[0]",
            "access_token%5B%5D",
            "access_token[0][0]",
            "[access_token][]",
            "%20access_token",
            "+access_token",
            "access_token%20",
            "access_token+",
            "access_token%00",
            "access_token%00x",
            "%C2%A0access_token",
            "%09access_token",
            "?access_token",
            "%00access_token",
            "ACCESS.TOKEN [x]",
        ] {
            assert!(is_name(found.as_bytes(), "access_token"), "{found}");
            assert!(is_name(found.as_bytes(), "Access.Token"), "{found}");
        }
        for found in [
            "",
            "token",
            "access",
            "access_tokens",
            "access_token2",
            "xaccess_token",
            "my_access_token",
            "access-token",
            "accesstoken",
            "access__token",
            "_access_token",
            "access_token_hint",
            "access_token-hash",
            "access[token]",
            "user[access_token]",
            "access%255Ftoken",
        ] {
            assert!(!is_name(found.as_bytes(), "access_token"), "{found}");
        }
    }

    /// For each value that is read, whether it is more than empty.
    fn cookies_in(header: &str) -> Vec<bool> {
        cookies(header.as_bytes(), "token").collect()
    }

    #[test]
    fn cookies_are_found_between_semicolons_commas_and_blanks() {
        for (header, expected) in [
            ("token=x", &[true][..]),
            ("token=\"x\"", &[true]),
            (" token = x ", &[true]),
            ("token=a=b", &[true]),
            ("token=x; Token=y", &[true, true]),
            ("a=b token=x", &[true]),
            ("a=b\ttoken\t=\tx", &[true]),
            ("a=b, token=x,token=y", &[true, true]),
            ("a=\"b; token=x\"", &[true]),
            ("a=\"b token=x\"", &[true]),
            ("t%6Fken=x; token[]=y; [token]=z", &[true, true, true]),
            ("token=x token=y", &[true, true]),
            ("token=", &[false]),
            ("token=\"\"; a=b", &[false]),
            ("token= a=b", &[true]),
            ("token", &[]),
            ("token; =x", &[]),
            ("a=token", &[]),
            ("a=token=x", &[]),
            ("a=b; xtoken=x; tokens=x; token2=y", &[]),
            ("a={\"token\":\"x\"}", &[]),
            ("", &[]),
            ("=; = =;;, ,=", &[]),
        ] {
            assert_eq!(cookies_in(header), expected, "{header}");
        }
        let in_bytes = cookies(b"a=b;\xa0token=x", "token");
        assert_eq!(in_bytes.collect::<Vec<_>>(), [true]);
    }

    #[test]
    fn parameters_are_found_between_ampersands_and_semicolons() {
        let found = |query: &str| parameters(query.as_bytes(), "token").collect::<Vec<_>>();
        for (query, expected) in [
            ("token=x", &[true][..]),
            ("a=b&Token=x&token=", &[true, false]),
            ("a;token=x", &[true]),
            ("?token=x", &[true]),
            ("token", &[false]),
            ("a=token=x&b=/?token=x&xtoken=x", &[]),
            ("", &[]),
        ] {
            assert_eq!(found(query), expected, "{query}");
        }
    }

    #[test]
    fn a_header_is_the_same_whatever_stands_between_its_words() {
        for found in ["x-a-token", "x_a_token", "x_a-token", "x.a.token"] {
            let found = found.as_bytes();
            assert!(is_header(found, "x-a-token") && is_header(found, "x_a_token"), "{found:?}");
        }
        for found in ["x-a-tokens", "xa-token", "x--token", "x-b-token", ""] {
            assert!(!is_header(found.as_bytes(), "x-a-token"), "{found}");
        }
    }

    proptest! {
        #[test]
        fn eight_bytes_at_once_are_seen_as_one_by_one(
            bytes in proptest::array::uniform8(prop_oneof![4 => b'!'..=b'~', 1 => any::<u8>()]),
        ) {
            let each = bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',');
            prop_assert_eq!(has_only_parts(u64::from_le_bytes(bytes)), each);
        }

        #[test]
        fn the_quick_look_finds_what_the_long_one_finds(
            value in "(Bearer|DPoP|xBearer|Basic|B|) [!-~]{0,20}(,| |\t|\u{a0})?(Bearer )?[!-~]{0,20}",
        ) {
            for scheme in [Scheme::Bearer, Scheme::DPoP] {
                let name = scheme.name().unwrap().as_bytes();
                if only_word_before_a_blank(value.as_bytes()).is_some() {
                    prop_assert_eq!(schemes(value.as_bytes(), scheme), count(value.as_bytes(), name));
                }
            }
        }
    }

    #[test]
    fn a_scheme_is_found_wherever_some_server_looks() {
        for (value, expected) in [
            (&b"Bearer x"[..], 1),
            (b"bearer", 1),
            (b"bearer ", 1),
            (b"BEARER\tx", 1),
            (b"Bearer\xa0x", 1),
            (b"Bearer\x85x", 1),
            (b"Bearer\xc2\xa0x", 1),
            (b"Bearer:x", 1),
            (b"Bearer=x", 1),
            (b"Bearer\"x", 1),
            (b"\xa0Bearer x", 1),
            (b" \"Bearer\"", 1),
            (b"Basic a, Bearer x", 1),
            (b"Basic a,\xa0bearer:x", 1),
            (b"Basic a Bearer x", 1),
            (b"xBearer x", 1),
            (b"Bearer x, Bearer y", 2),
            (b"Bearer Bearer x", 2),
            (b"", 0),
            (b"Bearerx y", 0),
            (b"Bearer-x y", 0),
            (b"Bearer.x", 0),
            (b"Basic Bearer", 0),
            (b"Basic YBearer==", 0),
            (b"Digest username=\"Bearer\", uri=\"/bearer/x\"", 0),
        ] {
            let shown = value.escape_ascii();
            assert_eq!(schemes(value, Scheme::Bearer), expected, "{shown}");
        }
        assert_eq!(schemes(b"dpop\xa0x", Scheme::DPoP), 1);
        assert_eq!(schemes(b"Bearer x", Scheme::DPoP), 0);
        assert_eq!(schemes(b" x", Scheme::None), 1);
        assert_eq!(schemes(b" ", Scheme::None), 0);
    }
}
