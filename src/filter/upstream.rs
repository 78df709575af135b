//! What the upstream is told of the token, in headers that nobody else can set.

use log::debug;
use serde_json::Value;

use super::Filter;
use super::conclusion::Known;
use crate::host::Host;
use crate::policy::UpstreamValue;
use crate::report;
use crate::request::Headers;
use crate::token;

/// The longest value, in bytes: a claim can be longer than servers take headers.
const LONGEST: usize = 4096;

impl Filter {
    /// Sets the headers that tell the upstream of the token of a request that goes on. Whatever the
    /// client sent under their names, and under names that some server takes for theirs, is removed.
    ///
    /// # Errors
    /// The name of one that the proxy did not remove.
    pub(super) fn tell_upstream(&self, known: &Known<'_>, host: &dyn Host) -> Result<(), String> {
        let configured = &self.policies.upstream_headers;
        if configured.is_empty() {
            return Ok(());
        }
        for name in known.forged {
            debug!("{}: the client sent {name}, which is removed", report::About(known.headers));
            host.set_request_header(name, None);
        }
        if !known.forged.is_empty()
            && let Some(name) = self.forged(&host.request_headers()).pop()
        {
            return Err(name);
        }
        for header in configured {
            if let Some(value) = self.upstream_value(&header.value, known, host) {
                if is_header_value(&value) {
                    host.set_request_header(&header.name, Some(value.as_bytes()));
                } else {
                    debug!(
                        "{}: the value of {} cannot stand in a header, and is not sent",
                        report::About(known.headers),
                        header.name
                    );
                }
            }
        }
        Ok(())
    }

    /// Removes from a request's trailers what nobody but a proxy may say in a header: some servers
    /// take trailers for headers (RFC 9110 §6.5.1).
    pub fn clean_trailers(&self, host: &dyn Host) {
        let trusted = self.policies.trusted_headers.names.iter();
        let ours = self.policies.upstream_headers.iter().map(|header| &header.name);
        let mut names = trusted.chain(ours).map(|name| &**name).peekable();
        if names.peek().is_none() {
            return;
        }
        let trailers = host.request_trailers();
        for found in token::header_names_alike(&trailers, names) {
            host.remove_request_trailer(&String::from_utf8_lossy(found));
        }
    }

    /// The headers without those that only this filter sets, and the names of these. Neither rules nor
    /// conditions see what a client says in their names. They are removed from the request once it goes
    /// on: before that, the proxy would forget the route that it chose.
    pub(super) fn without_forged(&self, headers: Headers) -> (Headers, Vec<String>) {
        if self.policies.upstream_headers.is_empty() {
            return (headers, Vec::new());
        }
        let forged = self.forged(&headers);
        if forged.is_empty() {
            return (headers, forged);
        }
        let kept = headers
            .iter()
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
            .filter(|(name, _)| !forged.contains(name));
        (Headers::new(kept.collect()), forged)
    }

    /// The headers of a request that only this filter sets.
    fn forged(&self, headers: &Headers) -> Vec<String> {
        let names = self.policies.upstream_headers.iter().map(|header| &*header.name);
        let found = token::header_names_alike(headers, names);
        found.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    fn upstream_value(
        &self,
        value: &UpstreamValue,
        known: &Known<'_>,
        host: &dyn Host,
    ) -> Option<String> {
        let evidence = known.evidence()?;
        let levels = &self.policies.levels;
        match value {
            UpstreamValue::Level => {
                levels.satisfied(evidence).highest().map(|level| levels.name(level).to_owned())
            }
            UpstreamValue::Acr => evidence.acr().map(str::to_owned),
            UpstreamValue::Age => {
                let age = crate::decision::age(evidence, host.now()).ok()?;
                Some(age.as_secs().to_string())
            }
            UpstreamValue::Issuer => Some(evidence.issuer().name.to_string()),
            UpstreamValue::Subject => evidence.subject().map(str::to_owned),
            UpstreamValue::Claim(name) => evidence.claim(name).and_then(text_of),
        }
    }
}

/// A claim as text: a string as it is, anything else as JSON.
fn text_of(claim: &Value) -> Option<String> {
    match claim {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Visible ASCII, with spaces inside: what every server reads in one way (RFC 9110 §5.5).
fn is_header_value(value: &str) -> bool {
    value.len() <= LONGEST
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && value.trim() == value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_is_told_as_text_or_as_json() {
        for (claim, expected) in [
            (json!("a b"), Some("a b")),
            (json!(7), Some("7")),
            (json!(true), Some("true")),
            (json!(["a", "b"]), Some("[\"a\",\"b\"]")),
            (json!({"a": 1}), Some("{\"a\":1}")),
            (json!(null), None),
        ] {
            assert_eq!(text_of(&claim).as_deref(), expected, "{claim}");
        }
    }

    #[test]
    fn what_servers_could_read_in_two_ways_is_no_value() {
        for value in ["a", "", "a b", "urn:x;y=\"z\""] {
            assert!(is_header_value(value), "{value:?}");
        }
        for value in ["a\r\nx-admin: 1", "a\nb", "a\0", "\u{7f}", "é", " a", "a ", "\ta"] {
            assert!(!is_header_value(value), "{value:?}");
        }
        assert!(is_header_value(&"a".repeat(LONGEST)));
        assert!(!is_header_value(&"a".repeat(LONGEST + 1)));
    }
}
