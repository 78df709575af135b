//! Which URI a proof is for.

use super::*;
use crate::possession::target::is_target;

fn request(scheme: &str, authority: &str, path: &str) -> Headers {
    let pairs = [(":scheme", scheme), (":authority", authority), (":path", path)];
    Headers::new(pairs.map(|(name, value)| (name.to_owned(), value.into())).to_vec())
}

#[test]
fn a_uri_is_compared_in_its_normal_form_without_query_and_fragment() {
    for (path, htu, expected) in [
        ("/pay", "https://api.example.com/pay", true),
        ("/pay?a=b", "https://api.example.com/pay", true),
        ("/pay", "https://api.example.com/pay?c=d#e", true),
        ("/pay", "HTTPS://API.Example.COM:443/pay", true),
        ("/pay", "https://api.example.com:/pay", true),
        ("/", "https://api.example.com", true),
        ("/?a", "https://api.example.com?b", true),
        ("/%7Ea%2fb", "https://api.example.com/~a%2Fb", true),
        ("/~a", "https://api.example.com/%7ea", true),
        ("/a/../pay", "https://api.example.com/pay", true),
        ("/pay", "https://api.example.com/a/%2e%2e/pay", true),
        // Clients send these as they are (WHATWG URL), and RFC 3986 has no such URIs.
        ("/a|b", "https://api.example.com/a|b", true),
        ("/a|b", "https://api.example.com/a%7Cb", true),
        ("/a%7cb", "https://api.example.com/a|b", true),
        ("/a[1]^", "https://api.example.com/a[1]^", true),
        ("/a[1]", "https://api.example.com/a%5B1%5D", true),
        ("/a\"<>`{b}", "https://api.example.com/a\"<>`{b}", true),
        ("/a\"<>`{b}", "https://api.example.com/a%22%3C%3E%60%7Bb%7D", true),
        ("/a|b", "https://api.example.com/a%7C%62?c|d#e|f", true),
        ("/a|b", "https://api.example.com/a%257Cb", false),
        ("/a|b", "https://api.example.com|/a", false),
        ("/[::1]", "https://[::1]/", false),
        ("/a[1]", "https://api.example.com/a[2]", false),
        ("/a%zz", "https://api.example.com/a%zz", false),
        ("/a\\b", "https://api.example.com/a/b", false),
        ("/pay", "http://api.example.com/pay", false),
        ("/pay", "https://api.example.com:8443/pay", false),
        ("/pay", "https://api.example.com/Pay", false),
        ("/pay", "https://api.example.com/pay/", false),
        ("/pay", "https://api.example.com//pay", false),
        ("/a%2Fb", "https://api.example.com/a/b", false),
        ("/pay", "https://evil.example.com/pay", false),
        ("/pay", "https://api.example.com.evil.com/pay", false),
        ("/pay", "https://user@api.example.com/pay", false),
        ("/pay", "https://api.example.com@evil.com/pay", false),
        ("/pay", "//api.example.com/pay", false),
        ("/pay", "/pay", false),
        ("/pay", "", false),
        ("/pay", "https:///pay", false),
        ("/pay", "https:/pay", false),
        ("/pay", "ftp://api.example.com/pay", false),
        ("/pay", " https://api.example.com/pay", false),
        ("/pay", "https://api.example.com/pay\n", false),
        ("/pay", "https://api.example.com/p ay", false),
        ("/pay", "https://api.example.com/pay%", false),
        ("/pay", "https://[::1]/pay", false),
        ("*", "https://api.example.com*", false),
        ("", "https://api.example.com", false),
    ] {
        let headers = request("https", "api.example.com", path);
        assert_eq!(is_target(htu, &headers, &[]), expected, "{path} {htu}");
    }
    for (scheme, authority, htu) in [
        ("https", "API.example.com:443", "https://api.example.com/"),
        ("http", "api.example.com:80", "http://api.example.com/"),
        ("https", "api.example.com:8443", "https://api.example.com:8443"),
        ("https", "[::1]:8443", "https://[::1]:8443"),
        ("https", "[::1]:8443", "https://[0:0:0:0:0:0:0:1]:8443/"),
    ] {
        assert!(is_target(htu, &request(scheme, authority, "/"), &[]), "{htu}");
    }
}

#[test]
fn a_request_that_does_not_say_where_it_went_is_no_target() {
    let htu = "https://api.example.com/";
    for (scheme, authority) in
        [("", "api.example.com"), ("https", ""), ("https", "a b"), ("https", "a/b"), ("x y", "a")]
    {
        assert!(!is_target(htu, &request(scheme, authority, "/"), &[]), "{scheme} {authority}");
    }
    assert!(!is_target(htu, &Headers::default(), &[]));
}

#[test]
fn origins_stand_in_for_what_the_request_says() {
    let origins = ["https://api.example.com", "https://pay.example.com:8443/"]
        .map(|origin| Origin::parse(origin).unwrap());
    for (scheme, authority, htu, expected) in [
        // TLS ended before this proxy.
        ("http", "api.example.com", "https://api.example.com/", true),
        ("http", "api.example.com:443", "https://api.example.com/", true),
        ("http", "pay.example.com:8443", "https://pay.example.com:8443/", true),
        // One API's proof is not another's.
        ("http", "api.example.com", "https://pay.example.com:8443/", false),
        // The name was rewritten on the way.
        ("http", "10.0.0.1:8080", "https://pay.example.com:8443/", true),
        ("http", "10.0.0.1:8080", "https://api.example.com/", true),
        // Whatever a client says of itself.
        ("https", "evil.example.com", "https://evil.example.com/", false),
        ("http", "10.0.0.1:8080", "http://10.0.0.1:8080/", false),
        ("http", "api.example.com", "http://api.example.com/", false),
    ] {
        let headers = request(scheme, authority, "/");
        assert_eq!(is_target(htu, &headers, &origins), expected, "{authority} {htu}");
    }
}

#[test]
fn an_origin_has_no_path_and_no_user() {
    for origin in ["https://a.example.com", "http://a:8080", "https://a/", "https://[::1]:8443"] {
        assert!(Origin::parse(origin).is_some(), "{origin}");
    }
    for origin in [
        "",
        "a.example.com",
        "https://",
        "https://a/b",
        "https://a?b",
        "https://a/#",
        "ftp://a",
        "https://u@a",
        "https://*.a b",
    ] {
        assert!(Origin::parse(origin).is_none(), "{origin}");
    }
}
