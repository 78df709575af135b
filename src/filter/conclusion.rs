//! The one place where every request ends: what was decided is told, and done.

use std::time::Duration;

use log::{Level, debug, error, log_enabled};

use super::raises::Fired;
use super::route::Selected;
use super::shown::Shown;
use super::{End, Filter};
use crate::challenge::{self, Response};
use crate::decision::{Credentials, Failure, FailureKind};
use crate::host::{Host, RequestId};
use crate::policy::Mode;
use crate::report::{Record, Verdict};
use crate::request::Headers;
use crate::token::{self, Evidence};

/// What is known of a request when it ends.
#[derive(Clone, Copy)]
pub(super) struct Known<'k> {
    pub(super) request: RequestId,
    /// Its headers, but those that the client has no say in.
    pub(super) headers: &'k Headers,
    /// The names of those.
    pub(super) forged: &'k [String],
    /// The policies for it, where they could be told.
    pub(super) selected: Option<&'k Selected<'k>>,
    pub(super) shown: Option<&'k Shown>,
    pub(super) fired: Option<&'k Fired<'k>>,
}

impl<'k> Known<'k> {
    /// What is known of every request.
    pub(super) const fn of(request: RequestId, headers: &'k Headers, forged: &'k [String]) -> Self {
        Self { request, headers, forged, selected: None, shown: None, fired: None }
    }

    pub(super) fn evidence(&self) -> Option<&'k Evidence> {
        match self.shown.map(|shown| &shown.credentials) {
            Some(Credentials::Verified(evidence)) => Some(evidence),
            _ => None,
        }
    }
}

impl Filter {
    /// Ends a request: tells what was decided, and does it, unless that is only to be told.
    /// `response` is the answer that it calls for.
    pub(super) fn conclude(
        &self,
        known: &Known<'_>,
        verdict: Verdict<'_>,
        response: Option<Response>,
        host: &dyn Host,
    ) -> End {
        let mode = self.mode(known.selected);
        let status = response.as_ref().map(|response| response.status);
        if let (Some(response), Mode::Enforce) = (response, mode) {
            self.tell(known, mode, verdict, status, host);
            return End::Answer(response);
        }
        if let Err(name) = self.tell_upstream(known, host) {
            return self.refuse(known, &name, host);
        }
        self.tell(known, mode, verdict, status, host);
        let tokens = &self.policies.tokens;
        if !tokens.forward {
            token::withhold(known.headers, &tokens.places, host);
        }
        self.await_response(known.request);
        End::Continue
    }

    /// Ends a request over which nothing can be decided.
    pub(super) fn fail(&self, known: &Known<'_>, failure: &Failure, host: &dyn Host) -> End {
        let response = challenge::failure(failure.kind);
        self.conclude(known, Verdict::Failed(failure), Some(response), host)
    }

    /// The same for one of which nothing is known any more: it has waited in vain.
    pub(super) fn fail_late(&self, request: RequestId, failure: &Failure, host: &dyn Host) -> End {
        let (headers, forged) = self.without_forged(host.request_headers());
        let selected = self.select_policies(&headers, host).ok();
        let known = Known::of(request, &headers, &forged);
        let known = Known { selected: selected.as_ref(), ..known };
        self.fail(&known, failure, host)
    }

    /// Refuses a request, in any mode, that would go on with a header that was to be removed.
    pub(super) fn refuse(&self, known: &Known<'_>, name: &str, host: &dyn Host) -> End {
        let message = format!("the proxy did not remove the header {name:?}");
        if self.told.borrow_mut().is_new(&message) {
            error!("{message}; such requests are answered with 500");
        }
        let failure = Failure::new(FailureKind::Misconfigured, message);
        let response = challenge::failure(failure.kind);
        let verdict = Verdict::Failed(&failure);
        self.tell(known, Mode::Enforce, verdict, Some(response.status), host);
        End::Answer(response)
    }

    /// Whether what is decided is done. Of several policies, either all are enforced or none is.
    pub(super) fn mode(&self, selected: Option<&Selected<'_>>) -> Mode {
        let is_shadow =
            |selected: &Selected<'_>| selected.iter().all(|policy| policy.mode == Mode::Shadow);
        if self.policies.mode == Mode::Shadow || selected.is_some_and(is_shadow) {
            Mode::Shadow
        } else {
            Mode::Enforce
        }
    }

    /// Tells the operator.
    fn tell(
        &self,
        known: &Known<'_>,
        mode: Mode,
        verdict: Verdict<'_>,
        status: Option<u16>,
        host: &dyn Host,
    ) {
        let policy = known.selected.and_then(|selected| selected.iter().next());
        self.metrics.decided(policy, mode, verdict.reason());
        let is_logged = self.audit.logs(verdict.reason().outcome());
        let is_state = self.audit.has_filter_state();
        if !is_logged && !is_state && !log_enabled!(Level::Debug) {
            return;
        }
        let evidence = known.evidence();
        let policies = known.selected.iter().flat_map(|selected| selected.iter());
        let demands = policies.clone().filter_map(|policy| policy.demand.as_ref());
        let raised = known.fired.iter().flat_map(|fired| fired.demands.iter().copied());
        let record = Record {
            headers: known.headers,
            now: host.now(),
            configuration: &self.policies.version,
            selected_by: known.selected.map(Selected::by),
            demands: demands.chain(raised).collect(),
            policies: policies.collect(),
            mode,
            verdict,
            status,
            raises: known.fired.map_or(&[], |fired| &fired.told),
            evidence,
            subject: evidence.and_then(|evidence| self.audit.subject(evidence)),
            levels: &self.policies.levels,
        };
        debug!("{record}");
        if is_logged {
            host.audit(&record.to_json());
        }
        if is_state {
            tell_access_log(&record, host);
        }
    }
}

/// Leaves what was decided where the proxy's access log finds it.
fn tell_access_log(record: &Record<'_>, host: &dyn Host) {
    let reason = record.verdict.reason();
    let policy = record.policies.first().map_or("", |policy| &policy.name);
    host.set_filter_state("stepup_decision", reason.outcome().as_str());
    host.set_filter_state("stepup_reason", reason.as_str());
    host.set_filter_state("stepup_mode", record.mode.as_str());
    host.set_filter_state("stepup_policy", policy);
    if let Some(level) = record.level() {
        host.set_filter_state("stepup_level", level);
    }
    if let Some(age) = record.age() {
        host.set_filter_state("stepup_age", &age.as_secs().to_string());
    }
    if let Some(subject) = &record.subject {
        host.set_filter_state("stepup_subject", subject);
    }
}

/// What a request is told that has waited in vain.
pub(super) fn waited_in_vain(longest: Duration) -> Failure {
    Failure::unavailable(longest, "what it waits for has not come in time")
}
