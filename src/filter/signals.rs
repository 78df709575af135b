//! What requests and responses tell of those who send them.

use super::Filter;
use super::route::Selected;
use super::shown::Shown;
use crate::condition::{Facts, Family, Variable};
use crate::decision::Credentials;
use crate::host::{Host, RequestId};
use crate::request::Headers;

/// What signals need of a request until there is a response: the proxy does not show it then.
#[derive(Debug)]
pub(super) struct Awaited {
    /// Those of its headers that they read.
    headers: Headers,
    /// Whether it went on to the upstream.
    went_on: bool,
}

impl Filter {
    /// Keeps what signals read of a request's headers until there is a response.
    pub(super) fn keep_for_response(&self, request: RequestId, headers: &Headers) {
        if self.signals.look_at_responses() {
            let is_kept = |name: &[u8]| name.starts_with(b":") || self.signals.read_header(name);
            let kept = headers.iter().filter(|(name, _)| is_kept(name));
            let kept = kept
                .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()));
            let headers = Headers::new(kept.collect());
            self.for_responses.borrow_mut().insert(request, Awaited { headers, went_on: false });
        }
    }

    /// Takes note that a request goes on to the upstream.
    pub(super) fn await_response(&self, request: RequestId) {
        if let Some(awaited) = self.for_responses.borrow_mut().get_mut(&request) {
            awaited.went_on = true;
        }
    }

    /// Counts a request whose client left before the response, where it could have been one to count:
    /// the upstream may have acted upon it.
    pub(super) fn count_without_response(&self, request: RequestId, host: &dyn Host) {
        if self.signals.look_at_responses()
            && let Some(awaited) = self.for_responses.borrow_mut().remove(&request)
            && awaited.went_on
        {
            self.signals.count(&self.bare_facts(&awaited.headers, host));
        }
    }

    /// Counts a response, where a signal asks for that.
    pub fn on_response_headers(&self, host: &dyn Host, request: RequestId) {
        // One whose headers were not kept never came here, and was answered by the proxy itself.
        let awaited = self.for_responses.borrow_mut().remove(&request);
        if let Some(Awaited { headers, .. }) = awaited {
            let response = host.response_headers();
            let facts = Facts { response: Some(&response), ..self.bare_facts(&headers, host) };
            self.signals.count(&facts);
        }
    }

    /// Remembers what a request brings that goes on with a good token, for the signals that its
    /// policies read: who passes a policy that asks for less makes nothing known.
    pub(super) fn see(
        &self,
        selected: &Selected<'_>,
        shown: &Shown,
        headers: &Headers,
        host: &dyn Host,
    ) {
        if let Credentials::Verified(evidence) = &shown.credentials
            && self.signals.look_at_requests()
        {
            let facts = Facts { evidence: Some(evidence), ..self.bare_facts(headers, host) };
            let raises = || selected.iter().flat_map(|policy| &policy.raises);
            self.signals.see(&facts, |name| {
                raises().flat_map(|raise| raise.when.reads()).any(|variable| {
                    matches!(variable, Variable::Member(Family::Signals, own) if **own == *name)
                })
            });
        }
    }

    /// Lets a signal tell this from now on: for the command, which has seen nothing.
    ///
    /// # Errors
    /// A sentence that says what the signal tells.
    #[cfg(not(target_family = "wasm"))]
    pub fn pretend(&mut self, signal: &str, told: &serde_json::Value) -> Result<(), String> {
        self.signals.pretend(signal, told)
    }

    /// What is known of every request.
    pub(super) fn bare_facts<'f>(&'f self, headers: &'f Headers, host: &'f dyn Host) -> Facts<'f> {
        Facts {
            headers,
            encoded_slashes: self.policies.encoded_slashes,
            body: None,
            evidence: None,
            levels: &self.policies.levels,
            response: None,
            feeds: &self.feeds,
            signals: &self.signals,
            host,
        }
    }
}
