//! Where a request of the filter's own goes.

use std::fmt;

/// An HTTP URL, taken apart for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    authority: Box<str>,
    path: Box<str>,
}

/// A text is no absolute http or https URL without user and fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAUrl;

impl Endpoint {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// When it is no absolute http or https URL, or names a user or a fragment.
    pub fn from_url(url: &str) -> Result<Self, NotAUrl> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("https", rest)) => ("https", rest),
            Some(("http", rest)) => ("http", rest),
            _ => return Err(NotAUrl),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).ok_or(NotAUrl)?;
        let plain =
            url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\');
        if authority.is_empty() || authority.contains('@') || !plain {
            return Err(NotAUrl);
        }
        let path = if path.starts_with('/') { path.into() } else { format!("/{path}").into() };
        Ok(Self { scheme, authority: authority.into(), path })
    }

    /// The well-known place of an issuer's metadata: its URL and this suffix (OIDC Discovery §4).
    ///
    /// # Errors
    /// When the issuer is no URL, or has a query.
    pub fn well_known(issuer: &str) -> Result<Self, NotAUrl> {
        if issuer.contains('?') {
            return Err(NotAUrl);
        }
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        Self::from_url(&format!("{base}/.well-known/openid-configuration"))
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// `http` or `https`.
    pub const fn scheme(&self) -> &str {
        self.scheme
    }

    /// The headers of a GET for one of these media types.
    pub fn get<'e>(&'e self, accept: &'e str) -> Vec<(&'e str, &'e str)> {
        self.request("GET", accept)
    }

    /// The headers of a POST of a form, for JSON.
    pub fn post_form(&self) -> Vec<(&str, &str)> {
        let mut headers = self.request("POST", "application/json");
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        headers
    }

    fn request<'e>(&'e self, method: &'e str, accept: &'e str) -> Vec<(&'e str, &'e str)> {
        vec![
            (":method", method),
            (":scheme", self.scheme),
            (":authority", &self.authority),
            (":path", &self.path),
            ("accept", accept),
            ("user-agent", concat!("envoy-stepup/", env!("CARGO_PKG_VERSION"))),
        ]
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        for (url, scheme, authority, path) in [
            ("https://id.example.com/jwks", "https", "id.example.com", "/jwks"),
            ("https://id.example.com", "https", "id.example.com", "/"),
            ("http://127.0.0.1:8080/a?b=c", "http", "127.0.0.1:8080", "/a?b=c"),
            ("https://id.example.com?x=1", "https", "id.example.com", "/?x=1"),
        ] {
            let endpoint = Endpoint::from_url(url).unwrap();
            assert_eq!(
                (endpoint.scheme(), endpoint.authority(), endpoint.path()),
                (scheme, authority, path)
            );
            assert_eq!(endpoint.to_string(), format!("{scheme}://{authority}{path}"));
        }
    }

    #[test]
    fn what_is_no_plain_url_is_refused() {
        for url in [
            "",
            "id.example.com",
            "/jwks",
            "ftp://x/",
            "https://",
            "https:///x",
            "https://u@x/",
            "https://x/#f",
            "https://x/ y",
            "https://x\\y",
            "https://x/\n",
        ] {
            assert_eq!(Endpoint::from_url(url), Err(NotAUrl), "{url:?}");
        }
    }

    #[test]
    fn metadata_stands_below_the_issuer() {
        let path = |issuer| Endpoint::well_known(issuer).map(|e| e.path().to_owned());
        assert_eq!(
            path("https://id.example.com/realms/x/").as_deref(),
            Ok("/realms/x/.well-known/openid-configuration")
        );
        assert_eq!(
            path("https://id.example.com").as_deref(),
            Ok("/.well-known/openid-configuration")
        );
        assert_eq!(path("urn:example"), Err(NotAUrl));
        assert_eq!(path("https://x/?y"), Err(NotAUrl));
    }
}
