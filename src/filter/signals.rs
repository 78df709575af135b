//! What requests and responses tell of those who send them.

use super::Filter;
use super::shown::Shown;
use crate::condition::Facts;
use crate::decision::Credentials;
use crate::host::Host;
use crate::request::Headers;

impl Filter {
    /// Counts a response, where a signal asks for that.
    pub fn on_response_headers(&self, host: &dyn Host) {
        if self.signals.look_at_responses() {
            let (headers, response) = (host.request_headers(), host.response_headers());
            let facts = Facts { response: Some(&response), ..self.bare_facts(&headers, host) };
            self.signals.count(&facts);
        }
    }

    /// Remembers what a request brings that goes on with a good token.
    pub(super) fn see(&self, shown: &Shown, headers: &Headers, host: &dyn Host) {
        if let Credentials::Verified(evidence) = &shown.credentials
            && self.signals.look_at_requests()
        {
            let facts = Facts { evidence: Some(evidence), ..self.bare_facts(headers, host) };
            self.signals.see(&facts);
        }
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
