//! The request as the filter sees it: its headers, read once.

use std::slice;

use crate::host::value;

/// The path of a request target, and the query after it, if there is one. The first `?` parts them
/// (RFC 3986 §3.4).
pub fn split_target(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    (parts.next().unwrap_or_default(), parts.next())
}

/// The headers of a request in the order in which the proxy gives them, duplicates kept.
///
/// Names come in lower case from the proxy; values are bytes and may be anything.
///
/// They are kept in the form in which the proxy hands them out, and nothing is copied out of it: the
/// number of headers; for each, how long its name and its value are; then names and values, each
/// with a zero byte after it. Numbers have four bytes, the lowest first (proxy-wasm ABI 0.2.1, "header
/// map pairs").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<u8>);

/// The bytes of a number.
const NUMBER: usize = 4;

impl Headers {
    /// Writes pairs down as the proxy does.
    pub fn new(pairs: Vec<(String, Vec<u8>)>) -> Self {
        Self(value::write_pairs(pairs))
    }

    /// Takes headers as the proxy hands them out. Of bytes that are not of that form, nothing counts
    /// from where they go wrong.
    pub const fn from_proxy(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Every value of the header `name` (in lower case), in order.
    pub fn values<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let named = self.of_length(name.len()).filter(move |(found, _)| *found == name.as_bytes());
        named.map(|(_, value)| value)
    }

    /// The only value of the header `name`; `None` when there is none or more than one.
    pub fn single(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// The headers whose names have this length, by name and value, in order. Every request looks for
    /// several headers, and most names need not be looked at.
    pub fn of_length(&self, length: usize) -> impl Iterator<Item = (&[u8], &[u8])> + use<'_> {
        self.walk(move |found| found == length)
    }

    /// All headers, by name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.walk(|_| true)
    }

    fn walk<F: Fn(usize) -> bool>(&self, is_wanted: F) -> Walk<'_, F> {
        let (count, rest) = self.0.split_first_chunk::<NUMBER>().unwrap_or((&[0; NUMBER], &[]));
        let table = length(*count).checked_mul(2 * NUMBER);
        let (sizes, parts) =
            table.and_then(|table| rest.split_at_checked(table)).unwrap_or_default();
        let (sizes, _) = sizes.as_chunks();
        Walk { sizes: sizes.iter(), parts, at: 0, is_wanted }
    }
}

/// Walks through the headers whose names have a wanted length.
struct Walk<'a, F> {
    sizes: slice::Iter<'a, [u8; 2 * NUMBER]>,
    parts: &'a [u8],
    at: usize,
    is_wanted: F,
}

impl<'a, F: Fn(usize) -> bool> Iterator for Walk<'a, F> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        for sizes in self.sizes.by_ref() {
            // The two numbers at once. Sums that go beyond what there is find nothing.
            let sizes = u64::from_le_bytes(*sizes);
            let (name, value) = (half(sizes), half(sizes >> 32));
            let start = self.at;
            let middle = start.wrapping_add(name);
            let end = middle.wrapping_add(value).wrapping_add(1);
            self.at = end.wrapping_add(1);
            if (self.is_wanted)(name) {
                let value = self.parts.get(middle.wrapping_add(1)..end)?;
                return Some((self.parts.get(start..middle)?, value));
            }
        }
        None
    }
}

fn length(number: [u8; NUMBER]) -> usize {
    half(u64::from(u32::from_le_bytes(number)))
}

fn half(number: u64) -> usize {
    usize::try_from(number & 0xffff_ffff).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> Headers {
        let pairs = [(":path", "/"), ("cookie", "a=b"), ("x", ""), ("cookie", "c")];
        Headers::new(pairs.map(|(name, value)| (name.to_owned(), value.into())).to_vec())
    }

    #[test]
    fn headers_are_found_by_name_in_order() {
        let headers = headers();
        assert_eq!(headers.single(":path"), Some(&b"/"[..]));
        assert_eq!(headers.single("x"), Some(&b""[..]));
        assert_eq!(headers.single("cookie"), None);
        assert_eq!(headers.single("y"), None);
        assert_eq!(headers.values("cookie").collect::<Vec<_>>(), [&b"a=b"[..], b"c"]);
        assert_eq!(Headers::default().single("x"), None);
    }

    #[test]
    fn the_form_is_that_of_the_proxy() {
        let bytes = b"\x01\0\0\0\x01\0\0\0\x02\0\0\0x\0\xff\0\0";
        let headers = Headers::new(vec![("x".to_owned(), b"\xff\0".to_vec())]);
        assert_eq!(headers, Headers::from_proxy(bytes.to_vec()));
    }

    #[test]
    fn bytes_of_another_form_hold_no_header_from_where_they_go_wrong() {
        let whole = headers();
        for end in 0..whole.0.len() {
            let cut = Headers::from_proxy(whole.0[..end].to_vec());
            for name in [":path", "cookie", "x"] {
                let found = cut.values(name).collect::<Vec<_>>();
                assert!(whole.values(name).collect::<Vec<_>>().starts_with(&found), "{end}");
            }
        }
        for bytes in [&[0xff; 4][..], &[0xff; 40], &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(Headers::from_proxy(bytes.to_vec()).values("").count(), 0);
        }
    }
}
