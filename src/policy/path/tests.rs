//! Which spellings are one path, which are refused, and what else servers read.

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
    let is_plain =
        |path: &str| PathReadings::new(path.as_bytes(), EncodedSlashes::Reject).unwrap().is_plain();
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
