//! The URI of a request, as a DPoP proof names it (RFC 9449 §4.2: `htu`).

use fluent_uri::Uri;
use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::request::Headers;

/// What a path holds in requests, and not in a URI (RFC 3986 §3.3): browsers and others that follow
/// the WHATWG's URL leave some of it as it is.
const NO_URI: &AsciiSet = &AsciiSet::EMPTY
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// An `http` or `https` URI without query and fragment, normalized (RFC 3986 §6.2.2, §6.2.3): the
/// case of scheme and host, percent-encoding, dot segments, the default port, the empty path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target(String);

impl Target {
    /// Reads a URI; query and fragment are cut off (RFC 9449 §4.3). `None` when it is no absolute
    /// http URI with a host, or names a user.
    pub(super) fn parse(uri: &str) -> Option<Self> {
        let before_query = uri.split(['?', '#']).next()?;
        // Before the path, brackets are those of an IPv6 address.
        let (scheme, rest) = before_query.split_once("://")?;
        let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        let path = utf8_percent_encode(path, NO_URI);
        let uri = format!("{scheme}://{authority}{path}");
        let uri = Uri::parse(uri.as_str()).ok()?.normalize();
        let authority = uri.authority()?;
        let is_http = matches!(uri.scheme().as_str(), "http" | "https");
        if !is_http || authority.host().is_empty() || authority.userinfo().is_some() {
            return None;
        }
        let slash = if uri.path().is_empty() { "/" } else { "" };
        Some(Self(format!("{uri}{slash}")))
    }
}

/// Where clients find the API: the scheme, host and port before a path (RFC 6454 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Box<str>,
    authority: Box<str>,
}

impl Origin {
    /// Reads an origin: a URI with nothing behind the authority but perhaps a slash.
    pub fn parse(origin: &str) -> Option<Self> {
        let Target(target) = Target::parse(origin)?;
        let (scheme, rest) = target.split_once("://")?;
        let authority = rest.strip_suffix('/').filter(|authority| !authority.contains('/'))?;
        if origin.contains(['?', '#']) {
            return None;
        }
        Some(Self { scheme: scheme.into(), authority: authority.into() })
    }

    fn with_path(&self, path: &str) -> Option<Target> {
        // What does not begin with a slash would be read as a part of the authority.
        let is_path = path.starts_with('/');
        let uri = is_path.then(|| format!("{}://{}{path}", self.scheme, self.authority))?;
        Target::parse(&uri)
    }
}

/// Whether `htu` is the URI that the client sent the request to.
///
/// Without configured origins, the request itself says where it went. With them, its `:authority`
/// chooses among them where it is one of theirs; the scheme is theirs alone, as who ended TLS before
/// this proxy leaves another.
pub(super) fn is_target(htu: &str, headers: &Headers, origins: &[Origin]) -> bool {
    let text = |name| headers.single(name).and_then(|value| std::str::from_utf8(value).ok());
    let (Some(htu), Some(path)) = (Target::parse(htu), text(":path")) else { return false };
    let fits = |origin: &Origin| origin.with_path(path).is_some_and(|target| target == htu);
    let Some(authority) = text(":authority") else { return false };
    let of = |scheme: &str| Origin::parse(&format!("{scheme}://{authority}"));
    if origins.is_empty() {
        return text(":scheme").and_then(of).is_some_and(|origin| fits(&origin));
    }
    let is_named = |origin: &&Origin| of(&origin.scheme).as_ref() == Some(*origin);
    if origins.iter().any(|origin| is_named(&origin)) {
        return origins.iter().filter(is_named).any(fits);
    }
    origins.iter().any(fits)
}
