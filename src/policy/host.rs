//! Host names, as rules compare them.

use std::borrow::Cow;

/// A host without port and trailing dot, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host<'a>(Cow<'a, str>);

impl<'a> Host<'a> {
    /// Reads the value of `:authority`.
    ///
    /// `None` when it is not `host [ ":" port ]` with a plain host name or an IP address: another
    /// reader could take something else in it for the host.
    pub fn from_authority(authority: &'a [u8]) -> Option<Self> {
        let authority = std::str::from_utf8(authority).ok()?;
        let (host, port) = if authority.starts_with('[') {
            let (host, port) = authority.split_at_checked(authority.find(']')?.checked_add(1)?)?;
            let address = host.strip_prefix('[')?.strip_suffix(']')?;
            let is_address =
                address.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
            if !is_address || address.is_empty() {
                return None;
            }
            (in_lower_case(host), port)
        } else {
            let at = authority.find(':').unwrap_or(authority.len());
            let (name, port) = authority.split_at_checked(at)?;
            (normalize_name(name)?, port)
        };
        let port_is_plain = match port.strip_prefix(':') {
            Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()),
            None => port.is_empty(),
        };
        port_is_plain.then_some(Self(host))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn normalize_name(name: &str) -> Option<Cow<'_, str>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.split('.').all(is_label).then(|| in_lower_case(name))
}

/// Most names are in lower case as they come.
fn in_lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

/// A host that a rule names: one name, or every name below a suffix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// Exactly this host.
    Exact(Box<str>),
    /// Every host that ends in this suffix, which starts with a dot: `*.example.com`, but not
    /// `example.com` itself, as with Envoy's virtual hosts.
    Below(Box<str>),
}

impl HostPattern {
    /// Reads `api.example.com` or `*.example.com`; `None` for anything else.
    pub fn new(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("*.") {
            let host = normalize_name(name)?;
            return Some(Self::Below(format!(".{host}").into()));
        }
        let host = Host::from_authority(text.as_bytes())?;
        // A port in a rule would never be compared: ports are cut off from requests.
        let has_port = !text.starts_with('[') && text.contains(':') || text.contains("]:");
        (!has_port).then(|| Self::Exact(host.as_str().into()))
    }

    /// Whether the host is covered.
    pub fn matches(&self, host: &Host<'_>) -> bool {
        match self {
            Self::Exact(name) => **name == *host.as_str(),
            Self::Below(suffix) => {
                let host = host.as_str();
                host.len() > suffix.len() && host.ends_with(&**suffix)
            }
        }
    }

    /// Whether every host that `other` covers is covered too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Below(suffix), Self::Exact(name) | Self::Below(name)) => {
                name.ends_with(&**suffix) && (name.len() > suffix.len() || self == other)
            }
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_case_and_trailing_dot_make_no_difference() {
        for authority in [
            "api.example.com",
            "API.Example.COM",
            "api.example.com.",
            "api.example.com:443",
            "api.example.com.:8080",
            "api.example.com:",
        ] {
            let host = Host::from_authority(authority.as_bytes()).unwrap();
            assert_eq!(host.as_str(), "api.example.com", "{authority}");
        }
        assert_eq!(Host::from_authority(b"[2001:DB8::1]:443").unwrap().as_str(), "[2001:db8::1]");
        assert_eq!(Host::from_authority(b"127.0.0.1:80").unwrap().as_str(), "127.0.0.1");
    }

    #[test]
    fn what_another_reader_could_take_for_another_host_is_refused() {
        for authority in [
            "",
            ".",
            "a..b",
            "a.example.com..",
            "user@a",
            "a b",
            "a/b",
            "a:80:90",
            "a:x",
            "é.com",
            "a,b",
            "[::1",
            "[]",
            "[::1]x",
            "a\\b",
            "a%2eb",
            "a#b",
            "::1",
        ] {
            assert_eq!(Host::from_authority(authority.as_bytes()), None, "{authority}");
        }
        assert_eq!(Host::from_authority(b"a\xff"), None);
    }

    #[test]
    fn a_pattern_covers_a_host_or_all_below_a_suffix() {
        let host = |name: &'static str| Host::from_authority(name.as_bytes()).unwrap();
        let below = HostPattern::new("*.Example.com").unwrap();
        assert!(below.matches(&host("a.example.com")));
        assert!(below.matches(&host("a.b.example.com")));
        assert!(!below.matches(&host("example.com")));
        assert!(!below.matches(&host("aexample.com")));
        let exact = HostPattern::new("a.example.com").unwrap();
        assert!(exact.matches(&host("A.example.com:1")));
        assert!(below.covers(&exact) && !exact.covers(&below) && below.covers(&below));
        assert!(below.covers(&HostPattern::new("*.b.example.com").unwrap()));
        for bad in ["", "*", "*.", "a.*", "a:443", "*.a:443", "http://a", "[::1]:80"] {
            assert_eq!(HostPattern::new(bad), None, "{bad}");
        }
        assert!(HostPattern::new("[::1]").is_some());
    }
}
