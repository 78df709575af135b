//! Taking tokens out of a request before it goes upstream.

use super::alike;
use super::place::{Place, Scheme, cookie_pair, query_parameter};
use crate::host::Host;
use crate::request::{Headers, split_target};

/// Takes out what stands in any of the places, whether it is a token or not, and what only some
/// servers take for a token there. The rest of the request stays as it is, byte for byte.
pub fn withhold(headers: &Headers, places: &[Place], host: &dyn Host) {
    let mut gone = Vec::new();
    for (found, value) in headers.iter() {
        // A list is taken out as a whole: which of its parts is meant is not clear.
        let is_token = |place: &Place| {
            matches!(place, Place::Header { name, scheme } if alike::is_header(found, name)
                && (*scheme == Scheme::None || alike::schemes(value, *scheme) > 0))
        };
        // No name that is not text is that of a place.
        if places.iter().any(is_token)
            && !gone.contains(&found)
            && let Ok(name) = std::str::from_utf8(found)
        {
            gone.push(found);
            host.set_request_header(name, None);
        }
    }
    withhold_cookies(headers, places, host);
    withhold_parameters(headers, places, host);
}

fn withhold_cookies(headers: &Headers, places: &[Place], host: &dyn Host) {
    let is_token = |piece: &&[u8]| {
        let found = cookie_pair(piece).map(|(found, _)| found);
        let named = |place: &Place| {
            matches!(place, Place::Cookie(name) if found == Some(name.as_bytes())
                || alike::cookies(piece, name).next().is_some())
        };
        places.iter().any(named)
    };
    let Some(kept) = without(headers.values("cookie"), b';', is_token) else { return };
    // The proxy sets one header for several, so they become one (RFC 9113 §8.2.3).
    let kept = kept.iter().map(|value| value.trim_ascii_start()).filter(|value| !value.is_empty());
    let kept = kept.collect::<Vec<_>>().join(&b"; "[..]);
    host.set_request_header("cookie", (!kept.is_empty()).then_some(&kept));
}

fn withhold_parameters(headers: &Headers, places: &[Place], host: &dyn Host) {
    let is_token = |piece: &&[u8]| {
        let (found, _) = query_parameter(piece);
        let named = |place: &Place| {
            matches!(place, Place::Query(name) if name.as_bytes() == found
                || alike::parameters(piece, name).next().is_some())
        };
        places.iter().any(named)
    };
    let target = headers.single(":path").unwrap_or_default();
    let (path, Some(query)) = split_target(target) else { return };
    let Some(kept) = without([query].into_iter(), b'&', is_token) else { return };
    let kept = kept.concat();
    let target = if kept.is_empty() { path.to_vec() } else { [path, b"?", &kept].concat() };
    host.set_request_header(":path", Some(&target));
}

/// The values without the pieces that are to go; `None` where none is.
fn without<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    separator: u8,
    goes: impl Fn(&&'a [u8]) -> bool,
) -> Option<Vec<Vec<u8>>> {
    let mut any = false;
    let kept = values.map(|value| {
        let pieces = value.split(|byte| *byte == separator).collect::<Vec<_>>();
        let kept = pieces.iter().copied().filter(|piece| !goes(piece)).collect::<Vec<_>>();
        any |= kept.len() < pieces.len();
        kept.join(&separator)
    });
    let kept = kept.collect();
    any.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::memory::MemoryHost;
    use crate::token::Scheme;

    fn places() -> Vec<Place> {
        let header = |name: &str, scheme| Place::Header { name: name.into(), scheme };
        vec![
            header("authorization", Scheme::Bearer),
            header("authorization", Scheme::DPoP),
            header("x-token", Scheme::None),
            Place::Cookie("token".into()),
            Place::Cookie("other".into()),
            Place::Query("token".into()),
        ]
    }

    /// What is changed in a request with these values of one header.
    fn changed(name: &str, values: &[&str]) -> Vec<Option<String>> {
        let pairs = values.iter().map(|value| (name.to_owned(), value.as_bytes().to_vec()));
        let host = MemoryHost::new(Headers::new(pairs.collect()));
        withhold(&host.headers, &places(), &host);
        let changes = host.take_changed_headers().into_iter().map(|(changed, value)| {
            assert_eq!(changed, name);
            value.map(|value| String::from_utf8(value).unwrap())
        });
        changes.collect()
    }

    #[test]
    fn a_header_goes_where_it_carries_the_scheme() {
        for value in [
            "Bearer a",
            "bearer a",
            "DPoP a",
            "Bearer",
            "Basic a, Bearer b",
            "Bearer\u{a0}a",
            "Basic a Bearer b",
        ] {
            assert_eq!(changed("authorization", &[value]), [None], "{value}");
        }
        assert_eq!(changed("authorization", &["Bearer a", "DPoP b"]), [None]);
        for name in ["x_token", "x.token"] {
            assert_eq!(changed(name, &["anything"]), [None], "{name}");
        }
        for value in ["Basic a", "", "Bearerx a"] {
            assert_eq!(changed("authorization", &[value]), [], "{value}");
        }
        assert_eq!(changed("authorization", &["Basic a", "Bearer b"]), [None]);
        assert_eq!(changed("x-token", &["anything"]), [None]);
        assert_eq!(changed("x-other", &["Bearer a"]), []);
    }

    #[test]
    fn other_cookies_stay_byte_for_byte() {
        for (values, expected) in [
            (&["token=x"][..], None),
            (&["token=x; other=y"], None),
            (&["token=x", "other=y"], None),
            (&["a=b; token=x; c=\"d\""], Some("a=b; c=\"d\"")),
            (&["token=x; a=b"], Some("a=b")),
            (&["a=b;token=x"], Some("a=b")),
            (&["a=b;c=d;  e ;token=x;f=%zz"], Some("a=b;c=d;  e ;f=%zz")),
            (&["a=b", "token=x; c=d"], Some("a=b; c=d")),
            (&["token=x; token=y; a=b; token="], Some("a=b")),
            (&["a=b; c=d token=x; Token=y; t%6Fken=z"], Some("a=b")),
            (&["a=b; c=d, token=x"], Some("a=b")),
        ] {
            assert_eq!(changed("cookie", values), [expected.map(str::to_owned)], "{values:?}");
        }
        for value in ["a=b", "a=b; tokens=x", "", "token", "a=token=x"] {
            assert_eq!(changed("cookie", &[value]), [], "{value}");
        }
    }

    #[test]
    fn other_parameters_stay_byte_for_byte() {
        for (target, expected) in [
            ("/?token=x", "/"),
            ("/a/../b?token=x&token=y", "/a/../b"),
            ("/a?b=c&token=x&d=%zz&&e", "/a?b=c&d=%zz&&e"),
            ("/a?t%6fken=x&b=+%20", "/a?b=+%20"),
            ("/a?token=%zz&b", "/a?b"),
            ("/a?token&b", "/a?b"),
            ("/a?b=c?d&token=x", "/a?b=c?d"),
            ("/a?b&Token=x&[token]=y&token%00=z&%20token=w", "/a?b"),
            ("/a?b&c;token=x", "/a?b"),
        ] {
            assert_eq!(changed(":path", &[target]), [Some(expected.to_owned())], "{target}");
        }
        for target in ["/", "/?", "/a?b=c", "/token=x", "/?b=token=x", "/?tokens=x"] {
            assert_eq!(changed(":path", &[target]), [], "{target}");
        }
    }
}
